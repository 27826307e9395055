/* A stand-in for a board: tasks by name, a clock, a small heap that calls the hooks, a small
 * collector. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void fake_task(const char *name); /* NULL: the scheduler does not run; "isr": inside an interrupt */
void fake_clock(uint64_t microseconds);
int fake_locks_held(void);

void gc_init(void *start, void *end);
void *gc_alloc(size_t bytes, unsigned flags);
void *gc_realloc(void *old, size_t bytes, bool move);
void gc_free(void *old);
void gc_collect(void);
size_t gc_nbytes(const void *pointer);
extern void *fake_roots[8];

/* MicroPython's collector functions over hs_gc: link this in place of the original's.
 *
 * Firmware goes on including its own py/gc.h; the names and signatures here are the same, so
 * nothing else of it changes. Compile with HS_GC_VERSION (the release whose behaviour is wanted,
 * see gc.h), HS_GC_AREAS and HS_GC_FINALISER as the firmware is configured, and leave gc_cycle.c
 * out: the port's gc_collect() takes its place.
 *
 * There is one instance. All addresses are plain pointers, so the target has 32 bits. The functions
 * are as reentrant as the originals: a finaliser may call any of them (allocation then gives NULL);
 * an interrupt may lock and unlock; several threads may call with HS_MP_MUTEX.
 */
#ifndef HS_PORT_MICROPYTHON_GC_H
#define HS_PORT_MICROPYTHON_GC_H

#include "micropython_hooks.h"

typedef struct _gc_info_t {
    size_t total;
    size_t used;
    size_t free;
    size_t max_free;
    size_t num_1block;
    size_t num_2block;
    size_t max_block;
#if HS_GC_AREAS == 2
    size_t max_new_split;
#endif
} gc_info_t;

enum { GC_ALLOC_FLAG_HAS_FINALISER = 1 };

void gc_init(void *start, void *end);
#if HS_GC_AREAS
void gc_add(void *start, void *end);
#endif
void gc_lock(void);
void gc_unlock(void);
bool gc_is_locked(void);

void gc_collect(void); /* the port's, called by an allocation that finds no room */
void gc_collect_start(void);
void gc_collect_root(void **ptrs, size_t len);
void gc_collect_end(void);
void gc_sweep_all(void);

void *gc_alloc(size_t n_bytes, unsigned int alloc_flags);
void gc_free(void *ptr);
size_t gc_nbytes(const void *ptr);
void *gc_realloc(void *ptr, size_t n_bytes, bool allow_move);

void gc_info(gc_info_t *info);
void gc_dump_info(const struct _mp_print_t *print);
void gc_dump_alloc_table(const struct _mp_print_t *print);

#endif

/* Capture of the heap on a device: ESP-IDF's heap hooks and MicroPython's collector, as text lines
 * for `heapsim trace import`. The lines are described in the README of the folder above. */
#ifndef HS_CAPTURE_H
#define HS_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Takes one line, with its line end, of at most HS_CAPTURE_LINE bytes. Called from
 * hs_capture_drain() only. */
typedef void (*hs_capture_write)(const char *line, size_t length, void *argument);

enum { HS_CAPTURE_LINE = 160 };

/* Starts to record into a ring of CONFIG_HS_CAPTURE_EVENTS events (static memory). Registers the
 * callback for failed allocations. The hooks themselves are linked in; before this call they return
 * at once. */
void hs_capture_start(void);

/* Writes what the ring holds; gives the number of events written. Any one task, at any time; not
 * from an interrupt. What the writing itself allocates is recorded like everything else. */
size_t hs_capture_drain(hs_capture_write write, void *argument);

/* Stops recording and writes the rest and the `end` line. */
void hs_capture_stop(hs_capture_write write, void *argument);

/* What follows belongs to this phase; record all metrics here. The text must stay (a literal). */
void hs_capture_phase(const char *name);
void hs_capture_mark(const char *name);

/* For hooks only: what gc_hooks.c says. `a` to `c` as in the line's fields, in that order. */
enum hs_capture_op {
    HS_OP_BEGIN,
    HS_OP_ALLOC,
    HS_OP_ALIGNED,
    HS_OP_FREE,
    HS_OP_REALLOC,
    HS_OP_FAILED,
    HS_OP_GC_ALLOC,
    HS_OP_GC_REALLOC,
    HS_OP_GC_FREE,
    HS_OP_GC_INIT,
    HS_OP_GC_ADD,
    HS_OP_GC_COLLECT,
    HS_OP_GC_LIVE,
    HS_OP_GC_END,
    HS_OP_PHASE,
    HS_OP_MARK,
    HS_OP_END
};
bool hs_capture_running(void);
void hs_capture_event(enum hs_capture_op op, uintptr_t a, uintptr_t b, uintptr_t c, uintptr_t d);

#ifdef __cplusplus
}
#endif

#endif

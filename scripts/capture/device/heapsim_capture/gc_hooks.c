/* MicroPython's collector, recorded by link-time wrap. Calls inside of the collector's own file are
 * not seen, so each call of the program is one event, whatever it does inside. Not with link-time
 * optimisation, which joins the files. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hs_capture.h"

enum { BLOCK = 16, RANGES = 8, NEAR = 65536 };

/* Where objects were seen: each stretch of memory is one area or a part of one. */
static struct {
    uintptr_t low, high;
} range[RANGES];
static int ranges;
static unsigned depth;
static bool collecting;

void *__real_gc_alloc(size_t bytes, unsigned flags);
void *__real_gc_realloc(void *old, size_t bytes, bool move);
void __real_gc_free(void *old);
void __real_gc_init(void *start, void *end);
void __real_gc_add(void *start, void *end) __attribute__((weak)); /* split heaps only */
void __real_gc_collect(void);
size_t gc_nbytes(const void *pointer);
void *__wrap_gc_alloc(size_t bytes, unsigned flags);
void *__wrap_gc_realloc(void *old, size_t bytes, bool move);
void __wrap_gc_free(void *old);
void __wrap_gc_init(void *start, void *end);
void __wrap_gc_add(void *start, void *end);
void __wrap_gc_collect(void);

static void note(const void *pointer, size_t bytes)
{
    const uintptr_t low = (uintptr_t)pointer,
                    high = low + ((bytes + BLOCK - 1) & ~(size_t)(BLOCK - 1));
    if (!pointer) {
        return;
    }
    for (int i = 0; i < ranges; i++) {
        if (low + NEAR >= range[i].low && low <= range[i].high + NEAR) {
            range[i].low = low < range[i].low ? low : range[i].low;
            range[i].high = high > range[i].high ? high : range[i].high;
            return;
        }
    }
    if (ranges < RANGES) {
        range[ranges].low = low;
        range[ranges++].high = high;
    }
}

/* The objects of 64 blocks; gc_nbytes is 0 for everything that is not the start of an object. */
static unsigned report_window(uintptr_t from, uintptr_t end)
{
    uint32_t bits[2] = {0, 0};
    unsigned count = 0;
    for (unsigned i = 0; i < 64 && from + i * BLOCK < end; i++) {
        if (gc_nbytes((const void *)(from + i * BLOCK)) > 0) {
            bits[i / 32] |= UINT32_C(1) << i % 32;
            count++;
        }
    }
    if (count > 0) {
        hs_capture_event(HS_OP_GC_LIVE, from, bits[0], bits[1], 0);
    }
    return count;
}

void __wrap_gc_collect(void)
{
    unsigned live = 0;
    if (!hs_capture_running() || collecting) {
        __real_gc_collect();
        return;
    }
    hs_capture_event(HS_OP_GC_COLLECT, depth > 0, 0, 0, 0);
    collecting = true; /* what finalisers free is seen by its absence */
    __real_gc_collect();
    collecting = false;
    for (int i = 0; i < ranges; i++) {
        for (uintptr_t from = range[i].low; from < range[i].high; from += 64 * BLOCK) {
            live += report_window(from, range[i].high);
        }
    }
    hs_capture_event(HS_OP_GC_END, live, 0, 0, 0);
}

void *__wrap_gc_alloc(size_t bytes, unsigned flags)
{
    depth++;
    void *result = __real_gc_alloc(bytes, flags);
    depth--;
    note(result, bytes);
    if (!collecting && bytes > 0) {
        hs_capture_event(HS_OP_GC_ALLOC, (uintptr_t)result, bytes, flags & 1, 0);
    }
    return result;
}

void *__wrap_gc_realloc(void *old, size_t bytes, bool move)
{
    const uintptr_t before = (uintptr_t)old;
    depth++;
    void *result = __real_gc_realloc(old, bytes, move);
    depth--;
    note(result, bytes);
    if (!collecting) {
        hs_capture_event(HS_OP_GC_REALLOC, before, bytes, (uintptr_t)result, move);
    }
    return result;
}

void __wrap_gc_free(void *old)
{
    if (old && !collecting) {
        hs_capture_event(HS_OP_GC_FREE, (uintptr_t)old, 0, 0, 0);
    }
    __real_gc_free(old);
}

void __wrap_gc_init(void *start, void *end)
{
    ranges = 0; /* a soft reset starts anew */
    hs_capture_event(HS_OP_GC_INIT, (uintptr_t)start, (uintptr_t)end, 0, 0);
    __real_gc_init(start, end);
}

void __wrap_gc_add(void *start, void *end)
{
    hs_capture_event(HS_OP_GC_ADD, (uintptr_t)start, (uintptr_t)end, 0, 0);
    __real_gc_add(start, end);
}

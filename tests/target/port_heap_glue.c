/* The RTOS and the heap_caps that stand above the adapter. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "port/idf_multi_heap.h"

bool hs_port_register(hs_device *device, hs_heap *heap, hs_addr base, uint32_t size);
multi_heap_handle_t hs_port_handle(hs_device *device, const hs_heap *heap);
void hs_port_info(hs_device *device, const hs_heap *heap, hs_heap_info *info);
void hs_port_set_minimum(hs_device *device, const hs_heap *heap, uint32_t minimum);
bool hs_port_walk(hs_device *device, const hs_heap *heap, hs_heap_visit visit, void *context);

static hs_device *board; /* whose call is under way */
static multi_heap_handle_t handles[HS_PORT_HEAPS];
static size_t handle_count;
static int lock_word; /* the lock of every heap; its value is the depth */

static void check(bool good, const char *what)
{
    if (!good) {
        printf("adapter: %s\n", what);
        exit(3);
    }
}

/* --- what the adapter calls --- */

static void lock(void *which)
{
    check(which == &lock_word, "another lock than that of the heap");
    ++lock_word;
}

static void unlock(void *which)
{
    check(which == &lock_word && --lock_word >= 0, "a lock that is not held is given back");
}

static void print(const char *text)
{
    fputs(text, stdout);
}

static void crash(enum hs_crash reason, void *at)
{
    check(lock_word == 1, "a crash outside the lock");
    if (board != NULL) {
        hs_device_crash(board, reason, hs_addr_of(at));
    }
}

const hs_idf_hooks hs_idf_port = {lock, unlock, print, crash};

/* --- what heap_caps calls --- */

bool hs_port_register(hs_device *device, hs_heap *heap, hs_addr base, uint32_t size)
{
    board = device;
    memset(heap, 0, sizeof *heap);
    multi_heap_handle_t handle = multi_heap_register(hs_at(NULL, base), size);
    if (handle == NULL) {
        return false;
    }
    multi_heap_set_lock(handle, &lock_word);
    memcpy(heap, handle, sizeof *heap); /* its first member */
    for (size_t i = 0; i < handle_count; ++i) {
        if (handles[i] == handle) {
            return true;
        }
    }
    check(handle_count < HS_PORT_HEAPS, "more heaps than there is room for");
    handles[handle_count++] = handle;
    return true;
}

multi_heap_handle_t hs_port_handle(hs_device *device, const hs_heap *heap)
{
    board = device != NULL ? device : board;
    check(lock_word == 0, "a lock is held between two calls");
    for (size_t i = handle_count; i-- != 0;) {
        if (((const hs_heap *)(const void *)handles[i])->base == heap->base) {
            return handles[i];
        }
    }
    check(false, "a heap that was never registered");
    return NULL;
}

void hs_port_info(hs_device *device, const hs_heap *heap, hs_heap_info *info)
{
    multi_heap_info_t now;
    multi_heap_get_info(hs_port_handle(device, heap), &now);
    *info = (hs_heap_info){.free = now.total_free_bytes,
                           .allocated = now.total_allocated_bytes,
                           .largest = now.largest_free_block,
                           .minimum = now.minimum_free_bytes,
                           .allocated_blocks = now.allocated_blocks,
                           .free_blocks = now.free_blocks,
                           .total_blocks = now.total_blocks};
}

/* What heap_caps sets is either lower than the minimum or the present free bytes. */
void hs_port_set_minimum(hs_device *device, const hs_heap *heap, uint32_t minimum)
{
    multi_heap_handle_t handle = hs_port_handle(device, heap);
    size_t before = multi_heap_minimum_free_size(handle);
    if (minimum < before) {
        multi_heap_restore_minimum_free_bytes(handle, before);
        multi_heap_restore_minimum_free_bytes(handle, minimum);
    } else {
        check(multi_heap_reset_minimum_free_bytes(handle) == before, "another minimum is given");
    }
    check(multi_heap_minimum_free_size(handle) == minimum, "the minimum is not what was set");
}

typedef struct walk {
    hs_heap_visit visit;
    void *context;
    bool ended;
} walk;

static bool visit_block(void *block, size_t size, int used, void *user_data)
{
    walk *w = user_data;
    check(lock_word == 1, "a walk without the lock");
    w->ended = !w->visit(w->context, hs_addr_of(block), size, used != 0);
    return !w->ended;
}

bool hs_port_walk(hs_device *device, const hs_heap *heap, hs_heap_visit visit, void *context)
{
    walk w = {visit, context, false};
    multi_heap_walk(hs_port_handle(device, heap), visit_block, &w);
    return !w.ended;
}

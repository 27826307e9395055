/* ESP-IDF's multi_heap functions over hs_heap: link this in place of the original's.
 *
 * Firmware goes on including its own multi_heap.h; the names and signatures here are the same. What
 * is compiled in is one release (HS_PORT_IDF_RELEASE) for one chip. All addresses are plain
 * pointers, so the target has 32 bits. Each heap is its owner's lock away from every thread, as in
 * the original: allocation, freeing, realloc, information, walks and checks hold it; the free-bytes
 * counters are read without.
 */
#ifndef HS_PORT_IDF_MULTI_HEAP_H
#define HS_PORT_IDF_MULTI_HEAP_H

#include <stdbool.h>
#include <stddef.h>

#include "idf_hooks.h"

#ifndef HS_PORT_IDF_RELEASE
#define HS_PORT_IDF_RELEASE "v5.2"
#endif
#ifndef HS_PORT_HEAPS
#define HS_PORT_HEAPS 16 /* heaps that can be registered, 68 bytes of RAM each */
#endif
#ifndef HS_PORT_FIXED_POOL
#define HS_PORT_FIXED_POOL 0x20000 /* v4.3 to v4.4.3: the chip's largest pool; esp32 internal */
#endif
#ifndef HS_PORT_POISONED
#define HS_PORT_POISONED 0 /* light poisoning */
#endif

typedef struct multi_heap_info *multi_heap_handle_t;

typedef struct {
    size_t total_free_bytes;
    size_t total_allocated_bytes;
    size_t largest_free_block;
    size_t minimum_free_bytes;
    size_t allocated_blocks;
    size_t free_blocks;
    size_t total_blocks;
} multi_heap_info_t;

/* False ends the walk. */
typedef bool (*multi_heap_walker_cb_t)(void *block_ptr, size_t block_size, int block_used,
                                       void *user_data);

/* NULL: too small for a heap, no room for another one (HS_PORT_HEAPS), or an allocator or poisoning
 * that is not compiled in. Not for two threads at once. */
multi_heap_handle_t multi_heap_register(void *start, size_t size);
void multi_heap_set_lock(multi_heap_handle_t heap, void *lock);

void *multi_heap_malloc(multi_heap_handle_t heap, size_t size);
void multi_heap_free(multi_heap_handle_t heap, void *p);
void *multi_heap_realloc(multi_heap_handle_t heap, void *p, size_t size);
void *multi_heap_aligned_alloc(multi_heap_handle_t heap, size_t size, size_t alignment);
/* `offset`, a multiple of 4: the block + offset is aligned. What heap_caps calls from v5.0 on. */
void *multi_heap_aligned_alloc_offs(multi_heap_handle_t heap, size_t size, size_t alignment,
                                    size_t offset);
void multi_heap_aligned_free(multi_heap_handle_t heap, void *p);
size_t multi_heap_get_allocated_size(multi_heap_handle_t heap, void *p);

size_t multi_heap_free_size(multi_heap_handle_t heap);
size_t multi_heap_minimum_free_size(multi_heap_handle_t heap);
/* The local minimum of heap_caps (v5.3 on): the minimum starts anew from the present value, and the
 * old one is given; later the lower of both is put back. */
size_t multi_heap_reset_minimum_free_bytes(multi_heap_handle_t heap);
void multi_heap_restore_minimum_free_bytes(multi_heap_handle_t heap, size_t minimum);
void multi_heap_get_info(multi_heap_handle_t heap, multi_heap_info_t *info);
bool multi_heap_check(multi_heap_handle_t heap, bool print_errors);
void multi_heap_dump(multi_heap_handle_t heap);
void multi_heap_walk(multi_heap_handle_t heap, multi_heap_walker_cb_t walker_func, void *user_data);

#endif

/* ESP-IDF's multi_heap functions over hs_heap: link this in place of the original's.
 *
 * Firmware goes on including its own header; the names and signatures here are the same. What is
 * compiled in is one release (HS_PORT_IDF_RELEASE) for one chip. All addresses are plain pointers,
 * so the target has 32 bits. Each heap is its owner's lock away from every thread, as in the
 * original: allocation, freeing, realloc, information, walks and checks hold it; the free-bytes
 * counters are read without.
 */
#ifndef HS_PORT_IDF_MULTI_HEAP_H
#define HS_PORT_IDF_MULTI_HEAP_H

#include <stdbool.h>
#include <stddef.h>

#include "../multi_heap.h"

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

/* What belongs to the RTOS. The firmware defines the table. */
typedef struct hs_idf_hooks {
    /* Take and give what multi_heap_set_lock() was told; never called with NULL. Recursive. */
    void (*lock)(void *lock);
    void (*unlock)(void *lock);
    /* A piece of text of a dump or of a failed check. */
    void (*print)(const char *text);
    /* The original's assertions: a block that is none, corrupt memory. Does not return. */
    void (*crash)(enum hs_crash reason, void *at);
} hs_idf_hooks;
extern const hs_idf_hooks hs_idf_port;

/* --- the original's names ---------------------------------------------------------------------*/

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

multi_heap_handle_t multi_heap_register(void *start, size_t size);
void multi_heap_set_lock(multi_heap_handle_t heap, void *lock);

void *multi_heap_malloc(multi_heap_handle_t heap, size_t size);
void multi_heap_free(multi_heap_handle_t heap, void *p);
void *multi_heap_realloc(multi_heap_handle_t heap, void *p, size_t size);
void *multi_heap_aligned_alloc(multi_heap_handle_t heap, size_t size, size_t alignment);
void multi_heap_aligned_free(multi_heap_handle_t heap, void *p);
size_t multi_heap_get_allocated_size(multi_heap_handle_t heap, void *p);

size_t multi_heap_free_size(multi_heap_handle_t heap);
size_t multi_heap_minimum_free_size(multi_heap_handle_t heap);
void multi_heap_get_info(multi_heap_handle_t heap, multi_heap_info_t *info);
bool multi_heap_check(multi_heap_handle_t heap, bool print_errors);
void multi_heap_dump(multi_heap_handle_t heap);
void multi_heap_walk(multi_heap_handle_t heap, multi_heap_walker_cb_t walker_func, void *user_data);

#endif

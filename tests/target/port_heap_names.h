/* heap_caps and golden_idf.c on the adapter: each call of a heap becomes the call that ESP-IDF's
 * heap_caps makes. The vectors are those of the original. */
#ifndef HS_PORT_HEAP_NAMES_H
#define HS_PORT_HEAP_NAMES_H

#include "port/idf_multi_heap.h"
#ifdef HS_PORT_INPUT
#include "target_io.h"
#endif

bool hs_port_register(hs_device *device, hs_heap *heap, hs_addr base, uint32_t size);
multi_heap_handle_t hs_port_handle(hs_device *device, const hs_heap *heap);
void hs_port_info(hs_device *device, const hs_heap *heap, hs_heap_info *info);
void hs_port_set_minimum(hs_device *device, const hs_heap *heap, uint32_t minimum);
bool hs_port_walk(hs_device *device, const hs_heap *heap, hs_heap_visit visit, void *context);

static inline void *hs_port_at(hs_addr a)
{
    return a == 0 ? NULL : hs_at(NULL, a);
}

static inline hs_addr hs_port_of(const void *p)
{
    return p == NULL ? 0 : hs_addr_of(p);
}

#define hs_heap_register(device, heap, profile, base, size, pool, poisoned)                        \
    ((void)(pool), hs_port_register(device, heap, base, size))
#define hs_heap_malloc(device, heap, size)                                                         \
    hs_port_of(multi_heap_malloc(hs_port_handle(device, heap), size))
#define hs_heap_aligned(device, heap, size, align)                                                 \
    hs_port_of(multi_heap_aligned_alloc(hs_port_handle(device, heap), size, align))
#define hs_heap_realloc(device, heap, block, size)                                                 \
    hs_port_of(multi_heap_realloc(hs_port_handle(device, heap), hs_port_at(block), size))
#define hs_heap_free(device, heap, block)                                                          \
    multi_heap_free(hs_port_handle(device, heap), hs_port_at(block))
#define hs_heap_usable(device, heap, block)                                                        \
    (uint32_t) multi_heap_get_allocated_size(hs_port_handle(device, heap), hs_port_at(block))
#define hs_heap_free_size(device, heap) (uint32_t) multi_heap_free_size(hs_port_handle(NULL, heap))
#define hs_heap_minimum(device, heap)                                                              \
    (uint32_t) multi_heap_minimum_free_size(hs_port_handle(NULL, heap))
#define hs_heap_set_minimum(device, heap, minimum) hs_port_set_minimum(device, heap, minimum)
#define hs_heap_check(device, heap)                multi_heap_check(hs_port_handle(device, heap), true)
#define hs_heap_get_info(device, heap, info)       hs_port_info(device, heap, info)
#define hs_heap_walk(device, heap, visit, context) hs_port_walk(device, heap, visit, context)

#endif

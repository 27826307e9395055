/* The address-ordered best-fit free list of IDF v3.0 to v4.2 over device memory.
 *
 * Internal to the device: multi_heap.h is the way in. Addresses of blocks are data addresses.
 */
#ifndef HS_DEVICE_LIST_HEAP_H
#define HS_DEVICE_LIST_HEAP_H

#include "multi_heap.h"

bool hs_list_register(hs_device *device, hs_heap *heap, hs_addr base, uint32_t size);
hs_addr hs_list_malloc(hs_device *device, const hs_heap *heap, uint32_t size);
hs_addr hs_list_realloc(hs_device *device, const hs_heap *heap, hs_addr block, uint32_t size);
void hs_list_free(hs_device *device, const hs_heap *heap, hs_addr block);
uint32_t hs_list_usable(hs_device *device, const hs_heap *heap, hs_addr block);
/* The largest free block's data bytes. O(free blocks). */
uint32_t hs_list_largest(hs_device *device, const hs_heap *heap);
bool hs_list_walk(hs_device *device, const hs_heap *heap, hs_heap_visit visit, void *context);
bool hs_list_check(hs_device *device, const hs_heap *heap);
bool hs_list_claim(hs_device *device, const hs_heap *heap, hs_addr block, uint32_t size);

#endif

/* Two-level segregated fit over device memory, as IDF v4.3 and later use it.
 *
 * Internal to the device: multi_heap.h is the way in. Addresses of blocks are data addresses.
 */
#ifndef HS_DEVICE_TLSF_H
#define HS_DEVICE_TLSF_H

#include "multi_heap.h"

/* Lays out record, control block and the one free block; false when the region is too small. */
bool hs_tlsf_register(hs_device *device, hs_heap *heap, const hs_idf_profile *profile, hs_addr base,
                      uint32_t size, uint32_t fixed_pool);
hs_addr hs_tlsf_malloc(hs_device *device, const hs_heap *heap, uint32_t size);
/* `offset`: block + offset is what gets aligned; a multiple of 4. */
hs_addr hs_tlsf_aligned(hs_device *device, const hs_heap *heap, uint32_t size, uint32_t align,
                        uint32_t offset);
hs_addr hs_tlsf_realloc(hs_device *device, const hs_heap *heap, hs_addr block, uint32_t size);
void hs_tlsf_free(hs_device *device, const hs_heap *heap, hs_addr block);
uint32_t hs_tlsf_usable(hs_device *device, const hs_heap *heap, hs_addr block);
/* What the device prints for a largest free block of `size` bytes. */
uint32_t hs_tlsf_printed(const hs_heap *heap, uint32_t size);
/* The smallest size of the highest class that has free blocks, 0 when all memory is in use; by the
 * bitmaps. O(1). */
uint32_t hs_tlsf_bound(const hs_device *device, const hs_heap *heap);
/* As hs_heap_largest() and hs_heap_largest_exact(). */
uint32_t hs_tlsf_largest(hs_device *device, const hs_heap *heap);
uint32_t hs_tlsf_largest_exact(hs_device *device, const hs_heap *heap);
bool hs_tlsf_walk(hs_device *device, const hs_heap *heap, hs_heap_visit visit, void *context);
bool hs_tlsf_check(hs_device *device, const hs_heap *heap);
bool hs_tlsf_claim(hs_device *device, const hs_heap *heap, hs_addr block, uint32_t size);

#endif

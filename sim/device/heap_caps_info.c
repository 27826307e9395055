/* Questions about a board's heaps. */
#include "heap_caps.h"
#include "bits.h"
#include "memory.h"
#include "tlsf.h"

/* Registered heap number `i` of the list if it has all of `wanted`, else NULL. */
static const hs_caps_heap *matching(const hs_caps *caps, unsigned i, uint32_t wanted)
{
    const hs_caps_heap *heap = &caps->heaps[caps->order[i]];
    return heap->heap.base != 0 && (heap->all & wanted) == wanted ? heap : NULL;
}

void hs_caps_get_info(hs_caps *caps, hs_heap_info *info, uint32_t wanted)
{
    memset(info, 0, sizeof *info);
    for (unsigned i = 0; i < caps->listed && caps->device.crash == HS_CRASH_NONE; i++) {
        const hs_caps_heap *heap = matching(caps, i, wanted);
        if (heap == NULL) {
            continue;
        }
        hs_heap_info one;
        hs_heap_get_info(&caps->device, &heap->heap, &one);
        info->free += one.free;
        info->allocated += one.allocated;
        info->minimum += one.minimum;
        info->largest = one.largest > info->largest ? one.largest : info->largest;
        info->allocated_blocks += one.allocated_blocks;
        info->free_blocks += one.free_blocks;
        info->total_blocks += one.total_blocks;
    }
}

uint32_t hs_caps_total_size(const hs_caps *caps, uint32_t wanted)
{
    uint32_t total = 0;
    for (unsigned i = 0; i < caps->listed; i++) {
        const hs_caps_heap *heap = matching(caps, i, wanted);
        total += heap == NULL ? 0 : heap->end - heap->start;
    }
    return total;
}

uint32_t hs_caps_free_size(hs_caps *caps, uint32_t wanted)
{
    uint32_t total = 0;
    for (unsigned i = 0; i < caps->listed; i++) {
        const hs_caps_heap *heap = matching(caps, i, wanted);
        total += heap == NULL ? 0 : hs_heap_free_size(&caps->device, &heap->heap);
    }
    return total;
}

uint32_t hs_caps_minimum_free_size(hs_caps *caps, uint32_t wanted)
{
    uint32_t total = 0;
    for (unsigned i = 0; i < caps->listed; i++) {
        const hs_caps_heap *heap = matching(caps, i, wanted);
        total += heap == NULL ? 0 : hs_heap_minimum(&caps->device, &heap->heap);
    }
    return total;
}

uint32_t hs_caps_largest_free_block(hs_caps *caps, uint32_t wanted)
{
    uint32_t largest = 0;
    for (unsigned i = 0; i < caps->listed; i++) {
        const hs_caps_heap *heap = matching(caps, i, wanted);
        uint32_t one = heap == NULL ? 0 : hs_heap_largest(&caps->device, &heap->heap);
        largest = one > largest ? one : largest;
    }
    return largest;
}

uint32_t hs_caps_largest_exact(hs_caps *caps, uint32_t wanted)
{
    uint32_t largest = 0;
    for (unsigned i = 0; i < caps->listed; i++) {
        const hs_caps_heap *heap = matching(caps, i, wanted);
        uint32_t one = heap == NULL ? 0 : hs_heap_largest_exact(&caps->device, &heap->heap);
        largest = one > largest ? one : largest;
    }
    return largest;
}

static void find_largest(hs_caps_watch *watch)
{
    watch->largest = 0;
    for (uint32_t left = watch->heaps; left != 0; left &= left - 1) {
        uint32_t one = watch->of[hs_lowest_bit(left)];
        watch->largest = one > watch->largest ? one : watch->largest;
    }
}

/* Only when the heap that had the largest block lost it must the others be looked at again. */
void hs_caps_watch_update(hs_caps *caps, hs_caps_watch *watch)
{
    if (caps->device.crash != HS_CRASH_NONE) {
        return;
    }
    for (uint32_t changed = caps->changed & watch->heaps; changed != 0; changed &= changed - 1) {
        unsigned index = hs_lowest_bit(changed);
        const hs_caps_heap *heap = &caps->heaps[index];
        uint32_t before = watch->of[index];
        uint32_t now = heap->way > HS_CAPS_SLOW ? hs_tlsf_printed(&heap->heap, heap->top.bound)
                                                : hs_heap_largest(&caps->device, &heap->heap);
        watch->of[index] = now;
        if (now >= watch->largest) {
            watch->largest = now;
        } else if (before == watch->largest) {
            find_largest(watch);
        }
    }
}

void hs_caps_watch_start(hs_caps *caps, hs_caps_watch *watch)
{
    memset(watch, 0, sizeof *watch);
    for (unsigned i = 0; i < caps->listed; i++) {
        const hs_caps_heap *heap = matching(caps, i, HS_CAP_8BIT);
        if (heap != NULL) {
            watch->heaps |= 1u << caps->order[i];
            watch->of[caps->order[i]] = hs_heap_largest(&caps->device, &heap->heap);
        }
    }
    find_largest(watch);
    if (HS_CAPS_FAST) {
        hs_heap_info info;
        hs_caps_get_info(caps, &info, HS_CAP_8BIT);
        caps->allocated[1] = info.allocated;
    }
}

bool hs_caps_check(hs_caps *caps)
{
    for (unsigned i = 0; i < caps->listed; i++) {
        const hs_caps_heap *heap = &caps->heaps[caps->order[i]];
        if (heap->heap.base != 0 && !hs_heap_check(&caps->device, &heap->heap)) {
            return false;
        }
    }
    return true;
}

#include "heap_print.h"

#include <inttypes.h>

#include "device/memory.h"

static const hs_caps_heap *matching(const hs_caps *caps, unsigned i, uint32_t wanted)
{
    const hs_caps_heap *heap = &caps->heaps[caps->order[i]];
    return heap->heap.base != 0 && (heap->all & wanted) == wanted ? heap : NULL;
}

void hs_print_heap_info(FILE *out, hs_caps *caps, uint32_t wanted)
{
    hs_heap_info info;
    fprintf(out, "Heap summary for capabilities 0x%08" PRIx32 ":\n", wanted);
    for (unsigned i = 0; i < caps->listed; i++) {
        const hs_caps_heap *heap = matching(caps, i, wanted);
        if (heap == NULL) {
            continue;
        }
        hs_heap_get_info(&caps->device, &heap->heap, &info);
        fprintf(out,
                "  At 0x%08" PRIx32 " len %" PRIu32 " free %" PRIu32 " allocated %" PRIu32
                " min_free %" PRIu32 "\n    largest_free_block %" PRIu32 " alloc_blocks %" PRIu32
                " free_blocks %" PRIu32 " total_blocks %" PRIu32 "\n",
                heap->start, heap->end - heap->start, info.free, info.allocated, info.minimum,
                info.largest, info.allocated_blocks, info.free_blocks, info.total_blocks);
    }
    hs_caps_get_info(caps, &info, wanted);
    fprintf(out,
            "  Totals:\n    free %" PRIu32 " allocated %" PRIu32 " min_free %" PRIu32
            " largest_free_block %" PRIu32 "\n",
            info.free, info.allocated, info.minimum, info.largest);
}

static bool print_tlsf_block(void *context, hs_addr address, uint32_t size, bool used)
{
    fprintf(context, "Block 0x%" PRIx32 " data, size: %" PRIu32 " bytes, Free: %s \n", address,
            size, used ? "No" : "Yes");
    return true;
}

/* As %p prints it on a 32-bit host. */
static void print_pointer(FILE *out, const char *before, hs_addr address)
{
    if (address == 0) {
        fprintf(out, "%s(nil)", before);
    } else {
        fprintf(out, "%s0x%" PRIx32, before, address);
    }
}

/* One block of the list, the fake first and the last included; gives the next one, 0 at the end. */
static hs_addr print_list_block(FILE *out, const void *space, hs_addr block)
{
    uint32_t header = hs_load(space, block);
    hs_addr next = header & ~3u;
    fprintf(out, "Block 0x%" PRIx32 " data size 0x%08" PRIx32 " bytes", block,
            next == 0 ? 0 : next - block - 4);
    print_pointer(out, " next block ", next);
    if (header & 1) {
        print_pointer(out, " FREE. Next free ", hs_load(space, block + 4));
    }
    fputc('\n', out);
    return next;
}

static void print_list(FILE *out, const void *space, const hs_heap *heap)
{
    hs_addr first = heap->base + 16;
    fprintf(out, "Heap start 0x%" PRIx32 " end 0x%" PRIx32 "\nFirst free block 0x%" PRIx32 "\n",
            first, hs_load(space, heap->base + 12), hs_load(space, first + 4));
    hs_addr block = first;
    while (block >= first && block < heap->end) {
        block = print_list_block(out, space, block);
    }
}

void hs_print_heap_dump(FILE *out, hs_caps *caps, uint32_t wanted)
{
    for (unsigned i = 0; i < caps->listed; i++) {
        const hs_caps_heap *heap = matching(caps, i, wanted);
        if (heap == NULL) {
            continue;
        }
        if (heap->heap.allocator == HS_ALLOCATOR_LIST) {
            print_list(out, caps->device.space, &heap->heap);
        } else {
            fprintf(out, "Showing data for heap: 0x%" PRIx32 " \n", heap->start);
            hs_heap_walk(&caps->device, &heap->heap, print_tlsf_block, out);
        }
    }
}

/* Two-level segregated fit: classes by power of two (rows) and by equal parts of it (columns). */
#include "tlsf.h"

#include "tlsf_hot.h"

/* Only hs_caps keeps the top. */
hs_addr hs_tlsf_malloc(hs_device *device, const hs_heap *heap, uint32_t size)
{
    hs_addr data;
    uint32_t bytes;
    return tlsf_malloc(device, heap, heap->sl_log, size, NULL, &data, &bytes) ? data : 0;
}

void hs_tlsf_free(hs_device *device, const hs_heap *heap, hs_addr data)
{
    tlsf_free(device, heap, heap->sl_log, data, NULL);
}

hs_addr hs_tlsf_aligned(hs_device *device, const hs_heap *heap, uint32_t size, uint32_t align,
                        uint32_t offset)
{
    uint32_t want = adjusted(heap, size, 4);
    if (want == 0) {
        return 0;
    }
    uint32_t search = adjusted(heap, want + align + TLSF_BLOCK_HEADER, align);
    hs_addr block;
    uint32_t have;
    uint32_t flags = 0;
    if (search == 0 || !take(device, heap, heap->sl_log, search, NULL, &block, &have)) {
        return 0;
    }
    /* What lies between the block's data and the aligned address: nothing, or a free block, and the
     * offset. */
    uint32_t smallest = TLSF_BLOCK_HEADER + offset;
    hs_addr data = block + TLSF_DATA;
    hs_addr aligned = (data + align - 1) & ~(align - 1);
    uint32_t gap = aligned - data;
    if (gap + offset != 0 && gap < smallest) {
        uint32_t more = smallest - gap > align ? smallest - gap : align;
        gap = ((aligned + more + align - 1) & ~(align - 1)) - data;
    }
    gap -= gap == 0 ? 0 : offset;
    /* With an alignment near 2^32 the search size wraps: then the block stays where it is. */
    if (gap != 0 && gap + TLSF_BLOCK_HEADER <= have && is_block(heap, block + gap)) {
        block = split_front(device, heap, heap->sl_log, block, gap, NULL);
        have -= gap;
        flags = TLSF_PREVIOUS_FREE;
    }
    if (!use(device, heap, heap->sl_log, block, have, flags, &want, NULL)) {
        return 0;
    }
    account(device, heap, want + heap->header);
    return block + TLSF_DATA;
}

uint32_t hs_tlsf_usable(hs_device *device, const hs_heap *heap, hs_addr data)
{
    return live_size(device, heap, data - TLSF_DATA);
}

/* Cuts a live block to `size` and merges what falls off with a free block behind it. */
static void trim(hs_device *device, const hs_heap *heap, hs_addr block, uint32_t size)
{
    uint32_t *words = words_at(device, block);
    uint32_t have = size_of(words);
    if (have < size + TLSF_BLOCK_HEADER) {
        return;
    }
    hs_addr next = block + have + TLSF_HEADER;
    if ((words_at(device, next)[HEADER] & TLSF_FREE) != 0 &&
        !take_next(device, heap, heap->sl_log, &next, NULL)) {
        return;
    }
    words[HEADER] = size | (words[HEADER] & TLSF_PREVIOUS_FREE);
    block += size + TLSF_HEADER;
    release_tail(device, heap, heap->sl_log, block, next - block - TLSF_HEADER, NULL);
}

/* The counter's minimum does not see the moment when both blocks exist. */
static hs_addr move(hs_device *device, const hs_heap *heap, hs_addr data, uint32_t have,
                    uint32_t size)
{
    uint32_t bytes;
    hs_addr block;
    if (!place(device, heap, heap->sl_log, size, NULL, &block, &bytes)) {
        return 0;
    }
    hs_addr moved = block + TLSF_DATA;
    memcpy(hs_at(device->space, moved), hs_at(device->space, data), have < size ? have : size);
    hs_tlsf_free(device, heap, data);
    account(device, heap, bytes + heap->header);
    return moved;
}

/* Joins the free block behind a live one to it; false after a crash. */
static bool swallow(hs_device *device, const hs_heap *heap, uint32_t *words, hs_addr next)
{
    hs_addr block = next;
    if (!take_next(device, heap, heap->sl_log, &next, NULL)) {
        return false;
    }
    words[HEADER] += next - block;
    words_at(device, next)[HEADER] &= ~(uint32_t)TLSF_PREVIOUS_FREE;
    return true;
}

/* A realloc beyond the largest class: v4.3 and v4.4.0 to v4.4.3 take it for one to 0 bytes. */
hs_addr hs_tlsf_realloc(hs_device *device, const hs_heap *heap, hs_addr data, uint32_t size)
{
    hs_addr block = data - TLSF_DATA;
    uint32_t have = live_size(device, heap, block);
    uint32_t want = adjusted(heap, size, 4);
    if (have == 0 || (want == 0 && !heap->realloc_truncates)) {
        return 0;
    }
    uint32_t *words = words_at(device, block);
    if (want > have) {
        hs_addr next = block + have + TLSF_HEADER;
        const uint32_t *behind = words_at(device, next);
        if (!(behind[HEADER] & TLSF_FREE) || want > have + size_of(behind) + TLSF_HEADER) {
            return move(device, heap, data, have, size);
        }
        if (!swallow(device, heap, words, next)) {
            return 0;
        }
    }
    trim(device, heap, block, want);
    device->cut = device->cut || size_of(words) == 0;
    account(device, heap, size_of(words) - have);
    return device->crash == HS_CRASH_NONE ? data : 0;
}

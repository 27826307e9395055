/* Two-level segregated fit: classes by power of two (rows) and by equal parts of it (columns). */
#include "tlsf.h"

#include "tlsf_block.h"

/* A request in whole words, at least the minimum; 0 when it is 0 or beyond the largest class.
 * `align` >= 4: rounded to that; near 2^32 that wraps to 0, which then counts as the minimum. */
static inline uint32_t adjusted(const hs_heap *heap, uint32_t size, uint32_t align)
{
    uint32_t bytes = (size + (align - 1)) & ~(align - 1);
    if (size == 0 || bytes >= heap->limit || (bytes == 0 && align == 4)) {
        return 0;
    }
    return bytes < TLSF_MIN_DATA ? TLSF_MIN_DATA : bytes;
}

/* Unlinks and gives a block of at least `size` bytes: the head of the lowest class all of whose
 * blocks are large enough. 0: none. */
static inline hs_addr take(hs_device *device, const hs_heap *heap, uint32_t size)
{
    class_index index = class_of(heap, size + class_step(heap, size) - 1);
    if (index.row >= heap->row_count) {
        return 0;
    }
    uint32_t columns = *row_of(device, heap, index.row) & ~0u << index.column;
    if (columns == 0) {
        uint32_t rows = *words_at(device, heap->bitmap) & ~1u << index.row;
        if (rows == 0) {
            return 0;
        }
        index.row = hs_lowest_bit(rows);
        columns = index.row < heap->row_count ? *row_of(device, heap, index.row) : 0;
        if (columns == 0) {
            hs_device_crash(device, HS_CRASH_CORRUPT, heap->bitmap);
            return 0;
        }
    }
    index.column = hs_lowest_bit(columns);
    hs_addr block = *head_of(device, heap, index);
    if (!sound(device, heap, block)) {
        return 0;
    }
    hs_addr next = words_at(device, block)[NEXT_FREE];
    if (next != heap->control) {
        if (!sound(device, heap, next)) {
            return 0;
        }
        words_at(device, next)[PREVIOUS_FREE] = heap->control;
    }
    set_head(device, heap, index, next);
    return block;
}

/* A new used block, its bytes not yet taken off the counter; 0: no memory. */
static inline hs_addr place(hs_device *device, const hs_heap *heap, uint32_t size, uint32_t *taken)
{
    uint32_t want = adjusted(heap, size, 4);
    if (want == 0) {
        return 0;
    }
    if (heap->request_rounded) {
        uint32_t step = class_step(heap, want);
        want = (want + step - 1) & ~(step - 1);
    }
    hs_addr block = take(device, heap, want);
    if (block != 0) {
        *taken = use(device, heap, block, want) + heap->header;
    }
    return block;
}

hs_addr hs_tlsf_malloc(hs_device *device, const hs_heap *heap, uint32_t size)
{
    uint32_t taken;
    hs_addr block = place(device, heap, size, &taken);
    if (block == 0) {
        return 0;
    }
    account(device, heap, taken);
    return block + TLSF_DATA;
}

hs_addr hs_tlsf_aligned(hs_device *device, const hs_heap *heap, uint32_t size, uint32_t align,
                        uint32_t offset)
{
    uint32_t want = adjusted(heap, size, 4);
    if (want == 0) {
        return 0;
    }
    uint32_t search = adjusted(heap, want + align + TLSF_BLOCK_HEADER, align);
    hs_addr block = search == 0 ? 0 : take(device, heap, search);
    if (block == 0) {
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
    if (gap != 0 && gap + TLSF_BLOCK_HEADER <= size_of(words_at(device, block))) {
        block = split_front(device, heap, block, gap);
    }
    account(device, heap, use(device, heap, block, want) + heap->header);
    return block + TLSF_DATA;
}

/* A live block's bytes; 0 after a crash. */
static inline uint32_t live_size(hs_device *device, const hs_heap *heap, hs_addr block)
{
    if (is_block(heap, block)) {
        uint32_t header = words_at(device, block)[HEADER];
        uint32_t size = header & ~TLSF_FLAGS;
        hs_addr next = block + size + TLSF_HEADER;
        if (!(header & TLSF_FREE) && size != 0) {
            return next > block && sound(device, heap, next) ? size : 0;
        }
        if (size == 0 && device->cut) {
            hs_device_crash(device, HS_CRASH_CUT_BLOCK, block + TLSF_DATA);
        }
    }
    hs_device_crash(device, HS_CRASH_NOT_USED, block + TLSF_DATA);
    return 0;
}

uint32_t hs_tlsf_usable(hs_device *device, const hs_heap *heap, hs_addr data)
{
    return live_size(device, heap, data - TLSF_DATA);
}

/* Unlinks the free block in front of `block` and gives it; 0 after a crash. */
static inline hs_addr take_previous(hs_device *device, const hs_heap *heap, hs_addr block,
                                    const uint32_t *words)
{
    hs_addr previous = words[PREVIOUS];
    if (!sound(device, heap, previous)) {
        return 0;
    }
    const uint32_t *front = words_at(device, previous);
    if (!(front[HEADER] & TLSF_FREE) || previous + size_of(front) + TLSF_HEADER != block) {
        hs_device_crash(device, HS_CRASH_CORRUPT, block + TLSF_DATA);
        return 0;
    }
    unlink_block(device, heap, previous, front);
    return previous;
}

void hs_tlsf_free(hs_device *device, const hs_heap *heap, hs_addr data)
{
    hs_addr block = data - TLSF_DATA;
    uint32_t size = live_size(device, heap, block);
    if (size == 0) {
        return;
    }
    uint32_t freed = size + heap->header;
    hs_addr next = block + size + TLSF_HEADER;
    uint32_t *words = words_at(device, block);
    uint32_t *behind = words_at(device, next);
    if (words[HEADER] & TLSF_PREVIOUS_FREE) {
        block = take_previous(device, heap, block, words);
        if (block == 0) {
            return;
        }
        words = words_at(device, block);
    }
    if (behind[HEADER] & TLSF_FREE) {
        unlink_block(device, heap, next, behind);
        next += size_of(behind) + TLSF_HEADER;
        if (!sound(device, heap, next)) {
            return;
        }
        behind = words_at(device, next);
    }
    size = next - block - TLSF_HEADER;
    words[HEADER] = size | TLSF_FREE | (words[HEADER] & TLSF_PREVIOUS_FREE);
    behind[PREVIOUS] = block;
    behind[HEADER] |= TLSF_PREVIOUS_FREE;
    insert(device, heap, block, words, size);
    words_at(device, heap->base)[TLSF_RECORD_FREE / 4] += freed;
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
    const uint32_t *behind = words_at(device, next);
    uint32_t tail = have - size - TLSF_HEADER;
    if (behind[HEADER] & TLSF_FREE) {
        unlink_block(device, heap, next, behind);
        tail += size_of(behind) + TLSF_HEADER;
    }
    words[HEADER] = size | (words[HEADER] & TLSF_PREVIOUS_FREE);
    release_tail(device, heap, block + size + TLSF_HEADER, tail);
}

/* The counter's minimum does not see the moment when both blocks exist. */
static hs_addr move(hs_device *device, const hs_heap *heap, hs_addr data, uint32_t have,
                    uint32_t size)
{
    uint32_t taken;
    hs_addr block = place(device, heap, size, &taken);
    if (block == 0) {
        return 0;
    }
    hs_addr moved = block + TLSF_DATA;
    memcpy(hs_at(device->space, moved), hs_at(device->space, data), have < size ? have : size);
    hs_tlsf_free(device, heap, data);
    account(device, heap, taken);
    return moved;
}

/* Joins the free block behind a live one to it; false after a crash. */
static bool swallow(hs_device *device, const hs_heap *heap, uint32_t *words, hs_addr next)
{
    const uint32_t *behind = words_at(device, next);
    uint32_t more = size_of(behind) + TLSF_HEADER;
    if (!sound(device, heap, next + more)) {
        return false;
    }
    unlink_block(device, heap, next, behind);
    words[HEADER] += more;
    words_at(device, next + more)[HEADER] &= ~(uint32_t)TLSF_PREVIOUS_FREE;
    return device->crash == HS_CRASH_NONE;
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

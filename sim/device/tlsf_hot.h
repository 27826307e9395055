/* TLSF's malloc and free, to be inlined where they are hot; only for tlsf.c and heap_caps.c. */
#ifndef HS_DEVICE_TLSF_HOT_H
#define HS_DEVICE_TLSF_HOT_H

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

/* The class in which a search for `size` bytes ends: the lowest with blocks among those all of
 * whose blocks are large enough. False: none. */
static inline bool find_class(hs_device *device, const hs_heap *heap, uint32_t sl, uint32_t size,
                              const hs_heap_top *top, uint32_t *found)
{
    uint32_t shift = class_shift(sl, size);
    uint32_t number = class_number(sl, size + (1u << shift) - 1, shift);
    if (number > top->number) {
        return false;
    }
    uint32_t row = number >> sl;
    uint32_t columns = *row_of(device, heap, row) >> (number & ((1u << sl) - 1));
    if (columns == 0) {
        uint32_t rows = *words_at(device, heap->bitmap) & ~1u << row;
        if (rows == 0) {
            return false;
        }
        row = hs_lowest_bit(rows);
        columns = row < heap->row_count ? *row_of(device, heap, row) : 0;
        if (columns == 0) {
            hs_device_crash(device, HS_CRASH_CORRUPT, heap->bitmap);
            return false;
        }
        number = row << sl;
    }
    *found = number + hs_lowest_bit(columns);
    return true;
}

/* Unlinks and gives a block of at least `size` bytes; 0: none. */
static inline hs_addr take(hs_device *device, const hs_heap *heap, uint32_t sl, uint32_t size,
                           hs_heap_top *top)
{
    uint32_t number;
    if (!find_class(device, heap, sl, size, top, &number)) {
        return 0;
    }
    uint32_t *head = head_of(device, heap, number);
    hs_addr block = *head;
    if (!sound(device, heap, block)) {
        return 0;
    }
    hs_addr next = words_at(device, block)[NEXT_FREE];
    *head = next;
    if (next == heap->control) {
        empty_class(device, heap, sl, number, top);
    } else if (sound(device, heap, next)) {
        words_at(device, next)[PREVIOUS_FREE] = heap->control;
    } else {
        return 0;
    }
    return block;
}

/* A new used block, its bytes not yet taken off the counter; 0: no memory. */
static inline hs_addr place(hs_device *device, const hs_heap *heap, uint32_t sl, uint32_t size,
                            hs_heap_top *top, uint32_t *taken)
{
    uint32_t want = adjusted(heap, size, 4);
    if (want == 0) {
        return 0;
    }
    if (heap->request_rounded) {
        uint32_t step = class_step(sl, want);
        want = (want + step - 1) & ~(step - 1);
    }
    hs_addr block = take(device, heap, sl, want, top);
    if (block != 0) {
        *taken = use(device, heap, sl, block, want, top) + heap->header;
    }
    return block;
}

/* hs_tlsf_malloc(); `*top` is kept. */
static inline hs_addr tlsf_malloc(hs_device *device, const hs_heap *heap, uint32_t sl,
                                  uint32_t size, hs_heap_top *top)
{
    uint32_t taken;
    hs_addr block = place(device, heap, sl, size, top, &taken);
    if (block == 0) {
        return 0;
    }
    account(device, heap, taken);
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

/* Unlinks the free block in front of `block` and gives it; 0 after a crash. */
static inline hs_addr take_previous(hs_device *device, const hs_heap *heap, uint32_t sl,
                                    hs_addr block, const uint32_t *words, hs_heap_top *top)
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
    unlink_block(device, heap, sl, previous, front, top);
    return previous;
}

/* hs_tlsf_free(); `*top` is kept. */
static inline void tlsf_free(hs_device *device, const hs_heap *heap, uint32_t sl, hs_addr data,
                             hs_heap_top *top)
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
        block = take_previous(device, heap, sl, block, words, top);
        if (block == 0) {
            return;
        }
        words = words_at(device, block);
    }
    if (behind[HEADER] & TLSF_FREE) {
        unlink_block(device, heap, sl, next, behind, top);
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
    insert(device, heap, sl, block, words, size, top);
    words_at(device, heap->base)[TLSF_RECORD_FREE / 4] += freed;
}

#endif

/* TLSF's malloc and free, to be inlined where they are hot; only for tlsf.c and heap_caps.c. */
#ifndef HS_DEVICE_TLSF_HOT_H
#define HS_DEVICE_TLSF_HOT_H

#include "tlsf_block.h"

/* A request that is not 0 and not above the top's bound, in whole words, at least the minimum. */
static inline uint32_t rounded(uint32_t size)
{
    uint32_t bytes = (size + 3) & ~3u;
    return bytes < TLSF_MIN_DATA ? TLSF_MIN_DATA : bytes;
}

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
                              hs_heap_top *top, uint32_t *found)
{
    uint32_t shift = class_shift(sl, size);
    uint32_t number = class_number(sl, size - 1, shift) + 1;
    uint32_t row = number >> sl;
    if (top == NULL && row >= heap->row_count) { /* a size within the bound has a class */
        return false;
    }
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

/* Unlinks a block of at least `size` bytes, and gives its bytes. False: none. */
static inline bool take(hs_device *device, const hs_heap *heap, uint32_t sl, uint32_t size,
                        hs_heap_top *top, hs_addr *block, uint32_t *have)
{
    uint32_t number;
    if (!find_class(device, heap, sl, size, top, &number)) {
        return false;
    }
    uint32_t *head = head_of(device, heap, number);
    hs_addr taken = *head;
    if (!sound(device, heap, taken)) {
        return false;
    }
    const uint32_t *words = words_at(device, taken);
    hs_addr next = words[NEXT_FREE];
    hs_addr none = heap->control;
    *head = next;
    *block = taken;
    *have = size_of(words);
    if (__builtin_expect(next == none, true)) {
        empty_class(device, heap, sl, number, *have, top);
        return true;
    }
    if (!sound(device, heap, next)) {
        return false;
    }
    words_at(device, next)[PREVIOUS_FREE] = none;
    return true;
}

/* A new used block and its bytes, not yet taken off the counter. False: no memory. */
static inline bool place(hs_device *device, const hs_heap *heap, uint32_t sl, uint32_t size,
                         hs_heap_top *top, hs_addr *block, uint32_t *bytes)
{
    uint32_t want = top != NULL ? rounded(size) : adjusted(heap, size, 4);
    if (top == NULL && want == 0) {
        return false;
    }
    if (heap->request_rounded) {
        uint32_t step = class_step(sl, want);
        want = (want + step - 1) & ~(step - 1);
    }
    uint32_t have;
    *bytes = want;
    return take(device, heap, sl, want, top, block, &have) &&
           use(device, heap, sl, *block, have, 0, bytes, top);
}

/* hs_tlsf_malloc(): the new block's data and bytes; false: no memory. With `top` only for a request
 * that is not 0 and not above its bound. */
static inline bool tlsf_malloc(hs_device *device, const hs_heap *heap, uint32_t sl, uint32_t size,
                               hs_heap_top *top, hs_addr *data, uint32_t *bytes)
{
    hs_addr block;
    if (!place(device, heap, sl, size, top, &block, bytes)) {
        return false;
    }
    account(device, heap, *bytes + heap->header);
    *data = block + TLSF_DATA;
    return true;
}

/* A live block's bytes; 0 after a crash. */
static inline uint32_t live_size(hs_device *device, const hs_heap *heap, hs_addr block)
{
    if (is_block(heap, block)) {
        uint32_t header = words_at(device, block)[HEADER];
        uint32_t size = header & ~TLSF_FLAGS;
        if (__builtin_expect(!(header & TLSF_FREE) && size != 0, true)) {
            return ends_well(device, heap, block, size) ? size : 0;
        }
        if (size == 0 && device->cut) {
            hs_device_crash(device, HS_CRASH_CUT_BLOCK, block + TLSF_DATA);
        }
    }
    hs_device_crash(device, HS_CRASH_NOT_USED, block + TLSF_DATA);
    return 0;
}

/* Unlinks the free block in front of *block, which becomes that one. */
static inline bool take_previous(hs_device *device, const hs_heap *heap, uint32_t sl,
                                 hs_addr *block, hs_heap_top *top)
{
    hs_addr previous = words_at(device, *block)[PREVIOUS];
    if (!sound(device, heap, previous)) {
        return false;
    }
    uint32_t header = words_at(device, previous)[HEADER];
    uint32_t size = header & ~TLSF_FLAGS;
    if (!(header & TLSF_FREE) || previous + size + TLSF_HEADER != *block) {
        hs_device_crash(device, HS_CRASH_CORRUPT, *block + TLSF_DATA);
        return false;
    }
    *block = previous;
    return unlink_block(device, heap, sl, previous, size, top);
}

/* Unlinks the free block *next, which becomes the one behind it. */
static inline bool take_next(hs_device *device, const hs_heap *heap, uint32_t sl, hs_addr *next,
                             hs_heap_top *top)
{
    hs_addr block = *next;
    uint32_t size = size_of(words_at(device, block));
    *next = block + size + TLSF_HEADER;
    return sound(device, heap, *next) && unlink_block(device, heap, sl, block, size, top);
}

/* Could `data` be the address of a block's data? */
static inline bool tlsf_holds(const hs_heap *heap, hs_addr data)
{
    uint32_t offset = data - TLSF_DATA - heap->blocks;
    return (offset >> 2 | offset << 30) < heap->span;
}

/* hs_tlsf_free(); gives the bytes of the block that was live, 0 after a crash. */
static inline uint32_t tlsf_free(hs_device *device, const hs_heap *heap, uint32_t sl, hs_addr data,
                                 hs_heap_top *top)
{
    hs_addr block = data - TLSF_DATA;
    uint32_t freed = live_size(device, heap, block);
    if (freed == 0) {
        return 0;
    }
    hs_addr next = block + freed + TLSF_HEADER;
    if (((words_at(device, block)[HEADER] & TLSF_PREVIOUS_FREE) != 0 &&
         !take_previous(device, heap, sl, &block, top)) ||
        ((words_at(device, next)[HEADER] & TLSF_FREE) != 0 &&
         !take_next(device, heap, sl, &next, top))) {
        return 0;
    }
    uint32_t size = next - block - TLSF_HEADER;
    uint32_t *words = words_at(device, block);
    uint32_t *behind = words_at(device, next);
    words[HEADER] = size | TLSF_FREE; /* in front of it is no free block any more */
    behind[PREVIOUS] = block;
    behind[HEADER] |= TLSF_PREVIOUS_FREE;
    words_at(device, heap->base)[TLSF_RECORD_FREE / 4] += freed + heap->header;
    return insert(device, heap, sl, block, words, size, top) ? freed : 0;
}

#endif

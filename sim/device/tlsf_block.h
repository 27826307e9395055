/* TLSF's blocks, classes and lists in device memory; only for tlsf*.c.
 *
 * A block is named by the address of its descriptor, 8 below its data, as in the links on the
 * chip: word 0 belongs to the block before (where that one is free, it holds its descriptor), word
 * 1 is the header, words 2 and 3 are the links of a free block. Links and sizes are read from
 * device memory and never trusted: what would lead outside the heap is a crash of the device.
 */
#ifndef HS_DEVICE_TLSF_BLOCK_H
#define HS_DEVICE_TLSF_BLOCK_H

#include "bits.h"
#include "memory.h"
#include "tlsf.h"

enum {
    TLSF_FREE = 1,
    TLSF_PREVIOUS_FREE = 2,
    TLSF_HEADER = 4,        /* bytes in front of each block's data */
    TLSF_DATA = 8,          /* data address - descriptor address */
    TLSF_BLOCK_HEADER = 16, /* sizeof the chip's block_header_t; a remainder must be as large */
    TLSF_MIN_DATA = 12,
    TLSF_RECORD = 20, /* the multi_heap record */
    TLSF_RECORD_FREE = 4,
    TLSF_RECORD_MINIMUM = 8
};
#define TLSF_FLAGS 3u

enum { PREVIOUS, HEADER, NEXT_FREE, PREVIOUS_FREE }; /* words of a descriptor */

static inline uint32_t *words_at(const hs_device *device, hs_addr a)
{
    return hs_at_base(device->space, a);
}

static inline uint32_t size_of(const uint32_t *words)
{
    return words[HEADER] & ~TLSF_FLAGS;
}

/* Is `block` a block of this heap, or its sentinel? One rotation checks alignment and range. */
static inline bool is_block(const hs_heap *heap, hs_addr block)
{
    uint32_t offset = block - heap->blocks;
    return (offset >> 2 | offset << 30) <= heap->span;
}

static inline bool sound(hs_device *device, const hs_heap *heap, hs_addr block)
{
    if (__builtin_expect(is_block(heap, block), true)) {
        return true;
    }
    hs_device_crash(device, HS_CRASH_CORRUPT, block + TLSF_DATA);
    return false;
}

/* Classes are numbered through, row by row, as their list heads lie in memory: row 0 and row 1 both
 * have classes of 4 bytes, each further row doubles that. `sl` is heap->sl_log all through; where
 * it is a constant, half of the arithmetic goes away. */

/* Log2 of the bytes from one class to the next at `size`. */
static inline uint32_t class_shift(uint32_t sl, uint32_t size)
{
#ifndef HS_BIT_INSTRUCTIONS
    if (size >> 2 >> sl == 0) { /* spares a loop over bits */
        return 2;
    }
#endif
    return hs_highest_bit(size | 4u << sl) - sl;
}

/* The class whose smallest size is the first at or above `size` (a multiple of 1 << shift), where
 * shift is class_shift(size) or belongs to the row below. */
static inline uint32_t class_number(uint32_t sl, uint32_t size, uint32_t shift)
{
    return (size >> shift) + ((shift - 2) << sl);
}

/* The class that holds blocks of `size` bytes. */
static inline uint32_t class_of(uint32_t sl, uint32_t size)
{
    return class_number(sl, size, class_shift(sl, size));
}

/* The smallest size of a class. */
static inline uint32_t class_bound(uint32_t sl, uint32_t number)
{
    uint32_t row = number >> sl;
    return row == 0 ? number << 2 : (number - ((row - 1) << sl)) << (row + 1);
}

/* Bytes between the lower bounds of the class of `size` and of the next. */
static inline uint32_t class_step(uint32_t sl, uint32_t size)
{
    return 1u << class_shift(sl, size);
}

static inline uint32_t class_count(const hs_heap *heap, uint32_t sl)
{
    return (uint32_t)heap->row_count << sl;
}

static inline uint32_t column_bit(uint32_t sl, uint32_t number)
{
    return 1u << (number & ((1u << sl) - 1));
}

/* The second-level bitmap of a row. */
static inline uint32_t *row_of(const hs_device *device, const hs_heap *heap, uint32_t row)
{
    return words_at(device, heap->rows) + row;
}

/* The list head of a class. */
static inline uint32_t *head_of(const hs_device *device, const hs_heap *heap, uint32_t number)
{
    return words_at(device, heap->heads) + number;
}

static inline void move_top(hs_heap_top *top, uint32_t bound)
{
    top->bound = bound;
    top->moved = true;
}

/* In what follows `top` is NULL where nobody keeps one, and false means a crash. */

/* Lists a free block of `size` bytes at the head of its class. */
static inline bool insert(hs_device *device, const hs_heap *heap, uint32_t sl, hs_addr block,
                          uint32_t *words, uint32_t size, hs_heap_top *top)
{
    uint32_t shift = class_shift(sl, size);
    uint32_t number = class_number(sl, size, shift);
    uint32_t *head = head_of(device, heap, number);
    hs_addr none = heap->control;
    hs_addr old = *head;
    words[NEXT_FREE] = old;
    words[PREVIOUS_FREE] = none;
    *head = block;
    if (__builtin_expect(old != none, false)) {
        if (!sound(device, heap, old)) {
            return false;
        }
        words_at(device, old)[PREVIOUS_FREE] = block;
        return true;
    }
    *row_of(device, heap, number >> sl) |= column_bit(sl, number);
    *words_at(device, heap->bitmap) |= 1u << (number >> sl);
    if (HS_CAPS_FAST && top != NULL && __builtin_expect(size >= top->bound, false)) {
        move_top(top, size >> shift << shift);
    }
    return true;
}

/* Notes that a class, whose last block had `size` bytes, has none any more. Looking for the next
 * top is left to the owner: without that call all values stay in registers. */
static inline void empty_class(hs_device *device, const hs_heap *heap, uint32_t sl, uint32_t number,
                               uint32_t size, hs_heap_top *top)
{
    uint32_t *row = row_of(device, heap, number >> sl);
    *row &= hs_all_but(number & ((1u << sl) - 1));
    if (*row == 0) {
        *words_at(device, heap->bitmap) &= hs_all_but(number >> sl);
    }
    if (HS_CAPS_FAST && top != NULL && __builtin_expect(size >= top->bound, false)) {
        move_top(top, UINT32_MAX);
    }
}

/* Takes a free block of `size` bytes, which ends where another begins, off its list. */
static inline bool unlink_block(hs_device *device, const hs_heap *heap, uint32_t sl, hs_addr block,
                                uint32_t size, hs_heap_top *top)
{
    const uint32_t *words = words_at(device, block);
    hs_addr next = words[NEXT_FREE];
    hs_addr previous = words[PREVIOUS_FREE];
    hs_addr none = heap->control;
    if (__builtin_expect(next != none, false)) {
        if (!sound(device, heap, next)) {
            return false;
        }
        words_at(device, next)[PREVIOUS_FREE] = previous;
    }
    if (__builtin_expect(previous != none, false)) {
        if (!sound(device, heap, previous)) {
            return false;
        }
        words_at(device, previous)[NEXT_FREE] = next;
        return true;
    }
    uint32_t number = class_of(sl, size);
    uint32_t *head = head_of(device, heap, number);
    if (*head != block) {
        hs_device_crash(device, HS_CRASH_CORRUPT, block + TLSF_DATA);
        return false;
    }
    *head = next;
    if (next == none) {
        empty_class(device, heap, sl, number, size, top);
    }
    return true;
}

/* Does a block of `size` bytes end where another, or the sentinel, begins? */
static inline bool ends_well(hs_device *device, const hs_heap *heap, hs_addr block, uint32_t size)
{
    hs_addr next = block + size + TLSF_HEADER;
    return __builtin_expect(next > block, true) ? sound(device, heap, next)
                                                : sound(device, heap, 0);
}

/* Makes [block, block+size) free, behind a used block, and lists it. */
static inline bool release_tail(hs_device *device, const hs_heap *heap, uint32_t sl, hs_addr block,
                                uint32_t size, hs_heap_top *top)
{
    if (!ends_well(device, heap, block, size)) {
        return false;
    }
    uint32_t *words = words_at(device, block);
    uint32_t *behind = words_at(device, block + size + TLSF_HEADER);
    words[HEADER] = size | TLSF_FREE;
    behind[PREVIOUS] = block;
    behind[HEADER] |= TLSF_PREVIOUS_FREE;
    return insert(device, heap, sl, block, words, size, top);
}

/* Marks an unlinked block of `have` bytes as used, cut to *size where the rest can be a block;
 * *size becomes its bytes. `flags`: TLSF_PREVIOUS_FREE or 0. */
static inline bool use(hs_device *device, const hs_heap *heap, uint32_t sl, hs_addr block,
                       uint32_t have, uint32_t flags, uint32_t *size, hs_heap_top *top)
{
    uint32_t *words = words_at(device, block);
    if (have >= *size + TLSF_BLOCK_HEADER) {
        words[HEADER] = *size | flags;
        return release_tail(device, heap, sl, block + *size + TLSF_HEADER,
                            have - *size - TLSF_HEADER, top);
    }
    hs_addr next = block + have + TLSF_HEADER;
    if (!sound(device, heap, next)) {
        return false;
    }
    words[HEADER] = have | flags;
    words_at(device, next)[HEADER] &= ~(uint32_t)TLSF_PREVIOUS_FREE;
    *size = have;
    return true;
}

/* Cuts the first `gap` bytes, a header included, off an unlinked free block as a free block of
 * their own and gives what follows, still unlinked. */
static inline hs_addr split_front(hs_device *device, const hs_heap *heap, uint32_t sl,
                                  hs_addr block, uint32_t gap, hs_heap_top *top)
{
    uint32_t *words = words_at(device, block);
    uint32_t *rest = words_at(device, block + gap);
    rest[PREVIOUS] = block;
    rest[HEADER] = (words[HEADER] & ~TLSF_FLAGS) - gap;
    rest[HEADER] |= TLSF_FREE | TLSF_PREVIOUS_FREE;
    words[HEADER] = (gap - TLSF_HEADER) | (words[HEADER] & TLSF_FLAGS);
    insert(device, heap, sl, block, words, gap - TLSF_HEADER, top);
    return block + gap;
}

/* Takes `taken` bytes off the counter, and lowers the minimum where it has to. */
static inline void account(const hs_device *device, const hs_heap *heap, uint32_t taken)
{
    uint32_t *record = words_at(device, heap->base);
    uint32_t left = record[TLSF_RECORD_FREE / 4] - taken;
    record[TLSF_RECORD_FREE / 4] = left;
    if (left < record[TLSF_RECORD_MINIMUM / 4]) {
        record[TLSF_RECORD_MINIMUM / 4] = left;
    }
}

#endif

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

typedef struct class_index {
    uint32_t row;
    uint32_t column;
} class_index;

static inline uint32_t *words_at(const hs_device *device, hs_addr a)
{
    return hs_at(device->space, a);
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

/* The class that holds blocks of `size` bytes. */
static inline class_index class_of(const hs_heap *heap, uint32_t size)
{
    uint32_t sl_log = heap->sl_log;
    class_index index = {0, size >> 2};
    if (size >> 2 >> sl_log != 0) {
        uint32_t power = hs_highest_bit(size);
        index.column = (size >> (power - sl_log)) ^ (1u << sl_log);
        index.row = power - sl_log - 1;
    }
    return index;
}

/* Bytes between the lower bounds of the class of `size` and of the next; 4 in row 0. */
static inline uint32_t class_step(const hs_heap *heap, uint32_t size)
{
    return size >> 2 >> heap->sl_log != 0 ? 1u << (hs_highest_bit(size) - heap->sl_log) : 4;
}

static inline uint32_t *row_of(const hs_device *device, const hs_heap *heap, uint32_t row)
{
    return words_at(device, heap->rows) + row;
}

static inline uint32_t *head_of(const hs_device *device, const hs_heap *heap, class_index index)
{
    return words_at(device, heap->heads) + (index.row << heap->sl_log) + index.column;
}

/* Lists a free block of `size` bytes at the head of its class. */
static inline void insert(hs_device *device, const hs_heap *heap, hs_addr block, uint32_t *words,
                          uint32_t size)
{
    class_index index = class_of(heap, size);
    if (__builtin_expect(index.row >= heap->row_count, false)) {
        hs_device_crash(device, HS_CRASH_CORRUPT, block + TLSF_DATA);
        return;
    }
    uint32_t *head = head_of(device, heap, index);
    hs_addr old = *head;
    words[NEXT_FREE] = old;
    words[PREVIOUS_FREE] = heap->control;
    *head = block;
    if (old != heap->control) {
        if (sound(device, heap, old)) {
            words_at(device, old)[PREVIOUS_FREE] = block;
        }
        return;
    }
    *row_of(device, heap, index.row) |= 1u << index.column;
    *words_at(device, heap->bitmap) |= 1u << index.row;
}

/* Makes `next`, or nothing, the head of a class. */
static inline void set_head(hs_device *device, const hs_heap *heap, class_index index, hs_addr next)
{
    *head_of(device, heap, index) = next;
    if (next != heap->control) {
        return;
    }
    uint32_t *row = row_of(device, heap, index.row);
    *row &= ~(1u << index.column);
    if (*row == 0) {
        *words_at(device, heap->bitmap) &= ~(1u << index.row);
    }
}

/* Takes a free block off its list. */
static inline void unlink_block(hs_device *device, const hs_heap *heap, hs_addr block,
                                const uint32_t *words)
{
    hs_addr next = words[NEXT_FREE];
    hs_addr previous = words[PREVIOUS_FREE];
    if (next != heap->control) {
        if (!sound(device, heap, next)) {
            return;
        }
        words_at(device, next)[PREVIOUS_FREE] = previous;
    }
    if (previous != heap->control) {
        if (sound(device, heap, previous)) {
            words_at(device, previous)[NEXT_FREE] = next;
        }
        return;
    }
    class_index index = class_of(heap, size_of(words));
    if (index.row >= heap->row_count || *head_of(device, heap, index) != block) {
        hs_device_crash(device, HS_CRASH_CORRUPT, block + TLSF_DATA);
        return;
    }
    set_head(device, heap, index, next);
}

/* Makes [block, block+size) free, behind a used block, and lists it. */
static inline void release_tail(hs_device *device, const hs_heap *heap, hs_addr block,
                                uint32_t size)
{
    hs_addr next = block + size + TLSF_HEADER;
    if (!sound(device, heap, next) || !sound(device, heap, next > block ? block : 0)) {
        return;
    }
    uint32_t *words = words_at(device, block);
    uint32_t *behind = words_at(device, next);
    words[HEADER] = size | TLSF_FREE;
    behind[PREVIOUS] = block;
    behind[HEADER] |= TLSF_PREVIOUS_FREE;
    insert(device, heap, block, words, size);
}

/* Marks an unlinked block as used, cut to `size` where the rest can be a block; gives its bytes. */
static inline uint32_t use(hs_device *device, const hs_heap *heap, hs_addr block, uint32_t size)
{
    uint32_t *words = words_at(device, block);
    uint32_t header = words[HEADER];
    uint32_t have = header & ~TLSF_FLAGS;
    if (have >= size + TLSF_BLOCK_HEADER) {
        words[HEADER] = size | (header & TLSF_PREVIOUS_FREE);
        release_tail(device, heap, block + size + TLSF_HEADER, have - size - TLSF_HEADER);
        return size;
    }
    hs_addr next = block + have + TLSF_HEADER;
    if (sound(device, heap, next)) {
        words[HEADER] = header & ~(uint32_t)TLSF_FREE;
        words_at(device, next)[HEADER] &= ~(uint32_t)TLSF_PREVIOUS_FREE;
    }
    return have;
}

/* Cuts the first `gap` bytes, a header included, off an unlinked free block as a free block of
 * their own and gives what follows, still unlinked. */
static inline hs_addr split_front(hs_device *device, const hs_heap *heap, hs_addr block,
                                  uint32_t gap)
{
    uint32_t *words = words_at(device, block);
    uint32_t *rest = words_at(device, block + gap);
    rest[PREVIOUS] = block;
    rest[HEADER] = (words[HEADER] & ~TLSF_FLAGS) - gap;
    rest[HEADER] |= TLSF_FREE | TLSF_PREVIOUS_FREE;
    words[HEADER] = (gap - TLSF_HEADER) | (words[HEADER] & TLSF_FLAGS);
    insert(device, heap, block, words, gap - TLSF_HEADER);
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

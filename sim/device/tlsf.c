/* Two-level segregated fit: classes by power of two (rows) and by equal parts of it (columns).
 *
 * A block is named by its data address here. Its header is the word in front of the data; links
 * between blocks hold descriptor addresses, 8 below the data, as on the chip, where the
 * descriptor's first word is the last word of the block before.
 */
#include "tlsf.h"

#include <assert.h>

#include "memory.h"

enum {
    FREE = 1u,
    PREVIOUS_FREE = 2u,
    FLAGS = 3u,
    HEADER = 4,        /* in front of each block's data */
    DESCRIPTOR = 8,    /* data address - descriptor address */
    BLOCK_HEADER = 16, /* sizeof the chip's block_header_t; a remainder must be as large */
    MIN_DATA = 12,
    RECORD = 20, /* multi_heap record */
    RECORD_FREE = 4,
    RECORD_MINIMUM = 8,
    RECORD_POOL = 12,
    RECORD_TLSF = 16,
    NULL_BLOCK = 16, /* the control block starts with an empty block that ends every list */
    FIXED_SL_LOG = 5,
    FIXED_HEAD = NULL_BLOCK + 4,   /* first-level bitmap */
    REGION_HEAD = NULL_BLOCK + 20, /* shape, size, bitmap, address of rows, address of heads */
    LINK_NEXT = 0,                 /* in a free block's data */
    LINK_PREVIOUS = 4
};
static_assert(FIXED_HEAD + 4 * 12 + 4 * 12 * 32 == 1604, "control block of the ESP32, v4.4");
static_assert(RECORD + 1604 + 2 * HEADER == 1632, "region bytes that are not data, v4.4");

typedef struct class_index {
    uint32_t row;
    uint32_t column;
} class_index;

static inline uint32_t floor_log2(uint32_t x)
{
    return 31u - (uint32_t)__builtin_clz(x);
}

/* --- Links and sizes, never trusted ----------------------------------------------------------- */

/* Is `block` the data address of a block of this heap, or of its sentinel? One rotation checks
 * alignment and range together. */
static inline bool is_block(const hs_heap *heap, hs_addr block)
{
    uint32_t offset = block - HEADER - heap->first;
    uint32_t span = heap->end - HEADER - heap->first;
    return (offset >> 2 | offset << 30) <= span >> 2;
}

static inline uint32_t header_of(const void *space, hs_addr block)
{
    return hs_load(space, block - HEADER);
}

static inline void set_header(const void *space, hs_addr block, uint32_t header)
{
    hs_store(space, block - HEADER, header);
}

static inline uint32_t size_of(const void *space, hs_addr block)
{
    return header_of(space, block) & ~(uint32_t)FLAGS;
}

/* The block behind one of `size` bytes; 0 after a crash. */
static inline hs_addr next_block(hs_device *device, const hs_heap *heap, hs_addr block,
                                 uint32_t size)
{
    hs_addr next = block + size + HEADER;
    if (!is_block(heap, next) || next <= block) {
        hs_device_crash(device, HS_CRASH_CORRUPT, block);
        return 0;
    }
    return next;
}

/* The free block before `block`, whose header says that there is one; 0 after a crash. */
static inline hs_addr previous_block(hs_device *device, const hs_heap *heap, hs_addr block)
{
    hs_addr previous = hs_load(device->space, block - DESCRIPTOR) + DESCRIPTOR;
    if (!is_block(heap, previous) || !(header_of(device->space, previous) & FREE) ||
        previous + size_of(device->space, previous) + HEADER != block) {
        hs_device_crash(device, HS_CRASH_CORRUPT, block);
        return 0;
    }
    return previous;
}

/* --- Classes ---------------------------------------------------------------------------------- */

/* The class that holds blocks of `size` bytes. */
static inline class_index class_of(const hs_heap *heap, uint32_t size)
{
    uint32_t sl_log = heap->sl_log;
    class_index index = {0, size >> 2};
    if (size >= 4u << sl_log) {
        uint32_t power = floor_log2(size);
        index.column = (size >> (power - sl_log)) - (1u << sl_log);
        index.row = power - sl_log - 1;
    }
    return index;
}

/* Bytes between the lower bounds of the class of `size` and of the next; 4 in row 0. */
static inline uint32_t class_step(const hs_heap *heap, uint32_t size)
{
    return size >= 4u << heap->sl_log ? 1u << (floor_log2(size) - heap->sl_log) : 4;
}

/* The smallest size of a class. */
static inline uint32_t class_bound(const hs_heap *heap, uint32_t row, uint32_t column)
{
    return row == 0 ? column << 2 : ((1u << heap->sl_log) + column) << (row + 1);
}

static inline hs_addr row_address(const hs_heap *heap, uint32_t row)
{
    return heap->rows + (row << 2);
}

static inline hs_addr head_address(const hs_heap *heap, class_index index)
{
    return heap->heads + (((index.row << heap->sl_log) + index.column) << 2);
}

static inline hs_addr null_block(const hs_heap *heap)
{
    return heap->control + DESCRIPTOR;
}

static inline bool is_link(const hs_heap *heap, hs_addr block)
{
    return is_block(heap, block) || block == null_block(heap);
}

static inline void insert(hs_device *device, const hs_heap *heap, hs_addr block, uint32_t size)
{
    const void *space = device->space;
    class_index index = class_of(heap, size);
    if (index.row >= heap->row_count) {
        hs_device_crash(device, HS_CRASH_CORRUPT, block);
        return;
    }
    hs_addr head = head_address(heap, index);
    hs_addr row = row_address(heap, index.row);
    hs_addr old = hs_load(space, head) + DESCRIPTOR;
    if (!is_link(heap, old)) {
        hs_device_crash(device, HS_CRASH_CORRUPT, head);
        return;
    }
    hs_store(space, block + LINK_NEXT, old - DESCRIPTOR);
    hs_store(space, block + LINK_PREVIOUS, heap->control);
    hs_store(space, old + LINK_PREVIOUS, block - DESCRIPTOR);
    hs_store(space, head, block - DESCRIPTOR);
    hs_store(space, heap->bitmap, hs_load(space, heap->bitmap) | 1u << index.row);
    hs_store(space, row, hs_load(space, row) | 1u << index.column);
}

static inline void remove_from(hs_device *device, const hs_heap *heap, hs_addr block,
                               class_index index)
{
    const void *space = device->space;
    hs_addr next = hs_load(space, block + LINK_NEXT) + DESCRIPTOR;
    hs_addr previous = hs_load(space, block + LINK_PREVIOUS) + DESCRIPTOR;
    if (!is_link(heap, next) || !is_link(heap, previous)) {
        hs_device_crash(device, HS_CRASH_CORRUPT, block);
        return;
    }
    hs_store(space, next + LINK_PREVIOUS, previous - DESCRIPTOR);
    hs_store(space, previous + LINK_NEXT, next - DESCRIPTOR);
    hs_addr head = head_address(heap, index);
    if (hs_load(space, head) != block - DESCRIPTOR) {
        return;
    }
    hs_store(space, head, next - DESCRIPTOR);
    if (next == null_block(heap)) {
        hs_addr row = row_address(heap, index.row);
        uint32_t columns = hs_load(space, row) & ~(1u << index.column);
        hs_store(space, row, columns);
        if (columns == 0) {
            hs_store(space, heap->bitmap, hs_load(space, heap->bitmap) & ~(1u << index.row));
        }
    }
}

static inline void remove_block(hs_device *device, const hs_heap *heap, hs_addr block,
                                uint32_t size)
{
    class_index index = class_of(heap, size);
    if (index.row >= heap->row_count) {
        hs_device_crash(device, HS_CRASH_CORRUPT, block);
        return;
    }
    remove_from(device, heap, block, index);
}

/* Unlinks and gives a block of at least `size` bytes: the head of the lowest class all of whose
 * blocks are large enough. 0: none. */
static inline hs_addr take(hs_device *device, const hs_heap *heap, uint32_t size)
{
    const void *space = device->space;
    class_index index = class_of(heap, size + class_step(heap, size) - 1);
    if (index.row >= heap->row_count) {
        return 0;
    }
    uint32_t columns = hs_load(space, row_address(heap, index.row)) & ~0u << index.column;
    if (columns == 0) {
        uint32_t rows = hs_load(space, heap->bitmap) & ~1u << index.row;
        if (rows == 0) {
            return 0;
        }
        index.row = (uint32_t)__builtin_ctz(rows);
        columns = hs_load(space, row_address(heap, index.row));
    }
    if (columns == 0 || index.row >= heap->row_count) {
        hs_device_crash(device, HS_CRASH_CORRUPT, heap->bitmap);
        return 0;
    }
    index.column = (uint32_t)__builtin_ctz(columns);
    hs_addr block = hs_load(space, head_address(heap, index)) + DESCRIPTOR;
    if (!is_block(heap, block) || !(header_of(space, block) & FREE)) {
        hs_device_crash(device, HS_CRASH_CORRUPT, head_address(heap, index));
        return 0;
    }
    remove_from(device, heap, block, index);
    return block;
}

/* --- Cutting ---------------------------------------------------------------------------------- */

/* Makes [block, block+size) free, behind a used block, and lists it. */
static inline void release_tail(hs_device *device, const hs_heap *heap, hs_addr block,
                                uint32_t size)
{
    const void *space = device->space;
    hs_addr next = next_block(device, heap, block, size);
    if (next == 0) {
        return;
    }
    set_header(space, block, size | FREE);
    hs_store(space, next - DESCRIPTOR, block - DESCRIPTOR);
    set_header(space, next, header_of(space, next) | PREVIOUS_FREE);
    insert(device, heap, block, size);
}

/* Marks an unlinked block of `have` bytes as used, cut to `size` where the rest can be a block. */
static inline void use(hs_device *device, const hs_heap *heap, hs_addr block, uint32_t size)
{
    const void *space = device->space;
    uint32_t header = header_of(space, block);
    uint32_t have = header & ~(uint32_t)FLAGS;
    if (have >= size + BLOCK_HEADER) {
        set_header(space, block, size | (header & PREVIOUS_FREE));
        release_tail(device, heap, block + size + HEADER, have - size - HEADER);
        return;
    }
    hs_addr next = next_block(device, heap, block, have);
    if (next != 0) {
        set_header(space, block, header & ~(uint32_t)FREE);
        set_header(space, next, header_of(space, next) & ~(uint32_t)PREVIOUS_FREE);
    }
}

/* Cuts the first `gap` - 4 bytes off an unlinked free block as a free block of their own and gives
 * what follows, still unlinked. */
static hs_addr split_front(hs_device *device, const hs_heap *heap, hs_addr block, uint32_t gap)
{
    const void *space = device->space;
    uint32_t header = header_of(space, block);
    uint32_t front = gap - HEADER;
    hs_addr rest = block + gap;
    set_header(space, rest, ((header & ~(uint32_t)FLAGS) - gap) | FREE | PREVIOUS_FREE);
    hs_store(space, rest - DESCRIPTOR, block - DESCRIPTOR);
    set_header(space, block, front | (header & FLAGS));
    insert(device, heap, block, front);
    return rest;
}

/* --- Requests --------------------------------------------------------------------------------- */

/* A request in whole words, at least the minimum; 0 when it is 0 or beyond the largest class.
 * `align` >= 4: rounded to that. */
static inline uint32_t adjusted(const hs_heap *heap, uint32_t size, uint32_t align)
{
    if (size == 0) {
        return 0;
    }
    uint32_t words = (size + (align - 1)) & ~(align - 1);
    if (words >= heap->limit || (words == 0 && align == 4)) {
        return 0;
    }
    return words < MIN_DATA ? MIN_DATA : words;
}

hs_addr hs_tlsf_malloc(hs_device *device, const hs_heap *heap, uint32_t size)
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
        use(device, heap, block, want);
    }
    return block;
}

hs_addr hs_tlsf_aligned(hs_device *device, const hs_heap *heap, uint32_t size, uint32_t align,
                        uint32_t offset)
{
    uint32_t want = adjusted(heap, size, 4);
    if (want == 0) {
        return 0;
    }
    uint32_t search = adjusted(heap, want + align + BLOCK_HEADER, align);
    hs_addr block = search == 0 ? 0 : take(device, heap, search);
    if (block == 0) {
        return 0;
    }
    uint32_t smallest = BLOCK_HEADER + offset;
    hs_addr aligned = ((block + offset + align - 1) & ~(align - 1)) - offset;
    uint32_t gap = aligned - block;
    if (gap != 0 && gap < smallest) {
        uint32_t more = smallest - gap > align ? smallest - gap : align;
        aligned = ((aligned + more + offset + align - 1) & ~(align - 1)) - offset;
        gap = aligned - block;
    }
    /* With an alignment near 2^32 the search size wraps: then the block stays where it is. */
    if (gap != 0 && gap + BLOCK_HEADER <= size_of(device->space, block)) {
        block = split_front(device, heap, block, gap);
    }
    use(device, heap, block, want);
    return block;
}

/* A live block's bytes; 0 after a crash. */
static inline uint32_t live_size(hs_device *device, const hs_heap *heap, hs_addr block)
{
    if (!is_block(heap, block)) {
        hs_device_crash(device, HS_CRASH_NOT_USED, block);
        return 0;
    }
    uint32_t header = header_of(device->space, block);
    uint32_t size = header & ~(uint32_t)FLAGS;
    if (header & FREE) {
        hs_device_crash(device, HS_CRASH_NOT_USED, block);
        return 0;
    }
    if (size == 0) {
        hs_device_crash(device, device->cut ? HS_CRASH_CUT_BLOCK : HS_CRASH_NOT_USED, block);
        return 0;
    }
    return size;
}

uint32_t hs_tlsf_usable(hs_device *device, const hs_heap *heap, hs_addr block)
{
    return live_size(device, heap, block);
}

uint32_t hs_tlsf_free(hs_device *device, const hs_heap *heap, hs_addr block)
{
    const void *space = device->space;
    uint32_t freed = live_size(device, heap, block);
    uint32_t size = freed;
    hs_addr next = size == 0 ? 0 : next_block(device, heap, block, size);
    if (next == 0) {
        return 0;
    }
    uint32_t header = header_of(space, block);
    if (header & PREVIOUS_FREE) {
        hs_addr previous = previous_block(device, heap, block);
        if (previous == 0) {
            return 0;
        }
        header = header_of(space, previous);
        remove_block(device, heap, previous, header & ~(uint32_t)FLAGS);
        size += (header & ~(uint32_t)FLAGS) + HEADER;
        block = previous;
    }
    uint32_t behind = header_of(space, next);
    if (behind & FREE) {
        uint32_t more = behind & ~(uint32_t)FLAGS;
        remove_block(device, heap, next, more);
        size += more + HEADER;
        next = next_block(device, heap, block, size);
        if (next == 0) {
            return 0;
        }
        behind = header_of(space, next);
    }
    if (device->crash != HS_CRASH_NONE) {
        return 0;
    }
    set_header(space, block, size | FREE | (header & PREVIOUS_FREE));
    hs_store(space, next - DESCRIPTOR, block - DESCRIPTOR);
    set_header(space, next, behind | PREVIOUS_FREE);
    insert(device, heap, block, size);
    return freed;
}

/* Cuts a live block to `size` and merges what falls off with a free block behind it. */
static void trim(hs_device *device, const hs_heap *heap, hs_addr block, uint32_t size)
{
    const void *space = device->space;
    uint32_t header = header_of(space, block);
    uint32_t have = header & ~(uint32_t)FLAGS;
    if (have < size + BLOCK_HEADER) {
        return;
    }
    hs_addr next = next_block(device, heap, block, have);
    if (next == 0) {
        return;
    }
    uint32_t tail = have - size - HEADER;
    uint32_t behind = header_of(space, next);
    if (behind & FREE) {
        remove_block(device, heap, next, behind & ~(uint32_t)FLAGS);
        tail += (behind & ~(uint32_t)FLAGS) + HEADER;
    }
    if (device->crash == HS_CRASH_NONE) {
        set_header(space, block, size | (header & PREVIOUS_FREE));
        release_tail(device, heap, block + size + HEADER, tail);
    }
}

/* Joins the free block `next` of `more` bytes to the live block before it, now `size` bytes. */
static void swallow(hs_device *device, const hs_heap *heap, hs_addr block, hs_addr next,
                    uint32_t more, uint32_t size)
{
    const void *space = device->space;
    hs_addr behind = next_block(device, heap, block, size);
    remove_block(device, heap, next, more);
    if (device->crash == HS_CRASH_NONE) {
        set_header(space, block, size | (header_of(space, block) & PREVIOUS_FREE));
        set_header(space, behind, header_of(space, behind) & ~(uint32_t)PREVIOUS_FREE);
    }
}

static hs_addr move(hs_device *device, const hs_heap *heap, hs_addr block, uint32_t have,
                    uint32_t size)
{
    hs_addr moved = hs_tlsf_malloc(device, heap, size);
    if (moved != 0) {
        memcpy(hs_at(device->space, moved), hs_at(device->space, block), have < size ? have : size);
        hs_tlsf_free(device, heap, block);
    }
    return moved;
}

hs_addr hs_tlsf_realloc(hs_device *device, const hs_heap *heap, hs_addr block, uint32_t size)
{
    uint32_t have = live_size(device, heap, block);
    hs_addr next = have == 0 ? 0 : next_block(device, heap, block, have);
    if (next == 0) {
        return 0;
    }
    uint32_t want = adjusted(heap, size, 4);
    if (want == 0 && !heap->realloc_truncates) {
        return 0;
    }
    if (want > have) {
        uint32_t behind = header_of(device->space, next);
        uint32_t more = behind & ~(uint32_t)FLAGS;
        if (!(behind & FREE) || want > have + more + HEADER) {
            return move(device, heap, block, have, size);
        }
        swallow(device, heap, block, next, more, have + more + HEADER);
    }
    if (device->crash != HS_CRASH_NONE) {
        return 0;
    }
    trim(device, heap, block, want);
    device->cut = device->cut || size_of(device->space, block) == 0;
    return block;
}

/* --- Largest free block ----------------------------------------------------------------------- */

uint32_t hs_tlsf_printed(const hs_heap *heap, uint32_t size)
{
    if (size == 0) {
        return 0;
    }
    uint32_t power = 1u << floor_log2(size);
    switch (heap->largest) {
    case HS_LARGEST_POWER:
        return power;
    case HS_LARGEST_CLASS_ZERO:
        return power >> heap->sl_log == 0 ? 0 : size & ~((power >> heap->sl_log) - 1);
    default:
        return size & ~(class_step(heap, size) - 1);
    }
}

/* The highest class that has blocks; false when all memory is in use. */
static bool highest_class(const hs_device *device, const hs_heap *heap, class_index *index)
{
    uint32_t rows = hs_load(device->space, heap->bitmap);
    if (rows == 0) {
        return false;
    }
    index->row = floor_log2(rows);
    uint32_t columns = hs_load(device->space, row_address(heap, index->row));
    if (index->row >= heap->row_count || columns == 0) {
        return false;
    }
    index->column = floor_log2(columns);
    return true;
}

/* Every rounding maps all sizes of one class to one value, so the class's bound stands for them. */
uint32_t hs_tlsf_largest(hs_device *device, const hs_heap *heap)
{
    class_index index;
    if (!highest_class(device, heap, &index)) {
        return 0;
    }
    return hs_tlsf_printed(heap, class_bound(heap, index.row, index.column));
}

uint32_t hs_tlsf_largest_exact(hs_device *device, const hs_heap *heap)
{
    const void *space = device->space;
    class_index index;
    uint32_t largest = 0;
    if (!highest_class(device, heap, &index)) {
        return 0;
    }
    hs_addr block = hs_load(space, head_address(heap, index)) + DESCRIPTOR;
    while (is_block(heap, block)) {
        uint32_t size = size_of(space, block);
        if (size > largest) {
            largest = size;
        }
        block = hs_load(space, block + LINK_NEXT) + DESCRIPTOR;
    }
    return largest;
}

/* --- Whole heap ------------------------------------------------------------------------------- */

bool hs_tlsf_walk(hs_device *device, const hs_heap *heap, hs_heap_visit visit, void *context)
{
    hs_addr block = heap->first + HEADER;
    for (;;) {
        uint32_t header = header_of(device->space, block);
        uint32_t size = header & ~(uint32_t)FLAGS;
        if (size == 0) {
            return true;
        }
        if (!visit(context, block, size, !(header & FREE))) {
            return false;
        }
        hs_addr next = block + size + HEADER;
        if (next <= block || !is_block(heap, next)) {
            return false;
        }
        block = next;
    }
}

/* Free blocks on all lists, each in the class of its size and linked both ways; -1 when not. */
static int64_t count_listed(hs_device *device, const hs_heap *heap)
{
    const void *space = device->space;
    int64_t listed = 0;
    uint32_t limit = (heap->end - heap->first) / BLOCK_HEADER;
    for (class_index at = {0, 0}; at.row < heap->row_count; at.row++) {
        uint32_t columns = hs_load(space, row_address(heap, at.row));
        if ((columns != 0) != ((hs_load(space, heap->bitmap) >> at.row & 1) != 0)) {
            return -1;
        }
        for (at.column = 0; at.column < 1u << heap->sl_log; at.column++) {
            hs_addr block = hs_load(space, head_address(heap, at)) + DESCRIPTOR;
            hs_addr previous = heap->control;
            if ((columns >> at.column & 1) != (block != null_block(heap))) {
                return -1;
            }
            while (block != null_block(heap)) {
                if (!is_block(heap, block) || listed++ > limit) {
                    return -1;
                }
                class_index own = class_of(heap, size_of(space, block));
                if (own.row != at.row || own.column != at.column ||
                    !(header_of(space, block) & FREE) ||
                    hs_load(space, block + LINK_PREVIOUS) != previous) {
                    return -1;
                }
                previous = block - DESCRIPTOR;
                block = hs_load(space, block + LINK_NEXT) + DESCRIPTOR;
            }
        }
    }
    return listed;
}

bool hs_tlsf_check(hs_device *device, const hs_heap *heap)
{
    const void *space = device->space;
    int64_t free_blocks = 0;
    uint32_t counter = heap->pool - (heap->first - heap->control);
    uint32_t before = 0;
    hs_addr block = heap->first + HEADER;
    hs_addr previous = 0;
    for (;;) {
        uint32_t header = header_of(space, block);
        uint32_t size = header & ~(uint32_t)FLAGS;
        if (((header & PREVIOUS_FREE) != 0) != (before == FREE) ||
            (before == FREE && hs_load(space, block - DESCRIPTOR) != previous - DESCRIPTOR)) {
            return false;
        }
        if (size == 0) {
            break;
        }
        if (size < MIN_DATA || (before == FREE && (header & FREE)) ||
            !is_block(heap, block + size + HEADER) || block + size < block) {
            return false;
        }
        free_blocks += header & FREE;
        counter -= header & FREE ? 0 : size + heap->header;
        before = header & FREE;
        previous = block;
        block += size + HEADER;
    }
    bool sentinel = block == ((heap->end - heap->first) & ~3u) + heap->first;
    uint32_t counted = hs_load(space, heap->base + RECORD_FREE);
    return sentinel && !(header_of(space, block) & FREE) && counted == counter &&
           hs_load(space, heap->base + RECORD_MINIMUM) <= counted &&
           count_listed(device, heap) == free_blocks;
}

bool hs_tlsf_claim(hs_device *device, const hs_heap *heap, hs_addr block, uint32_t size)
{
    const void *space = device->space;
    hs_addr found = heap->first + HEADER;
    uint32_t have = size_of(space, found);
    while (have != 0 && found + have < block) {
        found = next_block(device, heap, found, have);
        have = found == 0 ? 0 : size_of(space, found);
    }
    uint32_t gap = block - found;
    if (have == 0 || found > block || !(header_of(space, found) & FREE) || size < MIN_DATA ||
        ((size | gap) & 3) != 0 || gap > have || size > have - gap) {
        return false;
    }
    uint32_t tail = have - gap - size;
    if ((gap != 0 && gap < BLOCK_HEADER) || (tail != 0 && tail < BLOCK_HEADER)) {
        return false;
    }
    remove_block(device, heap, found, have);
    if (gap != 0) {
        split_front(device, heap, found, gap);
    }
    use(device, heap, block, size);
    return device->crash == HS_CRASH_NONE;
}

/* --- Registration ----------------------------------------------------------------------------- */

typedef struct shape {
    uint32_t fl_max; /* sizes are below 2^fl_max */
    uint32_t sl_log;
    uint32_t rows;
    uint32_t head; /* bytes of the control block in front of the second-level bitmaps */
} shape;

static shape fixed_shape(uint32_t largest_pool)
{
    shape s = {18, FIXED_SL_LOG, 0, FIXED_HEAD};
    while (s.fl_max < 24 && 1u << s.fl_max < largest_pool) {
        s.fl_max++;
    }
    s.rows = s.fl_max - (FIXED_SL_LOG + 2) + 1;
    return s;
}

static shape region_shape(uint32_t pool)
{
    shape s = {floor_log2(pool) + 1, 5, 0, REGION_HEAD};
    if (pool <= 16 * 1024) {
        s.sl_log = 3;
    } else if (pool <= 256 * 1024) {
        s.sl_log = 4;
    }
    s.rows = s.fl_max - (s.sl_log + 2) + 1;
    return s;
}

static uint32_t control_size(const shape *s)
{
    return s->head + 4 * s->rows + (4 * s->rows << s->sl_log);
}

/* Whether the region can hold the control block and one block. The device's own bounds are a few
 * bytes lower and leave heaps without any block: those are refused too. */
static bool fits(uint32_t pool, bool per_region, shape *s, uint32_t fixed_pool)
{
    if (per_region) {
        if (pool < 36) {
            return false;
        }
        *s = region_shape(pool);
    } else {
        *s = fixed_shape(fixed_pool);
    }
    return pool >= control_size(s) + MIN_DATA + 2 * HEADER;
}

static void write_control(hs_device *device, const hs_heap *heap, const shape *s, uint32_t control)
{
    const void *space = device->space;
    memset(hs_at(space, heap->control), 0, control);
    hs_store(space, null_block(heap) + LINK_NEXT, heap->control);
    hs_store(space, null_block(heap) + LINK_PREVIOUS, heap->control);
    if (s->head == REGION_HEAD) {
        /* The chip's bit fields: rows:5, shift:3, fl_max:6, columns:6, sl_log:3, small block:8. */
        uint32_t columns = 1u << s->sl_log;
        hs_store(space, heap->control + NULL_BLOCK,
                 s->rows | (s->sl_log + 2) << 5 | s->fl_max << 8 | columns << 14 | s->sl_log << 20 |
                     (4 * columns & 0xff) << 23);
        hs_store(space, heap->control + NULL_BLOCK + 4, control);
        hs_store(space, heap->bitmap + 4, heap->rows);
        hs_store(space, heap->bitmap + 8, heap->heads);
    }
    for (hs_addr head = heap->heads; head < heap->first; head += 4) {
        hs_store(space, head, heap->control);
    }
}

bool hs_tlsf_register(hs_device *device, hs_heap *heap, const hs_idf_profile *profile, hs_addr base,
                      uint32_t size, uint32_t fixed_pool)
{
    const void *space = device->space;
    shape s;
    uint32_t pool = size - RECORD;
    if (size < RECORD || !fits(pool, profile->classes_per_region, &s, fixed_pool)) {
        return false;
    }
    uint32_t control = control_size(&s);
    heap->control = base + RECORD;
    heap->rows = heap->control + s.head;
    heap->bitmap = heap->control + (s.head == REGION_HEAD ? NULL_BLOCK + 8 : NULL_BLOCK);
    heap->heads = heap->rows + 4 * s.rows;
    heap->first = heap->control + control;
    heap->pool = pool;
    heap->limit = 1u << s.fl_max;
    heap->row_count = (uint8_t)s.rows;
    heap->sl_log = (uint8_t)s.sl_log;
    write_control(device, heap, &s, control);
    hs_store(space, base, 0);
    hs_store(space, base + RECORD_FREE, pool - control);
    hs_store(space, base + RECORD_MINIMUM, pool - control);
    hs_store(space, base + RECORD_POOL, pool);
    hs_store(space, base + RECORD_TLSF, heap->control);
    uint32_t data = (pool - control - 2 * HEADER) & ~3u;
    hs_addr block = heap->first + HEADER;
    set_header(space, block + data + HEADER, 0);
    release_tail(device, heap, block, data);
    return true;
}

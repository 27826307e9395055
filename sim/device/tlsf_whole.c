/* TLSF heaps as a whole: registration, the largest block, walk, check, claim. */

#include "tlsf.h"
#include "tlsf_block.h"

enum {
    RECORD_POOL = 12,
    RECORD_TLSF = 16,
    NULL_BLOCK = 16, /* the control block starts with an empty block that ends every list */
    FIXED_SL_LOG = 5,
    FIXED_HEAD = NULL_BLOCK + 4,  /* first-level bitmap */
    REGION_HEAD = NULL_BLOCK + 20 /* shape, size, bitmap, address of rows, address of heads */
};
_Static_assert(FIXED_HEAD + 4 * 12 + 4 * 12 * 32 == 1604, "control block of the ESP32, v4.4");
_Static_assert(TLSF_RECORD + 1604 + 2 * TLSF_HEADER == 1632, "bytes that are not data, v4.4");

/* --- Largest free block ----------------------------------------------------------------------- */

uint32_t hs_tlsf_printed(const hs_heap *heap, uint32_t size)
{
    if (size == 0) {
        return 0;
    }
    uint32_t power = 1u << hs_highest_bit(size);
    switch (heap->largest) {
    case HS_LARGEST_POWER:
        return power;
    case HS_LARGEST_CLASS_ZERO:
        return power >> heap->sl_log == 0 ? 0 : size & ~((power >> heap->sl_log) - 1);
    default:
        return size & ~(class_step(heap->sl_log, size) - 1);
    }
}

uint32_t hs_tlsf_bound(const hs_device *device, const hs_heap *heap)
{
    uint32_t rows = *words_at(device, heap->bitmap);
    uint32_t row = rows != 0 ? hs_highest_bit(rows) : 0;
    uint32_t columns = row < heap->row_count ? *row_of(device, heap, row) : 0;
    return columns == 0
               ? 0
               : class_bound(heap->sl_log, (row << heap->sl_log) + hs_highest_bit(columns));
}

/* Every rounding maps all sizes of one class to one value, so the class's bound stands for them. */
uint32_t hs_tlsf_largest(hs_device *device, const hs_heap *heap)
{
    return hs_tlsf_printed(heap, hs_tlsf_bound(device, heap));
}

uint32_t hs_tlsf_largest_exact(hs_device *device, const hs_heap *heap)
{
    uint32_t largest = 0;
    uint32_t top = class_of(heap->sl_log, hs_tlsf_bound(device, heap));
    hs_addr block = *head_of(device, heap, top);
    while (is_block(heap, block)) {
        const uint32_t *words = words_at(device, block);
        largest = size_of(words) > largest ? size_of(words) : largest;
        block = words[NEXT_FREE];
    }
    return largest;
}

/* --- Walk and check --------------------------------------------------------------------------- */

bool hs_tlsf_walk(hs_device *device, const hs_heap *heap, hs_heap_visit visit, void *context)
{
    hs_addr block = heap->blocks;
    for (;;) {
        const uint32_t *words = words_at(device, block);
        uint32_t size = size_of(words);
        if (size == 0) {
            return true;
        }
        if (!visit(context, block + TLSF_DATA, size, !(words[HEADER] & TLSF_FREE))) {
            return false;
        }
        hs_addr next = block + size + TLSF_HEADER;
        if (next <= block || !is_block(heap, next)) {
            return false;
        }
        block = next;
    }
}

/* Is the list of a class sound? Adds its blocks to *listed. A ring ends at its first link back. */
static bool check_class(const hs_device *device, const hs_heap *heap, uint32_t number,
                        uint32_t *listed)
{
    hs_addr block = *head_of(device, heap, number);
    hs_addr previous = heap->control;
    bool marked =
        (*row_of(device, heap, number >> heap->sl_log) & column_bit(heap->sl_log, number)) != 0;
    if (marked != (block != heap->control)) {
        return false;
    }
    while (block != heap->control) {
        if (!is_block(heap, block)) {
            return false;
        }
        ++*listed;
        const uint32_t *words = words_at(device, block);
        if (class_of(heap->sl_log, size_of(words)) != number || !(words[HEADER] & TLSF_FREE) ||
            words[PREVIOUS_FREE] != previous) {
            return false;
        }
        previous = block;
        block = words[NEXT_FREE];
    }
    return true;
}

static bool check_lists(const hs_device *device, const hs_heap *heap, uint32_t free_blocks)
{
    uint32_t listed = 0;
    for (uint32_t row = 0; row < heap->row_count; row++) {
        bool marked = (*words_at(device, heap->bitmap) >> row & 1) != 0;
        if (marked != (*row_of(device, heap, row) != 0)) {
            return false;
        }
    }
    for (uint32_t number = 0; number < class_count(heap, heap->sl_log); number++) {
        if (!check_class(device, heap, number, &listed)) {
            return false;
        }
    }
    return listed == free_blocks;
}

bool hs_tlsf_check(hs_device *device, const hs_heap *heap)
{
    const uint32_t *record = words_at(device, heap->base);
    uint32_t counter = heap->pool - (heap->first - heap->control);
    uint32_t free_blocks = 0;
    hs_addr block = heap->blocks;
    hs_addr previous = 0; /* the free block in front */
    const uint32_t *words = words_at(device, block);
    while (size_of(words) != 0) {
        uint32_t size = size_of(words);
        bool is_free = (words[HEADER] & TLSF_FREE) != 0;
        bool after_free = (words[HEADER] & TLSF_PREVIOUS_FREE) != 0;
        hs_addr next = block + size + TLSF_HEADER;
        if (size < TLSF_MIN_DATA || after_free != (previous != 0) || (is_free && after_free) ||
            (after_free && words[PREVIOUS] != previous) || next <= block || !is_block(heap, next)) {
            return false;
        }
        free_blocks += is_free;
        counter -= is_free ? 0 : size + heap->header;
        previous = is_free ? block : 0;
        block = next;
        words = words_at(device, block);
    }
    uint32_t expected = previous != 0 ? TLSF_PREVIOUS_FREE : 0;
    return block == heap->blocks + (heap->span << 2) && words[HEADER] == expected &&
           record[TLSF_RECORD_FREE / 4] == counter && record[TLSF_RECORD_MINIMUM / 4] <= counter &&
           check_lists(device, heap, free_blocks);
}

bool hs_tlsf_claim(hs_device *device, const hs_heap *heap, hs_addr data, uint32_t size)
{
    hs_addr wanted = data - TLSF_DATA;
    hs_addr block = heap->blocks;
    const uint32_t *words = words_at(device, block);
    while (size_of(words) != 0 && block + size_of(words) < wanted) {
        block += size_of(words) + TLSF_HEADER;
        if (!sound(device, heap, block)) {
            return false;
        }
        words = words_at(device, block);
    }
    uint32_t have = size_of(words);
    uint32_t gap = wanted - block;
    if (!(words[HEADER] & TLSF_FREE) || size < TLSF_MIN_DATA || ((size | gap) & 3) != 0 ||
        gap > have || size > have - gap) {
        return false;
    }
    uint32_t tail = have - gap - size;
    if ((gap != 0 && gap < TLSF_BLOCK_HEADER) || (tail != 0 && tail < TLSF_BLOCK_HEADER)) {
        return false;
    }
    if (!ends_well(device, heap, block, have) ||
        !unlink_block(device, heap, heap->sl_log, block, have, NULL)) {
        return false;
    }
    if (gap != 0) {
        split_front(device, heap, heap->sl_log, block, gap, NULL);
    }
    if (!use(device, heap, heap->sl_log, wanted, have - gap, gap != 0 ? TLSF_PREVIOUS_FREE : 0,
             &size, NULL)) {
        return false;
    }
    account(device, heap, size + heap->header);
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
    shape s = {hs_highest_bit(pool) + 1, 5, 0, REGION_HEAD};
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
    return pool >= control_size(s) + TLSF_MIN_DATA + 2 * TLSF_HEADER;
}

static void write_control(hs_device *device, const hs_heap *heap, const shape *s, uint32_t control)
{
    const void *space = device->space;
    memset(hs_at(space, heap->control), 0, control);
    hs_store(space, heap->control + 4 * NEXT_FREE, heap->control);
    hs_store(space, heap->control + 4 * PREVIOUS_FREE, heap->control);
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
    uint32_t pool = size - TLSF_RECORD;
    if (size < TLSF_RECORD || !fits(pool, profile->classes_per_region, &s, fixed_pool)) {
        return false;
    }
    uint32_t control = control_size(&s);
    heap->control = base + TLSF_RECORD;
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
    hs_store(space, base + TLSF_RECORD_FREE, pool - control);
    hs_store(space, base + TLSF_RECORD_MINIMUM, pool - control);
    hs_store(space, base + RECORD_POOL, pool);
    hs_store(space, base + RECORD_TLSF, heap->control);
    uint32_t data = (pool - control - 2 * TLSF_HEADER) & ~3u;
    heap->blocks = heap->first - TLSF_HEADER;
    heap->span = (data + TLSF_HEADER) >> 2;
    words_at(device, heap->blocks + (heap->span << 2))[HEADER] = 0;
    if (class_of(s.sl_log, data) >= class_count(heap, s.sl_log)) {
        hs_device_crash(device, HS_CRASH_CORRUPT, heap->first);
        return false;
    }
    return release_tail(device, heap, s.sl_log, heap->blocks, data, NULL);
}

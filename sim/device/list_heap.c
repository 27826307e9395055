/* The address-ordered free list with best fit.
 *
 * A block is named by the address of its header here (data address - 4). The header holds the
 * address of the next header, with bit 0 set when the block is free; the first data word of a free
 * block is the address of the next free one. The list starts at a first block inside the heap's
 * record and ends in the last block; both are flagged free and neither is ever handed out.
 */
#include "list_heap.h"

#include "memory.h"

enum {
    FREE = 1u,
    HEADER = 4,
    MIN_BLOCK = 8, /* header and next_free */
    RECORD_FREE = 4,
    RECORD_MINIMUM = 8,
    RECORD_LAST = 12,
    RECORD_FIRST = 16, /* the first block */
    RECORD = 24,
    FIRST_DATA = 4, /* data bytes of the first block, which realloc counts by mistake */
    LINK_NEXT = 4   /* header address + this: next free block */
};
_Static_assert(RECORD + HEADER + MIN_BLOCK == 36, "region bytes that are not data, v3.3");

static hs_addr first_of(const hs_heap *heap)
{
    return heap->base + RECORD_FIRST;
}

static hs_addr last_of(const hs_heap *heap)
{
    return (heap->end & ~3u) - MIN_BLOCK;
}

/* Is `block` the header address of a block proper or of the last block? */
static inline bool is_block(const hs_heap *heap, hs_addr block)
{
    return (block & 3) == 0 && block >= heap->first && block <= last_of(heap);
}

static inline hs_addr next_of(const void *space, hs_addr block)
{
    return hs_load(space, block) & ~3u;
}

static inline bool is_free(const void *space, hs_addr block)
{
    return (hs_load(space, block) & FREE) != 0;
}

static inline uint32_t size_of(const void *space, hs_addr block)
{
    return next_of(space, block) - block - HEADER;
}

static inline hs_addr next_free(const void *space, hs_addr block)
{
    return hs_load(space, block + LINK_NEXT);
}

static void set_block(const void *space, hs_addr block, hs_addr next, uint32_t flag)
{
    hs_store(space, block, next | flag);
}

static void count(const hs_device *device, const hs_heap *heap, uint32_t change)
{
    hs_addr counter = heap->base + RECORD_FREE;
    hs_store(device->space, counter, hs_load(device->space, counter) + change);
}

static void lower_minimum(const hs_device *device, const hs_heap *heap)
{
    uint32_t now = hs_load(device->space, heap->base + RECORD_FREE);
    if (now < hs_load(device->space, heap->base + RECORD_MINIMUM)) {
        hs_store(device->space, heap->base + RECORD_MINIMUM, now);
    }
}

/* The entry of the free list behind `block`; 0 after a crash. */
static hs_addr follow(hs_device *device, const hs_heap *heap, hs_addr block)
{
    hs_addr next = next_free(device->space, block);
    if (!is_block(heap, next) || next <= block) {
        hs_device_crash(device, HS_CRASH_CORRUPT, block + HEADER);
        return 0;
    }
    return next;
}

/* Is the block's header sound? */
static bool leads_on(hs_device *device, const hs_heap *heap, hs_addr block)
{
    hs_addr next = next_of(device->space, block);
    if (is_block(heap, next) && next >= block + MIN_BLOCK) {
        return true;
    }
    hs_device_crash(device, HS_CRASH_CORRUPT, block + HEADER);
    return false;
}

/* The free block behind `block`, 0 when there is none or after a crash. */
static hs_addr free_behind(hs_device *device, const hs_heap *heap, hs_addr block)
{
    hs_addr next = next_of(device->space, block);
    bool usable = next != last_of(heap) && is_free(device->space, next);
    return usable && leads_on(device, heap, next) ? next : 0;
}

/* The last entry of the free list in front of `block`, maybe the first block; 0 after a crash. */
static hs_addr free_before(hs_device *device, const hs_heap *heap, hs_addr block)
{
    hs_addr before = first_of(heap);
    for (;;) {
        hs_addr next = follow(device, heap, before);
        if (next == 0 || next >= block) {
            return next == 0 ? 0 : before;
        }
        before = next;
    }
}

/* Cuts a used block to `size`: what is left over becomes part of a free right neighbour, or a free
 * block of its own when it has room for one. `before`: free_before(block). Returns the change of
 * free bytes. */
static uint32_t split(hs_device *device, const hs_heap *heap, hs_addr block, uint32_t size,
                      hs_addr before)
{
    const void *space = device->space;
    hs_addr next = next_of(space, block);
    hs_addr rest = block + HEADER + size;
    uint32_t left = next - rest;
    if (free_behind(device, heap, block) != 0) {
        hs_addr behind = next_of(space, next);
        hs_addr link = next_free(space, next);
        set_block(space, block, rest, 0);
        set_block(space, rest, behind, FREE);
        hs_store(space, rest + LINK_NEXT, link);
        hs_store(space, before + LINK_NEXT, rest);
        return left;
    }
    if (left < MIN_BLOCK) {
        return 0;
    }
    set_block(space, block, rest, 0);
    set_block(space, rest, next, FREE);
    hs_store(space, rest + LINK_NEXT, next_free(space, before));
    hs_store(space, before + LINK_NEXT, rest);
    return left - HEADER;
}

hs_addr hs_list_malloc(hs_device *device, const hs_heap *heap, uint32_t size)
{
    const void *space = device->space;
    uint32_t want = (size + 3) & ~3u;
    if (want == 0 || hs_load(space, heap->base + RECORD_FREE) < want) {
        return 0;
    }
    hs_addr best = 0;
    hs_addr best_before = 0;
    uint32_t best_size = UINT32_MAX;
    hs_addr before = first_of(heap);
    hs_addr block = follow(device, heap, before);
    while (block != 0 && block != last_of(heap)) {
        uint32_t have = size_of(space, block);
        if (have >= want && have < best_size) {
            best = block;
            best_before = before;
            best_size = have;
            if (have == want) {
                break;
            }
        }
        before = block;
        block = follow(device, heap, block);
    }
    if (best == 0 || device->crash != HS_CRASH_NONE || !leads_on(device, heap, best)) {
        return 0;
    }
    hs_store(space, best_before + LINK_NEXT, next_free(space, best));
    set_block(space, best, next_of(space, best), 0);
    count(device, heap, split(device, heap, best, want, best_before) - best_size);
    lower_minimum(device, heap);
    return best + HEADER;
}

/* The header of a live block, 0 after a crash. */
static hs_addr live(hs_device *device, const hs_heap *heap, hs_addr data)
{
    hs_addr block = data - HEADER;
    if (!is_block(heap, block) || block == last_of(heap) || is_free(device->space, block)) {
        hs_device_crash(device, HS_CRASH_NOT_USED, data);
        return 0;
    }
    return leads_on(device, heap, block) ? block : 0;
}

uint32_t hs_list_usable(hs_device *device, const hs_heap *heap, hs_addr data)
{
    hs_addr block = live(device, heap, data);
    return block == 0 ? 0 : size_of(device->space, block);
}

void hs_list_free(hs_device *device, const hs_heap *heap, hs_addr data)
{
    const void *space = device->space;
    hs_addr block = live(device, heap, data);
    hs_addr before = block == 0 ? 0 : free_before(device, heap, block);
    if (before == 0) {
        return;
    }
    hs_addr next = next_of(space, block);
    hs_addr link = next_free(space, before);
    uint32_t gained = size_of(space, block);
    if (free_behind(device, heap, block) != 0) {
        link = next_free(space, next);
        next = next_of(space, next);
        gained += HEADER;
    }
    if (before != first_of(heap) && next_of(space, before) == block) {
        block = before;
        gained += HEADER;
    } else {
        hs_store(space, before + LINK_NEXT, block);
    }
    set_block(space, block, next, FREE);
    hs_store(space, block + LINK_NEXT, link);
    count(device, heap, gained);
}

static hs_addr move(hs_device *device, const hs_heap *heap, hs_addr block, uint32_t want)
{
    uint32_t have = size_of(device->space, block);
    hs_addr moved = hs_list_malloc(device, heap, want);
    if (moved != 0) {
        memcpy(hs_at(device->space, moved), hs_at(device->space, block + HEADER),
               have < want ? have : want);
        hs_list_free(device, heap, block + HEADER);
    }
    return moved;
}

/* Grows a live block into its free neighbours as far as they are needed by the device's rule, which
 * counts 4 bytes too few to the right, takes the left one whenever it can, and mistakes the first
 * block for a free neighbour of 4 bytes. Gives the block's header, lower when it went left. */
static hs_addr grow(hs_device *device, const hs_heap *heap, hs_addr block, uint32_t want,
                    hs_addr before)
{
    const void *space = device->space;
    uint32_t have = size_of(space, block);
    uint32_t left = next_of(space, before) != block ? 0 : size_of(space, before);
    hs_addr next = free_behind(device, heap, block);
    if (next != 0 && have + size_of(space, next) + left >= want) {
        count(device, heap, 0 - size_of(space, next));
        hs_store(space, before + LINK_NEXT, next_free(space, next));
        set_block(space, block, next_of(space, next), 0);
    }
    if (left != 0 && before != first_of(heap) && size_of(space, block) + left >= want) {
        hs_addr before_left = free_before(device, heap, before); /* sound: it led to `before` */
        count(device, heap, 0 - left);
        hs_store(space, before_left + LINK_NEXT, next_free(space, before));
        set_block(space, before, next_of(space, block), 0);
        memmove(hs_at(space, before + HEADER), hs_at(space, block + HEADER), have);
        return before;
    }
    return block;
}

hs_addr hs_list_realloc(hs_device *device, const hs_heap *heap, hs_addr data, uint32_t size)
{
    const void *space = device->space;
    uint32_t want = (size + 3) & ~3u;
    hs_addr block = live(device, heap, data);
    hs_addr before = block == 0 ? 0 : free_before(device, heap, block);
    if (before == 0 || want == 0) {
        return 0;
    }
    uint32_t have = size_of(space, block);
    if (want > have) {
        if (hs_load(space, heap->base + RECORD_FREE) < want - have) {
            return 0;
        }
        block = grow(device, heap, block, want, before);
    }
    hs_addr result = block + HEADER;
    if (size_of(space, block) >= want) {
        before = free_before(device, heap, block);
        count(device, heap, before == 0 ? 0 : split(device, heap, block, want, before));
    } else {
        result = move(device, heap, block, want);
    }
    lower_minimum(device, heap);
    return device->crash == HS_CRASH_NONE ? result : 0;
}

uint32_t hs_list_largest(hs_device *device, const hs_heap *heap)
{
    uint32_t largest = 0;
    hs_addr block = follow(device, heap, first_of(heap));
    while (block != 0 && block != last_of(heap)) {
        uint32_t size = size_of(device->space, block);
        largest = size > largest ? size : largest;
        block = follow(device, heap, block);
    }
    return largest;
}

bool hs_list_walk(hs_device *device, const hs_heap *heap, hs_heap_visit visit, void *context)
{
    const void *space = device->space;
    hs_addr block = heap->first;
    while (block != last_of(heap)) {
        hs_addr next = next_of(space, block);
        if (!is_block(heap, next) || next < block + MIN_BLOCK) {
            return false;
        }
        if (!visit(context, block + HEADER, next - block - HEADER, !is_free(space, block))) {
            return false;
        }
        block = next;
    }
    return true;
}

bool hs_list_check(hs_device *device, const hs_heap *heap)
{
    const void *space = device->space;
    uint32_t free_bytes = 0;
    hs_addr expected = next_free(space, first_of(heap));
    hs_addr block = heap->first;
    bool before_free = false;
    if (next_of(space, first_of(heap)) != block) {
        return false;
    }
    while (block != last_of(heap)) {
        hs_addr next = next_of(space, block);
        bool now_free = is_free(space, block);
        if (!is_block(heap, next) || next < block + MIN_BLOCK || (before_free && now_free)) {
            return false;
        }
        if (now_free) {
            if (block != expected) {
                return false;
            }
            expected = next_free(space, block);
            free_bytes += next - block - HEADER;
        }
        before_free = now_free;
        block = next;
    }
    return expected == block && hs_load(space, block) == FREE &&
           hs_load(space, heap->base + RECORD_FREE) == free_bytes &&
           hs_load(space, heap->base + RECORD_MINIMUM) <= free_bytes;
}

bool hs_list_claim(hs_device *device, const hs_heap *heap, hs_addr data, uint32_t size)
{
    const void *space = device->space;
    hs_addr block = data - HEADER;
    if (!is_block(heap, block) || size < MIN_BLOCK - HEADER || (size & 3) != 0) {
        return false;
    }
    hs_addr found = free_before(device, heap, block + HEADER);
    if (found == 0 || found == first_of(heap) || !leads_on(device, heap, found)) {
        return false;
    }
    uint32_t have = size_of(space, found);
    uint32_t gap = block - found;
    if (gap > have || size > have - gap || (gap != 0 && gap < MIN_BLOCK)) {
        return false;
    }
    uint32_t tail = have - gap - size;
    if (tail != 0 && tail < MIN_BLOCK) {
        return false;
    }
    hs_addr before = free_before(device, heap, found); /* sound: it led to `found` */
    hs_addr next = next_of(space, found);
    hs_store(space, before + LINK_NEXT, next_free(space, found));
    if (gap != 0) {
        set_block(space, found, block, FREE);
        hs_store(space, before + LINK_NEXT, found);
        before = found;
    }
    set_block(space, block, next, 0);
    uint32_t kept = gap == 0 ? 0 : gap - HEADER;
    count(device, heap, split(device, heap, block, size, before) + kept - have);
    lower_minimum(device, heap);
    return true;
}

bool hs_list_register(hs_device *device, hs_heap *heap, hs_addr base, uint32_t size)
{
    const void *space = device->space;
    hs_addr record = (base + 3) & ~3u;
    hs_addr end = (base + size) & ~3u;
    if (size < 40 || end - record < 40) {
        return false;
    }
    heap->base = record;
    heap->first = record + RECORD;
    hs_addr first = record + RECORD_FIRST;
    hs_addr last = last_of(heap);
    uint32_t data = last - heap->first - HEADER;
    hs_store(space, record, 0);
    hs_store(space, record + RECORD_FREE, data);
    hs_store(space, record + RECORD_MINIMUM, data);
    hs_store(space, record + RECORD_LAST, last);
    set_block(space, first, heap->first, FREE);
    hs_store(space, first + LINK_NEXT, heap->first);
    set_block(space, heap->first, last, FREE);
    hs_store(space, heap->first + LINK_NEXT, last);
    set_block(space, last, 0, FREE);
    hs_store(space, last + LINK_NEXT, 0);
    return true;
}

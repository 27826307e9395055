#include "explain_board.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "copy_array.h"
#include "session.h"

#define HEADER 4u /* bytes in front of each payload, in both allocators */
#define APART  0x01000000u

static void no_memory(hs_error *error)
{
    hs_error_set(error, NULL, 0, "the host is out of memory");
}

const hs_caps_heap *hs_region_heap(const hs_case *c, size_t region)
{
    const hs_caps *caps = &c->booted->caps;
    const hs_layout_region *wanted = &c->layout->regions[region];
    for (unsigned i = 0; i < caps->count; i++) {
        const hs_caps_heap *heap = &caps->heaps[i];
        if (heap->start == wanted->start && heap->end - heap->start == wanted->size) {
            return heap->heap.base != 0 ? heap : NULL;
        }
    }
    return NULL;
}

static bool add_room(void *context, hs_addr address, uint32_t size, bool used)
{
    (void)address;
    *(uint64_t *)context += used ? 0 : (uint64_t)size + HEADER;
    return true;
}

uint64_t hs_region_room(const hs_case *c, const hs_caps_heap *heap)
{
    uint64_t room = 0;
    hs_heap_walk(&c->booted->caps.device, &heap->heap, add_room, &room);
    return room;
}

/* --- more --- */

typedef struct last_block {
    hs_addr start;
    uint32_t size;
    bool used;
} last_block;

static bool keep_last(void *context, hs_addr address, uint32_t size, bool used)
{
    *(last_block *)context = (last_block){address, size, used};
    return true;
}

/* boot.free lists the only free blocks, so what a region gains must be listed: the last block grows
 * when it is free, else a block of its own follows it. */
static bool list_gain(const hs_case *c, hs_layout *layout, size_t region, uint32_t more,
                      uint32_t shift)
{
    const hs_caps_heap *heap = hs_region_heap(c, region);
    last_block last = {0};
    if (heap == NULL || !hs_heap_walk(&c->booted->caps.device, &heap->heap, keep_last, &last)) {
        return false;
    }
    hs_addr start = last.start + shift;
    size_t at = 0;
    while (at < layout->block_count && layout->blocks[at].start < start) {
        at++;
    }
    if (!last.used) {
        layout->blocks[at].size += more;
        return true;
    }
    memmove(&layout->blocks[at + 1], &layout->blocks[at],
            (layout->block_count - at) * sizeof layout->blocks[0]);
    layout->block_count++;
    layout->blocks[at] = (hs_layout_block){start + last.size + HEADER, more - HEADER, NULL};
    return true;
}

static bool overlap(const hs_layout *layout)
{
    for (size_t i = 0; i < layout->region_count; i++) {
        const hs_layout_region *a = &layout->regions[i];
        for (size_t k = 0; k < i; k++) {
            const hs_layout_region *b = &layout->regions[k];
            if (a->start < (uint64_t)b->start + b->size &&
                b->start < (uint64_t)a->start + a->size) {
                return true;
            }
        }
        if ((uint64_t)a->start + a->size > UINT32_MAX) {
            return true;
        }
    }
    return false;
}

/* How far region i moves up: a fixed step for each region below it that grows, whatever it grows
 * by, so that results for different gains compare. */
static uint32_t shift_of(const hs_case *c, const uint32_t *more, size_t region)
{
    const hs_layout_region *regions = c->layout->regions;
    uint32_t shift = 0;
    for (size_t i = 0; i < c->layout->region_count && !regions[region].late; i++) {
        shift += more[i] != 0 && regions[i].start < regions[region].start ? APART : 0;
    }
    return shift;
}

static bool adjoins(const hs_case *c, size_t region)
{
    const hs_layout_region *r = &c->layout->regions[region];
    for (size_t i = 0; i < c->layout->region_count; i++) {
        if (c->layout->regions[i].start == r->start + r->size) {
            return true;
        }
    }
    return false;
}

static bool lay_out(const hs_case *c, const uint32_t *more, hs_layout *layout)
{
    for (size_t i = 0; i < layout->block_count; i++) {
        const hs_layout_block *block = &c->layout->blocks[i];
        int region = hs_layout_find_region(c->layout, block->start, block->size);
        layout->blocks[i].start += region >= 0 ? shift_of(c, more, (size_t)region) : 0;
    }
    for (size_t i = 0; i < layout->region_count; i++) {
        uint32_t shift = shift_of(c, more, i);
        layout->regions[i].start += shift;
        layout->regions[i].size += more[i];
        if (more[i] == 0) {
            continue;
        }
        if (adjoins(c, i) ||
            (layout->boot == HS_BOOT_FREE && !list_gain(c, layout, i, more[i], shift))) {
            return false;
        }
    }
    return !overlap(layout);
}

/* The same heaps in the same order of search, whatever the chip makes of the addresses. */
static bool same_heaps(const hs_caps *a, const hs_caps *b)
{
    bool same = a->count == b->count && a->listed == b->listed &&
                memcmp(a->order, b->order, a->listed) == 0;
    for (unsigned i = 0; same && i < a->count; i++) {
        const hs_caps_heap *x = &a->heaps[i];
        const hs_caps_heap *y = &b->heaps[i];
        same = x->type == y->type && x->all == y->all && x->late == y->late &&
               (x->heap.base != 0) == (y->heap.base != 0);
    }
    return same;
}

hs_other_board *hs_board_enlarged(const hs_case *c, const uint32_t *more, hs_error *error)
{
    hs_other_board *other = calloc(1, sizeof *other);
    if (other == NULL) {
        no_memory(error);
        return NULL;
    }
    const hs_layout *from = c->layout;
    other->layout = *from;
    other->layout.regions = hs_copy_array(from->regions, from->region_count, sizeof *from->regions);
    other->layout.blocks = calloc(from->block_count + from->region_count + 1, sizeof *from->blocks);
    if (other->layout.regions == NULL || other->layout.blocks == NULL) {
        no_memory(error);
    } else {
        if (from->block_count != 0) {
            memcpy(other->layout.blocks, from->blocks, from->block_count * sizeof *from->blocks);
        }
        if (lay_out(c, more, &other->layout)) {
            other->board = hs_session_boot(&other->layout, error);
        }
        if (other->board != NULL && !same_heaps(&c->booted->caps, &other->board->caps)) {
            hs_board_destroy(other->board);
            other->board = NULL;
        }
        if (other->board == NULL) {
            hs_error_set(error, NULL, 0, "this region cannot be made longer on this board");
        }
    }
    if (other->board == NULL) {
        hs_other_board_destroy(other);
        return NULL;
    }
    return other;
}

/* --- less --- */

static bool keep_largest(void *context, hs_addr address, uint32_t size, bool used)
{
    last_block *best = context;
    if (!used && size > best->size) {
        *best = (last_block){address, size, used};
    }
    return true;
}

/* Takes `less` bytes, headers included, as live blocks. A remainder too small to be a block goes
 * with it. */
static bool take_from(hs_caps *caps, const hs_caps_heap *heap, uint32_t less)
{
    while (less > 0) {
        last_block best = {0};
        hs_heap_walk(&caps->device, &heap->heap, keep_largest, &best);
        uint32_t all = best.size + HEADER;
        if (best.size == 0) {
            return false;
        }
        uint32_t taken = less < 16 ? 16 : less;
        if (taken + 16 > all) {
            taken = all;
        }
        if (!hs_caps_claim(caps, best.start + all - taken, taken - HEADER)) {
            return false;
        }
        less = less > taken ? less - taken : 0;
    }
    return true;
}

hs_other_board *hs_board_reduced(const hs_case *c, const uint32_t *less, hs_error *error)
{
    hs_other_board *other = calloc(1, sizeof *other);
    if (other == NULL) {
        no_memory(error);
        return NULL;
    }
    other->board = hs_board_copy(c->booted, error);
    for (size_t i = 0; other->board != NULL && i < c->layout->region_count; i++) {
        const hs_caps_heap *heap = hs_region_heap(c, i);
        if (less[i] == 0) {
            continue;
        }
        if (heap == NULL || !take_from(&other->board->caps, heap, less[i])) {
            hs_error_set(error, NULL, 0,
                         "the region at 0x%08" PRIx32 " has not %" PRIu32 " bytes to give",
                         c->layout->regions[i].start, less[i]);
            hs_board_destroy(other->board);
            other->board = NULL;
        }
    }
    if (other->board == NULL) {
        hs_other_board_destroy(other);
        return NULL;
    }
    return other;
}

void hs_other_board_destroy(hs_other_board *other)
{
    if (other != NULL) {
        hs_board_destroy(other->board);
        free(other->layout.regions);
        free(other->layout.blocks);
        free(other);
    }
}

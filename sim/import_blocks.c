/* The live blocks of a region: as a dump shows them, else an arrangement with the printed sums. */
#include "import_layout.h"

#include <stdlib.h>
#include <string.h>

#define HEADER   4u
#define GC_LEAST 16384u /* a single block of a MicroPython board that is its heap */

static void add_block(hs_import_moment *m, uint64_t start, uint64_t size, bool gc)
{
    if (m->block_count == HS_IMPORT_BLOCKS_MAX) {
        m->too_many_blocks = true;
        return;
    }
    if (m->block_count == m->block_room) {
        size_t room = m->block_room == 0 ? 256 : m->block_room * 2;
        hs_import_block *larger = realloc(m->blocks, room * sizeof *larger);
        if (larger == NULL) {
            m->no_memory = true;
            return;
        }
        m->blocks = larger;
        m->block_room = room;
    }
    m->blocks[m->block_count++] = (hs_import_block){(uint32_t)start, (uint32_t)size, gc};
}

static bool holds_gc(const hs_import_region *r, uint64_t start, uint64_t size)
{
    return r->gc_area != NULL && r->gc_area->value[0] > start &&
           r->gc_area->value[0] < start + size;
}

/* --- From a dump ------------------------------------------------------------------------------ */

static uint64_t pool_end(const hs_import_region *r)
{
    return (uint64_t)r->pool.first + r->pool.size;
}

/* A hole between listed blocks is live: free ones are what people leave in when they shorten. */
static bool fill_hole(hs_import_moment *m, const hs_import_region *r, uint64_t from, uint64_t to)
{
    if (to == from) {
        return true;
    }
    if (to < from || to - from < HEADER + r->pool.minimum || (to - from) % 4 != 0) {
        return false;
    }
    add_block(m, from, to - from - HEADER, holds_gc(r, from, to - from));
    return true;
}

static bool take_dump(hs_import_moment *m, const hs_import_region *r)
{
    uint64_t next = r->pool.first; /* where the next block's data start */
    bool after_free = false;
    for (size_t i = r->dump; i < m->board->count; i++) {
        const hs_fact *fact = &m->board->facts[i];
        if (fact->kind == HS_FACT_DUMP_HEAP || fact->group != m->dump_group) {
            break;
        }
        if (fact->kind != HS_FACT_DUMP_BLOCK || fact->value[0] < r->pool.first) {
            continue; /* the list's own first block */
        }
        uint64_t end = fact->value[0] + fact->value[1];
        bool hole = fact->value[0] != next;
        if (!fill_hole(m, r, next, fact->value[0]) || end > pool_end(r) ||
            fact->value[1] < r->pool.minimum || fact->value[1] % 4 != 0 ||
            (fact->value[2] != 0 && after_free && !hole)) {
            return false;
        }
        if (fact->value[2] == 0) {
            add_block(m, fact->value[0], fact->value[1],
                      holds_gc(r, fact->value[0], fact->value[1]));
        }
        after_free = fact->value[2] != 0;
        next = end + HEADER;
    }
    return next > r->pool.first && fill_hole(m, r, next, pool_end(r) + HEADER);
}

/* --- From sums -------------------------------------------------------------------------------- */

/* What is to be arranged: data bytes. */
typedef struct sums {
    uint64_t live; /* blocks */
    uint64_t free_blocks;
    uint64_t live_bytes;
    uint64_t free_bytes;
    uint64_t largest; /* true size of the largest free block */
} sums;

/* Completes the sums from the printed counter and largest block; false: impossible. */
static bool complete_sums(const hs_import_moment *m, const hs_import_region *r, uint32_t counter,
                          uint32_t printed, sums *s)
{
    const hs_import_pool *pool = &r->pool;
    int64_t free_bytes = hs_import_free_data(&m->model, counter, s->live, s->free_blocks);
    uint64_t blocks = s->live + s->free_blocks;
    uint64_t headers = blocks == 0 ? 0 : HEADER * (blocks - 1);
    if (blocks == 0 || blocks > pool->size || free_bytes < 0 || free_bytes % 4 != 0 ||
        headers + (uint64_t)free_bytes > pool->size || s->free_blocks > s->live + 1) {
        return false;
    }
    s->free_bytes = (uint64_t)free_bytes;
    s->live_bytes = pool->size - headers - s->free_bytes;
    if (s->live_bytes < s->live * pool->minimum || (s->live == 0) != (s->live_bytes == 0)) {
        return false;
    }
    if (s->free_blocks == 0) {
        return s->free_bytes == 0 && printed == 0;
    }
    uint64_t others = s->free_blocks - 1;
    uint64_t most = hs_import_unprinted(&m->model, pool, printed);
    uint64_t lowest = (s->free_bytes / 4 + others) / s->free_blocks * 4; /* the mean, rounded up */
    s->largest = printed > lowest ? printed : lowest;
    s->largest = others == 0 ? s->free_bytes : s->largest;
    return s->largest <= most && s->largest >= pool->minimum && s->largest % 4 == 0 &&
           s->largest <= s->free_bytes && s->free_bytes - s->largest >= others * pool->minimum &&
           hs_import_printed(&m->model, pool, (uint32_t)s->largest) == printed;
}

/* Share `index` of `bytes` in `count` parts that are equal up to 4 bytes. */
static uint64_t share(uint64_t bytes, uint64_t count, uint64_t index)
{
    uint64_t words = bytes / 4;
    return 4 * (words / count + (index < words % count ? 1 : 0));
}

/* Live blocks of equal size with the free ones spread among them, the largest at the end: where a
 * board that allocates from the bottom has it. */
static void arrange(hs_import_moment *m, const hs_import_region *r, const sums *s)
{
    uint64_t at = r->pool.first;
    uint64_t placed = 0;
    uint64_t others = s->free_blocks == 0 ? 0 : s->free_blocks - 1;
    bool leading = s->free_blocks > s->live; /* then a free block must be the first */
    for (uint64_t i = 0; i <= s->live; i++) {
        uint64_t due = s->free_blocks == 0 ? 0 : leading ? i + 1 : i * s->free_blocks / s->live;
        if (due > placed) {
            uint64_t size =
                placed < others ? share(s->free_bytes - s->largest, others, placed) : s->largest;
            at += size + HEADER;
            placed++;
        }
        if (i < s->live) {
            uint64_t size = share(s->live_bytes, s->live, i);
            bool gc = s->live == 1 && (r->gc_area != NULL ||
                                       (m->gc_group == 0 && m->python[0] != 0 && size >= GC_LEAST));
            add_block(m, at, size, gc);
            at += size + HEADER;
        }
    }
}

static bool take_info(hs_import_moment *m, const hs_import_region *r)
{
    sums s = {.live = r->info->value[6], .free_blocks = r->info->value[7]};
    if (r->info->count < 8 || s.live > r->pool.size || s.free_blocks > r->pool.size ||
        !complete_sums(m, r, (uint32_t)r->info->value[2], (uint32_t)r->info->value[5], &s)) {
        return false;
    }
    arrange(m, r, &s);
    return true;
}

/* The fewest blocks that give the printed sums. */
static bool take_tuple(hs_import_moment *m, const hs_import_region *r)
{
    uint64_t counter = r->tuple->value[1];
    uint32_t printed = (uint32_t)r->tuple->value[2];
    if (counter > r->pool.free || r->tuple->value[2] > r->pool.size) {
        return false;
    }
    if (counter == r->pool.free) {
        return true; /* untouched */
    }
    bool all_counted =
        m->model.profile->allocator == HS_ALLOCATOR_TLSF && !m->model.profile->header_counted;
    if (printed == 0 && all_counted && counter >= 8) {
        sums full = {.live = counter / 4 - 1};
        if (complete_sums(m, r, (uint32_t)counter, 0, &full)) {
            arrange(m, r, &full);
            return true;
        }
    }
    for (uint64_t blocks = 0; blocks <= r->pool.size / 16; blocks++) {
        sums s = {.live = blocks == 0 ? 1 : blocks, .free_blocks = blocks};
        if (complete_sums(m, r, (uint32_t)counter, printed, &s)) {
            arrange(m, r, &s);
            return true;
        }
    }
    return false;
}

/* --- Regions ---------------------------------------------------------------------------------- */

/* The area whose pool mem_info shows: its tables (2 bits, and 1 for finalisers, per block of 16
 * bytes) and up to 80 bytes of slack lie in front of the pool. */
static void take_gc(hs_import_moment *m, const hs_import_region *r)
{
    uint64_t pool = r->gc_area->value[0];
    uint64_t blocks = hs_import_moment_gc_blocks(m, r->gc_area);
    uint64_t tables = blocks / 4 + blocks / 8 + 4;
    uint64_t start = (pool > tables ? pool - tables : 0) & ~(uint64_t)3;
    uint64_t end = (pool + blocks * 16 + 3) & ~(uint64_t)3;
    if (start < (uint64_t)r->pool.first + 80 + 16) {
        start = r->pool.first;
    }
    if (end + HEADER + r->pool.minimum > pool_end(r)) {
        end = pool_end(r);
    }
    if (start < pool_end(r) && end - start >= r->pool.minimum) {
        add_block(m, start, end - start, true);
    }
}

static void take_region(hs_import_moment *m, hs_import_region *r)
{
    size_t mark = m->block_count;
    r->pool = hs_import_pool_of(&m->model, r->start, r->size);
    r->known = HS_KNOWN_NOTHING;
    r->gc_area = hs_import_moment_gc(m, r->start, r->size);
    if (!r->pool.heap) {
        return;
    }
    if (r->dump != 0 && take_dump(m, r)) {
        r->known = HS_KNOWN_DUMP;
    } else {
        m->block_count = mark;
        if (r->info != NULL && take_info(m, r)) {
            r->known = HS_KNOWN_INFO;
        } else if (r->tuple != NULL && take_tuple(m, r)) {
            r->known = HS_KNOWN_TUPLE;
        }
    }
    bool figures = r->dump != 0 || r->info != NULL || r->tuple != NULL;
    r->misfit = r->known == HS_KNOWN_NOTHING && figures;
    if (r->known == HS_KNOWN_NOTHING) {
        bool others = m->info_group != 0 || m->dump_group != 0 || m->tuple_group != 0;
        r->untouched = !others || strcmp(r->type, "IRAM") == 0;
        if (r->gc_area != NULL && hs_import_moment_gc_blocks(m, r->gc_area) != 0) {
            take_gc(m, r);
        } else if (!r->untouched) {
            add_block(m, r->pool.first, r->pool.size, false);
        }
    }
}

void hs_import_moment_blocks(hs_import_moment *m)
{
    for (size_t i = 0; i < m->region_count; i++) {
        take_region(m, &m->regions[i]);
    }
}

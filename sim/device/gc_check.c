/* Structural integrity. Block by block, without the word tricks that it is there to check. */
#include "gc_inner.h"

typedef struct state {
    const hs_gc *gc;
    hs_addr where;
    uint32_t used;
    uint32_t total;
    hs_addr low; /* of all pools */
    hs_addr high;
} state;

static const char *check_layout(const state *s, const hs_gc_area *area)
{
    uint32_t atb_bytes = area->blocks / 4;
    uint32_t ftb_bytes = HS_GC_FINALISER ? (atb_bytes + 1) / 2 : 0;
    if (area->blocks % 4 != 0 || area->pool % HS_GC_BLOCK != 0) {
        return "a pool is not made of whole table bytes";
    }
    if (area->ftb != area->atb + atb_bytes + gc_is(s->gc, gap)) {
        return "the finaliser table is not behind the block table";
    }
    if (area->blocks != 0 && area->ftb + ftb_bytes > area->pool) {
        return "the tables reach into the pool";
    }
    if (gc_is(s->gc, gap) && area->blocks != 0 &&
        ((const uint8_t *)gc_at(s->gc, area->atb))[atb_bytes] != 0) {
        return "the gap byte is not zero";
    }
    return NULL;
}

/* Runs of free blocks must not start before what a hint promises. */
static const char *check_hints(const hs_gc_area *area, uint32_t start, uint32_t length)
{
#if HS_GC_FAST
    static const uint8_t runs[HS_GC_HINTS] = {1, 3, 4, 32};
    bool wrong = false;
    for (uint32_t i = 0; i < HS_GC_HINTS; ++i) {
        wrong = wrong || (length >= runs[i] && start < area->hint[i] * 32u);
    }
#else
    bool wrong = length != 0 && start < area->first_free;
#endif
    return wrong ? "a free run lies before a search hint" : NULL;
}

static const char *check_block(state *s, const hs_gc_area *area, uint32_t block, unsigned kind,
                               unsigned before)
{
    if (kind == HS_GC_TAIL && before == HS_GC_FREE) {
        return "a tail has no head";
    }
    if (kind == HS_GC_MARK && (s->gc->lock & GC_COLLECT) == 0) {
        return "a mark is left outside a collect";
    }
    if (HS_GC_FINALISER && (kind & HS_GC_HEAD) == 0 && gc_ftb_bit(gc_at(s->gc, area->ftb), block)) {
        return "a finaliser bit is set on a block that is no head";
    }
    uint32_t exact = area == &s->gc->first ? 32 : 1;
    if (kind != HS_GC_FREE && gc_has_last(s->gc) && block / exact > area->last_used / exact) {
        return "a block is in use behind the last used one";
    }
    s->used += kind != HS_GC_FREE;
    return NULL;
}

static const char *check_area(state *s, const hs_gc_area *area)
{
    s->where = area->atb;
    s->total += area->blocks;
    hs_addr end = area->pool + area->blocks * HS_GC_BLOCK;
    s->low = area->pool < s->low ? area->pool : s->low;
    s->high = end > s->high ? end : s->high;
    const char *wrong = check_layout(s, area);
    unsigned before = HS_GC_FREE;
    uint32_t run = 0;
    for (uint32_t block = 0; wrong == NULL && block < area->blocks; ++block) {
        unsigned kind = gc_kind(gc_at(s->gc, area->atb), block);
        s->where = area->pool + block * HS_GC_BLOCK;
        wrong = check_block(s, area, block, kind, before);
        run = kind == HS_GC_FREE ? run + 1 : 0;
        if (wrong == NULL) {
            wrong = check_hints(area, block + 1 - run, run);
        }
        before = kind;
    }
    return wrong;
}

static const char *check_counters(const state *s)
{
#if HS_GC_AREAS
    if (s->low != s->gc->low || (s->high - s->low) / HS_GC_BLOCK != s->gc->span) {
        return "the bounds are not those of the pools";
    }
#endif
#if HS_GC_STATS
    if (s->used != hs_gc_used(s->gc)) {
        return "the count of used blocks is wrong";
    }
    if (s->total != s->gc->total) {
        return "the count of all blocks is wrong";
    }
#endif
    (void)s;
    return NULL;
}

const char *hs_gc_check(const hs_gc *gc, hs_addr *where)
{
    state s = {gc, 0, 0, 0, GC_NONE, 0};
    const char *wrong = NULL;
    for (const hs_gc_area *area = &gc->first; wrong == NULL && area != NULL;
         area = gc_next(gc, area)) {
        wrong = check_area(&s, area);
    }
    if (wrong == NULL) {
        s.where = 0;
        wrong = check_counters(&s);
    }
    if (where != NULL) {
        *where = s.where;
    }
    return wrong;
}

/* Areas, allocation, realloc, free. */
#include "gc_inner.h"

/* Areas --------------------------------------------------------------------------------------- */

static void set_all_hints(hs_gc_area *area, uint16_t value)
{
    for (uint32_t i = 0; i < HS_GC_HINTS; ++i) {
        area->hint[i] = value;
    }
}

/* Lays tables and pool out over [start, end) and clears the tables. */
static void set_up(hs_gc *gc, hs_gc_area *area, hs_addr start, hs_addr end)
{
    uint32_t bytes = end > start ? end - start : 0;
    uint32_t gap = gc_is(gc, gap);
    /* Bits for each ATB byte: itself, its half byte of FTB, four blocks. */
    uint32_t atb = bytes <= gap ? 0 : (bytes - gap) * 8 / (HS_GC_FINALISER ? 524u : 520u);
    area->next = 0;
    area->atb = start;
    area->ftb = start + atb + gap;
    area->blocks = 4 * atb;
    area->pool = end - 64 * atb;
    if (gc_has_last(gc)) {
        area->last_used = 0;
    }
    set_all_hints(area, 0);
    if (atb != 0) {
        memset(gc_at(gc, start), 0, atb + gap + (HS_GC_FINALISER ? (atb + 1) / 2 : 0));
    }
#if HS_GC_STATS
    gc->total += area->blocks;
#endif
}

static bool usable(hs_addr start, uint32_t size)
{
    return size != 0 && start % 4 == 0 && start + size > start;
}

void hs_gc_set_space(hs_gc *gc, const void *space)
{
#if UINTPTR_MAX > 0xffffffffu
    gc->space = hs_at(space, 0);
#else
    (void)gc;
    (void)space;
#endif
}

bool hs_gc_init(hs_gc *gc, const void *space, const hs_gc_version *version, hs_gc_mode mode,
                hs_addr start, uint32_t size, const hs_gc_hooks *hooks, void *context)
{
    if (!usable(start, size)) {
        return false;
    }
    memset(gc, 0, sizeof *gc);
    hs_gc_set_space(gc, space);
#ifndef HS_GC_VERSION
    gc->version = version;
    gc->mode = mode;
#else
    (void)version;
    (void)mode;
#endif
    gc->hooks = hooks;
    gc->context = context;
    gc->threshold = HS_GC_NO_LIMIT;
    gc->enabled = true;
    set_up(gc, &gc->first, start, (start + size) & ~15u);
    hs_gc_bounds(gc);
    return true;
}

void hs_gc_bounds(hs_gc *gc)
{
#if HS_GC_AREAS
    hs_addr low = GC_NONE;
    hs_addr high = 0;
    for (hs_gc_area *area = &gc->first; area != NULL; area = gc_next(gc, area)) {
        hs_addr end = area->pool + area->blocks * HS_GC_BLOCK;
        low = area->pool < low ? area->pool : low;
        high = end > high ? end : high;
    }
    gc->low = low;
    gc->span = (high - low) / HS_GC_BLOCK;
#else
    (void)gc;
#endif
}

#if HS_GC_AREAS
bool hs_gc_add(hs_gc *gc, hs_addr start, uint32_t size)
{
    uint32_t header = gc_is(gc, header);
    if (gc_mode(gc) == HS_GC_SINGLE || !usable(start, size) || size < header) {
        return false;
    }
    hs_gc_area *last = &gc->first;
    for (hs_gc_area *area = last; area != NULL; area = gc_next(gc, area)) {
        last = area;
    }
    set_up(gc, gc_at(gc, start), start + header, (start + size) & ~15u);
    last->next = start;
    hs_gc_bounds(gc);
    return true;
}
#endif

#if HS_GC_AREAS == 2
void hs_gc_release(hs_gc *gc, hs_gc_area *before, hs_gc_area *area)
{
    hs_addr start = before->next;
    before->next = area->next;
    uint32_t blocks = area->blocks;
    if (blocks != 0 && gc_kind(gc_at(gc, area->atb), 0) != HS_GC_FREE) {
        gc_event(gc, HS_GC_EVENT_LOST, start, area->pool);
#if HS_GC_STATS
        --gc->used;
#endif
    }
#if HS_GC_STATS
    gc->total -= blocks;
#endif
    hs_gc_bounds(gc);
    gc->hooks->platform_free(gc->context, start);
    gc_event(gc, HS_GC_EVENT_RELEASE, start, 0);
}

/* What one doubling of the heap needs, as the release computes it. */
static uint32_t doubled(const hs_gc *gc)
{
    uint32_t header = gc_is(gc, header);
    uint32_t blocks = 0;
    uint32_t bytes = 0;
    for (const hs_gc_area *area = &gc->first; area != NULL; area = gc_next(gc, area)) {
        blocks += area->blocks;
        bytes += area->pool + area->blocks * HS_GC_BLOCK - area->atb + header + 1;
    }
    if (gc_is(gc, growth) == 1) {
        return bytes;
    }
    return (blocks / 4 + blocks / 8 + blocks * HS_GC_BLOCK + 1 + header + 15) & ~15u;
}

/* Asks the platform for one more area in which `bytes` should fit. */
static bool grow(hs_gc *gc, uint32_t bytes)
{
    uint32_t available = gc->hooks->max_new_split(gc->context);
    uint32_t extra = bytes * 13 / 512;
    uint32_t needed = bytes + (extra > 2048 ? extra : 2048);
    if (available < needed) {
        return false;
    }
    uint32_t ask = doubled(gc);
    ask = ask > needed ? ask : needed;
    ask = ask < available ? ask : available;
    hs_addr start = gc->hooks->platform_alloc(gc->context, ask);
    gc_event(gc, HS_GC_EVENT_GROW, ask, start);
    return start != 0 && hs_gc_add(gc, start, ask);
}
#endif

/* Search ---------------------------------------------------------------------------------------*/

/* First block >= `from` at which `want` free blocks start, or GC_NONE. */
static uint32_t scan(const uint8_t *atb, uint32_t blocks, uint32_t from, uint32_t want)
{
    uint32_t run = 0; /* free blocks just before this word */
    uint32_t base = from & ~(GC_PER - 1);
    gc_word barred = gc_below(from - base);
    for (; base < blocks; base += GC_PER) {
        gc_word used = gc_used(gc_load(atb, base / GC_PER)) | barred;
        barred = 0;
        if (blocks - base < GC_PER) {
            used |= ~gc_below(blocks - base);
        }
        if (used == 0) {
            run += GC_PER;
            if (run >= want) {
                return base + GC_PER - run;
            }
            continue;
        }
        if (run + gc_lowest(used) >= want) {
            return base - run;
        }
        gc_word inside = gc_fold(~used & GC_LOW, want);
        if (inside != 0) {
            return base + gc_lowest(inside);
        }
        run = GC_PER - 1 - gc_highest(used);
    }
    return GC_NONE;
}

#if HS_GC_FAST
static const uint8_t hint_runs[HS_GC_HINTS] = {1, 2, 8, 32};
#define hint_class(want) ((want) >= 32 ? 3 : (want) >= 8 ? 2 : (want) >= 2)
#else
static const uint8_t hint_runs[1] = {1};
#define hint_class(want) 0
#endif

/* First fit in one area. The hint of the class skips what cannot hold the class's shortest run. */
static uint32_t find(const hs_gc *gc, hs_gc_area *area, uint32_t want)
{
    uint32_t i = hint_class(want);
    const uint8_t *atb = gc_at(gc, area->atb);
    uint32_t block = scan(atb, area->blocks, area->hint[i] * 32u, hint_runs[i]);
    uint32_t unit = (block == GC_NONE ? area->blocks : block) / 32;
    area->hint[i] = (uint16_t)(unit < 0xffff ? unit : 0xffff);
    if (block != GC_NONE && want > hint_runs[i]) {
        block = scan(atb, area->blocks, block, want);
    }
    return block;
}

/* Blocks from `block` on have become free. A look at 32 blocks around the first of them tells how
 * long the run is that they now belong to, and which hints it concerns; what reaches past what is
 * seen counts as long. */
static void lower_hints(const hs_gc *gc, hs_gc_area *area, uint32_t block)
{
#if HS_GC_FAST
    uint32_t from = block < 16 ? 0 : block / 4 - 4;
    gc_word used = gc_used(gc_load_bytes((const uint8_t *)gc_at(gc, area->atb) + from));
    uint32_t at = block - 4 * from;
    gc_word before = used & gc_below(at);
    gc_word behind = used >> 2 * at;
    uint32_t left = before != 0 ? at - 1 - gc_highest(before) : from == 0 ? at : 31;
    uint32_t run = left + (behind != 0 ? gc_lowest(behind) : 32);
    uint32_t unit = (left < block ? block - left : 0) / 32;
    for (uint32_t i = 0; i < HS_GC_HINTS && run >= hint_runs[i]; ++i) {
        if (unit < area->hint[i]) {
            area->hint[i] = (uint16_t)unit;
        }
    }
#else
    (void)gc;
    area->hint[0] = block / 32 < area->hint[0] ? (uint16_t)(block / 32) : area->hint[0];
#endif
}

/* Blocks ---------------------------------------------------------------------------------------*/

#ifdef gc_lowest
uint32_t hs_gc_lowest(gc_word word)
{
    uint32_t n = 0;
    for (; (word & 3u) == 0; word >>= 2) {
        ++n;
    }
    return n;
}

uint32_t hs_gc_highest(gc_word word)
{
    uint32_t n = 0;
    while ((word >>= 2) != 0) {
        ++n;
    }
    return n;
}
#endif

/* Sets `count` pairs from `block` on to those of `pattern`. */
static void fill(uint8_t *atb, uint32_t block, uint32_t count, gc_word pattern)
{
    while (count != 0) {
        uint32_t at = block % GC_PER;
        uint32_t part = count < GC_PER - at ? count : GC_PER - at;
        gc_word mask = (part == GC_PER ? ~(gc_word)0 : gc_below(part)) << 2 * at;
        gc_word word = gc_load(atb, block / GC_PER);
        gc_store(atb, block / GC_PER, (word & ~mask) | (pattern & mask));
        block += part;
        count -= part;
    }
}

/* Consecutive pairs from `block` on, at most `limit`, that equal those of `pattern`. */
static uint32_t count_run(const hs_gc *gc, const hs_gc_area *area, uint32_t block, uint32_t limit,
                          gc_word pattern)
{
    const uint8_t *atb = gc_at(gc, area->atb);
    limit = limit < area->blocks - block ? limit : area->blocks - block;
    uint32_t count = 0;
    while (count < limit) {
        uint32_t at = (block + count) % GC_PER;
        gc_word other = (gc_load(atb, (block + count) / GC_PER) ^ pattern) >> 2 * at;
        if (other != 0) {
            count += gc_lowest(other);
            break;
        }
        count += GC_PER - at;
    }
    return count < limit ? count : limit;
}

#define ALL_TAILS (GC_LOW << 1)

uint32_t hs_gc_length(const hs_gc *gc, const hs_gc_area *area, uint32_t block)
{
    return 1 + count_run(gc, area, block + 1, GC_NONE, ALL_TAILS);
}

hs_gc_area *hs_gc_locate_object(const hs_gc *gc, hs_addr address, uint32_t *block)
{
    hs_gc_area *area = gc_locate(gc, address, block);
    return area != NULL && (gc_kind(gc_at(gc, area->atb), *block) & HS_GC_HEAD) != 0 ? area : NULL;
}

static void clear_blocks(hs_gc *gc, hs_addr address, uint32_t count)
{
#if HS_GC_FAST
    if (count == 1) { /* a fixed size needs no call */
        __builtin_memset(gc_at(gc, address), 0, HS_GC_BLOCK);
        return;
    }
#endif
    memset(gc_at(gc, address), 0, count * HS_GC_BLOCK);
}

static void note_last(const hs_gc *gc, hs_gc_area *area, uint32_t block)
{
    (void)gc;
    if (gc_has_last(gc) && area->last_used < block) {
        area->last_used = block;
    }
}

static void note_used(hs_gc *gc, uint32_t blocks)
{
#if HS_GC_STATS
    uint32_t used = gc->used + blocks;
    gc->used = used;
    if (gc->peak < used) {
        gc->peak = used;
    }
#else
    (void)gc;
    (void)blocks;
#endif
}

/* Operations -----------------------------------------------------------------------------------*/

static hs_addr take(hs_gc *gc, hs_gc_area *area, uint32_t block, uint32_t want, unsigned flags)
{
    uint8_t *atb = gc_at(gc, area->atb);
    if (want > 1) {
        fill(atb, block + 1, want - 1, ALL_TAILS);
    }
    atb[block / 4] |= (uint8_t)(HS_GC_HEAD << block % 4 * 2);
    note_last(gc, area, block + want - 1);
    note_used(gc, want);
    gc->allocated += want;
    hs_addr address = area->pool + block * HS_GC_BLOCK;
    clear_blocks(gc, address, want);
#if HS_GC_FINALISER
    if ((flags & HS_GC_WITH_FINALISER) != 0) {
        ((uint8_t *)gc_at(gc, area->ftb))[block / 8] |= (uint8_t)(1u << block % 8);
    }
#else
    (void)flags;
#endif
    return address;
}

#if HS_GC_FAST
__attribute__((noinline)) /* so that the short way saves no registers */
#endif
static hs_addr
alloc(hs_gc *gc, uint32_t bytes, unsigned flags)
{
    uint32_t want = (bytes + HS_GC_BLOCK - 1) / HS_GC_BLOCK;
    if (want == 0 || gc->lock != 0) {
        return 0;
    }
    bool collected = !gc->enabled;
    if (!collected && gc->allocated >= gc->threshold) {
        hs_gc_collect(gc);
        collected = true;
    }
#if HS_GC_AREAS == 2
    bool may_grow = gc_mode(gc) == HS_GC_AUTO;
#endif
    for (;;) {
        for (hs_gc_area *area = &gc->first; area != NULL; area = gc_next(gc, area)) {
            uint32_t block = find(gc, area, want);
            if (block != GC_NONE) {
                return take(gc, area, block, want, flags);
            }
        }
        if (!collected) {
            hs_gc_collect(gc);
            collected = true;
            continue;
        }
#if HS_GC_AREAS == 2
        if (may_grow && grow(gc, bytes)) {
            may_grow = false;
            continue;
        }
#endif
        return 0;
    }
}

#if HS_GC_FAST
/* The commonest allocation by far: one block from the table word that the first area's hint names.
 * 0: nothing free there, the general way is taken. */
static inline hs_addr take_one(hs_gc *gc)
{
    hs_gc_area *area = &gc->first;
    uint32_t base = area->hint[0] * 32u;
    if (base >= area->blocks) {
        return 0;
    }
    uint8_t *atb = gc_at(gc, area->atb);
    gc_word word = gc_load(atb, base / GC_PER);
    gc_word free = ~gc_used(word) & GC_LOW;
    uint32_t block = free == 0 ? GC_NONE : base + gc_lowest(free);
    if (block >= area->blocks) {
        return 0;
    }
    gc_store(atb, base / GC_PER, word | (free & (~free + 1)));
    if (area->last_used < block) {
        area->last_used = block;
    }
    note_used(gc, 1);
    ++gc->allocated;
    hs_addr address = area->pool + block * HS_GC_BLOCK;
    clear_blocks(gc, address, 1);
    return address;
}
#endif

hs_addr hs_gc_alloc(hs_gc *gc, uint32_t bytes, unsigned flags)
{
#if HS_GC_FAST
    if (bytes - 1 < HS_GC_BLOCK && (flags | gc->lock) == 0 && gc->allocated < gc->threshold) {
        hs_addr address = take_one(gc);
        if (address != 0) {
            return address;
        }
    }
#endif
    return alloc(gc, bytes, flags);
}
/* Frees `count` blocks from `block` on. */
static void give_back(hs_gc *gc, hs_gc_area *area, uint32_t block, uint32_t count)
{
    fill(gc_at(gc, area->atb), block, count, 0);
    lower_hints(gc, area, block);
#if HS_GC_STATS
    gc->used -= count;
#endif
}

void hs_gc_free(hs_gc *gc, hs_addr address)
{
    uint32_t refuse = gc_is(gc, finaliser_first) ? ~GC_COLLECT : GC_NONE;
    uint32_t block;
    hs_gc_area *area;
    if ((gc->lock & refuse) != 0 || (area = hs_gc_locate_object(gc, address, &block)) == NULL) {
        return;
    }
#if HS_GC_FINALISER
    ((uint8_t *)gc_at(gc, area->ftb))[block / 8] &= (uint8_t) ~(1u << block % 8);
#endif
    give_back(gc, area, block, gc_length(gc, area, block));
}

/* A new object with the contents of the old one, which is freed. */
static hs_addr move(hs_gc *gc, hs_addr address, uint32_t bytes, uint32_t have, unsigned flags)
{
    gc->held = address;
    hs_addr fresh = hs_gc_alloc(gc, bytes, flags);
    gc->held = 0;
    if (fresh != 0) {
        memcpy(gc_at(gc, fresh), gc_at(gc, address), have * HS_GC_BLOCK);
        hs_gc_free(gc, address);
    }
    return fresh;
}

hs_addr hs_gc_realloc(hs_gc *gc, hs_addr address, uint32_t bytes, bool allow_move)
{
    if (address == 0) {
        return hs_gc_alloc(gc, bytes, 0);
    }
    if (bytes == 0) {
        hs_gc_free(gc, address);
        return 0;
    }
    uint32_t block;
    hs_gc_area *area;
    if (gc->lock != 0 || (area = hs_gc_locate_object(gc, address, &block)) == NULL) {
        return 0;
    }
    uint32_t want = (bytes + HS_GC_BLOCK - 1) / HS_GC_BLOCK;
    uint32_t have = gc_length(gc, area, block);
    if (want == have) {
        return address;
    }
    if (want < have) {
        give_back(gc, area, block + want, have - want);
        return address;
    }
    uint32_t more = want - have;
    if (count_run(gc, area, block + have, more, 0) == more) {
        fill(gc_at(gc, area->atb), block + have, more, ALL_TAILS);
        note_last(gc, area, block + want - 1);
        note_used(gc, more);
        clear_blocks(gc, address + have * HS_GC_BLOCK, more);
        return address;
    }
    unsigned flags = 0;
#if HS_GC_FINALISER
    flags = gc_ftb_bit(gc_at(gc, area->ftb), block) ? HS_GC_WITH_FINALISER : 0;
#endif
    return allow_move ? move(gc, address, bytes, have, flags) : 0;
}

uint32_t hs_gc_nbytes(const hs_gc *gc, hs_addr address)
{
    uint32_t block;
    const hs_gc_area *area = hs_gc_locate_object(gc, address, &block);
    return area == NULL ? 0 : gc_length(gc, area, block) * HS_GC_BLOCK;
}

/* Settings -------------------------------------------------------------------------------------*/

void hs_gc_lock(hs_gc *gc)
{
    gc->lock += 2;
}

void hs_gc_unlock(hs_gc *gc)
{
    gc->lock -= 2;
}

bool hs_gc_is_locked(const hs_gc *gc)
{
    return gc->lock != 0;
}

void hs_gc_enable(hs_gc *gc, bool on)
{
    gc->enabled = on;
}

void hs_gc_set_threshold(hs_gc *gc, int32_t bytes)
{
    gc->threshold = bytes < 0 ? HS_GC_NO_LIMIT : (uint32_t)bytes / HS_GC_BLOCK;
}

/* Areas, allocation, realloc, free. */
#include "gc_inner.h"

/* Areas --------------------------------------------------------------------------------------- */

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
    gc_reset_hints(area);
    if (atb != 0) {
        memset(gc_at(gc, start), 0, atb + gap + (HS_GC_FINALISER ? (atb + 1) / 2 : 0));
    }
#if HS_GC_STATS
    gc->total += area->blocks;
#endif
}

static bool usable(hs_addr start, uint32_t size)
{
    return start % 4 == 0 && start + size > start;
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
#if HS_GC_FAST
    gc->whole = gc->first.blocks / GC_PER;
#endif
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
        gc_note_freed(gc, 1);
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

/* The first block from `from` on at which `want` free blocks start; `blocks` when there is none. */
#if !HS_GC_FAST
static uint32_t scan(const uint8_t *atb, uint32_t blocks, uint32_t from, uint32_t want)
{
    uint32_t run = 0;
    for (uint32_t block = from; block < blocks; ++block) {
        run = gc_kind(atb, block) == HS_GC_FREE ? run + 1 : 0;
        if (run == want) {
            return block + 1 - want;
        }
    }
    return blocks;
}

/* First fit in one area. */
static uint32_t find(const hs_gc *gc, hs_gc_area *area, uint32_t want)
{
    uint32_t block = scan(gc_at(gc, area->atb), area->blocks, area->first_free, want);
    if (want == 1) {
        area->first_free = block;
    }
    return block;
}

/* Blocks from `block` on have become free. */
static void lower_hints(const hs_gc *gc, hs_gc_area *area, uint32_t block)
{
    (void)gc;
    area->first_free = block < area->first_free ? block : area->first_free;
}
#else
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
    return blocks;
}

/* The same for one block. */
static uint32_t scan_one(const uint8_t *atb, uint32_t blocks, uint32_t from)
{
    for (uint32_t i = from / GC_PER; i * GC_PER < blocks; ++i) {
        gc_word free = gc_used(gc_load(atb, i)) ^ GC_LOW;
        if (free != 0) {
            uint32_t block = i * GC_PER + gc_lowest(free);
            return block < blocks ? block : blocks;
        }
    }
    return blocks;
}

static const uint8_t hint_runs[HS_GC_HINTS] = {1, 3, 4, 32};
#define hint_class(want) ((want) >= 32 ? 3 : (want) >= 4 ? 2 : (want) >= 3)

static void set_hint(hs_gc_area *area, uint32_t i, uint32_t block)
{
    area->hint[i] = (uint16_t)(block / 32 < 0xffff ? block / 32 : 0xffff);
}

/* First fit in one area. The hint of the class skips what cannot hold the class's shortest run. */
static uint32_t find(const hs_gc *gc, hs_gc_area *area, uint32_t want)
{
    const uint8_t *atb = gc_at(gc, area->atb);
    uint32_t i = hint_class(want);
    uint32_t from = area->hint[i] * 32u;
    uint32_t block =
        i == 0 ? scan_one(atb, area->blocks, from) : scan(atb, area->blocks, from, hint_runs[i]);
    set_hint(area, i, block);
    return want > hint_runs[i] ? scan(atb, area->blocks, block, want) : block;
}

/* Blocks from `block` on have become free. A look at 32 blocks around the first of them tells how
 * long the run is that they now belong to, and which hints it concerns; what reaches past what is
 * seen counts as long. */
static void lower_hints(const hs_gc *gc, hs_gc_area *area, uint32_t block)
{
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
}
#endif

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
#endif

/* Sets `count` pairs from `block` on to those of `pattern`. */
static void fill(uint8_t *atb, uint32_t block, uint32_t count, gc_word pattern)
{
#if HS_GC_FAST
    while (count != 0) {
        uint32_t at = block % GC_PER;
        uint32_t part = count < GC_PER - at ? count : GC_PER - at;
        gc_word mask = (part == GC_PER ? ~(gc_word)0 : gc_below(part)) << 2 * at;
        gc_word word = gc_load(atb, block / GC_PER);
        gc_store(atb, block / GC_PER, (word & ~mask) | (pattern & mask));
        block += part;
        count -= part;
    }
#else
    for (; count != 0; --count, ++block) {
        uint8_t mask = (uint8_t)(3u << block % 4 * 2);
        atb[block / 4] = (uint8_t)((atb[block / 4] & ~mask) | (pattern & mask));
    }
#endif
}

uint32_t hs_gc_run(const hs_gc *gc, const hs_gc_area *area, uint32_t block, uint32_t limit,
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

uint32_t hs_gc_length(const hs_gc *gc, const hs_gc_area *area, uint32_t block)
{
    return 1 + hs_gc_run(gc, area, block + 1, GC_NONE, GC_TAILS);
}

hs_gc_area *hs_gc_locate_object(const hs_gc *gc, hs_addr address, uint32_t *block)
{
    hs_gc_area *area = gc_locate(gc, address, block);
    return area != NULL && (gc_kind(gc_at(gc, area->atb), *block) & HS_GC_HEAD) != 0 ? area : NULL;
}

/* Makes `count` free blocks tails, and clears their memory. */
static void claim(hs_gc *gc, hs_gc_area *area, uint32_t block, uint32_t count)
{
    fill(gc_at(gc, area->atb), block, count, GC_TAILS);
    if (gc_has_last(gc) && area->last_used < block + count - 1) {
        area->last_used = block + count - 1;
    }
    memset(gc_at(gc, area->pool + block * HS_GC_BLOCK), 0, (size_t)count * HS_GC_BLOCK);
}

/* Operations -----------------------------------------------------------------------------------*/

static hs_addr take(hs_gc *gc, hs_gc_area *area, uint32_t block, uint32_t want, unsigned flags)
{
    claim(gc, area, block, want);
    ((uint8_t *)gc_at(gc, area->atb))[block / 4] ^=
        (uint8_t)((HS_GC_HEAD ^ HS_GC_TAIL) << block % 4 * 2);
    gc->allocated += want;
#if HS_GC_FINALISER
    if ((flags & HS_GC_WITH_FINALISER) != 0) {
        ((uint8_t *)gc_at(gc, area->ftb))[block / 8] |= (uint8_t)(1u << block % 8);
    }
#else
    (void)flags;
#endif
    return area->pool + block * HS_GC_BLOCK;
}

#if HS_GC_FAST
__attribute__((noinline)) static /* so that the short way saves no registers */
#else
__attribute__((always_inline)) static inline
#endif
    hs_addr
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
            if (block < area->blocks) {
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
/* The commonest allocation by far: one block from the table word that the first area's hint names,
 * which is never behind that of last_used. False: nothing free there, or not all of it is table. */
static inline bool take_one(hs_gc *gc, hs_addr *address)
{
    hs_gc_area *area = &gc->first;
    uint8_t *atb = gc_at(gc, area->atb);
    uint32_t unit = area->hint[0];
    if (unit >= gc->whole) {
        return false;
    }
    gc_word word = gc_load(atb, unit);
    gc_word free = ~(word | word >> 1) & GC_LOW;
    if (free == 0) {
        return false;
    }
    uint32_t bit = (uint32_t)__builtin_ctzl(free);
    gc_store(atb, unit, word | (gc_word)1 << bit);
    ++gc->allocated;
    *address = area->pool + unit * (GC_PER * HS_GC_BLOCK) + bit * (HS_GC_BLOCK / 2);
    __builtin_memset(gc_at(gc, *address), 0, HS_GC_BLOCK); /* of fixed size: no call */
    return true;
}

/* The same after the hint has moved on to the next word with a free block. */
static __attribute__((noinline)) hs_addr take_next(hs_gc *gc, uint32_t bytes)
{
    hs_gc_area *area = &gc->first;
    uint32_t block = scan_one(gc_at(gc, area->atb), area->blocks, area->hint[0] * 32u);
    hs_addr address;
    if (block < area->blocks) {
        set_hint(area, 0, block);
        area->last_used = block < area->last_used ? area->last_used : block;
    }
    return block < area->blocks && take_one(gc, &address) ? address : alloc(gc, bytes, 0);
}
#endif

hs_addr hs_gc_alloc(hs_gc *gc, uint32_t bytes, unsigned flags)
{
#if HS_GC_FAST
    if (bytes - 1 < HS_GC_BLOCK && (flags | gc->lock) == 0 && gc->allocated < gc->threshold) {
        hs_addr address;
        return take_one(gc, &address) ? address : take_next(gc, bytes);
    }
#endif
    return alloc(gc, bytes, flags);
}

/* Frees `count` blocks from `block` on. */
static void give_back(hs_gc *gc, hs_gc_area *area, uint32_t block, uint32_t count)
{
    fill(gc_at(gc, area->atb), block, count, 0);
    lower_hints(gc, area, block);
    gc_note_freed(gc, count);
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

/* Makes the object of `have` blocks one of `want` where it is. */
static bool resize(hs_gc *gc, hs_gc_area *area, uint32_t block, uint32_t have, uint32_t want)
{
    if (want < have) {
        give_back(gc, area, block + want, have - want);
    } else if (want > have) {
        uint32_t more = want - have;
        if (hs_gc_run(gc, area, block + have, more, 0) != more) {
            return false;
        }
        claim(gc, area, block + have, more);
#if HS_GC_STATS
        gc->older += more;
#endif
    }
    return true;
}

/* A new object with the contents of the old one, which is freed. */
static hs_addr move(hs_gc *gc, hs_addr address, uint32_t bytes, uint32_t have, unsigned flags)
{
    gc->held = address;
    hs_addr fresh = hs_gc_alloc(gc, bytes, flags);
    gc->held = 0;
    if (fresh != 0) {
        memcpy(gc_at(gc, fresh), gc_at(gc, address), (size_t)have * HS_GC_BLOCK);
        hs_gc_free(gc, address);
    }
    return fresh;
}

hs_addr hs_gc_realloc(hs_gc *gc, hs_addr address, uint32_t bytes, bool allow_move)
{
    uint32_t have = 0; /* no object: one of no blocks moves */
    unsigned flags = 0;
    if (address != 0) {
        if (bytes == 0) {
            hs_gc_free(gc, address);
            return 0;
        }
        uint32_t block;
        hs_gc_area *area;
        if (gc->lock != 0 || (area = hs_gc_locate_object(gc, address, &block)) == NULL) {
            return 0;
        }
        have = gc_length(gc, area, block);
        if (resize(gc, area, block, have, (bytes + HS_GC_BLOCK - 1) / HS_GC_BLOCK)) {
            return address;
        }
        if (!allow_move) {
            return 0;
        }
#if HS_GC_FINALISER
        flags = gc_ftb_bit(gc_at(gc, area->ftb), block) ? HS_GC_WITH_FINALISER : 0;
#endif
    }
    return move(gc, address, bytes, have, flags);
}

uint32_t hs_gc_nbytes(const hs_gc *gc, hs_addr address)
{
    uint32_t block;
    const hs_gc_area *area = hs_gc_locate_object(gc, address, &block);
    return area == NULL ? 0 : gc_length(gc, area, block) * HS_GC_BLOCK;
}

/* Mark and sweep. */
#include "device/gc_inner.h"

/* Mark -----------------------------------------------------------------------------------------*/

/* Marks the head at `address` if it is one that has no mark yet. */
static inline bool mark(const hs_gc *gc, hs_addr address)
{
#if HS_GC_AREAS
    if (gc_offset(address, gc->low) >= gc->span) {
        return false;
    }
#endif
    uint32_t block;
    const hs_gc_area *area = gc_locate(gc, address, &block);
    if (area == NULL) {
        return false;
    }
    uint8_t *state = (uint8_t *)gc_at(gc, area->atb) + block / 4;
    uint32_t shift = block % 4 * 2;
    if ((*state >> shift & 3u) != HS_GC_HEAD) {
        return false;
    }
    *state |= (uint8_t)(HS_GC_MARK << shift);
    return true;
}

/* Marks what `count` words point to and pushes it; the new depth of the stack. */
static uint32_t mark_words(hs_gc *gc, const uint32_t *words, size_t count, uint32_t depth)
{
    for (const uint32_t *end = words + count; words < end; ++words) {
        if (mark(gc, *words)) {
            if (depth < HS_GC_STACK_SIZE) {
                gc->stack[depth++] = *words;
            } else {
                gc->overflow = true;
            }
        }
    }
    return depth;
}

/* Scans one marked object and all that it reaches. */
static void mark_from(hs_gc *gc, hs_addr address)
{
    uint32_t depth = 0;
    for (;;) {
        uint32_t block;
        const hs_gc_area *area = gc_locate(gc, address, &block);
        uint32_t blocks = hs_gc_length(gc, area, block);
        depth = mark_words(gc, gc_words(gc, address), (size_t)blocks * (HS_GC_BLOCK / 4), depth);
        if (depth == 0) {
            return;
        }
        address = gc->stack[--depth];
    }
}

void hs_gc_collect_root(hs_gc *gc, const uint32_t *words, size_t count)
{
    for (; count != 0; --count, ++words) {
        if (mark(gc, *words)) {
            mark_from(gc, *words);
        }
    }
}

void hs_gc_collect_start(hs_gc *gc)
{
    gc->lock |= GC_COLLECT;
    gc->allocated = 0;
    gc->overflow = false;
    hs_gc_collect_root(gc, &gc->held, 1);
    hs_gc_collect_root(gc, &gc->tracked, 1);
}

/* Children that found the stack full are marked, but were not scanned: scan every marked object of
 * the table again. */
static void rescan(hs_gc *gc)
{
    gc->overflow = false;
#if HS_GC_STATS
    ++gc->overflows;
#endif
    for (hs_gc_area *area = &gc->first; area != NULL; area = gc_next(gc, area)) {
        const uint8_t *atb = gc_at(gc, area->atb);
        for (uint32_t block = 0; block < area->blocks; ++block) {
            if (gc_kind(atb, block) == HS_GC_MARK) {
                mark_from(gc, area->pool + block * HS_GC_BLOCK);
            }
        }
    }
}

/* Sweep ----------------------------------------------------------------------------------------*/

/* Blocks of the area that a sweep must look at. */
static uint32_t swept_blocks(const hs_gc *gc, const hs_gc_area *area)
{
    return gc_has_last(gc) && area->last_used < area->blocks ? area->last_used + 1 : area->blocks;
}

#if HS_GC_FINALISER
/* Calls the finalisers of dead objects, ascending. A finaliser may free objects further on, so each
 * bit is read when its turn comes. */
static void finalise(hs_gc *gc, const hs_gc_area *area)
{
    uint8_t *ftb = gc_at(gc, area->ftb);
    uint32_t blocks = swept_blocks(gc, area);
    for (uint32_t base = 0; base < blocks; base += 8, ++ftb) {
        for (uint32_t bit = 0; *ftb >> bit != 0; ++bit) {
            if ((*ftb >> bit & 1u) == 0 ||
                gc_kind(gc_at(gc, area->atb), base + bit) != HS_GC_HEAD) {
                continue;
            }
            *ftb &= (uint8_t) ~(1u << bit);
            hs_addr address = area->pool + (base + bit) * HS_GC_BLOCK;
            if (*gc_words(gc, address) != 0) {
                gc->hooks->finaliser(gc->context, gc, address);
            }
        }
    }
}
#endif

static uint32_t count_bits(gc_word word)
{
    uint32_t count = 0;
    for (; word != 0; word &= word - 1) {
        ++count;
    }
    return count;
}

/* Frees the unmarked heads of one word and their tails, unmarks the others. *carry: whether a tail
 * in the word's first pair is dead (then: the next word's). */
static gc_word sweep_word(gc_word word, gc_word heads, gc_word *carry)
{
    gc_word tails = word >> 1 & ~word & GC_LOW;
    /* Ones over each run of tails; a one added at a dead run's first pair ripples to its end. */
    gc_word runs = tails * 3;
    gc_word sum = runs + ((heads << 2 | *carry) & tails);
    *carry = (gc_word)(sum < runs) | heads >> (GC_BITS - 2);
    word &= ~((runs & ~sum) | heads);
    return word ^ (word & word << 1 & ~GC_LOW);
}

/* Sweeps an area; objects freed. */
static uint32_t sweep_area(hs_gc *gc, hs_gc_area *area)
{
    uint8_t *atb = gc_at(gc, area->atb);
    uint32_t blocks = swept_blocks(gc, area);
    uint32_t freed = 0;
    uint32_t last = 0;
    gc_word carry = 0;
    for (uint32_t base = 0; base < blocks; base += GC_PER) {
        gc_word raw = gc_load(atb, base / GC_PER);
        gc_word word = raw;
        if (area->blocks - base < GC_PER) {
            word &= gc_below(area->blocks - base);
        }
        gc_word heads = word & ~(word >> 1) & GC_LOW;
        gc_word kept = sweep_word(word, heads, &carry);
        gc_store(atb, base / GC_PER, raw ^ word ^ kept);
        freed += count_bits(heads);
#if HS_GC_STATS
        gc->used -= count_bits(gc_used(word)) - count_bits(gc_used(kept));
#endif
        if (gc_has_last(gc) && kept != 0) {
            last = base + gc_highest(kept);
        }
    }
    if (gc_has_last(gc)) {
        area->last_used = last;
    }
    for (uint32_t i = 0; i < HS_GC_HINTS; ++i) {
        area->hint[i] = 0;
    }
    return freed;
}

static uint32_t sweep(hs_gc *gc)
{
    uint32_t freed = 0;
#if HS_GC_FINALISER
    if (gc_is(gc, finaliser_first)) {
        for (hs_gc_area *area = &gc->first; area != NULL; area = gc_next(gc, area)) {
            finalise(gc, area);
        }
    }
#endif
    hs_gc_area *before = NULL;
    for (hs_gc_area *area = &gc->first, *next; area != NULL; area = next) {
        next = gc_next(gc, area);
#if HS_GC_FINALISER
        if (!gc_is(gc, finaliser_first)) {
            finalise(gc, area);
        }
#endif
        freed += sweep_area(gc, area);
#if HS_GC_AREAS == 2
        if (gc_mode(gc) == HS_GC_AUTO && before != NULL && area->last_used == 0) {
            hs_gc_release(gc, before, area);
            continue;
        }
#endif
        before = area;
    }
    gc->lock &= ~GC_COLLECT;
    return freed;
}

void hs_gc_collect_end(hs_gc *gc)
{
    while (gc->overflow) {
        rescan(gc);
    }
    uint32_t freed = sweep(gc);
#if HS_GC_STATS
    ++gc->collects;
#endif
    gc_event(gc, HS_GC_EVENT_COLLECT, freed, 0);
}

uint32_t hs_gc_sweep_all(hs_gc *gc)
{
    gc->lock |= GC_COLLECT;
    gc->tracked = 0;
    return sweep(gc);
}

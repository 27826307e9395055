/* Mark and sweep. */
#include "gc_inner.h"

/* Mark -----------------------------------------------------------------------------------------*/

/* What a word must lie in to be looked up: all pools, of one area or many. */
#if HS_GC_AREAS
#define window_low(gc)  ((gc)->low)
#define window_span(gc) ((gc)->span)
#else
#define window_low(gc)  ((gc)->first.pool)
#define window_span(gc) ((gc)->first.blocks)
#endif

#if HS_GC_FAST
#include "gc_mark_fast.h"

void hs_gc_collect_root(hs_gc *gc, const uint32_t *words, size_t count)
{
    mark_from(gc, words, count);
}
#else
/* Marks the head that is `offset` blocks behind `low` if it has no mark yet. */
static inline bool mark(const hs_gc *gc, hs_addr low, uint32_t offset)
{
    const hs_gc_area *area = &gc->first;
    uint32_t block;
    while ((block = offset - (area->pool - low) / HS_GC_BLOCK) >= area->blocks) {
        area = gc_next(gc, area);
        if (area == NULL) {
            return false;
        }
    }
    uint8_t *state = (uint8_t *)gc_at(gc, area->atb) + block / 4;
    uint32_t shift = block % 4 * 2;
    if (((unsigned)*state >> shift & 3u) != HS_GC_HEAD) {
        return false;
    }
    *state |= (uint8_t)(HS_GC_MARK << shift);
    return true;
}

/* One root after the other, so that the stack is free for what it leads to. */
void hs_gc_collect_root(hs_gc *gc, const uint32_t *roots, size_t left)
{
    hs_addr low = window_low(gc);
    uint32_t span = window_span(gc);
    const uint32_t *words = roots;
    size_t count = 0;
    for (uint32_t depth = 0;;) {
        if (count != 0) {
            hs_addr word = *words++;
            uint32_t offset = gc_offset(word, low);
            --count;
            if (offset >= span || !mark(gc, low, offset)) {
                continue;
            }
            if (depth == HS_GC_STACK_SIZE) {
                gc->overflow = true;
            } else {
                gc->stack[depth++] = word;
            }
        } else if (depth != 0) {
            hs_addr address = gc->stack[--depth];
            words = gc_words(gc, address);
            count = hs_gc_nbytes(gc, address) / 4;
        } else if (left-- != 0) {
            words = roots++;
            count = 1;
        } else {
            return;
        }
    }
}
#endif

void hs_gc_collect_start(hs_gc *gc)
{
    gc->lock |= GC_COLLECT;
#if HS_GC_STATS
    gc->older += gc->allocated;
#endif
    gc->allocated = 0;
    gc->overflow = false;
    const hs_addr own[] = {gc->held, gc->tracked};
    hs_gc_collect_root(gc, own, 2);
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
                hs_addr address = area->pool + block * HS_GC_BLOCK;
                hs_gc_collect_root(gc, gc_words(gc, address), hs_gc_nbytes(gc, address) / 4);
            }
        }
    }
}

/* Sweep ----------------------------------------------------------------------------------------*/

/* Blocks of the area that a sweep must look at. */
static uint32_t swept_blocks(const hs_gc *gc, const hs_gc_area *area)
{
    (void)gc;
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
#if HS_GC_FAST
        while (base + 8 * sizeof(gc_word) <= blocks && gc_load_bytes(ftb) == 0) {
            base += 8 * (uint32_t)sizeof(gc_word);
            ftb += sizeof(gc_word);
        }
        if (base >= blocks) {
            break;
        }
#endif
        for (uint32_t bit = 0; *ftb >> bit != 0; ++bit) {
            if (((unsigned)*ftb >> bit & 1u) == 0 ||
                gc_kind(gc_at(gc, area->atb), base + bit) != HS_GC_HEAD) {
                continue;
            }
            *ftb &= (uint8_t) ~(1u << bit);
            hs_addr address = area->pool + (base + bit) * HS_GC_BLOCK;
            if (*gc_words(gc, address) != 0 && gc->hooks->finaliser != NULL) {
                gc->hooks->finaliser(gc->context, gc, address);
            }
        }
    }
}
#endif

/* Bits set in `word`, which has none but low bits of pairs. */
static uint32_t count_pairs(gc_word word)
{
#if HS_GC_FAST
    const gc_word nibbles = (gc_word)-1 / 15 * 3;
    const gc_word bytes = (gc_word)-1 / 255;
    word = (word & nibbles) + (word >> 2 & nibbles);
    word = (word + (word >> 4)) & bytes * 15;
    return (uint32_t)(word * bytes >> (GC_BITS - 8));
#else
    uint32_t count = 0;
    for (; word != 0; word &= word - 1) {
        ++count;
    }
    return count;
#endif
}

/* `word` without its `heads`, which are dead, and their tails. *carry: whether a tail in the word's
 * first pair is dead (then: the next word's). */
static inline gc_word bury(gc_word word, gc_word heads, gc_word *carry)
{
    gc_word tails = word >> 1 & ~word & GC_LOW;
    /* Ones over each run of tails; a one added at a dead run's first pair ripples to its end. */
    gc_word runs = tails * 3;
    gc_word sum = runs + ((heads << 2 | *carry) & tails);
    *carry = (gc_word)(sum < runs) | heads >> (GC_BITS - 2);
    return word & ~((runs & ~sum) | heads);
}

/* Frees the unmarked heads of an area, unmarks the others; objects freed. */
static uint32_t sweep_area(hs_gc *gc, hs_gc_area *area)
{
    uint8_t *atb = gc_at(gc, area->atb);
    uint32_t whole = area->blocks / GC_PER;
    uint32_t words = (swept_blocks(gc, area) + GC_PER - 1) / GC_PER;
    uint32_t freed = 0;  /* objects */
    uint32_t blocks = 0; /* of these */
    uint32_t last = 0;   /* word with a block in use, and what it holds */
    gc_word last_kept = 0;
    gc_word carry = 0;
    for (uint32_t i = 0; i < words; ++i) {
        gc_word mask = i < whole ? ~(gc_word)0 : gc_below(area->blocks % GC_PER);
        gc_word raw = gc_load(atb, i);
        gc_word kept = raw & mask;
        gc_word heads = kept & ~(kept >> 1) & GC_LOW;
        if ((heads | carry) != 0) {
            freed += count_pairs(heads);
            gc_word live = bury(kept, heads, &carry);
            if (HS_GC_STATS) {
                blocks += count_pairs(gc_used(kept ^ live));
            }
            kept = live;
        }
        kept ^= kept & kept << 1 & ~GC_LOW;
        gc_store(atb, i, kept | (raw & ~mask));
        if (kept != 0) {
            last = i;
            last_kept = kept;
        }
    }
    gc_note_freed(gc, blocks);
    if (gc_has_last(gc)) {
        /* Beyond block 0, which releases ask for, the word is enough. */
        area->last_used = last * GC_PER + (last_kept > HS_GC_MARK ? GC_PER - 1 : 0);
    }
    gc_reset_hints(area);
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
#if HS_GC_AREAS == 2
    hs_gc_area *before = NULL;
#endif
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
        before = area;
#endif
    }
    gc->lock &= ~GC_COLLECT;
    return freed;
}

uint32_t hs_gc_collect_end(hs_gc *gc)
{
    while (gc->overflow) {
        rescan(gc);
    }
    uint32_t freed = sweep(gc);
#if HS_GC_STATS
    ++gc->collects;
#endif
    gc_event(gc, HS_GC_EVENT_COLLECT, freed, 0);
    return freed;
}

uint32_t hs_gc_sweep_all(hs_gc *gc)
{
    gc->lock |= GC_COLLECT;
    gc->tracked = 0;
    return sweep(gc);
}

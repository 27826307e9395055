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

#if HS_GC_FAST
typedef uint32_t quad __attribute__((vector_size(16)));
typedef int32_t signed_quad __attribute__((vector_size(16)));

/* Whether one of four words lies in the window: one vector comparison, signed because machines have
 * no other, hence the flipped top bits. Alignment is left to the look-up. */
static inline bool any_inside(const uint32_t *words, hs_addr low, uint32_t span)
{
    quad four;
    __builtin_memcpy(&four, words, sizeof four);
    int32_t bytes = (int32_t)(span * HS_GC_BLOCK ^ 0x80000000u);
    signed_quad inside = (signed_quad)(four - (low ^ 0x80000000u)) < bytes;
    uint64_t halves[2];
    __builtin_memcpy(halves, &inside, sizeof halves);
    return (halves[0] | halves[1]) != 0;
}
#endif

/* Marks what a word points to and pushes it; the new depth of the stack. */
static inline uint32_t mark_word(hs_gc *gc, hs_addr word, hs_addr low, uint32_t span,
                                 uint32_t depth)
{
    uint32_t offset = gc_offset(word, low);
    if (offset >= span || !mark(gc, low, offset)) {
        return depth;
    }
    if (depth == HS_GC_STACK_SIZE) {
        gc->overflow = true;
        return depth;
    }
    gc->stack[depth] = word;
    return depth + 1;
}

/* The same for `count` words. */
static inline uint32_t mark_words(hs_gc *gc, const uint32_t *words, size_t count, uint32_t depth)
{
    hs_addr low = window_low(gc);
    uint32_t span = window_span(gc);
#if HS_GC_FAST
    for (; count >= 4; count -= 4, words += 4) {
        if (any_inside(words, low, span)) {
            depth = mark_word(gc, words[0], low, span, depth);
            depth = mark_word(gc, words[1], low, span, depth);
            depth = mark_word(gc, words[2], low, span, depth);
            depth = mark_word(gc, words[3], low, span, depth);
        }
    }
#endif
    for (; count != 0; --count, ++words) {
        depth = mark_word(gc, *words, low, span, depth);
    }
    return depth;
}

/* Scans what the stack holds and all that it reaches. */
static void drain(hs_gc *gc, uint32_t depth)
{
    while (depth != 0) {
        hs_addr address = gc->stack[--depth];
        uint32_t block;
        const hs_gc_area *area = gc_locate(gc, address, &block);
        uint32_t words = gc_length(gc, area, block) * (HS_GC_BLOCK / 4);
        depth = mark_words(gc, gc_words(gc, address), words, depth);
    }
}

#define ROOTS_AT_ONCE (HS_GC_STACK_SIZE / 4)

void hs_gc_collect_root(hs_gc *gc, const uint32_t *words, size_t count)
{
    while (count != 0) {
        size_t part = count < ROOTS_AT_ONCE ? count : ROOTS_AT_ONCE;
        drain(gc, mark_words(gc, words, part, 0));
        words += part;
        count -= part;
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
                gc->stack[0] = area->pool + block * HS_GC_BLOCK;
                drain(gc, 1);
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
        gc_word carry_in = carry;
        gc_word kept = sweep_word(word, heads, &carry);
        gc_store(atb, base / GC_PER, raw ^ word ^ kept);
        if ((heads | carry_in) != 0) {
            freed += count_pairs(heads);
#if HS_GC_STATS
            gc->used -= count_pairs(gc_used(word) ^ gc_used(kept));
#endif
        }
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

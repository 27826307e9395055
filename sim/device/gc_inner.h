/* Shared by gc*.c: table words, lookup of addresses. Not for users of the collector.
 *
 * The ATB is read in machine words, each a row of 2-bit pairs, lowest block in the lowest bits; the
 * targets and hosts are little-endian. A word may reach past the table's end: what lies there (gap,
 * FTB, slack, the pool's first bytes) belongs to the same area, and is masked or written back as
 * is.
 */
#ifndef HS_DEVICE_GC_INNER_H
#define HS_DEVICE_GC_INNER_H

#include "gc.h"
#include "memory.h"

typedef uintptr_t gc_word;

#define GC_PER     ((uint32_t)sizeof(gc_word) * 4u) /* blocks per word */
#define GC_BITS    (GC_PER * 2u)
#define GC_LOW     ((gc_word)-1 / 3u) /* the low bit of every pair */
#define GC_TAILS   (GC_LOW << 1)
#define GC_NONE    0xffffffffu
#define GC_COLLECT 1u /* bit of hs_gc.lock */

#ifdef HS_GC_VERSION
/* Release and mode are constants here, and every test of them folds away. */
#define gc_is(gc, member)             (HS_GC_VERSION_##member)
#define gc_mode(gc)                   ((hs_gc_mode)HS_GC_AREAS)
#define HS_GC_VERSION_gap             (HS_GC_VERSION >= 1)
#define HS_GC_VERSION_header          (HS_GC_VERSION >= 2 ? 32u : 28u)
#define HS_GC_VERSION_growth          (HS_GC_VERSION >= 3 ? 2 : HS_GC_VERSION == 2)
#define HS_GC_VERSION_finaliser_first (HS_GC_VERSION >= 4)
#else
#define gc_is(gc, member) ((gc)->version->member)
#define gc_mode(gc)       ((gc)->mode)
#endif

/* Whether this release knows hs_gc_area.last_used. */
#define gc_has_last(gc) (HS_GC_AREAS != 0 && gc_is(gc, header) > 28u)

static inline void *gc_at(const hs_gc *gc, hs_addr a)
{
#if UINTPTR_MAX > 0xffffffffu
    return gc->space + a;
#else
    (void)gc;
    return hs_at(NULL, a);
#endif
}

static inline uint32_t *gc_words(const hs_gc *gc, hs_addr a)
{
    return (uint32_t *)gc_at(gc, a);
}

static inline hs_gc_area *gc_next(const hs_gc *gc, const hs_gc_area *area)
{
#if HS_GC_AREAS
    return area->next == 0 ? NULL : (hs_gc_area *)gc_at(gc, area->next);
#else
    (void)gc;
    (void)area;
    return NULL;
#endif
}

/* Tables start at multiples of 4, which is all that a 32-bit word needs. */
static inline gc_word gc_load(const uint8_t *table, uint32_t index)
{
    gc_word word;
    __builtin_memcpy(&word, __builtin_assume_aligned(table + index * sizeof word, 4), sizeof word);
    return word;
}

static inline void gc_store(uint8_t *table, uint32_t index, gc_word word)
{
    __builtin_memcpy(__builtin_assume_aligned(table + index * sizeof word, 4), &word, sizeof word);
}

#if HS_GC_FAST
/* A word from any byte of a table. */
static inline gc_word gc_load_bytes(const uint8_t *bytes)
{
    gc_word word;
    __builtin_memcpy(&word, bytes, sizeof word);
    return word;
}
#endif

/* The pairs below pair `n` < GC_PER. */
static inline gc_word gc_below(uint32_t n)
{
    return ((gc_word)1 << 2 * n) - 1;
}

#if UINTPTR_MAX > 0xffffffffu || defined(__thumb2__) || defined(__i386__)
/* Index of the lowest pair with a bit set; `word` is not 0. */
static inline uint32_t gc_lowest(gc_word word)
{
    return (uint32_t)__builtin_ctzl(word) / 2;
}
#else
/* Without such an instruction the compiler would call its library. */
uint32_t hs_gc_lowest(gc_word word);
#define gc_lowest hs_gc_lowest
#endif

#if HS_GC_FAST
/* Index of the highest one. */
static inline uint32_t gc_highest(gc_word word)
{
    return (GC_BITS - 1 - (uint32_t)__builtin_clzl(word)) / 2;
}
#endif

/* The pairs that are not free, as their low bits. */
static inline gc_word gc_used(gc_word word)
{
    return (word | word >> 1) & GC_LOW;
}

/* Low bits of the pairs at which `want` > 0 pairs with their low bit set in `free` start; none when
 * `want` > GC_PER. Doubling: after a step each bit stands for twice the run. */
static inline gc_word gc_fold(gc_word free, uint32_t want)
{
    while (want > 1 && free != 0) {
        uint32_t half = want / 2;
        if (half >= GC_PER) {
            return 0;
        }
        free &= free >> 2 * half;
        want -= half;
    }
    return free;
}

static inline unsigned gc_kind(const uint8_t *atb, uint32_t block)
{
    return (unsigned)atb[block / 4] >> block % 4 * 2 & 3u;
}

static inline void gc_reset_hints(hs_gc_area *area)
{
#if HS_GC_FAST
    memset(area->hint, 0, sizeof area->hint);
#else
    area->first_free = 0;
#endif
}

/* Block number of `address` counted from `pool`, if it is below `blocks`: the rotation puts a low
 * bit of an address that is no multiple of 16 on top, where it fails the same comparison. */
static inline uint32_t gc_offset(hs_addr address, hs_addr pool)
{
    uint32_t distance = address - pool;
    return distance >> 4 | distance << 28;
}

/* The area and block that start at `address`, or NULL. */
static inline hs_gc_area *gc_locate(const hs_gc *gc, hs_addr address, uint32_t *block)
{
    for (const hs_gc_area *area = &gc->first; area != NULL; area = gc_next(gc, area)) {
        *block = gc_offset(address, area->pool);
        if (*block < area->blocks) {
            return (hs_gc_area *)(uintptr_t)area;
        }
    }
    return NULL;
}

/* The same for the start of an object: head or marked head. */
hs_gc_area *hs_gc_locate_object(const hs_gc *gc, hs_addr address, uint32_t *block);
/* Consecutive blocks from `block` on, at most `limit`, whose pairs are those of `pattern`. */
uint32_t hs_gc_run(const hs_gc *gc, const hs_gc_area *area, uint32_t block, uint32_t limit,
                   gc_word pattern);
/* Blocks of the object at `block`: the head and the tails behind it. */
uint32_t hs_gc_length(const hs_gc *gc, const hs_gc_area *area, uint32_t block);

/* The same; objects that end in the table word in which they begin cost no call. */
static inline uint32_t gc_length(const hs_gc *gc, const hs_gc_area *area, uint32_t block)
{
#if HS_GC_FAST
    gc_word word = gc_load(gc_at(gc, area->atb), block / GC_PER) ^ GC_TAILS;
    word = word >> block % GC_PER * 2 >> 2;
    if (word != 0 && block + 1 + gc_lowest(word) <= area->blocks) {
        return 1 + gc_lowest(word);
    }
#endif
    return hs_gc_length(gc, area, block);
}
/* Adds what there is in one area to the figures of others. */
void hs_gc_add_info(const hs_gc *gc, const hs_gc_area *area, hs_gc_info *info);
/* Makes `low` and `span` true. */
void hs_gc_bounds(hs_gc *gc);
/* Takes `area`, which follows `before`, off the list and gives its memory back. */
void hs_gc_release(hs_gc *gc, hs_gc_area *before, hs_gc_area *area);

static inline void gc_event(hs_gc *gc, hs_gc_event event, uint32_t a, uint32_t b)
{
    if (HS_GC_EVENTS && gc->hooks->event != NULL) {
        gc->hooks->event(gc->context, event, a, b);
    }
}

static inline void gc_note_freed(hs_gc *gc, uint32_t blocks)
{
#if HS_GC_STATS
    gc->fell_from = hs_gc_peak(gc);
    gc->older -= blocks;
#else
    (void)gc;
    (void)blocks;
#endif
}

static inline bool gc_ftb_bit(const uint8_t *ftb, uint32_t block)
{
    return ((unsigned)ftb[block / 8] >> block % 8 & 1u) != 0;
}

#endif

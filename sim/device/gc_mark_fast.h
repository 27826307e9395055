/* Marking on a host (HS_GC_FAST); only for gc_collect.c, which has the plain form beside it.
 *
 * Most words are no pointers, and most objects hold none: four words are compared at once with what
 * all pools span, and an object goes on the stack only if it holds such a word, as what is left of
 * it from there on. */
#ifndef HS_DEVICE_GC_MARK_FAST_H
#define HS_DEVICE_GC_MARK_FAST_H

#include "gc_inner.h"

typedef uint32_t quad __attribute__((vector_size(16)));
typedef int32_t signed_quad __attribute__((vector_size(16)));
typedef float float_quad __attribute__((vector_size(16)));

/* From the first pool's start to the last one's end; the sign is flipped, since machines compare
 * vectors of signed numbers. */
typedef struct window {
    quad low;
    signed_quad last; /* less low */
} window;

/* Words still to be looked at: at least four, a multiple of four. */
typedef struct range {
    const uint32_t *from;
    const uint32_t *end;
} range;

typedef struct marker {
    hs_gc *gc;
    uint8_t *space;
    uint8_t *atb; /* of the first area */
    hs_addr pool;
    uint32_t blocks; /* whose pair has a half word of pairs behind it in the table */
    window window;
} marker;

enum { NO_POINTER = 15, ROOTS_AT_ONCE = HS_GC_STACK_SIZE / 4 };

/* Bit i is set when word i of four is outside the window. */
static inline unsigned outside(window w, const uint32_t *words)
{
    quad four;
    __builtin_memcpy(&four, words, sizeof four);
    signed_quad out = (signed_quad)(four - w.low) > w.last;
#ifdef __SSE__
    return (unsigned)__builtin_ia32_movmskps((float_quad)out);
#else
    out &= (signed_quad){1, 2, 4, 8};
    return (unsigned)(out[0] | out[1] | out[2] | out[3]);
#endif
}

/* Passes over what holds no pointer; false: nothing is left. */
static inline bool seek_pointer(window w, range *object)
{
    while (outside(w, object->from) == NO_POINTER) {
        object->from += 4;
        if (object->from == object->end) {
            return false;
        }
    }
    return true;
}

/* Where the object at `block` ends. */
static const uint32_t *end_of(const hs_gc *gc, const hs_gc_area *area, uint32_t block)
{
    uint32_t end = block + gc_length(gc, area, block);
    return gc_words(gc, area->pool + end * HS_GC_BLOCK);
}

/* The same for an object in the first area: `pairs` are those of its blocks and of what follows,
 * head 0, tail 3. */
static inline const uint32_t *near_end(const marker *m, uint32_t block, uint64_t pairs,
                                       const uint32_t *words)
{
    size_t bits = (size_t)__builtin_ctzll(~(uint64_t)3 - pairs) & ~(size_t)1;
    if (bits > 24) { /* there may be more tails behind these 32 bits */
        return end_of(m->gc, &m->gc->first, block);
    }
    return words + bits * 2;
}

/* mark() for an object that may be in any area, and anywhere in it. */
static __attribute__((noinline)) bool mark_anywhere(const marker *m, hs_addr address, range *object)
{
    const hs_gc *gc = m->gc;
    uint32_t block;
    const hs_gc_area *area = gc_locate(gc, address, &block);
    uint8_t *table = area == NULL ? NULL : gc_at(gc, area->atb);
    if (table == NULL || gc_kind(table, block) != HS_GC_HEAD) {
        return false;
    }
    table[block / 4] |= (uint8_t)(HS_GC_MARK << block % 4 * 2);
    *object = (range){gc_words(gc, address), end_of(gc, area, block)};
    return seek_pointer(m->window, object);
}

/* Marks the object at `address`, and gives its words from the first pointer on. False: there are
 * none, there is no object, or it is marked already. */
static inline bool mark(const marker *m, window w, hs_addr address, range *object)
{
    uint32_t block = gc_offset(address, m->pool);
    if (block >= m->blocks) {
        range found;
        bool more = mark_anywhere(m, address, &found);
        *object = found;
        return more;
    }
    uint8_t *table = m->atb + block / 4;
    uint32_t shift = block * 2 % 8;
    uint32_t entries;
    __builtin_memcpy(&entries, table, sizeof entries);
    uint64_t pairs = (uint64_t)(entries ^ 0x55555555u) >> shift; /* head 0, tail 3 */
    if ((pairs & 3) != 0) {
        return false;
    }
    *table |= (uint8_t)(HS_GC_MARK << shift);
    object->from = (const uint32_t *)(const void *)(m->space + address);
    if (outside(w, object->from) != NO_POINTER) {
        object->end = near_end(m, block, pairs, object->from);
        return true;
    }
    if ((pairs & 12) != 12) { /* one block: no need to measure */
        return false;
    }
    object->end = near_end(m, block, pairs, object->from);
    object->from += 4;
    return seek_pointer(w, object);
}

/* Ranges that wait; in two arrays, which cost less to address. */
typedef struct waiting {
    const uint32_t *from[HS_GC_STACK_SIZE];
    const uint32_t *end[HS_GC_STACK_SIZE];
} waiting;

/* Marks what a word leads to; the new depth of the stack. */
static inline size_t visit(const marker *m, window w, hs_addr address, waiting *stack, size_t depth)
{
    range object;
    if (!mark(m, w, address, &object)) {
        return depth;
    }
    if (depth == HS_GC_STACK_SIZE) {
        m->gc->overflow = true;
        return depth;
    }
    stack->from[depth] = object.from;
    stack->end[depth] = object.end;
    return depth + 1;
}

/* Marks all that words, a multiple of four, lead to; so few at once that their objects fit the
 * stack. */
static __attribute__((noinline)) void mark_whole(const marker *m, const uint32_t *words,
                                                 const uint32_t *end)
{
    waiting stack;
    size_t depth = 0;
    range at = {words, words};
    const window w = m->window;
    for (;;) {
        if (at.from == at.end) {
            if (depth != 0) {
                --depth;
                at = (range){stack.from[depth], stack.end[depth]};
            } else if (words != end) {
                size_t left = (size_t)(end - words);
                at = (range){words, words + (left < ROOTS_AT_ONCE ? left : ROOTS_AT_ONCE)};
                words = at.end;
            } else {
                return;
            }
        }
        unsigned out = outside(w, at.from);
        if (out != NO_POINTER) {
            depth = (out & 1) != 0 ? depth : visit(m, w, at.from[0], &stack, depth);
            depth = (out & 2) != 0 ? depth : visit(m, w, at.from[1], &stack, depth);
            depth = (out & 4) != 0 ? depth : visit(m, w, at.from[2], &stack, depth);
            depth = (out & 8) != 0 ? depth : visit(m, w, at.from[3], &stack, depth);
        }
        at.from += 4;
    }
}

static void mark_from(hs_gc *gc, const uint32_t *words, size_t count)
{
    if (count == 0) { /* then `words` may be NULL */
        return;
    }
    const hs_gc_area *area = &gc->first;
    uint32_t low = window_low(gc) ^ 0x80000000u;
    int32_t last = (int32_t)((window_span(gc) * HS_GC_BLOCK - 1) ^ 0x80000000u);
    const marker m = {.gc = gc,
                      .space = gc_at(gc, 0),
                      .atb = gc_at(gc, area->atb),
                      .pool = area->pool,
                      .blocks = area->blocks < 16 ? 0 : area->blocks - 16,
                      .window = {{low, low, low, low}, {last, last, last, last}}};
    size_t whole = count / 4 * 4;
    mark_whole(&m, words, words + whole);
    if (whole != count) {
        uint32_t rest[4] = {0};
        memcpy(rest, words + whole, (count - whole) * sizeof *words);
        mark_whole(&m, rest, rest + 4);
    }
}

#endif

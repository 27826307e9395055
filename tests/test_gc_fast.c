/* The collector's ways for speed, which change no result: search hints as they should be, not just
 * true; marking four words at once, wherever the pointer is; the sweep by addition, wherever dead
 * objects begin and end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "device/gc.h"
#include "random.h"
#include "space.h"

#define BASE 0x3ffb0000u
#define LOW  0x3ffae000u /* just below the first */
#define MORE 0x3ffc0000u
#define FAR  0x3c000000u
#define AREA 0x2000u

static struct {
    hs_gc gc;
    void *space;
    uint32_t roots[100];
    uint32_t count;
} b;

static void give_roots(void *context, hs_gc *gc)
{
    (void)context;
    hs_gc_collect_root(gc, b.roots, b.count);
}

static const hs_gc_hooks hooks = {give_roots, NULL, NULL, NULL, NULL, NULL};

static void make(const char *target, uint32_t size)
{
    memset(b.roots, 0, sizeof b.roots);
    b.count = 0;
    memset(&b.gc, 0xff, sizeof b.gc);
    assert_true(hs_gc_init(&b.gc, b.space, hs_gc_version_find(target), hs_gc_mode_find(target),
                           BASE, size, &hooks, NULL));
}

static uint32_t *words(hs_addr a)
{
    return hs_at(b.space, a);
}

static hs_addr get(uint32_t blocks)
{
    hs_addr a = hs_gc_alloc(&b.gc, blocks * HS_GC_BLOCK, 0);
    assert_int_not_equal(a, 0);
    return a;
}

static bool alive(hs_addr a)
{
    return hs_gc_nbytes(&b.gc, a) != 0;
}

static void expect_sound(void)
{
    const char *wrong = hs_gc_check(&b.gc, NULL);
    assert_string_equal(wrong == NULL ? "sound" : wrong, "sound");
}

/* --- hints ------------------------------------------------------------------------------------ */

/* Units of 32 blocks before which no run of 1, 3, 4, 32 free blocks starts. */
static void expect_hints(const hs_gc_area *area, const char *expected)
{
    char got[64];
    expect_sound();
    snprintf(got, sizeof got, "%u %u %u %u", area->hint[0], area->hint[1], area->hint[2],
             area->hint[3]);
    assert_string_equal(got, expected);
}

static void hints_move_on(void **state)
{
    (void)state;
    make("single-v1.25", AREA);
    hs_addr first = get(1);
    for (uint32_t i = 1; i < 64; ++i) {
        get(1);
    }
    expect_hints(&b.gc.first, "1 0 0 0"); /* the last one taken lies there */
    get(1);
    expect_hints(&b.gc.first, "2 0 0 0");
    get(2);
    expect_hints(&b.gc.first, "2 0 0 0");
    get(3);
    expect_hints(&b.gc.first, "2 2 0 0");
    get(4);
    expect_hints(&b.gc.first, "2 2 2 0");
    get(31);
    expect_hints(&b.gc.first, "2 2 2 0");
    get(32);
    expect_hints(&b.gc.first, "2 2 2 3");
    get(50);
    get(1);
    expect_hints(&b.gc.first, "5 2 2 4"); /* behind all of them, in block 187 */
    hs_gc_free(&b.gc, first + 16 * 40);
    expect_hints(&b.gc.first, "1 2 2 4");
    hs_gc_free(&b.gc, first + 16 * 41);
    expect_hints(&b.gc.first, "1 2 2 4"); /* a run of two */
    hs_gc_free(&b.gc, first + 16 * 42);
    expect_hints(&b.gc.first, "1 1 2 4");
    hs_gc_free(&b.gc, first + 16 * 39);
    expect_hints(&b.gc.first, "1 1 1 4");
    hs_gc_free(&b.gc, first);
    expect_hints(&b.gc.first, "0 1 1 4");
    hs_gc_collect(&b.gc);
    expect_hints(&b.gc.first, "0 0 0 0");
}

/* 31 free blocks are no run of 32. */
static void hints_by_a_block(void **state)
{
    (void)state;
    static const struct {
        uint32_t blocks;
        const char *hints;
    } cases[] = {{1, "0 1 1 1"}, {2, "0 1 1 1"},  {3, "0 0 1 1"},
                 {4, "0 0 0 1"}, {31, "0 0 0 1"}, {32, "0 0 0 0"}};
    for (uint32_t i = 0; i < sizeof cases / sizeof cases[0]; ++i) {
        make("single-v1.25", AREA);
        hs_addr first = get(cases[i].blocks);
        get(40 - cases[i].blocks);
        get(1);
        get(3);
        get(4);
        get(32);
        expect_hints(&b.gc.first, "1 1 1 1");
        hs_gc_free(&b.gc, first);
        expect_hints(&b.gc.first, cases[i].hints);
    }
}

/* Hints have 16 bits: what lies behind 65535 units, 32 MiB, is searched from there on. */
static void hints_of_a_long_area(void **state)
{
    (void)state;
    const uint32_t most = 0xffff * 32;
    assert_int_equal(hs_space_commit(b.space, FAR, 40u << 20), 0);
    make("single-v1.25", AREA);
    assert_true(hs_gc_init(&b.gc, b.space, hs_gc_version_find("v1.25"), HS_GC_SINGLE, FAR,
                           40u << 20, &hooks, NULL));
    hs_addr first = get(most - 32);
    get(32);
    expect_hints(&b.gc.first, "0 0 0 65534");
    hs_addr last = get(96);
    get(1);
    get(3);
    get(4);
    expect_hints(&b.gc.first, "65535 65535 65535 65535");
    assert_int_equal(get(1), first + (most + 96 + 8) * HS_GC_BLOCK);
    hs_gc_free(&b.gc, last);
    assert_int_equal(get(2), last);
    assert_int_equal(get(1), last + 32);
    expect_hints(&b.gc.first, "65535 65535 65535 65535");
    hs_gc_free(&b.gc, first);
    expect_hints(&b.gc.first, "0 0 0 0");
}

/* What is full counts as searched to its end. */
static void hints_of_a_full_area(void **state)
{
    (void)state;
    make("single-v1.25", 2100);
    assert_int_equal(b.gc.first.blocks, 124);
    hs_gc_enable(&b.gc, false);
    get(124);
    for (uint32_t blocks = 1; blocks <= 40; ++blocks) {
        assert_int_equal(hs_gc_alloc(&b.gc, blocks * HS_GC_BLOCK, 0), 0);
    }
    expect_hints(&b.gc.first, "3 3 3 3");
}

static bool is_free(const hs_gc_area *area, uint32_t block)
{
    return hs_gc_block_kind(&b.gc, area, block) == HS_GC_FREE;
}

/* The same as the collector's, block by block: within 32 blocks from the table byte 16 blocks
 * before, how long is the run of free blocks around `block`? What leaves them is long. */
static void lower(const hs_gc_area *area, uint32_t block, uint16_t hints[HS_GC_HINTS])
{
    static const uint32_t runs[HS_GC_HINTS] = {1, 3, 4, 32};
    uint32_t from = block < 16 ? 0 : block / 4 * 4 - 16;
    uint32_t start = block;
    uint32_t end = block;
    while (start > from && is_free(area, start - 1)) {
        --start;
    }
    while (end < from + 32 && is_free(area, end)) {
        ++end;
    }
    bool leaves = (start == from && from != 0) || end == from + 32;
    for (uint32_t i = 0; i < HS_GC_HINTS; ++i) {
        uint32_t unit = (start == from && from != 0 ? (block < 31 ? 0 : block - 31) : start) / 32;
        if ((leaves || end - start >= runs[i]) && unit < hints[i]) {
            hints[i] = (uint16_t)unit;
        }
    }
}

static uint32_t random_state;

static uint32_t next_random(uint32_t below)
{
    return random_next(&random_state) % below;
}

static void hints_fall_no_further(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 100; ++seed) {
        random_state = seed * 2654435761u;
        make("single-v1.25", AREA);
        hs_gc_enable(&b.gc, false);
        hs_addr live[480];
        uint32_t count = 0;
        while (count < 480 && (live[count] = hs_gc_alloc(&b.gc, 1 + next_random(80), 0)) != 0) {
            ++count;
        }
        while (count != 0) {
            hs_gc_alloc(&b.gc, 16 * (1 + next_random(40)), 0); /* moves hints */
            hs_gc_area *area = &b.gc.first;
            hs_gc_area before = *area;
            uint32_t i = next_random(count);
            uint32_t block = (live[i] - area->pool) / HS_GC_BLOCK;
            hs_gc_free(&b.gc, live[i]);
            live[i] = live[--count];
            lower(area, block, before.hint);
            if (memcmp(before.hint, area->hint, sizeof area->hint) != 0) {
                fail_msg("seed %u: block %u: %u %u %u %u, expected %u %u %u %u", seed, block,
                         area->hint[0], area->hint[1], area->hint[2], area->hint[3], before.hint[0],
                         before.hint[1], before.hint[2], before.hint[3]);
            }
        }
        expect_sound();
    }
}

/* --- marking ---------------------------------------------------------------------------------- */

/* An object of each length, `before` blocks into an area, keeps what any one of its words names. */
static void expect_every_word(uint32_t before, uint32_t length)
{
    hs_addr filler = before == 0 ? 0 : get(before);
    hs_addr holder = get(length);
    hs_addr held = get(1);
    for (uint32_t i = 0; i < length * 4; ++i) {
        b.roots[0] = holder;
        b.count = 1;
        words(holder)[i] = held;
        hs_gc_collect(&b.gc);
        if (!alive(holder) || !alive(held) || alive(filler)) {
            fail_msg("%u blocks behind %u: word %u holds nothing", length, before, i);
        }
        words(holder)[i] = 0;
        assert_int_equal(hs_gc_nbytes(&b.gc, holder), length * HS_GC_BLOCK);
    }
    hs_gc_collect(&b.gc);
    assert_true(alive(holder));
    assert_false(alive(held)); /* no word behind the object's end counts */
    b.count = 0;
    hs_gc_collect(&b.gc);
    assert_int_equal(hs_gc_used(&b.gc), 0);
    expect_sound();
}

static void every_word_of_an_object(void **state)
{
    (void)state;
    for (uint32_t length = 1; length < 48; ++length) {
        make("single-v1.25", AREA);
        for (uint32_t before = 0; before < 5; ++before) {
            expect_every_word(before, length);
        }
        expect_every_word(14, length);
        expect_every_word(31, length);
        expect_every_word(b.gc.first.blocks - length - 1, length); /* up to the area's end */
    }
}

/* The word behind an object is not its own, and the object's length is told right at the end of
 * the table, where other tables follow. */
static void no_word_behind_an_object(void **state)
{
    (void)state;
    for (uint32_t length = 1; length < 48; ++length) {
        make("single-v1.25", AREA);
        uint32_t blocks = b.gc.first.blocks;
        for (uint32_t before = 0; before + length < blocks - 1; before += 29) {
            if (before != 0) {
                get(before);
            }
            b.roots[0] = get(length);
            b.count = 1;
            hs_addr behind = get(1);
            hs_addr other = before + length + 1 < blocks ? get(1) : 0;
            words(behind)[0] = other;
            hs_gc_collect(&b.gc);
            assert_int_equal(hs_gc_used(&b.gc), length);
            b.count = 0;
            hs_gc_collect(&b.gc);
        }
    }
}

/* Roots by any number, at any place; objects in areas below and above the first one. */
static void every_root(void **state)
{
    (void)state;
    make("noauto-v1.25", AREA);
    assert_true(hs_gc_add(&b.gc, MORE, AREA));
    assert_true(hs_gc_add(&b.gc, LOW, AREA));
    uint32_t all = b.gc.first.blocks;
    for (uint32_t area = 0; area < 3; ++area) {
        for (uint32_t count = 1; count <= 40; ++count) {
            for (uint32_t i = 0; i < area; ++i) {
                get(all - (i != 0 ? 8 : 0)); /* added areas are shorter by a header */
            }
            get(100);
            hs_addr object = get(9);
            hs_addr last = get(3);
            words(object)[35] = last;
            b.count = count;
            b.roots[count - 1] = object;
            hs_gc_collect(&b.gc);
            assert_int_equal(hs_gc_used(&b.gc), 12);
            b.roots[count - 1] = object + 4; /* no object's start */
            b.roots[0] = count > 1 ? object + 16 : 0;
            hs_gc_collect(&b.gc);
            assert_int_equal(hs_gc_used(&b.gc), 0);
            memset(b.roots, 0, sizeof b.roots);
        }
        expect_sound();
    }
}

/* A word just outside of all pools names nothing; the first and the last block do. */
static void the_ends_of_the_pools(void **state)
{
    (void)state;
    make("noauto-v1.25", AREA);
    assert_true(hs_gc_add(&b.gc, MORE, AREA));
    hs_addr first = b.gc.first.pool;
    hs_addr end = MORE + AREA;
    while (hs_gc_alloc(&b.gc, 1, 0) != 0) {
        b.count = 0;
        hs_gc_enable(&b.gc, false);
    }
    b.count = 4;
    b.roots[0] = first;
    b.roots[1] = end - 16;
    b.roots[2] = first - 16;
    b.roots[3] = end;
    hs_gc_collect(&b.gc);
    assert_int_equal(hs_gc_used(&b.gc), 2);
    assert_true(alive(first));
    assert_true(alive(end - 16));
    expect_sound();
}

/* Up to 64 objects wait; one more overflows, and the tables are gone through again. */
static void expect_overflow(bool added, uint32_t children)
{
    make("noauto-v1.25", AREA);
    if (added) {
        assert_true(hs_gc_add(&b.gc, MORE, AREA));
        b.roots[b.count++] = get(b.gc.first.blocks);
    }
    uint32_t used = hs_gc_used(&b.gc) + 20 + 2 * children;
    hs_addr last = get(1);     /* the last to be met is the first in its area, */
    words(get(1))[0] = get(1); /* and behind it lie dead objects */
    hs_addr root = b.roots[b.count++] = get(20);
    for (uint32_t i = 0; i < children; ++i) {
        words(root)[i] = i + 1 < children ? get(1) : last;
        words(words(root)[i])[3] = get(1); /* so that it waits for its turn */
    }
    words(get(1))[0] = get(1); /* the same behind all others */
    hs_gc_collect(&b.gc);
    assert_int_equal(hs_gc_used(&b.gc), used);
    assert_int_equal(b.gc.overflows, children > HS_GC_STACK_SIZE);
    expect_sound();
}

static void the_mark_stack(void **state)
{
    (void)state;
    for (uint32_t children = 60; children < 70; ++children) {
        expect_overflow(false, children);
        expect_overflow(true, children);
    }
}

/* Many roots are looked at in parts, so that what each leads to finds room on the stack. */
static void many_roots(void **state)
{
    (void)state;
    make("single-v1.25", AREA);
    for (uint32_t i = 0; i < 100; ++i) {
        b.roots[i] = get(1);
        words(b.roots[i])[3] = get(1);
    }
    b.count = 100;
    hs_gc_collect(&b.gc);
    assert_int_equal(hs_gc_used(&b.gc), 200);
    assert_int_equal(b.gc.overflows, 0);
}

/* --- sweeping --------------------------------------------------------------------------------- */

/* Objects of `length` blocks behind `before` ones, of which those of `mask`, repeated, live. */
static void expect_swept(uint32_t before, uint32_t length, uint32_t mask)
{
    hs_addr object[12];
    make("auto-v1.25", AREA);
    if (before != 0) {
        get(before);
    }
    uint32_t dead = before != 0;
    uint32_t used = 0;
    for (uint32_t i = 0; i < 12; ++i) {
        object[i] = get(length);
        if ((mask >> i % 4 & 1) != 0) {
            b.roots[b.count++] = object[i];
            used += length;
        } else {
            ++dead;
        }
    }
    hs_gc_collect_start(&b.gc);
    give_roots(NULL, &b.gc);
    assert_int_equal(hs_gc_collect_end(&b.gc), dead);
    assert_int_equal(hs_gc_used(&b.gc), used);
    for (uint32_t i = 0; i < 12; ++i) {
        assert_int_equal(hs_gc_nbytes(&b.gc, object[i]),
                         (mask >> i % 4 & 1) != 0 ? length * HS_GC_BLOCK : 0);
    }
    expect_sound();
}

static void sweeps(void **state)
{
    (void)state;
    for (uint32_t mask = 0; mask < 16; ++mask) {
        for (uint32_t length = 1; length < 40; ++length) {
            expect_swept(0, length, mask);
            expect_swept(1, length, mask);
            expect_swept(31, length, mask);
            expect_swept(32, length, mask);
        }
    }
}

/* last_used, up to which the next sweep looks: block 0 alone is 0, else
 * the table word's end, unless only the word's first block is in use. */
static void what_a_sweep_leaves(void **state)
{
    (void)state;
    make("noauto-v1.25", AREA);
    memset(hs_at(b.space, MORE), 0xff, AREA); /* nobody clears it */
    assert_true(hs_gc_add(&b.gc, MORE, AREA));
    const hs_gc_area *area = hs_gc_next_area(&b.gc, &b.gc.first);
    assert_int_equal(area->last_used, 0);
    expect_hints(area, "0 0 0 0");
    hs_addr filler = get(b.gc.first.blocks);
    static const struct {
        uint32_t blocks, last;
    } cases[] = {{1, 0}, {2, 31}, {32, 31}, {33, 32}, {34, 63}, {64, 63}, {65, 64}, {100, 127}};
    for (uint32_t i = 0; i < sizeof cases / sizeof cases[0]; ++i) {
        b.count = 2;
        b.roots[0] = filler;
        b.roots[1] = get(cases[i].blocks);
        assert_int_equal(area->last_used, cases[i].blocks - 1);
        get(1);
        assert_int_equal(area->last_used, cases[i].blocks);
        hs_gc_collect(&b.gc);
        assert_int_equal(area->last_used, cases[i].last);
        expect_sound();
        b.count = 1;
        hs_gc_collect(&b.gc);
        assert_int_equal(area->last_used, 0);
    }
}

/* A gap that is filled before the last block leaves last_used where it is. */
static void filling_a_gap(void **state)
{
    (void)state;
    make("noauto-v1.25", AREA);
    assert_true(hs_gc_add(&b.gc, MORE, AREA));
    const hs_gc_area *area = hs_gc_next_area(&b.gc, &b.gc.first);
    get(b.gc.first.blocks);
    for (uint32_t blocks = 1; blocks < 4; ++blocks) {
        hs_addr gap = get(blocks);
        hs_addr last = get(1);
        assert_int_equal(area->last_used, blocks);
        hs_gc_free(&b.gc, gap);
        assert_int_equal(get(blocks), gap);
        assert_int_equal(area->last_used, blocks);
        expect_sound();
        hs_gc_free(&b.gc, gap);
        hs_gc_free(&b.gc, last);
        b.count = 1;
        b.roots[0] = b.gc.first.pool;
        hs_gc_collect(&b.gc);
    }
}

static int set_up(void **state)
{
    (void)state;
    b.space = hs_space_create();
    return b.space == NULL || hs_space_commit(b.space, LOW, 0x30000) != 0;
}

static int tear_down(void **state)
{
    (void)state;
    hs_space_destroy(b.space);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hints_move_on),
        cmocka_unit_test(hints_by_a_block),
        cmocka_unit_test(hints_of_a_long_area),
        cmocka_unit_test(hints_of_a_full_area),
        cmocka_unit_test(hints_fall_no_further),
        cmocka_unit_test(every_word_of_an_object),
        cmocka_unit_test(no_word_behind_an_object),
        cmocka_unit_test(every_root),
        cmocka_unit_test(the_ends_of_the_pools),
        cmocka_unit_test(the_mark_stack),
        cmocka_unit_test(many_roots),
        cmocka_unit_test(sweeps),
        cmocka_unit_test(what_a_sweep_leaves),
        cmocka_unit_test(filling_a_gap),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

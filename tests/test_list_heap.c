/* The list allocator of IDF v3.0 to v4.2 as pictures: best fit over free blocks in order of
 * address. "U100 F896" is a heap of a used block of 100 bytes and a free one of 896 behind it. */
#include "heap_fixture.h"

#include "device/list_heap.h"
#include "device/memory.h"

enum { OVERHEAD = 36, FIRST = 28 }; /* of a region: bytes that are no data; where data start */

static void open_heap(fixture *f, uint32_t size)
{
    open_space(f);
    assert_true(lay_out(f, hs_idf_profile_find("v3.3"), OVERHEAD + size, false));
}

static hs_addr get(fixture *f, uint32_t size)
{
    return hs_heap_malloc(&f->device, &f->heap, size);
}

static hs_addr resize(fixture *f, hs_addr block, uint32_t size)
{
    return hs_heap_realloc(&f->device, &f->heap, block, size);
}

static void give(fixture *f, hs_addr block)
{
    hs_heap_free(&f->device, &f->heap, block);
}

static void expect_crash(const fixture *f, enum hs_crash reason)
{
    assert_int_equal(f->device.crash, reason);
}

/* --- malloc and free -------------------------------------------------------------------------- */

static void what_is_left_becomes_a_block(void **state)
{
    (void)state;
    fixture f;
    open_heap(&f, 1000);
    expect_heap(&f, "F1000");
    assert_int_equal(get(&f, 100), BASE + FIRST);
    expect_heap(&f, "U100 F896");
    hs_addr b = get(&f, 888);
    expect_heap(&f, "U100 U888 F4"); /* 8 bytes left: a header and the link */
    give(&f, b);
    b = get(&f, 892);
    expect_heap(&f, "U100 U896"); /* 4 left: the owner gets them */
    assert_int_equal(hs_heap_usable(&f.device, &f.heap, b), 896);
    assert_int_equal(get(&f, 1), 0);
    close_space(&f);
}

static void sizes_are_whole_words(void **state)
{
    (void)state;
    fixture f;
    open_heap(&f, 1000);
    assert_int_equal(get(&f, 0), 0);
    get(&f, 1);
    get(&f, 4);
    get(&f, 5);
    expect_heap(&f, "U4 U4 U8 F972");
    assert_int_equal(get(&f, 973), 0);
    assert_int_equal(get(&f, 0xffffffff), 0);                       /* rounds to 0 */
    assert_int_equal(hs_heap_aligned(&f.device, &f.heap, 8, 8), 0); /* not in these releases */
    close_space(&f);
}

static void the_smallest_that_fits_the_lowest_of_equals(void **state)
{
    (void)state;
    fixture f;
    open_heap(&f, 1000);
    hs_addr a = get(&f, 200);
    get(&f, 4);
    hs_addr b = get(&f, 100);
    get(&f, 4);
    hs_addr c = get(&f, 100);
    get(&f, 4);
    give(&f, c);
    give(&f, a);
    give(&f, b);
    expect_heap(&f, "F200 U4 F100 U4 F100 U4 F564");
    assert_int_equal(get(&f, 80), b);
    expect_heap(&f, "F200 U4 U80 F16 U4 F100 U4 F564");
    assert_int_equal(get(&f, 100), c);
    assert_int_equal(get(&f, 104), a);
    expect_heap(&f, "U104 F92 U4 U80 F16 U4 U100 U4 F564");
    assert_int_equal(hs_heap_largest(&f.device, &f.heap), 564); /* printed as it is */
    close_space(&f);
}

static void a_freed_block_merges_with_both_neighbours(void **state)
{
    (void)state;
    fixture f;
    open_heap(&f, 1000);
    hs_addr a = get(&f, 100);
    hs_addr b = get(&f, 200);
    hs_addr c = get(&f, 300);
    hs_addr d = get(&f, 4);
    give(&f, a);
    give(&f, c);
    expect_heap(&f, "F100 U200 F300 U4 F380");
    give(&f, b);
    expect_heap(&f, "F608 U4 F380");
    give(&f, d);
    expect_heap(&f, "F1000");
    close_space(&f);
}

/* The counter leaves headers out; the minimum is the lowest that it ever was. */
static void free_bytes_counter(void **state)
{
    (void)state;
    fixture f;
    open_heap(&f, 1000);
    hs_addr a = get(&f, 100);
    assert_int_equal(hs_heap_free_size(&f.device, &f.heap), 896);
    give(&f, a);
    assert_int_equal(hs_heap_free_size(&f.device, &f.heap), 1000);
    assert_int_equal(hs_heap_minimum(&f.device, &f.heap), 896);
    close_space(&f);
}

/* --- realloc ---------------------------------------------------------------------------------- */

static void realloc_to_less(void **state)
{
    (void)state;
    fixture f;
    open_heap(&f, 1000);
    hs_addr a = get(&f, 100);
    hs_addr b = get(&f, 100);
    expect_heap(&f, "U100 U100 F792");
    assert_int_equal(resize(&f, a, 96), a);
    expect_heap(&f, "U100 U100 F792"); /* 4 bytes are no block */
    assert_int_equal(resize(&f, b, 96), b);
    expect_heap(&f, "U100 U96 F796"); /* but they widen a free one */
    assert_int_equal(resize(&f, a, 40), a);
    expect_heap(&f, "U40 F56 U96 F796");
    assert_int_equal(resize(&f, a, 0), 0);
    expect_heap(&f, "F100 U96 F796");
    close_space(&f);
}

static void realloc_to_the_right(void **state)
{
    (void)state;
    fixture f;
    open_heap(&f, 1000);
    hs_addr a = get(&f, 100);
    hs_addr b = get(&f, 100);
    get(&f, 4);
    give(&f, b);
    expect_heap(&f, "U100 F100 U4 F784");
    assert_int_equal(resize(&f, a, 150), a);
    expect_heap(&f, "U152 F48 U4 F784");
    assert_int_equal(resize(&f, a, 204), a);
    expect_heap(&f, "U204 U4 F784");
    memset(hs_at(f.device.space, a), 0x5a, 204);
    hs_addr moved = resize(&f, a, 208);
    expect_heap(&f, "F204 U4 U208 F572");
    for (uint32_t i = 0; i < 204; i++) {
        assert_int_equal(*(uint8_t *)hs_at(f.device.space, moved + i), 0x5a);
    }
    assert_int_equal(resize(&f, moved, 2000), 0);
    assert_int_equal(resize(&f, moved, 0xfffffffe), 0);
    expect_heap(&f, "F204 U4 U208 F572");
    close_space(&f);
}

/* A growing block goes left whenever that is enough, even when the right is free as well. */
static void realloc_to_the_left(void **state)
{
    (void)state;
    fixture f;
    open_heap(&f, 1000);
    hs_addr a = get(&f, 100);
    hs_addr b = get(&f, 100);
    hs_addr c = get(&f, 100);
    get(&f, 4);
    give(&f, a);
    memset(hs_at(f.device.space, b), 0x5a, 100);
    expect_heap(&f, "F100 U100 U100 U4 F680");
    assert_int_equal(resize(&f, b, 150), a);
    expect_heap(&f, "U152 F48 U100 U4 F680");
    for (uint32_t i = 0; i < 100; i++) {
        assert_int_equal(*(uint8_t *)hs_at(f.device.space, a + i), 0x5a);
    }
    give(&f, a);
    assert_int_equal(resize(&f, c, 120), a);
    expect_heap(&f, "U120 F184 U4 F680");
    close_space(&f);
}

static void realloc_takes_both_sides(void **state)
{
    (void)state;
    fixture f;
    open_heap(&f, 1000);
    hs_addr a = get(&f, 100);
    hs_addr b = get(&f, 100);
    hs_addr c = get(&f, 100);
    hs_addr d = get(&f, 100);
    get(&f, 4);
    give(&f, b);
    give(&f, d);
    expect_heap(&f, "U100 F100 U100 F100 U4 F576");
    assert_int_equal(resize(&f, c, 290), b);
    expect_heap(&f, "U100 U292 F12 U4 F576");
    give(&f, a);
    expect_heap(&f, "F100 U292 F12 U4 F576");
    close_space(&f);
}

/* The first block of the heap is taken for a free neighbour of 4 bytes: the right one is swallowed
 * although the sum is too small, and the block moves all the same. */
static void realloc_of_the_first_block(void **state)
{
    (void)state;
    fixture f;
    open_heap(&f, 1000);
    hs_addr a = get(&f, 100);
    hs_addr b = get(&f, 100);
    get(&f, 4);
    give(&f, b);
    expect_heap(&f, "U100 F100 U4 F784");
    assert_int_equal(resize(&f, a, 204), a); /* 100 + 100 + 4: enough by right, too */
    expect_heap(&f, "U204 U4 F784");
    close_space(&f);
    open_heap(&f, 308);
    a = get(&f, 100);
    b = get(&f, 100);
    get(&f, 100);
    give(&f, b);
    expect_heap(&f, "U100 F100 U100");
    assert_int_equal(resize(&f, a, 208), 0); /* more than is free at all */
    expect_heap(&f, "U100 F100 U100");
    close_space(&f);
}

/* --- Regions ---------------------------------------------------------------------------------- */

static void regions_of_any_length(void **state)
{
    (void)state;
    fixture f;
    open_space(&f);
    const hs_idf_profile *list = hs_idf_profile_find("v4.2");
    assert_false(lay_out(&f, list, 39, false));
    assert_true(lay_out(&f, list, 40, false));
    expect_heap(&f, "F4");
    assert_true(lay_out(&f, list, 43, false)); /* whole words count */
    expect_heap(&f, "F4");
    assert_true(hs_heap_register(&f.device, &f.heap, list, BASE + 1, 43, 0, false));
    expect_heap(&f, "F4");
    assert_false(hs_heap_register(&f.device, &f.heap, list, BASE + 1, 42, 0, false));
    close_space(&f);
}

/* --- Damage ----------------------------------------------------------------------------------- */

typedef struct damage {
    fixture f;
    hs_addr a, b, c, d, e, rest;
} damage;

static void prepare(damage *t)
{
    open_heap(&t->f, 1000);
    t->a = get(&t->f, 100);
    t->b = get(&t->f, 100);
    t->c = get(&t->f, 100);
    t->d = get(&t->f, 100);
    t->e = get(&t->f, 100);
    t->rest = t->e + 104;
    give(&t->f, t->b);
    give(&t->f, t->d);
    expect_heap(&t->f, "U100 F100 U100 F100 U100 F480");
}

static void put(damage *t, hs_addr at, uint32_t value)
{
    hs_store(t->f.device.space, at, value);
    assert_false(hs_heap_check(&t->f.device, &t->f.heap));
}

static void finish(damage *t, enum hs_crash reason)
{
    expect_crash(&t->f, reason);
    close_space(&t->f);
}

/* What the device's message names is the data address of the damaged block. */
static void finish_at(damage *t, hs_addr at)
{
    assert_int_equal(t->f.device.crash_at, at);
    finish(t, HS_CRASH_CORRUPT);
}

/* A block's data start with its link, 4 behind its header; the links lead upwards. */
static void damaged_links(void **state)
{
    (void)state;
    static const uint32_t nowhere[] = {0x20000000, 0x50000000, BASE + 200 + 2, BASE + 24};
    for (size_t i = 0; i < sizeof nowhere / sizeof *nowhere; i++) {
        damage t;
        prepare(&t);
        put(&t, t.d, nowhere[i]);
        assert_int_equal(get(&t.f, 300), 0);
        finish_at(&t, t.d);
        prepare(&t);
        put(&t, t.b, nowhere[i]);
        give(&t.f, t.e);
        finish_at(&t, t.b);
        prepare(&t);
        put(&t, t.b, nowhere[i]);
        assert_int_equal(resize(&t.f, t.e, 8), 0);
        finish_at(&t, t.b);
        prepare(&t);
        put(&t, BASE + 20, i < 3 ? nowhere[i] : BASE + 16); /* the head, in the record */
        assert_int_equal(get(&t.f, 8), 0);
        assert_int_equal(hs_heap_largest(&t.f.device, &t.f.heap), 0);
        finish_at(&t, BASE + 20);
        prepare(&t);
        put(&t, t.d, nowhere[i]);
        assert_false(hs_heap_claim(&t.f.device, &t.f.heap, t.rest + 100, 16));
        finish_at(&t, t.d);
    }
}

static void damaged_headers(void **state)
{
    (void)state;
    static const uint32_t nowhere[] = {0x20000000, 0x50000000, BASE + 24};
    for (size_t i = 0; i < sizeof nowhere / sizeof *nowhere; i++) {
        damage t;
        prepare(&t);
        put(&t, t.c - 4, nowhere[i]); /* a live one */
        give(&t.f, t.c);
        finish_at(&t, t.c);
        prepare(&t);
        put(&t, t.d - 4, nowhere[i] | 1); /* the free one behind: not merged */
        give(&t.f, t.c);
        finish_at(&t, t.d);
        prepare(&t);
        put(&t, t.d - 4, nowhere[i] | 1);
        assert_int_equal(resize(&t.f, t.c, 110), 0);
        finish_at(&t, t.d);
        prepare(&t);
        put(&t, t.rest - 4, nowhere[i] | 1);
        assert_false(hs_heap_claim(&t.f.device, &t.f.heap, t.rest, 16));
        finish_at(&t, t.rest);
    }
    damage t;
    prepare(&t);
    put(&t, t.rest - 4, 0x50000000 | 1); /* looks like the largest, is the best fit for much */
    assert_int_equal(get(&t.f, 200), 0);
    finish_at(&t, t.rest);
}

/* A link that was not followed before the block was swallowed. */
static void damage_met_while_growing(void **state)
{
    (void)state;
    damage t;
    prepare(&t);
    put(&t, t.d, 0x50000000);
    assert_int_equal(resize(&t.f, t.c, 110), 0);
    finish_at(&t, BASE + 20); /* the list's head has it now */
    prepare(&t);
    assert_false(hs_heap_claim(&t.f.device, &t.f.heap, t.a, 16)); /* no free block in front */
    finish(&t, HS_CRASH_NONE);
}

static void what_is_no_block(void **state)
{
    (void)state;
    damage t;
    prepare(&t);
    give(&t.f, t.b); /* twice */
    finish(&t, HS_CRASH_NOT_USED);
    prepare(&t);
    give(&t.f, t.a + 2);
    finish(&t, HS_CRASH_NOT_USED);
    prepare(&t);
    give(&t.f, BASE + 20); /* the first block of the list, in the record */
    finish(&t, HS_CRASH_NOT_USED);
    prepare(&t);
    give(&t.f, t.f.heap.end - 4); /* the last */
    finish(&t, HS_CRASH_NOT_USED);
    prepare(&t);
    assert_int_equal(hs_heap_usable(&t.f.device, &t.f.heap, t.f.heap.end + 400), 0);
    finish(&t, HS_CRASH_NOT_USED);
    prepare(&t);
    assert_int_equal(resize(&t.f, t.d, 40), 0);
    finish(&t, HS_CRASH_NOT_USED);
}

static void check_sees_everything(void **state)
{
    (void)state;
    damage t;
    prepare(&t);
    hs_addr last = t.f.heap.end - 8;
    const struct {
        hs_addr at;
        uint32_t value;
    } words[] = {
        {BASE + 16, t.a},         /* the first block leads elsewhere */
        {BASE + 20, t.d - 4},     /* the list begins too late */
        {t.a - 4, t.a},           /* too short */
        {t.a - 4, 0x20000000},    /* back */
        {t.a - 4, 0x50000000},    /* outside */
        {t.c - 4, (t.d - 4) | 1}, /* two free ones beside one another */
        {t.a - 4, (t.b - 4) | 1}, /* free, but not listed */
        {t.b - 4, t.c - 4},       /* listed, but not free */
        {t.b, t.rest - 4},        /* one is missing */
        {t.rest, t.b - 4},        /* the list does not end */
        {last, 0},                /* the last block is not flagged */
        {BASE + 4, 1},            /* the counter */
        {BASE + 8, 5000},         /* a minimum above it */
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        uint32_t kept = hs_load(t.f.device.space, words[i].at);
        assert_true(hs_heap_check(&t.f.device, &t.f.heap));
        put(&t, words[i].at, words[i].value);
        hs_store(t.f.device.space, words[i].at, kept);
    }
    expect_heap(&t.f, "U100 F100 U100 F100 U100 F480");
    finish(&t, HS_CRASH_NONE);
}

/* All else is right: they are listed, and counted. */
static void check_sees_neighbours_that_did_not_merge(void **state)
{
    (void)state;
    damage t;
    prepare(&t);
    hs_store(t.f.device.space, t.c - 4, (t.d - 4) | 1);
    hs_store(t.f.device.space, t.b, t.c - 4);
    hs_store(t.f.device.space, t.c, t.d - 4);
    put(&t, BASE + 4, hs_load(t.f.device.space, BASE + 4) + 100);
    finish(&t, HS_CRASH_NONE);
}

static bool first_only(void *context, hs_addr address, uint32_t size, bool used)
{
    (void)address;
    (void)size;
    (void)used;
    return --*(int *)context > 0;
}

static void walks_end(void **state)
{
    (void)state;
    damage t;
    int left = 2;
    prepare(&t);
    assert_false(hs_heap_walk(&t.f.device, &t.f.heap, first_only, &left)); /* as asked */
    assert_int_equal(left, 0);
    left = 100;
    put(&t, t.c - 4, 0x50000000); /* or where the chain breaks */
    assert_false(hs_heap_walk(&t.f.device, &t.f.heap, first_only, &left));
    assert_int_equal(left, 98);
    left = 100;
    put(&t, t.c - 4, t.c);
    assert_false(hs_heap_walk(&t.f.device, &t.f.heap, first_only, &left));
    assert_int_equal(left, 98);
    finish(&t, HS_CRASH_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_left_becomes_a_block),
        cmocka_unit_test(sizes_are_whole_words),
        cmocka_unit_test(the_smallest_that_fits_the_lowest_of_equals),
        cmocka_unit_test(a_freed_block_merges_with_both_neighbours),
        cmocka_unit_test(free_bytes_counter),
        cmocka_unit_test(realloc_to_less),
        cmocka_unit_test(realloc_to_the_right),
        cmocka_unit_test(realloc_to_the_left),
        cmocka_unit_test(realloc_takes_both_sides),
        cmocka_unit_test(realloc_of_the_first_block),
        cmocka_unit_test(regions_of_any_length),
        cmocka_unit_test(damaged_links),
        cmocka_unit_test(damaged_headers),
        cmocka_unit_test(damage_met_while_growing),
        cmocka_unit_test(what_is_no_block),
        cmocka_unit_test(check_sees_everything),
        cmocka_unit_test(check_sees_neighbours_that_did_not_merge),
        cmocka_unit_test(walks_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

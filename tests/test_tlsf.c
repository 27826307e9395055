/* TLSF as pictures, release by release: what a person who reads the device's heap dump would see.
 * "U100 F896" is a heap of a used block of 100 bytes and a free one of 896 behind it. */
#include "heap_fixture.h"

#include "device/memory.h"
#include "device/tlsf.h"

/* Bytes of a region that are no data: record, control block, first header, sentinel. */
enum { FIXED = 1632, SMALL = 20 + 288 + 8 };

static void open_heap(fixture *f, const char *release, uint32_t size)
{
    open_space(f);
    assert_true(lay_out(f, hs_idf_profile_find(release), size, false));
}

static hs_addr get(fixture *f, uint32_t size)
{
    return hs_heap_malloc(&f->device, &f->heap, size);
}

static hs_addr resize(fixture *f, hs_addr block, uint32_t size)
{
    return hs_heap_realloc(&f->device, &f->heap, block, size);
}

static hs_addr get_aligned(fixture *f, uint32_t size, uint32_t align)
{
    return hs_heap_aligned(&f->device, &f->heap, size, align);
}

static void give(fixture *f, hs_addr block)
{
    hs_heap_free(&f->device, &f->heap, block);
}

static void expect_crash(const fixture *f, enum hs_crash reason)
{
    assert_int_equal(f->device.crash, reason);
}

/* --- Splitting and merging -------------------------------------------------------------------- */

static void what_is_left_becomes_a_block(void **state)
{
    (void)state;
    fixture f;
    open_heap(&f, "v4.4", FIXED + 1000);
    expect_heap(&f, "F1000");
    hs_addr first = get(&f, 100);
    assert_int_equal(first, BASE + FIXED - 4);
    expect_heap(&f, "U100 F896");
    hs_addr second = get(&f, 880);
    expect_heap(&f, "U100 U880 F12"); /* 16 bytes left: header and the smallest block */
    give(&f, second);
    expect_heap(&f, "U100 F896");
    second = get(&f, 884);
    expect_heap(&f, "U100 U896"); /* 12 left: too small, the owner gets them */
    assert_int_equal(hs_heap_usable(&f.device, &f.heap, second), 896);
    close_space(&f);
}

static void the_smallest_block_has_12_bytes(void **state)
{
    (void)state;
    fixture f;
    open_heap(&f, "v4.4", FIXED + 1000);
    assert_int_equal(get(&f, 0), 0);
    get(&f, 1);
    get(&f, 12);
    get(&f, 13);
    expect_heap(&f, "U12 U12 U16 F948");
    close_space(&f);
}

static void a_freed_block_merges_with_both_neighbours(void **state)
{
    (void)state;
    fixture f;
    open_heap(&f, "v4.4", FIXED + 1000);
    hs_addr a = get(&f, 100);
    hs_addr b = get(&f, 200);
    hs_addr c = get(&f, 300);
    get(&f, 12);
    expect_heap(&f, "U100 U200 U300 U12 F372");
    give(&f, a);
    expect_heap(&f, "F100 U200 U300 U12 F372"); /* none is free */
    give(&f, c);
    expect_heap(&f, "F100 U200 F300 U12 F372");
    give(&f, b);
    expect_heap(&f, "F608 U12 F372"); /* 100 + 200 + 300 and two headers */
    close_space(&f);
    open_heap(&f, "v4.4", FIXED + 1000);
    a = get(&f, 100);
    b = get(&f, 200);
    c = get(&f, 300);
    give(&f, a);
    give(&f, b);
    expect_heap(&f, "F304 U300 F388"); /* the left one */
    give(&f, c);
    expect_heap(&f, "F1000");
    close_space(&f);
}

/* --- Classes ---------------------------------------------------------------------------------- */

/* v4.4 has 32 classes for each power of two: from 512 to 1024 they are 16 bytes apart. */
static void a_fitting_block_may_not_be_found(void **state)
{
    (void)state;
    fixture f;
    open_heap(&f, "v4.4", FIXED + 1000);
    assert_int_equal(get(&f, 1000),
                     0); /* 1000 is inside of class 992: not every block there fits */
    expect_heap(&f, "F1000");
    assert_int_not_equal(get(&f, 992), 0);
    expect_heap(&f, "U1000");
    close_space(&f);
}

static void last_freed_first_taken(void **state)
{
    (void)state;
    fixture f;
    open_heap(&f, "v4.4", FIXED + 1000);
    hs_addr a = get(&f, 100);
    get(&f, 12);
    hs_addr b = get(&f, 100);
    get(&f, 12);
    hs_addr c = get(&f, 100);
    get(&f, 12);
    give(&f, a);
    give(&f, c);
    give(&f, b);
    expect_heap(&f, "F100 U12 F100 U12 F100 U12 F640");
    assert_int_equal(get(&f, 100), b);
    assert_int_equal(get(&f, 100), c);
    assert_int_equal(get(&f, 100), a);
    close_space(&f);
}

static void the_lowest_class_that_fits_is_cut(void **state)
{
    (void)state;
    fixture f;
    open_heap(&f, "v4.4", FIXED + 2000);
    hs_addr small = get(&f, 64);
    get(&f, 12);
    hs_addr large = get(&f, 600);
    get(&f, 12);
    give(&f, small);
    give(&f, large);
    expect_heap(&f, "F64 U12 F600 U12 F1296");
    assert_int_equal(get(&f, 80), large); /* neither the lowest address nor the largest block */
    expect_heap(&f, "F64 U12 U80 F516 U12 F1296");
    assert_int_equal(get(&f, 60), small);
    expect_heap(&f, "U64 U12 U80 F516 U12 F1296");
    close_space(&f);
}

static void requests_beyond_the_classes(void **state)
{
    (void)state;
    fixture f;
    open_heap(&f, "v4.4", FIXED + 1000);
    assert_int_equal(get(&f, 1u << 18), 0);
    assert_int_equal(get(&f, 0xfffffffd), 0); /* rounds to 0 */
    assert_int_equal(get(&f, 0xffffffff), 0);
    assert_int_equal(get_aligned(&f, 0xffffffff, 16), 0);
    assert_int_equal(get_aligned(&f, (1u << 18) - 20, 64), 0); /* fits, its search does not */
    close_space(&f);
    open_heap(&f, "v5.2", SMALL + 1000);
    assert_int_equal(get(&f, 2047), 0); /* rounds to the limit itself */
    assert_int_equal(get(&f, 2040), 0); /* its class would be that of 2048 */
    expect_heap(&f, "F1000");
    close_space(&f);
}

/* From v5.4 on a request is rounded up to its class: 8 for each power of two in a small heap. */
static void requests_rounded_to_their_class(void **state)
{
    (void)state;
    fixture f;
    open_heap(&f, "v5.2", SMALL + 1000);
    get(&f, 100);
    get(&f, 260);
    expect_heap(&f, "U100 U260 F632");
    close_space(&f);
    open_heap(&f, "v5.4", SMALL + 1000);
    hs_addr a = get(&f, 100);
    get(&f, 260);
    expect_heap(&f, "U104 U288 F600");
    assert_int_equal(resize(&f, a, 60), a); /* realloc does not round */
    expect_heap(&f, "U60 F40 U288 F600");
    get_aligned(&f, 100, 32); /* nor does aligned */
    assert_true(hs_heap_check(&f.device, &f.heap));
    close_space(&f);
}

/* --- realloc ---------------------------------------------------------------------------------- */

static void realloc_to_less(void **state)
{
    (void)state;
    fixture f;
    open_heap(&f, "v4.4", FIXED + 1000);
    hs_addr a = get(&f, 200);
    hs_addr b = get(&f, 100);
    expect_heap(&f, "U200 U100 F692");
    assert_int_equal(resize(&f, a, 188), a);
    expect_heap(&f, "U200 U100 F692"); /* 12 bytes are no block */
    assert_int_equal(resize(&f, a, 184), a);
    expect_heap(&f, "U184 F12 U100 F692");
    assert_int_equal(resize(&f, b, 40), b);
    expect_heap(&f, "U184 F12 U40 F752"); /* what falls off joins the free block behind */
    assert_int_equal(resize(&f, a, 1), a);
    expect_heap(&f, "U12 F184 U40 F752");
    assert_int_equal(resize(&f, a, 0), 0);
    expect_heap(&f, "F200 U40 F752");
    close_space(&f);
}

static void realloc_to_more(void **state)
{
    (void)state;
    fixture f;
    open_heap(&f, "v4.4", FIXED + 1000);
    hs_addr a = get(&f, 100);
    hs_addr b = get(&f, 100);
    get(&f, 100);
    give(&f, b);
    expect_heap(&f, "U100 F100 U100 F688");
    assert_int_equal(resize(&f, a, 150), a); /* into the free block behind */
    expect_heap(&f, "U152 F48 U100 F688");
    assert_int_equal(resize(&f, a, 204), a); /* all of it */
    expect_heap(&f, "U204 U100 F688");
    memset(hs_at(f.device.space, a), 0x5a, 204);
    hs_addr moved = resize(&f, a, 208); /* one word too many: moves, with its bytes */
    assert_int_equal(moved, a + 204 + 4 + 100 + 4);
    expect_heap(&f, "F204 U100 U208 F476");
    for (uint32_t i = 0; i < 204; i++) {
        assert_int_equal(*(uint8_t *)hs_at(f.device.space, moved + i), 0x5a);
    }
    assert_int_equal(resize(&f, moved, 5000), 0); /* no memory: the block stays */
    expect_heap(&f, "F204 U100 U208 F476");
    assert_int_equal(resize(&f, 0, 100), a); /* as malloc */
    close_space(&f);
}

/* Beyond the largest class: fails, or, before v4.4.4, cuts the block to nothing. */
static void realloc_beyond_the_classes(void **state)
{
    (void)state;
    fixture f;
    open_heap(&f, "v4.4.4", SMALL + 1000);
    hs_addr a = get(&f, 100);
    assert_int_equal(resize(&f, a, 5000), 0);
    expect_heap(&f, "U100 F896");
    expect_crash(&f, HS_CRASH_NONE);
    close_space(&f);
    open_heap(&f, "v4.4.3", FIXED + 1000);
    a = get(&f, 100);
    get(&f, 100);
    assert_int_equal(resize(&f, a, 1u << 18), a);
    assert_true(f.device.cut);
    expect_crash(&f, HS_CRASH_NONE);
    assert_int_equal(hs_heap_usable(&f.device, &f.heap, a), 0); /* the next use is the crash */
    expect_crash(&f, HS_CRASH_CUT_BLOCK);
    close_space(&f);
    open_heap(&f, "v4.3", FIXED + 1000); /* two of them, and a third block lives on */
    a = get(&f, 100);
    hs_addr b = get(&f, 100);
    hs_addr c = get(&f, 100);
    assert_int_equal(resize(&f, b, 1u << 18), b);
    assert_int_equal(resize(&f, a, 1u << 18), a);
    assert_int_equal(resize(&f, c, 50), c);
    assert_int_equal(hs_heap_usable(&f.device, &f.heap, c), 52);
    assert_int_equal(hs_heap_largest(&f.device, &f.heap), 0); /* the walk ends at the first */
    expect_crash(&f, HS_CRASH_NONE);
    close_space(&f);
}

/* --- aligned ---------------------------------------------------------------------------------- */

static void aligned_gaps(void **state)
{
    (void)state;
    fixture f;
    open_heap(&f, "v4.4", FIXED + 1000); /* the first block's data are at ...65c */
    hs_addr a = get_aligned(&f, 40, 8);
    assert_int_equal(a, BASE + 0x670); /* 0x660 leaves a gap of 4, too small for a block */
    expect_heap(&f, "F16 U40 F936");
    hs_addr b = get_aligned(&f, 100, 64);
    assert_int_equal(b, BASE + 0x6c0);
    expect_heap(&f, "F16 U40 F32 U100 F796");
    give(&f, a);
    expect_heap(&f, "F96 U100 F796");
    give(&f, b);
    expect_heap(&f, "F1000");
    assert_int_equal(get_aligned(&f, 1, 4), BASE + 0x65c); /* every block is */
    expect_heap(&f, "U12 F984");
    assert_int_equal(get_aligned(&f, 40, 16), BASE + 0x680);
    expect_heap(&f, "U12 F16 U40 F920");
    assert_int_equal(get_aligned(&f, 950, 64), 0);
    close_space(&f);
}

static void aligned_by_chance(void **state)
{
    (void)state;
    fixture f;
    open_heap(&f, "v4.4", FIXED + 1000);
    get(&f, 32); /* the next block's data are at ...680 */
    assert_int_equal(get_aligned(&f, 40, 128), BASE + 0x680);
    expect_heap(&f, "U32 U40 F920");              /* no gap */
    assert_int_equal(get_aligned(&f, 12, 12), 0); /* no power of two */
    assert_int_equal(get_aligned(&f, 12, 0), 0);
    assert_int_equal(get_aligned(&f, 0, 16), 0);
    /* Near 2^32 the size of the search wraps: a block is found, and stays where it is. */
    assert_int_equal(get_aligned(&f, 12, 1u << 31), BASE + 0x6ac);
    expect_heap(&f, "U32 U40 U12 F904");
    close_space(&f);
}

/* --- Figures of each release ------------------------------------------------------------------ */

static void largest_free_block_as_printed(void **state)
{
    (void)state;
    static const struct {
        const char *release;
        uint32_t overhead, f1000, f8;
    } rows[] = {
        {"v4.3", FIXED, 512, 8},   {"v4.3.2", FIXED, 992, 0}, {"v4.4", FIXED, 992, 0},
        {"v4.4.4", SMALL, 960, 8}, {"v5.0", FIXED, 992, 0},   {"v5.2", SMALL, 960, 8},
        {"v5.3", SMALL, 960, 8},   {"v5.5", SMALL, 960, 8},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        fixture f;
        open_heap(&f, rows[i].release, rows[i].overhead + 1000);
        expect_heap(&f, "F1000");
        assert_int_equal(hs_heap_largest(&f.device, &f.heap), rows[i].f1000);
        assert_int_equal(hs_heap_largest_exact(&f.device, &f.heap), 1000);
        assert_int_equal(hs_tlsf_printed(&f.heap, 8), rows[i].f8);
        assert_int_equal(hs_tlsf_printed(&f.heap, 0), 0);
        assert_true(hs_heap_claim(&f.device, &f.heap, f.heap.first + 4, 1000));
        expect_heap(&f, "U1000");
        assert_int_equal(hs_heap_largest(&f.device, &f.heap), 0);
        assert_int_equal(hs_heap_largest_exact(&f.device, &f.heap), 0);
        close_space(&f);
    }
}

/* Up to v4.3.2, and in v4.4.0 and v4.4.1, a block's header is not counted as taken. */
static void free_bytes_counter(void **state)
{
    (void)state;
    static const struct {
        const char *release;
        uint32_t overhead, taken;
    } rows[] = {{"v4.3.2", FIXED, 100}, {"v4.3.3", FIXED, 104}, {"v4.4.1", FIXED, 100},
                {"v4.4.2", FIXED, 104}, {"v5.0", FIXED, 104},   {"v5.2", SMALL, 104}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        fixture f;
        open_heap(&f, rows[i].release, rows[i].overhead + 1000);
        uint32_t before = hs_heap_free_size(&f.device, &f.heap);
        assert_int_equal(before, 1008); /* and first header and sentinel */
        hs_addr a = get(&f, 100);
        expect_heap(&f, "U100 F896");
        assert_int_equal(before - hs_heap_free_size(&f.device, &f.heap), rows[i].taken);
        give(&f, a);
        assert_int_equal(hs_heap_free_size(&f.device, &f.heap), before);
        assert_int_equal(before - hs_heap_minimum(&f.device, &f.heap), rows[i].taken);
        close_space(&f);
    }
}

/* With fixed classes the first block comes behind 1604 bytes of control block, whatever the region
 * holds; per region the control block grows with the length. */
static void first_block_of_each_length(void **state)
{
    (void)state;
    static const struct {
        const char *release;
        uint32_t size, first, row_count, columns_log;
    } rows[] = {
        {"v4.4", 7288, BASE + 1628, 12, 5},
        {"v5.2", 7288, BASE + 20 + 36 + 4 * 9 + 4 * 9 * 8 + 4, 9, 3},
        {"v5.2", 16648, BASE + 20 + 36 + 4 * 10 + 4 * 10 * 16 + 4, 10, 4},
        {"v5.2", 113840, BASE + 20 + 36 + 4 * 12 + 4 * 12 * 16 + 4, 12, 4},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        fixture f;
        open_heap(&f, rows[i].release, rows[i].size);
        assert_int_equal(f.heap.row_count, rows[i].row_count);
        assert_int_equal(f.heap.sl_log, rows[i].columns_log);
        assert_int_equal(get(&f, 4), rows[i].first);
        close_space(&f);
    }
}

/* Above 256 KiB the classes are as fine as the fixed ones. */
static void long_regions(void **state)
{
    (void)state;
    fixture f;
    open_space(&f);
    assert_int_equal(hs_space_commit(f.device.space, BASE, 512 * 1024), 0);
    assert_true(lay_out(&f, hs_idf_profile_find("v5.2"), 300 * 1024, false));
    assert_int_equal(f.heap.sl_log, 5);
    assert_int_equal(f.heap.limit, 512 * 1024);
    static const uint32_t columns[][2] = {
        {16 * 1024, 3}, {16 * 1024 + 1, 4}, {256 * 1024, 4}, {256 * 1024 + 1, 5}};
    for (size_t i = 0; i < 4; i++) { /* of the pool: what is behind the record of 20 bytes */
        assert_true(lay_out(&f, hs_idf_profile_find("v5.2"), 20 + columns[i][0], false));
        assert_int_equal(f.heap.sl_log, columns[i][1]);
    }
    /* Fixed classes grow with the chip's pool, up to 16 MiB. */
    const hs_idf_profile *fixed = hs_idf_profile_find("v4.4");
    static const uint32_t pools[][2] = {{128 * 1024, 1u << 18},
                                        {320 * 1024, 1u << 19},
                                        {4u << 20, 1u << 22},
                                        {32u << 20, 1u << 24}};
    for (size_t i = 0; i < 4; i++) {
        assert_true(hs_heap_register(&f.device, &f.heap, fixed, BASE, 8192, pools[i][0], false));
        assert_int_equal(f.heap.limit, pools[i][1]);
        assert_true(hs_heap_check(&f.device, &f.heap));
    }
    close_space(&f);
}

/* --- Damage ----------------------------------------------------------------------------------- */

/* "U100 F100 U100 F100 U100 F480": a to e, and the device addresses of their headers. */
typedef struct damage {
    fixture f;
    hs_addr a, b, c, d, e, rest;
} damage;

static void prepare(damage *t)
{
    open_heap(&t->f, "v4.4", FIXED + 1000);
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

/* A header is 4 in front of the data; the links of a free block are its first two words. */
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

static void damaged_links(void **state)
{
    (void)state;
    damage t;
    prepare(&t); /* d is the head of its class, b behind it */
    put(&t, t.d, 0x20000000);
    assert_int_equal(get(&t.f, 100), 0);
    finish(&t, HS_CRASH_CORRUPT);
    prepare(&t);
    put(&t, t.d, 0x20000000); /* merged with e, which is freed */
    give(&t.f, t.e);
    finish(&t, HS_CRASH_CORRUPT);
    prepare(&t);
    put(&t, t.b + 4, 0x20000000);
    give(&t.f, t.a);
    finish(&t, HS_CRASH_CORRUPT);
    prepare(&t);
    put(&t, t.b + 4, t.f.heap.control); /* claims to be a head that it is not */
    give(&t.f, t.a);
    finish(&t, HS_CRASH_CORRUPT);
    prepare(&t);
    put(&t, t.d - 4, (0xfff0u << 8) | 1); /* its class does not exist */
    give(&t.f, t.c);
    finish(&t, HS_CRASH_CORRUPT);
}

static void damaged_heads(void **state)
{
    (void)state;
    damage t;
    prepare(&t);
    hs_addr head = t.f.heap.heads + 4 * 25; /* row 0, 100 / 4 */
    put(&t, head, 0x20000000);
    assert_int_equal(get(&t.f, 100), 0);
    finish(&t, HS_CRASH_CORRUPT);
    prepare(&t);
    put(&t, head, 0x20000000); /* met when a block is listed in front of it */
    give(&t.f, get(&t.f, 100));
    finish(&t, HS_CRASH_CORRUPT);
    prepare(&t);
    hs_addr x = get(&t.f, 100);
    put(&t, head, 0x20000000); /* the other way: b is listed, d comes back */
    give(&t.f, x);
    finish(&t, HS_CRASH_CORRUPT);
    prepare(&t);
    put(&t, t.f.heap.bitmap, 0x80000000); /* a row that does not exist */
    assert_int_equal(get(&t.f, 3000), 0);
    assert_int_equal(hs_heap_largest(&t.f.device, &t.f.heap), 0);
    finish(&t, HS_CRASH_CORRUPT);
    prepare(&t);
    put(&t, t.f.heap.bitmap, 1u << t.f.heap.row_count); /* the first that does not */
    assert_int_equal(get(&t.f, 3000), 0);
    assert_int_equal(hs_heap_largest(&t.f.device, &t.f.heap), 0);
    finish(&t, HS_CRASH_CORRUPT);
    prepare(&t);
    put(&t, t.f.heap.bitmap, 1u << 9); /* a row without blocks */
    assert_int_equal(get(&t.f, 3000), 0);
    assert_int_equal(hs_heap_largest(&t.f.device, &t.f.heap), 0);
    finish(&t, HS_CRASH_CORRUPT);
}

static void damaged_sizes(void **state)
{
    (void)state;
    damage t;
    prepare(&t);
    put(&t, t.c - 4, 0x7ff00000u | 2); /* a live block that ends outside */
    give(&t.f, t.c);
    finish(&t, HS_CRASH_CORRUPT);
    prepare(&t);
    put(&t, t.rest - 4, 5000 | 1); /* a free one, when it is cut */
    assert_int_equal(get(&t.f, 300), 0);
    finish(&t, HS_CRASH_CORRUPT);
    prepare(&t);
    put(&t, t.c - 4, 0xfffffffcu | 2); /* or where it starts */
    give(&t.f, t.c);
    finish(&t, HS_CRASH_CORRUPT);
    prepare(&t);
    put(&t, t.rest - 4, 0xfffffe00u | 1); /* one that ends in front of itself */
    assert_int_equal(get(&t.f, 300), 0);
    finish(&t, HS_CRASH_CORRUPT);
    prepare(&t);
    put(&t, t.f.heap.heads + 4 * 25, t.rest + 480 - 4);         /* the sentinel as a free block */
    hs_store(t.f.device.space, t.f.heap.end, t.f.heap.control); /* where its link would be */
    assert_int_equal(get(&t.f, 100), 0);
    finish(&t, HS_CRASH_CORRUPT);
    prepare(&t);
    put(&t, t.d, 0x20000000); /* the free block behind one that is cut */
    assert_int_equal(resize(&t.f, t.c, 40), 0);
    finish(&t, HS_CRASH_CORRUPT);
}

static void a_pool_larger_than_its_classes(void **state)
{
    (void)state;
    fixture f;
    open_space(&f);
    assert_int_equal(hs_space_commit(f.device.space, BASE, 512 * 1024), 0);
    /* classes for 128 KiB: to 256 */
    assert_false(lay_out(&f, hs_idf_profile_find("v4.4"), 300 * 1024, false));
    expect_crash(&f, HS_CRASH_CORRUPT);
    close_space(&f);
}

static void damaged_neighbours(void **state)
{
    (void)state;
    damage t;
    prepare(&t);
    put(&t, t.c - 8, 0x20000000); /* where the free block in front starts */
    give(&t.f, t.c);
    finish(&t, HS_CRASH_CORRUPT);
    prepare(&t);
    put(&t, t.c - 8, t.a - 8); /* a block, but used */
    give(&t.f, t.c);
    finish(&t, HS_CRASH_CORRUPT);
    prepare(&t);
    put(&t, t.b - 4, 96 | 1); /* ends too early */
    give(&t.f, t.c);
    finish(&t, HS_CRASH_CORRUPT);
    prepare(&t);
    put(&t, t.rest - 4, 5000 | 1); /* ends outside: free merges, realloc swallows, claim walks */
    give(&t.f, t.e);
    finish(&t, HS_CRASH_CORRUPT);
    prepare(&t);
    put(&t, t.rest - 4, 5000 | 1);
    assert_int_equal(resize(&t.f, t.e, 300), 0);
    finish(&t, HS_CRASH_CORRUPT);
    prepare(&t);
    put(&t, t.d - 4, 0x80000 | 1);
    assert_false(hs_heap_claim(&t.f.device, &t.f.heap, t.f.heap.end + 0x80040, 16));
    finish(&t, HS_CRASH_CORRUPT);
    prepare(&t);
    assert_false(hs_heap_claim(&t.f.device, &t.f.heap, t.f.heap.end + 64, 16)); /* behind the end */
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
    give(&t.f, BASE - 64);
    finish(&t, HS_CRASH_NOT_USED);
    prepare(&t);
    assert_int_equal(resize(&t.f, t.d, 40), 0);
    finish(&t, HS_CRASH_NOT_USED);
    prepare(&t);
    assert_int_equal(hs_heap_usable(&t.f.device, &t.f.heap, t.f.heap.end), 0);
    finish(&t, HS_CRASH_NOT_USED);
}

/* hs_heap_check() sees each single word that is wrong. */
static void check_sees_everything(void **state)
{
    (void)state;
    damage t;
    prepare(&t);
    hs_addr row0 = t.f.heap.rows;
    hs_addr sentinel = t.rest + 480;
    const struct {
        hs_addr at;
        uint32_t value;
    } words[] = {
        {t.a - 4, 8},                                /* below the minimum */
        {t.a - 4, 100 | 2},                          /* says that the one in front is free */
        {t.c - 4, 100},                              /* does not say so */
        {t.c - 4, 100 | 3},                          /* two free ones beside one another */
        {t.c - 8, t.a - 8},                          /* wrong link to the one in front */
        {t.a - 4, 0xffffff00u},                      /* ends in front of itself */
        {t.a - 4, 4000},                             /* ends outside */
        {t.rest - 4, 476 | 1},                       /* not the sentinel's place */
        {sentinel, 0},                               /* the one in front is free */
        {t.c - 4, 0 | 2},                            /* an end in the middle */
        {BASE + 4, 1},                               /* the counter */
        {BASE + 8, 5000},                            /* a minimum above it */
        {t.f.heap.bitmap, 0},                        /* row without bit */
        {t.f.heap.bitmap, 1},                        /* the row of 480 alone */
        {t.f.heap.bitmap, 1 | 1u << 2 | 1u << 7},    /* bits of rows without blocks */
        {row0, 0},                                   /* bit without row */
        {row0, 1u << 24},                            /* the wrong class */
        {row0, 1u << 25 | 1u << 3},                  /* one too many */
        {row0, 1u << 25 | 1},                        /* even of a class that has no sizes */
        {t.b, t.d - 8},                              /* a ring */
        {t.b, 0x20000000},                           /* a link outside */
        {t.b + 4, t.f.heap.control},                 /* wrong link back */
        {t.d, t.f.heap.control},                     /* a block is missing */
        {t.d, t.c - 8},                              /* a used block */
        {t.d, t.rest - 8},                           /* one of another class, other row */
        {t.f.heap.heads + 4 * 25, t.f.heap.control}, /* bit, but no list */
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

/* A list that leads to a block of another class of its row. */
static void check_sees_the_wrong_class(void **state)
{
    (void)state;
    fixture f;
    open_heap(&f, "v4.4", FIXED + 1000);
    hs_addr a = get(&f, 60);
    get(&f, 12);
    hs_addr b = get(&f, 100);
    get(&f, 12);
    give(&f, a);
    give(&f, b);
    expect_heap(&f, "F60 U12 F100 U12 F800");
    hs_store(f.device.space, f.heap.heads + 4 * 25, a - 8);
    assert_false(hs_heap_check(&f.device, &f.heap));
    close_space(&f);
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
    put(&t, t.c - 4, 4000); /* or where the chain breaks */
    assert_false(hs_heap_walk(&t.f.device, &t.f.heap, first_only, &left));
    assert_int_equal(left, 97);
    left = 100;
    put(&t, t.c - 4, 0xfffffff0u);
    assert_false(hs_heap_walk(&t.f.device, &t.f.heap, first_only, &left));
    assert_int_equal(left, 97);
    finish(&t, HS_CRASH_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_left_becomes_a_block),
        cmocka_unit_test(the_smallest_block_has_12_bytes),
        cmocka_unit_test(a_freed_block_merges_with_both_neighbours),
        cmocka_unit_test(a_fitting_block_may_not_be_found),
        cmocka_unit_test(last_freed_first_taken),
        cmocka_unit_test(the_lowest_class_that_fits_is_cut),
        cmocka_unit_test(requests_beyond_the_classes),
        cmocka_unit_test(requests_rounded_to_their_class),
        cmocka_unit_test(realloc_to_less),
        cmocka_unit_test(realloc_to_more),
        cmocka_unit_test(realloc_beyond_the_classes),
        cmocka_unit_test(aligned_gaps),
        cmocka_unit_test(aligned_by_chance),
        cmocka_unit_test(largest_free_block_as_printed),
        cmocka_unit_test(free_bytes_counter),
        cmocka_unit_test(first_block_of_each_length),
        cmocka_unit_test(long_regions),
        cmocka_unit_test(damaged_links),
        cmocka_unit_test(damaged_heads),
        cmocka_unit_test(damaged_sizes),
        cmocka_unit_test(a_pool_larger_than_its_classes),
        cmocka_unit_test(damaged_neighbours),
        cmocka_unit_test(what_is_no_block),
        cmocka_unit_test(check_sees_everything),
        cmocka_unit_test(check_sees_the_wrong_class),
        cmocka_unit_test(walks_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

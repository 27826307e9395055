/* The collector, as pictures: h head, = tail, . free; areas are separated by a bar, and free blocks
 * at an area's end are left out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "device/gc.h"
#include "gc_print.h"
#include "space.h"

#define BASE 0x3ffb0000u
#define MORE 0x3ffc0000u

typedef struct board {
    hs_gc gc;
    void *space;
    uint32_t roots[16];
    uint32_t split;    /* max-new-split */
    hs_addr give;      /* what the platform gives */
    char log[512];     /* events */
    hs_addr fin_frees; /* freed by the next finaliser */
} board;

static board b;

static void give_roots(void *context, hs_gc *gc)
{
    (void)context;
    hs_gc_collect_root(gc, b.roots, 16);
}

static void note(const char *format, uint32_t x, uint32_t y)
{
    size_t used = strlen(b.log);
    snprintf(b.log + used, sizeof b.log - used, format, x, y);
}

static void finalise(void *context, hs_gc *gc, hs_addr object)
{
    assert_ptr_equal(context, &b);
    assert_true(hs_gc_is_locked(gc));
    note(" fin %x", object, 0);
    assert_int_equal(hs_gc_alloc(gc, 1, 0), 0);
    hs_gc_free(gc, b.fin_frees);
}

static uint32_t max_new_split(void *context)
{
    (void)context;
    return b.split;
}

static hs_addr platform_alloc(void *context, uint32_t bytes)
{
    (void)context;
    (void)bytes;
    hs_addr give = b.give;
    b.give += give == 0 ? 0 : 0x10000;
    return give;
}

static void platform_free(void *context, hs_addr start)
{
    (void)context;
    note(" back %x", start, 0);
}

static void event(void *context, hs_gc_event kind, uint32_t x, uint32_t y)
{
    (void)context;
    static const char *const formats[] = {" collect %u", " grow %u=%x", " release %x",
                                          " lost %x %x"};
    note(formats[kind], x, y);
}

static const hs_gc_hooks hooks = {give_roots,     finalise,      max_new_split,
                                  platform_alloc, platform_free, event};

static void make(const char *target, uint32_t size)
{
    void *space = b.space;
    memset(&b, 0, sizeof b);
    b.space = space;
    memset(hs_at(space, BASE), 0x5a, 0x30000); /* memory is what it was */
    assert_true(hs_gc_init(&b.gc, space, hs_gc_version_find(target), hs_gc_mode_find(target), BASE,
                           size, &hooks, &b));
}

static void expect_log(const char *expected)
{
    assert_string_equal(b.log, expected);
    b.log[0] = 0;
}

static void expect_heap(const char *expected)
{
    char got[2048] = "";
    size_t used = 0;
    const hs_gc_area *area = NULL;
    assert_null(hs_gc_check(&b.gc, NULL));
    while ((area = hs_gc_next_area(&b.gc, area)) != NULL) {
        if (area != &b.gc.first) {
            got[used++] = '|';
        }
        size_t end = used;
        for (uint32_t i = 0; i < area->blocks && used < sizeof got - 2; ++i) {
            hs_gc_kind kind = hs_gc_block_kind(&b.gc, area, i);
            got[used++] = ".h=m"[kind];
            end = kind == HS_GC_FREE ? end : used;
        }
        used = end;
        got[used] = 0;
    }
    assert_string_equal(got, expected);
}

static uint32_t *words(hs_addr a)
{
    return hs_at(b.space, a);
}

static void versions(void **state)
{
    (void)state;
    static const struct {
        const char *name, *row;
    } good[] = {{"v1.9", "v1.9.3"},         {"v1.9.4", "v1.9.3"},
                {"v1.12", "v1.9.3"},        {"v1.19.1", "v1.9.3"},
                {"v1.20", "v1.20"},         {"1.21.0", "v1.21"},
                {"v1.24", "v1.22"},         {"v1.29-preview", "v1.25"},
                {"v1.25", "v1.25"},         {"v1.999", "v1.25"},
                {"auto-v1.22", "v1.22"},    {"noauto-v1.20", "v1.20"},
                {"single-v1.18", "v1.9.3"}, {"v1.22.0-preview.3.gabc", "v1.22"}};
    static const char *const bad[] = {
        "",        "v1.8",   "v2.0",    "v1.",     "1",         "none",       "v1.22x",  "v1.22.",
        "v1.22.x", "v1.22-", "auto-",   "v1.1000", "V1.22",     "v1.22.1.1",  "v1./",    "v1.:",
        "v1.22/",  "v1.22:", "v1.22./", "v1.22.:", "aut-v1.22", "v1.22.1000", "v1.22.1x"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; ++i) {
        assert_string_equal(hs_gc_version_find(good[i].name)->name, good[i].row);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; ++i) {
        assert_null(hs_gc_version_find(bad[i]));
    }
    assert_int_equal(hs_gc_mode_find("single-v1.25"), HS_GC_SINGLE);
    assert_int_equal(hs_gc_mode_find("noauto-v1.25"), HS_GC_MANUAL);
    assert_int_equal(hs_gc_mode_find("auto-v1.25"), HS_GC_AUTO);
    assert_int_equal(hs_gc_mode_find("v1.20"), HS_GC_SINGLE);
    assert_int_equal(hs_gc_mode_find("v1.21"), HS_GC_AUTO);
}

/* What changed with which release; dumps of v1.20 on have longer offsets. */
static void rules_of_releases(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint32_t gap, header, growth, finaliser_first, dump_digits;
    } rows[] = {{"v1.9", 0, 28, 0, 0, 5},  {"v1.19", 0, 28, 0, 0, 5}, {"v1.20", 1, 28, 0, 0, 8},
                {"v1.21", 1, 32, 1, 0, 8}, {"v1.22", 1, 32, 2, 0, 8}, {"v1.24", 1, 32, 2, 0, 8},
                {"v1.25", 1, 32, 2, 1, 8}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; ++i) {
        const hs_gc_version *v = hs_gc_version_find(rows[i].name);
        assert_int_equal(v->gap, rows[i].gap);
        assert_int_equal(v->header, rows[i].header);
        assert_int_equal(v->growth, rows[i].growth);
        assert_int_equal(v->finaliser_first, rows[i].finaliser_first);
        assert_int_equal(v->dump_digits, rows[i].dump_digits);
    }
}

/* Pools that were published: PR #3533's two areas of 2018, v1.22's 56 KiB, its doubled heap. */
static void published_pools(void **state)
{
    (void)state;
    static const struct {
        const char *version;
        uint32_t size, blocks;
    } cases[] = {{"single-v1.12", 98304, 6000}, {"v1.22", 57344, 3500}, {"v1.22", 65536, 4000},
                 {"v1.22", 36864, 2248},        {"v1.19", 80, 4},       {"v1.22", 66, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; ++i) {
        make(cases[i].version, cases[i].size);
        assert_int_equal(b.gc.first.blocks, cases[i].blocks);
    }
}

/* What an area is given beyond its tables is left as it was. */
static void tables_are_cleared_and_nothing_else(void **state)
{
    (void)state;
    static const char *const targets[] = {"single-v1.19", "single-v1.25"};
    for (uint32_t size = 100; size < 2000; size += 4) {
        for (uint32_t t = 0; t < 2; ++t) {
            make(targets[t], size);
            const hs_gc_area *area = &b.gc.first;
            uint32_t used = area->ftb + (area->blocks / 4 + 1) / 2 - BASE;
            const uint8_t *bytes = hs_at(b.space, BASE);
            for (uint32_t i = 0; i < size; ++i) {
                assert_int_equal(bytes[i], i < used ? 0 : 0x5a);
            }
            assert_null(hs_gc_check(&b.gc, NULL));
        }
    }
}

static void refusals(void **state)
{
    (void)state;
    const hs_gc_version *v = hs_gc_version_find("v1.25");
    assert_false(hs_gc_init(&b.gc, b.space, v, HS_GC_AUTO, BASE + 2, 100, &hooks, &b));
    assert_false(hs_gc_init(&b.gc, b.space, v, HS_GC_AUTO, BASE, 0, &hooks, &b));
    assert_false(hs_gc_init(&b.gc, b.space, v, HS_GC_AUTO, 0xfffffff0u, 32, &hooks, &b));
    make("auto-v1.25", 1024);
    assert_false(hs_gc_add(&b.gc, MORE, 31));
    assert_false(hs_gc_add(&b.gc, MORE + 1, 1000));
    assert_true(hs_gc_add(&b.gc, MORE + 4, 32));
    make("single-v1.25", 1024);
    assert_false(hs_gc_add(&b.gc, MORE, 1024));
}

/* Areas too small for a block, on which gc_info never ends on the device. */
static void no_blocks(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {1, 4, 12, 64, 66};
    for (size_t i = 0; i < 5; ++i) {
        make("auto-v1.25", sizes[i]);
        hs_gc_info info;
        hs_gc_get_info(&b.gc, &info);
        assert_int_equal(info.total, 0);
        assert_int_equal(info.max_free, 0);
        assert_int_equal(hs_gc_alloc(&b.gc, 1, 0), 0);
        expect_log(" collect 0");
        expect_heap("");
        assert_int_equal(hs_gc_nbytes(&b.gc, BASE), 0);
    }
    make("auto-v1.25", 1024);
    assert_true(hs_gc_add(&b.gc, MORE, 40));
    hs_gc_collect(&b.gc);
    expect_log(" back 3ffc0000 release 3ffc0000 collect 0");
}

static void first_fit(void **state)
{
    (void)state;
    make("single-v1.25", 1024);
    hs_addr a[6];
    for (uint32_t i = 0; i < 6; ++i) {
        a[i] = b.roots[i] = hs_gc_alloc(&b.gc, 16 * (i % 3 + 1), 0);
    }
    expect_heap("hh=h==hh=h==");
    hs_gc_free(&b.gc, a[1]);
    hs_gc_free(&b.gc, a[3]);
    expect_heap("h..h==.h=h==");
    assert_int_equal(hs_gc_alloc(&b.gc, 33, 0), a[5] + 48);
    assert_int_equal(hs_gc_alloc(&b.gc, 20, 0), a[1]);
    assert_int_equal(hs_gc_alloc(&b.gc, 1, 0), a[3]);
    expect_heap("hh=h==hh=h==h==");
    hs_gc_free(&b.gc, a[0] + 4);
    hs_gc_free(&b.gc, a[5] + 16);
    hs_gc_free(&b.gc, 0);
    expect_heap("hh=h==hh=h==h==");
    b.roots[1] = 0;
    b.roots[3] = 0;
    hs_gc_collect(&b.gc);
    expect_heap("h..h==.h=h==");
    expect_log(" collect 3");
    assert_int_equal(hs_gc_peak(&b.gc), 15);
    assert_int_equal(hs_gc_used(&b.gc), 9);
}

static void sizes_that_wrap(void **state)
{
    (void)state;
    make("auto-v1.25", 1024);
    b.split = 5000;
    assert_int_equal(hs_gc_alloc(&b.gc, 0, 0), 0);
    assert_int_equal(hs_gc_alloc(&b.gc, 0xfffffff1u, 0), 0);
    assert_int_equal(hs_gc_tracked_alloc(&b.gc, 0xfffffffdu), 0);
    expect_log("");
    assert_int_equal(hs_gc_alloc(&b.gc, 0xfffffff0u, 0), 0);
    expect_log(" collect 0");
    b.split = 2063;
    assert_int_equal(hs_gc_alloc(&b.gc, 2000, 0), 0);
    expect_log(" collect 0");
    b.split = 4048;
    assert_int_equal(hs_gc_alloc(&b.gc, 2000, 0), 0);
    expect_log(" collect 0 grow 4048=0");
    b.split = 80700 + 2048; /* 13/512 of it are 2049 */
    assert_int_equal(hs_gc_alloc(&b.gc, 80700, 0), 0);
    expect_log(" collect 0");
    b.split += 1;
    assert_int_equal(hs_gc_alloc(&b.gc, 80700, 0), 0);
    expect_log(" collect 0 grow 82749=0");
    b.split = 1u << 24; /* what it should hold wraps: it grows once, in vain */
    b.give = MORE;
    assert_int_equal(hs_space_commit(b.space, MORE, 9u << 20), 0);
    assert_int_equal(hs_gc_alloc(&b.gc, 0xfffffff0u, 0), 0);
    expect_log(" collect 0 grow 8388591=3ffc0000");
}

static void resize(void **state)
{
    (void)state;
    make("single-v1.25", 400);
    assert_int_equal(b.gc.first.blocks, 24);
    hs_addr a = hs_gc_realloc(&b.gc, 0, 48, true);
    hs_addr c = b.roots[1] = hs_gc_alloc(&b.gc, 16, 0);
    expect_heap("h==h");
    assert_int_equal(hs_gc_realloc(&b.gc, a, 40, true), a);
    assert_int_equal(hs_gc_realloc(&b.gc, a, 16, false), a);
    expect_heap("h..h");
    words(a)[4] = 7;
    assert_int_equal(hs_gc_realloc(&b.gc, a, 33, false), a);
    assert_int_equal(words(a)[4], 0);
    assert_int_equal(hs_gc_realloc(&b.gc, a, 64, false), 0);
    words(a)[2] = 0x1234;
    hs_addr d = hs_gc_realloc(&b.gc, a, 64, true);
    expect_heap("...hh===");
    assert_int_equal(words(d)[2], 0x1234);
    assert_int_equal(hs_gc_realloc(&b.gc, c + 4, 16, true), 0);
    assert_int_equal(hs_gc_realloc(&b.gc, c, 0, true), 0);
    expect_heap("....h===");
    hs_gc_lock(&b.gc);
    hs_gc_lock(&b.gc);
    assert_int_equal(hs_gc_realloc(&b.gc, d, 0, true), 0);
    assert_int_equal(hs_gc_realloc(&b.gc, d, 16, true), 0);
    hs_gc_unlock(&b.gc);
    assert_true(hs_gc_is_locked(&b.gc));
    hs_gc_free(&b.gc, d);
    hs_gc_unlock(&b.gc);
    expect_heap("....h===");
}

/* On the device the object under realloc is on the C stack. */
static void resize_holds_its_object(void **state)
{
    (void)state;
    make("single-v1.25", 400);
    b.roots[0] = hs_gc_alloc(&b.gc, 160, 0);
    hs_addr a = hs_gc_alloc(&b.gc, 16, HS_GC_WITH_FINALISER);
    b.roots[1] = hs_gc_alloc(&b.gc, 192, 0);
    words(a)[0] = 99;
    expect_heap("h=========hh===========");
    b.roots[0] = 0;
    hs_addr c = hs_gc_realloc(&b.gc, a, 64, true);
    expect_log(" collect 1");
    assert_int_equal(words(c)[0], 99);
    expect_heap("h===.......h===========");
    hs_gc_collect(&b.gc);
    expect_log(" fin 3ffb0010 collect 1");
    a = hs_gc_alloc(&b.gc, 16, 0);
    words(a)[0] = 99;
    b.roots[0] = hs_gc_alloc(&b.gc, 16, 0);
    hs_gc_realloc(&b.gc, a, 64, true);
    expect_heap(".hh===.....h===========");
    hs_gc_collect(&b.gc);
    expect_log(" collect 1"); /* what had no finaliser has none elsewhere */
}

static void finalisers(void **state)
{
    (void)state;
    for (int first = 0; first < 2; ++first) {
        make(first ? "single-v1.25" : "single-v1.24", 1024);
        hs_addr a = hs_gc_alloc(&b.gc, 16, HS_GC_WITH_FINALISER);
        hs_addr c = hs_gc_alloc(&b.gc, 32, HS_GC_WITH_FINALISER);
        b.roots[0] = hs_gc_alloc(&b.gc, 16, HS_GC_WITH_FINALISER);
        assert_int_not_equal(hs_gc_alloc(&b.gc, 16, HS_GC_WITH_FINALISER), 0); /* first word zero */
        words(a)[0] = words(c)[0] = words(b.roots[0])[0] = 1;
        b.fin_frees = b.roots[0];
        expect_heap("hh=hh");
        hs_gc_collect(&b.gc);
        expect_heap(first ? "" : "...h");
        expect_log(" fin 3ffb0040 fin 3ffb0050 collect 3");
    }
}

/* In v1.19 a finaliser bit of block 1 looks like one tail more, behind the table. */
static void lengths_at_the_end_of_the_table(void **state)
{
    (void)state;
    for (uint32_t length = 1; length < 50; ++length) {
        make("single-v1.19", 1000);
        assert_int_equal(b.gc.first.blocks, 60);
        hs_addr first = hs_gc_alloc(&b.gc, 16, 0);
        b.roots[1] = hs_gc_alloc(&b.gc, 16, HS_GC_WITH_FINALISER);
        hs_gc_alloc(&b.gc, (58 - length) * 16, 0);
        hs_addr last = b.roots[0] = hs_gc_alloc(&b.gc, length * 16, 0);
        assert_int_equal(hs_gc_nbytes(&b.gc, last), length * 16);
        hs_gc_info info;
        hs_gc_get_info(&b.gc, &info);
        assert_int_equal(info.used, 960);
        assert_int_equal(hs_gc_realloc(&b.gc, last, (length + 1) * 16, false), 0);
        for (uint32_t i = 0; i < 64; ++i) { /* what lies behind holds nothing */
            words(last)[length * 4 + i] = first;
        }
        hs_gc_collect(&b.gc);
        assert_int_equal(hs_gc_used(&b.gc), length + 1);
        assert_null(hs_gc_check(&b.gc, NULL));
        hs_gc_free(&b.gc, last);
        assert_int_equal(hs_gc_used(&b.gc), 1);
        assert_null(hs_gc_check(&b.gc, NULL));
    }
}

/* In v1.19 nothing lies between the tables and, here, behind them: finaliser bits could be taken
 * for blocks, and the first object's bytes for finaliser bits. */
static void finalisers_at_the_end_of_the_table(void **state)
{
    (void)state;
    make("single-v1.19", 2096);
    assert_int_equal(b.gc.first.blocks, 128);
    assert_int_equal(b.gc.first.pool, b.gc.first.ftb + 16);
    b.roots[0] = hs_gc_alloc(&b.gc, 16, HS_GC_WITH_FINALISER);
    words(b.roots[0])[0] = 0x01010101;
    hs_gc_collect(&b.gc);
    expect_log(" collect 0");
    assert_int_equal(words(b.roots[0])[0], 0x01010101);
    expect_heap("h");
}

/* Found by fuzz_gc: hooks without a finaliser. */
static void no_finaliser(void **state)
{
    (void)state;
    static const hs_gc_hooks quiet = {give_roots, NULL, NULL, NULL, NULL, NULL};
    for (int first = 0; first < 2; ++first) {
        make(first ? "single-v1.25" : "single-v1.24", 1024);
        b.gc.hooks = &quiet;
        words(hs_gc_alloc(&b.gc, 16, HS_GC_WITH_FINALISER))[0] = 1;
        hs_gc_collect(&b.gc);
        expect_heap("");
    }
}

static void soft_reset(void **state)
{
    (void)state;
    make("auto-v1.25", 1024);
    assert_true(hs_gc_add(&b.gc, MORE, 1024));
    b.roots[0] = hs_gc_alloc(&b.gc, 900, 0);
    b.roots[1] = hs_gc_alloc(&b.gc, 400, HS_GC_WITH_FINALISER);
    words(b.roots[1])[0] = 1;
    assert_int_not_equal(hs_gc_tracked_alloc(&b.gc, 8), 0); /* has no finaliser, and a word 0 */
    assert_int_not_equal(hs_gc_tracked_alloc(&b.gc, 8), 0);
    assert_int_equal(hs_gc_sweep_all(&b.gc), 4);
    expect_log(" fin 3ffc0040 back 3ffc0000 release 3ffc0000");
    assert_false(hs_gc_is_locked(&b.gc));
    assert_int_equal(b.gc.allocated, 84);
    assert_int_equal(b.gc.tracked, 0);
    expect_heap("");
}

/* Upstream's defect: an added area whose only object is one block at block 0 is released. */
static void live_block_lost(void **state)
{
    (void)state;
    make("auto-v1.25", 1024);
    assert_true(hs_gc_add(&b.gc, MORE, 1024));
    b.roots[0] = hs_gc_alloc(&b.gc, 960, 0);
    b.roots[1] = hs_gc_alloc(&b.gc, 16, 0);
    hs_gc_collect(&b.gc);
    expect_log(" lost 3ffc0000 3ffc0040 back 3ffc0000 release 3ffc0000 collect 0");
    assert_null(hs_gc_check(&b.gc, NULL));
    assert_int_equal(hs_gc_used(&b.gc), 60);
    make("noauto-v1.25", 1024);
    assert_true(hs_gc_add(&b.gc, MORE, 1024));
    b.roots[0] = hs_gc_alloc(&b.gc, 960, 0);
    b.roots[1] = hs_gc_alloc(&b.gc, 16, 0);
    hs_gc_collect(&b.gc);
    expect_log(" collect 0");
}

/* 65536 bytes ask for the same again in v1.22; v1.21 adds a header and a byte for each area. */
static void growth(void **state)
{
    (void)state;
    for (int v22 = 0; v22 < 2; ++v22) {
        make(v22 ? "v1.22" : "v1.21", 65536);
        b.split = 1u << 20;
        b.give = MORE;
        hs_gc_enable(&b.gc, false);
        assert_int_not_equal(hs_gc_alloc(&b.gc, 60000, 0), 0);
        assert_int_not_equal(hs_gc_alloc(&b.gc, 60000, 0), 0);
        expect_log(v22 ? " grow 65536=3ffc0000" : " grow 65569=3ffc0000");
        b.give = 0;
        assert_int_equal(hs_gc_alloc(&b.gc, 60000, 0), 0);
        expect_log(v22 ? " grow 131040=0" : " grow 131138=0");
    }
    make("v1.22", 1024);
    b.split = 100000;
    b.give = MORE;
    b.roots[0] = hs_gc_alloc(&b.gc, 20000, 0);
    expect_log(" collect 0 grow 22048=3ffc0000");
    assert_int_equal(hs_gc_nbytes(&b.gc, b.roots[0]), 20000);
}

static void threshold(void **state)
{
    (void)state;
    make("single-v1.25", 1024);
    hs_gc_set_threshold(&b.gc, 100);
    assert_int_equal(b.gc.threshold, 6);
    hs_gc_alloc(&b.gc, 160, 0);
    expect_log("");
    hs_gc_alloc(&b.gc, 16, 0);
    expect_log(" collect 1");
    hs_gc_set_threshold(&b.gc, 15);
    hs_gc_alloc(&b.gc, 2000, 0);
    expect_log(" collect 1");
    hs_gc_set_threshold(&b.gc, -1);
    assert_int_equal(b.gc.threshold, HS_GC_NO_LIMIT);
}

static void tracked(void **state)
{
    (void)state;
    make("single-v1.25", 1024);
    hs_addr x = hs_gc_tracked_alloc(&b.gc, 8);
    hs_addr y = hs_gc_tracked_realloc(&b.gc, 0, 9);
    hs_addr z = hs_gc_tracked_alloc(&b.gc, 40);
    expect_heap("hh=h==");
    hs_gc_collect(&b.gc);
    expect_heap("hh=h==");
    assert_int_equal(hs_gc_tracked_nbytes(&b.gc, z), 40);
    assert_int_equal(hs_gc_tracked_nbytes(&b.gc, BASE), 0);
    assert_int_equal(words(z - 8)[1], y - 8);
    assert_int_equal(words(x - 8)[0], y - 8);
    hs_gc_tracked_free(&b.gc, y);
    hs_gc_tracked_free(&b.gc, 0);
    assert_int_equal(words(z - 8)[1], x - 8);
    expect_heap("h..h==");
    words(z)[0] = 77;
    hs_addr w = hs_gc_tracked_realloc(&b.gc, z, 8);
    assert_int_equal(w, y);
    assert_int_equal(words(w)[0], 77);
    expect_heap("hh");
    w = hs_gc_tracked_realloc(&b.gc, w, 20);
    assert_int_equal(words(w)[0], 77);
    expect_heap("h.h=");
    assert_int_equal(hs_gc_tracked_realloc(&b.gc, w, 5000), 0);
    expect_heap("h.h=");
    assert_int_equal(hs_gc_tracked_realloc(&b.gc, w, 0), 0);
    hs_gc_tracked_free(&b.gc, x);
    expect_heap("");
    assert_int_equal(b.gc.tracked, 0);
}

/* A tracked block that moves takes along what it had, and no more than fits. */
static void tracked_contents(void **state)
{
    (void)state;
    make("single-v1.25", 1024);
    hs_addr hole = hs_gc_alloc(&b.gc, 16, 0);
    hs_addr behind = b.roots[0] = hs_gc_alloc(&b.gc, 16, 0);
    hs_addr x = hs_gc_tracked_alloc(&b.gc, 40);
    hs_addr y = hs_gc_tracked_alloc(&b.gc, 8);
    memset(words(x), 0x77, 40);
    memset(words(y), 0x66, 8);
    hs_gc_free(&b.gc, hole);
    expect_heap(".hh==h");
    x = hs_gc_tracked_realloc(&b.gc, x, 8);
    assert_int_equal(x, hole + 8);
    expect_heap("hh...h");
    assert_int_equal(words(x)[1], 0x77777777);
    assert_int_equal(words(behind)[0], 0);
    x = hs_gc_tracked_realloc(&b.gc, x, 24);
    expect_heap(".hh=.h");
    assert_int_equal(words(x)[1], 0x77777777);
    for (uint32_t i = 2; i < 6; ++i) {
        assert_int_equal(words(x)[i], 0);
    }
    y = hs_gc_tracked_realloc(&b.gc, y, 4); /* it moves all the same */
    assert_int_equal(y, hole + 8);
    assert_int_equal(words(y)[0], 0x66666666);
    assert_int_equal(words(y)[1], 0);
    expect_heap("hhh=");
}

static void reasons(void **state)
{
    (void)state;
    make("single-v1.25", 1024);
    hs_addr a = b.roots[3] = hs_gc_alloc(&b.gc, 32, 0);
    hs_addr c = hs_gc_alloc(&b.gc, 16, 0);
    hs_addr t = hs_gc_tracked_alloc(&b.gc, 4);
    words(a)[6] = c;
    words(c)[0] = c;
    hs_gc_reason r = hs_gc_why_live(&b.gc, a, b.roots, 16);
    assert_int_equal(r.kind, HS_GC_WHY_ROOT);
    assert_int_equal(r.holder, 0);
    assert_int_equal(r.index, 3);
    r = hs_gc_why_live(&b.gc, c, b.roots, 16);
    assert_int_equal(r.kind, HS_GC_WHY_OBJECT);
    assert_int_equal(r.holder, a);
    assert_int_equal(r.index, 6);
    r = hs_gc_why_live(&b.gc, t - 8, b.roots, 16);
    assert_int_equal(r.kind, HS_GC_WHY_TRACKED);
    assert_int_equal(r.holder, 0);
    assert_int_equal(r.index, 0);
    words(a)[6] = 0;
    r = hs_gc_why_live(&b.gc, c, b.roots, 16);
    assert_int_equal(r.kind, HS_GC_WHY_NOTHING);
    assert_int_equal(r.holder, 0);
    assert_int_equal(r.index, 0);
}

static void areas_and_walk(void **state)
{
    (void)state;
    make("noauto-v1.20", 1024);
    assert_true(hs_gc_add(&b.gc, MORE, 1028));
    b.roots[0] = hs_gc_alloc(&b.gc, 640, 0);
    b.roots[1] = hs_gc_alloc(&b.gc, 640, HS_GC_WITH_FINALISER);
    words(b.roots[1])[0] = hs_gc_type_word('L');
    const hs_gc_area *area = hs_gc_next_area(&b.gc, &b.gc.first);
    assert_int_equal(hs_gc_area_start(&b.gc, &b.gc.first), BASE);
    assert_int_equal(hs_gc_area_start(&b.gc, area), MORE);
    assert_int_equal(hs_gc_area_size(&b.gc, area), 1024);
    assert_ptr_equal(hs_gc_area_of(&b.gc, b.roots[1] + 5), area);
    assert_ptr_equal(hs_gc_area_of(&b.gc, area->pool), area);
    assert_ptr_equal(hs_gc_area_of(&b.gc, MORE + 1023), area);
    assert_null(hs_gc_area_of(&b.gc, area->pool - 1));
    assert_null(hs_gc_area_of(&b.gc, MORE + 1024));
    assert_null(hs_gc_area_of(&b.gc, MORE));
    hs_gc_object o = {0, 0, 0, false};
    assert_true(hs_gc_next_object(&b.gc, &o));
    assert_int_equal(o.address, b.roots[0]);
    assert_int_equal(o.blocks, 40);
    assert_false(o.finaliser);
    assert_true(hs_gc_next_object(&b.gc, &o));
    assert_true(o.finaliser);
    assert_int_equal(hs_gc_type_letter(o.word0), 'L');
    assert_false(hs_gc_next_object(&b.gc, &o));
    hs_gc_info info;
    hs_gc_get_info(&b.gc, &info);
    assert_int_equal(info.max_block, 40);
    assert_int_equal(info.used, 1280);
    assert_int_equal(info.max_free, 20);
    assert_int_equal(info.max_new_split, 0);
    hs_gc_get_area_info(&b.gc, area, &info); /* of this one alone, whatever was in `info` */
    assert_int_equal(info.used, 640);
    assert_int_equal(info.total, area->blocks * HS_GC_BLOCK);
    assert_int_equal(info.one_blocks, 0);
    assert_int_equal(info.two_blocks, 0);
    assert_int_equal(info.max_free, area->blocks - 40);
    expect_heap(
        "h=======================================|h=======================================");
}

/* All objects of two areas in order, wherever they begin and however far the next one is. */
static void walks(void **state)
{
    (void)state;
    make("noauto-v1.25", 32768);
    hs_gc_enable(&b.gc, false);
    assert_true(hs_gc_add(&b.gc, MORE, 32768));
    hs_addr live[100];
    hs_addr gaps[100];
    for (uint32_t i = 0; i < 100; ++i) {
        live[i] = hs_gc_alloc(&b.gc, (i % 7 + 1) * 16, i % 3 == 0);
        words(live[i])[0] = i;
        gaps[i] = hs_gc_alloc(&b.gc, i * 10 + 1, 0);
    }
    assert_ptr_not_equal(hs_gc_area_of(&b.gc, live[0]), hs_gc_area_of(&b.gc, live[99]));
    for (uint32_t i = 0; i < 100; ++i) {
        hs_gc_free(&b.gc, gaps[i]);
    }
    hs_gc_object o = {0};
    for (uint32_t i = 0; i < 100; ++i) {
        hs_addr before = o.address;
        assert_true(hs_gc_next_object(&b.gc, &o));
        assert_true(o.address > before);
        assert_in_range(o.word0, 0, 99);
        assert_int_equal(o.address, live[o.word0]);
        assert_int_equal(o.blocks, o.word0 % 7 + 1);
        assert_int_equal(o.finaliser, o.word0 % 3 == 0);
    }
    assert_false(hs_gc_next_object(&b.gc, &o));
}

static void letters(void **state)
{
    (void)state;
    for (const char *c = HS_GC_TYPES; *c != 0; ++c) {
        assert_int_equal(hs_gc_type_letter(hs_gc_type_word(*c)), *c);
    }
    assert_int_equal(hs_gc_type_word(0), 0);
    assert_int_equal(hs_gc_type_word('x'), 0);
    assert_int_equal(hs_gc_type_letter(HS_GC_TYPE_BASE + 1), 'h');
    assert_int_equal(hs_gc_type_letter(HS_GC_TYPE_BASE + 0x200), 'h');
    assert_int_equal(hs_gc_type_letter(0), 'h');
}

/* A copied board goes on where the other was. */
static void copies(void **state)
{
    (void)state;
    make("single-v1.25", 1024);
    hs_addr a = b.roots[0] = hs_gc_alloc(&b.gc, 32, 0);
    void *other = hs_space_create();
    assert_int_equal(hs_space_commit(other, BASE, 1024), 0);
    memcpy(hs_at(other, BASE), hs_at(b.space, BASE), 1024);
    hs_gc copy = b.gc;
    hs_gc_set_space(&copy, other);
    assert_int_equal(hs_gc_alloc(&copy, 16, 0), a + 32);
    assert_null(hs_gc_check(&copy, NULL));
    expect_heap("h=");
    hs_space_destroy(other);
}

static void expect_wrong(const char *expected, hs_addr where)
{
    hs_addr at = 0;
    const char *wrong = hs_gc_check(&b.gc, &at);
    assert_non_null(wrong);
    assert_string_equal(wrong, expected);
    assert_int_equal(at, where);
}

static void check_finds(void **state)
{
    (void)state;
    make("auto-v1.25", 1024);
    hs_gc_area *area = &b.gc.first;
    uint8_t *atb = hs_at(b.space, BASE);
    hs_addr pool = area->pool;
    hs_gc_alloc(&b.gc, 32, 0);
    expect_heap("h=");
    atb[1] = 2;
    expect_wrong("a tail has no head", pool + 64);
    atb[1] = 3;
    expect_wrong("a mark is left outside a collect", pool + 64);
    atb[1] = 0;
    atb[8] = 1;
    expect_wrong("a block is in use behind the last used one", pool + 32 * 16);
    area->last_used = 32;
    expect_wrong("the count of used blocks is wrong", 0);
    atb[8] = 0;
    atb[area->blocks / 4] = 1;
    expect_wrong("the gap byte is not zero", BASE);
    atb[area->blocks / 4] = 0;
    uint8_t *ftb = hs_at(b.space, area->ftb);
    ftb[0] = 2;
    expect_wrong("a finaliser bit is set on a block that is no head", pool + 16);
    ftb[0] = 0;
    area->hint[2] = 1;
    expect_wrong("a free run lies before a search hint", pool + 5 * 16);
    area->hint[2] = 0;
    hs_addr more = hs_gc_alloc(&b.gc, 29 * 16, 0);
    area->hint[0] = 1;
    expect_wrong("a free run lies before a search hint", pool + 31 * 16);
    area->hint[0] = 0;
    hs_gc_free(&b.gc, more);
    area->ftb += 1;
    expect_wrong("the finaliser table is not behind the block table", BASE);
    area->ftb -= 1;
    area->pool += 4;
    expect_wrong("a pool is not made of whole table bytes", BASE);
    area->pool = BASE;
    expect_wrong("the tables reach into the pool", BASE);
    area->pool = pool;
    area->blocks -= 1;
    expect_wrong("a pool is not made of whole table bytes", BASE);
    area->blocks += 1;
    b.gc.total += 1;
    expect_wrong("the count of all blocks is wrong", 0);
    b.gc.total -= 1;
    b.gc.low += 16;
    expect_wrong("the bounds are not those of the pools", 0);
    b.gc.low -= 16;
    b.gc.span += 1;
    expect_wrong("the bounds are not those of the pools", 0);
    b.gc.span -= 1;
    hs_gc_collect_start(&b.gc);
    hs_gc_collect_root(&b.gc, &pool, 1);
    assert_null(hs_gc_check(&b.gc, NULL)); /* a mark within a collect is no fault */
    hs_gc_collect_end(&b.gc);
    expect_heap("h=");
}

/* In an added area the last used block is known exactly. */
static void check_finds_in_an_added_area(void **state)
{
    (void)state;
    make("noauto-v1.25", 1024);
    assert_true(hs_gc_add(&b.gc, MORE, 1024));
    hs_gc_area *area = hs_at(b.space, MORE);
    hs_gc_alloc(&b.gc, 960, 0);
    hs_gc_alloc(&b.gc, 320, 0);
    assert_int_equal(area->last_used, 19);
    area->last_used = 18;
    expect_wrong("a block is in use behind the last used one", area->pool + 19 * 16);
    area->last_used = 19;
    assert_null(hs_gc_check(&b.gc, NULL));
    area->blocks -= 4;
    b.gc.total -= 4;
    expect_wrong("the finaliser table is not behind the block table", area->atb);
    area->blocks += 4;
    b.gc.total += 4;
    assert_null(hs_gc_check(&b.gc, NULL));
}

static int set_up(void **state)
{
    (void)state;
    b.space = hs_space_create();
    return b.space == NULL || hs_space_commit(b.space, BASE, 0x30000) != 0;
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
        cmocka_unit_test(versions),
        cmocka_unit_test(rules_of_releases),
        cmocka_unit_test(published_pools),
        cmocka_unit_test(tables_are_cleared_and_nothing_else),
        cmocka_unit_test(refusals),
        cmocka_unit_test(no_blocks),
        cmocka_unit_test(first_fit),
        cmocka_unit_test(sizes_that_wrap),
        cmocka_unit_test(resize),
        cmocka_unit_test(resize_holds_its_object),
        cmocka_unit_test(finalisers),
        cmocka_unit_test(no_finaliser),
        cmocka_unit_test(finalisers_at_the_end_of_the_table),
        cmocka_unit_test(lengths_at_the_end_of_the_table),
        cmocka_unit_test(soft_reset),
        cmocka_unit_test(live_block_lost),
        cmocka_unit_test(growth),
        cmocka_unit_test(threshold),
        cmocka_unit_test(tracked),
        cmocka_unit_test(tracked_contents),
        cmocka_unit_test(reasons),
        cmocka_unit_test(areas_and_walk),
        cmocka_unit_test(walks),
        cmocka_unit_test(letters),
        cmocka_unit_test(copies),
        cmocka_unit_test(check_finds),
        cmocka_unit_test(check_finds_in_an_added_area),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

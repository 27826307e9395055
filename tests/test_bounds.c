/* Bounds: figures that can be counted by hand, and edges that are tried. */
#include "case.h"

#include "bounds.h"
#include "explain_board.h"

static hs_bounds bounds;

static void bounds_of(case_files *f, const char *layout, const char *policy, const char *trace)
{
    case_make(f, layout, policy, trace);
    if (hs_bounds_find(&bounds, f->c, &f->w.error) != 0) {
        fail_msg("%s", f->w.error.text);
    }
}

static void done(case_files *f)
{
    hs_bounds_release(&bounds);
    case_end(f);
}

/* 100 + 4 and 12 + 4 (for 5 bytes), then 200 + 4 instead of the first. */
static void what_the_traces_hold(void **state)
{
    (void)state;
    case_files f;
    bounds_of(&f, TINY_LAYOUT, NO_PYTHON,
              IDF_TRACE("alloc 1 100 net\nalloc 2 5 tls\nrealloc 1 200\nfree 2\ncalloc 3 4 10 tls\n"
                        "free 1\nfree 3\nalloc 1 150 net failed\n"));
    assert_int_equal(bounds.floor.idf, 204 + 44);
    assert_int_equal(bounds.floor.idf_event, 5);
    assert_int_equal(bounds.floor.python, 0);
    assert_int_equal(bounds.floor.both, 248);
    assert_int_equal(bounds.floor.largest, 200);
    assert_int_equal(bounds.floor.largest_event, 3);
    assert_int_equal(bounds.room, 2004);
    assert_int_equal(bounds.largest_free, 2000);
    assert_true(bounds.passes);
    assert_true(bounds.possible);
    done(&f);
}

/* 17 bytes are two blocks of Python; a dropped object counts no longer. */
static void what_python_holds(void **state)
{
    (void)state;
    case_files f;
    bounds_of(&f, TINY_LAYOUT, PYTHON("1024"),
              GC_TRACE("alloc 1 17 mp\nalloc 2 100 net\nalloc 3 64 mp\ndrop 1\nalloc 4 16 mp\n"));
    assert_int_equal(bounds.floor.python, 32 + 64);
    assert_int_equal(bounds.floor.python_event, 3);
    assert_int_equal(bounds.floor.idf, 104);
    assert_int_equal(bounds.floor.both, 200);
    done(&f);
}

/* Memory without bytes may serve a request for exec: it is in no floor. */
static void only_what_must_be_8bit(void **state)
{
    (void)state;
    case_files f;
    bounds_of(&f,
              "name: t\ntitle: t\nchip: esp32\nidf: v4.4\nsource: [made up]\nregions:\n"
              "  - {start: 0x3ffe4350, size: 3632, type: DIRAM}\n"
              "  - {start: 0x40098000, size: 8192, type: IRAM}\nboot: {fresh: true}\n",
              NO_PYTHON, IDF_TRACE("alloc 1 3000 net caps=exec\nalloc 2 16 net\n"));
    assert_true(bounds.passes);
    assert_int_equal(bounds.floor.idf, 20);
    assert_int_equal(bounds.room, 2004);
    done(&f);
}

static void impossible(void **state)
{
    (void)state;
    case_files f;
    bounds_of(&f, TINY_LAYOUT, NO_PYTHON,
              IDF_TRACE("alloc 1 1000 net\nalloc 2 1000 net\nalloc 3 1000 tls\n"));
    assert_false(bounds.passes);
    assert_false(bounds.possible);
    assert_true(bounds.scale > 1000);
    assert_true(bounds.needed >= bounds.floor.both);
    done(&f);
    bounds_of(&f, TINY_LAYOUT, NO_PYTHON, IDF_TRACE("alloc 1 2001 net\n"));
    assert_false(bounds.possible);
    done(&f);
}

/* Memory that the trace itself adds counts. */
static void added_by_the_trace(void **state)
{
    (void)state;
    case_files f;
    bounds_of(&f, TINY_LAYOUT, NO_PYTHON,
              IDF_TRACE("region 0x3ffb0000 6000 DRAM\nalloc 1 1000 net\nalloc 2 3000 tls\n"));
    assert_true(bounds.passes);
    assert_int_equal(bounds.added, 6000);
    assert_true(bounds.possible);
    done(&f);
}

static bool passes_without(case_files *f, uint32_t bytes)
{
    uint32_t less[HS_LAYOUT_REGIONS_MAX] = {bytes};
    hs_error error = {{0}};
    hs_other_board *other = hs_board_reduced(f->c, less, &error);
    assert_non_null(other);
    bool passed = hs_case_try(f->c, &(hs_trial){.booted = other->board}).verdict == HS_PASSED;
    hs_other_board_destroy(other);
    return passed;
}

/* One request of 1000 needs a block of the class of 1008: 2004 - 1012 = 992 bytes can go. */
static void what_a_region_can_give(void **state)
{
    (void)state;
    case_files f;
    bounds_of(&f, TINY_LAYOUT, NO_PYTHON, IDF_TRACE("alloc 1 1000 net\n"));
    assert_int_equal(bounds.regions[0].room, 2004);
    assert_int_equal(bounds.regions[0].spare, 992);
    assert_true(passes_without(&f, 992));
    assert_false(passes_without(&f, 1008));
    done(&f);
}

/* The scale is an edge: with it the run passes, one per mille less and it does not. */
static void the_smallest_scale(void **state)
{
    (void)state;
    case_files f;
    bounds_of(&f, TINY_LAYOUT, NO_PYTHON, IDF_TRACE("alloc 1 1000 net\n"));
    uint32_t taken = (uint32_t)(2004 * (1000 - bounds.scale) / 1000 / 16 * 16);
    uint32_t more = (uint32_t)(2004 * (1000 - (bounds.scale - 1)) / 1000 / 16 * 16);
    assert_int_equal(bounds.needed, 2004 - taken);
    assert_true(passes_without(&f, taken));
    assert_false(passes_without(&f, more));
    done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_traces_hold),   cmocka_unit_test(what_python_holds),
        cmocka_unit_test(only_what_must_be_8bit), cmocka_unit_test(impossible),
        cmocka_unit_test(added_by_the_trace),     cmocka_unit_test(what_a_region_can_give),
        cmocka_unit_test(the_smallest_scale),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

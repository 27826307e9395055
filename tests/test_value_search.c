/* The search for a bound: monotone, not monotone, none, all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "value_search.h"

typedef struct rule {
    int64_t low, high; /* passes from low to high */
    int64_t hole;      /* but not here */
    size_t tries;
} rule;

static int try_rule(void *context, const int64_t *values, size_t count, bool *passes)
{
    rule *r = context;
    for (size_t i = 0; i < count; i++) {
        passes[i] = values[i] >= r->low && values[i] <= r->high && values[i] != r->hole;
    }
    r->tries += count;
    return 0;
}

static hs_search_result find(hs_search_range range, rule *r)
{
    hs_search_result result;
    assert_int_equal(hs_search(&range, try_rule, r, &result), 0);
    assert_int_equal(result.tried, r->tries);
    return result;
}

static void bounds(void **state)
{
    (void)state;
    for (int64_t bound = 0; bound <= 1000; bound += 7) {
        rule up = {.low = 0, .high = bound, .hole = -1};
        hs_search_result result = find((hs_search_range){0, 1000, 1, true}, &up);
        assert_int_equal(result.way, HS_SEARCH_BISECTED);
        assert_int_equal(result.value, bound);
        assert_true(up.tries <= 24);
        assert_int_equal(result.edge, bound == 1000);
        rule down = {.low = bound, .high = 1000, .hole = -1};
        result = find((hs_search_range){0, 1000, 1, false}, &down);
        assert_int_equal(result.value, bound);
        assert_int_equal(result.edge, bound == 0);
    }
}

static void steps(void **state)
{
    (void)state;
    rule r = {.low = 0, .high = 65, .hole = -1};
    assert_int_equal(find((hs_search_range){10, 99, 10, true}, &r).value, 60);
    r = (rule){.low = 0, .high = 99, .hole = -1}; /* the end of the range is a point too */
    hs_search_result result = find((hs_search_range){10, 99, 10, true}, &r);
    assert_int_equal(result.value, 99);
    assert_true(result.edge);
    r = (rule){.low = 5, .high = 5, .hole = -1};
    assert_int_equal(find((hs_search_range){5, 5, 1, true}, &r).value, 5);
}

static void none_passes(void **state)
{
    (void)state;
    rule r = {.low = 5000, .high = 6000, .hole = -1};
    assert_int_equal(find((hs_search_range){0, 1000, 1, true}, &r).way, HS_SEARCH_NONE);
}

static void holes_are_scanned(void **state)
{
    (void)state;
    rule r = {.low = 0, .high = 803, .hole = 125}; /* 125 = 2000 / 16: one of the samples */
    hs_search_result result = find((hs_search_range){0, 2000, 1, true}, &r);
    assert_int_equal(result.way, HS_SEARCH_SCANNED);
    assert_int_equal(result.value, 803);
    assert_int_equal(result.tried, 17 + 2001);
    r = (rule){.low = 0, .high = 803000, .hole = 125000};
    const hs_search_range long_range = {0, 2000000, 1, true};
    assert_int_equal(hs_search(&long_range, try_rule, &r, &result), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bounds),
        cmocka_unit_test(steps),
        cmocka_unit_test(none_passes),
        cmocka_unit_test(holes_are_scanned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

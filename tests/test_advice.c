/* Advice is applied: the policy, layout or trace that it speaks of is written and run, and passes;
 * its neighbour fails. */
#include "case.h"

#include "advice.h"
#include "explain.h"
#include "explain_board.h"

/* About 12000 bytes in one block. */
#define MEDIUM_LAYOUT                                                                              \
    "name: t\ntitle: t\nchip: esp32\nidf: v4.4\nsource: [made up]\n"                               \
    "regions:\n  - {start: 0x3ffe4350, size: 13632, type: DIRAM}\nboot: {fresh: true}\n"
#define POLICY(gc)                                                                                 \
    "name: t\ntitle: t\nrelease: test\nreason: test\nsource: [made up]\ngc: {version: v1.22, " gc  \
    "}\n"

static hs_advices advices;

static void advise(case_files *f, const char *layout, const char *policy, const char *trace)
{
    case_make(f, layout, policy, trace);
    hs_run *run = hs_case_run(f->c, &(hs_trial){0}, &f->w.error);
    assert_non_null(run);
    assert_true(run->failed);
    assert_int_equal(hs_advise(&advices, f->c, run, &f->w.error), 0);
    assert_int_equal(advices.replays, f->c->replays - 1);
    hs_case_release_run(run);
}

static void done(case_files *f)
{
    hs_advices_release(&advices);
    case_end(f);
}

static const hs_advice *find(enum hs_advice_kind kind, const char *name)
{
    for (size_t i = 0; i < advices.count; i++) {
        const hs_advice *a = &advices.items[i];
        if (a->kind == kind &&
            (name == NULL || strcmp(a->name != NULL ? a->name : a->text, name) == 0)) {
            return a;
        }
    }
    fail_msg("no advice of kind %d %s", (int)kind, name != NULL ? name : "");
    return NULL;
}

static bool passes_with(const char *layout, const char *format, uint64_t value, const char *trace)
{
    char policy[400];
    snprintf(policy, sizeof policy, format, (unsigned)value);
    return completes(layout, policy, trace);
}

static void expect_edge(const hs_advice *a, const char *layout, const char *format,
                        const char *trace)
{
    assert_true(a->helps);
    assert_true(a->has_next);
    assert_true(passes_with(layout, format, a->value, trace));
    assert_false(passes_with(layout, format, a->next, trace));
    assert_int_equal(a->value > a->next ? a->value - a->next : a->next - a->value, 1024);
}

static void the_largest_first_area(void **state)
{
    (void)state;
    case_files f;
    static const char trace[] = IDF_TRACE("alloc 1 5000 net\n");
    advise(&f, MEDIUM_LAYOUT, POLICY("initial: 8K, areas: 1, grow: never"), trace);
    const hs_advice *a = find(HS_ADVICE_PARAMETER, "gc.initial");
    assert_true(a->downwards);
    assert_int_equal(a->now, 8192);
    assert_int_equal(a->value, 6144);
    assert_int_equal(a->next, 7168);
    assert_int_equal(a->next_result.failure.failure_class, HS_CLASS_STARVED);
    expect_edge(a, MEDIUM_LAYOUT, POLICY("initial: %u, areas: 1, grow: never"), trace);
    done(&f);
}

/* When Python itself ran out, more is needed, not less: the smallest that passes. */
static void the_smallest_first_area(void **state)
{
    (void)state;
    case_files f;
    static const char trace[] = GC_TRACE("alloc 1 4000 mp\nalloc 2 3000 net\n");
    advise(&f, MEDIUM_LAYOUT, POLICY("initial: 2K, areas: 1, grow: never"), trace);
    const hs_advice *a = find(HS_ADVICE_PARAMETER, "gc.initial");
    assert_false(a->downwards);
    assert_int_equal(a->value, 5120);
    expect_edge(a, MEDIUM_LAYOUT, POLICY("initial: %u, areas: 1, grow: never"), trace);
    done(&f);
}

static void the_smallest_reserve(void **state)
{
    (void)state;
    case_files f;
    static const char trace[] = IDF_TRACE("alloc 1 5000 net\n");
    advise(&f, MEDIUM_LAYOUT, POLICY("initial: largest, areas: 1, grow: never"), trace);
    expect_edge(find(HS_ADVICE_PARAMETER, "gc.reserve"), MEDIUM_LAYOUT,
                POLICY("initial: largest, areas: 1, grow: never, reserve: %u"), trace);
    done(&f);
}

static void nothing_helps(void **state)
{
    (void)state;
    case_files f;
    advise(&f, TINY_LAYOUT, NO_PYTHON, IDF_TRACE("alloc 1 1000 net\nalloc 2 600000 tls\n"));
    for (size_t i = 0; i < advices.count; i++) {
        assert_false(advices.items[i].helps);
    }
    assert_false(find(HS_ADVICE_REGION, NULL)->helps);
    assert_false(find(HS_ADVICE_ORDER, NULL)->applies); /* there is one phase */
    done(&f);
}

/* --- order --- */

static void another_order(void **state)
{
    (void)state;
    case_files f;
#define PIN "phase pin\nalloc 1 800 net\nalloc 2 16 net\nfree 1\n"
#define BIG "phase big\nalloc 1 1300 tls\nfree 1\n"
    advise(&f, TINY_LAYOUT, NO_PYTHON, IDF_TRACE(PIN BIG));
    const hs_advice *a = find(HS_ADVICE_ORDER, NULL);
    assert_true(a->helps);
    assert_non_null(strstr(a->text, "phase big ("));
    assert_non_null(strstr(a->text, ") before phase pin ("));
    assert_true(completes(TINY_LAYOUT, NO_PYTHON, IDF_TRACE(BIG PIN)));
    assert_false(completes(TINY_LAYOUT, NO_PYTHON, IDF_TRACE(PIN BIG)));
    done(&f);
}

static void allocations_keep_their_order(void **state)
{
    (void)state;
    case_files f;
    advise(&f, TINY_LAYOUT, NO_PYTHON,
           IDF_TRACE(PIN "phase big\nrealloc 2 20\nalloc 1 1300 tls\n"));
    const hs_advice *a = find(HS_ADVICE_ORDER, NULL);
    assert_false(a->helps);
    assert_false(a->applies);
    done(&f);
}

static void an_order_that_does_not_help(void **state)
{
    (void)state;
    case_files f;
    advise(&f, TINY_LAYOUT, NO_PYTHON,
           IDF_TRACE("phase one\nalloc 1 1200 net\nphase two\nalloc 2 1200 net\n"));
    const hs_advice *a = find(HS_ADVICE_ORDER, NULL);
    assert_true(a->applies);
    assert_false(a->helps);
    assert_int_equal(a->value, 1);
    done(&f);
}

/* --- regions --- */

#define TWO_REGIONS(first, second)                                                                 \
    "name: t\ntitle: t\nchip: esp32\nidf: v4.4\nsource: [made up]\nregions:\n"                     \
    "  - {start: 0x3ffb0000, size: " first ", type: DRAM}\n"                                       \
    "  - {start: 0x3ffe4350, size: " second ", type: DIRAM}\nboot: {fresh: true}\n"

static void bytes_missing_in_each_region(void **state)
{
    (void)state;
    case_files f;
    static const char trace[] = IDF_TRACE("alloc 1 1100 net\nalloc 2 1900 net\nalloc 3 900 tls\n");
    advise(&f, TWO_REGIONS("3032", "3632"), NO_PYTHON, trace);
    static const char *const formats[] = {TWO_REGIONS("%u", "3632"), TWO_REGIONS("3032", "%u")};
    static const uint64_t sizes[] = {3032, 3632};
    size_t seen = 0;
    for (size_t i = 0; i < advices.count; i++) {
        const hs_advice *a = &advices.items[i];
        if (a->kind != HS_ADVICE_REGION) {
            continue;
        }
        assert_true(a->helps);
        assert_int_equal(a->value - a->next, 16);
        char layout[500];
        snprintf(layout, sizeof layout, formats[seen], (unsigned)(sizes[seen] + a->value));
        assert_true(completes(layout, NO_PYTHON, trace));
        snprintf(layout, sizeof layout, formats[seen], (unsigned)(sizes[seen] + a->next));
        assert_false(completes(layout, NO_PYTHON, trace));
        seen++;
    }
    assert_int_equal(seen, 2);
    done(&f);
}

/* A heap of more than 256 KiB begins with a larger control block, so that the live blocks of a
 * known state would lie elsewhere: longer than that nothing can be tried, and it says how far it
 * went. */
static void no_region_grows_for_ever(void **state)
{
    (void)state;
    case_files f;
    advise(&f,
           "name: t\ntitle: t\nchip: esp32\nidf: v4.4\nsource: [made up]\nregions:\n"
           "  - {start: 0x3ffb0000, size: 3032, type: DRAM}\n"
           "boot: {blocks: [{start: 0x3ffb065c, size: 400}]}\n",
           NO_PYTHON, IDF_TRACE("alloc 1 300000 net\n"));
    const hs_advice *a = find(HS_ADVICE_REGION, NULL);
    assert_true(a->applies);
    assert_false(a->helps);
    assert_int_equal(a->high, 128 * 1024);
    char text[400];
    hs_advice_sentence(a, text, sizeof text);
    assert_string_equal(text,
                        "more memory in the region at 0x3ffb0000 (DRAM): not even 128K bytes");
    done(&f);
}

typedef struct picture {
    char text[400];
    size_t used;
} picture;

static bool draw(void *context, hs_addr address, uint32_t size, bool used)
{
    (void)address;
    picture *p = context;
    p->used += (size_t)snprintf(p->text + p->used, sizeof p->text - p->used, "%s%c%u",
                                p->used == 0 || p->text[p->used - 1] == '|' ? "" : " ",
                                used ? 'U' : 'F', size);
    return true;
}

static void expect_board(hs_other_board *other, const char *expected)
{
    assert_non_null(other);
    hs_caps *caps = &other->board->caps;
    picture p = {0};
    for (unsigned i = 0; i < caps->count; i++) {
        p.used +=
            (size_t)snprintf(p.text + p.used, sizeof p.text - p.used, "%s", i != 0 ? "|" : "");
        hs_heap_walk(&caps->device, &caps->heaps[i].heap, draw, &p);
    }
    assert_string_equal(p.text, expected);
    assert_true(hs_caps_check(caps));
    hs_other_board_destroy(other);
}

/* Regions right behind one another: what lies above moves up, with its blocks. */
static void boards_with_more_and_less(void **state)
{
    (void)state;
    static const char *const boots[] = {
        "{fresh: true}",
        "{free: [{start: 0x3ffb065c, size: 400}, {start: 0x3ffb17b8, size: 300}]}",
    };
    static const char *const expected[2][3] = {
        {"F1400|F1000", "F1912|F1000", "F1400|F1512"},
        {"F400 U996|U328 F300 U364", "F400 U996 F508|U328 F300 U364",
         "F400 U996|U328 F300 U364 F508"},
    };
    for (size_t i = 0; i < 2; i++) {
        char layout[600];
        snprintf(layout, sizeof layout,
                 "name: t\ntitle: t\nchip: esp32\nidf: v4.4\nsource: [made up]\nregions:\n"
                 "  - {start: 0x3ffb0000, size: 3032, type: DRAM}\n"
                 "  - {start: 0x3ffb1010, size: 2632, type: DRAM}\nboot: %s\n",
                 boots[i]);
        case_files f;
        case_make(&f, layout, NO_PYTHON, IDF_TRACE("alloc 1 16 net\n"));
        uint32_t by[HS_LAYOUT_REGIONS_MAX] = {0};
        hs_error error = {{0}};
        expect_board(hs_board_reduced(f.c, by, &error), expected[i][0]);
        by[0] = 512;
        expect_board(hs_board_enlarged(f.c, by, &error), expected[i][1]);
        by[0] = 0;
        by[1] = 512;
        expect_board(hs_board_enlarged(f.c, by, &error), expected[i][2]);
        case_end(&f);
    }
}

static void taken_from_the_largest_blocks(void **state)
{
    (void)state;
    case_files f;
    case_make(&f, TINY_LAYOUT, NO_PYTHON, IDF_TRACE("alloc 1 16 net\n"));
    uint32_t less[HS_LAYOUT_REGIONS_MAX] = {512};
    hs_error error = {{0}};
    expect_board(hs_board_reduced(f.c, less, &error), "F1488 U508");
    less[0] = 2004;
    expect_board(hs_board_reduced(f.c, less, &error), "U2000");
    less[0] = 2020;
    assert_null(hs_board_reduced(f.c, less, &error));
    case_end(&f);
}

/* --- policies, on the board and traces that ship --- */

static void other_policies(void **state)
{
    (void)state;
    hs_error error = {{0}};
    hs_layout *layout = hs_layout_load(SOURCE_DIR "/scenarios/layouts/pico-d4.yaml", &error);
    hs_policy *policy =
        hs_policy_load(SOURCE_DIR "/scenarios/policies/micropython-v1.19.yaml", &error);
    hs_case *c = hs_case_create(layout, policy, &error);
    assert_non_null(c);
    assert_int_equal(hs_case_add(c, "wifi-ble-https", &error), 0);
    hs_run *run = hs_case_run(c, &(hs_trial){0}, &error);
    assert_true(run->failed);
    assert_int_equal(hs_advise(&advices, c, run, &error), 0);
    size_t passing = 0;
    size_t failing = 0;
    for (size_t i = 0; i < advices.count; i++) {
        const hs_advice *a = &advices.items[i];
        if (a->kind != HS_ADVICE_POLICY || !a->applies) {
            continue;
        }
        hs_session *session = hs_session_open("pico-d4", a->text, &error);
        assert_non_null(session);
        assert_int_equal(hs_session_replay(session, "wifi-ble-https", &error), 0);
        assert_int_equal(hs_session_failed(session), !a->helps);
        passing += a->helps ? 1 : 0;
        failing += a->helps ? 0 : 1;
        hs_session_close(session);
    }
    assert_true(passing > 0 && failing > 0);
    assert_false(find(HS_ADVICE_POLICY, "micropython-v1.18-spiram")->applies);
    hs_advices_release(&advices);
    hs_case_release_run(run);
    hs_case_destroy(c);
    hs_policy_free(policy);
    hs_layout_free(layout);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_largest_first_area),
        cmocka_unit_test(the_smallest_first_area),
        cmocka_unit_test(the_smallest_reserve),
        cmocka_unit_test(nothing_helps),
        cmocka_unit_test(another_order),
        cmocka_unit_test(allocations_keep_their_order),
        cmocka_unit_test(an_order_that_does_not_help),
        cmocka_unit_test(bytes_missing_in_each_region),
        cmocka_unit_test(no_region_grows_for_ever),
        cmocka_unit_test(boards_with_more_and_less),
        cmocka_unit_test(taken_from_the_largest_blocks),
        cmocka_unit_test(other_policies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Minimised traces fail in the same way, and nothing more can be left out of them. */
#include "case.h"

#include "minimise.h"

static hs_minimised minimise(case_files *f, hs_minimise_limits limits)
{
    hs_minimised done;
    if (hs_minimise(f->c, &limits, &done, &f->w.error) != 0) {
        fail_msg("%s", f->w.error.text);
    }
    return done;
}

static void expect_file(case_files *f, const hs_minimised *done, const char *events)
{
    char path[128];
    char text[4096];
    snprintf(path, sizeof path, "%s/out.trace", f->w.folder);
    if (hs_minimise_write(f->c, done, path, &f->w.error) != 0) {
        fail_msg("%s", f->w.error.text);
    }
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    const char *owner = strstr(text, "\nowner");
    assert_non_null(owner);
    assert_string_equal(owner + 1, events);
}

/* 600 bytes are free before and 592 behind the pin of 800; all else has nothing to do with it. */
static void only_what_matters_stays(void **state)
{
    (void)state;
    case_files f;
    case_make(&f, TINY_LAYOUT, NO_PYTHON,
              IDF_TRACE("phase one\nalloc 1 600 net\nalloc 2 32 tls\nfree 2\nalloc 3 100 tls\n"
                        "free 3\nalloc 2 800 net\nmark here\nphase two\nalloc 4 60 tls\n"
                        "realloc 4 80\nfree 4\nfree 1\nalloc 9 700 tls\nalloc 10 1900 net\n"));
    hs_minimised done = minimise(&f, (hs_minimise_limits){0});
    assert_true(done.finished);
    assert_int_equal(done.events_before, 15);
    assert_int_equal(done.events_after, 4);
    assert_int_equal(done.allocations_before, 7);
    assert_int_equal(done.allocations_after, 3);
    assert_int_equal(done.result.failure.failure_class, HS_CLASS_FRAGMENTED);
    expect_file(&f, &done,
                "owner   net idf\nowner   tls idf caps=8bit,internal\nalloc 1 600 net\n"
                "alloc 4 800 net\nfree 1\nalloc 6 700 tls\n");
    case_end(&f);
}

/* The limit gives a trace that still fails in the same way, only longer. */
static void a_limit_of_tests(void **state)
{
    (void)state;
    case_files f;
    case_make(&f, TINY_LAYOUT, NO_PYTHON,
              IDF_TRACE("alloc 1 600 net\nalloc 2 32 tls\nfree 2\nalloc 3 800 net\nfree 1\n"
                        "alloc 4 700 tls\n"));
    hs_minimised done = minimise(&f, (hs_minimise_limits){.tests = 2});
    assert_false(done.finished);
    assert_int_equal(done.tests, 2);
    hs_result again = hs_case_try(f.c, &(hs_trial){0});
    assert_int_equal(again.verdict, HS_FAILED);
    assert_int_equal(again.failure.size, 700);
    assert_int_equal(again.failure.failure_class, HS_CLASS_FRAGMENTED);
    case_end(&f);
}

static void a_trace_that_passes_is_refused(void **state)
{
    (void)state;
    case_files f;
    hs_minimised done;
    case_make(&f, TINY_LAYOUT, NO_PYTHON, IDF_TRACE("alloc 1 600 net\n"));
    assert_int_equal(hs_minimise(f.c, &(hs_minimise_limits){0}, &done, &f.w.error), -1);
    assert_non_null(strstr(f.w.error.text, "found a run that passes, expected one in which"));
    case_end(&f);
}

/* A link goes with the object that it names; the chain that holds the pin in place stays. */
static void links_go_with_their_objects(void **state)
{
    (void)state;
    case_files f;
    case_make(&f, TINY_LAYOUT, PYTHON("1024"),
              GC_TRACE("alloc 1 16 mp\nalloc 2 320 mp\nalloc 3 16 mp\nalloc 4 320 mp\n"
                       "alloc 5 16 mp\nlink 1 0 3\nlink 1 1 5\ndrop 3\ndrop 5\ndrop 2\ndrop 4\n"
                       "alloc 6 800 mp\n"));
    hs_minimised done = minimise(&f, (hs_minimise_limits){0});
    hs_result again = hs_case_try(f.c, &(hs_trial){0});
    assert_int_equal(again.verdict, HS_FAILED);
    assert_int_equal(again.failure.failure_class, HS_CLASS_FRAGMENTED);
    assert_true(done.events_after < done.events_before);
    for (size_t i = 0; i < f.c->tapes[0].count; i++) {
        assert_int_not_equal(f.c->tapes[0].events[i].op, HS_OP_LINK);
    }
    case_end(&f);
}

/* Random traces: the same failure, and every single lifetime and statement left is needed. */
static void nothing_more_can_go(void **state)
{
    (void)state;
    unsigned failed = 0;
    for (unsigned seed = 1; seed <= 40; seed++) {
        unsigned s = seed;
        char text[8000] = "heapsim-trace 1\norigin modelled\nowner net idf\n";
        size_t used = strlen(text);
        bool live[12] = {false};
        for (int n = 0; n < 120; n++) {
            s = s * 1103515245u + 12345u;
            unsigned slot = (s >> 16) % 12;
            unsigned size = (s >> 8 & 511) + 12;
            used +=
                (size_t)snprintf(text + used, sizeof text - used,
                                 live[slot] ? "free %u # %u\n" : "alloc %u %u net\n", slot, size);
            live[slot] = !live[slot];
        }
        case_files f;
        case_make(&f, TINY_LAYOUT, NO_PYTHON, text);
        hs_result before = hs_case_try(f.c, &(hs_trial){0});
        if (before.verdict == HS_FAILED) {
            failed++;
            hs_minimised done = minimise(&f, (hs_minimise_limits){0});
            if (done.result.failure.failure_class != before.failure.failure_class ||
                done.result.failure.size != before.failure.size ||
                done.result.failure.event != done.events_after) {
                fail_msg("seed %u: another failure", seed);
            }
            hs_tape *tape = &f.c->tapes[0];
            for (size_t gone = 0; gone + 1 < tape->count; gone++) {
                hs_event kept = tape->events[gone];
                if (kept.op == HS_OP_FREE) {
                    tape->events[gone] = (hs_event){.op = HS_OP_COLLECT};
                    hs_result other = hs_case_try(f.c, &(hs_trial){0});
                    if (other.verdict == HS_FAILED &&
                        other.failure.failure_class == before.failure.failure_class &&
                        other.failure.size == before.failure.size) {
                        fail_msg("seed %u: event %zu can go", seed, gone + 1);
                    }
                    tape->events[gone] = kept;
                }
            }
        }
        case_end(&f);
    }
    assert_true(failed > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_matters_stays),
        cmocka_unit_test(a_limit_of_tests),
        cmocka_unit_test(a_trace_that_passes_is_refused),
        cmocka_unit_test(links_go_with_their_objects),
        cmocka_unit_test(nothing_more_can_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The replay: what each statement of a trace does to the heaps and the accounts. */
#include "world.h"

static void alloc_and_free(void **state)
{
    world *w = *state;
    expect_heap(w, "free:2000");
    world_play(w, IDF_TRACE("alloc 1 16 net\nalloc 2 100 tls\nalloc 3 20 net\n"));
    expect_heap(w, "net:16 tls:100 net:20 free:1852");
    world_play(w, IDF_TRACE("alloc 1 40 net\nfree 1\nalloc 7 12 net\n"));
    expect_heap(w, "net:16 tls:100 net:20 net:12 free:1836");
    assert_int_equal(w->run->event, 6);
    assert_int_equal(w->run->owners[0].live_blocks, 3);
    assert_int_equal(w->run->owners[0].live_bytes, 48);
    assert_int_equal(w->run->owners[0].peak_bytes, 76);
    assert_int_equal(w->run->owners[1].live_bytes, 100);
    hs_figures now = hs_session_figures(w->session);
    assert_int_equal(now.events, 6);
    assert_int_equal(now.failures, 0);
    assert_int_equal(now.idf_free, 2008 - 148); /* IDF v4.4 takes payload alone off its counter */
    assert_int_equal(now.idf_largest_free_block, 1824);
    assert_int_equal(now.minimum_largest_free_block, 1792); /* while 40 bytes were live */
}

static void calloc_aligned_realloc(void **state)
{
    world *w = *state;
    world_play(w, IDF_TRACE("calloc 1 4 10 net\naligned 2 64 100 net\nrealloc 1 200\n"));
    expect_heap(w, "free:80 net:100 net:200 free:1608");
    assert_int_equal(w->run->owners[0].live_bytes, 300);
    world_play(w, IDF_TRACE("alloc 1 8 net\nrealloc 1 0\n"));
    assert_int_equal(w->run->owners[0].live_blocks, 2);
}

/* Live payload bytes, minima and peaks are kept without a walk; a walk must give the same, also
 * after the policy's placeholder went. */
static void running_figures_equal_a_walk(void **state)
{
    (void)state;
    static const char *const releases[] = {"v3.3", "v4.4", "v4.4.2", "v4.4.8", "v5.2", "v5.4"};
    for (size_t i = 0; i < sizeof releases / sizeof releases[0]; i++) {
        char layout[600];
        snprintf(layout, sizeof layout,
                 "name: t\ntitle: t\nchip: esp32\nidf: %s\nsource: [made up]\nregions:\n"
                 "  - {start: 0x3ffb0000, size: 6000, type: DRAM}\n"
                 "  - {start: 0x3ffe4350, size: 9000, type: DIRAM}\nboot: {fresh: true}\n",
                 releases[i]);
        world w;
        world_make(&w, layout, NO_PYTHON "placeholder: {size: 1K, until: go}\n");
        unsigned seed = 7;
        char text[16000] = "heapsim-trace 1\norigin modelled\nowner net idf\n";
        size_t used = strlen(text);
        bool live[40] = {false};
        for (int n = 0; n < 400; n++) {
            seed = seed * 1103515245u + 12345u;
            unsigned slot = seed >> 16 & 31;
            unsigned size = (seed >> 8 & 255) + 1;
            const char *form = !live[slot] ? "alloc %u %u net\n" : "realloc %u %u\n";
            if (live[slot] && (seed & 4096) != 0) {
                form = "free %u # %u\n";
                live[slot] = false;
            } else {
                live[slot] = true;
            }
            used += (size_t)snprintf(text + used, sizeof text - used, form, slot, size);
            if (n == 200) {
                used += (size_t)snprintf(text + used, sizeof text - used, "phase go\n");
            }
        }
        world_play(&w, text);
        hs_mark now;
        assert_int_equal(hs_mark_take(&now, "now", 0, w.run->board), 0);
        const hs_live_metrics figures = hs_run_live(w.run);
        assert_int_equal(figures.idf_free, now.free);
        assert_int_equal(figures.idf_largest, now.largest);
        hs_heap_info info;
        hs_caps_get_info(&w.run->board->caps, &info, HS_CAP_8BIT);
        assert_int_equal(figures.idf_allocated, info.allocated);
        assert_true(w.run->extreme.peak_idf_allocated >= info.allocated);
        assert_true(w.run->extreme.minimum_largest <= now.largest);
        hs_mark_release(&now);
        world_end(&w);
    }
}

static void wrong_slots(void **state)
{
    (void)state;
    world w;
    world_make(&w, TINY_LAYOUT, PYTHON("1K"));
    expect_error(&w, IDF_TRACE("free 3\n"),
                 "test.trace:5: found free of slot 3, which is not allocated, expected a slot that "
                 "is");
    expect_error(&w, IDF_TRACE("alloc 1 8 net\nalloc 1 8 net\n"),
                 "test.trace:6: found alloc 1 of a slot that is allocated, expected a slot that is "
                 "free");
    expect_error(&w, IDF_TRACE("alloc 1 8 net\nlink 1 0 1\n"),
                 "test.trace:6: found link of slot 1, which belongs to the IDF heap, expected a "
                 "slot of an owner with heap gc");
    expect_error(&w, IDF_TRACE("alloc 1 8 net\ndrop 1\n"),
                 "test.trace:6: found drop of slot 1, which belongs to the IDF heap, expected a "
                 "slot of an owner with heap gc");
    expect_error(&w, GC_TRACE("alloc 1 8 mp\nlink 1 4 1\n"),
                 "test.trace:6: found word 4 of slot 1, expected one inside its 8 bytes");
    world_end(&w);
}

/* A failed allocation leaves its slot empty; what the trace says of it is counted and ignored. */
static void failure_leaves_an_empty_slot(void **state)
{
    world *w = *state;
    world_play(w, IDF_TRACE("alloc 1 5000 net\nrealloc 1 10\nfree 1\nalloc 1 12 net\n"));
    assert_int_equal(w->run->failures, 1);
    assert_int_equal(w->run->ignored, 2);
    assert_int_equal(w->run->failure.event, 1);
    assert_int_equal(w->run->failure.line, 5);
    assert_int_equal(w->run->failure.size, 5000);
    expect_heap(w, "net:12 free:1984");
    world_play(w, IDF_TRACE("alloc 1 5000 net\nrealloc 1 0\nalloc 1 12 net\n"));
    expect_heap(w, "net:12 net:12 free:1968");
}

/* The device had served a realloc that is refused here: words that only the larger object has are
 * passed over, up to the next realloc that is served. */
static void refused_realloc_keeps_a_short_object(void **state)
{
    (void)state;
    world w;
    world_make(&w, TINY_LAYOUT, PYTHON("1K"));
    world_play(&w, GC_TRACE("alloc 1 16 mp\nalloc 2 16 mp\nrealloc 1 64 nomove\nlink 1 9 2\n"
                            "link 1 3 2\nunlink 1 9\nrealloc 1 64\nlink 1 9 2\n"));
    assert_int_equal(w.run->failures, 0);
    assert_int_equal(w.run->ignored, 2);
    expect_error(&w,
                 GC_TRACE("alloc 1 16 mp\nalloc 2 16 mp\nrealloc 1 64 nomove failed\n"
                          "link 1 9 2\n"),
                 "test.trace:8: found word 9 of slot 1, expected one inside its 16 bytes");
    world_end(&w);
}

/* malloc(0) is NULL on a device that has all the memory in the world. */
static void nothing_asked_is_no_failure(void **state)
{
    (void)state;
    world w;
    world_make(&w, TINY_LAYOUT, PYTHON("1K"));
    world_play(&w, IDF_TRACE("alloc 1 0 net\ncalloc 2 0 8 net\naligned 3 8 0 net\nfree 1\n"
                             "alloc 1 12 net\n"));
    world_play(&w, GC_TRACE("alloc 1 0 mp\ndrop 1\n"));
    assert_int_equal(w.run->failures, 0);
    assert_int_equal(w.run->ignored, 2);
    assert_int_equal(w.run->owners[0].live_blocks, 1);
    world_end(&w);
}

static void stop_at_failure(void **state)
{
    world *w = *state;
    hs_session_stop_at_failure(w->session, true);
    world_play(w, IDF_TRACE("alloc 1 5000 net\nalloc 2 12 net\n"));
    assert_int_equal(w->run->event, 1);
}

/* What the capture saw fail may be allocated again without a free, whether it failed here or not.
 */
static void recorded_failures(void **state)
{
    world *w = *state;
    world_play(w, IDF_TRACE("alloc 1 64 net failed\nalloc 1 16 net\n"));
    expect_heap(w, "net:16 free:1980");
    assert_int_equal(w->run->failures, 0);
}

static void expect_class(const char *layout, const char *policy, const char *trace,
                         enum hs_failure_class expected)
{
    world w;
    world_make(&w, layout, policy);
    world_play(&w, trace);
    assert_true(w.run->failed);
    assert_string_equal(hs_failure_class_name(w.run->failure.failure_class),
                        hs_failure_class_name(expected));
    world_end(&w);
}

static void failure_classes(void **state)
{
    (void)state;
    static const char with_iram[] =
        "name: t\ntitle: t\nchip: esp32\nidf: v4.4\nsource: [made up]\nregions:\n"
        "  - {start: 0x3ffe4350, size: 3632, type: DIRAM}\n"
        "  - {start: 0x40098000, size: 8192, type: IRAM}\nboot: {fresh: true}\n";
    expect_class(TINY_LAYOUT, NO_PYTHON, IDF_TRACE("alloc 1 2004 net\n"), HS_CLASS_EXHAUSTED);
    expect_class(TINY_LAYOUT, NO_PYTHON,
                 IDF_TRACE("alloc 1 600 net\nalloc 2 600 net\nalloc 3 600 net\nfree 2\n"
                           "alloc 4 700 net\n"),
                 HS_CLASS_FRAGMENTED);
    expect_class(TINY_LAYOUT, NO_PYTHON, IDF_TRACE("alloc 1 2000 net\n"), HS_CLASS_ROUNDED);
    expect_class(with_iram, NO_PYTHON, IDF_TRACE("alloc 1 3000 net\n"), HS_CLASS_CAPS);
    expect_class(with_iram, NO_PYTHON, IDF_TRACE("alloc 1 100 net caps=exec,8bit\n"),
                 HS_CLASS_CAPS);
    expect_class(TINY_LAYOUT, PYTHON("1600"), IDF_TRACE("alloc 1 1200 net\n"), HS_CLASS_STARVED);
    expect_class(TINY_LAYOUT, PYTHON("1600"), IDF_TRACE("alloc 1 200 net caps=spiram\n"),
                 HS_CLASS_CAPS);
    expect_class(TINY_LAYOUT, PYTHON("1600"), GC_TRACE("alloc 1 1590 mp\n"), HS_CLASS_EXHAUSTED);
    expect_class("name: t\ntitle: t\nchip: esp32\nidf: v4.4\nsource: [made up]\nregions:\n"
                 "  - {start: 0x3ffe4350, size: 13632, type: DIRAM}\nboot: {fresh: true}\n",
                 PYTHON("1600"), GC_TRACE("alloc 1 1590 mp\n"), HS_CLASS_INNER);
}

static void python_objects(void **state)
{
    (void)state;
    world w;
    world_make(&w, TINY_LAYOUT, PYTHON("1024"));
    expect_heap(&w, "python:1024 free:972");
    world_play(&w, GC_TRACE("alloc 1 16 mp\nalloc 2 16 mp\nalloc 3 40 mp type=D\nlink 1 0 2\n"
                            "drop 2\ndrop 3\ncollect\n"));
    assert_int_equal(hs_gc_used(&w.run->board->gc), 2); /* 2 is held by 1, 3 is gone */
    assert_int_equal(w.run->collections, 1);
    world_play(&w, GC_TRACE("collect\n"));
    assert_int_equal(hs_gc_used(&w.run->board->gc),
                     2); /* what a finished trace left stays rooted */
    world_end(&w);
}

static void unlink_lets_go(void **state)
{
    (void)state;
    world w;
    world_make(&w, TINY_LAYOUT, PYTHON("1024"));
    world_play(&w, GC_TRACE("alloc 1 16 mp\nalloc 2 16 mp\nlink 1 3 2\ndrop 2\nunlink 1 3\n"
                            "collect\n"));
    assert_int_equal(hs_gc_used(&w.run->board->gc), 1);
    world_end(&w);
}

/* Roots are kept dense: the last one fills the hole of one that goes, also over realloc moves. */
static void roots_follow_their_slots(void **state)
{
    (void)state;
    world w;
    world_make(&w, TINY_LAYOUT, PYTHON("1024"));
    world_play(&w, GC_TRACE("alloc 1 16 mp\nalloc 2 16 mp\nalloc 3 16 mp\ndrop 1\nrealloc 3 64\n"
                            "collect\ndrop 2\nalloc 4 16 mp\ndrop 3\ncollect\n"));
    assert_int_equal(w.run->root_count, 1);
    assert_int_equal(hs_gc_used(&w.run->board->gc), 1);
    world_end(&w);
}

static void capture_threshold_is_not_the_programs(void **state)
{
    (void)state;
    world w;
    world_make(&w, TINY_LAYOUT, PYTHON("1024"));
    world_play(&w, GC_TRACE("threshold 16 capture\nalloc 1 16 mp\nalloc 2 16 mp\nalloc 3 16 mp\n"));
    assert_int_equal(w.run->collections, 0);
    world_play(&w, GC_TRACE("threshold 16\nalloc 1 16 mp\nalloc 2 16 mp\nalloc 3 16 mp\n"));
    assert_true(w.run->collections > 0);
    world_end(&w);
}

static void routed_owners_are_tracked(void **state)
{
    (void)state;
    world w;
    world_make(&w, TINY_LAYOUT, PYTHON("1024") "route: {tls: gc}\n");
    world_play(&w, IDF_TRACE("alloc 1 30 tls\nalloc 2 30 net\nalloc 3 100 tls\nfree 1\n"));
    expect_heap(&w, "python:1024 net:32 free:936");
    assert_int_equal(hs_gc_used(&w.run->board->gc), 7); /* 100 + 8 bytes of header */
    hs_gc_collect(&w.run->board->gc);
    assert_int_equal(hs_gc_used(&w.run->board->gc), 7);
    world_end(&w);
}

static void no_gc_heap_for_gc_owners(void **state)
{
    world *w = *state;
    expect_error(w, GC_TRACE("alloc 1 16 mp\n"),
                 "test.trace: found owner mp, which allocates from the GC heap, but policy none "
                 "has none; choose a policy with a gc version");
}

static void marks_and_phases(void **state)
{
    world *w = *state;
    world_play(w, IDF_TRACE("phase one\nalloc 1 16 net\nmark middle\nphase two\nfree 1\n"));
    assert_int_equal(hs_session_finish(w->session, &w->error), 0);
    static const char *const names[] = {"boot", "start", "middle", "one", "two", "end"};
    static const uint64_t events[] = {0, 0, 3, 4, 5, 5};
    assert_int_equal(w->run->mark_count, 6);
    for (size_t i = 0; i < 6; i++) {
        assert_string_equal(w->run->marks[i].name, names[i]);
        assert_int_equal(w->run->marks[i].event, events[i]);
    }
    assert_int_equal(w->run->marks[2].regions[0].blocks[0].size, 1980);
}

static void placeholder_ends_with_its_phase(void **state)
{
    (void)state;
    world w;
    world_make(&w, TINY_LAYOUT, NO_PYTHON "placeholder: {size: 800, until: wifi}\n");
    expect_heap(&w, "boot:800 free:1196");
    world_play(&w, IDF_TRACE("alloc 1 16 net\nphase wifi\nalloc 2 700 net\n"));
    expect_heap(&w, "net:700 free:96 net:16 free:1176");
    world_end(&w);
}

static void region_given_back(void **state)
{
    world *w = *state;
    world_play(w, IDF_TRACE("region 0x3ffb2730 4096 DRAM\nalloc 1 16 net\n"));
    expect_heap(w, "net:16 free:2444 | boot:36 free:1960");
    expect_error(
        w, IDF_TRACE("region 0x3ffb2730 4096 DRAM\n"),
        "test.trace:5: found region 0x3ffb2730 of 4096 bytes, expected one that this board "
        "can add to its heap");
    expect_error(w, IDF_TRACE("region 0x3ffc2730 4096 SRAM\n"),
                 "test.trace:5: found region type 'SRAM', expected DRAM, DIRAM, IRAM, SPIRAM, "
                 "RTCRAM, ...");
}

/* Light poisoning: what the policy took is Python's although its canary lies in front of it. */
static void a_poisoned_board(void **state)
{
    (void)state;
    world w;
    world_make(&w, TINY_LAYOUT "poisoning: light\n", PYTHON("1K"));
    expect_heap(&w, "python:1036 free:960");
    world_play(&w, IDF_TRACE("alloc 1 100 net\n"));
    expect_heap(&w, "python:1036 net:112 free:844");
    world_end(&w);
}

/* IDF v4.4.0 to v4.4.3: the block is cut to nothing, and the next use of the heap asserts. */
static void device_crash_ends_the_run(void **state)
{
    world *w = *state;
    assert_int_equal(world_replay(w, IDF_TRACE("alloc 1 100 net\nalloc 2 20 net\n"
                                               "realloc 1 262144\nfree 1\nalloc 3 8 net\n")),
                     0);
    assert_true(w->run->crashed);
    assert_int_equal(w->run->crash_event, 4);
    assert_int_equal(w->run->event, 4);
    assert_true(hs_session_failed(w->session));
}

static void copies_part_ways(void **state)
{
    (void)state;
    world w;
    world_make(&w, TINY_LAYOUT, PYTHON("1024"));
    world_play(&w, GC_TRACE("alloc 1 16 mp\nalloc 2 100 net\nmark here\n"));
    hs_run *copy = hs_run_copy(w.run, &w.error);
    assert_non_null(copy);
    hs_board *board = copy->board;
    world_play(&w, GC_TRACE("alloc 1 200 net\nalloc 2 64 mp\n"));
    assert_int_equal(hs_gc_used(&copy->board->gc), 1);
    assert_int_equal(hs_gc_used(&w.run->board->gc), 5);
    hs_run *original = w.run;
    w.run = copy;
    expect_heap(&w, "python:1024 net:100 free:868");
    w.run = original;
    expect_heap(&w, "python:1024 net:100 net:200 free:664");
    assert_string_equal(copy->marks[2].name, "here");
    hs_run_destroy(copy);
    hs_board_destroy(board);
    world_end(&w);
}

static void policy_without_memory(void **state)
{
    (void)state;
    world w;
    world_make(&w, TINY_LAYOUT, PYTHON("4K"));
    assert_true(w.run->failed);
    assert_int_equal(w.run->failure.event, 0);
    assert_int_equal(w.run->failure.size, 4096);
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST_TINY(alloc_and_free),
        WORLD_TEST_TINY(calloc_aligned_realloc),
        cmocka_unit_test(running_figures_equal_a_walk),
        cmocka_unit_test(wrong_slots),
        WORLD_TEST_TINY(failure_leaves_an_empty_slot),
        cmocka_unit_test(refused_realloc_keeps_a_short_object),
        cmocka_unit_test(nothing_asked_is_no_failure),
        WORLD_TEST_TINY(stop_at_failure),
        WORLD_TEST_TINY(recorded_failures),
        cmocka_unit_test(failure_classes),
        cmocka_unit_test(python_objects),
        cmocka_unit_test(unlink_lets_go),
        cmocka_unit_test(roots_follow_their_slots),
        cmocka_unit_test(capture_threshold_is_not_the_programs),
        cmocka_unit_test(routed_owners_are_tracked),
        WORLD_TEST_TINY(no_gc_heap_for_gc_owners),
        WORLD_TEST_TINY(marks_and_phases),
        cmocka_unit_test(placeholder_ends_with_its_phase),
        WORLD_TEST_TINY(region_given_back),
        cmocka_unit_test(a_poisoned_board),
        WORLD_TEST_TINY(device_crash_ends_the_run),
        cmocka_unit_test(copies_part_ways),
        cmocka_unit_test(policy_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

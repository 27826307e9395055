/* Counters at and beyond 32 bits, and limits that no trace of a test's size reaches. */
#include "world.h"

#include "explain.h"
#include "pins.h"
#include "run_events.h"

#define BEYOND (((uint64_t)1 << 32) + 5)

/* A block that is older than 2^32 events keeps its event and its age. */
static void events_count_beyond_32_bits(void **state)
{
    world *w = *state;
    world_play(w, IDF_TRACE("alloc 1 16 net\nalloc 2 400 net\nalloc 3 16 net\nfree 2\n"));
    w->run->event += BEYOND; /* as if that many events had passed */
    world_play(w, IDF_TRACE("alloc 4 1700 net\nmark m\n"));
    assert_int_equal(w->run->failures, 1);
    assert_int_equal(w->run->failure.event, BEYOND + 5);
    assert_int_equal(hs_session_figures(w->session).events, BEYOND + 6);
    assert_int_equal(w->run->marks[w->run->mark_count - 1].event, BEYOND + 6);
    hs_pin_sets pins;
    assert_int_equal(hs_pins_find(&pins, w->run, &w->run->failure, &w->error), 0);
    assert_int_equal(pins.items[0].count, 1);
    assert_int_equal(pins.items[0].pins[0].born, 3);
    assert_int_equal(pins.items[0].pins[0].age, BEYOND + 3);
    hs_pins_release(&pins);
}

static void totals_count_beyond_32_bits(void **state)
{
    world *w = *state;
    world_play(w, IDF_TRACE("alloc 1 16 net\n"));
    w->run->owners[0].total_bytes = UINT32_MAX;
    w->run->owners[0].allocations = UINT32_MAX;
    w->run->owners[0].failures = w->run->failures = UINT32_MAX;
    w->run->ignored = UINT32_MAX;
    world_play(w, IDF_TRACE("alloc 1 16 net\nalloc 2 4000000 net\nfree 2\n"));
    assert_int_equal(w->run->owners[0].total_bytes, (uint64_t)UINT32_MAX + 16);
    assert_int_equal(w->run->owners[0].failures, (uint64_t)UINT32_MAX + 1);
    assert_int_equal(w->run->failures, (uint64_t)UINT32_MAX + 1);
    assert_int_equal(w->run->ignored, (uint64_t)UINT32_MAX + 1);
    char *json = hs_session_json(w->session);
    assert_non_null(strstr(json, "\"failures\": 4294967296"));
    free(json);
}

static bool no_mark(const void *context, const char *name)
{
    (void)context;
    (void)name;
    return false;
}

/* All but the last are found again, in whatever order they are named. */
static void phases_end_at_65534(void **state)
{
    world *w = *state;
    enum { LAST = UINT16_MAX - 1 };
    hs_stream stream = {.phase = 0};
    w->run->wants_mark = no_mark;
    for (unsigned round = 0; round < 2; round++) {
        for (uint32_t i = 1; i < LAST; i++) {
            char name[16];
            uint32_t phase = i * 40503u % 65537u; /* a prime: each name once */
            snprintf(name, sizeof name, "%u", phase);
            assert_int_equal(hs_run_enter_phase(w->run, &stream, name, &w->error), 0);
            assert_int_equal(stream.phase, i);
            assert_string_equal(w->run->phases[i], name);
        }
    }
    world_play(w, IDF_TRACE("phase last\nalloc 1 16 net\nphase 1\nphase last\n"));
    expect_error(w, IDF_TRACE("phase over\n"), "found more than 65534 phases, expected fewer");
}

static void marks_end_at_65536(void **state)
{
    world *w = *state;
    while (w->run->mark_count < HS_RUN_MARKS_MAX) {
        assert_int_equal(hs_run_mark(w->run, "m", &w->error), 0);
    }
    assert_int_equal(hs_run_mark(w->run, "m", &w->error), -1);
    assert_string_equal(w->error.text, "found more than 65536 marks and phases, expected fewer");
}

static void marks_list_4194304_blocks(void **state)
{
    world *w = *state;
    w->run->mark_blocks = HS_RUN_MARK_BLOCKS_MAX - 1;
    assert_int_equal(hs_run_mark(w->run, "m", &w->error),
                     0); /* the tiny board has one free block */
    assert_int_equal(hs_run_mark(w->run, "m", &w->error), -1);
    assert_string_equal(w->error.text, "found marks and phases that list more than 4194304 free "
                                       "blocks, expected fewer");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST_TINY(events_count_beyond_32_bits), WORLD_TEST_TINY(totals_count_beyond_32_bits),
        WORLD_TEST_TINY(phases_end_at_65534),         WORLD_TEST_TINY(marks_end_at_65536),
        WORLD_TEST_TINY(marks_list_4194304_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

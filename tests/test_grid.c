/* Grids: whatever the threads and however cells share their begin, each is as if replayed alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compare.h"
#include "grid_cell.h"
#include "probe.h"
#include "session.h"

static const char *const layouts[] = {SOURCE_DIR "/scenarios/layouts/pico-d4.yaml",
                                      SOURCE_DIR "/scenarios/layouts/esp32-v5.yaml"};
static const char *const policies[] = {SOURCE_DIR "/scenarios/policies/micropython-v1.19.yaml",
                                       SOURCE_DIR "/scenarios/policies/tracked-tls.yaml",
                                       SOURCE_DIR "/scenarios/policies/two-areas-2018.yaml"};
#define WIFI  SOURCE_DIR "/traces/wifi-connect.trace"
#define HTTPS SOURCE_DIR "/traces/https.trace"
#define HTTP  SOURCE_DIR "/traces/http.trace"

static hs_grid_choice choose(void)
{
    return (hs_grid_choice){.layouts = {(const char **)(uintptr_t)layouts, 2},
                            .policies = {(const char **)(uintptr_t)policies, 3}};
}

static void add(hs_grid *grid, const hs_grid_choice *choice, const char *a, const char *b)
{
    const char *const names[] = {a, b};
    hs_error error = {{0}};
    hs_scenario *s = hs_scenario_of_traces(names, b != NULL ? 2 : 1, &error);
    assert_int_equal(hs_grid_add(grid, s, choice, &error), 0);
}

static void make(hs_grid *grid)
{
    hs_grid_init(grid);
    const hs_grid_choice choice = choose();
    add(grid, &choice, WIFI, NULL);
    add(grid, &choice, WIFI, HTTPS);
    add(grid, &choice, HTTPS, NULL);
    add(grid, &choice, WIFI, WIFI);
}

static char *result_of(unsigned threads, size_t shard, size_t shards)
{
    hs_grid grid;
    hs_error error = {{0}};
    make(&grid);
    const hs_grid_how how = {.threads = threads, .shard = shard, .shards = shards};
    assert_int_equal(hs_grid_run(&grid, &how, &error), 0);
    json_t *json = hs_compare_json(&grid, true);
    char *text = json_dumps(json, JSON_INDENT(1));
    json_decref(json);
    hs_grid_release(&grid);
    return text;
}

static void threads_do_not_matter(void **state)
{
    (void)state;
    char *one = result_of(1, 0, 1);
    char *four = result_of(4, 0, 1);
    assert_string_equal(one, four);
    free(one);
    free(four);
}

/* Each figure of a cell, shared begin or not, is that of a session of its own. */
static void cells_equal_sessions(void **state)
{
    (void)state;
    hs_grid grid;
    hs_error error = {{0}};
    make(&grid);
    assert_int_equal(grid.cell_count, 24);
    const hs_grid_how how = {.threads = 2};
    assert_int_equal(hs_grid_run(&grid, &how, &error), 0);
    size_t compared = 0;
    for (size_t i = 0; i < grid.cell_count; i++) {
        const hs_cell *cell = &grid.cells[i];
        if (cell->state == HS_CELL_UNFIT) {
            assert_non_null(strstr(cell->id, "two-areas-2018"));
            assert_memory_equal(cell->reason, "two-areas-2018.yaml:", 20);
            continue;
        }
        hs_session *s = hs_session_open(layouts[grid.groups[cell->group].layout],
                                        grid.groups[cell->group].policy->path, &error);
        assert_non_null(s);
        for (size_t k = 0; k < cell->scenario->step_count; k++) {
            assert_int_equal(hs_session_replay(s, cell->scenario->steps[k].trace, &error), 0);
        }
        assert_int_equal(hs_session_finish(s, &error), 0);
        const hs_run *run = s->run;
        assert_int_equal(cell->state, HS_CELL_DONE);
        assert_int_equal(cell->result.failed, hs_session_failed(s));
        assert_int_equal(hs_cell_metric(cell, "events", NULL), run->event);
        assert_int_equal(hs_cell_metric(cell, "failures", NULL), run->failures);
        assert_int_equal(hs_cell_metric(cell, "minimum_largest_free_block", NULL),
                         run->extreme.minimum_largest);
        assert_int_equal(hs_cell_metric(cell, "idf.free", "end"), hs_run_live(run).idf_free);
        assert_int_equal(hs_cell_metric(cell, "sockets", "end"), hs_probe_sockets(s->run));
        if (run->failed) {
            assert_int_equal(cell->result.failure.event, run->failure.event);
            assert_int_equal(cell->result.failure.failure_class, run->failure.failure_class);
        }
        hs_session_close(s);
        compared++;
    }
    assert_int_equal(compared, 16);
    hs_grid_release(&grid);
}

static void shards_are_parts(void **state)
{
    (void)state;
    size_t done[24] = {0};
    for (size_t shard = 0; shard < 5; shard++) {
        hs_grid grid;
        hs_error error = {{0}};
        make(&grid);
        const hs_grid_how how = {.threads = 2, .shard = shard, .shards = 5};
        assert_int_equal(hs_grid_run(&grid, &how, &error), 0);
        for (size_t i = 0; i < grid.cell_count; i++) {
            done[i] += grid.cells[i].state == HS_CELL_DONE;
        }
        hs_grid_release(&grid);
    }
    for (size_t i = 0; i < 24; i++) {
        assert_int_equal(done[i], i % 3 == 2 ? 0 : 1); /* each third policy does not fit */
    }
}

static void stop_keeps_what_is_done(void **state)
{
    (void)state;
    hs_grid grid;
    hs_error error = {{0}};
    make(&grid);
    atomic_int stop = 2;
    const hs_grid_how how = {.threads = 2, .stop = &stop};
    assert_int_equal(hs_grid_run(&grid, &how, &error), 0);
    for (size_t i = 0; i < grid.cell_count; i++) {
        assert_int_not_equal(grid.cells[i].state, HS_CELL_DONE);
    }
    atomic_store(&stop, 0);
    assert_int_equal(hs_grid_run(&grid, &how, &error), 0); /* it can be taken up again */
    assert_int_equal(grid.cells[0].state, HS_CELL_DONE);
    hs_grid_release(&grid);
}

static void wilson_intervals(void **state)
{
    (void)state;
    /* Newcombe 1998, table of worked examples, method 3: 81/263, 15/148, 0/20, 1/29. */
    static const struct {
        uint64_t hits, count;
        int64_t low, high;
    } known[] = {{81, 263, 255, 366}, {15, 148, 62, 160}, {0, 20, 0, 161}, {1, 29, 6, 172}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        hs_share share = hs_wilson(known[i].hits, known[i].count);
        assert_int_equal(share.low, known[i].low);
        assert_int_equal(share.high, known[i].high);
    }
    assert_int_equal(hs_wilson(20, 20).high, 1000);
}

static void trends(void **state)
{
    (void)state;
    hs_cycle_sample samples[100];
    hs_trend trend;
    for (int i = 0; i < 100; i++) {
        samples[i] = (hs_cycle_sample){.free = (uint32_t)(90000 - 24 * i), .fits = true};
    }
    assert_int_equal(hs_trend_of(samples, 100, &trend), 0);
    assert_int_equal(trend.slope, -24000);
    assert_true(trend.z < -2576);
    for (int i = 0; i < 100; i++) { /* one step after the first round, then nothing */
        samples[i].free = i == 0 ? 90000 : 88000;
    }
    assert_int_equal(hs_trend_of(samples, 100, &trend), 0);
    assert_int_equal(trend.slope, 0);
    assert_true(trend.z > -2576);
    for (int i = 0; i < 100; i++) { /* up and down */
        samples[i].free = i % 2 == 0 ? 90000 : 88000;
    }
    assert_int_equal(hs_trend_of(samples, 100, &trend), 0);
    assert_true(trend.z > -2576 && trend.z < 2576);
    assert_int_equal(hs_trend_of(samples, 2, &trend), 0);
    assert_int_equal(trend.z, 0);
}

/* A probe takes what is there and leaves the heap as it was. */
static void probe_of_sockets(void **state)
{
    (void)state;
    hs_error error = {{0}};
    hs_session *s = hs_session_open(layouts[0], SOURCE_DIR "/scenarios/policies/none.yaml", &error);
    assert_non_null(s);
    hs_caps *caps = &s->board->caps;
    uint32_t before = hs_caps_free_size(caps, HS_CAP_8BIT);
    uint32_t largest = hs_caps_largest_exact(caps, HS_CAP_8BIT);
    /* 112208 and 69256 bytes hold 5 and 3 pairs; the rest of 4429 byte blocks goes to 13440. */
    uint32_t sockets = hs_probe_sockets(s->run);
    assert_int_equal(sockets, 9);
    assert_int_equal(hs_caps_free_size(caps, HS_CAP_8BIT), before);
    assert_int_equal(hs_caps_largest_exact(caps, HS_CAP_8BIT), largest);
    assert_true(hs_caps_check(caps));
    assert_int_equal(hs_probe_python(s->run), 0);
    hs_session_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_do_not_matter), cmocka_unit_test(cells_equal_sessions),
        cmocka_unit_test(shards_are_parts),      cmocka_unit_test(stop_keeps_what_is_done),
        cmocka_unit_test(wilson_intervals),      cmocka_unit_test(trends),
        cmocka_unit_test(probe_of_sockets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

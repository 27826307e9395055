/* Pins against a second method that knows nothing of windows or classes of sizes: on small random
 * heaps every subset of the live blocks is really freed on a copy and the request made again. No
 * cheaper subset serves it, and the pins do. */
#include "case.h"

#include "pins.h"

#define LIVE_MAX 11u /* 2048 subsets */

typedef struct live {
    hs_addr start[LIVE_MAX];
    uint32_t size[LIVE_MAX];
    unsigned count;
} live;

static uint32_t next(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 16;
}

/* Fills the heap with nine to eleven blocks, frees some, and asks for more than any hole has. */
static void write_trace(uint32_t seed, char *text, size_t size)
{
    uint32_t s = seed;
    unsigned count = 9 + next(&s) % 3;
    size_t used = (size_t)snprintf(text, size, "heapsim-trace 1\norigin modelled\nowner net idf\n");
    for (unsigned i = 0; i < count; i++) {
        used += (size_t)snprintf(text + used, size - used, "alloc %u %u net\n", i,
                                 12 + 4 * (next(&s) % 60));
    }
    for (unsigned i = 0; i < count; i++) {
        if (next(&s) % 3 == 0) {
            used += (size_t)snprintf(text + used, size - used, "free %u\n", i);
        }
    }
    uint32_t wanted = 700 + next(&s) % 1300;
    if (next(&s) % 4 == 0) {
        snprintf(text + used, size - used, "aligned 99 %u %u net\n", 16u << next(&s) % 4, wanted);
    } else {
        snprintf(text + used, size - used, "alloc 99 %u net\n", wanted);
    }
}

static live live_of(const hs_run *run)
{
    live l = {.count = 0};
    hs_holders holders;
    assert_int_equal(hs_holders_take(&holders, run), 0);
    for (size_t i = 0; i < holders.count; i++) {
        if (holders.items[i].kind != HS_HOLDER_FREE) {
            assert_true(l.count < LIVE_MAX);
            l.start[l.count] = holders.items[i].start;
            l.size[l.count++] = holders.items[i].size;
        }
    }
    hs_holders_release(&holders);
    return l;
}

static uint64_t cost_of(const live *l, unsigned subset)
{
    uint64_t cost = 0;
    for (unsigned i = 0; i < l->count; i++) {
        cost += (subset >> i & 1) != 0 ? l->size[i] : 0;
    }
    return cost;
}

static bool serves(const live *l, unsigned subset, const hs_run *run, hs_board *scratch)
{
    const hs_failure *f = &run->failure;
    hs_board_copy_into(scratch, run->board);
    for (unsigned i = 0; i < l->count; i++) {
        if ((subset >> i & 1) != 0) {
            hs_caps_free(&scratch->caps, l->start[i]);
        }
    }
    hs_addr block = f->align != 0 ? hs_caps_memalign(&scratch->caps, f->align, f->size)
                                  : hs_caps_malloc_default(&scratch->caps, f->size);
    assert_true(hs_caps_check(&scratch->caps));
    return block != 0;
}

/* The least bytes with which the request is served; UINT64_MAX: not even by an empty heap. */
static uint64_t least_cost(const hs_run *run)
{
    hs_error error = {{0}};
    hs_board *scratch = hs_board_copy(run->board, &error);
    assert_non_null(scratch);
    live l = live_of(run);
    uint64_t least = UINT64_MAX;
    for (unsigned subset = 0; subset < 1u << l.count; subset++) {
        uint64_t cost = cost_of(&l, subset);
        if (cost < least && serves(&l, subset, run, scratch)) {
            least = cost;
        }
    }
    hs_board_destroy(scratch);
    return least;
}

static void no_cheaper_subset(void **state)
{
    (void)state;
    unsigned failed = 0;
    unsigned possible = 0;
    for (uint32_t seed = 1; seed <= 200; seed++) {
        char text[2000];
        write_trace(seed, text, sizeof text);
        world w;
        world_make(&w, TINY_LAYOUT, NO_PYTHON);
        hs_session_stop_at_failure(w.session, true);
        world_play(&w, text);
        if (w.run->failed) {
            hs_pin_sets sets;
            assert_int_equal(hs_pins_find(&sets, w.run, &w.run->failure, &w.error), 0);
            const hs_pin_set *set = &sets.items[0];
            uint64_t found = set->possible ? set->bytes : UINT64_MAX;
            uint64_t least = least_cost(w.run);
            if (found != least || set->verified != set->possible) {
                fail_msg("seed %u: pins of %llu bytes, expected %llu, in\n%s", seed,
                         (unsigned long long)found, (unsigned long long)least, text);
            }
            failed++;
            possible += set->possible;
            hs_pins_release(&sets);
        }
        world_end(&w);
    }
    assert_true(failed >= 100);
    assert_true(possible >= 50 && possible < failed); /* both answers came up */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(no_cheaper_subset)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

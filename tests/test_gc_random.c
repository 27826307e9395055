/* Properties of the collector over random and exhaustive sequences, against second, simple methods:
 * first fit block by block, reachability as a fixed point over all words, hs_gc_check after each
 * operation. A failing sequence is shrunk and printed with its seed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "device/gc.h"
#include "random.h"
#include "space.h"

#define FIRST 0x3ffb0000u
#define MORE  0x3ffc0000u
#define STEP  0x4000u
#define SLOTS 23u   /* no multiple of four: four roots are looked at in one */
#define MAX   4096u /* objects in a small heap */

enum { ALLOC, ALLOC_FIN, REALLOC, REALLOC_STAY, FREE, DROP, LINK, COLLECT, ADD, LIMIT, KINDS };

typedef struct step {
    uint8_t kind;
    uint8_t a;
    uint16_t b;
} step;

typedef struct world {
    hs_gc gc;
    void *space;
    uint32_t slot[SLOTS]; /* addresses; also the roots */
    uint32_t areas;
    bool lost; /* the copied defect struck: later reachability is void */
    const char *wrong;
    /* What the naive method found reachable when the running collect began. */
    hs_addr alive[MAX];
    uint32_t alive_count;
    uint32_t frees_announced;
    uint32_t objects_before;
    uint32_t finalised;
    bool collected; /* since the step began */
} world;

static void fail_with(world *w, const char *what)
{
    if (w->wrong == NULL) {
        w->wrong = what;
    }
}

/* --- second methods --- */

static bool listed(const hs_addr *list, uint32_t count, hs_addr address)
{
    for (uint32_t i = 0; i < count; ++i) {
        if (list[i] == address) {
            return true;
        }
    }
    return false;
}

/* Objects of the heap, block by block. */
static uint32_t list_objects(const hs_gc *gc, hs_addr *list)
{
    uint32_t count = 0;
    const hs_gc_area *area = NULL;
    while ((area = hs_gc_next_area(gc, area)) != NULL) {
        for (uint32_t block = 0; block < area->blocks; ++block) {
            /* the object under realloc is marked before the roots are asked for */
            if ((hs_gc_block_kind(gc, area, block) & HS_GC_HEAD) != 0) {
                list[count++] = area->pool + block * HS_GC_BLOCK;
            }
        }
    }
    return count;
}

static uint32_t naive_blocks(const hs_gc *gc, hs_addr address)
{
    const hs_gc_area *area = hs_gc_area_of(gc, address);
    uint32_t first = (address - area->pool) / HS_GC_BLOCK;
    uint32_t end = first + 1;
    while (end < area->blocks && hs_gc_block_kind(gc, area, end) == HS_GC_TAIL) {
        ++end;
    }
    return end - first;
}

/* Grows the set of reachable objects until nothing changes. */
static void naive_reach(world *w)
{
    static hs_addr all[MAX];
    uint32_t count = list_objects(&w->gc, all);
    w->objects_before = count;
    w->alive_count = 0;
    for (uint32_t i = 0; i < count; ++i) {
        if (listed(w->slot, SLOTS, all[i]) || all[i] == w->gc.held) {
            w->alive[w->alive_count++] = all[i];
        }
    }
    for (uint32_t done = 0; done < w->alive_count; ++done) {
        const uint32_t *words = hs_at(w->space, w->alive[done]);
        for (uint32_t i = 0; i < naive_blocks(&w->gc, w->alive[done]) * 4; ++i) {
            if (words[i] != 0 && listed(all, count, words[i]) &&
                !listed(w->alive, w->alive_count, words[i])) {
                w->alive[w->alive_count++] = words[i];
            }
        }
    }
}

/* First fit over areas and blocks. */
static hs_addr naive_fit(const hs_gc *gc, uint32_t want)
{
    const hs_gc_area *area = NULL;
    while ((area = hs_gc_next_area(gc, area)) != NULL) {
        uint32_t run = 0;
        for (uint32_t block = 0; block < area->blocks; ++block) {
            run = hs_gc_block_kind(gc, area, block) == HS_GC_FREE ? run + 1 : 0;
            if (run == want) {
                return area->pool + (block + 1 - want) * HS_GC_BLOCK;
            }
        }
    }
    return 0;
}

/* --- hooks --- */

static void give_roots(void *context, hs_gc *gc)
{
    world *w = context;
    naive_reach(w);
    hs_gc_collect_root(gc, w->slot, SLOTS);
}

static void finalise(void *context, hs_gc *gc, hs_addr object)
{
    world *w = context;
    ++w->finalised;
    if (listed(w->alive, w->alive_count, object)) {
        fail_with(w, "a live object was finalised");
    }
    if (hs_gc_alloc(gc, 16, 0) != 0) {
        fail_with(w, "a finaliser could allocate");
    }
}

static uint32_t max_new_split(void *context)
{
    const world *w = context;
    return w->areas < 6 ? STEP : 0;
}

static hs_addr platform_alloc(void *context, uint32_t bytes)
{
    world *w = context;
    if (bytes > STEP) {
        fail_with(w, "asked for more than there is");
    }
    return MORE + STEP * w->areas++;
}

static void platform_free(void *context, hs_addr start)
{
    (void)context;
    (void)start; /* never handed out again: a stray access would be seen by nobody else */
}

static void after_collect(world *w, uint32_t freed)
{
    static hs_addr left[MAX];
    w->collected = true;
    uint32_t count = list_objects(&w->gc, left);
    if (w->objects_before - freed != w->alive_count) {
        fail_with(w, "the number of objects freed is not that of the unreachable");
    }
    for (uint32_t i = 0; i < count; ++i) {
        if (!listed(w->alive, w->alive_count, left[i])) {
            fail_with(w, "garbage survived a collect");
        } else if (hs_gc_why_live(&w->gc, left[i], w->slot, SLOTS).kind == HS_GC_WHY_NOTHING &&
                   left[i] != w->gc.held) {
            fail_with(w, "nothing holds a survivor");
        }
    }
    for (uint32_t i = 0; i < w->alive_count && !w->lost; ++i) {
        if (!listed(left, count, w->alive[i])) {
            fail_with(w, "a live object was freed");
        }
    }
}

static void event(void *context, hs_gc_event kind, uint32_t a, uint32_t b)
{
    world *w = context;
    if (kind == HS_GC_EVENT_COLLECT) {
        after_collect(w, a);
    } else if (kind == HS_GC_EVENT_LOST) {
        w->lost = true;
        if (!listed(w->alive, w->alive_count, b)) {
            fail_with(w, "a dead object was reported lost");
        }
        for (uint32_t i = 0; i < SLOTS; ++i) {
            w->slot[i] = w->slot[i] == b ? 0 : w->slot[i];
        }
    }
}

static const hs_gc_hooks hooks = {give_roots,     finalise,      max_new_split,
                                  platform_alloc, platform_free, event};

/* --- steps --- */

static void do_alloc(world *w, const step *s)
{
    uint32_t want = (s->b + 15u) / 16;
    hs_addr expected = want == 0 ? 0 : naive_fit(&w->gc, want);
    hs_addr got = hs_gc_alloc(&w->gc, s->b, s->kind == ALLOC_FIN ? HS_GC_WITH_FINALISER : 0);
    if (!w->collected && want != 0 && got != expected && hs_gc_area_of(&w->gc, expected) != NULL) {
        fail_with(w, "not the first fit");
    }
    w->slot[s->a] = got;
    if (got == 0) {
        return;
    }
    const uint32_t *words = hs_at(w->space, got);
    for (uint32_t i = 0; i < want * 4; ++i) {
        if (words[i] != 0) {
            fail_with(w, "new memory is not zero");
        }
    }
    if (naive_blocks(&w->gc, got) != want || hs_gc_nbytes(&w->gc, got) != want * 16) {
        fail_with(w, "not the size asked for");
    }
    if (s->kind == ALLOC_FIN) {
        *(uint32_t *)hs_at(w->space, got) = 1;
    }
}

static void do_realloc(world *w, const step *s)
{
    hs_addr old = w->slot[s->a];
    uint32_t have = old == 0 ? 0 : naive_blocks(&w->gc, old);
    uint32_t word = old == 0 ? 0 : *(uint32_t *)hs_at(w->space, old);
    hs_addr got = hs_gc_realloc(&w->gc, old, s->b, s->kind == REALLOC);
    if (got == 0 && s->b != 0) {
        if (old != 0 && naive_blocks(&w->gc, old) != have) {
            fail_with(w, "a failed realloc changed its object");
        }
        return;
    }
    w->slot[s->a] = got;
    if (got != 0 && naive_blocks(&w->gc, got) != (s->b + 15u) / 16) {
        fail_with(w, "realloc to another size");
    }
    if (got != 0 && old != 0 && *(uint32_t *)hs_at(w->space, got) != word) {
        fail_with(w, "realloc lost the contents");
    }
    if (s->kind == REALLOC_STAY && old != 0 && got != old && s->b != 0) {
        fail_with(w, "moved although it must not");
    }
}

static void do_link(world *w, const step *s)
{
    hs_addr from = w->slot[s->a];
    if (from != 0) {
        uint32_t words = naive_blocks(&w->gc, from) * 4;
        hs_addr to = w->slot[s->b % SLOTS];
        /* now and then an interior or unaligned pointer, which must hold nothing */
        uint32_t off = s->b % 7 == 0 ? 16 : s->b % 11 == 0 ? 1 : 0;
        ((uint32_t *)hs_at(w->space, from))[s->b / SLOTS % words] = to == 0 ? 0 : to + off;
    }
}

static void do_step(world *w, const step *s)
{
    w->collected = false;
    if (s->kind == ALLOC || s->kind == ALLOC_FIN) {
        do_alloc(w, s);
    } else if (s->kind == REALLOC || s->kind == REALLOC_STAY) {
        do_realloc(w, s);
    } else if (s->kind == FREE) {
        hs_gc_free(&w->gc, w->slot[s->a]);
        w->slot[s->a] = 0;
    } else if (s->kind == DROP) {
        w->slot[s->a] = 0;
    } else if (s->kind == LINK) {
        do_link(w, s);
    } else if (s->kind == COLLECT) {
        hs_gc_collect(&w->gc);
    } else if (s->kind == ADD && w->areas < 6) {
        hs_gc_add(&w->gc, MORE + STEP * w->areas++, 64 + s->b % 1500);
    } else if (s->kind == LIMIT) {
        hs_gc_set_threshold(&w->gc, s->b % 2 == 0 ? -1 : s->b);
        hs_gc_enable(&w->gc, s->a % 4 != 0);
    }
    if (w->wrong == NULL) {
        w->wrong = hs_gc_check(&w->gc, NULL);
    }
}

static void *shared_space;
static uint32_t defects; /* runs in which the copied defect struck */

/* NULL or what went wrong. A run ends early when the defect has struck: what a program does with
 * memory that was taken from it is nobody's promise. */
static const char *run(const char *target, uint32_t size, const step *steps, uint32_t count)
{
    static world w;
    memset(&w, 0, sizeof w);
    w.space = shared_space;
    memset(hs_at(w.space, FIRST), 0x5a, 64); /* memory is what it was */
    memset(hs_at(w.space, MORE), 0x5a, 64);
    if (!hs_gc_init(&w.gc, w.space, hs_gc_version_find(target), hs_gc_mode_find(target), FIRST,
                    size, &hooks, &w)) {
        return "the first area was refused";
    }
    for (uint32_t i = 0; i < count && w.wrong == NULL && !w.lost; ++i) {
        do_step(&w, &steps[i]);
    }
    defects += w.lost;
    return w.wrong;
}

/* --- shrinking --- */

static uint32_t shrink(const char *target, uint32_t size, step *steps, uint32_t count)
{
    step *trial = malloc(count * sizeof *trial);
    assert_non_null(trial);
    for (uint32_t chunk = count / 2; chunk != 0; chunk /= 2) {
        for (uint32_t at = 0; at + chunk <= count;) {
            memcpy(trial, steps, at * sizeof *steps);
            memcpy(trial + at, steps + at + chunk, (count - at - chunk) * sizeof *steps);
            if (run(target, size, trial, count - chunk) != NULL) {
                count -= chunk;
                memcpy(steps, trial, count * sizeof *steps);
            } else {
                at += chunk;
            }
        }
    }
    free(trial);
    return count;
}

static void expect_run(const char *target, uint32_t size, step *steps, uint32_t count,
                       uint32_t seed)
{
    static const char *const names[KINDS] = {"alloc", "alloc_fin", "realloc", "realloc_stay",
                                             "free",  "drop",      "link",    "collect",
                                             "add",   "limit"};
    const char *wrong = run(target, size, steps, count);
    if (wrong == NULL) {
        return;
    }
    count = shrink(target, size, steps, count);
    print_message("%s, area of %u, seed %u: %s\n", target, size, seed, wrong);
    for (uint32_t i = 0; i < count; ++i) {
        print_message("  %s slot %u, %u\n", names[steps[i].kind], steps[i].a, steps[i].b);
    }
    fail_msg("%s", wrong);
}

/* --- the tests --- */

static uint32_t random_state;

static uint32_t next_random(uint32_t below)
{
    return random_next(&random_state) % below;
}

static void random_sequences(void **state)
{
    (void)state;
    static const char *const targets[] = {"single-v1.18", "noauto-v1.12", "noauto-v1.20",
                                          "auto-v1.21",   "auto-v1.22",   "auto-v1.25",
                                          "single-v1.25"};
    static const uint8_t kinds[] = {ALLOC, ALLOC, ALLOC, ALLOC,   ALLOC_FIN, REALLOC, REALLOC_STAY,
                                    FREE,  DROP,  LINK,  LINK,    LINK,      LINK,    DROP,
                                    LIMIT, ADD,   LINK,  COLLECT, DROP,      ALLOC};
    static step steps[400];
    for (uint32_t seed = 1; seed <= 420; ++seed) {
        random_state = seed * 2654435761u;
        uint32_t size = 200 + next_random(4000);
        for (uint32_t i = 0; i < 400; ++i) {
            steps[i].kind = kinds[next_random(sizeof kinds)];
            steps[i].a = (uint8_t)next_random(SLOTS);
            bool big = next_random(10) == 0;
            steps[i].b = (uint16_t)next_random(big ? 900 : 100);
        }
        expect_run(targets[seed % 7], size, steps, 400, seed);
    }
    assert_true(defects > 0); /* the defect is part of what is copied: the seeds must meet it */
}

/* Every sequence of six steps out of nine in areas of 4, 8 and 12 blocks. */
static void exhaustive_tiny(void **state)
{
    (void)state;
    static const step all[] = {{ALLOC, 0, 16},   {ALLOC, 1, 48},   {ALLOC_FIN, 2, 32},
                               {REALLOC, 0, 40}, {REALLOC, 1, 10}, {FREE, 1, 0},
                               {DROP, 2, 0},     {LINK, 0, 2},     {COLLECT, 0, 0}};
    const uint32_t kinds = sizeof all / sizeof all[0];
    for (uint32_t size = 80; size <= 208; size += 64) {
        for (uint32_t number = 0; number < 9u * 9 * 9 * 9 * 9 * 9; ++number) {
            step steps[6];
            for (uint32_t i = 0, rest = number; i < 6; ++i, rest /= kinds) {
                steps[i] = all[rest % kinds];
            }
            expect_run(number % 2 == 0 ? "single-v1.25" : "single-v1.18", size, steps, 6, number);
        }
    }
}

/* A tree wider than the mark stack at every level: overflow and rescans, nothing lost. */
static void deep_overflow(void **state)
{
    (void)state;
    static world w;
    memset(&w, 0, sizeof w);
    w.space = shared_space;
    assert_true(hs_gc_init(&w.gc, w.space, hs_gc_version_find("v1.25"), HS_GC_SINGLE, FIRST,
                           0x10000, &hooks, &w));
    hs_addr queue[1200];
    uint32_t count = 1;
    queue[0] = w.slot[0] = hs_gc_alloc(&w.gc, 800, 0);
    for (uint32_t at = 0; count < 1100; ++at) {
        uint32_t children = at < 5 ? 200 : 1;
        for (uint32_t i = 0; i < children && count < 1100; ++i) {
            queue[count] = hs_gc_alloc(&w.gc, at < 4 ? 48 : 16, 0);
            assert_int_not_equal(queue[count], 0);
            uint32_t words = hs_gc_nbytes(&w.gc, queue[at]) / 4;
            if (i >= words) {
                hs_gc_free(&w.gc, queue[count]);
                break;
            }
            ((uint32_t *)hs_at(w.space, queue[at]))[i] = queue[count++];
        }
    }
    hs_gc_collect(&w.gc);
    assert_null(w.wrong);
    assert_int_equal(w.alive_count, 1100);
    assert_true(w.gc.overflows > 0);
    assert_int_equal(w.gc.collects, 1);
    assert_null(hs_gc_check(&w.gc, NULL));
    w.slot[0] = queue[700];
    hs_gc_collect(&w.gc);
    assert_null(w.wrong);
}

static int set_up(void **state)
{
    (void)state;
    shared_space = hs_space_create();
    return shared_space == NULL || hs_space_commit(shared_space, FIRST, 0x10000) != 0 ||
           hs_space_commit(shared_space, MORE, 8 * STEP) != 0;
}

static int tear_down(void **state)
{
    (void)state;
    hs_space_destroy(shared_space);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_sequences),
        cmocka_unit_test(exhaustive_tiny),
        cmocka_unit_test(deep_overflow),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

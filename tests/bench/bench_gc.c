/* bench_gc [CASE [ROUNDS]]: cost of the collector's operations. Without ROUNDS every case, or the
 * one, is timed; with them it runs ROUNDS times and prints nothing, for callgrind: the difference
 * between two counts of rounds is the work alone. Not a test: nothing is asserted. scripts:
 * tests/bench/README. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../random.h"
#include "device/gc.h"
#include "space.h"

#define START    0x3f800000u
#define LIVE_MAX 131072u

typedef struct heap {
    hs_gc gc;
    void *space;
    uint32_t live[LIVE_MAX];
    uint32_t count;
    hs_gc full; /* as they were before the first collection */
    uint8_t table[LIVE_MAX / 4];
} heap;

static void give_roots(void *context, hs_gc *gc)
{
    const heap *h = context;
    hs_gc_collect_root(gc, h->live, h->count);
}

static const hs_gc_hooks hooks = {give_roots, NULL, NULL, NULL, NULL, NULL};

static uint32_t random_state;

static uint32_t next_random(uint32_t below)
{
    return random_next(&random_state) % below;
}

static void make(heap *h, uint32_t blocks)
{
    /* 131 bytes of tables for each 1000 bytes of pool are enough; the pool is cut to size. */
    uint32_t tables = blocks / 4 + 1 + blocks / 8;
    if (!hs_gc_init(&h->gc, h->space, hs_gc_version_find("v1.25"), HS_GC_SINGLE, START,
                    (tables + blocks * HS_GC_BLOCK + 15) & ~15u, &hooks, h)) {
        exit(2);
    }
    h->count = 0;
    random_state = 20251122;
}

/* The table of the heap's blocks. */
static uint8_t *table(const heap *h)
{
    return hs_at(h->space, h->gc.first.atb);
}

static void first_collect(heap *h)
{
    hs_gc_enable(&h->gc, true);
    h->full = h->gc;
    memcpy(h->table, table(h), h->gc.total / 4);
    hs_gc_collect(&h->gc);
}

/* Fills the heap with objects of 1 to 4 blocks, each pointing to up to two earlier ones, then drops
 * some so that `percent` of the blocks stay live: all of these are roots or linked. */
static void fill(heap *h, uint32_t percent)
{
    hs_gc_enable(&h->gc, false);
    uint32_t kept = 0;
    for (;;) {
        uint32_t blocks = 1 + next_random(4);
        hs_addr a = hs_gc_alloc(&h->gc, blocks * HS_GC_BLOCK, 0);
        if (a == 0) {
            break;
        }
        if (next_random(100) < percent) {
            uint32_t *words = hs_at(h->space, a);
            for (uint32_t i = 0; i < 2 && kept != 0; ++i) {
                words[1 + i] = h->live[next_random(kept)];
            }
            h->live[kept++] = a;
        }
    }
    h->count = kept;
    first_collect(h);
}

/* Objects of one block, one of ten of which points to an earlier one. */
static void fill_ones(heap *h, uint32_t percent)
{
    hs_gc_enable(&h->gc, false);
    uint32_t kept = 0;
    for (hs_addr a; (a = hs_gc_alloc(&h->gc, HS_GC_BLOCK, 0)) != 0;) {
        if (next_random(100) < percent) {
            uint32_t *words = hs_at(h->space, a);
            words[1] = kept != 0 && next_random(10) == 0 ? h->live[next_random(kept)] : 0;
            h->live[kept++] = a;
        }
    }
    h->count = kept;
    first_collect(h);
}

static void prepare(heap *h, const char *name, uint32_t percent)
{
    if (strstr(name, "links") != NULL) {
        fill_ones(h, percent);
    } else {
        fill(h, percent);
    }
}

static uint32_t heap_blocks(const char *name)
{
    return strstr(name, "2M") != NULL ? 131072 : 8192;
}

/* One-block allocations into an empty heap, a collect of garbage whenever it is full. */
static uint64_t run_alloc(heap *h, uint64_t rounds)
{
    for (uint64_t i = 0; i < rounds; ++i) {
        if (hs_gc_alloc(&h->gc, 16, 0) == 0) {
            abort();
        }
    }
    return rounds;
}

/* The first collection again and again. */
static uint64_t run_garbage(heap *h, uint64_t rounds)
{
    for (uint64_t i = 0; i < rounds; ++i) {
        h->gc = h->full;
        memcpy(table(h), h->table, h->gc.total / 4);
        hs_gc_collect(&h->gc);
    }
    return rounds;
}

/* Nothing dies in these. */
static uint64_t run_collect(heap *h, uint64_t rounds)
{
    for (uint64_t i = 0; i < rounds; ++i) {
        hs_gc_collect(&h->gc);
    }
    return rounds;
}

/* 32 blocks, freed again, with single frees and allocations in between all over the heap so that
 * hints are spoilt as they are in a program. */
static uint64_t run_big(heap *h, uint64_t rounds)
{
    for (uint64_t i = 0; i < rounds; ++i) {
        hs_addr a = hs_gc_alloc(&h->gc, 512, 0);
        if (a == 0) {
            abort();
        }
        hs_gc_free(&h->gc, a);
    }
    return rounds;
}

static uint64_t run_churn(heap *h, uint64_t rounds)
{
    for (uint64_t i = 0; i < rounds; ++i) {
        uint32_t victim = next_random(h->count);
        hs_gc_free(&h->gc, h->live[victim]);
        h->live[victim] = hs_gc_alloc(&h->gc, 16 * (1 + next_random(4)), 0);
        hs_addr a = hs_gc_alloc(&h->gc, 512, 0);
        hs_gc_free(&h->gc, a);
    }
    return rounds;
}

static const struct {
    const char *name;
    uint32_t percent; /* live */
    uint64_t rounds;
    uint64_t (*run)(heap *h, uint64_t rounds);
    const char *unit;
} cases[] = {
    {"alloc1-128K", 0, 4000000, run_alloc, "one-block allocation, garbage collected when full"},
    {"alloc1-2M", 0, 4000000, run_alloc, "one-block allocation, garbage collected when full"},
    {"collect-128K", 45, 4000, run_collect, "full collect, 8192 blocks, 45 % live"},
    {"collect-2M", 45, 300, run_collect, "full collect, 131072 blocks, 45 % live"},
    {"links-128K", 45, 4000, run_collect,
     "full collect, 8192 blocks, 45 % live, one-block objects"},
    {"garbage-128K", 45, 4000, run_garbage, "the same as collect, the other 55 % garbage"},
    {"garbage-links-128K", 45, 4000, run_garbage, "the same as links, the other 55 % garbage"},
    {"garbage-2M", 45, 300, run_garbage, "the same as collect-2M, the other 55 % garbage"},
    {"alloc32-128K", 45, 1000000, run_big, "32 blocks and their free in a fragmented heap"},
    {"alloc32-2M", 45, 1000000, run_big, "32 blocks and their free in a fragmented heap"},
    {"churn32-128K", 45, 200000, run_churn,
     "free and alloc of 1-4 anywhere, 32 blocks, their free"},
    {"churn32-2M", 45, 200000, run_churn, "free and alloc of 1-4 anywhere, 32 blocks, their free"},
};

static void time_case(heap *h, size_t i)
{
    struct timespec from, to;
    make(h, heap_blocks(cases[i].name));
    prepare(h, cases[i].name, cases[i].percent);
    uint32_t used = hs_gc_used(&h->gc);
    clock_gettime(CLOCK_MONOTONIC, &from);
    uint64_t done = cases[i].run(h, cases[i].rounds);
    clock_gettime(CLOCK_MONOTONIC, &to);
    double ns = (double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec);
    printf("%-18s %10.1f ns  (%u of %u blocks live) %s\n", cases[i].name, ns / (double)done, used,
           h->gc.total, cases[i].unit);
}

int main(int argc, char **argv)
{
    heap *h = calloc(1, sizeof *h);
    if (h == NULL || (h->space = hs_space_create()) == NULL ||
        hs_space_commit(h->space, START, 4u << 20) != 0) {
        return 2;
    }
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; ++i) {
        if (argc == 1 || (argc == 2 && strcmp(argv[1], cases[i].name) == 0)) {
            time_case(h, i);
        } else if (argc == 3 && strcmp(argv[1], cases[i].name) == 0) {
            make(h, heap_blocks(cases[i].name));
            prepare(h, cases[i].name, cases[i].percent);
            cases[i].run(h, strtoull(argv[2], NULL, 10));
        }
    }
    hs_space_destroy(h->space);
    free(h);
    return 0;
}

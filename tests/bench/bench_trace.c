/* bench_trace OUT EVENTS LIVE [MOST]: writes a mixed trace, streamed, so that EVENTS may be any
 * number: an IDF owner allocates and frees around LIVE blocks of mixed sizes, or of 1 to MOST
 * bytes. All are freed at the end (beyond EVENTS). The same arguments give the same bytes. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "device/region.h"
#include "trace.h"

typedef struct generator {
    hs_trace_writer *writer;
    uint64_t random;
    uint32_t most;  /* 0: mixed sizes */
    uint32_t *live; /* slots, dense */
    uint32_t *empty;
    uint32_t live_count;
    uint32_t empty_count;
    hs_error error;
} generator;

static uint32_t below(generator *g, uint32_t limit)
{
    g->random = g->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((g->random >> 32) * limit >> 32);
}

/* Half up to 64 bytes, most of the rest up to 512, few up to 3000. */
static uint32_t mixed_size(generator *g)
{
    if (g->most != 0) {
        return 1 + below(g, g->most);
    }
    uint32_t kind = below(g, 100);
    if (kind < 50) {
        return 1 + below(g, 64);
    }
    return kind < 90 ? 64 + below(g, 448) : 512 + below(g, 2500);
}

static void write_event(generator *g, const hs_event *event)
{
    if (hs_trace_write(g->writer, event, &g->error) != 0) {
        fprintf(stderr, "bench_trace: %s\n", g->error.text);
        exit(2);
    }
}

static void write_alloc(generator *g)
{
    uint32_t slot = g->empty[--g->empty_count];
    bool zeroed = below(g, 100) < 4;
    hs_event event = {.op = zeroed ? HS_OP_CALLOC : HS_OP_ALLOC,
                      .slot = slot,
                      .count = zeroed ? 1 : 0,
                      .size = mixed_size(g),
                      .owner = (uint16_t)(below(g, 8) == 0)};
    write_event(g, &event);
    g->live[g->live_count++] = slot;
}

static void write_free(generator *g)
{
    uint32_t at = below(g, g->live_count);
    uint32_t slot = g->live[at];
    g->live[at] = g->live[--g->live_count];
    g->empty[g->empty_count++] = slot;
    write_event(g, &(hs_event){.op = HS_OP_FREE, .slot = slot});
}

static void write_mixed(generator *g, uint64_t events, uint32_t wanted)
{
    for (uint64_t i = 0; i < events; i++) {
        uint32_t dice = below(g, 100);
        if (dice < 2 && g->live_count != 0) {
            write_event(g, &(hs_event){.op = HS_OP_REALLOC,
                                       .slot = g->live[below(g, g->live_count)],
                                       .size = mixed_size(g)});
        } else if (g->live_count == 0 || (g->live_count < 2 * wanted && dice % 2 == 0) ||
                   g->live_count < wanted / 2) {
            write_alloc(g);
        } else {
            write_free(g);
        }
    }
    while (g->live_count != 0) {
        write_free(g);
    }
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fputs("usage: bench_trace OUT EVENTS LIVE [MOST]\n", stderr);
        return 2;
    }
    uint32_t wanted = (uint32_t)strtoul(argv[3], NULL, 10);
    generator g = {
        .random = 1, .most = argc > 4 ? (uint32_t)strtoul(argv[4], NULL, 10) : 0, .error = {{0}}};
    hs_trace_owner owners[] = {{"app", HS_HEAP_IDF, HS_CAP_DEFAULT},
                               {"driver", HS_HEAP_IDF, HS_CAP_INTERNAL | HS_CAP_8BIT}};
    const hs_trace_header header = {.title = "mixed sizes, random order",
                                    .sources = {"tests/bench/bench_trace"},
                                    .source_count = 1,
                                    .origin = HS_ORIGIN_MODELLED,
                                    .owners = owners,
                                    .owner_count = 2};
    g.live = calloc(2 * (size_t)wanted + 1, sizeof *g.live);
    g.empty = calloc(2 * (size_t)wanted + 1, sizeof *g.empty);
    g.writer = hs_trace_writer_open(argv[1], &header, &g.error);
    if (g.live == NULL || g.empty == NULL || g.writer == NULL) {
        fprintf(stderr, "bench_trace: %s\n", g.error.text);
        return 2;
    }
    for (g.empty_count = 0; g.empty_count < 2 * wanted; g.empty_count++) {
        g.empty[g.empty_count] = 2 * wanted - 1 - g.empty_count;
    }
    write_mixed(&g, strtoull(argv[2], NULL, 10), wanted);
    if (hs_trace_writer_close(g.writer, &g.error) != 0) {
        fprintf(stderr, "bench_trace: %s\n", g.error.text);
        return 2;
    }
    free(g.live);
    free(g.empty);
    return 0;
}

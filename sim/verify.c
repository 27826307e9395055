#include "verify.h"

#include <inttypes.h>
#include <string.h>

#include "holders.h"

/* What the statements before an event say that it will cause. */
typedef struct expected {
    uint32_t collections;
    uint64_t collected; /* objects freed by the last of them */
    uint32_t releases;
    hs_addr released; /* the last */
    uint32_t growths;
} expected;

typedef struct verifier {
    hs_verify *result;
    hs_run *run;
    const hs_gc_version *version; /* NULL: not on a bare collector */
    expected want;                /* by the trace */
    expected got;                 /* by the replay */
    hs_outcome outcome;
    FILE *map;
} verifier;

/* --- watching the run --- */

static void on_gc(void *context, const hs_run *run, enum hs_gc_notice notice, hs_addr address,
                  uint64_t value)
{
    (void)run;
    verifier *v = context;
    if (notice == HS_GC_COLLECTED) {
        v->got.collections++;
        v->got.collected = value;
    } else if (notice == HS_GC_GREW) {
        v->got.growths++;
    } else if (notice == HS_GC_RELEASED) {
        v->got.releases++;
        v->got.released = address;
    }
}

static void on_event(void *context, const hs_run *run, const hs_event *event,
                     const hs_outcome *outcome)
{
    (void)run;
    (void)event;
    verifier *v = context;
    v->outcome = *outcome;
}

/* --- the map around a divergence --- */

static void print_gc_around(const verifier *v, const char *label, hs_addr address)
{
    const hs_gc *gc = &v->run->board->gc;
    const hs_gc_area *area = hs_gc_area_of(gc, address);
    if (area == NULL) {
        fprintf(v->map, "  %-8s 0x%08" PRIx32 " lies in no area\n", label, address);
        return;
    }
    uint32_t block = (address - area->pool) / HS_GC_BLOCK;
    uint32_t first = block > 32 ? block - 32 : 0;
    uint32_t end = block + 32 < area->blocks ? block + 32 : area->blocks;
    fprintf(v->map, "  %-8s 0x%08" PRIx32 ": ", label, area->pool + first * HS_GC_BLOCK);
    for (uint32_t b = first; b < end; b++) {
        fprintf(v->map, b == block ? "[%c]" : "%c", ".h=m"[hs_gc_block_kind(gc, area, b)]);
    }
    fputc('\n', v->map);
}

static void print_idf_around(const verifier *v, const char *label, hs_addr address)
{
    hs_holders holders;
    if (hs_holders_take(&holders, v->run) != 0) {
        return;
    }
    size_t at = 0;
    while (at < holders.count && (address < holders.items[at].start ||
                                  address - holders.items[at].start >= holders.items[at].size)) {
        at++;
    }
    size_t first = at > 3 ? at - 3 : 0;
    fprintf(v->map, "  %-8s 0x%08" PRIx32 ":\n", label, address);
    for (size_t i = first; i < holders.count && i < at + 4 && at < holders.count; i++) {
        const hs_holder *h = &holders.items[i];
        fprintf(v->map, "    %c 0x%08" PRIx32 " %7" PRIu32 " %s\n", i == at ? '>' : ' ', h->start,
                h->size, hs_holder_name(v->run, h));
    }
    hs_holders_release(&holders);
}

static void print_around(const verifier *v, const char *label, hs_addr address)
{
    if (v->map == NULL || address == 0) {
        return;
    }
    if (v->outcome.heap == HS_HEAP_GC) {
        print_gc_around(v, label, address);
    } else {
        print_idf_around(v, label, address);
    }
}

/* --- comparing --- */

static void diverge(verifier *v, const hs_event *event, const char *what)
{
    v->result->diverged = true;
    v->result->event = v->run->event;
    v->result->line = event->line;
    snprintf(v->result->what, sizeof v->result->what, "%s", what);
}

static void diverge_count(verifier *v, const hs_event *event, const char *of, uint64_t recorded,
                          uint64_t replayed)
{
    char text[128];
    snprintf(text, sizeof text, "%s: recorded %" PRIu64 ", replayed %" PRIu64, of, recorded,
             replayed);
    diverge(v, event, text);
}

static void compare_address(verifier *v, const hs_event *event)
{
    if ((event->flags & (HS_EVENT_HAS_ADDR | HS_EVENT_FAILED)) == 0 || v->outcome.ignored) {
        return;
    }
    hs_addr recorded = (event->flags & HS_EVENT_FAILED) != 0 ? 0 : event->addr;
    v->result->addresses++;
    if (recorded == v->outcome.address) {
        return;
    }
    char text[128];
    snprintf(text, sizeof text, "address: recorded 0x%08" PRIx32 ", replayed 0x%08" PRIx32,
             recorded, v->outcome.address);
    diverge(v, event, text);
    print_around(v, "recorded", recorded);
    print_around(v, "replayed", v->outcome.address);
}

static void compare_collector(verifier *v, const hs_event *event)
{
    const expected *want = &v->want;
    const expected *got = &v->got;
    bool explicit_collect = event->op == HS_OP_COLLECT && want->collections == 0;
    if (!explicit_collect && want->collections != got->collections) {
        diverge_count(v, event, "collections", want->collections, got->collections);
    } else if (want->collections != 0 && want->collected != got->collected) {
        diverge_count(v, event, "objects freed by the collection", want->collected, got->collected);
    } else if (want->growths != got->growths) {
        diverge_count(v, event, "growths", want->growths, got->growths);
    } else if (want->releases != got->releases ||
               (want->releases != 0 && want->released != got->released)) {
        diverge_count(v, event, "releases", want->releases, got->releases);
    }
    v->result->collections += want->collections;
    v->result->growths += want->growths;
    v->result->releases += want->releases;
}

/* --- what a capture saw --- */

static int build_area(verifier *v, const hs_event *event, hs_error *error)
{
    hs_board *board = v->run->board;
    bool ok = hs_board_commit(board, event->addr, event->size, error) == 0;
    if (ok) {
        ok = hs_board_add_bare_area(board, v->version, event->addr, event->size);
    }
    if (!ok) {
        hs_error_set(error, v->run->streams[0]->path, event->line,
                     "found an area of %" PRIu32 " bytes at 0x%08" PRIx32
                     " that the collector cannot take",
                     event->size, event->addr);
        return -1;
    }
    return 0;
}

/* True when the statement only tells what comes; -1 in *result when it is wrong. */
static bool take_statement(verifier *v, const hs_event *event, int *result, hs_error *error)
{
    hs_board *board = v->run->board;
    *result = 0;
    switch (event->op) {
    case HS_OP_AREA:
        *result = build_area(v, event, error);
        return true;
    case HS_OP_SPLIT:
        board->bare_split = event->size;
        return true;
    case HS_OP_GROWN:
        board->bare_area = event->addr;
        board->bare_area_size = event->size;
        v->want.growths++;
        *result = hs_board_commit(board, event->addr, event->size, error);
        return true;
    case HS_OP_COLLECTED:
        v->want.collections++;
        v->want.collected = (uint64_t)event->value;
        return true;
    case HS_OP_RELEASED:
        v->want.releases++;
        v->want.released = event->addr;
        return true;
    default:
        return false;
    }
}

static int verify_event(verifier *v, hs_stream *stream, const hs_event *event, hs_error *error)
{
    int result;
    if (v->version != NULL && take_statement(v, event, &result, error)) {
        v->run->event++;
        return result;
    }
    if (v->version != NULL && !v->run->board->has_gc && event->op <= HS_OP_COLLECT) {
        hs_error_set(error, stream->path, event->line,
                     "found an event before any `area` statement, expected the areas first; a "
                     "trace without them needs --layout");
        return -1;
    }
    /* Only these can collect or grow; what was announced waits for the next of them, past the drops
     * that tell which objects the collection will find dead. */
    bool collects = event->op <= HS_OP_REALLOC || event->op == HS_OP_COLLECT;
    v->got = (expected){0};
    if (hs_run_step(v->run, stream, event, error) != 0) {
        return -1;
    }
    if (event->op <= HS_OP_REALLOC) {
        compare_address(v, event);
    }
    if (collects && v->version != NULL && !v->result->diverged) {
        compare_collector(v, event);
    }
    if (collects) {
        v->want = (expected){0};
    }
    return 0;
}

static int verify_all(verifier *v, const char *name, hs_trace *trace, hs_error *error)
{
    hs_run_observe(v->run, (hs_observer){.context = v, .event = on_event, .gc = on_gc});
    hs_stream *stream =
        hs_run_begin_trace(v->run, name, hs_trace_path(trace), hs_trace_get_header(trace), error);
    if (stream == NULL) {
        return -1;
    }
    hs_event events[256];
    long count = 1;
    while (!v->result->diverged && (count = hs_trace_read(trace, events, 256, error)) > 0) {
        for (long i = 0; i < count && !v->result->diverged; i++) {
            if (verify_event(v, stream, &events[i], error) != 0) {
                return -1;
            }
        }
    }
    v->result->events = v->run->event;
    return count < 0 ? -1 : 0;
}

int hs_verify_run(hs_verify *result, hs_run *run, const char *name, hs_trace *trace, FILE *map,
                  hs_error *error)
{
    *result = (hs_verify){0};
    verifier v = {.result = result, .run = run, .map = map};
    return verify_all(&v, name, trace, error);
}

int hs_verify_gc(hs_verify *result, hs_trace *trace, const hs_gc_version *version, FILE *map,
                 hs_error *error)
{
    *result = (hs_verify){0};
    hs_board *board = hs_board_create_bare(error);
    hs_run *run = board != NULL ? hs_run_create_bare(board, error) : NULL;
    verifier v = {.result = result, .run = run, .version = version, .map = map};
    int status = run != NULL ? verify_all(&v, hs_trace_path(trace), trace, error) : -1;
    hs_run_destroy(run);
    hs_board_destroy(board);
    return status;
}

#include "verify.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "holders.h"
#include "space.h"

/* What an event causes: by the statements before it, or by the replay. */
typedef struct doings {
    uint32_t collections;
    uint64_t collected; /* objects freed by the last of them */
    uint32_t growths;
    uint32_t grown;   /* bytes of the last */
    uint32_t refused; /* bytes asked for in vain; the trace does not tell */
    uint32_t releases;
    hs_addr released[HS_BOARD_AREAS_MAX]; /* in order */
} doings;

typedef struct verifier {
    hs_verify *result;
    hs_run *run;
    const hs_gc_version *version; /* NULL: not on a bare collector */
    doings want;                  /* by the trace */
    doings got;                   /* by the replay */
    hs_outcome outcome;
    FILE *map;
} verifier;

static void nothing_done(doings *d)
{
    d->collections = d->growths = d->grown = d->refused = d->releases = 0;
    d->collected = 0;
}

static void add_release(doings *d, hs_addr address)
{
    if (d->releases < HS_BOARD_AREAS_MAX) {
        d->released[d->releases] = address;
    }
    d->releases++;
}

/* --- watching the run --- */

static void on_gc(void *context, const hs_run *run, enum hs_gc_notice notice, hs_addr address,
                  uint64_t value)
{
    (void)run;
    doings *got = &((verifier *)context)->got;
    if (notice == HS_GC_COLLECTED) {
        got->collections++;
        got->collected = value;
    } else if (notice == HS_GC_GREW) {
        got->growths++;
        got->grown = (uint32_t)value;
    } else if (notice == HS_GC_GROW_REFUSED) {
        got->refused = (uint32_t)value;
    } else if (notice == HS_GC_RELEASED) {
        add_release(got, address);
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

__attribute__((format(printf, 3, 4))) static void diverge(verifier *v, const hs_event *event,
                                                          const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    v->result->diverged = true;
    v->result->event = v->run->event;
    v->result->line = event->line;
    vsnprintf(v->result->what, sizeof v->result->what, format, arguments);
    va_end(arguments);
}

static void diverge_count(verifier *v, const hs_event *event, const char *of, uint64_t recorded,
                          uint64_t replayed)
{
    diverge(v, event, "%s: recorded %" PRIu64 ", replayed %" PRIu64, of, recorded, replayed);
}

/* The address that the trace has for an event, 0 when the device returned NULL. */
static bool recorded_address(const hs_event *event, hs_addr *address)
{
    *address = (event->flags & HS_EVENT_FAILED) != 0 ? 0 : event->addr;
    return event->op <= HS_OP_REALLOC &&
           (event->flags & (HS_EVENT_HAS_ADDR | HS_EVENT_FAILED)) != 0;
}

static void compare_address(verifier *v, const hs_event *event)
{
    hs_addr recorded;
    if (!recorded_address(event, &recorded) || v->outcome.ignored) {
        return;
    }
    v->result->addresses++;
    if (recorded == v->outcome.address) {
        return;
    }
    char growth[96] = "";
    if (v->got.refused != 0) {
        snprintf(growth, sizeof growth,
                 "; the replay asks for an area of %" PRIu32 " bytes, the trace has none here",
                 v->got.refused);
    }
    diverge(v, event, "address: recorded 0x%08" PRIx32 ", replayed 0x%08" PRIx32 "%s", recorded,
            v->outcome.address, growth);
}

static void compare_growth(verifier *v, const hs_event *event)
{
    uint32_t grown = v->want.grown;
    if (v->want.growths != 1 || v->got.growths != 0) {
        if (v->want.growths != v->got.growths) {
            diverge_count(v, event, "growths", v->want.growths, v->got.growths);
        }
    } else if (v->got.refused == grown) {
        diverge(v, event,
                "growth: recorded an area of %" PRIu32 " bytes where the replay still has one",
                grown);
    } else if (v->got.refused != 0) {
        diverge(v, event,
                "growth: recorded an area of %" PRIu32 " bytes, replayed asks for %" PRIu32, grown,
                v->got.refused);
    } else {
        diverge(v, event, "growth: recorded an area of %" PRIu32 " bytes, replayed none", grown);
    }
}

static void compare_releases(verifier *v, const hs_event *event)
{
    uint32_t count = v->want.releases;
    if (count != v->got.releases) {
        diverge_count(v, event, "areas released", count, v->got.releases);
    }
    for (uint32_t i = 0; i < count && i < HS_BOARD_AREAS_MAX && !v->result->diverged; i++) {
        if (v->want.released[i] != v->got.released[i]) {
            diverge(v, event, "area released: recorded 0x%08" PRIx32 ", replayed 0x%08" PRIx32,
                    v->want.released[i], v->got.released[i]);
        }
    }
}

static void compare_collector(verifier *v, const hs_event *event)
{
    const doings *want = &v->want;
    const doings *got = &v->got;
    bool explicit_collect = event->op == HS_OP_COLLECT && want->collections == 0;
    if (!explicit_collect && want->collections != got->collections) {
        diverge_count(v, event, "collections", want->collections, got->collections);
    } else if (want->collections != 0 && want->collected != got->collected) {
        diverge_count(v, event, "objects freed by the collection", want->collected, got->collected);
    }
    if (!v->result->diverged) {
        compare_growth(v, event);
    }
    if (!v->result->diverged) {
        compare_releases(v, event);
    }
    v->result->collections += want->collections;
    v->result->growths += want->growths;
    v->result->releases += want->releases;
}

/* What was announced goes first: it happens before the address is chosen. */
static void compare(verifier *v, const hs_event *event)
{
    if (v->version != NULL) {
        compare_collector(v, event);
    }
    if (!v->result->diverged) {
        compare_address(v, event);
    }
    hs_addr recorded;
    if (v->result->diverged && recorded_address(event, &recorded)) {
        print_around(v, "recorded", recorded);
        print_around(v, "replayed", v->outcome.address);
    }
    nothing_done(&v->want);
}

/* --- what a capture saw --- */

/* Memory for an area; it may be taken, given back and taken again. */
static int make_memory(const verifier *v, const hs_event *event, hs_error *error)
{
    if ((uint64_t)event->addr + event->size > UINT64_C(1) << 32) {
        hs_error_set(error, v->run->streams[0]->path, event->line,
                     "found an area of %" PRIu32 " bytes at 0x%08" PRIx32
                     ", expected one that ends within 32 bits",
                     event->size, event->addr);
        return -1;
    }
    if (hs_space_commit(v->run->board->space, event->addr, event->size) != 0) {
        hs_error_set(error, NULL, 0, "the host has no memory for an area of %" PRIu32 " bytes",
                     event->size);
        return -1;
    }
    return 0;
}

static int build_area(verifier *v, const hs_event *event, hs_error *error)
{
    if (make_memory(v, event, error) != 0) {
        return -1;
    }
    hs_board *board = v->run->board;
    if (hs_board_area_overlaps(board, event->addr, event->size) ||
        !hs_board_add_bare_area(board, v->version, event->addr, event->size)) {
        hs_error_set(error, v->run->streams[0]->path, event->line,
                     "found an area of %" PRIu32 " bytes at 0x%08" PRIx32
                     ", expected one that the collector can take beside the others",
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
        v->want.grown = event->size;
        *result = make_memory(v, event, error);
        return true;
    case HS_OP_COLLECTED:
        v->want.collections++;
        v->want.collected = (uint64_t)event->value;
        return true;
    case HS_OP_RELEASED:
        add_release(&v->want, event->addr);
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
    nothing_done(&v->got);
    if (hs_run_step(v->run, stream, event, error) != 0) {
        return -1;
    }
    if (collects) {
        compare(v, event);
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
    v->result->pending =
        !v->result->diverged && v->want.collections + v->want.growths + v->want.releases != 0;
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

/* export_calls LAYOUT POLICY TRACE FILE: writes the calls of sim/device that a run makes, for
 * replay_calls on another machine. The run itself is not made: what comes back is to be compared
 * with what the command says. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "calls.h"
#include "session.h"

typedef struct exporter {
    FILE *out;
    const hs_session *session;
    const hs_trace_header *header;
    uint32_t *caps; /* by slot: its owner's */
    uint32_t slots;
} exporter;

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "export_calls: %s\n", what);
    exit(2);
}

static void call(const exporter *e, uint32_t op, uint32_t slot, uint32_t a, uint32_t b, uint32_t c)
{
    const hs_call one = {op, slot, a, b, c};
    if (fwrite(&one, sizeof one, 1, e->out) != 1) {
        fail("cannot write the calls");
    }
}

static uint32_t profile_row(const char *idf)
{
    uint32_t row = 0;
    while (hs_idf_profile_row(row) != hs_idf_profile_find(idf)) {
        row++;
    }
    return row;
}

static uint32_t chip_row(const char *chip)
{
    uint32_t row = 0;
    while (hs_chip_row(row) != hs_chip_find(chip)) {
        row++;
    }
    return row;
}

static bool claim_used(void *context, hs_addr address, uint32_t size, bool used)
{
    if (used) {
        call(context, HS_CALL_CLAIM, 0, address, size, 0);
    }
    return true;
}

/* The blocks that are live at boot, as board.c claims them: by heap, ascending. */
static void export_claims(exporter *e)
{
    hs_error error = {{0}};
    hs_board *board = hs_session_boot(e->session->layout, &error);
    if (board == NULL) {
        fail(error.text);
    }
    for (unsigned i = 0; i < board->caps.count; i++) {
        const hs_heap *heap = &board->caps.heaps[i].heap;
        if (heap->base != 0) {
            hs_heap_walk(&board->caps.device, heap, claim_used, e);
        }
    }
    hs_board_destroy(board);
}

static void export_boot(exporter *e)
{
    const hs_layout *l = e->session->layout;
    if (l->boot == HS_BOOT_TRACE) {
        fail("layouts with a boot trace are not exported");
    }
    uint32_t flags = (l->spiram ? HS_CONFIG_SPIRAM : 0u) |
                     (l->memory_protection ? HS_CONFIG_MEMPROT : 0u) |
                     (l->poisoning_light ? HS_CONFIG_POISONED : 0u);
    call(e, HS_CALL_CONFIG, profile_row(l->idf), chip_row(l->chip), flags, 0);
    bool bare = l->boot != HS_BOOT_INIT && l->boot != HS_BOOT_FRESH;
    for (size_t i = 0; i < l->region_count; i++) {
        call(e, l->regions[i].late ? HS_CALL_MEMORY : HS_CALL_BOOT_PART, 0, l->regions[i].start,
             l->regions[i].size, hs_region_type_find(l->regions[i].type));
    }
    call(e, HS_CALL_BOOT, 0, l->boot == HS_BOOT_INIT ? HS_CAPS_BOOT_FULL : HS_CAPS_BOOT_FRESH, 0,
         0);
    if (l->spiram_always_internal != 0) {
        call(e, HS_CALL_EXTMEM, 0, l->spiram_always_internal, 0, 0);
    }
    if (l->spiram_reserve_internal != 0) {
        if (bare) {
            fail("a known boot state with an internal reserve is not exported");
        }
        call(e, HS_CALL_DMA_POOL, 0, l->spiram_reserve_internal, 0, 0);
    }
    for (size_t i = 0; i < l->region_count; i++) {
        if (l->regions[i].late) {
            call(e, HS_CALL_LATE_PART, 0, l->regions[i].start, l->regions[i].size, 0);
        }
    }
    if (bare) {
        export_claims(e);
    }
}

static void export_policy(exporter *e)
{
    const hs_board *board = e->session->board;
    const hs_policy *p = e->session->policy;
    if (p->placeholder != 0 || p->reserve != 0) {
        fail("policies with a placeholder or a reserve are not exported");
    }
    if (!board->has_gc) {
        return;
    }
    call(e, HS_CALL_COLLECTOR, (uint32_t)(board->gc.version - hs_gc_versions), board->gc.mode,
         p->keep_free, 0);
    for (size_t i = 0; i < board->area_count; i++) {
        call(e, i < p->fixed_count ? HS_CALL_FIXED_AREA : HS_CALL_AREA, 0,
             i < p->fixed_count ? board->areas[i].start : board->areas[i].size,
             board->areas[i].size, 0);
    }
}

/* --- the trace --- */

static uint32_t *caps_of(exporter *e, uint32_t slot)
{
    if (slot >= e->slots) {
        uint32_t slots = 2 * slot + 1024;
        e->caps = slot < UINT32_MAX / 16 ? realloc(e->caps, slots * sizeof *e->caps) : NULL;
        if (e->caps == NULL) {
            fail("no memory for the slots");
        }
        memset(e->caps + e->slots, 0, (slots - e->slots) * sizeof *e->caps);
        e->slots = slots;
    }
    return &e->caps[slot];
}

static void export_alloc(exporter *e, const hs_event *event)
{
    const hs_trace_owner *owner = &e->header->owners[event->owner];
    enum hs_route_heap said = owner->heap == HS_HEAP_GC ? HS_ROUTE_GC : HS_ROUTE_IDF;
    *caps_of(e, event->slot) = owner->caps;
    bool gc = hs_policy_route_of(e->session->policy, owner->name, said) == HS_ROUTE_GC;
    uint32_t caps = (event->flags & HS_EVENT_CAPS) != 0 ? event->caps : owner->caps;
    if (!gc && owner->heap == HS_HEAP_GC) {
        fail("Python objects that a policy routes to the IDF heap are not exported");
    }
    if (gc && event->op == HS_OP_CALLOC) {
        fail("calloc in the collector's heap is not exported");
    }
    if (gc && owner->heap == HS_HEAP_GC) {
        uint32_t flags = (event->flags & HS_EVENT_FINALISER) != 0 ? HS_GC_WITH_FINALISER : 0;
        call(e, HS_CALL_GC_ALLOC, event->slot, event->size, flags, 0);
    } else if (gc) {
        call(e, HS_CALL_TRACKED, event->slot, event->size, 0, 0);
    } else {
        uint32_t op = event->op == HS_OP_CALLOC    ? HS_CALL_CALLOC
                      : event->op == HS_OP_ALIGNED ? HS_CALL_ALIGNED
                                                   : HS_CALL_ALLOC;
        call(e, op, event->slot, event->size, event->count, caps);
    }
}

static void export_event(exporter *e, const hs_event *event)
{
    uint32_t slot = event->slot;
    switch (event->op) {
    case HS_OP_ALLOC:
    case HS_OP_CALLOC:
    case HS_OP_ALIGNED:
        export_alloc(e, event);
        break;
    case HS_OP_REALLOC:
        call(e, HS_CALL_REALLOC, slot, event->size, !(event->flags & HS_EVENT_NOMOVE),
             *caps_of(e, slot));
        break;
    case HS_OP_FREE:
    case HS_OP_DROP:
        call(e, event->op == HS_OP_FREE ? HS_CALL_FREE : HS_CALL_DROP, slot, 0, 0, 0);
        break;
    case HS_OP_LINK:
    case HS_OP_UNLINK:
        call(e, event->op == HS_OP_LINK ? HS_CALL_LINK : HS_CALL_UNLINK, slot, event->count,
             event->slot2, 0);
        break;
    case HS_OP_COLLECT:
        call(e, HS_CALL_COLLECT, 0, 0, 0, 0);
        break;
    case HS_OP_THRESHOLD:
        call(e, (event->flags & HS_EVENT_CAPTURE) != 0 ? HS_CALL_NOTHING : HS_CALL_THRESHOLD, 0,
             (uint32_t)event->value, 0, 0);
        break;
    case HS_OP_REGION:
        call(e, HS_CALL_REGION, 0, event->addr, event->size, 0);
        break;
    default:
        call(e, HS_CALL_NOTHING, 0, 0, 0, 0);
    }
}

static void export_trace(exporter *e, const char *name)
{
    hs_error error = {{0}};
    hs_trace *trace = hs_session_open_trace(name, &error);
    if (trace == NULL) {
        fail(error.text);
    }
    e->header = hs_trace_get_header(trace);
    call(e, HS_CALL_EVENTS, 0, 0, 0, 0);
    hs_event events[256];
    long count;
    while ((count = hs_trace_read(trace, events, 256, &error)) > 0) {
        for (long i = 0; i < count; i++) {
            export_event(e, &events[i]);
        }
    }
    if (count < 0) {
        fail(error.text);
    }
    hs_trace_close(trace);
}

int main(int argc, char **argv)
{
    hs_error error = {{0}};
    if (argc != 5) {
        fail("usage: export_calls LAYOUT POLICY TRACE FILE");
    }
    hs_session *session = hs_session_open(argv[1], argv[2], &error);
    exporter e = {.out = fopen(argv[4], "wb"), .session = session};
    if (session == NULL || e.out == NULL) {
        fail(session == NULL ? error.text : "cannot create the file");
    }
    export_boot(&e);
    export_policy(&e);
    export_trace(&e, argv[3]);
    /* The first call says how many slots there are. */
    if (fseek(e.out, (long)offsetof(hs_call, c), SEEK_SET) != 0 ||
        fwrite(&e.slots, sizeof e.slots, 1, e.out) != 1 || fclose(e.out) != 0) {
        fail("cannot write the calls");
    }
    free(e.caps);
    hs_session_close(session);
    return 0;
}

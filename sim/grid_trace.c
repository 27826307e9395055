#include "grid_trace.h"

#include <stdlib.h>
#include <string.h>

#include "session.h"
#include "slots.h"

static int no_memory(hs_error *error)
{
    hs_error_set(error, NULL, 0, "the host is out of memory");
    return -1;
}

static void free_trace(hs_grid_trace *trace)
{
    for (size_t i = 0; trace->whole == NULL && i < trace->count; i++) {
        free((void *)(uintptr_t)trace->events[i].name);
    }
    free(trace->events);
    free(trace->name);
    free(trace->from);
    free(trace->until);
    hs_trace_close(trace->file);
    free(trace);
}

void hs_grid_traces_release(hs_grid_traces *traces)
{
    for (size_t i = traces->count; i > 0; i--) {
        free_trace(traces->list[i - 1]);
    }
    free(traces->list);
    *traces = (hs_grid_traces){NULL, 0};
}

static int keep(hs_grid_trace *trace, const hs_event *event, size_t *capacity, hs_error *error)
{
    if (trace->count == *capacity) {
        *capacity = *capacity == 0 ? 1024 : 2 * *capacity;
        hs_event *grown = realloc(trace->events, *capacity * sizeof *grown);
        if (grown == NULL) {
            return no_memory(error);
        }
        trace->events = grown;
    }
    trace->events[trace->count] = *event;
    if (event->name != NULL) {
        trace->events[trace->count].name = strdup(event->name);
        if (trace->events[trace->count].name == NULL) {
            return no_memory(error);
        }
    }
    trace->count++;
    return 0;
}

static int decode(hs_grid_trace *trace, hs_error *error)
{
    hs_event events[256];
    long count;
    size_t capacity = 0;
    while ((count = hs_trace_read(trace->file, events, 256, error)) > 0) {
        for (long i = 0; i < count; i++) {
            if (keep(trace, &events[i], &capacity, error) != 0) {
                return -1;
            }
        }
        if (trace->count > HS_GRID_TRACE_EVENTS_MAX) {
            for (size_t i = 0; i < trace->count; i++) {
                free((void *)(uintptr_t)trace->events[i].name);
            }
            free(trace->events);
            trace->events = NULL;
            trace->count = 0;
            trace->streamed = true;
            return 0;
        }
    }
    return count < 0 ? -1 : 0;
}

/* --- parts --- */

static bool begins(const hs_event *event, const char *phase)
{
    return event->op == HS_OP_PHASE && strcmp(event->name, phase) == 0;
}

static size_t find_phase(const hs_grid_trace *trace, size_t from, const char *phase)
{
    while (from < trace->count && !begins(&trace->events[from], phase)) {
        from++;
    }
    return from;
}

/* Whether the event is about slots of the part alone; keeps `own` up to date. -1: no memory. */
static int belongs(hs_slots *own, const hs_event *event)
{
    switch (event->op) {
    case HS_OP_ALLOC:
    case HS_OP_CALLOC:
    case HS_OP_ALIGNED:
        if (hs_slots_find(own, event->slot) == NULL && hs_slots_add(own, event->slot) == NULL) {
            return -1;
        }
        hs_slots_find(own, event->slot)->owner = event->owner;
        return 1;
    case HS_OP_FREE:
    case HS_OP_DROP:
        if (hs_slots_find(own, event->slot) == NULL) {
            return 0;
        }
        hs_slots_remove(own, event->slot);
        return 1;
    case HS_OP_REALLOC:
    case HS_OP_UNLINK:
        return hs_slots_find(own, event->slot) != NULL;
    case HS_OP_LINK:
        return hs_slots_find(own, event->slot) != NULL && hs_slots_find(own, event->slot2) != NULL;
    default:
        return 1;
    }
}

/* Slots that the part leaves are added as frees. */
typedef struct leaver {
    hs_grid_trace *part;
    const hs_trace_header *header;
} leaver;

static void leave_slot(void *context, uint32_t number, const hs_slot *slot)
{
    const leaver *l = context;
    bool python = l->header->owners[slot->owner].heap == HS_HEAP_GC;
    l->part->events[l->part->count++] =
        (hs_event){.op = python ? HS_OP_DROP : HS_OP_FREE, .slot = number};
}

static int cut(hs_grid_trace *part, const hs_grid_trace *whole, hs_error *error)
{
    size_t begin = part->from != NULL ? find_phase(whole, 0, part->from) : 0;
    size_t end = part->until != NULL ? find_phase(whole, begin + 1, part->until) : whole->count;
    if (whole->streamed || (part->from != NULL && begin >= whole->count) ||
        (part->until != NULL && end == whole->count)) {
        hs_error_set(error, whole->path, 0,
                     whole->streamed ? "found a trace of more than 4 million events, expected a "
                                       "shorter one to take a part of"
                                     : "found no phase %s behind the begin of the part",
                     begin >= whole->count ? part->from : part->until);
        return -1;
    }
    part->events = calloc(2 * (end - begin) + 1, sizeof *part->events);
    if (part->events == NULL) {
        return no_memory(error);
    }
    hs_slots own;
    hs_slots_init(&own);
    int result = 0;
    for (size_t i = begin; i < end && result >= 0; i++) {
        result = belongs(&own, &whole->events[i]);
        if (result == 1) {
            part->events[part->count++] = whole->events[i];
        }
    }
    leaver l = {part, whole->header};
    if (result >= 0 && part->free_rest && hs_slots_visit(&own, leave_slot, &l) != 0) {
        result = -1;
    }
    hs_slots_release(&own);
    return result < 0 ? no_memory(error) : 0;
}

static bool same(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static long add(hs_grid_traces *traces, hs_grid_trace *trace, hs_error *error)
{
    hs_grid_trace **grown = realloc(traces->list, (traces->count + 1) * sizeof(hs_grid_trace *));
    if (grown == NULL) {
        free_trace(trace);
        return no_memory(error);
    }
    traces->list = grown;
    grown[traces->count] = trace;
    return (long)traces->count++;
}

static int load(hs_grid_traces *traces, hs_grid_trace *trace, hs_error *error)
{
    if (trace->from == NULL && trace->until == NULL && !trace->free_rest) {
        trace->file = hs_session_open_trace(trace->name, error);
        if (trace->file == NULL) {
            return -1;
        }
        trace->header = hs_trace_get_header(trace->file);
        trace->path = hs_trace_path(trace->file);
        return decode(trace, error);
    }
    long whole = hs_grid_traces_find(traces, trace->name, NULL, NULL, false, error);
    if (whole < 0) {
        return -1;
    }
    trace->whole = traces->list[whole];
    trace->header = trace->whole->header;
    trace->path = trace->whole->path;
    return cut(trace, trace->whole, error);
}

long hs_grid_traces_find(hs_grid_traces *traces, const char *name, const char *from,
                         const char *until, bool free_rest, hs_error *error)
{
    for (size_t i = 0; i < traces->count; i++) {
        const hs_grid_trace *known = traces->list[i];
        if (same(known->name, name) && same(known->from, from) && same(known->until, until) &&
            known->free_rest == free_rest) {
            return (long)i;
        }
    }
    hs_grid_trace *trace = calloc(1, sizeof *trace);
    if (trace == NULL) {
        return no_memory(error);
    }
    trace->name = strdup(name);
    trace->free_rest = free_rest;
    trace->from = from != NULL ? strdup(from) : NULL;
    trace->until = until != NULL ? strdup(until) : NULL;
    if (trace->name == NULL || (from != NULL && trace->from == NULL) ||
        (until != NULL && trace->until == NULL)) {
        free_trace(trace);
        return no_memory(error);
    }
    if (load(traces, trace, error) != 0) {
        free_trace(trace);
        return -1;
    }
    return add(traces, trace, error);
}

#include "trace_slice.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "slots.h"
#include "trace_form.h"

typedef struct cutter {
    hs_trace *trace;
    const hs_slice *slice;
    hs_trace_writer *writer;
    bool *kept_owner;
    hs_slots slots; /* .addr alignment, .root capabilities, .phase op, .born event */
    uint64_t event; /* number of the one at hand, from 1 */
    bool whole;     /* nothing is left out before the end */
    bool inside;
    bool over;
    bool linked; /* a link lies before the slice */
    hs_trace_header header;
    char note[400]; /* its last source line: what was cut */
    char phase[HS_TRACE_NAME_MAX + 1];
} cutter;

static int out_of_memory(cutter *c, hs_error *error)
{
    hs_error_set(error, hs_trace_path(c->trace), 0, "the host is out of memory");
    return -1;
}

static int choose_owners(cutter *c, hs_error *error)
{
    const hs_trace_header *header = hs_trace_get_header(c->trace);
    c->kept_owner = calloc(header->owner_count + 1, sizeof *c->kept_owner);
    if (c->kept_owner == NULL) {
        return out_of_memory(c, error);
    }
    for (size_t i = 0; i < header->owner_count; i++) {
        c->kept_owner[i] = c->slice->owners == NULL;
    }
    for (size_t k = 0; k < c->slice->owner_count; k++) {
        size_t i = 0;
        while (i < header->owner_count &&
               strcmp(header->owners[i].name, c->slice->owners[k]) != 0) {
            i++;
        }
        if (i == header->owner_count) {
            hs_error_set(error, hs_trace_path(c->trace), 0, "found no owner '%s' in the trace",
                         c->slice->owners[k]);
            return -1;
        }
        c->kept_owner[i] = true;
    }
    return 0;
}

/* A slot of the slice: alive, and its owner is kept. */
static bool is_kept(cutter *c, uint32_t number)
{
    hs_slot *slot = hs_slots_find(&c->slots, number);
    return slot != NULL && c->kept_owner[slot->owner];
}

static int note_alloc(cutter *c, const hs_event *event, hs_error *error)
{
    hs_slot *slot = hs_slots_find(&c->slots, event->slot);
    if (slot == NULL && (slot = hs_slots_add(&c->slots, event->slot)) == NULL) {
        return out_of_memory(c, error);
    }
    *slot = (hs_slot){
        .state = event->flags & HS_EVENT_FAILED ? HS_SLOT_EMPTY : HS_SLOT_LIVE,
        .owner = event->owner,
        .phase = event->op,
        .type = (uint8_t)event->type,
        .flags = event->flags & (HS_EVENT_CAPS | HS_EVENT_TYPE | HS_EVENT_FINALISER),
        .addr = event->count,
        .root = event->caps,
        .size = event->size,
        .born = c->event,
    };
    return 0;
}

/* What is alive, as far as the slice follows it. */
static int follow(cutter *c, const hs_event *event, hs_error *error)
{
    if (event->op <= HS_OP_ALIGNED) {
        return note_alloc(c, event, error);
    }
    hs_slot *slot = hs_slots_find(&c->slots, event->slot);
    if (hs_event_ends_slot(event)) {
        hs_slots_remove(&c->slots, event->slot);
    } else if (event->op == HS_OP_REALLOC && slot != NULL && !(event->flags & HS_EVENT_FAILED)) {
        slot->size = event->size;
        slot->phase = slot->phase == HS_OP_CALLOC ? HS_OP_ALLOC : slot->phase;
        slot->addr = slot->phase == HS_OP_ALLOC ? 0 : slot->addr;
    } else if (event->op == HS_OP_LINK) {
        c->linked = true;
    }
    return 0;
}

static bool belongs(cutter *c, const hs_event *event)
{
    switch (event->op) {
    case HS_OP_ALLOC:
    case HS_OP_CALLOC:
    case HS_OP_ALIGNED:
        return c->kept_owner[event->owner];
    case HS_OP_LINK:
        return is_kept(c, event->slot) && is_kept(c, event->slot2);
    case HS_OP_REALLOC:
    case HS_OP_FREE:
    case HS_OP_DROP:
    case HS_OP_UNLINK:
        return is_kept(c, event->slot);
    case HS_OP_AREA:
    case HS_OP_SPLIT:
    case HS_OP_GROWN:
    case HS_OP_COLLECTED:
    case HS_OP_RELEASED:
        return c->whole;
    default:
        return true;
    }
}

static int put(cutter *c, const hs_event *event, hs_error *error)
{
    hs_event copy = *event;
    if (!c->whole) {
        copy.flags &= (uint8_t)~HS_EVENT_HAS_ADDR;
        copy.addr = copy.op == HS_OP_REGION ? copy.addr : 0;
    }
    return hs_trace_write(c->writer, &copy, error);
}

typedef struct survivors {
    struct survivor {
        uint32_t number;
        hs_slot slot;
    } * list;
    size_t count;
} survivors;

static void add_survivor(void *context, uint32_t number, const hs_slot *slot)
{
    survivors *s = context;
    if (slot->state == HS_SLOT_LIVE) {
        s->list[s->count++] = (struct survivor){number, *slot};
    }
}

static int by_birth(const void *a, const void *b)
{
    uint64_t x = ((const struct survivor *)a)->slot.born;
    uint64_t y = ((const struct survivor *)b)->slot.born;
    return (x > y) - (x < y);
}

static int put_phase(cutter *c, const char *name, hs_error *error)
{
    return put(c, &(hs_event){.op = HS_OP_PHASE, .name = name}, error);
}

static int put_survivors(cutter *c, survivors *s, hs_error *error)
{
    if (c->linked) {
        hs_error_set(error, hs_trace_path(c->trace), 0,
                     "found links before the slice, expected none: let it begin at event 1, or "
                     "leave out what is live where it begins (--drop-live)");
        return -1;
    }
    int result = s->count != 0 ? put_phase(c, "live-before", error) : 0;
    for (size_t i = 0; i < s->count && result == 0; i++) {
        const hs_slot *slot = &s->list[i].slot;
        hs_event event = {.op = (uint8_t)slot->phase,
                          .flags = slot->flags,
                          .type = (char)slot->type,
                          .owner = slot->owner,
                          .slot = s->list[i].number,
                          .size = slot->size,
                          .count = slot->addr,
                          .caps = slot->root};
        result = c->kept_owner[slot->owner] ? put(c, &event, error) : 0;
    }
    return result;
}

/* The slice begins: what is live comes first, or is forgotten. */
static int begin(cutter *c, const hs_event *event, hs_error *error)
{
    int result = 0;
    c->inside = true;
    c->whole = c->event == 1 && c->slice->owners == NULL;
    if (c->slice->drop_live) {
        hs_slots_release(&c->slots);
    } else if (c->slots.live != 0) {
        survivors s = {malloc(c->slots.live * sizeof *s.list), 0};
        if (s.list == NULL || hs_slots_visit(&c->slots, add_survivor, &s) != 0) {
            free(s.list);
            return out_of_memory(c, error);
        }
        qsort(s.list, s.count, sizeof *s.list, by_birth);
        result = put_survivors(c, &s, error);
        free(s.list);
    }
    if (result == 0 && c->phase[0] != 0 && event->op != HS_OP_PHASE) {
        result = put_phase(c, c->phase, error);
    }
    return result;
}

static bool begins_here(const cutter *c, const hs_event *event)
{
    if (c->slice->first_phase != NULL) {
        return event->op == HS_OP_PHASE && strcmp(event->name, c->slice->first_phase) == 0;
    }
    return c->event >= c->slice->first;
}

static bool ends_before(const cutter *c, const hs_event *event)
{
    if (c->slice->last_phase != NULL) {
        return event->op == HS_OP_PHASE && strcmp(c->phase, c->slice->last_phase) == 0 &&
               strcmp(event->name, c->slice->last_phase) != 0;
    }
    return c->slice->last != 0 && c->event > c->slice->last;
}

static int take(cutter *c, const hs_event *event, hs_error *error)
{
    c->event++;
    if (c->inside && ends_before(c, event)) {
        c->over = true;
        return 0;
    }
    if (!c->inside && begins_here(c, event) && begin(c, event, error) != 0) {
        return -1;
    }
    if (event->op == HS_OP_PHASE) {
        snprintf(c->phase, sizeof c->phase, "%s", event->name);
    }
    bool written = c->inside && belongs(c, event); /* before a free makes it unknown */
    if (follow(c, event, error) != 0) {
        return -1;
    }
    return written ? put(c, event, error) : 0;
}

static int copy_events(cutter *c, hs_error *error)
{
    hs_event events[256];
    long count = 0;
    if (c->slice->drop_live && c->slice->first > 1) { /* what lies before does not matter */
        c->event = c->slice->first - 1;
        if (hs_trace_skip_to(c->trace, c->event, error) != 0) {
            return -1;
        }
    }
    while (!c->over && (count = hs_trace_read(c->trace, events, 256, error)) > 0) {
        for (long i = 0; i < count && !c->over; i++) {
            if (take(c, &events[i], error) != 0) {
                return -1;
            }
        }
    }
    if (count >= 0 && !c->inside) {
        hs_error_set(error, hs_trace_path(c->trace), 0, "found no %s%s in the trace",
                     c->slice->first_phase != NULL ? "phase " : "event where the slice begins",
                     c->slice->first_phase != NULL ? c->slice->first_phase : "");
        return -1;
    }
    if (count >= 0 && !c->over && c->slice->last_phase != NULL &&
        strcmp(c->phase, c->slice->last_phase) != 0) {
        hs_error_set(error, hs_trace_path(c->trace), 0, "found no phase %s behind its beginning",
                     c->slice->last_phase);
        return -1;
    }
    return count < 0 ? -1 : 0;
}

/* Says in the header what the slice is; a plain copy says nothing. */
static void note_cut(cutter *c)
{
    const hs_slice *s = c->slice;
    c->header = *hs_trace_get_header(c->trace);
    bool copy = s->first <= 1 && s->last == 0 && s->first_phase == NULL && s->owners == NULL;
    if (copy || c->header.source_count == HS_TRACE_SOURCES_MAX) {
        return;
    }
    size_t used = (size_t)snprintf(c->note, sizeof c->note, "cut out by heapsim trace slice: ");
    if (s->first_phase != NULL) {
        snprintf(c->note + used, sizeof c->note - used, "phases %.100s to %.100s", s->first_phase,
                 s->last_phase != NULL ? s->last_phase : "the end");
    } else if (s->last != 0) {
        snprintf(c->note + used, sizeof c->note - used, "events %" PRIu64 " to %" PRIu64,
                 s->first > 0 ? s->first : 1, s->last);
    } else {
        snprintf(c->note + used, sizeof c->note - used, "events from %" PRIu64 " on",
                 s->first > 0 ? s->first : 1);
    }
    used = strlen(c->note);
    snprintf(c->note + used, sizeof c->note - used, "%s%s",
             s->owners != NULL ? ", some owners alone" : "",
             s->drop_live ? ", without what was live before" : "");
    c->header.sources[c->header.source_count++] = c->note;
}

int hs_trace_cut(hs_trace *trace, const hs_slice *slice, const char *path, hs_error *error)
{
    cutter c = {.trace = trace, .slice = slice};
    hs_slots_init(&c.slots);
    int result = choose_owners(&c, error);
    if (result == 0) {
        note_cut(&c);
        c.writer = hs_trace_writer_open(path, &c.header, error);
        result = c.writer != NULL ? copy_events(&c, error) : -1;
    }
    if (result == 0) {
        result = hs_trace_writer_close(c.writer, error);
    } else {
        hs_trace_writer_abandon(c.writer);
    }
    hs_slots_release(&c.slots);
    free(c.kept_owner);
    return result;
}

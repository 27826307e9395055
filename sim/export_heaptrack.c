#include "export_heaptrack.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "import_live.h"
#include "slots.h"

#define BATCH 256

/* The tables give out numbers from 0 in order, as heaptrack counts. */
typedef struct exporter {
    FILE *out;
    const hs_trace_header *header;
    hs_slots slots;
    hs_live strings; /* kind and index to the string */
    hs_live frames;  /* heap, phase and owner to the stack frame */
    hs_live sites;   /* frame and size to the allocation site */
    char **phases;
    size_t phase_count;
    uint16_t phase;
    uint64_t milliseconds;
    bool no_memory;
} exporter;

enum { KEY_MODULE, KEY_HEAP, KEY_PHASE, KEY_OWNER };

/* heaptrack numbers strings from 1, in the order in which they come. */
static uint32_t string_of(exporter *e, uint64_t kind, uint64_t index, const char *text)
{
    uint32_t number;
    if (!hs_live_find(&e->strings, kind << 32 | index, &number)) {
        e->no_memory |= !hs_live_add(&e->strings, kind << 32 | index, &number);
        fprintf(e->out, "s %zx %s\n", strlen(text), text);
    }
    return number + 1;
}

/* A frame of its own instruction pointer: number from 1. */
static uint32_t frame_of(exporter *e, uint64_t key, uint32_t function, uint32_t parent)
{
    uint32_t number;
    if (!hs_live_find(&e->frames, key, &number)) {
        uint32_t module = string_of(e, KEY_MODULE, 0, "heapsim");
        e->no_memory |= !hs_live_add(&e->frames, key, &number);
        fprintf(e->out, "i %" PRIx32 " %" PRIx32 " %" PRIx32 "\n", 0x1000 + 16 * number, module,
                function);
        fprintf(e->out, "t %" PRIx32 " %" PRIx32 "\n", number + 1, parent);
    }
    return number + 1;
}

/* The stack heap <- phase <- owner: its innermost frame. */
static uint32_t stack_of(exporter *e, uint16_t owner)
{
    const hs_trace_owner *o = &e->header->owners[owner];
    uint64_t heap = o->heap == HS_HEAP_GC ? 1 : 0;
    uint32_t heap_name = string_of(e, KEY_HEAP, heap, heap != 0 ? "heap gc" : "heap idf");
    uint32_t frame = frame_of(e, heap << 60 | 1, heap_name, 0);
    if (e->phase != 0) {
        uint32_t name = string_of(e, KEY_PHASE, e->phase, e->phases[e->phase - 1]);
        frame = frame_of(e, heap << 60 | (uint64_t)e->phase << 32 | 2, name, frame);
    }
    uint32_t name = string_of(e, KEY_OWNER, owner, o->name);
    return frame_of(e, heap << 60 | (uint64_t)e->phase << 32 | (uint64_t)owner << 8 | 3, name,
                    frame);
}

static uint32_t site_of(exporter *e, uint32_t stack, uint32_t size)
{
    uint32_t number;
    uint64_t key = (uint64_t)stack << 32 | size;
    if (!hs_live_find(&e->sites, key, &number)) {
        e->no_memory |= !hs_live_add(&e->sites, key, &number);
        fprintf(e->out, "a %" PRIx32 " %" PRIx32 "\n", size, stack);
    }
    return number;
}

/* slot->root holds the site of a live block. */
static void place(exporter *e, hs_slot *slot, uint32_t size)
{
    slot->root = site_of(e, stack_of(e, slot->owner), size);
    slot->state = HS_SLOT_LIVE;
    fprintf(e->out, "+ %" PRIx32 "\n", slot->root);
}

static void remove_block(exporter *e, const hs_slot *slot)
{
    if (slot->state == HS_SLOT_LIVE) {
        fprintf(e->out, "- %" PRIx32 "\n", slot->root);
    }
}

static int wrong_slot(const hs_trace *trace, const hs_event *event, const char *found,
                      hs_error *error)
{
    hs_error_set(error, hs_trace_path(trace), event->line, "found %s of slot %" PRIu32 ", which %s",
                 hs_op_name((enum hs_op)event->op), event->slot, found);
    return -1;
}

static int allocate(exporter *e, const hs_trace *trace, const hs_event *event, hs_error *error)
{
    uint64_t size = event->size;
    size *= event->op == HS_OP_CALLOC ? event->count : 1;
    if (hs_slots_find(&e->slots, event->slot) != NULL) {
        return wrong_slot(trace, event, "is allocated already", error);
    }
    hs_slot *slot = hs_slots_add(&e->slots, event->slot);
    if (slot == NULL) {
        e->no_memory = true;
        return 0;
    }
    slot->owner = event->owner;
    slot->state = HS_SLOT_EMPTY;
    if ((event->flags & HS_EVENT_FAILED) == 0 && size <= UINT32_MAX) {
        place(e, slot, (uint32_t)size);
    }
    return 0;
}

static int change(exporter *e, const hs_trace *trace, const hs_event *event, hs_error *error)
{
    hs_slot *slot = hs_slots_find(&e->slots, event->slot);
    if (slot == NULL) {
        return wrong_slot(trace, event, "was never allocated", error);
    }
    if (hs_event_ends_slot(event)) {
        remove_block(e, slot);
        hs_slots_remove(&e->slots, event->slot);
    } else if ((event->flags & HS_EVENT_FAILED) == 0 && slot->state == HS_SLOT_LIVE) {
        remove_block(e, slot);
        place(e, slot, event->size);
    }
    return 0;
}

static void enter_phase(exporter *e, const char *name)
{
    for (size_t i = 0; i < e->phase_count; i++) {
        if (strcmp(e->phases[i], name) == 0) {
            e->phase = (uint16_t)(i + 1);
            return;
        }
    }
    char **larger = e->phase_count < UINT16_MAX - 1
                        ? realloc(e->phases, (e->phase_count + 1) * sizeof *larger)
                        : NULL;
    e->phases = larger != NULL ? larger : e->phases;
    char *copy = larger != NULL ? strdup(name) : NULL;
    if (copy == NULL) {
        e->no_memory = true;
        return;
    }
    e->phases[e->phase_count++] = copy;
    e->phase = (uint16_t)e->phase_count;
}

static int export_event(exporter *e, const hs_trace *trace, const hs_event *event, hs_error *error)
{
    switch (event->op) {
    case HS_OP_ALLOC:
    case HS_OP_CALLOC:
    case HS_OP_ALIGNED:
        return allocate(e, trace, event, error);
    case HS_OP_REALLOC:
    case HS_OP_FREE:
    case HS_OP_DROP:
        return change(e, trace, event, error);
    case HS_OP_PHASE:
        enter_phase(e, event->name);
        return 0;
    case HS_OP_TIME:
        if (event->value >= 0 && (uint64_t)event->value / 1000 > e->milliseconds) {
            e->milliseconds = (uint64_t)event->value / 1000;
            fprintf(e->out, "c %" PRIx64 "\n", e->milliseconds);
        }
        return 0;
    default:
        return 0;
    }
}

static int export_events(exporter *e, hs_trace *trace, hs_error *error)
{
    hs_event events[BATCH];
    long count;
    while ((count = hs_trace_read(trace, events, BATCH, error)) > 0) {
        for (long i = 0; i < count; i++) {
            if (export_event(e, trace, &events[i], error) != 0) {
                return -1;
            }
            if (e->no_memory) {
                hs_error_set(error, hs_trace_path(trace), 0, "the host is out of memory");
                return -1;
            }
        }
    }
    return (int)count;
}

static void release(exporter *e)
{
    hs_slots_release(&e->slots);
    hs_live_release(&e->strings);
    hs_live_release(&e->frames);
    hs_live_release(&e->sites);
    for (size_t i = 0; i < e->phase_count; i++) {
        free(e->phases[i]);
    }
    free(e->phases);
}

int hs_export_heaptrack(hs_trace *trace, FILE *out, hs_error *error)
{
    exporter e = {.out = out, .header = hs_trace_get_header(trace)};
    hs_slots_init(&e.slots);
    fprintf(out, "v 10400 3\nX heapsim %s\nI 1000 1000\n",
            e.header->title != NULL ? e.header->title : "trace");
    int result = export_events(&e, trace, error);
    uint32_t strings = 0;
    uint32_t frames = 0;
    (void)hs_live_reserve(&e.strings, &strings);
    (void)hs_live_reserve(&e.frames, &frames);
    fprintf(out, "c %" PRIx64 "\n# strings: %" PRIu32 "\n# ips: %" PRIu32 "\n", e.milliseconds + 1,
            strings, frames);
    if (result == 0 && ferror(out)) {
        hs_error_set(error, NULL, 0, "the heaptrack file could not be written");
        result = -1;
    }
    release(&e);
    return result;
}

/* Allocations by address or identity, as a log has them, become the slots of a trace. */
#include "import_trace.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "import_live.h"

#define OWNER_NAME_MAX   64
#define OWNER_TABLE_SIZE (2u * HS_TRACE_OWNERS_MAX)

struct hs_import_trace {
    bool emitting;
    hs_import_sink sink;
    hs_error error; /* of the sink */
    uint64_t start_line;

    hs_trace_header header;
    char title[256];
    hs_trace_owner owners[HS_TRACE_OWNERS_MAX];
    char names[HS_TRACE_OWNERS_MAX][OWNER_NAME_MAX];
    uint16_t owner_table[OWNER_TABLE_SIZE]; /* index + 1, by hash of name and heap; 0: empty */
    size_t owner_count;
    char *sources[HS_TRACE_SOURCES_MAX];
    size_t source_count;
    bool lost;

    hs_live live;
    uint64_t events;
    uint64_t unknown;   /* frees, reallocs and deaths of blocks that the log did not allocate */
    uint64_t replaced;  /* allocations at the address of a live block */
    uint64_t too_large; /* sizes that no 32-bit device has */
    uint64_t damaged;
    uint64_t time; /* of the log, microseconds */
    bool time_due; /* not written yet: it is with the next event */
};

hs_import_trace *hs_import_trace_create(void)
{
    return calloc(1, sizeof(hs_import_trace));
}

static void forget_sources(hs_import_trace *trace)
{
    for (size_t i = 0; i < trace->source_count; i++) {
        free(trace->sources[i]);
    }
    trace->source_count = 0;
}

void hs_import_trace_destroy(hs_import_trace *trace)
{
    if (trace != NULL) {
        forget_sources(trace);
        hs_live_release(&trace->live);
        free(trace);
    }
}

/* --- Header ----------------------------------------------------------------------------------- */

/* Owners of the GC heap end in "/gc", no other name holds a slash: one task may be in both. */
static void clean_name(const char *name, enum hs_heap_kind heap, char clean[OWNER_NAME_MAX])
{
    size_t used = 0;
    for (; *name != 0 && used < OWNER_NAME_MAX - 4; name++) {
        unsigned char c = (unsigned char)*name;
        clean[used++] = isalnum(c) || strchr("_-.:+<>~$[]", c) != NULL ? (char)c : '_';
    }
    if (used == 0) {
        clean[used++] = '-';
    }
    memcpy(clean + used, heap == HS_HEAP_GC ? "/gc" : "", heap == HS_HEAP_GC ? 4 : 1);
}

static size_t owner_hash(const char *name)
{
    uint32_t hash = 2166136261u;
    for (; *name != 0; name++) {
        hash = (hash ^ (unsigned char)*name) * 16777619u;
    }
    return hash % OWNER_TABLE_SIZE;
}

uint16_t hs_import_owner(hs_import *import, const char *name, enum hs_heap_kind heap, uint32_t caps)
{
    hs_import_trace *trace = import->trace;
    char clean[OWNER_NAME_MAX];
    clean_name(name, heap, clean);
    size_t at = owner_hash(clean);
    for (; trace->owner_table[at] != 0; at = (at + 1) % OWNER_TABLE_SIZE) {
        size_t index = trace->owner_table[at] - 1u;
        if (strcmp(trace->names[index], clean) == 0) {
            return (uint16_t)index;
        }
    }
    /* The last two numbers are kept for the owners that stand for all that find no place. */
    if (trace->owner_count >= HS_TRACE_OWNERS_MAX - 2 && strcmp(clean, "others") != 0 &&
        strcmp(clean, "others/gc") != 0) {
        return hs_import_owner(import, "others", heap, caps);
    }
    size_t index = trace->owner_count++;
    memcpy(trace->names[index], clean, sizeof clean);
    trace->owners[index] = (hs_trace_owner){trace->names[index], heap, caps};
    trace->owner_table[at] = (uint16_t)(index + 1);
    return (uint16_t)index;
}

static void add_source(hs_import *import, const char *format, va_list arguments)
{
    hs_import_trace *trace = import->trace;
    char text[512];
    vsnprintf(text, sizeof text, format, arguments);
    for (size_t i = 0; i < trace->source_count; i++) {
        if (strcmp(trace->sources[i], text) == 0) {
            return;
        }
    }
    if (trace->emitting || trace->source_count == HS_TRACE_SOURCES_MAX) {
        return;
    }
    trace->sources[trace->source_count] = strdup(text);
    if (trace->sources[trace->source_count] == NULL) {
        import->no_memory = true;
        return;
    }
    trace->source_count++;
}

void hs_import_source(hs_import *import, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    add_source(import, format, arguments);
    va_end(arguments);
}

void hs_import_lost(hs_import *import, const char *format, ...)
{
    import->trace->lost = true;
    va_list arguments;
    va_start(arguments, format);
    add_source(import, format, arguments);
    va_end(arguments);
}

static void forget_capture(hs_import_trace *trace)
{
    hs_live_release(&trace->live);
    trace->events = trace->unknown = trace->replaced = trace->too_large = trace->damaged = 0;
    trace->time = 0;
    trace->time_due = false;
}

void hs_import_restart(hs_import *import)
{
    hs_import_trace *trace = import->trace;
    if (trace->emitting) {
        return;
    }
    forget_capture(trace);
    forget_sources(trace);
    trace->lost = false;
    trace->owner_count = 0;
    memset(trace->owner_table, 0, sizeof trace->owner_table);
    trace->start_line = import->line;
}

void hs_import_damaged(hs_import *import)
{
    import->report->damaged++;
    import->trace->damaged++;
}

uint64_t hs_import_trace_start_line(const hs_import_trace *trace)
{
    return trace->start_line;
}

void hs_import_trace_learned(hs_import *import)
{
    hs_import_trace *trace = import->trace;
    if (trace->damaged != 0) {
        hs_import_lost(import, "%" PRIu64 " damaged lines could not be used", trace->damaged);
    }
    if (trace->unknown != 0) {
        hs_import_lost(import,
                       "%" PRIu64 " statements on blocks that the log did not allocate left out: "
                       "they are older than the log, or their allocation is lost",
                       trace->unknown);
    }
    if (trace->replaced != 0) {
        hs_import_lost(import,
                       "%" PRIu64 " frees are missing: the same address was allocated again; they "
                       "are placed right before that",
                       trace->replaced);
    }
    if (trace->too_large != 0) {
        hs_import_lost(import, "%" PRIu64 " requests of 4 GiB or more left out", trace->too_large);
    }
    const char *name = import->request->name != NULL ? import->request->name : "a log";
    snprintf(trace->title, sizeof trace->title, "imported from %s (%s)", name,
             import->report->format);
    trace->header = (hs_trace_header){.title = trace->title,
                                      .source_count = trace->source_count,
                                      .origin = HS_ORIGIN_CAPTURED,
                                      .complete = trace->lost ? HS_COMPLETE_NO : HS_COMPLETE_YES,
                                      .owners = trace->owners,
                                      .owner_count = trace->owner_count};
    for (size_t i = 0; i < trace->source_count; i++) {
        trace->header.sources[i] = trace->sources[i];
    }
    import->report->complete = !trace->lost;
    import->report->events = trace->events;
}

int hs_import_trace_emit(hs_import *import, hs_import_sink sink, hs_error *error)
{
    hs_import_trace *trace = import->trace;
    forget_capture(trace);
    trace->emitting = true;
    trace->sink = sink;
    return sink.header(sink.context, &trace->header, error);
}

int hs_import_trace_end(hs_import *import, hs_error *error)
{
    if (import->trace->error.text[0] != 0) {
        hs_error_set(error, NULL, 0, "%s", import->trace->error.text);
        return -1;
    }
    return 0;
}

/* --- Events ----------------------------------------------------------------------------------- */

static void write_event(hs_import_trace *trace, const hs_event *event)
{
    trace->events++;
    if (trace->emitting && trace->error.text[0] == 0) {
        (void)trace->sink.event(trace->sink.context, event, &trace->error);
    }
}

void hs_import_event(hs_import *import, const hs_event *event)
{
    hs_import_trace *trace = import->trace;
    if (trace->time_due) {
        hs_event time = {.op = HS_OP_TIME, .value = (int64_t)trace->time};
        trace->time_due = false;
        write_event(trace, &time);
    }
    write_event(trace, event);
}

void hs_import_time(hs_import *import, uint64_t microseconds)
{
    hs_import_trace *trace = import->trace;
    if (microseconds > trace->time && microseconds <= (uint64_t)INT64_MAX) {
        trace->time = microseconds;
        trace->time_due = true;
    }
}

static bool fits(hs_import *import, const hs_import_alloc *alloc)
{
    if (alloc->size > UINT32_MAX || alloc->align > UINT32_MAX) {
        import->trace->too_large++;
        return false;
    }
    return true;
}

/* The parts that allocations and reallocations share. */
static hs_event event_of(const hs_import_alloc *alloc, enum hs_op op, uint32_t slot)
{
    hs_event event = {.op = (uint8_t)op, .slot = slot, .size = (uint32_t)alloc->size};
    event.flags = alloc->failed ? HS_EVENT_FAILED : 0;
    if (alloc->address && !alloc->failed && alloc->key <= UINT32_MAX) {
        event.flags |= HS_EVENT_HAS_ADDR;
        event.addr = (uint32_t)alloc->key;
    }
    return event;
}

void hs_import_allocate(hs_import *import, const hs_import_alloc *alloc)
{
    hs_import_trace *trace = import->trace;
    if (!fits(import, alloc)) {
        return;
    }
    if (!alloc->failed && hs_live_find(&trace->live, alloc->key, NULL)) {
        trace->replaced++;
        (void)hs_import_free(import, alloc->key);
    }
    uint32_t slot = 0;
    if (alloc->failed ? !hs_live_reserve(&trace->live, &slot)
                      : !hs_live_add(&trace->live, alloc->key, &slot)) {
        import->no_memory = true;
        return;
    }
    hs_event event = event_of(alloc, alloc->align != 0 ? HS_OP_ALIGNED : HS_OP_ALLOC, slot);
    event.count = (uint32_t)alloc->align;
    event.owner = alloc->owner;
    event.flags |= alloc->finaliser ? HS_EVENT_FINALISER : 0;
    if (alloc->has_caps && alloc->caps != trace->owners[alloc->owner].caps) {
        event.flags |= HS_EVENT_CAPS;
        event.caps = alloc->caps;
    }
    hs_import_event(import, &event);
}

static bool end_block(hs_import *import, uint64_t key, enum hs_op op)
{
    hs_event event = {.op = (uint8_t)op};
    if (!hs_live_remove(&import->trace->live, key, &event.slot)) {
        import->trace->unknown++;
        return false;
    }
    hs_import_event(import, &event);
    return true;
}

bool hs_import_free(hs_import *import, uint64_t key)
{
    return end_block(import, key, HS_OP_FREE);
}

bool hs_import_drop(hs_import *import, uint64_t key)
{
    return end_block(import, key, HS_OP_DROP);
}

void hs_import_realloc(hs_import *import, uint64_t key, const hs_import_alloc *alloc, bool nomove)
{
    hs_import_trace *trace = import->trace;
    uint32_t slot = 0;
    if (!hs_live_find(&trace->live, key, &slot)) {
        trace->unknown++;
        if (!alloc->failed) {
            hs_import_allocate(import, alloc);
        }
        return;
    }
    if (!fits(import, alloc)) {
        return;
    }
    if (!alloc->failed && alloc->key != key) {
        if (hs_live_find(&trace->live, alloc->key, NULL)) {
            trace->replaced++;
            (void)hs_import_free(import, alloc->key);
        }
        if (!hs_live_rename(&trace->live, key, alloc->key)) {
            import->no_memory = true;
            return;
        }
    }
    hs_event event = event_of(alloc, HS_OP_REALLOC, slot);
    event.flags |= nomove ? HS_EVENT_NOMOVE : 0;
    hs_import_event(import, &event);
}

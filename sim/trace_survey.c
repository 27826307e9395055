#include "trace_survey.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device/region.h"

hs_survey *hs_survey_create(const hs_trace *trace, hs_error *error)
{
    hs_survey *survey = calloc(1, sizeof *survey);
    if (survey != NULL) {
        survey->path = hs_trace_path(trace);
        survey->header = hs_trace_get_header(trace);
        survey->owners = calloc(survey->header->owner_count + 1, sizeof *survey->owners);
        hs_slots_init(&survey->slots);
    }
    if (survey == NULL || survey->owners == NULL) {
        free(survey);
        hs_error_set(error, hs_trace_path(trace), 0, "the host is out of memory");
        return NULL;
    }
    return survey;
}

void hs_survey_destroy(hs_survey *survey)
{
    if (survey == NULL) {
        return;
    }
    for (size_t i = 0; i < survey->phase_count; i++) {
        free(survey->phases[i].name);
    }
    hs_slots_release(&survey->slots);
    free(survey->owners);
    free(survey);
}

static void hold(hs_survey *s, unsigned owner, uint64_t more, uint64_t less)
{
    hs_survey_owner *o = &s->owners[owner];
    s->live += more - less;
    o->live += more - less;
    o->peak = o->live > o->peak ? o->live : o->peak;
    if (s->live > s->peak) {
        s->peak = s->live;
        s->peak_event = s->events;
    }
    if (s->phase_count != 0 && s->live > s->phases[s->phase_count - 1].peak) {
        s->phases[s->phase_count - 1].peak = s->live;
    }
}

static int wrong(const hs_survey *s, const hs_event *event, const char *found, const char *expected,
                 hs_error *error)
{
    if (event->line != 0) {
        hs_error_set(error, s->path, event->line, "found '%s %" PRIu32 "', %s, expected %s",
                     hs_op_name((enum hs_op)event->op), event->slot, found, expected);
    } else {
        hs_error_set(error, s->path, 0,
                     "event %" PRIu64 ": found '%s %" PRIu32 "', %s, expected %s", s->events,
                     hs_op_name((enum hs_op)event->op), event->slot, found, expected);
    }
    return -1;
}

static void count_size(hs_survey *s, uint32_t size)
{
    unsigned class = 0;
    while (class < HS_SURVEY_SIZES - 1 && (uint64_t)size > UINT64_C(1) << class) {
        class ++;
    }
    s->sizes[class]++;
    s->bytes += size;
    s->allocations++;
}

static int take_alloc(hs_survey *s, const hs_event *event, hs_error *error)
{
    hs_slot *slot = hs_slots_find(&s->slots, event->slot);
    uint64_t size = event->size;
    if (event->op == HS_OP_CALLOC) {
        size *= event->count;
    }
    if (slot != NULL && slot->state == HS_SLOT_LIVE) {
        return wrong(s, event, "a slot that is still allocated", "its free or drop before", error);
    }
    if (slot == NULL && (slot = hs_slots_add(&s->slots, event->slot)) == NULL) {
        hs_error_set(error, s->path, event->line, "the host is out of memory");
        return -1;
    }
    bool failed = (event->flags & HS_EVENT_FAILED) != 0 || size > UINT32_MAX;
    *slot = (hs_slot){.state = failed ? HS_SLOT_EMPTY : HS_SLOT_LIVE,
                      .owner = event->owner,
                      .size = failed ? 0 : (uint32_t)size};
    s->with_caps += (event->flags & HS_EVENT_CAPS) != 0;
    s->largest = slot->size > s->largest ? slot->size : s->largest;
    if (!failed) {
        count_size(s, slot->size);
        s->owners[event->owner].allocations++;
        s->owners[event->owner].bytes += slot->size;
        s->owners[event->owner].live_blocks++;
        s->live_blocks++;
        s->peak_blocks = s->live_blocks > s->peak_blocks ? s->live_blocks : s->peak_blocks;
        hold(s, event->owner, slot->size, 0);
    }
    return 0;
}

static void take_end(hs_survey *s, const hs_event *event, const hs_slot *slot)
{
    if (slot->state == HS_SLOT_LIVE) {
        hold(s, slot->owner, 0, slot->size);
        s->owners[slot->owner].live_blocks--;
        s->live_blocks--;
    }
    hs_slots_remove(&s->slots, event->slot);
}

static int take_link(hs_survey *s, const hs_event *event, const hs_slot *slot, hs_error *error)
{
    if (s->header->owners[slot->owner].heap != HS_HEAP_GC) {
        return wrong(s, event, "a block of the IDF heap", "an object of a gc owner", error);
    }
    if (event->op == HS_OP_LINK) {
        hs_slot *target = hs_slots_find(&s->slots, event->slot2);
        if (target == NULL) {
            return wrong(s, event, "a link to a slot that is not allocated", "a live one", error);
        }
        slot = hs_slots_find(&s->slots, event->slot);
    }
    uint64_t words = ((uint64_t)slot->size + 15) / 16 * 4; /* the collector scans whole blocks */
    if (slot->state == HS_SLOT_LIVE && event->count >= words) {
        return wrong(s, event, "a word beyond the object", "one within its blocks", error);
    }
    return 0;
}

/* Statements on a slot that should be there. */
static int take_slot(hs_survey *s, const hs_event *event, hs_error *error)
{
    const hs_slot *slot = hs_slots_find(&s->slots, event->slot);
    if (slot == NULL) {
        return wrong(s, event, "a slot that is not allocated", "a live one", error);
    }
    s->ignored += slot->state == HS_SLOT_EMPTY;
    if (event->op != HS_OP_DROP && hs_event_ends_slot(event)) {
        take_end(s, event, slot);
        return 0;
    }
    switch (event->op) {
    case HS_OP_REALLOC:
        if (slot->state == HS_SLOT_LIVE && (event->flags & HS_EVENT_FAILED) == 0) {
            uint32_t old = slot->size;
            hs_slots_find(&s->slots, event->slot)->size = event->size;
            s->largest = event->size > s->largest ? event->size : s->largest;
            hold(s, slot->owner, event->size, old);
        }
        return 0;
    case HS_OP_DROP:
        if (s->header->owners[slot->owner].heap != HS_HEAP_GC) {
            return wrong(s, event, "a block of the IDF heap", "'free' for it", error);
        }
        take_end(s, event, slot);
        return 0;
    default:
        return take_link(s, event, slot, error);
    }
}

static int take_region(const hs_survey *s, const hs_event *event, hs_error *error)
{
    if (hs_region_type_find(event->name) != HS_REGION_TYPES) {
        return 0;
    }
    char event_number[32] = ""; /* the binary form has no lines */
    if (event->line == 0) {
        snprintf(event_number, sizeof event_number, "event %" PRIu64 ": ", s->events);
    }
    hs_error_set(error, s->path, event->line,
                 "%sfound region type '%s', expected DRAM, DIRAM, IRAM, SPIRAM, RTCRAM, ...",
                 event_number, event->name);
    return -1;
}

static int take_phase(hs_survey *s, const hs_event *event, hs_error *error)
{
    if (s->phase_count == HS_SURVEY_PHASES_MAX) {
        s->phases_left_out++;
        return 0;
    }
    char *name = strdup(event->name);
    if (name == NULL) {
        hs_error_set(error, s->path, event->line, "the host is out of memory");
        return -1;
    }
    s->phases[s->phase_count++] =
        (hs_survey_phase){.name = name, .first_event = s->events, .live = s->live, .peak = s->live};
    return 0;
}

int hs_survey_event(hs_survey *s, const hs_event *event, hs_error *error)
{
    s->events++;
    s->kinds[event->op]++;
    s->failed += (event->flags & HS_EVENT_FAILED) != 0;
    s->recorded += (event->flags & HS_EVENT_HAS_ADDR) != 0;
    if (event->op <= HS_OP_ALIGNED) {
        return take_alloc(s, event, error);
    }
    if (event->op <= HS_OP_UNLINK) {
        return take_slot(s, event, error);
    }
    return event->op == HS_OP_PHASE    ? take_phase(s, event, error)
           : event->op == HS_OP_REGION ? take_region(s, event, error)
                                       : 0;
}

hs_survey *hs_survey_trace(hs_trace *trace, hs_error *error)
{
    hs_event events[256];
    hs_survey *survey = hs_survey_create(trace, error);
    long count = 1;
    while (survey != NULL && (count = hs_trace_read(trace, events, 256, error)) > 0) {
        for (long i = 0; i < count && count > 0; i++) {
            count = hs_survey_event(survey, &events[i], error) != 0 ? -1 : count;
        }
        if (count < 0) {
            break;
        }
    }
    if (count < 0) {
        hs_survey_destroy(survey);
        return NULL;
    }
    return survey;
}

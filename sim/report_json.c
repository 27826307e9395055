/* --json: the result with stable keys, integers only. Format: sim/README.md. */
#include <stdlib.h>

#include "json.h"
#include "report.h"
#include "session.h"

static json_t *integer(uint64_t value)
{
    return json_integer((json_int_t)value);
}

static json_t *blocks_json(const hs_block *blocks, uint32_t count)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < count; i++) {
        json_array_append_new(list, json_pack("{s:I, s:I}", "start", (json_int_t)blocks[i].start,
                                              "size", (json_int_t)blocks[i].size));
    }
    return list;
}

static json_t *region_json(const hs_region_metrics *region)
{
    return json_pack(
        "{s:I, s:I, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "start", (json_int_t)region->start,
        "size", (json_int_t)region->size, "type", hs_json_text(region->type), "free",
        (json_int_t)region->free, "largest_free_block", (json_int_t)region->largest,
        "largest_free_block_exact", (json_int_t)region->largest_exact, "minimum_free",
        (json_int_t)region->minimum_free, "free_blocks", (json_int_t)region->free_blocks,
        "allocated_blocks", (json_int_t)region->allocated_blocks, "blocks",
        blocks_json(region->blocks, region->free_blocks));
}

static json_t *idf_json(const hs_mark *mark)
{
    json_t *counted = json_array();
    json_t *others = json_array();
    for (size_t i = 0; i < mark->region_count; i++) {
        json_t *to = mark->regions[i].counted ? counted : others;
        json_array_append_new(to, region_json(&mark->regions[i]));
    }
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o}", "total",
                     (json_int_t)mark->total, "free", (json_int_t)mark->free, "largest_free_block",
                     (json_int_t)mark->largest, "largest_free_block_exact",
                     (json_int_t)mark->largest_exact, "minimum_free",
                     (json_int_t)mark->minimum_free, "free_blocks", (json_int_t)mark->free_blocks,
                     "allocated_blocks", (json_int_t)mark->allocated_blocks, "regions", counted,
                     "other_regions", others);
}

static json_t *gc_json(const hs_gc_metrics *gc)
{
    json_t *areas = json_array();
    for (size_t i = 0; i < gc->area_count; i++) {
        const hs_area_metrics *area = &gc->areas[i];
        json_array_append_new(areas,
                              json_pack("{s:I, s:I, s:I, s:I}", "start", (json_int_t)area->start,
                                        "size", (json_int_t)area->size, "blocks",
                                        (json_int_t)area->blocks, "used", (json_int_t)area->used));
    }
    return json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "total", (json_int_t)gc->total,
        "used", (json_int_t)gc->used, "free", (json_int_t)gc->free, "max_free",
        (json_int_t)gc->max_free, "max_block", (json_int_t)gc->max_block, "one_blocks",
        (json_int_t)gc->one_blocks, "two_blocks", (json_int_t)gc->two_blocks, "max_new_split",
        (json_int_t)gc->max_new_split, "collections", (json_int_t)gc->collections, "areas", areas);
}

static json_t *mark_json(const hs_mark *mark)
{
    return json_pack("{s:o, s:I, s:o, s:o}", "name", hs_json_text(mark->name), "event",
                     (json_int_t)mark->event, "idf", idf_json(mark), "gc",
                     mark->has_gc ? gc_json(&mark->gc) : json_null());
}

json_t *hs_failure_json(const hs_run *run, const hs_failure *failure)
{
    bool in_trace = failure->trace < run->trace_count;
    return json_pack("{s:o, s:I, s:I, s:o, s:o, s:I, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I}",
                     "trace", hs_json_text(in_trace ? run->traces[failure->trace].name : ""),
                     "line", (json_int_t)failure->line, "event", (json_int_t)failure->event,
                     "phase", hs_json_text(run->phases[failure->phase]), "owner",
                     hs_json_text(hs_run_owner_name(run, failure->owner)), "size",
                     (json_int_t)failure->size, "heap", failure->heap == HS_HEAP_GC ? "gc" : "idf",
                     "class", hs_failure_class_name(failure->failure_class), "need",
                     (json_int_t)failure->need, "free", (json_int_t)failure->free,
                     "largest_free_block", (json_int_t)failure->largest, "largest_free_block_exact",
                     (json_int_t)failure->largest_exact, "gc_free", (json_int_t)failure->gc_free,
                     "other_largest", (json_int_t)failure->other_largest);
}

static json_t *traces_json(const hs_run *run)
{
    json_t *list = json_array();
    for (size_t i = 0; i < run->trace_count; i++) {
        const hs_run_trace_info *trace = &run->traces[i];
        json_array_append_new(list, json_pack("{s:o, s:s, s:I}", "name", hs_json_text(trace->name),
                                              "origin", hs_origin_name(trace->origin), "events",
                                              (json_int_t)trace->events));
    }
    return list;
}

static json_t *owners_json(const hs_run *run)
{
    json_t *list = json_array();
    for (size_t i = 0; i < run->owner_count; i++) {
        const hs_run_owner *owner = &run->owners[i];
        json_array_append_new(
            list,
            json_pack("{s:o, s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:I}", "name",
                      hs_json_text(owner->name), "heap", owner->heap == HS_HEAP_GC ? "gc" : "idf",
                      "tracked", owner->tracked, "live_bytes", (json_int_t)owner->live_bytes,
                      "live_blocks", (json_int_t)owner->live_blocks, "peak_bytes",
                      (json_int_t)owner->peak_bytes, "total_bytes", (json_int_t)owner->total_bytes,
                      "allocations", (json_int_t)owner->allocations, "failures",
                      (json_int_t)owner->failures));
    }
    return list;
}

static json_t *marks_json(const hs_run *run)
{
    json_t *list = json_array();
    for (size_t i = 0; i < run->mark_count; i++) {
        json_array_append_new(list, mark_json(&run->marks[i]));
    }
    return list;
}

static json_t *counts_json(const hs_run *run)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "events", (json_int_t)run->event, "ignored",
                     (json_int_t)run->ignored, "collections", (json_int_t)run->collections,
                     "growths", (json_int_t)run->growths, "releases", (json_int_t)run->releases,
                     "live_releases", (json_int_t)run->live_releases);
}

json_t *hs_crash_json(const hs_run *run)
{
    return run->crashed ? json_pack("{s:I, s:s, s:I}", "event", (json_int_t)run->crash_event,
                                    "reason", hs_run_crash_reason(run), "address",
                                    (json_int_t)run->board->caps.device.crash_at)
                        : json_null();
}

json_t *hs_result_json(const hs_session *session)
{
    const hs_run *run = session->run;
    bool failed = run->failed || run->crashed;
    json_t *json = json_object();
    json_object_set_new(json, "heapsim", integer(1));
    json_object_set_new(json, "layout", json_string(session->layout->name));
    json_object_set_new(json, "policy", json_string(session->policy->name));
    json_object_set_new(json, "idf", json_string(session->layout->idf));
    json_object_set_new(json, "traces", traces_json(run));
    json_object_set_new(json, "outcome", json_string(failed ? "failed" : "completed"));
    json_object_set_new(json, "failures", integer(run->failures));
    json_object_set_new(json, "failure",
                        run->failed ? hs_failure_json(run, &run->failure) : json_null());
    json_object_set_new(json, "crash", hs_crash_json(run));
    json_object_set_new(json, "counts", counts_json(run));
    json_object_set_new(json, "peak",
                        json_pack("{s:I, s:I}", "idf_allocated",
                                  (json_int_t)run->extreme.peak_idf_allocated, "gc_used",
                                  (json_int_t)hs_run_peak_gc_used(run)));
    const hs_mark *final = &run->marks[run->mark_count - 1];
    json_object_set_new(json, "minimum_free", integer(final->minimum_free));
    json_object_set_new(json, "minimum_largest_free_block", integer(run->extreme.minimum_largest));
    json_object_set_new(json, "minimum_largest_free_block_event",
                        integer(run->extreme.minimum_largest_event));
    json_object_set_new(json, "owners", owners_json(run));
    json_object_set_new(json, "marks", marks_json(run));
    json_object_set_new(json, "final", mark_json(final));
    return json;
}

typedef struct json_state {
    hs_session *session;
    const char *path;
} json_state;

static void *begin(const hs_report_target *target, hs_error *error)
{
    json_state *state = malloc(sizeof *state);
    if (state == NULL) {
        hs_error_set(error, NULL, 0, "the host is out of memory");
        return NULL;
    }
    *state = (json_state){target->session, target->argument};
    return state;
}

static int finish(void *context, hs_error *error)
{
    json_state *state = context;
    json_t *json = hs_result_json(state->session);
    int result = hs_json_write(json, state->path, error);
    json_decref(json);
    free(state);
    return result;
}

const hs_reporter hs_report_json = {
    "json", "FILE", "the result with all marks as JSON", begin, finish, free,
};

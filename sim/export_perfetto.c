/* --perfetto: the run as Chrome trace events, for ui.perfetto.dev and chrome://tracing. One event
 * of the run is one microsecond on their time axis. */
#include <inttypes.h>
#include <stdlib.h>

#include "report.h"
#include "report_file.h"
#include "session.h"

typedef struct state {
    hs_report_file file;
    const hs_run *run;
    hs_live_metrics live; /* as last written */
    uint32_t gc_total;
    bool in_phase;
} state;

/* Rows of the viewer, below the counters. */
enum { ROW_PHASES = 1, ROW_FAILURES, ROW_COLLECTOR };

static void begin_event(state *s, const char *kind, uint64_t event)
{
    hs_report_file_print(&s->file, ",\n{\"ph\":\"%s\",\"pid\":1,\"ts\":%" PRIu64, kind, event);
}

static void put_idf(state *s, uint64_t event)
{
    begin_event(s, "C", event);
    hs_report_file_print(&s->file,
                         ",\"name\":\"IDF heap\",\"args\":{\"free\":%" PRIu32
                         ",\"largest free block\":%" PRIu32 "}}",
                         s->live.idf_free, s->live.idf_largest);
}

static void put_gc(state *s, uint64_t event)
{
    begin_event(s, "C", event);
    hs_report_file_print(
        &s->file, ",\"name\":\"GC heap\",\"args\":{\"used\":%" PRIu32 ",\"total\":%" PRIu32 "}}",
        s->live.gc_used, s->gc_total);
}

static uint32_t gc_total(const hs_run *run)
{
    return run->board->has_gc ? run->board->gc.total * HS_GC_BLOCK : 0;
}

static void put_changes(state *s, uint64_t event)
{
    const hs_live_metrics now = hs_run_live(s->run);
    bool idf =
        now.idf_free != s->live.idf_free || now.idf_largest != s->live.idf_largest || event == 0;
    bool gc = now.gc_used != s->live.gc_used || gc_total(s->run) != s->gc_total || event == 0;
    s->live = now;
    s->gc_total = gc_total(s->run);
    if (idf) {
        put_idf(s, event);
    }
    if (gc && s->run->board->has_gc) {
        put_gc(s, event);
    }
}

static void put_owner(state *s, uint64_t event, uint16_t owner)
{
    begin_event(s, "C", event);
    hs_report_file_print(&s->file, ",\"name\":");
    hs_report_file_json_text(&s->file, s->run->owners[owner].name);
    hs_report_file_print(&s->file, ",\"args\":{\"bytes\":%" PRIu64 "}}",
                         s->run->owners[owner].live_bytes);
}

static void on_event(void *context, const hs_run *run, const hs_event *event,
                     const hs_outcome *outcome)
{
    state *s = context;
    (void)run;
    if (event->op == HS_OP_PHASE) {
        if (s->in_phase) {
            begin_event(s, "E", outcome->event);
            hs_report_file_print(&s->file, ",\"tid\":%d}", ROW_PHASES);
        }
        s->in_phase = true;
        begin_event(s, "B", outcome->event);
        hs_report_file_print(&s->file, ",\"tid\":%d,\"name\":", ROW_PHASES);
        hs_report_file_json_text(&s->file, event->name);
        hs_report_file_print(&s->file, "}");
    }
    put_changes(s, outcome->event);
    if (outcome->owner != HS_NO_OWNER && outcome->size != outcome->old_size) {
        put_owner(s, outcome->event, outcome->owner);
    }
}

static void on_gc(void *context, const hs_run *run, enum hs_gc_notice notice, hs_addr address,
                  uint64_t value)
{
    static const char *const names[] = {[HS_GC_COLLECTED] = "collection",
                                        [HS_GC_GREW] = "growth",
                                        [HS_GC_GROW_REFUSED] = "growth refused",
                                        [HS_GC_RELEASED] = "area released",
                                        [HS_GC_RELEASED_LIVE] = "area released with a live object",
                                        [HS_GC_FINALISED] = "finaliser"};
    state *s = context;
    begin_event(s, "i", run->event);
    hs_report_file_print(
        &s->file,
        ",\"tid\":%d,\"s\":\"t\",\"name\":\"%s\",\"args\":{\"address\":\"0x%08" PRIx32
        "\",\"value\":%" PRIu64 "}}",
        ROW_COLLECTOR, names[notice], address, value);
}

static void on_failure(void *context, const hs_run *run, const hs_failure *failure)
{
    state *s = context;
    begin_event(s, "i", failure->event);
    hs_report_file_print(&s->file,
                         ",\"tid\":%d,\"s\":\"p\",\"name\":\"failed: %s\",\"args\":{\"owner\":",
                         ROW_FAILURES, hs_failure_class_name(failure->failure_class));
    hs_report_file_json_text(&s->file, hs_run_owner_name(run, failure->owner));
    hs_report_file_print(
        &s->file, ",\"size\":%" PRIu32 ",\"free\":%" PRIu32 ",\"largest free block\":%" PRIu32 "}}",
        failure->size, failure->free, failure->largest);
}

static void put_names(state *s, const hs_report_target *target)
{
    static const char *const rows[] = {
        [ROW_PHASES] = "phases", [ROW_FAILURES] = "failures", [ROW_COLLECTOR] = "collector"};
    hs_report_file_print(&s->file,
                         "{\"displayTimeUnit\":\"ms\",\"otherData\":{\"time\":\"one event "
                         "of the run is one microsecond here\"},\"traceEvents\":[\n"
                         "{\"ph\":\"M\",\"pid\":1,\"name\":\"process_name\",\"args\":{"
                         "\"name\":");
    hs_report_file_json_text(&s->file, target->session->layout->name);
    hs_report_file_print(&s->file, "}}");
    for (int row = ROW_PHASES; row <= ROW_COLLECTOR; row++) {
        hs_report_file_print(&s->file,
                             ",\n{\"ph\":\"M\",\"pid\":1,\"tid\":%d,\"name\":\"thread_name\","
                             "\"args\":{\"name\":\"%s\"}}",
                             row, rows[row]);
    }
}

static void abandon(void *context)
{
    state *s = context;
    hs_report_file_abandon(&s->file);
    free(s);
}

static void *begin(const hs_report_target *target, hs_error *error)
{
    state *s = calloc(1, sizeof *s);
    if (s == NULL || hs_report_file_open(&s->file, target->argument, error) != 0) {
        hs_error_set(error, NULL, 0, "the host is out of memory");
        free(s);
        return NULL;
    }
    s->run = target->session->run;
    put_names(s, target);
    put_changes(s, 0);
    if (s->run->failed) {
        on_failure(s, s->run, &s->run->failure);
    }
    hs_run_observe(
        target->session->run,
        (hs_observer){.context = s, .event = on_event, .gc = on_gc, .failure = on_failure});
    return s;
}

static int finish(void *context, hs_error *error)
{
    state *s = context;
    if (s->in_phase) {
        begin_event(s, "E", s->run->event);
        hs_report_file_print(&s->file, ",\"tid\":%d}", ROW_PHASES);
    }
    hs_report_file_print(&s->file, "\n]}\n");
    int result = hs_report_file_close(&s->file, error);
    free(s);
    return result;
}

const hs_reporter hs_report_perfetto = {
    "perfetto", "FILE", "the time line for ui.perfetto.dev (Chrome trace JSON)",
    begin,      finish, abandon,
};

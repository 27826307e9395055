/* --csv: the time line, a row for each event. Columns: sim/README.md. */
#include <inttypes.h>
#include <string.h>

#include "report_stream.h"

/* A name as a CSV field: quoted when it must be. */
static void put_name(hs_report_stream *s, const char *name)
{
    if (strpbrk(name, ",\"\r\n") == NULL) {
        hs_report_stream_put(s, name, strlen(name));
        return;
    }
    hs_report_stream_put(s, "\"", 1);
    for (const char *c = name; *c != 0; c++) {
        hs_report_stream_put(s, c, 1);
        if (*c == '"') {
            hs_report_stream_put(s, "\"", 1);
        }
    }
    hs_report_stream_put(s, "\"", 1);
}

static void put_metrics(hs_report_stream *s, const hs_run *run)
{
    char text[200];
    const hs_live_metrics *live = &run->live;
    int length =
        snprintf(text, sizeof text,
                 ",%" PRIu32 ",%" PRIu32 ",%" PRIu32 ",%" PRIu32 ",%" PRIu32 ",%" PRIu32 ",%" PRIu64
                 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 "\n",
                 live->idf_free, live->idf_largest, live->minimum_largest, live->idf_allocated,
                 run->board->has_gc ? run->board->gc.total * HS_GC_BLOCK : 0, live->gc_used,
                 run->collections, run->growths, run->releases, run->failures);
    hs_report_stream_put(s, text, (size_t)length);
}

static void on_event(void *context, const hs_run *run, const hs_event *event,
                     const hs_outcome *outcome)
{
    hs_report_stream *s = context;
    char text[64];
    int length = snprintf(text, sizeof text, "%" PRIu64 ",%" PRId64 ",", outcome->event, run->time);
    hs_report_stream_put(s, text, (size_t)length);
    put_name(s, run->phases[run->current_phase]);
    length = snprintf(text, sizeof text, ",%s,", hs_op_name((enum hs_op)event->op));
    hs_report_stream_put(s, text, (size_t)length);
    if (outcome->owner != HS_NO_OWNER) {
        put_name(s, run->owners[outcome->owner].name);
    }
    length = snprintf(text, sizeof text, ",%" PRIu32, outcome->size);
    hs_report_stream_put(s, text, (size_t)length);
    put_metrics(s, run);
}

static void *begin(const hs_report_target *target, hs_error *error)
{
    static const char head[] = "event,time_us,phase,op,owner,size,idf_free,idf_largest_free_block,"
                               "minimum_largest_free_block,idf_allocated,gc_total,gc_used,"
                               "gc_collections,gc_growths,gc_releases,failures\n";
    hs_report_stream *s = hs_report_stream_begin(target, on_event, error);
    if (s != NULL) {
        hs_report_stream_put(s, head, sizeof head - 1);
    }
    return s;
}

const hs_reporter hs_report_csv = {
    "csv",
    "FILE",
    "the time line, a row for each event",
    begin,
    hs_report_stream_finish,
    hs_report_stream_abandon,
};

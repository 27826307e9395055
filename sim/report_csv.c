/* --csv: the time line, a row for each event. Columns: sim/README.md. */
#include <inttypes.h>

#include "report_stream.h"

static void on_event(void *context, const hs_run *run, const hs_event *event,
                     const hs_outcome *outcome)
{
    hs_report_file *file = context;
    const hs_live_metrics live = hs_run_live(run);
    hs_report_file_print(file, "%" PRIu64 ",%" PRId64 ",", outcome->event, run->time);
    hs_report_file_csv_name(file, run->phases[run->current_phase]);
    hs_report_file_print(file, ",%s,", hs_op_name((enum hs_op)event->op));
    if (outcome->owner != HS_NO_OWNER) {
        hs_report_file_csv_name(file, run->owners[outcome->owner].name);
    }
    hs_report_file_print(
        file,
        ",%" PRIu32 ",%" PRIu32 ",%" PRIu32 ",%" PRIu32 ",%" PRIu32 ",%" PRIu32 ",%" PRIu32
        ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu32 "\n",
        outcome->size, live.idf_free, live.idf_largest, run->extreme.minimum_largest,
        live.idf_allocated, run->board->has_gc ? run->board->gc.total * HS_GC_BLOCK : 0,
        live.gc_used, run->collections, run->growths, run->releases, run->failures,
        hs_caps_largest_exact(&run->board->caps, HS_CAP_8BIT));
}

static void *begin(const hs_report_target *target, hs_error *error)
{
    static const char head[] = "event,time_us,phase,op,owner,size,idf_free,idf_largest_free_block,"
                               "minimum_largest_free_block,idf_allocated,gc_total,gc_used,"
                               "gc_collections,gc_growths,gc_releases,failures,"
                               "idf_largest_free_block_exact\n";
    hs_report_file *file = hs_report_stream_begin(target, on_event, error);
    if (file != NULL) {
        hs_report_file_put(file, head, sizeof head - 1);
    }
    return file;
}

const hs_reporter hs_report_csv = {
    "csv",
    "FILE",
    "the time line, a row for each event",
    begin,
    hs_report_stream_finish,
    hs_report_stream_abandon,
};

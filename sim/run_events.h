/* Inside of a run: shared by run.c and run_events.c alone. */
#ifndef HS_RUN_EVENTS_H
#define HS_RUN_EVENTS_H

#include "run.h"

/* Measures everything anew: at the start, and after regions were added. */
void hs_run_restart_metrics(hs_run *run);
/* Brings minima and peaks up to date with the current figures. */
static inline void hs_run_note_metrics(hs_run *run)
{
    hs_live_metrics *live = &run->live;
    if (live->idf_largest < live->minimum_largest) {
        live->minimum_largest = live->idf_largest;
        live->minimum_largest_event = run->event;
    }
    if (live->idf_allocated > live->peak_idf_allocated) {
        live->peak_idf_allocated = live->idf_allocated;
    }
    if (run->board->has_gc) {
        live->gc_used = run->board->gc.used * HS_GC_BLOCK;
        live->peak_gc_used = hs_gc_peak(&run->board->gc) * HS_GC_BLOCK;
    }
}
/* Diagnoses *failure, counts it, keeps it if it is the first. */
void hs_run_fail(hs_run *run, hs_failure *failure);
/* Records a mark that a trace asks for, unless the run does without it. */
int hs_run_trace_mark(hs_run *run, const char *name, hs_error *error);
int hs_run_enter_phase(hs_run *run, hs_stream *stream, const char *name, hs_error *error);

/* Keeps live payload bytes where the free counter does not tell them (list allocator); before a
 * block goes, after one comes. */
void hs_run_count_block(hs_run *run, hs_addr block, bool live);
void hs_stream_free(hs_stream *stream); /* NULL is ignored */
/* Makes `run` the one that `board` reports to. */
void hs_run_listen(hs_run *run, hs_board *board);

#endif

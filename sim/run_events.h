/* Inside of a run: shared by run.c and run_events.c alone. */
#ifndef HS_RUN_EVENTS_H
#define HS_RUN_EVENTS_H

#include "run.h"

/* Measures everything anew: at the start, and after regions were added. */
void hs_run_restart_metrics(hs_run *run);
static inline void hs_run_note_largest(hs_run *run)
{
    if (run->watch.largest < run->extreme.minimum_largest) {
        run->extreme.minimum_largest = run->watch.largest;
        run->extreme.minimum_largest_event = run->event;
    }
}
static inline void hs_run_note_allocated(hs_run *run)
{
    uint32_t allocated = run->board->caps.allocated[1];
    if (allocated > run->extreme.peak_idf_allocated) {
        run->extreme.peak_idf_allocated = allocated;
    }
}
/* Diagnoses *failure, counts it, keeps it if it is the first. */
void hs_run_fail(hs_run *run, hs_failure *failure);
/* Records a mark that a trace asks for, unless the run does without it. */
int hs_run_trace_mark(hs_run *run, const char *name, hs_error *error);
int hs_run_enter_phase(hs_run *run, hs_stream *stream, const char *name, hs_error *error);

void hs_stream_free(hs_stream *stream); /* NULL is ignored */
/* Makes `run` the one that `board` reports to. */
void hs_run_listen(hs_run *run, hs_board *board);

#endif

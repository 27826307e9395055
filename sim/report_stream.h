/* A reporter that writes a line for each event to a file while the run goes on. */
#ifndef HS_REPORT_STREAM_H
#define HS_REPORT_STREAM_H

#include "output.h"
#include "report.h"

typedef struct hs_report_stream {
    hs_output *output;
    hs_error error; /* the first one; told when the reporter finishes */
    bool failed;
} hs_report_stream;

/* Opens the file that `target` names and has `on_event` called with the stream as its context. NULL
 * with *error. */
hs_report_stream *hs_report_stream_begin(const hs_report_target *target,
                                         void (*on_event)(void *context, const hs_run *run,
                                                          const hs_event *event,
                                                          const hs_outcome *outcome),
                                         hs_error *error);

/* Nothing once something has failed. */
void hs_report_stream_put(hs_report_stream *stream, const char *text, size_t size);

/* For the table of reporters; the state is the stream. */
int hs_report_stream_finish(void *stream, hs_error *error);
void hs_report_stream_abandon(void *stream);

#endif

/* A reporter that writes a line for each event to a file while the run goes on. */
#ifndef HS_REPORT_STREAM_H
#define HS_REPORT_STREAM_H

#include "report.h"
#include "report_file.h"

/* Opens the file that `target` names and has `on_event` called with the file as its context. The
 * result is the reporter's state. NULL with *error. */
hs_report_file *hs_report_stream_begin(const hs_report_target *target,
                                       void (*on_event)(void *context, const hs_run *run,
                                                        const hs_event *event,
                                                        const hs_outcome *outcome),
                                       hs_error *error);

/* For the table of reporters. */
int hs_report_stream_finish(void *file, hs_error *error);
void hs_report_stream_abandon(void *file);

#endif

/* Traces: what a firmware asked of its heaps, event by event.
 *
 * The text form is the reference (traces/README.md). Readers stream: memory does not grow with the
 * file. A reader is one file (trace_text.c, trace_binary.c) and a row in the table of trace.c;
 * compression (.gz, .zst) is found by content and lies below all readers.
 */
#ifndef HS_TRACE_H
#define HS_TRACE_H

#include "error.h"
#include "heapsim.h"

typedef struct hs_trace hs_trace;

/* Opens a trace of any form and reads its header. `path` is used as it is ("-" is stdin). NULL and
 * *error when the file can't be read or its header is wrong. Close with hs_trace_close(). */
hs_trace *hs_trace_open(const char *path, hs_error *error);

const hs_trace_header *hs_trace_get_header(const hs_trace *trace);
const char *hs_trace_path(const hs_trace *trace);

/* Reads up to `max` events. Returns how many; 0 at the end; -1 with *error on bad input (events
 * before the bad line have been delivered by then). Syntax, owners, capability names and number
 * ranges are checked here; whether a slot is live is for the one who keeps slots (slots.h). */
long hs_trace_read(hs_trace *trace, hs_event *events, size_t max, hs_error *error);

/* Goes forward to an event (counted from 0), so that the next read gives it, or the end when there
 * are fewer. Blocks of the binary form are jumped over, other forms are read through; what is
 * skipped is not checked. 0, or -1 with *error. */
int hs_trace_skip_to(hs_trace *trace, uint64_t event, hs_error *error);

/* Bytes of the file consumed so far and its size (0 when unknown), for a progress bar. */
void hs_trace_progress(const hs_trace *trace, uint64_t *done, uint64_t *size);

/* NULL is ignored. */
void hs_trace_close(hs_trace *trace);

/* After it the slot may be allocated again: free, drop, and realloc to 0, which frees. */
static inline bool hs_event_ends_slot(const hs_event *event)
{
    return event->op == HS_OP_FREE || event->op == HS_OP_DROP ||
           (event->op == HS_OP_REALLOC && event->size == 0);
}

const char *hs_op_name(enum hs_op op);
const char *hs_origin_name(enum hs_origin origin);

/* Writers, the same seam: text or binary by file name (`.hsb`), compressed by .gz or .zst.
 * The file appears under its name only when hs_trace_writer_close() succeeds. */
typedef struct hs_trace_writer hs_trace_writer;
hs_trace_writer *hs_trace_writer_open(const char *path, const hs_trace_header *header,
                                      hs_error *error);
int hs_trace_write(hs_trace_writer *writer, const hs_event *event, hs_error *error);
int hs_trace_writer_close(hs_trace_writer *writer, hs_error *error); /* 0, or -1 and no file */
void hs_trace_writer_abandon(hs_trace_writer *writer);

#endif

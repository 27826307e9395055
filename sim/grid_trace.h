/* Traces in memory: decoded once, whole or a part, and shared by all cells of a grid. */
#ifndef HS_GRID_TRACE_H
#define HS_GRID_TRACE_H

#include "trace.h"

#define HS_GRID_TRACE_EVENTS_MAX                                                                   \
    (4u << 20) /* 224 MiB decoded; longer ones are read again by each */

typedef struct hs_grid_trace {
    char *name; /* as the scenario has it */
    char *from; /* phase at whose begin the part starts; NULL: the trace's begin */
    char *until;
    bool free_rest;
    hs_trace *file; /* open for its header; NULL: `whole` has it */
    const struct hs_grid_trace *whole;
    const hs_trace_header *header;
    const char *path;
    hs_event *events;
    size_t count;
    bool streamed; /* too long to be kept: events is NULL */
} hs_grid_trace;

typedef struct hs_grid_traces {
    hs_grid_trace **list;
    size_t count;
} hs_grid_traces;

/* The trace, or its part from the first begin of phase `from` to the next begin of phase `until`
 * (NULL: its begin, its end). A part leaves out statements on slots that were allocated before it;
 * with `free_rest` it ends by freeing, by number, the slots that it leaves allocated.
 * Index into the list, or -1 with *error. */
long hs_grid_traces_find(hs_grid_traces *traces, const char *name, const char *from,
                         const char *until, bool free_rest, hs_error *error);

void hs_grid_traces_release(hs_grid_traces *traces);

#endif

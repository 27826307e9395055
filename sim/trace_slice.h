/* Part of a trace as a trace of its own. */
#ifndef HS_TRACE_SLICE_H
#define HS_TRACE_SLICE_H

#include "trace.h"

typedef struct hs_slice {
    uint64_t first; /* events, counted from 1, both included; 0: from the start, to the end */
    uint64_t last;
    const char *first_phase; /* or NULL: from the statement of this phase */
    const char *last_phase;  /* or NULL: to the end of this phase */
    const char **owners;     /* keep these alone, or NULL for all */
    size_t owner_count;
    /* Allocations that are live where the slice begins: they become its first events (in the order
     * in which they were made, in a phase of their own), or they and all that names them go. */
    bool drop_live;
} hs_slice;

/* Copies the slice. Recorded addresses and what only `verify` reads are kept by a slice that leaves
 * nothing out before its end. 0, or -1 with *error and no file. */
int hs_trace_cut(hs_trace *trace, const hs_slice *slice, const char *path, hs_error *error);

#endif

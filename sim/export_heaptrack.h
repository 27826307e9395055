/* Export of a trace to heaptrack's text format (file version 3), for heaptrack_gui and
 * heaptrack_print. */
#ifndef HS_EXPORT_HEAPTRACK_H
#define HS_EXPORT_HEAPTRACK_H

#include <stdio.h>

#include "trace.h"

/* Reads the rest of `trace` and writes it to `out`. Each allocation has a stack of three frames:
 * owner, phase, heap (idf or gc), so that heaptrack's trees and flame graph show who held what in
 * which phase. A realloc is a free and an allocation, drop is a free; links, collections and areas
 * have no counterpart and are left out. Memory: live slots, and owners times phases times sizes
 * seen. 0, or -1 with *error (bad trace, no memory, `out` not writable). */
int hs_export_heaptrack(hs_trace *trace, FILE *out, hs_error *error);

#endif

/* A trace without the words of its owner's program. */
#ifndef HS_TRACE_ANONYMISE_H
#define HS_TRACE_ANONYMISE_H

#include "trace.h"

/* Copies the trace with each name replaced by a numbered one (the same name by the same), title,
 * sources and device by plain words, and `shift` added to every recorded address. Order, sizes,
 * slots, heaps, capabilities, origin and completeness stay. 0, or -1 with *error and no file. */
int hs_trace_anonymise(hs_trace *trace, const char *path, uint32_t shift, hs_error *error);

#endif

/* heapsim trace: its sub-verbs. Each takes argv with the sub-verb as argv[0] and returns the exit
 * status. A new one is a row in the table of cmd_trace.c. */
#ifndef HS_CMD_TRACE_H
#define HS_CMD_TRACE_H

#include "trace.h"

int hs_cmd_trace_info(int argc, char **argv);
int hs_cmd_trace_minimise(int argc, char **argv);

/* The trace of this name, found as data are (data_path.h). NULL after a line on stderr. */
hs_trace *hs_cmd_trace_open(const char *name);

int hs_cmd_export(int argc, char **argv);

#endif

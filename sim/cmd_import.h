/* heapsim trace import: called by cmd_trace.c. */
#ifndef HS_CMD_IMPORT_H
#define HS_CMD_IMPORT_H

/* argv[0] is "import". Returns the exit status. */
int hs_cmd_import(int argc, char **argv);

#endif

/* The verbs of the command. Each takes argv with the verb as argv[0] and returns the exit status:
 * 0 fine; 1 the simulated device ran out of memory, or a check failed; 2 bad usage or input. */
#ifndef HS_COMMANDS_H
#define HS_COMMANDS_H

#include <stdbool.h>
#include <stdint.h>

enum { HS_EXIT_OK = 0, HS_EXIT_FAILED = 1, HS_EXIT_BAD = 2 };

int hs_cmd_run(int argc, char **argv);
int hs_cmd_explain(int argc, char **argv);
int hs_cmd_verify(int argc, char **argv);
int hs_cmd_list(int argc, char **argv);
int hs_cmd_compare(int argc, char **argv);
int hs_cmd_merge(int argc, char **argv);
int hs_cmd_check(int argc, char **argv);
int hs_cmd_search(int argc, char **argv);
int hs_cmd_trace(int argc, char **argv);

/* Prints "heapsim: MESSAGE" on stderr; HS_EXIT_BAD. */
__attribute__((format(printf, 1, 2))) int hs_cmd_refuse(const char *format, ...);

/* A progress bar on stderr, drawn only on a terminal and only for work that takes a while. */
void hs_cmd_progress(void *context, uint64_t done, uint64_t size);
void hs_cmd_progress_end(void);

#endif

/* Options that compare and search share: what the grid is made of, and how it is replayed. */
#ifndef HS_CMD_GRID_H
#define HS_CMD_GRID_H

#include <getopt.h>

#include "grid.h"

#define HS_CMD_NAMES_MAX 256

enum { HS_GRID_OPTION_FIRST = 1000, HS_GRID_OPTION_LAST = 1099 };

typedef struct hs_cmd_names {
    const char *texts[HS_CMD_NAMES_MAX];
    size_t count;
} hs_cmd_names;

typedef struct hs_cmd_grid {
    hs_cmd_names layouts, policies, traces, scenarios, cells;
    hs_cmd_names values[HS_SCENARIO_AXES_MAX]; /* of --set, by axis */
    hs_grid_choice choice;
    hs_grid_how how;
} hs_cmd_grid;

#define HS_CMD_GRID_OPTIONS 10
extern const struct option hs_cmd_grid_options[HS_CMD_GRID_OPTIONS];
extern const char hs_cmd_grid_help[];
extern const char hs_cmd_cells_help[]; /* of the options that search refuses */

/* Takes one option of the table; lists in `value` are cut in place. -1 to go on, or the exit
 * status. */
int hs_cmd_grid_take(hs_cmd_grid *g, int option, char *value);

/* Reads all options, those of the table and a verb's `own` (at most HS_CMD_OWN_OPTIONS, ended by a
 * row of zeros), and has `take` handle each: -1 to go on, or the exit status. -1 when all were
 * taken, or that status. */
#define HS_CMD_OWN_OPTIONS 8
int hs_cmd_grid_options_read(int argc, char **argv, const struct option *own,
                             int (*take)(void *context, int option, char *value), void *context);

/* --threads: -1 to go on, or the exit status. */
int hs_cmd_grid_threads(hs_cmd_grid *g, const char *value);

/* Makes the cells. 0, or -1 with *error. */
int hs_cmd_grid_make(hs_cmd_grid *g, hs_grid *grid, hs_error *error);

/* Replays with a progress bar. From here on SIGINT and SIGTERM end this and later replays early
 * (*interrupted: which), with what is finished kept; a second one ends the process. 0, or -1 with
 * *error. */
int hs_cmd_grid_run(hs_cmd_grid *g, hs_grid *grid, int *interrupted, hs_error *error);
/* Ends the process as the signal does by default, so that shells see it; without one does nothing.
 */
void hs_cmd_die_if_interrupted(void);

/* "A,B" cut in place. 0, or -1: more than HS_CMD_NAMES_MAX. */
int hs_cmd_split(hs_cmd_names *names, char *text, char separator);

#endif

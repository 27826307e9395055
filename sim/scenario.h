/* Scenarios: layouts, policies, steps and what is expected of them. Format: scenarios/README.md;
 * files: scenarios/NAME.yaml. This reads them; grid.h makes cells of them and replays these.
 */
#ifndef HS_SCENARIO_H
#define HS_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

#define HS_SCENARIO_LIST_MAX     256u /* entries of a list of names or values */
#define HS_SCENARIO_AXES_MAX     16u  /* keys of `set` or `values` */
#define HS_SCENARIO_STEPS_MAX    256u /* entries of one list of steps */
#define HS_SCENARIO_SEEDS_MAX    1000000u
#define HS_SCENARIO_TOGETHER_MAX 64u /* traces interleaved at once */

/* Names or values, as the file has them. */
typedef struct hs_scenario_list {
    const char **texts;
    size_t count;
} hs_scenario_list;

/* One dimension of the grid beside layouts, policies and seeds. */
typedef struct hs_scenario_axis {
    const char *name; /* `$NAME` in steps, or a key of hs_policy_set() */
    hs_scenario_list values;
    bool policy; /* of `set` */
} hs_scenario_axis;

enum hs_step_kind { HS_STEP_TRACE, HS_STEP_REPEAT, HS_STEP_TOGETHER, HS_STEP_MARK };

typedef struct hs_scenario_step {
    enum hs_step_kind kind;
    uint64_t line;
    const char *trace;              /* TRACE: name, or `$AXIS` */
    const char *from, *until;       /* TRACE: phases, NULL: begin, end */
    bool free_rest;                 /* TRACE: what a part leaves allocated is freed at its end */
    const char *at;                 /* TRACE: phases (their begins) and marks, as in a shell, at
                                       which `steps` come; NULL */
    hs_scenario_list together;      /* TOGETHER */
    const char *copies;             /* TOGETHER: a number or `$AXIS`; NULL: 1 */
    const char *seed;               /* TOGETHER: a number or `$AXIS`; NULL: the cell's */
    const char *repeat;             /* REPEAT: a number or `$AXIS` */
    const char *cycle;              /* REPEAT, TRACE with `at`: each round is sampled; NULL */
    const char *mark;               /* MARK: name */
    struct hs_scenario_step *steps; /* REPEAT, TRACE with `at` */
    size_t step_count;
} hs_scenario_step;

/* A metric at a mark: NULL bounds are absent. */
typedef struct hs_scenario_check {
    const char *metric;
    const char *mark; /* NULL: the metric is one of the whole run */
    bool has_equal, has_least, has_most;
    int64_t equal, least, most;
    uint64_t line;
} hs_scenario_check;

typedef struct hs_scenario_expectation {
    const char *cells;     /* pattern over cell ids; "*": all */
    const char *outcome;   /* "completed", "failed"; NULL */
    const char *class;     /* of the first failure; NULL */
    const char *owner;     /* of the first failure; NULL */
    const char *statement; /* what was published, in words; NULL */
    hs_scenario_check *checks;
    size_t check_count;
    uint64_t line;
} hs_scenario_expectation;

typedef struct hs_scenario {
    const char *path;
    const char *name;
    const char *title;
    hs_scenario_list layouts;
    hs_scenario_list policies; /* count 0: the one that each layout names */
    hs_scenario_axis axes[2 * HS_SCENARIO_AXES_MAX];
    size_t axis_count;
    uint64_t first_seed;    /* seeds are first_seed, first_seed + 1, ... */
    uint32_t seed_count;    /* at least 1 */
    bool stop;              /* on_oom: stop */
    hs_scenario_list marks; /* recorded beside start and end */
    hs_scenario_step *steps;
    size_t step_count;
    hs_scenario_expectation *expectations;
    size_t expectation_count;
} hs_scenario;

/* Reads and checks the file at `path` (not looked up). NULL and *error, one line with file and
 * line. The caller owns the result. */
hs_scenario *hs_scenario_load(const char *path, hs_error *error);

/* A scenario of plain traces, one after the other, as the command line gives them; named after
 * them, joined by '+'. NULL and *error: host out of memory. */
hs_scenario *hs_scenario_of_traces(const char *const *traces, size_t count, hs_error *error);

void hs_scenario_free(hs_scenario *scenario); /* NULL is ignored */

#endif

/* Grids: scenarios times layouts times policies times values times seeds, replayed on all cores.
 *
 * Cells are numbered in the order in which scenarios and their lists name them, so that a number
 * and an id mean the same cell everywhere. What cells of one layout and policy begin with in common
 * is replayed once and the run copied. Results do not depend on the number of threads.
 */
#ifndef HS_GRID_H
#define HS_GRID_H

#include <stdatomic.h>

#include "layout.h"
#include "metric_names.h"
#include "run.h"
#include "scenario_program.h"

#define HS_GRID_METRICS     64 /* at least hs_metric_count */
#define HS_GRID_CELLS_MAX   4000000u
#define HS_GRID_GROUPS_MAX  65536u /* boards with a policy and its values */
#define HS_GRID_ID_MAX      512
#define HS_GRID_CHECKPOINTS 256u
#define HS_METRIC_ABSENT    INT64_MIN

enum hs_cell_state {
    HS_CELL_PENDING, /* not replayed: of another shard, or stopped before */
    HS_CELL_DONE,
    HS_CELL_UNFIT, /* the policy or the trace cannot be on that board: `reason` */
};

/* Metrics of a moment, in the order of hs_metrics; HS_METRIC_ABSENT where there is none. */
typedef struct hs_cell_mark {
    char *name;
    uint64_t event;
    int64_t values[HS_GRID_METRICS];
} hs_cell_mark;

typedef struct hs_cell_failure {
    char *trace, *owner, *phase, *crash; /* crash: why the device stopped, or NULL */
    enum hs_failure_class failure_class;
    enum hs_heap_kind heap;
    uint64_t event, line;
    uint32_t size, free, largest, gc_free;
} hs_cell_failure;

typedef struct hs_cell_result {
    bool failed;
    hs_cell_failure failure; /* with `failed` */
    int64_t values[HS_GRID_METRICS];
    hs_cell_mark *marks; /* start, those that the scenario names, end */
    size_t mark_count;
    /* A running hash over the address of every event, at each multiple of `interval` events. */
    uint64_t interval;
    size_t checkpoint_count;
    uint16_t *checkpoints;
} hs_cell_result;

/* How a cell ended: 0 completed, 1 + class: failed, the last: the device crashed before any
 * allocation failed, which has no class. */
#define HS_CELL_OUTCOMES (HS_CLASS_INNER + 3)
#define HS_CELL_CRASHED  (HS_CELL_OUTCOMES - 1)
size_t hs_cell_outcome(const hs_cell_result *result);
const char *hs_cell_outcome_name(size_t outcome); /* completed, exhausted, ..., crash */

typedef struct hs_cell {
    char *id;           /* LAYOUT/POLICY/SCENARIO[/NAME=VALUE...][/seed=N] */
    size_t base_length; /* of the id without its seed */
    const hs_scenario *scenario;
    size_t group;
    uint64_t seed;
    hs_program program;
    enum hs_cell_state state;
    char *reason; /* UNFIT */
    hs_cell_result result;
} hs_cell;

/* One layout under one policy with one set of parameters: its cells share their begin. */
typedef struct hs_grid_group {
    size_t layout;
    hs_policy *policy;
    char *set;   /* "/gc.initial=48K": the parameters changed, as in ids */
    bool stop;   /* at the first failure */
    char *unfit; /* why the policy cannot be on the layout; NULL: it can */
} hs_grid_group;

typedef struct hs_grid_layout {
    char *name; /* as given */
    hs_layout *layout;
    hs_board *board; /* booted, to be copied */
} hs_grid_layout;

typedef struct hs_grid {
    hs_scenario **scenarios; /* owned */
    size_t scenario_count;
    hs_grid_layout *layouts;
    size_t layout_count;
    hs_grid_group *groups;
    size_t group_count;
    hs_cell *cells;
    size_t cell_count;
    size_t cell_capacity;
    hs_grid_traces traces;
    const char **marks; /* names that any scenario wants recorded */
    size_t mark_count;
} hs_grid;

void hs_grid_init(hs_grid *grid);
void hs_grid_release(hs_grid *grid);

/* What the command line says over a scenario: lists replace the scenario's when their count is not
 * 0; `seeds` 0: as the scenario has it. */
typedef struct hs_grid_choice {
    hs_scenario_list layouts;
    hs_scenario_list policies;
    hs_scenario_axis axes[HS_SCENARIO_AXES_MAX]; /* added, or in place of one of that name */
    size_t axis_count;
    uint32_t seeds;
    bool stop;
} hs_grid_choice;

/* Adds the cells of a scenario, which the grid takes over, also when it fails. Reads layouts,
 * policies and traces. 0, or -1 with *error. */
int hs_grid_add(hs_grid *grid, hs_scenario *scenario, const hs_grid_choice *choice,
                hs_error *error);

/* Keeps only cells whose id matches one of `patterns` (as in a shell). How many remain. */
size_t hs_grid_filter(hs_grid *grid, const char *const *patterns, size_t count);

typedef struct hs_grid_how {
    unsigned threads;       /* 0: one for each core */
    size_t shard, shards;   /* cells whose number modulo `shards` is `shard`; shards 0 or 1: all */
    const atomic_int *stop; /* set to end early; NULL */
    void (*progress)(void *context, uint64_t done, uint64_t count); /* one thread at a time; NULL */
    void *context;
} hs_grid_how;

/* Replays all pending cells. 0 (also when stopped: the rest stays pending), or -1 with *error: host
 * out of memory, or a trace that is wrong. */
int hs_grid_run(hs_grid *grid, const hs_grid_how *how, hs_error *error);

/* The mark of that name recorded last, or NULL. */
const hs_cell_mark *hs_cell_find_mark(const hs_cell *cell, const char *name);
/* A metric of the run (mark NULL) or at a mark; HS_METRIC_ABSENT when there is none. */
int64_t hs_cell_metric(const hs_cell *cell, const char *metric, const char *mark);
/* Index into hs_metrics, or hs_metric_count. */
size_t hs_metric_index(const char *name);

#endif

/* Checks of a scenario: what it expects, and its baseline, compared exactly. */
#ifndef HS_CHECK_H
#define HS_CHECK_H

#include <jansson.h>

#include "grid.h"

/* One thing that is not as it should be. */
typedef struct hs_problem {
    const hs_cell *cell; /* NULL: of the scenario as a whole */
    uint64_t line;       /* of the scenario's file; 0: none */
    char *text;
} hs_problem;

typedef struct hs_check {
    const char *path; /* of the scenario, as given */
    hs_grid grid;
    hs_problem *problems;
    size_t problem_count;
    size_t met; /* expectations that hold */
    bool out_of_memory;
} hs_check;

/* Replays the scenario, whose cells are in check->grid, and compares with what it expects. 0, or -1
 * with *error. */
int hs_check_expectations(hs_check *check);

/* Compares each cell with the one of the same id in `baseline`: every metric, outcome and failure,
 * then the addresses, of which the first that differs is located. */
void hs_check_baseline(hs_check *check, const json_t *baseline);

/* What a baseline holds now. NULL: host out of memory. */
json_t *hs_check_json(const hs_check *check);

void hs_check_release(hs_check *check);

#endif

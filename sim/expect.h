/* Whether a cell is as its scenario expects. */
#ifndef HS_EXPECT_H
#define HS_EXPECT_H

#include "grid.h"

/* One thing expected and what was found. `check` is NULL for outcome, class and owner. */
typedef struct hs_finding {
    const hs_scenario_expectation *expectation;
    const hs_scenario_check *check;
    bool ok;
    uint64_t line;  /* of the scenario */
    char what[160]; /* "idf.free at start" */
    char expected[160];
    char found[160];
} hs_finding;

/* Tells each finding of the expectations that name the cell. Cells that were not replayed have
 * none; one that does not fit its board has one that fails, unless nothing is expected of it. */
void hs_expect_cell(const hs_cell *cell, void (*tell)(void *context, const hs_finding *finding),
                    void *context);
bool hs_expectation_names(const hs_scenario_expectation *expectation, const hs_cell *cell);

#endif

#include "expect.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

typedef struct teller {
    const hs_cell *cell;
    void (*tell)(void *context, const hs_finding *finding);
    void *context;
} teller;

bool hs_expectation_names(const hs_scenario_expectation *expectation, const hs_cell *cell)
{
    return fnmatch(expectation->cells, cell->id, 0) == 0;
}

static void tell_word(const teller *t, const hs_scenario_expectation *e, const char *what,
                      const char *expected, const char *found)
{
    if (expected == NULL) {
        return;
    }
    hs_finding finding = {.expectation = e, .ok = strcmp(expected, found) == 0, .line = e->line};
    snprintf(finding.what, sizeof finding.what, "%s", what);
    snprintf(finding.expected, sizeof finding.expected, "%s", expected);
    snprintf(finding.found, sizeof finding.found, "%s", found);
    t->tell(t->context, &finding);
}

static void tell_words(const teller *t, const hs_scenario_expectation *e)
{
    const hs_cell_result *r = &t->cell->result;
    bool done = t->cell->state == HS_CELL_DONE;
    const char *unfit = "does not apply";
    size_t outcome = hs_cell_outcome(r);
    bool failed = outcome != 0 && outcome != HS_CELL_CRASHED;
    tell_word(t, e, "outcome", e->outcome, !done ? unfit : r->failed ? "failed" : "completed");
    tell_word(t, e, "class", e->class,
              !done          ? unfit
              : outcome != 0 ? hs_cell_outcome_name(outcome)
                             : "none");
    tell_word(t, e, "owner of the failure", e->owner,
              !done    ? unfit
              : failed ? r->failure.owner
                       : "none");
}

static void print_bounds(const hs_scenario_check *c, char *text, size_t size)
{
    int used = 0;
    text[0] = 0;
    if (c->has_equal) {
        used = snprintf(text, size, "%" PRId64, c->equal);
    }
    if (c->has_least) {
        used += snprintf(text + used, size - (size_t)used, "%sat least %" PRId64,
                         used > 0 ? ", " : "", c->least);
    }
    if (c->has_most) {
        snprintf(text + used, size - (size_t)used, "%sat most %" PRId64, used > 0 ? ", " : "",
                 c->most);
    }
}

static void tell_check(const teller *t, const hs_scenario_expectation *e,
                       const hs_scenario_check *c)
{
    int64_t value = hs_cell_metric(t->cell, c->metric, c->mark);
    hs_finding finding = {.expectation = e, .check = c, .line = c->line};
    finding.ok = value != HS_METRIC_ABSENT && (!c->has_equal || value == c->equal) &&
                 (!c->has_least || value >= c->least) && (!c->has_most || value <= c->most);
    snprintf(finding.what, sizeof finding.what, "%s%s%s", c->metric, c->mark != NULL ? " at " : "",
             c->mark != NULL ? c->mark : "");
    print_bounds(c, finding.expected, sizeof finding.expected);
    if (value == HS_METRIC_ABSENT) {
        snprintf(finding.found, sizeof finding.found, "%s",
                 c->mark != NULL && hs_cell_find_mark(t->cell, c->mark) == NULL ? "no such mark"
                                                                                : "no such value");
    } else {
        snprintf(finding.found, sizeof finding.found, "%" PRId64, value);
    }
    t->tell(t->context, &finding);
}

void hs_expect_cell(const hs_cell *cell, void (*tell)(void *context, const hs_finding *finding),
                    void *context)
{
    const teller t = {cell, tell, context};
    const hs_scenario *s = cell->scenario;
    for (size_t i = 0; i < s->expectation_count && cell->state != HS_CELL_PENDING; i++) {
        const hs_scenario_expectation *e = &s->expectations[i];
        if (!hs_expectation_names(e, cell)) {
            continue;
        }
        /* A pattern that takes in all cells does not mean those that cannot be. */
        if (cell->state == HS_CELL_UNFIT && strcmp(e->cells, cell->id) != 0) {
            continue;
        }
        tell_words(&t, e);
        for (size_t k = 0; k < e->check_count; k++) {
            tell_check(&t, e, &e->checks[k]);
        }
    }
}

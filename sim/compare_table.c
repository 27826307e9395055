/* The table of a comparison, for a terminal or as Markdown, and the published statements. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"
#include "compare_change.h"
#include "expect.h"

enum { COLUMNS = 9, TEXT_MAX = 200 };

static const char *const heads[COLUMNS] = {"cell",        "outcome",          "first failure",
                                           "class",       "smallest largest", "sockets",
                                           "Python left", "collections",      "starvation"};

typedef struct row {
    char texts[COLUMNS][TEXT_MAX];
} row;

static void smaller(int64_t *to, int64_t value)
{
    if (value != HS_METRIC_ABSENT && (*to == HS_METRIC_ABSENT || value < *to)) {
        *to = value;
    }
}

static void larger(int64_t *to, int64_t value)
{
    *to = value > *to ? value : *to;
}

static hs_line line_of(const hs_grid *grid, size_t first, size_t count)
{
    hs_line w = {.first = first,
                 .count = count,
                 .largest = HS_METRIC_ABSENT,
                 .sockets = HS_METRIC_ABSENT,
                 .python = HS_METRIC_ABSENT,
                 .collections = HS_METRIC_ABSENT,
                 .starvation = HS_METRIC_ABSENT};
    for (size_t i = first; i < first + count; i++) {
        const hs_cell *cell = &grid->cells[i];
        w.unfit += cell->state == HS_CELL_UNFIT;
        if (cell->state != HS_CELL_DONE) {
            continue;
        }
        w.done++;
        w.completed += !cell->result.failed;
        w.outcomes[hs_cell_outcome(&cell->result)]++;
        if (cell->result.failed) {
            w.failed = w.failed == NULL ? cell : w.failed;
        }
        smaller(&w.largest, hs_cell_metric(cell, "minimum_largest_free_block", NULL));
        smaller(&w.sockets, hs_cell_metric(cell, "sockets", "end"));
        smaller(&w.python, hs_cell_metric(cell, "python_free", NULL));
        larger(&w.collections, hs_cell_metric(cell, "collections", NULL));
        larger(&w.starvation, hs_cell_metric(cell, "starvation", NULL));
    }
    return w;
}

static void number(char *text, int64_t value)
{
    if (value == HS_METRIC_ABSENT) {
        snprintf(text, TEXT_MAX, "%s", "-");
    } else {
        snprintf(text, TEXT_MAX, "%" PRId64, value);
    }
}

static void describe_failure(const hs_cell *cell, char *text)
{
    const hs_cell_failure *f = &cell->result.failure;
    if (hs_cell_outcome(&cell->result) == HS_CELL_CRASHED) {
        snprintf(text, TEXT_MAX, "event %" PRIu64 ": %.150s", f->event, f->crash);
    } else if (f->event == 0) {
        snprintf(text, TEXT_MAX, "start of the policy: %" PRIu32, f->size);
    } else {
        snprintf(text, TEXT_MAX, "event %" PRIu64 ": %.60s %" PRIu32, f->event, f->owner, f->size);
    }
}

static void describe_outcome(const hs_line *w, size_t orders, char *text)
{
    if (orders == 1) {
        snprintf(text, TEXT_MAX, "%s", w->completed != 0 ? "completed" : "failed");
        return;
    }
    hs_share share = hs_wilson(w->completed, w->done);
    snprintf(
        text, TEXT_MAX,
        "%" PRIu64 "/%" PRIu64 " completed (%" PRId64 ".%" PRId64 "-%" PRId64 ".%" PRId64 " %%)",
        w->completed, w->done, share.low / 10, share.low % 10, share.high / 10, share.high % 10);
}

static void fill_row(const hs_grid *grid, const hs_line *w, row *r)
{
    const hs_cell *cell = &grid->cells[w->first];
    memset(r, 0, sizeof *r);
    snprintf(r->texts[0], TEXT_MAX, "%.*s", (int)cell->base_length, cell->id);
    if (w->done == 0) {
        snprintf(r->texts[1], TEXT_MAX, "%s", w->unfit != 0 ? "does not apply" : "not replayed");
        return;
    }
    describe_outcome(w, hs_compare_orders(grid, w->first, w->count), r->texts[1]);
    if (w->failed != NULL) {
        describe_failure(w->failed, r->texts[2]);
        snprintf(r->texts[3], TEXT_MAX, "%s", hs_cell_outcome_name(hs_line_failure(w)));
    }
    number(r->texts[4], w->largest);
    number(r->texts[5], w->sockets);
    number(r->texts[6], w->python);
    number(r->texts[7], w->collections);
    number(r->texts[8], w->starvation);
}

static void print_row(FILE *out, enum hs_table_form form, const char *const *texts,
                      const size_t *widths)
{
    size_t columns = COLUMNS;
    while (form == HS_TABLE_TEXT && texts[columns - 1][0] == 0) {
        columns--;
    }
    for (size_t i = 0; i < columns; i++) {
        bool right = i >= 4;
        int width = (int)widths[i] * (right ? 1 : -1);
        if (form == HS_TABLE_MARKDOWN) {
            fprintf(out, "| %*s ", width, texts[i]);
        } else {
            bool last = i + 1 == columns && !right;
            fprintf(out, "%s%*s", i > 0 ? "  " : "", last ? 0 : width, texts[i]);
        }
    }
    fputs(form == HS_TABLE_MARKDOWN ? "|\n" : "\n", out);
}

static void print_rule(FILE *out, const size_t *widths)
{
    for (size_t i = 0; i < COLUMNS; i++) {
        fputs("| ", out);
        for (size_t k = 0; k + (i >= 4) < widths[i]; k++) {
            fputc('-', out);
        }
        fputs(i >= 4 ? ": " : " ", out);
    }
    fputs("|\n", out);
}

/* A table of all rows, printed in parts of which each has its head. */
typedef struct table {
    const hs_grid *grid;
    FILE *out;
    enum hs_table_form form;
    hs_line *lines;
    row *rows;
    size_t count;
    size_t widths[COLUMNS];
} table;

static void measure(table *t)
{
    for (size_t c = 0; c < COLUMNS; c++) {
        t->widths[c] = strlen(heads[c]);
        for (size_t i = 0; i < t->count; i++) {
            size_t length = strlen(t->rows[i].texts[c]);
            t->widths[c] = length > t->widths[c] ? length : t->widths[c];
        }
    }
}

static void print_head(const table *t)
{
    print_row(t->out, t->form, heads, t->widths);
    if (t->form == HS_TABLE_MARKDOWN) {
        print_rule(t->out, t->widths);
    }
}

static void print_line(const table *t, size_t line)
{
    const char *texts[COLUMNS];
    for (size_t c = 0; c < COLUMNS; c++) {
        texts[c] = t->rows[line].texts[c];
    }
    print_row(t->out, t->form, texts, t->widths);
}

static void print_all(const table *t)
{
    print_head(t);
    for (size_t i = 0; i < t->count; i++) {
        print_line(t, i);
    }
}

/* What changed comes first, worst first; each line stands above that of the other variant. */
static void print_changes(const table *t, const hs_change_pair *pairs)
{
    static const char *const what[HS_CHANGES] = {
        [HS_CHANGE_WORSE] = "complete less often with the second",
        [HS_CHANGE_BETTER] = "complete more often with the second",
        [HS_CHANGE_OTHER] = "differ in sockets or in the class of failure",
        [HS_CHANGE_NONE] = "are the same in outcome, class and sockets"};
    char names[2][HS_GRID_ID_MAX];
    hs_change_variant(t->grid, &t->lines[pairs[0].before], names[0], sizeof names[0]);
    hs_change_variant(t->grid, &t->lines[pairs[0].after], names[1], sizeof names[1]);
    bool markdown = t->form == HS_TABLE_MARKDOWN;
    fprintf(t->out, markdown ? "First `%s`, second `%s`.\n" : "first %s, second %s\n", names[0],
            names[1]);
    for (size_t change = 0; change < HS_CHANGES; change++) {
        size_t count = 0;
        for (size_t i = 0; i < t->count / 2; i++) {
            count += pairs[i].change == change;
        }
        if (count == 0) {
            continue;
        }
        fprintf(t->out, markdown ? "\n**%zu of %zu %s**\n\n" : "\n%zu of %zu %s:\n", count,
                t->count / 2, what[change]);
        print_head(t);
        for (size_t i = 0; i < t->count / 2; i++) {
            if (pairs[i].change == change) {
                print_line(t, pairs[i].before);
                print_line(t, pairs[i].after);
            }
        }
    }
}

/* Why cells do not apply, each reason once. */
static void print_reasons(const hs_grid *grid, FILE *out)
{
    const char *last = "";
    for (size_t i = 0; i < grid->cell_count; i++) {
        const hs_cell *cell = &grid->cells[i];
        if (cell->state == HS_CELL_UNFIT && strcmp(cell->reason, last) != 0) {
            fprintf(out, "%s%.*s: %s\n", last[0] == 0 ? "\n" : "", (int)cell->base_length, cell->id,
                    cell->reason);
            last = cell->reason;
        }
    }
}

/* Significant at 1 %; the slope is a median, so that steps alone leave it at 0. */
static void print_drift(int64_t slope, int64_t z, FILE *out)
{
    bool drifts = z >= 2576 || z <= -2576;
    const char *way = z < 0 ? "falls" : "rises";
    fputs("free memory ", out);
    if (!drifts) {
        fputs("does not drift", out);
    } else if (slope == 0) {
        fprintf(out, "%s in steps, not from round to round", way);
    } else {
        fputs(way, out);
    }
    fprintf(out, " (median %.3f bytes a round, z %.1f); ", (double)slope / 1000, (double)z / 1000);
}

static void print_long_runs(const hs_grid *grid, FILE *out)
{
    bool first = true;
    for (size_t i = 0; i < grid->cell_count; i++) {
        const hs_cell *cell = &grid->cells[i];
        int64_t rounds = hs_cell_metric(cell, "cycle.count", NULL);
        if (rounds == HS_METRIC_ABSENT) {
            continue;
        }
        int64_t without = hs_cell_metric(cell, "cycle.without_socket", NULL);
        fprintf(out, "%s%s: %" PRId64 " rounds; ", first ? "\nLong runs:\n" : "", cell->id, rounds);
        print_drift(hs_cell_metric(cell, "cycle.slope", NULL),
                    hs_cell_metric(cell, "cycle.trend", NULL), out);
        first = false;
        if (without == 0) {
            fputs("a TLS socket fits after every round\n", out);
        } else {
            fprintf(out, "after round %" PRId64 " no TLS socket fits\n", without);
        }
    }
}

int hs_compare_table(const hs_grid *grid, enum hs_table_form form, FILE *out, hs_error *error)
{
    table t = {.grid = grid, .out = out, .form = form};
    t.rows = calloc(grid->cell_count + 1, sizeof *t.rows);
    t.lines = calloc(grid->cell_count + 1, sizeof *t.lines);
    if (t.rows == NULL || t.lines == NULL) {
        free(t.rows);
        free(t.lines);
        hs_error_set(error, NULL, 0, "the host is out of memory");
        return -1;
    }
    for (size_t i = 0; i < grid->cell_count; t.count++) {
        size_t seeds = hs_compare_seeds(grid, i);
        t.lines[t.count] = line_of(grid, i, seeds);
        fill_row(grid, &t.lines[t.count], &t.rows[t.count]);
        i += seeds;
    }
    measure(&t);
    hs_change_pair *pairs;
    int result = hs_change_pairs(grid, t.lines, t.count, &pairs);
    if (result != 0) {
        hs_error_set(error, NULL, 0, "the host is out of memory");
    } else if (pairs != NULL) {
        print_changes(&t, pairs);
    } else {
        print_all(&t);
    }
    if (result == 0) {
        print_long_runs(grid, out);
        print_reasons(grid, out);
    }
    free(pairs);
    free(t.rows);
    free(t.lines);
    return result;
}

/* --- published statements --- */

typedef struct statement_printer {
    FILE *out;
    enum hs_table_form form;
    const hs_cell *cell;
    const hs_scenario_expectation *expectation;
} statement_printer;

static void print_finding(void *context, const hs_finding *finding)
{
    const statement_printer *p = context;
    if (finding->expectation != p->expectation) {
        return;
    }
    if (p->form == HS_TABLE_MARKDOWN) {
        fprintf(p->out, "| %s | `%s` | %s | %s | %s | %s |\n", finding->expectation->statement,
                p->cell->id, finding->what, finding->expected, finding->found,
                finding->ok ? "yes" : "**no**");
    } else {
        fprintf(p->out, "    %-9s %s: %s %s, published %s\n", finding->ok ? "agrees" : "DIFFERS",
                p->cell->id, finding->what, finding->found, finding->expected);
    }
}

static void print_statement(const hs_grid *grid, const hs_scenario *s,
                            const hs_scenario_expectation *e, statement_printer *p)
{
    if (p->form == HS_TABLE_TEXT) {
        fprintf(p->out, "  %s\n", e->statement);
    }
    p->expectation = e;
    for (size_t i = 0; i < grid->cell_count; i++) {
        if (grid->cells[i].scenario == s) {
            p->cell = &grid->cells[i];
            hs_expect_cell(p->cell, print_finding, p);
        }
    }
}

int hs_compare_statements(const hs_grid *grid, enum hs_table_form form, FILE *out, hs_error *error)
{
    (void)error;
    statement_printer p = {.out = out, .form = form};
    bool first = true;
    for (size_t i = 0; i < grid->scenario_count; i++) {
        const hs_scenario *s = grid->scenarios[i];
        for (size_t k = 0; k < s->expectation_count; k++) {
            if (s->expectations[k].statement == NULL) {
                continue;
            }
            if (first) {
                fputs(form == HS_TABLE_MARKDOWN
                          ? "\n| published | cell | metric | published figure | simulated | agrees "
                            "|\n| --- | --- | --- | --- | --- | --- |\n"
                          : "\nPublished statements:\n",
                      out);
            }
            first = false;
            print_statement(grid, s, &s->expectations[k], &p);
        }
    }
    return 0;
}

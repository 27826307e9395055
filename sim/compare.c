#include "compare.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "output.h"

hs_share hs_wilson(uint64_t hits, uint64_t count)
{
    if (count == 0) {
        return (hs_share){0, 0, 1000};
    }
    const double z = 1.959963984540054; /* 97.5 % quantile of the normal distribution */
    double n = (double)count;
    double p = (double)hits / n;
    double middle = (p + z * z / (2 * n)) / (1 + z * z / n);
    double half = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n);
    double low = middle - half < 0 ? 0 : middle - half;
    double high = middle + half > 1 ? 1 : middle + half;
    return (hs_share){llround(1000 * p), llround(1000 * low), llround(1000 * high)};
}

size_t hs_compare_seeds(const hs_grid *grid, size_t first)
{
    const hs_cell *a = &grid->cells[first];
    size_t count = 1;
    while (first + count < grid->cell_count) {
        const hs_cell *b = &grid->cells[first + count];
        if (a->scenario != b->scenario || a->base_length != b->base_length ||
            strncmp(a->id, b->id, a->base_length) != 0) {
            break;
        }
        count++;
    }
    return count;
}

size_t hs_compare_orders(const hs_grid *grid, size_t first, size_t count)
{
    size_t same = 0;
    for (size_t i = first + 1; i < first + count; i++) {
        same += hs_program_compare(&grid->cells[first].program, &grid->cells[i].program) == 0;
    }
    return count - same;
}

/* --- JSON --- */

static json_t *values_json(const int64_t *values, enum hs_metric_scope scope)
{
    json_t *json = json_object();
    for (size_t i = 0; i < hs_metric_count; i++) {
        if (hs_metrics[i].scope == scope && values[i] != HS_METRIC_ABSENT) {
            json_object_set_new(json, hs_metrics[i].name, json_integer(values[i]));
        }
    }
    return json;
}

static json_t *failure_json(const hs_cell_result *r)
{
    const hs_cell_failure *f = &r->failure;
    if (hs_cell_outcome(r) == HS_CELL_CRASHED) {
        return json_pack("{s:s, s:I}", "crash", f->crash, "event", (json_int_t)f->event);
    }
    return json_pack(
        "{s:o, s:I, s:I, s:o, s:o, s:I, s:s, s:s, s:I, s:I, s:I}", "trace", hs_json_text(f->trace),
        "line", (json_int_t)f->line, "event", (json_int_t)f->event, "phase", hs_json_text(f->phase),
        "owner", hs_json_text(f->owner), "size", (json_int_t)f->size, "heap",
        f->heap == HS_HEAP_GC ? "gc" : "idf", "class", hs_failure_class_name(f->failure_class),
        "free", (json_int_t)f->free, "largest_free_block", (json_int_t)f->largest, "gc_free",
        (json_int_t)f->gc_free);
}

static json_t *marks_json(const hs_cell_result *r)
{
    json_t *list = json_array();
    for (size_t i = 0; i < r->mark_count; i++) {
        const hs_cell_mark *mark = &r->marks[i];
        json_array_append_new(list, json_pack("{s:o, s:I, s:o}", "name", hs_json_text(mark->name),
                                              "event", (json_int_t)mark->event, "metrics",
                                              values_json(mark->values, HS_METRIC_MARK)));
    }
    return list;
}

static const char *const state_names[] = {"pending", "done", "unfit"};

json_t *hs_cell_json(const hs_grid *grid, const hs_cell *cell)
{
    const hs_grid_group *group = &grid->groups[cell->group];
    const hs_cell_result *r = &cell->result;
    json_t *json = json_pack("{s:o, s:s, s:s, s:o, s:I, s:s}", "id", hs_json_text(cell->id),
                             "layout", grid->layouts[group->layout].layout->name, "policy",
                             group->policy->name, "scenario", hs_json_text(cell->scenario->name),
                             "seed", (json_int_t)cell->seed, "state", state_names[cell->state]);
    if (cell->state == HS_CELL_UNFIT) {
        json_object_set_new(json, "reason", hs_json_text(cell->reason));
    }
    if (cell->state == HS_CELL_DONE) {
        json_object_set_new(json, "outcome", json_string(r->failed ? "failed" : "completed"));
        json_object_set_new(json, "failure", r->failed ? failure_json(r) : json_null());
        json_object_set_new(json, "metrics", values_json(r->values, HS_METRIC_RUN));
        json_object_set_new(json, "marks", marks_json(r));
    }
    return json;
}

/* Hashes in hex, four digits each. */
static json_t *addresses_json(const hs_cell_result *r)
{
    char *text = malloc(4 * r->checkpoint_count + 1);
    if (text == NULL) {
        hs_json_lose();
        return NULL;
    }
    for (size_t i = 0; i < r->checkpoint_count; i++) {
        snprintf(text + 4 * i, 5, "%04x", r->checkpoints[i]);
    }
    text[4 * r->checkpoint_count] = 0;
    json_t *json = json_pack("{s:I, s:s}", "interval", (json_int_t)r->interval, "hashes", text);
    free(text);
    return json;
}

static json_t *share_json(const char *outcome, uint64_t hits, uint64_t count)
{
    hs_share share = hs_wilson(hits, count);
    return json_pack("{s:s, s:I, s:I, s:I, s:I}", "outcome", outcome, "cells", (json_int_t)hits,
                     "per_mille", (json_int_t)share.share, "low", (json_int_t)share.low, "high",
                     (json_int_t)share.high);
}

json_t *hs_summary_json(const char *id, size_t length, const uint64_t *hits, size_t orders)
{
    uint64_t done = 0;
    for (size_t i = 0; i < HS_CELL_OUTCOMES; i++) {
        done += hits[i];
    }
    json_t *outcomes = json_array();
    for (size_t i = 0; i < HS_CELL_OUTCOMES; i++) {
        if (hits[i] != 0 || i == 0) {
            json_array_append_new(outcomes, share_json(hs_cell_outcome_name(i), hits[i], done));
        }
    }
    return json_pack("{s:o, s:I, s:I, s:o}", "cell", json_stringn(id, length), "seeds",
                     (json_int_t)done, "orders", (json_int_t)orders, "outcomes", outcomes);
}

static json_t *summary_json(const hs_grid *grid, size_t first, size_t count)
{
    uint64_t hits[HS_CELL_OUTCOMES] = {0};
    for (size_t i = first; i < first + count; i++) {
        const hs_cell *cell = &grid->cells[i];
        if (cell->state == HS_CELL_DONE) {
            hits[hs_cell_outcome(&cell->result)]++;
        }
    }
    const hs_cell *cell = &grid->cells[first];
    return hs_summary_json(cell->id, cell->base_length, hits,
                           hs_compare_orders(grid, first, count));
}

json_t *hs_compare_json(const hs_grid *grid, bool checkpoints)
{
    json_t *cells = json_array();
    json_t *summary = json_array();
    for (size_t i = 0; i < grid->cell_count; i++) {
        json_t *cell = hs_cell_json(grid, &grid->cells[i]);
        if (checkpoints && grid->cells[i].state == HS_CELL_DONE) {
            json_object_set_new(cell, "addresses", addresses_json(&grid->cells[i].result));
        }
        json_array_append_new(cells, cell);
    }
    for (size_t i = 0; i < grid->cell_count;) {
        size_t seeds = hs_compare_seeds(grid, i);
        if (seeds > 1) {
            json_array_append_new(summary, summary_json(grid, i, seeds));
        }
        i += seeds;
    }
    return json_pack("{s:I, s:o, s:o}", "heapsim", (json_int_t)1, "cells", cells, "summary",
                     summary);
}

/* --- CSV --- */

typedef struct csv {
    hs_output *output;
    hs_error *error;
    bool failed;
} csv;

static void put(csv *c, const char *text)
{
    c->failed = c->failed || hs_output_write(c->output, text, strlen(text), c->error) != 0;
}

/* A field of text in quotes, as RFC 4180 has it. */
static void put_text(csv *c, const char *text)
{
    put(c, "\"");
    for (const char *t = text; *t != 0; t++) {
        const char one[] = {*t, 0};
        put(c, *t == '"' ? "\"\"" : one);
    }
    put(c, "\"");
}

static void put_values(csv *c, const int64_t *values, enum hs_metric_scope scope)
{
    for (size_t i = 0; i < hs_metric_count; i++) {
        char number[32] = ",";
        if (hs_metrics[i].scope != scope) {
            continue;
        }
        if (values != NULL && values[i] != HS_METRIC_ABSENT) {
            snprintf(number, sizeof number, ",%" PRId64, values[i]);
        }
        put(c, number);
    }
}

static void put_header(csv *c)
{
    put(c, "cell,layout,policy,scenario,seed,state,outcome,class,failure_event,failure_owner,"
           "failure_size");
    for (int scope = HS_METRIC_MARK; scope <= HS_METRIC_RUN; scope++) {
        for (size_t i = 0; i < hs_metric_count; i++) {
            if (hs_metrics[i].scope == (enum hs_metric_scope)scope) {
                put(c, scope == HS_METRIC_MARK ? ",end." : ",");
                put(c, hs_metrics[i].name);
            }
        }
    }
    put(c, "\n");
}

static void put_cell(csv *c, const hs_grid *grid, const hs_cell *cell)
{
    const hs_grid_group *group = &grid->groups[cell->group];
    const hs_cell_result *r = &cell->result;
    bool done = cell->state == HS_CELL_DONE;
    bool failed = done && r->failed;
    char numbers[96];
    put_text(c, cell->id);
    put(c, ",");
    put_text(c, grid->layouts[group->layout].layout->name);
    put(c, ",");
    put_text(c, group->policy->name);
    put(c, ",");
    put_text(c, cell->scenario->name);
    snprintf(numbers, sizeof numbers, ",%" PRIu64 ",%s,%s,%s,", cell->seed,
             state_names[cell->state],
             !done    ? ""
             : failed ? "failed"
                      : "completed",
             failed ? hs_cell_outcome_name(hs_cell_outcome(r)) : "");
    put(c, numbers);
    if (failed) {
        snprintf(numbers, sizeof numbers, "%" PRIu64 ",", r->failure.event);
        put(c, numbers);
        put_text(c, r->failure.owner);
        snprintf(numbers, sizeof numbers, ",%" PRIu32, r->failure.size);
        put(c, numbers);
    } else {
        put(c, ",,");
    }
    const hs_cell_mark *end = done ? hs_cell_find_mark(cell, "end") : NULL;
    put_values(c, end != NULL ? end->values : NULL, HS_METRIC_MARK);
    put_values(c, done ? r->values : NULL, HS_METRIC_RUN);
    put(c, "\n");
}

int hs_compare_csv(const hs_grid *grid, const char *path, hs_error *error)
{
    csv c = {.output = hs_output_open(path, error), .error = error};
    if (c.output == NULL) {
        return -1;
    }
    put_header(&c);
    for (size_t i = 0; i < grid->cell_count; i++) {
        put_cell(&c, grid, &grid->cells[i]);
    }
    if (c.failed) {
        hs_output_abandon(c.output);
        return -1;
    }
    return hs_output_close(c.output, error);
}

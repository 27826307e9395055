#include "check.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"
#include "expect.h"
#include "json.h"

__attribute__((format(printf, 4, 5))) static void add(hs_check *check, const hs_cell *cell,
                                                      uint64_t line, const char *format, ...)
{
    va_list arguments;
    char text[1024];
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    hs_problem *grown = realloc(check->problems, (check->problem_count + 1) * sizeof *grown);
    if (grown != NULL) {
        check->problems = grown;
        grown[check->problem_count] = (hs_problem){cell, line, strdup(text)};
    }
    if (grown == NULL || grown[check->problem_count].text == NULL) {
        check->out_of_memory = true;
        return;
    }
    check->problem_count++;
}

void hs_check_release(hs_check *check)
{
    for (size_t i = 0; i < check->problem_count; i++) {
        free(check->problems[i].text);
    }
    free(check->problems);
    hs_grid_release(&check->grid);
}

/* --- expectations --- */

typedef struct taker {
    hs_check *check;
    const hs_cell *cell;
} taker;

static void take(void *context, const hs_finding *finding)
{
    const taker *t = context;
    if (finding->ok) {
        t->check->met++;
        return;
    }
    add(t->check, t->cell, finding->line, "%s: found %s, expected %s", finding->what,
        finding->found, finding->expected);
}

int hs_check_expectations(hs_check *check)
{
    const hs_grid *grid = &check->grid;
    for (size_t i = 0; i < grid->cell_count; i++) {
        taker t = {check, &grid->cells[i]};
        hs_expect_cell(t.cell, take, &t);
    }
    for (size_t i = 0; i < grid->scenario_count; i++) {
        const hs_scenario *s = grid->scenarios[i];
        for (size_t k = 0; k < s->expectation_count; k++) {
            bool named = false;
            for (size_t c = 0; c < grid->cell_count && !named; c++) {
                named = hs_expectation_names(&s->expectations[k], &grid->cells[c]);
            }
            if (!named) {
                add(check, NULL, s->expectations[k].line, "found no cell that is like '%s'",
                    s->expectations[k].cells);
            }
        }
    }
    return check->out_of_memory ? -1 : 0;
}

/* --- baseline --- */

json_t *hs_check_json(const hs_check *check)
{
    json_t *json = hs_compare_json(&check->grid, true);
    json_object_del(json, "summary");
    return json;
}

static const json_t *find_cell(const json_t *baseline, const char *id)
{
    size_t i;
    json_t *cell;
    json_array_foreach(json_object_get(baseline, "cells"), i, cell)
    {
        const char *text = json_string_value(json_object_get(cell, "id"));
        if (text != NULL && strcmp(text, id) == 0) {
            return cell;
        }
    }
    return NULL;
}

static const char *words(const json_t *value, char *text, size_t size)
{
    char *dumped = value != NULL ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
    snprintf(text, size, "%s", value == NULL ? "nothing" : dumped != NULL ? dumped : "?");
    free(dumped);
    return text;
}

/* Compares two values; objects and the list of marks are gone into, so that each line names one
 * figure. */
static size_t differ(hs_check *check, const hs_cell *cell, const char *name, const json_t *old,
                     const json_t *new)
{
    char inner[256];
    char a[256];
    char b[256];
    const char *key;
    json_t *value;
    size_t count = 0;
    if (old != NULL && new != NULL && json_equal(old, new)) {
        return 0;
    }
    if (json_is_object(old) && json_is_object(new)) {
        json_object_foreach((json_t *)(uintptr_t) new, key, value)
        {
            snprintf(inner, sizeof inner, "%s%s%s", name, name[0] != 0 ? " " : "", key);
            count += differ(check, cell, inner, json_object_get(old, key), value);
        }
        json_object_foreach((json_t *)(uintptr_t)old, key, value)
        {
            if (json_object_get(new, key) == NULL) {
                snprintf(inner, sizeof inner, "%s%s%s", name, name[0] != 0 ? " " : "", key);
                count += differ(check, cell, inner, value, NULL);
            }
        }
        return count;
    }
    if (json_is_array(old) && json_is_array(new) && json_array_size(old) == json_array_size(new)) {
        for (size_t i = 0; i < json_array_size(new); i++) {
            const char *mark = json_string_value(json_object_get(json_array_get(new, i), "name"));
            snprintf(inner, sizeof inner, "%s %s", name, mark != NULL ? mark : "");
            count += differ(check, cell, inner, json_array_get(old, i), json_array_get(new, i));
        }
        return count;
    }
    add(check, cell, 0, "%s: old %s, new %s", name, words(old, a, sizeof a),
        words(new, b, sizeof b));
    return 1;
}

/* Trace and line of an event of the run, as far as the order says it without replaying. */
static void locate(const hs_check *check, const hs_cell *cell, uint64_t event, char *text,
                   size_t size)
{
    uint64_t before = 0;
    snprintf(text, size, "behind the last step");
    for (size_t i = 0; i < cell->program.count; i++) {
        const hs_do *d = &cell->program.list[i];
        uint64_t count = d->kind == HS_DO_PLAY ? d->to - d->from : 0;
        for (uint32_t k = 0; d->kind == HS_DO_TOGETHER && k < d->to; k++) {
            count += check->grid.traces.list[(d - d->to + k)->trace]->count;
        }
        if (event > before + count) {
            before += count;
            continue;
        }
        if (d->kind == HS_DO_TOGETHER) {
            snprintf(text, size, "among traces that are replayed together");
        } else {
            const hs_grid_trace *trace = check->grid.traces.list[d->trace];
            snprintf(text, size, "%s line %" PRIu64, trace->name,
                     trace->events[d->from + (event - before) - 1].line);
        }
        return;
    }
}

static int hash_at(const char *hashes, size_t index, unsigned *hash)
{
    return sscanf(hashes + 4 * index, "%4x", hash) == 1 ? 0 : -1;
}

/* The first checkpoint at which the addresses so far are not those of the baseline. */
static void compare_addresses(hs_check *check, const hs_cell *cell, const json_t *old)
{
    const hs_cell_result *r = &cell->result;
    const char *hashes = json_string_value(json_object_get(old, "hashes"));
    uint64_t interval = (uint64_t)json_integer_value(json_object_get(old, "interval"));
    if (hashes == NULL || interval == 0 || r->interval == 0) {
        return;
    }
    size_t count = strlen(hashes) / 4;
    uint64_t wide = interval > r->interval ? interval : r->interval;
    for (uint64_t event = wide;; event += wide) {
        uint64_t a = event / interval - 1;
        uint64_t b = event / r->interval - 1;
        unsigned hash;
        if (a >= count || b >= r->checkpoint_count) {
            return; /* one is shorter: its metric `events` says so */
        }
        if (hash_at(hashes, a, &hash) != 0 || hash != r->checkpoints[b]) {
            char from[300];
            char to[300];
            locate(check, cell, event - wide + 1, from, sizeof from);
            locate(check, cell, event, to, sizeof to);
            if (wide == 1) {
                add(check, cell, 0, "the first address that differs is of event %" PRIu64 " (%s)",
                    event, to);
                return;
            }
            add(check, cell, 0,
                "the first address that differs is of one of the events %" PRIu64 " to %" PRIu64
                " (%s to %s)",
                event - wide + 1, event, from, to);
            return;
        }
    }
}

static void compare_cell(hs_check *check, const hs_cell *cell, const json_t *old)
{
    json_t *new = hs_cell_json(&check->grid, cell);
    json_t *rest = json_copy((json_t *)(uintptr_t)old);
    if (new == NULL || rest == NULL) {
        check->out_of_memory = true;
    } else {
        json_object_del(rest, "addresses");
        if (cell->state == HS_CELL_DONE) { /* where the runs part explains the rest: it is first */
            compare_addresses(check, cell, json_object_get(old, "addresses"));
        }
        differ(check, cell, "", rest, new);
    }
    check->out_of_memory = hs_json_lost() || check->out_of_memory;
    json_decref(rest);
    json_decref(new);
}

void hs_check_baseline(hs_check *check, const json_t *baseline)
{
    size_t known = 0;
    for (size_t i = 0; i < check->grid.cell_count; i++) {
        const hs_cell *cell = &check->grid.cells[i];
        const json_t *old = find_cell(baseline, cell->id);
        if (old == NULL) {
            add(check, cell, 0, "the baseline does not have this cell");
            continue;
        }
        known++;
        compare_cell(check, cell, old);
    }
    size_t size = json_array_size(json_object_get(baseline, "cells"));
    if (size != known) {
        add(check, NULL, 0, "the baseline has %zu cells that the scenario does not have",
            size - known);
    }
}

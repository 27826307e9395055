#include "compare_change.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const hs_cell *cell_of(const hs_grid *grid, const hs_line *line)
{
    return &grid->cells[line->first];
}

static const hs_grid_group *group_of(const hs_grid *grid, const hs_line *line)
{
    return &grid->groups[cell_of(grid, line)->group];
}

size_t hs_line_failure(const hs_line *line)
{
    size_t most = 1;
    for (size_t i = 2; i < HS_CELL_OUTCOMES; i++) {
        most = line->outcomes[i] > line->outcomes[most] ? i : most;
    }
    return most;
}

void hs_change_variant(const hs_grid *grid, const hs_line *line, char *text, size_t size)
{
    const hs_grid_group *group = group_of(grid, line);
    snprintf(text, size, "%s%s", group->policy->name, group->set);
}

static bool same_variant(const hs_grid *grid, const hs_line *a, const hs_line *b)
{
    const hs_grid_group *x = group_of(grid, a);
    const hs_grid_group *y = group_of(grid, b);
    return strcmp(x->policy->name, y->policy->name) == 0 && strcmp(x->set, y->set) == 0;
}

/* What stands behind the scenario's name and the policy's parameters: "/n=2". */
static const char *values_of(const hs_grid *grid, const hs_line *line)
{
    const hs_cell *cell = cell_of(grid, line);
    const hs_grid_group *group = group_of(grid, line);
    return cell->id + strlen(grid->layouts[group->layout].layout->name) +
           strlen(group->policy->name) + strlen(cell->scenario->name) + strlen(group->set) + 2;
}

static bool same_case(const hs_grid *grid, const hs_line *a, const hs_line *b)
{
    const char *x = values_of(grid, a);
    const char *y = values_of(grid, b);
    size_t length = cell_of(grid, a)->base_length - (size_t)(x - cell_of(grid, a)->id);
    return cell_of(grid, a)->scenario == cell_of(grid, b)->scenario &&
           group_of(grid, a)->layout == group_of(grid, b)->layout &&
           cell_of(grid, b)->base_length - (size_t)(y - cell_of(grid, b)->id) == length &&
           strncmp(x, y, length) == 0;
}

static enum hs_change change_of(const hs_line *a, const hs_line *b)
{
    if (a->done == 0 || b->done == 0) {
        return a->done == b->done ? HS_CHANGE_NONE : HS_CHANGE_OTHER;
    }
    if (a->completed != b->completed) {
        return a->completed > b->completed ? HS_CHANGE_WORSE : HS_CHANGE_BETTER;
    }
    bool same_class = a->failed == NULL || hs_line_failure(a) == hs_line_failure(b);
    return same_class && a->sockets == b->sockets ? HS_CHANGE_NONE : HS_CHANGE_OTHER;
}

/* The partner of line `of` among those of the other variant; `count`: there is none. */
static size_t partner(const hs_grid *grid, const hs_line *lines, size_t count, size_t of)
{
    size_t i = of + 1;
    while (i < count &&
           (same_variant(grid, &lines[i], &lines[0]) || !same_case(grid, &lines[i], &lines[of]))) {
        i++;
    }
    return i;
}

int hs_change_pairs(const hs_grid *grid, const hs_line *lines, size_t count, hs_change_pair **to)
{
    hs_change_pair *pairs = calloc(count / 2 + 1, sizeof *pairs);
    *to = NULL;
    if (pairs == NULL) {
        return -1;
    }
    const hs_line *other = NULL;
    size_t found = 0;
    bool ok = count >= 2 && count % 2 == 0;
    for (size_t i = 0; ok && i < count; i++) {
        if (!same_variant(grid, &lines[i], &lines[0])) {
            other = other == NULL ? &lines[i] : other;
            ok = same_variant(grid, &lines[i], other);
            continue;
        }
        size_t k = partner(grid, lines, count, i);
        ok = k < count && found < count / 2;
        if (ok) {
            pairs[found++] = (hs_change_pair){i, k, change_of(&lines[i], &lines[k])};
        }
    }
    if (!ok || found != count / 2) {
        free(pairs);
        return 0;
    }
    *to = pairs;
    return 0;
}

/* Cells of a grid: from scenarios and the command line to a numbered list. */
#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "grid_cell.h"
#include "session.h"

static int no_memory(hs_error *error)
{
    hs_error_set(error, NULL, 0, "the host is out of memory");
    return -1;
}

void hs_grid_init(hs_grid *grid)
{
    *grid = (hs_grid){.cells = NULL};
}

static void release_cell(hs_cell *cell)
{
    hs_cell_result *r = &cell->result;
    for (size_t i = 0; i < r->mark_count; i++) {
        free(r->marks[i].name);
    }
    free(r->marks);
    free(r->checkpoints);
    free(r->failure.trace);
    free(r->failure.owner);
    free(r->failure.phase);
    free(r->failure.crash);
    free(cell->program.list);
    free(cell->reason);
    free(cell->id);
}

void hs_grid_release(hs_grid *grid)
{
    for (size_t i = 0; i < grid->cell_count; i++) {
        release_cell(&grid->cells[i]);
    }
    for (size_t i = 0; i < grid->group_count; i++) {
        hs_policy_free(grid->groups[i].policy);
        free(grid->groups[i].set);
        free(grid->groups[i].unfit);
    }
    for (size_t i = 0; i < grid->layout_count; i++) {
        hs_board_destroy(grid->layouts[i].board);
        hs_layout_free(grid->layouts[i].layout);
        free(grid->layouts[i].name);
    }
    for (size_t i = 0; i < grid->scenario_count; i++) {
        hs_scenario_free(grid->scenarios[i]);
    }
    hs_grid_traces_release(&grid->traces);
    free(grid->cells);
    free(grid->groups);
    free(grid->layouts);
    free(grid->scenarios);
    free(grid->marks);
    hs_grid_init(grid);
}

/* --- layouts and groups --- */

/* Ids hold the names that stand in the files: a copy that was changed but not renamed would be
 * taken for the first one. */
static int refuse_namesake(const char *kind, const char *name, const char *first,
                           const char *second, hs_error *error)
{
    if (strcmp(first, second) == 0) {
        return 0;
    }
    hs_error_set(error, second, 0,
                 "found another %s of the name %s (%s), expected a name of its own", kind, name,
                 first);
    return -1;
}

static long find_layout(hs_grid *grid, const char *name, hs_error *error)
{
    for (size_t i = 0; i < grid->layout_count; i++) {
        if (strcmp(grid->layouts[i].name, name) == 0) {
            return (long)i;
        }
    }
    hs_grid_layout *grown = realloc(grid->layouts, (grid->layout_count + 1) * sizeof *grown);
    if (grown == NULL) {
        return no_memory(error);
    }
    grid->layouts = grown;
    hs_grid_layout layout = {.name = strdup(name), .layout = hs_session_load_layout(name, error)};
    bool ok = layout.layout != NULL;
    for (size_t i = 0; i < grid->layout_count && ok; i++) {
        const hs_layout *known = grid->layouts[i].layout;
        ok = strcmp(known->name, layout.layout->name) != 0 ||
             refuse_namesake("layout", known->name, known->path, layout.layout->path, error) == 0;
    }
    if (ok) {
        layout.board = hs_session_boot(layout.layout, error);
    }
    if (layout.name == NULL || layout.board == NULL) {
        hs_board_destroy(layout.board);
        hs_layout_free(layout.layout);
        free(layout.name);
        return layout.name == NULL ? no_memory(error) : -1;
    }
    grown[grid->layout_count] = layout;
    return (long)grid->layout_count++;
}

/* What a cell is made of, while the lists are gone through. */
typedef struct making {
    hs_grid *grid;
    hs_scenario *scenario;
    const hs_grid_choice *choice;
    hs_scenario_list layouts;
    hs_scenario_list policies;
    size_t values[2 * HS_SCENARIO_AXES_MAX];
    uint32_t seeds;
    hs_error *error;
} making;

static void append(char *text, const char *name, const char *value)
{
    size_t used = strlen(text);
    snprintf(text + used, HS_GRID_ID_MAX - used, "/%s=%s", name, value);
}

static void axes_text(const making *m, bool policy, char *text)
{
    text[0] = 0;
    for (size_t i = 0; i < m->scenario->axis_count; i++) {
        const hs_scenario_axis *axis = &m->scenario->axes[i];
        if (axis->policy == policy) {
            append(text, axis->name, axis->values.texts[m->values[i]]);
        }
    }
}

static int set_parameters(const making *m, hs_policy *policy, char **unfit, hs_error *error)
{
    for (size_t i = 0; i < m->scenario->axis_count; i++) {
        const hs_scenario_axis *axis = &m->scenario->axes[i];
        hs_error refused = {{0}};
        if (axis->policy &&
            hs_policy_set(policy, axis->name, axis->values.texts[m->values[i]], &refused) != 0) {
            *unfit = strdup(refused.text);
            return *unfit != NULL ? 0 : no_memory(error);
        }
    }
    return 0;
}

static long find_group(const making *m, size_t layout, const char *name, const char *set)
{
    const hs_grid *grid = m->grid;
    bool stop = m->scenario->stop || m->choice->stop;
    for (size_t i = 0; i < grid->group_count; i++) {
        const hs_grid_group *g = &grid->groups[i];
        if (g->layout == layout && strcmp(g->set, set) == 0 && g->stop == stop &&
            strcmp(g->policy->name, name) == 0) {
            return (long)i;
        }
    }
    return -1;
}

static int check_policy_name(const hs_grid *grid, const hs_policy *policy, hs_error *error)
{
    int result = 0;
    for (size_t i = 0; i < grid->group_count && result == 0; i++) {
        const hs_policy *known = grid->groups[i].policy;
        if (strcmp(known->name, policy->name) == 0) {
            result = refuse_namesake("policy", known->name, known->path, policy->path, error);
        }
    }
    return result;
}

static long make_group(const making *m, size_t layout, const char *policy_name, hs_error *error)
{
    hs_grid *grid = m->grid;
    char set[HS_GRID_ID_MAX];
    axes_text(m, true, set);
    hs_policy *policy = hs_session_load_policy(policy_name, error);
    if (policy == NULL || check_policy_name(grid, policy, error) != 0) {
        hs_policy_free(policy);
        return -1;
    }
    long found = find_group(m, layout, policy->name, set);
    if (found >= 0) {
        hs_policy_free(policy);
        return found;
    }
    hs_grid_group *grown = realloc(grid->groups, (grid->group_count + 1) * sizeof *grown);
    hs_grid_group group = {.layout = layout,
                           .policy = policy,
                           .set = strdup(set),
                           .stop = m->scenario->stop || m->choice->stop};
    if (grown != NULL) {
        grid->groups = grown;
    }
    hs_error unfit = {{0}};
    bool ok =
        grown != NULL && group.set != NULL && set_parameters(m, policy, &group.unfit, error) == 0;
    if (ok && group.unfit == NULL &&
        hs_policy_fits(policy, grid->layouts[layout].layout, &unfit) != 0) {
        group.unfit = strdup(hs_grid_reason(unfit.text));
        ok = group.unfit != NULL;
    }
    if (!ok) {
        hs_policy_free(policy);
        free(group.set);
        free(group.unfit);
        return no_memory(error);
    }
    grown[grid->group_count] = group;
    return (long)grid->group_count++;
}

/* --- cells --- */

static hs_cell *new_cell(hs_grid *grid, hs_error *error)
{
    if (grid->cell_count == grid->cell_capacity) {
        size_t capacity = grid->cell_capacity == 0 ? 64 : 2 * grid->cell_capacity;
        hs_cell *grown = realloc(grid->cells, capacity * sizeof *grown);
        if (grown == NULL) {
            no_memory(error);
            return NULL;
        }
        grid->cells = grown;
        grid->cell_capacity = capacity;
    }
    hs_cell *cell = &grid->cells[grid->cell_count++];
    *cell = (hs_cell){.state = HS_CELL_PENDING};
    return cell;
}

static int make_cell(const making *m, size_t group, uint64_t seed)
{
    const hs_grid_group *g = &m->grid->groups[group];
    hs_cell *cell = new_cell(m->grid, m->error);
    if (cell == NULL) {
        return -1;
    }
    char values[HS_GRID_ID_MAX];
    char id[3 * HS_GRID_ID_MAX];
    axes_text(m, false, values);
    int length = snprintf(id, sizeof id, "%s/%s/%s%s%s", m->grid->layouts[g->layout].layout->name,
                          g->policy->name, m->scenario->name, g->set, values);
    if (m->seeds > 1) {
        snprintf(id + length, sizeof id - (size_t)length, "/seed=%" PRIu64, seed);
    }
    cell->id = strdup(id);
    cell->base_length = (size_t)length;
    cell->scenario = m->scenario;
    cell->group = group;
    cell->seed = seed;
    if (cell->id == NULL) {
        return no_memory(m->error);
    }
    if (g->unfit != NULL) {
        cell->state = HS_CELL_UNFIT;
        cell->reason = strdup(g->unfit);
        return cell->reason != NULL ? 0 : no_memory(m->error);
    }
    const hs_program_values program = {m->scenario, m->values, seed};
    return hs_program_make(&cell->program, &program, &m->grid->traces, m->error);
}

/* Next combination of values, the last axis fastest; false behind the last. */
static bool next_values(making *m)
{
    for (size_t i = m->scenario->axis_count; i > 0; i--) {
        if (++m->values[i - 1] < m->scenario->axes[i - 1].values.count) {
            return true;
        }
        m->values[i - 1] = 0;
    }
    return false;
}

/* Before any is made: the product of a few lists may be astronomical. */
static int check_count(const making *m)
{
    uint64_t cells = m->seeds;
    uint64_t groups = 1;
    for (size_t i = 0; i < m->scenario->axis_count && cells <= HS_GRID_CELLS_MAX; i++) {
        const hs_scenario_axis *axis = &m->scenario->axes[i];
        cells *= axis->values.count;
        groups *= axis->policy ? axis->values.count : 1;
    }
    if (m->grid->cell_count + cells > HS_GRID_CELLS_MAX) {
        hs_error_set(m->error, NULL, 0, "found more than %u cells, expected a smaller grid",
                     HS_GRID_CELLS_MAX);
        return -1;
    }
    if (m->grid->group_count + groups > HS_GRID_GROUPS_MAX) {
        hs_error_set(m->error, NULL, 0,
                     "found more than %u boards with a policy and its values, expected a smaller "
                     "grid",
                     HS_GRID_GROUPS_MAX);
        return -1;
    }
    return 0;
}

static int add_board_cells(making *m, size_t layout, const char *policy)
{
    if (check_count(m) != 0) {
        return -1;
    }
    do {
        long group = make_group(m, layout, policy, m->error);
        if (group < 0) {
            return -1;
        }
        for (uint32_t i = 0; i < m->seeds; i++) {
            if (make_cell(m, (size_t)group, m->scenario->first_seed + i) != 0) {
                return -1;
            }
        }
    } while (next_values(m));
    return 0;
}

static bool has_cells(const making *m, size_t layout, const char *policy)
{
    char id[3 * HS_GRID_ID_MAX];
    int length = snprintf(id, sizeof id, "%s/%s/%s", m->grid->layouts[layout].layout->name, policy,
                          m->scenario->name);
    for (size_t i = 0; i < m->grid->cell_count; i++) {
        const char *known = m->grid->cells[i].id;
        if (m->grid->cells[i].scenario == m->scenario && strncmp(known, id, (size_t)length) == 0 &&
            (known[length] == 0 || known[length] == '/')) {
            return true;
        }
    }
    return false;
}

static int add_cells(making *m)
{
    for (size_t l = 0; l < m->layouts.count; l++) {
        long layout = find_layout(m->grid, m->layouts.texts[l], m->error);
        if (layout < 0) {
            return -1;
        }
        const char *own = m->grid->layouts[layout].layout->policy;
        hs_scenario_list policies =
            m->policies.count != 0 ? m->policies : (hs_scenario_list){&own, 1};
        for (size_t p = 0; p < policies.count; p++) {
            const char *name = strcmp(policies.texts[p], "default") == 0 ? own : policies.texts[p];
            if (has_cells(m, (size_t)layout, name)) {
                continue; /* named twice, as by `default` */
            }
            if (add_board_cells(m, (size_t)layout, name) != 0) {
                return -1;
            }
        }
    }
    return 0;
}

static const char *values_of(const hs_scenario *s, char *text, size_t size)
{
    size_t used = 0;
    text[0] = 0;
    for (size_t i = 0; i < s->axis_count && used < size; i++) {
        if (!s->axes[i].policy) {
            used += (size_t)snprintf(text + used, size - used, "%s%s",
                                     used == 0 ? ", or a value of the scenario: " : ", ",
                                     s->axes[i].name);
        }
    }
    return text;
}

/* That a policy cannot take a value is a cell's matter; that none can is a mistake. */
static int check_axis(const hs_scenario *s, const hs_scenario_axis *axis, hs_error *error)
{
    for (size_t i = 0; i < axis->values.count; i++) {
        hs_error wrong = {{0}};
        if (hs_policy_check_setting(axis->name, axis->values.texts[i], &wrong) != 0) {
            char known[300];
            hs_error_set(error, NULL, 0, "%s%s", wrong.text, values_of(s, known, sizeof known));
            return -1;
        }
    }
    return 0;
}

/* Axes of the command line replace those of the same name, others are policy parameters. */
static int choose_axes(hs_scenario *s, const hs_grid_choice *choice, hs_error *error)
{
    for (size_t i = 0; i < choice->axis_count; i++) {
        size_t k = 0;
        while (k < s->axis_count && strcmp(s->axes[k].name, choice->axes[i].name) != 0) {
            k++;
        }
        if (k == 2 * HS_SCENARIO_AXES_MAX) {
            hs_error_set(error, s->path, 0, "found more than %u dimensions of the grid",
                         2 * HS_SCENARIO_AXES_MAX);
            return -1;
        }
        bool own = k < s->axis_count;
        if ((!own || s->axes[k].policy) && check_axis(s, &choice->axes[i], error) != 0) {
            return -1;
        }
        if (own) {
            s->axes[k].values = choice->axes[i].values;
        } else {
            s->axes[s->axis_count] = choice->axes[i];
            s->axes[s->axis_count++].policy = true;
        }
    }
    return 0;
}

static int want_mark(hs_grid *grid, const char *name, hs_error *error)
{
    for (size_t i = 0; i < grid->mark_count; i++) {
        if (strcmp(grid->marks[i], name) == 0) {
            return 0;
        }
    }
    const char **grown = realloc(grid->marks, (grid->mark_count + 1) * sizeof *grown);
    if (grown == NULL) {
        return no_memory(error);
    }
    grid->marks = grown;
    grown[grid->mark_count++] = name;
    return 0;
}

static int want_marks(hs_grid *grid, const hs_scenario *s, hs_error *error)
{
    int result = 0;
    for (size_t i = 0; i < s->marks.count && result == 0; i++) {
        result = want_mark(grid, s->marks.texts[i], error);
    }
    for (size_t i = 0; i < s->expectation_count; i++) {
        for (size_t k = 0; k < s->expectations[i].check_count && result == 0; k++) {
            const char *mark = s->expectations[i].checks[k].mark;
            result = mark != NULL ? want_mark(grid, mark, error) : 0;
        }
    }
    return result;
}

int hs_grid_add(hs_grid *grid, hs_scenario *scenario, const hs_grid_choice *choice, hs_error *error)
{
    hs_scenario **grown = realloc(grid->scenarios, (grid->scenario_count + 1) * sizeof *grown);
    if (grown == NULL) {
        hs_scenario_free(scenario);
        return no_memory(error);
    }
    grid->scenarios = grown;
    grown[grid->scenario_count++] = scenario;
    making m = {.grid = grid,
                .scenario = scenario,
                .choice = choice,
                .layouts = choice->layouts.count != 0 ? choice->layouts : scenario->layouts,
                .policies = choice->policies.count != 0 ? choice->policies : scenario->policies,
                .seeds = choice->seeds != 0 ? choice->seeds : scenario->seed_count,
                .error = error};
    if (m.layouts.count == 0) {
        hs_error_set(error, NULL, 0, "found no layout, expected --layout NAME[,NAME...]");
        return -1;
    }
    return choose_axes(scenario, choice, error) != 0 || want_marks(grid, scenario, error) != 0
               ? -1
               : add_cells(&m);
}

size_t hs_grid_filter(hs_grid *grid, const char *const *patterns, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < grid->cell_count; i++) {
        bool keep = false;
        for (size_t k = 0; k < count && !keep; k++) {
            keep = fnmatch(patterns[k], grid->cells[i].id, 0) == 0;
        }
        if (keep) {
            hs_cell cell = grid->cells[i];
            grid->cells[kept++] = cell;
        } else {
            release_cell(&grid->cells[i]);
        }
    }
    grid->cell_count = kept;
    return kept;
}

/* --- results --- */

const hs_cell_mark *hs_cell_find_mark(const hs_cell *cell, const char *name)
{
    for (size_t i = cell->result.mark_count; i > 0; i--) {
        if (strcmp(cell->result.marks[i - 1].name, name) == 0) {
            return &cell->result.marks[i - 1];
        }
    }
    return NULL;
}

size_t hs_metric_index(const char *name)
{
    size_t i = 0;
    while (i < hs_metric_count && strcmp(hs_metrics[i].name, name) != 0) {
        i++;
    }
    return i;
}

int64_t hs_cell_metric(const hs_cell *cell, const char *metric, const char *mark)
{
    size_t index = hs_metric_index(metric);
    if (index == hs_metric_count || cell->state != HS_CELL_DONE) {
        return HS_METRIC_ABSENT;
    }
    if (mark == NULL) {
        return cell->result.values[index];
    }
    const hs_cell_mark *found = hs_cell_find_mark(cell, mark);
    return found != NULL ? found->values[index] : HS_METRIC_ABSENT;
}

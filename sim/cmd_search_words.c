#include "cmd_search_words.h"

#include <inttypes.h>
#include <string.h>

static void append(char *text, size_t size, const char *name, const char *value)
{
    size_t used = strlen(text);
    snprintf(text + used, size - used, "/%s=%s", name, value);
}

/* The value that the cell has of an axis: in its id, behind the axis's name. */
static const char *value_of(const hs_cell *cell, const hs_scenario_axis *axis)
{
    for (size_t i = axis->values.count; i > 0; i--) {
        char part[HS_GRID_ID_MAX];
        int length = snprintf(part, sizeof part, "/%s=%s", axis->name, axis->values.texts[i - 1]);
        const char *at = strstr(cell->id, part);
        if (at != NULL && (at[length] == 0 || at[length] == '/')) {
            return axis->values.texts[i - 1];
        }
    }
    return "?";
}

void hs_search_words_of(const hs_grid *grid, const hs_cell *cell, const char *key,
                        hs_search_words *words)
{
    const hs_grid_group *group = &grid->groups[cell->group];
    const hs_layout *layout = grid->layouts[group->layout].layout;
    snprintf(words->board, sizeof words->board, "%s (%s, IDF %s)", layout->name, layout->chip,
             layout->idf);
    snprintf(words->what, sizeof words->what, "%s", cell->scenario->name);
    snprintf(words->policy, sizeof words->policy, "%s", group->policy->name);
    for (size_t i = 0; i < cell->scenario->axis_count; i++) {
        const hs_scenario_axis *axis = &cell->scenario->axes[i];
        if (strcmp(axis->name, key) != 0) {
            char *text = axis->policy ? words->policy : words->what;
            append(text, HS_GRID_ID_MAX, axis->name, value_of(cell, axis));
        }
    }
}

static void print_value(int64_t value, FILE *out)
{
    bool whole = value >= 1024 && value % 1024 == 0;
    fprintf(out, "%" PRId64 "%s", whole ? value / 1024 : value, whole ? "K" : "");
}

static void print_finding(const hs_search_words *w, FILE *out)
{
    if (w->result->way == HS_SEARCH_NONE) {
        fprintf(out, *w->applies ? "none with %s" : "policy %s does not apply", w->policy);
        return;
    }
    print_value(w->result->value, out);
    fprintf(out, " with %s%s", w->policy, w->result->edge ? " (end of the range)" : "");
}

static bool same_case(const hs_search_words *a, const hs_search_words *b)
{
    return strcmp(a->board, b->board) == 0 && strcmp(a->what, b->what) == 0;
}

static bool is_first(const hs_search_words *words, size_t of)
{
    size_t i = 0;
    while (!same_case(&words[i], &words[of])) {
        i++;
    }
    return i == of;
}

void hs_search_words_print(const hs_search_words *words, size_t count, const char *key,
                           bool largest, FILE *out)
{
    fprintf(out, "\nThe %s %s with which all allocations are served:\n",
            largest ? "largest" : "smallest", key);
    for (size_t i = 0; i < count; i++) {
        if (!is_first(words, i)) {
            continue;
        }
        fprintf(out, "  %s on %s: ", words[i].what, words[i].board);
        for (size_t k = i; k < count; k++) {
            if (!same_case(&words[k], &words[i])) {
                continue;
            }
            fputs(k > i ? ", " : "", out);
            print_finding(&words[k], out);
        }
        fputc('\n', out);
    }
}

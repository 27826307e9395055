/* heapsim search: the largest or smallest value of a parameter for which everything passes. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd_grid.h"
#include "cmd_search_words.h"
#include "commands.h"
#include "json.h"
#include "report.h"
#include "value_search.h"
#include "yaml_file.h"

enum { OPTION_LARGEST = 256, OPTION_SMALLEST, OPTION_REQUIRE, OPTION_JSON, OPTION_HELP };

#define ROWS_MAX 4096

/* What is found for one combination of everything else. */
typedef struct search_row {
    char *id; /* of its cells, without the seed, with the parameter's first value */
    hs_search_result result;
    int64_t python, sockets; /* with the value found; HS_METRIC_ABSENT */
    bool beaten;
    bool applies; /* the policy and the traces can be on the board, with some value */
    size_t places[2 * HS_SCENARIO_AXES_MAX]; /* in the lists of the other dimensions */
    size_t place_count;
    size_t layout;
} search_row;

typedef struct request {
    hs_cmd_grid grid;
    hs_search_range range;
    char *key;
    size_t axis;        /* of grid.choice */
    const char *metric; /* --require */
    int64_t least;
    const char *json;
    search_row rows[ROWS_MAX];
    hs_search_words words[ROWS_MAX];
    size_t row_count;
    size_t searched; /* rows that are finished */
    int interrupted;
    hs_error error;
} request;

static void print_help(void)
{
    printf(
        "usage: heapsim search --largest KEY=FROM..TO[:STEP] [options]\n"
        "       heapsim search --smallest KEY=FROM..TO[:STEP] [options]\n"
        "\n"
        "Finds the value of KEY for which every allocation is still served, for each\n"
        "combination of everything else. KEY is a number of the scenario's values or of the\n"
        "policy (see --set). When 17 samples over the range are monotone it bisects, else it\n"
        "tries every step and says so. A star marks the lines that no other line beats: as much\n"
        "in every dimension, and more in one (lists of --set count as sorted upwards).\n"
        "\n"
        "  --require METRIC>=N further TLS sockets (sockets) or bytes for Python (python_free)\n"
        "                      that must be left at the end\n"
        "  --json FILE         the lines as JSON\n"
        "%s"
        "  --help              this text\n"
        "\n"
        "Exit status: 0 something was found; 1 nothing passes; 2 bad usage or bad input.\n"
        "\n"
        "examples\n"
        "  heapsim search --layout pico-d4 --policy fixed-48k --trace wifi-https \\\n"
        "                 --largest gc.initial=16K..108K\n"
        "  heapsim search --scenario tls-and-ble --layout pico-d4 --policy fixed-48k \\\n"
        "                 --largest gc.initial=16K..108K\n",
        hs_cmd_grid_help);
}

/* --- options --- */

static int take_range(request *r, bool largest, char *value)
{
    uint32_t from = 0;
    uint32_t to = 0;
    uint32_t step = 0;
    char *parts = strdup(value);
    if (parts == NULL) {
        return hs_cmd_refuse("the host is out of memory");
    }
    char *equals = strchr(parts, '=');
    char *dots = equals != NULL ? strstr(equals, "..") : NULL;
    char *colon = dots != NULL ? strchr(dots, ':') : NULL;
    bool ok = false;
    if (equals != NULL && dots != NULL && r->key == NULL) {
        *dots = 0;
        if (colon != NULL) {
            *colon = 0;
        }
        ok = hs_yaml_parse_size(equals + 1, &from) && hs_yaml_parse_size(dots + 2, &to) &&
             from <= to && (colon == NULL || (hs_yaml_parse_size(colon + 1, &step) && step > 0));
        value[equals - parts] = ok ? 0 : '=';
    }
    free(parts);
    if (!ok) {
        return hs_cmd_refuse("found --%s %s, expected KEY=FROM..TO or KEY=FROM..TO:STEP, once",
                             largest ? "largest" : "smallest", value);
    }
    r->key = value;
    r->range = (hs_search_range){from, to, step, largest};
    r->range.step = step > 0 ? step : to - from > 256 ? 1024 : 1;
    return -1;
}

static int take_require(request *r, char *value)
{
    char *sign = strstr(value, ">=");
    uint32_t least = 0;
    if (sign != NULL) {
        *sign = 0;
    }
    if (sign == NULL || !hs_yaml_parse_size(sign + 2, &least) ||
        (strcmp(value, "sockets") != 0 && strcmp(value, "python_free") != 0)) {
        return hs_cmd_refuse("found --require %s, expected sockets>=N or python_free>=N", value);
    }
    r->metric = value;
    r->least = least;
    return -1;
}

static int take_option(void *context, int option, char *value)
{
    request *r = context;
    switch (option) {
    case OPTION_LARGEST:
        return take_range(r, true, value);
    case OPTION_SMALLEST:
        return take_range(r, false, value);
    case OPTION_REQUIRE:
        return take_require(r, value);
    case OPTION_JSON:
        r->json = value;
        return -1;
    case OPTION_HELP:
        print_help();
        return fflush(stdout) == 0 ? HS_EXIT_OK : hs_cmd_refuse("the help cannot be written");
    case '?':
        return hs_cmd_refuse("see `heapsim search --help`");
    default:
        return hs_cmd_grid_take(&r->grid, option, value);
    }
}

static int parse(request *r, int argc, char **argv)
{
    const struct option own[] = {{"largest", required_argument, NULL, OPTION_LARGEST},
                                 {"smallest", required_argument, NULL, OPTION_SMALLEST},
                                 {"require", required_argument, NULL, OPTION_REQUIRE},
                                 {"json", required_argument, NULL, OPTION_JSON},
                                 {"help", no_argument, NULL, OPTION_HELP},
                                 {0}};
    int status = hs_cmd_grid_options_read(argc, argv, own, take_option, r);
    if (status >= 0) {
        return status;
    }
    if (optind < argc) {
        return hs_cmd_refuse("found argument %s, expected options; see `heapsim search --help`",
                             argv[optind]);
    }
    if (r->key == NULL) {
        return hs_cmd_refuse(
            "found neither --largest nor --smallest, expected one of them, such as "
            "--largest gc.initial=16K..108K; see `heapsim search --help`");
    }
    if (r->grid.cells.count != 0 || r->grid.how.shards != 0) {
        return hs_cmd_refuse("found --%s, expected none with search",
                             r->grid.cells.count != 0 ? "cell" : "shard");
    }
    if (r->grid.choice.axis_count == HS_SCENARIO_AXES_MAX) {
        return hs_cmd_refuse("found more than %d dimensions", HS_SCENARIO_AXES_MAX);
    }
    r->axis = r->grid.choice.axis_count++;
    return -1;
}

/* --- cells --- */

/* A grid whose parameter has these values; texts holds them. */
static int make_grid(request *r, hs_grid *grid, const int64_t *values, size_t count,
                     char (*texts)[24], const char **list)
{
    for (size_t i = 0; i < count; i++) {
        snprintf(texts[i], sizeof texts[i], "%" PRId64, values[i]);
        list[i] = texts[i];
    }
    r->grid.choice.axes[r->axis] = (hs_scenario_axis){.name = r->key, .values = {list, count}};
    return hs_cmd_grid_make(&r->grid, grid, &r->error);
}

/* The row's id with another value of the parameter. */
static void id_with(const request *r, const search_row *row, int64_t value, char *id, size_t size)
{
    char part[HS_YAML_NAME_MAX + 64];
    snprintf(part, sizeof part, "/%s=", r->key);
    const char *at = strstr(row->id, part);
    size_t before = (size_t)(at - row->id) + strlen(part);
    const char *rest = row->id + before + strcspn(row->id + before, "/");
    snprintf(id, size, "%.*s%" PRId64 "%s", (int)before, row->id, value, rest);
}

static bool passes(const request *r, const hs_cell *cell)
{
    if (cell->state != HS_CELL_DONE || cell->result.failed) {
        return false;
    }
    bool mark = r->metric != NULL && strcmp(r->metric, "sockets") == 0;
    return r->metric == NULL || hs_cell_metric(cell, r->metric, mark ? "end" : NULL) >= r->least;
}

typedef struct trial {
    request *r;
    search_row *row;
} trial;

/* All seeds of a value must pass; the worst figures are kept for the value that is printed. */
static bool judge(const request *r, const hs_grid *grid, const char *id, search_row *row)
{
    size_t length = strlen(id);
    bool ok = false;
    row->python = row->sockets = HS_METRIC_ABSENT;
    for (size_t i = 0; i < grid->cell_count; i++) {
        const hs_cell *cell = &grid->cells[i];
        if (cell->base_length != length || strncmp(cell->id, id, length) != 0) {
            continue;
        }
        row->applies = row->applies || cell->state == HS_CELL_DONE;
        if (!passes(r, cell)) {
            return false;
        }
        int64_t python = hs_cell_metric(cell, "python_free", NULL);
        int64_t sockets = hs_cell_metric(cell, "sockets", "end");
        row->python = !ok || python < row->python ? python : row->python;
        row->sockets = !ok || sockets < row->sockets ? sockets : row->sockets;
        ok = true;
    }
    return ok;
}

static int try_values(void *context, const int64_t *values, size_t count, bool *results)
{
    const trial *t = context;
    request *r = t->r;
    char(*texts)[24] = malloc((count + 1) * sizeof *texts);
    const char **list = malloc((count + 1) * sizeof *list);
    char(*ids)[3 * HS_GRID_ID_MAX] = malloc(2 * (count + 1) * sizeof *ids);
    const char **patterns = malloc(2 * (count + 1) * sizeof *patterns);
    int status = -1;
    hs_grid grid;
    hs_grid_init(&grid);
    if (texts != NULL && list != NULL && ids != NULL && patterns != NULL &&
        make_grid(r, &grid, values, count, texts, list) == 0) {
        for (size_t i = 0; i < count; i++) {
            id_with(r, t->row, values[i], ids[2 * i], sizeof ids[0]);
            id_with(r, t->row, values[i], ids[2 * i + 1], sizeof ids[0]);
            size_t length = strlen(ids[2 * i + 1]);
            snprintf(ids[2 * i + 1] + length, sizeof ids[0] - length, "/seed=*");
            patterns[2 * i] = ids[2 * i];
            patterns[2 * i + 1] = ids[2 * i + 1];
        }
        hs_grid_filter(&grid, patterns, 2 * count);
        status = hs_cmd_grid_run(&r->grid, &grid, &r->interrupted, &r->error);
    }
    for (size_t i = 0; status == 0 && i < count; i++) {
        results[i] = judge(r, &grid, ids[2 * i], t->row);
    }
    hs_grid_release(&grid);
    free(texts);
    free(list);
    free(ids);
    free(patterns);
    return r->interrupted != 0 ? -1 : status;
}

/* --- rows --- */

static size_t place_of(const hs_scenario_axis *axis, const char *id)
{
    for (size_t i = axis->values.count; i > 0; i--) {
        char part[2 * HS_GRID_ID_MAX];
        int length = snprintf(part, sizeof part, "/%s=%s", axis->name, axis->values.texts[i - 1]);
        const char *at = strstr(id, part);
        if (at != NULL && (at[length] == 0 || at[length] == '/')) {
            return i - 1;
        }
    }
    return 0;
}

static int add_row(request *r, const hs_grid *grid, const hs_cell *cell)
{
    if (r->row_count == ROWS_MAX) {
        hs_error_set(&r->error, NULL, 0, "found more than %d combinations", ROWS_MAX);
        return -1;
    }
    search_row *to = &r->rows[r->row_count];
    *to = (search_row){.id = strndup(cell->id, cell->base_length),
                       .layout = grid->groups[cell->group].layout};
    if (to->id == NULL) {
        hs_error_set(&r->error, NULL, 0, "the host is out of memory");
        return -1;
    }
    hs_search_words_of(grid, cell, r->key, &r->words[r->row_count]);
    r->words[r->row_count].result = &to->result;
    r->words[r->row_count].applies = &to->applies;
    r->row_count++;
    for (size_t i = 0; i < cell->scenario->axis_count; i++) {
        if (strcmp(cell->scenario->axes[i].name, r->key) != 0) {
            to->places[to->place_count++] = place_of(&cell->scenario->axes[i], to->id);
        }
    }
    return 0;
}

static int find_rows(request *r)
{
    char text[1][24];
    const char *list[1];
    hs_grid grid;
    hs_grid_init(&grid);
    int result = make_grid(r, &grid, &r->range.from, 1, text, list);
    for (size_t i = 0; i < grid.cell_count && result == 0; i++) {
        const search_row *last = r->row_count != 0 ? &r->rows[r->row_count - 1] : NULL;
        const hs_cell *cell = &grid.cells[i];
        if (last == NULL || strlen(last->id) != cell->base_length ||
            strncmp(last->id, cell->id, cell->base_length) != 0) {
            result = add_row(r, &grid, cell);
        }
    }
    hs_grid_release(&grid);
    return result;
}

static int search_rows(request *r)
{
    for (size_t i = 0; i < r->row_count; i++) {
        trial t = {r, &r->rows[i]};
        int status = hs_search(&r->range, try_values, &t, &r->rows[i].result);
        if (status == 1) {
            hs_error_set(&r->error, NULL, 0,
                         "found that %s does not pass and fail in one piece over the range, and "
                         "more than %u values, expected a larger step",
                         r->key, HS_SEARCH_SCAN_MAX);
        }
        if (status != 0) {
            return -1;
        }
        bool again;
        if (r->rows[i].result.way != HS_SEARCH_NONE &&
            try_values(&t, &r->rows[i].result.value, 1, &again) != 0) {
            return -1;
        }
        r->searched++;
    }
    return 0;
}

/* Whether `a` is at least as good as `b` in everything, and better in something. */
static bool beats(const request *r, const search_row *a, const search_row *b)
{
    if (a->layout != b->layout || a->place_count != b->place_count ||
        a->result.way == HS_SEARCH_NONE) {
        return false;
    }
    if (b->result.way == HS_SEARCH_NONE) {
        return true;
    }
    /* What counts is what is left for Python; without a collector, the value itself. */
    bool python = a->python != HS_METRIC_ABSENT && b->python != HS_METRIC_ABSENT;
    int64_t sign = r->range.largest ? 1 : -1;
    int64_t gain = python ? a->python - b->python : sign * (a->result.value - b->result.value);
    bool worse = gain < 0;
    bool better = gain > 0;
    for (size_t i = 0; i < a->place_count; i++) {
        worse = worse || a->places[i] < b->places[i];
        better = better || a->places[i] > b->places[i];
    }
    return better && !worse;
}

static void find_beaten(request *r)
{
    for (size_t i = 0; i < r->row_count; i++) {
        r->rows[i].beaten = r->rows[i].result.way == HS_SEARCH_NONE;
        for (size_t k = 0; k < r->row_count && !r->rows[i].beaten; k++) {
            r->rows[i].beaten = beats(r, &r->rows[k], &r->rows[i]);
        }
    }
}

/* --- what is said --- */

static void short_id(const request *r, const search_row *row, char *text, size_t size)
{
    char part[HS_YAML_NAME_MAX + 64];
    snprintf(part, sizeof part, "/%s=", r->key);
    const char *at = strstr(row->id, part);
    const char *rest = at + strlen(part) + strcspn(at + strlen(part), "/");
    snprintf(text, size, "%.*s%s", (int)(at - row->id), row->id, rest);
}

static const char *const way_names[] = {"none", "bisected", "scanned"};

static void print_rows(const request *r, FILE *out)
{
    size_t width = 4;
    char id[3 * HS_GRID_ID_MAX];
    for (size_t i = 0; i < r->row_count; i++) {
        short_id(r, &r->rows[i], id, sizeof id);
        width = strlen(id) > width ? strlen(id) : width;
    }
    fprintf(out, "   %-*s  %8s %s  %11s  %7s\n", (int)width, "cell",
            r->range.largest ? "largest" : "smallest", r->key, "Python left", "sockets");
    for (size_t i = 0; i < r->row_count; i++) {
        const search_row *w = &r->rows[i];
        int value = (int)(9 + strlen(r->key));
        short_id(r, w, id, sizeof id);
        fprintf(out, " %c %-*s  ", w->beaten ? ' ' : '*', (int)width, id);
        if (w->result.way == HS_SEARCH_NONE) {
            fprintf(out, "%*s\n", value, w->applies ? "none passes" : "does not apply");
            continue;
        }
        fprintf(out, "%*" PRId64, value, w->result.value);
        if (w->python == HS_METRIC_ABSENT) {
            fprintf(out, "  %11s", "-");
        } else {
            fprintf(out, "  %11" PRId64, w->python);
        }
        fprintf(out, "  %7" PRId64 "%s%s\n", w->sockets, w->result.edge ? "  end of the range" : "",
                w->result.way == HS_SEARCH_SCANNED ? "  not monotone: every step tried" : "");
    }
}

static int write_json(const request *r)
{
    json_t *list = json_array();
    for (size_t i = 0; i < r->row_count; i++) {
        const search_row *w = &r->rows[i];
        char id[3 * HS_GRID_ID_MAX];
        short_id(r, w, id, sizeof id);
        bool none = w->result.way == HS_SEARCH_NONE;
        json_array_append_new(
            list,
            json_pack("{s:o, s:s, s:b, s:o, s:o, s:o, s:b, s:b, s:I}", "cell", hs_json_text(id),
                      "way", way_names[w->result.way], "applies", w->applies, "value",
                      none ? json_null() : json_integer(w->result.value), "python_free",
                      none || w->python == HS_METRIC_ABSENT ? json_null() : json_integer(w->python),
                      "sockets", none ? json_null() : json_integer(w->sockets), "edge",
                      w->result.edge, "beaten", w->beaten, "tried", (json_int_t)w->result.tried));
    }
    json_t *json = json_pack("{s:I, s:s, s:s, s:I, s:I, s:I, s:o}", "heapsim", (json_int_t)1, "key",
                             r->key, "wanted", r->range.largest ? "largest" : "smallest", "from",
                             (json_int_t)r->range.from, "to", (json_int_t)r->range.to, "step",
                             (json_int_t)r->range.step, "results", list);
    hs_error error = {{0}};
    int result = hs_json_write(json, r->json, &error);
    json_decref(json);
    return result == 0 ? -1 : hs_cmd_refuse("%s", error.text);
}

static void release_rows(request *r, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(r->rows[i].id);
    }
}

static int tell(request *r)
{
    bool data = r->json != NULL && strcmp(r->json, "-") == 0;
    FILE *words = data ? stderr : stdout;
    find_beaten(r);
    int status = r->json != NULL ? write_json(r) : -1;
    if (status >= 0) {
        return status;
    }
    print_rows(r, words);
    hs_search_words_print(r->words, r->row_count, r->key, r->range.largest, words);
    bool found = false;
    for (size_t i = 0; i < r->row_count; i++) {
        found = found || r->rows[i].result.way != HS_SEARCH_NONE;
    }
    return found ? HS_EXIT_OK : HS_EXIT_FAILED;
}

/* What is finished is printed; a file of lines that do not say that others are missing is not made.
 */
static void tell_interrupted(request *r)
{
    fprintf(stderr, "heapsim: interrupted, %zu of %zu combinations were searched\n", r->searched,
            r->row_count);
    r->row_count = r->searched;
    r->json = NULL;
    if (r->row_count != 0) {
        tell(r);
    }
}

int hs_cmd_search(int argc, char **argv)
{
    static request r;
    int status = parse(&r, argc, argv);
    if (status >= 0) {
        return status;
    }
    int result = find_rows(&r) == 0 ? search_rows(&r) : -1;
    size_t count = r.row_count;
    if (result == 0) {
        status = tell(&r);
    } else if (r.interrupted != 0) {
        tell_interrupted(&r);
    } else {
        status =
            hs_cmd_refuse("%s", r.error.text[0] != 0 ? r.error.text : "the host is out of memory");
    }
    release_rows(&r, count);
    return status;
}

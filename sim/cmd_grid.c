#include "cmd_grid.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "commands.h"
#include "data_path.h"
#include "output.h"
#include "yaml_file.h"

enum {
    OPTION_LAYOUT = HS_GRID_OPTION_FIRST,
    OPTION_POLICY,
    OPTION_TRACE,
    OPTION_SCENARIO,
    OPTION_SET,
    OPTION_SEEDS,
    OPTION_CELL,
    OPTION_ON_OOM,
    OPTION_THREADS,
    OPTION_SHARD
};

const struct option hs_cmd_grid_options[HS_CMD_GRID_OPTIONS] = {
    {"layout", required_argument, NULL, OPTION_LAYOUT},
    {"policy", required_argument, NULL, OPTION_POLICY},
    {"trace", required_argument, NULL, OPTION_TRACE},
    {"scenario", required_argument, NULL, OPTION_SCENARIO},
    {"set", required_argument, NULL, OPTION_SET},
    {"seeds", required_argument, NULL, OPTION_SEEDS},
    {"cell", required_argument, NULL, OPTION_CELL},
    {"on-oom", required_argument, NULL, OPTION_ON_OOM},
    {"threads", required_argument, NULL, OPTION_THREADS},
    {"shard", required_argument, NULL, OPTION_SHARD},
};

const char hs_cmd_grid_help[] =
    "  --layout A,B        boards; over those of a scenario\n"
    "  --policy P,Q        policies; `default`: the one that the layout names (which is what\n"
    "                      is used without this option)\n"
    "  --trace T,U         traces, each alone; T+U: one after the other\n"
    "  --scenario S,T      scenarios: files, or names in scenarios/\n"
    "  --set KEY=V,W       another dimension: a value of the scenario, or one of the policy:\n"
    "                      gc.initial, gc.areas, gc.reserve, gc.keep_free, placeholder.size\n"
    "  --seeds N           orders of interleaving, seeds 1 to N\n"
    "  --on-oom WHAT       when an allocation fails: continue (default) or stop\n"
    "  --threads N         default: one for each core; results do not depend on it\n";

const char hs_cmd_cells_help[] =
    "  --cell PATTERN      only these cells, by their ids, as in a shell; may be repeated. Alone,\n"
    "                      an id says layout, policy and scenario or trace by itself\n"
    "  --shard K/N         only every N-th cell, from the K-th on (K from 1)\n";

int hs_cmd_split(hs_cmd_names *names, char *text, char separator)
{
    while (text != NULL) {
        char *end = strchr(text, separator);
        if (end != NULL) {
            *end++ = 0;
        }
        if (names->count == HS_CMD_NAMES_MAX || text[0] == 0) {
            return -1;
        }
        names->texts[names->count++] = text;
        text = end;
    }
    return 0;
}

static int take_list(hs_cmd_names *names, const char *option, char *value)
{
    return hs_cmd_split(names, value, ',') == 0
               ? -1
               : hs_cmd_refuse("found an empty name or more than %d in --%s", HS_CMD_NAMES_MAX,
                               option);
}

static int take_set(hs_cmd_grid *g, char *value)
{
    char *values = strchr(value, '=');
    size_t axis = g->choice.axis_count;
    if (values == NULL || axis == HS_SCENARIO_AXES_MAX) {
        return hs_cmd_refuse("found --set %s, expected KEY=VALUE[,VALUE...], at most %d times",
                             value, HS_SCENARIO_AXES_MAX);
    }
    *values++ = 0;
    int status = take_list(&g->values[axis], "set", values);
    g->choice.axes[axis] =
        (hs_scenario_axis){.name = value, .values = {g->values[axis].texts, g->values[axis].count}};
    g->choice.axis_count++;
    return status;
}

static int take_shard(hs_cmd_grid *g, const char *value)
{
    unsigned long k;
    unsigned long n;
    char rest;
    if (sscanf(value, "%lu/%lu%c", &k, &n, &rest) != 2 || k == 0 || k > n || n > 1000000) {
        return hs_cmd_refuse("found --shard %s, expected K/N with K from 1 to N", value);
    }
    g->how.shard = k - 1;
    g->how.shards = n;
    return -1;
}

static int take_number(const char *option, const char *value, uint32_t most, uint32_t *to)
{
    return hs_yaml_parse_size(value, to) && *to >= 1 && *to <= most
               ? -1
               : hs_cmd_refuse("found --%s %s, expected a number from 1 to %u", option, value,
                               most);
}

int hs_cmd_grid_options_read(int argc, char **argv, const struct option *own,
                             int (*take)(void *context, int option, char *value), void *context)
{
    struct option options[HS_CMD_GRID_OPTIONS + HS_CMD_OWN_OPTIONS + 1];
    memcpy(options, hs_cmd_grid_options, sizeof hs_cmd_grid_options);
    struct option *to = options + HS_CMD_GRID_OPTIONS;
    while (own->name != NULL) {
        *to++ = *own++;
    }
    *to = (struct option){0};
    optind = 0;
    int option;
    while ((option = getopt_long(argc, argv, "+", options, NULL)) != -1) {
        int status = take(context, option, optarg);
        if (status >= 0) {
            return status;
        }
    }
    return -1;
}

int hs_cmd_grid_threads(hs_cmd_grid *g, const char *value)
{
    uint32_t number = 0;
    int status = take_number("threads", value, 1024, &number);
    g->how.threads = number;
    return status;
}

int hs_cmd_grid_take(hs_cmd_grid *g, int option, char *value)
{
    switch (option) {
    case OPTION_LAYOUT:
        return take_list(&g->layouts, "layout", value);
    case OPTION_POLICY:
        return take_list(&g->policies, "policy", value);
    case OPTION_TRACE:
        return take_list(&g->traces, "trace", value);
    case OPTION_SCENARIO:
        return take_list(&g->scenarios, "scenario", value);
    case OPTION_SET:
        return take_set(g, value);
    case OPTION_SEEDS:
        return take_number("seeds", value, HS_SCENARIO_SEEDS_MAX, &g->choice.seeds);
    case OPTION_CELL:
        return take_list(&g->cells, "cell", value);
    case OPTION_ON_OOM:
        g->choice.stop = strcmp(value, "stop") == 0;
        return g->choice.stop || strcmp(value, "continue") == 0
                   ? -1
                   : hs_cmd_refuse("found --on-oom %s, expected stop or continue", value);
    case OPTION_THREADS:
        return hs_cmd_grid_threads(g, value);
    default:
        return take_shard(g, value);
    }
}

/* --- the grid --- */

static hs_scenario *open_scenario(const char *name, hs_error *error)
{
    char *path = hs_data_find(HS_DATA_SCENARIO, name, error);
    hs_scenario *scenario = path != NULL && hs_data_look_beside(path, error) == 0
                                ? hs_scenario_load(path, error)
                                : NULL;
    free(path);
    return scenario;
}

static int add_traces(hs_cmd_grid *g, const char *names, hs_grid *grid, hs_error *error)
{
    char *copy = strdup(names);
    hs_cmd_names parts = {.count = 0};
    hs_scenario *scenario = NULL;
    if (copy == NULL) {
        hs_error_set(error, NULL, 0, "the host is out of memory");
    } else if (hs_cmd_split(&parts, copy, '+') != 0) {
        hs_error_set(error, NULL, 0, "found '%s', expected traces joined by +", names);
    } else {
        scenario = hs_scenario_of_traces(parts.texts, parts.count, error);
    }
    free(copy);
    return scenario != NULL ? hs_grid_add(grid, scenario, &g->choice, error) : -1;
}

/* At each `/` but those inside a path, which have no NAME= behind them. */
static int split_id(hs_cmd_names *names, char *id)
{
    for (char *part = id; part != NULL;) {
        size_t length = strcspn(part, "/");
        if (names->count < 3 || memchr(part, '=', length) != NULL) {
            if (names->count == HS_CMD_NAMES_MAX || (length == 0 && names->count < 2)) {
                return -1;
            }
            if (part != id) {
                part[-1] = 0;
            }
            names->texts[names->count++] = part;
        }
        part = part[length] != 0 ? part + length + 1 : NULL;
    }
    return 0;
}

/* LAYOUT/POLICY/WHAT[/NAME=VALUE...]: the first three say what is to be made; the values that the
 * scenario does not have are the policy's. */
static int make_from_id(hs_cmd_grid *g, const char *id, hs_grid *grid, hs_error *error)
{
    static char copies[HS_CMD_NAMES_MAX][3 * HS_GRID_ID_MAX]; /* names live as long as the grid */
    static hs_cmd_names parts[HS_CMD_NAMES_MAX];
    static size_t used;
    if (used == HS_CMD_NAMES_MAX || strlen(id) >= sizeof copies[0]) {
        hs_error_set(error, NULL, 0, "found too many or too long ids of cells");
        return -1;
    }
    hs_cmd_names *names = &parts[used];
    char *copy = strcpy(copies[used++], id);
    if (hs_data_look_beside("", error) != 0) { /* an id has the name of a file, not its path */
        return -1;
    }
    if (split_id(names, copy) != 0 || names->count < 3 || strpbrk(id, "*?[") != NULL) {
        hs_error_set(error, NULL, 0,
                     "found --cell %s alone, expected LAYOUT/POLICY/SCENARIO[/NAME=VALUE...], or "
                     "--scenario or --trace beside a pattern",
                     id);
        return -1;
    }
    hs_grid_choice choice = g->choice;
    choice.layouts = (hs_scenario_list){&names->texts[0], 1};
    choice.policies = (hs_scenario_list){&names->texts[1], 1};
    const char *seed = NULL;
    for (size_t i = 3; i < names->count; i++) {
        char *value = copies[used - 1] + (strchr(names->texts[i], '=') - copies[used - 1]);
        if (choice.axis_count == HS_SCENARIO_AXES_MAX) {
            hs_error_set(error, NULL, 0, "found more than %d values in the id of a cell",
                         HS_SCENARIO_AXES_MAX);
            return -1;
        }
        *value++ = 0;
        if (strcmp(names->texts[i], "seed") == 0) {
            seed = value;
            continue;
        }
        hs_cmd_names *values = &g->values[choice.axis_count];
        *values = (hs_cmd_names){{value}, 1};
        choice.axes[choice.axis_count++] =
            (hs_scenario_axis){.name = names->texts[i], .values = {values->texts, 1}};
    }
    hs_error no_scenario = {{0}};
    hs_scenario *scenario = open_scenario(names->texts[2], &no_scenario);
    if (scenario == NULL && hs_error_of_host(&no_scenario)) {
        hs_error_set(error, NULL, 0, "%s", no_scenario.text);
        return -1;
    }
    const hs_grid_choice old = g->choice;
    g->choice = choice;
    g->choice.seeds = seed != NULL && scenario == NULL ? (uint32_t)strtoul(seed, NULL, 10) : 0;
    int result = scenario != NULL ? hs_grid_add(grid, scenario, &g->choice, error)
                                  : add_traces(g, names->texts[2], grid, error);
    g->choice = old;
    return result;
}

int hs_cmd_grid_make(hs_cmd_grid *g, hs_grid *grid, hs_error *error)
{
    g->choice.layouts = (hs_scenario_list){g->layouts.texts, g->layouts.count};
    g->choice.policies = (hs_scenario_list){g->policies.texts, g->policies.count};
    bool by_id = g->scenarios.count + g->traces.count == 0;
    int result = 0;
    for (size_t i = 0; by_id && i < g->cells.count && result == 0; i++) {
        result = make_from_id(g, g->cells.texts[i], grid, error);
    }
    for (size_t i = 0; i < g->scenarios.count && result == 0; i++) {
        hs_scenario *scenario = open_scenario(g->scenarios.texts[i], error);
        result = scenario != NULL ? hs_grid_add(grid, scenario, &g->choice, error) : -1;
    }
    for (size_t i = 0; i < g->traces.count && result == 0; i++) {
        result = add_traces(g, g->traces.texts[i], grid, error);
    }
    if (result != 0) {
        return -1;
    }
    if (g->cells.count != 0 && hs_grid_filter(grid, g->cells.texts, g->cells.count) == 0) {
        hs_error_set(error, NULL, 0, "found no cell of that id (--cell %s)", g->cells.texts[0]);
        return -1;
    }
    if (grid->cell_count == 0) {
        hs_error_set(error, NULL, 0, "found no cells, expected --trace or --scenario");
        return -1;
    }
    return 0;
}

/* --- replay --- */

static atomic_int caught;

/* The second one is not waited for. */
static void on_signal(int signal_number)
{
    if (atomic_exchange(&caught, signal_number) != 0) {
        hs_output_remove_temporaries();
        signal(signal_number, SIG_DFL);
        raise(signal_number);
    }
}

/* A bar on stderr, on a terminal, for work of more than half a second. */
static void draw(void *context, uint64_t done, uint64_t count)
{
    struct timespec *last = context;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    long passed = (now.tv_sec - last->tv_sec) * 1000 + (now.tv_nsec - last->tv_nsec) / 1000000;
    if (passed < 500 || count == 0) {
        return;
    }
    *last = now;
    fprintf(stderr, "\r[%-40.*s] %llu of %llu cells", (int)(40 * done / count),
            "########################################", (unsigned long long)done,
            (unsigned long long)count);
}

int hs_cmd_grid_run(hs_cmd_grid *g, hs_grid *grid, int *interrupted, hs_error *error)
{
    struct timespec last;
    clock_gettime(CLOCK_MONOTONIC, &last);
    bool bar = isatty(STDERR_FILENO) != 0;
    struct sigaction catch = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigemptyset(&catch.sa_mask);
    sigaction(SIGINT, &catch, NULL);
    sigaction(SIGTERM, &catch, NULL);
    g->how.stop = &caught;
    g->how.progress = bar ? draw : NULL;
    g->how.context = &last;
    int result = hs_grid_run(grid, &g->how, error);
    if (bar) {
        fprintf(stderr, "\r%-78s\r", "");
    }
    *interrupted = atomic_load(&caught);
    return result;
}

void hs_cmd_die_if_interrupted(void)
{
    int interrupted = atomic_load(&caught);
    if (interrupted != 0) {
        fflush(NULL);
        signal(interrupted, SIG_DFL);
        raise(interrupted);
    }
}

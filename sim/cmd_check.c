/* heapsim check: scenarios against what they expect and against their baselines. */
#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd_check_junit.h"
#include "cmd_grid.h"
#include "commands.h"
#include "data_path.h"
#include "json.h"
#include "report.h"

enum {
    OPTION_BASELINE = 256,
    OPTION_UPDATE,
    OPTION_JUNIT,
    OPTION_ANNOTATIONS,
    OPTION_THREADS,
    OPTION_HELP
};

#define CHECKS_MAX 1024

typedef struct request {
    const char *baseline;
    const char *junit;
    bool update;
    bool annotations;
    hs_cmd_grid grid;
    hs_check checks[CHECKS_MAX];
    size_t count;
    int interrupted;
    FILE *words; /* stderr when the XML goes to stdout */
} request;

static void print_help(void)
{
    fputs(
        "usage: heapsim check SCENARIO... [options]\n"
        "\n"
        "Replays each scenario and compares its cells with what it expects, and exactly with its\n"
        "baseline: FOLDER/baselines/NAME.json beside the scenario's file, if there is one (the "
        "first\n"
        "--update makes it). Layouts, policies and traces are also found beside that file, or in\n"
        "layouts/, policies/, traces/ there.\n"
        "\n"
        "  --baseline FILE     the baseline, for one scenario\n"
        "  --update            print what differs from the baseline, then write it anew\n"
        "  --junit FILE        the results as JUnit XML\n"
        "  --annotations       also as `::error` lines, as GitHub shows them beside the file;\n"
        "                      without this option when GITHUB_ACTIONS is set\n"
        "  --threads N         default: one for each core\n"
        "  --help              this text\n"
        "\n"
        "Exit status: 0 all is as expected; 1 something differs; 2 bad usage or bad input.\n"
        "\n"
        "examples\n"
        "  heapsim check https wifi\n"
        "  heapsim check scenarios/*.yaml --junit heapsim.xml\n"
        "  heapsim check heap/my-node.yaml --update\n",
        stdout);
}

static int take_option(request *r, int option, char *value)
{
    switch (option) {
    case OPTION_BASELINE:
        r->baseline = value;
        return -1;
    case OPTION_UPDATE:
        r->update = true;
        return -1;
    case OPTION_JUNIT:
        r->junit = value;
        return -1;
    case OPTION_ANNOTATIONS:
        r->annotations = true;
        return -1;
    case OPTION_THREADS:
        return hs_cmd_grid_threads(&r->grid, value);
    case OPTION_HELP:
        print_help();
        return fflush(stdout) == 0 ? HS_EXIT_OK : hs_cmd_refuse("the help cannot be written");
    default:
        return hs_cmd_refuse("see `heapsim check --help`");
    }
}

static int parse(request *r, int argc, char **argv)
{
    static const struct option options[] = {{"baseline", required_argument, NULL, OPTION_BASELINE},
                                            {"update", no_argument, NULL, OPTION_UPDATE},
                                            {"junit", required_argument, NULL, OPTION_JUNIT},
                                            {"annotations", no_argument, NULL, OPTION_ANNOTATIONS},
                                            {"threads", required_argument, NULL, OPTION_THREADS},
                                            {"help", no_argument, NULL, OPTION_HELP},
                                            {0}};
    optind = 0;
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        int status = take_option(r, option, optarg);
        if (status >= 0) {
            return status;
        }
    }
    size_t count = (size_t)(argc - optind);
    if (count == 0 || count > CHECKS_MAX || (r->baseline != NULL && count != 1)) {
        return hs_cmd_refuse("found %zu scenarios, expected %s; see `heapsim check --help`", count,
                             r->baseline != NULL ? "one with --baseline" : "one to 1024");
    }
    return -1;
}

/* The baseline that belongs to a scenario's file. The caller frees it. */
static char *baseline_path(const request *r, const char *path, const char *name)
{
    if (r->baseline != NULL) {
        return strdup(r->baseline);
    }
    char *copy = strdup(path);
    char *text = NULL;
    if (copy != NULL && asprintf(&text, "%s/baselines/%s.json", dirname(copy), name) < 0) {
        text = NULL;
    }
    free(copy);
    return text;
}

/* 0; 1: there is none; -1 with *error. */
static int read_baseline(const char *path, json_t **json, hs_error *error)
{
    json_error_t wrong;
    if (access(path, F_OK) != 0 && errno == ENOENT) {
        return 1;
    }
    *json = json_load_file(path, 0, &wrong);
    if (hs_json_lost()) {
        hs_error_set(error, path, 0, "the host is out of memory");
        json_decref(*json);
        *json = NULL;
        return -1;
    }
    if (*json == NULL || !json_is_array(json_object_get(*json, "cells"))) {
        hs_error_set(error, path, *json == NULL && wrong.line > 0 ? (uint64_t)wrong.line : 0,
                     "found %s, expected a baseline written by heapsim check --update",
                     *json == NULL ? wrong.text : "JSON without cells");
        json_decref(*json);
        *json = NULL;
        return -1;
    }
    return 0;
}

/* The first baseline of a project makes its folder. */
static int make_folder_of(const char *path, hs_error *error)
{
    char *copy = strdup(path);
    const char *folder = copy != NULL ? dirname(copy) : NULL;
    int result = 0;
    if (folder == NULL) {
        hs_error_set(error, NULL, 0, "the host is out of memory");
        result = -1;
    } else if (mkdir(folder, 0777) != 0 && errno != EEXIST) {
        hs_error_set(error, folder, 0, "cannot be made: %s", strerror(errno));
        result = -1;
    }
    free(copy);
    return result;
}

static int write_baseline(const hs_check *check, const char *path, hs_error *error)
{
    if (make_folder_of(path, error) != 0) {
        return -1;
    }
    json_t *json = hs_check_json(check);
    int result = hs_json_write(json, path, error);
    json_decref(json);
    return result;
}

/* In the text of a workflow command these would end it. */
static void print_escaped(const char *text, FILE *out)
{
    for (; *text != 0; text++) {
        if (*text == '%' || *text == '\n' || *text == '\r') {
            fprintf(out, "%%%02X", (unsigned)*text);
        } else {
            fputc(*text, out);
        }
    }
}

/* One for each cell, with all that differs: a workflow shows ten in all. */
static void annotate(const hs_check *check, size_t first, size_t end, FILE *out)
{
    const hs_problem *p = &check->problems[first];
    fprintf(out, "::error file=%s,line=%llu::", check->path,
            (unsigned long long)(p->line != 0 ? p->line : 1));
    print_escaped(p->cell != NULL ? p->cell->id : check->path, out);
    fputs(": ", out);
    for (size_t i = first; i < end; i++) {
        fputs(i > first ? "%0A" : "", out);
        print_escaped(check->problems[i].text, out);
    }
    fputc('\n', out);
}

static void print_problems(const request *r, const hs_check *check)
{
    size_t first = 0;
    for (size_t i = 0; i < check->problem_count; i++) {
        const hs_problem *p = &check->problems[i];
        fprintf(r->words, "  %s: %s\n", p->cell != NULL ? p->cell->id : check->path, p->text);
        if (i + 1 == check->problem_count || p[1].cell != p->cell || p[1].line != p->line) {
            if (r->annotations) {
                annotate(check, first, i + 1, r->words);
            }
            first = i + 1;
        }
    }
}

/* Baseline, words, and with --update the new baseline. 0, or -1 with *error. */
static int finish(request *r, hs_check *check, const char *path, hs_error *error)
{
    size_t unexpected = check->problem_count;
    char *name = baseline_path(r, path, check->grid.scenarios[0]->name);
    json_t *baseline = NULL;
    int found = name != NULL ? read_baseline(name, &baseline, error) : -1;
    if (found == 1 && r->baseline != NULL && !r->update) {
        hs_error_set(error, name, 0, "found no such file, expected a baseline");
        found = -1;
    }
    if (found == 0) {
        hs_check_baseline(check, baseline);
    }
    json_decref(baseline);
    if (found < 0 || check->out_of_memory) {
        free(name);
        return -1;
    }
    size_t changed = check->problem_count - unexpected;
    fprintf(r->words, "%s: %zu cells, %zu of %zu expectations met, %s\n",
            check->grid.scenarios[0]->name, check->grid.cell_count, check->met,
            check->met + unexpected,
            found == 1     ? r->update ? "no baseline yet" : "no baseline (--update writes one)"
            : changed == 0 ? "baseline equal"
                           : "baseline differs");
    print_problems(r, check);
    int result = 0;
    if (r->update && (found == 1 || changed != 0)) {
        result = write_baseline(check, name, error);
        if (result == 0) {
            fprintf(r->words, "  baseline written: %s\n", name);
        }
        while (check->problem_count > unexpected) { /* accepted */
            free(check->problems[--check->problem_count].text);
        }
    }
    free(name);
    return result;
}

static int check_one(request *r, const char *name, hs_error *error)
{
    char *path = hs_data_find(HS_DATA_SCENARIO, name, error);
    hs_scenario *scenario = path != NULL && hs_data_look_beside(path, error) == 0
                                ? hs_scenario_load(path, error)
                                : NULL;
    hs_check *check = &r->checks[r->count];
    const hs_grid_choice as_it_is = {.axis_count = 0};
    int result = -1;
    hs_grid_init(&check->grid);
    if (scenario != NULL) {
        check->path = name;
        r->count++;
        result = hs_grid_add(&check->grid, scenario, &as_it_is, error);
    }
    if (result == 0) {
        result = hs_cmd_grid_run(&r->grid, &check->grid, &r->interrupted, error);
    }
    if (result == 0 && r->interrupted == 0) {
        result = hs_check_expectations(check);
        result = result == 0 ? finish(r, check, path, error) : result;
    }
    free(path);
    if (result != 0 && error->text[0] == 0) {
        hs_error_set(error, NULL, 0, "the host is out of memory");
    }
    return result;
}

static int check_all(request *r, int argc, char **argv, hs_error *error)
{
    for (int i = optind; i < argc && r->interrupted == 0; i++) {
        if (check_one(r, argv[i], error) != 0) {
            return -1;
        }
    }
    return r->junit != NULL && r->count != 0 ? hs_check_junit(r->checks, r->count, r->junit, error)
                                             : 0;
}

int hs_cmd_check(int argc, char **argv)
{
    static request r;
    r.annotations = getenv("GITHUB_ACTIONS") != NULL;
    int status = parse(&r, argc, argv);
    if (status >= 0) {
        return status;
    }
    r.words = r.junit != NULL && strcmp(r.junit, "-") == 0 ? stderr : stdout;
    hs_error error = {{0}};
    int result = check_all(&r, argc, argv, &error);
    size_t problems = 0;
    for (size_t i = 0; i < r.count; i++) {
        problems += r.checks[i].problem_count;
        hs_check_release(&r.checks[i]);
    }
    if (result != 0) {
        return hs_cmd_refuse("%s", error.text);
    }
    return fflush(r.words) != 0 ? hs_cmd_refuse("the results cannot be written")
           : problems != 0      ? HS_EXIT_FAILED
                                : HS_EXIT_OK;
}

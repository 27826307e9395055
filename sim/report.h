/* Reporters: what a run leaves behind. Each is one file and a row of the table in report.c. */
#ifndef HS_REPORT_H
#define HS_REPORT_H

#include <jansson.h>
#include <stdio.h>

#include "run.h"

/* What a reporter is given. Valid until it finishes. */
typedef struct hs_report_target {
    hs_session *session;
    const char *argument; /* of the option */
    FILE *words;          /* for people: stdout, or stderr when data goes to stdout */
    bool colour;          /* `words` is a terminal that shows colours */
} hs_report_target;

typedef struct hs_reporter {
    const char *option;   /* its name, and its option of `run` without "--" */
    const char *argument; /* what it takes, such as "FILE"; NULL: nothing */
    const char *help;
    /* After the policy's start, before the first event: its state, which finish() or abandon()
     * frees; NULL with *error. It may observe the run. */
    void *(*begin)(const hs_report_target *target, hs_error *error);
    /* After the last event and the mark `end`. 0, or -1 with *error and nothing left behind. */
    int (*finish)(void *state, hs_error *error);
    void (*abandon)(void *state);
} hs_reporter;

/* The table; NULL ends it. `run` always adds the first one, the report for a person. */
extern const hs_reporter *const hs_reporters[];

/* Rows of the table. */
extern const hs_reporter hs_report_text;
extern const hs_reporter hs_report_json;
extern const hs_reporter hs_report_csv;
extern const hs_reporter hs_report_addresses;
extern const hs_reporter hs_report_map;
extern const hs_reporter hs_report_heap_info;
extern const hs_reporter hs_report_mem_info;
extern const hs_reporter hs_report_html;
extern const hs_reporter hs_report_blocks;
extern const hs_reporter hs_report_perfetto;
extern const hs_reporter hs_report_massif;

/* The result as JSON (format: sim/README.md). NULL: host out of memory. */
json_t *hs_result_json(const hs_session *session);
json_t *hs_failure_json(const hs_run *run, const hs_failure *failure);

/* Where and why the device crashed, or null. */
json_t *hs_crash_json(const hs_run *run);
/* Writes `json` indented, with a newline, whole or not at all. */
int hs_json_write(const json_t *json, const char *path, hs_error *error);

/* The text of a map: one line for each region, `columns` letters wide, and a legend. */
int hs_map_print(FILE *out, const hs_run *run, unsigned columns, bool detailed, hs_error *error);

#endif

/* heapsim trace import */
#include "cmd_import.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data_path.h"
#include "import.h"
#include "input.h"
#include "memory_text.h"
#include "output.h"
#include "trace_scan.h"

static void help(void)
{
    puts(
        "Usage: heapsim trace import [--format NAME] [--policy NAME] LOG [-o OUT]\n"
        "\n"
        "Makes a trace or a layout of what other tools and boards print. LOG may be a whole\n"
        "serial log: other lines, colours, CR and cut lines are no trouble; '-' is stdin, .gz and\n"
        ".zst are unpacked. Without --format the format is found out.\n"
        "\n"
        "Formats that become a trace:");
    for (size_t i = 0; hs_import_format_row(i) != NULL; i++) {
        const hs_import_format *format = hs_import_format_row(i);
        if (format->yields == HS_IMPORT_TRACE) {
            printf("  %-14s %s\n", format->name, format->about);
        }
    }
    puts("\nFormats that become a layout (together: --format layout):");
    for (size_t i = 0; hs_import_format_row(i) != NULL; i++) {
        const hs_import_format *format = hs_import_format_row(i);
        if (format->yields == HS_IMPORT_LAYOUT) {
            printf("  %-14s %s\n", format->name, format->about);
        }
    }
    puts(
        "\n"
        "  -o OUT         where to; '-' is stdout, the default. A trace's form goes by its name:\n"
        "                 .trace, .trace.gz, .trace.zst, .hsb\n"
        "  --policy NAME  layouts: leave the Python heap to this policy, so that another first\n"
        "                 area can be tried; without it the block stays as it was\n"
        "\n"
        "Examples:\n"
        "  heapsim trace import serial.log -o board.yaml       # HTTPS fails on my board\n"
        "  heapsim run --layout board.yaml --trace https       # ... so it fails here too\n"
        "  heapsim trace import --policy micropython-v1.22 serial.log -o board.yaml\n"
        "  heapsim trace import leaks.log -o leaks.trace       # heap_trace_dump()\n"
        "  heapsim trace import heaptrack.app.zst -o app.trace.gz\n"
        "  MALLOC_TRACE=m.log ./app; heapsim trace import m.log -o app.trace\n"
        "\n"
        "Exit status: 0 fine, also when the log is incomplete (the trace then says so); 2 nothing\n"
        "to import or bad usage.");
}

typedef struct options {
    hs_import_request request;
    const char *log;
    const char *out;
} options;

static int usage(const char *message, const char *what)
{
    fprintf(stderr, "heapsim: %s%s; see heapsim trace import --help\n", message, what);
    return 2;
}

/* 0, or the exit status. */
static int parse(int argc, char **argv, options *o)
{
    for (int i = 1; i < argc; i++) {
        const char **value = strcmp(argv[i], "--format") == 0   ? &o->request.format
                             : strcmp(argv[i], "--policy") == 0 ? &o->request.policy
                             : strcmp(argv[i], "-o") == 0       ? &o->out
                                                                : NULL;
        if (value != NULL && i + 1 == argc) {
            return usage("found no value behind ", argv[i]);
        }
        if (value != NULL) {
            *value = argv[++i];
        } else if (argv[i][0] == '-' && argv[i][1] != 0) {
            return usage("found unknown option ", argv[i]);
        } else if (o->log != NULL) {
            return usage("found a second log ", argv[i]);
        } else {
            o->log = argv[i];
        }
    }
    return o->log != NULL ? 0 : usage("expected a log", "");
}

/* The whole log; the caller frees it. NULL with *error. */
static char *read_log(const char *path, size_t *size, hs_error *error)
{
    hs_input *input = hs_input_open(path, error);
    char *data = NULL;
    size_t room = 0;
    long got = input != NULL ? 1 : -1;
    *size = 0;
    while (got > 0) {
        if (*size == room) {
            room = room == 0 ? 65536 : room * 2;
            char *larger = realloc(data, room);
            if (larger == NULL) {
                hs_error_set(error, path, 0, "the host is out of memory");
                got = -1;
                break;
            }
            data = larger;
        }
        got = hs_input_read(input, data + *size, room - *size, error);
        *size += got > 0 ? (size_t)got : 0;
        if (*size > HS_IMPORT_SIZE_MAX) {
            hs_error_set(error, path, 0, "found more than %zu MiB, expected a smaller log",
                         HS_IMPORT_SIZE_MAX >> 20);
            got = -1;
        }
    }
    hs_input_close(input);
    if (got < 0) {
        free(data);
        return NULL;
    }
    return data;
}

static int write_layout(const options *o, hs_import_report *report, hs_error *error)
{
    hs_memory_text text;
    FILE *memory = hs_memory_text_open(&text);
    if (memory == NULL) {
        hs_error_set(error, NULL, 0, "the host is out of memory");
        return -1;
    }
    hs_error unwritten = {{0}};
    int result = hs_import_write(&o->request, memory, report, &unwritten);
    if (hs_memory_text_close(memory, &text) != 0) {
        hs_error_set(error, NULL, 0, "the host is out of memory");
        result = -1;
    }
    if (result != 0) {
        hs_error_set(error, NULL, 0, "%s", unwritten.text);
    }
    result = result == 0 ? hs_output_whole(o->out, text.text, text.size, error) : result;
    free(text.text);
    return result;
}

static void say(const options *o, const hs_import_report *report)
{
    const char *name = o->request.name;
    fprintf(stderr,
            "%s: %s: %" PRIu64 " lines, %" PRIu64 " used, %" PRIu64 " skipped, %" PRIu64
            " damaged\n",
            name, report->format, report->lines, report->used, report->lines - report->used,
            report->damaged);
    if (report->yields == HS_IMPORT_TRACE) {
        fprintf(stderr, "%s: %" PRIu64 " events; %s\n", name, report->events,
                report->complete ? "complete"
                                 : "the log is incomplete: the trace says `complete no`");
    } else if (!report->complete) {
        fprintf(stderr, "%s: the log is incomplete: the layout's source lines say so\n", name);
    }
    for (size_t i = 0; i < report->note_count; i++) {
        fprintf(stderr, "%s: %s\n", name, report->notes[i]);
    }
}

static int check_policy(const options *o, hs_error *error)
{
    if (o->request.policy == NULL) {
        return 0;
    }
    char *path = hs_data_find(HS_DATA_POLICY, o->request.policy, error);
    free(path);
    return path != NULL ? 0 : -1;
}

static int import(options *o, hs_error *error)
{
    const char *slash = strrchr(o->log, '/');
    o->request.name = strcmp(o->log, "-") == 0 ? "stdin" : slash != NULL ? slash + 1 : o->log;
    o->out = o->out != NULL ? o->out : "-";
    hs_import_report report;
    if (check_policy(o, error) != 0) {
        return -1;
    }
    if (!hs_text_is_plain(o->log, strlen(o->log))) {
        hs_error_set(error, o->log, 0, "found a control character in the name of a log");
        return -1;
    }
    char *data = read_log(o->log, &o->request.size, error);
    if (data == NULL) {
        return -1;
    }
    o->request.data = data;
    int result = -1;
    if (hs_import_find(&o->request, &report, error)) {
        result = report.yields == HS_IMPORT_TRACE
                     ? hs_import_write_trace(&o->request, o->out, &report, error)
                     : write_layout(o, &report, error);
    }
    free(data);
    if (result == 0) {
        say(o, &report);
    }
    return result;
}

int hs_cmd_import(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            help();
            return 0;
        }
    }
    options o = {0};
    hs_error error = {""};
    int status = parse(argc, argv, &o);
    if (status == 0 && import(&o, &error) != 0) {
        fprintf(stderr, "heapsim: %s\n", error.text);
        status = 2;
    }
    return status;
}

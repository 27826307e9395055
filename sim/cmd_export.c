/* heapsim trace export: a trace in the format of another tool. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cmd_trace.h"
#include "commands.h"
#include "export_heaptrack.h"
#include "output.h"

typedef struct format {
    const char *name;
    const char *help;
    int (*export)(hs_trace *trace, FILE *out, hs_error *error);
} format;

static const format formats[] = {
    {"heaptrack", "for heaptrack_gui and heaptrack_print", hs_export_heaptrack},
};
#define FORMAT_COUNT (sizeof formats / sizeof formats[0])

static int print_help(void)
{
    puts("usage: heapsim trace export [--format FORMAT] TRACE -o FILE\n"
         "\n"
         "Writes a trace in the format of another tool, so that its viewer can be used.\n"
         "FILE may be - for stdout; names that end in .gz or .zst are compressed.\n");
    for (size_t i = 0; i < FORMAT_COUNT; i++) {
        printf("  %-10s %s\n", formats[i].name, formats[i].help);
    }
    puts("\nexample\n  heapsim trace export https -o https.heaptrack.zst");
    return HS_EXIT_OK;
}

/* A stdio stream over an output file, which then appears whole or not at all. */
typedef struct sink {
    hs_output *output;
    hs_error *error;
} sink;

static ssize_t sink_write(void *cookie, const char *bytes, size_t size)
{
    const sink *s = cookie;
    return hs_output_write(s->output, bytes, size, s->error) == 0 ? (ssize_t)size : 0;
}

static int write_file(const format *to, hs_trace *trace, const char *path, hs_error *error)
{
    sink s = {hs_output_open(path, error), error};
    if (s.output == NULL) {
        return -1;
    }
    FILE *file = fopencookie(&s, "w", (cookie_io_functions_t){.write = sink_write});
    int result = file != NULL ? to->export(trace, file, error) : -1;
    if (file == NULL || fclose(file) != 0) {
        result = -1;
    }
    if (result != 0) { /* sink_write() has said why, if it was asked */
        hs_error_set(error, path, 0, "the host is out of memory");
        hs_output_abandon(s.output);
        return -1;
    }
    return hs_output_close(s.output, error);
}

static const format *find(const char *name)
{
    for (size_t i = 0; i < FORMAT_COUNT; i++) {
        if (strcmp(formats[i].name, name) == 0) {
            return &formats[i];
        }
    }
    return NULL;
}

int hs_cmd_export(int argc, char **argv)
{
    static const struct option options[] = {{"format", required_argument, NULL, 'f'},
                                            {"output", required_argument, NULL, 'o'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    const char *name = formats[0].name;
    const char *path = NULL;
    optind = 0;
    int option;
    while ((option = getopt_long(argc, argv, "f:o:h", options, NULL)) != -1) {
        if (option == 'h') {
            return print_help();
        }
        if (option == '?') {
            return hs_cmd_refuse("see `heapsim trace export --help`");
        }
        *(option == 'f' ? &name : &path) = optarg;
    }
    const format *to = find(name);
    if (to == NULL) {
        return hs_cmd_refuse("found --format %s, expected heaptrack", name);
    }
    if (path == NULL || argc - optind != 1) {
        return hs_cmd_refuse("expected one trace and -o FILE; see `heapsim trace export --help`");
    }
    hs_error error = {{0}};
    hs_trace *trace = hs_cmd_trace_open(argv[optind]);
    if (trace == NULL) {
        return HS_EXIT_BAD;
    }
    int result = write_file(to, trace, path, &error);
    hs_trace_close(trace);
    return result == 0 ? HS_EXIT_OK : hs_cmd_refuse("%s", error.text);
}

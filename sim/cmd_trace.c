#include "cmd_trace.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd_import.h"
#include "commands.h"
#include "data_path.h"
#include "trace_anonymise.h"
#include "trace_slice.h"
#include "trace_survey.h"

hs_trace *hs_cmd_trace_open(const char *name)
{
    hs_error error = {.text = ""};
    char *path = hs_data_find(HS_DATA_TRACE, name, &error);
    hs_trace *trace = path != NULL ? hs_trace_open(path, &error) : NULL;
    free(path);
    if (trace == NULL) {
        hs_cmd_refuse("%s", error.text);
    }
    return trace;
}

/* Closes the trace. Status of work that returned `result`. */
static int finish(hs_trace *trace, int result, const hs_error *error)
{
    hs_trace_close(trace);
    return result == 0 ? HS_EXIT_OK : hs_cmd_refuse("%s", error->text);
}

static const struct option only_help[] = {{"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};

/* Takes --help and counts what is left. -1 to go on, or the exit status. */
static int parse_plain(int argc, char **argv, int wanted, const char *usage)
{
    optind = 0;
    int option = getopt_long(argc, argv, "h", only_help, NULL);
    if (option == 'h') {
        printf("%s", usage);
        return HS_EXIT_OK;
    }
    if (option != -1) {
        return hs_cmd_refuse("see `heapsim trace %s --help`", argv[0]);
    }
    if (argc - optind < wanted) {
        return hs_cmd_refuse("found %d of the files that are needed, expected %s; see `heapsim "
                             "trace %s --help`",
                             argc - optind, wanted == 1 ? "one or more" : "IN and OUT", argv[0]);
    }
    return -1;
}

static int validate_one(const char *name)
{
    hs_error error = {.text = ""};
    hs_trace *trace = hs_cmd_trace_open(name);
    if (trace == NULL) {
        return HS_EXIT_BAD;
    }
    hs_survey *survey = hs_survey_trace(trace, &error);
    if (survey != NULL) {
        printf("%s: fine, %" PRIu64 " events\n", name, survey->events);
        if (survey->header->origin == HS_ORIGIN_UNSAID || survey->header->source_count == 0) {
            fprintf(stderr, "%s: it does not say where it comes from (origin, source)\n", name);
        }
        if (survey->header->complete == HS_COMPLETE_NO) {
            fprintf(stderr, "%s: it says that its capture lost events\n", name);
        }
    }
    hs_survey_destroy(survey);
    return finish(trace, survey != NULL ? 0 : -1, &error);
}

static int validate(int argc, char **argv)
{
    int status =
        parse_plain(argc, argv, 1,
                    "Usage: heapsim trace validate TRACE...\n\n"
                    "Reads each trace to its end and checks every line and every slot:\n"
                    "allocated twice, never allocated, linked beyond its size. The first\n"
                    "fault is told with file, line, what was found and what was expected.\n"
                    "\nExit status: 0 all are fine, 2 one is not.\n");
    if (status != -1) {
        return status;
    }
    status = HS_EXIT_OK;
    for (int i = optind; i < argc; i++) {
        int one = validate_one(argv[i]);
        status = one != HS_EXIT_OK ? one : status;
    }
    return status;
}

/* A slice of everything is a copy. */
static int cut(const char *from, const char *to, const hs_slice *slice)
{
    hs_error error = {.text = ""};
    hs_trace *trace = hs_cmd_trace_open(from);
    if (trace == NULL) {
        return HS_EXIT_BAD;
    }
    return finish(trace, hs_trace_cut(trace, slice, to, &error), &error);
}

static int convert(int argc, char **argv)
{
    int status = parse_plain(
        argc, argv, 2,
        "Usage: heapsim trace convert IN OUT\n\n"
        "Writes the trace in another form. OUT's name decides: *.hsb is the binary form, any\n"
        "other the text form; .gz or .zst at the end compresses; - is stdout, as text. Nothing\n"
        "is lost but comments.\n\n"
        "  heapsim trace convert day.trace.gz day.hsb\n"
        "  heapsim trace convert day.hsb - | less\n");
    if (status != -1) {
        return status;
    }
    if (argc - optind != 2) {
        return hs_cmd_refuse("found %s, expected IN and OUT alone", argv[optind + 2]);
    }
    hs_slice all = {.first = 1};
    return cut(argv[optind], argv[optind + 1], &all);
}

static const char slice_usage[] =
    "Usage: heapsim trace slice IN OUT [--events A..B] [--phase NAME[..NAME2]]\n"
    "                              [--owner NAME]... [--drop-live]\n\n"
    "Cuts a part out of a trace as a trace of its own.\n\n"
    "  --events A..B     events A to B, counted from 1; A.. to the end, ..B from the start\n"
    "  --phase P[..Q]    from the start of phase P to the end of phase Q (or of P)\n"
    "  --owner NAME      this owner's allocations alone; may be repeated\n"
    "  --drop-live       what is live where the part begins is left out, with all that names\n"
    "                    it later; otherwise it comes first, in a phase live-before\n\n"
    "A part that leaves out anything before its end loses recorded addresses, since they say\n"
    "nothing about it: `verify` is for whole traces.\n\n"
    "  heapsim trace slice lwip-http3 one.trace --phase http1_resolve..http1_closed --drop-live\n"
    "  heapsim trace slice day.hsb night.trace --events 120000..150000\n";

/* "A..B": splits in place; B is NULL when there is no "..". */
static char *split_range(char *text)
{
    char *dots = strstr(text, "..");
    if (dots == NULL) {
        return NULL;
    }
    *dots = 0;
    return dots + 2;
}

/* A number from 1, or `otherwise` for an empty text. False when it is neither. */
static bool parse_event(const char *text, uint64_t otherwise, uint64_t *event)
{
    char *end;
    errno = 0;
    *event = text[0] != 0 ? strtoull(text, &end, 10) : otherwise;
    return text[0] == 0 || (errno == 0 && *end == 0 && *event != 0 && text[0] != '-');
}

static int parse_events(hs_slice *slice, char *text)
{
    char *last = split_range(text);
    if (!parse_event(text, 1, &slice->first) ||
        !parse_event(last != NULL ? last : text, 0, &slice->last) ||
        (slice->last != 0 && slice->last < slice->first)) {
        return hs_cmd_refuse("found --events %s%s%s, expected A..B, counted from 1", text,
                             last != NULL ? ".." : "", last != NULL ? last : "");
    }
    return -1;
}

/* -1 to go on, or the exit status. */
static int take_slice_option(hs_slice *slice, int option, char *value)
{
    switch (option) {
    case 'e':
        return parse_events(slice, value);
    case 'p':
        slice->last_phase = split_range(value);
        slice->first_phase = value;
        if (slice->last_phase == NULL) {
            slice->last_phase = value;
        }
        return value[0] != 0 && slice->last_phase[0] != 0
                   ? -1
                   : hs_cmd_refuse("found an empty --phase, expected NAME or NAME..NAME2");
    case 'o':
        slice->owners[slice->owner_count++] = value;
        return -1;
    case 'd':
        slice->drop_live = true;
        return -1;
    case 'h':
        printf("%s", slice_usage);
        return HS_EXIT_OK;
    default:
        return hs_cmd_refuse("see `heapsim trace slice --help`");
    }
}

static int run_slice(hs_slice *slice, int argc, char **argv)
{
    static const struct option options[] = {
        {"events", required_argument, NULL, 'e'}, {"phase", required_argument, NULL, 'p'},
        {"owner", required_argument, NULL, 'o'},  {"drop-live", no_argument, NULL, 'd'},
        {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0}};
    optind = 0;
    for (int option; (option = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        int status = take_slice_option(slice, option, optarg);
        if (status != -1) {
            return status;
        }
    }
    if (argc - optind != 2) {
        return hs_cmd_refuse("expected IN and OUT; see `heapsim trace slice --help`");
    }
    if (slice->first_phase != NULL && slice->first != 0) {
        return hs_cmd_refuse("found --events and --phase, expected one of them");
    }
    if (slice->owner_count == 0) {
        slice->owners = NULL;
    }
    return cut(argv[optind], argv[optind + 1], slice);
}

static int slice(int argc, char **argv)
{
    const char **owners = calloc((size_t)argc, sizeof *owners);
    if (owners == NULL) {
        return hs_cmd_refuse("the host is out of memory");
    }
    hs_slice wanted = {.owners = owners};
    int status = run_slice(&wanted, argc, argv);
    free(owners);
    return status;
}

static const char anonymise_usage[] =
    "Usage: heapsim trace anonymise IN OUT [--shift BYTES]\n\n"
    "Replaces the names of owners, phases and marks by numbered ones, and title, sources and\n"
    "device by plain words, so that a trace can be passed on. Sizes, order, heaps, capabilities,\n"
    "origin and recorded addresses stay: they are what a replay needs. Policies route owners by\n"
    "name, so routes must be given the new names.\n\n"
    "  --shift BYTES     move all recorded addresses by this many bytes, a multiple of 16;\n"
    "                    may be negative\n";

static int anonymise(int argc, char **argv)
{
    static const struct option options[] = {{"shift", required_argument, NULL, 's'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    long long shift = 0;
    optind = 0;
    for (int option; (option = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        char *end = NULL;
        if (option == 'h') {
            printf("%s", anonymise_usage);
            return HS_EXIT_OK;
        }
        if (option != 's') {
            return hs_cmd_refuse("see `heapsim trace anonymise --help`");
        }
        shift = strtoll(optarg, &end, 0);
        if (*end != 0 || end == optarg || shift % 16 != 0 || llabs(shift) > UINT32_MAX) {
            return hs_cmd_refuse("found --shift %s, expected a multiple of 16 of 32 bits", optarg);
        }
    }
    if (argc - optind != 2) {
        return hs_cmd_refuse("expected IN and OUT; see `heapsim trace anonymise --help`");
    }
    hs_error error = {.text = ""};
    hs_trace *trace = hs_cmd_trace_open(argv[optind]);
    if (trace == NULL) {
        return HS_EXIT_BAD;
    }
    return finish(trace, hs_trace_anonymise(trace, argv[optind + 1], (uint32_t)shift, &error),
                  &error);
}

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *what;
} verbs[] = {
    {"info", hs_cmd_trace_info, "what is in a trace, and what it stresses"},
    {"validate", validate, "checks every line and every slot"},
    {"convert", convert, "text to binary and back, compressed or not"},
    {"slice", slice, "a part of a trace: events, a phase, an owner"},
    {"minimise", hs_cmd_trace_minimise, "the shortest trace that still fails in the same way"},
    {"anonymise", anonymise, "replaces names, so that a trace can be passed on"},
    {"import", hs_cmd_import, "a trace or a layout from a log of a device or of another tool"},
    {"export", hs_cmd_export, "a trace for the viewer of another tool"},
};
enum { VERBS = sizeof verbs / sizeof verbs[0] };

static int print_usage(FILE *file)
{
    fprintf(file, "Usage: heapsim trace VERB ...\n\n");
    for (size_t i = 0; i < VERBS; i++) {
        fprintf(file, "  %-10s %s\n", verbs[i].name, verbs[i].what);
    }
    fprintf(file, "\nA trace is a file, or the name of one that ships with heapsim (`heapsim list"
                  " traces`).\n`heapsim trace VERB --help` says more, with examples.\n\n"
                  "  heapsim trace info https\n"
                  "  heapsim trace validate mine.trace\n");
    return HS_EXIT_OK;
}

int hs_cmd_trace(int argc, char **argv)
{
    if (argc < 2) {
        print_usage(stderr);
        return HS_EXIT_BAD;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        return print_usage(stdout);
    }
    for (size_t i = 0; i < VERBS; i++) {
        if (strcmp(argv[1], verbs[i].name) == 0) {
            int status = verbs[i].run(argc - 1, argv + 1);
            bool lost = fflush(stdout) != 0 || ferror(stdout) != 0;
            return status == HS_EXIT_OK && lost ? hs_cmd_refuse("stdout cannot be written")
                                                : status;
        }
    }
    return hs_cmd_refuse("found trace verb %s; see `heapsim trace --help`", argv[1]);
}

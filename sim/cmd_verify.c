/* heapsim verify: does the simulator tell the truth about this board? */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "data_path.h"
#include "session.h"
#include "verify.h"

typedef struct request {
    const char *layout;
    const char *policy;
    const char *trace;
    const char *gc_version;
} request;

static int print_help(void)
{
    puts("usage: heapsim verify --trace TRACE [--gc-version vX.Y]\n"
         "       heapsim verify --layout LAYOUT [--policy POLICY] --trace TRACE\n"
         "\n"
         "Replays a trace that carries the addresses which the device returned (`@ADDR`) and\n"
         "reports the first event at which the replay differs, with the blocks around it.\n"
         "Without --layout the collector is built on the trace's own `area` statements, and its\n"
         "growths, releases and automatic collections are compared too.\n"
         "\n"
         "  --gc-version V      rules of that MicroPython release (default v1.25: it and later)\n"
         "\n"
         "Exit status: 0 all equal; 1 something differs; 2 bad usage or bad input.\n"
         "\n"
         "example\n"
         "  heapsim verify --trace web_json");
    return HS_EXIT_OK;
}

static int parse(request *r, int argc, char **argv)
{
    static const struct option options[] = {
        {"layout", required_argument, NULL, 'l'}, {"policy", required_argument, NULL, 'p'},
        {"trace", required_argument, NULL, 't'},  {"gc-version", required_argument, NULL, 'g'},
        {"help", no_argument, NULL, 'h'},         {0},
    };
    optind = 0;
    int option;
    while ((option = getopt_long(argc, argv, "+", options, NULL)) != -1) {
        switch (option) {
        case 'l':
            r->layout = optarg;
            break;
        case 'p':
            r->policy = optarg;
            break;
        case 't':
            r->trace = optarg;
            break;
        case 'g':
            r->gc_version = optarg;
            break;
        case 'h':
            return print_help();
        default:
            return hs_cmd_refuse("see `heapsim verify --help`");
        }
    }
    if (optind < argc || r->trace == NULL) {
        return hs_cmd_refuse("found %s, expected --trace TRACE; see `heapsim verify --help`",
                             optind < argc ? argv[optind] : "no trace");
    }
    return -1;
}

static int verify(const request *r, hs_trace *trace, hs_verify *result, hs_error *error)
{
    if (r->layout == NULL) {
        const hs_gc_version *version = hs_gc_version_find(r->gc_version);
        if (version == NULL) {
            hs_error_set(error, NULL, 0, "found --gc-version %s, expected a release such as v1.22",
                         r->gc_version);
            return -1;
        }
        return hs_verify_gc(result, trace, version, stdout, error);
    }
    hs_session *session = hs_session_open(r->layout, r->policy, error);
    if (session == NULL) {
        return -1;
    }
    int status = hs_verify_run(result, session->run, r->trace, trace, stdout, error);
    hs_session_close(session);
    return status;
}

static int tell(const request *r, const hs_verify *v)
{
    if (v->diverged) {
        printf("%s:", r->trace);
        if (v->line != 0) { /* the binary form has no lines */
            printf("%" PRIu64 ":", v->line);
        }
        printf(" event %" PRIu64 " differs; %s\n", v->event, v->what);
        return HS_EXIT_FAILED;
    }
    if (v->addresses == 0) {
        return hs_cmd_refuse("%s: found no recorded addresses, expected some (@ADDR or failed) to "
                             "compare",
                             r->trace);
    }
    if (v->pending) {
        fprintf(stderr,
                "%s: what its last statements announce could not be compared, no event follows\n",
                r->trace);
    }
    printf("%s: %" PRIu64 " events, %" PRIu64 " addresses equal, %" PRIu64
           " automatic collections, %" PRIu64 " growths and %" PRIu64 " releases as recorded\n",
           r->trace, v->events, v->addresses, v->collections, v->growths, v->releases);
    return HS_EXIT_OK;
}

int hs_cmd_verify(int argc, char **argv)
{
    request r = {.gc_version = "v1.25"};
    int status = parse(&r, argc, argv);
    if (status >= 0) {
        return status;
    }
    hs_error error = {{0}};
    char *path = hs_data_find(HS_DATA_TRACE, r.trace, &error);
    hs_trace *trace = path != NULL ? hs_trace_open(path, &error) : NULL;
    free(path);
    hs_verify result;
    int done = trace != NULL ? verify(&r, trace, &result, &error) : -1;
    hs_trace_close(trace);
    return done == 0 ? tell(&r, &result) : hs_cmd_refuse("%s", error.text);
}

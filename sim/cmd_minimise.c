/* heapsim trace minimise: the shortest trace that still fails in the same way. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cmd_trace.h"
#include "commands.h"
#include "minimise.h"
#include "session.h"

static const char usage[] =
    "Usage: heapsim trace minimise --layout LAYOUT [--policy POLICY] TRACE -o OUT\n"
    "                              [--seconds N] [--tests N]\n\n"
    "Leaves out of the trace what it can, as long as its first failed allocation keeps class,\n"
    "owner and size: whole lifetimes first, then single statements. For bug reports.\n\n"
    "  --layout NAME     the board: a file, or one of `heapsim list layouts`\n"
    "  --policy NAME     default: the one that the layout names\n"
    "  -o FILE           what is left; - is stdout\n"
    "  --tests N         stop after N replays\n"
    "  --seconds N       stop after N seconds; the result then depends on the host's speed\n\n"
    "  heapsim trace minimise --layout pico-d4 wifi-https -o small.trace\n"
    "\nExit status: 0 written, 2 bad usage, bad input, or nothing fails.\n";

typedef struct request {
    const char *layout;
    const char *policy;
    const char *trace;
    const char *out;
    hs_minimise_limits limits;
} request;

static int take_number(uint64_t *number, const char *option)
{
    char *end;
    errno = 0;
    *number = strtoull(optarg, &end, 10);
    if (errno != 0 || *end != 0 || *number == 0 || optarg[0] == '-') {
        return hs_cmd_refuse("found %s %s, expected a number from 1", option, optarg);
    }
    return -1;
}

/* -1 to go on, or the exit status. */
static int take_option(request *r, int option)
{
    switch (option) {
    case 'l':
        r->layout = optarg;
        return -1;
    case 'p':
        r->policy = optarg;
        return -1;
    case 'o':
        r->out = optarg;
        return -1;
    case 's':
        return take_number(&r->limits.seconds, "--seconds");
    case 't':
        return take_number(&r->limits.tests, "--tests");
    case 'h':
        printf("%s", usage);
        return HS_EXIT_OK;
    default:
        return hs_cmd_refuse("see `heapsim trace minimise --help`");
    }
}

static int parse(request *r, int argc, char **argv)
{
    static const struct option options[] = {{"layout", required_argument, NULL, 'l'},
                                            {"policy", required_argument, NULL, 'p'},
                                            {"output", required_argument, NULL, 'o'},
                                            {"seconds", required_argument, NULL, 's'},
                                            {"tests", required_argument, NULL, 't'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    optind = 0;
    for (int option; (option = getopt_long(argc, argv, "ho:", options, NULL)) != -1;) {
        int status = take_option(r, option);
        if (status != -1) {
            return status;
        }
    }
    if (argc - optind != 1 || r->layout == NULL || r->out == NULL) {
        return hs_cmd_refuse("expected --layout LAYOUT, one TRACE and -o OUT; see `heapsim trace "
                             "minimise --help`");
    }
    r->trace = argv[optind];
    return -1;
}

static int minimise(const request *r, hs_case *c, hs_error *error)
{
    hs_minimised done;
    int result = hs_case_add(c, r->trace, error);
    if (result == 0) {
        /* A guess: the bar only says that something goes on. */
        c->planned = r->limits.tests != 0 ? r->limits.tests : 2 * (uint64_t)c->tapes[0].life_count;
        c->progress = hs_cmd_progress;
        result = hs_minimise(c, &r->limits, &done, error);
        hs_cmd_progress_end();
    }
    if (result == 0) {
        result = hs_minimise_write(c, &done, r->out, error);
    }
    if (result != 0) {
        return hs_cmd_refuse("%s", error->text);
    }
    fprintf(stderr,
            "%" PRIu64 " events, %" PRIu64 " allocations -> %" PRIu64 " events, %" PRIu64
            " allocations after %" PRIu64 " replays%s\nstill %s: %s wants %" PRIu32
            " bytes at event %" PRIu64 "\n",
            done.events_before, done.allocations_before, done.events_after, done.allocations_after,
            done.tests, done.finished ? "" : " (a limit was reached: more may go)",
            hs_failure_class_name(done.result.failure.failure_class), done.result.owner,
            done.result.failure.size, done.result.failure.event);
    return HS_EXIT_OK;
}

int hs_cmd_trace_minimise(int argc, char **argv)
{
    request r = {0};
    int status = parse(&r, argc, argv);
    if (status != -1) {
        return status;
    }
    hs_error error = {{0}};
    hs_layout *layout;
    hs_policy *policy;
    bool loaded = hs_session_load(r.layout, r.policy, &layout, &policy, &error) == 0;
    hs_case *c = loaded ? hs_case_create(layout, policy, &error) : NULL;
    status = c != NULL ? minimise(&r, c, &error) : hs_cmd_refuse("%s", error.text);
    hs_case_destroy(c);
    hs_policy_free(policy);
    hs_layout_free(layout);
    return status;
}

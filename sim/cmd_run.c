/* heapsim run: replay traces on one board under one policy. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "heapsim.h"

#define REPORTERS_MAX 16
#define TRACES_MAX    1024

enum {
    OPTION_LAYOUT = 256,
    OPTION_POLICY,
    OPTION_TRACE,
    OPTION_ON_OOM,
    OPTION_HELP,
    OPTION_REPORT
};

typedef struct request {
    const char *layout;
    const char *policy;
    const char *traces[TRACES_MAX];
    size_t trace_count;
    bool stop_at_failure;
    bool asked[REPORTERS_MAX];
    const char *arguments[REPORTERS_MAX];
} request;

static void print_help(void)
{
    fputs(
        "usage: heapsim [run] --layout LAYOUT --trace TRACE [--trace TRACE2 ...] [options]\n"
        "\n"
        "Replays allocation traces against a model of a board's RAM, through the heap code of\n"
        "its ESP-IDF and MicroPython releases, address for address.\n"
        "\n"
        "  --layout NAME       the board: a file, or one of `heapsim list layouts`\n"
        "  --trace NAME        a trace: a file, or one of `heapsim list traces`; again for more,\n"
        "                      one after the other; none: the heap when the application starts\n"
        "  --policy NAME       what Python takes of the heap (`heapsim list policies`);\n"
        "                      default: the one that the layout names\n"
        "  --on-oom WHAT       when an allocation fails: continue (default) or stop\n",
        stdout);
    const char *name;
    const char *argument;
    const char *help;
    for (size_t i = 1; hs_reporter_at(i, &name, &argument, &help); i++) {
        char option[48];
        snprintf(option, sizeof option, "%s %s", name, argument != NULL ? argument : "");
        printf("  --%-17s %s\n", option, help);
    }
    fputs("  --help              this text\n"
          "\n"
          "FILE may be - for stdout; names that end in .gz or .zst are compressed.\n"
          "Exit status: 0 every allocation was served; 1 one failed; 2 bad usage or bad input.\n"
          "\n"
          "examples\n"
          "  heapsim --layout pico-d4 --trace https.trace\n"
          "  heapsim --layout esp32-idf3 --policy two-areas-2018 --trace none --mem-info\n"
          "  heapsim --layout pico-d4 --policy none --trace https.trace --json - | jq .final.idf\n"
          "  heapsim --layout esp32-v5 --trace wifi-connect --trace https --csv timeline.csv.gz\n",
          stdout);
}

static void long_options(struct option *options)
{
    const struct option fixed[] = {
        {"layout", required_argument, NULL, OPTION_LAYOUT},
        {"policy", required_argument, NULL, OPTION_POLICY},
        {"trace", required_argument, NULL, OPTION_TRACE},
        {"on-oom", required_argument, NULL, OPTION_ON_OOM},
        {"help", no_argument, NULL, OPTION_HELP},
    };
    size_t count = sizeof fixed / sizeof fixed[0];
    memcpy(options, fixed, sizeof fixed);
    const char *name;
    const char *argument;
    const char *help;
    for (int i = 1; hs_reporter_at((size_t)i, &name, &argument, &help); i++) {
        options[count++] = (struct option){name, argument != NULL ? required_argument : no_argument,
                                           NULL, OPTION_REPORT + i};
    }
    options[count] = (struct option){0};
}

/* -1 to go on, or the exit status. */
static int take_option(request *r, int option, const char *value)
{
    switch (option) {
    case OPTION_LAYOUT:
        r->layout = value;
        return -1;
    case OPTION_POLICY:
        r->policy = value;
        return -1;
    case OPTION_TRACE:
        if (r->trace_count == TRACES_MAX) {
            return hs_cmd_refuse("found more than %d traces", TRACES_MAX);
        }
        r->traces[r->trace_count++] = value;
        return -1;
    case OPTION_ON_OOM:
        r->stop_at_failure = strcmp(value, "stop") == 0;
        return r->stop_at_failure || strcmp(value, "continue") == 0
                   ? -1
                   : hs_cmd_refuse("found --on-oom %s, expected stop or continue", value);
    case OPTION_HELP:
    case 'h':
        print_help();
        return fflush(stdout) == 0 ? HS_EXIT_OK : hs_cmd_refuse("the help cannot be written");
    case '?':
        return hs_cmd_refuse("see `heapsim run --help`");
    default:
        r->asked[option - OPTION_REPORT] = true;
        r->arguments[option - OPTION_REPORT] = value;
        return -1;
    }
}

/* Two reports in one file would spoil each other. */
static int refuse_shared_file(const request *r)
{
    for (size_t i = 0; i < REPORTERS_MAX; i++) {
        for (size_t k = 0; k < i && r->arguments[i] != NULL; k++) {
            if (r->arguments[k] != NULL && strcmp(r->arguments[i], r->arguments[k]) == 0) {
                return hs_cmd_refuse("found two reports that go to %s, expected a file for each",
                                     r->arguments[i]);
            }
        }
    }
    return -1;
}

static int parse(request *r, int argc, char **argv)
{
    struct option options[8 + REPORTERS_MAX];
    long_options(options);
    optind = 0;
    int option;
    while ((option = getopt_long(argc, argv, "+h", options, NULL)) != -1) {
        int status = take_option(r, option, optarg);
        if (status >= 0) {
            return status;
        }
    }
    if (optind < argc) {
        return hs_cmd_refuse("found argument %s, expected options; see `heapsim run --help`",
                             argv[optind]);
    }
    if (r->layout == NULL) {
        return hs_cmd_refuse("found no --layout, expected one (`heapsim list layouts`)");
    }
    if (r->trace_count == 0) {
        return hs_cmd_refuse("found no --trace, expected one or more, or `--trace none` "
                             "(`heapsim list traces`)");
    }
    return refuse_shared_file(r);
}

/* Words go to stderr when some reporter writes its data to stdout. */
static FILE *words_of(const request *r)
{
    for (size_t i = 0; i < REPORTERS_MAX; i++) {
        if (r->arguments[i] != NULL && strcmp(r->arguments[i], "-") == 0) {
            return stderr;
        }
    }
    return stdout;
}

static int add_reports(const request *r, hs_session *session, hs_error *error)
{
    FILE *words = words_of(r);
    bool colour = isatty(fileno(words)) != 0 && getenv("NO_COLOR") == NULL;
    const char *name;
    const char *argument;
    const char *help;
    for (size_t i = 0; hs_reporter_at(i, &name, &argument, &help); i++) {
        bool wanted = i == 0 || r->asked[i];
        if (wanted &&
            hs_session_report(session, name, r->arguments[i], words, colour, error) != 0) {
            return -1;
        }
    }
    return 0;
}

static int replay_all(const request *r, hs_session *session, hs_error *error)
{
    hs_session_stop_at_failure(session, r->stop_at_failure);
    hs_session_on_progress(session, hs_cmd_progress, NULL);
    for (size_t i = 0; i < r->trace_count; i++) {
        int result =
            strcmp(r->traces[i], "none") == 0 ? 0 : hs_session_replay(session, r->traces[i], error);
        hs_cmd_progress_end();
        if (result != 0) {
            return -1;
        }
    }
    return hs_session_finish(session, error);
}

int hs_cmd_run(int argc, char **argv)
{
    request r = {0};
    int status = parse(&r, argc, argv);
    if (status >= 0) {
        return status;
    }
    hs_error error = {{0}};
    hs_session *session = hs_session_open(r.layout, r.policy, &error);
    if (session == NULL || add_reports(&r, session, &error) != 0 ||
        replay_all(&r, session, &error) != 0) {
        hs_session_close(session);
        return hs_cmd_refuse("%s", error.text);
    }
    status = hs_session_failed(session) ? HS_EXIT_FAILED : HS_EXIT_OK;
    hs_session_close(session);
    return status;
}

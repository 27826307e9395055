/* heapsim: the command. Finds the verb; `run` is the default one. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "commands.h"
#include "heapsim.h"

typedef struct verb {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
} verb;

static const verb verbs[] = {
    {"run", hs_cmd_run, "replay traces on a board; the default verb"},
    {"explain", hs_cmd_explain, "why a run fails, who holds the memory, what would help"},
    {"verify", hs_cmd_verify, "compare replayed addresses with recorded ones"},
    {"trace", hs_cmd_trace, "look into traces, check, convert and cut them"},
    {"compare", hs_cmd_compare, "replay layouts, policies, scenarios and seeds; one table"},
    {"merge", hs_cmd_merge, "join the parts that compare --shard wrote"},
    {"check", hs_cmd_check, "scenarios against their expectations and baselines"},
    {"search", hs_cmd_search, "the largest or smallest value with which a scenario still passes"},
    {"list", hs_cmd_list, "layouts, policies, traces, scenarios, profiles, metrics"},
};
#define VERB_COUNT (sizeof verbs / sizeof verbs[0])

static int print_help(void)
{
    puts("heapsim replays allocation traces of ESP32 firmware against a model of the chip's RAM,\n"
         "address for address, so that heap policies are compared before flashing.\n"
         "\n"
         "usage: heapsim [VERB] ...\n");
    for (size_t i = 0; i < VERB_COUNT; i++) {
        printf("  %-8s %s\n", verbs[i].name, verbs[i].help);
    }
    puts("\n"
         "Each verb has --help. Start with:\n"
         "  heapsim --layout pico-d4 --trace https.trace");
    return fflush(stdout) == 0 ? HS_EXIT_OK : HS_EXIT_BAD;
}

int hs_cmd_refuse(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("heapsim: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    return HS_EXIT_BAD;
}

/* --- progress --- */

static struct {
    bool drawn;
    unsigned percent;
    time_t started;
} bar;

void hs_cmd_progress(void *context, uint64_t done, uint64_t size)
{
    (void)context;
    static int terminal = -1;
    terminal = terminal < 0 ? isatty(STDERR_FILENO) : terminal;
    if (size == 0 || terminal == 0) {
        return;
    }
    time_t now = time(NULL);
    bar.started = bar.started == 0 ? now : bar.started;
    if (now - bar.started < 1) {
        return;
    }
    unsigned percent = (unsigned)(done >= size ? 100 : done * 100 / size);
    if (bar.drawn && percent == bar.percent) {
        return;
    }
    bar.percent = percent;
    fprintf(stderr, "\r[%-50.*s] %3u %%", (int)(percent / 2),
            "##################################################", percent);
    bar.drawn = true;
}

void hs_cmd_progress_end(void)
{
    if (bar.drawn) {
        fprintf(stderr, "\r%-60s\r", "");
    }
    bar.drawn = false;
    bar.started = 0;
}

int main(int argc, char **argv)
{
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
        int status = print_help();
        return argc < 2 ? HS_EXIT_BAD : status;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("heapsim %s\n", hs_version());
        return HS_EXIT_OK;
    }
    if (argv[1][0] == '-') {
        return hs_cmd_run(argc, argv);
    }
    for (size_t i = 0; i < VERB_COUNT; i++) {
        if (strcmp(argv[1], verbs[i].name) == 0) {
            return verbs[i].run(argc - 1, argv + 1);
        }
    }
    return hs_cmd_refuse("found verb %s, expected one of them in `heapsim --help`", argv[1]);
}

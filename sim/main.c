/* heapsim: the command. Finds the verb; `run` is the default one. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cmd_grid.h"
#include "commands.h"
#include "heapsim.h"
#include "output.h"

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
    return HS_EXIT_OK;
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

/* --- what surrounds every verb --- */

/* A file that is opened must not become stdin, stdout or stderr because the caller closed them. */
static void fill_closed_files(void)
{
    for (int file = STDIN_FILENO; file <= STDERR_FILENO; file++) {
        if (fcntl(file, F_GETFD) < 0 && errno == EBADF) {
            /* the wrong way round, so that its use fails */
            (void)open("/dev/null", file == STDIN_FILENO ? O_WRONLY : O_RDONLY);
        }
    }
}

static void on_end(int number)
{
    hs_output_remove_temporaries();
    raise(number); /* delivered with its default action once this returns */
}

/* A signal that ends the program ends its half-written files too; a file size limit is an error
 * like a full disk. */
static void watch_signals(void)
{
    static const int ends[] = {SIGHUP, SIGINT, SIGPIPE, SIGTERM, SIGXCPU};
    struct sigaction end = {.sa_handler = on_end, .sa_flags = (int)SA_RESETHAND};
    sigemptyset(&end.sa_mask);
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        struct sigaction old;
        if (sigaction(ends[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN) {
            sigaction(ends[i], &end, NULL);
        }
    }
    signal(SIGXFSZ, SIG_IGN);
}

static int run_verb(int argc, char **argv)
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

int main(int argc, char **argv)
{
    fill_closed_files();
    watch_signals();
    int status = run_verb(argc, argv);
    bool lost = fflush(stdout) != 0 || ferror(stdout) != 0;
    hs_cmd_die_if_interrupted();
    return lost && status != HS_EXIT_BAD ? hs_cmd_refuse("stdout cannot be written") : status;
}

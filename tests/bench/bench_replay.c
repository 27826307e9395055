/* bench_replay replay LAYOUT TRACE ROUNDS | read TRACE ROUNDS | copy LAYOUT ROUNDS | open LAYOUT
 * ROUNDS: prints how many units (events, copies, sessions) were done and the seconds of processor
 * time. For callgrind: the difference between two counts of rounds is the work alone. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "session.h"

static int fail(const hs_error *error)
{
    fprintf(stderr, "bench_replay: %s\n", error->text);
    return 2;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t); /* others run on the machine, too */
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void report(uint64_t units, double from)
{
    printf("%" PRIu64 " %.9f\n", units, now() - from);
}

/* The most memory that this process had: the kernel's own figure would include the parent's. */
static void report_memory(void)
{
    char line[128];
    FILE *status = fopen("/proc/self/status", "r");
    while (status != NULL && fgets(line, sizeof line, status) != NULL) {
        if (strncmp(line, "VmHWM:", 6) == 0) {
            fprintf(stderr, "%lu KiB of memory\n", strtoul(line + 6, NULL, 10));
        }
    }
    if (status != NULL) {
        fclose(status);
    }
}

static int replay(const char *layout, const char *trace, uint64_t rounds)
{
    hs_error error = {{0}};
    hs_session *session = hs_session_open(layout, "none", &error);
    double from = now();
    for (uint64_t i = 0; session != NULL && i < rounds; i++) {
        if (hs_session_replay(session, trace, &error) != 0) {
            return fail(&error);
        }
    }
    if (session == NULL) {
        return fail(&error);
    }
    report(session->run->event, from);
    fprintf(stderr, "%" PRIu64 " failures, least largest free block %" PRIu32 "\n",
            session->run->failures, session->run->extreme.minimum_largest);
    report_memory();
    hs_session_close(session);
    return 0;
}

static int read_trace(const char *name, uint64_t rounds)
{
    hs_error error = {{0}};
    uint64_t events = 0;
    double from = now();
    for (uint64_t i = 0; i < rounds; i++) {
        hs_trace *trace = hs_session_open_trace(name, &error);
        hs_event batch[256];
        long count = trace != NULL ? 1 : -1;
        while (count > 0 && (count = hs_trace_read(trace, batch, 256, &error)) > 0) {
            events += (uint64_t)count;
        }
        hs_trace_close(trace);
        if (count < 0) {
            return fail(&error);
        }
    }
    report(events, from);
    return 0;
}

static int copy_board(const char *layout, uint64_t rounds)
{
    hs_error error = {{0}};
    hs_session *session = hs_session_open(layout, NULL, &error);
    hs_board *copy = session != NULL ? hs_board_copy(session->board, &error) : NULL;
    if (copy == NULL) {
        return fail(&error);
    }
    double from = now();
    for (uint64_t i = 0; i < rounds; i++) {
        hs_board_copy_into(copy, session->board);
    }
    report(rounds, from);
    hs_board_destroy(copy);
    hs_session_close(session);
    return 0;
}

static int open_session(const char *layout, uint64_t rounds)
{
    hs_error error = {{0}};
    double from = now();
    for (uint64_t i = 0; i < rounds; i++) {
        hs_session *session = hs_session_open(layout, NULL, &error);
        if (session == NULL) {
            return fail(&error);
        }
        hs_session_close(session);
    }
    report(rounds, from);
    return 0;
}

int main(int argc, char **argv)
{
    uint64_t rounds = argc > 3 ? strtoull(argv[argc - 1], NULL, 10) : 0;
    if (argc == 5 && strcmp(argv[1], "replay") == 0) {
        return replay(argv[2], argv[3], rounds);
    }
    if (argc == 4 && strcmp(argv[1], "read") == 0) {
        return read_trace(argv[2], rounds);
    }
    if (argc == 4 && strcmp(argv[1], "copy") == 0) {
        return copy_board(argv[2], rounds);
    }
    if (argc == 4 && strcmp(argv[1], "open") == 0) {
        return open_session(argv[2], rounds);
    }
    fputs("usage: bench_replay replay LAYOUT TRACE ROUNDS | read TRACE ROUNDS | copy LAYOUT ROUNDS "
          "| open LAYOUT ROUNDS\n",
          stderr);
    return 2;
}

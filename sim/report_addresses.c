/* --addresses: event number, slot and address of every alloc, calloc, aligned and realloc. */
#include <inttypes.h>
#include <stdlib.h>

#include "output.h"
#include "report.h"
#include "session.h"

typedef struct state {
    hs_output *output;
    hs_error error; /* the first, told at the end */
    bool failed;
} state;

static void on_event(void *context, const hs_run *run, const hs_event *event,
                     const hs_outcome *outcome)
{
    (void)run;
    state *s = context;
    if (event->op > HS_OP_REALLOC || s->failed) {
        return;
    }
    char line[64];
    int length = outcome->address != 0
                     ? snprintf(line, sizeof line, "%" PRIu64 " %" PRIu32 " 0x%08" PRIx32 "\n",
                                outcome->event, event->slot, outcome->address)
                     : snprintf(line, sizeof line, "%" PRIu64 " %" PRIu32 " NULL\n", outcome->event,
                                event->slot);
    s->failed = hs_output_write(s->output, line, (size_t)length, &s->error) != 0;
}

static void *begin(const hs_report_target *target, hs_error *error)
{
    state *s = calloc(1, sizeof *s);
    if (s != NULL) {
        s->output = hs_output_open(target->argument, error);
    }
    if (s == NULL || s->output == NULL) {
        hs_error_set(error, NULL, 0, "the host is out of memory");
        free(s);
        return NULL;
    }
    hs_run_observe(target->session->run, (hs_observer){.context = s, .event = on_event});
    return s;
}

static void abandon(void *context)
{
    state *s = context;
    hs_output_abandon(s->output);
    free(s);
}

static int finish(void *context, hs_error *error)
{
    state *s = context;
    if (s->failed) {
        hs_error_set(error, NULL, 0, "%s", s->error.text);
        abandon(s);
        return -1;
    }
    int result = hs_output_close(s->output, error);
    free(s);
    return result;
}

const hs_reporter hs_report_addresses = {
    "addresses", "FILE", "the address of every allocation, for exact comparison",
    begin,       finish, abandon,
};

/* --csv: the time line, a row for each event. Columns: sim/README.md. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"
#include "report.h"
#include "session.h"

typedef struct state {
    hs_output *output;
    hs_error error; /* the first, told at the end */
    bool failed;
} state;

static void put(state *s, const char *text, size_t size)
{
    if (!s->failed) {
        s->failed = hs_output_write(s->output, text, size, &s->error) != 0;
    }
}

/* A name as a CSV field: quoted when it must be. */
static void put_name(state *s, const char *name)
{
    if (strpbrk(name, ",\"\r\n") == NULL) {
        put(s, name, strlen(name));
        return;
    }
    put(s, "\"", 1);
    for (const char *c = name; *c != 0; c++) {
        put(s, c, 1);
        if (*c == '"') {
            put(s, "\"", 1);
        }
    }
    put(s, "\"", 1);
}

static void put_metrics(state *s, const hs_run *run)
{
    char text[200];
    const hs_live_metrics *live = &run->live;
    int length =
        snprintf(text, sizeof text,
                 ",%" PRIu32 ",%" PRIu32 ",%" PRIu32 ",%" PRIu32 ",%" PRIu32 ",%" PRIu32 ",%" PRIu64
                 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 "\n",
                 live->idf_free, live->idf_largest, live->minimum_largest, live->idf_allocated,
                 run->board->has_gc ? run->board->gc.total * HS_GC_BLOCK : 0, live->gc_used,
                 run->collections, run->growths, run->releases, run->failures);
    put(s, text, (size_t)length);
}

static void on_event(void *context, const hs_run *run, const hs_event *event,
                     const hs_outcome *outcome)
{
    state *s = context;
    char text[64];
    int length = snprintf(text, sizeof text, "%" PRIu64 ",%" PRId64 ",", outcome->event, run->time);
    put(s, text, (size_t)length);
    put_name(s, run->phases[run->current_phase]);
    length = snprintf(text, sizeof text, ",%s,", hs_op_name((enum hs_op)event->op));
    put(s, text, (size_t)length);
    if (outcome->owner != HS_NO_OWNER) {
        put_name(s, run->owners[outcome->owner].name);
    }
    length = snprintf(text, sizeof text, ",%" PRIu32, outcome->size);
    put(s, text, (size_t)length);
    put_metrics(s, run);
}

static void *begin(const hs_report_target *target, hs_error *error)
{
    static const char head[] = "event,time_us,phase,op,owner,size,idf_free,idf_largest_free_block,"
                               "minimum_largest_free_block,idf_allocated,gc_total,gc_used,"
                               "gc_collections,gc_growths,gc_releases,failures\n";
    state *s = calloc(1, sizeof *s);
    if (s != NULL) {
        s->output = hs_output_open(target->argument, error);
    }
    if (s == NULL || s->output == NULL) {
        hs_error_set(error, NULL, 0, "the host is out of memory");
        free(s);
        return NULL;
    }
    put(s, head, sizeof head - 1);
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

const hs_reporter hs_report_csv = {
    "csv", "FILE", "the time line, a row for each event", begin, finish, abandon,
};

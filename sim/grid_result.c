/* What remains of a cell's run: numbers by metric, its first failure, the marks asked for. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "copy_array.h"
#include "grid_cell.h"
#include "probe.h"

static int no_memory(hs_error *error)
{
    hs_error_set(error, NULL, 0, "the host is out of memory");
    return -1;
}

/* --- long runs --- */

static int compare_slopes(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return (left > right) - (left < right);
}

/* Variance of Mann-Kendall's S, corrected for ties: equal values of free memory are the rule. */
static double variance_of(uint32_t *sorted, size_t count)
{
    double n = (double)count;
    double variance = n * (n - 1) * (2 * n + 5);
    for (size_t i = 0; i < count;) {
        size_t k = i;
        while (k < count && sorted[k] == sorted[i]) {
            k++;
        }
        double t = (double)(k - i);
        variance -= t * (t - 1) * (2 * t + 5);
        i = k;
    }
    return variance / 18;
}

static int compare_words(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a;
    uint32_t right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

#define TREND_SAMPLES 1024u /* at most: pairs of them are compared */

int hs_trend_of(const hs_cycle_sample *samples, size_t count, hs_trend *trend)
{
    *trend = (hs_trend){0, 0};
    size_t stride = (count + TREND_SAMPLES - 1) / TREND_SAMPLES;
    size_t n = count < 3 ? 0 : (count + stride - 1) / stride;
    double *slopes = malloc((n * n / 2 + 1) * sizeof *slopes);
    uint32_t *values = malloc((n + 1) * sizeof *values);
    if (slopes == NULL || values == NULL) {
        free(slopes);
        free(values);
        return -1;
    }
    size_t pairs = 0;
    int64_t s = 0;
    for (size_t i = 0; i < n; i++) {
        values[i] = samples[i * stride].free;
        for (size_t k = 0; k < i; k++) {
            double change = (double)values[i] - (double)values[k];
            slopes[pairs++] = change / (double)((i - k) * stride);
            s += (change > 0) - (change < 0);
        }
    }
    if (pairs > 0) {
        qsort(slopes, pairs, sizeof *slopes, compare_slopes);
        double middle = (slopes[(pairs - 1) / 2] + slopes[pairs / 2]) / 2;
        qsort(values, n, sizeof *values, compare_words);
        double variance = variance_of(values, n);
        double z = s == 0 || variance <= 0 ? 0 : ((double)s - (s > 0 ? 1 : -1)) / sqrt(variance);
        *trend = (hs_trend){llround(middle * 1000), llround(z * 1000)};
    }
    free(slopes);
    free(values);
    return 0;
}

/* --- values --- */

static void set(int64_t *values, const char *name, int64_t value)
{
    values[hs_metric_index(name)] = value;
}

static int cycle_values(const hs_cell_run *cell, int64_t *values, hs_error *error)
{
    if (cell->cycle_count == 0) {
        return 0;
    }
    hs_trend trend;
    if (hs_trend_of(cell->cycles, cell->cycle_count, &trend) != 0) {
        return no_memory(error);
    }
    size_t without = 0;
    while (without < cell->cycle_count && cell->cycles[without].fits) {
        without++;
    }
    set(values, "cycle.count", (int64_t)cell->cycle_count);
    set(values, "cycle.slope", trend.slope);
    set(values, "cycle.trend", trend.z);
    set(values, "cycle.without_socket", without < cell->cycle_count ? (int64_t)without + 1 : 0);
    return 0;
}

static void run_values(const hs_run *run, int64_t *values)
{
    const hs_mark *final = &run->marks[run->mark_count - 1];
    bool starved = run->failed && run->failure.heap == HS_HEAP_IDF;
    set(values, "events", (int64_t)run->event);
    set(values, "failures", (int64_t)run->failures);
    set(values, "minimum_free", final->minimum_free);
    set(values, "minimum_largest_free_block", run->extreme.minimum_largest);
    set(values, "peak.idf_allocated", run->extreme.peak_idf_allocated);
    set(values, "starvation", starved ? run->failure.gc_free : 0);
    if (run->board->has_gc) {
        set(values, "peak.gc_used", hs_run_peak_gc_used(run));
        set(values, "collections", (int64_t)run->collections);
        set(values, "growths", (int64_t)run->growths);
    }
}

static void clear(int64_t *values)
{
    for (size_t i = 0; i < HS_GRID_METRICS; i++) {
        values[i] = HS_METRIC_ABSENT;
    }
}

static int mark_values(const hs_mark *mark, int64_t sockets, hs_cell_mark *to)
{
    clear(to->values);
    for (size_t i = 0; i < hs_metric_count; i++) {
        int64_t value;
        if (hs_metrics[i].scope == HS_METRIC_MARK &&
            hs_metric_of_mark(mark, hs_metrics[i].name, &value)) {
            to->values[i] = value;
        }
    }
    set(to->values, "sockets", sockets);
    to->event = mark->event;
    to->name = strdup(mark->name);
    return to->name != NULL ? 0 : -1;
}

/* Whether the scenario itself asks for it: what else is in the grid must not change a result. */
static bool of_scenario(const hs_cell *cell, const char *name)
{
    const hs_scenario *s = cell->scenario;
    for (size_t i = 0; i < s->marks.count; i++) {
        if (strcmp(s->marks.texts[i], name) == 0) {
            return true;
        }
    }
    for (size_t i = 0; i < s->expectation_count; i++) {
        for (size_t k = 0; k < s->expectations[i].check_count; k++) {
            const char *mark = s->expectations[i].checks[k].mark;
            if (mark != NULL && strcmp(mark, name) == 0) {
                return true;
            }
        }
    }
    for (size_t i = 0; i < cell->program.count; i++) {
        if (cell->program.list[i].kind == HS_DO_MARK &&
            strcmp(cell->program.list[i].name, name) == 0) {
            return true;
        }
    }
    return strcmp(name, "start") == 0 || strcmp(name, "end") == 0;
}

static int take_marks(const hs_cell_run *from, hs_cell *cell, hs_error *error)
{
    hs_cell_result *r = &cell->result;
    r->marks = calloc(from->run->mark_count, sizeof *r->marks);
    if (r->marks == NULL) {
        return no_memory(error);
    }
    for (size_t i = 0; i < from->run->mark_count; i++) {
        const hs_mark *mark = &from->run->marks[i];
        if (!of_scenario(cell, mark->name)) {
            continue;
        }
        r->mark_count++;
        if (mark_values(mark, from->sockets[i], &r->marks[r->mark_count - 1]) != 0) {
            return no_memory(error);
        }
    }
    return 0;
}

size_t hs_cell_outcome(const hs_cell_result *result)
{
    if (!result->failed) {
        return 0;
    }
    bool crashed = result->failure.crash != NULL && result->failure.owner[0] == 0;
    return crashed ? HS_CELL_CRASHED : result->failure.failure_class + 1u;
}

const char *hs_cell_outcome_name(size_t outcome)
{
    return outcome == 0 ? "completed"
           : outcome == HS_CELL_CRASHED
               ? "crash"
               : hs_failure_class_name((enum hs_failure_class)(outcome - 1));
}

static int take_failure(const hs_run *run, hs_cell_failure *to, hs_error *error)
{
    const hs_failure *f = &run->failure;
    bool in_trace = run->failed && f->trace < run->trace_count && f->event != 0;
    *to = (hs_cell_failure){
        .trace = strdup(in_trace ? run->traces[f->trace].name : ""),
        .owner = strdup(run->failed ? hs_run_owner_name(run, f->owner) : ""),
        .phase = strdup(run->phases[f->phase]),
        .crash = run->crashed ? strdup(hs_run_crash_reason(run)) : NULL,
        .failure_class = f->failure_class,
        .heap = f->heap,
        .event = run->failed ? f->event : run->crash_event,
        .line = f->line,
        .size = f->size,
        .free = f->free,
        .largest = f->largest,
        .gc_free = f->gc_free,
    };
    bool ok = to->trace != NULL && to->owner != NULL && to->phase != NULL &&
              (!run->crashed || to->crash != NULL);
    return ok ? 0 : no_memory(error);
}

int hs_cell_run_finish(hs_cell_run *from, hs_cell *cell, hs_board_pool *pool, hs_error *error)
{
    (void)pool;
    hs_run *run = from->run;
    hs_cell_result *r = &cell->result;
    clear(r->values);
    if (hs_run_finish(run, error) != 0) {
        return -1;
    }
    int64_t *grown = realloc(from->sockets, run->mark_count * sizeof *grown);
    if (grown == NULL) {
        return no_memory(error);
    }
    from->sockets = grown;
    run_values(run, r->values);
    r->failed = run->failed || run->crashed;
    /* The run is over: its own board is probed, which frees what it takes. */
    grown[run->mark_count - 1] = hs_probe_sockets(run);
    from->socket_count = run->mark_count;
    if (run->board->has_gc) {
        set(r->values, "python_free", (int64_t)hs_probe_python(run));
    }
    r->interval = from->interval;
    r->checkpoint_count = from->checkpoint_count;
    r->checkpoints =
        hs_copy_array(from->checkpoints, from->checkpoint_count, sizeof *r->checkpoints);
    if (r->checkpoints == NULL || (r->failed && take_failure(run, &r->failure, error) != 0)) {
        return no_memory(error);
    }
    return take_marks(from, cell, error) != 0 ? -1 : cycle_values(from, r->values, error);
}

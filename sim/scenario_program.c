#include "scenario_program.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "yaml_file.h"

typedef struct maker {
    hs_program *program;
    size_t capacity;
    const hs_program_values *values;
    hs_grid_traces *traces;
    hs_error *error;
    uint32_t streams; /* open now */
} maker;

static int add(maker *m, hs_do what)
{
    hs_program *p = m->program;
    if (p->count == HS_PROGRAM_MAX) {
        hs_error_set(m->error, m->values->scenario->path, 0,
                     "found more than %u operations in one cell, expected fewer repeats",
                     HS_PROGRAM_MAX);
        return -1;
    }
    if (p->count == m->capacity) {
        m->capacity = m->capacity == 0 ? 16 : 2 * m->capacity;
        hs_do *grown = realloc(p->list, m->capacity * sizeof *grown);
        if (grown == NULL) {
            hs_error_set(m->error, NULL, 0, "the host is out of memory");
            return -1;
        }
        p->list = grown;
    }
    p->list[p->count++] = what;
    return 0;
}

/* The text, or what the cell has for its `$NAME`. The reader has checked the names. */
static const char *resolve(const maker *m, const char *text)
{
    const hs_scenario *s = m->values->scenario;
    for (size_t i = 0; text[0] == '$' && i < s->axis_count; i++) {
        if (!s->axes[i].policy && strcmp(s->axes[i].name, text + 1) == 0) {
            return s->axes[i].values.texts[m->values->values[i]];
        }
    }
    return text;
}

static int number(const maker *m, const hs_scenario_step *step, const char *text,
                  uint32_t otherwise, uint32_t *value)
{
    *value = otherwise;
    if (text == NULL || strcmp(text, "$seed") == 0) {
        return 0;
    }
    const char *resolved = resolve(m, text);
    if (!hs_yaml_parse_size(resolved, value)) {
        hs_error_set(m->error, m->values->scenario->path, step->line,
                     "found '%s' for %s, expected a number", resolved, text);
        return -1;
    }
    return 0;
}

static int add_steps(maker *m, const hs_scenario_step *steps, size_t count);

static int open_stream(maker *m, const hs_scenario_step *step, const char *name, uint32_t *trace)
{
    long found = hs_grid_traces_find(m->traces, resolve(m, name), step->from, step->until,
                                     step->free_rest, m->error);
    if (found < 0) {
        return -1;
    }
    if (m->streams == HS_PROGRAM_STREAMS) {
        hs_error_set(m->error, m->values->scenario->path, step->line,
                     "found more than %u traces at once", HS_PROGRAM_STREAMS);
        return -1;
    }
    *trace = (uint32_t)found;
    return 0;
}

/* A phase begins or a mark stands here whose name is like `at`. */
static bool is_place(const hs_event *event, const char *at)
{
    return (event->op == HS_OP_PHASE || event->op == HS_OP_MARK) &&
           fnmatch(at, event->name, 0) == 0;
}

static int play_inner(maker *m, const hs_scenario_step *step)
{
    if (add_steps(m, step->steps, step->step_count) != 0) {
        return -1;
    }
    return step->cycle == NULL ? 0 : add(m, (hs_do){.kind = HS_DO_CYCLE, .name = step->cycle});
}

/* The trace up to each place like `at`, the inner steps there, then the rest. */
static int play_around(maker *m, const hs_scenario_step *step, uint32_t trace, uint32_t stream)
{
    const hs_grid_trace *t = m->traces->list[trace];
    uint32_t from = 0;
    bool found = step->at == NULL;
    for (uint32_t i = 0; step->at != NULL && i < t->count; i++) {
        if (!is_place(&t->events[i], step->at)) {
            continue;
        }
        hs_do play = {.kind = HS_DO_PLAY, .trace = trace, .stream = stream, .from = from, .to = i};
        if (add(m, play) != 0 || play_inner(m, step) != 0) {
            return -1;
        }
        from = i;
        found = true;
    }
    if (!found) {
        hs_error_set(m->error, m->values->scenario->path, step->line,
                     "found no phase or mark %s in trace %s", step->at, t->name);
        return -1;
    }
    hs_do rest = {.kind = HS_DO_PLAY,
                  .trace = trace,
                  .stream = stream,
                  .from = from,
                  .to = (uint32_t)t->count};
    return add(m, rest);
}

static int add_trace(maker *m, const hs_scenario_step *step)
{
    uint32_t trace;
    if (strcmp(resolve(m, step->trace), "none") == 0) {
        return 0;
    }
    if (open_stream(m, step, step->trace, &trace) != 0) {
        return -1;
    }
    if (m->traces->list[trace]->streamed) {
        if (step->at != NULL) {
            hs_error_set(m->error, m->values->scenario->path, step->line,
                         "found `at` of a trace of more than %u events, expected a shorter one",
                         HS_GRID_TRACE_EVENTS_MAX);
            return -1;
        }
        return add(m, (hs_do){.kind = HS_DO_WHOLE, .trace = trace});
    }
    uint32_t stream = m->streams++;
    hs_do begin = {.kind = HS_DO_BEGIN, .trace = trace, .stream = stream};
    hs_do end = {.kind = HS_DO_END, .stream = stream};
    int result = add(m, begin) != 0 || play_around(m, step, trace, stream) != 0 ? -1 : add(m, end);
    m->streams--;
    return result;
}

static int add_together(maker *m, const hs_scenario_step *step)
{
    uint32_t copies;
    uint32_t seed;
    if (number(m, step, step->copies, 1, &copies) != 0 ||
        number(m, step, step->seed, (uint32_t)m->values->seed, &seed) != 0) {
        return -1;
    }
    uint32_t first = m->streams;
    for (size_t i = 0; i < step->together.count * copies; i++) {
        uint32_t trace;
        const char *name = step->together.texts[i % step->together.count];
        if (strcmp(resolve(m, name), "none") == 0) {
            continue;
        }
        if (open_stream(m, step, name, &trace) != 0) {
            return -1;
        }
        if (m->traces->list[trace]->streamed) {
            hs_error_set(m->error, m->values->scenario->path, step->line,
                         "found %s, of more than %u events, expected a shorter trace to interleave",
                         name, HS_GRID_TRACE_EVENTS_MAX);
            return -1;
        }
        if (add(m, (hs_do){.kind = HS_DO_BEGIN, .trace = trace, .stream = m->streams}) != 0) {
            return -1;
        }
        m->streams++;
    }
    uint32_t count = m->streams - first;
    /* One stream has but one order: its seed would only keep equal cells apart. */
    hs_do together = {
        .kind = HS_DO_TOGETHER, .stream = first, .to = count, .seed = count > 1 ? seed : 0};
    int result = count > 0 ? add(m, together) : 0;
    while (m->streams > first && result == 0) {
        result = add(m, (hs_do){.kind = HS_DO_END, .stream = --m->streams});
    }
    return result;
}

static int add_repeat(maker *m, const hs_scenario_step *step)
{
    uint32_t times;
    if (number(m, step, step->repeat, 1, &times) != 0) {
        return -1;
    }
    for (uint32_t i = 0; i < times; i++) {
        if (add_steps(m, step->steps, step->step_count) != 0 ||
            (step->cycle != NULL &&
             add(m, (hs_do){.kind = HS_DO_CYCLE, .name = step->cycle}) != 0)) {
            return -1;
        }
    }
    return 0;
}

static int add_steps(maker *m, const hs_scenario_step *steps, size_t count)
{
    int result = 0;
    for (size_t i = 0; i < count && result == 0; i++) {
        switch (steps[i].kind) {
        case HS_STEP_TRACE:
            result = add_trace(m, &steps[i]);
            break;
        case HS_STEP_REPEAT:
            result = add_repeat(m, &steps[i]);
            break;
        case HS_STEP_TOGETHER:
            result = add_together(m, &steps[i]);
            break;
        case HS_STEP_MARK:
            result = add(m, (hs_do){.kind = HS_DO_MARK, .name = steps[i].mark});
            break;
        }
    }
    return result;
}

int hs_program_make(hs_program *program, const hs_program_values *values, hs_grid_traces *traces,
                    hs_error *error)
{
    *program = (hs_program){NULL, 0};
    maker m = {.program = program, .values = values, .traces = traces, .error = error};
    return add_steps(&m, values->scenario->steps, values->scenario->step_count);
}

static int compare_do(const hs_do *a, const hs_do *b)
{
    const uint64_t left[] = {a->kind, a->trace, a->stream, a->from, a->to, a->seed};
    const uint64_t right[] = {b->kind, b->trace, b->stream, b->from, b->to, b->seed};
    for (size_t i = 0; i < sizeof left / sizeof left[0]; i++) {
        if (left[i] != right[i]) {
            return left[i] < right[i] ? -1 : 1;
        }
    }
    return a->name == b->name ? 0 : strcmp(a->name, b->name);
}

size_t hs_program_common(const hs_program *a, const hs_program *b)
{
    size_t i = 0;
    while (i < a->count && i < b->count && compare_do(&a->list[i], &b->list[i]) == 0) {
        i++;
    }
    return i;
}

int hs_program_compare(const hs_program *a, const hs_program *b)
{
    size_t i = hs_program_common(a, b);
    if (i < a->count && i < b->count) {
        return compare_do(&a->list[i], &b->list[i]);
    }
    return (i < a->count) - (i < b->count);
}

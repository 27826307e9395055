/* Another order of phases. Two phases may change places when no allocation is touched by both; what
 * a program can do in which order the trace does not say. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "advice.h"

#define UNITS_BACK 48u /* as far before the phase that fails are others looked at */

/* What moves as one: a phase, or what comes before a trace's first one. */
typedef struct unit {
    hs_span span;
    const char *name; /* "": before the first phase */
    uint64_t event;   /* number of its first event in the case's own order */
} unit;

typedef struct orders {
    hs_case *c;
    unit *units;
    hs_span *spans; /* of the order being tried */
    size_t count;
    size_t failing;
    uint64_t tried;
    hs_result last;
} orders;

static bool add_unit(orders *o, unit next)
{
    if (next.span.first == next.span.end) {
        return true;
    }
    unit *grown = realloc(o->units, (o->count + 1) * sizeof *grown);
    if (grown == NULL) {
        return false;
    }
    o->units = grown;
    grown[o->count++] = next;
    return true;
}

static bool cut_tape(orders *o, size_t index, uint64_t before)
{
    const hs_tape *tape = &o->c->tapes[index];
    unit now = {{index, 0, 0}, "", before + 1};
    for (size_t i = 0; i < tape->count; i++) {
        if (tape->events[i].op == HS_OP_PHASE) {
            now.span.end = i;
            if (!add_unit(o, now)) {
                return false;
            }
            now = (unit){{index, i, 0}, tape->events[i].name, before + i + 1};
        }
    }
    now.span.end = tape->count;
    return add_unit(o, now);
}

static bool cut_units(orders *o, uint64_t failing_event)
{
    uint64_t before = 0;
    for (size_t i = 0; i < o->c->tape_count; i++) {
        if (!cut_tape(o, i, before)) {
            return false;
        }
        before += o->c->tapes[i].count;
    }
    for (size_t i = 0; i < o->count; i++) {
        o->failing = o->units[i].event <= failing_event ? i : o->failing;
    }
    o->spans = calloc(o->count + 1, sizeof *o->spans);
    return o->spans != NULL;
}

static void mark(const hs_tape *tape, const unit *u, uint8_t *marks)
{
    for (size_t i = u->span.first; i < u->span.end; i++) {
        if (tape->lives[i] != HS_NO_LIFE) {
            marks[tape->lives[i]] = 1;
        }
        if (tape->targets[i] != HS_NO_LIFE) {
            marks[tape->targets[i]] = 1;
        }
    }
}

static bool is_marked(const uint8_t *marks, uint32_t life)
{
    return life != HS_NO_LIFE && marks[life] != 0;
}

/* Whether `a` may cross every unit between it and `b`, and `b`. */
static bool may_cross(const orders *o, size_t a, size_t b, uint8_t *marks)
{
    const hs_tape *tape = &o->c->tapes[o->units[a].span.tape];
    memset(marks, 0, tape->life_count);
    mark(tape, &o->units[a], marks);
    for (size_t i = a < b ? a + 1 : b; i <= (a < b ? b : a - 1); i++) {
        const unit *u = &o->units[i];
        for (size_t k = u->span.first; u->span.tape == o->units[a].span.tape && k < u->span.end;
             k++) {
            if (is_marked(marks, tape->lives[k]) || is_marked(marks, tape->targets[k])) {
                return false;
            }
        }
    }
    return true;
}

/* Unit `from` moved to place `to`. */
static bool passes(orders *o, size_t from, size_t to)
{
    size_t at = 0;
    for (size_t i = 0; i < o->count; i++) {
        if (i == from) {
            continue;
        }
        if (i == to && to < from) {
            o->spans[at++] = o->units[from].span;
        }
        o->spans[at++] = o->units[i].span;
        if (i == to && to > from) {
            o->spans[at++] = o->units[from].span;
        }
    }
    o->tried++;
    o->last = hs_case_try(o->c, &(hs_trial){.spans = o->spans, .span_count = o->count});
    return o->last.verdict == HS_PASSED;
}

static size_t describe(const orders *o, size_t index, char *text, size_t size)
{
    const unit *u = &o->units[index];
    int n = snprintf(text, size, "%s%s (%s, event %" PRIu64 ")", u->name[0] != 0 ? "phase " : "",
                     u->name[0] != 0 ? u->name : "what comes before the first phase",
                     o->c->tapes[u->span.tape].name, u->event);
    return n < 0 ? 0 : (size_t)n < size ? (size_t)n : size - 1;
}

static int keep_order(hs_advices *to, const orders *o, size_t from, size_t place, hs_error *error)
{
    hs_advice *a = hs_advices_add(to, HS_ADVICE_ORDER, error);
    if (a == NULL) {
        return -1;
    }
    char text[600];
    size_t used = describe(o, from, text, sizeof text);
    used +=
        (size_t)snprintf(text + used, sizeof text - used, place < from ? " before " : " after ");
    describe(o, place, text + used, sizeof text - used);
    a->helps = a->applies = true;
    a->result = o->last;
    a->text = strdup(text);
    if (a->text == NULL) {
        hs_error_set(error, NULL, 0, "the host is out of memory");
        return -1;
    }
    return 0;
}

/* The phase that fails goes to the nearest earlier place that helps; then each earlier phase,
 * alone, behind it. */
static int try_orders(hs_advices *to, orders *o, uint8_t *marks, hs_error *error)
{
    size_t failing = o->failing;
    size_t back = failing > UNITS_BACK ? failing - UNITS_BACK : 0;
    for (size_t to_place = failing; to_place > back; to_place--) {
        if (!may_cross(o, failing, to_place - 1, marks)) {
            break;
        }
        if (passes(o, failing, to_place - 1)) {
            if (keep_order(to, o, failing, to_place - 1, error) != 0) {
                return -1;
            }
            break;
        }
    }
    for (size_t i = failing > 0 ? failing - 1 : 0; i > back; i--) { /* the next one: seen above */
        if (may_cross(o, i - 1, failing, marks) && passes(o, i - 1, failing) &&
            keep_order(to, o, i - 1, failing, error) != 0) {
            return -1;
        }
    }
    return 0;
}

static int advise(hs_advices *to, orders *o, uint64_t failing_event, hs_error *error)
{
    size_t before = to->count;
    uint32_t lives = 0;
    for (size_t i = 0; i < o->c->tape_count; i++) {
        lives = o->c->tapes[i].life_count > lives ? o->c->tapes[i].life_count : lives;
    }
    uint8_t *marks = malloc(lives + 1u);
    int result = -1;
    if (marks == NULL || !cut_units(o, failing_event)) {
        hs_error_set(error, NULL, 0, "the host is out of memory");
    } else {
        result = try_orders(to, o, marks, error);
    }
    free(marks);
    if (result == 0 && to->count == before) {
        hs_advice *a = hs_advices_add(to, HS_ADVICE_ORDER, error);
        result = a != NULL ? 0 : -1;
        if (a != NULL) {
            a->applies = o->tried != 0;
            a->value = o->tried;
            a->result = o->last;
        }
    }
    return result;
}

int hs_advise_order(hs_advices *to, hs_case *c, const hs_run *failed, hs_error *error)
{
    orders o = {.c = c};
    int result = failed->failure.event != 0 ? advise(to, &o, failed->failure.event, error) : 0;
    free(o.units);
    free(o.spans);
    return result;
}

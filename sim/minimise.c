#include "minimise.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Events that go or stay together: a life, or one statement. */
typedef struct group {
    uint32_t life;  /* HS_NO_LIFE: the statement alone */
    uint32_t event; /* the first */
} group;

typedef struct minimiser {
    hs_case *c;
    const hs_minimise_limits *limits;
    hs_minimised *done;
    time_t started;
    bool over;        /* a limit was reached */
    hs_event *events; /* of the tape as it was given */
    size_t count;
    const uint32_t *lives;
    const uint32_t *targets;
    bool *gone;      /* events */
    bool *life_gone; /* lives */
    group *groups;
    size_t group_count;
} minimiser;

static int no_memory(hs_error *error)
{
    hs_error_set(error, NULL, 0, "the host is out of memory");
    return -1;
}

static bool allocates(const hs_event *event)
{
    return event->op == HS_OP_ALLOC || event->op == HS_OP_CALLOC || event->op == HS_OP_ALIGNED;
}

static bool stays(const minimiser *m, size_t i)
{
    uint32_t life = m->lives[i];
    uint32_t target = m->targets[i];
    return !m->gone[i] && (life == HS_NO_LIFE || !m->life_gone[life]) &&
           (target == HS_NO_LIFE || !m->life_gone[target]);
}

/* Puts what stays into the case's tape. */
static void fill_tape(const minimiser *m)
{
    hs_tape *tape = &m->c->tapes[0];
    tape->count = 0;
    for (size_t i = 0; i < m->count; i++) {
        if (stays(m, i)) {
            tape->events[tape->count++] = m->events[i];
        }
    }
}

static bool same_failure(const hs_result *a, const hs_result *b)
{
    return a->verdict == HS_FAILED && b->verdict == HS_FAILED &&
           a->failure.failure_class == b->failure.failure_class &&
           a->failure.size == b->failure.size && strcmp(a->owner, b->owner) == 0;
}

static bool still_fails(minimiser *m)
{
    fill_tape(m);
    m->done->tests++;
    hs_result result = hs_case_try(m->c, &(hs_trial){0});
    bool same = same_failure(&result, &m->done->result);
    if (same) {
        m->done->result = result;
    }
    const hs_minimise_limits *l = m->limits;
    m->over = (l->tests != 0 && m->done->tests >= l->tests) ||
              (l->seconds != 0 && (uint64_t)(time(NULL) - m->started) >= l->seconds);
    return same;
}

static void set_gone(minimiser *m, const group *g, bool gone)
{
    if (g->life != HS_NO_LIFE) {
        m->life_gone[g->life] = gone;
    } else {
        m->gone[g->event] = gone;
    }
}

/* Tries the groups [first, first + size) away. */
static bool drop_chunk(minimiser *m, size_t first, size_t size)
{
    for (size_t i = first; i < first + size; i++) {
        set_gone(m, &m->groups[i], true);
    }
    if (still_fails(m)) {
        m->group_count -= size;
        memmove(&m->groups[first], &m->groups[first + size],
                (m->group_count - first) * sizeof *m->groups);
        return true;
    }
    for (size_t i = first; i < first + size; i++) {
        set_gone(m, &m->groups[i], false);
    }
    return false;
}

/* One pass over all groups in chunks of so many; whether anything went. */
static bool pass(minimiser *m, size_t size)
{
    bool dropped = false;
    size_t at = 0;
    while (at < m->group_count && !m->over) {
        size_t chunk = m->group_count - at < size ? m->group_count - at : size;
        if (drop_chunk(m, at, chunk)) {
            dropped = true;
        } else {
            at += chunk;
        }
    }
    return dropped;
}

/* Chunks from all down to one; then one by one until a whole pass lets nothing go. */
static void shrink(minimiser *m)
{
    for (size_t size = m->group_count; size > 1 && !m->over; size = (size + 1) / 2) {
        pass(m, size);
        if (size == 2) {
            break;
        }
    }
    while (!m->over && pass(m, 1)) {
    }
}

/* Lifetimes in order of birth, with the statements that name no slot between them. The request that
 * fails is none of them. */
static void group_lives(minimiser *m, uint32_t failing)
{
    m->group_count = 0;
    for (size_t i = 0; i < m->count; i++) {
        uint32_t life = m->lives[i];
        if (stays(m, i) && (life == HS_NO_LIFE || (allocates(&m->events[i]) && life != failing))) {
            m->groups[m->group_count++] = (group){life, (uint32_t)i};
        }
    }
}

/* What is left of lifetimes but for their beginnings. */
static void group_statements(minimiser *m)
{
    m->group_count = 0;
    for (size_t i = 0; i + 1 < m->count; i++) {
        if (stays(m, i) && !allocates(&m->events[i])) {
            m->groups[m->group_count++] = (group){HS_NO_LIFE, (uint32_t)i};
        }
    }
}

/* Every life gets a slot number of its own, so that one without its `free` does not stand in the
 * way of the next. Not where the capture saw failures: there a second allocation of a slot has a
 * meaning. */
static void prepare_events(minimiser *m)
{
    bool recorded = false;
    for (size_t i = 0; i < m->count; i++) {
        recorded = recorded || (m->events[i].flags & HS_EVENT_FAILED) != 0;
    }
    for (size_t i = 0; i < m->count; i++) {
        hs_event *e = &m->events[i];
        e->flags &= (uint8_t)~HS_EVENT_HAS_ADDR;
        e->addr = e->op <= HS_OP_UNLINK ? 0 : e->addr;
        if (!recorded && m->lives[i] != HS_NO_LIFE) {
            e->slot = m->lives[i] + 1;
            e->slot2 = m->targets[i] != HS_NO_LIFE ? m->targets[i] + 1 : 0;
        }
    }
}

/* With less before it the failure may come earlier: what then lies behind it goes. */
static bool cut_tail(minimiser *m)
{
    uint64_t left = m->done->result.failure.event;
    size_t end = 0;
    while (end < m->count && left > 0) {
        left -= stays(m, end++) ? 1 : 0;
    }
    bool cut = end < m->count;
    m->count = end;
    return cut;
}

static uint64_t count_allocations(const hs_tape *tape)
{
    uint64_t count = 0;
    for (size_t i = 0; i < tape->count; i++) {
        count += allocates(&tape->events[i]) ? 1 : 0;
    }
    return count;
}

static int work(minimiser *m, hs_error *error)
{
    m->done->result = hs_case_try(m->c, &(hs_trial){0});
    if (hs_case_check(m->c, error) != 0) {
        return -1;
    }
    if (m->done->result.verdict != HS_FAILED || m->done->result.failure.event == 0) {
        hs_error_set(error, m->c->tapes[0].path, 0,
                     "found a run that %s, expected one in which an "
                     "allocation of the trace fails",
                     m->done->result.verdict == HS_PASSED    ? "passes"
                     : m->done->result.verdict == HS_REFUSED ? "cannot be replayed"
                     : m->done->result.verdict == HS_CRASHED ? "crashes"
                                                             : "fails before the first event");
        return -1;
    }
    m->count = (size_t)m->done->result.failure.event; /* nothing behind it matters */
    prepare_events(m);
    if (!still_fails(m)) {
        hs_case_check(m->c, error);
        hs_error_set(error, m->c->tapes[0].path, 0,
                     "the failure depends on the trace's slot numbers and cannot be minimised");
        return -1;
    }
    do {
        group_lives(m, m->lives[m->count - 1]);
        shrink(m);
        if (!m->over) {
            group_statements(m);
            shrink(m);
        }
    } while (cut_tail(m) && !m->over);
    fill_tape(m);
    m->done->finished = !m->over;
    return hs_case_check(m->c, error);
}

int hs_minimise(hs_case *c, const hs_minimise_limits *limits, hs_minimised *done, hs_error *error)
{
    *done = (hs_minimised){0};
    if (c->tape_count != 1) {
        hs_error_set(error, NULL, 0, "found %zu traces, expected one", c->tape_count);
        return -1;
    }
    hs_tape *tape = &c->tapes[0];
    minimiser m = {.c = c,
                   .limits = limits,
                   .done = done,
                   .started = time(NULL),
                   .count = tape->count,
                   .lives = tape->lives,
                   .targets = tape->targets};
    m.events = malloc((tape->count + 1) * sizeof *m.events);
    m.gone = calloc(tape->count + 1, sizeof *m.gone);
    m.life_gone = calloc(tape->life_count + 1u, sizeof *m.life_gone);
    m.groups = calloc(tape->count + 1, sizeof *m.groups);
    int result = -1;
    if (m.events == NULL || m.gone == NULL || m.life_gone == NULL || m.groups == NULL) {
        no_memory(error);
    } else {
        if (tape->count != 0) {
            memcpy(m.events, tape->events, tape->count * sizeof *m.events);
        }
        done->events_before = tape->count;
        done->allocations_before = count_allocations(tape);
        result = work(&m, error);
        done->events_after = tape->count;
        done->allocations_after = count_allocations(tape);
    }
    free(m.events);
    free(m.gone);
    free(m.life_gone);
    free(m.groups);
    return result;
}

/* --- the file --- */

/* Owners that nothing names any more go; map: old index to new. */
static void keep_owners(const hs_tape *tape, hs_trace_header *header, uint16_t *map)
{
    size_t kept = 0;
    for (size_t i = 0; i < tape->header.owner_count; i++) {
        bool named = false;
        for (size_t k = 0; k < tape->count && !named; k++) {
            named = allocates(&tape->events[k]) && tape->events[k].owner == i;
        }
        map[i] = (uint16_t)kept;
        if (named) {
            header->owners[kept++] = tape->header.owners[i];
        }
    }
    header->owner_count = kept;
}

static int write_events(hs_trace_writer *writer, const hs_tape *tape, const uint16_t *map,
                        hs_error *error)
{
    for (size_t i = 0; i < tape->count; i++) {
        hs_event event = tape->events[i];
        event.owner = allocates(&event) ? map[event.owner] : 0;
        if (hs_trace_write(writer, &event, error) != 0) {
            hs_trace_writer_abandon(writer);
            return -1;
        }
    }
    return hs_trace_writer_close(writer, error);
}

int hs_minimise_write(const hs_case *c, const hs_minimised *done, const char *path, hs_error *error)
{
    const hs_tape *tape = &c->tapes[0];
    hs_trace_header header = tape->header;
    char note[512];
    snprintf(note, sizeof note,
             "minimised from %.200s: %" PRIu64 " of %" PRIu64
             " events; on %.80s with policy %.80s still %s: %s wants %" PRIu32,
             tape->name, done->events_after, done->events_before, c->layout->name, c->policy->name,
             hs_failure_class_name(done->result.failure.failure_class), done->result.owner,
             done->result.failure.size);
    header.complete = HS_COMPLETE_UNSAID;
    size_t at = header.source_count < HS_TRACE_SOURCES_MAX ? header.source_count++
                                                           : HS_TRACE_SOURCES_MAX - 1;
    header.sources[at] = note;
    uint16_t *map = calloc(header.owner_count + 1, sizeof *map);
    header.owners = calloc(header.owner_count + 1, sizeof *header.owners);
    int result = -1;
    if (map == NULL || header.owners == NULL) {
        no_memory(error);
    } else {
        keep_owners(tape, &header, map);
        hs_trace_writer *writer = hs_trace_writer_open(path, &header, error);
        result = writer != NULL ? write_events(writer, tape, map, error) : -1;
    }
    free(map);
    free(header.owners);
    return result;
}

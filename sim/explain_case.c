#include "explain_case.h"

#include <stdlib.h>
#include <string.h>

#include "copy_array.h"
#include "session.h"

static int no_memory(hs_error *error)
{
    hs_error_set(error, NULL, 0, "the host is out of memory");
    return -1;
}

/* --- tapes --- */

static char *keep_name(hs_tape *tape, const char *name)
{
    for (size_t i = tape->name_count; i > 0; i--) {
        if (strcmp(tape->names[i - 1], name) == 0) {
            return tape->names[i - 1];
        }
    }
    char **grown = realloc(tape->names, (tape->name_count + 1) * sizeof *grown);
    if (grown == NULL) {
        return NULL;
    }
    tape->names = grown;
    char *kept = strdup(name);
    if (kept != NULL) {
        grown[tape->name_count++] = kept;
    }
    return kept;
}

static bool keep_text(hs_tape *tape, const char **text)
{
    if (*text != NULL) {
        *text = keep_name(tape, *text);
        return *text != NULL;
    }
    return true;
}

static int copy_header(hs_tape *tape, const hs_trace_header *from, hs_error *error)
{
    hs_trace_header *to = &tape->header;
    *to = *from;
    to->owners = hs_copy_array(from->owners, from->owner_count, sizeof *from->owners);
    bool ok = to->owners != NULL && keep_text(tape, &to->title) && keep_text(tape, &to->device);
    for (size_t i = 0; ok && i < to->source_count; i++) {
        ok = keep_text(tape, &to->sources[i]);
    }
    for (size_t i = 0; ok && i < to->owner_count; i++) {
        ok = keep_text(tape, &to->owners[i].name);
    }
    return ok ? 0 : no_memory(error);
}

static bool grow_events(hs_tape *tape, size_t *capacity)
{
    size_t wanted = *capacity == 0 ? 4096 : 2 * *capacity;
    hs_event *events = realloc(tape->events, wanted * sizeof *events);
    tape->events = events != NULL ? events : tape->events;
    uint32_t *lives = realloc(tape->lives, wanted * sizeof *lives);
    tape->lives = lives != NULL ? lives : tape->lives;
    uint32_t *targets = realloc(tape->targets, wanted * sizeof *targets);
    tape->targets = targets != NULL ? targets : tape->targets;
    *capacity = wanted;
    return events != NULL && lives != NULL && targets != NULL;
}

static bool allocates(const hs_event *event)
{
    return event->op == HS_OP_ALLOC || event->op == HS_OP_CALLOC || event->op == HS_OP_ALIGNED;
}

static bool names_slot(const hs_event *event)
{
    return event->op <= HS_OP_UNLINK;
}

/* The life that the slot stands for now. A slot that is not live is the replay's to complain of. */
static int note_life(hs_tape *tape, hs_slots *slots, size_t index)
{
    const hs_event *event = &tape->events[index];
    tape->lives[index] = tape->targets[index] = HS_NO_LIFE;
    if (!names_slot(event)) {
        return 0;
    }
    hs_slot *slot = hs_slots_find(slots, event->slot);
    if (allocates(event)) {
        slot = slot != NULL ? slot : hs_slots_add(slots, event->slot);
        if (slot == NULL) {
            return -1;
        }
        slot->root = tape->life_count++;
    }
    tape->lives[index] = slot != NULL ? slot->root : HS_NO_LIFE;
    if (event->op == HS_OP_LINK) {
        const hs_slot *target = hs_slots_find(slots, event->slot2);
        tape->targets[index] = target != NULL ? target->root : HS_NO_LIFE;
    }
    if (slot != NULL && (event->op == HS_OP_FREE || event->op == HS_OP_DROP)) {
        hs_slots_remove(slots, event->slot);
    }
    return 0;
}

static int keep_event(hs_tape *tape, hs_slots *slots, const hs_event *event, size_t *capacity)
{
    if (tape->count == *capacity && !grow_events(tape, capacity)) {
        return -1;
    }
    hs_event *kept = &tape->events[tape->count];
    *kept = *event;
    if (event->name != NULL && (kept->name = keep_name(tape, event->name)) == NULL) {
        return -1;
    }
    return note_life(tape, slots, tape->count++);
}

static int read_events(hs_tape *tape, hs_trace *trace, hs_error *error)
{
    hs_event events[256];
    hs_slots slots;
    size_t capacity = 0;
    long count;
    hs_slots_init(&slots);
    int result = 0;
    while (result == 0 && (count = hs_trace_read(trace, events, 256, error)) != 0) {
        result = count < 0 ? -1 : 0;
        for (long i = 0; i < count && result == 0; i++) {
            if (keep_event(tape, &slots, &events[i], &capacity) != 0) {
                result = no_memory(error);
            }
        }
    }
    hs_slots_release(&slots);
    return result;
}

int hs_tape_read(hs_tape *tape, const char *name, hs_trace *trace, hs_error *error)
{
    *tape = (hs_tape){.name = strdup(name), .path = strdup(hs_trace_path(trace))};
    if (tape->name == NULL || tape->path == NULL) {
        no_memory(error);
    } else if (copy_header(tape, hs_trace_get_header(trace), error) == 0 &&
               read_events(tape, trace, error) == 0) {
        return 0;
    }
    hs_tape_release(tape);
    return -1;
}

void hs_tape_release(hs_tape *tape)
{
    for (size_t i = 0; i < tape->name_count; i++) {
        free(tape->names[i]);
    }
    free(tape->names);
    free(tape->header.owners);
    free(tape->events);
    free(tape->lives);
    free(tape->targets);
    free(tape->name);
    free(tape->path);
    *tape = (hs_tape){0};
}

/* --- cases --- */

hs_case *hs_case_create(const hs_layout *layout, const hs_policy *policy, hs_error *error)
{
    hs_case *c = calloc(1, sizeof *c);
    if (c == NULL) {
        no_memory(error);
        return NULL;
    }
    c->layout = layout;
    c->policy = policy;
    c->booted = hs_session_boot(layout, error);
    if (c->booted == NULL) {
        free(c);
        return NULL;
    }
    return c;
}

int hs_case_add(hs_case *c, const char *name, hs_error *error)
{
    hs_trace *trace = hs_session_open_trace(name, error);
    if (trace == NULL) {
        return -1;
    }
    hs_tape *grown = realloc(c->tapes, (c->tape_count + 1) * sizeof *grown);
    int result = grown != NULL ? 0 : no_memory(error);
    if (grown != NULL) {
        c->tapes = grown;
        result = hs_tape_read(&grown[c->tape_count], name, trace, error);
        c->events += result == 0 ? grown[c->tape_count].count : 0;
        c->tape_count += result == 0 ? 1 : 0;
    }
    hs_trace_close(trace);
    return result;
}

void hs_case_destroy(hs_case *c)
{
    if (c == NULL) {
        return;
    }
    for (size_t i = 0; i < c->tape_count; i++) {
        hs_tape_release(&c->tapes[i]);
    }
    free(c->tapes);
    hs_board_destroy(c->scratch);
    hs_board_destroy(c->booted);
    free(c);
}

/* --- replays --- */

typedef struct player {
    const hs_case *c;
    hs_run *run;
    hs_stream **streams;
    bool renumber; /* slots become lives, so that order does not matter to their numbers */
    hs_error *error;
} player;

static int play_span(const player *p, const hs_span *span)
{
    const hs_tape *tape = &p->c->tapes[span->tape];
    for (size_t i = span->first; i < span->end && !p->run->stopped; i++) {
        const hs_event *event = &tape->events[i];
        hs_event changed;
        if (p->renumber && tape->lives[i] != HS_NO_LIFE) {
            changed = *event;
            changed.slot = tape->lives[i];
            changed.slot2 = tape->targets[i] != HS_NO_LIFE ? tape->targets[i] : 0;
            event = &changed;
        }
        if (hs_run_step(p->run, p->streams[span->tape], event, p->error) != 0) {
            return -1;
        }
    }
    return 0;
}

/* All streams open first: that changes no heap, and lets spans of different tapes take turns. */
static int play(hs_case *c, hs_run *run, const hs_trial *trial, hs_error *error)
{
    hs_stream **streams = calloc(c->tape_count + 1, sizeof(hs_stream *));
    int result = streams != NULL ? 0 : no_memory(error);
    for (size_t i = 0; i < c->tape_count && result == 0; i++) {
        const hs_tape *tape = &c->tapes[i];
        streams[i] = hs_run_begin_trace(run, tape->name, tape->path, &tape->header, error);
        result = streams[i] != NULL ? 0 : -1;
    }
    player p = {c, run, streams, trial->spans != NULL, error};
    size_t count = trial->spans != NULL ? trial->span_count : c->tape_count;
    for (size_t i = 0; i < count && result == 0; i++) {
        hs_span whole = {i, 0, trial->spans != NULL ? 0 : c->tapes[i].count};
        result = play_span(&p, trial->spans != NULL ? &trial->spans[i] : &whole);
    }
    free(streams);
    c->replays++;
    return result;
}

static bool no_mark(const void *context, const char *name)
{
    (void)context;
    (void)name;
    return false;
}

static hs_run *start(hs_case *c, hs_board *board, const hs_trial *trial, hs_error *error)
{
    hs_run *run = hs_run_create(board, trial->policy != NULL ? trial->policy : c->policy, error);
    if (run != NULL) {
        run->stop_at_failure = true;
        run->wants_mark = no_mark; /* a mark is a walk over all blocks */
        run->stopped = run->failed;
    }
    return run;
}

hs_run *hs_case_run(hs_case *c, const hs_trial *trial, hs_error *error)
{
    hs_board *board = hs_board_copy(trial->booted != NULL ? trial->booted : c->booted, error);
    hs_run *run = board != NULL ? start(c, board, trial, error) : NULL;
    if (run != NULL && play(c, run, trial, error) == 0) {
        return run;
    }
    hs_run_destroy(run);
    hs_board_destroy(board);
    return NULL;
}

void hs_case_release_run(hs_run *run)
{
    if (run != NULL) {
        hs_board *board = run->board;
        hs_run_destroy(run);
        hs_board_destroy(board);
    }
}

/* The board of a trial: the scratch one for the case's own board, a new one for another. */
static hs_board *take_board(hs_case *c, const hs_trial *trial, hs_error *error)
{
    if (trial->booted != NULL) {
        return hs_board_copy(trial->booted, error);
    }
    if (c->scratch == NULL) {
        c->scratch = hs_board_copy(c->booted, error);
    } else {
        hs_board_copy_into(c->scratch, c->booted);
    }
    return c->scratch;
}

static void note_result(hs_result *result, const hs_run *run)
{
    result->events = run->event;
    if (run->crashed) {
        result->verdict = HS_CRASHED;
        hs_error_set(&result->why, NULL, 0, "%s", hs_run_crash_reason(run));
    } else if (run->failed) {
        result->verdict = HS_FAILED;
        result->failure = run->failure;
        snprintf(result->owner, sizeof result->owner, "%s",
                 hs_run_owner_name(run, run->failure.owner));
    }
}

hs_result hs_case_refuse(hs_case *c, const hs_error *why)
{
    if (hs_error_of_host(why) && c->host.text[0] == 0) {
        c->host = *why;
    }
    return (hs_result){.verdict = HS_REFUSED, .why = *why};
}

int hs_case_check(const hs_case *c, hs_error *error)
{
    if (c->host.text[0] != 0) {
        hs_error_set(error, NULL, 0, "%s", c->host.text);
        return -1;
    }
    return 0;
}

hs_result hs_case_try(hs_case *c, const hs_trial *trial)
{
    hs_result result = {.verdict = HS_PASSED};
    hs_error error = {{0}};
    hs_board *board = take_board(c, trial, &error);
    hs_run *run = board != NULL ? start(c, board, trial, &error) : NULL;
    if (run != NULL && board->has_gc) {
        hs_gc_info info;
        hs_gc_get_info(&board->gc, &info);
        result.python = info.total;
    }
    if (run == NULL || play(c, run, trial, &error) != 0) {
        result = hs_case_refuse(c, &error);
    } else {
        note_result(&result, run);
    }
    hs_run_destroy(run);
    if (board != c->scratch) {
        hs_board_destroy(board);
    }
    if (c->progress != NULL) {
        c->progress(NULL, c->replays, c->planned);
    }
    return result;
}

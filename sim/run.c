#include "run.h"

#include <stdlib.h>
#include <string.h>

#include "run_events.h"

static int no_memory(hs_error *error)
{
    hs_error_set(error, NULL, 0, "the host is out of memory");
    return -1;
}

/* --- what the collector tells --- */

static void give_roots(void *listener, hs_gc *gc)
{
    hs_run *run = listener;
    hs_gc_collect_root(gc, run->root_words, run->root_count);
}

static void tell_observers(hs_run *run, enum hs_gc_notice notice, hs_addr address, uint64_t value)
{
    for (size_t i = 0; i < run->observer_count; i++) {
        if (run->observers[i].gc != NULL) {
            run->observers[i].gc(run->observers[i].context, run, notice, address, value);
        }
    }
}

static void on_notice(void *listener, hs_gc_event event, uint32_t a, uint32_t b)
{
    hs_run *run = listener;
    switch (event) {
    case HS_GC_EVENT_COLLECT:
        run->collections++;
        tell_observers(run, HS_GC_COLLECTED, 0, a);
        break;
    case HS_GC_EVENT_GROW:
        if (b == 0) {
            tell_observers(run, HS_GC_GROW_REFUSED, 0, a);
            break;
        }
        run->growths++;
        tell_observers(run, HS_GC_GREW, b, a);
        break;
    case HS_GC_EVENT_RELEASE:
        run->releases++;
        tell_observers(run, HS_GC_RELEASED, a, 0);
        break;
    case HS_GC_EVENT_LOST:
        run->live_releases++;
        tell_observers(run, HS_GC_RELEASED_LIVE, a, b);
        break;
    }
}

static void on_finaliser(void *listener, hs_addr object)
{
    hs_run *run = listener;
    run->finalised++;
    tell_observers(run, HS_GC_FINALISED, object, 0);
}

void hs_run_listen(hs_run *run, hs_board *board)
{
    run->board = board;
    board->listener = run;
    board->roots = give_roots;
    board->notice = on_notice;
    board->finaliser = on_finaliser;
}

/* --- metrics kept at every event --- */

void hs_run_restart_metrics(hs_run *run)
{
    hs_caps *caps = &run->board->caps;
    hs_caps_watch_start(caps, &run->watch);
    caps->changed = 0;
    hs_run_note_largest(run);
    hs_run_note_allocated(run);
}

hs_live_metrics hs_run_live(const hs_run *run)
{
    hs_board *board = run->board;
    return (hs_live_metrics){
        .idf_free = hs_caps_free_size(&board->caps, HS_CAP_8BIT),
        .idf_largest = run->watch.largest,
        .idf_allocated = board->caps.allocated[1],
        .gc_used = board->has_gc ? hs_gc_used(&board->gc) * HS_GC_BLOCK : 0,
    };
}

uint32_t hs_run_peak_gc_used(const hs_run *run)
{
    return run->board->has_gc ? hs_gc_peak(&run->board->gc) * HS_GC_BLOCK : 0;
}

/* --- marks --- */

int hs_run_mark(hs_run *run, const char *name, hs_error *error)
{
    if (run->mark_count == HS_RUN_MARKS_MAX) {
        hs_error_set(error, NULL, 0, "found more than %d marks and phases, expected fewer",
                     HS_RUN_MARKS_MAX);
        return -1;
    }
    if (run->mark_count == run->mark_capacity) {
        size_t capacity = run->mark_capacity == 0 ? 16 : 2 * run->mark_capacity;
        hs_mark *grown = realloc(run->marks, capacity * sizeof *grown);
        if (grown == NULL) {
            return no_memory(error);
        }
        run->marks = grown;
        run->mark_capacity = capacity;
    }
    hs_mark *mark = &run->marks[run->mark_count];
    if (hs_mark_take(mark, name, run->event, run->board) != 0) {
        return no_memory(error);
    }
    run->mark_count++;
    for (size_t i = 0; i < mark->region_count; i++) {
        run->mark_blocks += mark->regions[i].free_blocks;
    }
    if (run->mark_blocks > HS_RUN_MARK_BLOCKS_MAX) {
        hs_error_set(error, NULL, 0,
                     "found marks and phases that list more than %u free blocks, "
                     "expected fewer",
                     HS_RUN_MARK_BLOCKS_MAX);
        return -1;
    }
    for (size_t i = 0; i < run->observer_count; i++) {
        if (run->observers[i].mark != NULL) {
            run->observers[i].mark(run->observers[i].context, run, mark);
        }
    }
    return 0;
}

int hs_run_trace_mark(hs_run *run, const char *name, hs_error *error)
{
    bool wanted = run->wants_mark == NULL || run->wants_mark(run->wants_mark_context, name);
    return wanted ? hs_run_mark(run, name, error) : 0;
}

int hs_run_finish(hs_run *run, hs_error *error)
{
    return hs_run_mark(run, "end", error);
}

/* --- phases --- */

/* The place of a name among the sorted ones: how many are lower. */
static size_t phase_place(const hs_run *run, const char *name)
{
    size_t low = 0;
    size_t high = run->phase_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (strcmp(run->phases[run->phases_sorted[middle]], name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static int grow_phases(hs_run *run)
{
    size_t capacity = run->phase_capacity == 0 ? 16 : 2 * run->phase_capacity;
    char **phases = realloc(run->phases, capacity * sizeof *phases);
    if (phases == NULL) {
        return -1;
    }
    run->phases = phases;
    uint16_t *sorted = realloc(run->phases_sorted, capacity * sizeof *sorted);
    if (sorted == NULL) {
        return -1;
    }
    run->phases_sorted = sorted;
    run->phase_capacity = capacity;
    return 0;
}

static int add_phase(hs_run *run, const char *name, size_t place, hs_error *error)
{
    if (run->phase_count == UINT16_MAX) {
        hs_error_set(error, NULL, 0, "found more than %d phases, expected fewer", UINT16_MAX - 1);
        return -1;
    }
    if (run->phase_count == run->phase_capacity && grow_phases(run) != 0) {
        return no_memory(error);
    }
    run->phases[run->phase_count] = strdup(name);
    if (run->phases[run->phase_count] == NULL) {
        return no_memory(error);
    }
    uint16_t *at = &run->phases_sorted[place];
    memmove(at + 1, at, (run->phase_count - place) * sizeof *at);
    *at = (uint16_t)run->phase_count;
    return (int)run->phase_count++;
}

/* The index of a phase, which is added when it is new; -1 with *error. */
static int phase_of(hs_run *run, const char *name, hs_error *error)
{
    size_t place = phase_place(run, name);
    if (place < run->phase_count) {
        uint16_t found = run->phases_sorted[place];
        if (strcmp(run->phases[found], name) == 0) {
            return found;
        }
    }
    return add_phase(run, name, place, error);
}

int hs_run_enter_phase(hs_run *run, hs_stream *stream, const char *name, hs_error *error)
{
    if (stream->phase != 0 && hs_run_trace_mark(run, run->phases[stream->phase], error) != 0) {
        return -1;
    }
    const char *until = run->board->policy != NULL ? run->board->policy->placeholder_until : NULL;
    if (until != NULL && strcmp(until, name) == 0) {
        hs_board_release_placeholder(run->board);
    }
    int phase = phase_of(run, name, error);
    if (phase < 0) {
        return -1;
    }
    stream->phase = (uint16_t)phase;
    return 0;
}

/* --- life of a run --- */

static hs_run *new_run(hs_board *board, hs_error *error)
{
    hs_run *run = calloc(1, sizeof *run);
    if (run == NULL) {
        no_memory(error);
        return NULL;
    }
    run->extreme.minimum_largest = UINT32_MAX;
    hs_run_listen(run, board);
    if (phase_of(run, "", error) < 0) {
        hs_run_destroy(run);
        return NULL;
    }
    return run;
}

hs_run *hs_run_create_bare(hs_board *board, hs_error *error)
{
    return new_run(board, error);
}

static int start_policy(hs_run *run, const hs_policy *policy, hs_error *error)
{
    uint32_t refused = 0;
    int started = hs_board_start(run->board, policy, &refused, error);
    if (started == 1) {
        hs_failure failure = {
            .owner = HS_NO_OWNER, .heap = HS_HEAP_IDF, .size = refused, .caps = HS_CAP_DEFAULT};
        hs_run_fail(run, &failure);
    }
    return started < 0 ? -1 : 0;
}

hs_run *hs_run_create(hs_board *board, const hs_policy *policy, hs_error *error)
{
    hs_run *run = new_run(board, error);
    if (run == NULL) {
        return NULL;
    }
    if (hs_run_mark(run, "boot", error) != 0 || start_policy(run, policy, error) != 0 ||
        hs_run_mark(run, "start", error) != 0) {
        hs_run_destroy(run);
        return NULL;
    }
    hs_run_restart_metrics(run);
    return run;
}

void hs_stream_free(hs_stream *stream)
{
    if (stream != NULL) {
        hs_slots_release(&stream->slots);
        free(stream->owner_map);
        free(stream->path);
        free(stream);
    }
}

void hs_run_destroy(hs_run *run)
{
    if (run == NULL) {
        return;
    }
    for (size_t i = 0; i < run->mark_count; i++) {
        hs_mark_release(&run->marks[i]);
    }
    for (size_t i = 0; i < run->owner_count; i++) {
        free(run->owners[i].name);
    }
    for (size_t i = 0; i < run->phase_count; i++) {
        free(run->phases[i]);
    }
    for (size_t i = 0; i < run->trace_count; i++) {
        free(run->traces[i].name);
    }
    for (size_t i = 0; i < run->stream_count; i++) {
        hs_stream_free(run->streams[i]);
    }
    free(run->streams);
    free(run->leftovers);
    free(run->marks);
    free(run->owners);
    free(run->phases);
    free(run->phases_sorted);
    free(run->traces);
    free(run->root_words);
    free(run->root_owners);
    free(run);
}

void hs_run_observe(hs_run *run, hs_observer observer)
{
    if (run->observer_count < HS_OBSERVERS_MAX) {
        run->observers[run->observer_count++] = observer;
    }
}

/* --- traces --- */

static int find_owner(const hs_run *run, const char *name)
{
    for (size_t i = 0; i < run->owner_count; i++) {
        if (strcmp(run->owners[i].name, name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

/* Where the policy puts an owner; -1 with *error when there is no such heap. */
static int route_owner(hs_run *run, hs_run_owner *to, const hs_trace_owner *from, const char *path,
                       hs_error *error)
{
    const hs_board *board = run->board;
    to->heap = from->heap;
    to->python = from->heap == HS_HEAP_GC;
    if (board->policy != NULL) {
        enum hs_route_heap said = from->heap == HS_HEAP_GC ? HS_ROUTE_GC : HS_ROUTE_IDF;
        said = hs_policy_route_of(board->policy, from->name, said);
        to->heap = said == HS_ROUTE_GC ? HS_HEAP_GC : HS_HEAP_IDF;
        to->tracked = from->heap == HS_HEAP_IDF && to->heap == HS_HEAP_GC;
        if (to->heap == HS_HEAP_GC && board->policy->gc_version == NULL) {
            hs_error_set(error, path, 0,
                         "found owner %s, which allocates from the GC heap, but policy %s has "
                         "none; choose a policy with a gc version",
                         from->name, board->policy->name);
            return -1;
        }
    }
    to->caps = from->caps;
    return 0;
}

static int add_owner(hs_run *run, const hs_trace_owner *from, const char *path, hs_error *error)
{
    hs_run_owner owner = {0};
    if (route_owner(run, &owner, from, path, error) != 0) {
        return -1;
    }
    if (run->owner_count == HS_NO_OWNER) {
        hs_error_set(error, path, 0, "found more than %u owners", HS_NO_OWNER - 1);
        return -1;
    }
    hs_run_owner *grown = realloc(run->owners, (run->owner_count + 1) * sizeof *grown);
    if (grown == NULL) {
        return no_memory(error);
    }
    run->owners = grown;
    owner.name = strdup(from->name);
    if (owner.name == NULL) {
        return no_memory(error);
    }
    grown[run->owner_count++] = owner;
    return 0;
}

/* One name is one owner over all traces of a run, as long as it asks for the same memory. */
static bool same_memory(const hs_run *run, int found, const hs_trace_owner *owner)
{
    return run->owners[found].caps == owner->caps &&
           run->owners[found].python == (owner->heap == HS_HEAP_GC);
}

static int map_owners(hs_run *run, hs_stream *stream, const hs_trace_header *header,
                      hs_error *error)
{
    stream->owner_count = header->owner_count;
    stream->owner_map = calloc(header->owner_count + 1, sizeof *stream->owner_map);
    if (stream->owner_map == NULL) {
        return no_memory(error);
    }
    for (size_t i = 0; i < header->owner_count; i++) {
        int found = find_owner(run, header->owners[i].name);
        if (found < 0 || !same_memory(run, found, &header->owners[i])) {
            if (add_owner(run, &header->owners[i], stream->path, error) != 0) {
                return -1;
            }
            found = (int)run->owner_count - 1;
        }
        stream->owner_map[i] = (uint16_t)found;
    }
    return 0;
}

static int add_trace_info(hs_run *run, const char *name, enum hs_origin origin, hs_error *error)
{
    hs_run_trace_info *grown = realloc(run->traces, (run->trace_count + 1) * sizeof *grown);
    if (grown == NULL) {
        return no_memory(error);
    }
    run->traces = grown;
    grown[run->trace_count] = (hs_run_trace_info){.name = strdup(name), .origin = origin};
    if (grown[run->trace_count].name == NULL) {
        return no_memory(error);
    }
    run->trace_count++;
    return 0;
}

hs_stream *hs_run_begin_trace(hs_run *run, const char *name, const char *path,
                              const hs_trace_header *header, hs_error *error)
{
    hs_stream **grown = realloc(run->streams, (run->stream_count + 1) * sizeof *grown);
    hs_stream *stream = calloc(1, sizeof *stream);
    if (grown != NULL) {
        run->streams = grown;
    }
    if (grown == NULL || stream == NULL || (stream->path = strdup(path)) == NULL) {
        free(stream);
        no_memory(error);
        return NULL;
    }
    hs_slots_init(&stream->slots);
    if (map_owners(run, stream, header, error) != 0 ||
        add_trace_info(run, name, header->origin, error) != 0) {
        hs_stream_free(stream);
        return NULL;
    }
    stream->trace = run->trace_count - 1;
    stream->index = run->stream_count;
    run->streams[run->stream_count++] = stream;
    return stream;
}

static void leave_slot(void *context, uint32_t number, const hs_slot *slot)
{
    (void)number;
    hs_run *run = context;
    if (slot->state != HS_SLOT_LIVE) {
        return;
    }
    if (slot->root != 0) {
        run->root_owners[slot->root - 1] = HS_ROOT_LEFT;
    }
    run->leftovers[run->leftover_count++] = *slot;
}

int hs_run_end_trace(hs_run *run, hs_stream *stream, hs_error *error)
{
    if (stream->phase != 0 && hs_run_trace_mark(run, run->phases[stream->phase], error) != 0) {
        return -1;
    }
    size_t most = run->leftover_count + stream->slots.live;
    hs_slot *grown = realloc(run->leftovers, (most + 1) * sizeof *grown);
    if (grown == NULL) {
        return no_memory(error);
    }
    run->leftovers = grown;
    if (hs_slots_visit(&stream->slots, leave_slot, run) != 0) {
        return no_memory(error);
    }
    /* Streams are named by their place in root_owners, so a place stays; only the last goes. */
    run->streams[stream->index] = NULL;
    while (run->stream_count > 0 && run->streams[run->stream_count - 1] == NULL) {
        run->stream_count--;
    }
    hs_stream_free(stream);
    return 0;
}

typedef struct visitor {
    void (*visit)(void *context, const hs_slot *slot);
    void *context;
} visitor;

static void visit_slot(void *context, uint32_t number, const hs_slot *slot)
{
    (void)number;
    visitor *to = context;
    if (slot->state == HS_SLOT_LIVE) {
        to->visit(to->context, slot);
    }
}

int hs_run_visit_live(const hs_run *run, void (*visit)(void *context, const hs_slot *slot),
                      void *context)
{
    visitor to = {visit, context};
    for (size_t i = 0; i < run->leftover_count; i++) {
        visit(context, &run->leftovers[i]);
    }
    for (size_t i = 0; i < run->stream_count; i++) {
        if (run->streams[i] != NULL &&
            hs_slots_visit(&run->streams[i]->slots, visit_slot, &to) != 0) {
            return -1;
        }
    }
    return 0;
}

int hs_run_trace_watched(hs_run *run, const char *name, hs_trace *trace, hs_progress *progress,
                         void *context, hs_error *error)
{
    hs_stream *stream =
        hs_run_begin_trace(run, name, hs_trace_path(trace), hs_trace_get_header(trace), error);
    if (stream == NULL) {
        return -1;
    }
    hs_event events[256];
    long count = 1;
    while (!run->stopped && (count = hs_trace_read(trace, events, 256, error)) > 0) {
        if (hs_run_steps(run, stream, events, (size_t)count, error) != 0) {
            return -1;
        }
        if (progress != NULL) {
            uint64_t done;
            uint64_t size;
            hs_trace_progress(trace, &done, &size);
            progress(context, done, size);
        }
    }
    return count < 0 ? -1 : hs_run_end_trace(run, stream, error);
}

int hs_run_trace(hs_run *run, const char *name, hs_trace *trace, hs_error *error)
{
    return hs_run_trace_watched(run, name, trace, NULL, NULL, error);
}

/* One function for each statement of a trace, and the table that finds it. */
#include "run_events.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "gc_print.h"

/* Allocations and frees are nearly all of a trace. */
#define INLINE inline __attribute__((always_inline))

typedef struct step {
    hs_run *run;
    hs_stream *stream;
    const hs_event *event;
    hs_error *error;
} step;

static int bad(const step *s, const char *found, const char *expected)
{
    hs_error_set(s->error, s->stream->path, s->event->line, "found %s %" PRIu32 " %s, expected %s",
                 hs_op_name((enum hs_op)s->event->op), s->event->slot, found, expected);
    return -1;
}

static int out_of_memory(const step *s)
{
    hs_error_set(s->error, NULL, 0, "the host is out of memory");
    return -1;
}

/* --- roots --- */

static int add_root(const step *s, hs_slot *slot)
{
    hs_run *run = s->run;
    if (run->root_count == run->root_capacity) {
        uint32_t capacity = run->root_capacity == 0 ? 1024 : 2 * run->root_capacity;
        uint32_t *words = realloc(run->root_words, capacity * sizeof *words);
        if (words == NULL) {
            return out_of_memory(s);
        }
        run->root_words = words;
        uint64_t *owners = realloc(run->root_owners, capacity * sizeof *owners);
        if (owners == NULL) {
            return out_of_memory(s);
        }
        run->root_owners = owners;
        run->root_capacity = capacity;
    }
    run->root_words[run->root_count] = slot->addr;
    run->root_owners[run->root_count] = (uint64_t)s->stream->index << 32 | s->event->slot;
    slot->root = ++run->root_count;
    return 0;
}

/* The last root takes the place of the one that goes. */
static void remove_root(hs_run *run, hs_slot *slot)
{
    uint32_t hole = slot->root - 1;
    uint32_t last = --run->root_count;
    run->root_words[hole] = run->root_words[last];
    run->root_owners[hole] = run->root_owners[last];
    slot->root = 0;
    if (hole != last && run->root_owners[hole] != HS_ROOT_LEFT) {
        hs_stream *stream = run->streams[run->root_owners[hole] >> 32];
        hs_slots_find(&stream->slots, (uint32_t)run->root_owners[hole])->root = hole + 1;
    }
}

/* --- failures --- */

void hs_run_fail(hs_run *run, hs_failure *failure)
{
    run->failures++;
    failure->event = run->event;
    if (run->failed && run->observer_count == 0) {
        return;
    }
    hs_failure_diagnose(failure, run->board);
    if (!run->failed) {
        run->failed = true;
        run->failure = *failure;
    }
    for (size_t i = 0; i < run->observer_count; i++) {
        if (run->observers[i].failure != NULL) {
            run->observers[i].failure(run->observers[i].context, run, failure);
        }
    }
}

static void fail(const step *s, uint16_t owner, uint32_t size, hs_addr block)
{
    hs_run *run = s->run;
    hs_failure failure = {
        .trace = s->stream->trace,
        .line = s->event->line,
        .owner = owner,
        .phase = s->stream->phase,
        .heap = run->owners[owner].heap,
        .size = size,
        .caps = (s->event->flags & HS_EVENT_CAPS) != 0 ? s->event->caps : run->owners[owner].caps,
        .align = s->event->op == HS_OP_ALIGNED ? s->event->count : 0,
        .block = block,
    };
    run->owners[owner].failures++;
    hs_run_fail(run, &failure);
    if (run->stop_at_failure) {
        run->stopped = true;
    }
}

/* --- accounts --- */

static void take(hs_run_owner *owner, uint32_t size)
{
    owner->live_bytes += size;
    owner->total_bytes += size;
    owner->live_blocks++;
    owner->allocations++;
    if (owner->live_bytes > owner->peak_bytes) {
        owner->peak_bytes = owner->live_bytes;
    }
}

static void give(hs_run_owner *owner, uint32_t size)
{
    owner->live_bytes -= size;
    owner->live_blocks--;
}

/* In hs_slot.flags, beside the flags of the event: a realloc that the device had served was refused
 * here, the object is smaller than the trace thinks. */
#define SLOT_SHORT 128u

/* --- allocation --- */

/* With DEFAULT alone calloc() and its like, otherwise heap_caps_calloc(). */
static hs_addr idf_alloc(const step *s, const hs_slot *slot)
{
    hs_caps *heap = &s->run->board->caps;
    const hs_event *event = s->event;
    bool own = (event->flags & HS_EVENT_CAPS) != 0;
    uint32_t caps = own ? event->caps : s->run->owners[slot->owner].caps;
    switch (event->op) {
    case HS_OP_ALLOC:
        return caps == HS_CAP_DEFAULT ? hs_caps_malloc_default(heap, event->size)
                                      : hs_caps_malloc(heap, event->size, caps);
    case HS_OP_CALLOC:
        return caps == HS_CAP_DEFAULT ? hs_caps_calloc_default(heap, event->count, event->size)
                                      : hs_caps_calloc(heap, event->count, event->size, caps);
    default:
        return caps == HS_CAP_DEFAULT
                   ? hs_caps_memalign(heap, event->count, event->size)
                   : hs_caps_aligned_alloc(heap, event->count, event->size, caps);
    }
}

static hs_addr gc_alloc(const step *s, const hs_run_owner *owner, uint32_t size)
{
    hs_gc *gc = &s->run->board->gc;
    if (owner->tracked) {
        return hs_gc_tracked_alloc(gc, size);
    }
    bool finaliser = (s->event->flags & HS_EVENT_FINALISER) != 0;
    return hs_gc_alloc(gc, size, finaliser ? HS_GC_WITH_FINALISER : 0);
}

/* The first word of an object with a type letter is that type's address, so that dumps show it. */
static void write_type(const step *s, hs_addr object, uint32_t size)
{
    if ((s->event->flags & HS_EVENT_TYPE) != 0 && size >= 4) {
        uint32_t word = hs_gc_type_word(s->event->type);
        memcpy(hs_at(s->run->board->space, object), &word, sizeof word);
    }
}

enum { STOPPED = 1 };

/* After anything but a block given or taken: what it did to the run. STOPPED instead of 0 when that
 * is the end of it. */
static int settle(hs_run *run, int result)
{
    hs_run_note_allocated(run);
    if (run->board->caps.device.crash != HS_CRASH_NONE && !run->crashed) {
        run->crashed = true;
        run->crash_event = run->event;
        run->stopped = true;
    }
    return result == 0 && run->stopped ? STOPPED : result;
}

/* Carries out what is not among the commonest. */
static __attribute__((noinline)) int rarer(const step *s, int (*carry_out)(const step *s))
{
    return settle(s->run, carry_out(s));
}

/* A slot that the device could not fill may be named again by an allocation; so may one that the
 * capture saw fail, though here it succeeded: the program never used it. */
static int forget_failed(const step *s, hs_slot *slot)
{
    if (slot->state == HS_SLOT_LIVE && (slot->flags & HS_EVENT_FAILED) == 0) {
        return bad(s, "of a slot that is allocated", "a slot that is free");
    }
    if (slot->state == HS_SLOT_EMPTY && (slot->flags & HS_EVENT_FAILED) == 0) {
        return bad(s, "of a slot that the trace has not freed", "a slot that is free");
    }
    hs_run *run = s->run;
    if (slot->state == HS_SLOT_LIVE) {
        if (slot->root != 0) {
            remove_root(run, slot);
        }
        if (slot->heap == HS_HEAP_IDF) {
            hs_caps_free(&run->board->caps, slot->addr);
        } else if (run->owners[slot->owner].tracked) {
            hs_gc_tracked_free(&run->board->gc, slot->addr);
        }
        give(&run->owners[slot->owner], slot->size);
    }
    hs_slots_remove(&s->stream->slots, s->event->slot);
    return 0;
}

static inline uint32_t bytes_asked(const hs_event *event)
{
    if (__builtin_expect(event->op != HS_OP_CALLOC, true)) {
        return event->size;
    }
    uint64_t bytes = (uint64_t)event->count * event->size;
    return bytes > UINT32_MAX ? UINT32_MAX : (uint32_t)bytes;
}

/* A failed allocation leaves its slot empty. */
static void slot_empty(const step *s, hs_slot *slot)
{
    slot->state = HS_SLOT_EMPTY;
    bool possible = !s->run->board->bare || slot->heap != HS_HEAP_IDF;
    if (possible && slot->size != 0) { /* NULL is the right answer to a request for nothing */
        fail(s, slot->owner, slot->size, 0);
    }
}

/* The event's slot, which may have been that of an allocation that failed; NULL with *error. */
static hs_slot *take_slot(const step *s)
{
    hs_slots *slots = &s->stream->slots;
    hs_slot *slot = hs_slots_find(slots, s->event->slot);
    if (slot != NULL && forget_failed(s, slot) != 0) {
        return NULL;
    }
    slot = hs_slots_open(slots, s->event->slot);
    if (slot == NULL) {
        out_of_memory(s);
    }
    return slot;
}

static int alloc_python(const step *s, hs_slot *slot)
{
    const hs_run_owner *owner = &s->run->owners[slot->owner];
    slot->addr = gc_alloc(s, owner, slot->size);
    if (slot->addr == 0 || owner->tracked) {
        return 0;
    }
    write_type(s, slot->addr, slot->size);
    return add_root(s, slot);
}

/* The slot becomes that of a block whose address is set next. */
static INLINE void fill_slot(const hs_run *run, const hs_stream *stream, hs_slot *slot,
                             uint16_t owner, uint32_t size)
{
    slot->state = HS_SLOT_LIVE;
    slot->heap = HS_HEAP_IDF;
    slot->type = 0;
    slot->flags = 0;
    slot->owner = owner;
    slot->phase = stream->phase;
    slot->size = size;
    slot->root = 0;
    slot->born = run->event;
}

static int alloc_any(const step *s)
{
    hs_slot *slot = take_slot(s);
    if (slot == NULL) {
        return -1;
    }
    hs_run *run = s->run;
    uint16_t index = s->stream->owner_map[s->event->owner];
    hs_run_owner *owner = &run->owners[index];
    fill_slot(run, s->stream, slot, index, bytes_asked(s->event));
    slot->addr = 0;
    slot->state = HS_SLOT_EMPTY;
    slot->heap = (uint8_t)owner->heap;
    slot->type = (uint8_t)s->event->type;
    slot->flags = s->event->flags;
    if (owner->heap == HS_HEAP_IDF) {
        slot->addr = idf_alloc(s, slot);
    } else if (alloc_python(s, slot) != 0) {
        return -1;
    }
    if (slot->addr == 0) {
        slot_empty(s, slot);
        return 0;
    }
    slot->state = HS_SLOT_LIVE;
    take(owner, slot->size);
    return 0;
}

/* The slot of the event is filled, and the device had no block for it. */
static int alloc_failed(const step *s)
{
    slot_empty(s, &s->stream->slots.low[s->event->slot]);
    return 0;
}

/* The commonest event: a block of the IDF heap, without attributes. */
static INLINE int step_alloc(hs_run *run, hs_stream *stream, const hs_event *event, hs_error *error)
{
    uint16_t index = stream->owner_map[event->owner];
    hs_run_owner *owner = &run->owners[index];
    hs_slot *slot = hs_slots_low(&stream->slots, event->slot, HS_SLOT_NONE);
    if (__builtin_expect(slot == NULL || event->flags != 0 || owner->heap != HS_HEAP_IDF, false)) {
        return rarer(&(step){run, stream, event, error}, alloc_any);
    }
    fill_slot(run, stream, slot, index, event->size); /* before the call: less to keep over it */
    stream->slots.live++;
    hs_caps *caps = &run->board->caps;
    hs_addr addr = owner->caps == HS_CAP_DEFAULT ? hs_caps_malloc_default(caps, event->size)
                                                 : hs_caps_malloc(caps, event->size, owner->caps);
    slot->addr = addr;
    if (__builtin_expect(addr == 0, false)) {
        return rarer(&(step){run, stream, event, error}, alloc_failed);
    }
    take(owner, slot->size);
    hs_run_note_allocated(run);
    return 0;
}

/* --- statements on a slot --- */

static int no_slot(const step *s, uint32_t number)
{
    hs_error_set(s->error, s->stream->path, s->event->line,
                 "found %s of slot %" PRIu32 ", which is not allocated, expected a slot that is",
                 hs_op_name((enum hs_op)s->event->op), number);
    return -1;
}

/* A statement on a slot whose allocation had failed does nothing but end it, if it is one that
 * does. */
static void pass_over(const step *s)
{
    s->run->ignored++;
    if (hs_event_ends_slot(s->event)) {
        hs_slots_remove(&s->stream->slots, s->event->slot);
    }
}

/* The slot of the event; NULL with 0 in *result when it is empty, with -1 when it is an error. */
static inline hs_slot *named_slot(const step *s, uint32_t number, int *result)
{
    hs_slot *slot = hs_slots_find(&s->stream->slots, number);
    *result = 0;
    if (slot == NULL) {
        *result = no_slot(s, number);
        return NULL;
    }
    if (slot->state == HS_SLOT_EMPTY) {
        pass_over(s);
        return NULL;
    }
    return slot;
}

/* An object of Python by the trace, wherever the policy routes it. */
static bool is_python(const step *s, const hs_slot *slot)
{
    return s->run->owners[slot->owner].python;
}

static int not_python(const step *s)
{
    hs_error_set(s->error, s->stream->path, s->event->line,
                 "found %s of slot %" PRIu32 ", which belongs to the IDF heap, expected a slot of "
                 "an owner with heap gc",
                 hs_op_name((enum hs_op)s->event->op), s->event->slot);
    return -1;
}

static hs_addr realloc_block(const step *s, const hs_slot *slot)
{
    hs_board *board = s->run->board;
    const hs_run_owner *owner = &s->run->owners[slot->owner];
    uint32_t size = s->event->size;
    bool move = (s->event->flags & HS_EVENT_NOMOVE) == 0;
    if (owner->tracked) {
        return hs_gc_tracked_realloc(&board->gc, slot->addr, size);
    }
    if (slot->heap == HS_HEAP_GC) {
        return hs_gc_realloc(&board->gc, slot->addr, size, move);
    }
    if (!move) { /* a GC object in the IDF heap: C's realloc cannot promise to stay */
        return hs_caps_usable(&board->caps, slot->addr) >= size ? slot->addr : 0;
    }
    return owner->caps == HS_CAP_DEFAULT
               ? hs_caps_realloc_default(&board->caps, slot->addr, size)
               : hs_caps_realloc(&board->caps, slot->addr, size, owner->caps);
}

static INLINE void slot_gone(hs_run *run, hs_stream *stream, uint32_t number, hs_slot *slot)
{
    if (slot->root != 0) {
        remove_root(run, slot);
    }
    give(&run->owners[slot->owner], slot->size);
    hs_slots_remove(&stream->slots, number);
}

static int step_realloc(const step *s)
{
    int result;
    hs_slot *slot = named_slot(s, s->event->slot, &result);
    if (slot == NULL) {
        return result;
    }
    hs_addr address = realloc_block(s, slot);
    s->run->answer = address;
    if (s->event->size == 0) {
        slot_gone(s->run, s->stream, s->event->slot, slot);
        return 0;
    }
    if (address == 0) {
        slot->flags |= (s->event->flags & HS_EVENT_FAILED) == 0 ? SLOT_SHORT : 0;
        if ((s->event->flags & HS_EVENT_NOMOVE) == 0) {
            fail(s, slot->owner, s->event->size, slot->addr);
        }
        return 0;
    }
    hs_run_owner *owner = &s->run->owners[slot->owner];
    give(owner, slot->size);
    take(owner, s->event->size);
    slot->addr = address;
    slot->size = s->event->size;
    slot->flags &= (uint8_t)~SLOT_SHORT;
    if (slot->root != 0) {
        s->run->root_words[slot->root - 1] = address;
    }
    return 0;
}

static int free_any(const step *s)
{
    int result;
    hs_slot *slot = named_slot(s, s->event->slot, &result);
    if (slot == NULL) {
        return result;
    }
    if (slot->heap == HS_HEAP_IDF) {
        hs_caps_free(&s->run->board->caps, slot->addr);
    } else if (s->run->owners[slot->owner].tracked) {
        hs_gc_tracked_free(&s->run->board->gc, slot->addr);
    } else {
        hs_gc_free(&s->run->board->gc, slot->addr);
    }
    slot_gone(s->run, s->stream, s->event->slot, slot);
    return 0;
}

/* The other commonest event: the free of such a block. */
static INLINE int step_free(hs_run *run, hs_stream *stream, const hs_event *event, hs_error *error)
{
    hs_slot *slot = hs_slots_low(&stream->slots, event->slot, HS_SLOT_LIVE);
    if (__builtin_expect(slot == NULL || slot->heap != HS_HEAP_IDF, false)) {
        return rarer(&(step){run, stream, event, error}, free_any);
    }
    hs_caps_free(&run->board->caps, slot->addr);
    give(&run->owners[slot->owner], slot->size);
    slot->state = HS_SLOT_NONE;
    stream->slots.live--;
    return 0;
}

static int step_drop(const step *s)
{
    int result;
    hs_slot *slot = named_slot(s, s->event->slot, &result);
    if (slot == NULL) {
        return result;
    }
    if (!is_python(s, slot)) {
        return not_python(s);
    }
    if (slot->heap == HS_HEAP_IDF) {
        /* A GC owner that the policy routes to the IDF heap: there, dead is freed. */
        hs_caps_free(&s->run->board->caps, slot->addr);
    }
    slot_gone(s->run, s->stream, s->event->slot, slot);
    return 0;
}

/* --- links --- */

static int write_link(const step *s, const hs_slot *slot, hs_addr value)
{
    uint32_t word = s->event->count;
    if (!is_python(s, slot)) {
        return not_python(s);
    }
    if (slot->heap != HS_HEAP_GC) {
        return 0; /* routed to the IDF heap: nothing marks there */
    }
    if (word >= hs_gc_nbytes(&s->run->board->gc, slot->addr) / 4) {
        if ((slot->flags & SLOT_SHORT) != 0) {
            pass_over(s);
            return 0;
        }
        hs_error_set(s->error, s->stream->path, s->event->line,
                     "found word %" PRIu32 " of slot %" PRIu32 ", expected one inside its %" PRIu32
                     " bytes",
                     word, s->event->slot, slot->size);
        return -1;
    }
    memcpy(hs_at(s->run->board->space, slot->addr + 4 * word), &value, sizeof value);
    return 0;
}

static int step_link(const step *s)
{
    int result;
    int result2;
    const hs_slot *target = named_slot(s, s->event->slot2, &result2);
    const hs_slot *slot = named_slot(s, s->event->slot, &result);
    if (slot == NULL || target == NULL) {
        return result != 0 ? result : result2;
    }
    return write_link(s, slot, target->addr);
}

static int step_unlink(const step *s)
{
    int result;
    const hs_slot *slot = named_slot(s, s->event->slot, &result);
    return slot != NULL ? write_link(s, slot, 0) : result;
}

/* --- statements without a slot --- */

static int step_collect(const step *s)
{
    if (s->run->board->has_gc) {
        hs_gc_collect(&s->run->board->gc);
    }
    return 0;
}

/* What a capture set to see deaths early is no wish of the program. */
static int step_threshold(const step *s)
{
    hs_board *board = s->run->board;
    if (board->has_gc && (board->bare || (s->event->flags & HS_EVENT_CAPTURE) == 0)) {
        int64_t bytes = s->event->value;
        hs_gc_set_threshold(&board->gc, bytes > INT32_MAX ? INT32_MAX : (int32_t)bytes);
    }
    return 0;
}

static int step_region(const step *s)
{
    hs_run *run = s->run;
    if (hs_region_type_find(s->event->name) == HS_REGION_TYPES) {
        hs_error_set(s->error, s->stream->path, s->event->line,
                     "found region type '%s', expected DRAM, DIRAM, IRAM, SPIRAM, RTCRAM, ...",
                     s->event->name);
        return -1;
    }
    if (run->board->bare) {
        return 0;
    }
    enum hs_caps_status status = hs_board_add_region(run->board, s->event->addr, s->event->size);
    if (status == HS_CAPS_NOMEM) {
        hs_failure failure = {.trace = s->stream->trace,
                              .line = s->event->line,
                              .owner = HS_NO_OWNER,
                              .phase = s->stream->phase,
                              .size = 36,
                              .caps = HS_CAP_INTERNAL | HS_CAP_8BIT};
        hs_run_fail(run, &failure);
        run->stopped = run->stopped || run->stop_at_failure;
    } else if (status != HS_CAPS_OK) {
        hs_error_set(s->error, s->stream->path, s->event->line,
                     "found region 0x%08" PRIx32 " of %" PRIu32
                     " bytes, expected one that this board can add to its heap",
                     s->event->addr, s->event->size);
        return -1;
    }
    hs_run_restart_metrics(run);
    return 0;
}

static int step_phase(const step *s)
{
    return hs_run_enter_phase(s->run, s->stream, s->event->name, s->error);
}

static int step_mark(const step *s)
{
    return hs_run_trace_mark(s->run, s->event->name, s->error);
}

static int step_time(const step *s)
{
    s->run->time = s->event->value;
    return 0;
}

/* What a capture saw: for `verify` alone. */
static int step_nothing(const step *s)
{
    (void)s;
    return 0;
}

/* All but those that carry_out() names. */
static int (*const steps[HS_OP_COUNT])(const step *s) = {
    [HS_OP_CALLOC] = alloc_any,      [HS_OP_ALIGNED] = alloc_any,
    [HS_OP_REALLOC] = step_realloc,  [HS_OP_DROP] = step_drop,
    [HS_OP_LINK] = step_link,        [HS_OP_UNLINK] = step_unlink,
    [HS_OP_COLLECT] = step_collect,  [HS_OP_THRESHOLD] = step_threshold,
    [HS_OP_AREA] = step_nothing,     [HS_OP_SPLIT] = step_nothing,
    [HS_OP_GROWN] = step_nothing,    [HS_OP_COLLECTED] = step_nothing,
    [HS_OP_RELEASED] = step_nothing, [HS_OP_REGION] = step_region,
    [HS_OP_PHASE] = step_phase,      [HS_OP_MARK] = step_mark,
    [HS_OP_TIME] = step_time,
};

static INLINE int carry_out(hs_run *run, hs_stream *stream, const hs_event *event, hs_error *error)
{
    if (event->op == HS_OP_ALLOC) {
        return step_alloc(run, stream, event, error);
    }
    if (event->op == HS_OP_FREE) {
        return step_free(run, stream, event, error);
    }
    return rarer(&(step){run, stream, event, error}, steps[event->op]);
}

/* When the largest block of a heap may have changed, or the device crashed in a free. */
static __attribute__((noinline)) int look_closer(hs_run *run, int result)
{
    hs_caps_watch_update(&run->board->caps, &run->watch);
    run->board->caps.changed = 0;
    hs_run_note_largest(run);
    return settle(run, result);
}

/* Carries the event out and brings up to date what is known of the run after every event. */
static INLINE int carry_out_fully(hs_run *run, hs_stream *stream, const hs_event *event,
                                  hs_error *error)
{
    int result = carry_out(run, stream, event, error);
    if (__builtin_expect(run->board->caps.changed != 0, false)) {
        return look_closer(run, result);
    }
    return result;
}

/* --- what observers are told --- */

static bool allocates(const hs_event *event)
{
    return event->op <= HS_OP_ALIGNED;
}

/* What is known of an event's slot before it is carried out. */
static hs_outcome look_ahead(const step *s)
{
    hs_outcome outcome = {.event = s->run->event, .owner = HS_NO_OWNER};
    if (allocates(s->event) || s->event->op > HS_OP_UNLINK) {
        return outcome;
    }
    const hs_slot *slot = hs_slots_find(&s->stream->slots, s->event->slot);
    if (slot != NULL && slot->state == HS_SLOT_LIVE) {
        outcome.owner = slot->owner;
        outcome.heap = (enum hs_heap_kind)slot->heap;
        outcome.old_address = slot->addr;
        outcome.old_size = slot->size;
    }
    return outcome;
}

static void look_back(const step *s, hs_outcome *outcome)
{
    const hs_event *event = s->event;
    if (allocates(event)) {
        outcome->owner = s->stream->owner_map[event->owner];
        outcome->heap = s->run->owners[outcome->owner].heap;
        const hs_slot *slot = hs_slots_find(&s->stream->slots, event->slot);
        outcome->address = slot->addr;
        outcome->size = slot->size;
        /* there is no IDF heap on a bare board */
        outcome->ignored |= s->run->board->bare && outcome->heap == HS_HEAP_IDF;
    } else if (event->op == HS_OP_REALLOC && outcome->owner != HS_NO_OWNER) {
        outcome->address = s->run->answer;
        outcome->size = event->size;
    }
}

static int carry_out_observed(const step *s)
{
    hs_run *run = s->run;
    uint64_t failures = run->failures;
    uint64_t ignored = run->ignored;
    hs_outcome outcome = look_ahead(s);
    int result = carry_out_fully(run, s->stream, s->event, s->error);
    if (result < 0) {
        return result;
    }
    outcome.failed = run->failures != failures;
    outcome.ignored = run->ignored != ignored;
    look_back(s, &outcome);
    run->current_phase = s->stream->phase;
    for (size_t i = 0; i < run->observer_count; i++) {
        if (run->observers[i].event != NULL) {
            run->observers[i].event(run->observers[i].context, run, s->event, &outcome);
        }
    }
    return result;
}

int hs_run_step(hs_run *run, hs_stream *stream, const hs_event *event, hs_error *error)
{
    return hs_run_steps(run, stream, event, 1, error);
}

int hs_run_steps(hs_run *run, hs_stream *stream, const hs_event *events, size_t count,
                 hs_error *error)
{
    const hs_event *end = events + count;
    uint64_t before = run->event;
    int result = run->stopped ? STOPPED : 0;
    while (events < end && result == 0 && run->observer_count != 0) {
        run->event++;
        result = carry_out_observed(&(step){run, stream, events++, error});
    }
    while (events < end && result == 0) {
        run->event++;
        result = carry_out_fully(run, stream, events++, error);
    }
    run->traces[stream->trace].events += run->event - before;
    return result < 0 ? -1 : 0;
}

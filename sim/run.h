/* A run: traces replayed, event by event, on one board.
 *
 * The run keeps the slots of the traces, what each owner holds, the roots of the GC heap and the
 * metrics that are known at every event. Observers (reporters, time lines, maps) are told what
 * happened and never change it.
 */
#ifndef HS_RUN_H
#define HS_RUN_H

#include "board.h"
#include "metrics.h"
#include "slots.h"
#include "trace.h"

/* Why an allocation failed (shared definition: sim/README.md, metrics M11). */
enum hs_failure_class {
    HS_CLASS_EXHAUSTED,  /* less free than asked for */
    HS_CLASS_FRAGMENTED, /* enough free, but in no block */
    HS_CLASS_CAPS,       /* enough in one block, but of memory without the capability */
    HS_CLASS_STARVED,    /* the IDF heap fails while the GC areas hold that much unused */
    HS_CLASS_ROUNDED,    /* a block is large enough, but the good-fit search cannot see it */
    HS_CLASS_INNER,      /* Python's heap is full though the IDF heap has room for an area */
};
const char *hs_failure_class_name(enum hs_failure_class c);

typedef struct hs_failure {
    size_t index; /* into the run's streams */
    size_t trace; /* index into the run's traces */
    uint64_t line;
    uint64_t event; /* number in the run, from 1 */
    uint16_t owner;
    uint16_t phase;
    enum hs_heap_kind heap;
    enum hs_failure_class failure_class;
    uint32_t size;          /* bytes asked for: count times size for calloc */
    uint32_t need;          /* payload bytes after the allocator's own rounding */
    uint32_t caps;          /* IDF heap only */
    uint32_t align;         /* of an aligned request; 0: none */
    hs_addr block;          /* of a realloc: the block that could not grow; 0: another request */
    uint32_t free;          /* in the memory that could serve it: idf: payload bytes; gc: bytes */
    uint32_t largest;       /* as the device would print it */
    uint32_t largest_exact; /* the same, not rounded */
    uint32_t gc_free;       /* bytes unused inside GC areas at that moment */
    uint32_t other_largest; /* largest free block in memory that lacks the capability */
} hs_failure;

typedef struct hs_run_owner {
    char *name;
    enum hs_heap_kind heap; /* where the policy puts it */
    bool python;  /* its objects are Python's by the trace: they can be linked and dropped */
    bool tracked; /* an IDF owner served from the GC heap by tracked allocations */
    uint32_t caps;
    uint64_t total_bytes; /* asked for */
    uint64_t peak_bytes;
    uint64_t live_bytes;
    uint64_t failures;
    uint64_t live_blocks;
    uint64_t allocations;
} hs_run_owner;

typedef struct hs_run_trace_info {
    char *name; /* as given on the command line */
    enum hs_origin origin;
    uint64_t events;
} hs_run_trace_info;

enum hs_gc_notice {
    HS_GC_COLLECTED,     /* value: objects freed */
    HS_GC_GREW,          /* address, value: bytes of the new area */
    HS_GC_GROW_REFUSED,  /* value: bytes asked for */
    HS_GC_RELEASED,      /* address: an empty area given back */
    HS_GC_RELEASED_LIVE, /* the same with a live object in block 0: the upstream defect */
    HS_GC_FINALISED,     /* address of the object */
};

struct hs_run;
/* Any member may be NULL. Pointers given are valid during the call. */
typedef struct hs_observer {
    void *context;
    void (*event)(void *context, const struct hs_run *run, const hs_event *event,
                  const hs_outcome *outcome);
    /* Before the event that caused it is reported. */
    void (*gc)(void *context, const struct hs_run *run, enum hs_gc_notice notice, hs_addr address,
               uint64_t value);
    void (*mark)(void *context, const struct hs_run *run, const hs_mark *mark);
    void (*failure)(void *context, const struct hs_run *run, const hs_failure *failure);
} hs_observer;
#define HS_OBSERVERS_MAX       8
#define HS_ROOT_LEFT           UINT64_MAX
#define HS_RUN_MARK_BLOCKS_MAX (4u << 20) /* free blocks that they list in all: 32 MiB */
#define HS_RUN_MARKS_MAX       65536 /* marks and phases of one run; a trace with more is refused */

/* Figures of this moment. */
typedef struct hs_live_metrics {
    uint32_t idf_free;      /* 8BIT, the device's counters added up */
    uint32_t idf_largest;   /* 8BIT, as the device prints it */
    uint32_t idf_allocated; /* 8BIT, payload bytes of live blocks */
    uint32_t gc_used;       /* bytes; garbage not yet collected included */
} hs_live_metrics;

/* The lowest and highest they were after any event since the policy's start. */
typedef struct hs_extreme_metrics {
    uint32_t minimum_largest; /* of idf_largest */
    uint64_t minimum_largest_event;
    uint32_t peak_idf_allocated;
} hs_extreme_metrics;

/* A trace that is being replayed. Slots are numbers of one trace; several traces can be replayed
 * together, each in its own stream. */
typedef struct hs_stream {
    char *path;   /* for messages */
    size_t index; /* into the run's streams */
    size_t trace; /* index into the run's traces */
    hs_slots slots;
    uint16_t *owner_map; /* the trace's owner index to the run's */
    size_t owner_count;
    uint16_t phase; /* index into the run's phases; 0: before the first */
} hs_stream;

typedef struct hs_run {
    hs_board *board;
    uint64_t event;      /* events replayed so far */
    hs_stream **streams; /* the open ones */
    size_t stream_count;
    hs_slot *leftovers; /* what finished traces left allocated */
    size_t leftover_count;

    hs_run_owner *owners;
    size_t owner_count;
    char **phases; /* names seen, in order; index 0 is "" (before the first) */
    size_t phase_count;
    uint16_t *phases_sorted; /* their indices by name */
    size_t phase_capacity;   /* of both arrays */

    hs_run_trace_info *traces;
    size_t trace_count;
    hs_mark *marks;
    size_t mark_count;
    uint64_t mark_blocks; /* free blocks that marks list */
    size_t mark_capacity;

    /* GC roots: addresses of the objects in live slots, dense, and whose they are. */
    uint32_t *root_words;
    uint64_t *root_owners; /* stream << 32 | slot; HS_ROOT_LEFT: of a finished trace */
    uint32_t root_count;
    uint32_t root_capacity;

    hs_extreme_metrics extreme;
    hs_caps_watch watch;
    hs_addr answer; /* of the last realloc */
    int64_t time;   /* microseconds, as the trace last said */
    uint64_t failures;
    uint64_t ignored;       /* statements on slots whose allocation had failed */
    bool failed;            /* `failure` is set */
    hs_failure failure;     /* the first */
    uint16_t current_phase; /* of the event being replayed */
    bool crashed; /* the device stopped (board->caps.device.crash says why) at crash_event */
    uint64_t crash_event;
    bool stop_at_failure;
    bool stopped;
    /* Which marks and phases of the traces are recorded; NULL: all. For grids, whose runs repeat
     * traces thousands of times. */
    bool (*wants_mark)(const void *context, const char *name);
    const void *wants_mark_context;
    uint64_t collections, growths, releases, live_releases, finalised;

    hs_observer observers[HS_OBSERVERS_MAX];
    size_t observer_count;
} hs_run;

/* A run on a booted board, which the run does not own, under `policy`: takes the mark `boot`,
 * starts the policy, takes the mark `start`. A policy that the device has no memory for is the
 * run's first failure, at event 0. NULL with *error: host out of memory, or a policy that cannot be
 * started. */
hs_run *hs_run_create(hs_board *board, const hs_policy *policy, hs_error *error);
/* A run on a bare board (verify) : no marks, no policy. */
hs_run *hs_run_create_bare(hs_board *board, hs_error *error);
void hs_run_destroy(hs_run *run);

/* Copies the run and its board for a what-if; observers are not copied. The caller destroys the run
 * and then copy->board. NULL with *error. */
hs_run *hs_run_copy(const hs_run *run, hs_error *error);
/* The same onto `board`, which is a copy of the run's board already and stays the caller's. */
hs_run *hs_run_copy_onto(const hs_run *run, hs_board *board, hs_error *error);

void hs_run_observe(hs_run *run, hs_observer observer);

/* Fills the diagnosis of *failure from the board as it is: class, free, largest and so on. `size`,
 * `heap` and `caps` are set by the caller. */
void hs_failure_diagnose(hs_failure *failure, hs_board *board);

/* Opens a stream for a trace: adds its owners, routed by the policy. `name` is what reports call
 * it, `path` stands in messages. NULL with *error. */
hs_stream *hs_run_begin_trace(hs_run *run, const char *name, const char *path,
                              const hs_trace_header *header, hs_error *error);
/* Replays one event. 0, or -1 with *error when the trace is wrong. */
int hs_run_step(hs_run *run, hs_stream *stream, const hs_event *event, hs_error *error);
/* Replays `count` events until the run is stopped. 0, or -1 with *error. */
int hs_run_steps(hs_run *run, hs_stream *stream, const hs_event *events, size_t count,
                 hs_error *error);
/* Ends the last phase and closes the stream; what is allocated stays so. */
int hs_run_end_trace(hs_run *run, hs_stream *stream, hs_error *error);
/* Replays a whole trace: begin, all events (until stopped), end. */
int hs_run_trace(hs_run *run, const char *name, hs_trace *trace, hs_error *error);
/* The same; `progress`, which may be NULL, is told now and then the bytes read and the size of the
 * file (0: unknown). */
int hs_run_trace_watched(hs_run *run, const char *name, hs_trace *trace, hs_progress *progress,
                         void *context, hs_error *error);
/* Calls visit for every live slot: leftovers first, then each open stream's. 0, or -1: host out of
 * memory. */
int hs_run_visit_live(const hs_run *run, void (*visit)(void *context, const hs_slot *slot),
                      void *context);
/* The owner's name; "policy" for HS_NO_OWNER. */
const char *hs_run_owner_name(const hs_run *run, uint16_t owner);
/* Why the device stopped, in words; "" when it did not. */
const char *hs_run_crash_reason(const hs_run *run);
hs_live_metrics hs_run_live(const hs_run *run);
/* The highest hs_live_metrics.gc_used so far. */
uint32_t hs_run_peak_gc_used(const hs_run *run);
/* Records a mark now. */
int hs_run_mark(hs_run *run, const char *name, hs_error *error);
/* Records the mark `end`. */
int hs_run_finish(hs_run *run, hs_error *error);

#endif

/* A board: device memory, the IDF heap over it, and what a policy makes Python take of it. */
#ifndef HS_BOARD_H
#define HS_BOARD_H

#include "device/gc.h"
#include "device/heap_caps.h"
#include "error.h"
#include "layout.h"
#include "policy.h"

/* A range of device memory that is backed by host memory. */
typedef struct hs_board_memory {
    hs_addr start;
    uint32_t size;
} hs_board_memory;
/* A GC area as it was given to the collector, which itself keeps only its aligned pool. */
typedef struct hs_board_area {
    hs_addr start;
    uint32_t size;
} hs_board_area;
#define HS_BOARD_AREAS_MAX 1024 /* at once; growth beyond is refused */

#define HS_BOARD_MEMORY_MAX (HS_LAYOUT_REGIONS_MAX + HS_POLICY_FIXED_MAX + HS_CAPS_HEAPS_MAX + 64)

typedef struct hs_board {
    const hs_layout *layout; /* NULL: a bare collector, see hs_board_create_bare() */
    const hs_policy *policy; /* NULL until hs_board_start() */
    void *space;
    hs_caps caps;
    bool has_gc;
    hs_gc gc;
    hs_board_area areas[HS_BOARD_AREAS_MAX]; /* in the order of the collector's list */
    size_t area_count;
    hs_addr placeholder; /* held since the start; 0: none (any more) */
    hs_board_memory memory[HS_BOARD_MEMORY_MAX];
    size_t memory_count;
    /* What the collector calls; `listener` is whoever replays on the board (roots, events). */
    void *listener;
    void (*roots)(void *listener, hs_gc *gc);
    void (*notice)(void *listener, hs_gc_event event, uint32_t a, uint32_t b);
    void (*finaliser)(void *listener, hs_addr object);
    /* A bare collector: what the trace says of the platform, instead of an IDF heap. */
    bool bare;
    uint32_t bare_split;
    hs_addr bare_area;
    uint32_t bare_area_size;
} hs_board;

/* The board of `layout` in its boot state (boot traces excepted: hs_session does those). `layout`
 * must outlive it. NULL with *error: host out of memory, or a boot state that the allocator of that
 * release cannot have. */
hs_board *hs_board_create(const hs_layout *layout, hs_error *error);

/* A board without IDF heap: `verify` builds the collector on the areas of a trace. */
hs_board *hs_board_create_bare(hs_error *error);

/* Gives a bare board an area whose memory is committed: the first one makes the collector, by the
 * rules of `version` with growth. False when the collector refuses it. */
bool hs_board_add_bare_area(hs_board *board, const hs_gc_version *version, hs_addr start,
                            uint32_t size);

/* One of the collector's areas shares memory with these bytes. */
bool hs_board_area_overlaps(const hs_board *board, hs_addr start, uint32_t size);

/* Carries out the start of `policy`, which must outlive the board. 0; 1 when the device had no
 * memory for it (*refused: the bytes that could not be had); -1 with *error. */
int hs_board_start(hs_board *board, const hs_policy *policy, uint32_t *refused, hs_error *error);

/* Gives back the placeholder, if there is one. */
void hs_board_release_placeholder(hs_board *board);

/* Backs a range with memory and adds it to the heap, as the firmware does late. */
enum hs_caps_status hs_board_add_region(hs_board *board, hs_addr start, uint32_t size);
/* Backs [start, start+size) with zeroed memory. 0, or -1 with *error. */
int hs_board_commit(hs_board *board, hs_addr start, uint32_t size, hs_error *error);

/* A copy with memory of its own, at the cost of copying the regions. NULL with *error. */
hs_board *hs_board_copy(const hs_board *board, hs_error *error);
/* The same into a board that was made as a copy of `from` or of one with the same memory: no
 * reservation, no page faults. */
void hs_board_copy_into(hs_board *to, const hs_board *from);

void hs_board_destroy(hs_board *board); /* NULL is ignored */

/* --- the rules of policies, each a row of a table in policy_rules.c --- */

/* The bytes that `term` of a policy's gc.initial stands for on this board now. */
uint32_t hs_policy_term_bytes(hs_board *board, const hs_policy_term *term);
/* Largest area that the port would report for growth under the board's policy. */
uint32_t hs_policy_max_new_split(hs_board *board);
/* Memory for a growth of `bytes`, or 0 when the policy or the heap refuses. */
hs_addr hs_policy_grow(hs_board *board, uint32_t bytes);

/* Where a walk of the heaps finds the block whose owner sees `seen`: under light poisoning the
 * canary in front of the data is part of the block. */
static inline hs_addr hs_board_block(const hs_board *board, hs_addr seen)
{
    return seen - (board->caps.config.poisoned ? 8 : 0);
}

#endif

/* Who holds what: every block of the IDF heap with its owner, as maps and explanations need it. */
#ifndef HS_HOLDERS_H
#define HS_HOLDERS_H

#include "run.h"

enum hs_holder_kind {
    HS_HOLDER_FREE,
    HS_HOLDER_BOOT,  /* live since before the traces: the firmware, or a placeholder */
    HS_HOLDER_AREA,  /* an area of the GC heap */
    HS_HOLDER_OWNER, /* a live slot */
};

typedef struct hs_holder {
    hs_addr start; /* payload */
    uint32_t size;
    uint8_t kind;
    uint8_t heap;   /* index into the board's caps.heaps */
    uint16_t owner; /* HS_HOLDER_OWNER: run owner */
    uint16_t phase; /* in which it was allocated */
    uint64_t born;  /* event number */
    uint32_t asked; /* bytes that the trace asked for */
} hs_holder;

typedef struct hs_holders {
    hs_holder *items; /* heap by heap in the order of the device's list, addresses ascending */
    size_t count;
} hs_holders;

/* The live slots of one kind of heap by address; they belong to the run. */
typedef struct hs_slot_list {
    const hs_slot **items;
    size_t count;
} hs_slot_list;

/* O(slots log slots). 0, or -1 and an empty list: host out of memory. */
int hs_slot_list_take(hs_slot_list *list, const hs_run *run, enum hs_heap_kind heap);
void hs_slot_list_release(hs_slot_list *list);
/* The slot whose address lies in [start, start + size), which may be behind the start (canaries,
 * headers of tracked allocations), or NULL. O(log slots). */
const hs_slot *hs_slot_list_find(const hs_slot_list *slots, hs_addr start, uint32_t size);

/* O(blocks log blocks). 0, or -1: host out of memory. Release with hs_holders_release(). */
int hs_holders_take(hs_holders *holders, const hs_run *run);
void hs_holders_release(hs_holders *holders);

/* The name that reports use: the owner's, "free", "boot" or "python". */
const char *hs_holder_name(const hs_run *run, const hs_holder *holder);

#endif

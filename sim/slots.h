/* Slots: the numbers by which a trace names its live allocations.
 *
 * Small numbers index an array that grows by doubling, others go through a hash table, so that
 * memory is bounded by the allocations alive at once whatever numbers a trace picks.
 */
#ifndef HS_SLOTS_H
#define HS_SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum hs_slot_state {
    HS_SLOT_NONE,  /* never allocated, or freed: naming it is an error in the trace */
    HS_SLOT_LIVE,  /* allocated */
    HS_SLOT_EMPTY, /* its allocation failed: later statements on it are counted and ignored */
};

typedef struct hs_slot {
    uint8_t state; /* enum hs_slot_state */
    uint8_t heap;  /* enum hs_heap_kind: where it lives under the policy */
    uint8_t type;  /* mem_info letter of a GC object, or 0 */
    uint8_t flags; /* free for the one who keeps the table */
    uint16_t owner;
    uint16_t phase; /* in which it was allocated */
    uint32_t addr;  /* device address */
    uint32_t size;  /* bytes asked for */
    uint32_t root;  /* free for the one who keeps the table */
    uint64_t born;  /* event number */
} hs_slot;

typedef struct hs_slots {
    hs_slot *low;      /* slots below low_size */
    uint32_t low_size; /* a power of two, at most HS_SLOTS_LOW_MAX */
    uint32_t *keys;    /* open addressing, linear probing; parallel to `high` */
    hs_slot *high;
    uint32_t high_size; /* a power of two, or 0 */
    uint32_t high_used;
    uint64_t seed; /* of the hash, set with the first table */
    uint64_t live; /* slots in a state other than NONE */
} hs_slots;

#define HS_SLOTS_LOW_MAX (1u << 20)

void hs_slots_init(hs_slots *slots);
void hs_slots_release(hs_slots *slots);
hs_slot *hs_slots_find_high(hs_slots *slots, uint32_t number); /* the rare part of the next */
/* The slot's record for reading and changing, or NULL when it is NONE. O(1). */
static inline hs_slot *hs_slots_find(hs_slots *slots, uint32_t number)
{
    if (number < slots->low_size) {
        hs_slot *slot = &slots->low[number];
        return slot->state != HS_SLOT_NONE ? slot : NULL;
    }
    return number < HS_SLOTS_LOW_MAX ? NULL : hs_slots_find_high(slots, number);
}
/* The record of a small number that is in state `state`; NULL: neither. */
static inline hs_slot *hs_slots_low(const hs_slots *slots, uint32_t number,
                                    enum hs_slot_state state)
{
    if (number >= slots->low_size) {
        return NULL;
    }
    hs_slot *slot = &slots->low[number];
    return slot->state == state ? slot : NULL;
}
hs_slot *hs_slots_make(hs_slots *slots, uint32_t number); /* the rare part of the next */
/* A record, whose members the caller must set, for a slot that is NONE. NULL: it is not, or the
 * host is out of memory. Pointers to other records become invalid. */
static inline hs_slot *hs_slots_open(hs_slots *slots, uint32_t number)
{
    hs_slot *slot;
    if (__builtin_expect(number < slots->low_size, true)) {
        slot = &slots->low[number];
    } else if ((slot = hs_slots_make(slots, number)) == NULL) {
        return NULL;
    }
    if (__builtin_expect(slot->state != HS_SLOT_NONE, false)) {
        return NULL;
    }
    slots->live++;
    return slot;
}
/* The same with a record that is zeroed but for state LIVE. */
static inline hs_slot *hs_slots_add(hs_slots *slots, uint32_t number)
{
    hs_slot *slot = hs_slots_open(slots, number);
    if (slot != NULL) {
        *slot = (hs_slot){.state = HS_SLOT_LIVE};
    }
    return slot;
}
void hs_slots_remove_high(hs_slots *slots, uint32_t number); /* the rare part of the next */
/* Makes the slot NONE. Pointers to other records may become invalid. */
static inline void hs_slots_remove(hs_slots *slots, uint32_t number)
{
    if (number >= slots->low_size) {
        hs_slots_remove_high(slots, number);
    } else if (slots->low[number].state != HS_SLOT_NONE) {
        slots->low[number].state = HS_SLOT_NONE;
        slots->live--;
    }
}
/* Makes *to a copy of *from; what *to held is not released. 0, or -1: host out of memory. */
int hs_slots_copy(hs_slots *to, const hs_slots *from);
/* Calls visit(context, number, record) for each slot that is not NONE; order: low slots ascending,
 * then the others ascending by number. Returns 0, or -1 when the host is out of memory. */
int hs_slots_visit(const hs_slots *slots,
                   void (*visit)(void *context, uint32_t number, const hs_slot *slot),
                   void *context);

#endif

/* Pins: for a request that failed, the cheapest set of live blocks, by bytes, whose absence would
 * have made room for it; one set for each region, or area of the GC heap, that could have served.
 */
#ifndef HS_PINS_H
#define HS_PINS_H

#include "run.h"

enum hs_pin_kind {
    HS_PIN_OWNER,  /* a live slot's */
    HS_PIN_BOOT,   /* the firmware's since before the traces, or a placeholder */
    HS_PIN_AREA,   /* an area of the GC heap, as a block of the IDF heap */
    HS_PIN_LINKED, /* a GC object without a slot: dropped, but reached through links */
};

typedef struct hs_pin {
    hs_addr start;         /* payload */
    uint32_t size;         /* payload bytes */
    uint8_t kind;          /* enum hs_pin_kind */
    uint16_t owner, phase; /* HS_PIN_OWNER */
    uint64_t born;         /* HS_PIN_OWNER: event number */
    uint64_t age;          /* events since then */
} hs_pin;

typedef struct hs_pin_set {
    hs_addr start; /* of the region, or the GC area */
    uint32_t size;
    const char *type; /* of the region; "GC area" */
    uint32_t wanted;  /* contiguous payload bytes that the allocator must see; GC: 16 a block */
    uint64_t bytes;   /* of the pins */
    uint32_t room;    /* contiguous payload bytes when they are gone */
    bool possible;    /* false: not even the whole region would do, and there are no pins */
    bool verified;    /* with the pins freed on a copy of the board, the request is served */
    hs_pin *pins;     /* ascending addresses */
    size_t count;
} hs_pin_set;

typedef struct hs_pin_sets {
    hs_pin_set *items; /* IDF: the device's list order; GC: list order of areas */
    size_t count;
} hs_pin_sets;

/* Finds the pins at the moment of `failure`, which is the run's state now (the run was stopped
 * there). O(blocks log blocks), and a copy of the board for each set. 0, or -1 with *error. */
int hs_pins_find(hs_pin_sets *sets, const hs_run *run, const hs_failure *failure, hs_error *error);
void hs_pins_release(hs_pin_sets *sets);

/* The heap's region type; a part of the DMA reserve has none. */
const char *hs_place_type(const hs_caps_heap *heap);

/* The owner's name, "boot" or what the layout calls that block, "Python's heap" or "reached through
 * links". */
const char *hs_pin_name(const hs_run *run, const hs_pin *pin);

#endif

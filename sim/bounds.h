/* Bounds: how far a run is from the unavoidable, so that one sees whether a better policy can
 * exist. Formulas: sim/README.md, "Bounds". */
#ifndef HS_BOUNDS_H
#define HS_BOUNDS_H

#include "explain_case.h"

/* What the traces themselves hold at once, in the order in which they ask; no heap policy can do
 * with less. Bytes with headers. */
typedef struct hs_floor {
    uint64_t idf; /* owners with heap idf, in memory that must be 8BIT */
    uint64_t idf_event;
    uint64_t python; /* owners with heap gc: objects not dropped; what links keep comes on top */
    uint64_t python_event;
    uint64_t both; /* at one moment */
    uint64_t both_event;
    uint32_t largest; /* of one request that must be 8BIT, payload */
    uint64_t largest_event;
} hs_floor;

/* One region, the others as they are. */
typedef struct hs_region_bound {
    hs_addr start;
    uint32_t size;
    const char *type;
    bool counted;   /* 8BIT */
    uint64_t room;  /* free at boot, headers included */
    bool known;     /* `spare` was sought: the run passes */
    uint64_t spare; /* most bytes that somebody else could take and the run still passes */
} hs_region_bound;

typedef struct hs_bounds {
    hs_floor floor;
    uint64_t room;  /* free 8BIT memory at boot, headers included */
    uint64_t added; /* regions that the traces add, and the policy's areas outside the heap */
    uint32_t largest_free; /* payload of the largest free block at boot, or of a region added */
    bool passes;           /* the case as it is */
    bool possible;         /* floor.both <= room + added and floor.largest <= largest_free */
    /* All 8BIT regions together, in proportion to their room: per mille of it with which the run
     * passes; one less (more, when it fails as it is) does not. 0: none was found up to `tried`. */
    uint32_t scale;
    uint32_t tried;  /* the most that could be tried, at most 4000; 1000: no more could */
    uint64_t needed; /* the room that this is */
    size_t region_count;
    hs_region_bound *regions;
} hs_bounds;

/* 0, or -1 with *error. About 15 replays for each region, and 15 for all. */
int hs_bounds_find(hs_bounds *bounds, hs_case *c, hs_error *error);
void hs_bounds_release(hs_bounds *bounds);

#endif

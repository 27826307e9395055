/* The shortest trace that still fails in the same way: delta debugging over lifetimes. */
#ifndef HS_MINIMISE_H
#define HS_MINIMISE_H

#include "explain_case.h"

typedef struct hs_minimise_limits {
    uint64_t tests;   /* replays at most; 0: until nothing more can go */
    uint64_t seconds; /* the same in time: the result then depends on the host; 0: none */
} hs_minimise_limits;

typedef struct hs_minimised {
    uint64_t events_before, events_after;
    uint64_t allocations_before, allocations_after;
    uint64_t tests;
    bool finished; /* no single lifetime or statement can go any more; false: a limit came first */
    hs_result result; /* of the trace as it is now */
} hs_minimised;

/* Makes the case's only tape shorter, as long as its first failure keeps class, owner and size.
 * What goes is a whole lifetime (an allocation with all that names it), then single statements
 * other than allocations; recorded addresses go too, since they say nothing about the rest, and
 * slots are numbered anew. Deterministic but for `seconds`. 0, or -1 with *error, also when the
 * case passes. */
int hs_minimise(hs_case *c, const hs_minimise_limits *limits, hs_minimised *done, hs_error *error);

/* Writes the case's tape as a trace. 0, or -1 with *error and no file. */
int hs_minimise_write(const hs_case *c, const hs_minimised *done, const char *path,
                      hs_error *error);

#endif

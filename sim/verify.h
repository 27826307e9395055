/* verify: the recorded addresses of a trace against replayed ones. */
#ifndef HS_VERIFY_H
#define HS_VERIFY_H

#include <stdio.h>

#include "run.h"

typedef struct hs_verify {
    uint64_t events;      /* replayed */
    uint64_t addresses;   /* recorded ones that were compared */
    uint64_t collections; /* automatic ones that were compared, and so on */
    uint64_t growths;
    uint64_t releases;
    bool pending; /* `collected`, `grown` or `released` at the end, with no event after them */
    bool diverged;
    uint64_t event; /* of the first divergence */
    uint64_t line;
    char what[256]; /* "address: recorded 0x..., replayed 0x..." */
} hs_verify;

/* Replays `trace` on the collector alone, built on the trace's own `area` statements, by the rules
 * of `version`; stops at the first divergence and prints the blocks around it to `map` (may be
 * NULL). 0, or -1 with *error: bad trace, or one without `area`. */
int hs_verify_gc(hs_verify *result, hs_trace *trace, const hs_gc_version *version, FILE *map,
                 hs_error *error);

/* The same on a run (a board with an IDF heap): compares recorded addresses alone. */
int hs_verify_run(hs_verify *result, hs_run *run, const char *name, hs_trace *trace, FILE *map,
                  hs_error *error);

#endif

/* Advice: what would let a failed run pass. Nothing is guessed: each piece comes from a replay that
 * passed, and where there is a next value in the direction of more, from one that failed. */
#ifndef HS_ADVICE_H
#define HS_ADVICE_H

#include "explain_case.h"

enum hs_advice_kind {
    HS_ADVICE_PARAMETER, /* a numeric key of the policy */
    HS_ADVICE_ORDER,     /* a phase somewhere else */
    HS_ADVICE_REGION,    /* a region with more memory */
    HS_ADVICE_POLICY,    /* another policy of those that ship */
};

typedef struct hs_advice {
    enum hs_advice_kind kind;
    bool helps;       /* false: tried, and nothing of it lets the run pass */
    bool applies;     /* false: could not be tried; `result.why` */
    const char *name; /* the policy's key; the region's type; owned by the list otherwise */
    char *text;       /* policy: its name; order: "PHASE before PHASE"; else NULL. Owned. */
    hs_addr start;    /* region */
    bool downwards;   /* the largest value is wanted, and `next` is larger; else the smallest */
    uint64_t now;     /* parameter: bytes in force now */
    uint64_t value;   /* bytes: of the parameter; that the region gains. Order that does not help:
                         how many were tried */
    hs_result result; /* of the replay with it; of the last one when nothing helps */
    bool has_next;
    uint64_t next; /* the neighbouring value, which fails */
    hs_result next_result;
    uint64_t low, high, step; /* parameter: what was tried */
} hs_advice;

typedef struct hs_advices {
    hs_advice *items;
    size_t count;
    uint64_t replays;
} hs_advices;

/* `failed` is the case's own result. The number of replays depends on the case alone, not on the
 * host. 0, or -1 with *error. */
int hs_advise(hs_advices *to, hs_case *c, const hs_run *failed, hs_error *error);
void hs_advices_release(hs_advices *advices);

/* One more, zeroed but for the kind. NULL with *error: host out of memory. For advice_*.c. */
hs_advice *hs_advices_add(hs_advices *to, enum hs_advice_kind kind, hs_error *error);
/* advice_order.c: moves of the phase that fails and of those before it. */
int hs_advise_order(hs_advices *to, hs_case *c, const hs_run *failed, hs_error *error);

#endif

/* Why a run failed, who holds the memory, what would help. Format of the JSON: sim/README.md. */
#ifndef HS_EXPLAIN_H
#define HS_EXPLAIN_H

#include <jansson.h>
#include <stdio.h>

#include "advice.h"
#include "bounds.h"
#include "pins.h"

/* What one owner holds in one store. */
typedef struct hs_holding {
    uint8_t kind;     /* enum hs_pin_kind */
    const char *name; /* hs_pin_name() */
    uint64_t bytes;   /* payload */
    uint64_t blocks;
    bool *phases; /* by number: it allocated there in this phase */
} hs_holding;

/* A region of the IDF heap, or an area of the GC heap. */
typedef struct hs_store {
    hs_addr start;
    uint32_t size;
    const char *type; /* "GC area" for an area */
    bool serves;      /* the request that failed could have been served from here */
    uint64_t free;    /* payload bytes */
    uint64_t free_blocks;
    uint32_t largest;
    hs_holding *holdings; /* most bytes first */
    size_t count;
} hs_store;

typedef struct hs_stores {
    hs_store *items;
    size_t count;
} hs_stores;

/* All regions of the run's board, and all areas when `gc`. 0, or -1 with *error. */
int hs_stores_take(hs_stores *stores, const hs_run *run, const hs_failure *failure,
                   hs_error *error);
void hs_stores_release(hs_stores *stores);

typedef struct hs_explanation {
    hs_case *c;  /* of the caller */
    hs_run *run; /* at the failure, or at the end */
    hs_stores stores;
    hs_pin_sets pins;
    hs_advices advices;
    hs_bounds bounds;
} hs_explanation;

/* Replays the case and looks into it; a run that passes has bounds alone. `c` must outlive *to. 0,
 * or -1 with *error. */
int hs_explain(hs_explanation *to, hs_case *c, hs_error *error);
void hs_explanation_release(hs_explanation *explanation);

void hs_explain_print(FILE *out, const hs_explanation *explanation);
/* The cheapest pins, as known at the moment of the failure, without replays. 0, or -1 with *error.
 */
int hs_explain_print_brief(FILE *out, const hs_run *run, const hs_failure *failure,
                           hs_error *error);
/* NULL: host out of memory. */
json_t *hs_explain_json(const hs_explanation *explanation);

/* "gc.initial" and so on: the sentence of one piece of advice, to `text`. */
void hs_advice_sentence(const hs_advice *advice, char *text, size_t size);

#endif

/* One pass over a trace: whether its slots are used rightly, and what is in it.
 *
 * Memory is bounded by the allocations alive at once, the owners and HS_SURVEY_PHASES_MAX.
 */
#ifndef HS_TRACE_SURVEY_H
#define HS_TRACE_SURVEY_H

#include "slots.h"
#include "trace.h"

enum { HS_SURVEY_SIZES = 33, HS_SURVEY_PHASES_MAX = 1000 };

typedef struct hs_survey_owner {
    uint64_t allocations; /* alloc, calloc, aligned that did not fail on the device */
    uint64_t bytes;       /* asked for by them, reallocs not included */
    uint64_t live;        /* bytes asked for, held now */
    uint64_t peak;
    uint64_t live_blocks;
} hs_survey_owner;

typedef struct hs_survey_phase {
    char *name;
    uint64_t first_event; /* counted from 1 */
    uint64_t live;        /* bytes when it began */
    uint64_t peak;        /* bytes at most while it lasted */
} hs_survey_phase;

typedef struct hs_survey {
    uint64_t events;
    uint64_t kinds[HS_OP_COUNT];
    uint64_t failed;    /* events that failed on the device */
    uint64_t recorded;  /* events with an address */
    uint64_t ignored;   /* statements on slots whose allocation had failed */
    uint64_t with_caps; /* allocations with capabilities of their own */
    uint64_t live;      /* bytes asked for, held now; beside each its peak */
    uint64_t peak;
    uint64_t peak_event; /* counted from 1 */
    uint64_t live_blocks;
    uint64_t peak_blocks;
    uint64_t allocations;
    uint64_t bytes;
    uint32_t largest;                /* request, of alloc, calloc, aligned and realloc */
    uint64_t sizes[HS_SURVEY_SIZES]; /* allocations of up to 2^i bytes and more than 2^(i-1) */
    hs_survey_owner *owners;         /* as in the header */
    hs_survey_phase phases[HS_SURVEY_PHASES_MAX];
    size_t phase_count;
    uint64_t phases_left_out;
    hs_slots slots;
    const char *path;
    const hs_trace_header *header;
} hs_survey;

/* NULL and *error when the host is out of memory. `trace` must stay open as long as the survey. */
hs_survey *hs_survey_create(const hs_trace *trace, hs_error *error);
/* 0, or -1 with *error when the event names a slot wrongly: allocated twice, never allocated, a
 * link beyond the object, a drop of what is no GC object. */
int hs_survey_event(hs_survey *survey, const hs_event *event, hs_error *error);
/* All events of a trace. NULL with *error on the first fault. */
hs_survey *hs_survey_trace(hs_trace *trace, hs_error *error);
/* NULL is ignored. */
void hs_survey_destroy(hs_survey *survey);

#endif

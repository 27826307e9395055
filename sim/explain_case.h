/* A case: layout, policy and traces of one run, decoded into memory, so that it can be replayed
 * many times with one thing changed. */
#ifndef HS_EXPLAIN_CASE_H
#define HS_EXPLAIN_CASE_H

#include "run.h"

#define HS_NO_LIFE UINT32_MAX

/* A trace in memory. A "life" is one allocation from its first event to its last, numbered from 0
 * in order of birth, however often the trace uses the slot's number again. */
typedef struct hs_tape {
    char *name; /* as given */
    char *path;
    hs_trace_header header; /* a copy */
    hs_event *events;       /* their names live as long as the tape */
    uint32_t *lives;        /* of each event's slot; HS_NO_LIFE: it names none */
    uint32_t *targets;      /* of each link's slot2 */
    size_t count;
    uint32_t life_count;
    char **names; /* what events point to */
    size_t name_count;
} hs_tape;

/* Reads the whole trace; *tape is empty when it fails. 0, or -1 with *error. */
int hs_tape_read(hs_tape *tape, const char *name, hs_trace *trace, hs_error *error);
void hs_tape_release(hs_tape *tape);

/* Events [first, end) of one tape. */
typedef struct hs_span {
    size_t tape;
    size_t first;
    size_t end;
} hs_span;

typedef struct hs_case {
    const hs_layout *layout;
    const hs_policy *policy;
    hs_board *booted;  /* before any policy */
    hs_board *scratch; /* what replays are done on */
    hs_tape *tapes;
    size_t tape_count;
    uint64_t events;       /* of all tapes */
    uint64_t replays;      /* done so far */
    hs_progress *progress; /* told after each replay of the many; NULL: nobody */
    uint64_t planned;      /* replays, at a guess */
    hs_error host;         /* what the host lacked in a replay: then no verdict counts */
} hs_case;

/* Boots `layout`; layout and policy must outlive the case. NULL with *error. */
hs_case *hs_case_create(const hs_layout *layout, const hs_policy *policy, hs_error *error);
/* Adds a trace by name, found as data are. 0, or -1 with *error. */
int hs_case_add(hs_case *c, const char *trace, hs_error *error);
void hs_case_destroy(hs_case *c); /* NULL is ignored */

/* What may differ from the case; zeros are the case as it is. */
typedef struct hs_trial {
    const hs_board *booted;  /* another board; NULL: the case's */
    const hs_policy *policy; /* another policy; NULL: the case's */
    const hs_span *spans;    /* another order, each event once; NULL: the tapes as they are */
    size_t span_count;
} hs_trial;

enum hs_verdict {
    HS_PASSED,
    HS_FAILED,  /* `failure` says where */
    HS_CRASHED, /* the device would stop */
    HS_REFUSED, /* cannot be replayed like this; `why` says so */
};

typedef struct hs_result {
    enum hs_verdict verdict;
    hs_failure failure;
    char owner[64];  /* of the failure, by name: owner numbers differ between runs */
    uint32_t python; /* bytes of the GC heap when the policy had started; 0: none */
    uint64_t events; /* until the failure, or all */
    hs_error why;
} hs_result;

/* Replays until the first failure. Costs a copy of the board and the events. */
hs_result hs_case_try(hs_case *c, const hs_trial *trial);

/* What a trial is when it is refused before it is replayed. */
hs_result hs_case_refuse(hs_case *c, const hs_error *why);
/* 0, or -1 with *error: the host lacked something in one of the trials so far. */
int hs_case_check(const hs_case *c, hs_error *error);

/* The same on a board of its own and keeps the run as it stands, with open streams; release with
 * hs_case_release_run(). NULL with *error also when the trace is wrong. */
hs_run *hs_case_run(hs_case *c, const hs_trial *trial, hs_error *error);
void hs_case_release_run(hs_run *run); /* NULL is ignored */

#endif

/* The steps of one cell as a flat list, so that cells with a common begin are found by comparing.
 */
#ifndef HS_SCENARIO_PROGRAM_H
#define HS_SCENARIO_PROGRAM_H

#include "grid_trace.h"
#include "scenario.h"

#define HS_PROGRAM_STREAMS 128u       /* open at once */
#define HS_PROGRAM_MAX     (1u << 22) /* operations of one cell */

enum hs_do_kind {
    HS_DO_BEGIN,    /* opens `stream` for `trace` */
    HS_DO_PLAY,     /* events from to to - 1 of `trace` on `stream` */
    HS_DO_END,      /* closes `stream` */
    HS_DO_TOGETHER, /* all events of the `to` streams from `stream` on, interleaved by `seed` */
    HS_DO_WHOLE,    /* a trace too long to keep: begin, all events, end */
    HS_DO_MARK,     /* records mark `name` */
    HS_DO_CYCLE,    /* one round of a watched repeat is over */
};

typedef struct hs_do {
    enum hs_do_kind kind;
    uint32_t trace; /* index into the grid's traces */
    uint32_t stream;
    uint32_t from, to;
    uint64_t seed;
    const char *name; /* of the scenario */
} hs_do;

typedef struct hs_program {
    hs_do *list;
    size_t count;
} hs_program;

/* What `$NAME` means in a cell: values[i] is an index into axis i's values. */
typedef struct hs_program_values {
    const hs_scenario *scenario;
    const size_t *values;
    uint64_t seed;
} hs_program_values;

/* 0, or -1 with *error. The caller frees program->list. */
int hs_program_make(hs_program *program, const hs_program_values *values, hs_grid_traces *traces,
                    hs_error *error);

/* Less than, equal to or more than 0, as the lists differ at operation `from` or behind. */
int hs_program_compare(const hs_program *a, const hs_program *b);
/* How many operations both begin with. */
size_t hs_program_common(const hs_program *a, const hs_program *b);

#endif

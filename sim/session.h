/* Inside of a session (heapsim.h is its public face): what a verb works on. */
#ifndef HS_SESSION_H
#define HS_SESSION_H

#include "report.h"
#include "run.h"

#define HS_SESSION_REPORTERS_MAX 16

struct hs_session {
    hs_layout *layout;
    hs_policy *policy;
    hs_board *board;
    hs_run *run;
    hs_stream *stream; /* of hs_session_begin(), NULL otherwise */
    hs_progress *progress;
    void *progress_context;
    const hs_reporter *reporters[HS_SESSION_REPORTERS_MAX];
    void *states[HS_SESSION_REPORTERS_MAX]; /* NULL once finished */
    size_t reporter_count;
};

/* A session on data that are loaded already; it takes both over, also when it fails. */
hs_session *hs_session_of(hs_layout *layout, hs_policy *policy, hs_error *error);

/* Find and load by name. NULL with *error. */
hs_layout *hs_session_load_layout(const char *name, hs_error *error);
hs_policy *hs_session_load_policy(const char *name, hs_error *error);
/* Both; `policy_name` NULL is the one that the layout names. 0 and the caller owns both, or -1 with
 * *error and both NULL. */
int hs_session_load(const char *layout_name, const char *policy_name, hs_layout **layout,
                    hs_policy **policy, hs_error *error);
hs_trace *hs_session_open_trace(const char *name, hs_error *error);

/* Boots a board of a loaded layout, boot trace included. NULL with *error. */
hs_board *hs_session_boot(const hs_layout *layout, hs_error *error);

#endif

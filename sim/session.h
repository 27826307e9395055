/* What a verb works on: a layout, a policy and traces by name, made into a run. */
#ifndef HS_SESSION_H
#define HS_SESSION_H

#include "run.h"

typedef struct hs_session {
    hs_layout *layout;
    hs_policy *policy;
    hs_board *board;
    hs_run *run;
} hs_session;

/* Finds (data_path.h) and loads the layout and the policy, NULL for the layout's default, boots the
 * board, replays its boot trace, and starts the policy. 0, or -1 with *error and nothing to close.
 */
int hs_session_open(hs_session *session, const char *layout, const char *policy, hs_error *error);

/* Boots a board of a loaded layout, boot trace included. NULL with *error. */
hs_board *hs_session_boot(const hs_layout *layout, hs_error *error);

/* Finds, opens and replays a trace by name; see hs_run_trace_watched(). */
int hs_session_replay(hs_session *session, const char *trace, hs_progress *progress, void *context,
                      hs_error *error);

void hs_session_close(hs_session *session);

#endif

#include "session.h"

#include <stdlib.h>

#include "data_path.h"

static hs_layout *load_layout(const char *name, hs_error *error)
{
    char *path = hs_data_find(HS_DATA_LAYOUT, name, error);
    hs_layout *layout = path != NULL ? hs_layout_load(path, error) : NULL;
    free(path);
    return layout;
}

static hs_policy *load_policy(const char *name, hs_error *error)
{
    char *path = hs_data_find(HS_DATA_POLICY, name, error);
    hs_policy *policy = path != NULL ? hs_policy_load(path, error) : NULL;
    free(path);
    return policy;
}

static int replay(hs_run *run, const char *name, hs_progress *progress, void *context,
                  hs_error *error)
{
    char *path = hs_data_find(HS_DATA_TRACE, name, error);
    hs_trace *trace = path != NULL ? hs_trace_open(path, error) : NULL;
    free(path);
    if (trace == NULL) {
        return -1;
    }
    int result = hs_run_trace_watched(run, name, trace, progress, context, error);
    hs_trace_close(trace);
    return result;
}

/* The firmware's own allocations before the application starts: no Python yet. */
static int boot_trace(hs_board *board, const char *name, hs_error *error)
{
    static const hs_policy before_python = {.name = "boot"};
    hs_run *run = hs_run_create(board, &before_python, error);
    int result = run != NULL ? replay(run, name, NULL, NULL, error) : -1;
    if (result == 0 && (run->failed || run->crashed)) {
        hs_error_set(error, board->layout->path, 0,
                     "found boot trace %s, for which this layout has no memory", name);
        result = -1;
    }
    hs_run_destroy(run);
    board->policy = NULL;
    board->listener = NULL;
    return result;
}

hs_board *hs_session_boot(const hs_layout *layout, hs_error *error)
{
    hs_board *board = hs_board_create(layout, error);
    if (board != NULL && layout->boot == HS_BOOT_TRACE &&
        boot_trace(board, layout->boot_trace, error) != 0) {
        hs_board_destroy(board);
        return NULL;
    }
    return board;
}

int hs_session_open(hs_session *session, const char *layout, const char *policy, hs_error *error)
{
    *session = (hs_session){0};
    session->layout = load_layout(layout, error);
    if (session->layout != NULL) {
        session->policy = load_policy(policy != NULL ? policy : session->layout->policy, error);
    }
    if (session->policy != NULL) {
        session->board = hs_session_boot(session->layout, error);
    }
    if (session->board != NULL) {
        session->run = hs_run_create(session->board, session->policy, error);
    }
    if (session->run == NULL) {
        hs_session_close(session);
        return -1;
    }
    return 0;
}

int hs_session_replay(hs_session *session, const char *trace, hs_progress *progress, void *context,
                      hs_error *error)
{
    return replay(session->run, trace, progress, context, error);
}

void hs_session_close(hs_session *session)
{
    hs_run_destroy(session->run);
    hs_board_destroy(session->board);
    hs_policy_free(session->policy);
    hs_layout_free(session->layout);
    *session = (hs_session){0};
}

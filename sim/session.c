#include "session.h"

#include <stdlib.h>
#include <string.h>

#include "data_path.h"
#include "json.h"

const char *hs_version(void)
{
    return HEAPSIM_VERSION;
}

hs_layout *hs_session_load_layout(const char *name, hs_error *error)
{
    char *path = hs_data_find(HS_DATA_LAYOUT, name, error);
    hs_layout *layout = path != NULL ? hs_layout_load(path, error) : NULL;
    free(path);
    return layout;
}

hs_policy *hs_session_load_policy(const char *name, hs_error *error)
{
    char *path = hs_data_find(HS_DATA_POLICY, name, error);
    hs_policy *policy = path != NULL ? hs_policy_load(path, error) : NULL;
    free(path);
    return policy;
}

int hs_session_load(const char *layout_name, const char *policy_name, hs_layout **layout,
                    hs_policy **policy, hs_error *error)
{
    *policy = NULL;
    *layout = hs_session_load_layout(layout_name, error);
    if (*layout != NULL) {
        *policy =
            hs_session_load_policy(policy_name != NULL ? policy_name : (*layout)->policy, error);
    }
    if (*policy == NULL) {
        hs_layout_free(*layout);
        *layout = NULL;
        return -1;
    }
    return 0;
}

hs_trace *hs_session_open_trace(const char *name, hs_error *error)
{
    char *path = hs_data_find(HS_DATA_TRACE, name, error);
    hs_trace *trace = path != NULL ? hs_trace_open(path, error) : NULL;
    free(path);
    return trace;
}

static int replay(hs_run *run, const char *name, hs_progress *progress, void *context,
                  hs_error *error)
{
    hs_trace *trace = hs_session_open_trace(name, error);
    int result =
        trace != NULL ? hs_run_trace_watched(run, name, trace, progress, context, error) : -1;
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

hs_session *hs_session_of(hs_layout *layout, hs_policy *policy, hs_error *error)
{
    hs_session *session = calloc(1, sizeof *session);
    if (session == NULL) {
        hs_error_set(error, NULL, 0, "the host is out of memory");
        hs_policy_free(policy);
        hs_layout_free(layout);
        return NULL;
    }
    session->layout = layout;
    session->policy = policy;
    session->board = hs_session_boot(layout, error);
    if (session->board != NULL) {
        session->run = hs_run_create(session->board, policy, error);
    }
    if (session->run == NULL) {
        hs_session_close(session);
        return NULL;
    }
    return session;
}

hs_session *hs_session_open(const char *layout_name, const char *policy_name, hs_error *error)
{
    hs_layout *layout;
    hs_policy *policy;
    if (hs_session_load(layout_name, policy_name, &layout, &policy, error) != 0) {
        return NULL;
    }
    return hs_session_of(layout, policy, error);
}

static void abandon_reports(hs_session *session)
{
    for (size_t i = 0; i < session->reporter_count; i++) {
        if (session->states[i] != NULL) {
            session->reporters[i]->abandon(session->states[i]);
            session->states[i] = NULL;
        }
    }
}

void hs_session_close(hs_session *session)
{
    if (session == NULL) {
        return;
    }
    abandon_reports(session);
    hs_run_destroy(session->run);
    hs_board_destroy(session->board);
    hs_policy_free(session->policy);
    hs_layout_free(session->layout);
    free(session);
}

void hs_session_stop_at_failure(hs_session *session, bool stop)
{
    session->run->stop_at_failure = stop;
    session->run->stopped = stop && session->run->failed;
}

void hs_session_on_progress(hs_session *session, hs_progress *progress, void *context)
{
    session->progress = progress;
    session->progress_context = context;
}

int hs_session_replay(hs_session *session, const char *trace, hs_error *error)
{
    return replay(session->run, trace, session->progress, session->progress_context, error);
}

int hs_session_begin(hs_session *session, const char *name, const hs_trace_header *header,
                     hs_error *error)
{
    if (session->stream != NULL) {
        hs_error_set(error, NULL, 0, "found a second begin, expected the end of the first");
        return -1;
    }
    session->stream = hs_run_begin_trace(session->run, name, name, header, error);
    return session->stream != NULL ? 0 : -1;
}

static void keep_outcome(void *context, const hs_run *run, const hs_event *event,
                         const hs_outcome *outcome)
{
    (void)run;
    (void)event;
    *(hs_outcome *)context = *outcome;
}

int hs_session_step(hs_session *session, const hs_event *event, hs_outcome *outcome,
                    hs_error *error)
{
    hs_run *run = session->run;
    if (session->stream == NULL) {
        hs_error_set(error, NULL, 0, "found an event before hs_session_begin()");
        return -1;
    }
    if (event->op >= HS_OP_COUNT || event->owner >= session->stream->owner_count) {
        hs_error_set(error, NULL, 0, "found an event with op %u and owner %u, expected known ones",
                     event->op, event->owner);
        return -1;
    }
    bool watched = outcome != NULL && run->observer_count < HS_OBSERVERS_MAX;
    if (watched) {
        hs_run_observe(run, (hs_observer){.context = outcome, .event = keep_outcome});
    }
    int result = hs_run_step(run, session->stream, event, error);
    run->observer_count -= watched ? 1 : 0;
    return result;
}

int hs_session_end(hs_session *session, hs_error *error)
{
    hs_stream *stream = session->stream;
    session->stream = NULL;
    return stream != NULL ? hs_run_end_trace(session->run, stream, error) : 0;
}

static int finish_reports(hs_session *session, bool files, hs_error *error)
{
    for (size_t i = 0; i < session->reporter_count; i++) {
        void *state = session->states[i];
        if (state == NULL || (session->reporters[i]->argument != NULL) != files) {
            continue;
        }
        session->states[i] = NULL;
        if (session->reporters[i]->finish(state, error) != 0) {
            return -1;
        }
    }
    return 0;
}

int hs_session_finish(hs_session *session, hs_error *error)
{
    if (hs_run_finish(session->run, error) != 0) {
        return -1;
    }
    /* Words last: nothing is said of a run whose files could not be written. */
    return finish_reports(session, true, error) == 0 ? finish_reports(session, false, error) : -1;
}

bool hs_session_failed(const hs_session *session)
{
    return session->run->failed || session->run->crashed;
}

hs_figures hs_session_figures(const hs_session *session)
{
    const hs_run *run = session->run;
    const hs_live_metrics live = hs_run_live(run);
    return (hs_figures){
        .events = run->event,
        .failures = run->failures,
        .idf_free = live.idf_free,
        .idf_largest_free_block = live.idf_largest,
        .minimum_largest_free_block = run->extreme.minimum_largest,
        .gc_used = live.gc_used,
        .gc_collections = run->collections,
    };
}

char *hs_session_json(const hs_session *session)
{
    json_t *json = hs_result_json(session);
    char *text = hs_json_dump(json, JSON_INDENT(2), NULL);
    json_decref(json);
    return text;
}

static const hs_reporter *find_reporter(const char *name)
{
    size_t i = 0;
    while (hs_reporters[i] != NULL && strcmp(hs_reporters[i]->option, name) != 0) {
        i++;
    }
    return hs_reporters[i];
}

bool hs_reporter_at(size_t index, const char **name, const char **argument, const char **help)
{
    for (size_t i = 0; i <= index; i++) {
        if (hs_reporters[i] == NULL) {
            return false;
        }
    }
    *name = hs_reporters[index]->option;
    *argument = hs_reporters[index]->argument;
    *help = hs_reporters[index]->help;
    return true;
}

int hs_session_report(hs_session *session, const char *reporter, const char *argument, FILE *words,
                      bool colour, hs_error *error)
{
    const hs_reporter *found = find_reporter(reporter);
    if (found == NULL || (found->argument != NULL) != (argument != NULL) ||
        session->reporter_count == HS_SESSION_REPORTERS_MAX) {
        hs_error_set(error, NULL, 0, "found reporter %s %s, expected one of the table", reporter,
                     argument != NULL ? "with an argument" : "without an argument");
        return -1;
    }
    const hs_report_target target = {
        .session = session, .argument = argument, .words = words, .colour = colour};
    void *state = found->begin(&target, error);
    if (state == NULL) {
        return -1;
    }
    session->reporters[session->reporter_count] = found;
    session->states[session->reporter_count++] = state;
    return 0;
}

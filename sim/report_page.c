/* --html: the page of one run; see report_html.h. */
#include <stdlib.h>

#include "report.h"
#include "report_html.h"
#include "session.h"

typedef struct state {
    const hs_session *session;
    const char *path;
    hs_html *html;
} state;

static void abandon(void *context)
{
    state *s = context;
    hs_html_destroy(s->html);
    free(s);
}

static void *begin(const hs_report_target *target, hs_error *error)
{
    state *s = calloc(1, sizeof *s);
    if (s == NULL) {
        hs_error_set(error, NULL, 0, "the host is out of memory");
        return NULL;
    }
    s->session = target->session;
    s->path = target->argument;
    s->html = hs_html_create(target->session->run, NULL, false, error);
    if (s->html == NULL) {
        free(s);
        return NULL;
    }
    return s;
}

static int finish(void *context, hs_error *error)
{
    state *s = context;
    json_t *json = hs_result_json(s->session);
    int result =
        hs_html_finish(s->html, json, error) == 0 ? hs_html_write(s->path, &s->html, 1, error) : -1;
    json_decref(json);
    abandon(s);
    return result;
}

const hs_reporter hs_report_html = {
    "html", "FILE", "a page to look into the heap at every event", begin, finish, abandon,
};

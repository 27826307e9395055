/* A case in tests: layout, policy and trace as text, in files of a folder of its own. */
#ifndef TESTS_CASE_H
#define TESTS_CASE_H

#include "explain_case.h"
#include "world.h"

typedef struct case_files {
    world w; /* only its folder and error are used */
    hs_layout *layout;
    hs_policy *policy;
    hs_case *c;
} case_files;

static inline void case_make(case_files *f, const char *layout, const char *policy,
                             const char *trace)
{
    *f = (case_files){.w = {.folder = "/tmp/heapsim-case-XXXXXX"}};
    world *w = &f->w;
    assert_non_null(mkdtemp(w->folder));
    f->layout = hs_layout_load(world_file(w, "layout.yaml", layout), &w->error);
    if (f->layout == NULL) {
        fail_msg("%s", w->error.text);
    }
    f->policy = hs_policy_load(world_file(w, "policy.yaml", policy), &w->error);
    if (f->policy == NULL) {
        fail_msg("%s", w->error.text);
    }
    f->c = hs_case_create(f->layout, f->policy, &w->error);
    if (f->c == NULL || hs_case_add(f->c, world_file(w, "test.trace", trace), &w->error) != 0) {
        fail_msg("%s", w->error.text);
    }
}

static inline void case_end(case_files *f)
{
    char command[128];
    hs_case_destroy(f->c);
    hs_policy_free(f->policy);
    hs_layout_free(f->layout);
    snprintf(command, sizeof command, "rm -r %s", f->w.folder);
    assert_int_equal(system(command), 0);
}

/* Whether a run of its own, with nothing of explain in it, completes. */
static inline bool completes(const char *layout, const char *policy, const char *trace)
{
    world w;
    world_make(&w, layout, policy);
    hs_session_stop_at_failure(w.session, true);
    world_play(&w, trace);
    bool completed = !hs_session_failed(w.session);
    world_end(&w);
    return completed;
}

#endif

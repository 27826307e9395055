/* A small world for tests: layout, policy and trace as text, a run on them, and pictures. */
#ifndef TESTS_WORLD_H
#define TESTS_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "holders.h"
#include "session.h"

/* One region, IDF v4.4: a fresh heap whose single block starts at 0x3ffe49ac. */
#define TINY_LAYOUT                                                                                \
    "name: tiny\ntitle: a test board\nchip: esp32\nidf: v4.4\nsource: [made up]\n"                 \
    "regions:\n  - {start: 0x3ffe4350, size: 3632, type: DIRAM}\nboot: {fresh: true}\n"
#define NO_PYTHON                                                                                  \
    "name: none\ntitle: no Python\nrelease: test\nreason: test\nsource: [made up]\n"               \
    "gc: {version: none}\n"
/* A collector of v1.22 on one area of so many bytes, without growth. */
#define PYTHON(bytes)                                                                              \
    "name: fixed\ntitle: a fixed area\nrelease: test\nreason: test\nsource: [made up]\n"           \
    "gc: {version: v1.22, initial: " bytes ", areas: 1, grow: never}\n"
#define IDF_TRACE(events)                                                                          \
    "heapsim-trace 1\norigin modelled\nowner net idf\nowner tls idf caps=internal,8bit\n" events
#define GC_TRACE(events) "heapsim-trace 1\norigin modelled\nowner mp gc\nowner net idf\n" events

typedef struct world {
    char folder[64];
    hs_session *session;
    hs_run *run;
    hs_error error;
} world;

static inline char *world_file(const world *w, const char *name, const char *text)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", w->folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
    return path;
}

static inline void world_make(world *w, const char *layout, const char *policy)
{
    *w = (world){.folder = "/tmp/heapsim-world-XXXXXX"};
    assert_non_null(mkdtemp(w->folder));
    char layout_path[128];
    snprintf(layout_path, sizeof layout_path, "%s", world_file(w, "layout.yaml", layout));
    w->session = hs_session_open(layout_path, world_file(w, "policy.yaml", policy), &w->error);
    if (w->session == NULL) {
        fail_msg("%s", w->error.text);
    }
    w->run = w->session->run;
}

/* Replays trace text; 0, or -1 with w->error. */
static inline int world_replay(world *w, const char *trace)
{
    return hs_session_replay(w->session, world_file(w, "test.trace", trace), &w->error);
}

static inline void world_play(world *w, const char *trace)
{
    if (world_replay(w, trace) != 0) {
        fail_msg("%s", w->error.text);
    }
    assert_true(hs_caps_check(&w->run->board->caps));
}

/* The error of a trace without its folder: "test.trace:5: found ...". */
static inline void expect_error(world *w, const char *trace, const char *message)
{
    assert_int_equal(world_replay(w, trace), -1);
    const char *text = strstr(w->error.text, "test.trace");
    assert_string_equal(text != NULL ? text : w->error.text, message);
    w->error.text[0] = 0;
}

/* All heaps as a picture: "net:16 free:40 python:1024 boot:8", heaps separated by " | ". */
static inline void expect_heap(const world *w, const char *picture)
{
    hs_holders holders;
    assert_int_equal(hs_holders_take(&holders, w->run), 0);
    char text[4096] = "";
    size_t used = 0;
    for (size_t i = 0; i < holders.count; i++) {
        const hs_holder *h = &holders.items[i];
        const char *gap = i == 0 ? "" : h->heap != holders.items[i - 1].heap ? " | " : " ";
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s:%u", gap,
                                 hs_holder_name(w->run, h), h->size);
        assert_true(used < sizeof text);
    }
    hs_holders_release(&holders);
    assert_string_equal(text, picture);
}

static inline void world_end(world *w)
{
    char command[128];
    hs_session_close(w->session);
    snprintf(command, sizeof command, "rm -r %s", w->folder);
    assert_int_equal(system(command), 0);
}

/* The most frequent world, for cmocka: *state is one with the tiny board and no Python. */
static inline int world_set_up_tiny(void **state)
{
    static world w;
    world_make(&w, TINY_LAYOUT, NO_PYTHON);
    *state = &w;
    return 0;
}

static inline int world_tear_down(void **state)
{
    world_end(*state);
    return 0;
}
#define WORLD_TEST_TINY(test)                                                                      \
    cmocka_unit_test_setup_teardown(test, world_set_up_tiny, world_tear_down)

#endif

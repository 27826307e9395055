/* libheapsim's session as a program outside uses it: events of its own making, reporters by name,
 * boards whose boot is a trace. */
#include "world.h"

static hs_trace_owner net = {"net", HS_HEAP_IDF, 1u << 12};
static const hs_trace_header header = {.owners = &net, .owner_count = 1};

static void expect_message(world *w, int status, const char *message)
{
    assert_int_equal(status, -1);
    assert_string_equal(w->error.text, message);
    w->error.text[0] = 0;
}

static void events_of_ones_own(void **state)
{
    (void)state;
    world w;
    world_make(&w, TINY_LAYOUT, NO_PYTHON);
    const uint32_t before = hs_session_figures(w.session).idf_free;
    hs_outcome outcome = {0};
    hs_event event = {.op = HS_OP_ALLOC, .slot = 1, .size = 100};
    expect_message(&w, hs_session_step(w.session, &event, &outcome, &w.error),
                   "found an event before hs_session_begin()");
    assert_int_equal(hs_session_begin(w.session, "mine", &header, &w.error), 0);
    expect_message(&w, hs_session_begin(w.session, "mine", &header, &w.error),
                   "found a second begin, expected the end of the first");
    assert_int_equal(hs_session_step(w.session, &event, &outcome, &w.error), 0);
    assert_int_equal(outcome.address, 0x3ffe49ac);
    event = (hs_event){.op = HS_OP_FREE, .slot = 1};
    assert_int_equal(hs_session_step(w.session, &event, NULL, &w.error), 0);
    assert_int_equal(outcome.address, 0x3ffe49ac); /* who did not ask is not told */
    expect_message(&w, hs_session_step(w.session, &event, NULL, &w.error),
                   "mine: found free of slot 1, which is not allocated, expected a slot that is");
    event = (hs_event){.op = HS_OP_ALLOC, .owner = 1};
    expect_message(&w, hs_session_step(w.session, &event, NULL, &w.error),
                   "found an event with op 0 and owner 1, expected known ones");
    event = (hs_event){.op = HS_OP_COUNT};
    assert_int_equal(hs_session_step(w.session, &event, NULL, &w.error), -1);
    w.error.text[0] = 0;
    assert_int_equal(hs_session_end(w.session, &w.error), 0);
    assert_int_equal(hs_session_end(w.session, &w.error), 0); /* there is nothing to end */
    assert_int_equal(hs_session_figures(w.session).idf_free, before);
    world_end(&w);
}

static void reporters_by_name(void **state)
{
    (void)state;
    world w;
    world_make(&w, TINY_LAYOUT, NO_PYTHON);
    FILE *words = tmpfile();
    static const char *const bad[][2] = {{"nosuch", NULL}, {"json", NULL}, {"map", "file"}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(hs_session_report(w.session, bad[i][0], bad[i][1], words, false, &w.error),
                         -1);
        assert_non_null(strstr(w.error.text, "expected one of the table"));
        w.error.text[0] = 0;
    }
    const char *name;
    const char *argument;
    const char *help;
    size_t count = 0;
    while (hs_reporter_at(count, &name, &argument, &help)) {
        count++;
        assert_true(name[0] != 0 && help[0] != 0);
    }
    assert_true(count > 5);
    int taken = 0;
    while (hs_session_report(w.session, "map", NULL, words, false, &w.error) == 0) {
        taken++;
        assert_true(taken < 100);
    }
    assert_true(taken > 0 && w.error.text[0] != 0); /* an end, not an overflow */
    fclose(words);
    world_end(&w);
}

#define BOOT_LAYOUT(trace)                                                                         \
    "name: tiny\ntitle: a test board\nchip: esp32\nidf: v4.4\nsource: [made up]\n"                 \
    "regions:\n  - {start: 0x3ffe4350, size: 3632, type: DIRAM}\nboot: {trace: " trace "}\n"

/* What a board with this boot trace says when it is opened; "": it boots. */
static void expect_boot(const char *trace, const char *message)
{
    world w = {.folder = "/tmp/heapsim-world-XXXXXX"};
    assert_non_null(mkdtemp(w.folder));
    char layout[128];
    char policy[128];
    char text[512];
    snprintf(text, sizeof text, BOOT_LAYOUT("%s"), world_file(&w, "boot.trace", trace));
    snprintf(layout, sizeof layout, "%s", world_file(&w, "layout.yaml", text));
    snprintf(policy, sizeof policy, "%s", world_file(&w, "policy.yaml", NO_PYTHON));
    w.session = hs_session_open(layout, policy, &w.error);
    assert_int_equal(w.session != NULL, message[0] == 0);
    if (strstr(w.error.text, message) == NULL) {
        fail_msg("found '%s', expected '%s'", w.error.text, message);
    }
    if (w.session != NULL) {
        w.run = w.session->run;
        expect_heap(&w, "boot:100 free:1896");
    }
    world_end(&w);
}

static void boot_traces(void **state)
{
    (void)state;
    expect_boot(IDF_TRACE("alloc 1 100 net\n"), "");
    expect_boot(IDF_TRACE("alloc 1 100 net\nalloc 2 5000 net\n"),
                "for which this layout has no memory");
    expect_boot(IDF_TRACE("alloc 1 100 net\nalloc 2 20 net\nrealloc 1 262144\nfree 1\n"),
                "for which this layout has no memory"); /* the device would crash in its boot */
    expect_boot(IDF_TRACE("free 1\n"), "boot.trace:5: found");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_of_ones_own),
        cmocka_unit_test(reporters_by_name),
        cmocka_unit_test(boot_traces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

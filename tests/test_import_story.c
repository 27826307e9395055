/* A pasted serial log, from the import to the failure that it told of (MicroPython issue 5303: of
 * two TLS buffers of 16717 bytes the first fits, the second fails though 29 KB are free). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "import.h"
#include "session.h"

static void write_text(char *path, const char *text, size_t size)
{
    int file = mkstemp(path);
    assert_int_equal(write(file, text, size), (ssize_t)size);
    close(file);
}

static void import_story(char *path)
{
    static char log[65536];
    hs_error error = {""};
    FILE *in = fopen(SOURCE_DIR "/tests/import/story1.log", "rb");
    size_t size = fread(log, 1, sizeof log, in);
    fclose(in);
    FILE *out = fdopen(mkstemp(path), "w");
    if (hs_import_memory(NULL, log, size, out, &error) != 0) {
        fail_msg("%s", error.text);
    }
    fclose(out);
}

static void same_failure(void **state)
{
    (void)state;
    static const char buffers[] = "heapsim-trace 1\n"
                                  "owner mbedtls idf\n"
                                  "alloc 1 16717 mbedtls\n"
                                  "alloc 2 16717 mbedtls\n";
    char layout_path[] = "/tmp/hs_story_XXXXXX";
    char trace_path[] = "/tmp/hs_story_XXXXXX";
    hs_error error = {""};
    import_story(layout_path);
    write_text(trace_path, buffers, sizeof buffers - 1);
    hs_layout *layout = hs_session_load_layout(layout_path, &error);
    assert_non_null(layout);
    hs_policy *policy = hs_session_load_policy("none", &error);
    assert_non_null(policy);
    hs_session *session = hs_session_of(layout, policy, &error);
    if (session == NULL || hs_session_replay(session, trace_path, &error) != 0) {
        fail_msg("%s", error.text);
    }
    const hs_run *run = session->run;
    assert_int_equal(run->failures, 1);
    assert_int_equal(run->failure.event, 2);
    assert_int_equal(run->failure.size, 16717);
    assert_int_equal(run->failure.failure_class, HS_CLASS_FRAGMENTED);
    /* The published state: 45936 bytes free, of which the first buffer took 16720 and a header. */
    assert_int_equal(run->failure.free, 45936 - 16720 - 4);
    assert_int_equal(run->failure.largest, 15036);
    hs_session_close(session);
    unlink(layout_path);
    unlink(trace_path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(same_failure)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

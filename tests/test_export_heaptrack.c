/* Export to heaptrack: the exact text, the way back through the importer, and what heaptrack's own
 * program reads out of it (where it is installed). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "export_heaptrack.h"
#include "import.h"

static const char trace_text[] = "heapsim-trace 1\n"
                                 "title small\n"
                                 "owner wifi idf\n"
                                 "owner python gc\n"
                                 "alloc 1 1000 wifi\n"
                                 "calloc 2 10 8 wifi\n"
                                 "phase connect\n"
                                 "time 2000\n"
                                 "alloc 3 1000 wifi\n"
                                 "alloc 4 999999 wifi failed\n"
                                 "alloc 5 32 python\n"
                                 "realloc 2 4000\n"
                                 "realloc 1 8000 failed\n"
                                 "free 4\n"
                                 "drop 5\n"
                                 "collect\n"
                                 "free 3\n";

static const char expected[] = "v 10400 3\nX heapsim small\nI 1000 1000\n"
                               "s 8 heap idf\ns 7 heapsim\ni 1000 2 1\nt 1 0\n"
                               "s 4 wifi\ni 1010 2 3\nt 2 1\n"
                               "a 3e8 2\n+ 0\na 50 2\n+ 1\n"
                               "c 2\n"
                               "s 7 connect\ni 1020 2 4\nt 3 1\ni 1030 2 3\nt 4 3\n"
                               "a 3e8 4\n+ 2\n"
                               "s 7 heap gc\ni 1040 2 5\nt 5 0\n"
                               "i 1050 2 4\nt 6 5\ns 6 python\ni 1060 2 6\nt 7 6\n"
                               "a 20 7\n+ 3\n"
                               "- 1\na fa0 4\n+ 4\n"
                               "- 3\n"
                               "- 2\n"
                               "c 3\n# strings: 6\n# ips: 7\n";

static char *export_text(const char *text, size_t *size, int *status, hs_error *error)
{
    char path[] = "/tmp/hs_export_XXXXXX";
    int file = mkstemp(path);
    assert_int_equal(write(file, text, strlen(text)), (ssize_t)strlen(text));
    close(file);
    hs_trace *trace = hs_trace_open(path, error);
    assert_non_null(trace);
    char *exported = NULL;
    FILE *out = open_memstream(&exported, size);
    *status = hs_export_heaptrack(trace, out, error);
    fclose(out);
    hs_trace_close(trace);
    unlink(path);
    return exported;
}

static void exact_text(void **state)
{
    (void)state;
    size_t size;
    int status;
    hs_error error = {""};
    char *text = export_text(trace_text, &size, &status, &error);
    assert_int_equal(status, 0);
    assert_string_equal(text, expected);
    free(text);
}

static void bad_slots(void **state)
{
    (void)state;
    size_t size;
    int status;
    hs_error error = {""};
    char *text = export_text("heapsim-trace 1\nowner a idf\nfree 7\n", &size, &status, &error);
    assert_int_equal(status, -1);
    assert_non_null(strstr(error.text, ":3: found free of slot 7, which was never allocated"));
    free(text);
}

static void and_back(void **state)
{
    (void)state;
    size_t size;
    int status;
    hs_error error = {""};
    char *text = export_text(trace_text, &size, &status, &error);
    char *back = NULL;
    size_t back_size;
    FILE *out = open_memstream(&back, &back_size);
    assert_int_equal(hs_import_memory(NULL, text, size, out, &error), 0);
    fclose(out);
    assert_non_null(strstr(back, "complete yes\n"));
    const char *events = strstr(back, "alloc 0");
    assert_string_equal(events, "alloc 0 1000 wifi\nalloc 1 80 wifi\ntime 2000\n"
                                "alloc 2 1000 wifi\nalloc 3 32 python\nfree 1\n"
                                "alloc 1 4000 wifi\nfree 3\nfree 2\n");
    free(text);
    free(back);
}

/* heaptrack_print counts what the trace counts: 5 allocations, 5000 bytes not freed. */
static void heaptrack_reads_it(void **state)
{
    (void)state;
    size_t size;
    int status;
    hs_error error = {""};
    if (system("command -v heaptrack_print >/dev/null 2>&1") != 0) {
        skip();
    }
    char *text = export_text(trace_text, &size, &status, &error);
    char path[] = "/tmp/hs_export_XXXXXX";
    int file = mkstemp(path);
    assert_int_equal(write(file, text, size), (ssize_t)size);
    close(file);
    char command[256];
    snprintf(command, sizeof command, "heaptrack_print -f %s 2>&1", path);
    FILE *printed = popen(command, "r");
    char *output = calloc(1, 65536);
    (void)!fread(output, 1, 65535, printed);
    assert_int_equal(pclose(printed), 0);
    assert_non_null(strstr(output, "calls to allocation functions: 5 "));
    assert_non_null(strstr(output, "total memory leaked: 5.00K"));
    assert_non_null(strstr(output, "peak heap memory consumption: 6.03K"));
    assert_non_null(strstr(output, "wifi"));
    unlink(path);
    free(output);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exact_text),
        cmocka_unit_test(bad_slots),
        cmocka_unit_test(and_back),
        cmocka_unit_test(heaptrack_reads_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Names of traces, layouts, policies and scenarios: where they are looked for, in which order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "data_path.h"

static char folder[] = "/tmp/hs_data_path_XXXXXX";

static const char *in_folder(const char *name)
{
    static char path[300];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void put(const char *name)
{
    FILE *file = fopen(in_folder(name), "w");
    assert_non_null(file);
    fclose(file);
}

static void expect_found(enum hs_data_kind kind, const char *name, const char *end)
{
    hs_error error = {.text = ""};
    char *path = hs_data_find(kind, name, &error);
    assert_string_equal(error.text, "");
    assert_non_null(path);
    size_t length = strlen(path);
    assert_true(length >= strlen(end));
    assert_string_equal(path + length - strlen(end), end);
    free(path);
}

static void expect_missing(enum hs_data_kind kind, const char *name, const char *told)
{
    hs_error error = {.text = ""};
    assert_null(hs_data_find(kind, name, &error));
    if (strstr(error.text, told) == NULL) {
        fail_msg("found \"%s\", expected \"...%s...\"", error.text, told);
    }
}

static void finds_what_ships(void **state)
{
    (void)state;
    unsetenv("HEAPSIM_PATH");
    expect_found(HS_DATA_TRACE, "https", "/traces/https.trace");
    expect_found(HS_DATA_TRACE, "https.trace", "/traces/https.trace");
    expect_found(HS_DATA_TRACE, "https-verify", "/traces/https-verify.trace.gz");
    expect_found(HS_DATA_TRACE, "https-verify.trace", "/traces/https-verify.trace.gz");
    expect_found(HS_DATA_TRACE, "https-verify.trace.gz", "/traces/https-verify.trace.gz");
    expect_missing(HS_DATA_TRACE, "htps", "there are: http, https, https-cbc");
    expect_missing(HS_DATA_TRACE, "", "no such trace");
    expect_missing(HS_DATA_TRACE, "/https", "no such trace");
    expect_missing(HS_DATA_TRACE, "/tmp", "found a directory, expected a trace");
}

static void the_variable_comes_before_what_ships(void **state)
{
    (void)state;
    mkdir(in_folder("traces"), 0777);
    mkdir(in_folder("scenarios"), 0777);
    mkdir(in_folder("scenarios/layouts"), 0777);
    mkdir(in_folder("scenarios/policies"), 0777);
    put("traces/https.trace.zst");
    put("scenarios/layouts/board.yaml");
    put("scenarios/policies/board.yaml");
    put("scenarios/board.yaml");
    put("loose.yaml");
    char both[700];
    snprintf(both, sizeof both, "/nonexistent::%s", folder);
    setenv("HEAPSIM_PATH", both, 1);
    expect_found(HS_DATA_TRACE, "https", in_folder("traces/https.trace.zst"));
    expect_found(HS_DATA_TRACE, "https-cbc", "/traces/https-cbc.trace.gz");
    expect_found(HS_DATA_LAYOUT, "board", in_folder("scenarios/layouts/board.yaml"));
    expect_found(HS_DATA_POLICY, "board.yaml", in_folder("scenarios/policies/board.yaml"));
    expect_found(HS_DATA_SCENARIO, "board", in_folder("scenarios/board.yaml"));
    expect_found(HS_DATA_LAYOUT, "loose", in_folder("loose.yaml"));
    expect_found(HS_DATA_LAYOUT, in_folder("loose.yaml"), in_folder("loose.yaml"));
    expect_missing(HS_DATA_LAYOUT, "bord", "board");
    unsetenv("HEAPSIM_PATH");
}

static void note_https(void *context, const char *name, const char *path)
{
    if (strcmp(name, "https") == 0) {
        (*(int *)context)++;
        assert_non_null(strstr(path, folder));
    }
}

static void lists_each_name_once(void **state)
{
    (void)state;
    int count = 0;
    setenv("HEAPSIM_PATH", folder, 1);
    assert_int_equal(hs_data_list(HS_DATA_TRACE, note_https, &count, NULL), 0);
    assert_int_equal(count, 1);
    unsetenv("HEAPSIM_PATH");
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL ? -1 : 0;
}

static int remove_folder(void **state)
{
    (void)state;
    static const char *const files[] = {"traces/https.trace.zst", "scenarios/layouts/board.yaml",
                                        "scenarios/policies/board.yaml", "scenarios/board.yaml",
                                        "loose.yaml"};
    static const char *const folders[] = {"scenarios/layouts", "scenarios/policies", "scenarios",
                                          "traces", ""};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        unlink(in_folder(files[i]));
    }
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        rmdir(in_folder(folders[i]));
    }
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_ships),
        cmocka_unit_test(the_variable_comes_before_what_ships),
        cmocka_unit_test(lists_each_name_once),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

/* Bad files as a table: text of a file, and the exact line that it must give. */
#ifndef HS_TEST_YAML_CASES_H
#define HS_TEST_YAML_CASES_H

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "error.h"

typedef struct yaml_case {
    const char *text;
    const char *error; /* behind "FILE:"; a '*' at its end stands for any further text */
} yaml_case;

/* Loads the file at `path`; 0 when that succeeded (and what was loaded is freed). */
typedef int yaml_try(const char *path, hs_error *error);

static inline bool equals_pattern(const char *text, const char *pattern)
{
    size_t size = strlen(pattern);
    return pattern[size - 1] == '*' ? strncmp(text, pattern, size - 1) == 0
                                    : strcmp(text, pattern) == 0;
}

static inline void write_case(char *path, const char *text, size_t size)
{
    strcpy(path, "/tmp/heapsim-yaml-XXXXXX");
    int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(write(file, text, size), (ssize_t)size);
    close(file);
}

static inline void expect_errors(const yaml_case *cases, size_t count, yaml_try *load)
{
    size_t wrong = 0;
    for (size_t i = 0; i < count; i++) {
        char path[64];
        char expected[1200];
        hs_error error = {.text = ""};
        write_case(path, cases[i].text, strlen(cases[i].text));
        int result = load(path, &error);
        unlink(path);
        snprintf(expected, sizeof expected, "%s:%s", path, cases[i].error);
        if (result == 0 || !equals_pattern(error.text, expected)) {
            print_error("case %zu:\n%s\n  found    %s\n  expected %s\n", i, cases[i].text,
                        error.text, expected);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}

#endif

/* Lines of the capture component (scripts/capture/device/README.md), each with its right sum: what
 * the trace has for them, and what a line says that the component cannot have written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "import.h"

typedef struct imported {
    char log[4096];
    char *text;
    size_t size;
    hs_import_report report;
    hs_error error;
} imported;

/* "0 100 - begin 1": the line with its frame. */
static void add_line(imported *i, const char *line)
{
    int sum = 'h' ^ 's' ^ ' ';
    for (const char *c = line; *c != 0; c++) {
        sum ^= (unsigned char)*c;
    }
    size_t used = strlen(i->log);
    int n = snprintf(i->log + used, sizeof i->log - used, "!hs %s*%02x\n", line, sum);
    assert_true(n > 0 && (size_t)n < sizeof i->log - used);
}

/* Imports a capture of these lines, which NULL ends. */
static void import_lines(imported *i, const char *const *lines)
{
    *i = (imported){.log = ""};
    for (; *lines != NULL; lines++) {
        add_line(i, *lines);
    }
    const hs_import_request request = {
        .name = "x.log", .format = "capture", .data = i->log, .size = strlen(i->log)};
    FILE *out = open_memstream(&i->text, &i->size);
    int status = hs_import_write(&request, out, &i->report, &i->error);
    fclose(out);
    if (status != 0) {
        fail_msg("%s", i->error.text);
    }
}

/* What stands behind the header. */
static void expect_events(const imported *i, const char *expected)
{
    const char *events = i->text;
    for (const char *line = i->text; line != NULL; line = strchr(line, '\n')) {
        line += line != i->text;
        events = strncmp(line, "owner ", 6) == 0 ? strchr(line, '\n') + 1 : events;
    }
    assert_string_equal(events, expected);
}

static void expect_lost(const imported *i, const char *words)
{
    assert_false(i->report.complete);
    assert_non_null(strstr(i->text, "complete no"));
    if (strstr(i->text, words) == NULL) {
        fail_msg("found\n%s\nexpected a source with '%s'", i->text, words);
    }
}

static void whole_capture(void **state)
{
    (void)state;
    imported i;
    import_lines(&i,
                 (const char *[]){"0 100 - begin 1 ptr=4", "1 110 m r 0x0 16 0x3ffc0000 0x1000",
                                  "2 120 m r 0x3ffc0000 0 0x0 0x1000", "3 130 m end 3 0", NULL});
    assert_true(i.report.complete);
    expect_events(&i, "time 10\nalloc 0 16 m @0x3ffc0000\ntime 20\nfree 0\n");
    free(i.text);
}

/* realloc of NULL is an allocation, to 0 bytes a free, in Python's heap too. */
static void python_realloc(void **state)
{
    (void)state;
    imported i;
    import_lines(&i, (const char *[]){"0 100 - begin 1", "1 100 m gr 0x0 16 0x3ffb0010 1",
                                      "2 100 m gr 0x3ffb0010 32 0x3ffb0020 1",
                                      "3 100 m gr 0x3ffb0020 64 0x0 0",
                                      "4 100 m gr 0x3ffb0020 0 0x0 1", "5 100 m end 5 0", NULL});
    assert_true(i.report.complete);
    expect_events(&i, "alloc 0 16 m/gc @0x3ffb0010\nrealloc 0 32 @0x3ffb0020\n"
                      "realloc 0 64 nomove failed\nfree 0\n");
    free(i.text);
}

/* An operation without one of its fields, or with one that is no number, is no event. */
static void fields_are_missing(void **state)
{
    (void)state;
    static const char *const lines[] = {"1 100 m a 0x3ffc0000 16",
                                        "1 100 m m 0x3ffc0000 16 0x8",
                                        "1 100 m f",
                                        "1 100 m r 0x3ffc0000 16 0x0",
                                        "1 100 m x 16",
                                        "1 100 m ga 0x3ffb0010 16",
                                        "1 100 m gr 0x3ffb0010 16 0x0",
                                        "1 100 m gf",
                                        "1 100 m gi 0x3ffb0000",
                                        "1 100 m gg 0x3ffb0000",
                                        "1 100 m gc",
                                        "1 100 m gl 0x3ffb0000",
                                        "1 100 m ge",
                                        "1 100 m p",
                                        "1 100 m end 3",
                                        "1 100 m nosuch 1 2 3",
                                        "1 100 m a 0x3ffc0000 many 0x1000",
                                        "1 100 m f 0x3ffc0000z",
                                        "1 100 m gi 0x3ffc0000 0x3ffb0000",
                                        "1 100",
                                        "1 100 m",
                                        "1 ten m a",
                                        "one 100 m a"};
    for (size_t k = 0; k < sizeof lines / sizeof lines[0]; k++) {
        imported i;
        import_lines(&i,
                     (const char *[]){"0 100 - begin 1", lines[k], "2 100 m a 0x3ffc0200 8 0x1000",
                                      "3 100 m end 3 0", NULL});
        if (i.report.damaged != 1) {
            fail_msg("%s: %u damaged lines", lines[k], (unsigned)i.report.damaged);
        }
        expect_events(&i, "alloc 0 8 m @0x3ffc0200\n");
        expect_lost(&i, "1 damaged lines could not be used");
        free(i.text);
    }
}

static void what_is_lost_is_told(void **state)
{
    (void)state;
    static const struct {
        const char *lines[6];
        const char *told;
    } cases[] = {
        {{"1 100 m a 0x3ffc0000 16 0x1000", "2 100 m end 2 0"},
         "the begin of the capture is missing"},
        {{"0 100 - begin 1", "1 100 m a 0x3ffc0000 16 0x1000"},
         "the end of the capture is missing"},
        {{"0 100 - begin 1", "4 100 m a 0x3ffc0000 16 0x1000", "5 100 m end 5 0"},
         "3 events are missing in the log, by their numbers"},
        {{"0 100 - begin 1", "1 100 m a 0x3ffc0000 16 0x1000", "2 100 m end 2 7"},
         "7 events found the device's ring buffer full"},
        {{"0 100 - begin 2", "1 100 m a 0x3ffc0000 16 0x1000", "2 100 m end 2 0"},
         "the capture's line format is 2, this importer knows 1"},
        {{"0 100 - begin 1", "1 100 m a 0x3ffc0000 16 0x1000", "2 100 m a 0x3ffc0000 32 0x1000",
          "3 100 m end 3 0"},
         "1 frees are missing"},
        {{"0 100 - begin 1", "1 100 m a 0x3ffc0000 16 0x1000",
          "2 100 m r 0x3ffc0100 32 0x3ffc0000 0x1000", "3 100 m f 0x3ffc0100", "4 100 m end 4 0"},
         "2 statements on blocks that the log did not allocate"},
        {{"0 100 - begin 1", "1 100 m a 0x3ffc0000 16 0x1000",
          "2 100 m r 0x3ffc0000 5000000000 0x0 0x1000", "3 100 m x 5000000000 0x1000 f",
          "4 100 m end 4 0"},
         "2 requests of 4 GiB or more left out"},
    };
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        imported i;
        import_lines(&i, cases[k].lines);
        expect_lost(&i, cases[k].told);
        free(i.text);
    }
}

/* Blocks move onto an address whose free the log does not have. */
static void realloc_onto_a_live_block(void **state)
{
    (void)state;
    imported i;
    import_lines(&i, (const char *[]){"0 100 - begin 1", "1 100 m a 0x3ffc0000 16 0x1000",
                                      "2 100 m a 0x3ffc0100 16 0x1000",
                                      "3 100 m r 0x3ffc0000 32 0x3ffc0100 0x1000",
                                      "4 100 m end 4 0", NULL});
    expect_lost(&i, "1 frees are missing");
    expect_events(&i, "alloc 0 16 m @0x3ffc0000\nalloc 1 16 m @0x3ffc0100\nfree 1\n"
                      "realloc 0 32 @0x3ffc0100\n");
    free(i.text);
}

/* The last of several captures counts; what stands between two of them does not. */
static void two_captures(void **state)
{
    (void)state;
    imported i;
    import_lines(&i, (const char *[]){"0 100 - begin 1", "1 100 m a 0x3ffc0000 16 0x1000",
                                      "2 100 m end 2 0", "7 100 m a 0x3ffc0100 99 0x1000",
                                      "0 200 - begin 1", "1 200 n p a#b",
                                      "2 200 n a 0x3ffc0200 8 0x1000", "3 200 n end 3 0", NULL});
    assert_true(i.report.complete);
    assert_null(strstr(i.text, "99"));
    expect_events(&i, "phase a_b\nalloc 0 8 n @0x3ffc0200\n");
    free(i.text);
}

/* gi, then a second area at once: both are there when the program starts. An area in use grows. */
static void areas(void **state)
{
    (void)state;
    imported i;
    import_lines(&i, (const char *[]){"0 100 - begin 1", "1 100 m gi 0x3ffb0000 0x3ffb1000",
                                      "2 100 m gg 0x3ffb2000 0x3ffb3000",
                                      "3 100 m ga 0x3ffb0010 16 0x0",
                                      "4 100 m gg 0x3ffb4000 0x3ffb5000",
                                      "5 110 m ga 0x3ffb4010 16 0x1", "6 110 m end 6 0", NULL});
    assert_true(i.report.complete);
    expect_events(&i, "area 0x3ffb0000 4096\narea 0x3ffb2000 4096\nalloc 0 16 m/gc @0x3ffb0010\n"
                      "grown 0x3ffb4000 4096\nalloc 1 16 m/gc @0x3ffb4010 finaliser\n");
    free(i.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_capture),
        cmocka_unit_test(python_realloc),
        cmocka_unit_test(fields_are_missing),
        cmocka_unit_test(what_is_lost_is_told),
        cmocka_unit_test(realloc_onto_a_live_block),
        cmocka_unit_test(two_captures),
        cmocka_unit_test(areas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

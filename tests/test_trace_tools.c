/* validate, slice and anonymise, as pictures: a trace in, a trace or an error out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "trace_anonymise.h"
#include "trace_slice.h"
#include "trace_survey.h"

static char in[] = "/tmp/hs_trace_tools_XXXXXX";
static char out[sizeof in + 4];

#define OWNERS "owner   tls idf\nowner   mp gc\n"

static hs_trace *open_text(const char *events)
{
    hs_error error = {.text = ""};
    FILE *file = fopen(in, "w");
    fprintf(file, "heapsim-trace 1\n" OWNERS "%s", events);
    assert_int_equal(fclose(file), 0);
    hs_trace *trace = hs_trace_open(in, &error);
    assert_string_equal(error.text, "");
    return trace;
}

static void expect_fault(const char *events, const char *told)
{
    hs_error error = {.text = ""};
    hs_trace *trace = open_text(events);
    hs_survey *survey = hs_survey_trace(trace, &error);
    if ((survey == NULL) != (told[0] != 0) || strstr(error.text, told) == NULL) {
        fail_msg("found \"%s\", expected \"%s\"", error.text, told);
    }
    hs_survey_destroy(survey);
    hs_trace_close(trace);
}

static void slots_are_checked(void **state)
{
    (void)state;
    expect_fault("alloc 1 4 tls\nfree 1\nalloc 1 4 tls\n", "");
    expect_fault("alloc 1 4 tls\nalloc 1 4 tls\n", ":5: found 'alloc 1', a slot that is still");
    expect_fault("free 1\n", ":4: found 'free 1', a slot that is not allocated");
    expect_fault("alloc 1 4 tls\nfree 1\nfree 1\n", ":6: found 'free 1', a slot that is not");
    expect_fault("alloc 1 4 tls\nfree 1\nrealloc 1 8\n", ":6: found 'realloc 1', a slot that");
    expect_fault("drop 7\n", ":4: found 'drop 7'");
    expect_fault("alloc 1 4 tls\ndrop 1\n", ":5: found 'drop 1', a block of the IDF heap");
    expect_fault("alloc 1 8 mp\nalloc 2 8 mp\nlink 1 1 2\nunlink 1 1\n", "");
    expect_fault("alloc 1 8 mp\nalloc 2 8 mp\nlink 1 3 2\n", ""); /* the block's last word */
    expect_fault("alloc 1 8 mp\nalloc 2 8 mp\nlink 1 4 2\n", ":6: found 'link 1', a word beyond");
    expect_fault("alloc 1 8 tls\nalloc 2 8 mp\nlink 1 0 2\n", ":6: found 'link 1', a block of the");
    expect_fault("alloc 1 8 mp\nlink 1 1 2\n", ":5: found 'link 1', a link to a slot that is not");
    expect_fault("alloc 1 8 mp\nunlink 1 4294967295\n", ":5: found 'unlink 1', a word beyond");
    expect_fault("region 0x3ffb0000 100 DRAM\n", "");
    expect_fault("region 0x3ffb0000 100 RAM\n", ":4: found region type 'RAM', expected DRAM");
}

/* A slot whose allocation failed is empty: what names it later is counted, no fault. */
static void empty_slots_are_ignored(void **state)
{
    (void)state;
    hs_error error = {.text = ""};
    hs_trace *trace = open_text("alloc 1 4 mp failed\nrealloc 1 8\nlink 1 0 1\nfree 1\n"
                                "alloc 2 4 mp failed\nalloc 2 6 mp\ncalloc 3 65536 65536 tls\n"
                                "realloc 2 100 failed\nalloc 4 8 tls\nrealloc 4 0\n"
                                "alloc 4 5 tls\nfree 4\n");
    hs_survey *survey = hs_survey_trace(trace, &error);
    assert_string_equal(error.text, "");
    assert_int_equal(survey->ignored, 3);
    assert_int_equal(survey->live, 6);
    assert_int_equal(survey->allocations, 3);
    assert_int_equal(survey->failed, 3);
    hs_survey_destroy(survey);
    hs_trace_close(trace);
}

static void counts_are_right(void **state)
{
    (void)state;
    hs_error error = {.text = ""};
    hs_trace *trace = open_text("phase a\nalloc 1 100 tls\ncalloc 2 3 10 mp\nfree 1\nphase b\n"
                                "realloc 2 200\naligned 3 64 64 tls\nfree 3\n");
    hs_survey *s = hs_survey_trace(trace, &error);
    assert_string_equal(error.text, "");
    assert_int_equal(s->events, 8);
    assert_int_equal(s->peak, 264);
    assert_int_equal(s->peak_event, 7);
    assert_int_equal(s->live, 200);
    assert_int_equal(s->bytes, 194);
    assert_int_equal(s->largest, 200);
    assert_int_equal(s->owners[0].peak, 100);
    assert_int_equal(s->owners[1].live, 200);
    assert_int_equal(s->phases[0].peak, 130);
    assert_int_equal(s->phases[1].first_event, 5);
    assert_int_equal(s->phases[1].live, 30);
    assert_int_equal(s->sizes[7], 1); /* 65 .. 128: 100 */
    assert_int_equal(s->sizes[6], 1); /* 33 .. 64: 64 */
    hs_survey_destroy(s);
    hs_trace_close(trace);
}

static char *read_out(void)
{
    static char text[4000];
    FILE *file = fopen(out, "r");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    return text;
}

static void expect_slice(const char *events, hs_slice slice, const char *wanted)
{
    hs_error error = {.text = ""};
    hs_trace *trace = open_text(events);
    assert_int_equal(hs_trace_cut(trace, &slice, out, &error), 0);
    assert_string_equal(error.text, "");
    hs_trace_close(trace);
    char *start = strstr(read_out(), OWNERS);
    assert_non_null(start);
    assert_string_equal(start + strlen(OWNERS), wanted);
    assert_int_equal(unlink(out), 0);
}

static const char story[] = "area 0x3ffb0000 57344\nphase one\nalloc 1 10 tls @0x3ffb0540\n"
                            "aligned 2 64 20 mp type=h\nalloc 3 30 tls\nfree 3\nphase two\n"
                            "realloc 1 11\nalloc 3 31 tls @0x3ffb0600\nphase three\nfree 1\n"
                            "free 3\ndrop 2\n";

static void slices(void **state)
{
    (void)state;
    const char *tls[] = {"tls"};
    expect_slice(story, (hs_slice){0},
                 "area 0x3ffb0000 57344\nphase one\n"
                 "alloc 1 10 tls @0x3ffb0540\n"
                 "aligned 2 64 20 mp type=h\nalloc 3 30 tls\nfree 3\n"
                 "phase two\nrealloc 1 11\nalloc 3 31 tls @0x3ffb0600\n"
                 "phase three\nfree 1\nfree 3\ndrop 2\n");
    expect_slice(story, (hs_slice){.last = 3},
                 "area 0x3ffb0000 57344\nphase one\nalloc 1 10 tls @0x3ffb0540\n");
    expect_slice(story, (hs_slice){.first_phase = "two", .last_phase = "two"},
                 "phase live-before\nalloc 1 10 tls\naligned 2 64 20 mp type=h\n"
                 "phase two\nrealloc 1 11\nalloc 3 31 tls\n");
    expect_slice(story, (hs_slice){.first_phase = "two", .last_phase = "three", .drop_live = true},
                 "phase two\nalloc 3 31 tls\nphase three\nfree 3\n");
    expect_slice(story, (hs_slice){.first = 9, .last = 11},
                 "phase live-before\nalloc 1 11 tls\naligned 2 64 20 mp type=h\nphase two\n"
                 "alloc 3 31 tls\nphase three\nfree 1\n");
    expect_slice(story, (hs_slice){.first = 9, .drop_live = true},
                 "alloc 3 31 tls\nphase three\nfree 3\n");
    expect_slice(story, (hs_slice){.owners = tls, .owner_count = 1, .first_phase = "three"},
                 "phase live-before\nalloc 1 11 tls\nalloc 3 31 tls\nphase three\nfree 1\n"
                 "free 3\n");
}

static void expect_no_slice(const char *events, hs_slice slice, const char *told)
{
    hs_error error = {.text = ""};
    hs_trace *trace = open_text(events);
    assert_int_equal(hs_trace_cut(trace, &slice, out, &error), -1);
    if (strstr(error.text, told) == NULL) {
        fail_msg("found \"%s\", expected \"%s\"", error.text, told);
    }
    hs_trace_close(trace);
    assert_int_equal(access(out, F_OK), -1);
}

static void impossible_slices_are_told(void **state)
{
    (void)state;
    const char *nobody[] = {"nobody"};
    expect_no_slice(story, (hs_slice){.first_phase = "four"}, "found no phase four");
    expect_no_slice(story, (hs_slice){.first_phase = "two", .last_phase = "one"},
                    "found no phase one behind");
    expect_no_slice(story, (hs_slice){.first = 100}, "found no event where the slice begins");
    expect_no_slice(story, (hs_slice){.owners = nobody, .owner_count = 1}, "no owner 'nobody'");
    expect_no_slice("alloc 1 8 mp\nalloc 2 8 mp\nlink 1 0 2\ncollect\n", (hs_slice){.first = 4},
                    "found links before the slice");
    expect_no_slice("alloc 1 8 mp\nfree x\n", (hs_slice){0}, "found 'x'");
}

static void names_are_replaced(void **state)
{
    (void)state;
    hs_error error = {.text = ""};
    hs_trace *trace = open_text("area 0x3ffb0000 57344\nphase login\nalloc 1 8 mp @0x3ffb0010\n"
                                "mark secret\nphase logout\nphase login\nmark secret\n"
                                "region 0x3ffb2730 15448 DRAM\nalloc 2 8 mp @NULL failed\n");
    assert_int_equal(hs_trace_anonymise(trace, out, 0x100, &error), 0);
    hs_trace_close(trace);
    assert_string_equal(read_out(), "heapsim-trace 1\nowner   owner1 idf\nowner   owner2 gc\n"
                                    "area 0x3ffb0100 57344\nphase phase1\n"
                                    "alloc 1 8 owner2 @0x3ffb0110\nmark mark1\nphase phase2\n"
                                    "phase phase1\nmark mark1\nregion 0x3ffb2730 15448 DRAM\n"
                                    "alloc 2 8 owner2 @NULL failed\n");
    assert_int_equal(unlink(out), 0);
}

static int make_path(void **state)
{
    (void)state;
    int file = mkstemp(in);
    snprintf(out, sizeof out, "%s.out", in);
    return file < 0 ? -1 : close(file);
}

static int remove_path(void **state)
{
    (void)state;
    return unlink(in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slots_are_checked),          cmocka_unit_test(empty_slots_are_ignored),
        cmocka_unit_test(counts_are_right),           cmocka_unit_test(slices),
        cmocka_unit_test(impossible_slices_are_told), cmocka_unit_test(names_are_replaced),
    };
    return cmocka_run_group_tests(tests, make_path, remove_path);
}

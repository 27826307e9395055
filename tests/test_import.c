/* Importers: each sample of tests/import/ against the exact text beside it, the words about it, and
 * what damaged logs do. To look at a change: heapsim trace import tests/import/NAME.log */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "import.h"
#include "import_reader.h"
#include "layout.h"
#include "random.h"
#include "slots.h"
#include "trace.h"

typedef struct sample {
    const char *name;
    const char *format; /* that is found */
    uint64_t used;      /* lines */
    uint64_t damaged;
    bool complete;
} sample;

static const sample samples[] = {
    {"heap_trace_v4_all", "heap-trace", 9, 0, true},
    {"heap_trace_v4_leaks", "heap-trace", 9, 0, false},
    {"heap_trace_v5_all", "heap-trace", 18, 0, true},
    {"heap_trace_overflow", "heap-trace", 10, 0, false},
    {"heap_trace_cut", "heap-trace", 3, 1, false},
    {"heap_trace_twice", "heap-trace", 8, 0, true},
    {"capture", "capture", 27, 0, true},
    {"capture_damaged", "capture", 10, 3, false},
    {"mtrace", "mtrace", 11, 0, true},
    {"mtrace_bad", "mtrace", 7, 3, false},
    {"heaptrack", "heaptrack", 34, 0, true},
    {"heaptrack_raw", "heaptrack", 11, 0, true},
    {"heaptrack_bad", "heaptrack", 9, 3, false},
    {"boot_only", "layout", 6, 0, true},
    {"dump_pico", "layout", 14, 0, true},
    {"dump_full", "layout", 16, 0, true},
    {"dump_list", "layout", 6, 0, true},
    {"story1", "layout", 24, 0, true},
    {"tuples", "layout", 8, 0, true},
    {"tuples_late", "layout", 9, 0, false},
    {"two_boots", "layout", 19, 0, true},
    {"mem_info_2018", "layout", 21, 0, true},
    {"mem_info_cut", "layout", 19, 2, false},
    {"board_cut", "layout", 9, 2, false},
};
enum { SAMPLES = sizeof samples / sizeof samples[0] };

static char *read_file(const char *name, const char *suffix, size_t *size)
{
    char path[512];
    snprintf(path, sizeof path, "%s/tests/import/%s%s", SOURCE_DIR, name, suffix);
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fail_msg("%s can't be read", path);
    }
    char *data = calloc(1, 1 << 20);
    *size = fread(data, 1, (1 << 20) - 1, file);
    fclose(file);
    return data;
}

typedef struct result {
    char *text;
    size_t size;
    int status;
    hs_import_report report;
    hs_error error;
} result;

static void import_text(const hs_import_request *request, result *r)
{
    memset(r, 0, sizeof *r);
    FILE *out = open_memstream(&r->text, &r->size);
    r->status = hs_import_write(request, out, &r->report, &r->error);
    fclose(out);
}

static void import_sample(const char *name, const char *policy, result *r)
{
    char log[128];
    size_t size;
    char *data = read_file(name, ".log", &size);
    snprintf(log, sizeof log, "%s.log", name);
    hs_import_request request = {.name = log, .policy = policy, .data = data, .size = size};
    import_text(&request, r);
    free(data);
}

static void samples_as_expected(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        const sample *s = &samples[i];
        size_t size;
        result r;
        import_sample(s->name, NULL, &r);
        if (r.status != 0) {
            fail_msg("%s: %s", s->name, r.error.text);
        }
        char *expected = read_file(s->name, ".expected", &size);
        if (strcmp(expected, r.text) != 0) {
            fail_msg("%s: found\n%s\nexpected\n%s", s->name, r.text, expected);
        }
        assert_string_equal(r.report.format, s->format);
        assert_int_equal(r.report.used, s->used);
        assert_int_equal(r.report.damaged, s->damaged);
        assert_int_equal(r.report.complete, s->complete);
        free(expected);
        free(r.text);
    }
}

/* --- What is written can be read: by the readers of traces and layouts ------------------------ */

static char *write_temporary(const char *text, size_t size)
{
    char *path = strdup("/tmp/hs_import_XXXXXX");
    int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(write(file, text, size), (ssize_t)size);
    close(file);
    return path;
}

/* Each statement is on a slot in the right state. */
static void check_slots(hs_slots *slots, const hs_event *event)
{
    hs_slot *slot = hs_slots_find(slots, event->slot);
    switch (event->op) {
    case HS_OP_ALLOC:
    case HS_OP_ALIGNED:
        assert_null(slot);
        assert_non_null(hs_slots_add(slots, event->slot));
        break;
    case HS_OP_FREE:
    case HS_OP_DROP:
        assert_non_null(slot);
        hs_slots_remove(slots, event->slot);
        break;
    case HS_OP_REALLOC:
        assert_non_null(slot);
        break;
    default:
        break;
    }
}

static void check_trace(const char *path)
{
    hs_error error = {""};
    hs_event events[64];
    long count;
    hs_slots slots;
    hs_slots_init(&slots);
    hs_trace *trace = hs_trace_open(path, &error);
    if (trace == NULL) {
        fail_msg("%s", error.text);
    }
    while ((count = hs_trace_read(trace, events, 64, &error)) > 0) {
        for (long i = 0; i < count; i++) {
            check_slots(&slots, &events[i]);
        }
    }
    if (count < 0) {
        fail_msg("%s", error.text);
    }
    hs_trace_close(trace);
    hs_slots_release(&slots);
}

static void check_readable(const result *r)
{
    char *path = write_temporary(r->text, r->size);
    if (r->report.yields == HS_IMPORT_TRACE) {
        check_trace(path);
    } else {
        hs_error error = {""};
        hs_layout *layout = hs_layout_load(path, &error);
        if (layout == NULL) {
            fail_msg("%s\n%s", error.text, r->text);
        }
        hs_layout_free(layout);
    }
    unlink(path);
    free(path);
}

static void results_are_readable(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        result r;
        import_sample(samples[i].name, NULL, &r);
        check_readable(&r);
        free(r.text);
    }
}

/* A trace file is the same trace. */
static void into_a_file(void **state)
{
    (void)state;
    size_t size;
    char *data = read_file("capture", ".log", &size);
    hs_import_request request = {.name = "capture.log", .data = data, .size = size};
    hs_import_report report;
    hs_error error = {""};
    char *path = write_temporary("", 0);
    assert_int_equal(hs_import_write_trace(&request, path, &report, &error), 0);
    assert_int_equal(report.events, 45);
    check_trace(path);
    hs_trace *trace = hs_trace_open(path, &error);
    assert_int_equal(hs_trace_get_header(trace)->complete, HS_COMPLETE_YES);
    assert_int_equal(hs_trace_get_header(trace)->owner_count, 3);
    hs_trace_close(trace);
    unlink(path);
    free(path);
    free(data);
}

/* --- Refusals --------------------------------------------------------------------------------- */

static void expect_error(const char *name, const char *format, const char *expected)
{
    size_t size;
    char log[128];
    char *data = read_file(name, ".log", &size);
    snprintf(log, sizeof log, "%s.log", name);
    hs_import_request request = {.name = log, .format = format, .data = data, .size = size};
    result r;
    import_text(&request, &r);
    assert_int_equal(r.status, -1);
    assert_string_equal(r.error.text, expected);
    free(r.text);
    free(data);
}

static void refusals(void **state)
{
    (void)state;
    expect_error(
        "heaptrack_newer", NULL,
        "heaptrack_newer.log:1: found heaptrack file version 9, expected 3 or older: it is "
        "newer than this heapsim");
    expect_error(
        "tuples_alone", NULL,
        "tuples_alone.log: found no heap region, expected heap_init lines, "
        "heap_caps_print_heap_info or heap_caps_dump (idf_heap_info and mem_info alone name "
        "no regions)");
    expect_error(
        "nothing", NULL,
        "nothing.log: found no line of a known format, expected one of those that `heapsim "
        "trace import --help` shows");
    expect_error("nothing", "mtrace", "nothing.log: found no event of format mtrace to import");
    expect_error(
        "nothing", "valgrind",
        "found format 'valgrind', expected one of: capture, heap-trace, heaptrack, mtrace, "
        "boot-log, heap-info, heap-dump, idf-heap-info, mem-info, failure, layout");
}

/* --- Choices ---------------------------------------------------------------------------------- */

static void python_heap_left_to_a_policy(void **state)
{
    (void)state;
    result live, left;
    import_sample("story1", NULL, &live);
    import_sample("story1", "micropython-v1.19", &left);
    assert_non_null(strstr(live.text, "{start: 0x3ffe436c, size: 109708, owner: gc-heap}"));
    assert_non_null(strstr(live.text, "policy: none\n"));
    assert_null(strstr(left.text, "gc-heap"));
    assert_non_null(strstr(left.text, "policy: micropython-v1.19\n"));
    free(live.text);
    free(left.text);
}

/* The figures win over a release that contradicts them; an unknown one is named. */
static void release_of_the_figures(void **state)
{
    (void)state;
    static const struct {
        const char *banner;
        const char *idf;
        const char *words;
    } cases[] = {
        {"I (29) boot: ESP-IDF v4.4.1 2nd stage bootloader\n", "idf: v4.4.1\n",
         "IDF release: from the log"},
        {"I (29) boot: ESP-IDF v5.1 2nd stage bootloader\n", "idf: v4.4\n",
         "the log says v5.1, which contradicts its figures"},
        {"I (29) boot: ESP-IDF qa-test-17 2nd stage bootloader\n", "idf: v4.4\n",
         "the log says qa-test-17, which heapsim does not know"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char log[1024];
        snprintf(log, sizeof log,
                 "%s  At 0x3ffe0440 len 15072 free 13448 allocated 0 min_free 13448\n"
                 "    largest_free_block 13312 alloc_blocks 0 free_blocks 1 total_blocks 1\n",
                 cases[i].banner);
        hs_import_request request = {.name = "log", .data = log, .size = strlen(log)};
        result r;
        import_text(&request, &r);
        assert_int_equal(r.status, 0);
        assert_non_null(strstr(r.text, cases[i].idf));
        assert_non_null(strstr(r.text, cases[i].words));
        free(r.text);
    }
}

static void both_kinds_in_a_log(void **state)
{
    (void)state;
    const char *log = "I (347) heap_init: At 3FFAE6E0 len 00001920 (6 KiB): DRAM\n"
                      "1 allocations trace (10 entry buffer)\n"
                      "32 bytes (@ 0x3ffaf214) allocated CPU 0 ccount 0x2e caller 0x400d0001\n"
                      "32 bytes alive in trace (1/1 allocations)\n";
    hs_import_request request = {.name = "log", .data = log, .size = strlen(log)};
    result r;
    import_text(&request, &r);
    assert_string_equal(r.report.format, "heap-trace");
    assert_string_equal(r.report.notes[0], "the log also holds 1 lines about the board's heap: "
                                           "--format layout imports those");
    free(r.text);
    request.format = "layout";
    import_text(&request, &r);
    assert_int_equal(strncmp(r.text, "name: log\n", 10), 0);
    free(r.text);
}

static void lines_are_cleaned(void **state)
{
    (void)state;
    static const char text[] = "\x1b[0;32mI (1) a: b\x1b[0m\r\n\x1b[1;3\n\0x\ty\n\x1bMz";
    hs_import_lines *lines = calloc(1, sizeof *lines);
    lines->data = text;
    lines->size = sizeof text - 1;
    assert_true(hs_import_next_line(lines));
    assert_string_equal(lines->text, "I (1) a: b");
    assert_true(hs_import_next_line(lines));
    assert_string_equal(lines->text, "");
    assert_true(hs_import_next_line(lines));
    assert_string_equal(lines->text, " x y");
    assert_false(lines->unended);
    assert_true(hs_import_next_line(lines));
    assert_string_equal(lines->text, "z");
    assert_true(lines->unended);
    assert_false(hs_import_next_line(lines));
    free(lines);
}

/* --- Damage ----------------------------------------------------------------------------------- */

/* Whatever a log holds, the import ends, and what it writes can be read. */
static void damaged_logs(void **state)
{
    (void)state;
    uint32_t seed = 20261122;
    print_message("seed %u\n", seed);
    for (size_t i = 0; i < SAMPLES; i++) {
        size_t size;
        char *data = read_file(samples[i].name, ".log", &size);
        for (unsigned round = 0; round < 60; round++) {
            char *copy = malloc(size);
            size_t length = round % 3 == 0 ? random_next(&seed) % size : size;
            memcpy(copy, data, size);
            for (unsigned n = round % 7; n > 0; n--) {
                size_t at = random_next(&seed) % size;
                copy[at] =
                    round % 2 == 0 ? data[random_next(&seed) % size] : (char)random_next(&seed);
            }
            hs_import_request request = {.name = "log", .data = copy, .size = length};
            request.format = round % 4 == 0 ? samples[i].format : NULL;
            result r;
            import_text(&request, &r);
            assert_true(r.status == 0 || r.error.text[0] != 0);
            if (r.status == 0) {
                check_readable(&r);
            }
            free(r.text);
            free(copy);
        }
        free(data);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_as_expected),
        cmocka_unit_test(results_are_readable),
        cmocka_unit_test(into_a_file),
        cmocka_unit_test(refusals),
        cmocka_unit_test(python_heap_left_to_a_policy),
        cmocka_unit_test(release_of_the_figures),
        cmocka_unit_test(both_kinds_in_a_log),
        cmocka_unit_test(lines_are_cleaned),
        cmocka_unit_test(damaged_logs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

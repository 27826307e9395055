/* Both forms of a trace: nothing is lost between them, and damage is noticed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "trace.h"

static char folder[] = "/tmp/hs_trace_binary_XXXXXX";

static char *in_folder(const char *name)
{
    static char paths[4][200];
    static unsigned turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static void convert(const char *from, const char *to)
{
    hs_error error = {.text = ""};
    hs_event events[100];
    hs_trace *trace = hs_trace_open(from, &error);
    assert_string_equal(error.text, "");
    hs_trace_writer *writer = hs_trace_writer_open(to, hs_trace_get_header(trace), &error);
    assert_string_equal(error.text, "");
    for (long n; (n = hs_trace_read(trace, events, 100, &error)) != 0;) {
        assert_string_equal(error.text, "");
        for (long i = 0; i < n; i++) {
            assert_int_equal(hs_trace_write(writer, &events[i], &error), 0);
        }
    }
    assert_int_equal(hs_trace_writer_close(writer, &error), 0);
    hs_trace_close(trace);
}

static char *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    char *bytes = malloc(*size + 1);
    assert_int_equal(fread(bytes, 1, *size, file), *size);
    bytes[*size] = 0;
    fclose(file);
    return bytes;
}

static void write_file(const char *path, const char *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static void expect_same_file(const char *a, const char *b)
{
    size_t size_a;
    size_t size_b;
    char *bytes_a = read_file(a, &size_a);
    char *bytes_b = read_file(b, &size_b);
    assert_int_equal(size_a, size_b);
    assert_memory_equal(bytes_a, bytes_b, size_a);
    free(bytes_a);
    free(bytes_b);
}

/* As the text writer prints it: each statement with each attribute, and extreme numbers. */
static const char everything[] =
    "heapsim-trace 1\ntitle   Everything\norigin  modelled\nsource  one\nsource  two\n"
    "device  none\ncomplete no\nowner   mbedtls idf caps=8bit,internal\nowner   mp gc\n"
    "owner   x idf caps=exec,invalid\n"
    "phase first\nalloc 1 16 mbedtls\nalloc 2 16 mbedtls\nalloc 3 256 mbedtls\n"
    "alloc 4 260 mbedtls\nalloc 5 0 mbedtls\nalloc 6 4 mp @0x3ffb0540\n"
    "alloc 4294967295 4294967295 x caps=dma,spiram @0xffffffff failed type=h finaliser\n"
    "alloc 0 3 mp @NULL failed\nalloc 7 4 mp\ncalloc 8 3 20 mp @0x3ffb0560\n"
    "aligned 9 64 100 mbedtls caps=simd\nrealloc 6 40 nomove @0x3ffb0540\nrealloc 6 41 failed\n"
    "free 9\nfree 8\nfree 1\nfree 4294967295\ndrop 7\ndrop 6\nlink 2 0 3\nlink 3 4294967295 2\n"
    "unlink 2 0\ncollect\nthreshold -1\nthreshold 4096 capture\narea 0x3ffb0000 57344\n"
    "split 131072\ngrown 0x3ffc0000 1024\ncollected 5\nreleased 0x3ffc0000\n"
    "region 0x3ffb2730 15448 DRAM\nmark \xc3\xa4-mark\ntime 0\ntime 9223372036854775807\n"
    "time 5\nfree 2\n";

static void every_statement_survives(void **state)
{
    (void)state;
    write_file(in_folder("a.trace"), everything, sizeof everything - 1);
    convert(in_folder("a.trace"), in_folder("b.hsb"));
    convert(in_folder("b.hsb"), in_folder("c.trace"));
    expect_same_file(in_folder("a.trace"), in_folder("c.trace"));
    convert(in_folder("b.hsb"), in_folder("d.hsb.zst"));
    convert(in_folder("d.hsb.zst"), in_folder("e.trace.gz"));
    convert(in_folder("e.trace.gz"), in_folder("c.trace"));
    expect_same_file(in_folder("a.trace"), in_folder("c.trace"));
    convert(in_folder("d.hsb.zst"), in_folder("e.hsb"));
    expect_same_file(in_folder("b.hsb"), in_folder("e.hsb"));
}

static void shipped_traces_survive(void **state)
{
    (void)state;
    static const char *const names[] = {"https.trace", "lwip-http3.trace", "graph.trace.gz",
                                        "sensor_day_off.trace.gz", "async_app.trace.gz"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[300];
        struct stat status;
        snprintf(path, sizeof path, SOURCE_DIR "/traces/%s", names[i]);
        convert(path, in_folder("a.trace"));
        convert(path, in_folder("b.hsb"));
        convert(in_folder("b.hsb"), in_folder("c.trace"));
        expect_same_file(in_folder("a.trace"), in_folder("c.trace"));
        stat(in_folder("b.hsb"), &status);
        print_message("%s: %lld bytes in the binary form\n", names[i], (long long)status.st_size);
    }
}

/* The n-th event of a generated trace of allocations that live for a while. */
static hs_event generated(uint32_t n)
{
    uint32_t mixed = (n + 1) * 2654435769u;
    if (n % 2 == 1 && n > 300) {
        return (hs_event){.op = HS_OP_FREE, .slot = (n - 201) / 2};
    }
    if (n % 1000 == 0) {
        return (hs_event){.op = HS_OP_TIME, .value = (int64_t)n * 1000};
    }
    return (hs_event){.op = n % 2 == 0 ? HS_OP_ALLOC : HS_OP_COLLECT,
                      .slot = n % 2 == 0 ? n / 2 : 0,
                      .size = n % 2 == 0 ? mixed >> (16 + mixed % 12) : 0};
}

static void expect_generated(const hs_event *event, uint32_t n)
{
    hs_event wanted = generated(n);
    if (event->op != wanted.op || event->slot != wanted.slot || event->size != wanted.size ||
        event->value != wanted.value) {
        fail_msg("event %u differs: %s %u %u", n, hs_op_name((enum hs_op)event->op), event->slot,
                 event->size);
    }
}

enum { MILLION = 1000000 };

static void write_million(const char *path)
{
    hs_error error = {.text = ""};
    hs_trace_owner owner = {"a", HS_HEAP_IDF, 0x1000};
    hs_trace_header header = {.title = "Generated", .owners = &owner, .owner_count = 1};
    hs_trace_writer *writer = hs_trace_writer_open(path, &header, &error);
    for (uint32_t n = 0; n < MILLION; n++) {
        hs_event event = generated(n);
        assert_int_equal(hs_trace_write(writer, &event, &error), 0);
    }
    assert_int_equal(hs_trace_writer_close(writer, &error), 0);
}

static void a_million_events(void **state)
{
    (void)state;
    static const char *const names[] = {"m.trace", "m.hsb", "m.trace.zst", "m.trace.gz"};
    for (size_t i = 0; i < 4; i++) {
        hs_error error = {.text = ""};
        static hs_event events[1000];
        uint32_t count = 0;
        write_million(in_folder(names[i]));
        hs_trace *trace = hs_trace_open(in_folder(names[i]), &error);
        for (long n; (n = hs_trace_read(trace, events, 1000, &error)) > 0;) {
            for (long k = 0; k < n; k++) {
                expect_generated(&events[k], count++);
            }
        }
        assert_string_equal(error.text, "");
        assert_int_equal(count, MILLION);
        hs_trace_close(trace);
    }
}

static void skips_to_any_event(void **state)
{
    (void)state;
    static const uint32_t places[] = {0, 1, 17, 70000, 70001, 500000, 999999};
    for (int text = 0; text < 2; text++) {
        hs_error error = {.text = ""};
        hs_event event;
        const char *path = in_folder(text ? "m.trace" : "m.hsb");
        hs_trace *trace = hs_trace_open(path, &error);
        for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
            assert_int_equal(hs_trace_skip_to(trace, places[i], &error), 0);
            assert_int_equal(hs_trace_read(trace, &event, 1, &error), 1);
            expect_generated(&event, places[i]);
        }
        assert_int_equal(hs_trace_read(trace, &event, 1, &error), 0);
        assert_int_equal(hs_trace_skip_to(trace, MILLION + 10, &error), 0);
        assert_int_equal(hs_trace_read(trace, &event, 1, &error), 0);
        assert_string_equal(error.text, "");
        hs_trace_close(trace);
    }
}

/* Whether a trace can be read to its end; events are looked at, so that sanitizers see them. */
static bool reads_to_the_end(const char *path, uint64_t *count)
{
    hs_error error = {.text = ""};
    hs_event events[64];
    hs_trace *trace = hs_trace_open(path, &error);
    *count = 0;
    for (long n; trace != NULL && (n = hs_trace_read(trace, events, 64, &error)) > 0;) {
        for (long i = 0; i < n; i++) {
            size_t owners = hs_trace_get_header(trace)->owner_count;
            assert_true(events[i].op < HS_OP_COUNT);
            assert_true(events[i].op > HS_OP_ALIGNED || events[i].owner < owners);
            assert_true(events[i].name == NULL || strlen(events[i].name) < 256);
            ++*count;
        }
    }
    hs_trace_close(trace);
    return error.text[0] == 0;
}

static void every_cut_is_noticed(void **state)
{
    (void)state;
    size_t size;
    uint64_t count;
    write_file(in_folder("a.trace"), everything, sizeof everything - 1);
    static const char *const forms[] = {"b.hsb", "b.trace.gz", "b.trace.zst", "b.hsb.gz"};
    for (size_t f = 0; f < 4; f++) {
        convert(in_folder("a.trace"), in_folder(forms[f]));
        char *bytes = read_file(in_folder(forms[f]), &size);
        for (size_t cut = 0; cut < size; cut++) {
            write_file(in_folder("cut"), bytes, cut);
            if (reads_to_the_end(in_folder("cut"), &count)) {
                fail_msg("%s cut to %zu of %zu bytes was not noticed", forms[f], cut, size);
            }
        }
        free(bytes);
    }
}

/* A changed bit anywhere in the binary form is found by a checksum. */
static void every_flipped_bit_is_noticed(void **state)
{
    (void)state;
    size_t size;
    uint64_t count;
    write_file(in_folder("a.trace"), everything, sizeof everything - 1);
    convert(in_folder("a.trace"), in_folder("b.hsb"));
    char *bytes = read_file(in_folder("b.hsb"), &size);
    for (size_t i = 0; i < size * 8; i++) {
        bytes[i / 8] = (char)(bytes[i / 8] ^ 1 << i % 8);
        write_file(in_folder("cut"), bytes, size);
        if (reads_to_the_end(in_folder("cut"), &count)) {
            fail_msg("bit %zu of byte %zu", i % 8, i / 8);
        }
        bytes[i / 8] = (char)(bytes[i / 8] ^ 1 << i % 8);
    }
    free(bytes);
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL ? -1 : 0;
}

static int remove_folder(void **state)
{
    (void)state;
    static const char *const names[] = {"a.trace",    "b.hsb",      "b.hsb.gz",  "b.trace.gz",
                                        "cut",        "c.trace",    "d.hsb.zst", "e.trace.gz",
                                        "e.hsb",      "m.trace",    "m.hsb",     "m.trace.zst",
                                        "m.trace.gz", "b.trace.zst"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        unlink(in_folder(names[i]));
    }
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_statement_survives), cmocka_unit_test(shipped_traces_survive),
        cmocka_unit_test(a_million_events),         cmocka_unit_test(skips_to_any_event),
        cmocka_unit_test(every_cut_is_noticed),     cmocka_unit_test(every_flipped_bit_is_noticed),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

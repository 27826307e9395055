/* The text form: what is read, and what each kind of bad input is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "trace.h"

static char path[] = "/tmp/hs_trace_text_XXXXXX";

static void put_file(const char *text, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

/* Reads all of `text`; the error without the file's name, or "" when there was none. */
static const char *error_of_bytes(const char *text, size_t size)
{
    static hs_error error;
    put_file(text, size);
    error.text[0] = 0;
    hs_trace *trace = hs_trace_open(path, &error);
    hs_event events[3];
    while (trace != NULL && hs_trace_read(trace, events, 3, &error) > 0) {
    }
    hs_trace_close(trace);
    assert_true(error.text[0] == 0 || strncmp(error.text, path, strlen(path)) == 0);
    return error.text[0] == 0 ? "" : error.text + strlen(path) + 1;
}

static const char *error_of(const char *text)
{
    return error_of_bytes(text, strlen(text));
}

#define HEAD "heapsim-trace 1\nowner mbedtls idf caps=internal,8bit\nowner mp gc\n"

/* Error of one event line after HEAD, which is line 4. */
static const char *error_of_line(const char *line)
{
    static char text[40000];
    snprintf(text, sizeof text, HEAD "%s\n", line);
    return error_of(text);
}

static void expect_start(const char *text, const char *start)
{
    if (strncmp(text, start, strlen(start)) != 0) {
        fail_msg("found \"%s\", expected \"%s...\"", text, start);
    }
}

static hs_event read_one(const char *line)
{
    char text[1000];
    hs_event event;
    hs_error error = {.text = ""};
    snprintf(text, sizeof text, HEAD "%s\n", line);
    put_file(text, strlen(text));
    hs_trace *trace = hs_trace_open(path, &error);
    assert_string_equal(error.text, "");
    assert_int_equal(hs_trace_read(trace, &event, 1, &error), 1);
    hs_event none;
    if (event.name == NULL) {
        assert_int_equal(hs_trace_read(trace, &none, 1, &error), 0);
        hs_trace_close(trace);
    } else { /* the name belongs to the reader */
        static char name[300];
        snprintf(name, sizeof name, "%s", event.name);
        event.name = name;
        hs_trace_close(trace);
    }
    return event;
}

static void reads_each_statement(void **state)
{
    (void)state;
    hs_event e = read_one("alloc 7 0x10 mbedtls");
    assert_int_equal(e.op, HS_OP_ALLOC);
    assert_int_equal(e.slot, 7);
    assert_int_equal(e.size, 16);
    assert_int_equal(e.owner, 0);
    assert_int_equal(e.line, 4);
    assert_int_equal(e.flags, 0);
    e = read_one("\talloc\t8 24  mp type=h finaliser caps=dma,exec @0x3ffb0540 failed # why");
    assert_int_equal(e.flags, HS_EVENT_TYPE | HS_EVENT_FINALISER | HS_EVENT_CAPS |
                                  HS_EVENT_HAS_ADDR | HS_EVENT_FAILED);
    assert_int_equal(e.type, 'h');
    assert_int_equal(e.caps, 9);
    assert_int_equal(e.addr, 0x3ffb0540);
    assert_int_equal(e.owner, 1);
    e = read_one("calloc 1 3 20 mp @NULL");
    assert_int_equal(e.count, 3);
    assert_int_equal(e.size, 20);
    assert_int_equal(e.flags, HS_EVENT_HAS_ADDR);
    assert_int_equal(e.addr, 0);
    e = read_one("aligned 1 64 20 mp");
    assert_int_equal(e.count, 64);
    e = read_one("realloc 4294967295 4294967295 nomove");
    assert_int_equal(e.slot, UINT32_MAX);
    assert_int_equal(e.size, UINT32_MAX);
    assert_int_equal(e.flags, HS_EVENT_NOMOVE);
    e = read_one("link 4 2 9#comment");
    assert_int_equal(e.slot, 4);
    assert_int_equal(e.count, 2);
    assert_int_equal(e.slot2, 9);
    e = read_one("threshold -1 capture");
    assert_int_equal(e.value, -1);
    assert_int_equal(e.flags, HS_EVENT_CAPTURE);
    e = read_one("time 99999999999");
    assert_int_equal(e.value, 99999999999);
    e = read_one("grown 0x3ffc0000 1024");
    assert_int_equal(e.addr, 0x3ffc0000);
    assert_int_equal(e.size, 1024);
    e = read_one("region 0x3ffb2730 15448 DRAM# returned");
    assert_string_equal(e.name, "DRAM");
    e = read_one("phase http1-recv");
    assert_string_equal(e.name, "http1-recv");
}

static void reads_the_header(void **state)
{
    (void)state;
    hs_error error = {.text = ""};
    const char *text = "\xef\xbb\xbf# first\r\n\r\nheapsim-trace 1 # one\r\n"
                       "title  A page, issue #5   # the title\r\norigin captured\r\n"
                       "source one\r\nsource two \r\ndevice board\r\ncomplete no\r\n"
                       "owner wifi idf caps=dma,internal\r\nowner mp gc";
    put_file(text, strlen(text));
    hs_trace *trace = hs_trace_open(path, &error);
    assert_string_equal(error.text, "");
    const hs_trace_header *header = hs_trace_get_header(trace);
    assert_string_equal(header->title, "A page, issue #5");
    assert_string_equal(header->device, "board");
    assert_int_equal(header->source_count, 2);
    assert_string_equal(header->sources[1], "two");
    assert_int_equal(header->origin, HS_ORIGIN_CAPTURED);
    assert_int_equal(header->complete, HS_COMPLETE_NO);
    assert_int_equal(header->owner_count, 2);
    assert_string_equal(header->owners[0].name, "wifi");
    assert_int_equal(header->owners[0].caps, 0x808);
    assert_int_equal(header->owners[1].heap, HS_HEAP_GC);
    assert_int_equal(header->owners[1].caps, 0x1000);
    hs_event event;
    assert_int_equal(hs_trace_read(trace, &event, 1, &error), 0);
    hs_trace_close(trace);
}

static void bad_headers_are_told(void **state)
{
    (void)state;
    expect_start(error_of(""), " found an empty file");
    expect_start(error_of("# nothing\n\n"), " found no trace");
    expect_start(error_of("alloc 1 2 x\n"), "1: found 'alloc', expected the first line");
    expect_start(error_of("\n#\nheapsim-trace 2\n"), "3: found trace form version 2, expected 1");
    expect_start(error_of("heapsim-trace x\n"), "1: found 'x', expected the version");
    expect_start(error_of("heapsim-trace 1 2\n"), "1: found '2', expected the end of the line");
    expect_start(error_of("heapsim-trace 1\ntitle a\ntitle b\n"), "3: found a second 'title'");
    expect_start(error_of("heapsim-trace 1\ntitle # a\n"), "2: found the end of the line");
    expect_start(error_of("heapsim-trace 1\ntitle a\x1b[1m\n"), "2: found a control character");
    expect_start(error_of("heapsim-trace 1\norigin dreamt\n"), "2: found 'dreamt', expected capt");
    expect_start(error_of("heapsim-trace 1\ncomplete yes\ncomplete no\n"), "3: found a second");
    expect_start(error_of("heapsim-trace 1\nowner a\n"), "2: found the end of the line, expected");
    expect_start(error_of("heapsim-trace 1\nowner a psram\n"), "2: found 'psram', expected");
    expect_start(error_of("heapsim-trace 1\nowner a idf caps=8bit,9bit\n"),
                 "2: found '9bit', expected capability");
    expect_start(error_of("heapsim-trace 1\nowner a idf caps=\n"), "2: found the end");
    expect_start(error_of("heapsim-trace 1\nowner a idf x\n"), "2: found 'x', expected caps=");
    expect_start(error_of("heapsim-trace 1\nowner a idf\nowner a gc\n"),
                 "3: found owner 'a' a second time");
    expect_start(error_of(HEAD "collect\ntitle late\n"), "5: found header 'title' after the first");
    expect_start(error_of(HEAD "heapsim-trace 1\n"), "4: found header 'heapsim-trace' after");
}

static void bad_events_are_told(void **state)
{
    (void)state;
    expect_start(error_of_line("allok 1 2 mp"), "4: found 'allok', expected a statement");
    expect_start(error_of_line("alloc"), "4: found the end of the line, expected a slot");
    expect_start(error_of_line("alloc 1"), "4: found the end of the line, expected a size");
    expect_start(error_of_line("alloc 1 2"), "4: found the end of the line, expected an owner");
    expect_start(error_of_line("alloc 1 2 nobody"), "4: found 'nobody', expected an owner");
    expect_start(error_of_line("alloc 1 2 mpx"), "4: found 'mpx', expected an owner");
    expect_start(error_of_line("alloc 1 2 m"), "4: found 'm', expected an owner");
    expect_start(error_of_line("alloc -1 2 mp"), "4: found '-1', expected a slot");
    expect_start(error_of_line("alloc 1 4294967296 mp"), "4: found '4294967296', expected a size");
    expect_start(error_of_line("alloc 1 0x100000000 mp"), "4: found '0x100000000', expected a s");
    expect_start(error_of_line("alloc 1 99999999999999999999999 mp"), "4: found '9999");
    expect_start(error_of_line("alloc 1 0x mp"), "4: found '0x', expected a size");
    expect_start(error_of_line("alloc 1 2k mp"), "4: found '2k', expected a size");
    expect_start(error_of_line("alloc 1 2 mp caps=fast"), "4: found 'fast', expected capability");
    expect_start(error_of_line("alloc 1 2 mp caps=dma,"), "4: found the end of the line, expect");
    expect_start(error_of_line("alloc 1 2 mp nomove"), "4: found 'nomove', expected caps=LIST");
    expect_start(error_of_line("alloc 1 2 mp @3x"), "4: found '@3x', expected caps=LIST, @ADDR");
    expect_start(error_of_line("alloc 1 2 mp type=ab"), "4: found 'type=ab', expected");
    expect_start(error_of_line("alloc 1 2 mp failed failed"), "4: found 'failed', expected each");
    expect_start(error_of_line("free 1 2"), "4: found '2', expected the end of the line");
    expect_start(error_of_line("free 1 @0x10"), "4: found '@0x10', expected the end");
    expect_start(error_of_line("realloc 1 2 mp"), "4: found 'mp', expected nomove, @ADDR, failed");
    expect_start(error_of_line("threshold -2"), "4: found '-2', expected a number of bytes or -1");
    expect_start(error_of_line("time -1"), "4: found '-1', expected microseconds");
    expect_start(error_of_line("time 9223372036854775808"), "4: found '9223372036854775808'");
    expect_start(error_of_line("mark"), "4: found the end of the line, expected a name");
    expect_start(error_of_line("phase a\x7f"), "4: found 'a?', expected a name");
    expect_start(error_of_line("phase a b"), "4: found 'b', expected the end of the line");
    expect_start(error_of_line("free 1\rfree 2"), "4: found a control character (0x0d)");
    expect_start(error_of_line("\001"), "4: found a control character (0x01), expected a statem");
    expect_start(error_of_line("grown 1 2 3"), "4: found '3', expected the end of the line");
    assert_string_equal(error_of_line("collect"), "");
}

static void bad_bytes_are_told(void **state)
{
    (void)state;
    char text[] = HEAD "free 1\nfree\0 2\nfree 3\n";
    expect_start(error_of_bytes(text, sizeof text - 1), "5: found a NUL byte, expected text");
    char *line = malloc(30000);
    memset(line, 'x', 30000);
    line[29999] = 0;
    expect_start(error_of_line(line), "4: found a line of more than 16384 bytes");
    memcpy(line, "free 1 #", 8);
    line[16384] = 0;
    assert_string_equal(error_of_line(line), "");
    free(line);
    hs_error error = {.text = ""};
    assert_null(hs_trace_open("/tmp", &error));
    assert_string_equal(error.text, "/tmp: found a directory, expected a file");
    error.text[0] = 0;
    assert_null(hs_trace_open("/nonexistent/x.trace", &error));
    expect_start(error.text, "/nonexistent/x.trace: cannot be opened: No such file");
}

/* What stands before the bad line is delivered first, and the failure stays. */
static void delivers_before_failing(void **state)
{
    (void)state;
    const char *text = HEAD "free 1\nfree 2\nfree x\nfree 3\n";
    hs_error error = {.text = ""};
    hs_event events[8];
    put_file(text, strlen(text));
    hs_trace *trace = hs_trace_open(path, &error);
    assert_int_equal(hs_trace_read(trace, events, 8, &error), 2);
    assert_int_equal(events[1].slot, 2);
    assert_string_equal(error.text, "");
    assert_int_equal(hs_trace_read(trace, events, 8, &error), -1);
    assert_non_null(strstr(error.text, ":6: found 'x', expected a slot"));
    assert_int_equal(hs_trace_read(trace, events, 8, &error), -1);
    hs_trace_close(trace);
}

static int make_path(void **state)
{
    (void)state;
    int file = mkstemp(path);
    return file < 0 ? -1 : close(file);
}

static int remove_path(void **state)
{
    (void)state;
    return unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_each_statement), cmocka_unit_test(reads_the_header),
        cmocka_unit_test(bad_headers_are_told), cmocka_unit_test(bad_events_are_told),
        cmocka_unit_test(bad_bytes_are_told),   cmocka_unit_test(delivers_before_failing),
    };
    return cmocka_run_group_tests(tests, make_path, remove_path);
}

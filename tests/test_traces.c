/* The traces that ship with heapsim. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "trace.h"

/* Allocation sizes of mbedTLS up to the first free, as published for MicroPython on ESP32. */
static const uint32_t published[] = {16717, 4429, 220, 128, 2240, 16,  344, 1435, 32, 32,  172,
                                     260,   4,    16,  16,  16,   16,  16,  16,   16, 344, 1306,
                                     32,    32,   32,  32,  172,  260, 4,   16,   16, 344, 1380,
                                     32,    32,   32,  172, 516,  4,   16,  4,    4,  32};
enum { PUBLISHED = sizeof published / sizeof published[0] };

static void https_starts_with_the_published_list(void **state)
{
    (void)state;
    assert_int_equal(PUBLISHED, 43);
    hs_error error = {.text = ""};
    hs_trace *trace = hs_trace_open(SOURCE_DIR "/traces/https.trace", &error);
    assert_string_equal(error.text, "");
    assert_int_equal(hs_trace_get_header(trace)->origin, HS_ORIGIN_CAPTURED);
    hs_event event;
    unsigned count = 0;
    while (hs_trace_read(trace, &event, 1, &error) == 1 && event.op != HS_OP_FREE) {
        if (event.op == HS_OP_ALLOC) {
            assert_true(count < PUBLISHED);
            assert_int_equal(event.size, published[count]);
            assert_string_equal(hs_trace_get_header(trace)->owners[event.owner].name, "mbedtls");
            count++;
        }
    }
    assert_int_equal(count, PUBLISHED);
    hs_trace_close(trace);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(https_starts_with_the_published_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The HTML page's data: what the block log knows against the heaps themselves, the bounds on size,
 * and that nothing from a trace leaves its place in the file. The page reads it in tests/browser.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "report.h"
#include "report_html_inner.h"
#include "session.h"

/* --- encodings --- */

static void test_numbers_take_seven_bits_a_byte(void **state)
{
    (void)state;
    hs_buffer buffer = {0};
    hs_buffer_number(&buffer, 0);
    hs_buffer_number(&buffer, 127);
    hs_buffer_number(&buffer, 128);
    hs_buffer_step(&buffer, 5, 5);
    hs_buffer_step(&buffer, 5, 4);
    hs_buffer_step(&buffer, 5, 6);
    hs_buffer_step(&buffer, 0xffffffff, 0);
    const uint8_t expected[] = {0, 127, 0x80, 1, 0, 1, 2, 0xfd, 0xff, 0xff, 0xff, 0x1f};
    assert_int_equal(buffer.size, sizeof expected);
    assert_memory_equal(buffer.bytes, expected, sizeof expected);
    hs_buffer_release(&buffer);
}

static void test_time_line_stays_bounded_and_keeps_extremes(void **state)
{
    (void)state;
    hs_timeline line;
    assert_int_equal(hs_timeline_start(&line), 0);
    for (uint32_t event = 0; event < 200001; event++) {
        uint32_t dip = event == 123457 ? 7 : 1000;
        hs_timeline_add(&line, event, (uint32_t[HS_PAGE_VALUES]){dip, event, 3, 4});
    }
    assert_int_equal(line.width, 4);
    assert_int_equal(line.count, 50001);
    const hs_timeline_bucket *dip = &line.buckets[123457 / 4];
    assert_int_equal(dip->low[HS_PAGE_FREE], 7);
    assert_int_equal(dip->high[HS_PAGE_FREE], 1000);
    assert_int_equal(dip->low[HS_PAGE_LARGEST], 123456);
    assert_int_equal(dip->high[HS_PAGE_LARGEST], 123459);
    assert_int_equal(dip[1].low[HS_PAGE_FREE], 1000);
    hs_timeline_release(&line);
}

/* --- the log against the heaps --- */

typedef struct watched {
    hs_block_log log;
    uint64_t compared;
    size_t expected; /* entries met by a walk */
} watched;

static void ignore_born(void *context, const hs_block_entry *entry)
{
    (void)context;
    assert_true(entry->size > 0);
}
static void ignore_died(void *context, const hs_block_entry *entry, enum hs_block_end end)
{
    (void)context, (void)entry, (void)end;
}
static void ignore_dropped(void *context, const hs_block_entry *entry)
{
    (void)context;
    assert_int_equal(entry->kind, HS_BLOCK_GC);
}

static const hs_block_entry *find_sorted(const hs_block_entry *sorted, size_t count,
                                         hs_addr address)
{
    size_t low = 0;
    for (size_t high = count; low < high;) {
        size_t middle = (low + high) / 2;
        if (sorted[middle].address < address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < count && sorted[low].address == address ? &sorted[low] : NULL;
}

typedef struct walk {
    const hs_block_entry *sorted;
    size_t count, met;
} walk;

static bool compare_block(void *context, hs_addr address, uint32_t size, bool used)
{
    walk *w = context;
    const hs_block_entry *entry = find_sorted(w->sorted, w->count, address);
    if (used) {
        assert_non_null(entry);
        assert_int_equal(entry->size, size);
        w->met++;
    } else {
        assert_null(entry);
    }
    return true;
}

static void compare_all(watched *w, const hs_run *run)
{
    hs_block_entry *sorted = hs_block_log_sorted(&w->log);
    walk walked = {.sorted = sorted, .count = w->log.count};
    hs_caps *caps = &run->board->caps;
    for (size_t i = 0; i < caps->count; i++) {
        if (caps->heaps[i].heap.base != 0) {
            assert_true(hs_heap_walk(&caps->device, &caps->heaps[i].heap, compare_block, &walked));
        }
    }
    hs_gc_object object = {0};
    while (run->board->has_gc && hs_gc_next_object(&run->board->gc, &object)) {
        const hs_block_entry *entry = find_sorted(sorted, walked.count, object.address);
        assert_non_null(entry);
        assert_int_equal(entry->kind, HS_BLOCK_GC);
        assert_int_equal(entry->size, object.blocks * HS_GC_BLOCK);
        walked.met++;
    }
    for (size_t i = 0; i < walked.count; i++) { /* fixed areas lie outside of all heaps */
        walked.met +=
            sorted[i].kind == HS_BLOCK_AREA && hs_caps_find(caps, sorted[i].address) == NULL;
    }
    assert_int_equal(walked.met, w->log.count);
    free(sorted);
    w->compared++;
}

static void on_event(void *context, const hs_run *run, const hs_event *event,
                     const hs_outcome *outcome)
{
    watched *w = context;
    bool collected = w->log.collected;
    hs_block_log_event(&w->log, run, event, outcome);
    assert_false(w->log.failed);
    if (outcome->event % 61 == 0 || collected || event->op == HS_OP_PHASE) {
        compare_all(w, run);
    }
}

static void on_gc(void *context, const hs_run *run, enum hs_gc_notice notice, hs_addr address,
                  uint64_t value)
{
    (void)run, (void)address, (void)value;
    hs_block_log_notice(&((watched *)context)->log, notice);
}

static void follow(const char *layout, const char *policy, const char *trace)
{
    hs_error error = {{0}};
    hs_session *session = hs_session_open(layout, policy, &error);
    if (session == NULL) {
        fail_msg("%s", error.text);
        return;
    }
    watched w = {0};
    const hs_block_hooks hooks = {&w, ignore_born, ignore_died, ignore_dropped};
    assert_int_equal(hs_block_log_start(&w.log, session->run, &hooks), 0);
    compare_all(&w, session->run);
    hs_run_observe(session->run, (hs_observer){.context = &w, .event = on_event, .gc = on_gc});
    if (hs_session_replay(session, trace, &error) != 0) {
        fail_msg("%s", error.text);
    }
    assert_true(w.compared > 20);
    hs_block_log_release(&w.log);
    hs_session_close(session);
}

static void test_log_follows_tlsf(void **state)
{
    (void)state;
    follow("pico-d4", NULL, "https");
}
static void test_log_follows_the_list_heap_through_a_failure(void **state)
{
    (void)state;
    follow("esp32-idf3", NULL, "https");
}
static void test_log_follows_collections_and_growth(void **state)
{
    (void)state;
    follow("pico-d4", "micropython-v1.22", "graph");
}
static void test_log_follows_tracked_allocations(void **state)
{
    (void)state;
    follow("pico-d4", "tracked-tls", "https");
}
static void test_log_follows_psram(void **state)
{
    (void)state;
    follow("esp32-spiram", NULL, "sensor_day");
}

/* Light poisoning, v5.0 on: canaries lie in front of and behind the data, and count as the block's.
 */
static void test_log_follows_poisoned_blocks(void **state)
{
    (void)state;
    char path[] = "/tmp/heapsim-poisoned-XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    dprintf(file, "name: poisoned\ntitle: t\nchip: esp32\nidf: v5.2\npolicy: micropython-v1.22\n"
                  "source: [made up]\npoisoning: light\nregions:\n"
                  "  - {start: 0x3ffb0000, size: 90000, type: DRAM}\n"
                  "  - {start: 0x3ffe4350, size: 113840, type: DIRAM}\nboot: {fresh: true}\n");
    close(file);
    follow(path, NULL, "https");
    follow(path, "tracked-tls", "https");
    unlink(path);
}

/* --- whole pages --- */

static hs_html *record(const char *policy, const char *trace, size_t budget)
{
    hs_error error = {{0}};
    hs_session *session = hs_session_open("pico-d4", policy, &error);
    if (session == NULL) {
        fail_msg("%s", error.text);
        return NULL;
    }
    hs_html *html = hs_html_create(session->run, NULL, true, &error);
    assert_non_null(html);
    html->stream.budget = budget;
    if (hs_session_replay(session, trace, &error) != 0 ||
        hs_run_finish(session->run, &error) != 0) {
        fail_msg("%s", error.text);
    }
    json_t *result = hs_result_json(session);
    assert_int_equal(hs_html_finish(html, result, &error), 0);
    json_decref(result);
    hs_session_close(session);
    return html;
}

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    assert_true(size > 0);
    rewind(file);
    char *text = malloc((size_t)size + 1);
    assert_int_equal(fread(text, 1, (size_t)size, file), size);
    text[size] = 0;
    fclose(file);
    return text;
}

static void test_budget_bounds_the_page(void **state)
{
    (void)state;
    const size_t budget = 60000;
    hs_html *html = record("micropython-v1.22", "web_json", budget);
    const hs_page_stream *stream = &html->stream;
    assert_true(stream->count > 2);
    assert_true(stream->chunks[stream->count - 1].complete);
    size_t packed = 0;
    size_t left_out = 0;
    for (size_t i = 0; i < stream->count; i++) {
        const hs_page_chunk *chunk = &stream->chunks[i];
        packed += chunk->state.size + chunk->changes.size;
        left_out += !chunk->complete;
        assert_true(chunk->complete || chunk->changes.size == 0);
        assert_true(i == 0 || chunk->event > chunk[-1].event);
    }
    assert_int_equal(stream->chunks[0].event, 0);
    assert_int_equal(packed, stream->packed);
    /* The last chunk stays whole, whatever it takes. */
    assert_true(packed <= budget + stream->chunks[stream->count - 1].changes.size);
    assert_true(left_out > 0);
    hs_error error = {{0}};
    assert_int_equal(hs_html_write("test_report_html_budget.html", &html, 1, &error), 0);
    hs_html_destroy(html);
}

static void test_two_runs_part(void **state)
{
    (void)state;
    hs_html *runs[] = {record("micropython-v1.18", "https", HS_PAGE_BUDGET),
                       record("micropython-v1.22", "https", HS_PAGE_BUDGET)};
    hs_error error = {{0}};
    assert_int_equal(hs_html_write("test_report_html_pair.html", runs, 2, &error), 0);
    char *text = read_file("test_report_html_pair.html");
    assert_non_null(strstr(text, "\"parted\":{\"address\":"));
    assert_non_null(strstr(text, "\"outcome\":null,\"compared\":9494}"));
    free(text);
    hs_html *same[] = {runs[0], runs[0]};
    assert_int_equal(hs_html_write("test_report_html_same.html", same, 2, &error), 0);
    text = read_file("test_report_html_same.html");
    assert_non_null(strstr(text, "\"parted\":{\"address\":null,\"outcome\":null"));
    free(text);
    unlink("test_report_html_same.html");
    hs_html_destroy(runs[0]);
    hs_html_destroy(runs[1]);
}

static void test_same_run_gives_same_bytes(void **state)
{
    (void)state;
    char *texts[2];
    for (size_t i = 0; i < 2; i++) {
        hs_error error = {{0}};
        hs_html *html = record(NULL, "lwip-http3", HS_PAGE_BUDGET);
        assert_int_equal(hs_html_write("test_report_html_bytes.html", &html, 1, &error), 0);
        hs_html_destroy(html);
        texts[i] = read_file("test_report_html_bytes.html");
    }
    assert_string_equal(texts[0], texts[1]);
    free(texts[0]);
    free(texts[1]);
    unlink("test_report_html_bytes.html");
}

#define HOSTILE "</script><img/src=x/onerror=alert(1)>\xe2\x80\xa8&\xff"

static void test_names_cannot_leave_their_place(void **state)
{
    (void)state;
    FILE *file = fopen("test_report_html_hostile.trace", "wb");
    assert_non_null(file);
    fputs("heapsim-trace 1\nowner " HOSTILE " idf\nphase " HOSTILE "\nalloc 1 100 " HOSTILE
          "\nmark " HOSTILE "\nfree 1\n",
          file);
    fclose(file);
    hs_html *html = record(NULL, "test_report_html_hostile.trace", HS_PAGE_BUDGET);
    hs_error error = {{0}};
    assert_int_equal(hs_html_write("test_report_html_hostile.html", &html, 1, &error), 0);
    hs_html_destroy(html);
    char *text = read_file("test_report_html_hostile.html");
    assert_null(strstr(text, "<img"));
    assert_null(strstr(text, "\xe2\x80\xa8"));
    assert_null(strstr(text, "\xff"));
    assert_non_null(strstr(text, "\\u003c/script\\u003e\\u003cimg"));
    assert_non_null(strstr(text, "\\u2028\\u0026\\uFFFD"));
    free(text);
    unlink("test_report_html_hostile.trace");
}

static void test_no_file_when_it_cannot_be_whole(void **state)
{
    (void)state;
    hs_html *html = record(NULL, "lwip-http3", HS_PAGE_BUDGET);
    hs_error error = {{0}};
    assert_int_equal(hs_html_write("no/such/folder/page.html", &html, 1, &error), -1);
    assert_non_null(strstr(error.text, "no/such/folder/page.html"));
    hs_html_destroy(html);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_take_seven_bits_a_byte),
        cmocka_unit_test(test_time_line_stays_bounded_and_keeps_extremes),
        cmocka_unit_test(test_log_follows_tlsf),
        cmocka_unit_test(test_log_follows_the_list_heap_through_a_failure),
        cmocka_unit_test(test_log_follows_collections_and_growth),
        cmocka_unit_test(test_log_follows_tracked_allocations),
        cmocka_unit_test(test_log_follows_poisoned_blocks),
        cmocka_unit_test(test_log_follows_psram),
    };
    const struct CMUnitTest page_tests[] = {
        cmocka_unit_test(test_budget_bounds_the_page),
        cmocka_unit_test(test_two_runs_part),
        cmocka_unit_test(test_same_run_gives_same_bytes),
        cmocka_unit_test(test_names_cannot_leave_their_place),
        cmocka_unit_test(test_no_file_when_it_cannot_be_whole),
    };
    setenv("HEAPSIM_PATH", SOURCE_DIR, 1);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return hs_page_template_size > 0 ? failed + cmocka_run_group_tests(page_tests, NULL, NULL)
                                     : failed;
}

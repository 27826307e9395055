#include "report_html.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"
#include "report_html_inner.h"

/* --- following the run --- */

static void on_born(void *context, const hs_block_entry *entry)
{
    hs_page_stream_born(&((hs_html *)context)->stream, entry);
}

static void on_died(void *context, const hs_block_entry *entry, enum hs_block_end end)
{
    hs_page_stream_died(&((hs_html *)context)->stream, entry->address, end);
}

static void on_dropped(void *context, const hs_block_entry *entry)
{
    hs_page_stream_dropped(&((hs_html *)context)->stream, entry->address);
}

static void list(json_t *array, uint64_t event, json_t *first, json_t *second)
{
    if (json_array_size(array) < HS_PAGE_LISTED) {
        json_t *row = json_array();
        json_array_append_new(row, json_integer((json_int_t)event));
        json_array_append(row, first);
        if (second != NULL) {
            json_array_append(row, second);
        }
        json_array_append_new(array, row);
    }
    json_decref(first);
    json_decref(second);
}

static json_t *number(uint64_t value)
{
    return json_integer((json_int_t)value);
}

static void on_gc(void *context, const hs_run *run, enum hs_gc_notice notice, hs_addr address,
                  uint64_t value)
{
    hs_html *html = context;
    hs_block_log_notice(&html->log, notice);
    switch (notice) {
    case HS_GC_COLLECTED:
        html->collection_count++;
        list(html->collections, run->event, number(value), NULL);
        break;
    case HS_GC_GREW:
        list(html->growths, run->event, number(address), number(value));
        break;
    case HS_GC_GROW_REFUSED:
        list(html->refusals, run->event, number(value), NULL);
        break;
    case HS_GC_RELEASED:
        list(html->releases, run->event, number(address), NULL);
        break;
    default:
        break;
    }
}

static void on_failure(void *context, const hs_run *run, const hs_failure *failure)
{
    (void)run;
    hs_html *html = context;
    html->failure_count++;
    html->stream.keep = true;
    hs_page_stream_failed(&html->stream, failure->owner, failure->size);
    list(html->failures, failure->event, number(failure->owner), number(failure->size));
}

/* Keeps the HS_PAGE_DROPS deepest falls. */
static void note_drop(hs_html *html, uint64_t event, uint32_t from, uint32_t to)
{
    hs_page_drop *place = &html->drops[html->drop_count];
    if (html->drop_count == HS_PAGE_DROPS) {
        place = html->drops;
        for (size_t i = 1; i < HS_PAGE_DROPS; i++) {
            const hs_page_drop *drop = &html->drops[i];
            place = drop->from - drop->to < place->from - place->to ? &html->drops[i] : place;
        }
        if (from - to <= place->from - place->to) {
            return;
        }
    } else {
        html->drop_count++;
    }
    *place = (hs_page_drop){event, from, to};
}

static void get_values(const hs_run *run, uint32_t values[HS_PAGE_VALUES])
{
    const hs_live_metrics live = hs_run_live(run);
    values[HS_PAGE_FREE] = live.idf_free;
    values[HS_PAGE_LARGEST] = live.idf_largest;
    values[HS_PAGE_GC_USED] = live.gc_used;
    values[HS_PAGE_GC_TOTAL] = run->board->has_gc ? run->board->gc.total * HS_GC_BLOCK : 0;
}

static void keep_result(hs_html *html, const hs_outcome *outcome)
{
    if (!html->compared || html->result_count >= HS_PAGE_RESULTS) {
        return;
    }
    if (html->result_count == html->result_capacity) {
        size_t capacity = html->result_capacity == 0 ? 4096 : 2 * html->result_capacity;
        uint32_t *results = realloc(html->results, capacity * sizeof *results);
        if (results == NULL) {
            html->failed = true;
            return;
        }
        html->results = results;
        html->result_capacity = capacity;
    }
    html->results[html->result_count++] = outcome->failed ? 1 : outcome->address;
}

static void on_event(void *context, const hs_run *run, const hs_event *event,
                     const hs_outcome *outcome)
{
    hs_html *html = context;
    html->events = outcome->event;
    uint32_t largest = html->stream.values[HS_PAGE_LARGEST];
    hs_block_log_event(&html->log, run, event, outcome);
    uint32_t values[HS_PAGE_VALUES];
    get_values(run, values);
    if (values[HS_PAGE_LARGEST] < largest) {
        note_drop(html, outcome->event, largest, values[HS_PAGE_LARGEST]);
    }
    if (event->op == HS_OP_PHASE) {
        html->stream.keep = true;
        list(html->phases, outcome->event, hs_json_text(event->name), NULL);
    } else if (event->op == HS_OP_REGION) {
        hs_page_note_regions(html, run, outcome->event);
    }
    hs_page_stream_event(&html->stream, outcome->event, (enum hs_op)event->op, values);
    hs_timeline_add(&html->timeline, outcome->event, values);
    keep_result(html, outcome);
    hs_page_stream_cut(&html->stream, &html->log, outcome->event);
}

/* --- start and end --- */

static int out_of_memory(hs_error *error)
{
    hs_error_set(error, NULL, 0, "the host is out of memory for the HTML page");
    return -1;
}

static char *default_label(const hs_run *run)
{
    const hs_board *board = run->board;
    char label[256];
    snprintf(label, sizeof label, "%s \xc2\xb7 %s",
             board->layout != NULL ? board->layout->name : "bare collector",
             board->policy != NULL ? board->policy->name : "no policy");
    return strdup(label);
}

static bool make_lists(hs_html *html)
{
    json_t **lists[] = {&html->phases,   &html->failures, &html->collections, &html->growths,
                        &html->refusals, &html->releases, &html->regions};
    bool made = true;
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        *lists[i] = json_array();
        made = made && *lists[i] != NULL;
    }
    return made;
}

static bool begin(hs_html *html, const hs_run *run)
{
    const hs_block_hooks hooks = {html, on_born, on_died, on_dropped};
    html->stream.budget = HS_PAGE_BUDGET;
    if (html->label == NULL || !make_lists(html) || hs_timeline_start(&html->timeline) != 0 ||
        hs_block_log_start(&html->log, run, &hooks) != 0) {
        return false;
    }
    /* What the log found at the start is the first state, not a change. */
    html->stream.event.size = 0;
    html->stream.event_count = 0;
    get_values(run, html->stream.values);
    hs_timeline_add(&html->timeline, run->event, html->stream.values);
    hs_page_note_regions(html, run, run->event);
    if (run->failed) { /* the policy could not be started */
        on_failure(html, run, &run->failure);
        html->stream.event.size = 0;
        html->stream.event_count = 0;
    }
    hs_page_stream_cut(&html->stream, &html->log, run->event);
    return !html->stream.failed;
}

hs_html *hs_html_create(hs_run *run, const char *label, bool compared, hs_error *error)
{
    if (hs_page_template_size == 0) {
        hs_error_set(error, NULL, 0,
                     "this heapsim was built without its HTML page; expected one built with npm");
        return NULL;
    }
    hs_html *html = calloc(1, sizeof *html);
    if (html == NULL) {
        out_of_memory(error);
        return NULL;
    }
    html->run = run;
    html->compared = compared;
    html->label = label != NULL ? strdup(label) : default_label(run);
    if (!begin(html, run)) {
        hs_html_destroy(html);
        out_of_memory(error);
        return NULL;
    }
    hs_run_observe(
        run, (hs_observer){.context = html, .event = on_event, .gc = on_gc, .failure = on_failure});
    return html;
}

int hs_html_finish(hs_html *html, json_t *result, hs_error *error)
{
    hs_page_stream_finish(&html->stream);
    hs_timeline_pack(&html->timeline, &html->levels);
    html->result = json_incref(result);
    html->meta = hs_page_meta(html, html->run);
    html->run = NULL;
    if (html->failed || html->meta == NULL || html->log.failed || html->stream.failed ||
        html->levels.failed) {
        return out_of_memory(error);
    }
    return 0;
}

void hs_html_destroy(hs_html *html)
{
    if (html == NULL) {
        return;
    }
    hs_block_log_release(&html->log);
    hs_page_stream_release(&html->stream);
    hs_timeline_release(&html->timeline);
    hs_buffer_release(&html->levels);
    json_t *values[] = {html->phases,  html->failures, html->collections,
                        html->growths, html->refusals, html->releases,
                        html->regions, html->result,   html->meta};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        json_decref(values[i]);
    }
    free(html->results);
    free(html->label);
    free(html);
}

/* --- the file --- */

static int put(hs_output *output, const char *text, hs_error *error)
{
    return hs_output_write(output, text, strlen(text), error);
}

/* A script element cannot be ended from inside when no `<` is in it; the dump is ASCII. */
static int put_json(hs_output *output, const json_t *value, hs_error *error)
{
    char *text = hs_json_dump(value, JSON_COMPACT | JSON_ENSURE_ASCII, error);
    if (text == NULL) {
        return -1;
    }
    int result = 0;
    const char *from = text;
    for (const char *c = text; *c != 0 && result == 0; c++) {
        if (*c == '<' || *c == '>' || *c == '&') {
            char escape[8];
            snprintf(escape, sizeof escape, "\\u%04x", (unsigned)*c);
            result = hs_output_write(output, from, (size_t)(c - from), error) != 0
                         ? -1
                         : put(output, escape, error);
            from = c + 1;
        }
    }
    result = result == 0 ? put(output, from, error) : result;
    free(text);
    return result;
}

static int put_chunk(hs_output *output, size_t run, size_t index, const hs_page_chunk *chunk,
                     hs_error *error)
{
    char head[96];
    snprintf(head, sizeof head, "<script type=\"text/plain\" id=\"r%zuc%zu\">", run, index);
    return put(output, head, error) != 0 ||
                   hs_output_write(output, chunk->state.bytes, chunk->state.size, error) != 0 ||
                   put(output, ".", error) != 0 ||
                   hs_output_write(output, chunk->changes.bytes, chunk->changes.size, error) != 0 ||
                   put(output, "</script>\n", error) != 0
               ? -1
               : 0;
}

static int put_run(hs_output *output, size_t run, const hs_html *html, hs_error *error)
{
    char head[96];
    snprintf(head, sizeof head, "<script type=\"text/plain\" id=\"r%zut\">", run);
    if (put(output, head, error) != 0 ||
        hs_output_write(output, html->levels.bytes, html->levels.size, error) != 0 ||
        put(output, "</script>\n", error) != 0) {
        return -1;
    }
    for (size_t i = 0; i < html->stream.count; i++) {
        if (put_chunk(output, run, i, &html->stream.chunks[i], error) != 0) {
            return -1;
        }
    }
    return 0;
}

/* The first event that gave another address, and the first that failed in one run alone; null when
 * there is none among the events whose results were kept. */
static json_t *compare(hs_html *const runs[])
{
    const hs_html *a = runs[0];
    const hs_html *b = runs[1];
    json_t *address = json_null();
    json_t *outcome = json_null();
    size_t common = a->result_count < b->result_count ? a->result_count : b->result_count;
    for (size_t i = 0; i < common && json_is_null(outcome); i++) {
        if (a->results[i] != b->results[i] && json_is_null(address)) {
            address = number(i + 1);
        }
        if ((a->results[i] == 1) != (b->results[i] == 1)) {
            outcome = number(i + 1);
        }
    }
    return json_pack("{s:o, s:o, s:I}", "address", address, "outcome", outcome, "compared",
                     (json_int_t)common);
}

static json_t *page_meta(hs_html *const runs[], size_t count)
{
    json_t *list_of_runs = json_array();
    for (size_t i = 0; i < count; i++) {
        json_array_append(list_of_runs, runs[i]->meta);
    }
    json_t *parted = count == 2 ? compare(runs) : json_null();
    json_t *ops = json_array();
    for (int op = 0; op < HS_OP_COUNT; op++) {
        json_array_append_new(ops, json_string(hs_op_name((enum hs_op)op)));
    }
    return json_pack("{s:i, s:o, s:o, s:o}", "page", 1, "ops", ops, "runs", list_of_runs, "parted",
                     parted);
}

static int put_page(hs_output *output, hs_html *const runs[], size_t count, hs_error *error)
{
    static const char place[] = "<!--heapsim-data-->";
    const unsigned char *data = hs_page_template;
    const unsigned char *cut = memmem(data, hs_page_template_size, place, sizeof place - 1);
    size_t head = (size_t)(cut - data);
    json_t *meta = page_meta(runs, count);
    int result = meta == NULL ? out_of_memory(error) : 0;
    if (result == 0) {
        result =
            hs_output_write(output, data, head, error) != 0 ||
                    put(output, "<script type=\"application/json\" id=\"meta\">", error) != 0 ||
                    put_json(output, meta, error) != 0 || put(output, "</script>\n", error) != 0
                ? -1
                : 0;
    }
    for (size_t i = 0; i < count && result == 0; i++) {
        result = put_run(output, i, runs[i], error);
    }
    json_decref(meta);
    head += sizeof place - 1;
    return result == 0 ? hs_output_write(output, data + head, hs_page_template_size - head, error)
                       : -1;
}

int hs_html_write(const char *path, hs_html *const runs[], size_t count, hs_error *error)
{
    hs_output *output = hs_output_open(path, error);
    if (output == NULL) {
        return -1;
    }
    if (put_page(output, runs, count, error) != 0) {
        hs_output_abandon(output);
        return -1;
    }
    return hs_output_close(output, error);
}

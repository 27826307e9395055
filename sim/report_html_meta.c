/* What the page knows of a run besides its events. */
#include <stdlib.h>
#include <string.h>

#include "report_html_inner.h"

/* --- regions --- */

typedef struct extent {
    hs_addr first, end; /* data of the first block, end of the last one's */
    uint32_t header;    /* bytes between blocks */
    bool any;
} extent;

static bool measure(void *context, hs_addr address, uint32_t size, bool used)
{
    (void)used;
    extent *e = context;
    if (!e->any) {
        e->first = address;
    } else if (e->header == 0 || address - e->end < e->header) {
        e->header = address - e->end;
    }
    e->any = true;
    e->end = address + size;
    return true;
}

static bool is_listed(const json_t *regions, hs_addr start)
{
    for (size_t i = 0; i < json_array_size(regions); i++) {
        if (json_integer_value(json_object_get(json_array_get(regions, i), "start")) ==
            (json_int_t)start) {
            return true;
        }
    }
    return false;
}

void hs_page_note_regions(hs_html *html, const hs_run *run, uint64_t event)
{
    hs_caps *caps = &run->board->caps;
    for (size_t k = 0; k < caps->count && !run->board->bare; k++) {
        const hs_caps_heap *heap = &caps->heaps[caps->order[k]];
        if (is_listed(html->regions, heap->start)) {
            continue;
        }
        extent e = {0};
        if (heap->heap.base != 0) {
            hs_heap_walk(&caps->device, &heap->heap, measure, &e);
        }
        if (e.header != 0 && (html->header == 0 || e.header < html->header)) {
            html->header = e.header;
        }
        const char *type = hs_region_type_name((enum hs_region_type)heap->type);
        json_array_append_new(
            html->regions,
            json_pack("{s:I, s:I, s:o, s:I, s:I, s:b, s:I}", "start", (json_int_t)heap->start,
                      "size", (json_int_t)(heap->end - heap->start), "type",
                      hs_json_text(type != NULL ? type : "DMA reserve"), "first",
                      (json_int_t)e.first, "end", (json_int_t)e.end, "counted",
                      (heap->all & HS_CAP_8BIT) != 0, "since", (json_int_t)event));
    }
}

/* --- owners --- */

static json_t *owner_row(const hs_html *html, const hs_run *run, uint16_t owner)
{
    json_t *row = json_pack("{s:i, s:o}", "id", (int)owner, "name",
                            hs_json_text(hs_block_log_owner_name(&html->log, run, owner)));
    if (row != NULL && owner < run->owner_count) {
        const hs_run_owner *o = &run->owners[owner];
        json_t *more = json_pack(
            "{s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:I}", "heap",
            o->heap == HS_HEAP_GC ? "gc" : "idf", "tracked", o->tracked, "live_bytes",
            (json_int_t)o->live_bytes, "live_blocks", (json_int_t)o->live_blocks, "peak_bytes",
            (json_int_t)o->peak_bytes, "total_bytes", (json_int_t)o->total_bytes, "allocations",
            (json_int_t)o->allocations, "failures", (json_int_t)o->failures);
        json_object_update_new(row, more);
    }
    return row;
}

static json_t *owners(const hs_html *html, const hs_run *run)
{
    json_t *rows = json_array();
    for (unsigned i = HS_BLOCK_OWNER_BOOT; i <= HS_BLOCK_OWNER_FIRMWARE; i++) {
        json_array_append_new(rows, owner_row(html, run, (uint16_t)i));
    }
    for (size_t i = 0; i < html->log.boot_name_count; i++) {
        json_array_append_new(rows, owner_row(html, run, (uint16_t)(HS_BLOCK_OWNER_NAMED + i)));
    }
    for (size_t i = 0; i < run->owner_count; i++) {
        json_array_append_new(rows, owner_row(html, run, (uint16_t)i));
    }
    return rows;
}

/* --- the rest --- */

static int by_event(const void *a, const void *b)
{
    const hs_page_drop *x = a;
    const hs_page_drop *y = b;
    return x->event < y->event ? -1 : x->event > y->event;
}

static json_t *drops(const hs_html *html)
{
    hs_page_drop sorted[HS_PAGE_DROPS];
    memcpy(sorted, html->drops, html->drop_count * sizeof *sorted);
    qsort(sorted, html->drop_count, sizeof *sorted, by_event);
    json_t *rows = json_array();
    for (size_t i = 0; i < html->drop_count; i++) {
        json_array_append_new(rows,
                              json_pack("[I, I, I]", (json_int_t)sorted[i].event,
                                        (json_int_t)sorted[i].from, (json_int_t)sorted[i].to));
    }
    return rows;
}

static json_t *chunks(const hs_html *html)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < html->stream.count; i++) {
        const hs_page_chunk *chunk = &html->stream.chunks[i];
        json_array_append_new(rows,
                              json_pack("[I, i]", (json_int_t)chunk->event, (int)chunk->complete));
    }
    return rows;
}

json_t *hs_page_meta(const hs_html *html, const hs_run *run)
{
    json_t *marks = json_array();
    for (size_t i = 0; i < run->mark_count; i++) {
        json_array_append_new(marks, json_pack("[I, o]", (json_int_t)run->marks[i].event,
                                               hs_json_text(run->marks[i].name)));
    }
    json_t *meta = json_pack(
        "{s:o, s:I, s:o, s:o, s:o, s:o, s:{s:I, s:I}, s:I, s:I, s:I}", "label",
        hs_json_text(html->label), "events", (json_int_t)html->events, "owners", owners(html, run),
        "drops", drops(html), "chunks", chunks(html), "marks", marks, "timeline", "width",
        (json_int_t)html->timeline.width, "count", (json_int_t)html->timeline.count,
        "failure_count", (json_int_t)html->failure_count, "collection_count",
        (json_int_t)html->collection_count, "minimum_largest_event",
        (json_int_t)run->extreme.minimum_largest_event);
    if (meta == NULL) {
        return NULL;
    }
    json_object_set_new(meta, "header", json_integer(html->header != 0 ? html->header : 4));
    json_object_set(meta, "result", html->result);
    json_object_set(meta, "regions", html->regions);
    json_object_set(meta, "phases", html->phases);
    json_object_set(meta, "failures", html->failures);
    json_object_set(meta, "collections", html->collections);
    json_object_set(meta, "growths", html->growths);
    json_object_set(meta, "refusals", html->refusals);
    json_object_set(meta, "releases", html->releases);
    return meta;
}

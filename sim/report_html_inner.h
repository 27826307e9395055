/* Inside of report_html*.c: what is kept of one run. */
#ifndef HS_REPORT_HTML_INNER_H
#define HS_REPORT_HTML_INNER_H

#include "json.h"
#include "report_html.h"
#include "report_html_stream.h"
#include "report_html_timeline.h"

#define HS_PAGE_LISTED  20000                /* of each kind of incident; all are counted */
#define HS_PAGE_DROPS   256                  /* the largest falls of the largest free block */
#define HS_PAGE_RESULTS ((uint64_t)16 << 20) /* events whose result is kept for a comparison */

typedef struct hs_page_drop {
    uint64_t event;
    uint32_t from, to;
} hs_page_drop;

struct hs_html {
    hs_run *run; /* NULL once finished */
    char *label;
    hs_block_log log;
    hs_page_stream stream;
    hs_timeline timeline;
    json_t *result;
    json_t *meta;     /* made by hs_html_finish() */
    hs_buffer levels; /* packed time line */
    uint64_t events;
    hs_page_drop drops[HS_PAGE_DROPS];
    size_t drop_count;
    /* Arrays of arrays, first the event. */
    json_t *phases, *failures, *collections, *growths, *refusals, *releases, *regions;
    uint64_t failure_count, collection_count;
    uint32_t header; /* bytes between two blocks; 0: no two met yet */
    bool compared;
    uint32_t *results; /* what events gave: an address, 1 for a failure, 0 for nothing */
    size_t result_count, result_capacity;
    bool failed;
};

/* Regions that the list does not have yet are added to it, as of `event`. */
void hs_page_note_regions(hs_html *html, const hs_run *run, uint64_t event);
/* Everything of a finished run but chunks and time line. */
json_t *hs_page_meta(const hs_html *html, const hs_run *run);

/* The page, as CMake made it of sim/page; size 0 when it was left out. */
extern const unsigned char hs_page_template[];
extern const size_t hs_page_template_size;

#endif

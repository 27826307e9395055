/* The running figures of a run at a resolution that stays bounded: lowest and highest value of each
 * for 1, 2, 4, ... events, whatever fits HS_TIMELINE_BUCKETS.
 */
#ifndef HS_REPORT_HTML_TIMELINE_H
#define HS_REPORT_HTML_TIMELINE_H

#include "report_html_stream.h"

#define HS_TIMELINE_BUCKETS 65536u

typedef struct hs_timeline_bucket {
    uint32_t low[HS_PAGE_VALUES];
    uint32_t high[HS_PAGE_VALUES];
} hs_timeline_bucket;

typedef struct hs_timeline {
    hs_timeline_bucket *buckets; /* bucket i: values after the events i*width .. i*width+width-1 */
    size_t count;
    uint64_t width; /* events of a bucket; a power of two */
} hs_timeline;

/* 0, or -1 when the host is out of memory. */
int hs_timeline_start(hs_timeline *timeline);
void hs_timeline_release(hs_timeline *timeline);
/* Values after `event`, which is 0 first and then each event once. O(1) amortised. */
void hs_timeline_add(hs_timeline *timeline, uint64_t event, const uint32_t values[HS_PAGE_VALUES]);
/* Appends the packed buckets: for each value all lows, as steps, then all highs less lows. */
void hs_timeline_pack(const hs_timeline *timeline, hs_buffer *out);

#endif

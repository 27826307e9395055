#include "report_html_timeline.h"

#include <stdlib.h>

int hs_timeline_start(hs_timeline *timeline)
{
    *timeline = (hs_timeline){.width = 1};
    timeline->buckets = malloc(HS_TIMELINE_BUCKETS * sizeof *timeline->buckets);
    return timeline->buckets != NULL ? 0 : -1;
}

void hs_timeline_release(hs_timeline *timeline)
{
    free(timeline->buckets);
    *timeline = (hs_timeline){0};
}

static void widen(hs_timeline_bucket *bucket, const uint32_t low[HS_PAGE_VALUES],
                  const uint32_t high[HS_PAGE_VALUES])
{
    for (size_t v = 0; v < HS_PAGE_VALUES; v++) {
        bucket->low[v] = low[v] < bucket->low[v] ? low[v] : bucket->low[v];
        bucket->high[v] = high[v] > bucket->high[v] ? high[v] : bucket->high[v];
    }
}

static void halve(hs_timeline *timeline)
{
    hs_timeline_bucket *b = timeline->buckets;
    for (size_t i = 0; i < timeline->count; i += 2) {
        b[i / 2] = b[i];
        if (i + 1 < timeline->count) {
            widen(&b[i / 2], b[i + 1].low, b[i + 1].high);
        }
    }
    timeline->count = (timeline->count + 1) / 2;
    timeline->width *= 2;
}

void hs_timeline_add(hs_timeline *timeline, uint64_t event, const uint32_t values[HS_PAGE_VALUES])
{
    if (event / timeline->width >= HS_TIMELINE_BUCKETS) {
        halve(timeline);
    }
    if (event / timeline->width < timeline->count) {
        widen(&timeline->buckets[timeline->count - 1], values, values);
        return;
    }
    hs_timeline_bucket *bucket = &timeline->buckets[timeline->count++];
    for (size_t v = 0; v < HS_PAGE_VALUES; v++) {
        bucket->low[v] = bucket->high[v] = values[v];
    }
}

void hs_timeline_pack(const hs_timeline *timeline, hs_buffer *out)
{
    hs_buffer plain = {0};
    for (size_t v = 0; v < HS_PAGE_VALUES; v++) {
        uint32_t last = 0;
        for (size_t i = 0; i < timeline->count; i++) {
            hs_buffer_step(&plain, last, timeline->buckets[i].low[v]);
            last = timeline->buckets[i].low[v];
        }
        for (size_t i = 0; i < timeline->count; i++) {
            hs_buffer_number(&plain, timeline->buckets[i].high[v] - timeline->buckets[i].low[v]);
        }
    }
    hs_buffer_pack(out, &plain);
    hs_buffer_release(&plain);
}

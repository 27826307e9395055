#include "value_search.h"

#include <stdlib.h>

static int64_t points_of(const hs_search_range *r)
{
    return (r->to - r->from + r->step - 1) / r->step + 1;
}

/* Point 0 is the value from which passing is easiest: `from` for the largest, `to` for the
 * smallest. */
static int64_t value_at(const hs_search_range *r, int64_t point)
{
    int64_t index = r->largest ? point : points_of(r) - 1 - point;
    int64_t value = r->from + index * r->step;
    return value > r->to ? r->to : value;
}

static int try_points(const hs_search_range *r, hs_search_try *try, void *context,
                      const int64_t *points, size_t count, bool *passes)
{
    int64_t *values = malloc((count + 1) * sizeof *values);
    if (values == NULL) {
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        values[i] = value_at(r, points[i]);
    }
    int result = try(context, values, count, passes);
    free(values);
    return result;
}

/* All points, for the last that passes. */
static int scan(const hs_search_range *r, hs_search_try *try, void *context,
                hs_search_result *result)
{
    size_t count = (size_t)points_of(r);
    if (points_of(r) > HS_SEARCH_SCAN_MAX) {
        return 1;
    }
    int64_t *points = calloc(count, sizeof *points);
    bool *passes = malloc(count * sizeof *passes);
    int status = -1;
    if (points != NULL && passes != NULL) {
        for (size_t i = 0; i < count; i++) {
            points[i] = (int64_t)i;
        }
        status = try_points(r, try, context, points, count, passes);
    }
    result->tried += count;
    for (size_t i = 0; status == 0 && i < count; i++) {
        if (passes[i]) {
            result->way = HS_SEARCH_SCANNED;
            result->value = value_at(r, (int64_t)i);
            result->edge = i + 1 == count;
        }
    }
    free(points);
    free(passes);
    return status;
}

/* `good` passes, `bad` does not. */
static int bisect(const hs_search_range *r, hs_search_try *try, void *context, int64_t good,
                  int64_t bad, hs_search_result *result)
{
    while (bad - good > 1) {
        const int64_t middle = good + (bad - good) / 2;
        bool passes;
        if (try_points(r, try, context, &middle, 1, &passes) != 0) {
            return -1;
        }
        result->tried++;
        good = passes ? middle : good;
        bad = passes ? bad : middle;
    }
    result->way = HS_SEARCH_BISECTED;
    result->value = value_at(r, good);
    return 0;
}

int hs_search(const hs_search_range *range, hs_search_try *try, void *context,
              hs_search_result *result)
{
    int64_t last = points_of(range) - 1;
    int64_t points[HS_SEARCH_SAMPLES] = {0};
    bool passes[HS_SEARCH_SAMPLES];
    size_t count = last + 1 < (int64_t)HS_SEARCH_SAMPLES ? (size_t)last + 1 : HS_SEARCH_SAMPLES;
    *result = (hs_search_result){.way = HS_SEARCH_NONE};
    for (size_t i = 0; i < count; i++) {
        points[i] = count > 1 ? last * (int64_t)i / (int64_t)(count - 1) : 0;
    }
    if (try_points(range, try, context, points, count, passes) != 0) {
        return -1;
    }
    result->tried = count;
    size_t good = 0;
    while (good < count && passes[good]) {
        good++;
    }
    for (size_t i = good; i < count; i++) {
        if (passes[i]) {
            return scan(range, try, context, result);
        }
    }
    if (good == 0) {
        return 0;
    }
    if (good == count) {
        *result = (hs_search_result){HS_SEARCH_BISECTED, value_at(range, last), count, true};
        return 0;
    }
    return bisect(range, try, context, points[good - 1], points[good], result);
}

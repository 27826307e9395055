/* The largest or smallest number with which something still passes. */
#ifndef HS_VALUE_SEARCH_H
#define HS_VALUE_SEARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HS_SEARCH_SAMPLES  17u
#define HS_SEARCH_SCAN_MAX 4096u /* points; a longer range that is not monotone is refused */

typedef struct hs_search_range {
    int64_t from, to; /* from <= to; the points are from, from + step, ... and to */
    int64_t step;     /* at least 1 */
    bool largest;     /* else the smallest */
} hs_search_range;

/* Tries `count` values at once. 0, or -1 when it cannot. */
typedef int hs_search_try(void *context, const int64_t *values, size_t count, bool *passes);

enum hs_search_way {
    HS_SEARCH_NONE,     /* no value passes */
    HS_SEARCH_BISECTED, /* samples over the whole range were monotone: exact if all of it is */
    HS_SEARCH_SCANNED,  /* they were not: every point was tried */
};

typedef struct hs_search_result {
    enum hs_search_way way;
    int64_t value;
    size_t tried;
    bool edge; /* the last value of the range passes: the true bound may lie beyond */
} hs_search_result;

/* 0; -1 when `try` failed; 1: not monotone and too many points to scan. O(log(points)) tries when
 * monotone. */
int hs_search(const hs_search_range *range, hs_search_try *try, void *context,
              hs_search_result *result);

#endif

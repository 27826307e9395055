/* The metrics by name: the one table of them (`heapsim list metrics` prints it). */
#ifndef HS_METRIC_NAMES_H
#define HS_METRIC_NAMES_H

#include <stddef.h>

typedef struct hs_metric_name {
    const char *name; /* key of the JSON */
    const char *unit;
    const char *meaning; /* with its formula */
} hs_metric_name;

extern const hs_metric_name hs_metrics[];
extern const size_t hs_metric_count;

#endif

/* The metrics by name: the one table of them (`heapsim list metrics` prints it). */
#ifndef HS_METRIC_NAMES_H
#define HS_METRIC_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "metrics.h"

/* Of what a metric is one: of a moment, or of a whole run. */
enum hs_metric_scope { HS_METRIC_NONE, HS_METRIC_MARK, HS_METRIC_RUN };

typedef struct hs_metric_name {
    const char *name; /* key of the JSON */
    const char *unit;
    const char *meaning; /* with its formula */
    enum hs_metric_scope scope;
} hs_metric_name;

extern const hs_metric_name hs_metrics[];
extern const size_t hs_metric_count;

/* HS_METRIC_NONE: there is no such metric. */
enum hs_metric_scope hs_metric_scope_of(const char *name);

/* The metric of a moment; false when the mark does not have it (`gc.*` without a collector, or
 * what only a probe tells: `sockets`). */
bool hs_metric_of_mark(const hs_mark *mark, const char *name, int64_t *value);

#endif

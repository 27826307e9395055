/* Metrics of a moment by their names. */
#include <math.h>
#include <string.h>

#include "metric_names.h"

enum hs_metric_scope hs_metric_scope_of(const char *name)
{
    for (size_t i = 0; i < hs_metric_count; i++) {
        if (strcmp(hs_metrics[i].name, name) == 0) {
            return hs_metrics[i].scope;
        }
    }
    return HS_METRIC_NONE;
}

typedef struct field {
    const char *name;
    size_t offset; /* of a uint32_t */
    bool gc;
} field;

static const field fields[] = {
    {"idf.total", offsetof(hs_mark, total), false},
    {"idf.free", offsetof(hs_mark, free), false},
    {"idf.largest_free_block", offsetof(hs_mark, largest), false},
    {"idf.largest_free_block_exact", offsetof(hs_mark, largest_exact), false},
    {"idf.minimum_free", offsetof(hs_mark, minimum_free), false},
    {"idf.free_blocks", offsetof(hs_mark, free_blocks), false},
    {"idf.allocated_blocks", offsetof(hs_mark, allocated_blocks), false},
    {"gc.total", offsetof(hs_mark, gc.total), true},
    {"gc.used", offsetof(hs_mark, gc.used), true},
    {"gc.free", offsetof(hs_mark, gc.free), true},
    {"gc.max_free", offsetof(hs_mark, gc.max_free), true},
    {"gc.max_block", offsetof(hs_mark, gc.max_block), true},
    {"gc.one_blocks", offsetof(hs_mark, gc.one_blocks), true},
    {"gc.two_blocks", offsetof(hs_mark, gc.two_blocks), true},
    {"gc.max_new_split", offsetof(hs_mark, gc.max_new_split), true},
};

/* Sums over the free blocks of 8BIT memory. */
typedef struct holes {
    uint64_t sum, largest, usable;
    double squares;
} holes;

static holes sum_holes(const hs_mark *mark, uint32_t request)
{
    holes h = {0, 0, 0, 0};
    for (size_t i = 0; i < mark->region_count; i++) {
        const hs_region_metrics *region = &mark->regions[i];
        for (uint32_t k = 0; region->counted && k < region->free_blocks; k++) {
            uint64_t size = region->blocks[k].size;
            h.sum += size;
            h.squares += (double)size * (double)size;
            h.largest = size > h.largest ? size : h.largest;
            h.usable += size / request * request;
        }
    }
    return h;
}

/* With no free memory at all everything is unusable. */
static int64_t per_mille_left(double part, uint64_t whole)
{
    return whole == 0 ? 1000 : 1000 - (int64_t)(1000.0 * part / (double)whole);
}

static bool from_holes(const hs_mark *mark, const char *name, int64_t *value)
{
    static const struct {
        const char *name;
        uint32_t request;
    } unusable[] = {
        {"idf.unusable_1700", 1700}, {"idf.unusable_4437", 4437}, {"idf.unusable_16717", 16717}};
    for (size_t i = 0; i < sizeof unusable / sizeof unusable[0]; i++) {
        if (strcmp(name, unusable[i].name) == 0) {
            holes h = sum_holes(mark, unusable[i].request);
            *value = per_mille_left((double)h.usable, h.sum);
            return true;
        }
    }
    holes h = sum_holes(mark, 1);
    if (strcmp(name, "idf.fragmentation") == 0) {
        *value = per_mille_left((double)h.largest, h.sum);
    } else if (strcmp(name, "idf.l2_fragmentation") == 0) {
        *value = per_mille_left(sqrt(h.squares), h.sum);
    } else if (strcmp(name, "idf.free_payload") == 0) {
        *value = (int64_t)h.sum;
    } else if (strcmp(name, "idf.stranded") == 0) {
        *value = (int64_t)mark->free - (int64_t)mark->largest_exact;
    } else {
        return false;
    }
    return true;
}

bool hs_metric_of_mark(const hs_mark *mark, const char *name, int64_t *value)
{
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (strcmp(fields[i].name, name) == 0) {
            uint32_t word;
            memcpy(&word, (const char *)mark + fields[i].offset, sizeof word);
            *value = word;
            return !fields[i].gc || mark->has_gc;
        }
    }
    if (strcmp(name, "gc.collections") == 0) {
        *value = (int64_t)mark->gc.collections;
        return mark->has_gc;
    }
    return from_holes(mark, name, value);
}

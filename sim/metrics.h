/* Metrics: what is recorded at a mark, and what is kept at every event.
 *
 * Each is defined once, with formula and unit, in the table of sim/README.md. All are integers in
 * bytes unless the name says otherwise. "8BIT" memory is what every figure under `idf` counts.
 */
#ifndef HS_METRICS_H
#define HS_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "device/address.h"

struct hs_board;

typedef struct hs_block {
    hs_addr start; /* payload */
    uint32_t size;
} hs_block;

typedef struct hs_region_metrics {
    hs_addr start;
    uint32_t size;
    const char *type;
    bool counted;     /* it is 8BIT memory: part of the sums */
    uint32_t free;    /* the device's own counter */
    uint32_t largest; /* as the device prints it */
    uint32_t largest_exact;
    uint32_t minimum_free;
    uint32_t allocated_blocks;
    uint32_t free_blocks;
    hs_block *blocks; /* the free blocks in address order, free_blocks of them */
} hs_region_metrics;

typedef struct hs_area_metrics {
    hs_addr start; /* of the area; its tables come first, then the pool */
    uint32_t size;
    uint32_t blocks; /* of 16 bytes */
    uint32_t used;   /* blocks */
} hs_area_metrics;

typedef struct hs_gc_metrics {
    uint32_t total, used, free;      /* bytes, as gc_info counts them */
    uint32_t max_free, max_block;    /* blocks */
    uint32_t one_blocks, two_blocks; /* objects of exactly one, two blocks */
    uint32_t max_new_split;          /* bytes; 0 when the heap does not grow */
    uint64_t collections;
    size_t area_count;
    hs_area_metrics *areas;
} hs_gc_metrics;

/* Everything about a board at one moment. */
typedef struct hs_mark {
    char *name;
    uint64_t event; /* after how many events; 0: before the first */
    uint32_t total; /* heap_caps_get_total_size(8BIT) */
    uint32_t free;
    uint32_t largest;       /* heap_caps_get_largest_free_block(8BIT), as the device rounds it */
    uint32_t largest_exact; /* the same, not rounded */
    uint32_t minimum_free;  /* heap_caps_get_minimum_free_size(8BIT) */
    uint32_t free_blocks;
    uint32_t allocated_blocks;
    size_t region_count; /* all registered regions, in the order of the heap list */
    hs_region_metrics *regions;
    bool has_gc;
    hs_gc_metrics gc;
} hs_mark;

/* Measures the board into *mark: one walk over all heaps. 0, or -1 when the host is out of memory.
 * Does not change the board. Release with hs_mark_release(). */
int hs_mark_take(hs_mark *mark, const char *name, uint64_t event, struct hs_board *board);
/* 0, or -1 when the host is out of memory. */
int hs_mark_copy(hs_mark *to, const hs_mark *from);
void hs_mark_release(hs_mark *mark);

#endif

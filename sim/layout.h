/* Layouts: a board, its IDF release, its heap regions and the heap's state when the application
 * starts. Format: scenarios/README.md; files: scenarios/layouts/NAME.yaml.
 */
#ifndef HS_LAYOUT_H
#define HS_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "device/address.h"
#include "error.h"

#define HS_LAYOUT_REGIONS_MAX 24    /* of HS_CAPS_HEAPS_MAX; the rest is for what is added later */
#define HS_LAYOUT_BLOCKS_MAX  65536 /* of boot.free or boot.blocks */

typedef struct hs_layout_region {
    hs_addr start;
    uint32_t size; /* bytes; start + size <= 2^32 */
    /* A region type of the chip: DRAM, DIRAM, IRAM, SPIRAM, RTCRAM, STACKDRAM, RETRAM. */
    const char *type;
    bool late; /* added with heap_caps_add_region() after the boot (Bluetooth memory release) */
} hs_layout_region;

/* A block by its payload address and payload size, both multiples of 4. */
typedef struct hs_layout_block {
    hs_addr start;
    uint32_t size;
    const char *owner; /* boot.blocks: who holds it, NULL when not said; boot.free: NULL */
} hs_layout_block;

/* What the heap holds at the moment the application starts. */
enum hs_boot_kind {
    HS_BOOT_INIT,   /* no `boot`: all regions registered, the firmware's descriptor blocks
                       allocated, start-up stacks given to the heap, late regions added */
    HS_BOOT_FRESH,  /* fresh: true: regions registered, nothing allocated, no descriptor blocks */
    HS_BOOT_FREE,   /* free: `blocks` are the only free blocks, everything else is live */
    HS_BOOT_BLOCKS, /* blocks: `blocks` are the only live blocks, everything else is free */
    HS_BOOT_TRACE   /* trace: as HS_BOOT_INIT, then the trace `boot_trace` is replayed */
};

#define HS_LAYOUT_GC_HEAP "gc-heap" /* owner of the block that is the Python heap of a log */

typedef struct hs_layout {
    const char *path;   /* of the file, as it was given */
    const char *name;   /* never NULL */
    const char *title;  /* never NULL */
    const char *chip;   /* a name that hs_chip_find() knows */
    const char *idf;    /* a release that hs_idf_profile_find() knows, such as "v4.4" */
    const char *policy; /* name of the default policy; "none" when the file names none */
    const char **sources;
    size_t source_count;
    hs_layout_region *regions; /* in file order, which is the firmware's; none overlap, 1 or more */
    size_t region_count;
    enum hs_boot_kind boot;
    hs_layout_block *blocks; /* ascending addresses, each inside one region, none overlap */
    size_t block_count;
    const char *boot_trace; /* HS_BOOT_TRACE: name of the trace, to be looked up; else NULL */
    bool spiram;            /* built with CONFIG_SPIRAM: `spiram:` or a SPIRAM region is there */
    /* spiram.always_internal: malloc() of more than this tries SPIRAM first
     * (heap_caps_malloc_extmem_enable). 0: malloc() uses internal memory only. */
    uint32_t spiram_always_internal;
    uint32_t spiram_reserve_internal; /* spiram.reserve_internal: the DMA pool in bytes, or 0 */
    bool poisoning_light;             /* poisoning: light */
    bool memory_protection;           /* memory_protection: true; no heap is executable */
} hs_layout;

/* Reads and checks the layout in file `path` (a path, not a name to look up). NULL and *error,
 * one line "FILE:LINE: found, expected", when it cannot be read or anything in it is wrong.
 * Whoever calls owns the result: hs_layout_free(). Everything it points to lives as long. */
hs_layout *hs_layout_load(const char *path, hs_error *error);

/* NULL is ignored. */
void hs_layout_free(hs_layout *layout);

/* Index of the region that contains [start, start + size), or -1. O(regions). */
int hs_layout_find_region(const hs_layout *layout, hs_addr start, uint32_t size);

#endif

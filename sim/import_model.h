/* How an IDF release lays out a heap: what a board's printed figures mean. Formulas: README.md of
 * sim/device; the heaps themselves are not built here. */
#ifndef HS_IMPORT_MODEL_H
#define HS_IMPORT_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "device/profile.h"

typedef struct hs_import_model {
    const char *release;
    const hs_idf_profile *profile;
    uint32_t fixed_control; /* bytes of TLSF's control block where classes are fixed */
} hs_import_model;

/* An empty heap over a region. */
typedef struct hs_import_pool {
    bool heap;        /* false: the region is too small for one */
    uint32_t first;   /* data address of its one free block */
    uint32_t size;    /* and its data bytes */
    uint32_t free;    /* the free-bytes counter */
    uint32_t classes; /* TLSF: SL, classes of a row */
    uint32_t minimum; /* data bytes of the smallest block */
} hs_import_pool;

/* `release` as hs_idf_profile_find() takes it; false: unknown. */
bool hs_import_model_of(hs_import_model *model, const char *release, const char *chip, bool spiram);
hs_import_pool hs_import_pool_of(const hs_import_model *model, uint32_t start, uint32_t size);
/* A block's size as the device prints it as the largest. */
uint32_t hs_import_printed(const hs_import_model *model, const hs_import_pool *pool, uint32_t size);
/* The largest size that is printed so. */
uint32_t hs_import_unprinted(const hs_import_model *model, const hs_import_pool *pool,
                             uint32_t printed);
/* Data bytes of the free blocks, from the printed counter; negative: impossible figures. */
int64_t hs_import_free_data(const hs_import_model *model, uint32_t counter, uint64_t live,
                            uint64_t free_blocks);

#endif

/* Joins what `compare --shard K/N --json` wrote into what one run without --shard writes. */
#ifndef HS_MERGE_H
#define HS_MERGE_H

#include <jansson.h>
#include <stdio.h>

#include "error.h"

/* Reads parts, of any shards of one grid, in any order, compressed or not; cells that several of
 * them hold must be equal. Cells that none holds stay "pending". The caller owns the result, whose
 * bytes (hs_json_write) do not depend on the number or order of the parts. NULL and *error: a part
 * cannot be read, is of another grid or says something else of a cell. Memory: that of the whole
 * grid and of one part as JSON. */
json_t *hs_merge_parts(const char *const *paths, size_t count, hs_error *error);

/* How many cells are pending. The first of them are named on `out`, with their number from 1: cell
 * C is in part 1 + (C - 1) % N of N. */
size_t hs_merge_missing(const json_t *merged, FILE *out);

#endif

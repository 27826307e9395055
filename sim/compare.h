/* Results of a grid as tables and files. Keys and columns: scenarios/README.md. */
#ifndef HS_COMPARE_H
#define HS_COMPARE_H

#include <jansson.h>
#include <stdio.h>

#include "grid.h"

/* One cell, replayed or not. NULL: host out of memory. */
json_t *hs_cell_json(const hs_grid *grid, const hs_cell *cell);

/* {"heapsim": 1, "cells": [...], "summary": [...]}. `checkpoints`: with the hashes of addresses.
 * NULL: host out of memory. */
json_t *hs_compare_json(const hs_grid *grid, bool checkpoints);

/* How often each outcome came about over the seeds of cell `id` (its first `length` bytes):
 * hits by hs_cell_outcome(). NULL: host out of memory. */
json_t *hs_summary_json(const char *id, size_t length, const uint64_t *hits, size_t orders);

/* One line for each cell, a header first. Written whole or not at all. 0, or -1 with *error. */
int hs_compare_csv(const hs_grid *grid, const char *path, hs_error *error);

/* The table for a person: one line for each cell, those of several seeds together. */
enum hs_table_form { HS_TABLE_TEXT, HS_TABLE_MARKDOWN };
int hs_compare_table(const hs_grid *grid, enum hs_table_form form, FILE *out, hs_error *error);
/* Each published statement of the scenarios with what the cells say. */
int hs_compare_statements(const hs_grid *grid, enum hs_table_form form, FILE *out, hs_error *error);

/* Of `hits` in `count` tries: the share and its 95 % Wilson score interval, per mille. */
typedef struct hs_share {
    int64_t share, low, high;
} hs_share;
hs_share hs_wilson(uint64_t hits, uint64_t count);

/* The cells that differ only in their seed, from cell `first` on: how many. */
size_t hs_compare_seeds(const hs_grid *grid, size_t first);

/* How many of these cells differ in what is replayed: 1 when no step depends on the seed, and then
 * their number says nothing about chance. */
size_t hs_compare_orders(const hs_grid *grid, size_t first, size_t count);

/* Writes the HTML page of the grid's one or two cells, which must be done and are replayed again.
 * 0, or -1 with *error and no file. */
int hs_compare_html(const hs_grid *grid, const char *path, hs_error *error);

/* Writes what each round of a watched `repeat` left, as CSV; the cells that have one are replayed
 * again. 0, or -1 with *error and no file. */
int hs_compare_rounds(const hs_grid *grid, const char *path, hs_error *error);

#endif

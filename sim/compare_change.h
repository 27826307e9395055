/* Two policies side by side, or two settings of one: what the second changes. */
#ifndef HS_COMPARE_CHANGE_H
#define HS_COMPARE_CHANGE_H

#include "grid.h"

/* One line of the table: the cells that differ in their seeds alone, and the worst of each figure.
 * A figure that no cell has is HS_METRIC_ABSENT. */
typedef struct hs_line {
    size_t first, count;
    uint64_t done, completed, unfit;
    const hs_cell *failed; /* the first failed one */
    uint64_t outcomes[HS_CELL_OUTCOMES];
    int64_t largest, sockets, python, collections, starvation;
} hs_line;

/* The outcome of most cells that failed. */
size_t hs_line_failure(const hs_line *line);

enum hs_change { HS_CHANGE_WORSE, HS_CHANGE_BETTER, HS_CHANGE_OTHER, HS_CHANGE_NONE };
#define HS_CHANGES (HS_CHANGE_NONE + 1)

typedef struct hs_change_pair {
    size_t before, after; /* numbers of lines */
    enum hs_change change;
} hs_change_pair;

/* When the lines are of exactly two variants and each has its partner, *to is the pairs, in the
 * order of the lines, which the caller frees; else NULL. 0, or -1: the host is out of memory. */
int hs_change_pairs(const hs_grid *grid, const hs_line *lines, size_t count, hs_change_pair **to);

/* "micropython-v1.22" or "micropython-v1.22/gc.initial=48K": of the line's variant. */
void hs_change_variant(const hs_grid *grid, const hs_line *line, char *text, size_t size);

#endif

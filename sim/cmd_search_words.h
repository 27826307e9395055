/* What a search found, in sentences. */
#ifndef HS_CMD_SEARCH_WORDS_H
#define HS_CMD_SEARCH_WORDS_H

#include <stdio.h>

#include "grid.h"
#include "value_search.h"
#include "yaml_file.h"

/* One combination of everything but the parameter. */
typedef struct hs_search_words {
    char board[2 * HS_YAML_NAME_MAX + 64]; /* "pico-d4 (esp32, IDF v4.4)" */
    char what[HS_GRID_ID_MAX];             /* "tls-and-ble/radio=wifi-connect/n=2" */
    char policy[HS_GRID_ID_MAX];           /* "fixed-48k", with other parameters set */
    const hs_search_result *result;
    const bool *applies; /* false: that policy or trace cannot be on that board */
} hs_search_words;

/* Of the cell's layout, scenario and policy, but for the axis `key`. */
void hs_search_words_of(const hs_grid *grid, const hs_cell *cell, const char *key,
                        hs_search_words *words);

/* A sentence for each board and scenario's values, with all policies in it. */
void hs_search_words_print(const hs_search_words *words, size_t count, const char *key,
                           bool largest, FILE *out);

#endif

/* Releases that heapsim has no row for: which rows are nearest. */
#ifndef HS_IDF_NEAREST_H
#define HS_IDF_NEAREST_H

#include <stddef.h>

#include "device/profile.h"

typedef struct hs_idf_nearest {
    const hs_idf_profile *before, *after; /* NULL: there is none */
} hs_idf_nearest;

/* Both NULL when the text is no release. */
hs_idf_nearest hs_idf_nearest_to(const char *release);

/* " (nearest: v5.5.5 and v6.0)", or "". */
void hs_idf_nearest_words(const char *release, char *text, size_t size);

/* The first release of the row before, else of the one after. "" when there is none. */
void hs_idf_nearest_release(const char *release, char *text, size_t size);

#endif

#include "idf_nearest.h"

#include <inttypes.h>
#include <stdio.h>

hs_idf_nearest hs_idf_nearest_to(const char *release)
{
    unsigned major = 0;
    unsigned minor = 0;
    unsigned patch = 0;
    hs_idf_nearest found = {NULL, NULL};
    if (sscanf(release + (release[0] == 'v'), "%3u.%3u.%3u", &major, &minor, &patch) < 2) {
        return found;
    }
    uint32_t wanted = (uint32_t)major << 16 | (minor & 255u) << 8 | (patch & 255u);
    for (size_t i = 0; hs_idf_profile_row(i) != NULL; i++) {
        const hs_idf_profile *row = hs_idf_profile_row(i);
        found.before = row->last < wanted ? row : found.before;
        found.after = found.after == NULL && row->first > wanted ? row : found.after;
    }
    return found;
}

void hs_idf_nearest_words(const char *release, char *text, size_t size)
{
    hs_idf_nearest n = hs_idf_nearest_to(release);
    text[0] = 0;
    if (n.before != NULL || n.after != NULL) {
        snprintf(text, size, " (nearest: %s%s%s)", n.before != NULL ? n.before->name : "",
                 n.before != NULL && n.after != NULL ? " and " : "",
                 n.after != NULL ? n.after->name : "");
    }
}

void hs_idf_nearest_release(const char *release, char *text, size_t size)
{
    hs_idf_nearest n = hs_idf_nearest_to(release);
    const hs_idf_profile *row = n.before != NULL ? n.before : n.after;
    text[0] = 0;
    if (row != NULL) {
        snprintf(text, size, "v%" PRIu32 ".%" PRIu32 ".%" PRIu32, row->first >> 16,
                 row->first >> 8 & 255u, row->first & 255u);
    }
}

/* The releases. Each row says all of its facts, so that rows can be read one by one. */
#include "profile.h"

#define RELEASE(major, minor, patch) ((uint32_t)(major) << 16 | (minor) << 8 | (patch))
#define ANY                          255u /* patch: the last of its line */
#define PATCH                        0xffu

/* What several lines of releases share. */
#define TLSF_FIXED .allocator = HS_ALLOCATOR_TLSF, .memalign = HS_MEMALIGN_DEFAULT
#define TLSF_REGION                                                                                \
    .allocator = HS_ALLOCATOR_TLSF, .classes_per_region = true, .header_counted = true
#define V5 .rtc_lowest = true, .spiram_own_caps = true, .s2_unified = true, .rtc_exec = true
#define V5_3                                                                                       \
    .memalign = HS_MEMALIGN_MALLOC, .largest = HS_LARGEST_CLASS, .caps_adjusted = true,            \
    .monitor = true
#define V5_4_1 .rtc_alias = true, .simd = true
#define V5_5   .request_rounded = true, .boot_list_sorted = true

static const hs_idf_profile rows[] = {
    {.name = "v3.0 to v4.2",
     .first = RELEASE(3, 0, 0),
     .last = RELEASE(4, 2, ANY),
     .allocator = HS_ALLOCATOR_LIST,
     .largest = HS_LARGEST_TRUE,
     .memalign = HS_MEMALIGN_NONE},
    {.name = "v4.3 to v4.3.1",
     .first = RELEASE(4, 3, 0),
     .last = RELEASE(4, 3, 1),
     TLSF_FIXED,
     .largest = HS_LARGEST_POWER,
     .realloc_truncates = true},
    {.name = "v4.3.2",
     .first = RELEASE(4, 3, 2),
     .last = RELEASE(4, 3, 2),
     TLSF_FIXED,
     .largest = HS_LARGEST_CLASS_ZERO,
     .realloc_truncates = true},
    {.name = "v4.3.3 to v4.3.4",
     .first = RELEASE(4, 3, 3),
     .last = RELEASE(4, 3, 4),
     TLSF_FIXED,
     .largest = HS_LARGEST_CLASS_ZERO,
     .header_counted = true,
     .realloc_truncates = true},
    {.name = "v4.3.5 to v4.3.7",
     .first = RELEASE(4, 3, 5),
     .last = RELEASE(4, 3, ANY),
     TLSF_REGION,
     .largest = HS_LARGEST_CLASS_ZERO,
     .memalign = HS_MEMALIGN_DEFAULT},
    {.name = "v4.4 to v4.4.1",
     .first = RELEASE(4, 4, 0),
     .last = RELEASE(4, 4, 1),
     TLSF_FIXED,
     .largest = HS_LARGEST_CLASS_ZERO,
     .realloc_truncates = true},
    {.name = "v4.4.2 to v4.4.3",
     .first = RELEASE(4, 4, 2),
     .last = RELEASE(4, 4, 3),
     TLSF_FIXED,
     .largest = HS_LARGEST_CLASS_ZERO,
     .header_counted = true,
     .realloc_truncates = true},
    {.name = "v4.4.4 to v4.4.7",
     .first = RELEASE(4, 4, 4),
     .last = RELEASE(4, 4, 7),
     TLSF_REGION,
     .largest = HS_LARGEST_CLASS_ZERO,
     .memalign = HS_MEMALIGN_DEFAULT},
    {.name = "v4.4.8",
     .first = RELEASE(4, 4, 8),
     .last = RELEASE(4, 4, ANY),
     TLSF_REGION,
     .largest = HS_LARGEST_CLASS_ZERO,
     .memalign = HS_MEMALIGN_DEFAULT,
     .rtc_lowest = true},
    {.name = "v5.0",
     .first = RELEASE(5, 0, 0),
     .last = RELEASE(5, 0, 0),
     TLSF_FIXED,
     V5,
     .largest = HS_LARGEST_CLASS_ZERO,
     .header_counted = true,
     .realloc_truncates = true},
    {.name = "v5.0.1 to v5.2",
     .first = RELEASE(5, 0, 1),
     .last = RELEASE(5, 2, ANY),
     TLSF_REGION,
     V5,
     .largest = HS_LARGEST_CLASS_ZERO,
     .memalign = HS_MEMALIGN_DEFAULT},
    {.name = "v5.3 to v5.3.4",
     .first = RELEASE(5, 3, 0),
     .last = RELEASE(5, 3, 4),
     TLSF_REGION,
     V5,
     V5_3},
    {.name = "v5.3.5",
     .first = RELEASE(5, 3, 5),
     .last = RELEASE(5, 3, ANY),
     TLSF_REGION,
     V5,
     V5_3,
     V5_4_1},
    {.name = "v5.4",
     .first = RELEASE(5, 4, 0),
     .last = RELEASE(5, 4, 0),
     TLSF_REGION,
     V5,
     V5_3,
     .request_rounded = true},
    {.name = "v5.4.1 to v5.4.4",
     .first = RELEASE(5, 4, 1),
     .last = RELEASE(5, 4, ANY),
     TLSF_REGION,
     V5,
     V5_3,
     V5_4_1,
     .request_rounded = true},
    {.name = "v5.5 to v5.5.4",
     .first = RELEASE(5, 5, 0),
     .last = RELEASE(5, 5, 4),
     TLSF_REGION,
     V5,
     V5_3,
     V5_4_1,
     V5_5},
    {.name = "v5.5.5",
     .first = RELEASE(5, 5, 5),
     .last = RELEASE(5, 5, ANY),
     TLSF_REGION,
     V5,
     V5_3,
     V5_4_1,
     V5_5,
     .monitor_skips = true,
     .late_minimum_zero = true},
    {.name = "v6.0",
     .first = RELEASE(6, 0, 0),
     .last = RELEASE(6, 0, ANY),
     TLSF_REGION,
     V5,
     V5_3,
     V5_4_1,
     V5_5,
     .iram_protected = true},
    {.name = "v6.1",
     .first = RELEASE(6, 1, 0),
     .last = RELEASE(6, 1, ANY),
     TLSF_REGION,
     V5,
     V5_3,
     V5_4_1,
     V5_5,
     .monitor_skips = true,
     .late_minimum_zero = true,
     .iram_protected = true},
    {.name = "master",
     .first = UINT32_MAX,
     .last = UINT32_MAX,
     TLSF_REGION,
     V5,
     V5_3,
     V5_4_1,
     V5_5,
     .monitor_skips = true,
     .late_minimum_zero = true,
     .iram_protected = true,
     .pool_default = true},
};

/* Reads a number below 256 and moves on; false when there is none. */
static bool read_number(const char **text, uint32_t *number)
{
    *number = 0;
    if (**text < '0' || **text > '9') {
        return false;
    }
    for (; **text >= '0' && **text <= '9'; (*text)++) {
        *number = *number * 10 + (uint32_t)(**text - '0');
        if (*number > PATCH) {
            return false;
        }
    }
    return true;
}

static bool same_text(const char *a, const char *b)
{
    while (*a != 0 && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

/* The number of a release; false when the text is none. What follows the numbers (a beta, a release
 * candidate, commits since a tag) makes no difference. */
static bool read_release(const char *text, uint32_t *release)
{
    uint32_t part[3] = {0, 0, 0};
    if (same_text(text, "master")) {
        *release = UINT32_MAX;
        return true;
    }
    if (*text == 'v') {
        text++;
    }
    for (int i = 0;; i++) {
        if (!read_number(&text, &part[i])) {
            return false;
        }
        if (*text != '.' || i == 2) {
            break;
        }
        text++;
    }
    *release = RELEASE(part[0], part[1], part[2]);
    return *text == 0 || *text == '-' || *text == 'b' || *text == '+';
}

const hs_idf_profile *hs_idf_profile_find(const char *text)
{
    uint32_t release;
    if (!read_release(text, &release)) {
        return NULL;
    }
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (release >= rows[i].first && release <= rows[i].last) {
            /* One row spans several minor numbers; those that never were have none. */
            uint32_t line = release >> 8;
            return line > 0x0303 && line < 0x0400 ? NULL : &rows[i];
        }
    }
    return NULL;
}

const hs_idf_profile *hs_idf_profile_row(size_t index)
{
    return index < sizeof rows / sizeof *rows ? &rows[index] : NULL;
}

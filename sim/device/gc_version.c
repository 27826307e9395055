/* Releases as data. */
#include "gc.h"

const hs_gc_version hs_gc_versions[HS_GC_VERSIONS] = {
    /* The drafts of 2018 had many areas on this collector; their header is taken to be v1.20's. */
    {"v1.9.3", 9, 0, 28, 0, 0, 5}, {"v1.20", 20, 1, 28, 0, 0, 8}, {"v1.21", 21, 1, 32, 1, 0, 8},
    {"v1.22", 22, 1, 32, 2, 0, 8}, {"v1.25", 25, 1, 32, 2, 1, 8},
};

/* Past `prefix` if `name` begins with it, else NULL. */
static const char *skip(const char *name, const char *prefix)
{
    while (*prefix != 0) {
        if (*name++ != *prefix++) {
            return NULL;
        }
    }
    return name;
}

static const char *const prefixes[] = {"single-", "noauto-", "auto-"}; /* by hs_gc_mode */

static const char *skip_prefix(const char *name, int *mode)
{
    for (*mode = 0; *mode < 3; ++*mode) {
        const char *rest = skip(name, prefixes[*mode]);
        if (rest != NULL) {
            return rest;
        }
    }
    *mode = -1;
    return name;
}

/* Reads digits; the number, or -1 when there are none or it passes 999. */
static int number(const char **text)
{
    int value = -1;
    while (**text >= '0' && **text <= '9' && value < 100) {
        value = (value < 0 ? 0 : value * 10) + (*(*text)++ - '0');
    }
    return value;
}

/* Whether `text` may follow a minor number: ".4", "-preview", ".0-preview.12.gabcdef". */
static bool is_suffix(const char *text)
{
    if (*text == '.') {
        ++text;
        if (number(&text) < 0) {
            return false;
        }
    }
    return *text == 0 || (*text == '-' && text[1] != 0);
}

const hs_gc_version *hs_gc_version_find(const char *name)
{
    int mode;
    const char *rest = skip_prefix(name, &mode);
    rest += *rest == 'v';
    rest = skip(rest, "1.");
    int minor = rest == NULL ? -1 : number(&rest);
    if (minor < hs_gc_versions[0].minor || !is_suffix(rest)) {
        return NULL;
    }
    uint32_t row = HS_GC_VERSIONS - 1;
    while (hs_gc_versions[row].minor > minor) {
        --row;
    }
    return &hs_gc_versions[row];
}

hs_gc_mode hs_gc_mode_find(const char *name)
{
    int mode;
    skip_prefix(name, &mode);
    if (mode >= 0) {
        return (hs_gc_mode)mode;
    }
    return hs_gc_version_find(name)->growth != 0 ? HS_GC_AUTO : HS_GC_SINGLE;
}

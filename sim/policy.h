/* Policies: what the language runtime takes from the IDF heap, when it takes more, and from which
 * heap each owner's memory comes. Format: scenarios/README.md; files: scenarios/policies/NAME.yaml.
 * This reads them; the rules are carried out by the board.
 */
#ifndef HS_POLICY_H
#define HS_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "device/address.h"
#include "error.h"

#define HS_POLICY_TERMS_MAX  8
#define HS_POLICY_FIXED_MAX  8
#define HS_POLICY_ROUTES_MAX 64
#define HS_POLICY_AREAS_ALL  UINT32_MAX
#define HS_POLICY_AREAS_MAX  64

/* One candidate for the size of an area; the smallest candidate counts. */
enum hs_term_kind {
    HS_TERM_BYTES,   /* value: bytes */
    HS_TERM_PERCENT, /* value: 1 to 100, of heap_caps_get_total_size(8BIT); rounded down */
    HS_TERM_RULE     /* value: number of a rule of policy_rules.c, such as `largest` */
};

typedef struct hs_policy_term {
    enum hs_term_kind kind;
    uint32_t value;
} hs_policy_term;

/* A static area (.bss, mapped SPIRAM) outside the IDF heap. */
typedef struct hs_policy_area {
    hs_addr start;
    uint32_t size;
} hs_policy_area;

enum hs_route_heap { HS_ROUTE_IDF, HS_ROUTE_GC };

typedef struct hs_policy_route {
    const char *owner; /* name of a trace's owner */
    enum hs_route_heap heap;
} hs_policy_route;

/* At the start, in this order: the placeholder is allocated, then the reserve, then the fixed
 * areas are given to the collector, then `areas` areas are allocated one after the other (each of
 * the smallest of `initial`, evaluated anew), then the reserve is freed. */
typedef struct hs_policy {
    const char *path;
    const char *name;    /* never NULL */
    const char *title;   /* never NULL */
    const char *release; /* the firmware that shipped it, or who proposed it; never NULL */
    const char *reason;  /* never NULL */
    const char **sources;
    size_t source_count;

    const char *gc_version;                      /* hs_gc_version_find(); NULL: no collector */
    hs_policy_term initial[HS_POLICY_TERMS_MAX]; /* gc.initial */
    size_t initial_count;                        /* 0 only without collector or heap areas */
    hs_policy_area fixed[HS_POLICY_FIXED_MAX];   /* gc.fixed, in the order given */
    size_t fixed_count;
    uint32_t
        areas; /* gc.areas, from the IDF heap: 0 to HS_POLICY_AREAS_MAX, or HS_POLICY_AREAS_ALL:
                  until the smallest of `initial` is less than min_area or malloc fails */
    uint32_t min_area;  /* gc.min_area: bytes; an area that would be smaller is not taken */
    uint32_t reserve;   /* gc.reserve: contiguous bytes held while areas are taken; 0: none */
    bool grow;          /* gc.grow: auto */
    uint32_t keep_free; /* gc.keep_free: a growth that leaves less 8BIT memory free is refused */

    hs_policy_route routes[HS_POLICY_ROUTES_MAX]; /* route: over what the trace says */
    size_t route_count;

    uint32_t placeholder;          /* placeholder.size: bytes held from before the areas; 0: none */
    const char *placeholder_until; /* placeholder.until: the phase at whose begin it is freed; NULL
                                      when there is no placeholder */
} hs_policy;

/* Reads and checks the policy in file `path` (a path, not a name to look up). NULL and *error, one
 * line "FILE:LINE: found, expected", when it cannot be read or anything in it is wrong. Whoever
 * calls owns the result: hs_policy_free(). Everything it points to lives as long. */
hs_policy *hs_policy_load(const char *path, hs_error *error);

/* The word that stands for a rule in gc.initial; NULL behind the last. */
const char *hs_policy_rule_word(uint32_t rule);

struct hs_layout;

/* Whether the policy's fixed areas lie in memory of the layout's chip and outside its heap regions.
 * 0, or -1 with *error. O(areas * regions). */
int hs_policy_fits(const hs_policy *policy, const struct hs_layout *layout, hs_error *error);

/* Replaces one numeric parameter, for grids and search: gc.initial, gc.areas, gc.min_area,
 * gc.reserve, gc.keep_free, placeholder.size, with the text that the file would hold ("48K", "50%",
 * "[largest, 50%]", "all"). 0, or -1 with *error ("found ..., expected ...") and no change. */
int hs_policy_set(hs_policy *policy, const char *key, const char *value, hs_error *error);

/* Whether some policy could take that key and value: a slip of the finger is no policy's. 0, or -1
 * with *error. */
int hs_policy_check_setting(const char *key, const char *value, hs_error *error);

/* Where `owner` is routed by the policy, or `otherwise` when it does not say. O(routes). */
enum hs_route_heap hs_policy_route_of(const hs_policy *policy, const char *owner,
                                      enum hs_route_heap otherwise);

/* NULL is ignored. */
void hs_policy_free(hs_policy *policy);

#endif

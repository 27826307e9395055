#include "bounds.h"

#include <stdlib.h>
#include <string.h>

#include "explain_board.h"

#define HEADER    4u
#define STEP      16u   /* of what regions give or gain */
#define SCALE_MAX 4000u /* per mille */

static int no_memory(hs_error *error)
{
    hs_error_set(error, NULL, 0, "the host is out of memory");
    return -1;
}

/* --- what the traces hold --- */

typedef struct counter {
    const hs_case *c;
    hs_floor *floor;
    uint64_t idf, python;
    uint64_t event;
} counter;

/* A request without these may be served by memory that is not 8BIT. */
static bool must_be_8bit(uint32_t caps)
{
    return (caps & (HS_CAP_8BIT | HS_CAP_DEFAULT | HS_CAP_DMA)) != 0;
}

static uint64_t idf_bytes(const hs_case *c, uint64_t size)
{
    bool tlsf = c->booted->caps.config.profile->allocator == HS_ALLOCATOR_TLSF;
    uint64_t payload = (size + (c->booted->caps.config.poisoned ? 12 : 0) + 3) & ~UINT64_C(3);
    return (tlsf && payload < 12 ? 12 : payload) + HEADER;
}

static void note_floor(const counter *n, uint64_t size, bool idf)
{
    hs_floor *f = n->floor;
    if (idf && size > f->largest) {
        f->largest = size > UINT32_MAX ? UINT32_MAX : (uint32_t)size;
        f->largest_event = n->event;
    }
    if (n->idf > f->idf) {
        f->idf = n->idf;
        f->idf_event = n->event;
    }
    if (n->python > f->python) {
        f->python = n->python;
        f->python_event = n->event;
    }
    if (n->idf + n->python > f->both) {
        f->both = n->idf + n->python;
        f->both_event = n->event;
    }
}

/* What a life holds now, and in which heap. */
typedef struct held {
    uint64_t bytes;
    uint16_t owner;
    bool idf;
    bool counted;
} held;

static void set_held(counter *n, held *h, uint64_t size)
{
    uint64_t bytes = 0;
    if (h->counted && size != 0) {
        bytes = h->idf ? idf_bytes(n->c, size) : (size + HS_GC_BLOCK - 1) & ~UINT64_C(15);
    }
    uint64_t *sum = h->idf ? &n->idf : &n->python;
    *sum += bytes - h->bytes;
    h->bytes = bytes;
    note_floor(n, h->counted ? size : 0, h->idf);
}

static void count_event(counter *n, const hs_tape *tape, size_t i, held *lives)
{
    const hs_event *e = &tape->events[i];
    uint32_t life = tape->lives[i];
    n->event++;
    if (life == HS_NO_LIFE || (e->flags & HS_EVENT_FAILED) != 0) {
        return; /* what failed on the device, nobody used */
    }
    held *h = &lives[life];
    const hs_trace_owner *owner = &tape->header.owners[e->owner];
    uint32_t caps = (e->flags & HS_EVENT_CAPS) != 0 ? e->caps : owner->caps;
    switch (e->op) {
    case HS_OP_ALLOC:
    case HS_OP_CALLOC:
    case HS_OP_ALIGNED:
        h->owner = e->owner;
        h->idf = owner->heap == HS_HEAP_IDF;
        h->counted = !h->idf || must_be_8bit(caps);
        set_held(n, h, e->op == HS_OP_CALLOC ? (uint64_t)e->count * e->size : e->size);
        break;
    case HS_OP_REALLOC:
        set_held(n, h, e->size);
        break;
    case HS_OP_FREE:
    case HS_OP_DROP:
        set_held(n, h, 0);
        break;
    default:
        break;
    }
}

static int find_floor(hs_floor *floor, const hs_case *c, hs_error *error)
{
    counter n = {.c = c, .floor = floor};
    for (size_t t = 0; t < c->tape_count; t++) {
        const hs_tape *tape = &c->tapes[t];
        held *lives = calloc(tape->life_count + 1u, sizeof *lives);
        if (lives == NULL) {
            return no_memory(error);
        }
        for (size_t i = 0; i < tape->count; i++) {
            count_event(&n, tape, i, lives);
        }
        free(lives);
    }
    return 0;
}

/* --- what regions could give --- */

/* HS_REFUSED when there is no such board, for *error. */
static enum hs_verdict verdict_on(hs_case *c, hs_other_board *other, const hs_error *error)
{
    hs_result result = other != NULL ? hs_case_try(c, &(hs_trial){.booted = other->board})
                                     : hs_case_refuse(c, error);
    hs_other_board_destroy(other);
    return result.verdict;
}

static bool passes_without(hs_case *c, size_t region, uint64_t less)
{
    uint32_t all[HS_LAYOUT_REGIONS_MAX] = {0};
    hs_error error = {{0}};
    all[region] = (uint32_t)less;
    hs_other_board *other = hs_board_reduced(c, all, &error);
    return verdict_on(c, other, &error) == HS_PASSED;
}

/* The edge between passing with `low` and failing with `high`, STEP apart. */
static void find_spare(hs_region_bound *r, hs_case *c, size_t region)
{
    uint64_t low = 0;
    uint64_t high = r->room / STEP * STEP;
    r->known = true;
    if (high == 0 || passes_without(c, region, high)) {
        r->spare = high;
        return;
    }
    while (high - low > STEP) {
        uint64_t middle = (low + high) / 2 / STEP * STEP;
        if (passes_without(c, region, middle)) {
            low = middle;
        } else {
            high = middle;
        }
    }
    r->spare = low;
}

/* --- all regions together --- */

static uint32_t change(const hs_region_bound *r, uint32_t scale)
{
    uint64_t part = r->room * (scale > 1000 ? scale - 1000 : 1000 - scale) / 1000;
    return r->counted ? (uint32_t)(part / STEP * STEP) : 0;
}

static enum hs_verdict verdict_scaled(const hs_bounds *b, hs_case *c, uint32_t scale)
{
    uint32_t by[HS_LAYOUT_REGIONS_MAX] = {0};
    hs_error error = {{0}};
    for (size_t i = 0; i < b->region_count; i++) {
        by[i] = change(&b->regions[i], scale);
    }
    hs_other_board *other =
        scale > 1000 ? hs_board_enlarged(c, by, &error) : hs_board_reduced(c, by, &error);
    return verdict_on(c, other, &error);
}

static void find_scale(hs_bounds *b, hs_case *c)
{
    uint32_t low = b->passes ? 0 : 1000; /* fails, or is taken to */
    uint32_t high = b->passes ? 1000 : 0;
    b->tried = low;
    for (uint32_t scale = 1125; high == 0 && scale <= SCALE_MAX; scale += scale / 8) {
        enum hs_verdict verdict = verdict_scaled(b, c, scale);
        if (verdict == HS_REFUSED) {
            break; /* a heap so long would begin with a larger control block */
        }
        high = verdict == HS_PASSED ? scale : 0;
        low = high == 0 ? scale : low;
        b->tried = scale;
    }
    while (high != 0 && high - low > 1) {
        uint32_t middle = (low + high) / 2;
        if (verdict_scaled(b, c, middle) == HS_PASSED) {
            high = middle;
        } else {
            low = middle;
        }
    }
    b->scale = high;
    for (size_t i = 0; i < b->region_count && high != 0; i++) {
        const hs_region_bound *r = &b->regions[i];
        uint64_t part = change(r, high);
        b->needed += !r->counted ? 0 : high > 1000 ? r->room + part : r->room - part;
    }
}

static int take_regions(hs_bounds *b, hs_case *c, hs_error *error)
{
    b->region_count = c->layout->region_count;
    b->regions = calloc(b->region_count, sizeof *b->regions);
    if (b->regions == NULL) {
        return no_memory(error);
    }
    for (size_t i = 0; i < b->region_count; i++) {
        const hs_layout_region *from = &c->layout->regions[i];
        hs_region_bound *r = &b->regions[i];
        const hs_caps_heap *heap = hs_region_heap(c, i);
        r->start = from->start;
        r->size = from->size;
        r->type = from->type;
        r->counted = heap != NULL && (heap->all & HS_CAP_8BIT) != 0;
        r->room = heap != NULL ? hs_region_room(c, heap) : 0;
        b->room += r->counted ? r->room : 0;
        if (b->passes && r->counted) {
            find_spare(r, c, i);
        }
    }
    return 0;
}

static void count_added(hs_bounds *b, const hs_case *c)
{
    for (size_t i = 0; i < c->policy->fixed_count; i++) {
        b->added += c->policy->fixed[i].size;
    }
    for (size_t t = 0; t < c->tape_count; t++) {
        for (size_t i = 0; i < c->tapes[t].count; i++) {
            const hs_event *e = &c->tapes[t].events[i];
            uint32_t size = e->op == HS_OP_REGION ? e->size : 0;
            b->added += size;
            b->largest_free = size > b->largest_free ? size : b->largest_free;
        }
    }
}

int hs_bounds_find(hs_bounds *b, hs_case *c, hs_error *error)
{
    *b = (hs_bounds){.passes = hs_case_try(c, &(hs_trial){0}).verdict == HS_PASSED};
    if (find_floor(&b->floor, c, error) != 0 || take_regions(b, c, error) != 0) {
        hs_bounds_release(b);
        return -1;
    }
    b->largest_free = hs_caps_largest_exact(&c->booted->caps, HS_CAP_8BIT);
    count_added(b, c);
    b->possible = b->floor.both <= b->room + b->added && b->floor.largest <= b->largest_free;
    find_scale(b, c);
    return 0;
}

void hs_bounds_release(hs_bounds *b)
{
    free(b->regions);
    *b = (hs_bounds){0};
}

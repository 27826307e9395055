#include "advice.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "data_path.h"
#include "explain_board.h"

#define K             1024u
#define POINTS_MAX    128u /* values of a parameter that are tried before its edge is sought */
#define POINTS_MIN    8u
#define EVENTS_BUDGET 40000000u  /* for one parameter */
#define GAIN_MAX      (512u * K) /* of a region */
#define GAIN_STEP     16u

hs_advice *hs_advices_add(hs_advices *to, enum hs_advice_kind kind, hs_error *error)
{
    hs_advice *grown = realloc(to->items, (to->count + 1) * sizeof *grown);
    if (grown == NULL) {
        hs_error_set(error, NULL, 0, "the host is out of memory");
        return NULL;
    }
    to->items = grown;
    grown[to->count] = (hs_advice){.kind = kind};
    return &grown[to->count++];
}

void hs_advices_release(hs_advices *advices)
{
    for (size_t i = 0; i < advices->count; i++) {
        free(advices->items[i].text);
    }
    free(advices->items);
    *advices = (hs_advices){0};
}

/* --- parameters of the policy --- */

static hs_result try_value(hs_case *c, const char *key, uint64_t value)
{
    hs_policy changed = *c->policy; /* hs_policy_set() writes into the struct alone */
    char text[24];
    hs_error error = {{0}};
    snprintf(text, sizeof text, "%" PRIu64, value);
    if (hs_policy_set(&changed, key, text, &error) != 0) {
        return hs_case_refuse(c, &error);
    }
    return hs_case_try(c, &(hs_trial){.policy = &changed});
}

/* Between a value that passes and one that fails, down to neighbours 1 KiB apart. */
static void refine(hs_advice *a, hs_case *c)
{
    while ((a->value > a->next ? a->value - a->next : a->next - a->value) > K) {
        uint64_t middle = (a->value / K + a->next / K) / 2 * K;
        hs_result result = try_value(c, a->name, middle);
        if (result.verdict == HS_PASSED) {
            a->value = middle;
            a->result = result;
        } else {
            a->next = middle;
            a->next_result = result;
        }
    }
}

/* From the wanted end towards the other, so that the first that passes is the best of them. */
static void scan(hs_advice *a, hs_case *c)
{
    for (uint64_t i = 0, count = (a->high - a->low) / a->step + 1; i < count; i++) {
        uint64_t value = a->downwards ? a->low + (count - 1 - i) * a->step : a->low + i * a->step;
        hs_result result = try_value(c, a->name, value);
        a->applies = a->applies || result.verdict != HS_REFUSED;
        a->result = result;
        if (result.verdict == HS_PASSED) {
            a->helps = true;
            a->value = value;
            if (a->has_next) {
                refine(a, c);
            }
            return;
        }
        a->has_next = true;
        a->next = value;
        a->next_result = result;
    }
}

static uint64_t step_for(const hs_case *c, uint64_t low, uint64_t high)
{
    uint64_t points = EVENTS_BUDGET / (c->events + 1000);
    points = points > POINTS_MAX ? POINTS_MAX : points < POINTS_MIN ? POINTS_MIN : points;
    uint64_t step = K;
    while ((high - low) / step >= points) {
        step *= 2;
    }
    return step;
}

typedef struct parameter {
    const char *key;
    bool (*used)(const hs_policy *policy);
    uint64_t (*now)(const hs_run *failed);
    bool from_now; /* only more than now is tried */
} parameter;

static bool takes_areas(const hs_policy *policy)
{
    return policy->gc_version != NULL && policy->areas != 0;
}

/* With `areas: all` the size of each would change their number, not what Python takes. */
static bool sizes_areas(const hs_policy *policy)
{
    return takes_areas(policy) && policy->areas != HS_POLICY_AREAS_ALL;
}

static uint64_t now_initial(const hs_run *failed)
{
    const hs_board *board = failed->board;
    size_t first = board->policy->fixed_count;
    return first < board->area_count ? board->areas[first].size : 0;
}

static uint64_t now_reserve(const hs_run *failed)
{
    return failed->board->policy->reserve;
}

/* gc.keep_free is none of them: growth comes when Python has no memory, and refused, Python fails.
 */
static const parameter parameters[] = {
    {"gc.initial", sizes_areas, now_initial, false},
    {"gc.reserve", takes_areas, now_reserve, true},
};

static int advise_parameter(hs_advices *to, hs_case *c, const hs_run *failed, const parameter *p,
                            hs_error *error)
{
    hs_caps *caps = &c->booted->caps;
    uint64_t now = p->now(failed);
    uint64_t low = p->from_now ? now / K * K + K : K;
    uint64_t high = hs_caps_largest_exact(caps, HS_CAP_8BIT) / K * K;
    if (!p->used(c->policy) || low > high) {
        return 0;
    }
    hs_advice *a = hs_advices_add(to, HS_ADVICE_PARAMETER, error);
    if (a == NULL) {
        return -1;
    }
    a->name = p->key;
    a->now = now;
    /* Python wants the most that still passes; when Python itself ran out, the least. */
    a->downwards = !p->from_now && failed->failure.heap == HS_HEAP_IDF;
    a->low = low;
    a->high = high;
    a->step = step_for(c, low, high);
    scan(a, c);
    return 0;
}

/* --- regions --- */

static hs_result try_gain(hs_case *c, size_t region, uint32_t gain)
{
    uint32_t more[HS_LAYOUT_REGIONS_MAX] = {0};
    hs_error error = {{0}};
    more[region] = gain;
    hs_other_board *other = hs_board_enlarged(c, more, &error);
    if (other == NULL) {
        return hs_case_refuse(c, &error);
    }
    hs_result result = hs_case_try(c, &(hs_trial){.booted = other->board});
    hs_other_board_destroy(other);
    return result;
}

/* Doubles the gain until the run passes, then halves the step down to GAIN_STEP. */
static void seek_gain(hs_advice *a, hs_case *c, size_t region)
{
    for (uint32_t gain = GAIN_STEP; gain <= GAIN_MAX && !a->helps; gain *= 2) {
        hs_result result = try_gain(c, region, gain);
        if (result.verdict == HS_REFUSED && a->has_next) {
            a->high = a->next; /* a heap so long would begin with a larger control block */
            return;
        }
        a->applies = result.verdict != HS_REFUSED;
        a->helps = result.verdict == HS_PASSED;
        a->result = result;
        if (!a->applies) {
            return;
        }
        if (a->helps) {
            a->value = gain;
        } else {
            a->next = gain;
            a->next_result = result;
            a->has_next = true;
        }
    }
    while (a->helps && a->value - a->next > GAIN_STEP) {
        uint64_t middle = (a->value + a->next) / 2 / GAIN_STEP * GAIN_STEP;
        hs_result result = try_gain(c, region, (uint32_t)middle);
        if (result.verdict == HS_PASSED) {
            a->value = middle;
            a->result = result;
        } else {
            a->next = middle;
            a->next_result = result;
        }
    }
}

static int advise_regions(hs_advices *to, hs_case *c, const hs_run *failed, hs_error *error)
{
    const hs_failure *f = &failed->failure;
    uint32_t caps = f->heap == HS_HEAP_IDF ? f->caps : HS_CAP_DEFAULT;
    for (size_t i = 0; i < c->layout->region_count; i++) {
        const hs_caps_heap *heap = hs_region_heap(c, i);
        if (heap == NULL || (heap->all & caps) != caps) {
            continue;
        }
        hs_advice *a = hs_advices_add(to, HS_ADVICE_REGION, error);
        if (a == NULL) {
            return -1;
        }
        a->name = c->layout->regions[i].type;
        a->start = c->layout->regions[i].start;
        a->step = GAIN_STEP;
        a->high = GAIN_MAX;
        seek_gain(a, c, i);
    }
    return 0;
}

/* --- other policies --- */

typedef struct policies {
    hs_advices *to;
    hs_case *c;
    hs_error *error;
    int result;
} policies;

/* A policy's fixed area in external memory is no idea for a board that has none. */
static bool has_memory(const hs_policy *policy, const hs_layout *layout)
{
    bool has = true;
    for (size_t i = 0; i < policy->fixed_count; i++) {
        const hs_chip *chip = hs_chip_find(layout->chip);
        has = has &&
              (layout->spiram || hs_chip_type_at(chip, policy->fixed[i].start) != HS_REGION_SPIRAM);
    }
    return has;
}

static void try_policy(void *context, const char *name, const char *path)
{
    policies *p = context;
    hs_error error = {{0}};
    if (p->result != 0 || strcmp(name, p->c->policy->name) == 0) {
        return;
    }
    hs_advice *a = hs_advices_add(p->to, HS_ADVICE_POLICY, p->error);
    if (a == NULL || (a->text = strdup(name)) == NULL) {
        hs_error_set(p->error, NULL, 0, "the host is out of memory");
        p->result = -1;
        return;
    }
    hs_policy *policy = hs_policy_load(path, &error);
    if (policy == NULL) {
        a->result = hs_case_refuse(p->c, &error);
        return;
    }
    if (has_memory(policy, p->c->layout)) {
        a->result = hs_case_try(p->c, &(hs_trial){.policy = policy});
    } else {
        a->result.verdict = HS_REFUSED;
        hs_error_set(&a->result.why, NULL, 0, "it needs external memory, which this board has not");
    }
    a->applies = a->result.verdict != HS_REFUSED;
    a->helps = a->result.verdict == HS_PASSED;
    hs_policy_free(policy);
}

static int advise_policies(hs_advices *to, hs_case *c, hs_error *error)
{
    policies p = {to, c, error, 0};
    return hs_data_list(HS_DATA_POLICY, try_policy, &p, error) == 0 ? p.result : -1;
}

int hs_advise(hs_advices *to, hs_case *c, const hs_run *failed, hs_error *error)
{
    *to = (hs_advices){0};
    uint64_t before = c->replays;
    int result = 0;
    for (size_t i = 0; i < sizeof parameters / sizeof parameters[0] && result == 0; i++) {
        result = advise_parameter(to, c, failed, &parameters[i], error);
    }
    if (result == 0) {
        result = hs_advise_order(to, c, failed, error);
    }
    if (result == 0) {
        result = advise_regions(to, c, failed, error);
    }
    if (result == 0) {
        result = advise_policies(to, c, error);
    }
    to->replays = c->replays - before;
    if (result != 0) {
        hs_advices_release(to);
    }
    return result;
}

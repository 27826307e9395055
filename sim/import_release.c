/* Which IDF release the figures of a log are of: what the log says, unless the figures contradict
 * it; people's version strings are often wrong, the allocator's arithmetic never is. */
#include "import_layout.h"

#include <string.h>

#include "idf_nearest.h"

typedef struct score {
    unsigned matches;
    unsigned misfits;
} score;

static void judge(score *s, bool matches)
{
    *(matches ? &s->matches : &s->misfits) += 1;
}

/* The largest free block must be a value that this release can print. */
static bool printable(const hs_import_model *model, const hs_import_pool *pool, uint32_t largest)
{
    return largest <= pool->size && hs_import_printed(model, pool, largest) == largest;
}

/* Live, free and headers add up to the empty heap. */
static void judge_info(score *s, const hs_import_model *model, const hs_import_region *r)
{
    const hs_fact *info = r->info;
    hs_import_pool pool = hs_import_pool_of(model, r->start, r->size);
    if (info == NULL) {
        return;
    }
    if (!pool.heap) {
        judge(s, info->value[2] + info->value[3] == 0);
        return;
    }
    uint64_t sum = info->value[2] + info->value[3];
    if (model->profile->allocator == HS_ALLOCATOR_LIST) {
        sum += 4 * (info->value[6] + info->value[7] - 1);
    } else if (model->profile->header_counted) {
        sum += 4 * info->value[6];
    }
    judge(s, sum == pool.free);
    judge(s, printable(model, &pool, (uint32_t)info->value[5]));
}

static void judge_tuple(score *s, const hs_import_model *model, const hs_import_region *r)
{
    hs_import_pool pool = hs_import_pool_of(model, r->start, r->size);
    if (r->tuple == NULL || !pool.heap) {
        return;
    }
    uint32_t counter = (uint32_t)r->tuple->value[1];
    uint32_t largest = (uint32_t)r->tuple->value[2];
    judge(s, printable(model, &pool, largest) && counter <= pool.free);
    if (counter == pool.free) {
        judge(s, largest == hs_import_printed(model, &pool, pool.size));
    }
}

/* No block lies in front of the first; one that reaches the end often starts there. */
static void judge_dump(score *s, const hs_import_moment *m, const hs_import_model *model,
                       const hs_import_region *r)
{
    hs_import_pool pool = hs_import_pool_of(model, r->start, r->size);
    if (r->dump == 0 || r->dump >= m->board->count || !pool.heap) {
        return;
    }
    const hs_fact *first = &m->board->facts[r->dump];
    bool list = model->profile->allocator == HS_ALLOCATOR_LIST;
    while (list && first->kind == HS_FACT_DUMP_BLOCK && first->value[0] < pool.first &&
           first < &m->board->facts[m->board->count - 1]) {
        first++; /* the list's own first block */
    }
    if (first->kind == HS_FACT_DUMP_BLOCK) {
        judge(s, first->value[0] >= pool.first && first->value[0] - pool.first != 4 &&
                     first->value[0] + first->value[1] <= (uint64_t)r->start + r->size);
        s->matches += first->value[0] == pool.first ? 4 : 0;
    }
}

static score score_of(const hs_import_moment *m, const hs_import_model *model)
{
    score s = {0, 0};
    for (size_t i = 0; i < m->region_count; i++) {
        judge_info(&s, model, &m->regions[i]);
        judge_tuple(&s, model, &m->regions[i]);
        judge_dump(&s, m, model, &m->regions[i]);
    }
    return s;
}

static bool better(score a, score b)
{
    return a.misfits != b.misfits ? a.misfits < b.misfits : a.matches > b.matches;
}

/* The best model so far. */
typedef struct choice {
    hs_import_model model;
    score score;
    bool found;
    bool spiram;
} choice;

static void consider(choice *c, const hs_import_moment *m, const char *release, bool spiram)
{
    hs_import_model model;
    if (!hs_import_model_of(&model, release, m->chip, spiram)) {
        return;
    }
    score s = score_of(m, &model);
    if (!c->found || better(s, c->score)) {
        *c = (choice){model, s, true, spiram};
    }
}

/* The nearest to one that is unknown, then one of each kind of arithmetic; of two that fit equally
 * well the first is taken. */
static void consider_all(choice *c, hs_import_moment *m, bool spiram)
{
    const char *const candidates[] = {m->idf_nearest, "v4.4", "v4.4.2", "v4.4.4",
                                      "v5.5",         "v4.3", "v3.3",   "v5.3"};
    /* heap_caps prints heaps in list order: since v5.5 that is by length, not by address. */
    bool sorted = hs_import_moment_sorted(m);
    for (size_t i = 0; i < sizeof candidates / sizeof candidates[0]; i++) {
        const hs_idf_profile *profile = hs_idf_profile_find(candidates[i]);
        if (!sorted || (profile != NULL && profile->boot_list_sorted)) {
            consider(c, m, candidates[i], spiram);
        }
    }
}

void hs_import_moment_release(hs_import_moment *m)
{
    choice best = {.found = false};
    if (m->idf[0] != 0) {
        consider(&best, m, m->idf, m->spiram);
    }
    bool named = best.found;
    if (named && best.score.misfits != 0) {
        consider(&best, m, m->idf, true); /* PSRAM may be there and not printed */
    }
    m->idf_unknown = m->idf[0] != 0 && !named;
    if (m->idf_unknown) {
        hs_idf_nearest_release(m->idf, m->idf_nearest, sizeof m->idf_nearest);
    }
    if (!named || best.score.misfits != 0) {
        consider_all(&best, m, m->spiram);
        consider_all(&best, m, true);
    }
    m->model = best.model;
    m->idf_guessed = best.model.release != m->idf;
    m->idf_evidence = m->idf_guessed && best.score.matches != 0;
    m->idf_corrected = m->idf_guessed && named;
    m->spiram_inferred = best.spiram && !m->spiram;
}

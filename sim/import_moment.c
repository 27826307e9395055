/* Which of the things that a log shows belong to one moment, and the board's regions then. */
#include "import_layout.h"

#include <stdlib.h>
#include <string.h>

#include "device/chip.h"

static const hs_fact *first_of(const hs_import_board *board, enum hs_fact_kind kind)
{
    for (size_t i = 0; i < board->count; i++) {
        if (board->facts[i].kind == kind) {
            return &board->facts[i];
        }
    }
    return NULL;
}

static bool is_state(const hs_fact *fact)
{
    return fact->kind == HS_FACT_HEAP || fact->kind == HS_FACT_DUMP_HEAP ||
           fact->kind == HS_FACT_DUMP_BLOCK || fact->kind == HS_FACT_TUPLE ||
           fact->kind == HS_FACT_GC;
}

/* The boot that contains `line`: from its first region to the first of the next boot. */
static void choose_boot(hs_import_moment *m, uint64_t line)
{
    uint32_t group = 0;
    m->first_line = 0;
    m->last_line = UINT64_MAX;
    for (size_t i = 0; i < m->board->count; i++) {
        const hs_fact *fact = &m->board->facts[i];
        if (fact->kind != HS_FACT_REGION || fact->group == group) {
            continue;
        }
        group = fact->group;
        if (fact->line <= line) {
            m->first_line = fact->line;
        } else if (m->last_line == UINT64_MAX && m->first_line != 0) {
            m->last_line = fact->line - 1;
        }
    }
}

static bool in_boot(const hs_import_moment *m, const hs_fact *fact)
{
    return fact->line >= m->first_line && fact->line <= m->last_line;
}

static uint64_t distance(uint64_t a, uint64_t b)
{
    return a < b ? b - a : a - b;
}

/* The print-out of a kind that lies nearest to `line`; of two, the one before. */
static const hs_fact *nearest(const hs_import_moment *m, enum hs_fact_kind kind, uint64_t line)
{
    const hs_fact *best = NULL;
    for (size_t i = 0; i < m->board->count; i++) {
        const hs_fact *fact = &m->board->facts[i];
        if (fact->kind == kind && in_boot(m, fact) &&
            (best == NULL || distance(fact->line, line) < distance(best->line, line))) {
            best = fact;
        }
    }
    return best;
}

static void choose_moment(hs_import_moment *m)
{
    const hs_fact *last = NULL;
    for (size_t i = 0; i < m->board->count; i++) {
        const hs_fact *fact = &m->board->facts[i];
        if (is_state(fact) || (last == NULL && fact->kind == HS_FACT_REGION)) {
            last = fact;
        }
    }
    m->failure = first_of(m->board, HS_FACT_FAILURE);
    uint64_t line = m->failure != NULL ? m->failure->line : last != NULL ? last->line : 0;
    choose_boot(m, line);
    const hs_fact *info = nearest(m, HS_FACT_HEAP, line);
    const hs_fact *dump = nearest(m, HS_FACT_DUMP_BLOCK, line);
    const hs_fact *tuple = nearest(m, HS_FACT_TUPLE, line);
    m->info_group = info != NULL ? info->group : 0;
    m->dump_group = dump != NULL ? dump->group : 0;
    m->tuple_group = tuple != NULL ? tuple->group : 0;
    m->gc = nearest(m, HS_FACT_GC, line);
    const hs_fact *area = nearest(m, HS_FACT_GC_AREA, line);
    m->gc_group = area != NULL ? area->group : 0;
    m->has_state = info != NULL || dump != NULL || tuple != NULL || area != NULL;
}

/* --- Regions ---------------------------------------------------------------------------------- */

/* Memory reserved for DMA on PSRAM boards: a heap inside a block of another, one byte short (a dump
 * does not show that); the list has it before the other. */
static bool is_pool(const hs_import_region *r, uint64_t start, uint64_t size)
{
    bool dumped = r->dump != 0 && r->info == NULL && r->type == NULL;
    return (dumped || r->size % 4 == 3) && start < r->start &&
           (uint64_t)r->start + r->size <= start + size;
}

static hs_import_region *add_region(hs_import_moment *m, uint64_t start, uint64_t size)
{
    for (size_t i = 0; i < m->region_count; i++) {
        hs_import_region *r = &m->regions[i];
        if (is_pool(r, start, size)) {
            m->pools++;
            m->pools_free += r->info != NULL ? r->info->value[2] : 0;
            m->regions[i--] = m->regions[--m->region_count];
        } else if (start < (uint64_t)r->start + r->size && r->start < start + size) {
            return NULL;
        }
    }
    if (m->region_count == HS_IMPORT_REGIONS_MAX) {
        m->region_overflow++;
        return NULL;
    }
    hs_import_region *r = &m->regions[m->region_count++];
    *r = (hs_import_region){.start = (uint32_t)start, .size = (uint32_t)size};
    return r;
}

hs_import_region *hs_import_moment_region(hs_import_moment *m, uint64_t start)
{
    for (size_t i = 0; i < m->region_count; i++) {
        if (m->regions[i].start == start) {
            return &m->regions[i];
        }
    }
    return NULL;
}

/* Layout's name of a type that heap_init printed; NULL: to be told by the address. */
static const char *type_of(const char *printed)
{
    static const char *const types[][2] = {
        {"DRAM", "DRAM"},         {"D/IRAM", "DIRAM"},         {"IRAM", "IRAM"},
        {"SPIRAM", "SPIRAM"},     {"RTCRAM", "RTCRAM"},        {"STACK/DRAM", "STACKDRAM"},
        {"STACK/DIRAM", "DIRAM"}, {"Retention RAM", "RETRAM"}, {"RAM", "DIRAM"},
    };
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(types[i][0], printed) == 0) {
            return types[i][1];
        }
    }
    return NULL;
}

static const char *type_at(const char *chip_name, uint32_t start)
{
    const hs_chip *chip = hs_chip_find(chip_name);
    const char *name = chip != NULL ? hs_region_type_name(hs_chip_type_at(chip, start)) : NULL;
    return name != NULL ? name : "DRAM";
}

const char *hs_import_moment_type(const hs_import_moment *m, const hs_import_region *r)
{
    return r->type != NULL ? r->type : type_at(m->chip, r->start);
}

/* Ends of a heap that only a dump shows: behind its last block and the end mark. */
static uint64_t dump_end(const hs_import_moment *m, size_t heap)
{
    uint64_t end = m->board->facts[heap].value[0];
    for (size_t i = heap + 1; i < m->board->count; i++) {
        const hs_fact *fact = &m->board->facts[i];
        if (fact->kind == HS_FACT_DUMP_HEAP || fact->group != m->dump_group) {
            break;
        }
        uint64_t block_end = fact->value[0] + fact->value[1];
        if (fact->kind == HS_FACT_DUMP_BLOCK && block_end > end) {
            end = block_end;
        }
    }
    return end + 4;
}

static bool belongs(const hs_import_moment *m, const hs_fact *fact)
{
    switch (fact->kind) {
    case HS_FACT_REGION:
        return in_boot(m, fact);
    case HS_FACT_HEAP:
        return fact->group == m->info_group;
    case HS_FACT_DUMP_HEAP:
        return fact->group == m->dump_group;
    case HS_FACT_TUPLE:
        return fact->group == m->tuple_group;
    default:
        return false;
    }
}

static void add_state(hs_import_moment *m, size_t index)
{
    const hs_fact *fact = &m->board->facts[index];
    hs_import_region *r = hs_import_moment_region(m, fact->value[0]);
    if (fact->kind == HS_FACT_HEAP) {
        r = r != NULL ? r : add_region(m, fact->value[0], fact->value[1]);
        if (r != NULL && fact->count == HS_FACT_VALUES) {
            r->info = fact;
        }
    } else if (fact->kind == HS_FACT_DUMP_HEAP) {
        r = r != NULL ? r : add_region(m, fact->value[0], dump_end(m, index) - fact->value[0]);
        if (r != NULL) {
            r->dump = index + 1;
        }
    }
}

/* Tuples name no address: each goes to the first region of its length that has none. */
static void match_tuple(hs_import_moment *m, const hs_fact *fact)
{
    for (size_t i = 0; i < m->region_count; i++) {
        hs_import_region *r = &m->regions[i];
        if (r->tuple == NULL && r->size == fact->value[0]) {
            r->tuple = fact;
            return;
        }
    }
    m->unplaced++;
    m->unplaced_free += fact->value[1];
}

static int by_start(const void *left, const void *right)
{
    uint32_t a = ((const hs_import_region *)left)->start;
    uint32_t b = ((const hs_import_region *)right)->start;
    return a < b ? -1 : a > b;
}

static void choose_regions(hs_import_moment *m)
{
    for (size_t i = 0; i < m->board->count; i++) {
        const hs_fact *fact = &m->board->facts[i];
        if (fact->kind == HS_FACT_REGION && belongs(m, fact)) {
            hs_import_region *r = add_region(m, fact->value[0], fact->value[1]);
            if (r != NULL) {
                r->type = type_of(fact->text);
            }
        }
    }
    for (size_t i = 0; i < m->board->count; i++) {
        if (belongs(m, &m->board->facts[i])) {
            add_state(m, i);
        }
    }
    for (size_t i = 0; i < m->board->count; i++) {
        if (m->board->facts[i].kind == HS_FACT_TUPLE && belongs(m, &m->board->facts[i])) {
            match_tuple(m, &m->board->facts[i]);
        }
    }
    qsort(m->regions, m->region_count, sizeof m->regions[0], by_start);
}

/* --- Names ------------------------------------------------------------------------------------ */

static void copy_last_text(const hs_import_moment *m, enum hs_fact_kind kind, char *text)
{
    for (size_t i = 0; i < m->board->count; i++) {
        const hs_fact *fact = &m->board->facts[i];
        if (fact->kind == kind && (text[0] == 0 || fact->line <= m->last_line)) {
            memcpy(text, fact->text, HS_FACT_TEXT);
        }
    }
}

static const char *guess_chip(const hs_import_moment *m)
{
    const char *guess = "esp32";
    for (size_t i = 0; i < m->region_count; i++) {
        uint32_t start = m->regions[i].start;
        if (start == 0x3ffe0440u || start == 0x3ffe4350u) {
            return "esp32";
        }
        if ((start >= 0x3fce8000u && start < 0x3fd00000u) || start >> 16 == 0x600f) {
            return "esp32s3";
        }
        if (start >= 0x3fc80000u && start < 0x3fce0000u) {
            guess = "esp32c3";
        }
    }
    return guess;
}

const hs_fact *hs_import_moment_gc(const hs_import_moment *m, uint64_t start, uint64_t size)
{
    for (size_t i = 0; m->gc_group != 0 && i < m->board->count; i++) {
        const hs_fact *fact = &m->board->facts[i];
        if (fact->kind == HS_FACT_GC_AREA && fact->group == m->gc_group &&
            fact->value[0] >= start && fact->value[0] < start + size) {
            return fact;
        }
    }
    return NULL;
}

uint64_t hs_import_moment_gc_blocks(const hs_import_moment *m, const hs_fact *area)
{
    return m->gc_total_blocks != 0 ? m->gc_total_blocks : area->value[1];
}

/* The map of the Python heap against the totals that were printed with it. */
static void check_map(hs_import_moment *m)
{
    uint64_t areas = 0;
    uint64_t blocks = 0;
    uint64_t used = 0;
    for (size_t i = 0; i < m->board->count; i++) {
        const hs_fact *fact = &m->board->facts[i];
        if (fact->kind == HS_FACT_GC_AREA && fact->group == m->gc_group) {
            areas++;
            blocks += fact->value[1];
            used += fact->value[2];
        }
    }
    if (areas == 0 || m->gc == NULL || m->gc->group != m->gc_group) {
        return;
    }
    m->gc_map_cut = blocks * 16 != m->gc->value[0] || used * 16 != m->gc->value[1];
    m->gc_total_blocks = areas == 1 ? m->gc->value[0] / 16 : 0;
}

void hs_import_moment_choose(hs_import_moment *m, const hs_import_board *board)
{
    m->board = board;
    choose_moment(m);
    choose_regions(m);
    check_map(m);
    copy_last_text(m, HS_FACT_IDF, m->idf);
    copy_last_text(m, HS_FACT_PYTHON, m->python);
    copy_last_text(m, HS_FACT_CHIP, m->chip);
    m->chip_guessed = m->chip[0] == 0;
    if (m->chip_guessed) {
        snprintf(m->chip, sizeof m->chip, "%s", guess_chip(m));
    }
    for (size_t i = 0; i < m->region_count; i++) {
        m->spiram |= strcmp(hs_import_moment_type(m, &m->regions[i]), "SPIRAM") == 0;
    }
}

void hs_import_moment_types(hs_import_moment *m)
{
    const hs_chip *chip = hs_chip_find(m->chip);
    for (size_t i = 0; i < m->region_count; i++) {
        hs_import_region *r = &m->regions[i];
        uint32_t caps[3];
        if (r->type == NULL || chip == NULL ||
            !hs_chip_caps(chip, m->model.profile, false, hs_region_type_find(r->type), caps)) {
            r->type = type_at(m->chip, r->start);
        }
    }
}

#include "import_model.h"

#include "device/chip.h"

#define HEADER        4u
#define TLSF_RECORD   20u /* of multi_heap, at the start of the region */
#define TLSF_MINIMUM  12u
#define LIST_FIRST    28u /* record, the first block's two words, the first header */
#define LIST_OVERHEAD 36u

static uint32_t log2_floor(uint32_t value)
{
    uint32_t log = 0;
    while (value >>= 1) {
        log++;
    }
    return log;
}

/* TLSF's control block where its classes cover the chip's largest pool: 128 KiB in 2^17 and so on,
 * 256 KiB at least. */
static uint32_t fixed_control(const char *chip_name, bool spiram)
{
    const hs_chip *chip = hs_chip_find(chip_name);
    uint32_t pool = chip == NULL ? 0 : spiram ? chip->spiram_pool : chip->fixed_pool;
    uint32_t rows = 12;
    while (rows < 18 && pool > 1u << (rows + 6)) {
        rows++;
    }
    return 20 + 132 * rows;
}

bool hs_import_model_of(hs_import_model *model, const char *release, const char *chip, bool spiram)
{
    model->release = release;
    model->profile = hs_idf_profile_find(release);
    model->fixed_control = fixed_control(chip, spiram);
    return model->profile != NULL;
}

static uint32_t region_control(uint32_t pool, uint32_t *classes)
{
    uint32_t sl_log = pool <= 16384 ? 3 : pool <= 262144 ? 4 : 5;
    uint32_t rows = log2_floor(pool) + 1 - (sl_log + 2) + 1;
    *classes = 1u << sl_log;
    return 36 + 4 * rows + 4 * rows * *classes;
}

static hs_import_pool list_pool(uint32_t start, uint32_t size)
{
    hs_import_pool pool = {.minimum = 4};
    uint32_t lost = (0u - start) & 3;
    if (size < 40 + lost) {
        return pool;
    }
    pool.heap = true;
    pool.first = start + lost + LIST_FIRST;
    pool.size = (size - lost - LIST_OVERHEAD) & ~3u;
    pool.free = pool.size;
    return pool;
}

hs_import_pool hs_import_pool_of(const hs_import_model *model, uint32_t start, uint32_t size)
{
    const hs_idf_profile *profile = model->profile;
    if (profile->allocator == HS_ALLOCATOR_LIST) {
        return list_pool(start, size);
    }
    hs_import_pool pool = {.minimum = TLSF_MINIMUM, .classes = 32};
    uint32_t control = model->fixed_control;
    if (profile->classes_per_region) {
        if (size < TLSF_RECORD + 36) {
            return pool;
        }
        control = region_control(size - TLSF_RECORD, &pool.classes);
    }
    if (size < control + 32) {
        return pool;
    }
    pool.heap = true;
    pool.first = start + TLSF_RECORD + control + HEADER;
    pool.size = (size - TLSF_RECORD - control - 2 * HEADER) & ~3u;
    pool.free = size - TLSF_RECORD - control;
    return pool;
}

uint32_t hs_import_printed(const hs_import_model *model, const hs_import_pool *pool, uint32_t size)
{
    uint8_t rule = model->profile->largest;
    if (size == 0 || rule == HS_LARGEST_TRUE) {
        return size;
    }
    uint32_t power = 1u << log2_floor(size);
    if (rule == HS_LARGEST_POWER) {
        return power;
    }
    if (rule == HS_LARGEST_CLASS && size < 4 * pool->classes) {
        return size;
    }
    uint32_t step = power / pool->classes;
    return step == 0 ? 0 : size & ~(step - 1);
}

uint32_t hs_import_unprinted(const hs_import_model *model, const hs_import_pool *pool,
                             uint32_t printed)
{
    uint8_t rule = model->profile->largest;
    if (rule == HS_LARGEST_TRUE || (rule == HS_LARGEST_CLASS && printed < 4 * pool->classes)) {
        return printed;
    }
    if (printed == 0) {
        return rule == HS_LARGEST_POWER ? 0 : pool->classes - 4;
    }
    uint32_t power = 1u << log2_floor(printed);
    uint32_t step = rule == HS_LARGEST_POWER ? power : power / pool->classes;
    return step <= 4 ? printed : printed + (step - 4);
}

int64_t hs_import_free_data(const hs_import_model *model, uint32_t counter, uint64_t live,
                            uint64_t free_blocks)
{
    const hs_idf_profile *profile = model->profile;
    int64_t headers = 0;
    if (profile->allocator == HS_ALLOCATOR_TLSF) {
        uint64_t counted = profile->header_counted ? free_blocks : live + free_blocks;
        headers = 2 * (int64_t)HEADER + (int64_t)HEADER * ((int64_t)counted - 1);
    }
    return (int64_t)counter - headers;
}

#include "layout.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device/chip.h"
#include "device/profile.h"
#include "device/region.h"
#include "idf_nearest.h"
#include "yaml_file.h"

/* The file as libcyaml loads it: numbers as text, so that all their errors are alike. */
typedef struct raw_region {
    char *start;
    char *size;
    char *type;
    int late;
} raw_region;

typedef struct raw_block {
    char *start;
    char *size;
    char *owner;
} raw_block;

typedef struct raw_boot {
    int fresh;
    raw_block *free;
    uint32_t free_count;
    raw_block *blocks;
    uint32_t blocks_count;
    char *trace;
} raw_boot;

typedef struct raw_spiram {
    char *always_internal;
    char *reserve_internal;
} raw_spiram;

typedef struct raw_layout {
    char *name;
    char *title;
    char *chip;
    char *policy;
    char *idf;
    char **source;
    uint32_t source_count;
    raw_region *regions;
    uint32_t regions_count;
    raw_boot *boot;
    raw_spiram *spiram;
    int poisoning;
    int memory_protection;
} raw_layout;

#define TEXT(key, flags, type, member, max)                                                        \
    CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | (flags), type, member, 1, max)

static const cyaml_strval_t only_true[] = {{"true", 1}};
static const cyaml_strval_t poisonings[] = {{"none", 0}, {"light", 1}};

static const cyaml_schema_value_t text_entry = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, 1024)};

static const cyaml_schema_field_t region_fields[] = {
    TEXT("start", 0, raw_region, start, 32), TEXT("size", 0, raw_region, size, 32),
    TEXT("type", 0, raw_region, type, 32),
    CYAML_FIELD_ENUM("late", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, raw_region, late,
                     hs_yaml_bools, 2),
    CYAML_FIELD_END};
static const cyaml_schema_value_t region_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, raw_region, region_fields)};

static const cyaml_schema_field_t free_fields[] = {
    TEXT("start", 0, raw_block, start, 32), TEXT("size", 0, raw_block, size, 32), CYAML_FIELD_END};
static const cyaml_schema_value_t free_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, raw_block, free_fields)};

static const cyaml_schema_field_t block_fields[] = {
    TEXT("start", 0, raw_block, start, 32), TEXT("size", 0, raw_block, size, 32),
    TEXT("owner", CYAML_FLAG_OPTIONAL, raw_block, owner, 64), CYAML_FIELD_END};
static const cyaml_schema_value_t block_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, raw_block, block_fields)};

static const cyaml_schema_field_t boot_fields[] = {
    CYAML_FIELD_ENUM("fresh", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, raw_boot, fresh, only_true,
                     1),
    CYAML_FIELD_SEQUENCE("free", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, raw_boot, free,
                         &free_entry, 0, HS_LAYOUT_BLOCKS_MAX),
    CYAML_FIELD_SEQUENCE("blocks", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, raw_boot, blocks,
                         &block_entry, 0, HS_LAYOUT_BLOCKS_MAX),
    TEXT("trace", CYAML_FLAG_OPTIONAL, raw_boot, trace, 1024), CYAML_FIELD_END};

static const cyaml_schema_field_t spiram_fields[] = {
    TEXT("always_internal", CYAML_FLAG_OPTIONAL, raw_spiram, always_internal, 32),
    TEXT("reserve_internal", CYAML_FLAG_OPTIONAL, raw_spiram, reserve_internal, 32),
    CYAML_FIELD_END};

static const cyaml_schema_field_t layout_fields[] = {
    TEXT("name", 0, raw_layout, name, 1024),
    TEXT("title", 0, raw_layout, title, 1024),
    TEXT("chip", 0, raw_layout, chip, 64),
    TEXT("policy", CYAML_FLAG_OPTIONAL, raw_layout, policy, 1024),
    TEXT("idf", 0, raw_layout, idf, 64),
    CYAML_FIELD_SEQUENCE("source", CYAML_FLAG_POINTER, raw_layout, source, &text_entry, 1, 64),
    CYAML_FIELD_SEQUENCE("regions", CYAML_FLAG_POINTER, raw_layout, regions, &region_entry, 1,
                         HS_LAYOUT_REGIONS_MAX),
    CYAML_FIELD_MAPPING_PTR("boot", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, raw_layout, boot,
                            boot_fields),
    CYAML_FIELD_MAPPING_PTR("spiram", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, raw_layout, spiram,
                            spiram_fields),
    CYAML_FIELD_ENUM("poisoning", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, raw_layout, poisoning,
                     poisonings, 2),
    CYAML_FIELD_ENUM("memory_protection", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, raw_layout,
                     memory_protection, hs_yaml_bools, 2),
    CYAML_FIELD_END};
static const cyaml_schema_value_t layout_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, raw_layout, layout_fields)};

/* What hs_layout points into. */
typedef struct loaded {
    hs_layout layout; /* first: hs_layout_free() gets its address */
    raw_layout *raw;
    char *path;
} loaded;

typedef struct reader {
    const hs_yaml *yaml;
    const raw_layout *raw;
    hs_layout *layout;
    hs_error *error;
} reader;

static int check_chip(const reader *r)
{
    if (hs_chip_find(r->raw->chip) != NULL) {
        return 0;
    }
    char known[256] = "";
    size_t used = 0;
    for (size_t i = 0; hs_chip_row(i) != NULL && used < sizeof known; i++) {
        int n = snprintf(known + used, sizeof known - used, "%s%s", i > 0 ? ", " : "",
                         hs_chip_row(i)->name);
        used += n > 0 ? (size_t)n : 0;
    }
    hs_yaml_fail(r->yaml, r->error, "chip", "found chip '%s', expected one of: %s", r->raw->chip,
                 known);
    return -1;
}

static int check_idf(const reader *r)
{
    if (hs_idf_profile_find(r->raw->idf) != NULL) {
        return 0;
    }
    char rows[512] = "";
    size_t used = 0;
    for (size_t i = 0; hs_idf_profile_row(i) != NULL && used < sizeof rows; i++) {
        int n = snprintf(rows + used, sizeof rows - used, "%s%s", i > 0 ? "; " : "",
                         hs_idf_profile_row(i)->name);
        used += n > 0 ? (size_t)n : 0;
    }
    char nearest[128];
    hs_idf_nearest_words(r->raw->idf, nearest, sizeof nearest);
    hs_yaml_fail(r->yaml, r->error, "idf",
                 "found IDF release '%s', which heapsim does not know%s, expected one such as v4.4 "
                 "or v5.0.2 out of: %s",
                 r->raw->idf, nearest, rows);
    return -1;
}

static int check_type(const reader *r, const char *path, const char *type)
{
    const hs_chip *chip = hs_chip_find(r->raw->chip);
    const hs_idf_profile *profile = hs_idf_profile_find(r->raw->idf);
    uint32_t caps[3];
    char known[256] = "";
    size_t used = 0;
    for (int t = 0; t < HS_REGION_TYPES && used < sizeof known; t++) {
        const char *name = hs_region_type_name((enum hs_region_type)t);
        if (!hs_chip_caps(chip, profile, false, (enum hs_region_type)t, caps)) {
            continue;
        }
        if (strcmp(name, type) == 0) {
            return 0;
        }
        int n = snprintf(known + used, sizeof known - used, "%s%s", used > 0 ? ", " : "", name);
        used += n > 0 ? (size_t)n : 0;
    }
    hs_yaml_fail(r->yaml, r->error, path, "found region type '%s', expected one of: %s", type,
                 known);
    return -1;
}

/* A start and a size, both of whose paths begin with `base`, such as "regions[2]". */
static int read_extent(const reader *r, const char *base, const char *start_text,
                       const char *size_text, hs_addr *start, uint32_t *size)
{
    char path[64];
    snprintf(path, sizeof path, "%s.start", base);
    if (hs_yaml_size(r->yaml, path, start_text, 4, UINT32_MAX, start, r->error) != 0) {
        return -1;
    }
    if (*start % 4 != 0) {
        hs_yaml_fail(r->yaml, r->error, path, "found %s for %s, expected a multiple of 4",
                     start_text, path);
        return -1;
    }
    snprintf(path, sizeof path, "%s.size", base);
    if (hs_yaml_size(r->yaml, path, size_text, 4, UINT32_MAX, size, r->error) != 0) {
        return -1;
    }
    if ((uint64_t)*start + *size > (uint64_t)UINT32_MAX + 1) {
        hs_yaml_fail(r->yaml, r->error, path,
                     "found size %s at 0x%" PRIx32 ", expected an end of at most 2^32", size_text,
                     *start);
        return -1;
    }
    return 0;
}

static bool overlap(hs_addr a, uint32_t a_size, hs_addr b, uint32_t b_size)
{
    return a < (uint64_t)b + b_size && b < (uint64_t)a + a_size;
}

static int read_region(const reader *r, size_t index)
{
    hs_layout *layout = r->layout;
    const raw_region *raw = &r->raw->regions[index];
    hs_layout_region *region = &layout->regions[index];
    char path[64];
    snprintf(path, sizeof path, "regions[%zu]", index);
    if (read_extent(r, path, raw->start, raw->size, &region->start, &region->size) != 0) {
        return -1;
    }
    for (size_t i = 0; i < index; i++) {
        const hs_layout_region *other = &layout->regions[i];
        if (overlap(region->start, region->size, other->start, other->size)) {
            hs_yaml_fail(r->yaml, r->error, path,
                         "found region 0x%" PRIx32 "+%" PRIu32 " over region 0x%" PRIx32 "+%" PRIu32
                         ", expected regions that do not overlap",
                         region->start, region->size, other->start, other->size);
            return -1;
        }
    }
    region->type = raw->type;
    region->late = raw->late != 0;
    layout->spiram = layout->spiram || strcmp(raw->type, "SPIRAM") == 0;
    snprintf(path, sizeof path, "regions[%zu].type", index);
    return check_type(r, path, raw->type);
}

static int read_regions(const reader *r)
{
    r->layout->regions = calloc(r->raw->regions_count, sizeof *r->layout->regions);
    if (r->layout->regions == NULL) {
        hs_yaml_fail(r->yaml, r->error, "", "the host is out of memory");
        return -1;
    }
    r->layout->region_count = r->raw->regions_count;
    for (size_t i = 0; i < r->layout->region_count; i++) {
        if (read_region(r, i) != 0) {
            return -1;
        }
    }
    return 0;
}

static int by_address(const void *a, const void *b)
{
    hs_addr x = ((const hs_layout_block *)a)->start;
    hs_addr y = ((const hs_layout_block *)b)->start;
    return (x > y) - (x < y);
}

static int read_block(const reader *r, const char *list, const raw_block *raw, size_t index)
{
    hs_layout_block *block = &r->layout->blocks[index];
    char path[64];
    snprintf(path, sizeof path, "boot.%s[%zu]", list, index);
    if (read_extent(r, path, raw->start, raw->size, &block->start, &block->size) != 0) {
        return -1;
    }
    if (block->size % 4 != 0) {
        hs_yaml_fail(r->yaml, r->error, path, "found size %s for %s, expected a multiple of 4",
                     raw->size, path);
        return -1;
    }
    if (hs_layout_find_region(r->layout, block->start, block->size) < 0) {
        hs_yaml_fail(r->yaml, r->error, path,
                     "found block 0x%" PRIx32 "+%" PRIu32 ", expected it inside one region",
                     block->start, block->size);
        return -1;
    }
    block->owner = raw->owner;
    return 0;
}

/* Index in the file of the last block that starts at `start`. */
static size_t file_index(const raw_block *raw, size_t count, hs_addr start)
{
    uint32_t value = 0;
    while (count > 1 && (!hs_yaml_parse_size(raw[count - 1].start, &value) || value != start)) {
        count--;
    }
    return count - 1;
}

/* Blocks are in address order now: each must leave room for the 4-byte header of the next, and
 * two free blocks cannot be neighbours, as every allocator would have merged them. */
static int check_neighbours(const reader *r, const char *list, const raw_block *raw)
{
    uint64_t gap = r->layout->boot == HS_BOOT_FREE ? 8 : 4;
    for (size_t i = 1; i < r->layout->block_count; i++) {
        const hs_layout_block *a = &r->layout->blocks[i - 1];
        const hs_layout_block *b = &r->layout->blocks[i];
        if (hs_layout_find_region(r->layout, a->start, 4) !=
                hs_layout_find_region(r->layout, b->start, 4) ||
            (uint64_t)a->start + a->size + gap <= b->start) {
            continue;
        }
        char path[64];
        snprintf(path, sizeof path, "boot.%s[%zu]", list,
                 file_index(raw, r->layout->block_count, b->start));
        hs_yaml_fail(r->yaml, r->error, path,
                     "found block 0x%" PRIx32 "+%" PRIu32 " behind 0x%" PRIx32 "+%" PRIu32
                     ", expected %s between them",
                     b->start, b->size, a->start, a->size,
                     gap == 8 ? "a live block" : "a header of 4 bytes");
        return -1;
    }
    return 0;
}

static int read_blocks(const reader *r, const char *list, const raw_block *raw, size_t count)
{
    r->layout->blocks = calloc(count > 0 ? count : 1, sizeof *r->layout->blocks);
    if (r->layout->blocks == NULL) {
        hs_yaml_fail(r->yaml, r->error, "", "the host is out of memory");
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        if (read_block(r, list, &raw[i], i) != 0) {
            return -1;
        }
    }
    r->layout->block_count = count;
    qsort(r->layout->blocks, count, sizeof *r->layout->blocks, by_address);
    return check_neighbours(r, list, raw);
}

static int read_boot(const reader *r)
{
    const raw_boot *boot = r->raw->boot;
    r->layout->boot = HS_BOOT_INIT;
    if (boot == NULL) {
        return 0;
    }
    if (hs_yaml_key_at(r->yaml, "boot", 0) == NULL || hs_yaml_key_at(r->yaml, "boot", 1) != NULL) {
        hs_yaml_fail(r->yaml, r->error, "boot",
                     "found %s in boot, expected one of: fresh, free, blocks, trace",
                     hs_yaml_key_at(r->yaml, "boot", 0) == NULL ? "nothing" : "several keys");
        return -1;
    }
    if (hs_yaml_kind_at(r->yaml, "boot.free") != HS_YAML_NONE) {
        r->layout->boot = HS_BOOT_FREE;
        return read_blocks(r, "free", boot->free, boot->free_count);
    }
    if (hs_yaml_kind_at(r->yaml, "boot.blocks") != HS_YAML_NONE) {
        r->layout->boot = HS_BOOT_BLOCKS;
        return read_blocks(r, "blocks", boot->blocks, boot->blocks_count);
    }
    r->layout->boot = boot->trace != NULL ? HS_BOOT_TRACE : HS_BOOT_FRESH;
    r->layout->boot_trace = boot->trace;
    return 0;
}

static int read_spiram(const reader *r)
{
    const raw_spiram *spiram = r->raw->spiram;
    if (spiram == NULL) {
        return 0;
    }
    r->layout->spiram = true;
    if (spiram->always_internal != NULL &&
        hs_yaml_size(r->yaml, "spiram.always_internal", spiram->always_internal, 0, UINT32_MAX,
                     &r->layout->spiram_always_internal, r->error) != 0) {
        return -1;
    }
    if (spiram->reserve_internal != NULL &&
        hs_yaml_size(r->yaml, "spiram.reserve_internal", spiram->reserve_internal, 0, UINT32_MAX,
                     &r->layout->spiram_reserve_internal, r->error) != 0) {
        return -1;
    }
    return 0;
}

static int read_layout(const reader *r)
{
    const raw_layout *raw = r->raw;
    hs_layout *layout = r->layout;
    layout->name = raw->name;
    layout->title = raw->title;
    layout->chip = raw->chip;
    layout->idf = raw->idf;
    layout->policy = raw->policy != NULL ? raw->policy : "none";
    layout->sources = (const char **)raw->source;
    layout->source_count = raw->source_count;
    layout->poisoning_light = raw->poisoning != 0;
    layout->memory_protection = raw->memory_protection != 0;
    if (hs_yaml_name(r->yaml, "name", raw->name, r->error) != 0 ||
        hs_yaml_name(r->yaml, "policy", layout->policy, r->error) != 0 || check_chip(r) != 0 ||
        check_idf(r) != 0 || read_regions(r) != 0 || read_boot(r) != 0) {
        return -1;
    }
    return read_spiram(r);
}

hs_layout *hs_layout_load(const char *path, hs_error *error)
{
    hs_yaml *yaml = hs_yaml_open(path, error);
    if (yaml == NULL) {
        return NULL;
    }
    loaded *l = calloc(1, sizeof *l);
    void *raw = NULL;
    int result = -1;
    if (l == NULL || (l->path = strdup(path)) == NULL) {
        hs_error_set(error, path, 0, "the host is out of memory");
    } else if (hs_yaml_load(yaml, &layout_schema, &raw, error) == 0) {
        l->raw = raw;
        l->layout.path = l->path;
        result = read_layout(&(reader){yaml, l->raw, &l->layout, error});
    }
    hs_yaml_close(yaml);
    if (result != 0) {
        hs_layout_free(l != NULL ? &l->layout : NULL);
        return NULL;
    }
    return &l->layout;
}

void hs_layout_free(hs_layout *layout)
{
    if (layout == NULL) {
        return;
    }
    loaded *l = (loaded *)layout;
    hs_yaml_unload(&layout_schema, l->raw);
    free(l->path);
    free(layout->regions);
    free(layout->blocks);
    free(l);
}

int hs_layout_find_region(const hs_layout *layout, hs_addr start, uint32_t size)
{
    for (size_t i = 0; i < layout->region_count; i++) {
        const hs_layout_region *region = &layout->regions[i];
        if (start >= region->start &&
            (uint64_t)start + size <= (uint64_t)region->start + region->size) {
            return (int)i;
        }
    }
    return -1;
}

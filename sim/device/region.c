/* Names of capabilities and of kinds of memory. */
#include "region.h"

#include <stdbool.h>

typedef struct cap_name {
    const char *name;
    uint32_t bit;
} cap_name;

static const cap_name cap_names[] = {
    {"exec", HS_CAP_EXEC},
    {"32bit", HS_CAP_32BIT},
    {"8bit", HS_CAP_8BIT},
    {"dma", HS_CAP_DMA},
    {"pid2", HS_CAP_PID2},
    {"pid3", HS_CAP_PID3},
    {"pid4", HS_CAP_PID4},
    {"pid5", HS_CAP_PID5},
    {"pid6", HS_CAP_PID6},
    {"pid7", HS_CAP_PID7},
    {"spiram", HS_CAP_SPIRAM},
    {"internal", HS_CAP_INTERNAL},
    {"default", HS_CAP_DEFAULT},
    {"iram_8bit", HS_CAP_IRAM_8BIT},
    {"retention", HS_CAP_RETENTION},
    {"rtcram", HS_CAP_RTCRAM},
    {"tcm", HS_CAP_TCM},
    {"dma_desc_ahb", HS_CAP_DMA_DESC_AHB},
    {"dma_desc_axi", HS_CAP_DMA_DESC_AXI},
    {"cache_aligned", HS_CAP_CACHE_ALIGNED},
    {"simd", HS_CAP_SIMD},
    {"no_encryption", HS_CAP_NO_ENCRYPTION},
    {"invalid", HS_CAP_INVALID},
    {"spm", HS_CAP_TCM}, /* its name from v6.1 on */
};

static const char *const type_names[HS_REGION_TYPES] = {
    [HS_REGION_DRAM] = "DRAM",     [HS_REGION_DIRAM] = "DIRAM",
    [HS_REGION_IRAM] = "IRAM",     [HS_REGION_SPIRAM] = "SPIRAM",
    [HS_REGION_RTCRAM] = "RTCRAM", [HS_REGION_STACKDRAM] = "STACKDRAM",
    [HS_REGION_RETRAM] = "RETRAM",
};

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool same_name(const char *a, const char *b)
{
    while (*a != 0 && lower(*a) == lower(*b)) {
        a++;
        b++;
    }
    return lower(*a) == lower(*b);
}

uint32_t hs_cap_find(const char *name)
{
    for (size_t i = 0; i < sizeof cap_names / sizeof *cap_names; i++) {
        if (same_name(name, cap_names[i].name)) {
            return cap_names[i].bit;
        }
    }
    return 0;
}

const char *hs_cap_name(uint32_t caps)
{
    uint32_t lowest = caps & (0 - caps);
    for (size_t i = 0; i < sizeof cap_names / sizeof *cap_names; i++) {
        if (lowest == cap_names[i].bit) {
            return cap_names[i].name;
        }
    }
    return NULL;
}

enum hs_region_type hs_region_type_find(const char *name)
{
    unsigned type = 0;
    while (type < HS_REGION_TYPES && !same_name(name, type_names[type])) {
        type++;
    }
    return (enum hs_region_type)type;
}

const char *hs_region_type_name(enum hs_region_type type)
{
    return type < HS_REGION_TYPES ? type_names[type] : NULL;
}

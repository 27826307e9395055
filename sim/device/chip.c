/* The chips, as data. */
#include "chip.h"

#define KIB        1024u
#define MIB        (1024u * KIB)
#define COMMON     (HS_CAP_DEFAULT | HS_CAP_32BIT | HS_CAP_8BIT)
#define RAM        (COMMON | HS_CAP_INTERNAL | HS_CAP_DMA)
#define COUNT(...) (sizeof((hs_chip_type[]){__VA_ARGS__}) / sizeof(hs_chip_type))
#define TYPES(...) .types = {__VA_ARGS__}, .type_count = COUNT(__VA_ARGS__)

/* The PSRAM driver's own capabilities from v5.0 on, the same on all chips. */
#define SPIRAM_OWN                                                                                 \
    {                                                                                              \
        HS_REGION_SPIRAM, HS_CHIP_SPIRAM_OWN,                                                      \
        {                                                                                          \
            HS_CAP_SPIRAM | HS_CAP_DEFAULT, 0, HS_CAP_8BIT | HS_CAP_32BIT | HS_CAP_SIMD            \
        }                                                                                          \
    }
#define SPIRAM_TABLE                                                                               \
    {                                                                                              \
        HS_REGION_SPIRAM, HS_CHIP_ALWAYS,                                                          \
        {                                                                                          \
            HS_CAP_SPIRAM | HS_CAP_DEFAULT, 0, HS_CAP_8BIT | HS_CAP_32BIT                          \
        }                                                                                          \
    }
#define RTC_LOWEST_EXEC                                                                            \
    {                                                                                              \
        HS_REGION_RTCRAM, HS_CHIP_ALWAYS,                                                          \
        {                                                                                          \
            HS_CAP_RTCRAM, 0, COMMON | HS_CAP_INTERNAL | HS_CAP_EXEC                               \
        }                                                                                          \
    }

/* The ESP32's own types, and the S2's up to v4.4. */
#define DRAM_CAPS                                                                                  \
    {                                                                                              \
        HS_CAP_8BIT | HS_CAP_DEFAULT, HS_CAP_INTERNAL | HS_CAP_DMA | HS_CAP_32BIT, 0               \
    }
#define ESP32_TYPES                                                                                \
    {HS_REGION_DRAM, HS_CHIP_ALWAYS, DRAM_CAPS},                                                   \
        {HS_REGION_DIRAM,                                                                          \
         HS_CHIP_ALWAYS,                                                                           \
         {0, HS_CAP_DMA | HS_CAP_8BIT | HS_CAP_INTERNAL | HS_CAP_DEFAULT,                          \
          HS_CAP_32BIT | HS_CAP_EXEC}},                                                            \
        {HS_REGION_IRAM, HS_CHIP_ALWAYS, {HS_CAP_INTERNAL | HS_CAP_EXEC | HS_CAP_32BIT, 0, 0}},    \
        {HS_REGION_RTCRAM,                                                                         \
         HS_CHIP_RTC_LOWEST,                                                                       \
         {HS_CAP_RTCRAM, HS_CAP_8BIT | HS_CAP_DEFAULT,                                             \
          HS_CAP_INTERNAL | HS_CAP_32BIT | HS_CAP_EXEC}},                                          \
        {HS_REGION_RTCRAM,                                                                         \
         HS_CHIP_ALWAYS,                                                                           \
         {HS_CAP_8BIT | HS_CAP_DEFAULT, HS_CAP_INTERNAL | HS_CAP_32BIT, HS_CAP_RTCRAM}},           \
        SPIRAM_OWN, SPIRAM_TABLE

static const hs_chip chips[] = {
    {.name = "esp32",
     .max_request = 4 * MIB,
     .fixed_pool = 128 * KIB,
     .spiram_pool = 4 * MIB,
     .diram_start = 0x3ffe0000,
     .diram_end = 0x40000000,
     .diram_alias = 0x400a0000,
     .diram_inverted = true,
     .rtc_start = 0x3ff80000,
     .rtc_end = 0x3ff82000,
     .rtc_alias = 0x400c0000,
     .spiram_line = 4,
     .stack = {0, 0, HS_REGION_DIRAM},
     .windows = {{0x3ffae000, 0x3ffe0000, HS_REGION_DRAM},
                 {0x3ffe0000, 0x40000000, HS_REGION_DIRAM},
                 {0x40070000, 0x400a0000, HS_REGION_IRAM},
                 {0x3ff80000, 0x3ff82000, HS_REGION_RTCRAM},
                 {0x3f800000, 0x3fc00000, HS_REGION_SPIRAM}},
     TYPES(ESP32_TYPES)},
    {.name = "esp32s2",
     .max_request = 0xa80000,
     .fixed_pool = 320 * KIB,
     .spiram_pool = 0xa80000,
     .diram_start = 0x3ffb0000,
     .diram_end = 0x40000000,
     .diram_alias = 0x40020000,
     .rtc_start = 0x3ff9e000,
     .rtc_end = 0x3ffa0000,
     .rtc_alias = 0x40070000,
     .protectable = true,
     .spiram_line = 32,
     .stack = {0x3fffc000, 0x40000000, HS_REGION_STACKDRAM},
     .windows = {{0x3ffb0000, 0x40000000, HS_REGION_DIRAM},
                 {0x3ff9e000, 0x3ffa0000, HS_REGION_RTCRAM},
                 {0x3f500000, 0x3ff80000, HS_REGION_SPIRAM}},
     TYPES({HS_REGION_DRAM, HS_CHIP_S2_UNIFIED, {RAM | HS_CAP_EXEC, 0, 0}},
           {HS_REGION_DIRAM, HS_CHIP_S2_UNIFIED, {RAM | HS_CAP_EXEC, 0, 0}},
           {HS_REGION_STACKDRAM, HS_CHIP_S2_UNIFIED, {RAM | HS_CAP_EXEC, 0, 0}},
           {HS_REGION_RTCRAM,
            HS_CHIP_S2_UNIFIED,
            {HS_CAP_RTCRAM, 0, COMMON | HS_CAP_INTERNAL | HS_CAP_EXEC}},
           {HS_REGION_STACKDRAM, HS_CHIP_ALWAYS, DRAM_CAPS}, ESP32_TYPES)},
    {.name = "esp32s3",
     .max_request = 32 * MIB,
     .fixed_pool = 512 * KIB,
     .spiram_pool = 32 * MIB,
     .diram_start = 0x3fc88000,
     .diram_end = 0x3fcf0000,
     .diram_alias = 0x40378000,
     .protectable = true,
     .spiram_line = 32,
     .simd_line = 16,
     .stack = {0x3fce9710, 0x3fcf0000, HS_REGION_TYPES},
     .windows = {{0x3fc88000, 0x3fcf0000, HS_REGION_DIRAM},
                 {0x3fcf0000, 0x3fcf8000, HS_REGION_DRAM},
                 {0x40370000, 0x40378000, HS_REGION_IRAM},
                 {0x600fe000, 0x60100000, HS_REGION_RTCRAM},
                 {0x3c000000, 0x3e000000, HS_REGION_SPIRAM}},
     TYPES({HS_REGION_DIRAM,
            HS_CHIP_ALWAYS,
            {RAM | HS_CAP_RETENTION | HS_CAP_EXEC | HS_CAP_SIMD, 0, 0}},
           {HS_REGION_DRAM, HS_CHIP_ALWAYS, {0, RAM | HS_CAP_SIMD, 0}},
           {HS_REGION_IRAM, HS_CHIP_ALWAYS, {HS_CAP_EXEC, HS_CAP_32BIT | HS_CAP_INTERNAL, 0}},
           RTC_LOWEST_EXEC, SPIRAM_OWN, SPIRAM_TABLE)},
    {.name = "esp32c3",
     .max_request = 0x64000,
     .fixed_pool = 400 * KIB,
     .spiram_pool = 400 * KIB,
     .diram_start = 0x3fc80000,
     .diram_end = 0x3fce0000,
     .diram_alias = 0x40380000,
     .protectable = true,
     .stack = {0x3fcdc710, 0x3fce0000, HS_REGION_TYPES},
     .windows = {{0x3fc80000, 0x3fcc0000, HS_REGION_DIRAM},
                 {0x3fcc0000, 0x3fce0000, HS_REGION_RETRAM},
                 {0x50000000, 0x50002000, HS_REGION_RTCRAM}},
     TYPES({HS_REGION_DIRAM, HS_CHIP_ALWAYS, {RAM | HS_CAP_EXEC, 0, 0}},
           {HS_REGION_RETRAM, HS_CHIP_ALWAYS, {HS_CAP_RETENTION, RAM | HS_CAP_EXEC, 0}},
           RTC_LOWEST_EXEC)},
    {.name = "esp32c6",
     .max_request = 512 * KIB,
     .fixed_pool = 512 * KIB,
     .spiram_pool = 512 * KIB,
     .protectable = true,
     .rom_tlsf = true,
     .stack = {0, 0, HS_REGION_TYPES},
     .windows = {{0x40800000, 0x40880000, HS_REGION_DIRAM},
                 {0x50000000, 0x50004000, HS_REGION_RTCRAM}},
     TYPES({HS_REGION_DIRAM, HS_CHIP_ALWAYS, {RAM | HS_CAP_EXEC, 0, 0}},
           {HS_REGION_RTCRAM, HS_CHIP_ALWAYS, {HS_CAP_RTCRAM, COMMON | HS_CAP_INTERNAL, 0}})},
};

static bool same_text(const char *a, const char *b)
{
    while (*a != 0 && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

const hs_chip *hs_chip_find(const char *name)
{
    for (size_t i = 0; i < sizeof chips / sizeof *chips; i++) {
        if (same_text(chips[i].name, name)) {
            return &chips[i];
        }
    }
    return NULL;
}

const hs_chip *hs_chip_row(size_t index)
{
    return index < sizeof chips / sizeof *chips ? &chips[index] : NULL;
}

static bool counts(const hs_idf_profile *profile, uint8_t when)
{
    switch (when) {
    case HS_CHIP_RTC_LOWEST:
        return profile->rtc_lowest;
    case HS_CHIP_S2_UNIFIED:
        return profile->s2_unified;
    case HS_CHIP_SPIRAM_OWN:
        return profile->spiram_own_caps;
    default:
        return true;
    }
}

/* The bits that this release and configuration does not give to the type. */
static uint32_t withheld(const hs_chip *chip, const hs_idf_profile *profile, bool memprot,
                         enum hs_region_type type)
{
    uint32_t bits = profile->simd ? 0 : HS_CAP_SIMD;
    bool separate = type == HS_REGION_IRAM && !profile->iram_protected;
    if (memprot && chip->protectable && !separate) {
        bits |= HS_CAP_EXEC;
    }
    if (type == HS_REGION_RTCRAM && !profile->rtc_exec) {
        bits |= HS_CAP_EXEC;
    }
    return bits;
}

bool hs_chip_caps(const hs_chip *chip, const hs_idf_profile *profile, bool memprot,
                  enum hs_region_type type, uint32_t caps[3])
{
    for (size_t i = 0; i < chip->type_count; i++) {
        const hs_chip_type *row = &chip->types[i];
        if (row->type == type && counts(profile, row->when)) {
            uint32_t bits = withheld(chip, profile, memprot, type);
            for (int priority = 0; priority < 3; priority++) {
                caps[priority] = row->caps[priority] & ~bits;
            }
            return true;
        }
    }
    return false;
}

static bool inside(const hs_chip_window *window, hs_addr a)
{
    return a >= window->start && a < window->end;
}

enum hs_region_type hs_chip_type_at(const hs_chip *chip, hs_addr start)
{
    for (size_t i = 0; i < HS_CHIP_WINDOWS_MAX; i++) {
        if (inside(&chip->windows[i], start)) {
            return (enum hs_region_type)chip->windows[i].type;
        }
    }
    return HS_REGION_TYPES;
}

bool hs_chip_is_stack(const hs_chip *chip, hs_addr start, enum hs_region_type type)
{
    return type == chip->stack.type || inside(&chip->stack, start);
}

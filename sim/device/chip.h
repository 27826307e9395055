/* Chips: address windows, aliases and region types. */
#ifndef HS_DEVICE_CHIP_H
#define HS_DEVICE_CHIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "address.h"
#include "profile.h"
#include "region.h"

/* [start, end) of which a new region gets `type`; 0, 0 ends a table. */
typedef struct hs_chip_window {
    hs_addr start;
    hs_addr end;
    uint8_t type; /* enum hs_region_type */
} hs_chip_window;

/* When a row of a chip's type table counts. */
enum hs_chip_when {
    HS_CHIP_ALWAYS,
    HS_CHIP_RTC_LOWEST, /* profiles with rtc_lowest */
    HS_CHIP_S2_UNIFIED, /* ... s2_unified */
    HS_CHIP_SPIRAM_OWN  /* ... spiram_own_caps */
};

/* The capabilities of a region type by priority; of a type's rows the first that counts is used. */
typedef struct hs_chip_type {
    uint8_t type; /* enum hs_region_type */
    uint8_t when; /* enum hs_chip_when */
    uint32_t caps[3];
} hs_chip_type;

#define HS_CHIP_WINDOWS_MAX 8
#define HS_CHIP_TYPES_MAX   12

typedef struct hs_chip {
    const char *name;
    uint32_t max_request; /* heap_caps_* refuses larger requests without a search */
    uint32_t fixed_pool;  /* bytes of the internal pool that fixed TLSF classes cover */
    uint32_t spiram_pool; /* ... with CONFIG_SPIRAM */
    hs_addr diram_start;  /* data addresses that the instruction bus has elsewhere, */
    hs_addr diram_end;    /* ... equal: none */
    hs_addr diram_alias;  /* instruction address of diram_start, */
    bool diram_inverted;  /* ... or of the last word: the alias runs backwards (ESP32) */
    hs_addr rtc_start;    /* RTC fast memory on the data bus, when the instruction bus has it */
    hs_addr rtc_end;      /* ... elsewhere; equal: one bus, or none */
    hs_addr rtc_alias;
    bool protectable;      /* memory protection takes EXEC away */
    bool rom_tlsf;         /* the allocator is in ROM and does not round requests to classes */
    uint8_t internal_line; /* cache line for internal memory, 0: no cache */
    uint8_t spiram_line;   /* cache line for SPIRAM */
    uint8_t simd_line;     /* alignment of SIMD, 0: none */
    hs_chip_window stack; /* boot regions that start here or have its type wait for the scheduler */
    hs_chip_window windows[HS_CHIP_WINDOWS_MAX];
    uint8_t type_count;
    hs_chip_type types[HS_CHIP_TYPES_MAX];
} hs_chip;

/* "esp32", "esp32s2", ...; NULL when unknown. */
const hs_chip *hs_chip_find(const char *name);
/* Chip `index`, NULL behind the last. */
const hs_chip *hs_chip_row(size_t index);

/* The capabilities of a region type by priority; false when the chip has no such type. `memprot`:
 * memory protection is on (IDF's default on S2, S3, C3; MicroPython turns it off). */
bool hs_chip_caps(const hs_chip *chip, const hs_idf_profile *profile, bool memprot,
                  enum hs_region_type type, uint32_t caps[3]);

/* The type of a region that is added at run time, by its start; HS_REGION_TYPES when none. */
enum hs_region_type hs_chip_type_at(const hs_chip *chip, hs_addr start);

/* A boot region that is registered only when the scheduler starts. */
bool hs_chip_is_stack(const hs_chip *chip, hs_addr start, enum hs_region_type type);

#endif

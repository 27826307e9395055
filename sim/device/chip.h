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

#define HS_CHIP_WINDOWS_MAX 10
#define HS_CHIP_STACKS_MAX  2

typedef struct hs_chip {
    const char *name;
    uint32_t max_request; /* heap_caps_* refuses larger requests without a search */
    uint32_t fixed_pool;  /* bytes of the internal pool that fixed TLSF classes cover */
    uint32_t spiram_pool; /* ... with CONFIG_SPIRAM */
    hs_addr diram_start;  /* data addresses that are also on the instruction bus; */
    hs_addr diram_end;    /* equal: none, or one bus for both */
    hs_addr diram_alias;  /* instruction address of diram_start, */
    bool diram_inverted;  /* ... or of its last word: the alias runs backwards (ESP32) */
    hs_addr rtc_start;    /* RTC fast memory on the data bus */
    hs_addr rtc_end;
    hs_addr rtc_alias;     /* instruction address of rtc_start; == rtc_start: one bus */
    uint8_t internal_line; /* cache line for internal memory, 0: no cache */
    uint8_t spiram_line;   /* cache line for SPIRAM */
    uint8_t simd_line;     /* alignment of SIMD, 0: none */
    hs_chip_window stacks[HS_CHIP_STACKS_MAX]; /* boot regions here wait for the scheduler */
    hs_chip_window windows[HS_CHIP_WINDOWS_MAX];
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

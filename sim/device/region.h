/* Kinds of memory and capabilities, by name. */
#ifndef HS_DEVICE_REGION_H
#define HS_DEVICE_REGION_H

#include <stddef.h>
#include <stdint.h>

/* Capability bits (MALLOC_CAP_...) with their device values. */
enum {
    HS_CAP_EXEC = 1u << 0,
    HS_CAP_32BIT = 1u << 1,
    HS_CAP_8BIT = 1u << 2,
    HS_CAP_DMA = 1u << 3,
    HS_CAP_PID2 = 1u << 4,
    HS_CAP_PID3 = 1u << 5,
    HS_CAP_PID4 = 1u << 6,
    HS_CAP_PID5 = 1u << 7,
    HS_CAP_PID6 = 1u << 8,
    HS_CAP_PID7 = 1u << 9,
    HS_CAP_SPIRAM = 1u << 10,
    HS_CAP_INTERNAL = 1u << 11,
    HS_CAP_DEFAULT = 1u << 12,
    HS_CAP_IRAM_8BIT = 1u << 13,
    HS_CAP_RETENTION = 1u << 14,
    HS_CAP_RTCRAM = 1u << 15,
    HS_CAP_TCM = 1u << 16, /* SPM from v6.1 on */
    HS_CAP_DMA_DESC_AHB = 1u << 17,
    HS_CAP_DMA_DESC_AXI = 1u << 18,
    HS_CAP_CACHE_ALIGNED = 1u << 19,
    HS_CAP_SIMD = 1u << 20,
    HS_CAP_NO_ENCRYPTION = 1u << 21 /* PSRAM that flash encryption leaves alone */
};
#define HS_CAP_INVALID 0x80000000u

/* The bit for a name as in traces ("8bit", "iram_8bit", any case), 0 when there is none. */
uint32_t hs_cap_find(const char *name);
/* The lower-case name of the lowest bit that is set in `caps`, NULL when that has no name. */
const char *hs_cap_name(uint32_t caps);

enum hs_region_type {
    HS_REGION_DRAM,
    HS_REGION_DIRAM, /* on S3 and C3 their general RAM */
    HS_REGION_IRAM,
    HS_REGION_SPIRAM,
    HS_REGION_RTCRAM,
    HS_REGION_STACKDRAM, /* S2 up to v4.4: DRAM that holds the stack of the start-up code */
    HS_REGION_RETRAM,    /* C3: memory that is retained in sleep */
    HS_REGION_TYPES      /* their number; also "no such type" */
};

/* The type for a name ("DRAM", any case); HS_REGION_TYPES when there is none. */
enum hs_region_type hs_region_type_find(const char *name);
/* "DRAM" and so on; NULL from HS_REGION_TYPES on. */
const char *hs_region_type_name(enum hs_region_type type);

#endif

/* What differs between ESP-IDF releases, as data: one row per range of releases.
 *
 * Nothing else in sim/device asks for a release; it asks for the fields of the row. Sources of
 * each field: README.md of this folder.
 */
#ifndef HS_DEVICE_PROFILE_H
#define HS_DEVICE_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum hs_allocator {
    HS_ALLOCATOR_LIST, /* address-ordered free list, best fit (v3.0 to v4.2) */
    HS_ALLOCATOR_TLSF  /* two-level segregated fit (v4.3 on) */
};

/* How the size of the largest free block is rounded before it is printed. */
enum hs_largest {
    HS_LARGEST_TRUE,       /* not at all */
    HS_LARGEST_POWER,      /* down to a power of two */
    HS_LARGEST_CLASS_ZERO, /* down to its class; blocks smaller than SL bytes are printed as 0 */
    HS_LARGEST_CLASS       /* down to its class */
};

/* Which caps plain memalign(), aligned_alloc() and posix_memalign() of the C library ask for. */
enum hs_memalign {
    HS_MEMALIGN_NONE,    /* there is no aligned allocation in this release: NULL */
    HS_MEMALIGN_DEFAULT, /* DEFAULT alone */
    HS_MEMALIGN_MALLOC   /* the same rules as malloc() */
};

typedef struct hs_idf_profile {
    const char *name;  /* for people: "v4.4.2 to v4.4.3" */
    uint32_t first;    /* releases covered, both ends included: major<<16 | minor<<8 | patch */
    uint32_t last;     /* ... */
    uint8_t allocator; /* enum hs_allocator */
    uint8_t largest;   /* enum hs_largest */
    uint8_t memalign;  /* enum hs_memalign */
    /* TLSF: classes depend on the length of each region; else on the chip's largest pool. */
    bool classes_per_region;
    /* The 4-byte header of a block counts as allocated in the free-bytes counter. */
    bool header_counted;
    /* TLSF malloc: the request is rounded up to its class and the block keeps that size. */
    bool request_rounded;
    /* TLSF realloc to more than the largest class cuts the block to 0 bytes instead of failing. */
    bool realloc_truncates;
    /* DMA, DMA_DESC_*, CACHE_ALIGNED and SIMD adjust alignment and size before the search. */
    bool caps_adjusted;
    /* heap_caps_monitor_local_minimum_free_size_start/_stop exist. */
    bool monitor;
    /* ... and pass over regions that are no heap. */
    bool monitor_skips;
    /* The list of boot heaps is sorted by region length. */
    bool boot_list_sorted;
    /* A heap that is added after the boot starts with a minimum of 0. */
    bool late_minimum_zero;
    /* The PSRAM driver passes its own capabilities; else those of the chip's SPIRAM row count. */
    bool spiram_own_caps;
    /* The SIMD capability exists. */
    bool simd;
    /* RTC fast memory is found by RTCRAM first; else it is ordinary DRAM. */
    bool rtc_lowest;
    /* ... and it has EXEC. */
    bool rtc_exec;
    /* An EXEC block in RTC fast memory is returned by its address on the instruction bus. */
    bool rtc_alias;
    /* The S2's memory is one type "RAM" (v5); else DRAM, D/IRAM and IRAM as on the ESP32. */
    bool s2_unified;
    /* Memory protection takes EXEC from the S3's IRAM type as well. */
    bool iram_protected;
    /* The internal reserve of PSRAM boards has DEFAULT at the lowest priority. */
    bool pool_default;
} hs_idf_profile;

/* The row for a release: "v4.4", "4.4.0", "v5.0.2", "v6.1-beta1", "v6.1b1", "v5.5.1-120-gabc",
 * "master". NULL when it isn't a release from v3.0 on that has a row. O(rows). */
const hs_idf_profile *hs_idf_profile_find(const char *release);

/* Row `index` in order of release, NULL behind the last: for messages and `list profiles`. */
const hs_idf_profile *hs_idf_profile_row(size_t index);

#endif

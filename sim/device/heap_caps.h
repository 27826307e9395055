/* The heaps of a board: heap_caps_malloc() and its family over all regions of a chip.
 *
 * An hs_caps holds no pointer but `space` and those to constant tables, and everything else is in
 * device memory: copying both copies the board (hs_caps_copy). One thread per board at a time.
 *
 * After a crash (device.crash != 0) every call does nothing and returns 0, false or zeros.
 * All sizes are bytes; `caps` are HS_CAP_* bits of region.h; addresses are device addresses, and 0
 * is the device's NULL.
 */
#ifndef HS_DEVICE_HEAP_CAPS_H
#define HS_DEVICE_HEAP_CAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "address.h"
#include "chip.h"
#include "multi_heap.h"
#include "profile.h"
#include "region.h"

#define HS_CAPS_HEAPS_MAX 32  /* regions of a board, those added later included */
#define HS_CAPS_PLANS     16  /* remembered search orders; a power of two */
#define HS_CAPS_PAGES     256 /* entries of the address -> heap cache; a power of two */

typedef struct hs_caps_config {
    const hs_idf_profile *profile;
    const hs_chip *chip;
    bool spiram;   /* CONFIG_SPIRAM (it sizes internal heaps too, in releases with fixed classes) */
    bool memprot;  /* memory protection */
    bool poisoned; /* CONFIG_HEAP_POISONING_LIGHT */
} hs_caps_config;

/* How a heap is reached. */
enum hs_caps_way {
    HS_CAPS_END,      /* it is none */
    HS_CAPS_SLOW,     /* through multi_heap.h; or it is not registered */
    HS_CAPS_QUICK,    /* TLSF without poisoning */
    HS_CAPS_QUICK_32, /* the same with 32 classes a row */
};

/* One region, in the order in which it was given. */
typedef struct hs_caps_heap {
    hs_addr start;
    hs_addr end;
    hs_heap_top top;  /* exact when it is quick, else its bound is 0xffffffff */
    uint8_t way;      /* enum hs_caps_way */
    uint8_t counted;  /* 1: it is 8BIT memory */
    uint32_t caps[3]; /* by priority */
    uint32_t all;     /* their union */
    uint8_t type;     /* enum hs_region_type; HS_REGION_TYPES for the parts of the DMA reserve */
    bool stack;       /* waits for hs_caps_enable_stacks() */
    bool late;        /* added after the boot */
    hs_heap heap;     /* heap.base == 0: not registered */
} hs_caps_heap;

/* A heap's distance from the first one in hs_caps.heaps, in bytes: needs no multiplication. */
typedef uint16_t hs_caps_place;

/* The order in which heaps are tried for some capabilities: up to the one that is none. For what is
 * aligned, executable or refused that one stands first, too. */
typedef struct hs_caps_plan {
    uint32_t caps; /* all ones, which no heap has: none yet */
    uint16_t special;
    hs_caps_place heaps[HS_CAPS_HEAPS_MAX + 2];
} hs_caps_plan;

typedef struct hs_caps {
    hs_device device; /* device.space, device.crash */
    hs_caps_config config;
    uint32_t changed;      /* bit i: heap i's largest block may have another size since the owner of
                              the board cleared the bit; all: a free crashed the device */
    uint32_t extmem_limit; /* 0xffffffff: off */
    hs_addr monitor;       /* its block of saved minima, 0: not running */
    uint8_t count;         /* of heaps[] */
    uint8_t listed;        /* entries of order[] */
    uint8_t monitored;     /* list entries when the monitor started */
    bool booted;
    bool running;                     /* the scheduler runs: the start-up stacks are heaps */
    bool nested;                      /* a heap lies inside another one */
    uint8_t order[HS_CAPS_HEAPS_MAX]; /* the device's list: indices into heaps[] */
    /* Payload bytes of live blocks in [1] 8BIT memory, from what hs_caps_watch_start() found on,
     * and in [0] other memory; not counted on chips. */
    uint32_t allocated[2];
    hs_caps_heap heaps[HS_CAPS_HEAPS_MAX + 1]; /* the last one ends plans */
    hs_caps_plan plans[HS_CAPS_PLANS];
    hs_caps_place page_heap[HS_CAPS_PAGES];
} hs_caps;

static inline hs_caps_place hs_caps_place_of(const hs_caps *caps, const hs_caps_heap *heap)
{
    return (hs_caps_place)((const uint8_t *)heap - (const uint8_t *)caps->heaps);
}

static inline hs_caps_heap *hs_caps_at(hs_caps *caps, hs_caps_place place)
{
    return (hs_caps_heap *)(void *)((uint8_t *)caps->heaps + place);
}

enum hs_caps_status {
    HS_CAPS_OK,
    HS_CAPS_FAIL,     /* overlaps a region, is empty, or there are too many */
    HS_CAPS_NOMEM,    /* no memory for its descriptor */
    HS_CAPS_TOOSMALL, /* to become a heap */
    HS_CAPS_NOTFOUND  /* the chip has no memory there */
};

/* `space` must outlive *caps. */
void hs_caps_init(hs_caps *caps, void *space, const hs_caps_config *config);

/* Copies the board `from` onto `to`, whose own `to->device.space` is kept; the regions of `from`
 * must be accessible there. Costs a copy of the regions' bytes. Copying back restores. */
void hs_caps_copy(hs_caps *to, const hs_caps *from);

/* --- Boot ------------------------------------------------------------------------------------ */

/* Notes a region that the firmware has at boot. Its memory must be accessible (hs_space_commit)
 * before hs_caps_boot(). Any order; SPIRAM is added as PSRAM boards do it, after the others. FAIL:
 * overlap, empty, beyond 4 GiB, too many, already booted; NOTFOUND: the chip has no such type. */
enum hs_caps_status hs_caps_boot_region(hs_caps *caps, hs_addr start, uint32_t size,
                                        enum hs_region_type type);

enum hs_caps_boot {
    HS_CAPS_BOOT_FULL,  /* all regions, with the descriptor blocks that the firmware allocates */
    HS_CAPS_BOOT_FRESH, /* the same heaps in the same order, with nothing allocated in them */
    HS_CAPS_BOOT_EARLY, /* as FULL, but the start-up stacks' regions wait */
    HS_CAPS_BOOT_BARE   /* as FRESH, but listed by address in all releases (for golden scripts) */
};

/* Sorts by address, merges adjacent regions of one type, registers, lists. Once. Regions that are
 * too small stay listed, unregistered. Afterwards indices of heaps[] no longer follow the calls of
 * hs_caps_boot_region(). */
void hs_caps_boot(hs_caps *caps, enum hs_caps_boot mode);

/* Registers the regions that waited. */
void hs_caps_enable_stacks(hs_caps *caps);

/* --- Run time -------------------------------------------------------------------------------- */

/* heap_caps_add_region(): the type follows from the start. The memory must be accessible. */
enum hs_caps_status hs_caps_add_region(hs_caps *caps, hs_addr start, uint32_t size);
/* The same without the descriptor block, after HS_CAPS_BOOT_FRESH: the state of the heaps that is
 * put into them says where that block lies. */
enum hs_caps_status hs_caps_add_region_fresh(hs_caps *caps, hs_addr start, uint32_t size);
/* heap_caps_add_region_with_caps(): by priority. */
enum hs_caps_status hs_caps_add_region_with_caps(hs_caps *caps, const uint32_t priorities[3],
                                                 hs_addr start, uint32_t size);

/* The internal reserve that PSRAM boards set aside at start
 * (CONFIG_SPIRAM_MALLOC_RESERVE_INTERNAL). part() is called for each block that became a heap with
 * its address and bytes; it may be NULL. False when memory ran out before `size` was reached. */
bool hs_caps_dma_pool(hs_caps *caps, uint32_t size,
                      void (*part)(void *context, hs_addr start, uint32_t size), void *context);

/* heap_caps_monitor_local_minimum_free_size_start()/_stop(); false: not in this release, or out of
 * memory, or (stop) not running. */
bool hs_caps_monitor_start(hs_caps *caps);
bool hs_caps_monitor_stop(hs_caps *caps);

/* heap_caps_malloc_extmem_enable(): plain malloc of up to `limit` bytes stays internal. */
void hs_caps_extmem_enable(hs_caps *caps, uint32_t limit);

/* heap_caps_malloc() and so on. */
hs_addr hs_caps_malloc(hs_caps *caps, uint32_t size, uint32_t wanted);
hs_addr hs_caps_calloc(hs_caps *caps, uint32_t count, uint32_t size, uint32_t wanted);
hs_addr hs_caps_realloc(hs_caps *caps, hs_addr block, uint32_t size, uint32_t wanted);
hs_addr hs_caps_aligned_alloc(hs_caps *caps, uint32_t align, uint32_t size, uint32_t wanted);
/* The C library's malloc(), calloc(), realloc(), memalign(). */
hs_addr hs_caps_malloc_default(hs_caps *caps, uint32_t size);
hs_addr hs_caps_calloc_default(hs_caps *caps, uint32_t count, uint32_t size);
hs_addr hs_caps_realloc_default(hs_caps *caps, hs_addr block, uint32_t size);
hs_addr hs_caps_memalign(hs_caps *caps, uint32_t align, uint32_t size);
/* 0 is ignored; what is no live block is a crash. */
void hs_caps_free(hs_caps *caps, hs_addr block);
/* heap_caps_get_allocated_size(). */
uint32_t hs_caps_usable(hs_caps *caps, hs_addr block);

/* --- Questions ------------------------------------------------------------------------------- */

/* The heap that the device's list gives for an address, NULL when none. */
const hs_caps_heap *hs_caps_find(const hs_caps *caps, hs_addr address);

/* heap_caps_get_info(): sums (largest: the maximum) over the registered heaps that have all of
 * `wanted`; walks all their blocks. */
void hs_caps_get_info(hs_caps *caps, hs_heap_info *info, uint32_t wanted);
/* heap_caps_get_total_size(): bytes of the regions of those heaps. */
uint32_t hs_caps_total_size(const hs_caps *caps, uint32_t wanted);
/* heap_caps_get_free_size(). No walk. */
uint32_t hs_caps_free_size(hs_caps *caps, uint32_t wanted);
/* heap_caps_get_minimum_free_size(): the sum of the heaps' minima, of different moments. */
uint32_t hs_caps_minimum_free_size(hs_caps *caps, uint32_t wanted);
/* heap_caps_get_largest_free_block(). No walk with TLSF. */
uint32_t hs_caps_largest_free_block(hs_caps *caps, uint32_t wanted);
/* The largest free block's true data bytes. */
uint32_t hs_caps_largest_exact(hs_caps *caps, uint32_t wanted);

/* The largest free block of 8BIT memory as hs_caps_largest_free_block() gives it, kept up to date
 * by looking only at heaps that changed. */
typedef struct hs_caps_watch {
    uint32_t heaps; /* bit i: heap i is 8BIT memory */
    uint32_t largest;
    uint32_t of[HS_CAPS_HEAPS_MAX]; /* by heap */
} hs_caps_watch;

/* Starts from a walk through all heaps; sets caps->allocated[1]. Again after heaps were added. */
void hs_caps_watch_start(hs_caps *caps, hs_caps_watch *watch);
/* Brings `watch` up to date for the heaps in caps->changed; after a crash it stays as it is. The
 * owner of the board clears caps->changed when all its watches are up to date. O(changed heaps). */
void hs_caps_watch_update(hs_caps *caps, hs_caps_watch *watch);

/* Makes [address, address+size) one live block inside the free block that contains it; see
 * hs_heap_claim(). False when impossible. */
bool hs_caps_claim(hs_caps *caps, hs_addr address, uint32_t size);

/* To be called after a change of heaps[index].heap by other means than this interface. */
void hs_caps_touched(hs_caps *caps, unsigned index);

/* Checks all heaps; see hs_heap_check(). */
bool hs_caps_check(hs_caps *caps);

#endif

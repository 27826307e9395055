/* One heap: a region with its allocator, as ESP-IDF's multi_heap layer sees it.
 *
 * All state is in device memory, where the chip has it: the heap's record at the base, then TLSF's
 * control block or the list's first block, then the blocks. An hs_heap only describes that
 * memory; it holds nothing that changes, and no host pointer.
 */
#ifndef HS_DEVICE_MULTI_HEAP_H
#define HS_DEVICE_MULTI_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "address.h"
#include "profile.h"

/* Compile-time switches. A host build leaves them alone and has everything; what a firmware leaves
 * out costs nothing.
 *   HS_HEAP_LIST    0 no address-ordered list: releases from v4.3 on alone
 *   HS_HEAP_TLSF    0 no TLSF: releases up to v4.2 alone
 *   HS_HEAP_POISON  0 no light poisoning
 */
#ifndef HS_HEAP_LIST
#define HS_HEAP_LIST 1
#endif
#ifndef HS_HEAP_TLSF
#define HS_HEAP_TLSF 1
#endif
#ifndef HS_HEAP_POISON
#define HS_HEAP_POISON 1
#endif

/* Where speed counts more than size: hs_caps has the allocator's code once more, inlined, and keeps
 * what a search would find. */
#ifndef HS_CAPS_FAST
#define HS_CAPS_FAST (UINTPTR_MAX > 0xffffffffu)
#endif

/* Why a device stopped: the real code runs into an assertion there. */
enum hs_crash {
    HS_CRASH_NONE,
    HS_CRASH_WILD_POINTER, /* free or realloc of an address outside all heaps */
    HS_CRASH_NOT_USED,     /* free or realloc of what is not a live block */
    HS_CRASH_CUT_BLOCK,    /* use of a block that a realloc beyond the pool cut to 0 bytes */
    HS_CRASH_CORRUPT,      /* a link or a size points outside its heap */
    HS_CRASH_CANARY,       /* light poisoning: a canary was overwritten */
    HS_CRASH_ALIAS,        /* realloc of an instruction-bus address (v3.x) */
    HS_CRASH_NULL_HEAP     /* the minimum monitor met a region that is no heap (before v5.5.5) */
};

/* What a device call needs besides the heap. */
typedef struct hs_device {
    void *space;      /* the first byte of the device space; see address.h */
    hs_addr crash_at; /* the address that was handled when it crashed */
    uint8_t crash;    /* enum hs_crash; the first one stays */
    bool cut;         /* a realloc beyond the pool has cut a block to 0 bytes */
} hs_device;

/* A heap's geometry; constant once registered. */
typedef struct hs_heap {
    hs_addr base;      /* the heap's record; 0: not registered */
    hs_addr end;       /* first address behind the region */
    hs_addr first;     /* header of the first block */
    hs_addr control;   /* TLSF: its control block */
    hs_addr bitmap;    /* TLSF: the first-level bitmap */
    hs_addr rows;      /* TLSF: the second-level bitmaps */
    hs_addr heads;     /* TLSF: the list heads */
    hs_addr blocks;    /* TLSF: descriptor of the first block */
    uint32_t span;     /* TLSF: words from there to the sentinel's */
    uint32_t pool;     /* TLSF: pool_size of the record */
    uint32_t limit;    /* TLSF: requests must be below this power of two */
    uint8_t row_count; /* TLSF: first-level rows */
    uint8_t sl_log;    /* TLSF: log2 of the classes of a row */
    uint8_t allocator; /* enum hs_allocator */
    uint8_t largest;   /* enum hs_largest */
    uint8_t header;    /* bytes of a block's header that the counter includes: 0 or 4 */
    bool request_rounded;
    bool realloc_truncates;
    bool poisoned; /* light poisoning */
    bool plain;    /* TLSF without poisoning: the short way through multi_heap.c */
} hs_heap;

/* Beside a heap whose owner wants to spare searches: the smallest size of the highest class that
 * has blocks, 0 when all memory is in use. A request is served exactly when it is not above it,
 * since classes are searched from the next bound on. All ones: that class has lost its last block;
 * the owner must look for the next one. */
typedef struct hs_heap_top {
    uint32_t bound;
    bool moved; /* since the owner looked */
} hs_heap_top;

/* As multi_heap_get_info(): bytes and blocks. */
typedef struct hs_heap_info {
    uint32_t free; /* the counter; see IDF release differences in README.md */
    uint32_t allocated;
    uint32_t largest; /* as the device prints it */
    uint32_t minimum; /* lowest `free` ever */
    uint32_t allocated_blocks;
    uint32_t free_blocks;
    uint32_t total_blocks;
} hs_heap_info;

/* One block; `address` and `size` are those of its data. Returning false ends the walk. */
typedef bool (*hs_heap_visit)(void *context, hs_addr address, uint32_t size, bool used);

/* Lays out a heap over [base, base+size), which must be memory of the device space, and fills
 * *heap. `fixed_pool` is the chip's largest pool in bytes (for releases with fixed classes). False,
 * and heap->base == 0, when the region is too small to be a heap, or what the profile or `poisoned`
 * asks for is not compiled in. */
bool hs_heap_register(hs_device *device, hs_heap *heap, const hs_idf_profile *profile, hs_addr base,
                      uint32_t size, uint32_t fixed_pool, bool poisoned);

/* The data address of a new block, 4-byte aligned, or 0: no memory, or size 0. TLSF O(1), list
 * O(free blocks). */
hs_addr hs_heap_malloc(hs_device *device, const hs_heap *heap, uint32_t size);

/* `align` a power of two, else 0. Near 2^32 it wraps as on the device: the block is unaligned. 0
 * where the release has no aligned allocation. */
hs_addr hs_heap_aligned(hs_device *device, const hs_heap *heap, uint32_t size, uint32_t align);
/* The same, with the multiple of `align` at block + offset; `offset` a multiple of 4, else 0. */
hs_addr hs_heap_aligned_at(hs_device *device, const hs_heap *heap, uint32_t size, uint32_t align,
                           uint32_t offset);

/* Inside this heap only. 0: no memory, and the block stays as it was (size 0: it was freed). */
hs_addr hs_heap_realloc(hs_device *device, const hs_heap *heap, hs_addr block, uint32_t size);

/* `block` 0 is ignored. */
void hs_heap_free(hs_device *device, const hs_heap *heap, hs_addr block);

/* Data bytes of a live block that its owner may use: with light poisoning HS_HEAP_CANARIES fewer
 * than it takes. */
enum { HS_HEAP_CANARIES = 12 }; /* canary, requested size; and the canary behind the data */
uint32_t hs_heap_usable(hs_device *device, const hs_heap *heap, hs_addr block);

/* As the device does it: walks all blocks. */
void hs_heap_get_info(hs_device *device, const hs_heap *heap, hs_heap_info *info);

/* The free-bytes counter as it lies in the heap's record. O(1). */
static inline uint32_t hs_heap_counter(const hs_device *device, const hs_heap *heap)
{
    return *(const uint32_t *)hs_at(device->space, heap->base + 4);
}

/* The same as it is printed. O(1). */
uint32_t hs_heap_free_size(const hs_device *device, const hs_heap *heap);
/* The lowest it ever was. O(1). */
uint32_t hs_heap_minimum(const hs_device *device, const hs_heap *heap);
void hs_heap_set_minimum(hs_device *device, const hs_heap *heap, uint32_t minimum);

/* What hs_heap_get_info() would give for `largest`. TLSF O(1), list O(free blocks). */
uint32_t hs_heap_largest(hs_device *device, const hs_heap *heap);
/* The largest free block's true data bytes. TLSF: O(blocks of the highest class). */
uint32_t hs_heap_largest_exact(hs_device *device, const hs_heap *heap);

/* Calls visit for each block in address order, the sentinel left out. False when the chain is
 * broken or visit ended the walk. */
bool hs_heap_walk(hs_device *device, const hs_heap *heap, hs_heap_visit visit, void *context);

/* Every invariant: blocks fill the region, flags, links, bitmaps, list order, counters, the
 * canaries of a poisoned heap. True when sound. O(blocks). Changes nothing. */
bool hs_heap_check(hs_device *device, const hs_heap *heap);

/* Makes [block, block+size) one live block, cut out of the free block around it; for setting up a
 * known state. `block` is a data address, as hs_heap_malloc() gives them, and size its true data
 * bytes, so 4-byte granular and at least the minimum. Accounting as if it had been allocated. False
 * and no change when no free block contains it or what remains in front of or behind it is too
 * small to be a block. O(blocks). */
bool hs_heap_claim(hs_device *device, const hs_heap *heap, hs_addr block, uint32_t size);

/* Records the first crash. */
void hs_device_crash(hs_device *device, enum hs_crash reason, hs_addr at);

#endif

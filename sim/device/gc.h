/* MicroPython's mark-and-sweep collector over a list of areas, exact to the block.
 *
 * Memory is managed in blocks of 16 bytes. Each area holds, in device memory, a table of 2 bits per
 * block (ATB: free, head, tail, marked head), a gap byte (v1.20 on), a table of 1 bit per block for
 * finalisers (FTB) and the pool, which ends at the area's end. An instance is one hs_gc; there are
 * no globals. Nothing here is thread-safe: as on the chip, the interpreter's lock is the owner's.
 *
 * Compile-time switches. A host build leaves them alone and has everything; what a firmware leaves
 * out costs nothing.
 *   HS_GC_AREAS      0 one area; 1 areas added by hand; 2 automatic growth and release as well
 *   HS_GC_FINALISER  0 no finaliser table (the area layout changes with it)
 *   HS_GC_VERSION    a row number of hs_gc_versions: release and mode are constants, not data
 *   HS_GC_STATS      used and peak counters, kept up to date by every operation
 *   HS_GC_EVENTS     hooks->event is called; 0 where firmware (HS_GC_VERSION) has nobody to tell
 *   HS_GC_FAST       code that is there for speed alone; the results are the same without
 */
#ifndef HS_DEVICE_GC_H
#define HS_DEVICE_GC_H

#include "address.h"

#ifndef HS_GC_AREAS
#define HS_GC_AREAS 2
#endif
#ifndef HS_GC_FINALISER
#define HS_GC_FINALISER 1
#endif
#ifndef HS_GC_STATS
#define HS_GC_STATS (UINTPTR_MAX > 0xffffffffu)
#endif

#ifndef HS_GC_EVENTS
#ifdef HS_GC_VERSION
#define HS_GC_EVENTS 0
#else
#define HS_GC_EVENTS 1
#endif
#endif

#ifndef HS_GC_FAST
#define HS_GC_FAST (UINTPTR_MAX > 0xffffffffu)
#endif

#define HS_GC_BLOCK      16u         /* bytes */
#define HS_GC_STACK_SIZE 64u         /* entries of the mark stack, ESP32's default */
#define HS_GC_NO_LIMIT   0xffffffffu /* threshold: off */
#define HS_GC_HINTS      4u

/* The rules of a release. Rows are ordered; a row holds from its release to the next row's. */
typedef struct hs_gc_version {
    const char *name;        /* first release of the row: "v1.9.3", v1.20, v1.21, v1.22, v1.25 */
    uint8_t minor;           /* the 20 of v1.20 */
    uint8_t gap;             /* zero bytes between ATB and FTB */
    uint8_t header;          /* bytes at the start of an added area */
    uint8_t growth;          /* 0 none; 1 from area bytes (v1.21); 2 from block count (v1.22) */
    uint8_t finaliser_first; /* finalisers run before the sweep and may free (v1.25) */
    uint8_t dump_digits;     /* of the offsets in a table dump: 5 or 8 */
} hs_gc_version;

#define HS_GC_VERSIONS 5u
extern const hs_gc_version hs_gc_versions[HS_GC_VERSIONS];

/* The row for a release ("v1.12", "1.22.1", "v1.29-preview") or golden target ("auto-v1.25",
 * "single-v1.18"); NULL for anything else and for releases before v1.9. */
const hs_gc_version *hs_gc_version_find(const char *name);

typedef enum hs_gc_mode {
    HS_GC_SINGLE, /* one area */
    HS_GC_MANUAL, /* areas added by hand, never released */
    HS_GC_AUTO,   /* grows by itself, releases empty added areas */
} hs_gc_mode;

/* The mode of a golden target by its prefix; for a plain release what ESP32 firmware of that
 * release was built with: SINGLE up to v1.20, AUTO from v1.21. `name` must have a version row. */
hs_gc_mode hs_gc_mode_find(const char *name);

/* Header of an area. That of the first area is in hs_gc, that of an added one lies at its start in
 * device memory, `header` bytes of it: `last_used` is missing where they are 28. */
typedef struct hs_gc_area {
    hs_addr next; /* 0 ends the list */
    hs_addr atb;  /* start of the tables */
    hs_addr ftb;
    hs_addr pool; /* block 0, a multiple of 16 */
    uint32_t blocks;
#if HS_GC_FAST
    /* No free run of 1, 3, 4, 32 blocks starts before block 32 * hint[0], [1], [2], [3]. */
    uint16_t hint[HS_GC_HINTS];
#else
    uint32_t first_free; /* nothing free lies before this block */
    uint32_t unused;
#endif
    /* 0 if nothing but block 0 was in use at the last sweep or since, as upstream's (which releases
     * an added area by it); else no lower than the highest such block. The first area's, which is
     * never released, is true to the multiple of 32 alone. */
    uint32_t last_used;
} hs_gc_area;

typedef struct hs_gc hs_gc;

typedef enum hs_gc_event {
    HS_GC_EVENT_COLLECT, /* a collect ended; a: objects freed, b: 0 */
    HS_GC_EVENT_GROW,    /* platform asked for an area; a: bytes asked, b: address or 0 */
    HS_GC_EVENT_RELEASE, /* an added area goes back, in the sweep; a: its start, b: 0 */
    HS_GC_EVENT_LOST,    /* upstream's defect: the area about to be released (a: its start) holds
                            a live one-block object in block 0 (b: its address) */
} hs_gc_event;

/* What the owner supplies; `context` is hs_gc.context. The table must outlive the instance. */
typedef struct hs_gc_hooks {
    /* Calls hs_gc_collect_root for every root. Required. */
    void (*roots)(void *context, hs_gc *gc);
    /* The finaliser of `object`, whose first word is not zero. The collector is locked: allocation
     * gives 0; hs_gc_free works from v1.25 on, before it is ignored. NULL: nothing is called. */
    void (*finaliser)(void *context, hs_gc *gc, hs_addr object);
    /* Largest area that the platform could give, in bytes. These three: required for HS_GC_AUTO. */
    uint32_t (*max_new_split)(void *context);
    hs_addr (*platform_alloc)(void *context, uint32_t bytes); /* 0: no memory */
    void (*platform_free)(void *context, hs_addr start);
    /* Told after the fact, in order. NULL: nobody listens. */
    void (*event)(void *context, hs_gc_event event, uint32_t a, uint32_t b);
} hs_gc_hooks;

struct hs_gc {
#if UINTPTR_MAX > 0xffffffffu
    uint8_t *space; /* device address 0; whoever copies a board sets it with hs_gc_set_space */
#endif
#ifndef HS_GC_VERSION
    const hs_gc_version *version;
    hs_gc_mode mode;
#endif
    const hs_gc_hooks *hooks;
    void *context;
    hs_gc_area first;
    hs_addr held;       /* object under realloc: a root of the collect that it may cause */
    hs_addr tracked;    /* newest tracked allocation: a root */
    uint32_t threshold; /* blocks; HS_GC_NO_LIMIT is off */
    uint32_t allocated; /* blocks handed out since the last collect began */
    uint32_t lock;      /* bit 0: a collect runs; the rest: depth of hs_gc_lock in steps of 2 */
    bool enabled;       /* automatic collection */
    bool overflow;      /* the mark stack was too small in this collect */
#if HS_GC_AREAS
    hs_addr low;   /* lowest pool start and total span of all pools, to refuse most words at once */
    uint32_t span; /* in blocks */
#endif
#if HS_GC_STATS
    uint32_t older;     /* blocks in use less `allocated`, modulo 2^32 */
    uint32_t fell_from; /* highest use before it last fell; 0 to start hs_gc_peak() anew */
    uint32_t total;     /* blocks of all areas */
    uint32_t collects;  /* collections so far, explicit and automatic */
    uint32_t overflows; /* collections whose mark stack overflowed */
#endif
#if HS_GC_FAST
    uint32_t whole; /* words of the first area's table that are table to their end */
#else
    hs_addr stack[HS_GC_STACK_SIZE]; /* objects that are marked and not yet scanned */
#endif
};

#if HS_GC_STATS
/* Blocks in live or not yet collected objects. One sum more here is one less at each allocation. */
static inline uint32_t hs_gc_used(const hs_gc *gc)
{
    return gc->older + gc->allocated;
}

/* Highest hs_gc_used() so far. */
static inline uint32_t hs_gc_peak(const hs_gc *gc)
{
    return hs_gc_used(gc) > gc->fell_from ? hs_gc_used(gc) : gc->fell_from;
}
#endif

/* Makes `gc` an empty collector over the area [start, start + size): collection enabled, threshold
 * off, unlocked, everything in the ATB, gap and FTB zeroed. `space` is any pointer into the device
 * space (ignored on a 32-bit target). `start` must be a multiple of 4. An area too small for a
 * block is kept with 0 blocks, as upstream does. False, with nothing written to the device, when
 * start is unaligned, size is 0 or start + size passes the end of the address space. O(size/64). */
bool hs_gc_init(hs_gc *gc, const void *space, const hs_gc_version *version, hs_gc_mode mode,
                hs_addr start, uint32_t size, const hs_gc_hooks *hooks, void *context);

/* Appends an area. False in HS_GC_SINGLE, and, where the original would underflow, for an area that
 * cannot hold its header; otherwise as hs_gc_init. */
bool hs_gc_add(hs_gc *gc, hs_addr start, uint32_t size);

/* Points a copied instance at the board's own space. */
void hs_gc_set_space(hs_gc *gc, const void *space);

#define HS_GC_WITH_FINALISER 1u /* flag of hs_gc_alloc: word 0 is cleared, the FTB bit is set */

/* `bytes` rounded up to blocks, zeroed; first fit over (area order, address). Collects and grows as
 * the release does. 0: no memory, locked, or 0 bytes after rounding in 32 bits. */
hs_addr hs_gc_alloc(hs_gc *gc, uint32_t bytes, unsigned flags);
/* As gc_realloc: 0 for address allocates, 0 for bytes frees; 0 is returned when it does not work
 * out, and the old object is then untouched. `address` must be an object's start. */
hs_addr hs_gc_realloc(hs_gc *gc, hs_addr address, uint32_t bytes, bool allow_move);
/* Frees an object without calling its finaliser. 0, and anything while locked, is ignored. */
void hs_gc_free(hs_gc *gc, hs_addr address);
/* Bytes of the object's blocks; 0 when `address` is not an object's start. O(blocks). */
uint32_t hs_gc_nbytes(const hs_gc *gc, hs_addr address);

/* A full collection: start, the roots hook, end. */
void hs_gc_collect(hs_gc *gc);
/* The same in parts, for firmware: between start and end, any number of calls of root. Words that
 * are not the address of an object are ignored (conservative). The end gives the objects freed. */
void hs_gc_collect_start(hs_gc *gc);
void hs_gc_collect_root(hs_gc *gc, const uint32_t *words, size_t count);
uint32_t hs_gc_collect_end(hs_gc *gc);
/* Soft reset: everything dies, finalisers run, added areas go back (HS_GC_AUTO). Objects freed. */
uint32_t hs_gc_sweep_all(hs_gc *gc);

/* Locks nest. While locked nothing is allocated, freed or resized. */
static inline void hs_gc_lock(hs_gc *gc)
{
    gc->lock += 2;
}

static inline void hs_gc_unlock(hs_gc *gc)
{
    gc->lock -= 2;
}

static inline bool hs_gc_is_locked(const hs_gc *gc)
{
    return gc->lock != 0;
}

/* gc.enable() and gc.disable(): automatic collection. */
static inline void hs_gc_enable(hs_gc *gc, bool on)
{
    gc->enabled = on;
}

/* gc.threshold(bytes): negative is off, 1 to 15 collect before every allocation. */
static inline void hs_gc_set_threshold(hs_gc *gc, int32_t bytes)
{
    gc->threshold = bytes < 0 ? HS_GC_NO_LIMIT : (uint32_t)bytes / HS_GC_BLOCK;
}

/* --- tracked allocation (m_tracked_calloc): a list of live blocks behind 8-byte headers --- */

/* `bytes` zeroed bytes; the address is 8 past the object's start. 0: no memory. */
hs_addr hs_gc_tracked_alloc(hs_gc *gc, uint32_t bytes);
/* Always new, copy, free; 0 leaves the old one. `address` 0 allocates, `bytes` 0 frees. */
hs_addr hs_gc_tracked_realloc(hs_gc *gc, hs_addr address, uint32_t bytes);
void hs_gc_tracked_free(hs_gc *gc, hs_addr address);
/* Usable bytes behind `address`. */
uint32_t hs_gc_tracked_nbytes(const hs_gc *gc, hs_addr address);

/* --- queries; none changes the collector --- */

typedef struct hs_gc_info {
    uint32_t total; /* bytes of all pools */
    uint32_t used;
    uint32_t free;
    uint32_t max_free;      /* longest free run, blocks */
    uint32_t one_blocks;    /* objects of exactly 1 block */
    uint32_t two_blocks;    /* and of 2 */
    uint32_t max_block;     /* largest object, blocks */
    uint32_t max_new_split; /* bytes; 0 but for HS_GC_AUTO */
} hs_gc_info;

/* As gc_info; areas without blocks, on which the original never ends, count as nothing.
 * O(blocks/32 + objects). */
void hs_gc_get_info(const hs_gc *gc, hs_gc_info *info);
/* The same for one area; max_new_split is 0. */
void hs_gc_get_area_info(const hs_gc *gc, const hs_gc_area *area, hs_gc_info *info);

/* The area after `area` in list order, the first for NULL; NULL at the end. */
const hs_gc_area *hs_gc_next_area(const hs_gc *gc, const hs_gc_area *area);
/* Where the area starts (of an added one: its header) and its bytes up to the end of its pool. */
hs_addr hs_gc_area_start(const hs_gc *gc, const hs_gc_area *area);
uint32_t hs_gc_area_size(const hs_gc *gc, const hs_gc_area *area);
/* The area whose pool holds `address`, or NULL. */
const hs_gc_area *hs_gc_area_of(const hs_gc *gc, hs_addr address);

typedef enum hs_gc_kind { HS_GC_FREE, HS_GC_HEAD, HS_GC_TAIL, HS_GC_MARK } hs_gc_kind;

/* State of block `block` < area->blocks. */
hs_gc_kind hs_gc_block_kind(const hs_gc *gc, const hs_gc_area *area, uint32_t block);

typedef struct hs_gc_object {
    hs_addr address;
    uint32_t blocks;
    uint32_t word0; /* type, as far as a dump's letters go */
    bool finaliser;
} hs_gc_object;

/* The next object after `object` in (area, address) order: start with address 0. False at the end;
 * `object` is then unspecified. O(distance/32). */
bool hs_gc_next_object(const hs_gc *gc, hs_gc_object *object);

/* What keeps an object alive: the first word that holds its address, roots first (the caller's,
 * then the object under realloc and the tracked list), then the words of all objects in order. */
typedef struct hs_gc_reason {
    enum {
        HS_GC_WHY_NOTHING, /* no word holds it: garbage that no collect has met */
        HS_GC_WHY_ROOT,    /* word `index` of the caller's roots */
        HS_GC_WHY_TRACKED, /* it is the newest tracked allocation */
        HS_GC_WHY_OBJECT,  /* word `index` of object `holder` */
    } kind;
    hs_addr holder;
    uint32_t index;
} hs_gc_reason;

/* O(all words in use). The holder may itself be garbage if no collect has run since. */
hs_gc_reason hs_gc_why_live(const hs_gc *gc, hs_addr object, const uint32_t *roots, size_t count);

/* Structural integrity: NULL, or what is wrong, as a constant sentence, with its place in *where
 * (which may be NULL). Tables inside the area and in order, tails behind heads, no mark outside a
 * collect, FTB bits on heads only, gap and unused table bits zero, hints true, bounds and
 * counters right. */
const char *hs_gc_check(const hs_gc *gc, hs_addr *where);

#endif

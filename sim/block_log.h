/* Who holds which addresses: follows a run and tells of every block that comes and goes.
 *
 * Known are the blocks that the boot state left, those of the traces' owners in either heap, the GC
 * areas with the objects inside, and what the firmware allocates by itself (descriptors,
 * placeholder). Addresses and sizes are those of the heap, not of the request: the links of a
 * tracked allocation and the canaries of a poisoned block belong to the block. The log is not an
 * observer itself: its owner is, and passes on what it is told.
 */
#ifndef HS_BLOCK_LOG_H
#define HS_BLOCK_LOG_H

#include "run.h"

enum hs_block_kind {
    HS_BLOCK_IDF,
    HS_BLOCK_GC,  /* an object in a GC area; a tracked allocation begins at its object */
    HS_BLOCK_AREA /* a GC area: a block of the IDF heap, or fixed memory outside of it */
};

/* Owners that no trace names; others are indices of the run's owners. */
enum {
    HS_BLOCK_OWNER_BOOT = 0xff00,     /* live when the application started */
    HS_BLOCK_OWNER_AREA = 0xff01,     /* the language runtime's areas */
    HS_BLOCK_OWNER_FIRMWARE = 0xff02, /* placeholder, descriptors of regions */
    HS_BLOCK_OWNER_NAMED = 0xe000     /* first of the owners that the layout's boot blocks name */
};

enum hs_block_end {
    HS_BLOCK_FREED,
    HS_BLOCK_COLLECTED, /* by the garbage collector */
    HS_BLOCK_MOVED      /* realloc: it comes back, elsewhere or with another size */
};

typedef struct hs_block_entry {
    uint64_t born; /* the event that put it here; 0: before the first */
    hs_addr address;
    uint32_t size;  /* data bytes of the block; areas: of the whole area */
    uint32_t asked; /* bytes asked for; areas: bytes of tables and header in front of the pool */
    uint16_t owner;
    uint8_t kind;    /* enum hs_block_kind; HS_BLOCK_LOG_NONE marks an unused table entry */
    uint8_t garbage; /* a GC object that was dropped and not yet collected */
} hs_block_entry;
#define HS_BLOCK_LOG_NONE 0xffu

typedef struct hs_block_hooks {
    void *context;
    void (*born)(void *context, const hs_block_entry *entry);
    void (*died)(void *context, const hs_block_entry *entry, enum hs_block_end end);
    void (*dropped)(void *context, const hs_block_entry *entry);
} hs_block_hooks;

typedef struct hs_block_log {
    hs_block_hooks hooks; /* all set */
    hs_block_entry *table;
    size_t table_size; /* a power of two */
    size_t count;
    bool collected; /* since the last event */
    bool areas_changed;
    bool failed;       /* the host is out of memory: the log is no longer true */
    char **boot_names; /* of the owners from HS_BLOCK_OWNER_NAMED on */
    size_t boot_name_count;
} hs_block_log;

/* Reads the heaps of `run` as they are, which should be before its first event; `born` is called
 * for what is found. 0, or -1 when the host is out of memory. hs_block_log_release() in any case.
 */
int hs_block_log_start(hs_block_log *log, const hs_run *run, const hs_block_hooks *hooks);
void hs_block_log_release(hs_block_log *log);

/* To be passed on by the observer, each notice and each event. O(1), but O(blocks) for events
 * within which the collector ran or the heaps themselves changed. */
void hs_block_log_notice(hs_block_log *log, enum hs_gc_notice notice);
void hs_block_log_event(hs_block_log *log, const hs_run *run, const hs_event *event,
                        const hs_outcome *outcome);

/* All blocks in address order, an area before what lies in it; log->count of them. NULL when the
 * host is out of memory. The caller frees it. O(n log n). */
hs_block_entry *hs_block_log_sorted(const hs_block_log *log);

/* The name of an owner, for people; never NULL. */
const char *hs_block_log_owner_name(const hs_block_log *log, const hs_run *run, uint16_t owner);

#endif

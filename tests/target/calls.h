/* A trace under a layout and a policy as calls of sim/device: what export_calls writes on the host
 * and replay_calls carries out on a machine. All words are 32 bits, little-endian. */
#ifndef HS_TARGET_CALLS_H
#define HS_TARGET_CALLS_H

#include <stdint.h>

enum hs_call_op {
    HS_CALL_CONFIG,     /* slot: profile row, a: chip row, b: of HS_CONFIG_*, c: slots in use */
    HS_CALL_BOOT_PART,  /* a: start, b: size, c: region type; memory that is there at boot */
    HS_CALL_MEMORY,     /* a: start, b: size; memory for a heap that is added after the boot */
    HS_CALL_LATE_PART,  /* a: start, b: size; adds it */
    HS_CALL_BOOT,       /* a: enum hs_caps_boot; the start-up stacks follow */
    HS_CALL_EXTMEM,     /* a: limit */
    HS_CALL_DMA_POOL,   /* a: bytes */
    HS_CALL_CLAIM,      /* a: address, b: bytes */
    HS_CALL_COLLECTOR,  /* slot: row of hs_gc_versions, a: enum hs_gc_mode, b: keep free */
    HS_CALL_AREA,       /* a: bytes of an area from the heap */
    HS_CALL_FIXED_AREA, /* a: start, b: bytes */
    HS_CALL_EVENTS,     /* from here on each call is an event of the trace */
    HS_CALL_NOTHING,
    HS_CALL_ALLOC,    /* slot, a: bytes, c: caps */
    HS_CALL_CALLOC,   /* slot, a: bytes, b: count, c: caps */
    HS_CALL_ALIGNED,  /* slot, a: bytes, b: alignment, c: caps */
    HS_CALL_GC_ALLOC, /* slot, a: bytes, b: flags of hs_gc_alloc */
    HS_CALL_TRACKED,  /* slot, a: bytes; a block of C code in the collector's heap */
    HS_CALL_REALLOC,  /* slot, a: bytes, b: may move, c: caps of the slot's owner */
    HS_CALL_FREE,     /* slot */
    HS_CALL_DROP,     /* slot */
    HS_CALL_LINK,     /* slot, a: word, b: slot it then points to */
    HS_CALL_UNLINK,   /* slot, a: word */
    HS_CALL_COLLECT,
    HS_CALL_THRESHOLD, /* a: bytes */
    HS_CALL_REGION,    /* a: start, b: size */
};

enum { HS_CONFIG_SPIRAM = 1, HS_CONFIG_MEMPROT = 2, HS_CONFIG_POISONED = 4 };

typedef struct hs_call {
    uint32_t op;
    uint32_t slot;
    uint32_t a;
    uint32_t b;
    uint32_t c;
} hs_call;

#endif

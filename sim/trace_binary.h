/* The binary form of a trace: what its reader and writer share. traces/README.md describes it. */
#ifndef HS_TRACE_BINARY_H
#define HS_TRACE_BINARY_H

#include <string.h>

#include "trace_form.h"
#include "trace_ops.h"

#define HS_BINARY_MAGIC "\x89HSB\r\n\x1a\n" /* damaged by any transfer that changes line ends */
enum {
    HS_BINARY_VERSION = 1,
    HS_BINARY_MAGIC_SIZE = 8,
    HS_BINARY_START_SIZE = 20, /* magic, version, length and CRC-32 of the header text */
    HS_BINARY_HEADER_MAX = 4 << 20,
    HS_BINARY_BLOCK = 1 << 16,   /* bytes of a decoded block, at most */
    HS_BINARY_EVENT_MAX = 512,   /* bytes of one event, at most */
    HS_BINARY_BLOCK_HEADER = 32, /* kind, method, stored, decoded, events, CRC-32, first (64) */
    HS_BINARY_INDEX_ENTRY = 16,  /* offset of the block, its first event */
    HS_BINARY_END_SIZE = 32,     /* events (64), index offset (64), blocks, CRCs, kind */
    HS_BINARY_STORED = 0,        /* methods of a block */
    HS_BINARY_ZSTD = 1,
};
#define HS_BINARY_KIND_BLOCK 0x314b4c42u /* "BLK1" */
#define HS_BINARY_KIND_INDEX 0x31584449u /* "IDX1" */
#define HS_BINARY_KIND_END   0x31444e45u /* "END1" */

/* First byte of an event. */
enum {
    HS_TAG_SAME = 0x20,  /* op + this: flags as last time for this op, owner as last time */
    HS_TAG_LIMIT = 0x40, /* from here to 0x7f: none */
    HS_TAG_ALLOC = 0x80, /* + k: alloc of 4 * (k + 1) bytes, next slot, same owner, no flags */
    HS_TAG_FREE = 0xc0,  /* + k: free of the last allocated slot - k */
    HS_TAG_PACKED = 64,
};

/* What predicts the next event. All zero at the start of each block. */
typedef struct hs_binary_state {
    uint32_t alloc_slot; /* last slot allocated */
    uint32_t addr;       /* last address recorded */
    uint16_t owner;
    uint8_t flags[HS_OP_COUNT];
    uint32_t slot[HS_OP_COUNT]; /* last slot named by this op */
    uint64_t time;
} hs_binary_state;

/* The slot from which an op's own slot is counted. */
static inline uint32_t hs_binary_slot_base(const hs_binary_state *state, unsigned op)
{
    switch (op) {
    case HS_OP_ALLOC:
    case HS_OP_CALLOC:
    case HS_OP_ALIGNED:
        return state->alloc_slot + 1;
    case HS_OP_FREE:
    case HS_OP_REALLOC:
        return state->alloc_slot;
    default:
        return state->slot[op];
    }
}

/* After an event, in both directions. */
static inline void hs_binary_advance(hs_binary_state *state, const hs_event *event)
{
    state->flags[event->op] = event->flags;
    state->slot[event->op] = event->slot;
    if (event->op <= HS_OP_ALIGNED) {
        state->alloc_slot = event->slot;
        state->owner = event->owner;
    }
    bool placed = event->op >= HS_OP_AREA || (event->flags & HS_EVENT_HAS_ADDR) != 0;
    if (placed && event->addr != 0) {
        state->addr = event->addr;
    }
    if (event->op == HS_OP_TIME) {
        state->time = (uint64_t)event->value;
    }
}

static inline void hs_put32(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++) {
        at[i] = (uint8_t)(value >> (8 * i));
    }
}

static inline void hs_put64(uint8_t *at, uint64_t value)
{
    hs_put32(at, (uint32_t)value);
    hs_put32(at + 4, (uint32_t)(value >> 32));
}

static inline uint32_t hs_get32(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static inline uint64_t hs_get64(const uint8_t *at)
{
    return hs_get32(at) | (uint64_t)hs_get32(at + 4) << 32;
}

#endif

/* Writer of the binary form. */
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#include "trace_binary.h"

enum { ZSTD_LEVEL = 12, PACKED_MIN = 1024 }; /* smaller blocks are not worth it */

typedef struct binary_writer {
    hs_output *output;
    hs_error *error; /* of the call in progress */
    hs_binary_state state;
    uint64_t events; /* of all blocks before this one */
    uint32_t in_block;
    uint32_t chain; /* CRC-32 over the start and all block headers */
    uint8_t *index;
    size_t blocks;
    size_t room;
    size_t used;
    uint8_t block[HS_BINARY_BLOCK];
    uint8_t packed[HS_BINARY_BLOCK + HS_BINARY_BLOCK / 8];
} binary_writer;

typedef struct text_buffer {
    char *text;
    size_t size;
    size_t room;
} text_buffer;

static int put_header(void *context, const char *text, size_t length)
{
    text_buffer *b = context;
    if (b->size + length > b->room) {
        size_t room = (b->room + length) * 2;
        char *bigger = realloc(b->text, room);
        if (bigger == NULL) {
            return -1;
        }
        b->text = bigger;
        b->room = room;
    }
    memcpy(b->text + b->size, text, length);
    b->size += length;
    return 0;
}

static int write_start(binary_writer *w, const hs_trace_header *header, hs_error *error)
{
    text_buffer b = {NULL, 0, 0};
    uint8_t start[HS_BINARY_START_SIZE];
    int result = hs_header_print(header, put_header, &b);
    if (result != 0) {
        hs_error_set(error, NULL, 0, "the host is out of memory");
    } else {
        memcpy(start, HS_BINARY_MAGIC, HS_BINARY_MAGIC_SIZE);
        hs_put32(start + 8, HS_BINARY_VERSION);
        hs_put32(start + 12, (uint32_t)b.size);
        hs_put32(start + 16, (uint32_t)crc32(0, (const uint8_t *)b.text, (uInt)b.size));
        w->chain = (uint32_t)crc32(0, start, sizeof start);
        result = hs_output_write(w->output, start, sizeof start, error);
    }
    if (result == 0) {
        result = hs_output_write(w->output, b.text, b.size, error);
    }
    free(b.text);
    return result;
}

static void *binary_open(hs_output *output, const hs_trace_header *header, hs_error *error)
{
    binary_writer *w = calloc(1, sizeof *w);
    if (w == NULL) {
        hs_error_set(error, NULL, 0, "the host is out of memory");
        return NULL;
    }
    w->output = output;
    if (write_start(w, header, error) != 0) {
        free(w);
        return NULL;
    }
    return w;
}

static int add_to_index(binary_writer *w, hs_error *error)
{
    if (w->blocks == w->room) {
        size_t room = w->room != 0 ? w->room * 2 : 64;
        uint8_t *index = realloc(w->index, room * HS_BINARY_INDEX_ENTRY);
        if (index == NULL) {
            hs_error_set(error, NULL, 0, "the host is out of memory");
            return -1;
        }
        w->index = index;
        w->room = room;
    }
    uint8_t *entry = w->index + w->blocks++ * HS_BINARY_INDEX_ENTRY;
    hs_put64(entry, hs_output_size(w->output));
    hs_put64(entry + 8, w->events);
    return 0;
}

static int flush_block(binary_writer *w, hs_error *error)
{
    uint8_t header[HS_BINARY_BLOCK_HEADER];
    if (w->in_block == 0) {
        return 0;
    }
    const uint8_t *stored = w->block;
    size_t size = ZSTD_compress(w->packed, sizeof w->packed, w->block, w->used, ZSTD_LEVEL);
    /* Unpacking takes several times as long as decoding: only where it halves the block. */
    bool packed = !ZSTD_isError(size) && 2 * size <= w->used && w->used >= PACKED_MIN;
    if (packed) {
        stored = w->packed;
    } else {
        size = w->used;
    }
    hs_put32(header, HS_BINARY_KIND_BLOCK);
    hs_put32(header + 4, packed ? HS_BINARY_ZSTD : HS_BINARY_STORED);
    hs_put32(header + 8, (uint32_t)size);
    hs_put32(header + 12, (uint32_t)w->used);
    hs_put32(header + 16, w->in_block);
    hs_put32(header + 20, (uint32_t)crc32(0, stored, (uInt)size));
    hs_put64(header + 24, w->events);
    w->chain = (uint32_t)crc32(w->chain, header, sizeof header);
    if (add_to_index(w, error) != 0 ||
        hs_output_write(w->output, header, sizeof header, error) != 0 ||
        hs_output_write(w->output, stored, size, error) != 0) {
        return -1;
    }
    w->events += w->in_block;
    w->in_block = 0;
    w->used = 0;
    memset(&w->state, 0, sizeof w->state);
    return 0;
}

static uint8_t *put_varint(uint8_t *at, uint64_t value)
{
    while (value >= 0x80) {
        *at++ = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    *at++ = (uint8_t)value;
    return at;
}

/* Small differences, up or down, in few bytes. */
static uint8_t *put_difference(uint8_t *at, uint32_t value, uint32_t base)
{
    uint32_t up = value - base;
    uint32_t down = base - value;
    return put_varint(at, up <= down ? (uint64_t)up << 1 : (uint64_t)down << 1 | 1);
}

/* As a difference; most are multiples of 4, so the low two bits go to the top. */
static uint8_t *put_addr(uint8_t *at, uint32_t value, uint32_t base)
{
    uint32_t up = value - base;
    uint32_t down = base - value;
    uint32_t size = up <= down ? up : down;
    size = size >> 2 | size << 30;
    return put_varint(at, (uint64_t)size << 1 | (up > down));
}

static uint8_t *put_value(const binary_writer *w, uint8_t *at, const hs_event *event)
{
    if (event->op == HS_OP_TIME) { /* time may go back: a trace is not judged here */
        uint64_t up = (uint64_t)event->value - w->state.time;
        return put_varint(at, up << 1 ^ (uint64_t) - (int64_t)(up >> 63));
    }
    return put_varint(at, (uint64_t)event->value + 1);
}

static uint8_t *put_name(uint8_t *at, const char *name)
{
    size_t length = strlen(name);
    at = put_varint(at, length);
    memcpy(at, name, length + 1);
    return at + length + 1;
}

static uint8_t *put_field(const binary_writer *w, uint8_t *at, const hs_event *event, char kind)
{
    switch (kind) {
    case 's':
        return put_difference(at, event->slot, hs_binary_slot_base(&w->state, event->op));
    case 'l':
        return put_difference(at, event->slot2, event->slot);
    case 'z':
        return put_varint(at, event->size);
    case 'c':
        return put_varint(at, event->count);
    case 'a':
        return put_addr(at, event->addr, w->state.addr);
    case 'v':
        return put_value(w, at, event);
    default:
        return put_name(at, event->name);
    }
}

static uint8_t *put_general(const binary_writer *w, uint8_t *at, const hs_event *event)
{
    bool owned = event->op <= HS_OP_ALIGNED;
    bool same =
        event->flags == w->state.flags[event->op] && (!owned || event->owner == w->state.owner);
    *at++ = (uint8_t)(event->op | (same ? HS_TAG_SAME : 0));
    if (!same) {
        *at++ = event->flags;
    }
    for (const char *kind = hs_ops[event->op].fields; *kind != 0; kind++) {
        if (*kind != 'o') {
            at = put_field(w, at, event, *kind);
        } else if (!same) {
            at = put_varint(at, event->owner);
        }
    }
    if (event->flags & HS_EVENT_CAPS) {
        at = put_varint(at, event->caps);
    }
    if (event->flags & HS_EVENT_HAS_ADDR) {
        at = put_addr(at, event->addr, w->state.addr);
    }
    if (event->flags & HS_EVENT_TYPE) {
        *at++ = (uint8_t)event->type;
    }
    return at;
}

/* The tag of an event that fits one byte, or 0. */
static uint8_t packed_tag(const hs_binary_state *state, const hs_event *event)
{
    if (event->op == HS_OP_ALLOC && event->flags == 0 && event->owner == state->owner &&
        event->slot == state->alloc_slot + 1 && event->size != 0 && event->size % 4 == 0 &&
        event->size <= 4 * HS_TAG_PACKED) {
        return (uint8_t)(HS_TAG_ALLOC + event->size / 4 - 1);
    }
    if (event->op == HS_OP_FREE && state->alloc_slot - event->slot < HS_TAG_PACKED) {
        return (uint8_t)(HS_TAG_FREE + (state->alloc_slot - event->slot));
    }
    return 0;
}

static int binary_write(void *writer, const hs_event *event, hs_error *error)
{
    binary_writer *w = writer;
    if (w->used + HS_BINARY_EVENT_MAX > HS_BINARY_BLOCK && flush_block(w, error) != 0) {
        return -1;
    }
    uint8_t *at = w->block + w->used;
    uint8_t tag = packed_tag(&w->state, event);
    if (tag != 0) {
        *at++ = tag;
    } else {
        at = put_general(w, at, event);
    }
    w->used = (size_t)(at - w->block);
    w->in_block++;
    hs_binary_advance(&w->state, event);
    return 0;
}

static int binary_finish(void *writer, hs_error *error)
{
    binary_writer *w = writer;
    uint8_t kind[4];
    uint8_t end[HS_BINARY_END_SIZE];
    if (flush_block(w, error) != 0) {
        return -1;
    }
    size_t index_size = w->blocks * HS_BINARY_INDEX_ENTRY;
    hs_put32(kind, HS_BINARY_KIND_INDEX);
    hs_put64(end, w->events);
    hs_put64(end + 8, hs_output_size(w->output));
    hs_put32(end + 16, (uint32_t)w->blocks);
    hs_put32(end + 20, (uint32_t)crc32(0, w->index, (uInt)index_size));
    hs_put32(end + 24, w->chain);
    hs_put32(end + 28, HS_BINARY_KIND_END);
    if (hs_output_write(w->output, kind, sizeof kind, error) != 0 ||
        hs_output_write(w->output, w->index, index_size, error) != 0) {
        return -1;
    }
    return hs_output_write(w->output, end, sizeof end, error);
}

static void binary_close(void *writer)
{
    binary_writer *w = writer;
    free(w->index);
    free(w);
}

const hs_trace_written_form hs_trace_binary_writer = {binary_open, binary_write, binary_finish,
                                                      binary_close};

/* Reader of the binary form: one block in memory at a time, nothing in it is trusted. */
#include "trace_binary.h"
#include "trace_scan.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

enum { STORED_MAX = HS_BINARY_BLOCK };

typedef struct binary_reader {
    hs_input *input;
    hs_header_builder *builder;
    hs_binary_state state;
    const uint8_t *at; /* in the block: unread at .. end */
    const uint8_t *end;
    uint32_t left;   /* events of the block still to come */
    uint64_t events; /* of all blocks begun */
    uint64_t offset; /* in the file, after what was read */
    uint32_t blocks;
    uint32_t chain;
    uint32_t index_crc; /* of the index that the blocks seen should have */
    bool jumped;        /* after a seek the totals cannot be compared */
    bool finished;
    hs_error failure;
    uint8_t block[HS_BINARY_BLOCK];
    uint8_t stored[STORED_MAX];
} binary_reader;

static int fail(binary_reader *r, const char *found, const char *expected)
{
    hs_error_set(&r->failure, hs_input_path(r->input), 0,
                 "event %" PRIu64 ": found %s, expected %s", r->events - r->left + 1, found,
                 expected);
    return -1;
}

static int read_exact(binary_reader *r, void *bytes, size_t size)
{
    uint8_t *at = bytes;
    while (size > 0) {
        long got = hs_input_read(r->input, at, size, &r->failure);
        if (got == 0) {
            fail(r, "the end of the file", "more: the trace is cut off");
        }
        if (got <= 0) {
            return -1;
        }
        at += got;
        size -= (size_t)got;
        r->offset += (uint64_t)got;
    }
    return 0;
}

/* The header text goes through the same lines as in the text form. */
static int take_header(binary_reader *r, char *text, size_t size)
{
    hs_place place = {hs_input_path(r->input), 0};
    char *end = text + size;
    for (char *line = text, *next; line < end; line = next) {
        char *stop = memchr(line, '\n', (size_t)(end - line));
        if (stop == NULL) {
            return fail(r, "a cut header", "whole lines");
        }
        *stop = 0;
        next = stop + 1;
        char *word_end = strchr(line, ' ');
        if (line == text && strcmp(line, "heapsim-trace 1") == 0) {
            continue;
        }
        if (word_end == NULL || memchr(line, 0, (size_t)(stop - line)) != NULL) {
            return fail(r, "a damaged header", "header lines of the text form");
        }
        int taken = hs_header_line(r->builder, line, (size_t)(word_end - line), word_end, place,
                                   &r->failure);
        if (taken <= 0) {
            return fail(r, "an unknown header line", "header lines of the text form");
        }
    }
    return 0;
}

static int read_start(binary_reader *r)
{
    uint8_t start[HS_BINARY_START_SIZE];
    if (read_exact(r, start, sizeof start) != 0) {
        return -1;
    }
    uint32_t version = hs_get32(start + 8);
    uint32_t size = hs_get32(start + 12);
    if (version != HS_BINARY_VERSION) {
        hs_error_set(&r->failure, hs_input_path(r->input), 0,
                     "found binary form version %" PRIu32
                     ", expected %d: this heapsim is older than the trace",
                     version, HS_BINARY_VERSION);
        return -1;
    }
    if (size == 0 || size > HS_BINARY_HEADER_MAX) {
        return fail(r, "an impossible header size", "up to 4 MiB");
    }
    char *text = malloc(size);
    if (text == NULL) {
        hs_error_set(&r->failure, hs_input_path(r->input), 0, "the host is out of memory");
        return -1;
    }
    int result = read_exact(r, text, size);
    if (result == 0 && crc32(0, (const uint8_t *)text, size) != hs_get32(start + 16)) {
        result = fail(r, "a damaged header", "the checksum to fit");
    }
    if (result == 0) {
        result = take_header(r, text, size);
    }
    free(text);
    r->chain = (uint32_t)crc32(0, start, sizeof start);
    r->index_crc = (uint32_t)crc32(0, NULL, 0);
    return result;
}

/* Reads the index and the end, and compares them with what was seen. */
static int read_end(binary_reader *r)
{
    uint8_t end[HS_BINARY_END_SIZE];
    uint64_t index_offset = r->offset - 4;
    uint32_t crc = (uint32_t)crc32(0, NULL, 0);
    for (uint32_t i = 0; i < r->blocks && !r->jumped; i++) {
        uint8_t entry[HS_BINARY_INDEX_ENTRY];
        if (read_exact(r, entry, sizeof entry) != 0) {
            return -1;
        }
        crc = (uint32_t)crc32(crc, entry, sizeof entry);
    }
    r->finished = true;
    if (r->jumped) {
        return 0;
    }
    if (read_exact(r, end, sizeof end) != 0) {
        return -1;
    }
    if (hs_get32(end + 28) != HS_BINARY_KIND_END || hs_get64(end) != r->events ||
        hs_get64(end + 8) != index_offset || hs_get32(end + 16) != r->blocks ||
        hs_get32(end + 20) != r->index_crc || hs_get32(end + 24) != r->chain ||
        crc != r->index_crc) {
        return fail(r, "a trailer that does not fit the events", "their number and checksum");
    }
    uint8_t more;
    long got = hs_input_read(r->input, &more, 1, &r->failure);
    return got > 0 ? fail(r, "bytes behind the trailer", "the end of the file") : (int)got;
}

static int unpack_block(binary_reader *r, uint32_t method, uint32_t stored, uint32_t decoded)
{
    if (method == HS_BINARY_STORED) {
        return stored == decoded ? 0 : fail(r, "a block of two sizes", "one");
    }
    size_t got = ZSTD_decompress(r->block, decoded, r->stored, stored);
    return got == decoded ? 0 : fail(r, "a damaged zstd block", "its decoded size");
}

/* 1 a block, 0 the end of the trace, -1 a failure. */
static int read_block(binary_reader *r)
{
    uint8_t header[HS_BINARY_BLOCK_HEADER];
    uint8_t entry[HS_BINARY_INDEX_ENTRY];
    hs_put64(entry, r->offset);
    hs_put64(entry + 8, r->events);
    if (read_exact(r, header, 4) != 0) {
        return -1;
    }
    if (hs_get32(header) == HS_BINARY_KIND_INDEX) {
        return read_end(r);
    }
    if (read_exact(r, header + 4, sizeof header - 4) != 0) {
        return -1;
    }
    uint32_t method = hs_get32(header + 4);
    uint32_t stored = hs_get32(header + 8);
    uint32_t decoded = hs_get32(header + 12);
    uint32_t events = hs_get32(header + 16);
    if (hs_get32(header) != HS_BINARY_KIND_BLOCK || method > HS_BINARY_ZSTD || stored == 0 ||
        stored > STORED_MAX || decoded == 0 || decoded > HS_BINARY_BLOCK || events == 0 ||
        events > decoded || hs_get64(header + 24) != r->events) {
        return fail(r, "a damaged block header", "a block or the index");
    }
    uint8_t *bytes = method == HS_BINARY_STORED ? r->block : r->stored;
    if (read_exact(r, bytes, stored) != 0) {
        return -1;
    }
    if (crc32(0, bytes, stored) != hs_get32(header + 20)) {
        return fail(r, "a damaged block", "the checksum to fit");
    }
    if (unpack_block(r, method, stored, decoded) != 0) {
        return -1;
    }
    r->chain = (uint32_t)crc32(r->chain, header, sizeof header);
    r->index_crc = (uint32_t)crc32(r->index_crc, entry, sizeof entry);
    r->blocks++;
    r->events += events;
    r->left = events;
    r->at = r->block;
    r->end = r->block + decoded;
    memset(&r->state, 0, sizeof r->state);
    return 1;
}

/* The end of the number, or NULL when the block ends first or the number is above `limit`. */
static const uint8_t *get_varint(const uint8_t *at, const uint8_t *end, uint64_t limit,
                                 uint64_t *value)
{
    uint64_t got = 0;
    for (unsigned shift = 0; at < end && shift < 64; shift += 7) {
        uint8_t byte = *at++;
        got |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *value = got;
            return got <= limit ? at : NULL;
        }
    }
    return NULL;
}

static const uint8_t *get_difference(const uint8_t *at, const uint8_t *end, uint32_t base,
                                     uint32_t *value)
{
    uint64_t got;
    at = get_varint(at, end, UINT64_C(0x1ffffffff), &got);
    if (at != NULL) {
        *value = got & 1 ? base - (uint32_t)(got >> 1) : base + (uint32_t)(got >> 1);
    }
    return at;
}

static const uint8_t *get_addr(const uint8_t *at, const uint8_t *end, uint32_t base,
                               uint32_t *value)
{
    uint64_t got;
    at = get_varint(at, end, UINT64_C(0x1ffffffff), &got);
    if (at != NULL) {
        uint32_t size = (uint32_t)(got >> 1);
        size = size << 2 | size >> 30;
        *value = got & 1 ? base - size : base + size;
    }
    return at;
}

static const uint8_t *get_value(const binary_reader *r, const uint8_t *at, hs_event *event)
{
    uint64_t got;
    if (event->op == HS_OP_TIME) {
        at = get_varint(at, r->end, UINT64_MAX, &got);
        if (at != NULL) {
            event->value = (int64_t)(r->state.time + (got >> 1 ^ (uint64_t) - (int64_t)(got & 1)));
        }
        return at != NULL && event->value >= 0 ? at : NULL;
    }
    at = get_varint(at, r->end, UINT64_C(0x100000000), &got);
    if (at != NULL) {
        event->value = (int64_t)got - 1;
    }
    return at != NULL && (event->value >= 0 || event->op == HS_OP_THRESHOLD) ? at : NULL;
}

/* A name as the text form takes it: no blanks, controls or '#'. */
static const uint8_t *get_name(const binary_reader *r, const uint8_t *at, hs_event *event)
{
    uint64_t length;
    at = get_varint(at, r->end, HS_TRACE_NAME_MAX, &length);
    if (at == NULL || length == 0 || (uint64_t)(r->end - at) <= length || at[length] != 0) {
        return NULL;
    }
    for (uint64_t i = 0; i < length; i++) {
        if (at[i] <= ' ' || at[i] == '#') {
            return NULL;
        }
    }
    if (!hs_text_is_plain((const char *)at, length)) {
        return NULL;
    }
    event->name = (const char *)at;
    return at + length + 1;
}

static const uint8_t *get_number(const binary_reader *r, const uint8_t *at, uint32_t *number)
{
    uint64_t got;
    at = get_varint(at, r->end, UINT32_MAX, &got);
    if (at != NULL) {
        *number = (uint32_t)got;
    }
    return at;
}

static const uint8_t *get_field(const binary_reader *r, const uint8_t *at, hs_event *event,
                                char kind)
{
    switch (kind) {
    case 's':
        return get_difference(at, r->end, hs_binary_slot_base(&r->state, event->op), &event->slot);
    case 'l':
        return get_difference(at, r->end, event->slot, &event->slot2);
    case 'z':
        return get_number(r, at, &event->size);
    case 'c':
        return get_number(r, at, &event->count);
    case 'a':
        return get_addr(at, r->end, r->state.addr, &event->addr);
    case 'v':
        return get_value(r, at, event);
    default:
        return get_name(r, at, event);
    }
}

static const uint8_t *get_owner(const binary_reader *r, const uint8_t *at, hs_event *event)
{
    uint64_t owner;
    at = get_varint(at, r->end, HS_TRACE_OWNERS_MAX, &owner);
    event->owner = (uint16_t)(at != NULL ? owner : 0);
    return at;
}

static const uint8_t *get_attributes(const binary_reader *r, const uint8_t *at, hs_event *event)
{
    if (event->flags & HS_EVENT_CAPS) {
        char text[HS_CAPS_TEXT];
        at = get_number(r, at, &event->caps);
        if (at == NULL || (event->caps & ~HS_TRACE_CAPS_ALL) != 0 ||
            hs_trace_print_caps(event->caps, text) == 0) {
            return NULL;
        }
    }
    if (event->flags & HS_EVENT_HAS_ADDR) {
        at = get_addr(at, r->end, r->state.addr, &event->addr);
        if (at == NULL) {
            return NULL;
        }
    }
    if (event->flags & HS_EVENT_TYPE) {
        if (at == r->end || *at <= ' ' || *at == '#' || *at >= 0x7f) {
            return NULL;
        }
        event->type = (char)*at++;
    }
    return at;
}

/* The end of the event, or NULL when it is damaged. */
static const uint8_t *get_general(binary_reader *r, const uint8_t *at, hs_event *event)
{
    unsigned tag = *at++;
    unsigned op = tag & ~(unsigned)HS_TAG_SAME;
    bool same = (tag & HS_TAG_SAME) != 0;
    if (op >= HS_OP_COUNT) {
        return NULL;
    }
    *event = (hs_event){.op = (uint8_t)op, .flags = r->state.flags[op]};
    if (!same) {
        if (at == r->end) {
            return NULL;
        }
        event->flags = *at++;
    }
    for (const char *kind = hs_ops[op].fields; *kind != 0 && at != NULL; kind++) {
        if (*kind != 'o') {
            at = get_field(r, at, event, *kind);
        } else if (same) {
            event->owner = r->state.owner;
        } else {
            at = get_owner(r, at, event);
        }
    }
    if (at == NULL || (event->flags & ~hs_ops[op].attributes) != 0 ||
        (op <= HS_OP_ALIGNED && event->owner >= r->builder->header.owner_count)) {
        return NULL;
    }
    return event->flags != 0 ? get_attributes(r, at, event) : at;
}

/* The lowest first byte of an event that is one byte; without owners nothing can be allocated. */
static inline unsigned packed_from(const binary_reader *r)
{
    return r->builder->header.owner_count != 0 ? HS_TAG_ALLOC : HS_TAG_FREE;
}

/* Events of one byte each, up to `last`: the first event behind them. */
static hs_event *get_packed(binary_reader *r, hs_event *event, const hs_event *last)
{
    const uint8_t *at = r->at;
    const uint8_t *end = r->end - at > last - event ? at + (last - event) : r->end;
    uint32_t slot = r->state.alloc_slot;
    uint16_t owner = r->state.owner;
    unsigned from = packed_from(r);
    for (; at < end && *at >= from; at++, event++) {
        unsigned tag = *at;
        memset(event, 0, sizeof *event);
        if (tag >= HS_TAG_FREE) {
            event->op = HS_OP_FREE;
            event->slot = slot + HS_TAG_FREE - tag;
        } else {
            event->owner = owner;
            event->slot = ++slot;
            event->size = 4 * (tag - HS_TAG_ALLOC + 1);
        }
    }
    if (slot != r->state.alloc_slot) {
        r->state.flags[HS_OP_ALLOC] = 0;
        r->state.alloc_slot = slot;
    }
    r->at = at;
    return event;
}

/* A number of one or two bytes; false for longer ones. Two bytes must be readable. */
static inline bool get_short(const uint8_t **at, uint32_t *number)
{
    uint32_t low = **at;
    uint32_t high = (*at)[1];
    if (low < 0x80) {
        *number = low;
        *at += 1;
        return true;
    }
    *number = (low & 0x7f) | high << 7;
    *at += 2;
    return high < 0x80;
}

static inline bool get_near(const uint8_t **at, uint32_t base, uint32_t *slot)
{
    uint32_t difference;
    bool fits = get_short(at, &difference);
    uint32_t half = difference >> 1;
    *slot = (difference & 1) != 0 ? base - half : base + half;
    return fits;
}

/* An alloc or free without attributes and with short numbers, of which all bytes that it could have
 * are in the block: its end, or NULL when it is something else. */
static inline const uint8_t *get_plain(binary_reader *r, const uint8_t *at, hs_event *event)
{
    enum { LONGEST = 8 };
    hs_binary_state *state = &r->state;
    unsigned tag = *at++;
    uint32_t slot;
    uint32_t size;
    uint32_t owner = state->owner;
    if (r->end - at < LONGEST) {
        return NULL;
    }
    if (tag == (HS_OP_FREE | HS_TAG_SAME)) {
        if (!get_near(&at, state->alloc_slot, &slot)) {
            return NULL;
        }
        *event = (hs_event){.op = HS_OP_FREE, .slot = slot};
        return at;
    }
    bool same = tag == (HS_OP_ALLOC | HS_TAG_SAME);
    if (!same && tag != HS_OP_ALLOC) {
        return NULL;
    }
    if ((same ? state->flags[HS_OP_ALLOC] : *at++) != 0 ||
        !get_near(&at, state->alloc_slot + 1, &slot) || !get_short(&at, &size) ||
        (!same && !get_short(&at, &owner)) || owner >= r->builder->header.owner_count) {
        return NULL;
    }
    *event = (hs_event){.op = HS_OP_ALLOC, .owner = (uint16_t)owner, .slot = slot, .size = size};
    state->flags[HS_OP_ALLOC] = 0;
    state->owner = (uint16_t)owner;
    state->alloc_slot = slot;
    return at;
}

/* Events of the block, up to `max`; NULL in r->at when one is damaged. */
static size_t decode(binary_reader *r, hs_event *events, size_t max)
{
    hs_event *event = events;
    hs_event *last = events + (max < r->left ? max : r->left);
    unsigned packed = packed_from(r);
    while (event < last && r->at < r->end && r->at != NULL) {
        const uint8_t *at = r->at;
        if (*at >= packed) {
            event = get_packed(r, event, last);
            continue;
        }
        r->at = get_plain(r, at, event);
        if (r->at == NULL) {
            r->at = *at < HS_TAG_LIMIT ? get_general(r, at, event) : NULL;
            if (r->at == NULL) {
                break;
            }
            hs_binary_advance(&r->state, event);
        }
        event++;
    }
    return (size_t)(event - events);
}

static long binary_read(void *reader, hs_event *events, size_t max, hs_error *error)
{
    binary_reader *r = reader;
    size_t count = 0;
    while (count == 0 && max != 0 && r->failure.text[0] == 0 && !r->finished) {
        if (r->left == 0 && read_block(r) <= 0) {
            break;
        }
        count = decode(r, events, max);
        r->left -= (uint32_t)count;
        if (r->at == NULL || (r->left == 0) != (r->at == r->end)) {
            fail(r, "a damaged event", "the events that the block announces");
        }
    }
    if (count == 0 && r->failure.text[0] != 0) {
        hs_error_set(error, NULL, 0, "%s", r->failure.text);
        return -1;
    }
    return (long)count;
}

/* Offset of the block that holds the event, and its first event, by bisection of the index. */
static int find_block(binary_reader *r, const uint8_t *end, uint64_t event, uint64_t *offset,
                      uint64_t *first)
{
    uint64_t low = 0;
    uint64_t high = hs_get32(end + 16);
    uint8_t entry[HS_BINARY_INDEX_ENTRY];
    *offset = 0;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        uint64_t at = hs_get64(end + 8) + 4 + middle * HS_BINARY_INDEX_ENTRY;
        if (hs_input_read_at(r->input, at, entry, sizeof entry, &r->failure) != 0) {
            return -1;
        }
        if (hs_get64(entry + 8) <= event) {
            low = middle + 1;
            *offset = hs_get64(entry);
            *first = hs_get64(entry + 8);
        } else {
            high = middle;
        }
    }
    return 0;
}

static int jump(binary_reader *r, uint64_t event)
{
    uint8_t end[HS_BINARY_END_SIZE];
    uint64_t done;
    uint64_t size;
    uint64_t offset;
    uint64_t first = 0;
    hs_input_progress(r->input, &done, &size);
    if (size < sizeof end ||
        hs_input_read_at(r->input, size - sizeof end, end, sizeof end, &r->failure) != 0) {
        return fail(r, "no trailer", "one: the trace is cut off");
    }
    if (hs_get32(end + 28) != HS_BINARY_KIND_END || hs_get64(end + 8) > size) {
        return fail(r, "a damaged trailer", "one: the trace may be cut off");
    }
    if (find_block(r, end, event, &offset, &first) != 0) {
        return -1;
    }
    if (offset == 0 || first < r->events) {
        return 0; /* in the block at hand or right behind it */
    }
    if (hs_input_seek(r->input, offset, &r->failure) != 0) {
        return -1;
    }
    r->jumped = true;
    r->offset = offset;
    r->events = first;
    r->left = 0;
    return 0;
}

/* The block's own header tells whether the index spoke the truth. */
static int binary_seek(void *reader, uint64_t event, hs_error *error)
{
    binary_reader *r = reader;
    if (!hs_input_can_seek(r->input)) {
        return 0;
    }
    int result = r->failure.text[0] != 0 ? -1 : jump(r, event);
    hs_event passed[64];
    while (result == 0 && r->events - r->left < event && !r->finished) {
        uint64_t left = event - (r->events - r->left);
        long got = binary_read(r, passed, left < 64 ? (size_t)left : 64, error);
        result = got < 0 ? -1 : 0;
    }
    if (result != 0) {
        hs_error_set(error, NULL, 0, "%s", r->failure.text);
        return -1;
    }
    return 1;
}

static bool binary_matches(const uint8_t *start, size_t length)
{
    return length >= 4 && memcmp(start, HS_BINARY_MAGIC, 4) == 0;
}

static void *binary_open(hs_input *input, hs_header_builder *builder, hs_error *error)
{
    binary_reader *r = malloc(sizeof *r);
    if (r == NULL) {
        hs_error_set(error, hs_input_path(input), 0, "the host is out of memory");
        return NULL;
    }
    memset(r, 0, offsetof(binary_reader, block));
    r->input = input;
    r->builder = builder;
    if (read_start(r) != 0) {
        hs_error_set(error, NULL, 0, "%s", r->failure.text);
        free(r);
        return NULL;
    }
    return r;
}

const hs_trace_form hs_trace_binary_form = {"binary",    binary_matches, binary_open,
                                            binary_read, binary_seek,    free};

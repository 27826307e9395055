#include "report_html_stream.h"

#include <stdlib.h>

enum { CHANGE_BORN, CHANGE_FREED, CHANGE_COLLECTED, CHANGE_MOVED, CHANGE_DROPPED, CHANGE_FAILED };

void hs_page_stream_release(hs_page_stream *stream)
{
    for (size_t i = 0; i < stream->count; i++) {
        hs_buffer_release(&stream->chunks[i].state);
        hs_buffer_release(&stream->chunks[i].changes);
    }
    free(stream->chunks);
    hs_buffer_release(&stream->changes);
    hs_buffer_release(&stream->event);
    *stream = (hs_page_stream){.failed = true};
}

/* --- the event under way --- */

static void begin_change(hs_page_stream *stream, unsigned change, unsigned kind)
{
    stream->event_count++;
    hs_buffer_byte(&stream->event, (uint8_t)(change | kind << 3));
}

static void add_address(hs_page_stream *stream, hs_addr address)
{
    hs_buffer_step(&stream->event, stream->scratch_address, address);
    stream->scratch_address = address;
}

void hs_page_stream_born(hs_page_stream *stream, const hs_block_entry *entry)
{
    begin_change(stream, CHANGE_BORN, entry->kind);
    add_address(stream, entry->address);
    hs_buffer_number(&stream->event, entry->size);
    hs_buffer_step(&stream->event, entry->size, entry->asked);
    hs_buffer_number(&stream->event, entry->owner);
}

void hs_page_stream_died(hs_page_stream *stream, hs_addr address, enum hs_block_end end)
{
    static const unsigned changes[] = {[HS_BLOCK_FREED] = CHANGE_FREED,
                                       [HS_BLOCK_COLLECTED] = CHANGE_COLLECTED,
                                       [HS_BLOCK_MOVED] = CHANGE_MOVED};
    begin_change(stream, changes[end], 0);
    add_address(stream, address);
}

void hs_page_stream_dropped(hs_page_stream *stream, hs_addr address)
{
    begin_change(stream, CHANGE_DROPPED, 0);
    add_address(stream, address);
}

void hs_page_stream_failed(hs_page_stream *stream, uint16_t owner, uint32_t size)
{
    begin_change(stream, CHANGE_FAILED, 0);
    hs_buffer_number(&stream->event, owner);
    hs_buffer_number(&stream->event, size);
}

void hs_page_stream_event(hs_page_stream *stream, uint64_t event, enum hs_op op,
                          const uint32_t values[HS_PAGE_VALUES])
{
    unsigned changed = 0;
    for (unsigned i = 0; i < HS_PAGE_VALUES; i++) {
        changed |= values[i] != stream->values[i] ? 1u << i : 0;
    }
    if (changed == 0 && stream->event_count == 0) {
        return;
    }
    hs_buffer *out = &stream->changes;
    hs_buffer_number(out, event - stream->last_event);
    hs_buffer_byte(out, (uint8_t)(changed | (stream->event_count < 15 ? stream->event_count : 15)
                                                << HS_PAGE_VALUES));
    hs_buffer_byte(out, (uint8_t)op);
    for (unsigned i = 0; i < HS_PAGE_VALUES; i++) {
        if (values[i] != stream->values[i]) {
            hs_buffer_step(out, stream->values[i], values[i]);
            stream->values[i] = values[i];
        }
    }
    if (stream->event_count >= 15) {
        hs_buffer_number(out, stream->event_count);
    }
    hs_buffer_add(out, stream->event.bytes, stream->event.size);
    stream->failed = stream->failed || stream->event.failed || out->failed;
    stream->address = stream->scratch_address;
    stream->last_event = event;
    stream->event.size = 0;
    stream->event_count = 0;
}

/* --- chunks --- */

static void leave_out(hs_page_stream *stream, hs_page_chunk *chunk)
{
    stream->packed -= chunk->changes.size;
    hs_buffer_release(&chunk->changes);
    chunk->complete = false;
}

/* Every second of the chunks that are states alone goes; the one before stands for its events. */
static void merge_states(hs_page_stream *stream)
{
    size_t kept = 0;
    bool gone = true;
    for (size_t i = 0; i < stream->count; i++) {
        hs_page_chunk *chunk = &stream->chunks[i];
        gone = i > 0 && !chunk->complete && !gone && !stream->chunks[i - 1].complete;
        if (gone) {
            stream->packed -= chunk->state.size;
            hs_buffer_release(&chunk->state);
        } else {
            stream->chunks[kept++] = *chunk;
        }
    }
    stream->count = kept;
}

/* What an event changed is left out, from the oldest on, until a quarter of the budget is free
 * again: the end of a run is what people look at. Chunks to keep go last. When states alone are
 * too much, they get fewer. The last chunk always stays whole. */
static void thin(hs_page_stream *stream)
{
    size_t goal = stream->budget - stream->budget / 4;
    for (int round = 0; round < 2 && stream->packed > goal; round++) {
        for (size_t i = 0; i + 1 < stream->count && stream->packed > goal; i++) {
            hs_page_chunk *chunk = &stream->chunks[i];
            if (chunk->complete && (round == 1 || !chunk->keep)) {
                leave_out(stream, chunk);
            }
        }
        for (size_t before = SIZE_MAX;
             round == 0 && stream->packed > goal && stream->count < before;) {
            before = stream->count;
            merge_states(stream);
        }
    }
}

static void end_chunk(hs_page_stream *stream)
{
    hs_page_chunk *chunk = &stream->chunks[stream->count - 1];
    hs_buffer_pack(&chunk->changes, &stream->changes);
    chunk->complete = true;
    chunk->keep = stream->keep;
    stream->packed += chunk->changes.size;
    stream->failed = stream->failed || chunk->changes.failed;
    stream->changes.size = 0;
    stream->keep = false;
    if (stream->packed > stream->budget) {
        thin(stream);
    }
}

static void put_state(hs_page_stream *stream, hs_buffer *out, const hs_block_entry *blocks,
                      size_t count, uint64_t event)
{
    for (unsigned i = 0; i < HS_PAGE_VALUES; i++) {
        hs_buffer_number(out, stream->values[i]);
    }
    hs_buffer_number(out, count);
    uint64_t address = 0;
    for (size_t i = 0; i < count; i++) {
        hs_buffer_number(out, blocks[i].address - address);
        hs_buffer_number(out, blocks[i].size);
        hs_buffer_step(out, blocks[i].size, blocks[i].asked);
        hs_buffer_number(out, blocks[i].owner);
        hs_buffer_byte(out, (uint8_t)(blocks[i].kind | blocks[i].garbage << 2));
        hs_buffer_number(out, event - blocks[i].born);
        address = blocks[i].address;
    }
}

static void add_chunk(hs_page_stream *stream, const hs_block_log *log, uint64_t event)
{
    if (stream->count == stream->capacity) {
        size_t capacity = stream->capacity == 0 ? 64 : 2 * stream->capacity;
        hs_page_chunk *chunks = realloc(stream->chunks, capacity * sizeof *chunks);
        if (chunks == NULL) {
            stream->failed = true;
            return;
        }
        stream->chunks = chunks;
        stream->capacity = capacity;
    }
    hs_page_chunk *chunk = &stream->chunks[stream->count++];
    *chunk = (hs_page_chunk){.event = event, .complete = true};
    hs_block_entry *blocks = hs_block_log_sorted(log);
    hs_buffer plain = {.failed = blocks == NULL};
    if (blocks != NULL) {
        put_state(stream, &plain, blocks, log->count, event);
    }
    hs_buffer_pack(&chunk->state, &plain);
    stream->state_size = plain.size;
    stream->packed += chunk->state.size;
    stream->failed = stream->failed || chunk->state.failed;
    free(blocks);
    hs_buffer_release(&plain);
    stream->last_event = event;
    stream->address = stream->scratch_address = 0;
}

/* A state costs as much as it saves the page from replaying: at least twice its size in changes. */
#define SHORTEST_CHUNK 32768u

void hs_page_stream_cut(hs_page_stream *stream, const hs_block_log *log, uint64_t event)
{
    if (stream->failed) {
        return;
    }
    if (stream->count > 0) {
        if (stream->changes.size < SHORTEST_CHUNK ||
            stream->changes.size < 2 * stream->state_size) {
            return;
        }
        end_chunk(stream);
    }
    add_chunk(stream, log, event);
}

void hs_page_stream_finish(hs_page_stream *stream)
{
    if (stream->count > 0 && !stream->failed) {
        end_chunk(stream);
    }
}

/* The events of a run as the HTML page reads them: chunks, each of the heap's state at its start
 * and of what every event after that changed. Format: sim/page/README.md.
 */
#ifndef HS_REPORT_HTML_STREAM_H
#define HS_REPORT_HTML_STREAM_H

#include "block_log.h"
#include "report_html_buffer.h"

/* Base64 bytes of all chunks of one run that are kept; see thin() in report_html_stream.c. */
#define HS_PAGE_BUDGET ((size_t)24 << 20)

enum { HS_PAGE_FREE, HS_PAGE_LARGEST, HS_PAGE_GC_USED, HS_PAGE_GC_TOTAL, HS_PAGE_VALUES };

typedef struct hs_page_chunk {
    uint64_t event;    /* the state is that after this event */
    hs_buffer state;   /* base64 */
    hs_buffer changes; /* base64; empty when they were left out */
    bool complete;     /* `changes` is there */
    bool keep;         /* holds the failure or another place that people jump to */
} hs_page_chunk;

typedef struct hs_page_stream {
    size_t budget;
    hs_page_chunk *chunks;
    size_t count, capacity;
    size_t packed;     /* base64 bytes in all chunks */
    size_t state_size; /* plain bytes of the last state */
    hs_buffer changes; /* plain, of the open chunk */
    hs_buffer event;   /* changes of the event under way */
    unsigned event_count;
    uint64_t last_event;      /* with a record in `changes` */
    uint64_t address;         /* last one written to `changes` */
    uint64_t scratch_address; /* the same, within the event under way */
    uint32_t values[HS_PAGE_VALUES];
    bool keep; /* the open chunk */
    bool failed;
} hs_page_stream;

void hs_page_stream_release(hs_page_stream *stream);

/* Parts of the event under way. `owner` counts as the log does. */
void hs_page_stream_born(hs_page_stream *stream, const hs_block_entry *entry);
void hs_page_stream_died(hs_page_stream *stream, hs_addr address, enum hs_block_end end);
void hs_page_stream_dropped(hs_page_stream *stream, hs_addr address);
void hs_page_stream_failed(hs_page_stream *stream, uint16_t owner, uint32_t size);

/* Starts a chunk with the state of `log` after event `event`, when none is open or the open one is
 * long enough to be worth another state. */
void hs_page_stream_cut(hs_page_stream *stream, const hs_block_log *log, uint64_t event);
/* Ends the event under way. */
void hs_page_stream_event(hs_page_stream *stream, uint64_t event, enum hs_op op,
                          const uint32_t values[HS_PAGE_VALUES]);
/* Ends the last chunk. */
void hs_page_stream_finish(hs_page_stream *stream);

#endif

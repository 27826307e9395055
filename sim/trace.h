/* Traces: what a firmware asked of its heaps, event by event.
 *
 * The text form is the reference (traces/README.md). Readers stream: memory does not grow with the
 * file. A reader is one file (trace_text.c, trace_binary.c) and a row in the table of trace.c;
 * compression (.gz, .zst) is found by content and lies below all readers.
 */
#ifndef HS_TRACE_H
#define HS_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

enum hs_op {
    HS_OP_ALLOC,     /* slot size owner [caps] [addr] [failed] [type] [finaliser] */
    HS_OP_CALLOC,    /* slot count size owner, the same */
    HS_OP_ALIGNED,   /* slot align(count) size owner, the same */
    HS_OP_REALLOC,   /* slot size [nomove] [addr] [failed] */
    HS_OP_FREE,      /* slot */
    HS_OP_DROP,      /* slot */
    HS_OP_LINK,      /* slot word(count) slot2 */
    HS_OP_UNLINK,    /* slot word(count) */
    HS_OP_COLLECT,   /* */
    HS_OP_THRESHOLD, /* value [capture] */
    HS_OP_AREA,      /* addr size */
    HS_OP_SPLIT,     /* size */
    HS_OP_GROWN,     /* addr size */
    HS_OP_COLLECTED, /* value */
    HS_OP_RELEASED,  /* addr */
    HS_OP_REGION,    /* addr size name(type) */
    HS_OP_PHASE,     /* name */
    HS_OP_MARK,      /* name */
    HS_OP_TIME,      /* value, microseconds since the start of the trace */
    HS_OP_COUNT
};

enum {
    HS_EVENT_HAS_ADDR = 1,  /* the trace recorded an address (0 with `@NULL`) */
    HS_EVENT_FAILED = 2,    /* the device returned NULL */
    HS_EVENT_NOMOVE = 4,    /* realloc in place only */
    HS_EVENT_FINALISER = 8, /* a GC object with a finaliser */
    HS_EVENT_CAPS = 16,     /* `caps` replaces the owner's */
    HS_EVENT_CAPTURE = 32,  /* threshold set by the capture, not by the program */
    HS_EVENT_TYPE = 64,     /* `type` holds a mem_info letter */
};

/* One event. Fields that its op does not name are 0. Sizes in bytes. */
typedef struct hs_event {
    uint8_t op;
    uint8_t flags;
    char type;
    uint16_t owner; /* index into the trace's owners */
    uint32_t slot;
    uint32_t size;
    uint32_t count; /* calloc: elements; aligned: alignment; link, unlink: word */
    uint32_t slot2;
    uint32_t caps;
    uint32_t addr;
    int64_t value;
    uint64_t line;    /* of the text form, from 1; 0 when the form has no lines */
    const char *name; /* valid until the next hs_trace_read() on this reader */
} hs_event;

enum hs_heap_kind { HS_HEAP_IDF, HS_HEAP_GC };
enum hs_origin { HS_ORIGIN_UNSAID, HS_ORIGIN_CAPTURED, HS_ORIGIN_PUBLISHED, HS_ORIGIN_MODELLED };
enum hs_complete { HS_COMPLETE_UNSAID, HS_COMPLETE_YES, HS_COMPLETE_NO };

#define HS_TRACE_OWNERS_MAX  4096
#define HS_TRACE_SOURCES_MAX 64

typedef struct hs_trace_owner {
    const char *name;
    enum hs_heap_kind heap;
    uint32_t caps; /* HS_CAP_* bits; HS_CAP_DEFAULT when the trace names none */
} hs_trace_owner;

/* Header of a trace; owned by the reader, valid until it is closed. Absent text is NULL. */
typedef struct hs_trace_header {
    const char *title;
    const char *device;
    const char *sources[HS_TRACE_SOURCES_MAX];
    size_t source_count;
    enum hs_origin origin;
    enum hs_complete complete;
    hs_trace_owner *owners;
    size_t owner_count;
} hs_trace_header;

typedef struct hs_trace hs_trace;

/* Opens a trace of any form and reads its header. `path` is used as it is ("-" is stdin). NULL and
 * *error when the file can't be read or its header is wrong. Close with hs_trace_close(). */
hs_trace *hs_trace_open(const char *path, hs_error *error);

const hs_trace_header *hs_trace_get_header(const hs_trace *trace);
const char *hs_trace_path(const hs_trace *trace);

/* Reads up to `max` events. Returns how many; 0 at the end; -1 with *error on bad input (events
 * before the bad line have been delivered by then). Syntax, owners, capability names and number
 * ranges are checked here; whether a slot is live is for the one who keeps slots (slots.h). */
long hs_trace_read(hs_trace *trace, hs_event *events, size_t max, hs_error *error);

/* Goes forward to an event (counted from 0), so that the next read gives it, or the end when there
 * are fewer. Blocks of the binary form are jumped over, other forms are read through; what is
 * skipped is not checked. 0, or -1 with *error. */
int hs_trace_skip_to(hs_trace *trace, uint64_t event, hs_error *error);

/* Bytes of the file consumed so far and its size (0 when unknown), for a progress bar. */
void hs_trace_progress(const hs_trace *trace, uint64_t *done, uint64_t *size);

/* NULL is ignored. */
void hs_trace_close(hs_trace *trace);

const char *hs_op_name(enum hs_op op);
const char *hs_origin_name(enum hs_origin origin);

/* Writers, the same seam: text or binary by file name (`.hsb`), compressed by .gz or .zst.
 * The file appears under its name only when hs_trace_writer_close() succeeds. */
typedef struct hs_trace_writer hs_trace_writer;
hs_trace_writer *hs_trace_writer_open(const char *path, const hs_trace_header *header,
                                      hs_error *error);
int hs_trace_write(hs_trace_writer *writer, const hs_event *event, hs_error *error);
int hs_trace_writer_close(hs_trace_writer *writer, hs_error *error); /* 0, or -1 and no file */
void hs_trace_writer_abandon(hs_trace_writer *writer);

#endif

/* libheapsim: allocation traces of ESP32 firmware, replayed address for address.
 *
 * The one public header. A session is one board (a layout: chip, IDF release, regions, boot state)
 * under one policy (what Python takes of the heap), onto which traces are replayed, whole or event
 * by event. Sessions share nothing: each may have its own thread. All sizes are bytes and all
 * addresses device addresses, unless a comment says otherwise.
 *
 *     hs_error error = {{0}};
 *     hs_session *session = hs_session_open("pico-d4", NULL, &error);
 *     if (session != NULL && hs_session_replay(session, "https.trace", &error) == 0 &&
 *         hs_session_finish(session, &error) == 0) {
 *         puts(hs_session_failed(session) ? "failed" : "completed");
 *     }
 *     hs_session_close(session);
 */
#ifndef HS_HEAPSIM_H
#define HS_HEAPSIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define HS_API __attribute__((visibility("default")))
#else
#define HS_API
#endif

/* "0.1.0": of the library that is linked. */
HS_API const char *hs_version(void);

/* The caller owns it; text[0] is 0 until something failed. Functions that take one write it only
 * when they fail, and the first failure stays: a later one does not overwrite it. */
typedef struct hs_error {
    char text[1024];
} hs_error;

/* --- events: traces/README.md describes their text form --- */

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

/* --- sessions --- */

typedef struct hs_session hs_session;

/* Finds the layout and the policy (NULL: the one that the layout names), boots the board, replays
 * its boot trace, lets the policy take its heap. Names are looked up as files, then in the
 * directories of HEAPSIM_PATH, then in the data that ship with heapsim. NULL with *error. About a
 * millisecond. */
HS_API hs_session *hs_session_open(const char *layout, const char *policy, hs_error *error);

/* NULL is ignored. Files of reporters that have not finished do not appear. */
HS_API void hs_session_close(hs_session *session);

/* Whether the run ends at its first failed allocation; it goes on by default. */
HS_API void hs_session_stop_at_failure(hs_session *session, bool stop);

/* Told now and then while a trace is read: bytes read, size of the file (0: unknown). */
typedef void hs_progress(void *context, uint64_t done, uint64_t size);
HS_API void hs_session_on_progress(hs_session *session, hs_progress *progress, void *context);

/* Finds, opens and replays a trace. 0, or -1 with *error when it can't be read or is wrong. Memory
 * does not grow with the trace. */
HS_API int hs_session_replay(hs_session *session, const char *trace, hs_error *error);

/* What one event did. */
typedef struct hs_outcome {
    uint64_t event; /* number in the run, from 1 */
    uint16_t owner; /* run owner, HS_NO_OWNER for statements without a slot */
    bool failed;    /* an allocation that the device could not serve */
    bool ignored;   /* on a slot whose allocation had failed */
    enum hs_heap_kind heap;
    uint32_t address;     /* result of alloc, calloc, aligned, realloc; 0 for NULL */
    uint32_t size;        /* bytes asked for */
    uint32_t old_address; /* realloc, free, drop: where the slot was */
    uint32_t old_size;
} hs_outcome;
#define HS_NO_OWNER 0xffffu

/* Replays events of the caller's own making: begin with the owners they name, step each, end.
 * `name` is what reports call them. One at a time. 0, or -1 with *error. *outcome may be NULL. */
HS_API int hs_session_begin(hs_session *session, const char *name, const hs_trace_header *header,
                            hs_error *error);
HS_API int hs_session_step(hs_session *session, const hs_event *event, hs_outcome *outcome,
                           hs_error *error);
HS_API int hs_session_end(hs_session *session, hs_error *error);

/* Ends the run: the mark `end`, then each reporter writes its file. Once. 0, or -1 with *error. */
HS_API int hs_session_finish(hs_session *session, hs_error *error);

/* True when an allocation failed or the device crashed. */
HS_API bool hs_session_failed(const hs_session *session);

/* Figures of this moment; `idf` is 8BIT memory, as the device prints it. */
typedef struct hs_figures {
    uint64_t events;
    uint64_t failures;
    uint32_t idf_free;
    uint32_t idf_largest_free_block;
    uint32_t minimum_largest_free_block; /* since the policy's start */
    uint32_t gc_used;                    /* garbage not yet collected included */
    uint64_t gc_collections;
} hs_figures;
HS_API hs_figures hs_session_figures(const hs_session *session);

/* The result as JSON text (keys: sim/README.md), after hs_session_finish(). The caller frees it.
 * NULL: host out of memory. */
HS_API char *hs_session_json(const hs_session *session);

/* --- reporters --- */

/* What a run can leave behind, in order; false from the last on. `argument` is NULL for those that
 * write words for people instead of a file. */
HS_API bool hs_reporter_at(size_t index, const char **name, const char **argument,
                           const char **help);

/* Adds a reporter before the first event. `argument` is a file's name ("-": stdout), or NULL. Words
 * go to `words`, with colours if asked for. 0, or -1 with *error. */
HS_API int hs_session_report(hs_session *session, const char *reporter, const char *argument,
                             FILE *words, bool colour, hs_error *error);

#ifdef __cplusplus
}
#endif

#endif

/* What a reader of `heapsim trace import` sees: clean lines in, allocations or board facts out. */
#ifndef HS_IMPORT_READER_H
#define HS_IMPORT_READER_H

#include "import.h"
#include "trace.h"

/* --- Lines (import_lines.c) ------------------------------------------------------------------ */

#define HS_IMPORT_LINE_MAX 65536 /* bytes of a line that are looked at */

typedef struct hs_import_lines {
    const char *data;
    size_t size;
    size_t at;
    uint64_t number;               /* of the line in `text`, from 1 */
    bool unended;                  /* the last line had no end of line */
    char text[HS_IMPORT_LINE_MAX]; /* no colour codes, CR or control characters; 0-terminated */
} hs_import_lines;

/* The next line into lines->text; false at the end. */
bool hs_import_next_line(hs_import_lines *lines);

/* Reading of one line, left to right. Each returns whether it matched and then moves *at. */
bool hs_log_text(const char **at, const char *text);  /* exactly `text` */
bool hs_log_past(const char **at, const char *text);  /* to behind the next `text` */
bool hs_log_dec(const char **at, uint64_t *value);    /* digits; more than 64 bits: no */
bool hs_log_hex(const char **at, uint64_t *value);    /* with or without 0x */
bool hs_log_number(const char **at, uint64_t *value); /* 0x: hex, else decimal */
void hs_log_blanks(const char **at);
bool hs_log_word(const char **at, char *word, size_t size); /* up to a blank; cut to size */
bool hs_log_end(const char *at);                            /* nothing but blanks follow */

/* --- The import in progress ------------------------------------------------------------------- */

typedef struct hs_import_trace hs_import_trace;
typedef struct hs_import_board hs_import_board;

typedef struct hs_import {
    const hs_import_request *request;
    hs_import_report *report;
    uint64_t line;          /* number of the line that is being read */
    void *state;            /* the reader's: zeroed, of its state_size */
    hs_import_trace *trace; /* readers that yield traces */
    hs_import_board *board; /* readers that yield layouts */
    bool no_memory;         /* set by whoever ran out of it: the import fails */
    hs_error error;         /* set by a reader that refuses the log: the import fails */
} hs_import;

typedef struct hs_import_reader {
    hs_import_format format;
    size_t state_size;
    bool (*sniff)(const char *line);                   /* surely of this format */
    bool (*line)(hs_import *import, const char *line); /* reads it; false: not of this format */
    void (*end)(hs_import *import);                    /* after the last line; may be NULL */
    void (*release)(void *state);                      /* frees what the state holds; may be NULL */
} hs_import_reader;

/* A sentence for the report (doubles are dropped). */
__attribute__((format(printf, 2, 3))) void hs_import_note(hs_import *import, const char *format,
                                                          ...);

/* --- Traces (import_trace.c) ------------------------------------------------------------------
 * A reader of traces runs twice over the log: the first time to learn owners, sources and whether
 * it is complete (the header), the second time to write events. It must do the same both times. */

#define HS_IMPORT_ADDRESS_NONE UINT64_MAX

/* Whose an allocation is; `name` is cleaned and cut. HS_OWNER_OTHER when there are too many. */
uint16_t hs_import_owner(hs_import *import, const char *name, enum hs_heap_kind heap,
                         uint32_t caps);

/* A `source` line of the trace. */
__attribute__((format(printf, 2, 3))) void hs_import_source(hs_import *import, const char *format,
                                                            ...);
/* Events are missing: `complete no`, and why, as a source line. */
__attribute__((format(printf, 2, 3))) void hs_import_lost(hs_import *import, const char *format,
                                                          ...);
/* What was read so far belongs to an earlier capture in the same log: forget it. */
void hs_import_restart(hs_import *import);

/* The line belongs to the format but can't be used: it is counted and events are missing. */
void hs_import_damaged(hs_import *import);

/* Optional parts of an allocation. */
typedef struct hs_import_alloc {
    uint64_t key;   /* what the log calls the block: an address or an identity */
    uint64_t size;  /* bytes */
    uint64_t align; /* 0: none asked for */
    uint16_t owner;
    bool failed;  /* the key is not used */
    bool address; /* the key is a device address, to be recorded for verify */
    bool has_caps;
    bool finaliser;
    uint32_t caps;
} hs_import_alloc;

/* An allocation. A live block of the same key was freed without the log saying so: lost event. */
void hs_import_allocate(hs_import *import, const hs_import_alloc *alloc);
/* A free, or the death of a GC object. False: no such block, which is counted. */
bool hs_import_free(hs_import *import, uint64_t key);
bool hs_import_drop(hs_import *import, uint64_t key);
/* A realloc of `key` to alloc->size, now alloc->key. An unknown block becomes an allocation. */
void hs_import_realloc(hs_import *import, uint64_t key, const hs_import_alloc *alloc, bool nomove);
/* Any other statement. */
void hs_import_event(hs_import *import, const hs_event *event);
/* When what follows happened; written in front of the next event. */
void hs_import_time(hs_import *import, uint64_t microseconds);

/* --- Readers ---------------------------------------------------------------------------------- */

extern const hs_import_reader hs_import_heap_trace;
extern const hs_import_reader hs_import_capture;
extern const hs_import_reader hs_import_mtrace;
extern const hs_import_reader hs_import_heaptrack;

#endif

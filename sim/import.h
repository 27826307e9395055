/* Import: logs of other tools and of boards become traces and layouts.
 *
 * A reader is one file (import_NAME.c) and a row in the table of import.c; it sees clean lines
 * (import_reader.h) and never fails: what it cannot use is counted and reported. Memory and time
 * are bounded by the size of the log (time: n log n), whatever it holds.
 */
#ifndef HS_IMPORT_H
#define HS_IMPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "error.h"

enum hs_import_yields { HS_IMPORT_TRACE, HS_IMPORT_LAYOUT };

/* What the table says of a format: for --help and for fuzz targets. */
typedef struct hs_import_format {
    const char *name;
    enum hs_import_yields yields;
    const char *about; /* one line */
} hs_import_format;

/* Row `index`, NULL behind the last. */
const hs_import_format *hs_import_format_row(size_t index);

#define HS_IMPORT_NOTES_MAX 16

/* What a log held. */
typedef struct hs_import_report {
    const char *format; /* name of the reader; "layout": several of them together */
    enum hs_import_yields yields;
    uint64_t lines;   /* of the log */
    uint64_t used;    /* that belong to the format */
    uint64_t damaged; /* of those: cut, mixed up or wrong */
    uint64_t events;  /* of the trace that was written */
    bool complete;    /* nothing is known to be missing */
    size_t note_count;
    char notes[HS_IMPORT_NOTES_MAX][256]; /* for the person who imports, one sentence each */
} hs_import_report;

/* Largest log, decompressed. */
#define HS_IMPORT_SIZE_MAX ((size_t)1 << 30)

typedef struct hs_import_request {
    const char *format; /* a row's name, "layout" for all readers of boards, or NULL: found out */
    const char *name;   /* of the log, for titles, sources and messages; no path */
    const char *policy; /* layouts: leave the Python heap to this policy; NULL: it stays live */
    const void *data;
    size_t size;
} hs_import_request;

/* Finds the format, and what it yields, without importing. False with *error when nothing in the
 * log is known or `format` is not a format. */
bool hs_import_find(const hs_import_request *request, hs_import_report *report, hs_error *error);

/* Writes the trace (text form) or the layout to `out`. 0, or -1 with *error: nothing to import in
 * it, unknown format, no memory, `out` not writable. `report` may be NULL. */
int hs_import_write(const hs_import_request *request, FILE *out, hs_import_report *report,
                    hs_error *error);

/* The same as a trace file at `path`, in the form that its name asks for (trace.h). */
int hs_import_write_trace(const hs_import_request *request, const char *path,
                          hs_import_report *report, hs_error *error);

/* Entry for fuzz targets: imports `data` as `format` (NULL: found out). */
int hs_import_memory(const char *format, const void *data, size_t size, FILE *out, hs_error *error);

#endif

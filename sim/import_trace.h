/* The trace that an import makes: used by import.c and import_trace.c alone. */
#ifndef HS_IMPORT_TRACE_H
#define HS_IMPORT_TRACE_H

#include "import_reader.h"

/* Where header and events go. */
typedef struct hs_import_sink {
    void *context;
    int (*header)(void *context, const hs_trace_header *header, hs_error *error);
    int (*event)(void *context, const hs_event *event, hs_error *error);
} hs_import_sink;

hs_import_trace *hs_import_trace_create(void);
void hs_import_trace_destroy(hs_import_trace *trace);

/* Ends the first pass: adds what the counters say to the sources, completes the header. */
void hs_import_trace_learned(hs_import *import);
/* Starts the second pass. 0, or -1 with *error. */
int hs_import_trace_emit(hs_import *import, hs_import_sink sink, hs_error *error);
/* Ends the second pass: 0, or -1 with the *error that a sink gave. */
int hs_import_trace_end(hs_import *import, hs_error *error);
/* Lines before this one are of earlier captures. */
uint64_t hs_import_trace_start_line(const hs_import_trace *trace);

/* A sink that prints the text form to a FILE: its context, and its two functions. */
typedef struct hs_import_text {
    FILE *out;
    const hs_trace_header *header;
} hs_import_text;
int hs_import_text_header(void *context, const hs_trace_header *header, hs_error *error);
int hs_import_text_event(void *context, const hs_event *event, hs_error *error);

#endif

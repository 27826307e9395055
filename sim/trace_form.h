/* The seam between trace.c and the forms of a trace. Internal to the library. */
#ifndef HS_TRACE_FORM_H
#define HS_TRACE_FORM_H

#include "input.h"
#include "output.h"
#include "trace.h"

#define HS_TRACE_CAPS_DEFAULT 0x1000u /* of an owner that names none: `default` */

#define HS_TRACE_CAPS_ALL 0x803fffffu /* those that have a name */

/* Bounds that keep memory independent of the file. */
#define HS_TRACE_LINE_MAX 16384 /* bytes of a line of the text form */
#define HS_TRACE_NAME_MAX 255   /* bytes of the name of an owner, phase, mark or region type */
#define HS_OWNER_TABLE    (2 * HS_TRACE_OWNERS_MAX)

/* A header being read: the public part, and a hash table of owner names (index + 1). */
typedef struct hs_header_builder {
    hs_trace_header header;
    size_t owner_room;
    uint16_t table[HS_OWNER_TABLE];
} hs_header_builder;

/* Where an error is reported: the file's name and the line. */
typedef struct hs_place {
    const char *path;
    uint64_t line;
} hs_place;

void hs_header_release(hs_header_builder *builder);

/* Takes one header line, split into its first word and what follows (NUL-terminated, changed in
 * place). 1 when it was one, 0 when the word is no header word, -1 with *error. */
int hs_header_line(hs_header_builder *builder, const char *word, size_t length, char *rest,
                   hs_place place, hs_error *error);

/* Index of the owner of this name, or -1. */
int hs_header_find_owner(const hs_header_builder *builder, const char *name, size_t length);

/* "found 'WORD', expected WHAT", where WORD is what stands at `at`, or the end of the line. -1. */
int hs_trace_expected(hs_place place, char *at, const char *what, hs_error *error);

/* `caps=` lists: bits <-> names. The end of the list at `at`, or NULL with *error. */
char *hs_trace_scan_caps(char *at, uint32_t *caps, hs_place place, hs_error *error);
/* Writes the names of the bits to `text` (HS_CAPS_TEXT bytes), comma-separated: how long. */
enum { HS_CAPS_TEXT = 256 };
size_t hs_trace_print_caps(uint32_t caps, char *text);

/* Header as text lines, the first line of the text form included. `put` returns 0 or -1. */
int hs_header_print(const hs_trace_header *header,
                    int (*put)(void *context, const char *text, size_t length), void *context);

/* A form: how a trace is read. `open` takes over nothing when it fails. */
typedef struct hs_trace_form {
    const char *name;
    bool (*matches)(const uint8_t *start, size_t length);
    void *(*open)(hs_input *input, hs_header_builder *builder, hs_error *error);
    long (*read)(void *reader, hs_event *events, size_t max, hs_error *error);
    /* The next read gives this event (from 0): 1 done, 0 the form cannot, -1 with *error. Or NULL.
     */
    int (*seek)(void *reader, uint64_t event, hs_error *error);
    void (*close)(void *reader);
} hs_trace_form;

/* How a trace is written. `finish` writes what is pending and any trailer. */
typedef struct hs_trace_written_form {
    void *(*open)(hs_output *output, const hs_trace_header *header, hs_error *error);
    int (*write)(void *writer, const hs_event *event, hs_error *error);
    int (*finish)(void *writer, hs_error *error);
    void (*close)(void *writer);
} hs_trace_written_form;

extern const hs_trace_form hs_trace_text_form;
extern const hs_trace_form hs_trace_binary_form;
extern const hs_trace_written_form hs_trace_text_writer;
extern const hs_trace_written_form hs_trace_binary_writer;

#endif

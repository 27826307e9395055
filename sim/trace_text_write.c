/* Writer of the text form. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trace_form.h"
#include "trace_ops.h"

enum { LINE_ROOM = HS_TRACE_NAME_MAX * 2 + HS_CAPS_TEXT + 128 };

typedef struct text_writer {
    hs_output *output;
    const hs_trace_header *header;
    hs_error *error; /* of the call in progress */
} text_writer;

static int put(void *context, const char *text, size_t length)
{
    text_writer *w = context;
    return hs_output_write(w->output, text, length, w->error);
}

static void *text_open(hs_output *output, const hs_trace_header *header, hs_error *error)
{
    text_writer *w = malloc(sizeof *w);
    if (w == NULL) {
        hs_error_set(error, NULL, 0, "the host is out of memory");
        return NULL;
    }
    *w = (text_writer){output, header, error};
    if (hs_header_print(header, put, w) != 0) {
        free(w);
        return NULL;
    }
    return w;
}

static char *print_decimal(char *at, uint64_t number)
{
    char digits[20];
    size_t n = 0;
    do {
        digits[n++] = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    while (n > 0) {
        *at++ = digits[--n];
    }
    return at;
}

static char *print_hex(char *at, uint32_t number)
{
    *at++ = '0';
    *at++ = 'x';
    for (int shift = 28; shift >= 0; shift -= 4) {
        *at++ = "0123456789abcdef"[number >> shift & 15];
    }
    return at;
}

static char *print_text(char *at, const char *text)
{
    size_t length = strlen(text);
    memcpy(at, text, length);
    return at + length;
}

static char *print_field(const text_writer *w, char *at, const hs_event *event, char kind)
{
    *at++ = ' ';
    switch (kind) {
    case 's':
        return print_decimal(at, event->slot);
    case 'z':
        return print_decimal(at, event->size);
    case 'c':
        return print_decimal(at, event->count);
    case 'l':
        return print_decimal(at, event->slot2);
    case 'a':
        return print_hex(at, event->addr);
    case 'o':
        return print_text(at, w->header->owners[event->owner].name);
    case 'n':
        return print_text(at, event->name);
    default:
        return event->value < 0 ? print_text(at, "-1") : print_decimal(at, (uint64_t)event->value);
    }
}

static char *print_attributes(char *at, const hs_event *event)
{
    if (event->flags & HS_EVENT_CAPS) {
        at = print_text(at, " caps=");
        at += hs_trace_print_caps(event->caps, at);
    }
    if (event->flags & HS_EVENT_NOMOVE) {
        at = print_text(at, " nomove");
    }
    if (event->flags & HS_EVENT_CAPTURE) {
        at = print_text(at, " capture");
    }
    if (event->flags & HS_EVENT_HAS_ADDR) {
        at = print_text(at, " @");
        at = event->addr != 0 ? print_hex(at, event->addr) : print_text(at, "NULL");
    }
    if (event->flags & HS_EVENT_FAILED) {
        at = print_text(at, " failed");
    }
    if (event->flags & HS_EVENT_TYPE) {
        at = print_text(at, " type=");
        *at++ = event->type;
    }
    if (event->flags & HS_EVENT_FINALISER) {
        at = print_text(at, " finaliser");
    }
    return at;
}

static int text_write(void *writer, const hs_event *event, hs_error *error)
{
    text_writer *w = writer;
    char line[LINE_ROOM];
    const hs_op_form *form = &hs_ops[event->op];
    char *at = print_text(line, form->name);
    for (const char *kind = form->fields; *kind != 0; kind++) {
        at = print_field(w, at, event, *kind);
    }
    if (event->flags != 0) {
        at = print_attributes(at, event);
    }
    *at++ = '\n';
    return hs_output_write(w->output, line, (size_t)(at - line), error);
}

static int text_finish(void *writer, hs_error *error)
{
    (void)writer;
    (void)error;
    return 0;
}

const hs_trace_written_form hs_trace_text_writer = {text_open, text_write, text_finish, free};

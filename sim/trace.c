#include "trace.h"

#include <stdlib.h>
#include <string.h>

#include "trace_form.h"

struct hs_trace {
    hs_input *input;
    const hs_trace_form *form;
    void *reader;
    uint64_t events; /* read so far */
    hs_header_builder builder;
};

/* Asked in this order; the text form takes whatever is left. */
static const hs_trace_form *const forms[] = {&hs_trace_binary_form, &hs_trace_text_form};

static const hs_trace_form *find_form(const uint8_t *start, size_t length)
{
    size_t i = 0;
    while (!forms[i]->matches(start, length)) {
        i++;
    }
    return forms[i];
}

hs_trace *hs_trace_open(const char *path, hs_error *error)
{
    hs_trace *trace = calloc(1, sizeof *trace);
    if (trace == NULL) {
        hs_error_set(error, path, 0, "the host is out of memory");
        return NULL;
    }
    const uint8_t *start;
    trace->input = hs_input_open(path, error);
    long length = trace->input != NULL ? hs_input_peek(trace->input, &start, error) : -1;
    if (length == 0) {
        hs_error_set(error, path, 0, "found an empty file, expected a trace");
    } else if (length > 0) {
        trace->form = find_form(start, (size_t)length);
        trace->reader = trace->form->open(trace->input, &trace->builder, error);
    }
    if (trace->reader == NULL) {
        hs_trace_close(trace);
        return NULL;
    }
    return trace;
}

const hs_trace_header *hs_trace_get_header(const hs_trace *trace)
{
    return &trace->builder.header;
}

const char *hs_trace_path(const hs_trace *trace)
{
    return hs_input_path(trace->input);
}

long hs_trace_read(hs_trace *trace, hs_event *events, size_t max, hs_error *error)
{
    long count = trace->form->read(trace->reader, events, max, error);
    trace->events += count > 0 ? (uint64_t)count : 0;
    return count;
}

int hs_trace_skip_to(hs_trace *trace, uint64_t event, hs_error *error)
{
    int jumped = 0;
    if (trace->form->seek != NULL && event > trace->events) {
        jumped = trace->form->seek(trace->reader, event, error);
    }
    if (jumped != 0) {
        trace->events = event;
        return jumped > 0 ? 0 : -1;
    }
    hs_event passed[64];
    while (trace->events < event) {
        uint64_t left = event - trace->events;
        long count = hs_trace_read(trace, passed, left < 64 ? (size_t)left : 64, error);
        if (count <= 0) {
            return (int)count;
        }
    }
    return 0;
}

void hs_trace_progress(const hs_trace *trace, uint64_t *done, uint64_t *size)
{
    hs_input_progress(trace->input, done, size);
}

void hs_trace_close(hs_trace *trace)
{
    if (trace == NULL) {
        return;
    }
    if (trace->reader != NULL) {
        trace->form->close(trace->reader);
    }
    hs_header_release(&trace->builder);
    hs_input_close(trace->input);
    free(trace);
}

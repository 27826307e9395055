/* Writers of traces: the form follows from the file's name. */
#include <stdlib.h>
#include <string.h>

#include "trace_form.h"
#include "trace_ops.h"

struct hs_trace_writer {
    hs_output *output;
    const hs_trace_written_form *form;
    const hs_trace_header *header;
    void *writer;
};

/* `.hsb` is the binary form, any other name the text form. */
static const hs_trace_written_form *find_form(const char *path)
{
    size_t length = hs_output_bare_length(path);
    bool binary = length > 4 && memcmp(path + length - 4, ".hsb", 4) == 0;
    return binary ? &hs_trace_binary_writer : &hs_trace_text_writer;
}

hs_trace_writer *hs_trace_writer_open(const char *path, const hs_trace_header *header,
                                      hs_error *error)
{
    hs_trace_writer *writer = calloc(1, sizeof *writer);
    if (writer == NULL) {
        hs_error_set(error, path, 0, "the host is out of memory");
        return NULL;
    }
    writer->header = header;
    writer->form = find_form(path);
    writer->output = hs_output_open(path, error);
    if (writer->output != NULL) {
        writer->writer = writer->form->open(writer->output, header, error);
    }
    if (writer->writer == NULL) {
        hs_trace_writer_abandon(writer);
        return NULL;
    }
    return writer;
}

/* What no form could write, or no reader would take back, is a mistake of the caller. */
static bool can_be_written(const hs_trace_writer *writer, const hs_event *event)
{
    if (event->op >= HS_OP_COUNT) {
        return false;
    }
    const hs_op_form *form = &hs_ops[event->op];
    bool owned = strchr(form->fields, 'o') != NULL;
    bool named = strchr(form->fields, 'n') != NULL;
    return (event->flags & ~form->attributes) == 0 &&
           (!owned || event->owner < writer->header->owner_count) &&
           (!named || (event->name != NULL && strlen(event->name) <= HS_TRACE_NAME_MAX));
}

int hs_trace_write(hs_trace_writer *writer, const hs_event *event, hs_error *error)
{
    if (!can_be_written(writer, event)) {
        hs_error_set(error, NULL, 0, "an event of the kind '%s' cannot be written as it is",
                     hs_op_name((enum hs_op)event->op));
        return -1;
    }
    return writer->form->write(writer->writer, event, error);
}

int hs_trace_writer_close(hs_trace_writer *writer, hs_error *error)
{
    if (writer->form->finish(writer->writer, error) != 0) {
        hs_trace_writer_abandon(writer);
        return -1;
    }
    int result = hs_output_close(writer->output, error);
    writer->output = NULL;
    hs_trace_writer_abandon(writer);
    return result;
}

void hs_trace_writer_abandon(hs_trace_writer *writer)
{
    if (writer == NULL) {
        return;
    }
    if (writer->writer != NULL) {
        writer->form->close(writer->writer);
    }
    hs_output_abandon(writer->output);
    free(writer);
}

/* The text form of a trace, to a FILE. */
#include "import_trace.h"

#include <inttypes.h>

#include "trace_form.h"
#include "trace_ops.h"

static int put(void *context, const char *text, size_t length)
{
    return fwrite(text, 1, length, context) == length ? 0 : -1;
}

static int check_output(FILE *out, hs_error *error)
{
    if (!ferror(out)) {
        return 0;
    }
    hs_error_set(error, NULL, 0, "the trace could not be written");
    return -1;
}

int hs_import_text_header(void *context, const hs_trace_header *header, hs_error *error)
{
    hs_import_text *text = context;
    text->header = header;
    (void)hs_header_print(header, put, text->out);
    return check_output(text->out, error);
}

static void put_field(const hs_import_text *text, const hs_event *event, char kind)
{
    FILE *out = text->out;
    switch (kind) {
    case 's':
        fprintf(out, " %" PRIu32, event->slot);
        break;
    case 'z':
        fprintf(out, " %" PRIu32, event->size);
        break;
    case 'c':
        fprintf(out, " %" PRIu32, event->count);
        break;
    case 'o':
        fprintf(out, " %s", text->header->owners[event->owner].name);
        break;
    case 'a':
        fprintf(out, " 0x%08" PRIx32, event->addr);
        break;
    case 'v':
        fprintf(out, " %" PRId64, event->value);
        break;
    default:
        fprintf(out, " %s", event->name);
        break;
    }
}

static void put_attributes(FILE *out, const hs_event *event)
{
    char caps[HS_CAPS_TEXT];
    if ((event->flags & HS_EVENT_CAPS) != 0) {
        (void)hs_trace_print_caps(event->caps, caps);
        fprintf(out, " caps=%s", caps);
    }
    if ((event->flags & HS_EVENT_NOMOVE) != 0) {
        fputs(" nomove", out);
    }
    if ((event->flags & HS_EVENT_HAS_ADDR) != 0) {
        fprintf(out, " @0x%08" PRIx32, event->addr);
    }
    if ((event->flags & HS_EVENT_FAILED) != 0) {
        fputs(" failed", out);
    }
    if ((event->flags & HS_EVENT_FINALISER) != 0) {
        fputs(" finaliser", out);
    }
}

int hs_import_text_event(void *context, const hs_event *event, hs_error *error)
{
    hs_import_text *text = context;
    const hs_op_form *form = &hs_ops[event->op];
    fputs(form->name, text->out);
    for (const char *kind = form->fields; *kind != 0; kind++) {
        put_field(text, event, *kind);
    }
    put_attributes(text->out, event);
    fputc('\n', text->out);
    return check_output(text->out, error);
}

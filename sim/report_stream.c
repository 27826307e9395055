#include "report_stream.h"

#include <stdlib.h>

#include "session.h"

hs_report_stream *hs_report_stream_begin(const hs_report_target *target,
                                         void (*on_event)(void *context, const hs_run *run,
                                                          const hs_event *event,
                                                          const hs_outcome *outcome),
                                         hs_error *error)
{
    hs_report_stream *stream = calloc(1, sizeof *stream);
    if (stream != NULL) {
        stream->output = hs_output_open(target->argument, error);
    }
    if (stream == NULL || stream->output == NULL) {
        hs_error_set(error, NULL, 0, "the host is out of memory");
        free(stream);
        return NULL;
    }
    hs_run_observe(target->session->run, (hs_observer){.context = stream, .event = on_event});
    return stream;
}

void hs_report_stream_put(hs_report_stream *stream, const char *text, size_t size)
{
    if (!stream->failed) {
        stream->failed = hs_output_write(stream->output, text, size, &stream->error) != 0;
    }
}

void hs_report_stream_abandon(void *context)
{
    hs_report_stream *stream = context;
    hs_output_abandon(stream->output);
    free(stream);
}

int hs_report_stream_finish(void *context, hs_error *error)
{
    hs_report_stream *stream = context;
    if (stream->failed) {
        hs_error_set(error, NULL, 0, "%s", stream->error.text);
        hs_report_stream_abandon(stream);
        return -1;
    }
    int result = hs_output_close(stream->output, error);
    free(stream);
    return result;
}

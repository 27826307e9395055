#include "report_stream.h"

#include <stdlib.h>

#include "session.h"

hs_report_file *hs_report_stream_begin(const hs_report_target *target,
                                       void (*on_event)(void *context, const hs_run *run,
                                                        const hs_event *event,
                                                        const hs_outcome *outcome),
                                       hs_error *error)
{
    hs_report_file *file = malloc(sizeof *file);
    if (file == NULL || hs_report_file_open(file, target->argument, error) != 0) {
        hs_error_set(error, NULL, 0, "the host is out of memory");
        free(file);
        return NULL;
    }
    hs_run_observe(target->session->run, (hs_observer){.context = file, .event = on_event});
    return file;
}

void hs_report_stream_abandon(void *file)
{
    hs_report_file_abandon(file);
    free(file);
}

int hs_report_stream_finish(void *file, hs_error *error)
{
    int result = hs_report_file_close(file, error);
    free(file);
    return result;
}

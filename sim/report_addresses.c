/* --addresses: event number, slot and address of every alloc, calloc, aligned and realloc. */
#include <inttypes.h>

#include "report_stream.h"

static void on_event(void *context, const hs_run *run, const hs_event *event,
                     const hs_outcome *outcome)
{
    (void)run;
    if (event->op > HS_OP_REALLOC) {
        return;
    }
    char line[64];
    int length = outcome->address != 0
                     ? snprintf(line, sizeof line, "%" PRIu64 " %" PRIu32 " 0x%08" PRIx32 "\n",
                                outcome->event, event->slot, outcome->address)
                     : snprintf(line, sizeof line, "%" PRIu64 " %" PRIu32 " NULL\n", outcome->event,
                                event->slot);
    hs_report_file_put(context, line, (size_t)length);
}

static void *begin(const hs_report_target *target, hs_error *error)
{
    return hs_report_stream_begin(target, on_event, error);
}

const hs_reporter hs_report_addresses = {
    "addresses",
    "FILE",
    "the address of every allocation, for exact comparison",
    begin,
    hs_report_stream_finish,
    hs_report_stream_abandon,
};

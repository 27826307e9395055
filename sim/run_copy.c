/* Copies of a run for what-ifs: the board, the slots and all that the run keeps. */
#include <stdlib.h>
#include <string.h>

#include "copy_array.h"
#include "run_events.h"

static hs_stream *copy_stream(const hs_stream *from, size_t owner_count)
{
    hs_stream *to = calloc(1, sizeof *to);
    if (to == NULL) {
        return NULL;
    }
    hs_slots_init(&to->slots);
    to->index = from->index;
    to->trace = from->trace;
    to->phase = from->phase;
    to->owner_count = from->owner_count;
    to->path = strdup(from->path);
    to->owner_map = hs_copy_array(from->owner_map, owner_count, sizeof *from->owner_map);
    if (to->path == NULL || to->owner_map == NULL || hs_slots_copy(&to->slots, &from->slots) != 0) {
        hs_stream_free(to);
        return NULL;
    }
    return to;
}

static int copy_streams(hs_run *to, const hs_run *from)
{
    to->streams = calloc(from->stream_count + 1, sizeof(hs_stream *));
    if (to->streams == NULL) {
        return -1;
    }
    for (; to->stream_count < from->stream_count; to->stream_count++) {
        const hs_stream *stream = from->streams[to->stream_count];
        if (stream == NULL) {
            continue;
        }
        to->streams[to->stream_count] = copy_stream(stream, stream->owner_count);
        if (to->streams[to->stream_count] == NULL) {
            return -1;
        }
    }
    return 0;
}

/* Each array is counted up as its names are copied, so that a half-made copy can be destroyed. */
static int copy_names(hs_run *to, const hs_run *from)
{
    to->owners = hs_copy_array(from->owners, from->owner_count, sizeof *to->owners);
    to->phases = calloc(from->phase_count + 1, sizeof *to->phases);
    to->traces = hs_copy_array(from->traces, from->trace_count, sizeof *to->traces);
    to->phases_sorted =
        hs_copy_array(from->phases_sorted, from->phase_count, sizeof *to->phases_sorted);
    to->phase_capacity = from->phase_count;
    bool ok =
        to->owners != NULL && to->phases != NULL && to->phases_sorted != NULL && to->traces != NULL;
    for (; ok && to->owner_count < from->owner_count; to->owner_count++) {
        to->owners[to->owner_count].name = strdup(from->owners[to->owner_count].name);
        ok = to->owners[to->owner_count].name != NULL;
    }
    for (; ok && to->phase_count < from->phase_count; to->phase_count++) {
        to->phases[to->phase_count] = strdup(from->phases[to->phase_count]);
        ok = to->phases[to->phase_count] != NULL;
    }
    for (; ok && to->trace_count < from->trace_count; to->trace_count++) {
        to->traces[to->trace_count].name = strdup(from->traces[to->trace_count].name);
        ok = to->traces[to->trace_count].name != NULL;
    }
    return ok ? 0 : -1;
}

static int copy_marks(hs_run *to, const hs_run *from)
{
    to->marks = calloc(from->mark_count + 1, sizeof *to->marks);
    to->mark_capacity = from->mark_count;
    if (to->marks == NULL) {
        return -1;
    }
    for (; to->mark_count < from->mark_count; to->mark_count++) {
        if (hs_mark_copy(&to->marks[to->mark_count], &from->marks[to->mark_count]) != 0) {
            return -1;
        }
    }
    return 0;
}

static int copy_roots(hs_run *to, const hs_run *from)
{
    to->leftovers = hs_copy_array(from->leftovers, from->leftover_count, sizeof *to->leftovers);
    to->root_words = hs_copy_array(from->root_words, from->root_count, sizeof *to->root_words);
    to->root_owners = hs_copy_array(from->root_owners, from->root_count, sizeof *to->root_owners);
    to->root_capacity = from->root_count;
    return to->leftovers != NULL && to->root_words != NULL && to->root_owners != NULL ? 0 : -1;
}

hs_run *hs_run_copy(const hs_run *run, hs_error *error)
{
    hs_board *board = hs_board_copy(run->board, error);
    hs_run *copy = board != NULL ? hs_run_copy_onto(run, board, error) : NULL;
    if (copy == NULL) {
        hs_board_destroy(board);
    }
    return copy;
}

hs_run *hs_run_copy_onto(const hs_run *run, hs_board *board, hs_error *error)
{
    hs_run *copy = calloc(1, sizeof *copy);
    if (copy != NULL) {
        *copy = *run;
        copy->streams = NULL;
        copy->owners = NULL;
        copy->phases = NULL;
        copy->phases_sorted = NULL;
        copy->traces = NULL;
        copy->marks = NULL;
        copy->leftovers = NULL;
        copy->root_words = NULL;
        copy->root_owners = NULL;
        copy->stream_count = copy->owner_count = copy->phase_count = 0;
        copy->trace_count = copy->mark_count = 0;
        copy->observer_count = 0;
        hs_run_listen(copy, board);
    }
    if (copy == NULL || copy_streams(copy, run) != 0 || copy_names(copy, run) != 0 ||
        copy_marks(copy, run) != 0 || copy_roots(copy, run) != 0) {
        hs_error_set(error, NULL, 0, "the host is out of memory");
        hs_run_destroy(copy);
        return NULL;
    }
    return copy;
}

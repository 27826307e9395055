#include "grid_cell.h"

#include <stdlib.h>
#include <string.h>

#include "copy_array.h"
#include "probe.h"
#include "session.h"

static int no_memory(hs_error *error)
{
    hs_error_set(error, NULL, 0, "the host is out of memory");
    return -1;
}

/* --- boards --- */

static bool same_memory(const hs_board *a, const hs_board *b)
{
    return a->memory_count == b->memory_count &&
           memcmp(a->memory, b->memory, a->memory_count * sizeof a->memory[0]) == 0;
}

hs_board *hs_pool_copy(hs_board_pool *pool, const hs_board *board, hs_error *error)
{
    for (size_t i = pool->count; i > 0; i--) {
        hs_board *found = pool->boards[i - 1];
        if (same_memory(found, board)) {
            pool->boards[i - 1] = pool->boards[--pool->count];
            hs_board_copy_into(found, board);
            return found;
        }
    }
    return hs_board_copy(board, error);
}

void hs_pool_give(hs_board_pool *pool, hs_board *board)
{
    if (board != NULL && pool->count == HS_POOL_MAX) {
        hs_board_destroy(pool->boards[0]);
        pool->boards[0] = board;
    } else if (board != NULL) {
        pool->boards[pool->count++] = board;
    }
}

void hs_pool_release(hs_board_pool *pool)
{
    while (pool->count > 0) {
        hs_board_destroy(pool->boards[--pool->count]);
    }
}

/* --- what is watched --- */

static void note_address(void *context, const hs_run *run, const hs_event *event,
                         const hs_outcome *outcome)
{
    (void)event;
    hs_cell_run *cell = context;
    cell->hash = (cell->hash ^ outcome->address) * UINT64_C(0x9e3779b97f4a7c15);
    cell->hash ^= cell->hash >> 29;
    if ((run->event & (cell->interval - 1)) != 0) {
        return;
    }
    if (cell->checkpoint_count == HS_GRID_CHECKPOINTS) {
        for (size_t i = 0; i < HS_GRID_CHECKPOINTS / 2; i++) {
            cell->checkpoints[i] = cell->checkpoints[2 * i + 1];
        }
        cell->checkpoint_count /= 2;
        cell->interval *= 2;
        if ((run->event & (cell->interval - 1)) != 0) {
            return;
        }
    }
    cell->checkpoints[cell->checkpoint_count++] = (uint16_t)(cell->hash >> 40);
}

static bool wants_mark(const void *context, const char *name)
{
    const hs_grid *grid = context;
    for (size_t i = 0; i < grid->mark_count; i++) {
        if (strcmp(grid->marks[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* Further sockets at this moment, on a copy. */
static int probe_sockets(const hs_cell_run *cell, hs_board_pool *pool, uint32_t *sockets,
                         hs_error *error)
{
    hs_board *board = hs_pool_copy(pool, cell->run->board, error);
    if (board == NULL) {
        return -1;
    }
    if (!hs_probe_routed(board)) {
        *sockets = hs_probe_idf_sockets(board);
        hs_pool_give(pool, board);
        return 0;
    }
    hs_run *copy = hs_run_copy_onto(cell->run, board, error);
    if (copy != NULL) {
        *sockets = hs_probe_sockets(copy);
    }
    hs_run_destroy(copy);
    hs_pool_give(pool, board);
    return copy != NULL ? 0 : -1;
}

/* Probes what marks the last event recorded. */
static int probe_marks(hs_cell_run *cell, hs_board_pool *pool, hs_error *error)
{
    size_t count = cell->run->mark_count;
    if (cell->socket_count == count) {
        return 0;
    }
    int64_t *grown = realloc(cell->sockets, count * sizeof *grown);
    if (grown == NULL) {
        return no_memory(error);
    }
    cell->sockets = grown;
    uint32_t sockets = 0;
    if (probe_sockets(cell, pool, &sockets, error) != 0) {
        return -1;
    }
    while (cell->socket_count < count) {
        grown[cell->socket_count++] = sockets;
    }
    return 0;
}

static void watch(hs_cell_run *cell)
{
    cell->run->wants_mark = wants_mark;
    cell->run->wants_mark_context = cell->grid;
    hs_run_observe(cell->run, (hs_observer){.context = cell, .event = note_address});
}

/* --- life --- */

hs_cell_run *hs_cell_run_create(const hs_grid *grid, size_t group, hs_board_pool *pool,
                                hs_error *error)
{
    const hs_grid_group *g = &grid->groups[group];
    hs_cell_run *cell = calloc(1, sizeof *cell);
    if (cell == NULL) {
        no_memory(error);
        return NULL;
    }
    cell->grid = grid;
    cell->group = group;
    cell->interval = 1;
    cell->board = hs_pool_copy(pool, grid->layouts[g->layout].board, error);
    cell->run = cell->board != NULL ? hs_run_create(cell->board, g->policy, error) : NULL;
    if (cell->run == NULL) {
        hs_cell_run_destroy(cell, pool);
        return NULL;
    }
    cell->run->stop_at_failure = g->stop;
    cell->run->stopped = g->stop && cell->run->failed;
    watch(cell);
    if (probe_marks(cell, pool, error) != 0) {
        hs_cell_run_destroy(cell, pool);
        return NULL;
    }
    return cell;
}

hs_cell_run *hs_cell_run_copy(const hs_cell_run *from, hs_board_pool *pool, hs_error *error)
{
    hs_cell_run *cell = malloc(sizeof *cell);
    if (cell == NULL) {
        no_memory(error);
        return NULL;
    }
    *cell = *from;
    cell->run = NULL;
    cell->sockets = hs_copy_array(from->sockets, from->socket_count, sizeof *cell->sockets);
    cell->cycles = hs_copy_array(from->cycles, from->cycle_count, sizeof *cell->cycles);
    cell->cycle_capacity = from->cycle_count;
    cell->board = hs_pool_copy(pool, from->board, error);
    if (cell->board != NULL && cell->sockets != NULL && cell->cycles != NULL) {
        cell->run = hs_run_copy_onto(from->run, cell->board, error);
    }
    if (cell->run == NULL) {
        hs_cell_run_destroy(cell, pool);
        no_memory(error);
        return NULL;
    }
    watch(cell);
    return cell;
}

void hs_cell_run_destroy(hs_cell_run *cell, hs_board_pool *pool)
{
    if (cell != NULL) {
        hs_run_destroy(cell->run);
        hs_pool_give(pool, cell->board);
        free(cell->sockets);
        free(cell->cycles);
        free(cell);
    }
}

/* --- operations --- */

static hs_stream *stream_of(const hs_cell_run *cell, uint32_t stream)
{
    return cell->run->streams[cell->streams[stream]];
}

static int begin(hs_cell_run *cell, const hs_do *what, hs_error *error)
{
    const hs_grid_trace *trace = cell->grid->traces.list[what->trace];
    hs_stream *stream =
        hs_run_begin_trace(cell->run, trace->name, trace->path, trace->header, error);
    if (stream == NULL) {
        cell->unfit = true; /* the trace was read already: its owners have no heap here */
        return -1;
    }
    cell->streams[what->stream] = stream->index;
    return 0;
}

static int step(hs_cell_run *cell, hs_stream *stream, const hs_event *event, hs_error *error)
{
    if (hs_run_step(cell->run, stream, event, error) != 0) {
        cell->unfit = event->op == HS_OP_REGION;
        return -1;
    }
    return 0;
}

static int play(hs_cell_run *cell, const hs_do *what, hs_board_pool *pool, const atomic_int *stop,
                hs_error *error)
{
    const hs_event *events = cell->grid->traces.list[what->trace]->events;
    hs_run *run = cell->run;
    hs_stream *stream = stream_of(cell, what->stream);
    for (uint32_t i = what->from; i < what->to && !run->stopped; i++) {
        if (step(cell, stream, &events[i], error) != 0) {
            return -1;
        }
        if (run->mark_count != cell->socket_count && probe_marks(cell, pool, error) != 0) {
            return -1;
        }
        if ((i & 4095) == 0 && stop != NULL && atomic_load(stop) != 0) {
            return 1;
        }
    }
    return 0;
}

/* splitmix64 (public domain, S. Vigna). */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* A stream is chosen with the probability of its share of the events that remain, so that every
 * order of interleaving is equally likely. */
static int together(hs_cell_run *cell, const hs_do *what, hs_board_pool *pool,
                    const atomic_int *stop, hs_error *error)
{
    hs_run *run = cell->run;
    const hs_grid_trace *traces[HS_PROGRAM_STREAMS];
    size_t at[HS_PROGRAM_STREAMS] = {0};
    uint64_t total = 0;
    uint64_t random = what->seed;
    for (uint32_t i = 0; i < what->to; i++) {
        const hs_do *opened = what - what->to + i; /* the begins stand before */
        traces[i] = cell->grid->traces.list[opened->trace];
        total += traces[i]->count;
    }
    for (; total > 0 && !run->stopped; total--) {
        uint64_t pick = (next_random(&random) >> 32) * total >> 32;
        uint32_t i = 0;
        for (; pick >= traces[i]->count - at[i]; i++) {
            pick -= traces[i]->count - at[i];
        }
        if (step(cell, stream_of(cell, what->stream + i), &traces[i]->events[at[i]++], error) !=
                0 ||
            (run->mark_count != cell->socket_count && probe_marks(cell, pool, error) != 0)) {
            return -1;
        }
        if ((total & 4095) == 0 && stop != NULL && atomic_load(stop) != 0) {
            return 1;
        }
    }
    return 0;
}

static int whole(hs_cell_run *cell, const hs_do *what, hs_board_pool *pool, hs_error *error)
{
    const char *name = cell->grid->traces.list[what->trace]->name;
    hs_trace *trace = hs_session_open_trace(name, error);
    int result = trace != NULL ? hs_run_trace(cell->run, name, trace, error) : -1;
    hs_trace_close(trace);
    return result == 0 ? probe_marks(cell, pool, error) : -1;
}

static int end_round(hs_cell_run *cell, hs_board_pool *pool, hs_error *error)
{
    if (cell->cycle_count == cell->cycle_capacity) {
        size_t capacity = cell->cycle_capacity < 64 ? 64 : 2 * cell->cycle_capacity;
        hs_cycle_sample *grown = realloc(cell->cycles, capacity * sizeof *grown);
        if (grown == NULL) {
            return no_memory(error);
        }
        cell->cycles = grown;
        cell->cycle_capacity = capacity;
    }
    uint32_t sockets = 0;
    if (probe_sockets(cell, pool, &sockets, error) != 0) {
        return -1;
    }
    const hs_live_metrics live = hs_run_live(cell->run);
    cell->cycles[cell->cycle_count++] = (hs_cycle_sample){.event = cell->run->event,
                                                          .free = live.idf_free,
                                                          .largest = live.idf_largest,
                                                          .fits = sockets > 0};
    return 0;
}

int hs_cell_run_do(hs_cell_run *cell, const hs_do *what, hs_board_pool *pool,
                   const atomic_int *stop, hs_error *error)
{
    if (cell->run->stopped) { /* the device stands still: nothing more happens on it */
        return 0;
    }
    int result = -1;
    switch (what->kind) {
    case HS_DO_BEGIN:
        return begin(cell, what, error);
    case HS_DO_PLAY:
        return play(cell, what, pool, stop, error);
    case HS_DO_TOGETHER:
        return together(cell, what, pool, stop, error);
    case HS_DO_WHOLE:
        return whole(cell, what, pool, error);
    case HS_DO_CYCLE:
        return end_round(cell, pool, error);
    case HS_DO_END:
        result = hs_run_end_trace(cell->run, stream_of(cell, what->stream), error);
        break;
    case HS_DO_MARK:
        result = hs_run_mark(cell->run, what->name, error);
        break;
    }
    return result == 0 ? probe_marks(cell, pool, error) : -1;
}

int hs_cell_run_all(hs_cell_run *run, const hs_cell *cell, hs_board_pool *pool, hs_error *error)
{
    const atomic_int go_on = 0;
    int result = 0;
    for (size_t i = 0; i < cell->program.count && result == 0; i++) {
        result = hs_cell_run_do(run, &cell->program.list[i], pool, &go_on, error);
    }
    return result;
}

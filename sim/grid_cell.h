/* Inside of a grid: the run of one cell, or of the begin that several cells share. */
#ifndef HS_GRID_CELL_H
#define HS_GRID_CELL_H

#include "grid.h"

#define HS_POOL_MAX 32

/* Boards to copy into, of one thread: reserving addresses and touching pages costs more than the
 * copy itself. */
typedef struct hs_board_pool {
    hs_board *boards[HS_POOL_MAX];
    size_t count;
} hs_board_pool;

/* A copy of `board`, for hs_pool_give() or hs_board_destroy(). NULL with *error. */
hs_board *hs_pool_copy(hs_board_pool *pool, const hs_board *board, hs_error *error);
void hs_pool_give(hs_board_pool *pool, hs_board *board); /* NULL is ignored */
void hs_pool_release(hs_board_pool *pool);

/* What one round of a watched repeat left. */
typedef struct hs_cycle_sample {
    uint64_t event;
    uint32_t free, largest; /* as the device prints them */
    bool fits;              /* one more TLS socket */
} hs_cycle_sample;

typedef struct hs_cell_run {
    const hs_grid *grid;
    size_t group;
    hs_run *run;
    hs_board *board;
    size_t streams[HS_PROGRAM_STREAMS]; /* of the program to those of the run */
    uint64_t hash;
    uint64_t interval;
    size_t checkpoint_count;
    uint16_t checkpoints[HS_GRID_CHECKPOINTS];
    int64_t *sockets; /* by mark of the run; HS_METRIC_ABSENT: not probed */
    size_t socket_count;
    hs_cycle_sample *cycles;
    size_t cycle_count;
    size_t cycle_capacity;
    bool unfit; /* error tells of the board, not of the trace */
} hs_cell_run;

/* The group's board after its policy's start. NULL with *error. */
hs_cell_run *hs_cell_run_create(const hs_grid *grid, size_t group, hs_board_pool *pool,
                                hs_error *error);
hs_cell_run *hs_cell_run_copy(const hs_cell_run *from, hs_board_pool *pool, hs_error *error);
void hs_cell_run_destroy(hs_cell_run *cell, hs_board_pool *pool); /* NULL is ignored */

/* Carries out one operation. 0; -1 with *error: the trace is wrong, or (cell->unfit) it cannot be
 * on this board; 1: stopped by *stop. */
int hs_cell_run_do(hs_cell_run *cell, const hs_do *what, hs_board_pool *pool,
                   const atomic_int *stop, hs_error *error);

/* Carries out all of the cell's operations. 0, or -1 with *error. */
int hs_cell_run_all(hs_cell_run *run, const hs_cell *cell, hs_board_pool *pool, hs_error *error);

/* Ends the run and takes the result out; the run can only be destroyed afterwards. */
int hs_cell_run_finish(hs_cell_run *from, hs_cell *cell, hs_board_pool *pool, hs_error *error);

/* The message of an error without the folder of the file that it is about, so that results are the
 * same everywhere. */
const char *hs_grid_reason(const char *message);

/* Theil-Sen slope in thousandths per round and Mann-Kendall z in thousandths, of `count` values. */
typedef struct hs_trend {
    int64_t slope;
    int64_t z;
} hs_trend;
int hs_trend_of(const hs_cycle_sample *samples, size_t count, hs_trend *trend);

#endif

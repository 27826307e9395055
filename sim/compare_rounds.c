/* compare --rounds: what each round of a watched `repeat` left, as CSV. Each cell that has one is
 * replayed once more. */
#include <inttypes.h>

#include "compare.h"
#include "grid_cell.h"
#include "report_file.h"

static int put_rounds(hs_report_file *file, const hs_grid *grid, const hs_cell *cell,
                      hs_board_pool *pool, hs_error *error)
{
    hs_cell_run *run = hs_cell_run_create(grid, cell->group, pool, error);
    int result = run != NULL ? hs_cell_run_all(run, cell, pool, error) : -1;
    for (size_t i = 0; result == 0 && i < run->cycle_count; i++) {
        const hs_cycle_sample *round = &run->cycles[i];
        hs_report_file_csv_name(file, cell->id);
        hs_report_file_print(file, ",%zu,%" PRIu64 ",%" PRIu32 ",%" PRIu32 ",%d\n", i + 1,
                             round->event, round->free, round->largest, round->fits);
    }
    hs_cell_run_destroy(run, pool);
    return result;
}

int hs_compare_rounds(const hs_grid *grid, const char *path, hs_error *error)
{
    hs_report_file file;
    if (hs_report_file_open(&file, path, error) != 0) {
        return -1;
    }
    hs_report_file_print(&file, "cell,round,event,idf_free,idf_largest_free_block,tls_fits\n");
    hs_board_pool pool = {0};
    int result = 0;
    for (size_t i = 0; i < grid->cell_count && result == 0; i++) {
        const hs_cell *cell = &grid->cells[i];
        if (cell->state == HS_CELL_DONE && hs_cell_metric(cell, "cycle.count", NULL) > 0) {
            result = put_rounds(&file, grid, cell, &pool, error);
        }
    }
    hs_pool_release(&pool);
    if (result != 0) {
        hs_report_file_abandon(&file);
        return -1;
    }
    return hs_report_file_close(&file, error);
}

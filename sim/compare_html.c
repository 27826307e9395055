/* compare --html: one or two cells, each replayed once more, as a page side by side. */
#include "compare.h"
#include "grid_cell.h"
#include "report.h"
#include "report_html.h"
#include "session.h"

/* Replays the cell from its start, followed by a page. NULL with *error. */
static hs_html *follow(const hs_grid *grid, const hs_cell *cell, hs_board_pool *pool,
                       hs_error *error)
{
    const hs_grid_group *group = &grid->groups[cell->group];
    hs_cell_run *run = hs_cell_run_create(grid, cell->group, pool, error);
    hs_html *html = run != NULL ? hs_html_create(run->run, cell->id, true, error) : NULL;
    int result = html != NULL ? hs_cell_run_all(run, cell, pool, error) : -1;
    if (result == 0 && hs_run_finish(run->run, error) == 0) {
        hs_session session = {.layout = grid->layouts[group->layout].layout,
                              .policy = group->policy,
                              .board = run->board,
                              .run = run->run};
        json_t *json = hs_result_json(&session);
        result = hs_html_finish(html, json, error);
        json_decref(json);
    } else {
        result = -1;
    }
    hs_cell_run_destroy(run, pool);
    if (result != 0) {
        hs_html_destroy(html);
        return NULL;
    }
    return html;
}

int hs_compare_html(const hs_grid *grid, const char *path, hs_error *error)
{
    hs_html *pages[2] = {NULL, NULL};
    hs_board_pool pool = {0};
    if (grid->cell_count < 1 || grid->cell_count > 2) {
        hs_error_set(error, NULL, 0,
                     "found %zu cells, expected one or two for --html (pick them with --cell)",
                     grid->cell_count);
        return -1;
    }
    int result = 0;
    for (size_t i = 0; i < grid->cell_count && result == 0; i++) {
        if (grid->cells[i].state != HS_CELL_DONE) {
            hs_error_set(error, NULL, 0, "found no result of %s, expected one for --html",
                         grid->cells[i].id);
            result = -1;
        } else {
            pages[i] = follow(grid, &grid->cells[i], &pool, error);
            result = pages[i] != NULL ? 0 : -1;
        }
    }
    result = result == 0 ? hs_html_write(path, pages, grid->cell_count, error) : -1;
    hs_html_destroy(pages[0]);
    hs_html_destroy(pages[1]);
    hs_pool_release(&pool);
    return result;
}

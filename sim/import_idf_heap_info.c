/* esp32.idf_heap_info() of MicroPython: [(total, free, largest, minimum), ...]. */
#include "import_board.h"

#include <string.h>

/* "(15072, 13448, 8192, 13448)": 1; cut at the end of the line: -1; something else: 0. */
static int scan_tuple(const char **at, uint64_t values[4])
{
    const char *p = *at;
    if (!hs_log_text(&p, "(")) {
        return 0;
    }
    for (int i = 0; i < 4; i++) {
        hs_log_blanks(&p);
        if (!hs_log_dec(&p, &values[i])) {
            return *p == 0 ? -1 : 0;
        }
        hs_log_blanks(&p);
        if (i < 3 && !hs_log_text(&p, ",")) {
            return *p == 0 ? -1 : 0;
        }
    }
    if (!hs_log_text(&p, ")")) {
        return *p == 0 ? -1 : 0;
    }
    *at = p;
    return 1;
}

static bool idf_heap_info_sniff(const char *line)
{
    uint64_t values[4];
    const char *at = line;
    return hs_log_past(&at, "[") && scan_tuple(&at, values) == 1;
}

static bool idf_heap_info_line(hs_import *import, const char *line)
{
    hs_import_board *board = import->board;
    uint64_t values[4];
    const char *at = line;
    if (idf_heap_info_sniff(line)) {
        board->open_tuples = 1;
        board->group++;
        hs_log_past(&at, "[");
    } else {
        hs_log_blanks(&at);
        if (!board->open_tuples || *at != '(') {
            board->open_tuples = 0;
            return false;
        }
    }
    for (int found = 1; found == 1;) {
        found = scan_tuple(&at, values);
        if (found == 1) {
            hs_import_fact(import, HS_FACT_TUPLE, false, 4, values);
        } else if (found < 0) {
            hs_import_board_damaged(import);
        }
        at += strspn(at, ", ");
    }
    board->open_tuples = *at != ']';
    return true;
}

const hs_import_reader hs_import_idf_heap_info = {
    .format = {"idf-heap-info", HS_IMPORT_LAYOUT, "esp32.idf_heap_info() of MicroPython"},
    .sniff = idf_heap_info_sniff,
    .line = idf_heap_info_line,
};

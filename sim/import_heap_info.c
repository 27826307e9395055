/* heap_caps_print_heap_info(): two lines for each heap. */
#include "import_board.h"

#include <string.h>

/* "  At 0x3ffb6388 len 7288 free 176 allocated 5480 min_free 176" */
static bool scan_heap(const char *line, uint64_t values[5], bool *whole)
{
    const char *at = line;
    if (!hs_log_past(&at, "At 0x") || !hs_log_hex(&at, &values[0]) || !hs_log_text(&at, " len ") ||
        !hs_log_dec(&at, &values[1]) || !hs_log_text(&at, " free ")) {
        return false;
    }
    *whole = hs_log_dec(&at, &values[2]) && hs_log_text(&at, " allocated ") &&
             hs_log_dec(&at, &values[3]) && hs_log_text(&at, " min_free ") &&
             hs_log_dec(&at, &values[4]);
    return true;
}

static bool heap_info_sniff(const char *line)
{
    uint64_t values[5];
    bool whole;
    return scan_heap(line, values, &whole) ||
           strstr(line, "Heap summary for capabilities ") != NULL;
}

/* "    largest_free_block 0 alloc_blocks 43 free_blocks 0 total_blocks 43" */
static bool read_second(hs_import *import, const char *line)
{
    const char *at = line;
    uint64_t values[3], total;
    if (!hs_log_past(&at, "largest_free_block ") || !hs_log_dec(&at, &values[0]) ||
        strstr(line, "min_free ") != NULL) {
        return false;
    }
    hs_fact *heap = hs_import_last_fact(import, HS_FACT_HEAP);
    if (!hs_log_text(&at, " alloc_blocks ") || !hs_log_dec(&at, &values[1]) ||
        !hs_log_text(&at, " free_blocks ") || !hs_log_dec(&at, &values[2]) ||
        !hs_log_text(&at, " total_blocks ") || !hs_log_dec(&at, &total) || heap == NULL ||
        heap->count != 5 || total != values[1] + values[2]) {
        hs_import_board_damaged(import);
        return true;
    }
    memcpy(heap->value + 5, values, sizeof values);
    heap->count = 8;
    return true;
}

static bool heap_info_line(hs_import *import, const char *line)
{
    uint64_t values[5];
    bool whole;
    if (strstr(line, "Heap summary for capabilities ") != NULL) {
        import->board->group++;
        return true;
    }
    if (scan_heap(line, values, &whole)) {
        if (!whole || values[0] + values[1] > (uint64_t)1 << 32 || values[1] == 0 ||
            values[0] % 4 != 0) {
            hs_import_board_damaged(import);
        } else {
            hs_import_fact(import, HS_FACT_HEAP, false, 5, values);
        }
        return true;
    }
    if (read_second(import, line)) {
        return true;
    }
    const char *at = line;
    hs_log_blanks(&at);
    return strncmp(at, "Totals:", 7) == 0 ||
           (strncmp(at, "free ", 5) == 0 && strstr(at, " largest_free_block ") != NULL);
}

const hs_import_reader hs_import_heap_info = {
    .format = {"heap-info", HS_IMPORT_LAYOUT, "heap_caps_print_heap_info()"},
    .sniff = heap_info_sniff,
    .line = heap_info_line,
};

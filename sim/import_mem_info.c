/* micropython.mem_info() and mem_info(1). */
#include "import_board.h"

#include <string.h>

#define LETTERS_PER_LINE 64

/* "GC: total: 206976, used: 5200, free: 201776" */
static bool scan_totals(const char *line, uint64_t values[3], bool *whole)
{
    const char *at = line;
    if (!hs_log_past(&at, "GC: total: ")) {
        return false;
    }
    *whole = hs_log_dec(&at, &values[0]) && hs_log_text(&at, ", used: ") &&
             hs_log_dec(&at, &values[1]) && hs_log_text(&at, ", free: ") &&
             hs_log_dec(&at, &values[2]) && values[1] + values[2] == values[0];
    return true;
}

static bool mem_info_sniff(const char *line)
{
    uint64_t values[3];
    bool whole;
    return scan_totals(line, values, &whole);
}

/* "00400: ====hh.": offset and one letter for each block. */
static bool read_map(hs_import *import, const char *line)
{
    uint64_t value;
    const char *at = line;
    hs_fact *area = hs_import_last_fact(import, HS_FACT_GC_AREA);
    if (area == NULL || !import->board->open_area) {
        return false;
    }
    hs_log_blanks(&at);
    if (hs_log_text(&at, "(") && hs_log_dec(&at, &value) &&
        strncmp(at, " lines all free)", 16) == 0 && value < UINT32_MAX) {
        area->value[1] += value * LETTERS_PER_LINE;
        return true;
    }
    at = line;
    if (!hs_log_hex(&at, &value) || !hs_log_text(&at, ": ")) {
        return at[0] == 0; /* the print-out has an empty line in front of the map */
    }
    size_t letters = strspn(at, ".=mhTLDSAFBM");
    if (letters == 0 || letters > LETTERS_PER_LINE || !hs_log_end(at + letters)) {
        hs_import_board_damaged(import);
        return true;
    }
    area->value[1] += letters;
    for (size_t i = 0; i < letters; i++) {
        area->value[2] += at[i] != '.';
    }
    return true;
}

static bool mem_info_line(hs_import *import, const char *line)
{
    uint64_t values[3] = {0, 0, 0};
    bool whole;
    const char *at = line;
    if (scan_totals(line, values, &whole)) {
        import->board->open_area = 0;
        if (whole) {
            hs_import_fact(import, HS_FACT_GC, true, 3, values);
        } else {
            hs_import_board_damaged(import);
        }
        return true;
    }
    if (hs_log_past(&at, "GC memory layout; from ")) {
        import->board->open_area = hs_log_hex(&at, &values[0]);
        if (import->board->open_area) {
            hs_import_fact(import, HS_FACT_GC_AREA, false, 3, values);
        } else {
            hs_import_board_damaged(import);
        }
        return true;
    }
    if (read_map(import, line)) {
        return true;
    }
    import->board->open_area = 0;
    at = line;
    return hs_log_past(&at, "No. of 1-blocks: ") ||
           (strncmp(line, "stack: ", 7) == 0 && strstr(line, " out of ") != NULL);
}

const hs_import_reader hs_import_mem_info = {
    .format = {"mem-info", HS_IMPORT_LAYOUT, "micropython.mem_info() and mem_info(1)"},
    .sniff = mem_info_sniff,
    .line = mem_info_line,
};

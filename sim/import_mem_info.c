/* micropython.mem_info() and mem_info(1). */
#include "import_board.h"

#include <string.h>

#define LETTERS_PER_LINE 64
#define BLOCK            16

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

/* "00400: ====hh.": offset and one letter for each block. Up to v1.19 offsets have five digits and
 * wrap at 1 MiB. The letters, or NULL: no row. */
static const char *scan_row(const char *line, uint64_t *offset, uint64_t *mask)
{
    size_t digits = strspn(line, "0123456789abcdef");
    if ((digits != 5 && digits != 8) || strncmp(line + digits, ": ", 2) != 0 ||
        !hs_log_hex(&line, offset) || *offset % (LETTERS_PER_LINE * BLOCK) != 0) {
        return NULL;
    }
    *mask = digits == 5 ? 0xfffff : UINT32_MAX;
    return line + 2;
}

/* Rows before this one that were lost or cut count as free, and the log as damaged. */
static void take_row(hs_import *import, hs_fact *area, const char *letters, uint64_t ahead,
                     uint64_t mask)
{
    size_t count = strspn(letters, ".=mhTLDSAFBM");
    bool follows = ahead <= mask / 2;
    if (ahead != 0 || count == 0 || count > LETTERS_PER_LINE || !hs_log_end(letters + count)) {
        hs_import_board_damaged(import);
    }
    if (!follows || count > LETTERS_PER_LINE) {
        return;
    }
    area->value[1] += ahead / BLOCK + count;
    for (size_t i = 0; i < count; i++) {
        area->value[2] += letters[i] != '.';
    }
}

/* Other lines may stand between the rows. */
static bool read_map(hs_import *import, const char *line)
{
    uint64_t value;
    uint64_t mask;
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
    const char *letters = scan_row(line, &value, &mask);
    if (letters != NULL) {
        take_row(import, area, letters, (value - area->value[1] * BLOCK) & mask, mask);
        return true;
    }
    return line[0] == 0 && area->value[1] == 0; /* the print-out has an empty line there */
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
    at = line;
    return hs_log_past(&at, "No. of 1-blocks: ") ||
           (strncmp(line, "stack: ", 7) == 0 && strstr(line, " out of ") != NULL);
}

const hs_import_reader hs_import_mem_info = {
    .format = {"mem-info", HS_IMPORT_LAYOUT, "micropython.mem_info() and mem_info(1)"},
    .sniff = mem_info_sniff,
    .line = mem_info_line,
};

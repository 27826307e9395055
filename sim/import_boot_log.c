/* The boot log: heap_init's regions, and the lines that name chip, IDF and MicroPython. */
#include "import_board.h"

#include <ctype.h>
#include <string.h>

/* "heap_init: At 3FFAE6E0 len 00001920 (6 KiB): DRAM" */
static bool scan_region(const char *line, uint64_t values[2], const char **at)
{
    *at = line;
    return hs_log_past(at, "heap_init: At ") && hs_log_hex(at, &values[0]) &&
           hs_log_text(at, " len ") && hs_log_hex(at, &values[1]);
}

static bool boot_log_sniff(const char *line)
{
    uint64_t values[2];
    const char *at;
    return scan_region(line, values, &at);
}

static void read_region(hs_import *import, const uint64_t values[2], const char *at)
{
    uint64_t size;
    bool whole = hs_log_text(&at, " (") && hs_log_dec(&at, &size) && hs_log_text(&at, " KiB)") &&
                 hs_log_text(&at, ": ");
    if (!whole || values[0] + values[1] > (uint64_t)1 << 32 || values[1] == 0 ||
        values[0] % 4 != 0 || size != values[1] / 1024) {
        hs_import_board_damaged(import);
        return;
    }
    const hs_fact *last = hs_import_last_fact(import, HS_FACT_REGION);
    hs_fact *fact = hs_import_fact(import, HS_FACT_REGION, last == NULL, 2, values);
    if (fact != NULL) {
        snprintf(fact->text, sizeof fact->text, "%s", at);
        for (size_t i = strlen(fact->text); i > 0 && fact->text[i - 1] == ' '; i--) {
            fact->text[i - 1] = 0;
        }
    }
}

static void add_text(hs_import *import, enum hs_fact_kind kind, const char *at, const char *stop)
{
    hs_fact *fact = hs_import_fact(import, kind, true, 0, NULL);
    if (fact == NULL) {
        return;
    }
    size_t length = strcspn(at, stop);
    length = length < HS_FACT_TEXT - 1 ? length : HS_FACT_TEXT - 1;
    memcpy(fact->text, at, length);
}

/* "ESP32-S3", "esp32s3": esp32s3. */
static void add_chip(hs_import *import, const char *at)
{
    char name[HS_FACT_TEXT];
    size_t used = 0;
    for (; used < sizeof name - 1 && (isalnum((unsigned char)*at) || *at == '-'); at++) {
        if (*at == '-' && !isalpha((unsigned char)at[1])) {
            break; /* ESP-ROM:esp32s3-20210327 */
        }
        if (*at != '-') {
            name[used++] = (char)tolower((unsigned char)*at);
        }
    }
    name[used] = 0;
    if (strncmp(name, "esp32", 5) == 0) {
        add_text(import, HS_FACT_CHIP, name, "");
    }
}

static bool read_banner(hs_import *import, const char *line)
{
    const char *at = line;
    if (hs_log_past(&at, "boot: ESP-IDF ") || hs_log_past(&at, "cpu_start: ESP-IDF: ") ||
        hs_log_past(&at, "app_init: ESP-IDF: ") || hs_log_past(&at, "app_init: ESP-IDF:  ")) {
        hs_log_blanks(&at);
        add_text(import, HS_FACT_IDF, at, " ");
        return true;
    }
    at = line;
    if (hs_log_past(&at, "ESP-ROM:")) {
        add_chip(import, at);
        return true;
    }
    at = line;
    if (hs_log_past(&at, "MicroPython v") && strchr(at, ';') != NULL) {
        add_text(import, HS_FACT_PYTHON, at, " ");
        if (hs_log_past(&at, " with ")) {
            add_chip(import, at);
        }
        return true;
    }
    return false;
}

static bool boot_log_line(hs_import *import, const char *line)
{
    uint64_t values[2];
    const char *at;
    if (scan_region(line, values, &at)) {
        read_region(import, values, at);
        return true;
    }
    return read_banner(import, line);
}

const hs_import_reader hs_import_boot_log = {
    .format = {"boot-log", HS_IMPORT_LAYOUT,
               "heap_init: lines of a boot log, and which chip, IDF and MicroPython it names"},
    .sniff = boot_log_sniff,
    .line = boot_log_line,
};

/* The line by which a firmware says that an allocation failed. */
#include "import_board.h"

static bool scan_failure(const char *line, uint64_t *size)
{
    static const char *const words[] = {"ailed to allocate ", "alloc fail. size ",
                                        "allocation failed, allocating "};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        const char *at = line;
        if (hs_log_past(&at, words[i]) && hs_log_number(&at, size)) {
            return true;
        }
    }
    return false;
}

static bool failure_sniff(const char *line)
{
    uint64_t size;
    return scan_failure(line, &size);
}

static bool failure_line(hs_import *import, const char *line)
{
    uint64_t size;
    if (!scan_failure(line, &size)) {
        return false;
    }
    hs_import_fact(import, HS_FACT_FAILURE, true, 1, &size);
    return true;
}

const hs_import_reader hs_import_failure = {
    .format = {"failure", HS_IMPORT_LAYOUT,
               "\"Failed to allocate N bytes\": picks the state of that moment from a longer log"},
    .sniff = failure_sniff,
    .line = failure_line,
};

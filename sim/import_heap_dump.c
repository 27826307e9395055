/* heap_caps_dump(), heap_caps_dump_all(): each block of each heap. TLSF prints data addresses, the
 * list allocator (v3.0 to v4.2) those of headers. */
#include "import_board.h"

#include <string.h>

#define LIST_HEADER 4

static bool heap_dump_sniff(const char *line)
{
    return strstr(line, "Showing data for heap: 0x") != NULL ||
           (strstr(line, "Block 0x") != NULL && strstr(line, "size") != NULL);
}

/* "data, size: 4452 bytes, Free: Yes" behind the address. */
static bool scan_tlsf(const char *at, uint64_t values[3])
{
    if (!hs_log_text(&at, " data, size: ") || !hs_log_dec(&at, &values[1]) ||
        !hs_log_text(&at, " bytes, Free: ")) {
        return false;
    }
    values[2] = *at == 'Y';
    return *at == 'Y' || *at == 'N';
}

/* "data size 0x00001364 bytes next block 0x3ffb..., FREE. Next free 0x..." */
static bool scan_list(const char *at, uint64_t values[3])
{
    uint64_t next;
    const char *word = strstr(at, "next block 0x");
    if (!hs_log_past(&at, "data size ") || !hs_log_hex(&at, &values[1]) || word == NULL) {
        return false;
    }
    word += strlen("next block ");
    if (!hs_log_hex(&word, &next)) {
        return false;
    }
    values[0] += LIST_HEADER;
    values[2] = strstr(word, "FREE") != NULL;
    return true;
}

static bool is_list_block(const char *at)
{
    return strstr(at, "next block ") != NULL || strstr(at, "data size 0x") != NULL;
}

static bool is_last(const char *at)
{
    uint64_t next;
    return strstr(at, "next block (nil)") != NULL ||
           (hs_log_past(&at, "next block ") && hs_log_hex(&at, &next) && next == 0);
}

static bool heap_dump_line(hs_import *import, const char *line)
{
    uint64_t values[3];
    const char *at = line;
    if (hs_log_past(&at, "Showing data for heap: ")) {
        if (!hs_log_text(&at, "0x") || !hs_log_hex(&at, values) || values[0] % 4 != 0 ||
            values[0] > UINT32_MAX) {
            hs_import_board_damaged(import);
            return true;
        }
        /* A dump of all heaps is one print-out: a heap that comes again starts another. */
        bool fresh = hs_import_last_fact(import, HS_FACT_DUMP_BLOCK) == NULL &&
                     hs_import_last_fact(import, HS_FACT_DUMP_HEAP) == NULL;
        hs_import_fact(import, HS_FACT_DUMP_HEAP, fresh, 1, values);
        return true;
    }
    at = line;
    if (!hs_log_past(&at, "Block 0x") || !hs_log_hex(&at, &values[0])) {
        return false;
    }
    bool list = is_list_block(at);
    if (list && is_last(at)) {
        return true; /* it holds nothing */
    }
    if ((list ? scan_list(at, values) : scan_tlsf(at, values)) &&
        values[0] + values[1] <= (uint64_t)1 << 32) {
        hs_import_fact(import, HS_FACT_DUMP_BLOCK, false, 3, values);
    } else {
        hs_import_board_damaged(import);
    }
    return true;
}

const hs_import_reader hs_import_heap_dump = {
    .format = {"heap-dump", HS_IMPORT_LAYOUT, "heap_caps_dump() and heap_caps_dump_all()"},
    .sniff = heap_dump_sniff,
    .line = heap_dump_line,
};

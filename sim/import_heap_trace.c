/* heap_trace_dump() of ESP-IDF, v3.3 to v4.4 and v5.x.
 *
 * A record holds size, address, callers and whether the block was freed, not when: a free is placed
 * as late as the addresses allow, that is before the next record that overlaps, or at the end.
 */
#include "import_reader.h"

#include <inttypes.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "device/region.h"

#define CALLERS_MAX 32
#define NAME_MAX_   48

typedef struct record {
    uint64_t start;
    uint64_t end; /* > start */
    uint64_t size;
    uint32_t caps;
    bool freed;
    bool live;
    char owner[NAME_MAX_];
} record;

enum dump_mode { MODE_UNSAID, MODE_ALL, MODE_LEAKS };

typedef struct dump {
    enum dump_mode mode;
    bool header;
    bool summary;
    bool overflow;
    bool has_total;
    uint64_t declared; /* records, by the header line */
    uint64_t alive;    /* records, by the summary */
    uint64_t total;    /* allocations while tracing, by the summary */
    record *records;
    size_t count;
    size_t room;
    /* Of the last record, until its owner has a name (idf.py monitor adds names of callers). */
    bool naming;
    uint64_t callers[CALLERS_MAX];
    size_t caller_count;
} dump;

static bool scan_header(const char *line, uint64_t *records)
{
    const char *at = line;
    if (hs_log_past(&at, "Heap Trace: ")) {
        return hs_log_dec(&at, records) && hs_log_text(&at, " records (");
    }
    const char *words = strstr(line, " allocations trace (");
    if (words == NULL) {
        return false;
    }
    const char *digits = words;
    while (digits > line && digits[-1] >= '0' && digits[-1] <= '9') {
        digits--;
    }
    return hs_log_dec(&digits, records);
}

/* "SIZE bytes (@ 0xADDR" and behind it; `at` is left behind the address. */
static bool scan_record(const char *line, uint64_t *size, uint64_t *address, const char **at)
{
    const char *words = strstr(line, " bytes (@ ");
    if (words == NULL) {
        return false;
    }
    const char *digits = words;
    while (digits > line && digits[-1] >= '0' && digits[-1] <= '9') {
        digits--;
    }
    *at = words + strlen(" bytes (@ ");
    return hs_log_dec(&digits, size) && digits == words && hs_log_text(at, "0x") &&
           hs_log_hex(at, address);
}

static bool heap_trace_sniff(const char *line)
{
    uint64_t a, b;
    const char *at;
    return scan_record(line, &a, &b, &at) || scan_header(line, &a);
}

static record *add_record(hs_import *import, dump *d)
{
    if (d->count == d->room) {
        size_t room = d->room == 0 ? 256 : d->room * 2;
        record *larger = realloc(d->records, room * sizeof *larger);
        if (larger == NULL) {
            import->no_memory = true;
            return NULL;
        }
        d->records = larger;
        d->room = room;
    }
    record *r = &d->records[d->count++];
    memset(r, 0, sizeof *r);
    return r;
}

static void read_callers(dump *d, const char *at, record *r)
{
    uint64_t caller;
    d->caller_count = 0;
    d->naming = true;
    while (d->caller_count < CALLERS_MAX && hs_log_hex(&at, &caller)) {
        d->callers[d->caller_count++] = caller;
        if (!hs_log_text(&at, ":")) {
            break;
        }
    }
    if (d->caller_count != 0) {
        snprintf(r->owner, sizeof r->owner, "0x%" PRIx64, d->callers[0]);
    } else {
        snprintf(r->owner, sizeof r->owner, "unknown");
    }
}

static void read_record(hs_import *import, dump *d, uint64_t size, uint64_t address, const char *at)
{
    bool cut = *at != ')' && *at != ',';
    if (cut || address + size < address || size > UINT32_MAX) {
        hs_import_damaged(import);
        return;
    }
    record *r = add_record(import, d);
    if (r == NULL) {
        return;
    }
    *r = (record){.start = address, .end = address + (size != 0 ? size : 1), .size = size};
    r->caps = HS_CAP_DEFAULT;
    if (hs_log_text(&at, ", PSRAM)")) {
        r->caps = HS_CAP_SPIRAM;
    } else if (hs_log_text(&at, ", Internal)")) {
        r->caps = HS_CAP_DEFAULT | HS_CAP_INTERNAL;
    }
    if (!hs_log_past(&at, " caller ")) {
        at = "";
    }
    read_callers(d, at, r);
}

static bool is_wrapper(const char *name)
{
    static const char *const exact[] = {"malloc",       "calloc",        "realloc",    "free",
                                        "_malloc_r",    "_calloc_r",     "_realloc_r", "_free_r",
                                        "pvPortMalloc", "aligned_alloc", "memalign",   "strdup"};
    for (size_t i = 0; i < sizeof exact / sizeof exact[0]; i++) {
        if (strcmp(name, exact[i]) == 0) {
            return true;
        }
    }
    return strncmp(name, "heap_caps_", 10) == 0 || strncmp(name, "__wrap_", 7) == 0 ||
           strncmp(name, "trace_", 6) == 0;
}

/* "0xADDR: FUNCTION at FILE:LINE", which a monitor adds below a record. */
static bool read_caller_name(dump *d, const char *line)
{
    const char *at = line;
    uint64_t address;
    char name[NAME_MAX_];
    hs_log_blanks(&at);
    if (d->count == 0 || !hs_log_text(&at, "0x") || !hs_log_hex(&at, &address) ||
        !hs_log_text(&at, ": ") || !hs_log_word(&at, name, sizeof name) ||
        !hs_log_text(&at, " at ")) {
        return false;
    }
    for (size_t i = 0; d->naming && i < d->caller_count; i++) {
        if (d->callers[i] == address && !is_wrapper(name)) {
            memcpy(d->records[d->count - 1].owner, name, sizeof name);
            d->naming = false;
        }
    }
    return true;
}

static bool read_summary(dump *d, const char *line)
{
    const char *at = line;
    uint64_t value;
    if (hs_log_past(&at, "bytes alive in trace (") && hs_log_dec(&at, &value)) {
        d->mode = MODE_ALL;
        d->summary = true;
        d->alive = value;
        return true;
    }
    at = line;
    if (hs_log_past(&at, "bytes 'leaked' in trace (") && hs_log_dec(&at, &value)) {
        d->mode = MODE_LEAKS;
        d->summary = true;
        d->alive = value;
        return true;
    }
    at = line;
    if (hs_log_past(&at, "total allocations") &&
        (hs_log_text(&at, ": ") || hs_log_text(&at, " ")) && hs_log_dec(&at, &d->total)) {
        d->has_total = true;
        return true;
    }
    if (strstr(line, "Buffer has overflowed") != NULL || strstr(line, "list overflowed") != NULL) {
        d->overflow = true;
        return true;
    }
    return strstr(line, "total frees: ") != NULL || strstr(line, "Mode: Heap Trace") != NULL ||
           strstr(line, "Heap Trace Summary ====") != NULL ||
           (strstr(line, "records: ") != NULL && strstr(line, "high water mark)") != NULL);
}

static bool heap_trace_line(hs_import *import, const char *line)
{
    dump *d = import->state;
    uint64_t size, address;
    const char *at;
    if (scan_header(line, &size)) {
        if (d->header || d->count != 0) {
            hs_import_note(import, "the log holds several dumps: the last one is imported");
            hs_import_restart(import);
        }
        free(d->records);
        *d = (dump){.header = true, .declared = size};
        return true;
    }
    if (scan_record(line, &size, &address, &at)) {
        read_record(import, d, size, address, at);
        return true;
    }
    at = line;
    if (d->count != 0 && hs_log_past(&at, "freed by ")) {
        d->records[d->count - 1].freed = true;
        d->naming = false;
        return true;
    }
    return read_caller_name(d, line) || read_summary(d, line);
}

/* --- Records to events ------------------------------------------------------------------------ */

/* Overlapping ranges are equal: a tree of ranges that don't overlap finds what one overlaps. */
static int compare_ranges(const void *left, const void *right)
{
    const record *a = left;
    const record *b = right;
    return a->end <= b->start ? -1 : a->start >= b->end ? 1 : 0;
}

static void free_overlapped(hs_import *import, void **tree, const record *r)
{
    for (;;) {
        void *found = tfind(r, tree, compare_ranges);
        if (found == NULL) {
            return;
        }
        record *old = *(record **)found;
        if (!old->freed) {
            hs_import_lost(import, "blocks overlap that the dump calls alive: lines are missing");
        }
        old->live = false;
        tdelete(old, tree, compare_ranges);
        hs_import_free(import, old->start);
    }
}

static void write_events(hs_import *import, dump *d)
{
    void *tree = NULL;
    for (size_t i = 0; i < d->count; i++) {
        record *r = &d->records[i];
        free_overlapped(import, &tree, r);
        if (tsearch(r, &tree, compare_ranges) == NULL) {
            import->no_memory = true;
            break;
        }
        r->live = true;
        hs_import_alloc alloc = {
            .key = r->start, .size = r->size, .address = true, .has_caps = true, .caps = r->caps};
        alloc.owner = hs_import_owner(import, r->owner, HS_HEAP_IDF, r->caps);
        hs_import_allocate(import, &alloc);
    }
    for (size_t i = 0; i < d->count; i++) {
        record *r = &d->records[i];
        if (r->live) {
            tdelete(r, &tree, compare_ranges);
        }
        if (r->live && r->freed) {
            hs_import_free(import, r->start);
        }
    }
}

static void judge(hs_import *import, const dump *d)
{
    uint64_t alive = 0;
    for (size_t i = 0; i < d->count; i++) {
        alive += d->records[i].freed ? 0 : 1;
    }
    hs_import_source(import, "ESP-IDF heap_trace_dump, %s, %zu records; sizes are those requested",
                     d->mode == MODE_ALL     ? "mode ALL"
                     : d->mode == MODE_LEAKS ? "mode LEAKS"
                                             : "mode unknown",
                     d->count);
    if (d->mode == MODE_LEAKS) {
        hs_import_lost(import, "mode LEAKS: what was freed before the dump is not in it");
    }
    if (alive != d->count) {
        hs_import_source(import,
                         "modelled: the dump does not say when a block was freed; each free "
                         "stands as late as the addresses allow");
    }
    if (d->overflow) {
        hs_import_lost(import, "the record buffer of the device overflowed");
    }
    if (!d->summary) {
        hs_import_lost(import, "the end of the dump is missing");
    } else if (alive != d->alive) {
        hs_import_lost(import, "the dump counts %" PRIu64 " blocks alive, the log shows %" PRIu64,
                       d->alive, alive);
    }
    if (!d->header) {
        hs_import_lost(import, "the begin of the dump is missing");
    } else if (d->declared != d->count) {
        hs_import_lost(import, "the dump announces %" PRIu64 " records, the log shows %zu",
                       d->declared, d->count);
    }
    if (d->has_total && d->mode != MODE_LEAKS && d->total != d->count) {
        hs_import_lost(import, "%" PRIu64 " allocations were made, %zu are recorded", d->total,
                       d->count);
    }
}

static void heap_trace_end(hs_import *import)
{
    dump *d = import->state;
    judge(import, d);
    write_events(import, d);
}

static void heap_trace_release(void *state)
{
    dump *d = state;
    free(d->records);
}

const hs_import_reader hs_import_heap_trace = {
    .format = {"heap-trace", HS_IMPORT_TRACE, "heap_trace_dump() of ESP-IDF v3.3 to v5.x"},
    .state_size = sizeof(dump),
    .sniff = heap_trace_sniff,
    .line = heap_trace_line,
    .end = heap_trace_end,
    .release = heap_trace_release,
};

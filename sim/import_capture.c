/* Lines of the capture component (scripts/capture/device/README.md). */
#include "import_reader.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "device/region.h"
#include "import_gc.h"

#define FIELDS_MAX 4

typedef struct capture {
    bool begun;
    bool ended;
    bool known_sequence;
    uint32_t sequence; /* of the last line */
    uint64_t first_time;
    uint64_t gaps;    /* events missing between the lines read */
    uint64_t dropped; /* by the device, as its end line says */
    bool gc_begun;    /* gi was seen: every GC object is known */
    bool gc_used;     /* a ga or gr was seen since */
    uint64_t blurred; /* collections of which lines are missing */
    bool within;      /* the next ga or gr must follow at once: no time in between */
    hs_import_gc gc;
} capture;

/* A line whose sum is right. */
typedef struct capture_line {
    uint64_t sequence;
    uint64_t time;
    char task[48];
    char op[8];
    char rest[256]; /* what follows OP */
} capture_line;

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Splits the event in `line`: 1; 0 when there is none, -1 when it is damaged. */
static int scan_line(const char *line, capture_line *l)
{
    const char *at = line;
    if (!hs_log_past(&at, "!hs ")) {
        return 0;
    }
    const char *star = strchr(at, '*');
    if (star == NULL || hex_digit(star[1]) < 0 || hex_digit(star[2]) < 0 ||
        (size_t)(star - at) >= sizeof l->rest) {
        return -1;
    }
    int sum = 'h' ^ 's' ^ ' ';
    for (const char *p = at; p < star; p++) {
        sum ^= (unsigned char)*p;
    }
    if (sum != hex_digit(star[1]) * 16 + hex_digit(star[2])) {
        return -1;
    }
    char text[sizeof l->rest];
    memcpy(text, at, (size_t)(star - at));
    text[star - at] = 0;
    at = text;
    if (!hs_log_dec(&at, &l->sequence) || !hs_log_text(&at, " ") || !hs_log_dec(&at, &l->time) ||
        !hs_log_word(&at, l->task, sizeof l->task) || !hs_log_word(&at, l->op, sizeof l->op)) {
        return -1;
    }
    hs_log_blanks(&at);
    snprintf(l->rest, sizeof l->rest, "%s", at);
    return 1;
}

static bool capture_sniff(const char *line)
{
    capture_line l;
    return scan_line(line, &l) == 1;
}

static bool scan_fields(const char *at, size_t count, uint64_t fields[FIELDS_MAX])
{
    for (size_t i = 0; i < count; i++) {
        hs_log_blanks(&at);
        if (!hs_log_number(&at, &fields[i])) {
            return false;
        }
    }
    return *at == 0 || *at == ' ';
}

static hs_import_alloc idf_alloc(hs_import *import, const capture_line *l, uint64_t address,
                                 uint64_t size, uint64_t caps)
{
    hs_import_alloc alloc = {.key = address,
                             .size = size,
                             .failed = address == 0,
                             .address = true,
                             .has_caps = true,
                             .caps = (uint32_t)caps};
    alloc.owner = hs_import_owner(import, l->task, HS_HEAP_IDF, alloc.caps);
    return alloc;
}

static void realloc_idf(hs_import *import, const capture_line *l, const uint64_t f[FIELDS_MAX])
{
    hs_import_alloc alloc = idf_alloc(import, l, f[2], f[1], f[3]);
    if (f[0] == 0) {
        hs_import_allocate(import, &alloc);
    } else if (f[1] == 0) {
        hs_import_free(import, f[0]);
    } else {
        hs_import_realloc(import, f[0], &alloc, false);
    }
}

static hs_import_alloc gc_alloc(hs_import *import, const capture_line *l, uint64_t address,
                                uint64_t size)
{
    hs_import_alloc alloc = {.key = address, .size = size, .failed = address == 0, .address = true};
    alloc.owner = hs_import_owner(import, l->task, HS_HEAP_GC, HS_CAP_DEFAULT);
    capture *c = import->state;
    c->gc_used = true;
    c->within = false;
    return alloc;
}

static void realloc_gc(hs_import *import, const capture_line *l, const uint64_t f[FIELDS_MAX])
{
    capture *c = import->state;
    hs_import_alloc alloc = gc_alloc(import, l, f[2], f[1]);
    if (f[0] == 0) {
        hs_import_allocate(import, &alloc);
    } else if (f[1] == 0) {
        hs_import_free(import, f[0]);
    } else {
        hs_import_realloc(import, f[0], &alloc, f[3] == 0);
    }
    if (f[0] != 0 && (f[2] != 0 || f[1] == 0)) {
        hs_import_gc_remove(&c->gc, f[0]);
    }
    if (f[2] != 0 && f[1] != 0 && !hs_import_gc_add(&c->gc, f[2])) {
        import->no_memory = true;
    }
}

static void area_event(hs_import *import, bool first, const uint64_t f[FIELDS_MAX])
{
    if (f[1] < f[0] || f[1] > UINT32_MAX) {
        hs_import_damaged(import);
        return;
    }
    ((capture *)import->state)->within = !first;
    hs_event event = {.op = first ? HS_OP_AREA : HS_OP_GROWN,
                      .addr = (uint32_t)f[0],
                      .size = (uint32_t)(f[1] - f[0])};
    hs_import_event(import, &event);
}

/* The collection is over: what no window named is dead. */
static void collection_over(hs_import *import, uint64_t survivors)
{
    capture *c = import->state;
    if (!c->gc.collecting || c->gc.survivors != survivors) {
        c->blurred++;
        c->gc.collecting = false;
        return;
    }
    size_t count;
    const uint64_t *dead = hs_import_gc_dead(&c->gc, &count);
    if (dead == NULL) {
        import->no_memory = true;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        hs_import_drop(import, dead[i]);
    }
    hs_event event = {.op = c->gc.automatic ? HS_OP_COLLECTED : HS_OP_COLLECT,
                      .value = c->gc.automatic ? (int64_t)count : 0};
    if (!c->gc.automatic || c->gc_begun) {
        hs_import_event(import, &event);
        c->within = c->gc.automatic;
    }
    c->gc.collecting = false;
}

static bool read_gc(hs_import *import, const capture_line *l)
{
    capture *c = import->state;
    uint64_t f[FIELDS_MAX];
    hs_import_alloc alloc;
    if (strcmp(l->op, "ga") == 0 && scan_fields(l->rest, 3, f)) {
        alloc = gc_alloc(import, l, f[0], f[1]);
        alloc.finaliser = (f[2] & 1) != 0;
        hs_import_allocate(import, &alloc);
        if (f[0] != 0 && !hs_import_gc_add(&c->gc, f[0])) {
            import->no_memory = true;
        }
    } else if (strcmp(l->op, "gr") == 0 && scan_fields(l->rest, 4, f)) {
        realloc_gc(import, l, f);
    } else if (strcmp(l->op, "gf") == 0 && scan_fields(l->rest, 1, f)) {
        hs_import_free(import, f[0]);
        hs_import_gc_remove(&c->gc, f[0]);
    } else if (strcmp(l->op, "gi") == 0 && scan_fields(l->rest, 2, f)) {
        c->gc_begun = true;
        area_event(import, true, f);
    } else if (strcmp(l->op, "gg") == 0 && scan_fields(l->rest, 2, f)) {
        area_event(import, c->gc_begun && !c->gc_used, f);
    } else if (strcmp(l->op, "gc") == 0 && scan_fields(l->rest, 1, f)) {
        hs_import_gc_begin(&c->gc, f[0] != 0);
    } else if (strcmp(l->op, "gl") == 0) {
        return hs_import_gc_window(&c->gc, l->rest);
    } else if (strcmp(l->op, "ge") == 0 && scan_fields(l->rest, 1, f)) {
        collection_over(import, f[0]);
    } else {
        return false;
    }
    return true;
}

static bool read_idf(hs_import *import, const capture_line *l)
{
    uint64_t f[FIELDS_MAX];
    hs_import_alloc alloc;
    if (strcmp(l->op, "a") == 0 && scan_fields(l->rest, 3, f)) {
        alloc = idf_alloc(import, l, f[0], f[1], f[2]);
        hs_import_allocate(import, &alloc);
    } else if (strcmp(l->op, "m") == 0 && scan_fields(l->rest, 4, f)) {
        alloc = idf_alloc(import, l, f[0], f[1], f[2]);
        alloc.align = f[3];
        hs_import_allocate(import, &alloc);
    } else if (strcmp(l->op, "f") == 0 && scan_fields(l->rest, 1, f)) {
        hs_import_free(import, f[0]);
    } else if (strcmp(l->op, "r") == 0 && scan_fields(l->rest, 4, f)) {
        realloc_idf(import, l, f);
    } else if (strcmp(l->op, "x") == 0 && scan_fields(l->rest, 2, f)) {
        alloc = idf_alloc(import, l, 0, f[0], f[1]);
        hs_import_allocate(import, &alloc);
    } else {
        return false;
    }
    return true;
}

static bool read_name(hs_import *import, const capture_line *l)
{
    char name[64];
    const char *at = l->rest;
    if ((strcmp(l->op, "p") != 0 && strcmp(l->op, "k") != 0) ||
        !hs_log_word(&at, name, sizeof name)) {
        return false;
    }
    for (char *c = name; *c != 0; c++) {
        *c = *c == '#' ? '_' : *c; /* would start a comment */
    }
    hs_event event = {.op = l->op[0] == 'p' ? HS_OP_PHASE : HS_OP_MARK, .name = name};
    hs_import_event(import, &event);
    return true;
}

static bool read_begin(hs_import *import, const capture_line *l)
{
    capture *c = import->state;
    uint64_t version;
    const char *at = l->rest;
    if (strcmp(l->op, "begin") != 0 || !hs_log_dec(&at, &version)) {
        return false;
    }
    if (c->known_sequence) {
        hs_import_note(import, "the log holds several captures: the last one is imported");
        hs_import_restart(import);
    }
    hs_import_gc_release(&c->gc);
    *c = (capture){.begun = true,
                   .known_sequence = true,
                   .sequence = (uint32_t)l->sequence,
                   .first_time = l->time};
    hs_import_source(import, "heapsim capture on a device:%s", at);
    if (version > 1) {
        hs_import_lost(import, "the capture's line format is %" PRIu64 ", this importer knows 1",
                       version);
    }
    return true;
}

static bool read_end(hs_import *import, const capture_line *l)
{
    capture *c = import->state;
    uint64_t f[FIELDS_MAX];
    if (strcmp(l->op, "end") != 0 || !scan_fields(l->rest, 2, f)) {
        return false;
    }
    (void)import;
    c->ended = true;
    c->dropped = f[1];
    return true;
}

static void count_sequence(capture *c, const capture_line *l)
{
    uint32_t sequence = (uint32_t)l->sequence;
    if (c->known_sequence) {
        c->gaps += sequence - c->sequence - 1u;
    } else {
        c->first_time = l->time;
    }
    c->known_sequence = true;
    c->sequence = sequence;
}

static bool capture_line_read(hs_import *import, const char *line)
{
    capture *c = import->state;
    capture_line l;
    int found = scan_line(line, &l);
    if (found < 0) {
        hs_import_damaged(import);
    }
    if (found <= 0) {
        return found < 0;
    }
    if (read_begin(import, &l)) {
        return true;
    }
    if (c->ended) {
        return true; /* lines between two captures */
    }
    count_sequence(c, &l);
    if (l.time >= c->first_time && !c->within) {
        hs_import_time(import, l.time - c->first_time);
    }
    if (!read_idf(import, &l) && !read_gc(import, &l) && !read_name(import, &l) &&
        !read_end(import, &l)) {
        hs_import_damaged(import);
    }
    return true;
}

static void capture_end(hs_import *import)
{
    capture *c = import->state;
    if (!c->begun) {
        hs_import_lost(import, "the begin of the capture is missing");
    }
    if (!c->ended) {
        hs_import_lost(import, "the end of the capture is missing");
    }
    if (c->gaps != 0) {
        hs_import_lost(import, "%" PRIu64 " events are missing in the log, by their numbers",
                       c->gaps);
    }
    if (c->dropped != 0) {
        hs_import_lost(import, "%" PRIu64 " events found the device's ring buffer full",
                       c->dropped);
    }
    if (c->blurred != 0) {
        hs_import_lost(import,
                       "%" PRIu64 " collections have lines missing: no object was taken "
                       "for dead there",
                       c->blurred);
    }
}

static void capture_release(void *state)
{
    hs_import_gc_release(&((capture *)state)->gc);
}

const hs_import_reader hs_import_capture = {
    .format = {"capture", HS_IMPORT_TRACE,
               "lines of heapsim's capture component (scripts/capture/device)"},
    .state_size = sizeof(capture),
    .sniff = capture_sniff,
    .line = capture_line_read,
    .end = capture_end,
    .release = capture_release,
};

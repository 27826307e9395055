/* heaptrack's text format, versions 1 to 3: what heaptrack writes (interpreted) and what it
 * records (raw). All numbers in it are hexadecimal.
 *
 *   v TOOL FILE      versions          s [LENGTH] TEXT   string, from 1
 *   i IP MODULE [FUNCTION [FILE LINE]...]   instruction pointer, from 1; strings by number
 *   t IP PARENT      stack frame, from 1     a SIZE TRACE    allocation site, from 0
 *   + SITE, - SITE   interpreted: a block of this site     c MILLISECONDS    R PAGES
 *   + SIZE TRACE POINTER, - POINTER         raw
 */
#include "import_reader.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "device/region.h"

#define NEWEST_VERSION 3
#define NAME_BYTES     48
#define STACK_DEPTH    64

/* A growing array; index 0 is the first element that was added. */
typedef struct table {
    void *items;
    size_t count;
    size_t room;
} table;

typedef struct name {
    char text[NAME_BYTES];
} name;

typedef struct frame {
    uint64_t ip;
    uint64_t parent;
} frame;

typedef struct pointer {
    uint64_t module;
    uint64_t function;
} pointer;

/* An allocation site and its live blocks, oldest first: the interpreted form does not say which
 * block of a site a free is for. */
typedef struct site {
    uint64_t size;
    uint64_t trace;
    uint64_t first; /* numbers of its live blocks: first <= n < next */
    uint64_t next;
    uint16_t owner;
    bool has_owner;
} site;

typedef struct heaptrack {
    table names;    /* name */
    table pointers; /* pointer */
    table frames;   /* frame */
    table sites;    /* site */
    uint64_t version;
    bool versioned;
    bool ended; /* the figures that heaptrack appends */
    bool raw;
    bool chosen; /* which of several live blocks a free is for was a choice */
} heaptrack;

static void *table_add(hs_import *import, table *t, size_t size)
{
    if (t->count == t->room) {
        size_t room = t->room == 0 ? 64 : t->room * 2;
        void *larger = realloc(t->items, room * size);
        if (larger == NULL) {
            import->no_memory = true;
            return NULL;
        }
        t->items = larger;
        t->room = room;
    }
    return memset((char *)t->items + t->count++ * size, 0, size);
}

static bool heaptrack_sniff(const char *line)
{
    const char *at = line;
    uint64_t tool, file;
    return hs_log_text(&at, "v ") && hs_log_hex(&at, &tool) && hs_log_text(&at, " ") &&
           hs_log_hex(&at, &file) && hs_log_end(at) && tool >= 0x10000;
}

/* Up to `max` hexadecimal fields: how many. */
static size_t scan_fields(const char *at, size_t max, uint64_t *fields)
{
    size_t count = 0;
    hs_log_blanks(&at);
    while (count < max && hs_log_hex(&at, &fields[count])) {
        count++;
        if (*at != 0 && *at != ' ') {
            return 0;
        }
        hs_log_blanks(&at);
    }
    return count;
}

static bool read_string(hs_import *import, const char *at)
{
    heaptrack *h = import->state;
    uint64_t length = 0;
    if (h->version >= 3 && (!hs_log_hex(&at, &length) || !hs_log_text(&at, " ") ||
                            (strlen(at) != length && strlen(at) < HS_IMPORT_LINE_MAX / 2))) {
        hs_import_damaged(import);
    }
    name *n = table_add(import, &h->names, sizeof *n);
    if (n != NULL) {
        size_t kept = strcspn(at, "("); /* a C++ function without its arguments */
        kept = kept < NAME_BYTES - 1 ? kept : NAME_BYTES - 1;
        memcpy(n->text, at, kept);
    }
    return true;
}

static bool read_tables(hs_import *import, char letter, const char *at)
{
    heaptrack *h = import->state;
    uint64_t f[3] = {0, 0, 0};
    size_t wanted = letter == 'i' ? 3 : 2;
    size_t count = scan_fields(at, wanted, f);
    if (count < 2) {
        hs_import_damaged(import);
    }
    if (letter == 'i') {
        pointer *p = table_add(import, &h->pointers, sizeof *p);
        if (p != NULL) {
            *p = (pointer){f[1], f[2]};
        }
    } else if (letter == 't') {
        frame *t = table_add(import, &h->frames, sizeof *t);
        if (t != NULL) {
            *t = (frame){f[0], f[1]};
        }
    } else {
        site *s = table_add(import, &h->sites, sizeof *s);
        if (s != NULL) {
            *s = (site){.size = f[0], .trace = f[1]};
        }
    }
    return true;
}

static const char *name_of(const heaptrack *h, uint64_t number)
{
    return number == 0 || number > h->names.count ? NULL
                                                  : ((const name *)h->names.items)[number - 1].text;
}

static bool is_allocator(const char *text)
{
    static const char *const names[] = {"malloc",         "calloc", "realloc",       "operator new",
                                        "operator new[]", "strdup", "posix_memalign"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(text, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* The innermost function of a stack that has a name and is no allocator, else the module. */
static uint16_t owner_of(hs_import *import, uint64_t trace)
{
    const heaptrack *h = import->state;
    const char *module = NULL;
    const char *function = NULL;
    for (int depth = 0; depth < STACK_DEPTH && function == NULL; depth++) {
        if (trace == 0 || trace > h->frames.count) {
            break;
        }
        const frame *f = &((const frame *)h->frames.items)[trace - 1];
        trace = f->parent;
        if (f->ip == 0 || f->ip > h->pointers.count) {
            continue;
        }
        const pointer *p = &((const pointer *)h->pointers.items)[f->ip - 1];
        function = name_of(h, p->function);
        function = function != NULL && !is_allocator(function) ? function : NULL;
        module = module == NULL ? name_of(h, p->module) : module;
    }
    if (function == NULL && module != NULL) {
        const char *slash = strrchr(module, '/');
        function = slash != NULL ? slash + 1 : module;
    }
    return hs_import_owner(import, function != NULL ? function : "unknown", HS_HEAP_IDF,
                           HS_CAP_DEFAULT);
}

/* Blocks of the interpreted form have no address: site and running number name them. */
static uint64_t block_key(uint64_t number, uint64_t block)
{
    return number << 32 | (block & UINT32_MAX);
}

static void site_event(hs_import *import, char letter, uint64_t number)
{
    heaptrack *h = import->state;
    if (number >= h->sites.count || number > UINT32_MAX) {
        hs_import_damaged(import);
        return;
    }
    site *s = &((site *)h->sites.items)[number];
    if (letter == '-') {
        h->chosen |= s->next - s->first > 1;
        if (s->first == s->next) {
            hs_import_free(import, block_key(number, s->first)); /* counted as unknown */
        } else {
            hs_import_free(import, block_key(number, s->first++));
        }
        return;
    }
    if (!s->has_owner) {
        s->owner = owner_of(import, s->trace);
        s->has_owner = true;
    }
    hs_import_alloc alloc = {.key = block_key(number, s->next), .size = s->size};
    alloc.owner = s->owner;
    hs_import_allocate(import, &alloc);
    s->next++;
}

static bool read_event(hs_import *import, char letter, const char *at)
{
    heaptrack *h = import->state;
    uint64_t f[3];
    size_t count = scan_fields(at, 3, f);
    if (letter == '+' && count == 3) {
        h->raw = true;
        hs_import_alloc alloc = {.key = f[2], .size = f[0], .failed = f[2] == 0};
        alloc.owner = owner_of(import, f[1]);
        hs_import_allocate(import, &alloc);
    } else if (letter == '-' && count == 1 && h->raw) {
        hs_import_free(import, f[0]);
    } else if (count == 1) {
        site_event(import, letter, f[0]);
    } else {
        hs_import_damaged(import);
    }
    return true;
}

static void read_time(hs_import *import, const char *at)
{
    uint64_t milliseconds;
    if (scan_fields(at, 1, &milliseconds) == 1 && milliseconds < UINT64_MAX / 1000) {
        hs_import_time(import, milliseconds * 1000);
    } else {
        hs_import_damaged(import);
    }
}

static bool heaptrack_line(hs_import *import, const char *line)
{
    heaptrack *h = import->state;
    uint64_t tool;
    const char *at = line;
    if (!h->versioned) {
        h->versioned = heaptrack_sniff(line);
        if (h->versioned) {
            hs_log_text(&at, "v ");
            hs_log_hex(&at, &tool);
            hs_log_blanks(&at);
            hs_log_hex(&at, &h->version);
        }
        if (h->version > NEWEST_VERSION) {
            hs_error_set(&import->error, import->request->name, import->line,
                         "found heaptrack file version %" PRIu64
                         ", expected %d or older: it is newer than this heapsim",
                         h->version, NEWEST_VERSION);
        }
        return h->versioned;
    }
    h->ended |= hs_log_text(&at, "# strings: ");
    if (line[0] == 0 || (line[1] != ' ' && line[1] != 0)) {
        return false;
    }
    at = line + (line[1] == ' ' ? 2 : 1);
    switch (line[0]) {
    case 's':
        return read_string(import, at);
    case 'i':
    case 'a':
    case 't':
        return read_tables(import, line[0], at);
    case '+':
    case '-':
        return read_event(import, line[0], at);
    case 'c':
        read_time(import, at);
        return true;
    default:
        return strchr("xXImRAS#", line[0]) != NULL;
    }
}

static void heaptrack_end(hs_import *import)
{
    const heaptrack *h = import->state;
    hs_import_source(import,
                     "heaptrack file version %" PRIu64 " (%s) of a program on a PC: sizes "
                     "are those of its build",
                     h->version, h->raw ? "raw" : "interpreted");
    hs_import_source(import, "a realloc is a free and an allocation in it; addresses of the PC are "
                             "left out");
    if (h->chosen) {
        hs_import_source(import,
                         "modelled: the format does not say which block of a site is freed; "
                         "it is the oldest of that site and size here");
    }
    if (!h->raw && !h->ended) {
        hs_import_lost(import, "the end of the file (# strings) is missing");
    }
}

static void heaptrack_release(void *state)
{
    heaptrack *h = state;
    free(h->names.items);
    free(h->pointers.items);
    free(h->frames.items);
    free(h->sites.items);
}

const hs_import_reader hs_import_heaptrack = {
    .format = {"heaptrack", HS_IMPORT_TRACE,
               "heaptrack's text format, interpreted or raw, plain or .gz or .zst"},
    .state_size = sizeof(heaptrack),
    .sniff = heaptrack_sniff,
    .line = heaptrack_line,
    .end = heaptrack_end,
    .release = heaptrack_release,
};

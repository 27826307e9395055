/* The file that glibc's mtrace() writes (MALLOC_TRACE). */
#include "import_reader.h"

#include <string.h>

#include "device/region.h"

typedef struct mtrace_state {
    bool started;
    bool stopped;
    bool pending; /* "<", the first half of a realloc, was read */
    uint64_t old;
} mtrace_state;

/* "@ CALLER OP ": OP into *op, *at behind it, the caller into `caller`. */
static bool scan_call(const char **at, char *op, char *caller, size_t size)
{
    caller[0] = 0;
    hs_log_blanks(at);
    if (hs_log_text(at, "@ ")) {
        const char *rest = *at; /* the caller may hold blanks: the last " OP 0x" counts */
        for (const char *p = rest; *p != 0; p++) {
            if (p[0] == ' ' && p[1] != 0 && strchr("+-<>!", p[1]) != NULL && p[2] == ' ') {
                size_t length = (size_t)(p - rest);
                length = length < size - 1 ? length : size - 1;
                memcpy(caller, rest, length);
                caller[length] = 0;
                *at = p + 1;
            }
        }
    }
    *op = **at;
    if (*op == 0 || strchr("+-<>!", *op) == NULL || (*at)[1] != ' ') {
        return false;
    }
    *at += 2;
    return true;
}

static bool scan_pointer(const char **at, uint64_t *pointer)
{
    *pointer = 0;
    return hs_log_text(at, "(nil)") || (strncmp(*at, "0x", 2) == 0 && hs_log_hex(at, pointer));
}

static bool mtrace_sniff(const char *line)
{
    char op, caller[8];
    uint64_t pointer;
    const char *at = line;
    return strcmp(line, "= Start") == 0 ||
           (line[0] == '@' && scan_call(&at, &op, caller, 8) && scan_pointer(&at, &pointer));
}

/* ./program:(function+0x12)[0x1234]: the function, else the file and address. */
static uint16_t owner_of(hs_import *import, char *caller)
{
    char *open = strrchr(caller, '(');
    char *plus = open != NULL ? strpbrk(open, "+)") : NULL;
    char *slash = strrchr(caller, '/');
    const char *name = slash != NULL ? slash + 1 : caller;
    if (plus != NULL && plus > open + 1) {
        *plus = 0;
        name = open + 1;
    }
    return hs_import_owner(import, name[0] != 0 ? name : "unknown", HS_HEAP_IDF, HS_CAP_DEFAULT);
}

static void missing_half(hs_import *import, mtrace_state *state)
{
    if (state->pending) {
        state->pending = false;
        hs_import_damaged(import);
        hs_import_free(import, state->old);
    }
}

/* "+ POINTER SIZE", "> POINTER SIZE" behind "< OLD", "! OLD SIZE". */
static void read_sized(hs_import *import, char op, uint64_t pointer, const char *at, char *caller)
{
    mtrace_state *state = import->state;
    hs_import_alloc alloc = {.key = pointer, .failed = pointer == 0 || op == '!'};
    hs_log_blanks(&at);
    if (!hs_log_hex(&at, &alloc.size) || !hs_log_end(at)) {
        hs_import_damaged(import);
        missing_half(import, state);
        return;
    }
    alloc.owner = owner_of(import, caller);
    bool pending = state->pending;
    state->pending = false;
    if (op == '+') {
        hs_import_allocate(import, &alloc);
    } else if (op == '!') {
        hs_import_realloc(import, pointer, &alloc, false);
    } else if (pending) {
        hs_import_realloc(import, state->old, &alloc, false);
    } else {
        hs_import_damaged(import);
        hs_import_allocate(import, &alloc);
    }
}

static bool mtrace_line(hs_import *import, const char *line)
{
    mtrace_state *state = import->state;
    char op, caller[256];
    uint64_t pointer;
    const char *at = line;
    if (strcmp(line, "= Start") == 0 || strcmp(line, "= End") == 0) {
        *(line[2] == 'S' ? &state->started : &state->stopped) = true;
        return true;
    }
    if (line[0] != '@' && (line[0] == 0 || strchr("+-<>!", line[0]) == NULL)) {
        return false;
    }
    if (!scan_call(&at, &op, caller, sizeof caller) || !scan_pointer(&at, &pointer)) {
        if (line[0] != '@') {
            return false;
        }
        hs_import_damaged(import);
        return true;
    }
    if (op != '>') {
        missing_half(import, state);
    }
    if (op == '<') {
        state->pending = true;
        state->old = pointer;
    } else if (op == '-') {
        hs_import_free(import, pointer);
    } else {
        read_sized(import, op, pointer, at, caller);
    }
    return true;
}

static void mtrace_end(hs_import *import)
{
    mtrace_state *state = import->state;
    missing_half(import, state);
    hs_import_source(import, "glibc mtrace of a program on a PC: sizes are those of its build "
                             "(64-bit programs ask for more than a 32-bit device would)");
    hs_import_source(import, "addresses of the PC are left out; calloc and aligned requests are "
                             "written as alloc, as mtrace does");
    if (!state->started) {
        hs_import_lost(import, "the begin of the file (= Start) is missing");
    }
}

const hs_import_reader hs_import_mtrace = {
    .format = {"mtrace", HS_IMPORT_TRACE, "glibc mtrace() (MALLOC_TRACE)"},
    .state_size = sizeof(mtrace_state),
    .sniff = mtrace_sniff,
    .line = mtrace_line,
    .end = mtrace_end,
};

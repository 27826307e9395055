/* Reader of the text form: lines out of one large buffer, scanned in place. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "trace_form.h"
#include "trace_ops.h"
#include "trace_scan.h"

enum { BUFFER_SIZE = 1 << 18 };

typedef struct text_reader {
    hs_input *input;
    hs_header_builder *builder;
    char *pending; /* a line that was taken but not yet delivered */
    char *at;      /* unread: at .. end */
    char *end;
    uint64_t line;
    bool ended;   /* the input has no more */
    bool has_nul; /* somewhere in the input: lines are looked at one by one from there on */
    int last_owner;
    hs_error failure;
    uint64_t keys[HS_OP_COUNT];
    char buffer[BUFFER_SIZE + 1]; /* one more for the end of a last line without newline */
} text_reader;

static hs_place place_of(const text_reader *t)
{
    return (hs_place){hs_input_path(t->input), t->line};
}

/* Moves the rest to the front and reads until there is a whole line, the end, or no room. */
static int refill(text_reader *t, hs_error *error)
{
    size_t kept = (size_t)(t->end - t->at);
    memmove(t->buffer, t->at, kept);
    t->at = t->buffer;
    t->end = t->buffer + kept;
    while (!t->ended && kept < HS_TRACE_LINE_MAX + 2) {
        long got =
            hs_input_read(t->input, t->end, (size_t)(t->buffer + BUFFER_SIZE - t->end), error);
        if (got < 0) {
            return -1;
        }
        t->ended = got == 0;
        t->has_nul = t->has_nul || memchr(t->end, 0, (size_t)got) != NULL;
        char *line_end = memchr(t->end, '\n', (size_t)got);
        t->end += got;
        kept += (size_t)got;
        if (line_end != NULL) {
            break;
        }
    }
    return 0;
}

static int check_line(text_reader *t, const char *line, size_t length, hs_error *error)
{
    if (length > HS_TRACE_LINE_MAX) {
        hs_error_set(error, hs_input_path(t->input), t->line,
                     "found a line of more than %d bytes, expected text lines", HS_TRACE_LINE_MAX);
        return -1;
    }
    if (t->has_nul && memchr(line, 0, length) != NULL) {
        hs_error_set(error, hs_input_path(t->input), t->line, "found a NUL byte, expected text");
        return -1;
    }
    return 0;
}

/* The next line, ended by NUL in place. Without `may_refill` it stops at the end of the buffer,
 * because events already delivered point into it. 1, 0 when there is none, -1 with *error. */
static int next_line(text_reader *t, bool may_refill, char **line, hs_error *error)
{
    if (t->pending != NULL) {
        *line = t->pending;
        t->pending = NULL;
        return 1;
    }
    char *end = memchr(t->at, '\n', (size_t)(t->end - t->at));
    if (end == NULL) {
        if (!may_refill) {
            return 0;
        }
        if (refill(t, error) != 0) {
            return -1;
        }
        end = memchr(t->at, '\n', (size_t)(t->end - t->at));
        if (end == NULL) {
            if (t->at == t->end) {
                return 0;
            }
            end = t->end;
        }
    }
    t->line++;
    *line = t->at;
    size_t length = (size_t)(end - t->at);
    t->at = end < t->end ? end + 1 : end;
    if (check_line(t, *line, length, error) != 0) {
        return -1;
    }
    *end = 0;
    if (length != 0 && end[-1] == '\r') {
        end[-1] = 0;
    }
    return 1;
}

static inline int find_op(const text_reader *t, const char *word, size_t length)
{
    uint64_t key = hs_scan_key(word, length);
    for (int op = 0; op < HS_OP_COUNT; op++) {
        if (t->keys[op] == key && hs_ops[op].length == length) {
            return op;
        }
    }
    return -1;
}

/* One attribute after the fields. The end of it, or NULL with *error. */
static char *scan_attribute(hs_event *event, unsigned allowed, char *at, hs_place place,
                            hs_error *error)
{
    char *end = hs_scan_word(at);
    size_t length = (size_t)(end - at);
    unsigned flag = 0;
    uint64_t number = 0;
    if (*at == '@') {
        flag = HS_EVENT_HAS_ADDR;
        if (length == 5 && memcmp(at, "@NULL", 5) == 0) {
            number = 0;
        } else if (hs_scan_number(at + 1, UINT32_MAX, &number) == NULL) {
            flag = 0;
        }
        event->addr = (uint32_t)number;
    } else if (length > 5 && memcmp(at, "caps=", 5) == 0) {
        flag = HS_EVENT_CAPS;
    } else if (length == 6 && memcmp(at, "type=", 5) == 0 && at[5] > ' ' && at[5] < 0x7f) {
        flag = HS_EVENT_TYPE;
        event->type = at[5];
    } else {
        flag = hs_attribute_flag(at, length);
    }
    if ((flag & allowed) == 0) {
        hs_trace_expected(place, at, hs_attributes_expected(allowed), error);
        return NULL;
    }
    if (flag & event->flags) {
        hs_trace_expected(place, at, "each attribute once", error);
        return NULL;
    }
    event->flags |= (uint8_t)flag;
    if (flag == HS_EVENT_CAPS) {
        return hs_trace_scan_caps(at + 5, &event->caps, place, error);
    }
    return end;
}

static char *scan_owner(text_reader *t, hs_event *event, char *at, hs_error *error)
{
    const hs_trace_header *header = &t->builder->header;
    char *end = hs_scan_word(at);
    size_t length = (size_t)(end - at);
    int owner = t->last_owner;
    if (owner < 0 || strncmp(header->owners[owner].name, at, length) != 0 ||
        header->owners[owner].name[length] != 0) {
        owner = hs_header_find_owner(t->builder, at, length);
        if (owner < 0) {
            hs_trace_expected(place_of(t), at, "an owner that the header declares", error);
            return NULL;
        }
        t->last_owner = owner;
    }
    event->owner = (uint16_t)owner;
    return end;
}

static char *scan_name(text_reader *t, hs_event *event, char *at, hs_error *error)
{
    char *end = hs_scan_word(at);
    size_t length = (size_t)(end - at);
    if (length == 0 || length > HS_TRACE_NAME_MAX || !hs_text_is_plain(at, length)) {
        hs_trace_expected(place_of(t), at, "a name (up to 255 bytes)", error);
        return NULL;
    }
    event->name = at;
    return end;
}

/* 64-bit fields: threshold takes -1, the others count. */
static char *scan_value(text_reader *t, hs_event *event, char *at, hs_error *error)
{
    uint64_t number = 0;
    uint64_t limit = event->op == HS_OP_TIME ? INT64_MAX : UINT32_MAX;
    bool off = event->op == HS_OP_THRESHOLD && at[0] == '-' && at[1] == '1' && hs_scan_stops(at[2]);
    char *end = off ? at + 2 : hs_scan_number(at, limit, &number);
    if (end == NULL) {
        hs_trace_expected(place_of(t), at,
                          event->op == HS_OP_TIME        ? "microseconds"
                          : event->op == HS_OP_THRESHOLD ? "a number of bytes or -1"
                                                         : "a number up to 4294967295",
                          error);
        return NULL;
    }
    event->value = off ? -1 : (int64_t)number;
    return end;
}

static char *scan_number_field(text_reader *t, hs_event *event, char kind, char *at,
                               hs_error *error)
{
    uint64_t number;
    char *end = hs_scan_number(at, UINT32_MAX, &number);
    if (end == NULL) {
        hs_trace_expected(place_of(t), at, hs_field_expected(event->op, kind), error);
        return NULL;
    }
    switch (kind) {
    case 's':
        event->slot = (uint32_t)number;
        break;
    case 'z':
        event->size = (uint32_t)number;
        break;
    case 'c':
        event->count = (uint32_t)number;
        break;
    case 'l':
        event->slot2 = (uint32_t)number;
        break;
    default:
        event->addr = (uint32_t)number;
        break;
    }
    return end;
}

static inline char *scan_field(text_reader *t, hs_event *event, char kind, char *at,
                               hs_error *error)
{
    switch (kind) {
    case 'o':
        return scan_owner(t, event, at, error);
    case 'n':
        return scan_name(t, event, at, error);
    case 'v':
        return scan_value(t, event, at, error);
    default:
        return scan_number_field(t, event, kind, at, error);
    }
}

static int scan_event(text_reader *t, hs_event *event, int op, char *at, hs_error *error)
{
    const hs_op_form *form = &hs_ops[op];
    *event = (hs_event){.op = (uint8_t)op, .line = t->line};
    for (const char *kind = form->fields; *kind != 0; kind++) {
        at = scan_field(t, event, *kind, hs_scan_blanks(at), error);
        if (at == NULL) {
            return -1;
        }
    }
    char *name_end = at;
    for (;;) {
        at = hs_scan_blanks(at);
        if (hs_scan_at_end(at)) {
            break;
        }
        at = scan_attribute(event, form->attributes, at, place_of(t), error);
        if (at == NULL) {
            return -1;
        }
    }
    if (event->name != NULL) {
        *name_end = 0; /* last: a line that fails stays as it is */
    }
    return 1;
}

static int refuse_word(text_reader *t, char *word, size_t length, hs_error *error)
{
    char copy[16] = "";
    if (length < sizeof copy) {
        memcpy(copy, word, length);
    }
    if (hs_is_header_word(copy)) {
        hs_error_set(error, hs_input_path(t->input), t->line,
                     "found header '%s' after the first event, expected it before", copy);
        return -1;
    }
    return hs_trace_expected(place_of(t), word,
                             "a statement (alloc, calloc, aligned, realloc, free, drop, link, "
                             "unlink, collect, threshold, region, phase, mark, time, ...)",
                             error);
}

/* 1 an event, 0 a line without one, -1 with *error. */
static int scan_line(text_reader *t, char *line, hs_event *event, hs_error *error)
{
    char *word = hs_scan_blanks(line);
    if (hs_scan_at_end(word)) {
        return 0;
    }
    char *end = hs_scan_word(word);
    int op = find_op(t, word, (size_t)(end - word));
    if (op < 0) {
        return refuse_word(t, word, (size_t)(end - word), error);
    }
    return scan_event(t, event, op, end, error);
}

/* A failure waits until the events before it are delivered, and stays. */
static long text_read(void *reader, hs_event *events, size_t max, hs_error *error)
{
    text_reader *t = reader;
    size_t count = 0;
    while (count < max && t->failure.text[0] == 0) {
        char *line;
        int got = next_line(t, count == 0, &line, &t->failure);
        if (got == 0) {
            break;
        }
        if (got > 0 && (got = scan_line(t, line, &events[count], &t->failure)) > 0) {
            count++;
        }
    }
    if (count == 0 && t->failure.text[0] != 0) {
        hs_error_set(error, NULL, 0, "%s", t->failure.text);
        return -1;
    }
    return (long)count;
}

static int scan_first_line(text_reader *t, char *word, hs_error *error)
{
    static const char magic[] = "heapsim-trace";
    char *end = hs_scan_word(word);
    uint64_t version;
    if ((size_t)(end - word) != sizeof magic - 1 || memcmp(word, magic, sizeof magic - 1) != 0) {
        return hs_trace_expected(place_of(t), word, "the first line 'heapsim-trace 1'", error);
    }
    word = hs_scan_blanks(end);
    end = hs_scan_number(word, UINT32_MAX, &version);
    if (end == NULL || version == 0) {
        return hs_trace_expected(place_of(t), word, "the version of the trace form: 1", error);
    }
    if (version != 1) {
        hs_error_set(error, hs_input_path(t->input), t->line,
                     "found trace form version %" PRIu64
                     ", expected 1: this heapsim is older than the trace",
                     version);
        return -1;
    }
    word = hs_scan_blanks(end);
    return hs_scan_at_end(word)
               ? 0
               : hs_trace_expected(place_of(t), word, "the end of the line", error);
}

/* Takes lines up to the first event, which stays pending. */
static int read_header(text_reader *t, hs_error *error)
{
    bool started = false;
    char *line;
    int got;
    while ((got = next_line(t, true, &line, error)) > 0) {
        bool marked = t->line == 1 && strncmp(line, "\xef\xbb\xbf", 3) == 0; /* UTF-8's mark */
        char *word = hs_scan_blanks(marked ? line + 3 : line);
        if (hs_scan_at_end(word)) {
            continue;
        }
        char *end = hs_scan_word(word);
        if (!started) {
            if (scan_first_line(t, word, error) != 0) {
                return -1;
            }
            started = true;
            continue;
        }
        int taken = hs_header_line(t->builder, word, (size_t)(end - word), end, place_of(t), error);
        if (taken < 0) {
            return -1;
        }
        if (taken == 0) {
            t->pending = line;
            return 0;
        }
    }
    if (got == 0 && !started) {
        hs_error_set(error, hs_input_path(t->input), 0,
                     "found no trace (nothing but blanks or comments), expected the first line "
                     "'heapsim-trace 1'");
        return -1;
    }
    return got;
}

static bool text_matches(const uint8_t *start, size_t length)
{
    (void)start;
    (void)length;
    return true; /* the last form asked; read_header() says what is wrong */
}

static void *text_open(hs_input *input, hs_header_builder *builder, hs_error *error)
{
    text_reader *t = malloc(sizeof *t);
    if (t == NULL) {
        hs_error_set(error, hs_input_path(input), 0, "the host is out of memory");
        return NULL;
    }
    memset(t, 0, offsetof(text_reader, buffer));
    t->input = input;
    t->builder = builder;
    t->at = t->buffer;
    t->end = t->buffer;
    t->last_owner = -1;
    for (int op = 0; op < HS_OP_COUNT; op++) {
        t->keys[op] = hs_scan_key(hs_ops[op].name, hs_ops[op].length);
    }
    if (read_header(t, error) != 0) {
        free(t);
        return NULL;
    }
    return t;
}

const hs_trace_form hs_trace_text_form = {"text", text_matches, text_open, text_read, NULL, free};

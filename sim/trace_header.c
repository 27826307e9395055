#include "trace_form.h"

#include <stdlib.h>
#include <string.h>

#include "trace_scan.h"

static const char *const origins[] = {"", "captured", "published", "modelled"};

const char *hs_origin_name(enum hs_origin origin)
{
    return origin == HS_ORIGIN_UNSAID ? "unsaid" : origins[origin];
}

int hs_trace_expected(hs_place place, char *at, const char *what, hs_error *error)
{
    if (hs_scan_at_end(at)) {
        hs_error_set(error, place.path, place.line, "found the end of the line, expected %s", what);
        return -1;
    }
    size_t length = (size_t)(hs_scan_word(at) - at);
    if (length == 0) {
        hs_error_set(error, place.path, place.line,
                     "found a control character (0x%02x), expected %s", (unsigned char)*at, what);
        return -1;
    }
    int shown = length > 60 ? 60 : (int)length;
    hs_error_set(error, place.path, place.line, "found '%.*s%s', expected %s", shown, at,
                 length > 60 ? "..." : "", what);
    return -1;
}

void hs_header_release(hs_header_builder *builder)
{
    hs_trace_header *header = &builder->header;
    free((char *)header->title);
    free((char *)header->device);
    for (size_t i = 0; i < header->source_count; i++) {
        free((char *)header->sources[i]);
    }
    for (size_t i = 0; i < header->owner_count; i++) {
        free((char *)header->owners[i].name);
    }
    free(header->owners);
    memset(builder, 0, sizeof *builder);
}

static int no_memory(hs_place place, hs_error *error)
{
    hs_error_set(error, place.path, place.line, "the host is out of memory");
    return -1;
}

/* In free text a comment starts only at a '#' that stands alone, so that "issue #5" stays. */
static char *find_text_end(char *text)
{
    char *end = text;
    for (char *at = text; *at != 0; at++) {
        bool blank_before = at == text || at[-1] == ' ' || at[-1] == '\t';
        bool blank_after = at[1] == ' ' || at[1] == '\t' || at[1] == 0;
        if (*at == '#' && blank_before && blank_after) {
            break;
        }
        if (*at != ' ' && *at != '\t') {
            end = at + 1;
        }
    }
    return end;
}

static int take_text(const char **target, char *rest, hs_place place, hs_error *error)
{
    char *end = find_text_end(rest);
    if (!hs_text_is_plain(rest, (size_t)(end - rest))) {
        hs_error_set(error, place.path, place.line, "found a control character, expected text");
        return -1;
    }
    if (end == rest) {
        return hs_trace_expected(place, end, "text", error);
    }
    *target = strndup(rest, (size_t)(end - rest));
    return *target != NULL ? 1 : no_memory(place, error);
}

static int take_text_once(const char **target, char *rest, const char *word, hs_place place,
                          hs_error *error)
{
    if (*target != NULL) {
        hs_error_set(error, place.path, place.line, "found a second '%s', expected one", word);
        return -1;
    }
    return take_text(target, rest, place, error);
}

static int take_source(hs_trace_header *header, char *rest, hs_place place, hs_error *error)
{
    if (header->source_count == HS_TRACE_SOURCES_MAX) {
        hs_error_set(error, place.path, place.line, "found more than %d 'source' lines",
                     HS_TRACE_SOURCES_MAX);
        return -1;
    }
    int result = take_text(&header->sources[header->source_count], rest, place, error);
    header->source_count += result > 0;
    return result;
}

static int take_line_end(char *at, hs_place place, hs_error *error)
{
    at = hs_scan_blanks(at);
    return hs_scan_at_end(at) ? 1 : hs_trace_expected(place, at, "the end of the line", error);
}

static bool word_is(const char *word, size_t length, const char *name)
{
    return strlen(name) == length && memcmp(word, name, length) == 0;
}

static int take_origin(hs_trace_header *header, char *rest, hs_place place, hs_error *error)
{
    if (header->origin != HS_ORIGIN_UNSAID) {
        hs_error_set(error, place.path, place.line, "found a second 'origin', expected one");
        return -1;
    }
    char *end = hs_scan_word(rest);
    for (int i = HS_ORIGIN_CAPTURED; i <= HS_ORIGIN_MODELLED; i++) {
        if (word_is(rest, (size_t)(end - rest), origins[i])) {
            header->origin = (enum hs_origin)i;
            return take_line_end(end, place, error);
        }
    }
    return hs_trace_expected(place, rest, "captured, published or modelled", error);
}

static int take_complete(hs_trace_header *header, char *rest, hs_place place, hs_error *error)
{
    if (header->complete != HS_COMPLETE_UNSAID) {
        hs_error_set(error, place.path, place.line, "found a second 'complete', expected one");
        return -1;
    }
    char *end = hs_scan_word(rest);
    if (word_is(rest, (size_t)(end - rest), "yes")) {
        header->complete = HS_COMPLETE_YES;
    } else if (word_is(rest, (size_t)(end - rest), "no")) {
        header->complete = HS_COMPLETE_NO;
    } else {
        return hs_trace_expected(place, rest, "yes or no", error);
    }
    return take_line_end(end, place, error);
}

/* FNV-1a. The table is at most half full: a search always ends. */
static size_t find_place(const hs_header_builder *builder, const char *name, size_t length)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < length; i++) {
        hash = (hash ^ (unsigned char)name[i]) * 16777619u;
    }
    size_t at = hash % HS_OWNER_TABLE;
    while (builder->table[at] != 0 &&
           !word_is(name, length, builder->header.owners[builder->table[at] - 1].name)) {
        at = (at + 1) % HS_OWNER_TABLE;
    }
    return at;
}

int hs_header_find_owner(const hs_header_builder *builder, const char *name, size_t length)
{
    return builder->table[find_place(builder, name, length)] - 1;
}

static int add_owner(hs_header_builder *builder, const char *name, size_t length,
                     hs_trace_owner owner, hs_place place, hs_error *error)
{
    hs_trace_header *header = &builder->header;
    if (header->owner_count == HS_TRACE_OWNERS_MAX) {
        hs_error_set(error, place.path, place.line, "found more than %d owners",
                     HS_TRACE_OWNERS_MAX);
        return -1;
    }
    if (header->owner_count == builder->owner_room) {
        size_t room = builder->owner_room != 0 ? builder->owner_room * 2 : 8;
        hs_trace_owner *owners = realloc(header->owners, room * sizeof *owners);
        if (owners == NULL) {
            return no_memory(place, error);
        }
        header->owners = owners;
        builder->owner_room = room;
    }
    size_t at = find_place(builder, name, length);
    if (builder->table[at] != 0) {
        hs_error_set(error, place.path, place.line,
                     "found owner '%.*s' a second time, expected each owner once", (int)length,
                     name);
        return -1;
    }
    owner.name = strndup(name, length);
    if (owner.name == NULL) {
        return no_memory(place, error);
    }
    header->owners[header->owner_count++] = owner;
    builder->table[at] = (uint16_t)header->owner_count;
    return 1;
}

static int take_owner(hs_header_builder *builder, char *name, hs_place place, hs_error *error)
{
    hs_trace_owner owner = {.caps = 0};
    char *end = hs_scan_word(name);
    size_t length = (size_t)(end - name);
    if (length == 0 || length > HS_TRACE_NAME_MAX || !hs_text_is_plain(name, length)) {
        return hs_trace_expected(place, name, "the owner's name (up to 255 bytes)", error);
    }
    char *heap = hs_scan_blanks(end);
    char *at = hs_scan_word(heap);
    if (word_is(heap, (size_t)(at - heap), "idf")) {
        owner.heap = HS_HEAP_IDF;
    } else if (word_is(heap, (size_t)(at - heap), "gc")) {
        owner.heap = HS_HEAP_GC;
    } else {
        return hs_trace_expected(place, heap, "the owner's heap: idf or gc", error);
    }
    at = hs_scan_blanks(at);
    if (strncmp(at, "caps=", 5) == 0) {
        at = hs_trace_scan_caps(at + 5, &owner.caps, place, error);
        if (at == NULL) {
            return -1;
        }
        at = hs_scan_blanks(at);
    } else {
        owner.caps = HS_TRACE_CAPS_DEFAULT;
    }
    if (!hs_scan_at_end(at)) {
        return hs_trace_expected(place, at, "caps=LIST or the end of the line", error);
    }
    return add_owner(builder, name, length, owner, place, error);
}

int hs_header_line(hs_header_builder *builder, const char *word, size_t length, char *rest,
                   hs_place place, hs_error *error)
{
    hs_trace_header *header = &builder->header;
    rest = hs_scan_blanks(rest);
    if (word_is(word, length, "title")) {
        return take_text_once(&header->title, rest, "title", place, error);
    }
    if (word_is(word, length, "device")) {
        return take_text_once(&header->device, rest, "device", place, error);
    }
    if (word_is(word, length, "source")) {
        return take_source(header, rest, place, error);
    }
    if (word_is(word, length, "origin")) {
        return take_origin(header, rest, place, error);
    }
    if (word_is(word, length, "complete")) {
        return take_complete(header, rest, place, error);
    }
    if (word_is(word, length, "owner")) {
        return take_owner(builder, rest, place, error);
    }
    return 0;
}

/* What a header line is printed with. */
typedef struct printer {
    int (*put)(void *context, const char *text, size_t length);
    void *context;
    int result;
} printer;

static void print(printer *p, const char *text)
{
    if (p->result == 0) {
        p->result = p->put(p->context, text, strlen(text));
    }
}

static void print_line(printer *p, const char *word, const char *text)
{
    if (text != NULL) {
        print(p, word);
        print(p, text);
        print(p, "\n");
    }
}

int hs_header_print(const hs_trace_header *header,
                    int (*put)(void *context, const char *text, size_t length), void *context)
{
    printer p = {put, context, 0};
    print(&p, "heapsim-trace 1\n");
    print_line(&p, "title   ", header->title);
    if (header->origin != HS_ORIGIN_UNSAID) {
        print_line(&p, "origin  ", origins[header->origin]);
    }
    for (size_t i = 0; i < header->source_count; i++) {
        print_line(&p, "source  ", header->sources[i]);
    }
    print_line(&p, "device  ", header->device);
    if (header->complete != HS_COMPLETE_UNSAID) {
        print_line(&p, "complete ", header->complete == HS_COMPLETE_YES ? "yes" : "no");
    }
    for (size_t i = 0; i < header->owner_count; i++) {
        const hs_trace_owner *owner = &header->owners[i];
        char caps[HS_CAPS_TEXT];
        print(&p, "owner   ");
        print(&p, owner->name);
        print(&p, owner->heap == HS_HEAP_GC ? " gc" : " idf");
        if (owner->caps != HS_TRACE_CAPS_DEFAULT) {
            hs_trace_print_caps(owner->caps, caps);
            print(&p, " caps=");
            print(&p, caps);
        }
        print(&p, "\n");
    }
    return p.result;
}

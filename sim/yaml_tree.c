/* The light first pass over a YAML file: structure, lines, bounds. */
#include "yaml_tree.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "trace_scan.h"

typedef struct pass {
    hs_yaml *yaml;
    hs_error *error;
    uint32_t open[HS_YAML_DEPTH_MAX]; /* lists and mappings that have not ended */
    uint32_t depth;
    char *key; /* read, its value not yet */
    uint32_t key_line;
    bool ended; /* the document is complete */
} pass;

static int refuse(const pass *p, uint64_t line, const char *found, const char *expected)
{
    hs_error_set(p->error, p->yaml->path, line, "found %s, expected %s", found, expected);
    return -1;
}

static hs_yaml_node *add_node(pass *p)
{
    hs_yaml *yaml = p->yaml;
    if (yaml->count == yaml->room) {
        uint32_t room = yaml->room == 0 ? 64 : yaml->room * 2;
        hs_yaml_node *nodes = realloc(yaml->nodes, room * sizeof *nodes);
        if (nodes == NULL) {
            hs_error_set(p->error, yaml->path, 0, "the host is out of memory");
            return NULL;
        }
        yaml->nodes = nodes;
        yaml->room = room;
    }
    hs_yaml_node *node = &yaml->nodes[yaml->count++];
    *node = (hs_yaml_node){.parent = HS_YAML_NO_NODE,
                           .first = HS_YAML_NO_NODE,
                           .last = HS_YAML_NO_NODE,
                           .next = HS_YAML_NO_NODE};
    return node;
}

static void link_node(pass *p, uint32_t index)
{
    hs_yaml_node *nodes = p->yaml->nodes;
    if (p->depth == 0) {
        return;
    }
    uint32_t parent = p->open[p->depth - 1];
    nodes[index].parent = parent;
    if (nodes[parent].last == HS_YAML_NO_NODE) {
        nodes[parent].first = index;
    } else {
        nodes[nodes[parent].last].next = index;
    }
    nodes[parent].last = index;
    nodes[parent].children++;
}

/* Adds a value; takes the pending key. */
static int add_value(pass *p, enum hs_yaml_kind kind, const char *text, uint32_t line)
{
    hs_yaml_node *node = add_node(p);
    if (node == NULL) {
        return -1;
    }
    uint32_t index = p->yaml->count - 1;
    node->kind = kind;
    node->line = p->key != NULL ? p->key_line : line;
    node->key = p->key;
    p->key = NULL;
    if (text != NULL && (node->text = strdup(text)) == NULL) {
        hs_error_set(p->error, p->yaml->path, 0, "the host is out of memory");
        return -1;
    }
    link_node(p, index);
    if (kind == HS_YAML_SCALAR) {
        return 0;
    }
    if (p->depth == HS_YAML_DEPTH_MAX) {
        return refuse(p, line, "lists and mappings nested more than 16 deep", "fewer levels");
    }
    p->open[p->depth++] = index;
    return 0;
}

static bool wants_key(const pass *p)
{
    return p->depth > 0 && p->key == NULL &&
           p->yaml->nodes[p->open[p->depth - 1]].kind == HS_YAML_MAPPING;
}

static int take_key(pass *p, const char *text, uint32_t line)
{
    uint32_t mapping = p->open[p->depth - 1];
    if (hs_yaml_child(p->yaml, mapping, text, strlen(text), 0) != HS_YAML_NO_NODE) {
        hs_error_set(p->error, p->yaml->path, line, "found key '%.64s' again, expected it once",
                     text);
        return -1;
    }
    if (p->yaml->nodes[mapping].children == HS_YAML_KEYS_MAX) {
        return refuse(p, line, "more than 256 keys in a mapping", "fewer");
    }
    p->key = strdup(text);
    p->key_line = line;
    if (p->key == NULL) {
        hs_error_set(p->error, p->yaml->path, 0, "the host is out of memory");
        return -1;
    }
    return 0;
}

static int take_scalar(pass *p, const yaml_event_t *event, uint32_t line)
{
    const char *text = (const char *)event->data.scalar.value;
    size_t size = event->data.scalar.length;
    if (size > HS_YAML_TEXT_MAX) {
        return refuse(p, line, "a value of more than 4096 bytes", "a shorter one");
    }
    if (strlen(text) != size) {
        return refuse(p, line, "a zero byte in a value", "text");
    }
    for (size_t i = 0; i < size; i += text[i] == '\n' ? 1 : strcspn(text + i, "\n")) {
        if (text[i] != '\n' && !hs_text_is_plain(text + i, strcspn(text + i, "\n"))) {
            return refuse(p, line, "a control character in a value", "text");
        }
    }
    return wants_key(p) ? take_key(p, text, line) : add_value(p, HS_YAML_SCALAR, text, line);
}

static int take_collection(pass *p, enum hs_yaml_kind kind, uint32_t line)
{
    if (wants_key(p)) {
        return refuse(p, line, "a list or mapping as a key", "a plain key");
    }
    return add_value(p, kind, NULL, line);
}

/* An anchor or tag on the event's value: both change what is read, and no file needs them. */
static bool is_decorated(const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return event->data.scalar.anchor != NULL || event->data.scalar.tag != NULL;
    case YAML_SEQUENCE_START_EVENT:
        return event->data.sequence_start.anchor != NULL || event->data.sequence_start.tag != NULL;
    case YAML_MAPPING_START_EVENT:
        return event->data.mapping_start.anchor != NULL || event->data.mapping_start.tag != NULL;
    default:
        return event->type == YAML_ALIAS_EVENT;
    }
}

static int take_event(pass *p, const yaml_event_t *event)
{
    uint32_t line = (uint32_t)event->start_mark.line + 1;
    if (is_decorated(event)) {
        return refuse(p, line, "an anchor, alias or tag", "plain values");
    }
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return take_scalar(p, event, line);
    case YAML_SEQUENCE_START_EVENT:
        return take_collection(p, HS_YAML_LIST, line);
    case YAML_MAPPING_START_EVENT:
        return take_collection(p, HS_YAML_MAPPING, line);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        p->depth--;
        return 0;
    case YAML_DOCUMENT_START_EVENT:
        return p->ended ? refuse(p, line, "a second document", "one") : 0;
    case YAML_DOCUMENT_END_EVENT:
        p->ended = true;
        return 0;
    default:
        return 0;
    }
}

static int not_yaml(const pass *p, const yaml_parser_t *parser)
{
    if (parser->error == YAML_MEMORY_ERROR) {
        hs_error_set(p->error, p->yaml->path, 0, "the host is out of memory");
        return -1;
    }
    /* Errors of the reader (bad UTF-8, control characters) know their byte only. */
    uint64_t line = parser->problem_mark.line + 1;
    if (parser->error == YAML_READER_ERROR) {
        line = 1;
        for (size_t i = 0; i < parser->problem_offset && i < p->yaml->size; i++) {
            line += p->yaml->text[i] == '\n';
        }
    }
    hs_error_set(p->error, p->yaml->path, line, "found text that is not YAML (%s), expected YAML",
                 parser->problem != NULL ? parser->problem : "no reason given");
    return -1;
}

static int read_events(pass *p, yaml_parser_t *parser)
{
    for (;;) {
        yaml_event_t event;
        if (!yaml_parser_parse(parser, &event)) {
            return not_yaml(p, parser);
        }
        int result = take_event(p, &event);
        bool last = event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
        if (result != 0 || last) {
            return result;
        }
    }
}

int hs_yaml_build(hs_yaml *yaml, hs_error *error)
{
    pass p = {.yaml = yaml, .error = error};
    if (yaml->size > HS_YAML_BYTES_MAX) {
        return refuse(&p, 0, "a file of more than 1 MiB", "a smaller one");
    }
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser)) {
        hs_error_set(error, yaml->path, 0, "the host is out of memory");
        return -1;
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)yaml->text, yaml->size);
    int result = read_events(&p, &parser);
    yaml_parser_delete(&parser);
    free(p.key);
    if (result == 0 && yaml->count == 0) {
        result = refuse(&p, 0, "nothing in it", "a mapping of keys and values");
    }
    return result;
}

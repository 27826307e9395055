/* Loading by schema with libcyaml, and its log turned into one line. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "yaml_tree.h"

/* What libcyaml says of a failure: a message, then where it stood, innermost first. Its lines are
 * those of the event before, so only the names are used, to find the value in the tree. */
typedef struct complaint {
    char message[256];
    char places[HS_YAML_DEPTH_MAX * 2][128];
    size_t count;
    bool no_memory;
} complaint;

static void *take_memory(void *context, void *block, size_t size)
{
    complaint *c = context;
    void *taken = cyaml_mem(NULL, block, size);
    c->no_memory = c->no_memory || (taken == NULL && size != 0);
    return taken;
}

static void take_log(cyaml_log_t level, void *context, const char *format, va_list arguments)
{
    (void)level;
    complaint *c = context;
    char line[256];
    vsnprintf(line, sizeof line, format, arguments);
    line[strcspn(line, "\n")] = 0;
    if (strncmp(line, "  in ", 5) == 0) {
        if (c->count < HS_YAML_DEPTH_MAX * 2) {
            snprintf(c->places[c->count++], sizeof c->places[0], "%.127s", line + 5);
        }
    } else if (c->message[0] == 0) {
        snprintf(c->message, sizeof c->message, "%s", line);
    }
}

static const cyaml_config_t *config_for(cyaml_config_t *config, complaint *c)
{
    *config = (cyaml_config_t){.log_fn = c != NULL ? take_log : NULL,
                               .log_ctx = c,
                               .mem_fn = c != NULL ? take_memory : cyaml_mem,
                               .mem_ctx = c,
                               .log_level = CYAML_LOG_ERROR,
                               .flags = CYAML_CFG_NO_ALIAS};
    return config;
}

/* A value and the part of the schema that it must obey. */
typedef struct spot {
    uint32_t node;
    const cyaml_schema_value_t *schema;
} spot;

static const cyaml_schema_field_t *find_field(const cyaml_schema_value_t *schema, const char *key)
{
    if (schema->type != CYAML_MAPPING) {
        return NULL;
    }
    for (const cyaml_schema_field_t *f = schema->mapping.fields; f->key != NULL; f++) {
        if (strcmp(f->key, key) == 0) {
            return f;
        }
    }
    return NULL;
}

/* Steps into what one backtrace line names; false when it names nothing deeper. */
static bool step(const hs_yaml *yaml, spot *at, const char *place)
{
    char name[128];
    unsigned entry;
    if (sscanf(place, "mapping field '%127[^']'", name) == 1) {
        const cyaml_schema_field_t *field = find_field(at->schema, name);
        uint32_t node = hs_yaml_child(yaml, at->node, name, strlen(name), 0);
        if (field == NULL || node == HS_YAML_NO_NODE) {
            return false;
        }
        *at = (spot){node, &field->value};
        return true;
    }
    if (sscanf(place, "sequence entry '%u'", &entry) == 1 && at->schema->type == CYAML_SEQUENCE) {
        uint32_t node = hs_yaml_child(yaml, at->node, NULL, 0, entry > 0 ? entry - 1 : 0);
        if (node == HS_YAML_NO_NODE) {
            return false;
        }
        *at = (spot){node, at->schema->sequence.entry};
        return true;
    }
    return false;
}

static void list_keys(const cyaml_schema_value_t *schema, char *text, size_t size)
{
    size_t used = 0;
    text[0] = 0;
    for (const cyaml_schema_field_t *f = schema->mapping.fields; f->key != NULL && used < size;
         f++) {
        int n = snprintf(text + used, size - used, "%s%s", used > 0 ? ", " : "", f->key);
        used += n > 0 ? (size_t)n : 0;
    }
}

static void list_values(const cyaml_schema_value_t *schema, char *text, size_t size)
{
    size_t used = 0;
    text[0] = 0;
    for (uint32_t i = 0; i < schema->enumeration.count && used < size; i++) {
        int n = snprintf(text + used, size - used, "%s%s", used > 0 ? ", " : "",
                         schema->enumeration.strings[i].str);
        used += n > 0 ? (size_t)n : 0;
    }
}

static enum hs_yaml_kind kind_of(const cyaml_schema_value_t *schema)
{
    return schema->type == CYAML_MAPPING    ? HS_YAML_MAPPING
           : schema->type == CYAML_SEQUENCE ? HS_YAML_LIST
                                            : HS_YAML_SCALAR;
}

static void say_unknown_key(const hs_yaml *yaml, spot at, const char *key, hs_error *error)
{
    char known[512];
    list_keys(at.schema, known, sizeof known);
    uint32_t node = hs_yaml_child(yaml, at.node, key, strlen(key), 0);
    hs_error_set(error, yaml->path, yaml->nodes[node == HS_YAML_NO_NODE ? at.node : node].line,
                 "found unknown key '%s', expected one of: %s", key, known);
}

static void say_missing(const hs_yaml *yaml, spot at, const char *key, hs_error *error)
{
    char path[256];
    hs_yaml_path_of(yaml, at.node, path, sizeof path);
    hs_error_set(error, yaml->path, yaml->nodes[at.node].line, "found no key '%s'%s%s, expected it",
                 key, path[0] != 0 ? " in " : "", path);
}

/* The value itself is wrong: its kind, its number of entries, its length or its word. */
static void say_value(const hs_yaml *yaml, spot at, const char *message, hs_error *error)
{
    const hs_yaml_node *node = &yaml->nodes[at.node];
    const cyaml_schema_value_t *s = at.schema;
    char path[256];
    char values[512];
    hs_yaml_path_of(yaml, at.node, path, sizeof path);
    const char *what = path[0] != 0 ? path : "the file";
    if (node->kind != kind_of(s)) {
        hs_error_set(error, yaml->path, node->line, "found %s for %s, expected %s",
                     hs_yaml_kind_name(node->kind), what, hs_yaml_kind_name(kind_of(s)));
    } else if (s->type == CYAML_SEQUENCE) {
        hs_error_set(error, yaml->path, node->line,
                     "found %" PRIu32 " entries in %s, expected %" PRIu32 " to %" PRIu32,
                     node->children, what, s->sequence.min, s->sequence.max);
    } else if (s->type == CYAML_ENUM) {
        list_values(s, values, sizeof values);
        hs_error_set(error, yaml->path, node->line, "found '%s' for %s, expected one of: %s",
                     node->text, what, values);
    } else if (s->type == CYAML_STRING) {
        hs_error_set(error, yaml->path, node->line,
                     "found %zu characters for %s, expected %" PRIu32 " to %" PRIu32,
                     strlen(node->text), what, s->string.min, s->string.max);
    } else {
        hs_error_set(error, yaml->path, node->line, "found %s, expected what the schema says (%s)",
                     what, message);
    }
}

static void explain(const hs_yaml *yaml, const cyaml_schema_value_t *schema, cyaml_err_t code,
                    const complaint *c, hs_error *error)
{
    static const char unknown[] = "Load: Unexpected key: ";
    static const char missing[] = "Load: Missing required mapping field: ";
    bool is_missing = code == CYAML_ERR_MAPPING_FIELD_MISSING;
    bool is_count =
        code == CYAML_ERR_SEQUENCE_ENTRIES_MIN || code == CYAML_ERR_SEQUENCE_ENTRIES_MAX;
    size_t stop = 0;
    /* The innermost place is then the last field or entry that was read, not the culprit. */
    if (c->count > 0 && ((is_missing && strncmp(c->places[0], "mapping field", 13) == 0) ||
                         (is_count && strncmp(c->places[0], "sequence entry", 14) == 0))) {
        stop = 1;
    }
    spot at = {0, schema};
    for (size_t i = c->count; i > stop && step(yaml, &at, c->places[i - 1]); i--) {
    }
    /* hs_yaml_build() has parsed the text before: libyaml itself can lack nothing but memory. */
    if (c->no_memory || code == CYAML_ERR_OOM || code == CYAML_ERR_LIBYAML_PARSER ||
        code == CYAML_ERR_LIBYAML_PARSER_INIT) {
        hs_error_set(error, yaml->path, 0, "the host is out of memory");
    } else if (code == CYAML_ERR_INVALID_KEY && !strncmp(c->message, unknown, sizeof unknown - 1)) {
        say_unknown_key(yaml, at, c->message + sizeof unknown - 1, error);
    } else if (is_missing && !strncmp(c->message, missing, sizeof missing - 1)) {
        say_missing(yaml, at, c->message + sizeof missing - 1, error);
    } else {
        say_value(yaml, at, c->message[0] != 0 ? c->message : cyaml_strerror(code), error);
    }
}

int hs_yaml_load(const hs_yaml *yaml, const cyaml_schema_value_t *schema, void **data,
                 hs_error *error)
{
    *data = NULL;
    complaint c = {.count = 0};
    cyaml_config_t config;
    cyaml_data_t *loaded = NULL;
    cyaml_err_t code = cyaml_load_data((const uint8_t *)yaml->text, yaml->size,
                                       config_for(&config, &c), schema, &loaded, NULL);
    if (code != CYAML_OK) {
        explain(yaml, schema, code, &c, error);
        return -1;
    }
    *data = loaded;
    return 0;
}

void hs_yaml_unload(const cyaml_schema_value_t *schema, void *data)
{
    cyaml_config_t config;
    if (data != NULL) {
        cyaml_free(config_for(&config, NULL), schema, data, 0);
    }
}

#include "yaml_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "yaml_tree.h"

const cyaml_strval_t hs_yaml_bools[2] = {{"false", 0}, {"true", 1}};

uint32_t hs_yaml_child(const hs_yaml *yaml, uint32_t node, const char *key, size_t key_size,
                       size_t index)
{
    if (node >= yaml->count) {
        return HS_YAML_NO_NODE;
    }
    for (uint32_t n = yaml->nodes[node].first; n != HS_YAML_NO_NODE; n = yaml->nodes[n].next) {
        const char *name = yaml->nodes[n].key;
        if (key == NULL
                ? index == 0
                : name != NULL && strlen(name) == key_size && !memcmp(name, key, key_size)) {
            return n;
        }
        index -= index > 0;
    }
    return HS_YAML_NO_NODE;
}

/* Follows `path` as far as there are values; *whole says whether that was to its end. */
static uint32_t find(const hs_yaml *yaml, const char *path, bool *whole)
{
    uint32_t node = yaml->count > 0 ? 0 : HS_YAML_NO_NODE;
    *whole = node != HS_YAML_NO_NODE;
    while (*whole && *path != 0) {
        uint32_t child;
        if (*path == '[') {
            char *end;
            child = hs_yaml_child(yaml, node, NULL, 0, (size_t)strtoull(path + 1, &end, 10));
            path = *end == ']' ? end + 1 : end;
        } else {
            size_t size = strcspn(path, ".[");
            child = hs_yaml_child(yaml, node, path, size, 0);
            path += size;
        }
        path += *path == '.';
        *whole = child != HS_YAML_NO_NODE;
        node = *whole ? child : node;
    }
    return node;
}

enum hs_yaml_kind hs_yaml_kind_at(const hs_yaml *yaml, const char *path)
{
    bool whole;
    uint32_t node = find(yaml, path, &whole);
    return whole ? yaml->nodes[node].kind : HS_YAML_NONE;
}

uint64_t hs_yaml_line_at(const hs_yaml *yaml, const char *path)
{
    bool whole;
    uint32_t node = find(yaml, path, &whole);
    return node == HS_YAML_NO_NODE ? 0 : yaml->nodes[node].line;
}

const char *hs_yaml_key_at(const hs_yaml *yaml, const char *path, size_t index)
{
    bool whole;
    uint32_t node = find(yaml, path, &whole);
    uint32_t child = whole ? hs_yaml_child(yaml, node, NULL, 0, index) : HS_YAML_NO_NODE;
    return child == HS_YAML_NO_NODE ? NULL : yaml->nodes[child].key;
}

void hs_yaml_path_of(const hs_yaml *yaml, uint32_t node, char *path, size_t size)
{
    uint32_t chain[HS_YAML_DEPTH_MAX + 1];
    size_t depth = 0;
    while (node != HS_YAML_NO_NODE && node != 0 && depth < HS_YAML_DEPTH_MAX + 1) {
        chain[depth++] = node;
        node = yaml->nodes[node].parent;
    }
    path[0] = 0;
    size_t used = 0;
    while (depth > 0 && used < size) {
        const hs_yaml_node *n = &yaml->nodes[chain[--depth]];
        size_t index = 0;
        for (uint32_t s = yaml->nodes[n->parent].first; s != chain[depth];
             s = yaml->nodes[s].next) {
            index++;
        }
        int wrote = n->key != NULL
                        ? snprintf(path + used, size - used, "%s%s", used > 0 ? "." : "", n->key)
                        : snprintf(path + used, size - used, "[%zu]", index);
        used += wrote > 0 ? (size_t)wrote : 0;
    }
}

const char *hs_yaml_kind_name(enum hs_yaml_kind kind)
{
    static const char *const names[] = {"nothing", "a single value", "a list", "a mapping"};
    return names[kind];
}

void hs_yaml_fail(const hs_yaml *yaml, hs_error *error, const char *path, const char *format, ...)
{
    char message[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    hs_error_set(error, yaml->path, hs_yaml_line_at(yaml, path), "%s", message);
}

static bool parse_number(const char *text, int base, size_t digits_max, uint64_t *value,
                         const char **end)
{
    *value = 0;
    size_t digits = 0;
    for (; digits <= digits_max; digits++, text++) {
        int digit = *text >= '0' && *text <= '9'   ? *text - '0'
                    : *text >= 'a' && *text <= 'f' ? *text - 'a' + 10
                    : *text >= 'A' && *text <= 'F' ? *text - 'A' + 10
                                                   : 16;
        if (digit >= base) {
            break;
        }
        *value = *value * (uint64_t)base + (uint64_t)digit;
    }
    *end = text;
    return digits > 0 && digits <= digits_max;
}

bool hs_yaml_parse_size(const char *text, uint32_t *value)
{
    bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    uint64_t number;
    const char *end;
    if (!parse_number(hex ? text + 2 : text, hex ? 16 : 10, 12, &number, &end)) {
        return false;
    }
    if (!hex && (*end == 'K' || *end == 'M')) {
        number <<= *end == 'K' ? 10 : 20;
        end++;
    }
    if (*end != 0 || number > UINT32_MAX) {
        return false;
    }
    *value = (uint32_t)number;
    return true;
}

bool hs_yaml_parse_percent(const char *text, uint32_t *value)
{
    uint64_t number;
    const char *end;
    if (!parse_number(text, 10, 3, &number, &end) || end[0] != '%' || end[1] != 0 || number < 1 ||
        number > 100) {
        return false;
    }
    *value = (uint32_t)number;
    return true;
}

bool hs_yaml_is_name(const char *text)
{
    size_t size = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
    return size > 0 && size <= HS_YAML_NAME_MAX && text[size] == 0 && text[0] != '.';
}

int hs_yaml_size(const hs_yaml *yaml, const char *path, const char *text, uint32_t min,
                 uint32_t max, uint32_t *value, hs_error *error)
{
    uint32_t number;
    if (!hs_yaml_parse_size(text, &number)) {
        hs_yaml_fail(yaml, error, path,
                     "found '%s' for %s, expected a number of up to 32 bits such as 4096, 0x1000, "
                     "4K or 1M",
                     text, path);
        return -1;
    }
    if (number < min || number > max) {
        hs_yaml_fail(yaml, error, path, "found %s for %s, expected %" PRIu32 " to %" PRIu32, text,
                     path, min, max);
        return -1;
    }
    *value = number;
    return 0;
}

int hs_yaml_name(const hs_yaml *yaml, const char *path, const char *text, hs_error *error)
{
    if (hs_yaml_is_name(text)) {
        return 0;
    }
    hs_yaml_fail(yaml, error, path,
                 "found '%s' for %s, expected a name of at most %u letters, digits, '.', '_', '-'",
                 text, path, HS_YAML_NAME_MAX);
    return -1;
}

static int read_text(hs_yaml *yaml, FILE *file, hs_error *error)
{
    yaml->text = malloc(HS_YAML_BYTES_MAX + 1);
    if (yaml->text == NULL) {
        hs_error_set(error, yaml->path, 0, "the host is out of memory");
        return -1;
    }
    yaml->size = fread(yaml->text, 1, HS_YAML_BYTES_MAX + 1, file);
    if (ferror(file)) {
        hs_error_set(error, yaml->path, 0, "cannot read it: %s", strerror(errno));
        return -1;
    }
    return 0;
}

static hs_yaml *create(const char *path, hs_error *error)
{
    hs_yaml *yaml = calloc(1, sizeof *yaml);
    char *copy = strdup(path);
    if (yaml == NULL || copy == NULL) {
        free(yaml);
        free(copy);
        hs_error_set(error, path, 0, "the host is out of memory");
        return NULL;
    }
    yaml->path = copy;
    return yaml;
}

static hs_yaml *with_tree(hs_yaml *yaml, hs_error *error)
{
    if (hs_yaml_build(yaml, error) != 0) {
        hs_yaml_close(yaml);
        return NULL;
    }
    return yaml;
}

hs_yaml *hs_yaml_open(const char *path, hs_error *error)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        hs_error_set(error, path, 0, "cannot open it: %s", strerror(errno));
        return NULL;
    }
    hs_yaml *yaml = create(path, error);
    if (yaml != NULL && read_text(yaml, file, error) != 0) {
        hs_yaml_close(yaml);
        yaml = NULL;
    }
    fclose(file);
    return yaml != NULL ? with_tree(yaml, error) : NULL;
}

hs_yaml *hs_yaml_open_text(const char *path, const char *text, size_t size, hs_error *error)
{
    hs_yaml *yaml = create(path, error);
    if (yaml == NULL) {
        return NULL;
    }
    yaml->text = malloc(size + 1);
    if (yaml->text == NULL) {
        hs_error_set(error, path, 0, "the host is out of memory");
        hs_yaml_close(yaml);
        return NULL;
    }
    memcpy(yaml->text, text, size);
    yaml->size = size;
    return with_tree(yaml, error);
}

void hs_yaml_close(hs_yaml *yaml)
{
    if (yaml == NULL) {
        return;
    }
    for (uint32_t i = 0; i < yaml->count; i++) {
        free(yaml->nodes[i].key);
        free(yaml->nodes[i].text);
    }
    free(yaml->nodes);
    free(yaml->text);
    free(yaml->path);
    free(yaml);
}

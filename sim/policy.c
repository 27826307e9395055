#include "policy.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device/chip.h"
#include "device/gc.h"
#include "layout.h"
#include "yaml_file.h"

/* The smallest area in which every release of the collector has a block, header included. */
#define AREA_MIN 128u

#define EXPECTED_AREAS "expected a number up to 64, or all"

typedef struct raw_area {
    char *start;
    char *size;
} raw_area;

typedef struct raw_gc {
    char *version;
    char *initial; /* either this or the list, as the file has it */
    char **initial_list;
    uint32_t initial_list_count;
    raw_area *fixed;
    uint32_t fixed_count;
    char *areas;
    char *min_area;
    char *reserve;
    int grow;
    char *keep_free;
} raw_gc;

typedef struct raw_route {
    int heaps[HS_POLICY_ROUTES_MAX]; /* in the order of the file's keys */
} raw_route;

typedef struct raw_placeholder {
    char *size;
    char *until;
} raw_placeholder;

typedef struct raw_policy {
    char *name;
    char *title;
    char *release;
    char *reason;
    char **source;
    uint32_t source_count;
    raw_gc *gc;
    raw_route *route;
    raw_placeholder *placeholder;
} raw_policy;

#define TEXT(key, flags, type, member, max)                                                        \
    CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | (flags), type, member, 1, max)

static const cyaml_strval_t grow_words[] = {{"never", 0}, {"auto", 1}};
static const cyaml_strval_t heap_words[] = {{"idf", HS_ROUTE_IDF}, {"gc", HS_ROUTE_GC}};

static const cyaml_schema_value_t text_entry = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, 1024)};

static const cyaml_schema_field_t area_fields[] = {
    TEXT("start", 0, raw_area, start, 32), TEXT("size", 0, raw_area, size, 32), CYAML_FIELD_END};
static const cyaml_schema_value_t area_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, raw_area, area_fields)};

static const cyaml_schema_field_t initial_as_list =
    CYAML_FIELD_SEQUENCE("initial", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, raw_gc, initial_list,
                         &text_entry, 1, HS_POLICY_TERMS_MAX);

static const cyaml_schema_field_t gc_fields[] = {
    TEXT("version", 0, raw_gc, version, 64),
    TEXT("initial", CYAML_FLAG_OPTIONAL, raw_gc, initial, 64),
    CYAML_FIELD_SEQUENCE("fixed", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, raw_gc, fixed,
                         &area_entry, 1, HS_POLICY_FIXED_MAX),
    TEXT("areas", CYAML_FLAG_OPTIONAL, raw_gc, areas, 32),
    TEXT("min_area", CYAML_FLAG_OPTIONAL, raw_gc, min_area, 32),
    TEXT("reserve", CYAML_FLAG_OPTIONAL, raw_gc, reserve, 32),
    CYAML_FIELD_ENUM("grow", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, raw_gc, grow, grow_words, 2),
    TEXT("keep_free", CYAML_FLAG_OPTIONAL, raw_gc, keep_free, 32),
    CYAML_FIELD_END};
#define GC_FIELDS  (sizeof gc_fields / sizeof gc_fields[0])
#define GC_INITIAL 1

static const cyaml_schema_field_t placeholder_fields[] = {
    TEXT("size", 0, raw_placeholder, size, 32), TEXT("until", 0, raw_placeholder, until, 256),
    CYAML_FIELD_END};

/* The schema depends on the file: `initial` is one value or a list, `route` has the owners for
 * keys. One is built for each file, and kept to free what was loaded by it. */
typedef struct policy_schema {
    cyaml_schema_field_t gc[GC_FIELDS];
    cyaml_schema_field_t route[HS_POLICY_ROUTES_MAX + 1];
    cyaml_schema_field_t top[9];
    cyaml_schema_value_t value;
} policy_schema;

/* What hs_policy points into. */
typedef struct loaded {
    hs_policy policy; /* first: hs_policy_free() gets its address */
    policy_schema schema;
    hs_yaml *yaml; /* owns the names of route */
    raw_policy *raw;
    char *path;
} loaded;

typedef struct reader {
    const hs_yaml *yaml;
    const raw_policy *raw;
    hs_policy *policy;
    hs_error *error;
} reader;

static void build_gc(policy_schema *s, const hs_yaml *yaml)
{
    memcpy(s->gc, gc_fields, sizeof gc_fields);
    if (hs_yaml_kind_at(yaml, "gc.initial") == HS_YAML_LIST) {
        s->gc[GC_INITIAL] = initial_as_list;
    }
}

/* 0, or -1 with *error when there are too many owners. */
static int build_route(policy_schema *s, const hs_yaml *yaml, hs_error *error)
{
    const char *key;
    for (size_t i = 0; (key = hs_yaml_key_at(yaml, "route", i)) != NULL; i++) {
        if (i == HS_POLICY_ROUTES_MAX || strlen(key) > HS_YAML_NAME_MAX || key[0] == 0) {
            hs_yaml_fail(yaml, error, "route",
                         "found %s in route, expected at most 64 owners of 1 to 64 characters",
                         i == HS_POLICY_ROUTES_MAX ? "more owners" : "a name of another length");
            return -1;
        }
        const cyaml_schema_field_t field = CYAML_FIELD_ENUM(
            key, CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, raw_route, heaps[0], heap_words, 2);
        s->route[i] = field;
        s->route[i].data_offset = (uint32_t)(i * sizeof(int));
    }
    return 0;
}

static int build_schema(policy_schema *s, const hs_yaml *yaml, hs_error *error)
{
    build_gc(s, yaml);
    if (build_route(s, yaml, error) != 0) {
        return -1;
    }
    const cyaml_schema_field_t top[] = {
        TEXT("name", 0, raw_policy, name, 1024),
        TEXT("title", 0, raw_policy, title, 1024),
        TEXT("release", 0, raw_policy, release, 1024),
        TEXT("reason", 0, raw_policy, reason, 2048),
        CYAML_FIELD_SEQUENCE("source", CYAML_FLAG_POINTER, raw_policy, source, &text_entry, 1, 64),
        CYAML_FIELD_MAPPING_PTR("gc", CYAML_FLAG_POINTER, raw_policy, gc, s->gc),
        CYAML_FIELD_MAPPING_PTR("route", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, raw_policy,
                                route, s->route),
        CYAML_FIELD_MAPPING_PTR("placeholder", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, raw_policy,
                                placeholder, placeholder_fields),
        CYAML_FIELD_END};
    memcpy(s->top, top, sizeof top);
    s->value = (cyaml_schema_value_t){CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, raw_policy, s->top)};
    return 0;
}

/* The number of the rule of that word, or that behind the last. */
static uint32_t find_rule(const char *word)
{
    uint32_t rule = 0;
    while (hs_policy_rule_word(rule) != NULL && strcmp(hs_policy_rule_word(rule), word) != 0) {
        rule++;
    }
    return rule;
}

/* "expected bytes (56K), a percentage (50%) or largest" */
static const char *expected_term(char *text, size_t size)
{
    int used = snprintf(text, size, "expected bytes (56K), a percentage (50%%)");
    for (uint32_t i = 0; hs_policy_rule_word(i) != NULL && (size_t)used < size; i++) {
        bool last = hs_policy_rule_word(i + 1) == NULL;
        used += snprintf(text + used, size - (size_t)used, "%s%s", last ? " or " : ", ",
                         hs_policy_rule_word(i));
    }
    return text;
}

static bool parse_term(const char *text, hs_policy_term *term)
{
    uint32_t value = find_rule(text);
    if (hs_policy_rule_word(value) != NULL) {
        *term = (hs_policy_term){HS_TERM_RULE, value};
    } else if (hs_yaml_parse_percent(text, &value)) {
        *term = (hs_policy_term){HS_TERM_PERCENT, value};
    } else if (hs_yaml_parse_size(text, &value) && value >= AREA_MIN) {
        *term = (hs_policy_term){HS_TERM_BYTES, value};
    } else {
        return false;
    }
    return true;
}

static bool parse_areas(const char *text, uint32_t *areas)
{
    uint32_t value = 0;
    if (strcmp(text, "all") == 0) {
        *areas = HS_POLICY_AREAS_ALL;
    } else if (hs_yaml_parse_size(text, &value) && value <= HS_POLICY_AREAS_MAX) {
        *areas = value;
    } else {
        return false;
    }
    return true;
}

static int read_initial(const reader *r)
{
    const raw_gc *gc = r->raw->gc;
    bool list = gc->initial_list != NULL;
    size_t count = list ? gc->initial_list_count : gc->initial != NULL;
    for (size_t i = 0; i < count; i++) {
        const char *text = list ? gc->initial_list[i] : gc->initial;
        char path[40] = "gc.initial";
        if (list) {
            snprintf(path, sizeof path, "gc.initial[%zu]", i);
        }
        if (!parse_term(text, &r->policy->initial[i])) {
            char expected[200];
            hs_yaml_fail(r->yaml, r->error, path, "found '%s' for %s, %s", text, path,
                         expected_term(expected, sizeof expected));
            return -1;
        }
    }
    r->policy->initial_count = count;
    return 0;
}

static int read_fixed(const reader *r, size_t index)
{
    const raw_area *raw = &r->raw->gc->fixed[index];
    hs_policy_area *area = &r->policy->fixed[index];
    char path[32];
    snprintf(path, sizeof path, "gc.fixed[%zu].start", index);
    if (hs_yaml_size(r->yaml, path, raw->start, 4, UINT32_MAX, &area->start, r->error) != 0) {
        return -1;
    }
    if (area->start % 4 != 0) {
        hs_yaml_fail(r->yaml, r->error, path, "found %s for %s, expected a multiple of 4",
                     raw->start, path);
        return -1;
    }
    snprintf(path, sizeof path, "gc.fixed[%zu].size", index);
    if (hs_yaml_size(r->yaml, path, raw->size, AREA_MIN, UINT32_MAX - area->start, &area->size,
                     r->error) != 0) {
        return -1;
    }
    for (size_t i = 0; i < index; i++) {
        const hs_policy_area *other = &r->policy->fixed[i];
        if (area->start < other->start + other->size && other->start < area->start + area->size) {
            hs_yaml_fail(r->yaml, r->error, path,
                         "found area 0x%" PRIx32 "+%" PRIu32 " over area 0x%" PRIx32 "+%" PRIu32
                         ", expected areas that do not overlap",
                         area->start, area->size, other->start, other->size);
            return -1;
        }
    }
    return 0;
}

/* A size that may be missing: *value then stays. */
static int read_size(const reader *r, const char *path, const char *text, uint32_t min,
                     uint32_t *value)
{
    return text == NULL ? 0 : hs_yaml_size(r->yaml, path, text, min, UINT32_MAX, value, r->error);
}

static int read_no_collector(const reader *r)
{
    const char *key = hs_yaml_key_at(r->yaml, "gc", 0);
    key = key != NULL && strcmp(key, "version") == 0 ? hs_yaml_key_at(r->yaml, "gc", 1) : key;
    if (key == NULL) {
        return 0;
    }
    char path[64];
    snprintf(path, sizeof path, "gc.%s", key);
    hs_yaml_fail(r->yaml, r->error, path,
                 "found gc.%s with gc.version none, expected no other key of gc", key);
    return -1;
}

static int check_version(const reader *r, const char *version)
{
    if (hs_gc_version_find(version) != NULL) {
        return 0;
    }
    char rows[256] = "";
    size_t used = 0;
    for (size_t i = 0; i < HS_GC_VERSIONS && used < sizeof rows; i++) {
        int n = snprintf(rows + used, sizeof rows - used, "%s%s", i > 0 ? ", " : "",
                         hs_gc_versions[i].name);
        used += n > 0 ? (size_t)n : 0;
    }
    hs_yaml_fail(r->yaml, r->error, "gc.version",
                 "found '%s' for gc.version, expected none or a MicroPython release; the rules "
                 "changed with %s",
                 version, rows);
    return -1;
}

/* What the parts of gc must have to do with each other. */
static int check_gc(const reader *r)
{
    const hs_policy *policy = r->policy;
    if (policy->areas != 0 && policy->initial_count == 0) {
        hs_yaml_fail(r->yaml, r->error, "gc",
                     "found no gc.initial, expected the size of an area, or areas: 0");
        return -1;
    }
    if (policy->areas == 0 && policy->fixed_count == 0) {
        hs_yaml_fail(r->yaml, r->error, "gc.areas",
                     "found areas: 0 and no gc.fixed, expected an area or version: none");
        return -1;
    }
    if (policy->grow && hs_gc_version_find(policy->gc_version)->growth == 0) {
        hs_yaml_fail(r->yaml, r->error, "gc.grow",
                     "found grow: auto with gc.version %s, expected v1.21 or later",
                     policy->gc_version);
        return -1;
    }
    if (!policy->grow && policy->keep_free > 0) {
        hs_yaml_fail(r->yaml, r->error, "gc.keep_free",
                     "found gc.keep_free without growth, expected grow: auto");
        return -1;
    }
    return 0;
}

static int read_gc(const reader *r)
{
    const raw_gc *gc = r->raw->gc;
    hs_policy *policy = r->policy;
    policy->min_area = AREA_MIN;
    if (strcmp(gc->version, "none") == 0) {
        return read_no_collector(r);
    }
    policy->gc_version = gc->version;
    policy->areas = 1;
    policy->grow = gc->grow != 0;
    if (check_version(r, gc->version) != 0 || read_initial(r) != 0) {
        return -1;
    }
    for (size_t i = 0; i < gc->fixed_count; i++) {
        if (read_fixed(r, i) != 0) {
            return -1;
        }
    }
    policy->fixed_count = gc->fixed_count;
    if (gc->areas != NULL && !parse_areas(gc->areas, &policy->areas)) {
        hs_yaml_fail(r->yaml, r->error, "gc.areas", "found '%s' for gc.areas, %s", gc->areas,
                     EXPECTED_AREAS);
        return -1;
    }
    if (read_size(r, "gc.min_area", gc->min_area, AREA_MIN, &policy->min_area) != 0 ||
        read_size(r, "gc.reserve", gc->reserve, 0, &policy->reserve) != 0 ||
        read_size(r, "gc.keep_free", gc->keep_free, 0, &policy->keep_free) != 0) {
        return -1;
    }
    return check_gc(r);
}

static void read_routes(const reader *r)
{
    hs_policy *policy = r->policy;
    const char *owner;
    while ((owner = hs_yaml_key_at(r->yaml, "route", policy->route_count)) != NULL) {
        size_t i = policy->route_count++;
        policy->routes[i] = (hs_policy_route){owner, (enum hs_route_heap)r->raw->route->heaps[i]};
    }
}

static int check_routes(const reader *r)
{
    for (size_t i = 0; i < r->policy->route_count && r->policy->gc_version == NULL; i++) {
        if (r->policy->routes[i].heap == HS_ROUTE_GC) {
            hs_yaml_fail(r->yaml, r->error, "route",
                         "found owner '%s' routed to gc with gc.version none, expected idf",
                         r->policy->routes[i].owner);
            return -1;
        }
    }
    return 0;
}

static int read_policy(const reader *r)
{
    const raw_policy *raw = r->raw;
    hs_policy *policy = r->policy;
    policy->name = raw->name;
    policy->title = raw->title;
    policy->release = raw->release;
    policy->reason = raw->reason;
    policy->sources = (const char **)raw->source;
    policy->source_count = raw->source_count;
    if (hs_yaml_name(r->yaml, "name", raw->name, r->error) != 0 || read_gc(r) != 0) {
        return -1;
    }
    read_routes(r);
    if (raw->placeholder != NULL) {
        policy->placeholder_until = raw->placeholder->until;
        if (read_size(r, "placeholder.size", raw->placeholder->size, 1, &policy->placeholder) !=
            0) {
            return -1;
        }
    }
    return check_routes(r);
}

static int load_into(loaded *l, const char *path, hs_error *error)
{
    l->path = strdup(path);
    if (l->path == NULL) {
        hs_error_set(error, path, 0, "the host is out of memory");
        return -1;
    }
    l->policy.path = l->path;
    l->yaml = hs_yaml_open(path, error);
    void *raw = NULL;
    if (l->yaml == NULL || build_schema(&l->schema, l->yaml, error) != 0 ||
        hs_yaml_load(l->yaml, &l->schema.value, &raw, error) != 0) {
        return -1;
    }
    l->raw = raw;
    return read_policy(&(reader){l->yaml, l->raw, &l->policy, error});
}

hs_policy *hs_policy_load(const char *path, hs_error *error)
{
    loaded *l = calloc(1, sizeof *l);
    if (l == NULL) {
        hs_error_set(error, path, 0, "the host is out of memory");
        return NULL;
    }
    if (load_into(l, path, error) != 0) {
        hs_policy_free(&l->policy);
        return NULL;
    }
    return &l->policy;
}

static int fits(const hs_policy *policy, const hs_policy_area *area, const hs_layout *layout,
                hs_error *error)
{
    const hs_chip *chip = hs_chip_find(layout->chip);
    if (hs_chip_type_at(chip, area->start) == HS_REGION_TYPES ||
        hs_chip_type_at(chip, area->start + area->size - 1) == HS_REGION_TYPES) {
        hs_error_set(error, policy->path, 0,
                     "found fixed area 0x%" PRIx32 "+%" PRIu32
                     ", expected memory of layout %s's chip %s",
                     area->start, area->size, layout->name, layout->chip);
        return -1;
    }
    for (size_t i = 0; i < layout->region_count; i++) {
        const hs_layout_region *region = &layout->regions[i];
        if (area->start < (uint64_t)region->start + region->size &&
            region->start < (uint64_t)area->start + area->size) {
            hs_error_set(error, policy->path, 0,
                         "found fixed area 0x%" PRIx32 "+%" PRIu32 " over heap region 0x%" PRIx32
                         "+%" PRIu32 " of layout %s, expected it outside the heap",
                         area->start, area->size, region->start, region->size, layout->name);
            return -1;
        }
    }
    return 0;
}

int hs_policy_fits(const hs_policy *policy, const hs_layout *layout, hs_error *error)
{
    for (size_t i = 0; i < policy->fixed_count; i++) {
        if (fits(policy, &policy->fixed[i], layout, error) != 0) {
            return -1;
        }
    }
    return 0;
}

void hs_policy_free(hs_policy *policy)
{
    if (policy == NULL) {
        return;
    }
    loaded *l = (loaded *)policy;
    hs_yaml_unload(&l->schema.value, l->raw);
    hs_yaml_close(l->yaml);
    free(l->path);
    free(l);
}

enum hs_route_heap hs_policy_route_of(const hs_policy *policy, const char *owner,
                                      enum hs_route_heap otherwise)
{
    for (size_t i = 0; i < policy->route_count; i++) {
        if (strcmp(policy->routes[i].owner, owner) == 0) {
            return policy->routes[i].heap;
        }
    }
    return otherwise;
}

static int set_failed(hs_error *error, const char *key, const char *value, const char *expected)
{
    hs_error_set(error, NULL, 0, "found '%s' for %s, %s", value, key, expected);
    return -1;
}

/* "56K" or "[largest, 50%]". */
static bool parse_terms(const char *text, hs_policy_term *terms, size_t *count)
{
    char copy[256];
    size_t size = strlen(text);
    if (size >= sizeof copy) {
        return false;
    }
    memcpy(copy, text, size + 1);
    char *list = copy;
    if (copy[0] == '[') {
        if (copy[size - 1] != ']') {
            return false;
        }
        copy[size - 1] = 0;
        list++;
    }
    *count = 0;
    char *rest = NULL;
    for (char *word = strtok_r(list, ", ", &rest); word != NULL;
         word = strtok_r(NULL, ", ", &rest)) {
        if (*count == HS_POLICY_TERMS_MAX || !parse_term(word, &terms[(*count)++])) {
            return false;
        }
    }
    return *count > 0 && (*count == 1 || copy[0] == '[');
}

static int set_initial(hs_policy *policy, const char *value, hs_error *error)
{
    hs_policy_term terms[HS_POLICY_TERMS_MAX];
    size_t count;
    if (!parse_terms(value, terms, &count)) {
        char expected[200];
        size_t used = strlen(expected_term(expected, sizeof expected));
        snprintf(expected + used, sizeof expected - used, ", or a list of them");
        return set_failed(error, "gc.initial", value, expected);
    }
    memcpy(policy->initial, terms, sizeof terms[0] * count);
    policy->initial_count = count;
    return 0;
}

static int set_areas(hs_policy *policy, const char *value, hs_error *error)
{
    uint32_t areas;
    if (!parse_areas(value, &areas)) {
        return set_failed(error, "gc.areas", value, EXPECTED_AREAS);
    }
    if (areas == 0 ? policy->fixed_count == 0 : policy->initial_count == 0) {
        return set_failed(error, "gc.areas", value,
                          areas == 0 ? "expected an area, as there is no gc.fixed"
                                     : "expected 0, as there is no gc.initial");
    }
    policy->areas = areas;
    return 0;
}

static int set_size(uint32_t *field, const char *key, const char *value, uint32_t min,
                    hs_error *error)
{
    uint32_t size;
    if (!hs_yaml_parse_size(value, &size) || size < min) {
        return set_failed(error, key, value,
                          min > 1 ? "expected at least 128, such as 1K"
                                  : "expected a number of up to 32 bits such as 4096 or 4K");
    }
    *field = size;
    return 0;
}

int hs_policy_set(hs_policy *policy, const char *key, const char *value, hs_error *error)
{
    if (strncmp(key, "gc.", 3) == 0 && policy->gc_version == NULL) {
        return set_failed(error, key, value, "expected a policy with a collector");
    }
    if (strcmp(key, "gc.initial") == 0) {
        return set_initial(policy, value, error);
    }
    if (strcmp(key, "gc.areas") == 0) {
        return set_areas(policy, value, error);
    }
    if (strcmp(key, "gc.min_area") == 0) {
        return set_size(&policy->min_area, key, value, AREA_MIN, error);
    }
    if (strcmp(key, "gc.reserve") == 0) {
        return set_size(&policy->reserve, key, value, 0, error);
    }
    if (strcmp(key, "gc.keep_free") == 0 && policy->grow) {
        return set_size(&policy->keep_free, key, value, 0, error);
    }
    if (strcmp(key, "placeholder.size") == 0 && policy->placeholder_until != NULL) {
        return set_size(&policy->placeholder, key, value, 1, error);
    }
    return set_failed(error, key, value,
                      "expected one of: gc.initial, gc.areas, gc.min_area, gc.reserve, "
                      "gc.keep_free (with grow: auto), placeholder.size (with a placeholder)");
}

int hs_policy_check_setting(const char *key, const char *value, hs_error *error)
{
    hs_policy all = {.gc_version = "any", /* whatever a key may depend on */
                     .initial_count = 1,
                     .fixed_count = 1,
                     .grow = true,
                     .placeholder_until = "any"};
    return hs_policy_set(&all, key, value, error);
}

#include "scenario.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "metric_names.h"
#include "run.h"
#include "yaml_file.h"

typedef struct raw_step {
    char *trace, *from, *until, *at;
    char *repeat, *cycle, *mark, *copies, *seed;
    int rest;
    char **together;
    uint32_t together_count;
    struct raw_step *steps;
    uint32_t step_count;
} raw_step;

typedef struct raw_check {
    char *metric, *at, *equal, *at_least, *at_most;
} raw_check;

typedef struct raw_expectation {
    char *cells, *outcome, *class, *owner, *statement;
    raw_check *metrics;
    uint32_t metric_count;
} raw_expectation;

typedef struct raw_list {
    char *one; /* either this or the list, as the file has it */
    char **many;
    uint32_t count;
} raw_list;

typedef struct raw_axes {
    raw_list axes[HS_SCENARIO_AXES_MAX]; /* in the order of the file's keys */
} raw_axes;

typedef struct raw_scenario {
    char *name, *title, *seeds, *seed;
    char **source;
    uint32_t source_count;
    raw_list layout, policy;
    raw_axes *set, *values;
    int on_oom;
    char **marks;
    uint32_t mark_count;
    raw_step *steps;
    uint32_t step_count;
    raw_expectation *expect;
    uint32_t expect_count;
} raw_scenario;

#define TEXT(key, flags, type, member)                                                             \
    CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | (flags), type, member, 1, 2048)
#define OPTION(key, type, member) TEXT(key, CYAML_FLAG_OPTIONAL, type, member)
#define LIST(key, flags, type, member, count, entry, least, most)                                  \
    CYAML_FIELD_SEQUENCE_COUNT(key, CYAML_FLAG_POINTER | (flags), type, member, count, entry,      \
                               least, most)

static const cyaml_strval_t rest_words[] = {{"keep", 0}, {"free", 1}};
static const cyaml_strval_t oom_words[] = {{"continue", 0}, {"stop", 1}};
static const cyaml_schema_value_t text_entry = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, 1024)};

static const cyaml_schema_value_t step_entry; /* steps may hold steps */
static const cyaml_schema_field_t step_fields[] = {
    OPTION("trace", raw_step, trace),
    OPTION("from", raw_step, from),
    OPTION("until", raw_step, until),
    CYAML_FIELD_ENUM("rest", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, raw_step, rest, rest_words,
                     2),
    OPTION("at", raw_step, at),
    OPTION("repeat", raw_step, repeat),
    OPTION("cycle", raw_step, cycle),
    OPTION("mark", raw_step, mark),
    LIST("together", CYAML_FLAG_OPTIONAL, raw_step, together, together_count, &text_entry, 1,
         HS_SCENARIO_TOGETHER_MAX),
    OPTION("copies", raw_step, copies),
    OPTION("seed", raw_step, seed),
    LIST("steps", CYAML_FLAG_OPTIONAL, raw_step, steps, step_count, &step_entry, 1,
         HS_SCENARIO_STEPS_MAX),
    CYAML_FIELD_END};
static const cyaml_schema_value_t step_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, raw_step, step_fields)};

static const cyaml_schema_field_t check_fields[] = {
    TEXT("metric", 0, raw_check, metric),  OPTION("at", raw_check, at),
    OPTION("equal", raw_check, equal),     OPTION("at_least", raw_check, at_least),
    OPTION("at_most", raw_check, at_most), CYAML_FIELD_END};
static const cyaml_schema_value_t check_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, raw_check, check_fields)};

static const cyaml_schema_field_t expectation_fields[] = {
    OPTION("cells", raw_expectation, cells),
    OPTION("outcome", raw_expectation, outcome),
    OPTION("class", raw_expectation, class),
    OPTION("owner", raw_expectation, owner),
    OPTION("statement", raw_expectation, statement),
    LIST("metrics", CYAML_FLAG_OPTIONAL, raw_expectation, metrics, metric_count, &check_entry, 1,
         HS_SCENARIO_LIST_MAX),
    CYAML_FIELD_END};
static const cyaml_schema_value_t expectation_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, raw_expectation, expectation_fields)};

/* The schema depends on the file: the keys of `set` and `values`, and where one value stands for a
 * list of one. */
typedef struct scenario_schema {
    cyaml_schema_field_t set[HS_SCENARIO_AXES_MAX + 1];
    cyaml_schema_field_t values[HS_SCENARIO_AXES_MAX + 1];
    cyaml_schema_field_t top[16];
    cyaml_schema_value_t value;
} scenario_schema;

typedef struct loaded {
    hs_scenario scenario; /* first: hs_scenario_free() gets its address */
    scenario_schema schema;
    hs_yaml *yaml; /* owns the names of axes */
    raw_scenario *raw;
    char *path;
    char *name; /* of hs_scenario_of_traces() */
    const char **texts;
} loaded;

/* A field for a raw_list at `offset` of its structure, of the form that the file has. */
static cyaml_schema_field_t list_field(const hs_yaml *yaml, const char *path, const char *key,
                                       size_t offset, uint32_t flags)
{
    const cyaml_schema_field_t many =
        LIST("", CYAML_FLAG_OPTIONAL, raw_list, many, count, &text_entry, 1, HS_SCENARIO_LIST_MAX);
    const cyaml_schema_field_t one = OPTION("", raw_list, one);
    cyaml_schema_field_t field = hs_yaml_kind_at(yaml, path) == HS_YAML_LIST ? many : one;
    field.key = key;
    field.data_offset += (uint32_t)offset;
    field.count_offset += (uint32_t)offset;
    if ((flags & CYAML_FLAG_OPTIONAL) == 0) {
        field.value.flags &= ~(cyaml_flag_e)CYAML_FLAG_OPTIONAL;
    }
    return field;
}

static int build_axes(cyaml_schema_field_t *fields, const hs_yaml *yaml, const char *path,
                      hs_error *error)
{
    const char *key;
    size_t i = 0;
    for (; (key = hs_yaml_key_at(yaml, path, i)) != NULL; i++) {
        if (i == HS_SCENARIO_AXES_MAX || !hs_yaml_is_name(key)) {
            hs_yaml_fail(yaml, error, path,
                         "found key '%s' in %s, expected at most %u names of letters, digits, "
                         "'.', '_' and '-'",
                         key, path, HS_SCENARIO_AXES_MAX);
            return -1;
        }
        char at[2 * HS_YAML_NAME_MAX];
        snprintf(at, sizeof at, "%s.%s", path, key);
        fields[i] = list_field(yaml, at, key, i * sizeof(raw_list), CYAML_FLAG_OPTIONAL);
        /* A key with a '.' is no path of the tree: there a list is what is meant. */
        if (strchr(key, '.') != NULL) {
            const cyaml_schema_field_t many = LIST("", CYAML_FLAG_OPTIONAL, raw_list, many, count,
                                                   &text_entry, 1, HS_SCENARIO_LIST_MAX);
            fields[i] = many;
            fields[i].key = key;
            fields[i].data_offset += (uint32_t)(i * sizeof(raw_list));
            fields[i].count_offset += (uint32_t)(i * sizeof(raw_list));
        }
    }
    fields[i] = (cyaml_schema_field_t)CYAML_FIELD_END;
    return 0;
}

static int build_schema(scenario_schema *s, const hs_yaml *yaml, hs_error *error)
{
    if (build_axes(s->set, yaml, "set", error) != 0 ||
        build_axes(s->values, yaml, "values", error) != 0) {
        return -1;
    }
    const cyaml_schema_field_t top[] = {
        TEXT("name", 0, raw_scenario, name),
        TEXT("title", 0, raw_scenario, title),
        LIST("source", CYAML_FLAG_OPTIONAL, raw_scenario, source, source_count, &text_entry, 1, 64),
        list_field(yaml, "layout", "layout", offsetof(raw_scenario, layout), 0),
        list_field(yaml, "policy", "policy", offsetof(raw_scenario, policy), CYAML_FLAG_OPTIONAL),
        CYAML_FIELD_MAPPING_PTR("set", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, raw_scenario, set,
                                s->set),
        CYAML_FIELD_MAPPING_PTR("values", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, raw_scenario,
                                values, s->values),
        OPTION("seeds", raw_scenario, seeds),
        OPTION("seed", raw_scenario, seed),
        CYAML_FIELD_ENUM("on_oom", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, raw_scenario, on_oom,
                         oom_words, 2),
        LIST("marks", CYAML_FLAG_OPTIONAL, raw_scenario, marks, mark_count, &text_entry, 1,
             HS_SCENARIO_LIST_MAX),
        LIST("steps", CYAML_FLAG_OPTIONAL, raw_scenario, steps, step_count, &step_entry, 0,
             HS_SCENARIO_STEPS_MAX),
        LIST("expect", CYAML_FLAG_OPTIONAL, raw_scenario, expect, expect_count, &expectation_entry,
             1, HS_SCENARIO_LIST_MAX),
        CYAML_FIELD_END};
    memcpy(s->top, top, sizeof top);
    s->value =
        (cyaml_schema_value_t){CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, raw_scenario, s->top)};
    return 0;
}

/* --- what was loaded becomes a scenario --- */

typedef struct reader {
    const hs_yaml *yaml;
    hs_error *error;
} reader;

/* `one` becomes a list whose only entry is stored at *text. */
static hs_scenario_list list_of(raw_list *raw)
{
    if (raw->one != NULL) {
        return (hs_scenario_list){(const char **)&raw->one, 1};
    }
    return (hs_scenario_list){(const char **)raw->many, raw->count};
}

static bool parse_integer(const char *text, int64_t *value)
{
    uint32_t size;
    if (hs_yaml_parse_size(text, &size)) {
        *value = size;
        return true;
    }
    char *end;
    errno = 0;
    *value = strtoll(text, &end, 10);
    return end != text && *end == 0 && errno == 0;
}

static int read_bound(const reader *r, const char *path, const char *text, bool *has,
                      int64_t *value)
{
    *has = text != NULL;
    if (text != NULL && !parse_integer(text, value)) {
        hs_yaml_fail(r->yaml, r->error, path, "found '%s', expected an integer", text);
        return -1;
    }
    return 0;
}

static bool is_reference(const char *text)
{
    return text != NULL && text[0] == '$';
}

/* A name after '$' that no axis has, or NULL. */
static const char *unknown_axis(const hs_scenario *s, const char *text)
{
    if (!is_reference(text) || strcmp(text, "$seed") == 0) {
        return NULL;
    }
    for (size_t i = 0; i < s->axis_count; i++) {
        if (!s->axes[i].policy && strcmp(s->axes[i].name, text + 1) == 0) {
            return NULL;
        }
    }
    return text;
}

static int check_number(const reader *r, const char *path, const char *what, const char *text,
                        uint32_t most)
{
    uint32_t value;
    if (text == NULL || is_reference(text) || (hs_yaml_parse_size(text, &value) && value <= most)) {
        return 0;
    }
    hs_yaml_fail(r->yaml, r->error, path,
                 "found '%s' for %s, expected a number up to %" PRIu32 " or $NAME", text, what,
                 most);
    return -1;
}

static int check_step(const reader *r, const hs_scenario *s, const hs_scenario_step *step,
                      const raw_step *raw, const char *path)
{
    int kinds = (raw->trace != NULL) + (raw->repeat != NULL) + (raw->together_count != 0) +
                (raw->mark != NULL);
    bool wants_steps = raw->repeat != NULL || raw->at != NULL;
    bool stray =
        (raw->rest != 0 && raw->trace == NULL) ||
        (raw->trace == NULL && (raw->from != NULL || raw->until != NULL || raw->at != NULL)) ||
        (raw->repeat == NULL && raw->at == NULL && raw->cycle != NULL) ||
        (raw->together_count == 0 && (raw->copies != NULL || raw->seed != NULL)) ||
        (!wants_steps && raw->step_count != 0) ||
        (wants_steps && raw->step_count == 0 && (raw->at == NULL || raw->cycle == NULL));
    if (kinds != 1 || stray) {
        hs_yaml_fail(
            r->yaml, r->error, path,
            "found a step with other keys, expected one of: {trace, from, until, rest}, {trace, "
            "at, steps, cycle}, {repeat, steps, cycle}, {together, copies, seed}, {mark}");
        return -1;
    }
    const char *texts[] = {raw->trace, raw->repeat, raw->copies, raw->seed};
    for (size_t i = 0; i < 4 + step->together.count; i++) {
        const char *text = i < 4 ? texts[i] : step->together.texts[i - 4];
        const char *unknown = unknown_axis(s, text);
        if (unknown != NULL) {
            hs_yaml_fail(r->yaml, r->error, path, "found '%s', expected $NAME of a key of values",
                         unknown);
            return -1;
        }
    }
    return check_number(r, path, "repeat", raw->repeat, 1000000) != 0 ||
                   check_number(r, path, "copies", raw->copies, HS_SCENARIO_TOGETHER_MAX) != 0 ||
                   check_number(r, path, "seed", raw->seed, UINT32_MAX) != 0
               ? -1
               : 0;
}

static void free_steps(hs_scenario_step *steps, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free_steps(steps[i].steps, steps[i].step_count);
    }
    free(steps);
}

static hs_scenario_step *read_steps(const reader *r, const hs_scenario *s, raw_step *raw,
                                    size_t count, const char *path)
{
    hs_scenario_step *steps = calloc(count + 1, sizeof *steps);
    if (steps == NULL) {
        hs_error_set(r->error, NULL, 0, "the host is out of memory");
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        raw_step *from = &raw[i];
        hs_scenario_step *step = &steps[i];
        char at[512];
        snprintf(at, sizeof at, "%s[%zu]", path, i);
        *step = (hs_scenario_step){
            .kind = from->trace != NULL        ? HS_STEP_TRACE
                    : from->repeat != NULL     ? HS_STEP_REPEAT
                    : from->together_count > 0 ? HS_STEP_TOGETHER
                                               : HS_STEP_MARK,
            .line = hs_yaml_line_at(r->yaml, at),
            .trace = from->trace,
            .from = from->from,
            .until = from->until,
            .free_rest = from->rest != 0,
            .at = from->at,
            .together = {(const char **)from->together, from->together_count},
            .copies = from->copies,
            .seed = from->seed,
            .repeat = from->repeat,
            .cycle = from->cycle,
            .mark = from->mark,
        };
        char inner[520];
        snprintf(inner, sizeof inner, "%s.steps", at);
        if (check_step(r, s, step, from, at) != 0 ||
            (from->step_count != 0 &&
             (step->steps = read_steps(r, s, from->steps, from->step_count, inner)) == NULL)) {
            free_steps(steps, i);
            return NULL;
        }
        step->step_count = from->step_count;
    }
    return steps;
}

static int read_check(const reader *r, const raw_check *raw, const char *path,
                      hs_scenario_check *check)
{
    *check = (hs_scenario_check){
        .metric = raw->metric, .mark = raw->at, .line = hs_yaml_line_at(r->yaml, path)};
    enum hs_metric_scope scope = hs_metric_scope_of(raw->metric);
    if (scope == HS_METRIC_NONE || (scope == HS_METRIC_RUN) != (raw->at == NULL)) {
        hs_yaml_fail(r->yaml, r->error, path,
                     scope == HS_METRIC_NONE
                         ? "found metric '%s', expected one of `heapsim list metrics`"
                     : scope == HS_METRIC_RUN
                         ? "found metric '%s' at a mark, expected it without `at`: it is one of "
                           "the whole run"
                         : "found metric '%s' without `at`, expected the mark that is meant",
                     raw->metric);
        return -1;
    }
    if (raw->equal == NULL && raw->at_least == NULL && raw->at_most == NULL) {
        hs_yaml_fail(r->yaml, r->error, path,
                     "found no bound, expected one of: equal, at_least, at_most");
        return -1;
    }
    return read_bound(r, path, raw->equal, &check->has_equal, &check->equal) != 0 ||
                   read_bound(r, path, raw->at_least, &check->has_least, &check->least) != 0 ||
                   read_bound(r, path, raw->at_most, &check->has_most, &check->most) != 0
               ? -1
               : 0;
}

static bool is_class(const char *text)
{
    for (int c = HS_CLASS_EXHAUSTED; c <= HS_CLASS_INNER; c++) {
        if (strcmp(hs_failure_class_name((enum hs_failure_class)c), text) == 0) {
            return true;
        }
    }
    return false;
}

static int read_expectation(const reader *r, const raw_expectation *raw, const char *path,
                            hs_scenario_expectation *to)
{
    *to = (hs_scenario_expectation){
        .cells = raw->cells != NULL ? raw->cells : "*",
        .outcome = raw->outcome,
        .class = raw->class,
        .owner = raw->owner,
        .statement = raw->statement,
        .check_count = raw->metric_count,
        .line = hs_yaml_line_at(r->yaml, path),
    };
    if (raw->outcome != NULL && strcmp(raw->outcome, "completed") != 0 &&
        strcmp(raw->outcome, "failed") != 0) {
        hs_yaml_fail(r->yaml, r->error, path,
                     "found outcome '%s', expected one of: completed, failed", raw->outcome);
        return -1;
    }
    if (raw->class != NULL && !is_class(raw->class)) {
        hs_yaml_fail(r->yaml, r->error, path,
                     "found class '%s', expected one of: exhausted, fragmented, caps, starved, "
                     "rounded, inner",
                     raw->class);
        return -1;
    }
    to->checks = calloc(raw->metric_count + 1, sizeof *to->checks);
    if (to->checks == NULL) {
        hs_error_set(r->error, NULL, 0, "the host is out of memory");
        return -1;
    }
    for (size_t i = 0; i < raw->metric_count; i++) {
        char at[256];
        snprintf(at, sizeof at, "%s.metrics[%zu]", path, i);
        if (read_check(r, &raw->metrics[i], at, &to->checks[i]) != 0) {
            return -1;
        }
    }
    return 0;
}

static int read_expectations(const reader *r, const raw_scenario *raw, hs_scenario *s)
{
    s->expectations = calloc(raw->expect_count + 1, sizeof *s->expectations);
    if (s->expectations == NULL) {
        hs_error_set(r->error, NULL, 0, "the host is out of memory");
        return -1;
    }
    for (size_t i = 0; i < raw->expect_count; i++) {
        char path[64];
        snprintf(path, sizeof path, "expect[%zu]", i);
        s->expectation_count = i + 1;
        if (read_expectation(r, &raw->expect[i], path, &s->expectations[i]) != 0) {
            return -1;
        }
    }
    return 0;
}

static void read_axes(hs_scenario *s, const hs_yaml *yaml, const char *path, raw_axes *raw)
{
    const char *key;
    for (size_t i = 0; raw != NULL && (key = hs_yaml_key_at(yaml, path, i)) != NULL; i++) {
        s->axes[s->axis_count++] = (hs_scenario_axis){
            .name = key, .values = list_of(&raw->axes[i]), .policy = strcmp(path, "set") == 0};
    }
}

static int check_settings(const reader *r, const hs_scenario *s)
{
    for (size_t i = 0; i < s->axis_count; i++) {
        const hs_scenario_axis *axis = &s->axes[i];
        for (size_t k = 0; axis->policy && k < axis->values.count; k++) {
            hs_error wrong = {{0}};
            if (hs_policy_check_setting(axis->name, axis->values.texts[k], &wrong) != 0) {
                hs_yaml_fail(r->yaml, r->error, "set", "%s", wrong.text);
                return -1;
            }
        }
    }
    return 0;
}

static int read_seeds(const reader *r, const raw_scenario *raw, hs_scenario *s)
{
    uint32_t first = 1;
    s->seed_count = 1;
    if (raw->seed != NULL &&
        hs_yaml_size(r->yaml, "seed", raw->seed, 0, UINT32_MAX, &first, r->error) != 0) {
        return -1;
    }
    s->first_seed = first;
    return raw->seeds == NULL ? 0
                              : hs_yaml_size(r->yaml, "seeds", raw->seeds, 1, HS_SCENARIO_SEEDS_MAX,
                                             &s->seed_count, r->error);
}

static int read_scenario(loaded *l, hs_error *error)
{
    hs_scenario *s = &l->scenario;
    raw_scenario *raw = l->raw;
    const reader r = {l->yaml, error};
    s->path = l->path;
    s->name = raw->name;
    s->title = raw->title;
    s->layouts = list_of(&raw->layout);
    s->policies = list_of(&raw->policy);
    s->stop = raw->on_oom != 0;
    s->marks = (hs_scenario_list){(const char **)raw->marks, raw->mark_count};
    read_axes(s, l->yaml, "set", raw->set);
    read_axes(s, l->yaml, "values", raw->values);
    if (hs_yaml_name(l->yaml, "name", raw->name, error) != 0 || read_seeds(&r, raw, s) != 0 ||
        check_settings(&r, s) != 0) {
        return -1;
    }
    s->steps = read_steps(&r, s, raw->steps, raw->step_count, "steps");
    s->step_count = s->steps != NULL ? raw->step_count : 0;
    return s->steps != NULL ? read_expectations(&r, raw, s) : -1;
}

hs_scenario *hs_scenario_load(const char *path, hs_error *error)
{
    loaded *l = calloc(1, sizeof *l);
    if (l == NULL || (l->path = strdup(path)) == NULL) {
        free(l);
        hs_error_set(error, NULL, 0, "the host is out of memory");
        return NULL;
    }
    l->yaml = hs_yaml_open(path, error);
    void *raw = NULL;
    if (l->yaml == NULL || build_schema(&l->schema, l->yaml, error) != 0 ||
        hs_yaml_load(l->yaml, &l->schema.value, &raw, error) != 0) {
        hs_scenario_free(&l->scenario);
        return NULL;
    }
    l->raw = raw;
    if (read_scenario(l, error) != 0) {
        hs_scenario_free(&l->scenario);
        return NULL;
    }
    return &l->scenario;
}

hs_scenario *hs_scenario_of_traces(const char *const *traces, size_t count, hs_error *error)
{
    loaded *l = calloc(1, sizeof *l);
    size_t length = 1;
    for (size_t i = 0; i < count; i++) {
        length += strlen(traces[i]) + 1;
    }
    bool ok = l != NULL && (l->name = calloc(1, length)) != NULL &&
              (l->scenario.steps = calloc(count + 1, sizeof *l->scenario.steps)) != NULL &&
              (l->texts = calloc(count + 1, sizeof *l->texts)) != NULL;
    for (size_t i = 0; ok && i < count; i++) {
        strcat(l->name, i > 0 ? "+" : "");
        strcat(l->name, traces[i]);
        l->texts[i] = strdup(traces[i]);
        ok = l->texts[i] != NULL;
        l->scenario.steps[i] = (hs_scenario_step){.kind = HS_STEP_TRACE, .trace = l->texts[i]};
        l->scenario.step_count++;
    }
    if (!ok) {
        hs_error_set(error, NULL, 0, "the host is out of memory");
        hs_scenario_free(l != NULL ? &l->scenario : NULL);
        return NULL;
    }
    l->scenario.name = l->name;
    l->scenario.title = l->name;
    l->scenario.first_seed = 1;
    l->scenario.seed_count = 1;
    return &l->scenario;
}

void hs_scenario_free(hs_scenario *scenario)
{
    if (scenario == NULL) {
        return;
    }
    loaded *l = (loaded *)scenario;
    for (size_t i = 0; l->texts != NULL && l->texts[i] != NULL; i++) {
        free((void *)(uintptr_t)l->texts[i]);
    }
    free_steps(scenario->steps, scenario->step_count);
    for (size_t i = 0; i < scenario->expectation_count; i++) {
        free(scenario->expectations[i].checks);
    }
    free(scenario->expectations);
    if (l->raw != NULL) {
        hs_yaml_unload(&l->schema.value, l->raw);
    }
    hs_yaml_close(l->yaml);
    free(l->texts);
    free(l->name);
    free(l->path);
    free(l);
}

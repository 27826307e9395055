#include "yaml_cases.h"

#include "yaml_file.h"

typedef struct item {
    char *size;
    int on;
} item;

typedef struct thing {
    char *name;
    item *items;
    uint32_t items_count;
} thing;

static const cyaml_schema_field_t item_fields[] = {
    CYAML_FIELD_STRING_PTR("size", CYAML_FLAG_POINTER, item, size, 1, 8),
    CYAML_FIELD_ENUM("on", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, item, on, hs_yaml_bools, 2),
    CYAML_FIELD_END};
static const cyaml_schema_value_t item_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, item, item_fields)};
static const cyaml_schema_field_t thing_fields[] = {
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, thing, name, 1, 1000),
    CYAML_FIELD_SEQUENCE("items", CYAML_FLAG_POINTER, thing, items, &item_value, 1, 3),
    CYAML_FIELD_END};
static const cyaml_schema_value_t schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, thing, thing_fields)};

static int load(const char *path, hs_error *error)
{
    hs_yaml *yaml = hs_yaml_open(path, error);
    if (yaml == NULL) {
        return -1;
    }
    void *data;
    int result = hs_yaml_load(yaml, &schema, &data, error);
    assert_true((result == 0) == (data != NULL));
    hs_yaml_unload(&schema, data);
    hs_yaml_close(yaml);
    return result;
}

static const yaml_case bad[] = {
    /* structure, found before the schema counts */
    {"", " found nothing in it, expected a mapping of keys and values"},
    {"# only a comment\n", " found nothing in it, expected a mapping of keys and values"},
    {"name: a\n\titems: b\n", "2: found text that is not YAML (found a tab character that violates "
                              "indentation), expected YAML"},
    {"name: [a\n",
     "2: found text that is not YAML (did not find expected ',' or ']'), expected YAML"},
    {"name: 'a\n",
     "2: found text that is not YAML (found unexpected end of stream), expected YAML"},
    {"name: a\nitems: \x01\n",
     "2: found text that is not YAML (control characters are not allowed), expected YAML"},
    {"name: a\nitems: \xff\n",
     "2: found text that is not YAML (invalid leading UTF-8 octet), expected YAML"},
    {"name: \"a\\0b\"\n", "1: found a zero byte in a value, expected text"},
    {"name: &x a\n", "1: found an anchor, alias or tag, expected plain values"},
    {"name: a\nitems: *x\n", "2: found an anchor, alias or tag, expected plain values"},
    {"name: !!str a\n", "1: found an anchor, alias or tag, expected plain values"},
    {"a: &a [b, b]\nb: &b [*a, *a]\n", "1: found an anchor, alias or tag, expected plain values"},
    {"name: a\nname: b\n", "2: found key 'name' again, expected it once"},
    {"? [a]\n: b\n", "1: found a list or mapping as a key, expected a plain key"},
    {"name: a\n---\nname: b\n", "2: found a second document, expected one"},
    {"name: [[[[[[[[[[[[[[[[a]]]]]]]]]]]]]]]]\n",
     "1: found lists and mappings nested more than 16 deep, expected fewer levels"},
    /* the schema */
    {"5\n", "1: found a single value for the file, expected a mapping"},
    {"- a\n", "1: found a list for the file, expected a mapping"},
    {"{}\n", "1: found no key 'name', expected it"},
    {"name: a\nfoo: 3\n", "2: found unknown key 'foo', expected one of: name, items"},
    {"name: a\n", "1: found no key 'items', expected it"},
    {"name:\nitems: [{size: 1}]\n", "1: found 0 characters for name, expected 1 to 1000"},
    {"name: [a]\n", "1: found a list for name, expected a single value"},
    {"name: {a: b}\n", "1: found a mapping for name, expected a single value"},
    {"name: a\nitems: 3\n", "2: found a single value for items, expected a list"},
    {"name: a\nitems: {a: 4}\n", "2: found a mapping for items, expected a list"},
    {"name: a\nitems: []\n", "2: found 0 entries in items, expected 1 to 3"},
    {"name: a\nitems:\n  [{size: 1}, {size: 1},\n  {size: 1}, {size: 1}]\n",
     "2: found 4 entries in items, expected 1 to 3"},
    {"name: a\nitems:\n- {size: 1}\n- 5\n",
     "4: found a single value for items[1], expected a mapping"},
    {"name: a\nitems:\n- {size: 1}\n- {on: true}\n",
     "4: found no key 'size' in items[1], expected it"},
    {"name: a\nitems:\n- {size: 1,\n   typ: 3}\n",
     "4: found unknown key 'typ', expected one of: size, on"},
    {"name: a\nitems:\n- size: 1\n- size: 2\n  on: maybe\n",
     "5: found 'maybe' for items[1].on, expected one of: false, true"},
    {"name: a\nitems:\n- size: 123456789\n",
     "3: found 9 characters for items[0].size, expected 1 to 8"},
};

static void bad_files_give_one_line(void **state)
{
    (void)state;
    expect_errors(bad, sizeof bad / sizeof bad[0], load);
}

static void a_good_file_loads(void **state)
{
    (void)state;
    static const char text[] = "name: a thing\nitems:\n  - {size: 1K, on: true}\n  - size: 0x10\n";
    hs_error error = {.text = ""};
    hs_yaml *yaml = hs_yaml_open_text("good", text, strlen(text), &error);
    assert_non_null(yaml);
    void *data;
    assert_int_equal(hs_yaml_load(yaml, &schema, &data, &error), 0);
    thing *t = data;
    assert_string_equal(t->name, "a thing");
    assert_int_equal(t->items_count, 2);
    assert_string_equal(t->items[0].size, "1K");
    assert_int_equal(t->items[0].on, 1);
    assert_int_equal(t->items[1].on, 0);
    hs_yaml_unload(&schema, data);
    hs_yaml_close(yaml);
}

static void paths_find_kinds_keys_and_lines(void **state)
{
    (void)state;
    static const char text[] = "a: 1\nb:\n  - {c: 2,\n     d: 3}\n  -\n    - 4\n    - 5\ne: {}\n";
    hs_error error = {.text = ""};
    hs_yaml *y = hs_yaml_open_text("paths", text, strlen(text), &error);
    assert_int_equal(hs_yaml_kind_at(y, ""), HS_YAML_MAPPING);
    assert_int_equal(hs_yaml_kind_at(y, "a"), HS_YAML_SCALAR);
    assert_int_equal(hs_yaml_kind_at(y, "b"), HS_YAML_LIST);
    assert_int_equal(hs_yaml_kind_at(y, "b[0]"), HS_YAML_MAPPING);
    assert_int_equal(hs_yaml_kind_at(y, "b[2]"), HS_YAML_NONE);
    assert_int_equal(hs_yaml_kind_at(y, "x"), HS_YAML_NONE);
    assert_int_equal(hs_yaml_line_at(y, "a"), 1);
    assert_int_equal(hs_yaml_line_at(y, "b"), 2);
    assert_int_equal(hs_yaml_line_at(y, "b[0].d"), 4);
    assert_int_equal(hs_yaml_line_at(y, "b[1][1]"), 7);
    assert_int_equal(hs_yaml_line_at(y, "b[0].nothing"), 3);
    assert_string_equal(hs_yaml_key_at(y, "b[0]", 1), "d");
    assert_null(hs_yaml_key_at(y, "b[0]", 2));
    assert_null(hs_yaml_key_at(y, "b", 0));
    assert_null(hs_yaml_key_at(y, "e", 0));
    assert_null(hs_yaml_key_at(y, "x", 0));
    hs_yaml_fail(y, &error, "b[0].d", "found %d", 3);
    assert_string_equal(error.text, "paths:4: found 3");
    hs_yaml_close(y);
}

static void sizes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool good;
        uint32_t value;
    } cases[] = {
        {"0", true, 0},
        {"4452", true, 4452},
        {"0x1c78", true, 7288},
        {"0XFFFFFFFF", true, UINT32_MAX},
        {"48K", true, 49152},
        {"4M", true, 4194304},
        {"4095M", true, 4293918720u},
        {"4294967295", true, UINT32_MAX},
        {"4294967296", false, 0},
        {"0x100000000", false, 0},
        {"4096M", false, 0},
        {"9999999999999", false, 0},
        {"18446744073709551617", false, 0},
        {"", false, 0},
        {"K", false, 0},
        {"0x", false, 0},
        {"0x10K", false, 0},
        {"1k", false, 0},
        {"1G", false, 0},
        {"1KB", false, 0},
        {"-1", false, 0},
        {"+1", false, 0},
        {"1.5K", false, 0},
        {" 1", false, 0},
        {"1_000", false, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint32_t value = 0;
        if (hs_yaml_parse_size(cases[i].text, &value) != cases[i].good || value != cases[i].value) {
            fail_msg("size '%s' gave %u", cases[i].text, value);
        }
    }
}

static void percentages_and_names(void **state)
{
    (void)state;
    uint32_t value = 0;
    assert_true(hs_yaml_parse_percent("50%", &value) && value == 50);
    assert_true(hs_yaml_parse_percent("100%", &value) && value == 100);
    assert_false(hs_yaml_parse_percent("0%", &value));
    assert_false(hs_yaml_parse_percent("101%", &value));
    assert_false(hs_yaml_parse_percent("50", &value));
    assert_false(hs_yaml_parse_percent("50%%", &value));
    assert_true(hs_yaml_is_name("micropython-v1.22_x"));
    assert_false(hs_yaml_is_name(""));
    assert_false(hs_yaml_is_name("a/b"));
    assert_false(hs_yaml_is_name("../a"));
    assert_false(hs_yaml_is_name("a b"));
    char name[HS_YAML_NAME_MAX + 2];
    memset(name, 'a', sizeof name);
    name[HS_YAML_NAME_MAX + 1] = 0;
    assert_false(hs_yaml_is_name(name));
    name[HS_YAML_NAME_MAX] = 0;
    assert_true(hs_yaml_is_name(name));
}

/* Opens `size` bytes: `head`, then `unit` again and again. */
static hs_yaml *open_repeated(const char *head, const char *unit, size_t size, hs_error *error)
{
    char *text = malloc(size + 1);
    assert_non_null(text);
    strcpy(text, head);
    for (size_t i = strlen(head); i < size; i++) {
        text[i] = unit[(i - strlen(head)) % strlen(unit)];
    }
    hs_yaml *yaml = hs_yaml_open_text("big", text, size, error);
    free(text);
    return yaml;
}

static void input_is_bounded(void **state)
{
    (void)state;
    hs_error error = {.text = ""};
    assert_null(open_repeated("a: b\n", "#\n", HS_YAML_BYTES_MAX + 1, &error));
    assert_string_equal(error.text, "big: found a file of more than 1 MiB, expected a smaller one");
    hs_yaml *yaml = open_repeated("a: b\n", "#\n", HS_YAML_BYTES_MAX, &error);
    assert_non_null(yaml);
    hs_yaml_close(yaml);
    error.text[0] = 0;
    assert_null(open_repeated("a: ", "b", 3 + HS_YAML_TEXT_MAX + 1, &error));
    assert_string_equal(error.text,
                        "big:1: found a value of more than 4096 bytes, expected a shorter one");
    char text[16 * (HS_YAML_KEYS_MAX + 1)];
    size_t used = 0;
    for (unsigned i = 0; i <= HS_YAML_KEYS_MAX; i++) {
        used += (size_t)sprintf(text + used, "k%u: 1\n", i);
    }
    error.text[0] = 0;
    assert_null(hs_yaml_open_text("big", text, used, &error));
    assert_string_equal(error.text,
                        "big:257: found more than 256 keys in a mapping, expected fewer");
}

static void files_that_cannot_be_read(void **state)
{
    (void)state;
    hs_error error = {.text = ""};
    assert_null(hs_yaml_open("/nonexistent/x.yaml", &error));
    assert_string_equal(error.text,
                        "/nonexistent/x.yaml: cannot open it: No such file or directory");
    error.text[0] = 0;
    assert_null(hs_yaml_open("/", &error));
    assert_string_equal(error.text, "/: cannot read it: Is a directory");
}

/* Every prefix of a file, and every file with one byte changed, loads or gives one line. */
static void no_damage_goes_unnoticed_or_crashes(void **state)
{
    (void)state;
    static const char text[] = "name: 'a'\nitems:\n- {size: 1K, on: true} # c\n- size: \"2\"\n";
    static const char bytes[] = "\0\n\t :-[]{},'\"#&*!|>%@a1\xc3\xff";
    char copy[sizeof text];
    for (size_t i = 0; i < strlen(text); i++) {
        for (size_t b = 0; b <= sizeof bytes - 1; b++) {
            memcpy(copy, text, sizeof text);
            size_t size = b == sizeof bytes - 1 ? i : strlen(text);
            copy[i] = b == sizeof bytes - 1 ? 0 : bytes[b];
            hs_error error = {.text = ""};
            void *data = NULL;
            hs_yaml *yaml = hs_yaml_open_text("x", copy, size, &error);
            int result = yaml != NULL ? hs_yaml_load(yaml, &schema, &data, &error) : -1;
            assert_true((result != 0) == (error.text[0] != 0));
            assert_null(strchr(error.text, '\n'));
            hs_yaml_unload(&schema, data);
            hs_yaml_close(yaml);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_files_give_one_line),
        cmocka_unit_test(a_good_file_loads),
        cmocka_unit_test(paths_find_kinds_keys_and_lines),
        cmocka_unit_test(sizes),
        cmocka_unit_test(percentages_and_names),
        cmocka_unit_test(input_is_bounded),
        cmocka_unit_test(files_that_cannot_be_read),
        cmocka_unit_test(no_damage_goes_unnoticed_or_crashes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

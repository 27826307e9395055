/* The examples of scenarios/README.md load, and its tables name every shipped file. */
#include "yaml_cases.h"

#include "layout.h"
#include "policy.h"

static char *read_readme(void)
{
    static char text[64 * 1024];
    FILE *file = fopen(SOURCE_DIR "/scenarios/README.md", "rb");
    assert_non_null(file);
    size_t size = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    assert_true(size < sizeof text - 1);
    text[size] = 0;
    return text;
}

/* Loads the YAML block that begins with `first_line`. */
static void expect_example(const char *first_line, bool is_layout)
{
    char *text = read_readme();
    char start[128];
    char path[64];
    hs_error error = {.text = ""};
    snprintf(start, sizeof start, "```yaml\n%s\n", first_line);
    const char *block = strstr(text, start);
    assert_non_null(block);
    block += strlen("```yaml\n");
    const char *end = strstr(block, "```");
    assert_non_null(end);
    write_case(path, block, (size_t)(end - block));
    hs_layout *layout = is_layout ? hs_layout_load(path, &error) : NULL;
    hs_policy *policy = is_layout ? NULL : hs_policy_load(path, &error);
    unlink(path);
    assert_string_equal(error.text, "");
    hs_layout_free(layout);
    hs_policy_free(policy);
}

static void examples_load(void **state)
{
    (void)state;
    expect_example("name: my-board", true);
    expect_example("name: small-and-careful", false);
}

static void expect_rows(const char *folder)
{
    const char *text = read_readme();
    DIR *files = opendir(folder);
    assert_non_null(files);
    for (struct dirent *entry; (entry = readdir(files)) != NULL;) {
        const char *dot = strstr(entry->d_name, ".yaml");
        if (dot != NULL) {
            char row[300];
            snprintf(row, sizeof row, "\n| `%.*s` |", (int)(dot - entry->d_name), entry->d_name);
            if (strstr(text, row) == NULL) {
                fail_msg("no row for %s", entry->d_name);
            }
        }
    }
    closedir(files);
}

static void tables_are_complete(void **state)
{
    (void)state;
    expect_rows(SOURCE_DIR "/scenarios/layouts");
    expect_rows(SOURCE_DIR "/scenarios/policies");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(examples_load),
        cmocka_unit_test(tables_are_complete),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

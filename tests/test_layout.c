#include "yaml_cases.h"

#include "layout.h"

static hs_layout *load(const char *name)
{
    char path[512];
    hs_error error = {.text = ""};
    snprintf(path, sizeof path, "%s/scenarios/layouts/%s.yaml", SOURCE_DIR, name);
    hs_layout *layout = hs_layout_load(path, &error);
    assert_string_equal(error.text, "");
    assert_non_null(layout);
    assert_string_equal(layout->name, name);
    return layout;
}

static void pico_d4_has_the_published_figures(void **state)
{
    (void)state;
    static const uint32_t published[][2] = {
        {0x3ffbb4e8, 4452}, {0x3ffcf174, 69256}, {0x3ffe0a9c, 13440}, {0x3ffe49ac, 112208}};
    hs_layout *layout = load("pico-d4");
    uint32_t total = 0;
    for (size_t i = 0; i < layout->region_count; i++) {
        total += layout->regions[i].size;
    }
    assert_int_equal(total, 244072);
    assert_string_equal(layout->chip, "esp32");
    assert_string_equal(layout->idf, "v4.4");
    assert_string_equal(layout->policy, "micropython-v1.19");
    assert_int_equal(layout->boot, HS_BOOT_FREE);
    assert_int_equal(layout->block_count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(layout->blocks[i].start, published[i][0]);
        assert_int_equal(layout->blocks[i].size, published[i][1]);
        assert_null(layout->blocks[i].owner);
    }
    assert_int_equal(hs_layout_find_region(layout, 0x3ffe49ac, 112208), 4);
    hs_layout_free(layout);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pico_d4_has_the_published_figures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

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

/* Bytes of the regions whose type is in `types`, a list with a blank around each. */
static uint32_t sum(const hs_layout *layout, const char *types)
{
    uint32_t total = 0;
    for (size_t i = 0; i < layout->region_count; i++) {
        char word[40];
        snprintf(word, sizeof word, " %s ", layout->regions[i].type);
        total += strstr(types, word) != NULL ? layout->regions[i].size : 0;
    }
    return total;
}

static void pico_d4_has_the_published_figures(void **state)
{
    (void)state;
    static const uint32_t published[][2] = {
        {0x3ffbb4e8, 4452}, {0x3ffcf174, 69256}, {0x3ffe0a9c, 13440}, {0x3ffe49ac, 112208}};
    hs_layout *layout = load("pico-d4");
    assert_int_equal(sum(layout, " DRAM DIRAM "), 244072);
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
    assert_int_equal(hs_layout_find_region(layout, 0x3ffe49ac, 200000), -1);
    assert_int_equal(hs_layout_find_region(layout, 0x3ffc0000, 4), -1);
    hs_layout_free(layout);
}

/* The shipped layouts: chip, release, number of regions, bytes of what malloc can use, policy. */
static const struct {
    const char *name, *chip, *idf, *policy;
    unsigned regions;
    uint32_t bytes; /* DRAM, DIRAM, STACKDRAM, RETRAM, RTCRAM; not IRAM, not SPIRAM */
} shipped[] = {
    {"pico-d4", "esp32", "v4.4", "micropython-v1.19", 5, 244072},
    {"esp32-idf3", "esp32", "v3.0", "two-areas-2018", 5, 148272},
    {"esp32-v5", "esp32", "v5.5.1", "micropython-v1.22", 8, 254472},
    {"esp32-s2", "esp32s2", "v4.3", "micropython-v1.22-s2", 3, 220748},
    {"esp32-s3", "esp32s3", "v5.5", "micropython-v1.22-64k", 4, 330540},
    {"esp32-c3", "esp32c3", "v5.5", "micropython-v1.22-64k", 4, 290376},
    {"esp32-spiram", "esp32", "v5.5", "micropython-v1.22", 8, 244312},
    {"esp32-nimble-idf33", "esp32", "v3.3.1", "micropython-v1.18", 8, 232948},
    {"esp32-nimble-idf40", "esp32", "v4.0", "micropython-v1.18", 6, 232848},
    {"esp32-idf43", "esp32", "v4.3", "micropython-v1.18", 6, 247152},
    {"esp32-ble2mqtt", "esp32", "v4.0", "none", 8, 204660},
    {"esp32-esphome", "esp32", "v4.4", "none", 5, 297400},
    {"esp32-badge-2017", "esp32", "v3.0", "none", 4, 163984},
};

static void shipped_layouts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof shipped / sizeof shipped[0]; i++) {
        hs_layout *layout = load(shipped[i].name);
        assert_string_equal(layout->chip, shipped[i].chip);
        assert_string_equal(layout->idf, shipped[i].idf);
        assert_string_equal(layout->policy, shipped[i].policy);
        assert_int_equal(layout->region_count, shipped[i].regions);
        assert_int_equal(sum(layout, " DRAM DIRAM STACKDRAM RETRAM RTCRAM "), shipped[i].bytes);
        assert_true(layout->title[0] != 0 && layout->source_count > 0);
        char path[512];
        snprintf(path, sizeof path, "%s/scenarios/policies/%s.yaml", SOURCE_DIR, layout->policy);
        assert_int_equal(access(path, R_OK), 0);
        hs_layout_free(layout);
    }
}

static void every_shipped_file_is_in_the_table(void **state)
{
    (void)state;
    DIR *folder = opendir(SOURCE_DIR "/scenarios/layouts");
    assert_non_null(folder);
    size_t count = 0;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        count += strstr(entry->d_name, ".yaml") != NULL;
    }
    closedir(folder);
    assert_int_equal(count, sizeof shipped / sizeof shipped[0]);
}

/* Boot maps end where memory or the next firmware part begins: a slip in a digit shows. */
static void boot_maps_meet_their_ends(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        unsigned region;
        uint64_t end;
    } cases[] = {
        {"pico-d4", 2, 0x3ffe0000},
        {"pico-d4", 4, 0x40000000},
        {"esp32-idf3", 1, 0x3ffe0000},
        {"esp32-idf3", 3, 0x40000000},
        {"esp32-idf3", 4, 0x400a0000},
        {"esp32-v5", 3, 0x3ffe0000},
        {"esp32-v5", 7, 0x3ffb6388},
        {"esp32-s2", 0, 0x3ffa0000},
        {"esp32-s2", 1, 0x3fffc000},
        {"esp32-s3", 0, 0x3fce9710},
        {"esp32-s3", 1, 0x3fceee34},
        {"esp32-c3", 0, 0x3fcc0000},
        {"esp32-c3", 1, 0x3fcdc710},
        {"esp32-c3", 2, 0x3fcdf060},
        {"esp32-spiram", 7, 0x3fc00000},
        {"esp32-nimble-idf33", 4, 0x3ffe0000},
        {"esp32-nimble-idf33", 7, 0x400a0000},
        {"esp32-nimble-idf40", 3, 0x3ffe0000},
        {"esp32-idf43", 3, 0x3ffe0000},
        {"esp32-ble2mqtt", 4, 0x3ffe0000},
        {"esp32-ble2mqtt", 7, 0x400a0000},
        {"esp32-esphome", 1, 0x3ffe0000},
        {"esp32-esphome", 4, 0x400a0000},
        {"esp32-badge-2017", 0, 0x3ffb0000},
        {"esp32-badge-2017", 1, 0x3ffe0000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        hs_layout *layout = load(cases[i].name);
        const hs_layout_region *region = &layout->regions[cases[i].region];
        assert_int_equal((uint64_t)region->start + region->size, cases[i].end);
        hs_layout_free(layout);
    }
}

static void options_of_the_shipped_files(void **state)
{
    (void)state;
    hs_layout *layout = load("esp32-spiram");
    assert_true(layout->spiram);
    assert_int_equal(layout->spiram_always_internal, 8192);
    assert_int_equal(layout->spiram_reserve_internal, 32768);
    assert_int_equal(layout->boot, HS_BOOT_INIT);
    hs_layout_free(layout);
    layout = load("esp32-v5");
    assert_false(layout->spiram);
    assert_false(layout->regions[0].late);
    assert_true(layout->regions[7].late);
    assert_int_equal(sum(layout, " IRAM "), 32768);
    hs_layout_free(layout);
}

#define HEAD    "name: a\ntitle: t\nchip: esp32\nidf: v4.4\nsource: [s]\n"
#define REGIONS "regions:\n- {start: 0x3ffb0000, size: 4K, type: DRAM}\n"

static hs_layout *load_text(const char *text)
{
    char path[64];
    hs_error error = {.text = ""};
    write_case(path, text, strlen(text));
    hs_layout *layout = hs_layout_load(path, &error);
    unlink(path);
    assert_string_equal(error.text, "");
    return layout;
}

static void boot_and_options(void **state)
{
    (void)state;
    hs_layout *layout = load_text(HEAD REGIONS);
    assert_int_equal(layout->boot, HS_BOOT_INIT);
    assert_string_equal(layout->policy, "none");
    assert_false(layout->poisoning_light || layout->memory_protection || layout->spiram);
    hs_layout_free(layout);
    layout = load_text(HEAD REGIONS "boot: {fresh: true}\npoisoning: light\n");
    assert_int_equal(layout->boot, HS_BOOT_FRESH);
    assert_true(layout->poisoning_light);
    hs_layout_free(layout);
    layout = load_text(HEAD REGIONS "boot: {free: []}\nmemory_protection: true\n");
    assert_int_equal(layout->boot, HS_BOOT_FREE);
    assert_int_equal(layout->block_count, 0);
    assert_true(layout->memory_protection);
    hs_layout_free(layout);
    layout = load_text(HEAD REGIONS "boot: {trace: wifi-boot}\nspiram: {}\n");
    assert_int_equal(layout->boot, HS_BOOT_TRACE);
    assert_string_equal(layout->boot_trace, "wifi-boot");
    assert_true(layout->spiram);
    assert_int_equal(layout->spiram_always_internal, 0);
    hs_layout_free(layout);
}

static void blocks_are_put_in_order(void **state)
{
    (void)state;
    hs_layout *layout = load_text(HEAD REGIONS "boot:\n  blocks:\n"
                                               "  - {start: 0x3ffb0800, size: 16}\n"
                                               "  - {start: 0x3ffb0700, size: 252, owner: wifi}\n");
    assert_int_equal(layout->boot, HS_BOOT_BLOCKS);
    assert_int_equal(layout->block_count, 2);
    assert_int_equal(layout->blocks[0].start, 0x3ffb0700);
    assert_int_equal(layout->blocks[0].size, 252);
    assert_string_equal(layout->blocks[0].owner, "wifi");
    assert_int_equal(layout->blocks[1].start, 0x3ffb0800);
    assert_null(layout->blocks[1].owner);
    hs_layout_free(layout);
}

static const yaml_case bad[] = {
    {"name: a b\ntitle: t\nchip: esp32\nidf: v4.4\nsource: [s]\n" REGIONS,
     "1: found 'a b' for name, expected a name of at most 64 letters, digits, '.', '_', '-'"},
    {HEAD REGIONS "policy: ../x\n",
     "8: found '../x' for policy, expected a name of at most 64 letters, digits, '.', '_', '-'"},
    {HEAD, "1: found no key 'regions', expected it"},
    {HEAD "regions: []\n", "6: found 0 entries in regions, expected 1 to 24"},
    {HEAD REGIONS "memory: 4\n",
     "8: found unknown key 'memory', expected one of: name, title, chip, policy, idf, source, "
     "regions, boot, spiram, poisoning, memory_protection"},
    {"name: a\ntitle: t\nchip: esp99\nidf: v4.4\nsource: [s]\n" REGIONS,
     "3: found chip 'esp99', expected one of: esp32, esp32s2, esp32s3, esp32c3*"},
    {"name: a\ntitle: t\nchip: esp32\nidf: v2.1\nsource: [s]\n" REGIONS,
     "4: found IDF release 'v2.1', which heapsim does not know (nearest: v3.0 to v4.2), expected "
     "one such as v4.4 or v5.0.2 out of: v3.0 to v4.2; *"},
    {"name: a\ntitle: t\nchip: esp32\nidf: v4.4\nsource: s\n" REGIONS,
     "5: found a single value for source, expected a list"},
    {HEAD "regions:\n- {start: 0x3ffb0000, size: 4K, type: SRAM}\n",
     "7: found region type 'SRAM', expected one of: DRAM, DIRAM, IRAM, SPIRAM, RTCRAM"},
    {HEAD "regions:\n- {start: 0x3ffb0000, size: 4K, type: RETRAM}\n",
     "7: found region type 'RETRAM', expected one of: DRAM, DIRAM, IRAM, SPIRAM, RTCRAM"},
    {HEAD "regions:\n- {start: 0x3ffb0000, size: 4K}\n",
     "7: found no key 'type' in regions[0], expected it"},
    {HEAD "regions:\n- {start: here, size: 4K, type: DRAM}\n",
     "7: found 'here' for regions[0].start, expected a number of up to 32 bits such as 4096, "
     "0x1000, 4K or 1M"},
    {HEAD "regions:\n- start: 0x3ffb0000\n  size: 5G\n  type: DRAM\n",
     "8: found '5G' for regions[0].size, expected a number of up to 32 bits such as 4096, 0x1000, "
     "4K or 1M"},
    {HEAD "regions:\n- start: 0x100000000\n  size: 4K\n  type: DRAM\n",
     "7: found '0x100000000' for regions[0].start, expected a number of up to 32 bits such as "
     "4096, 0x1000, 4K or 1M"},
    {HEAD "regions:\n- start: -4\n  size: 4K\n  type: DRAM\n",
     "7: found '-4' for regions[0].start, expected a number of up to 32 bits such as 4096, 0x1000, "
     "4K or 1M"},
    {HEAD "regions:\n- {start: 0, size: 4K, type: DRAM}\n",
     "7: found 0 for regions[0].start, expected 4 to 4294967295"},
    {HEAD "regions:\n- {start: 0x3ffb0002, size: 4K, type: DRAM}\n",
     "7: found 0x3ffb0002 for regions[0].start, expected a multiple of 4"},
    {HEAD "regions:\n- start: 0x3ffb0000\n  size: 0\n  type: DRAM\n",
     "8: found 0 for regions[0].size, expected 4 to 4294967295"},
    {HEAD "regions:\n- start: 0xfffff000\n  size: 4100\n  type: DRAM\n",
     "8: found size 4100 at 0xfffff000, expected an end of at most 2^32"},
    {HEAD REGIONS "- {start: 0x3ffb0ffc, size: 8, type: DRAM}\n",
     "8: found region 0x3ffb0ffc+8 over region 0x3ffb0000+4096, expected regions that do not "
     "overlap"},
    {HEAD REGIONS "- {start: 0x3ffaf000, size: 64K, type: DRAM}\n",
     "8: found region 0x3ffaf000+65536 over region 0x3ffb0000+4096, expected regions that do not "
     "overlap"},
    {HEAD "regions:\n- {start: 0x3ffb0000, size: 4K, type: DRAM, late: 1}\n",
     "7: found '1' for regions[0].late, expected one of: false, true"},
    {HEAD REGIONS "boot: {}\n",
     "8: found nothing in boot, expected one of: fresh, free, blocks, trace"},
    {HEAD REGIONS "boot: {fresh: true, free: []}\n",
     "8: found several keys in boot, expected one of: fresh, free, blocks, trace"},
    {HEAD REGIONS "boot:\n  fresh: false\n",
     "9: found 'false' for boot.fresh, expected one of: true"},
    {HEAD REGIONS "boot: fresh\n", "8: found a single value for boot, expected a mapping"},
    {HEAD REGIONS "boot:\n  free:\n  - {start: 0x3ffb0ff0, size: 32}\n",
     "10: found block 0x3ffb0ff0+32, expected it inside one region"},
    {HEAD REGIONS "boot:\n  free:\n  - {start: 0x3ffc0000, size: 32}\n",
     "10: found block 0x3ffc0000+32, expected it inside one region"},
    {HEAD REGIONS "boot:\n  free:\n  - {start: 0x3ffb0010, size: 30}\n",
     "10: found size 30 for boot.free[0], expected a multiple of 4"},
    {HEAD REGIONS "boot:\n  free:\n  - {start: 0x3ffb0010, size: 32, owner: wifi}\n",
     "10: found unknown key 'owner', expected one of: start, size"},
    {HEAD REGIONS "boot:\n  free:\n  - {start: 0x3ffb0800, size: 32}\n"
                  "  - {start: 0x3ffb0700, size: 252}\n",
     "10: found block 0x3ffb0800+32 behind 0x3ffb0700+252, expected a live block between them"},
    {HEAD REGIONS "boot:\n  blocks:\n  - {start: 0x3ffb0700, size: 256}\n"
                  "  - {start: 0x3ffb0800, size: 32}\n",
     "11: found block 0x3ffb0800+32 behind 0x3ffb0700+256, expected a header of 4 bytes between "
     "them"},
    {HEAD REGIONS "boot:\n  blocks:\n  - {start: 0x3ffb0700, size: 256}\n"
                  "  - {start: 0x3ffb0700, size: 256}\n",
     "11: found block 0x3ffb0700+256 behind 0x3ffb0700+256, expected a header of 4 bytes between "
     "them"},
    {HEAD REGIONS "spiram: {always_internal: 16 K}\n",
     "8: found '16 K' for spiram.always_internal, expected a number of up to 32 bits such as "
     "4096, 0x1000, 4K or 1M"},
    {HEAD REGIONS "spiram: {reserve_internal: all}\n",
     "8: found 'all' for spiram.reserve_internal, expected a number of up to 32 bits such as "
     "4096, 0x1000, 4K or 1M"},
    {HEAD REGIONS "poisoning: full\n",
     "8: found 'full' for poisoning, expected one of: none, light"},
    {HEAD REGIONS "memory_protection: on\n",
     "8: found 'on' for memory_protection, expected one of: false, true"},
};

static int try_load(const char *path, hs_error *error)
{
    hs_layout *layout = hs_layout_load(path, error);
    hs_layout_free(layout);
    return layout != NULL ? 0 : -1;
}

static void bad_files_give_one_line(void **state)
{
    (void)state;
    expect_errors(bad, sizeof bad / sizeof bad[0], try_load);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pico_d4_has_the_published_figures),
        cmocka_unit_test(shipped_layouts),
        cmocka_unit_test(every_shipped_file_is_in_the_table),
        cmocka_unit_test(boot_maps_meet_their_ends),
        cmocka_unit_test(options_of_the_shipped_files),
        cmocka_unit_test(boot_and_options),
        cmocka_unit_test(blocks_are_put_in_order),
        cmocka_unit_test(bad_files_give_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

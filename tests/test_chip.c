/* Chips and releases as data: the bounds of every window, and what a release is called. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "device/heap_caps.h"
#include "space.h"

typedef struct window {
    const char *chip;
    hs_addr first;
    hs_addr last;
    enum hs_region_type type;
} window;

/* As the technical reference manuals have them; the bytes in front of and behind each are not RAM
 * of that kind. */
static const window windows[] = {
    {"esp32", 0x3ffae000, 0x3ffdffff, HS_REGION_DRAM},
    {"esp32", 0x3ffe0000, 0x3fffffff, HS_REGION_DIRAM},
    {"esp32", 0x40070000, 0x4009ffff, HS_REGION_IRAM},
    {"esp32", 0x3ff80000, 0x3ff81fff, HS_REGION_RTCRAM},
    {"esp32", 0x3f800000, 0x3fbfffff, HS_REGION_SPIRAM},
    {"esp32s2", 0x3ffb0000, 0x3fffffff, HS_REGION_DIRAM},
    {"esp32s2", 0x3ff9e000, 0x3ff9ffff, HS_REGION_RTCRAM},
    {"esp32s2", 0x3f500000, 0x3ff7ffff, HS_REGION_SPIRAM},
    {"esp32s3", 0x3fc88000, 0x3fceffff, HS_REGION_DIRAM},
    {"esp32s3", 0x3fcf0000, 0x3fcf7fff, HS_REGION_DRAM},
    {"esp32s3", 0x40370000, 0x40377fff, HS_REGION_IRAM},
    {"esp32s3", 0x600fe000, 0x600fffff, HS_REGION_RTCRAM},
    {"esp32s3", 0x3c000000, 0x3dffffff, HS_REGION_SPIRAM},
    {"esp32c3", 0x3fc80000, 0x3fcbffff, HS_REGION_DIRAM},
    {"esp32c3", 0x3fcc0000, 0x3fcdffff, HS_REGION_RETRAM},
    {"esp32c3", 0x50000000, 0x50001fff, HS_REGION_RTCRAM},
    {"esp32c6", 0x40800000, 0x4087ffff, HS_REGION_DIRAM},
    {"esp32c6", 0x50000000, 0x50003fff, HS_REGION_RTCRAM},
};

static void windows_end_where_memory_ends(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof windows / sizeof *windows; i++) {
        const window *w = &windows[i];
        const hs_chip *chip = hs_chip_find(w->chip);
        assert_int_equal(hs_chip_type_at(chip, w->first), w->type);
        assert_int_equal(hs_chip_type_at(chip, w->last), w->type);
        assert_int_not_equal(hs_chip_type_at(chip, w->first - 1), w->type);
        assert_int_not_equal(hs_chip_type_at(chip, w->last + 1), w->type);
    }
    assert_int_equal(hs_chip_type_at(hs_chip_find("esp32"), 0), HS_REGION_TYPES);
}

static void stacks_end_where_the_start_up_code_ends(void **state)
{
    (void)state;
    static const struct {
        const char *chip;
        hs_addr first, last;
    } stacks[] = {{"esp32s2", 0x3fffc000, 0x3fffffff},
                  {"esp32s3", 0x3fce9710, 0x3fceffff},
                  {"esp32c3", 0x3fcdc710, 0x3fcdffff}};
    for (size_t i = 0; i < sizeof stacks / sizeof *stacks; i++) {
        const hs_chip *chip = hs_chip_find(stacks[i].chip);
        assert_true(hs_chip_is_stack(chip, stacks[i].first, HS_REGION_DRAM));
        assert_true(hs_chip_is_stack(chip, stacks[i].last, HS_REGION_DRAM));
        assert_false(hs_chip_is_stack(chip, stacks[i].first - 1, HS_REGION_DRAM));
        assert_false(hs_chip_is_stack(chip, stacks[i].last + 1, HS_REGION_DRAM));
    }
    assert_true(hs_chip_is_stack(hs_chip_find("esp32"), 0x3ffe0440, HS_REGION_DIRAM));
    assert_false(hs_chip_is_stack(hs_chip_find("esp32"), 0x3ffe0440, HS_REGION_DRAM));
    assert_false(hs_chip_is_stack(hs_chip_find("esp32c6"), 0x40800000, HS_REGION_DIRAM));
    assert_false(hs_chip_is_stack(hs_chip_find("esp32c6"), 0, HS_REGION_DIRAM));
    assert_false(hs_chip_is_stack(hs_chip_find("esp32"), 0, HS_REGION_DRAM));
}

static void buses_of_chips(void **state)
{
    (void)state;
    static const struct {
        const char *chip;
        hs_addr diram_start, diram_end, diram_alias, rtc_start, rtc_end, rtc_alias;
        bool inverted, protectable;
        uint8_t spiram_line, simd_line;
    } rows[] = {
        {"esp32", 0x3ffe0000, 0x40000000, 0x400a0000, 0x3ff80000, 0x3ff82000, 0x400c0000, true,
         false, 4, 0},
        {"esp32s2", 0x3ffb0000, 0x40000000, 0x40020000, 0x3ff9e000, 0x3ffa0000, 0x40070000, false,
         true, 32, 0},
        {"esp32s3", 0x3fc88000, 0x3fcf0000, 0x40378000, 0, 0, 0, false, true, 32, 16},
        {"esp32c3", 0x3fc80000, 0x3fce0000, 0x40380000, 0, 0, 0, false, true, 0, 0},
        {"esp32c6", 0, 0, 0, 0, 0, 0, false, true, 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const hs_chip *chip = hs_chip_find(rows[i].chip);
        assert_int_equal(chip->diram_start, rows[i].diram_start);
        assert_int_equal(chip->diram_end, rows[i].diram_end);
        assert_int_equal(chip->diram_alias, rows[i].diram_alias);
        assert_int_equal(chip->rtc_start, rows[i].rtc_start);
        assert_int_equal(chip->rtc_end, rows[i].rtc_end);
        assert_int_equal(chip->rtc_alias, rows[i].rtc_alias);
        assert_int_equal(chip->diram_inverted, rows[i].inverted);
        assert_int_equal(chip->protectable, rows[i].protectable);
        assert_int_equal(chip->internal_line, 0);
        assert_int_equal(chip->spiram_line, rows[i].spiram_line);
        assert_int_equal(chip->simd_line, rows[i].simd_line);
        assert_int_equal(chip->rom_tlsf, i == 4);
    }
}

/* The largest request that is searched for, and the first address behind what fixed classes of v4.4
 * take of a region: 24 bytes more than their control block; 0: nobody knows. */
static void sizes_of_chips(void **state)
{
    (void)state;
    static const struct {
        const char *chip;
        uint32_t max_request, control, spiram_control;
    } sizes[] = {{"esp32", 0x400000, 1604, 2132},
                 {"esp32s2", 0xa80000, 1736, 2396},
                 {"esp32s3", 0x2000000, 1736, 0},
                 {"esp32c3", 0x64000, 1736, 1736},
                 {"esp32c6", 0x80000, 1736, 1736}};
    hs_device device = {.space = hs_space_create()};
    const hs_idf_profile *v4_4 = hs_idf_profile_find("v4.4");
    assert_int_equal(hs_space_commit(device.space, 0x3ffb0000, 0x10000), 0);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const hs_chip *chip = hs_chip_find(sizes[i].chip);
        hs_heap heap;
        assert_int_equal(chip->max_request, sizes[i].max_request);
        assert_true(
            hs_heap_register(&device, &heap, v4_4, 0x3ffb0000, 8192, chip->fixed_pool, false));
        assert_int_equal(hs_heap_malloc(&device, &heap, 12), 0x3ffb0000 + sizes[i].control + 24);
        if (sizes[i].spiram_control == 0) {
            continue;
        }
        assert_true(
            hs_heap_register(&device, &heap, v4_4, 0x3ffb0000, 8192, chip->spiram_pool, false));
        assert_int_equal(hs_heap_malloc(&device, &heap, 12),
                         0x3ffb0000 + sizes[i].spiram_control + 24);
    }
    hs_space_destroy(device.space);
}

static void expect_release(const char *text, const char *row)
{
    const hs_idf_profile *profile = hs_idf_profile_find(text);
    if (row == NULL) {
        assert_null(profile);
    } else {
        assert_non_null(profile);
        assert_string_equal(profile->name, row);
    }
}

static void releases_by_name(void **state)
{
    (void)state;
    expect_release("v5", "v5.0");
    expect_release("5.0", "v5.0");
    expect_release("v5.0.1", "v5.0.1 to v5.2");
    expect_release("v5.2.255", "v5.0.1 to v5.2");
    expect_release("v5.2.256", NULL);
    expect_release("v3.0", "v3.0 to v4.2");
    expect_release("v3", "v3.0 to v4.2");
    expect_release("v3.3.9", "v3.0 to v4.2");
    expect_release("v3.4", NULL);
    expect_release("v3.9", NULL);
    expect_release("v3.255", NULL);
    expect_release("v4.0", "v3.0 to v4.2");
    expect_release("v4", "v3.0 to v4.2");
    expect_release("v2.9", NULL);
    expect_release("v4.4.1", "v4.4 to v4.4.1");
    expect_release("v4.4.8", "v4.4.8");
    expect_release("v4.5", NULL);
    expect_release("v5.5.1-120-gabc", "v5.5 to v5.5.4");
    expect_release("v5.5.5+local", "v5.5.5");
    expect_release("v6.1b1", "v6.1");
    expect_release("v6.1-beta1", "v6.1");
    expect_release("v5.6", NULL);
    expect_release("v6.2", NULL);
    expect_release("v7", NULL);
    expect_release("master", "master");
    expect_release("masters", NULL);
    expect_release("", NULL);
    expect_release("v", NULL);
    expect_release("v5.", NULL);
    expect_release("v5.0.", NULL);
    expect_release("v5.0.1.2", NULL);
    expect_release("v5x", NULL);
    expect_release("/5", NULL);
    expect_release(":5", NULL);
}

/* Every row as a line: its first and last release, then what its heaps do. */
static const struct {
    const char *first, *last, *rules;
} rules[] = {
    {"v3.0", "v4.2.255", "list true no-memalign"},
    {"v4.3", "v4.3.1", "fixed power default-memalign truncates"},
    {"v4.3.2", "v4.3.2", "fixed class0 default-memalign truncates"},
    {"v4.3.3", "v4.3.4", "fixed class0 default-memalign truncates header"},
    {"v4.3.5", "v4.3.255", "region class0 default-memalign header"},
    {"v4.4", "v4.4.1", "fixed class0 default-memalign truncates"},
    {"v4.4.2", "v4.4.3", "fixed class0 default-memalign truncates header"},
    {"v4.4.4", "v4.4.7", "region class0 default-memalign header"},
    {"v4.4.8", "v4.4.255", "region class0 default-memalign header rtc-lowest"},
    {"v5.0", "v5.0.0",
     "fixed class0 default-memalign truncates header rtc-lowest rtc-exec own-caps s2"},
    {"v5.0.1", "v5.2.255", "region class0 default-memalign header rtc-lowest rtc-exec own-caps s2"},
    {"v5.3", "v5.3.4",
     "region class malloc-memalign header rtc-lowest rtc-exec own-caps s2 adjusted monitor"},
    {"v5.3.5", "v5.3.255",
     "region class malloc-memalign header rtc-lowest rtc-exec own-caps s2 adjusted monitor "
     "rtc-alias simd"},
    {"v5.4", "v5.4.0",
     "region class malloc-memalign header rtc-lowest rtc-exec own-caps s2 adjusted monitor "
     "rounded"},
    {"v5.4.1", "v5.4.255",
     "region class malloc-memalign header rtc-lowest rtc-exec own-caps s2 adjusted monitor "
     "rtc-alias simd rounded"},
    {"v5.5", "v5.5.4",
     "region class malloc-memalign header rtc-lowest rtc-exec own-caps s2 adjusted monitor "
     "rtc-alias simd rounded sorted"},
    {"v5.5.5", "v5.5.255",
     "region class malloc-memalign header rtc-lowest rtc-exec own-caps s2 adjusted monitor "
     "rtc-alias simd rounded sorted skips zero"},
    {"v6.0", "v6.0.255",
     "region class malloc-memalign header rtc-lowest rtc-exec own-caps s2 adjusted monitor "
     "rtc-alias simd rounded sorted iram"},
    {"v6.1", "v6.1.255",
     "region class malloc-memalign header rtc-lowest rtc-exec own-caps s2 adjusted monitor "
     "rtc-alias simd rounded sorted skips zero iram"},
    {"master", "master",
     "region class malloc-memalign header rtc-lowest rtc-exec own-caps s2 adjusted monitor "
     "rtc-alias simd rounded sorted skips zero iram pool"},
};

static void describe(const hs_idf_profile *p, char *text, size_t size)
{
    static const char *const largest[] = {"true", "power", "class0", "class"};
    static const char *const memalign[] = {"no", "default", "malloc"};
    snprintf(text, size, "%s %s %s-memalign%s%s%s%s%s%s%s%s%s%s%s%s%s%s%s%s",
             p->allocator == HS_ALLOCATOR_LIST ? "list"
             : p->classes_per_region           ? "region"
                                               : "fixed",
             largest[p->largest], memalign[p->memalign], p->realloc_truncates ? " truncates" : "",
             p->header_counted ? " header" : "", p->rtc_lowest ? " rtc-lowest" : "",
             p->rtc_exec ? " rtc-exec" : "", p->spiram_own_caps ? " own-caps" : "",
             p->s2_unified ? " s2" : "", p->caps_adjusted ? " adjusted" : "",
             p->monitor ? " monitor" : "", p->rtc_alias ? " rtc-alias" : "", p->simd ? " simd" : "",
             p->request_rounded ? " rounded" : "", p->boot_list_sorted ? " sorted" : "",
             p->monitor_skips ? " skips" : "", p->late_minimum_zero ? " zero" : "",
             p->iram_protected ? " iram" : "", p->pool_default ? " pool" : "");
}

static void rules_of_releases(void **state)
{
    (void)state;
    size_t count = sizeof rules / sizeof *rules;
    for (size_t i = 0; i < count; i++) {
        char text[256];
        const hs_idf_profile *row = hs_idf_profile_row(i);
        describe(row, text, sizeof text);
        assert_string_equal(text, rules[i].rules);
        assert_ptr_equal(hs_idf_profile_find(rules[i].first), row);
        assert_ptr_equal(hs_idf_profile_find(rules[i].last), row);
    }
    assert_null(hs_idf_profile_row(count));
}

/* The device's values of MALLOC_CAP_..., by bit. */
static void bits_of_capabilities(void **state)
{
    (void)state;
    static const char *const bits[32] = {"exec",         "32bit",
                                         "8bit",         "dma",
                                         "pid2",         "pid3",
                                         "pid4",         "pid5",
                                         "pid6",         "pid7",
                                         "spiram",       "internal",
                                         "default",      "iram_8bit",
                                         "retention",    "rtcram",
                                         "tcm",          "dma_desc_ahb",
                                         "dma_desc_axi", "cache_aligned",
                                         "simd",         "no_encryption",
                                         NULL,           NULL,
                                         NULL,           NULL,
                                         NULL,           NULL,
                                         NULL,           NULL,
                                         NULL,           "invalid"};
    for (unsigned i = 0; i < 32; i++) {
        const char *name = hs_cap_name(1u << i);
        assert_true((name == NULL) == (bits[i] == NULL));
        if (name != NULL) {
            assert_string_equal(name, bits[i]);
            assert_int_equal(hs_cap_find(name), 1u << i);
        }
    }
    assert_int_equal(hs_cap_find("spm"), 1u << 16);
    assert_int_equal(hs_cap_find("Exec"), 1);
    assert_int_equal(hs_cap_find("DMA"), 8);
    assert_int_equal(hs_cap_find("DmA_DESC_AXI"), 1u << 18);
    assert_int_equal(hs_cap_find("[ma"), 0);
}

/* The capabilities of each kind of memory, by priority, in the first of these releases with them.
 */
static const struct {
    const char *chip, *release, *type, *caps;
} kinds[] = {
    {"esp32", "v4.4", "DRAM", "8bit default / 32bit dma internal / -"},
    {"esp32", "v4.4", "DIRAM", "- / 8bit dma internal default / exec 32bit"},
    {"esp32", "v4.4", "IRAM", "exec 32bit internal / - / -"},
    {"esp32", "v4.4", "SPIRAM", "spiram default / - / 32bit 8bit"},
    {"esp32", "v5.5", "SPIRAM", "spiram default / - / 32bit 8bit simd"},
    {"esp32", "v4.4", "RTCRAM", "8bit default / 32bit internal / rtcram"},
    {"esp32", "v4.4.8", "RTCRAM", "rtcram / 8bit default / 32bit internal"},
    {"esp32", "v5.2", "RTCRAM", "rtcram / 8bit default / exec 32bit internal"},
    {"esp32s2", "v4.4", "DRAM", "8bit default / 32bit dma internal / -"},
    {"esp32s2", "v5.2", "DRAM", "exec 32bit 8bit dma internal default / - / -"},
    {"esp32s2", "v4.4", "DIRAM", "- / 8bit dma internal default / exec 32bit"},
    {"esp32s2", "v5.2", "DIRAM", "exec 32bit 8bit dma internal default / - / -"},
    {"esp32s2", "v4.4", "IRAM", "exec 32bit internal / - / -"},
    {"esp32s2", "v4.4", "SPIRAM", "spiram default / - / 32bit 8bit"},
    {"esp32s2", "v5.5", "SPIRAM", "spiram default / - / 32bit 8bit simd"},
    {"esp32s2", "v4.4", "RTCRAM", "8bit default / 32bit internal / rtcram"},
    {"esp32s2", "v4.4.8", "RTCRAM", "rtcram / 8bit default / 32bit internal"},
    {"esp32s2", "v5.2", "RTCRAM", "rtcram / - / exec 32bit 8bit internal default"},
    {"esp32s2", "v4.4", "STACKDRAM", "8bit default / 32bit dma internal / -"},
    {"esp32s2", "v5.2", "STACKDRAM", "exec 32bit 8bit dma internal default / - / -"},
    {"esp32s3", "v4.4", "DRAM", "- / 32bit 8bit dma internal default / -"},
    {"esp32s3", "v5.5", "DRAM", "- / 32bit 8bit dma internal default simd / -"},
    {"esp32s3", "v4.4", "DIRAM", "exec 32bit 8bit dma internal default retention / - / -"},
    {"esp32s3", "v5.5", "DIRAM", "exec 32bit 8bit dma internal default retention simd / - / -"},
    {"esp32s3", "v4.4", "IRAM", "exec / 32bit internal / -"},
    {"esp32s3", "v4.4", "SPIRAM", "spiram default / - / 32bit 8bit"},
    {"esp32s3", "v5.5", "SPIRAM", "spiram default / - / 32bit 8bit simd"},
    {"esp32s3", "v4.4", "RTCRAM", "rtcram / - / 32bit 8bit internal default"},
    {"esp32s3", "v5.2", "RTCRAM", "rtcram / - / exec 32bit 8bit internal default"},
    {"esp32c3", "v4.4", "DIRAM", "exec 32bit 8bit dma internal default / - / -"},
    {"esp32c3", "v4.4", "RTCRAM", "rtcram / - / 32bit 8bit internal default"},
    {"esp32c3", "v5.2", "RTCRAM", "rtcram / - / exec 32bit 8bit internal default"},
    {"esp32c3", "v4.4", "RETRAM", "retention / exec 32bit 8bit dma internal default / -"},
    {"esp32c6", "v4.4", "DIRAM", "exec 32bit 8bit dma internal default / - / -"},
    {"esp32c6", "v4.4", "RTCRAM", "rtcram / 32bit 8bit internal default / -"},
};

static void describe_caps(const uint32_t by[3], char *text)
{
    *text = 0;
    for (int priority = 0; priority < 3; priority++) {
        strcat(text, priority == 0 ? "" : " / ");
        strcat(text, by[priority] == 0 ? "-" : "");
        for (uint32_t left = by[priority]; left != 0; left &= left - 1) {
            strcat(text, hs_cap_name(left));
            strcat(text, (left & (left - 1)) == 0 ? "" : " ");
        }
    }
}

static void capabilities_of_memory(void **state)
{
    (void)state;
    static const char *const releases[] = {"v4.4", "v4.4.8", "v5.2", "v5.5"};
    char before[256] = "";
    size_t found = 0;
    for (size_t i = 0; i < 5 * HS_REGION_TYPES * 4; i++) {
        const hs_chip *chip = hs_chip_row(i / 4 / HS_REGION_TYPES);
        enum hs_region_type type = (enum hs_region_type)(i / 4 % HS_REGION_TYPES);
        char text[256];
        uint32_t by[3];
        if (i % 4 == 0) {
            before[0] = 0;
        }
        if (!hs_chip_caps(chip, hs_idf_profile_find(releases[i % 4]), false, type, by)) {
            continue;
        }
        describe_caps(by, text);
        if (strcmp(text, before) != 0) {
            assert_in_range(found, 0, sizeof kinds / sizeof *kinds - 1);
            assert_string_equal(chip->name, kinds[found].chip);
            assert_string_equal(releases[i % 4], kinds[found].release);
            assert_string_equal(hs_region_type_name(type), kinds[found].type);
            assert_string_equal(text, kinds[found].caps);
            found++;
        }
        strcpy(before, text);
    }
    assert_int_equal(found, sizeof kinds / sizeof *kinds);
    assert_null(hs_chip_row(5));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows_end_where_memory_ends),
        cmocka_unit_test(stacks_end_where_the_start_up_code_ends),
        cmocka_unit_test(buses_of_chips),
        cmocka_unit_test(sizes_of_chips),
        cmocka_unit_test(releases_by_name),
        cmocka_unit_test(rules_of_releases),
        cmocka_unit_test(capabilities_of_memory),
        cmocka_unit_test(bits_of_capabilities),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

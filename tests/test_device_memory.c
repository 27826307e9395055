/* What lies in device memory, word by word, over memory that was not empty; and what is refused at
 * the bounds of blocks, heaps and buses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "device/heap_caps.h"
#include "space.h"

#define BASE 0x3ffe0440u

enum { SIZE = 15072 };

typedef struct fixture {
    hs_device device;
    hs_heap heap;
} fixture;

static void lay_out(fixture *f, const char *release)
{
    *f = (fixture){.device = {.space = hs_space_create()}};
    assert_int_equal(hs_space_commit(f->device.space, BASE, SIZE), 0);
    memset(hs_at(f->device.space, BASE), 0xff, SIZE);
    assert_true(hs_heap_register(&f->device, &f->heap, hs_idf_profile_find(release), BASE, SIZE,
                                 128 * 1024, false));
}

static uint32_t word(const fixture *f, hs_addr at)
{
    return *(const uint32_t *)hs_at(f->device.space, at);
}

static void expect_words(const fixture *f, hs_addr at, const uint32_t *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (word(f, at + 4 * (uint32_t)i) != words[i]) {
            fail_msg("word at 0x%x: found 0x%x, expected 0x%x", (unsigned)(at + 4 * i),
                     (unsigned)word(f, at + 4 * (uint32_t)i), (unsigned)words[i]);
        }
    }
}
#define EXPECT(f, at, ...)                                                                         \
    expect_words(f, at, (const uint32_t[]){__VA_ARGS__},                                           \
                 sizeof((const uint32_t[]){__VA_ARGS__}) / 4)

/* v5.4: 8 classes a row, 10 rows; the one free block of 14648 bytes is of row 9, column 6. */
static void tlsf_with_classes_by_region(void **state)
{
    (void)state;
    fixture f;
    lay_out(&f, "v5.4");
    const hs_addr control = BASE + 20;
    const hs_addr rows = control + 36;
    const hs_addr heads = rows + 4 * 10;
    const hs_addr block = control + 396 - 4;
    EXPECT(&f, BASE, 0, SIZE - 20 - 396, SIZE - 20 - 396, SIZE - 20, control);
    EXPECT(&f, control, 0, 0, control, control);
    EXPECT(&f, control + 16, 10u | 5u << 5 | 14u << 8 | 8u << 14 | 3u << 20 | 32u << 23, 396,
           1u << 9, rows, heads);
    EXPECT(&f, rows, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1u << 6);
    for (uint32_t i = 0; i < 80; i++) {
        assert_int_equal(word(&f, heads + 4 * i), i == 9 * 8 + 6 ? block : control);
    }
    EXPECT(&f, block + 4, 14648 | 1, control, control);
    EXPECT(&f, BASE + SIZE - 8, block, 2); /* the sentinel, and the link in front of it */
    hs_space_destroy(f.device.space);
}

/* v4.4: the chip's 32 classes a row, 12 rows. 13440 bytes: row 7, column 20. */
static void tlsf_with_fixed_classes(void **state)
{
    (void)state;
    fixture f;
    lay_out(&f, "v4.4");
    const hs_addr control = BASE + 20;
    const hs_addr rows = control + 20;
    const hs_addr heads = rows + 4 * 12;
    const hs_addr block = control + 1604 - 4;
    EXPECT(&f, BASE, 0, SIZE - 20 - 1604, SIZE - 20 - 1604, SIZE - 20, control);
    EXPECT(&f, control, 0, 0, control, control, 1u << 7);
    EXPECT(&f, rows, 0, 0, 0, 0, 0, 0, 0, 1u << 20, 0, 0, 0, 0);
    for (uint32_t i = 0; i < 12 * 32; i++) {
        assert_int_equal(word(&f, heads + 4 * i), i == 7 * 32 + 20 ? block : control);
    }
    EXPECT(&f, block + 4, 13440 | 1, control, control);
    hs_space_destroy(f.device.space);
}

static void list(void **state)
{
    (void)state;
    fixture f;
    lay_out(&f, "v3.3");
    const hs_addr first = BASE + 24;
    const hs_addr last = BASE + SIZE - 8;
    EXPECT(&f, BASE, 0, SIZE - 36, SIZE - 36, last, first | 1, first);
    EXPECT(&f, first, last | 1, last);
    EXPECT(&f, last, 1, 0);
    hs_space_destroy(f.device.space);
}

static void claims_at_their_bounds(const char *release, hs_addr first, uint32_t have,
                                   uint32_t least)
{
    fixture f;
    lay_out(&f, release);
    assert_false(hs_heap_claim(&f.device, &f.heap, first, least - 4));
    assert_false(hs_heap_claim(&f.device, &f.heap, first, least + 1));
    assert_false(hs_heap_claim(&f.device, &f.heap, first, least + 2));
    assert_false(hs_heap_claim(&f.device, &f.heap, first + 100, have - 100 + 4));
    assert_false(hs_heap_claim(&f.device, &f.heap, first + 100, have - 52));
    assert_false(hs_heap_claim(&f.device, &f.heap, first + 4, 100));  /* no block fits in front, */
    assert_false(hs_heap_claim(&f.device, &f.heap, first, have - 4)); /* none behind */
    assert_true(hs_heap_check(&f.device, &f.heap));
    assert_true(hs_heap_claim(&f.device, &f.heap, first + 100, have - 100));
    assert_true(hs_heap_claim(&f.device, &f.heap, first, least));
    assert_true(hs_heap_check(&f.device, &f.heap));
    hs_space_destroy(f.device.space);
}

/* What is left behind is just a block. */
static void claim_up_to_the_last_block(const char *release, hs_addr first, uint32_t size)
{
    fixture f;
    lay_out(&f, release);
    assert_true(hs_heap_claim(&f.device, &f.heap, first, size));
    assert_true(hs_heap_check(&f.device, &f.heap));
    hs_space_destroy(f.device.space);
}

static void claims(void **state)
{
    (void)state;
    claim_up_to_the_last_block("v5.4", BASE + 24 + 396, 14648 - 16);
    claim_up_to_the_last_block("v3.3", BASE + 28, SIZE - 36 - 8);
    claims_at_their_bounds("v5.4", BASE + 24 + 396, 14648, 12);
    claims_at_their_bounds("v3.3", BASE + 28, SIZE - 36, 4);
}

/* --- Boards ----------------------------------------------------------------------------------- */

static void open_board(hs_caps *caps, const char *release, uint32_t first_size)
{
    const hs_caps_config config = {.profile = hs_idf_profile_find(release),
                                   .chip = hs_chip_find("esp32")};
    hs_caps_init(caps, hs_space_create(), &config);
    assert_int_equal(hs_space_commit(caps->device.space, 0x3ffae000, 0x10000), 0);
    assert_int_equal(hs_caps_boot_region(caps, 0x3ffae100, first_size, HS_REGION_DRAM), HS_CAPS_OK);
    assert_int_equal(hs_caps_boot_region(caps, 0x3ffb0000, 8192, HS_REGION_DRAM), HS_CAPS_OK);
    hs_caps_boot(caps, HS_CAPS_BOOT_FRESH);
}

static int set_up_board(void **state)
{
    static hs_caps caps;
    open_board(&caps, "v5.5", 4096);
    *state = &caps;
    return 0;
}

static int tear_down_board(void **state)
{
    hs_caps *caps = *state;
    hs_space_destroy(caps->device.space);
    return 0;
}

static void a_region_that_is_no_heap_serves_nobody(void **state)
{
    (void)state;
    hs_caps caps;
    open_board(&caps, "v3.3", 36);
    hs_addr block = hs_caps_malloc(&caps, 100, HS_CAP_8BIT);
    assert_int_equal(block, 0x3ffb0000 + 28);
    assert_int_equal(caps.device.crash, HS_CRASH_NONE);
    hs_space_destroy(caps.device.space);
}

static void damage_is_found_in_every_heap(void **state)
{
    (void)state;
    static const hs_addr damaged[] = {0x3ffae100, 0x3ffb0000};
    for (size_t i = 0; i < 2; i++) {
        hs_caps caps;
        open_board(&caps, "v5.4", 4096);
        assert_true(hs_caps_check(&caps));
        *(uint32_t *)hs_at(caps.device.space, damaged[i] + 4) += 4; /* its free bytes */
        assert_false(hs_caps_check(&caps));
        hs_space_destroy(caps.device.space);
    }
}

/* Behind RTC memory's addresses on the instruction bus there is nothing, although as many bytes
 * behind its addresses on the data bus there is a heap. */
static void addresses_of_no_bus(void **state)
{
    (void)state;
    hs_caps caps;
    open_board(&caps, "v5.4.1", 4096);
    hs_caps_free(&caps, 0x400c0000 + (0x3ffb1000 - 0x3ff80000) + 4);
    assert_int_equal(caps.device.crash, HS_CRASH_WILD_POINTER);
    hs_space_destroy(caps.device.space);
}

/* A link that leads nowhere stops the device, and says which block had it. */
static void a_broken_list(void **state)
{
    (void)state;
    fixture f;
    lay_out(&f, "v3.3");
    *(uint32_t *)hs_at(f.device.space, BASE + 16 + 4) = 0x10000000;
    assert_int_equal(hs_heap_malloc(&f.device, &f.heap, 100), 0);
    assert_int_equal(f.device.crash, HS_CRASH_CORRUPT);
    assert_int_equal(f.device.crash_at, BASE + 16 + 4);
    hs_space_destroy(f.device.space);
}

static void a_monitor_stops_once(void **state)
{
    hs_caps *caps = *state;
    assert_false(hs_caps_monitor_stop(caps));
    assert_true(hs_caps_monitor_start(caps));
    assert_true(hs_caps_monitor_stop(caps));
    assert_false(hs_caps_monitor_stop(caps));
    assert_int_equal(caps->device.crash, HS_CRASH_NONE);
}

static void the_reserve_is_of_no_type(void **state)
{
    hs_caps *caps = *state;
    unsigned before = caps->count;
    assert_true(hs_caps_dma_pool(caps, 2048, NULL, NULL));
    assert_int_equal(caps->count, before + 1);
    assert_int_equal(caps->heaps[before].type, HS_REGION_TYPES);
}

static void capabilities_of_iram(void **state)
{
    (void)state;
    uint32_t caps[3];
    assert_true(hs_chip_caps(hs_chip_find("esp32s3"), hs_idf_profile_find("v5.5"), false,
                             HS_REGION_IRAM, caps));
    assert_int_equal(caps[0], HS_CAP_EXEC);
    assert_int_equal(caps[1], HS_CAP_32BIT | HS_CAP_INTERNAL);
    assert_int_equal(caps[2], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tlsf_with_classes_by_region),
        cmocka_unit_test(tlsf_with_fixed_classes),
        cmocka_unit_test(list),
        cmocka_unit_test(claims),
        cmocka_unit_test(a_region_that_is_no_heap_serves_nobody),
        cmocka_unit_test(damage_is_found_in_every_heap),
        cmocka_unit_test(addresses_of_no_bus),
        cmocka_unit_test(a_broken_list),
        cmocka_unit_test_setup_teardown(a_monitor_stops_once, set_up_board, tear_down_board),
        cmocka_unit_test_setup_teardown(the_reserve_is_of_no_type, set_up_board, tear_down_board),
        cmocka_unit_test(capabilities_of_iram),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

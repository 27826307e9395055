/* A board's heaps: order, boot, late regions, aliases, crashes, copies, running figures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "device/heap_caps.h"
#include "device/memory.h"
#include "space.h"

typedef struct region {
    hs_addr start;
    uint32_t size;
    enum hs_region_type type;
} region;

static const region pico[] = {
    {0x3ffaff10, 240, HS_REGION_DRAM},    {0x3ffb6388, 7288, HS_REGION_DRAM},
    {0x3ffb9a20, 16648, HS_REGION_DRAM},  {0x3ffc9ba8, 91224, HS_REGION_DRAM},
    {0x3ffe0440, 15072, HS_REGION_DIRAM}, {0x3ffe4350, 113840, HS_REGION_DIRAM},
    {0x40094000, 49152, HS_REGION_IRAM},
};
enum { PICO_REGIONS = sizeof pico / sizeof *pico };
#define MALLOC (HS_CAP_DEFAULT | HS_CAP_INTERNAL)

static void open_board(hs_caps *caps, const char *release, const char *chip, bool poisoned)
{
    hs_caps_config config = {hs_idf_profile_find(release), hs_chip_find(chip), false, false,
                             poisoned};
    void *space = hs_space_create();
    assert_non_null(space);
    assert_non_null(config.profile);
    hs_caps_init(caps, space, &config);
}

static void open_pico(hs_caps *caps, const char *release, enum hs_caps_boot mode, bool poisoned)
{
    open_board(caps, release, "esp32", poisoned);
    for (size_t i = 0; i < PICO_REGIONS; i++) {
        assert_int_equal(hs_space_commit(caps->device.space, pico[i].start, pico[i].size), 0);
        assert_int_equal(hs_caps_boot_region(caps, pico[i].start, pico[i].size, pico[i].type),
                         HS_CAPS_OK);
    }
    hs_caps_boot(caps, mode);
}

static void close_board(hs_caps *caps)
{
    hs_space_destroy(caps->device.space);
}

static void expect_order(const hs_caps *caps, const hs_addr *starts, size_t count)
{
    assert_int_equal(caps->listed, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(caps->heaps[caps->order[i]].start, starts[i]);
    }
}

static void published_figures(void **state)
{
    (void)state;
    hs_caps caps;
    open_pico(&caps, "v4.4", HS_CAPS_BOOT_FRESH, false);
    assert_int_equal(hs_caps_total_size(&caps, HS_CAP_8BIT), 244072);
    assert_int_equal(hs_caps_largest_free_block(&caps, HS_CAP_8BIT), 110592);
    assert_int_equal(hs_caps_largest_exact(&caps, HS_CAP_8BIT), 112208);
    assert_int_equal(hs_caps_free_size(&caps, HS_CAP_8BIT), 244072 - 5 * 1624);
    assert_int_equal(hs_caps_minimum_free_size(&caps, HS_CAP_8BIT), 244072 - 5 * 1624);
    assert_int_equal(hs_caps_malloc(&caps, 110592, HS_CAP_8BIT), 0x3ffe49ac);
    close_board(&caps);
    open_pico(&caps, "v5.5.1", HS_CAPS_BOOT_FULL, false);
    assert_int_equal(hs_caps_malloc_default(&caps, 57344), 0x3ffc9f14);
    close_board(&caps);
}

static void list_order(void **state)
{
    (void)state;
    hs_caps caps;
    static const hs_addr by_address[] = {0x3ffaff10, 0x3ffb6388, 0x3ffb9a20, 0x3ffc9ba8,
                                         0x3ffe0440, 0x3ffe4350, 0x40094000};
    static const hs_addr by_size[] = {0x3ffaff10, 0x3ffb6388, 0x3ffe0440, 0x3ffb9a20,
                                      0x40094000, 0x3ffc9ba8, 0x3ffe4350};
    static const hs_addr late[] = {0x3ffb2730, 0x3ffaff10, 0x3ffb6388, 0x3ffe0440,
                                   0x3ffb9a20, 0x40094000, 0x3ffc9ba8, 0x3ffe4350};
    open_pico(&caps, "v5.4", HS_CAPS_BOOT_FULL, false);
    expect_order(&caps, by_address, 7);
    close_board(&caps);
    open_pico(&caps, "v5.5", HS_CAPS_BOOT_BARE, false);
    expect_order(&caps, by_address, 7);
    close_board(&caps);
    open_pico(&caps, "v5.5", HS_CAPS_BOOT_EARLY, false);
    expect_order(&caps, by_size, 7);
    assert_int_equal(hs_caps_find(&caps, 0x3ffe4350)->heap.base, 0);
    hs_caps_enable_stacks(&caps);
    assert_int_equal(hs_caps_find(&caps, 0x3ffe4350)->heap.base, 0x3ffe4350);
    assert_int_equal(hs_space_commit(caps.device.space, 0x3ffb2730, 15448), 0);
    assert_int_equal(hs_caps_add_region(&caps, 0x3ffb2730, 15448), HS_CAPS_OK);
    expect_order(&caps, late, 8);
    close_board(&caps);
}

static void refused_regions(void **state)
{
    (void)state;
    hs_caps caps;
    open_board(&caps, "v4.4", "esp32", false);
    assert_int_equal(hs_space_commit(caps.device.space, 0x3ffb0000, 65536), 0);
    assert_int_equal(hs_caps_boot_region(&caps, 0x3ffb0000, 8192, HS_REGION_DRAM), HS_CAPS_OK);
    assert_int_equal(hs_caps_boot_region(&caps, 0x3ffb1000, 100, HS_REGION_DRAM), HS_CAPS_FAIL);
    assert_int_equal(hs_caps_boot_region(&caps, 0x3ffb4000, 0, HS_REGION_DRAM), HS_CAPS_FAIL);
    assert_int_equal(hs_caps_boot_region(&caps, 0, 100, HS_REGION_DRAM), HS_CAPS_FAIL);
    assert_int_equal(hs_caps_boot_region(&caps, 0x3ffb4001, 100, HS_REGION_DRAM), HS_CAPS_FAIL);
    assert_int_equal(hs_caps_boot_region(&caps, 0xfffffff0, 100, HS_REGION_DRAM), HS_CAPS_FAIL);
    assert_int_equal(hs_caps_boot_region(&caps, 0x3ffaf000, 8192, HS_REGION_DRAM), HS_CAPS_FAIL);
    assert_int_equal(hs_caps_boot_region(&caps, 0x3ffb4000, 100, HS_REGION_RETRAM),
                     HS_CAPS_NOTFOUND);
    hs_caps_boot(&caps, HS_CAPS_BOOT_FULL);
    hs_caps_boot(&caps, HS_CAPS_BOOT_BARE); /* once only */
    assert_int_equal(hs_caps_boot_region(&caps, 0x3ffb4000, 8192, HS_REGION_DRAM), HS_CAPS_FAIL);
    assert_int_equal(hs_caps_add_region(&caps, 0x10000000, 4096), HS_CAPS_NOTFOUND);
    assert_int_equal(hs_caps_add_region(&caps, 0x3ffb4000, 1000), HS_CAPS_TOOSMALL);
    assert_int_equal(hs_caps_add_region(&caps, 0x3ffb1000, 8192), HS_CAPS_FAIL);
    assert_int_equal(hs_caps_add_region(&caps, 0x3ffb4000, 8192), HS_CAPS_OK);
    while (hs_caps_malloc(&caps, 12, HS_CAP_8BIT) != 0) {
    }
    assert_int_equal(hs_caps_add_region(&caps, 0x3ffb8000, 8192), HS_CAPS_NOMEM);
    assert_false(hs_caps_dma_pool(&caps, 4096, NULL, NULL));
    close_board(&caps);
}

static void no_room_for_more_regions(void **state)
{
    (void)state;
    hs_caps caps;
    open_board(&caps, "v3.3", "esp32", false);
    assert_int_equal(hs_space_commit(caps.device.space, 0x3ffb0000, 65536), 0);
    for (unsigned i = 0; i < HS_CAPS_HEAPS_MAX; i++) {
        assert_int_equal(hs_caps_boot_region(&caps, 0x3ffb0000 + 512 * i, 256, HS_REGION_DRAM),
                         HS_CAPS_OK);
    }
    assert_int_equal(hs_caps_boot_region(&caps, 0x3ffbf000, 256, HS_REGION_DRAM), HS_CAPS_FAIL);
    hs_caps_boot(&caps, HS_CAPS_BOOT_FULL); /* 36 * 32 bytes fit nowhere */
    assert_int_equal(hs_caps_free_size(&caps, HS_CAP_8BIT), 32 * (256 - 36));
    close_board(&caps);
}

static void nested_heaps(void **state)
{
    (void)state;
    hs_caps caps;
    const uint32_t by[3] = {0, HS_CAP_DMA | HS_CAP_INTERNAL, HS_CAP_8BIT};
    open_pico(&caps, "v5.5.5", HS_CAPS_BOOT_FULL, false);
    hs_addr outer = hs_caps_malloc(&caps, 32768, MALLOC);
    assert_int_equal(hs_caps_add_region_with_caps(&caps, by, outer, 32767), HS_CAPS_OK);
    hs_addr inner = hs_caps_malloc(&caps, 100, HS_CAP_DMA);
    assert_true(inner > outer && inner < outer + 32767);
    assert_int_equal(hs_caps_find(&caps, inner)->start, outer);
    hs_caps_free(&caps, inner);
    assert_int_equal(caps.device.crash, HS_CRASH_NONE);
    assert_true(hs_caps_check(&caps));
    hs_caps other;
    open_board(&other, "v4.4", "esp32", false);
    for (size_t i = 0; i < PICO_REGIONS; i++) {
        assert_int_equal(hs_space_commit(other.device.space, pico[i].start, pico[i].size), 0);
    }
    hs_caps_copy(&other, &caps);
    assert_true(hs_caps_check(&other));
    assert_int_equal(hs_caps_malloc(&other, 100, HS_CAP_DMA), inner);
    close_board(&other);
    close_board(&caps);
}

/* The last blocks of the inner heap and the first one behind it share a page, but no heap. */
static void nested_heaps_share_a_page(void **state)
{
    (void)state;
    hs_caps caps;
    const uint32_t by[3] = {0, HS_CAP_DMA | HS_CAP_INTERNAL, HS_CAP_8BIT};
    open_pico(&caps, "v5.5.5", HS_CAPS_BOOT_FULL, false);
    hs_addr outer = hs_caps_malloc(&caps, 32768, MALLOC);
    hs_addr behind = hs_caps_malloc(&caps, 20000, MALLOC);
    assert_int_equal(behind, outer + 32768 + 4);
    hs_caps_free(&caps, hs_caps_malloc(&caps, 20000, MALLOC)); /* remembered before there are two */
    assert_int_equal(hs_caps_add_region_with_caps(&caps, by, outer, 32767), HS_CAPS_OK);
    hs_addr inner = 0;
    while (inner >> 12 != behind >> 12) {
        inner = hs_caps_malloc(&caps, 400, HS_CAP_DMA);
        assert_in_range(inner, outer, outer + 32766);
    }
    for (int i = 0; i < 3; i++) {
        assert_in_range(hs_caps_usable(&caps, behind), 20000, 20512);
        assert_in_range(hs_caps_usable(&caps, inner), 400, 412);
    }
    hs_caps_free(&caps, behind);
    hs_caps_free(&caps, inner);
    assert_int_equal(caps.device.crash, HS_CRASH_NONE);
    assert_true(hs_caps_check(&caps));
    close_board(&caps);
}

/* --- Blocks ----------------------------------------------------------------------------------- */

static void alias_round(const char *release, const char *chip, const region *at, hs_addr low,
                        hs_addr high)
{
    hs_caps caps;
    open_board(&caps, release, chip, false);
    assert_int_equal(hs_space_commit(caps.device.space, at->start, at->size), 0);
    assert_int_equal(hs_caps_boot_region(&caps, at->start, at->size, at->type), HS_CAPS_OK);
    hs_caps_boot(&caps, HS_CAPS_BOOT_FRESH);
    uint32_t before = hs_caps_free_size(&caps, 0);
    hs_addr a = hs_caps_malloc(&caps, 101, HS_CAP_EXEC);
    assert_in_range(a, low, high);
    assert_in_range(hs_caps_usable(&caps, a), 108, 112);
    hs_addr z = hs_caps_calloc(&caps, 3, 5, HS_CAP_EXEC);
    assert_in_range(z, low, high);
    assert_int_equal(hs_caps_malloc(&caps, 100, HS_CAP_EXEC | HS_CAP_DMA), 0);
    if (caps.config.profile->allocator == HS_ALLOCATOR_LIST) {
        assert_int_equal(hs_caps_realloc(&caps, a, 200, HS_CAP_EXEC), 0);
        assert_int_equal(caps.device.crash, HS_CRASH_ALIAS);
        close_board(&caps);
        return;
    }
    a = hs_caps_realloc(&caps, a, 200, HS_CAP_EXEC);
    assert_in_range(a, low, high);
    hs_caps_free(&caps, a);
    hs_caps_free(&caps, z);
    assert_int_equal(hs_caps_free_size(&caps, 0), before);
    assert_true(hs_caps_check(&caps));
    assert_int_equal(caps.device.crash, HS_CRASH_NONE);
    hs_caps_free(&caps, low + 4); /* an alias of nothing */
    assert_int_not_equal(caps.device.crash, HS_CRASH_NONE);
    close_board(&caps);
}

static void aliases(void **state)
{
    (void)state;
    static const region diram = {0x3ffe4350, 113840, HS_REGION_DIRAM};
    static const region rtc = {0x3ff9e000, 8192, HS_REGION_RTCRAM};
    static const region s3 = {0x3fca81f0, 267552, HS_REGION_DIRAM};
    alias_round("v3.3", "esp32", &diram, 0x400a0000, 0x400c0000);
    alias_round("v4.4", "esp32", &diram, 0x400a0000, 0x400c0000);
    alias_round("v5.5", "esp32s3", &s3, 0x40378000, 0x403e0000);
    alias_round("v5.5", "esp32s2", &rtc, 0x40070000, 0x40072000);
}

static void crashes(void **state)
{
    (void)state;
    hs_caps caps;
    open_pico(&caps, "v4.4", HS_CAPS_BOOT_FULL, false);
    hs_addr a = hs_caps_malloc_default(&caps, 100);
    hs_caps_free(&caps, 0);
    hs_caps_free(&caps, a);
    hs_caps_free(&caps, a); /* twice */
    assert_int_equal(caps.device.crash, HS_CRASH_NOT_USED);
    assert_int_equal(caps.device.crash_at, a);
    assert_int_equal(hs_caps_malloc(&caps, 8, MALLOC), 0);
    assert_int_equal(hs_caps_calloc(&caps, 8, 1, MALLOC), 0);
    assert_int_equal(hs_caps_aligned_alloc(&caps, 8, 8, MALLOC), 0);
    assert_int_equal(hs_caps_realloc(&caps, a, 8, MALLOC), 0);
    assert_int_equal(hs_caps_usable(&caps, a), 0);
    assert_int_equal(hs_caps_add_region(&caps, 0x3ffb2730, 15448), HS_CAPS_FAIL);
    assert_false(hs_caps_claim(&caps, a, 100));
    assert_false(hs_caps_monitor_start(&caps));
    assert_false(hs_caps_monitor_stop(&caps));
    close_board(&caps);
    open_pico(&caps, "v4.4", HS_CAPS_BOOT_FULL, false);
    assert_int_equal(hs_caps_realloc(&caps, 0x3ffaff20, 8, MALLOC), 0); /* no heap there */
    assert_int_equal(caps.device.crash, HS_CRASH_WILD_POINTER);
    close_board(&caps);
    open_pico(&caps, "v4.4", HS_CAPS_BOOT_FULL, false);
    a = hs_caps_malloc_default(&caps, 100);
    hs_addr b = hs_caps_malloc_default(&caps, 100);
    assert_int_equal(hs_caps_realloc_default(&caps, a, 300000), a);
    hs_heap_info info;
    hs_caps_get_info(&caps, &info, HS_CAP_8BIT);
    assert_int_equal(info.largest, hs_caps_largest_free_block(&caps, HS_CAP_8BIT));
    hs_caps_free(&caps, b); /* is still whole */
    assert_int_equal(caps.device.crash, HS_CRASH_NONE);
    hs_caps_free(&caps, a);
    assert_int_equal(caps.device.crash, HS_CRASH_CUT_BLOCK);
    close_board(&caps);
}

static void corrupt_links(void **state)
{
    (void)state;
    static const char *const releases[] = {"v3.3", "v4.4", "v5.2", "v5.5"};
    for (size_t i = 0; i < 4 * 64; i++) {
        hs_caps caps;
        hs_addr blocks[16];
        open_pico(&caps, releases[i % 4], HS_CAPS_BOOT_FULL, false);
        for (unsigned j = 0; j < 16; j++) {
            blocks[j] = hs_caps_malloc_default(&caps, 20 + 8 * j);
        }
        hs_caps_free(&caps, blocks[3]);
        hs_caps_free(&caps, blocks[8]);
        hs_addr word = blocks[3] - 8 + 4 * (hs_addr)(i / 4 % 16);
        hs_store(caps.device.space, word, i % 8 < 4 ? 0xfffffff0u : 0x3f800000u);
        hs_caps_check(&caps);
        for (unsigned j = 0; j < 16; j++) { /* crashes or not: never outside the heap */
            if (j != 3 && j != 8) {
                hs_caps_free(&caps, blocks[j]);
            }
            hs_caps_malloc_default(&caps, 16 + j);
        }
        close_board(&caps);
    }
}

static void standard_functions(void **state)
{
    (void)state;
    hs_caps caps;
    open_pico(&caps, "v5.3", HS_CAPS_BOOT_FULL, false);
    assert_int_equal(hs_caps_calloc_default(&caps, 0x10000, 0x10000), 0);
    assert_int_equal(hs_caps_calloc(&caps, 0x10000, 0x10000, MALLOC), 0);
    hs_addr a = hs_caps_malloc_default(&caps, 64);
    memset(hs_at(caps.device.space, a), 0xff, 64);
    hs_caps_free(&caps, a);
    a = hs_caps_calloc_default(&caps, 16, 4);
    for (unsigned i = 0; i < 64; i += 4) {
        assert_int_equal(hs_load(caps.device.space, a + i), 0);
    }
    assert_int_equal(hs_caps_memalign(&caps, 3, 100), 0);
    assert_int_equal(hs_caps_memalign(&caps, 0, 100), 0);
    assert_int_equal(hs_caps_memalign(&caps, 64, 0), 0);
    assert_int_equal(hs_caps_memalign(&caps, 64, 100) % 64, 0);
    hs_caps_extmem_enable(&caps, 1024); /* without PSRAM everything falls back to DEFAULT */
    assert_int_not_equal(hs_caps_malloc_default(&caps, 5000), 0);
    assert_int_not_equal(hs_caps_memalign(&caps, 64, 5000), 0);
    assert_int_not_equal(hs_caps_realloc_default(&caps, a, 5000), 0);
    assert_int_equal(hs_caps_malloc_default(&caps, 0), 0);
    assert_int_equal(hs_caps_realloc(&caps, 0, 0, MALLOC), 0);
    assert_int_equal(hs_caps_realloc_default(&caps, hs_caps_malloc_default(&caps, 8), 0x500000), 0);
    assert_true(hs_caps_check(&caps));
    close_board(&caps);
}

/* One of all operations on a block that is live or, 0, not; what is there afterwards. */
static hs_addr change(hs_caps *caps, hs_addr block, uint32_t random)
{
    uint32_t size = (random >> 8) % 9000;
    if (block == 0) {
        return random % 3 == 0   ? hs_caps_memalign(caps, 8u << random / 3 % 8, size)
               : random % 7 == 0 ? hs_caps_calloc_default(caps, 2, size)
               : random % 5 == 0 ? hs_caps_malloc(caps, size, HS_CAP_EXEC)
                                 : hs_caps_malloc_default(caps, size);
    }
    bool code = block >= 0x40000000; /* the list's releases stop at a realloc of an alias */
    if (random % 4 == 0 && size != 0 && !code) {
        hs_addr moved = hs_caps_realloc_default(caps, block, size);
        return moved == 0 ? block : moved;
    }
    hs_caps_free(caps, block);
    return 0;
}

static void expect_running_figures(const char *release, bool poisoned)
{
    hs_caps caps;
    hs_caps_watch watch;
    hs_addr blocks[64] = {0};
    uint32_t random = 12345;
    open_pico(&caps, release, HS_CAPS_BOOT_FULL, poisoned);
    hs_caps_watch_start(&caps, &watch);
    for (unsigned n = 0; n < 4000; n++) {
        random = random * 1664525u + 1013904223u;
        hs_addr *block = &blocks[random >> 26];
        *block = change(&caps, *block, random);
        hs_caps_watch_update(&caps, &watch);
        caps.changed = 0;
        hs_heap_info info;
        hs_caps_get_info(&caps, &info, HS_CAP_8BIT);
        assert_int_equal(caps.allocated[1], info.allocated);
        assert_int_equal(watch.largest, hs_caps_largest_free_block(&caps, HS_CAP_8BIT));
    }
    assert_int_equal(caps.device.crash, HS_CRASH_NONE);
    assert_true(hs_caps_check(&caps));
    for (unsigned i = 0; i < 64; i++) {
        hs_caps_free(&caps, blocks[i]);
    }
    assert_int_equal(caps.allocated[0], 0); /* all of it was counted from the start */
    close_board(&caps);
}

static void running_figures(void **state)
{
    (void)state;
    static const char *const releases[] = {"v3.3", "v4.3", "v4.4", "v5.0.2", "v5.5"};
    for (size_t i = 0; i < 5; i++) {
        expect_running_figures(releases[i], false);
        expect_running_figures(releases[i], true);
    }
}

/* A realloc that cuts a block to nothing: the device's walk ends there, in that heap alone. */
static void figures_after_a_cut(void **state)
{
    (void)state;
    hs_caps caps;
    hs_caps_watch watch;
    open_pico(&caps, "v4.4", HS_CAPS_BOOT_FULL, false);
    hs_caps_watch_start(&caps, &watch);
    hs_addr a = hs_caps_malloc_default(&caps, 60000);
    assert_int_equal(hs_caps_realloc_default(&caps, a, 1u << 18), a);
    assert_true(caps.device.cut);
    hs_caps_watch_update(&caps, &watch);
    for (unsigned i = 0; i < caps.count; i++) {
        const hs_heap *heap = &caps.heaps[i].heap;
        assert_int_equal(watch.of[i],
                         (watch.heaps >> i & 1) != 0 ? hs_heap_largest(&caps.device, heap) : 0);
    }
    close_board(&caps);
}

/* To another heap because the own one is full, or because of other capabilities. */
static void a_block_that_moves_keeps_its_contents(void **state)
{
    (void)state;
    hs_caps caps;
    open_pico(&caps, "v5.2", HS_CAPS_BOOT_FULL, false);
    hs_addr a = hs_caps_malloc_default(&caps, 100);
    memset(hs_at(caps.device.space, a), 0x77, 100);
    hs_addr b = hs_caps_realloc_default(&caps, a, 50000);
    assert_ptr_not_equal(hs_caps_find(&caps, a), hs_caps_find(&caps, b));
    for (uint32_t i = 0; i < 100; i += 4) {
        assert_int_equal(hs_load(caps.device.space, b + i), 0x77777777);
    }
    memset(hs_at(caps.device.space, b), 0x77, 50000);
    hs_addr c = hs_caps_realloc(&caps, b, 100, HS_CAP_32BIT | HS_CAP_EXEC);
    assert_in_range(c, 0x40094000, 0x400a0000);
    for (uint32_t i = 0; i < 100; i += 4) {
        assert_int_equal(hs_load(caps.device.space, c + i), 0x77777777);
    }
    assert_int_not_equal(hs_load(caps.device.space, c + 100), 0x77777777);
    assert_int_equal(caps.device.crash, HS_CRASH_NONE);
    assert_true(hs_caps_check(&caps));
    close_board(&caps);
}

/* With the memory full that only the instruction bus has, the new block is seen there at an alias.
 */
static void a_block_moves_to_an_alias(void **state)
{
    (void)state;
    enum { EXECUTABLE = HS_CAP_32BIT | HS_CAP_EXEC };
    hs_caps caps;
    open_pico(&caps, "v5.2", HS_CAPS_BOOT_FULL, false);
    hs_addr a = hs_caps_malloc_default(&caps, 100);
    hs_addr b = 0x40090000;
    while (b < 0x400a0000) {
        b = hs_caps_malloc(&caps, 1000, EXECUTABLE);
        assert_int_not_equal(b, 0);
    }
    b = hs_caps_realloc(&caps, a, 1000, EXECUTABLE);
    assert_in_range(b, 0x400a0000, 0x400bffff);
    assert_null(hs_caps_find(&caps, b)); /* the heap is on the data bus */
    hs_caps_free(&caps, b);
    assert_int_equal(caps.device.crash, HS_CRASH_NONE);
    assert_true(hs_caps_check(&caps));
    close_board(&caps);
}

/* The old block's header says that it is free: the device stops before it copies. */
static void a_damaged_block_does_not_move(void **state)
{
    (void)state;
    hs_caps caps;
    open_pico(&caps, "v5.2", HS_CAPS_BOOT_FULL, false);
    hs_addr a = hs_caps_malloc(&caps, 100, HS_CAP_32BIT | HS_CAP_EXEC);
    hs_store(caps.device.space, a - 4, hs_load(caps.device.space, a - 4) | 1);
    assert_int_equal(hs_caps_realloc_default(&caps, a, 100), 0);
    assert_int_equal(caps.device.crash, HS_CRASH_NOT_USED);
    assert_int_equal(caps.device.crash_at, a);
    close_board(&caps);
}

static void boot_state_of_pico(void **state)
{
    (void)state;
    hs_caps caps;
    open_pico(&caps, "v4.4", HS_CAPS_BOOT_FRESH, false);
    assert_true(hs_caps_claim(&caps, 0x3ffb69e4, 5656));
    assert_true(hs_caps_claim(&caps, 0x3ffba07c, 5228 - 4));
    assert_true(hs_caps_claim(&caps, 0x3ffbb4e8 + 4452 + 4, 0x3ffbdb24 - 0x3ffbb4e8 - 4452 - 4));
    assert_true(hs_caps_claim(&caps, 0x3ffca204, 0x3ffcf174 - 4 - 0x3ffca204));
    assert_int_equal(hs_caps_largest_exact(&caps, HS_CAP_8BIT), 112208);
    assert_int_equal(hs_caps_malloc(&caps, 67584, MALLOC), 0x3ffcf174);
    assert_int_equal(hs_caps_malloc(&caps, 4352, MALLOC), 0x3ffbb4e8);
    assert_false(hs_caps_claim(&caps, 0x3ffaff20, 16)); /* not a heap */
    assert_false(hs_caps_claim(&caps, 0x10000000, 16));
    assert_true(hs_caps_check(&caps));
    close_board(&caps);
}

static void monitor(void **state)
{
    (void)state;
    hs_caps caps;
    open_pico(&caps, "v4.4", HS_CAPS_BOOT_FULL, false);
    assert_false(hs_caps_monitor_start(&caps)); /* not in this release */
    close_board(&caps);
    open_pico(&caps, "v5.5.5", HS_CAPS_BOOT_EARLY, false); /* two regions are no heaps yet */
    hs_caps_free(&caps, hs_caps_malloc_default(&caps, 60000));
    hs_caps_malloc_default(&caps, 20);
    uint32_t lowest = hs_caps_minimum_free_size(&caps, HS_CAP_8BIT);
    assert_true(hs_caps_monitor_start(&caps));
    uint32_t now = hs_caps_free_size(&caps, HS_CAP_8BIT);
    assert_int_equal(hs_caps_minimum_free_size(&caps, HS_CAP_8BIT), now);
    assert_true(now > lowest);
    assert_true(hs_caps_monitor_start(&caps));
    assert_true(hs_caps_monitor_stop(&caps));
    lowest -= 32; /* the monitor's own block, of a word for each of 7 heaps */
    assert_int_equal(hs_caps_minimum_free_size(&caps, HS_CAP_8BIT), lowest);
    assert_true(hs_caps_monitor_start(&caps)); /* a new lowest between the second start */
    hs_caps_free(&caps, hs_caps_malloc_default(&caps, 70000));
    uint32_t lower = hs_caps_minimum_free_size(&caps, HS_CAP_8BIT);
    assert_true(hs_caps_monitor_start(&caps)); /* and the stop counts as well */
    assert_true(hs_caps_monitor_stop(&caps));
    assert_int_equal(hs_caps_minimum_free_size(&caps, HS_CAP_8BIT), lower);
    assert_false(hs_caps_monitor_stop(&caps));
    close_board(&caps);
    open_pico(&caps, "v5.3", HS_CAPS_BOOT_EARLY, false);
    assert_false(hs_caps_monitor_start(&caps));
    assert_int_equal(caps.device.crash, HS_CRASH_NULL_HEAP);
    close_board(&caps);
}

/* --- Tables ----------------------------------------------------------------------------------- */

static void releases(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"v3.0", "v3.0 to v4.2"},
        {"3.3.5", "v3.0 to v4.2"},
        {"v4.2.1", "v3.0 to v4.2"},
        {"v4.3.1", "v4.3 to v4.3.1"},
        {"v4.3.4", "v4.3.3 to v4.3.4"},
        {"v4.3.7", "v4.3.5 to v4.3.7"},
        {"v4.4", "v4.4 to v4.4.1"},
        {"v4.4.3", "v4.4.2 to v4.4.3"},
        {"v4.4.6", "v4.4.4 to v4.4.7"},
        {"v4.4.8", "v4.4.8"},
        {"v5.0", "v5.0"},
        {"v5.0.2", "v5.0.1 to v5.2"},
        {"v5.1", "v5.0.1 to v5.2"},
        {"v5.3.4", "v5.3 to v5.3.4"},
        {"v5.4.0", "v5.4"},
        {"v5.4.4", "v5.4.1 to v5.4.4"},
        {"v5.5.1-120-gabc", "v5.5 to v5.5.4"},
        {"v5.5.5", "v5.5.5"},
        {"v6.0.2", "v6.0"},
        {"v6.1-beta1", "v6.1"},
        {"v6.1b1", "v6.1"},
        {"master", "master"},
    };
    static const char *const unknown[] = {"",     "v",   "v2.1",   "v3.4", "v4.5",     "v7.0",
                                          "v5.x", "v5.", "v5.999", "main", "v5.0.1.2", "v4.4 "};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const hs_idf_profile *profile = hs_idf_profile_find(rows[i][0]);
        assert_non_null(profile);
        assert_string_equal(profile->name, rows[i][1]);
    }
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        assert_null(hs_idf_profile_find(unknown[i]));
    }
    const hs_idf_profile *before = NULL;
    for (size_t i = 0; hs_idf_profile_row(i) != NULL; i++) {
        const hs_idf_profile *row = hs_idf_profile_row(i);
        assert_true(row->first <= row->last && (before == NULL || before->last < row->first));
        before = row;
    }
}

static void names(void **state)
{
    (void)state;
    assert_int_equal(hs_cap_find("8bit"), HS_CAP_8BIT);
    assert_int_equal(hs_cap_find("IRAM_8BIT"), HS_CAP_IRAM_8BIT);
    assert_int_equal(hs_cap_find("spm"), HS_CAP_TCM);
    assert_int_equal(hs_cap_find("8bits"), 0);
    assert_string_equal(hs_cap_name(HS_CAP_SIMD | HS_CAP_DMA), "dma");
    assert_string_equal(hs_cap_name(HS_CAP_INVALID), "invalid");
    assert_null(hs_cap_name(1u << 30));
    assert_null(hs_cap_name(0));
    for (unsigned type = 0; type < HS_REGION_TYPES; type++) {
        const char *name = hs_region_type_name((enum hs_region_type)type);
        assert_int_equal(hs_region_type_find(name), type);
    }
    assert_null(hs_region_type_name(HS_REGION_TYPES));
    assert_int_equal(hs_region_type_find("flash"), HS_REGION_TYPES);
    assert_int_equal(hs_region_type_find("diram"), HS_REGION_DIRAM);
    for (size_t i = 0; hs_chip_row(i) != NULL; i++) {
        assert_ptr_equal(hs_chip_find(hs_chip_row(i)->name), hs_chip_row(i));
    }
    assert_null(hs_chip_find("esp8266"));
}

static void type_tables(void **state)
{
    (void)state;
    uint32_t by[3];
    const hs_chip *s3 = hs_chip_find("esp32s3");
    const hs_chip *esp32 = hs_chip_find("esp32");
    assert_true(hs_chip_caps(s3, hs_idf_profile_find("v5.5"), true, HS_REGION_IRAM, by));
    assert_int_equal(by[0], HS_CAP_EXEC);
    assert_true(hs_chip_caps(s3, hs_idf_profile_find("v6.0"), true, HS_REGION_IRAM, by));
    assert_int_equal(by[0], 0);
    assert_true(hs_chip_caps(s3, hs_idf_profile_find("v5.4"), false, HS_REGION_DIRAM, by));
    assert_int_equal(by[0] & (HS_CAP_SIMD | HS_CAP_EXEC), HS_CAP_EXEC);
    assert_true(hs_chip_caps(esp32, hs_idf_profile_find("v4.4"), true, HS_REGION_RTCRAM, by));
    assert_int_equal(by[2], HS_CAP_RTCRAM);
    assert_true(hs_chip_caps(esp32, hs_idf_profile_find("v4.4.8"), true, HS_REGION_RTCRAM, by));
    assert_int_equal(by[0], HS_CAP_RTCRAM);
    assert_int_equal(by[2] & HS_CAP_EXEC, 0);
    assert_true(hs_chip_caps(esp32, hs_idf_profile_find("v4.4"), false, HS_REGION_SPIRAM, by));
    assert_int_equal(by[2], HS_CAP_8BIT | HS_CAP_32BIT);
    assert_true(hs_chip_caps(hs_chip_find("esp32s2"), hs_idf_profile_find("v4.4"), false,
                             HS_REGION_STACKDRAM, by));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_figures),
        cmocka_unit_test(list_order),
        cmocka_unit_test(refused_regions),
        cmocka_unit_test(no_room_for_more_regions),
        cmocka_unit_test(nested_heaps),
        cmocka_unit_test(nested_heaps_share_a_page),
        cmocka_unit_test(aliases),
        cmocka_unit_test(crashes),
        cmocka_unit_test(corrupt_links),
        cmocka_unit_test(standard_functions),
        cmocka_unit_test(running_figures),
        cmocka_unit_test(figures_after_a_cut),
        cmocka_unit_test(a_block_that_moves_keeps_its_contents),
        cmocka_unit_test(a_block_moves_to_an_alias),
        cmocka_unit_test(a_damaged_block_does_not_move),
        cmocka_unit_test(boot_state_of_pico),
        cmocka_unit_test(monitor),
        cmocka_unit_test(releases),
        cmocka_unit_test(names),
        cmocka_unit_test(type_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

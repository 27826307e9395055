/* Corners of heap_caps and multi_heap: what no ordinary board does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "device/heap_caps.h"
#include "device/memory.h"
#include "space.h"

#define ANY_8BIT (HS_CAP_8BIT | HS_CAP_INTERNAL)

typedef struct region {
    hs_addr start;
    uint32_t size;
    enum hs_region_type type;
} region;

static void open_board(hs_caps *caps, const char *release, const char *chip, bool poisoned)
{
    hs_caps_config config = {hs_idf_profile_find(release), hs_chip_find(chip), false, false,
                             poisoned};
    void *space = hs_space_create();
    assert_non_null(space);
    hs_caps_init(caps, space, &config);
}

static void add_boot(hs_caps *caps, const region *regions, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(hs_space_commit(caps->device.space, regions[i].start, regions[i].size), 0);
        assert_int_equal(
            hs_caps_boot_region(caps, regions[i].start, regions[i].size, regions[i].type),
            HS_CAPS_OK);
    }
}

static void boot(hs_caps *caps, const char *release, const char *chip, const region *regions,
                 size_t count)
{
    open_board(caps, release, chip, false);
    add_boot(caps, regions, count);
    hs_caps_boot(caps, HS_CAPS_BOOT_FULL);
}

static void close_board(hs_caps *caps)
{
    hs_space_destroy(caps->device.space);
}

/* --- Boot ------------------------------------------------------------------------------------- */

static void a_board_without_memory(void **state)
{
    (void)state;
    hs_caps caps;
    boot(&caps, "v5.5", "esp32", NULL, 0);
    assert_int_equal(hs_caps_malloc_default(&caps, 16), 0);
    assert_int_equal(hs_caps_total_size(&caps, 0), 0);
    assert_int_equal(hs_caps_largest_free_block(&caps, 0), 0);
    assert_false(hs_caps_monitor_start(&caps)); /* no memory for its block */
    assert_false(hs_caps_dma_pool(&caps, 100, NULL, NULL));
    assert_true(hs_caps_check(&caps));
    close_board(&caps);
}

static void adjacent_regions(void **state)
{
    (void)state;
    static const region regions[] = {
        {0x3fcd9710, 0x10000, HS_REGION_DIRAM}, /* the second half waits for the scheduler */
        {0x3fce9710, 0x6000, HS_REGION_DIRAM},
        {0x3fcc9710, 0x10000, HS_REGION_DIRAM}, /* below: one heap with the first */
        {0x3fcf0000, 0x8000, HS_REGION_DRAM},   /* behind: another type */
        {0x3c010000, 0x10000, HS_REGION_SPIRAM},
        {0x3c000000, 0x10000, HS_REGION_SPIRAM},
    };
    hs_caps caps;
    boot(&caps, "v5.2", "esp32s3", regions, 6);
    assert_int_equal(caps.count, 5); /* PSRAM is added, so never merged */
    assert_int_equal(hs_caps_find(&caps, 0x3fcc9710)->end, 0x3fce9710);
    assert_int_equal(hs_caps_find(&caps, 0x3fce9710)->end, 0x3fcef710);
    assert_int_equal(hs_caps_find(&caps, 0x3c000000)->end, 0x3c010000);
    assert_true(hs_caps_check(&caps));
    close_board(&caps);
}

/* The list of heaps needs a block in byte-wide internal memory; PSRAM then needs one more. */
static void no_room_for_descriptors(void **state)
{
    (void)state;
    static const region iram[] = {{0x40094000, 8192, HS_REGION_IRAM},
                                  {0x3f800000, 65536, HS_REGION_SPIRAM}};
    hs_caps caps;
    boot(&caps, "v4.4", "esp32", iram, 2);
    assert_int_equal(caps.listed, 1);
    assert_int_equal(hs_caps_malloc(&caps, 16, HS_CAP_SPIRAM), 0);
    assert_int_equal(hs_caps_free_size(&caps, HS_CAP_EXEC), 8192 - 20 - 1604);
    close_board(&caps);
    open_board(&caps, "v4.4", "esp32", false);
    add_boot(&caps, iram, 2);
    hs_caps_boot(&caps, HS_CAPS_BOOT_FRESH);
    assert_int_equal(caps.listed, 2); /* nothing is allocated here */
    assert_int_not_equal(hs_caps_malloc(&caps, 16, HS_CAP_SPIRAM), 0);
    close_board(&caps);
}

/* Without its descriptor: for boards whose blocks are known. */
static void added_without_a_descriptor(void **state)
{
    (void)state;
    static const region dram = {0x3ffb0000, 16384, HS_REGION_DRAM};
    hs_caps caps;
    open_board(&caps, "v5.2", "esp32", false);
    add_boot(&caps, &dram, 1);
    hs_caps_boot(&caps, HS_CAPS_BOOT_FRESH);
    uint32_t free_size = hs_caps_free_size(&caps, 0);
    assert_int_equal(hs_space_commit(caps.device.space, 0x3ffc0000, 8192), 0);
    assert_int_equal(hs_caps_add_region_fresh(&caps, 0x10000000, 8192), HS_CAPS_NOTFOUND);
    assert_int_equal(hs_caps_add_region_fresh(&caps, 0x3ffb1000, 65536), HS_CAPS_FAIL);
    assert_int_equal(hs_caps_add_region_fresh(&caps, 0x3ffc0000, 8), HS_CAPS_TOOSMALL);
    assert_int_equal(hs_caps_free_size(&caps, 0), free_size);
    assert_int_equal(hs_caps_add_region_fresh(&caps, 0x3ffc0000, 8192), HS_CAPS_OK);
    assert_int_equal(hs_caps_find(&caps, 0x3ffc0000)->type, HS_REGION_DRAM);
    hs_heap_info info;
    hs_caps_get_info(&caps, &info, 0);
    assert_int_equal(info.allocated_blocks, 0);
    close_board(&caps);
}

/* The allocator in the C6's ROM does not round requests to their class. */
static void rom_allocator(void **state)
{
    (void)state;
    static const region ram = {0x40810000, 4096, HS_REGION_DIRAM};
    static const region s3 = {0x3fcc9710, 4096, HS_REGION_DIRAM};
    hs_caps caps;
    boot(&caps, "v5.5", "esp32c6", &ram, 1);
    hs_addr a = hs_caps_malloc_default(&caps, 260);
    assert_int_equal(hs_caps_usable(&caps, a), 260);
    a = hs_caps_malloc(&caps, 64, HS_CAP_EXEC); /* one address on both buses */
    assert_ptr_equal(hs_caps_find(&caps, a), &caps.heaps[0]);
    a = hs_caps_calloc(&caps, 4, 16, HS_CAP_EXEC);
    assert_int_equal(hs_load(caps.device.space, a + 60), 0);
    assert_int_equal(hs_caps_usable(&caps, 0x40378000), 0);
    assert_int_equal(caps.device.crash, HS_CRASH_WILD_POINTER);
    close_board(&caps);
    boot(&caps, "v5.5", "esp32s3", &s3, 1);
    a = hs_caps_malloc_default(&caps, 260);
    assert_int_equal(hs_caps_usable(&caps, a), 288);
    close_board(&caps);
}

/* What is larger than the chip's memory is not looked for; what is as large is. */
static void the_largest_request(void **state)
{
    (void)state;
    static const region ram = {0x3fc80000, 0x100000, HS_REGION_DIRAM};
    static const char *const releases[] = {"v3.3", "v5.2"};
    for (size_t i = 0; i < 2; i++) {
        hs_caps caps;
        boot(&caps, releases[i], "esp32c3", &ram, 1);
        hs_addr a = hs_caps_malloc_default(&caps, 0x64001);
        assert_int_equal(a, 0);
        a = hs_caps_malloc_default(&caps, 0x64000);
        assert_int_not_equal(a, 0);
        assert_int_equal(hs_caps_realloc_default(&caps, a, 0x64001), 0);
        assert_int_equal(hs_caps_realloc_default(&caps, a, 0x63000), a);
        assert_int_equal(hs_caps_realloc_default(&caps, a, 0x64000), a);
        hs_caps_free(&caps, a);
        assert_int_equal(hs_caps_memalign(&caps, 8, 0x64001), 0);
        assert_int_equal(hs_caps_memalign(&caps, 8, 0x64000) == 0, i == 0); /* v3.3 has none */
        close_board(&caps);
    }
}

/* A region that was too small to become a heap leaves nothing behind. */
static void after_a_region_that_was_refused(void **state)
{
    (void)state;
    static const region dram = {0x3ffb0000, 65536, HS_REGION_DRAM};
    static const uint32_t dma[3] = {HS_CAP_DMA, HS_CAP_DMA, HS_CAP_DMA};
    static const uint32_t spiram[3] = {0, 0, HS_CAP_SPIRAM};
    hs_caps caps;
    boot(&caps, "v5.2", "esp32", &dram, 1);
    uint32_t free_size = hs_caps_free_size(&caps, 0);
    assert_int_equal(hs_space_commit(caps.device.space, 0x3f800000, 8192), 0);
    assert_int_equal(hs_caps_add_region_with_caps(&caps, dma, 0x3f800000, 16), HS_CAPS_TOOSMALL);
    assert_int_equal(hs_caps_free_size(&caps, 0), free_size); /* its descriptor went back */
    assert_int_equal(hs_caps_add_region_with_caps(&caps, spiram, 0x3f800000, 8192), HS_CAPS_OK);
    const hs_caps_heap *heap = hs_caps_find(&caps, 0x3f800000);
    assert_int_equal(heap->all, HS_CAP_SPIRAM);
    assert_int_equal(heap->caps[0] | heap->caps[1], 0);
    assert_int_equal(heap->caps[2], HS_CAP_SPIRAM);
    assert_int_equal(heap->counted, 0);
    assert_true(heap->late);
    close_board(&caps);
}

static void count_parts(void *context, hs_addr start, uint32_t size)
{
    (void)start;
    *(uint32_t *)context += size;
}

static void dma_reserve(void **state)
{
    (void)state;
    static const region dram = {0x3ffb0000, 65536, HS_REGION_DRAM};
    static const char *const releases[] = {"v6.1", "master"};
    for (size_t i = 0; i < 2; i++) {
        hs_caps caps;
        uint32_t bytes = 0;
        boot(&caps, releases[i], "esp32", &dram, 1);
        assert_true(hs_caps_dma_pool(&caps, 16384, count_parts, &bytes));
        assert_int_equal(bytes, 16384);
        const hs_caps_heap *part = &caps.heaps[caps.order[0]];
        assert_int_equal(part->caps[0], 0);
        assert_int_equal(part->caps[1], HS_CAP_DMA | HS_CAP_INTERNAL);
        assert_int_equal(part->caps[2], HS_CAP_8BIT | HS_CAP_32BIT | (i == 0 ? 0 : HS_CAP_DEFAULT));
        assert_true(hs_caps_dma_pool(&caps, 4096, NULL, NULL));
        assert_false(hs_caps_dma_pool(&caps, 20, NULL, NULL)); /* too small to be a heap */
        assert_true(hs_caps_check(&caps));
        close_board(&caps);
    }
}

/* --- What is remembered ----------------------------------------------------------------------- */

/* The first heap by priority, then by list, that has all capabilities and room. */
static hs_addr expected_heap(hs_caps *caps, uint32_t size, uint32_t wanted)
{
    for (int priority = 0; priority < 3; priority++) {
        for (unsigned i = 0; i < caps->listed; i++) {
            const hs_caps_heap *heap = &caps->heaps[caps->order[i]];
            if ((heap->caps[priority] & wanted) != 0 && (heap->all & wanted) == wanted &&
                hs_heap_largest(&caps->device, &heap->heap) >= size) {
                return heap->start;
            }
        }
    }
    return 0;
}

static void expect_each_once(hs_caps *caps, const hs_caps_plan *plan)
{
    uint32_t met = 0;
    const hs_caps_place *place = plan->heaps + plan->special;
    for (; hs_caps_at(caps, *place)->way != HS_CAPS_END; place++) {
        uint32_t heap = 1u << (hs_caps_at(caps, *place) - caps->heaps);
        assert_int_equal(met & heap, 0);
        met |= heap;
    }
}

/* More kinds of capabilities than search orders are remembered, blocks on every page of the chip's
 * memory: the same heaps as without any memory, and nothing behind the board is touched. */
static void what_is_remembered_changes_nothing(void **state)
{
    (void)state;
    static const region regions[] = {{0x3ffb0000, 0x8000, HS_REGION_DRAM},
                                     {0x3ffc0000, 0x20000, HS_REGION_DRAM},
                                     {0x3ffe4000, 0x1c000, HS_REGION_DIRAM},
                                     {0x40094000, 0xc000, HS_REGION_IRAM},
                                     {0x3f800000, 0x18000, HS_REGION_SPIRAM}};
    static const uint32_t kinds[] = {HS_CAP_8BIT,     HS_CAP_DMA,    HS_CAP_DEFAULT,
                                     HS_CAP_INTERNAL, HS_CAP_SPIRAM, HS_CAP_32BIT};
    static const char *const releases[] = {"v3.3", "v4.4", "v5.2"};
    static struct {
        hs_caps caps;
        uint8_t behind[256];
    } b;
    for (size_t r = 0; r < 3; r++) {
        hs_addr blocks[512];
        uint32_t count = 0;
        memset(b.behind, 0x5a, sizeof b.behind);
        boot(&b.caps, releases[r], "esp32", regions, 5);
        for (uint32_t n = 0; n < 512; n++) {
            uint32_t wanted = 0;
            for (unsigned i = 0; i < 6; i++) {
                wanted |= (n * 37 % 63 + 1) >> i & 1 ? kinds[i] : 0;
            }
            uint32_t size = n % 7 * 700 + 100;
            hs_addr heap = expected_heap(&b.caps, size, wanted);
            hs_addr a = hs_caps_malloc(&b.caps, size, wanted);
            assert_int_equal(a == 0 ? 0 : hs_caps_find(&b.caps, a)->start, heap);
            blocks[count] = a;
            count += a != 0;
        }
        while (count != 0) {
            hs_caps_free(&b.caps, blocks[--count]);
        }
        for (unsigned i = 0; i < HS_CAPS_PLANS; i++) {
            expect_each_once(&b.caps, &b.caps.plans[i]);
        }
        hs_heap_info info;
        hs_caps_get_info(&b.caps, &info, 0);
        assert_int_equal(info.allocated_blocks, 2); /* the descriptors' */
        assert_int_equal(b.caps.device.crash, HS_CRASH_NONE);
        assert_true(hs_caps_check(&b.caps));
        for (size_t i = 0; i < sizeof b.behind; i++) {
            assert_int_equal(b.behind[i], 0x5a);
        }
        close_board(&b.caps);
    }
}

/* --- Aliases ---------------------------------------------------------------------------------- */

static void executable_memory(void **state)
{
    (void)state;
    static const region regions[] = {{0x3ff80000, 8192, HS_REGION_RTCRAM},
                                     {0x3ffe4350, 16384, HS_REGION_DIRAM},
                                     {0x40094000, 8192, HS_REGION_IRAM}};
    static const struct {
        const char *release;
        hs_addr rtc; /* what the first block of RTC memory is called */
    } rows[] = {{"v5.2", 0x3ff80000}, {"v5.5", 0x400c0000}};
    for (size_t i = 0; i < 2; i++) {
        hs_caps caps;
        boot(&caps, rows[i].release, "esp32", regions, 3);
        hs_addr iram = hs_caps_malloc(&caps, 64, HS_CAP_EXEC);
        assert_in_range(iram, 0x40094000, 0x40096000); /* no alias */
        assert_int_equal(hs_caps_calloc(&caps, 16, 4, HS_CAP_EXEC | HS_CAP_8BIT), 0);
        hs_addr again = hs_caps_calloc(&caps, 16, 4, HS_CAP_EXEC);
        assert_int_equal(hs_load(caps.device.space, again + 60), 0);
        hs_addr rtc = hs_caps_malloc(&caps, 64, HS_CAP_EXEC | HS_CAP_RTCRAM);
        assert_in_range(rtc, rows[i].rtc, rows[i].rtc + 8192);
        hs_addr code = hs_caps_malloc(&caps, 8192, HS_CAP_EXEC);
        assert_in_range(code, 0x400a0000, 0x400c0000);
        /* v5.5 rounds 64 and the alias word to its class */
        assert_int_equal(hs_caps_usable(&caps, rtc), i == 0 ? 64 : 72);
        hs_caps_free(&caps, rtc);
        /* An aliased block that moves to ordinary memory, and one that comes from there. */
        hs_addr data = hs_caps_realloc(&caps, code, 4000, HS_CAP_DMA);
        assert_in_range(data, 0x3ffe4350, 0x3ffe8350);
        assert_int_equal(caps.device.crash, HS_CRASH_NONE);
        assert_true(hs_caps_check(&caps));
        assert_int_equal(hs_caps_usable(&caps, 0x400c4000), 0); /* on no bus */
        assert_int_equal(caps.device.crash, HS_CRASH_WILD_POINTER);
        close_board(&caps);
    }
}

/* Data that look like the note in front of executable memory, where no bus leads to them: by the
 * distance of RTC memory's two addresses, or of D/IRAM's. */
static void notes_that_are_none(void **state)
{
    (void)state;
    static const region regions[] = {{0x3ffb0000, 16384, HS_REGION_DRAM},
                                     {0x3ff80000, 8192, HS_REGION_RTCRAM}};
    static const struct {
        const char *release;
        uint32_t kind;
        hs_addr from, to;
    } cases[] = {{"v5.5", HS_CAP_DMA, 0x3ff80000, 0x400c0000},
                 {"v5.5", HS_CAP_DMA, 0x3ffe0000, 0x400a0000},
                 {"v5.2", HS_CAP_DMA, 0x3ff80000, 0x400c0000},
                 {"v5.2", HS_CAP_RTCRAM, 0x3ff80000, 0x400c0000}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        hs_caps caps;
        boot(&caps, cases[i].release, "esp32", regions, 2);
        hs_addr a = hs_caps_malloc(&caps, 100, cases[i].kind);
        assert_int_not_equal(a, 0);
        hs_store(caps.device.space, a, a);
        hs_addr seen = cases[i].to + (a - cases[i].from) + 4;
        assert_int_equal(hs_caps_usable(&caps, seen), 0);
        assert_int_equal(caps.device.crash, HS_CRASH_WILD_POINTER);
        assert_int_equal(caps.device.crash_at, seen);
        close_board(&caps);
    }
}

/* Behind RTC memory's last word on the instruction bus there is nothing, even if a heap follows on
 * the data bus. */
static void the_word_behind_an_alias(void **state)
{
    (void)state;
    static const region regions[] = {{0x3ff80000, 8192, HS_REGION_RTCRAM},
                                     {0x3ff82000, 8192, HS_REGION_DRAM}};
    hs_caps caps;
    boot(&caps, "v5.5", "esp32", regions, 2);
    assert_int_equal(hs_caps_usable(&caps, 0x400c2004), 0);
    assert_int_equal(caps.device.crash_at, 0x400c2004);
    close_board(&caps);
}

/* Blocks of `size` bytes over memory that was not empty: all of it is cleared, in words that the
 * instruction bus sees in one order or the other, and the note of the block's address is not. */
static void expect_zeroed(hs_caps *caps, uint32_t size, hs_addr low, hs_addr high)
{
    hs_addr code = hs_caps_malloc(caps, size, HS_CAP_EXEC);
    assert_in_range(code, low, high);
    hs_addr block = hs_load(caps->device.space, caps->config.chip->diram_inverted
                                                    ? 0x40000000 - (code - 0x400a0000)
                                                    : code - 4 - 0x40378000 + 0x3fc88000);
    assert_in_range(block, caps->heaps[0].start, caps->heaps[0].end);
    hs_addr data = caps->config.chip->diram_inverted ? block : block + 4;
    memset(hs_at(caps->device.space, data), 0xff, size);
    hs_caps_free(caps, code);
    assert_int_equal(hs_caps_calloc(caps, 1, size, HS_CAP_EXEC), code);
    for (uint32_t i = 0; i < size; i++) {
        assert_int_equal(*(uint8_t *)hs_at(caps->device.space, data + i), 0);
    }
    hs_caps_free(caps, code);
    assert_true(hs_caps_check(caps));
    assert_int_equal(caps->device.crash, HS_CRASH_NONE);
}

static void zeroed_on_the_instruction_bus(void **state)
{
    (void)state;
    static const region diram = {0x3ffe4350, 16384, HS_REGION_DIRAM};
    static const region s3 = {0x3fcc9710, 16384, HS_REGION_DIRAM};
    hs_caps caps;
    boot(&caps, "v4.4", "esp32", &diram, 1);
    for (uint32_t size = 33; size < 45; size++) {
        expect_zeroed(&caps, size, 0x400a0000, 0x400c0000);
    }
    close_board(&caps);
    boot(&caps, "v5.2", "esp32s3", &s3, 1);
    for (uint32_t size = 33; size < 45; size++) {
        expect_zeroed(&caps, size, 0x40378000, 0x403e0000);
    }
    close_board(&caps);
}

/* --- After a crash ---------------------------------------------------------------------------- */

static void a_dead_block_that_moves(void **state)
{
    (void)state;
    static const region regions[] = {{0x3ffb0000, 16384, HS_REGION_DRAM},
                                     {0x40094000, 8192, HS_REGION_IRAM}};
    hs_caps caps;
    hs_heap_info info;
    boot(&caps, "v4.4", "esp32", regions, 2);
    hs_addr a = hs_caps_malloc_default(&caps, 64);
    hs_caps_free(&caps, a);
    hs_caps_realloc(&caps, a, 100, HS_CAP_EXEC);
    assert_int_equal(caps.device.crash, HS_CRASH_NOT_USED);
    hs_caps_get_info(&caps, &info, 0);
    assert_int_equal(info.total_blocks, 0);
    close_board(&caps);
}

/* A block that was cut from memory whose next header is damaged is nobody's: the device stopped. */
static void damage_behind_a_block(void **state)
{
    (void)state;
    static const region regions[] = {{0x3ffb0000, 16384, HS_REGION_DRAM},
                                     {0x40094000, 8192, HS_REGION_IRAM}};
    static const uint32_t kinds[] = {HS_CAP_DEFAULT, HS_CAP_EXEC};
    for (size_t i = 0; i < 2; i++) {
        hs_caps caps;
        boot(&caps, "v3.3", "esp32", regions, 2);
        hs_addr a = hs_caps_malloc(&caps, 100, kinds[i]);
        hs_addr behind = hs_caps_malloc(&caps, 100, kinds[i]);
        assert_int_equal(behind, a + 104);
        hs_caps_free(&caps, a);
        hs_store(caps.device.space, behind - 4, 1); /* free, and leads nowhere */
        assert_int_equal(hs_caps_malloc(&caps, 100, kinds[i]), 0);
        assert_int_equal(caps.device.crash, HS_CRASH_CORRUPT);
        close_board(&caps);
    }
}

/* What is in the struct before makes no difference, and what is refused is no heap. */
static void heaps_in_a_used_struct(void **state)
{
    (void)state;
    static const char *const releases[] = {"v3.3", "v4.4", "v5.5"};
    static const region dram = {0x3ffb0000, 16384, HS_REGION_DRAM};
    hs_caps caps;
    boot(&caps, "v5.5", "esp32", &dram, 1);
    for (size_t i = 0; i < 3; i++) {
        hs_heap clean;
        hs_heap used;
        memset(&clean, 0, sizeof clean);
        memset(&used, 0xff, sizeof used);
        const hs_idf_profile *profile = hs_idf_profile_find(releases[i]);
        assert_true(
            hs_heap_register(&caps.device, &clean, profile, 0x3ffb0000, 8192, 131072, false));
        assert_true(
            hs_heap_register(&caps.device, &used, profile, 0x3ffb0000, 8192, 131072, false));
        assert_memory_equal(&clean, &used, sizeof clean);
        assert_false(hs_heap_register(&caps.device, &used, profile, 0x3ffb0000, 16, 131072, false));
        assert_int_equal(used.base, 0);
    }
    close_board(&caps);
}

/* --- Light poisoning -------------------------------------------------------------------------- */

static void poisoned_blocks(void **state)
{
    (void)state;
    static const region dram = {0x3ffb0000, 16384, HS_REGION_DRAM};
    enum { LIVE, OUTSIDE, END, ODD, BYTE, FIRST, SIZE, TAIL, HEAD, CASES };
    static const uint8_t reasons[CASES] = {
        [OUTSIDE] = HS_CRASH_NOT_USED, [END] = HS_CRASH_NOT_USED, [ODD] = HS_CRASH_NOT_USED,
        [BYTE] = HS_CRASH_NOT_USED,    [FIRST] = HS_CRASH_CANARY, [SIZE] = HS_CRASH_CANARY,
        [TAIL] = HS_CRASH_CANARY,      [HEAD] = HS_CRASH_CANARY};
    for (unsigned i = 0; i < CASES; i++) {
        hs_caps caps;
        open_board(&caps, "v5.2", "esp32", true);
        add_boot(&caps, &dram, 1);
        hs_caps_boot(&caps, HS_CAPS_BOOT_FULL);
        hs_addr a = hs_caps_malloc_default(&caps, 64);
        const hs_heap *heap = &caps.heaps[0].heap;
        hs_heap_free(&caps.device, heap, 0); /* is ignored */
        assert_int_equal(caps.device.crash, HS_CRASH_NONE);
        assert_true(i != SIZE || (hs_store(caps.device.space, a - 4, 0x7fffffff), true));
        assert_true(i != TAIL || (hs_store(caps.device.space, a + 64, 0), true));
        assert_true(i != HEAD || (hs_store(caps.device.space, a - 8, 0), true));
        const hs_addr given[CASES] = {
            a, heap->end + 8, heap->end, a + 2, a + 1, heap->first + 8, a, a, a};
        hs_heap_free(&caps.device, heap, given[i]);
        assert_int_equal(caps.device.crash, reasons[i]);
        close_board(&caps);
    }
}

/* A canary counts only where the block ends: in another block, or behind the heap, it is data. */
static void canaries_elsewhere(void **state)
{
    (void)state;
    static const region dram = {0x3ffb0000, 16384, HS_REGION_DRAM};
    hs_caps caps;
    open_board(&caps, "v5.2", "esp32", true);
    add_boot(&caps, &dram, 1);
    hs_caps_boot(&caps, HS_CAPS_BOOT_FULL);
    hs_addr a = hs_caps_malloc_default(&caps, 64);
    hs_addr b = hs_caps_malloc_default(&caps, 64);
    assert_int_equal(b, a + 64 + 16);
    hs_heap_info info; /* figures are printed less one block's canaries */
    hs_heap_get_info(&caps.device, &caps.heaps[0].heap, &info);
    assert_int_equal(info.free, hs_heap_counter(&caps.device, &caps.heaps[0].heap) - 12);
    assert_int_equal(info.minimum, info.free);
    assert_int_equal(info.largest, hs_heap_largest(&caps.device, &caps.heaps[0].heap));
    for (uint32_t longer = 4; longer <= 32; longer += 4) {
        hs_store(caps.device.space, a - 4, 64 + longer);
        uint32_t kept = hs_load(caps.device.space, a + 64 + longer);
        hs_store(caps.device.space, a + 64 + longer, 0xbaad5678);
        assert_false(hs_heap_check(&caps.device, &caps.heaps[0].heap));
        hs_store(caps.device.space, a + 64 + longer, kept);
        hs_store(caps.device.space, a - 4, 64);
        assert_true(hs_heap_check(&caps.device, &caps.heaps[0].heap));
    }
    close_board(&caps);
}

static void poisoned_claims(void **state)
{
    (void)state;
    static const region dram = {0x3ffb0000, 16384, HS_REGION_DRAM};
    hs_caps caps;
    open_board(&caps, "v5.2", "esp32", true);
    add_boot(&caps, &dram, 1);
    hs_caps_boot(&caps, HS_CAPS_BOOT_FRESH);
    hs_addr first = caps.heaps[0].heap.first + 4;
    assert_false(hs_caps_claim(&caps, first, 8)); /* no room for the canaries */
    assert_true(hs_caps_claim(&caps, first, 112));
    assert_true(hs_caps_claim(&caps, first + 116, 12)); /* just room for them */
    assert_int_equal(hs_caps_usable(&caps, first + 8), 100);
    hs_caps_free(&caps, first + 8);
    assert_int_equal(caps.device.crash, HS_CRASH_NONE);
    assert_true(hs_caps_check(&caps));
    close_board(&caps);
}

static void names_with_a_tail(void **state)
{
    (void)state;
    assert_string_equal(hs_idf_profile_find("v5.0.2+local")->name, "v5.0.1 to v5.2");
    assert_string_equal(hs_idf_profile_find("v5.0.2-dirty")->name, "v5.0.1 to v5.2");
    assert_string_equal(hs_idf_profile_find("v5.0.2b")->name, "v5.0.1 to v5.2");
    assert_null(hs_idf_profile_find("v5.0.2x"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_board_without_memory),
        cmocka_unit_test(adjacent_regions),
        cmocka_unit_test(no_room_for_descriptors),
        cmocka_unit_test(added_without_a_descriptor),
        cmocka_unit_test(rom_allocator),
        cmocka_unit_test(after_a_region_that_was_refused),
        cmocka_unit_test(the_largest_request),
        cmocka_unit_test(dma_reserve),
        cmocka_unit_test(what_is_remembered_changes_nothing),
        cmocka_unit_test(executable_memory),
        cmocka_unit_test(notes_that_are_none),
        cmocka_unit_test(the_word_behind_an_alias),
        cmocka_unit_test(zeroed_on_the_instruction_bus),
        cmocka_unit_test(a_dead_block_that_moves),
        cmocka_unit_test(damage_behind_a_block),
        cmocka_unit_test(heaps_in_a_used_struct),
        cmocka_unit_test(poisoned_blocks),
        cmocka_unit_test(canaries_elsewhere),
        cmocka_unit_test(poisoned_claims),
        cmocka_unit_test(names_with_a_tail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

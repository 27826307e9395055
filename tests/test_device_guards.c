/* Device memory in which one word is damaged, and figures at the ends of their range: a guard tells
 * it, and nothing outside the heap is touched. */
#include "device/gc.h"
#include "device/heap_caps.h"
#include "device/memory.h"
#include "heap_fixture.h"

/* --- One word of a TLSF heap ------------------------------------------------------------------ */

#define TLSF_44 "v4.4" /* classes of the ESP32, in every heap alike */

/* A heap of 30000 bytes in which one free block follows a live one. */
static void open_heap(fixture *f)
{
    open_space(f);
    assert_true(lay_out(f, hs_idf_profile_find(TLSF_44), 30000, false));
    assert_int_not_equal(hs_heap_malloc(&f->device, &f->heap, 100), 0);
}

static bool find_free(void *context, hs_addr address, uint32_t size, bool used)
{
    (void)size;
    *(hs_addr *)context = address;
    return used; /* ends the walk there */
}

static hs_addr free_block(fixture *f)
{
    hs_addr address = 0;
    hs_heap_walk(&f->device, &f->heap, find_free, &address);
    return address;
}

static void add_to(fixture *f, hs_addr at, uint32_t more)
{
    hs_store(f->device.space, at, hs_load(f->device.space, at) + more);
}

static void expect_corrupt(fixture *f, hs_addr result)
{
    assert_int_equal(result, 0);
    assert_int_equal(f->device.crash, HS_CRASH_CORRUPT);
    close_space(f);
}

/* A list leads to a block near the heap's end that claims to be long: the aligned address would lie
 * behind the heap. */
static void aligned_in_a_block_that_is_too_long(void **state)
{
    (void)state;
    fixture f;
    open_heap(&f);
    hs_addr front = hs_heap_malloc(&f.device, &f.heap, 27000);
    hs_addr last = hs_heap_malloc(&f.device, &f.heap, 500);
    hs_heap_free(&f.device, &f.heap, front);
    assert_int_equal(free_block(&f), front);
    for (hs_addr head = f.heap.heads; head < f.heap.heads + 4 * 9 * 32; head += 4) {
        if (hs_load(f.device.space, head) == front - 8) {
            hs_store(f.device.space, head, last - 8);
        }
    }
    add_to(&f, last - 4, 64 * 1024);
    expect_corrupt(&f, hs_heap_aligned(&f.device, &f.heap, 64, 8 * 1024));
}

/* A board with one region, and memory behind it. */
static void open_board(hs_caps *caps)
{
    const hs_caps_config config = {.profile = hs_idf_profile_find(TLSF_44),
                                   .chip = hs_chip_find("esp32")};
    hs_caps_init(caps, hs_space_create(), &config);
    assert_int_equal(hs_space_commit(caps->device.space, 0x3ffb0000, 0x10000), 0);
    hs_caps_boot_region(caps, 0x3ffb0000, 0x8000, HS_REGION_DRAM);
    hs_caps_boot(caps, HS_CAPS_BOOT_FRESH);
}

/* The list that the bytes in front of the aligned block go into has a wild head. */
static void aligned_with_a_damaged_list(void **state)
{
    (void)state;
    for (uint32_t number = 0; number < 9u * 32; number++) {
        hs_caps caps;
        open_board(&caps);
        hs_addr head = caps.heaps[0].heap.heads + 4 * number;
        if (hs_load(caps.device.space, head) == caps.heaps[0].heap.control) {
            hs_store(caps.device.space, head, 0x3ffb0002);
        }
        hs_addr block = hs_caps_aligned_alloc(&caps, 256, 64, HS_CAP_DEFAULT);
        assert_true(block % 256 == 0);
        assert_int_equal(block == 0, caps.device.crash != HS_CRASH_NONE);
        hs_space_destroy(caps.device.space);
    }
}

static void claims_in_damaged_blocks(void **state)
{
    (void)state;
    static const struct {
        int32_t word; /* of the free block: header, next free, previous free */
        uint32_t more;
    } damages[] = {{-4, 0x20000}, {-4, 0xffff0000}, {0, 2}, {4, 2}};
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        fixture f;
        open_heap(&f);
        hs_addr block = free_block(&f);
        add_to(&f, block + (hs_addr)damages[i].word, damages[i].more);
        assert_false(hs_heap_claim(&f.device, &f.heap, block + 64, 100));
        close_space(&f);
    }
}

/* The rest of the block goes into a list whose head is wild. */
static void a_claim_with_a_damaged_list(void **state)
{
    (void)state;
    size_t told = 0;
    for (uint32_t number = 0; number < 9u * 32; number++) {
        fixture f;
        open_heap(&f);
        hs_addr head = f.heap.heads + 4 * number;
        if (hs_load(f.device.space, head) == f.heap.control) {
            hs_store(f.device.space, head, BASE + 2);
        }
        bool claimed = hs_heap_claim(&f.device, &f.heap, free_block(&f) + 64, 20000);
        assert_int_equal(claimed, f.device.crash == HS_CRASH_NONE);
        told += !claimed;
        close_space(&f);
    }
    assert_int_equal(told, 2); /* the lists of the bytes in front and of those behind */
}

/* --- Canaries --------------------------------------------------------------------------------- */

/* A word like a canary where no block has room: the last bytes of a region of odd length. */
static void canary_at_the_end(void **state)
{
    (void)state;
    fixture f;
    open_space(&f);
    assert_true(lay_out(&f, hs_idf_profile_find("v3.3"), 30003, true));
    hs_addr live = hs_heap_malloc(&f.device, &f.heap, 16);
    uint32_t canary = hs_load(f.device.space, live - 8);
    hs_addr end = (f.heap.end - 1) & ~3u;
    hs_store(f.device.space, end - 8, canary);
    hs_heap_free(&f.device, &f.heap, end);
    assert_int_equal(f.device.crash, HS_CRASH_CANARY);
    close_space(&f);
}

/* --- Regions ---------------------------------------------------------------------------------- */

static void late_regions_that_cannot_be(void **state)
{
    (void)state;
    hs_caps caps;
    open_board(&caps);
    assert_int_equal(hs_caps_add_region_fresh(&caps, 0x10000000, 0x4000), HS_CAPS_NOTFOUND);
    assert_int_equal(hs_caps_add_region_fresh(&caps, 0x3ffb4000, 0x8000), HS_CAPS_FAIL);
    assert_int_equal(hs_caps_add_region_fresh(&caps, 0x3ffb8000, 0x4000), HS_CAPS_OK);
    assert_true(hs_caps_check(&caps));
    hs_space_destroy(caps.device.space);
}

/* --- Collector -------------------------------------------------------------------------------- */

static hs_addr given;

static void no_roots(void *context, hs_gc *gc)
{
    (void)context;
    (void)gc;
}

static uint32_t plenty(void *context)
{
    (void)context;
    return 65536;
}

static hs_addr give(void *context, uint32_t bytes)
{
    (void)context;
    (void)bytes;
    return given;
}

static void take_back(void *context, hs_addr start)
{
    (void)context;
    (void)start;
}

static const hs_gc_hooks hooks = {
    .roots = no_roots, .max_new_split = plenty, .platform_alloc = give, .platform_free = take_back};

static void *open_gc(hs_gc *gc, const char *version, uint32_t size)
{
    void *space = hs_space_create();
    assert_non_null(space);
    assert_int_equal(hs_space_commit(space, BASE, size), 0);
    assert_true(hs_gc_init(gc, space, hs_gc_version_find(version), hs_gc_mode_find(version), BASE,
                           size, &hooks, NULL));
    return space;
}

/* The platform's memory is no area when its address is odd: the request fails, as it would without.
 */
static void growth_that_is_no_area(void **state)
{
    (void)state;
    hs_gc gc;
    void *space = open_gc(&gc, "auto-v1.22", 1024);
    given = BASE + 0x100001;
    assert_int_equal(hs_gc_alloc(&gc, 4096, 0), 0);
    assert_int_equal(gc.first.next, 0);
    hs_space_destroy(space);
}

/* Hints count 32 blocks in 16 bits, which ends at 32 MiB: behind that, first fit goes on. */
static void an_area_of_40_mib(void **state)
{
    (void)state;
    hs_gc gc;
    void *space = open_gc(&gc, "auto-v1.22", 40u << 20);
    hs_addr large = hs_gc_alloc(&gc, 36u << 20, 0);
    hs_addr first = hs_gc_alloc(&gc, 16, 0);
    hs_addr second = hs_gc_alloc(&gc, 16, 0);
    assert_int_equal(first, large + (36u << 20));
    assert_int_equal(second, first + 16);
    hs_gc_free(&gc, first);
    assert_int_equal(hs_gc_alloc(&gc, 16, 0), first);
    assert_int_equal(hs_gc_alloc(&gc, 16, 0), second + 16);
    hs_gc_free(&gc, large);
    assert_int_equal(hs_gc_alloc(&gc, 16, 0), large);
    hs_space_destroy(space);
}

/* An object that fills an area ends with it; an area too small for a block has none. */
static void areas_of_few_blocks(void **state)
{
    (void)state;
    static const char *const versions[] = {"single-v1.18", "auto-v1.25"};
    for (size_t i = 0; i < 2; i++) {
        for (uint32_t size = 16; size <= 2048; size += 16) {
            hs_gc gc;
            void *space = open_gc(&gc, versions[i], size);
            uint32_t bytes = gc.first.blocks * 16;
            assert_null(hs_gc_check(&gc, NULL));
            hs_addr all = hs_gc_alloc(&gc, bytes, 0);
            assert_int_equal(all, bytes == 0 ? 0 : gc.first.pool);
            assert_int_equal(hs_gc_nbytes(&gc, all), bytes);
            assert_null(hs_gc_check(&gc, NULL));
            hs_space_destroy(space);
        }
    }
}

/* Where no gap follows the table of kinds, the finalisers' bits behind it may look like tails; an
 * object at the end of the area still ends there. */
static void finalisers_behind_the_last_object(void **state)
{
    (void)state;
    for (uint32_t size = 256; size <= 2048; size += 16) {
        hs_gc gc;
        void *space = open_gc(&gc, "single-v1.18", size);
        gc.enabled = false;
        for (uint32_t block = 0; block < 8; block++) {
            assert_int_not_equal(hs_gc_alloc(&gc, 16, block & 1 ? HS_GC_WITH_FINALISER : 0), 0);
        }
        uint32_t rest = (gc.first.blocks - 8) * 16;
        hs_addr last = hs_gc_alloc(&gc, rest, 0);
        assert_int_equal(last, gc.first.pool + 8 * 16);
        assert_int_equal(hs_gc_nbytes(&gc, last), rest);
        hs_gc_free(&gc, last);
        assert_int_equal(hs_gc_alloc(&gc, rest, 0), last);
        assert_null(hs_gc_check(&gc, NULL));
        hs_space_destroy(space);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(aligned_in_a_block_that_is_too_long),
        cmocka_unit_test(aligned_with_a_damaged_list),
        cmocka_unit_test(claims_in_damaged_blocks),
        cmocka_unit_test(a_claim_with_a_damaged_list),
        cmocka_unit_test(canary_at_the_end),
        cmocka_unit_test(late_regions_that_cannot_be),
        cmocka_unit_test(growth_that_is_no_area),
        cmocka_unit_test(an_area_of_40_mib),
        cmocka_unit_test(areas_of_few_blocks),
        cmocka_unit_test(finalisers_behind_the_last_object),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

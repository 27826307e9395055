/* Real heaps printed as a board prints them, imported, and built again from the layout: every
 * figure of heap_caps_print_heap_info is the same, and from a dump every block. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "device/multi_heap.h"
#include "import.h"
#include "layout.h"
#include "random.h"
#include "space.h"

#define START      0x3ffe4350u
#define FIXED_POOL (128u * 1024u)

typedef struct heap_case {
    hs_device device;
    hs_heap heap;
    uint32_t size;
} heap_case;

static void make_heap(heap_case *c, const char *release, uint32_t size)
{
    memset(c, 0, sizeof *c);
    c->size = size;
    c->device.space = hs_space_create();
    hs_space_commit(c->device.space, START, size);
    assert_true(hs_heap_register(&c->device, &c->heap, hs_idf_profile_find(release), START, size,
                                 FIXED_POOL, false));
}

/* Some allocations, some of them freed again: a fragmented heap. */
static void churn(heap_case *c, uint32_t *seed)
{
    hs_addr blocks[200];
    unsigned count = random_next(seed) % 200;
    for (unsigned i = 0; i < count; i++) {
        uint32_t limit = random_next(seed) % 8 == 0 ? 20000 : 400;
        blocks[i] = hs_heap_malloc(&c->device, &c->heap, 1 + random_next(seed) % limit);
    }
    for (unsigned i = 0; i < count; i++) {
        if (random_next(seed) % 3 == 0) {
            hs_heap_free(&c->device, &c->heap, blocks[i]);
        }
    }
}

static bool print_block(void *context, hs_addr address, uint32_t size, bool used)
{
    fprintf(context, "Block 0x%08" PRIx32 " data, size: %" PRIu32 " bytes, Free: %s \n", address,
            size, used ? "No" : "Yes");
    return true;
}

static char *print_log(heap_case *c, bool dump, size_t *size)
{
    char *log = NULL;
    FILE *out = open_memstream(&log, size);
    hs_heap_info info;
    hs_heap_get_info(&c->device, &c->heap, &info);
    fprintf(out, "I (9) heap_init: At %08X len %08" PRIX32 " (%" PRIu32 " KiB): D/IRAM\n", START,
            c->size, c->size / 1024);
    if (dump) {
        fprintf(out, "Showing data for heap: 0x%08x \n", START);
        hs_heap_walk(&c->device, &c->heap, print_block, out);
    }
    fprintf(out,
            "  At 0x%08x len %" PRIu32 " free %" PRIu32 " allocated %" PRIu32 " min_free %" PRIu32
            "\n    largest_free_block %" PRIu32 " alloc_blocks %" PRIu32 " free_blocks %" PRIu32
            " total_blocks %" PRIu32 "\n",
            START, c->size, info.free, info.allocated, info.minimum, info.largest,
            info.allocated_blocks, info.free_blocks, info.total_blocks);
    fclose(out);
    return log;
}

static hs_layout *import_log(const char *log, size_t size)
{
    char path[] = "/tmp/hs_import_XXXXXX";
    hs_error error = {""};
    FILE *out = fdopen(mkstemp(path), "w");
    if (hs_import_memory(NULL, log, size, out, &error) != 0) {
        fail_msg("%s\n%s", error.text, log);
    }
    fclose(out);
    hs_layout *layout = hs_layout_load(path, &error);
    if (layout == NULL) {
        fail_msg("%s\n%s", error.text, log);
    }
    unlink(path);
    return layout;
}

static void build(heap_case *c, const hs_layout *layout, uint32_t size)
{
    make_heap(c, layout->idf, size);
    for (size_t i = 0; i < layout->block_count; i++) {
        assert_true(
            hs_heap_claim(&c->device, &c->heap, layout->blocks[i].start, layout->blocks[i].size));
    }
    assert_true(hs_heap_check(&c->device, &c->heap));
}

static void expect_same(heap_case *board, bool dump, const char *release)
{
    size_t size, again_size;
    heap_case again;
    char *log = print_log(board, dump, &size);
    hs_layout *layout = import_log(log, size);
    build(&again, layout, board->size);
    hs_heap_info a, b;
    hs_heap_get_info(&board->device, &board->heap, &a);
    hs_heap_get_info(&again.device, &again.heap, &b);
    char *again_log = print_log(&again, dump, &again_size);
    if (a.free != b.free || a.allocated != b.allocated || a.largest != b.largest ||
        a.allocated_blocks != b.allocated_blocks || a.free_blocks != b.free_blocks) {
        fail_msg("%s as %s: found\n%s\nexpected\n%s", release, layout->idf, again_log, log);
    }
    if (dump) { /* up to the line of the minimum, which is history */
        size_t blocks = (size_t)(strstr(log, "  At 0x") - log);
        assert_memory_equal(log, again_log, blocks);
    }
    free(log);
    free(again_log);
    hs_layout_free(layout);
    hs_space_destroy(again.device.space);
}

static void all_releases(bool dump)
{
    static const char *const releases[] = {"v4.4", "v4.4.2", "v4.4.4", "v5.2", "v5.3", "v5.5"};
    uint32_t seed = 4711;
    print_message("seed %u\n", seed);
    for (size_t i = 0; i < sizeof releases / sizeof releases[0]; i++) {
        for (unsigned round = 0; round < 50; round++) {
            heap_case board;
            make_heap(&board, releases[i], 8000 + random_next(&seed) % 26000 * 4);
            churn(&board, &seed);
            expect_same(&board, dump, releases[i]);
            hs_space_destroy(board.device.space);
        }
    }
}

static void print_heap_info_again(void **state)
{
    (void)state;
    all_releases(false);
}

static void dump_again(void **state)
{
    (void)state;
    all_releases(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(print_heap_info_again),
        cmocka_unit_test(dump_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

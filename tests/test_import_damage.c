/* A line of a log that was cut or mixed with another: it counts as damaged, and the result is that
 * of the log without the line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "import.h"

typedef struct imported {
    char *text;
    size_t size;
    hs_import_report report;
} imported;

static imported import_log(const char *format, const char *log)
{
    imported i = {.text = NULL};
    hs_error error = {""};
    const hs_import_request request = {
        .name = "x.log", .format = format, .data = log, .size = strlen(log)};
    FILE *out = open_memstream(&i.text, &i.size);
    int status = hs_import_write(&request, out, &i.report, &error);
    fclose(out);
    if (status != 0) {
        fail_msg("%s\n%s", error.text, log);
    }
    return i;
}

/* What stands behind the sources, which tell of the damage. */
static const char *content(const imported *i)
{
    const char *at = strstr(i->text, "\nregions:");
    at = at != NULL ? at : strstr(i->text, "\nowner ");
    assert_non_null(at);
    return at;
}

static void expect_damage(const char *format, const char *before, const char *line)
{
    char log[4096];
    imported without = import_log(format, before);
    assert_int_equal(without.report.damaged, 0);
    snprintf(log, sizeof log, "%s%s\n", before, line);
    imported with = import_log(format, log);
    if (with.report.damaged != 1 || with.report.complete) {
        fail_msg("%s: %u damaged lines", line, (unsigned)with.report.damaged);
    }
    if (strcmp(content(&with), content(&without)) != 0) {
        fail_msg("%s: found%s\nexpected%s", line, content(&with), content(&without));
    }
    free(with.text);
    free(without.text);
}

#define BOOT "I (230) heap_init: At 3FFE0440 len 00003AE0 (14 KiB): D/IRAM\n"
#define INFO "  At 0x3ffe0440 len 15072 free 13448 allocated 0 min_free 13448\n"
#define GC   "GC: total: 56000, used: 1024, free: 54976\n"

static void boards(void **state)
{
    (void)state;
    static const struct {
        const char *before, *line;
    } cases[] = {
        /* heap_init: cut, no multiple of 4, past 4 GiB, empty, and KiB that are not those of LEN.
         */
        {BOOT, "I (231) heap_init: At 3FFE4350 len 0001BCB0 (1"},
        {BOOT, "I (231) heap_init: At 3FFE4350 len 0001BCB0"},
        {BOOT, "I (231) heap_init: At 3FFE4350 len 0001BCB0 (111 KiB)"},
        {BOOT, "I (231) heap_init: At 3FFE4351 len 0001BCB0 (111 KiB): D/IRAM"},
        {BOOT, "I (231) heap_init: At FFFE4350 len 0001BCB4 (111 KiB): D/IRAM"},
        {BOOT, "I (231) heap_init: At 3FFE4350 len 00000000 (0 KiB): D/IRAM"},
        {BOOT, "I (231) heap_init: At 3FFE4350 len 0001BCB0 (110 KiB): D/IRAM"},
        /* heap_caps_print_heap_info(). */
        {BOOT, "  At 0x3ffe0440 len 15072 free 15036 allo"},
        {BOOT, "  At 0x3ffe0440 len 15072 free 15036 allocated "},
        {BOOT, "  At 0x3ffe0440 len 15072 free 15036 allocated 0 min"},
        {BOOT, "  At 0x3ffe0440 len 15072 free 15036 allocated 0 min_free "},
        {BOOT, "  At 0x3ffe0442 len 15072 free 15036 allocated 0 min_free 15036"},
        {BOOT, "  At 0x3ffe0440 len 0 free 15036 allocated 0 min_free 15036"},
        {BOOT, "  At 0xffffff00 len 15072 free 15036 allocated 0 min_free 15036"},
        {BOOT INFO, "    largest_free_block 8192 all"},
        {BOOT INFO, "    largest_free_block 8192 alloc_blocks "},
        {BOOT INFO, "    largest_free_block 8192 alloc_blocks 0 fr"},
        {BOOT INFO, "    largest_free_block 8192 alloc_blocks 0 free_blocks "},
        {BOOT INFO, "    largest_free_block 8192 alloc_blocks 0 free_blocks 1 to"},
        {BOOT INFO, "    largest_free_block 8192 alloc_blocks 0 free_blocks 1 total_blocks "},
        {BOOT INFO, "    largest_free_block 8192 alloc_blocks 1 free_blocks 1 total_blocks 1"},
        {BOOT, "    largest_free_block 8192 alloc_blocks 0 free_blocks 1 total_blocks 1"},
        /* heap_caps_dump() of either allocator. */
        {BOOT, "Showing data for heap: "},
        {BOOT, "Showing data for heap: 0x"},
        {BOOT, "Showing data for heap: 0x3ffe0441"},
        {BOOT, "Showing data for heap: 0x13ffe0440"},
        {BOOT, "Block 0x3ffe05e4 data, si"},
        {BOOT, "Block 0x3ffe05e4 data, size: "},
        {BOOT, "Block 0x3ffe05e4 data, size: 252 bytes, Fr"},
        {BOOT, "Block 0x3ffe05e4 data, size: 252 bytes, Free: "},
        {BOOT, "Block 0xfffffff4 data, size: 252 bytes, Free: No"},
        {BOOT, "Block 0x3ffe0450 data size 0x"},
        {BOOT, "Block 0x3ffe0450 data size 0x00000004 bytes next bl"},
        {BOOT, "Block 0x3ffe0450 data size 0x00000004 bytes next block 0x"},
        {BOOT, "Block 0x3ffe0450 data next block 0x3ffe0458"},
        /* micropython.mem_info(1). */
        {BOOT GC, "GC: total: "},
        {BOOT GC, "GC: total: 56000, us"},
        {BOOT GC, "GC: total: 56000, used: 1024"},
        {BOOT GC, "GC: total: 56000, used: 1024, free: 5"},
        {BOOT GC, "GC memory layout; from "},
        /* esp32.idf_heap_info(). */
        {BOOT "[(15072, 13448, 8192, 13448),\n", "(113840, 112216"},
    };
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        expect_damage("layout", cases[k].before, cases[k].line);
    }
}

static void traces(void **state)
{
    (void)state;
    static const char heap_trace[] = "2 allocations trace (10 entry buffer)\n"
                                     "6 bytes (@ 0x3ffb4ba4) allocated CPU 0 ccount 0x1 caller "
                                     "0x400d2f4c:0x400d2f62\n";
    static const char heaptrack[] = "v 10400 3\ns 4 main\ni 562b9c2981c9 0 1\nt 1 0\na 64 1\n+ 0\n"
                                    "# strings: 1\n";
    static const char mtrace[] =
        "= Start\n@ ./a:(main+0x20)[0x11dd] + 0x5652e37c02a0 0x15\n= End\n";
    static const struct {
        const char *format, *before, *line;
    } cases[] = {
        {"heap-trace", heap_trace, "9 bytes (@ 0x3ffb4"},
        {"heap-trace", heap_trace,
         "9 bytes (@ 0xfffffffffffffffe) allocated CPU 0 ccount 0x2 caller 0x1"},
        {"heap-trace", heap_trace,
         "5000000000 bytes (@ 0x3ffb4bc4) allocated CPU 0 ccount 0x2 caller 0x1"},
        {"heaptrack", heaptrack, "s 9 main"},
        {"heaptrack", heaptrack, "s x"},
        {"heaptrack", heaptrack, "s 4main"},
        {"heaptrack", heaptrack, "i 5"},
        {"heaptrack", heaptrack, "t 1"},
        {"heaptrack", heaptrack, "a zz 1"},
        {"heaptrack", heaptrack, "a 64"},
        {"heaptrack", heaptrack, "+ "},
        {"heaptrack", heaptrack, "+ 7"},
        {"heaptrack", heaptrack, "- 1 2"},
        {"heaptrack", heaptrack, "c "},
        {"heaptrack", heaptrack, "c ffffffffffffffff"},
        {"heaptrack", heaptrack, "c 1ffffffffffffffff"},
        {"mtrace", mtrace, "@ ./a:(main+0x33)[0x11f2] "},
        {"mtrace", mtrace, "@ ./a:(main+0x33)[0x11f2] + "},
        {"mtrace", mtrace, "@ ./a:(main+0x33)[0x11f2] + 0x"},
        {"mtrace", mtrace, "@ ./a:(main+0x33)[0x11f2] + 0x5652e37c04a0"},
        {"mtrace", mtrace, "@ ./a:(main+0x33)[0x11f2] + 0x5652e37c04a0 0x1 2"},
    };
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        expect_damage(cases[k].format, cases[k].before, cases[k].line);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(boards),
        cmocka_unit_test(traces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "gc_print.h"

#include <inttypes.h>
#include <string.h>

#define LINE 64u /* blocks in a line of the table: 1 KiB */

uint32_t hs_gc_type_word(char letter)
{
    const char *at = letter == 0 ? NULL : strchr(HS_GC_TYPES, letter);
    return at == NULL ? 0 : HS_GC_TYPE_BASE + 0x20 * (uint32_t)(at - HS_GC_TYPES);
}

char hs_gc_type_letter(uint32_t word0)
{
    uint32_t distance = word0 - HS_GC_TYPE_BASE;
    return distance % 0x20 == 0 && distance / 0x20 < sizeof HS_GC_TYPES - 1
               ? HS_GC_TYPES[distance / 0x20]
               : 'h';
}

void hs_gc_print_info(const hs_gc *gc, FILE *out)
{
    hs_gc_info info;
    hs_gc_get_info(gc, &info);
    fprintf(out, "GC: total: %" PRIu32 ", used: %" PRIu32 ", free: %" PRIu32, info.total, info.used,
            info.free);
    if (gc->mode == HS_GC_AUTO) {
        fprintf(out, ", max new split: %" PRIu32, info.max_new_split);
    }
    fprintf(out,
            "\n No. of 1-blocks: %" PRIu32 ", 2-blocks: %" PRIu32 ", max blk sz: %" PRIu32
            ", max free sz: %" PRIu32 "\n",
            info.one_blocks, info.two_blocks, info.max_block, info.max_free);
}

static char letter(const hs_gc *gc, const hs_gc_area *area, uint32_t block)
{
    hs_gc_kind kind = hs_gc_block_kind(gc, area, block);
    if (kind != HS_GC_HEAD) {
        return ".h=m"[kind];
    }
#if UINTPTR_MAX > 0xffffffffu
    const void *space = gc->space;
#else
    const void *space = NULL;
#endif
    const uint32_t *word0 = hs_at(space, area->pool + block * HS_GC_BLOCK);
    return hs_gc_type_letter(*word0);
}

static uint32_t free_from(const hs_gc *gc, const hs_gc_area *area, uint32_t block)
{
    uint32_t end = block;
    while (end < area->blocks && hs_gc_block_kind(gc, area, end) == HS_GC_FREE) {
        ++end;
    }
    return end - block;
}

static void print_line(const hs_gc *gc, const hs_gc_area *area, uint32_t block, FILE *out)
{
    char text[LINE + 1] = "";
    for (uint32_t i = 0; i < LINE && block + i < area->blocks; ++i) {
        text[i] = letter(gc, area, block + i);
    }
    uint32_t offset = block * HS_GC_BLOCK;
    if (gc->version->dump_digits == 5) { /* up to v1.19 it wraps at 1 MiB */
        offset &= 0xfffff;
    }
    fprintf(out, "\n%0*" PRIx32 ": %s", gc->version->dump_digits, offset, text);
}

static void print_area(const hs_gc *gc, const hs_gc_area *area, FILE *out)
{
    fprintf(out, "GC memory layout; from %" PRIx32 ":", area->pool);
    uint32_t block = 0;
    while (block < area->blocks) {
        uint32_t run = free_from(gc, area, block);
        if (run >= 2 * LINE) {
            fprintf(out, "\n       (%" PRIu32 " lines all free)", run / LINE);
            block = (block + run) / LINE * LINE;
            if (block >= area->blocks) {
                break;
            }
        }
        print_line(gc, area, block, out);
        block += LINE;
    }
    fputc('\n', out);
}

void hs_gc_print_table(const hs_gc *gc, FILE *out)
{
    const hs_gc_area *area = NULL;
    while ((area = hs_gc_next_area(gc, area)) != NULL) {
        print_area(gc, area, out);
    }
}

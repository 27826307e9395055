/* gc_info: on its own, since it is all that most firmware asks. */
#include "gc_inner.h"

uint32_t hs_gc_next_head(const uint8_t *atb, uint32_t blocks, uint32_t block)
{
    while (block < blocks) {
        gc_word heads = gc_load(atb, block / GC_PER) & GC_LOW & ~gc_below(block % GC_PER);
        if (heads != 0) {
            block = block / GC_PER * GC_PER + gc_lowest(heads);
            break;
        }
        block = (block / GC_PER + 1) * GC_PER;
    }
    return block < blocks ? block : blocks;
}

/* Longest run of free blocks. */
static uint32_t longest_free(const uint8_t *atb, uint32_t blocks)
{
    uint32_t longest = 0;
    uint32_t run = 0;
    for (uint32_t base = 0; base < blocks; base += GC_PER) {
        gc_word used = gc_used(gc_load(atb, base / GC_PER));
        if (blocks - base < GC_PER) {
            used |= GC_LOW & ~gc_below(blocks - base);
        }
        run += used == 0 ? GC_PER : gc_lowest(used);
        longest = run > longest ? run : longest;
        if (used != 0) {
            while (gc_fold(~used & GC_LOW, longest + 1) != 0) {
                ++longest;
            }
            run = GC_PER - 1 - gc_highest(used);
        }
    }
    return run > longest ? run : longest;
}

void hs_gc_get_area_info(const hs_gc *gc, const hs_gc_area *area, hs_gc_info *info)
{
    const uint8_t *atb = gc_at(gc, area->atb);
    memset(info, 0, sizeof *info);
    uint32_t length;
    for (uint32_t block = 0; (block = hs_gc_next_head(atb, area->blocks, block)) < area->blocks;
         block += length) {
        length = hs_gc_length(gc, area, block);
        info->used += length * HS_GC_BLOCK;
        info->one_blocks += length == 1;
        info->two_blocks += length == 2;
        info->max_block = length > info->max_block ? length : info->max_block;
    }
    info->total = area->blocks * HS_GC_BLOCK;
    info->free = info->total - info->used;
    info->max_free = longest_free(atb, area->blocks);
}

void hs_gc_get_info(const hs_gc *gc, hs_gc_info *info)
{
    memset(info, 0, sizeof *info);
    for (const hs_gc_area *area = &gc->first; area != NULL; area = gc_next(gc, area)) {
        hs_gc_info part;
        hs_gc_get_area_info(gc, area, &part);
        info->total += part.total;
        info->used += part.used;
        info->free += part.free;
        info->one_blocks += part.one_blocks;
        info->two_blocks += part.two_blocks;
        info->max_free = part.max_free > info->max_free ? part.max_free : info->max_free;
        info->max_block = part.max_block > info->max_block ? part.max_block : info->max_block;
    }
#if HS_GC_AREAS == 2
    if (gc_mode(gc) == HS_GC_AUTO) {
        info->max_new_split = gc->hooks->max_new_split(gc->context);
    }
#endif
}

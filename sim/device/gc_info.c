/* gc_info: on its own, since it is all that most firmware asks. */
#include "gc_inner.h"

void hs_gc_add_info(const hs_gc *gc, const hs_gc_area *area, hs_gc_info *info)
{
    for (uint32_t block = 0; block < area->blocks;) {
        uint32_t run = hs_gc_run(gc, area, block, GC_NONE, 0);
        info->free += run * HS_GC_BLOCK;
        info->max_free = run > info->max_free ? run : info->max_free;
        block += run;
        if (block < area->blocks) {
            uint32_t length = gc_length(gc, area, block);
            info->used += length * HS_GC_BLOCK;
            info->one_blocks += length == 1;
            info->two_blocks += length == 2;
            info->max_block = length > info->max_block ? length : info->max_block;
            block += length;
        }
    }
    info->total = info->used + info->free;
}

void hs_gc_get_info(const hs_gc *gc, hs_gc_info *info)
{
    memset(info, 0, sizeof *info);
    for (const hs_gc_area *area = &gc->first; area != NULL; area = gc_next(gc, area)) {
        hs_gc_add_info(gc, area, info);
    }
#if HS_GC_AREAS == 2
    if (gc_mode(gc) == HS_GC_AUTO) {
        info->max_new_split = gc->hooks->max_new_split(gc->context);
    }
#endif
}

/* Questions that change nothing: figures, walks, reasons, integrity. */
#include "device/gc_inner.h"

const hs_gc_area *hs_gc_next_area(const hs_gc *gc, const hs_gc_area *area)
{
    return area == NULL ? &gc->first : gc_next(gc, area);
}

hs_addr hs_gc_area_start(const hs_gc *gc, const hs_gc_area *area)
{
    return area == &gc->first ? area->atb : area->atb - gc_is(gc, header);
}

uint32_t hs_gc_area_size(const hs_gc *gc, const hs_gc_area *area)
{
    return area->pool + area->blocks * HS_GC_BLOCK - hs_gc_area_start(gc, area);
}

const hs_gc_area *hs_gc_area_of(const hs_gc *gc, hs_addr address)
{
    uint32_t block;
    return gc_locate(gc, address & ~15u, &block);
}

hs_gc_kind hs_gc_block_kind(const hs_gc *gc, const hs_gc_area *area, uint32_t block)
{
    return (hs_gc_kind)gc_kind(gc_at(gc, area->atb), block);
}

/* First head, marked or not, at or after `block`; area->blocks when there is none. */
static uint32_t next_head(const uint8_t *atb, uint32_t blocks, uint32_t block)
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

static void describe(const hs_gc *gc, const hs_gc_area *area, uint32_t block, hs_gc_object *object)
{
    object->address = area->pool + block * HS_GC_BLOCK;
    object->blocks = hs_gc_length(gc, area, block);
    object->word0 = *gc_words(gc, object->address);
    object->finaliser = HS_GC_FINALISER && gc_ftb_bit(gc_at(gc, area->ftb), block);
}

bool hs_gc_next_object(const hs_gc *gc, hs_gc_object *object)
{
    const hs_gc_area *area = &gc->first;
    uint32_t block = 0;
    if (object->address != 0) {
        area = gc_locate(gc, object->address, &block);
        block += object->blocks;
    }
    for (; area != NULL; area = gc_next(gc, area), block = 0) {
        block = next_head(gc_at(gc, area->atb), area->blocks, block);
        if (block < area->blocks) {
            describe(gc, area, block, object);
            return true;
        }
    }
    return false;
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
    for (uint32_t block = 0; (block = next_head(atb, area->blocks, block)) < area->blocks;
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

hs_gc_reason hs_gc_why_live(const hs_gc *gc, hs_addr object, const uint32_t *roots, size_t count)
{
    for (size_t i = 0; i < count; ++i) {
        if (roots[i] == object) {
            return (hs_gc_reason){HS_GC_WHY_ROOT, 0, (uint32_t)i};
        }
    }
    if (gc->tracked == object) {
        return (hs_gc_reason){HS_GC_WHY_TRACKED, 0, 0};
    }
    hs_gc_object holder = {0, 0, 0, false};
    while (hs_gc_next_object(gc, &holder)) {
        const uint32_t *words = gc_words(gc, holder.address);
        for (uint32_t i = 0; i < holder.blocks * (HS_GC_BLOCK / 4); ++i) {
            if (words[i] == object && holder.address != object) {
                return (hs_gc_reason){HS_GC_WHY_OBJECT, holder.address, i};
            }
        }
    }
    return (hs_gc_reason){HS_GC_WHY_NOTHING, 0, 0};
}

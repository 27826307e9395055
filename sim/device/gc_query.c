/* Questions that change nothing: areas, walks, reasons. */
#include "gc_inner.h"

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

void hs_gc_get_area_info(const hs_gc *gc, const hs_gc_area *area, hs_gc_info *info)
{
    memset(info, 0, sizeof *info);
    hs_gc_add_info(gc, area, info);
}

static void describe(const hs_gc *gc, const hs_gc_area *area, uint32_t block, hs_gc_object *object)
{
    object->address = area->pool + block * HS_GC_BLOCK;
    object->blocks = hs_gc_length(gc, area, block);
    object->word0 = *gc_words(gc, object->address);
    object->finaliser = HS_GC_FINALISER && gc_ftb_bit(gc_at(gc, area->ftb), block);
}

/* First head, marked or not, at or after `block`; `blocks` when there is none. */
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
    hs_gc_object holder = {0};
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

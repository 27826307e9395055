#include "metrics.h"

#include <stdlib.h>
#include <string.h>

#include "board.h"
#include "copy_array.h"

typedef struct block_sink {
    hs_block *blocks;
    size_t count;
    size_t capacity;
} block_sink;

static bool keep_free_block(void *context, hs_addr address, uint32_t size, bool used)
{
    block_sink *sink = context;
    if (!used && sink->count < sink->capacity) {
        sink->blocks[sink->count++] = (hs_block){address, size};
    }
    return true;
}

static int take_region(hs_region_metrics *to, hs_board *board, const hs_caps_heap *heap)
{
    hs_heap_info info;
    hs_heap_get_info(&board->caps.device, &heap->heap, &info);
    const char *type = hs_region_type_name((enum hs_region_type)heap->type);
    *to = (hs_region_metrics){
        .start = heap->start,
        .size = heap->end - heap->start,
        .type = type != NULL ? type : "RESERVE",
        .counted = (heap->all & HS_CAP_8BIT) != 0,
        .free = info.free,
        .largest = info.largest,
        .largest_exact = hs_heap_largest_exact(&board->caps.device, &heap->heap),
        .minimum_free = info.minimum,
        .allocated_blocks = info.allocated_blocks,
        .free_blocks = info.free_blocks,
    };
    to->blocks = malloc((info.free_blocks + 1u) * sizeof *to->blocks);
    if (to->blocks == NULL) {
        return -1;
    }
    block_sink sink = {to->blocks, 0, info.free_blocks};
    hs_heap_walk(&board->caps.device, &heap->heap, keep_free_block, &sink);
    return 0;
}

static void add_region(hs_mark *mark, const hs_region_metrics *region)
{
    if (!region->counted) {
        return;
    }
    mark->free += region->free;
    mark->minimum_free += region->minimum_free;
    mark->free_blocks += region->free_blocks;
    mark->allocated_blocks += region->allocated_blocks;
    mark->largest = region->largest > mark->largest ? region->largest : mark->largest;
    mark->largest_exact =
        region->largest_exact > mark->largest_exact ? region->largest_exact : mark->largest_exact;
}

static int take_idf(hs_mark *mark, hs_board *board)
{
    hs_caps *caps = &board->caps;
    mark->regions = calloc(caps->count + 1u, sizeof *mark->regions);
    if (mark->regions == NULL) {
        return -1;
    }
    for (unsigned i = 0; i < caps->count; i++) {
        const hs_caps_heap *heap = &caps->heaps[caps->order[i]];
        if (heap->heap.base == 0) {
            continue;
        }
        hs_region_metrics *region = &mark->regions[mark->region_count];
        if (take_region(region, board, heap) != 0) {
            return -1;
        }
        mark->region_count++;
        add_region(mark, region);
    }
    mark->total = hs_caps_total_size(caps, HS_CAP_8BIT);
    return 0;
}

static int take_areas(hs_gc_metrics *to, const hs_board *board)
{
    to->area_count = board->area_count;
    to->areas = calloc(to->area_count + 1, sizeof *to->areas);
    if (to->areas == NULL) {
        return -1;
    }
    const hs_gc_area *area = NULL;
    for (size_t i = 0; i < board->area_count; i++) {
        area = hs_gc_next_area(&board->gc, area);
        hs_gc_info info;
        hs_gc_get_area_info(&board->gc, area, &info);
        to->areas[i] = (hs_area_metrics){board->areas[i].start, board->areas[i].size, area->blocks,
                                         info.used / HS_GC_BLOCK};
    }
    return 0;
}

static int take_gc(hs_gc_metrics *to, const hs_board *board)
{
    hs_gc_info info;
    hs_gc_get_info(&board->gc, &info);
    *to = (hs_gc_metrics){
        .total = info.total,
        .used = info.used,
        .free = info.free,
        .max_free = info.max_free,
        .max_block = info.max_block,
        .one_blocks = info.one_blocks,
        .two_blocks = info.two_blocks,
        .max_new_split = info.max_new_split,
        .collections = board->gc.collects,
    };
    return take_areas(to, board);
}

int hs_mark_take(hs_mark *mark, const char *name, uint64_t event, hs_board *board)
{
    *mark = (hs_mark){.event = event, .name = strdup(name)};
    bool ok = mark->name != NULL && (board->bare || take_idf(mark, board) == 0);
    if (ok && board->has_gc) {
        mark->has_gc = true;
        ok = take_gc(&mark->gc, board) == 0;
    }
    if (!ok) {
        hs_mark_release(mark);
        return -1;
    }
    return 0;
}

int hs_mark_copy(hs_mark *to, const hs_mark *from)
{
    *to = *from;
    to->name = strdup(from->name);
    to->regions = calloc(from->region_count + 1, sizeof *to->regions);
    to->gc.areas = hs_copy_array(from->gc.areas, from->gc.area_count, sizeof *to->gc.areas);
    to->region_count = 0;
    bool ok = to->name != NULL && to->regions != NULL && to->gc.areas != NULL;
    for (; ok && to->region_count < from->region_count; to->region_count++) {
        hs_region_metrics *region = &to->regions[to->region_count];
        *region = from->regions[to->region_count];
        region->blocks = hs_copy_array(region->blocks, region->free_blocks, sizeof *region->blocks);
        ok = region->blocks != NULL;
    }
    if (!ok) {
        hs_mark_release(to);
        return -1;
    }
    return 0;
}

void hs_mark_release(hs_mark *mark)
{
    for (size_t i = 0; i < mark->region_count; i++) {
        free(mark->regions[i].blocks);
    }
    free(mark->regions);
    free(mark->gc.areas);
    free(mark->name);
    *mark = (hs_mark){0};
}

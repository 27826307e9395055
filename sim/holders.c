#include "holders.h"

#include <stdlib.h>

typedef struct collector {
    hs_slot_list *list;
    size_t capacity;
    enum hs_heap_kind heap;
    bool out_of_memory;
} collector;

static void keep_slot(void *context, const hs_slot *slot)
{
    collector *c = context;
    hs_slot_list *list = c->list;
    if (slot->heap != c->heap || c->out_of_memory) {
        return;
    }
    if (list->count == c->capacity) {
        size_t capacity = c->capacity == 0 ? 256 : 2 * c->capacity;
        const hs_slot **grown = realloc(list->items, capacity * sizeof *grown);
        if (grown == NULL) {
            c->out_of_memory = true;
            return;
        }
        list->items = grown;
        c->capacity = capacity;
    }
    list->items[list->count++] = slot;
}

static int by_address(const void *a, const void *b)
{
    hs_addr x = (*(const hs_slot *const *)a)->addr;
    hs_addr y = (*(const hs_slot *const *)b)->addr;
    return (x > y) - (x < y);
}

int hs_slot_list_take(hs_slot_list *list, const hs_run *run, enum hs_heap_kind heap)
{
    *list = (hs_slot_list){0};
    collector c = {.list = list, .heap = heap};
    if (hs_run_visit_live(run, keep_slot, &c) != 0 || c.out_of_memory) {
        hs_slot_list_release(list);
        return -1;
    }
    if (list->count != 0) {
        qsort(list->items, list->count, sizeof *list->items, by_address);
    }
    return 0;
}

void hs_slot_list_release(hs_slot_list *list)
{
    free(list->items);
    *list = (hs_slot_list){0};
}

typedef struct walk {
    hs_holders *holders;
    size_t capacity;
    const hs_slot_list *slots;
    const hs_run *run;
    uint8_t heap;
    bool out_of_memory;
} walk;

const hs_slot *hs_slot_list_find(const hs_slot_list *slots, hs_addr start, uint32_t size)
{
    size_t low = 0;
    size_t high = slots->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (slots->items[middle]->addr < start) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < slots->count && slots->items[low]->addr - start < size ? slots->items[low] : NULL;
}

static bool is_area(const hs_board *board, hs_addr start)
{
    size_t i = 0;
    while (i < board->area_count && hs_board_block(board, board->areas[i].start) != start) {
        i++;
    }
    return i < board->area_count;
}

static bool keep_block(void *context, hs_addr address, uint32_t size, bool used)
{
    walk *w = context;
    hs_holders *to = w->holders;
    if (to->count == w->capacity) {
        size_t capacity = w->capacity == 0 ? 256 : 2 * w->capacity;
        hs_holder *grown = realloc(to->items, capacity * sizeof *grown);
        if (grown == NULL) {
            w->out_of_memory = true;
            return false;
        }
        to->items = grown;
        w->capacity = capacity;
    }
    hs_holder holder = {.start = address, .size = size, .heap = w->heap, .owner = HS_NO_OWNER};
    const hs_slot *slot = used ? hs_slot_list_find(w->slots, address, size) : NULL;
    if (slot != NULL) {
        holder.kind = HS_HOLDER_OWNER;
        holder.owner = slot->owner;
        holder.phase = slot->phase;
        holder.born = slot->born;
        holder.asked = slot->size;
    } else if (used) {
        holder.kind = is_area(w->run->board, address) ? HS_HOLDER_AREA : HS_HOLDER_BOOT;
    }
    to->items[to->count++] = holder;
    return true;
}

int hs_holders_take(hs_holders *holders, const hs_run *run)
{
    *holders = (hs_holders){0};
    hs_slot_list slots;
    bool failed = hs_slot_list_take(&slots, run, HS_HEAP_IDF) != 0;
    hs_caps *caps = &run->board->caps;
    walk w = {.holders = holders, .slots = &slots, .run = run};
    for (unsigned i = 0; i < caps->count && !failed; i++) {
        w.heap = caps->order[i];
        const hs_heap *heap = &caps->heaps[w.heap].heap;
        if (heap->base != 0) {
            hs_heap_walk(&caps->device, heap, keep_block, &w);
        }
        failed = w.out_of_memory;
    }
    hs_slot_list_release(&slots);
    if (failed) {
        hs_holders_release(holders);
        return -1;
    }
    return 0;
}

void hs_holders_release(hs_holders *holders)
{
    free(holders->items);
    *holders = (hs_holders){0};
}

const char *hs_holder_name(const hs_run *run, const hs_holder *holder)
{
    switch (holder->kind) {
    case HS_HOLDER_FREE:
        return "free";
    case HS_HOLDER_AREA:
        return "python";
    case HS_HOLDER_OWNER:
        return run->owners[holder->owner].name;
    default:
        return "boot";
    }
}

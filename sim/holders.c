#include "holders.h"

#include <stdlib.h>

typedef struct slot_list {
    const hs_slot **items;
    size_t count;
    size_t capacity;
    bool out_of_memory;
} slot_list;

static void keep_slot(void *context, const hs_slot *slot)
{
    slot_list *list = context;
    if (slot->heap != HS_HEAP_IDF || list->out_of_memory) {
        return;
    }
    if (list->count == list->capacity) {
        size_t capacity = list->capacity == 0 ? 256 : 2 * list->capacity;
        const hs_slot **grown = realloc(list->items, capacity * sizeof *grown);
        if (grown == NULL) {
            list->out_of_memory = true;
            return;
        }
        list->items = grown;
        list->capacity = capacity;
    }
    list->items[list->count++] = slot;
}

static int by_address(const void *a, const void *b)
{
    hs_addr x = (*(const hs_slot *const *)a)->addr;
    hs_addr y = (*(const hs_slot *const *)b)->addr;
    return (x > y) - (x < y);
}

typedef struct walk {
    hs_holders *holders;
    size_t capacity;
    const slot_list *slots;
    const hs_run *run;
    uint8_t heap;
    bool out_of_memory;
} walk;

static const hs_slot *slot_in(const slot_list *slots, hs_addr start, uint32_t size)
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
    while (i < board->area_count && board->areas[i].start != start) {
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
    const hs_slot *slot = used ? slot_in(w->slots, address, size) : NULL;
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
    slot_list slots = {0};
    bool failed = hs_run_visit_live(run, keep_slot, &slots) != 0 || slots.out_of_memory;
    if (!failed && slots.count != 0) {
        qsort(slots.items, slots.count, sizeof *slots.items, by_address);
    }
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
    free(slots.items);
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

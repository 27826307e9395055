#include "explain.h"

#include <stdlib.h>
#include <string.h>

#include "holders.h"

#define PLANNED 300u /* replays, but for those that each region costs */

static int no_memory(hs_error *error)
{
    hs_error_set(error, NULL, 0, "the host is out of memory");
    return -1;
}

/* --- who holds what --- */

static hs_store *add_store(hs_stores *stores)
{
    hs_store *grown = realloc(stores->items, (stores->count + 1) * sizeof *grown);
    if (grown == NULL) {
        return NULL;
    }
    stores->items = grown;
    grown[stores->count] = (hs_store){0};
    return &grown[stores->count++];
}

static hs_holding *holding_of(hs_store *store, const char *name, uint8_t kind, size_t phases)
{
    for (size_t i = 0; i < store->count; i++) {
        if (store->holdings[i].kind == kind && strcmp(store->holdings[i].name, name) == 0) {
            return &store->holdings[i];
        }
    }
    hs_holding *grown = realloc(store->holdings, (store->count + 1) * sizeof *grown);
    bool *marks = calloc(phases + 1, sizeof *marks);
    store->holdings = grown != NULL ? grown : store->holdings;
    if (grown == NULL || marks == NULL) {
        free(marks);
        return NULL;
    }
    grown[store->count] = (hs_holding){.kind = kind, .name = name, .phases = marks};
    return &grown[store->count++];
}

static bool add_free(hs_store *store, uint32_t size)
{
    store->free += size;
    store->free_blocks++;
    store->largest = size > store->largest ? size : store->largest;
    return true;
}

static bool add_live(hs_store *store, const hs_run *run, const hs_pin *block)
{
    hs_holding *h = holding_of(store, hs_pin_name(run, block), block->kind, run->phase_count);
    if (h == NULL) {
        return false;
    }
    h->bytes += block->size;
    h->blocks++;
    if (block->kind == HS_PIN_OWNER && block->phase < run->phase_count) {
        h->phases[block->phase] = true;
    }
    return true;
}

static bool add_holder(hs_store *store, const hs_run *run, const hs_holder *h)
{
    hs_pin block = {.start = h->start, .size = h->size, .owner = h->owner, .phase = h->phase};
    switch (h->kind) {
    case HS_HOLDER_FREE:
        return add_free(store, h->size);
    case HS_HOLDER_AREA:
        block.kind = HS_PIN_AREA;
        break;
    case HS_HOLDER_OWNER:
        block.kind = HS_PIN_OWNER;
        break;
    default:
        block.kind = HS_PIN_BOOT;
        break;
    }
    return add_live(store, run, &block);
}

static int take_regions(hs_stores *stores, const hs_run *run, const hs_failure *failure,
                        hs_error *error)
{
    hs_holders holders;
    if (hs_holders_take(&holders, run) != 0) {
        return no_memory(error);
    }
    hs_store *store = NULL;
    bool ok = true;
    for (size_t i = 0; i < holders.count && ok; i++) {
        const hs_holder *h = &holders.items[i];
        if (i == 0 || h->heap != holders.items[i - 1].heap) {
            const hs_caps_heap *heap = &run->board->caps.heaps[h->heap];
            ok = (store = add_store(stores)) != NULL;
            if (!ok) {
                break;
            }
            store->start = heap->start;
            store->size = heap->end - heap->start;
            store->type = hs_place_type(heap);
            store->serves =
                failure->heap == HS_HEAP_IDF && (heap->all & failure->caps) == failure->caps;
        }
        ok = add_holder(store, run, h);
    }
    hs_holders_release(&holders);
    return ok ? 0 : no_memory(error);
}

static bool add_object(hs_store *store, const hs_run *run, const hs_gc_object *object,
                       const hs_slot_list *slots)
{
    uint32_t size = object->blocks * HS_GC_BLOCK;
    const hs_slot *slot = hs_slot_list_find(slots, object->address, size);
    hs_pin block = {.start = object->address, .size = size, .kind = HS_PIN_LINKED};
    if (slot != NULL) {
        block.kind = HS_PIN_OWNER;
        block.owner = slot->owner;
        block.phase = slot->phase;
    }
    return add_live(store, run, &block);
}

static bool take_area(hs_stores *stores, const hs_run *run, const hs_gc_area *area,
                      const hs_slot_list *slots, hs_gc_object *object, bool *more)
{
    const hs_gc *gc = &run->board->gc;
    hs_store *store = add_store(stores);
    if (store == NULL) {
        return false;
    }
    store->start = hs_gc_area_start(gc, area);
    store->size = hs_gc_area_size(gc, area);
    store->type = "GC area";
    store->serves = true;
    hs_addr at = area->pool;
    hs_addr end = area->pool + area->blocks * HS_GC_BLOCK;
    bool ok = true;
    while (ok && *more && object->address - area->pool < end - area->pool) {
        ok = (object->address == at || add_free(store, object->address - at)) &&
             add_object(store, run, object, slots);
        at = object->address + object->blocks * HS_GC_BLOCK;
        *more = hs_gc_next_object(gc, object);
    }
    return ok && (at == end || add_free(store, end - at));
}

static int take_areas(hs_stores *stores, const hs_run *run, hs_error *error)
{
    const hs_gc *gc = &run->board->gc;
    hs_slot_list slots;
    if (hs_slot_list_take(&slots, run, HS_HEAP_GC) != 0) {
        return no_memory(error);
    }
    hs_gc_object object = {0};
    bool more = hs_gc_next_object(gc, &object);
    bool ok = true;
    const hs_gc_area *area = NULL;
    while (ok && (area = hs_gc_next_area(gc, area)) != NULL) {
        ok = take_area(stores, run, area, &slots, &object, &more);
    }
    hs_slot_list_release(&slots);
    return ok ? 0 : no_memory(error);
}

static int by_bytes(const void *a, const void *b)
{
    const hs_holding *x = a;
    const hs_holding *y = b;
    if (x->bytes != y->bytes) {
        return x->bytes < y->bytes ? 1 : -1;
    }
    return x->kind != y->kind ? x->kind - y->kind : strcmp(x->name, y->name);
}

int hs_stores_take(hs_stores *stores, const hs_run *run, const hs_failure *failure, hs_error *error)
{
    *stores = (hs_stores){0};
    int result = take_regions(stores, run, failure, error);
    if (result == 0 && failure->heap == HS_HEAP_GC && run->board->has_gc) {
        result = take_areas(stores, run, error);
    }
    if (result != 0) {
        hs_stores_release(stores);
    }
    for (size_t i = 0; i < stores->count; i++) {
        if (stores->items[i].count != 0) {
            qsort(stores->items[i].holdings, stores->items[i].count, sizeof(hs_holding), by_bytes);
        }
    }
    return result;
}

void hs_stores_release(hs_stores *stores)
{
    for (size_t i = 0; i < stores->count; i++) {
        for (size_t k = 0; k < stores->items[i].count; k++) {
            free(stores->items[i].holdings[k].phases);
        }
        free(stores->items[i].holdings);
    }
    free(stores->items);
    *stores = (hs_stores){0};
}

/* --- the whole --- */

int hs_explain(hs_explanation *to, hs_case *c, hs_error *error)
{
    *to = (hs_explanation){.c = c, .run = hs_case_run(c, &(hs_trial){0}, error)};
    c->planned = PLANNED + 30 * c->layout->region_count;
    int result = to->run != NULL ? 0 : -1;
    if (result == 0 && to->run->failed) {
        const hs_failure *failure = &to->run->failure;
        result = hs_stores_take(&to->stores, to->run, failure, error);
        result = result == 0 ? hs_pins_find(&to->pins, to->run, failure, error) : -1;
        result = result == 0 ? hs_advise(&to->advices, c, to->run, error) : -1;
    }
    if (result == 0) {
        result = hs_bounds_find(&to->bounds, c, error);
    }
    result = result == 0 ? hs_case_check(c, error) : -1;
    if (result != 0) {
        hs_explanation_release(to);
    }
    return result;
}

void hs_explanation_release(hs_explanation *explanation)
{
    hs_bounds_release(&explanation->bounds);
    hs_advices_release(&explanation->advices);
    hs_pins_release(&explanation->pins);
    hs_stores_release(&explanation->stores);
    hs_case_release_run(explanation->run);
    *explanation = (hs_explanation){0};
}

#include "pins.h"

#include <stdlib.h>
#include <string.h>

#include "holders.h"

/* A stretch of a region in address order, free or live. */
typedef struct stretch {
    hs_pin pin;
    bool free;
    bool fixed; /* may not go: the block that a realloc wants to grow */
} stretch;

typedef struct stretches {
    stretch *items;
    size_t count;
    size_t capacity;
} stretches;

static int no_memory(hs_error *error)
{
    hs_error_set(error, NULL, 0, "the host is out of memory");
    return -1;
}

static bool add_stretch(stretches *list, stretch item)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity == 0 ? 256 : 2 * list->capacity;
        stretch *grown = realloc(list->items, capacity * sizeof *grown);
        if (grown == NULL) {
            return false;
        }
        list->items = grown;
        list->capacity = capacity;
    }
    list->items[list->count++] = item;
    return true;
}

/* --- the cheapest window --- */

typedef struct window {
    size_t first, end;
    uint64_t bytes;
    bool found;
} window;

static uint64_t cost(const stretch *s)
{
    return s->free ? 0 : s->pin.size;
}

/* From the start of one block to the end of another, all between them gone, is one free block. For
 * each start the nearest end that gives room is the cheapest, and it only moves on: O(stretches).
 * Of equal costs the lowest address. */
static window cheapest(const stretch *items, size_t count, uint64_t wanted)
{
    window best = {0};
    size_t end = 0;
    uint64_t bytes = 0;
    for (size_t first = 0; first < count; first++) {
        end = end > first ? end : first;
        hs_addr from = items[first].pin.start;
        while (
            end < count && !items[end].fixed &&
            (end == first || items[end - 1].pin.start - from + items[end - 1].pin.size < wanted)) {
            bytes += cost(&items[end++]);
        }
        bool room = end > first &&
                    items[end - 1].pin.start - from + (uint64_t)items[end - 1].pin.size >= wanted;
        if (room && (!best.found || bytes < best.bytes)) {
            best = (window){first, end, bytes, true};
        }
        if (end > first) {
            bytes -= cost(&items[first]);
        }
    }
    return best;
}

static int keep_window(hs_pin_set *set, const stretch *items, size_t count, hs_error *error)
{
    window w = cheapest(items, count, set->wanted);
    if (!w.found) {
        return 0;
    }
    /* Free neighbours join what becomes free. */
    while (w.first > 0 && items[w.first - 1].free) {
        w.first--;
    }
    while (w.end < count && items[w.end].free) {
        w.end++;
    }
    set->possible = true;
    set->bytes = w.bytes;
    set->room = items[w.end - 1].pin.start + items[w.end - 1].pin.size - items[w.first].pin.start;
    set->pins = calloc(w.end - w.first, sizeof *set->pins);
    if (set->pins == NULL) {
        return no_memory(error);
    }
    for (size_t i = w.first; i < w.end; i++) {
        if (!items[i].free) {
            set->pins[set->count++] = items[i].pin;
        }
    }
    return 0;
}

const char *hs_place_type(const hs_caps_heap *heap)
{
    const char *name = hs_region_type_name((enum hs_region_type)heap->type);
    return name != NULL ? name : "DMA reserve";
}

static hs_pin_set *add_set(hs_pin_sets *sets, hs_error *error)
{
    hs_pin_set *grown = realloc(sets->items, (sets->count + 1) * sizeof *grown);
    if (grown == NULL) {
        no_memory(error);
        return NULL;
    }
    sets->items = grown;
    grown[sets->count] = (hs_pin_set){0};
    return &grown[sets->count++];
}

/* --- the IDF heap --- */

/* What a free block must hold for the allocator to find it: TLSF rounds a request up to the next
 * class of blocks before it searches; an aligned request is searched with room for the gap. */
static uint32_t visible(const hs_heap *heap, const hs_failure *failure)
{
    uint64_t want = failure->need;
    if (failure->align > 4) {
        want = (want + failure->align + 16 + failure->align - 1) / failure->align * failure->align;
    }
    if (heap->allocator == HS_ALLOCATOR_TLSF) {
        unsigned top = 0;
        while (want >> top > 1) {
            top++;
        }
        uint64_t step = top > heap->sl_log + 2u ? UINT64_C(1) << (top - heap->sl_log) : 4;
        want = (want + step - 1) & ~(step - 1);
    }
    return want > UINT32_MAX ? UINT32_MAX : (uint32_t)want;
}

static stretch of_holder(const hs_holder *h, const hs_run *run, const hs_failure *failure)
{
    static const uint8_t kinds[] = {[HS_HOLDER_BOOT] = HS_PIN_BOOT,
                                    [HS_HOLDER_AREA] = HS_PIN_AREA,
                                    [HS_HOLDER_OWNER] = HS_PIN_OWNER};
    stretch s = {.pin = {.start = h->start, .size = h->size}, .free = h->kind == HS_HOLDER_FREE};
    if (!s.free) {
        s.pin.kind = kinds[h->kind];
    }
    if (h->kind == HS_HOLDER_OWNER) {
        s.pin.owner = h->owner;
        s.pin.phase = h->phase;
        s.pin.age = run->event - h->born;
        s.pin.born = run->event - s.pin.age;
    }
    s.fixed = failure->block != 0 && failure->block - h->start < h->size;
    return s;
}

static bool served(hs_board *board, const hs_failure *failure)
{
    hs_caps *caps = &board->caps;
    bool plain = failure->caps == HS_CAP_DEFAULT;
    uint32_t size = failure->size;
    if (failure->align != 0) {
        return (plain ? hs_caps_memalign(caps, failure->align, size)
                      : hs_caps_aligned_alloc(caps, failure->align, size, failure->caps)) != 0;
    }
    return (plain ? hs_caps_malloc_default(caps, size)
                  : hs_caps_malloc(caps, size, failure->caps)) != 0;
}

static int verify_idf(hs_pin_set *set, const hs_run *run, const hs_failure *failure,
                      hs_error *error)
{
    hs_board *board = hs_board_copy(run->board, error);
    if (board == NULL) {
        return -1;
    }
    for (size_t i = 0; i < set->count; i++) {
        hs_caps_free(&board->caps, set->pins[i].start);
    }
    set->verified = served(board, failure) && board->caps.device.crash == HS_CRASH_NONE;
    hs_board_destroy(board);
    return 0;
}

static int find_in_heap(hs_pin_sets *sets, const hs_run *run, const hs_failure *failure,
                        const hs_caps_heap *heap, const stretches *list, hs_error *error)
{
    hs_pin_set *set = add_set(sets, error);
    if (set == NULL) {
        return -1;
    }
    set->start = heap->start;
    set->size = heap->end - heap->start;
    set->type = hs_place_type(heap);
    set->wanted = visible(&heap->heap, failure);
    if (keep_window(set, list->items, list->count, error) != 0) {
        return -1;
    }
    return set->possible ? verify_idf(set, run, failure, error) : 0;
}

static int find_idf(hs_pin_sets *sets, const hs_run *run, const hs_failure *failure,
                    hs_error *error)
{
    hs_holders holders;
    if (hs_holders_take(&holders, run) != 0) {
        return no_memory(error);
    }
    int result = 0;
    stretches list = {0};
    for (size_t i = 0; i < holders.count && result == 0; i++) {
        const hs_holder *h = &holders.items[i];
        const hs_caps_heap *heap = &run->board->caps.heaps[h->heap];
        if ((heap->all & failure->caps) != failure->caps) {
            continue;
        }
        if (!add_stretch(&list, of_holder(h, run, failure))) {
            result = no_memory(error);
            break;
        }
        if (i + 1 == holders.count || holders.items[i + 1].heap != h->heap) {
            result = find_in_heap(sets, run, failure, heap, &list, error);
            list.count = 0;
        }
    }
    free(list.items);
    hs_holders_release(&holders);
    return result;
}

/* --- the GC heap --- */

static stretch of_object(const hs_gc_object *object, const hs_slot_list *slots, const hs_run *run,
                         const hs_failure *failure)
{
    stretch s = {.pin = {.start = object->address,
                         .size = object->blocks * HS_GC_BLOCK,
                         .kind = HS_PIN_LINKED}};
    const hs_slot *slot = hs_slot_list_find(slots, s.pin.start, s.pin.size);
    if (slot != NULL) {
        s.pin.kind = HS_PIN_OWNER;
        s.pin.owner = slot->owner;
        s.pin.phase = slot->phase;
        s.pin.age = run->event - slot->born;
        s.pin.born = run->event - s.pin.age;
    }
    s.fixed = failure->block != 0 && failure->block - s.pin.start < s.pin.size;
    return s;
}

static bool add_gap(stretches *list, hs_addr from, hs_addr to)
{
    return from == to ||
           add_stretch(list, (stretch){.pin = {.start = from, .size = to - from}, .free = true});
}

/* The objects of the area and the gaps between them; *object is the first one and becomes the first
 * of the next area, *more is false when there is none. */
static int list_area(stretches *list, const hs_run *run, const hs_gc_area *area,
                     hs_gc_object *object, bool *more, const hs_slot_list *slots,
                     const hs_failure *failure, hs_error *error)
{
    const hs_gc *gc = &run->board->gc;
    hs_addr at = area->pool;
    hs_addr end = area->pool + area->blocks * HS_GC_BLOCK;
    while (*more && object->address - area->pool < end - area->pool) {
        if (!add_gap(list, at, object->address) ||
            !add_stretch(list, of_object(object, slots, run, failure))) {
            return no_memory(error);
        }
        at = object->address + object->blocks * HS_GC_BLOCK;
        *more = hs_gc_next_object(gc, object);
    }
    return add_gap(list, at, end) ? 0 : no_memory(error);
}

/* Without its automatic collection, which on a copy would know no roots. */
static int verify_gc(hs_pin_set *set, const hs_run *run, const hs_failure *failure, hs_error *error)
{
    hs_board *board = hs_board_copy(run->board, error);
    if (board == NULL) {
        return -1;
    }
    hs_gc_enable(&board->gc, false);
    hs_gc_set_threshold(&board->gc, -1);
    for (size_t i = 0; i < set->count; i++) {
        hs_gc_free(&board->gc, set->pins[i].start);
    }
    set->verified = hs_gc_alloc(&board->gc, failure->need, 0) != 0;
    hs_board_destroy(board);
    return 0;
}

static int find_in_areas(hs_pin_sets *sets, const hs_run *run, const hs_failure *failure,
                         const hs_slot_list *slots, stretches *list, hs_error *error)
{
    const hs_gc *gc = &run->board->gc;
    hs_gc_object object = {0};
    bool more = hs_gc_next_object(gc, &object);
    const hs_gc_area *area = NULL;
    while ((area = hs_gc_next_area(gc, area)) != NULL) {
        list->count = 0;
        hs_pin_set *set = add_set(sets, error);
        if (set == NULL || list_area(list, run, area, &object, &more, slots, failure, error) != 0) {
            return -1;
        }
        set->start = hs_gc_area_start(gc, area);
        set->size = hs_gc_area_size(gc, area);
        set->type = "GC area";
        set->wanted = failure->need;
        if (keep_window(set, list->items, list->count, error) != 0 ||
            (set->possible && verify_gc(set, run, failure, error) != 0)) {
            return -1;
        }
    }
    return 0;
}

static int find_gc(hs_pin_sets *sets, const hs_run *run, const hs_failure *failure, hs_error *error)
{
    hs_slot_list slots;
    if (hs_slot_list_take(&slots, run, HS_HEAP_GC) != 0) {
        return no_memory(error);
    }
    stretches list = {0};
    int result = find_in_areas(sets, run, failure, &slots, &list, error);
    free(list.items);
    hs_slot_list_release(&slots);
    return result;
}

/* --- both --- */

int hs_pins_find(hs_pin_sets *sets, const hs_run *run, const hs_failure *failure, hs_error *error)
{
    *sets = (hs_pin_sets){0};
    int result = failure->heap == HS_HEAP_GC ? find_gc(sets, run, failure, error)
                                             : find_idf(sets, run, failure, error);
    if (result != 0) {
        hs_pins_release(sets);
    }
    return result;
}

void hs_pins_release(hs_pin_sets *sets)
{
    for (size_t i = 0; i < sets->count; i++) {
        free(sets->items[i].pins);
    }
    free(sets->items);
    *sets = (hs_pin_sets){0};
}

/* A layout imported from a log may say whose a block is, as of the Python heap that it found. */
static const char *boot_name(const hs_layout *layout, hs_addr start)
{
    for (size_t i = 0; layout != NULL && i < layout->block_count; i++) {
        const hs_layout_block *block = &layout->blocks[i];
        if (block->start == start && block->owner != NULL && layout->boot == HS_BOOT_BLOCKS) {
            return block->owner;
        }
    }
    return "boot";
}

const char *hs_pin_name(const hs_run *run, const hs_pin *pin)
{
    switch (pin->kind) {
    case HS_PIN_OWNER:
        return run->owners[pin->owner].name;
    case HS_PIN_AREA:
        return "Python's heap";
    case HS_PIN_LINKED:
        return "reached through links";
    default:
        return boot_name(run->board->layout, pin->start);
    }
}

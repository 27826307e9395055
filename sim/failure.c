/* Why an allocation failed: one class, from the state of all heaps at that moment. */
#include "run.h"

static const char *const names[] = {
    [HS_CLASS_EXHAUSTED] = "exhausted", [HS_CLASS_FRAGMENTED] = "fragmented",
    [HS_CLASS_CAPS] = "caps",           [HS_CLASS_STARVED] = "starved",
    [HS_CLASS_ROUNDED] = "rounded",     [HS_CLASS_INNER] = "inner",
};

const char *hs_failure_class_name(enum hs_failure_class c)
{
    return names[c];
}

const char *hs_run_owner_name(const hs_run *run, uint16_t owner)
{
    return owner == HS_NO_OWNER ? "policy" : run->owners[owner].name;
}

const char *hs_run_crash_reason(const hs_run *run)
{
    static const char *const reasons[] = {
        [HS_CRASH_NONE] = "",
        [HS_CRASH_WILD_POINTER] = "free or realloc of an address outside all heaps",
        [HS_CRASH_NOT_USED] = "free or realloc of what is not a live block",
        [HS_CRASH_CUT_BLOCK] = "use of a block that realloc had cut to 0 bytes (IDF v4.4.0 to .3)",
        [HS_CRASH_CORRUPT] = "a link or a size of the heap points outside it",
        [HS_CRASH_CANARY] = "a canary of heap poisoning was overwritten",
        [HS_CRASH_ALIAS] = "realloc of an instruction-bus address (IDF v3.x)",
    };
    return reasons[run->board->caps.device.crash];
}

typedef struct free_sum {
    uint64_t free;
    uint32_t largest;
} free_sum;

static bool add_free(void *context, hs_addr address, uint32_t size, bool used)
{
    (void)address;
    free_sum *sum = context;
    if (!used) {
        sum->free += size;
        sum->largest = size > sum->largest ? size : sum->largest;
    }
    return true;
}

/* No heap serves both: the instruction bus takes whole words only. */
static bool contradictory(uint32_t wanted)
{
    return (wanted & HS_CAP_EXEC) != 0 && (wanted & (HS_CAP_8BIT | HS_CAP_DMA)) != 0;
}

static bool is_able(const hs_caps_heap *heap, uint32_t wanted)
{
    return (heap->all & wanted) == wanted && !contradictory(wanted);
}

/* Whether Python holds memory that could have served. */
static bool python_could_give(const hs_board *board, uint32_t wanted)
{
    for (size_t i = 0; i < board->area_count; i++) {
        const hs_caps_heap *heap = hs_caps_find(&board->caps, board->areas[i].start);
        if (heap != NULL && is_able(heap, wanted)) {
            return true;
        }
    }
    return false;
}

/* True payload bytes, since the device's counters are off in some releases: of the heaps that have
 * all of `wanted`, and of the others. */
static void sum_heaps(hs_board *board, uint32_t wanted, free_sum *able, free_sum *others)
{
    for (unsigned i = 0; i < board->caps.count; i++) {
        const hs_caps_heap *heap = &board->caps.heaps[i];
        if (heap->heap.base != 0) {
            hs_heap_walk(&board->caps.device, &heap->heap, add_free,
                         is_able(heap, wanted) ? able : others);
        }
    }
}

static uint32_t clamp(uint64_t value)
{
    return value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

/* The payload that the allocator takes for a request, before any rounding to a class. */
static uint32_t payload_of(const hs_board *board, uint32_t size)
{
    bool tlsf = board->caps.config.profile->allocator == HS_ALLOCATOR_TLSF;
    uint32_t poison = board->caps.config.poisoned ? 12 : 0;
    uint64_t rounded = ((uint64_t)size + poison + 3) & ~UINT64_C(3);
    return tlsf && rounded < 12 ? 12 : clamp(rounded);
}

static void diagnose_idf(hs_failure *failure, hs_board *board)
{
    free_sum able = {0, 0};
    free_sum others = {0, 0};
    uint32_t wanted = failure->caps;
    sum_heaps(board, wanted, &able, &others);
    failure->need = payload_of(board, failure->size);
    failure->free = clamp(able.free);
    failure->largest_exact = able.largest;
    failure->largest = contradictory(wanted) ? 0 : hs_caps_largest_free_block(&board->caps, wanted);
    failure->other_largest = others.largest;
    if (able.largest >= failure->need) {
        failure->failure_class = HS_CLASS_ROUNDED;
    } else if (able.free >= failure->need) {
        failure->failure_class = HS_CLASS_FRAGMENTED;
    } else if (failure->gc_free >= failure->need && python_could_give(board, wanted)) {
        failure->failure_class = HS_CLASS_STARVED;
    } else if (others.largest >= failure->need) {
        failure->failure_class = HS_CLASS_CAPS;
    } else {
        failure->failure_class = HS_CLASS_EXHAUSTED;
    }
}

/* "could still be added": the IDF heap has one block for the object with its area's tables. */
static bool area_would_fit(hs_board *board, uint32_t size)
{
    uint64_t needed =
        (uint64_t)size + (size * UINT64_C(13) / 512 > 2048 ? size * UINT64_C(13) / 512 : 2048);
    return !board->bare && hs_caps_largest_free_block(&board->caps, HS_CAP_DEFAULT) >= needed;
}

static void diagnose_gc(hs_failure *failure, hs_board *board, const hs_gc_info *info)
{
    failure->need = clamp(((uint64_t)failure->size + HS_GC_BLOCK - 1) / HS_GC_BLOCK * HS_GC_BLOCK);
    failure->free = info->free;
    failure->largest = info->max_free * HS_GC_BLOCK;
    failure->largest_exact = failure->largest;
    if (area_would_fit(board, failure->size)) {
        failure->failure_class = HS_CLASS_INNER;
    } else if (failure->free >= failure->need) {
        failure->failure_class = HS_CLASS_FRAGMENTED;
    } else {
        failure->failure_class = HS_CLASS_EXHAUSTED;
    }
}

void hs_failure_diagnose(hs_failure *failure, hs_board *board)
{
    hs_gc_info info = {0};
    if (board->has_gc) {
        hs_gc_get_info(&board->gc, &info);
    }
    failure->gc_free = info.free;
    if (failure->heap == HS_HEAP_GC) {
        diagnose_gc(failure, board, &info);
    } else {
        diagnose_idf(failure, board);
    }
}

/* Allocation by capabilities: which heaps are tried in which order, and what happens around it. */
#include "heap_caps.h"

#include "memory.h"
#include "tlsf_hot.h"

#define EXTMEM_OFF 0xffffffffu

/* --- Finding heaps ---------------------------------------------------------------------------- */

static inline hs_caps_place *page_of(hs_caps *caps, hs_addr address)
{
    return &caps->page_heap[address >> 12 & (HS_CAPS_PAGES - 1)];
}

static inline bool contains(const hs_caps_heap *heap, hs_addr address)
{
    return address - heap->start < heap->end - heap->start;
}

/* The first heap of the device's list that contains the address, or NULL. The one that was found
 * for a page last time needs only to be confirmed; heaps of which one lies inside another are not
 * remembered. */
static hs_caps_heap *find(hs_caps *caps, hs_addr address)
{
    hs_caps_place *page = page_of(caps, address);
    hs_caps_heap *heap = hs_caps_at(caps, *page);
    if (contains(heap, address)) {
        return heap;
    }
    for (unsigned i = 0; i < caps->listed; i++) {
        heap = &caps->heaps[caps->order[i]];
        if (contains(heap, address)) {
            *page = hs_caps_place_of(caps, caps->nested ? &caps->heaps[HS_CAPS_HEAPS_MAX] : heap);
            return heap;
        }
    }
    return NULL;
}

const hs_caps_heap *hs_caps_find(const hs_caps *caps, hs_addr address)
{
    for (unsigned i = 0; i < caps->listed; i++) {
        if (contains(&caps->heaps[caps->order[i]], address)) {
            return &caps->heaps[caps->order[i]];
        }
    }
    return NULL;
}

#define ADJUSTING                                                                                  \
    (HS_CAP_DMA | HS_CAP_DMA_DESC_AHB | HS_CAP_DMA_DESC_AXI | HS_CAP_CACHE_ALIGNED | HS_CAP_SIMD)

static bool needs_adjusting(const hs_caps *caps, uint32_t wanted)
{
    return (wanted & ADJUSTING) != 0 && caps->config.profile->caps_adjusted;
}

/* Registered heaps with all wanted capabilities, by the priority of any of them, then by list. */
static void make_plan(const hs_caps *caps, hs_caps_plan *plan, uint32_t wanted)
{
    uint32_t planned = 0;
    plan->caps = wanted;
    plan->special = (wanted & HS_CAP_EXEC) != 0 || needs_adjusting(caps, wanted);
    const hs_caps_place none = hs_caps_place_of(caps, &caps->heaps[HS_CAPS_HEAPS_MAX]);
    hs_caps_place *next = plan->heaps;
    *next = none;
    next += plan->special;
    for (int priority = 0; priority < 3; priority++) {
        for (unsigned i = 0; i < caps->listed; i++) {
            unsigned index = caps->order[i];
            const hs_caps_heap *heap = &caps->heaps[index];
            if (heap->heap.base != 0 && (heap->caps[priority] & wanted) != 0 &&
                (heap->all & wanted) == wanted && !(planned >> index & 1)) {
                planned |= 1u << index;
                *next++ = hs_caps_place_of(caps, heap);
            }
        }
    }
    *next = none;
}

/* Plans are remembered where their capabilities' hash says or behind that; when all places are
 * taken, that of the hash is taken again. */
static const hs_caps_plan *plan_elsewhere(hs_caps *caps, uint32_t wanted, unsigned home)
{
    for (unsigned i = 0; i < HS_CAPS_PLANS; i++) {
        hs_caps_plan *plan = &caps->plans[(home + i) & (HS_CAPS_PLANS - 1)];
        if (plan->caps == wanted) {
            return plan;
        }
        if (plan->caps == UINT32_MAX) {
            home += i;
            break;
        }
    }
    hs_caps_plan *plan = &caps->plans[home & (HS_CAPS_PLANS - 1)];
    make_plan(caps, plan, wanted);
    return plan;
}

static inline unsigned plan_home(uint32_t wanted)
{
    return (wanted * 0x9e3779b9u) >> 28 & (HS_CAPS_PLANS - 1);
}

static inline const hs_caps_plan *plan_for(hs_caps *caps, uint32_t wanted)
{
    const hs_caps_plan *plan = &caps->plans[plan_home(wanted)];
    return plan->caps == wanted ? plan : plan_elsewhere(caps, wanted, plan_home(wanted));
}

/* --- The instruction bus ---------------------------------------------------------------------- */

/* How a heap's memory is seen on the instruction bus. */
typedef struct alias {
    hs_addr start; /* on the data bus */
    hs_addr end;
    hs_addr code; /* address of start, or of the last word when inverted */
    bool inverted;
} alias;

static bool diram_alias(const hs_caps *caps, alias *a)
{
    const hs_chip *chip = caps->config.chip;
    *a = (alias){chip->diram_start, chip->diram_end, chip->diram_alias, chip->diram_inverted};
    return a->start != a->end;
}

static bool rtc_alias(const hs_caps *caps, alias *a)
{
    const hs_chip *chip = caps->config.chip;
    *a = (alias){chip->rtc_start, chip->rtc_end, chip->rtc_alias, false};
    return a->start != a->end && caps->config.profile->rtc_alias;
}

/* The alias of the heap's memory; false when the instruction bus has it at the same address. */
static bool alias_of(const hs_caps *caps, const hs_caps_heap *heap, alias *a)
{
    return (diram_alias(caps, a) && heap->start - a->start < a->end - a->start) ||
           (rtc_alias(caps, a) && heap->start - a->start < a->end - a->start);
}

/* The alias that `address` of the instruction bus belongs to. */
static bool alias_at(const hs_caps *caps, hs_addr address, alias *a)
{
    return (diram_alias(caps, a) && address - a->code < a->end - a->start) ||
           (rtc_alias(caps, a) && address - a->code < a->end - a->start);
}

/* The same word on the other bus. */
static hs_addr to_code(const alias *a, hs_addr data)
{
    return a->inverted ? a->code + (a->end - data) - 4 : a->code + (data - a->start);
}

static hs_addr to_data(const alias *a, hs_addr code)
{
    return a->inverted ? a->end - (code - a->code) - 4 : a->start + (code - a->code);
}

/* Notes the block's address in its word that comes first on the instruction bus, and gives the
 * address behind that word there. `size`: the block's bytes, that word included. */
static hs_addr give_alias(const hs_caps *caps, const alias *a, hs_addr block, uint32_t size)
{
    hs_addr word = a->inverted ? block + size - 4 : block;
    hs_store(caps->device.space, word, block);
    return to_code(a, word) + 4;
}

/* The data address of what the owner calls `seen`, which no heap contains. */
static hs_addr aliased_block(hs_caps *caps, hs_addr seen)
{
    alias a;
    if (!alias_at(caps, seen - 4, &a)) {
        return seen;
    }
    hs_addr word = to_data(&a, seen - 4);
    if (find(caps, word) == NULL) {
        return seen;
    }
    return hs_load(caps->device.space, word);
}

static inline hs_addr data_address(hs_caps *caps, hs_addr seen)
{
    return find(caps, seen) != NULL ? seen : aliased_block(caps, seen);
}

/* --- One heap --------------------------------------------------------------------------------- */

void hs_caps_touched(hs_caps *caps, unsigned index)
{
    hs_caps_heap *heap = &caps->heaps[index];
    bool quick = HS_CAPS_FAST && heap->heap.plain && heap->heap.base != 0 && !caps->device.cut;
    heap->top = (hs_heap_top){UINT32_MAX, false};
    heap->way = HS_CAPS_SLOW;
    if (quick) {
        heap->top.bound = hs_tlsf_bound(&caps->device, &heap->heap);
        heap->way = heap->heap.sl_log == 5 ? HS_CAPS_QUICK_32 : HS_CAPS_QUICK;
    }
    caps->changed |= 1u << index;
}

/* Payload bytes of a live block as hs_heap_get_info() counts them; 0 when it is none. */
static uint32_t payload(const hs_caps *caps, const hs_caps_heap *heap, hs_addr block)
{
    hs_device asked = caps->device; /* a question must not crash the device */
    uint32_t usable = HS_CAPS_FAST && block != 0 ? hs_heap_usable(&asked, &heap->heap, block) : 0;
    return usable != 0 && heap->heap.poisoned ? usable + HS_HEAP_CANARIES : usable;
}

/* After a change by the long way: a block of `before` bytes, 0: none, became one of `after`. */
static void touched(hs_caps *caps, const hs_caps_heap *heap, uint32_t before, uint32_t after)
{
    if (HS_CAPS_FAST) {
        caps->allocated[heap->counted] += after - before;
    }
    hs_caps_touched(caps, (unsigned)(heap - caps->heaps));
}

/* Rows of 32 classes are those of every heap up to v4.4.3 and of long regions since: with the
 * constant the code is shorter. Not inlined: a function of its own keeps all in registers. */
#define NOINLINE __attribute__((noinline))

/* After a heap's top moved; gives `block`. */
static NOINLINE hs_addr take_top(hs_caps *caps, hs_caps_heap *heap, hs_addr block)
{
    hs_caps_touched(caps, (unsigned)(heap - caps->heaps));
    return block;
}

static inline hs_addr quick_malloc(hs_caps *caps, hs_caps_heap *heap, uint32_t sl, uint32_t size)
{
    hs_addr block;
    uint32_t bytes;
    if (!tlsf_malloc(&caps->device, &heap->heap, sl, size, &heap->top, &block, &bytes)) {
        return 0;
    }
    caps->allocated[heap->counted] += bytes;
    return __builtin_expect(heap->top.moved, false) ? take_top(caps, heap, block) : block;
}

static inline void quick_free(hs_caps *caps, hs_caps_heap *heap, uint32_t sl, hs_addr block)
{
    uint32_t bytes = tlsf_free(&caps->device, &heap->heap, sl, block, &heap->top);
    if (__builtin_expect(bytes == 0, false)) {
        caps->changed = UINT32_MAX; /* a crash */
        return;
    }
    caps->allocated[heap->counted] -= bytes;
    if (__builtin_expect(heap->top.moved, false)) {
        take_top(caps, heap, 0);
    }
}

static NOINLINE hs_addr malloc_32(hs_caps *caps, hs_caps_heap *heap, uint32_t size)
{
    return quick_malloc(caps, heap, 5, size);
}

static NOINLINE hs_addr malloc_other(hs_caps *caps, hs_caps_heap *heap, uint32_t size)
{
    if (HS_CAPS_FAST && heap->way == HS_CAPS_QUICK) {
        return quick_malloc(caps, heap, heap->heap.sl_log, size);
    }
    hs_addr block = hs_heap_malloc(&caps->device, &heap->heap, size);
    if (block != 0) {
        touched(caps, heap, 0, payload(caps, heap, block));
    }
    return block;
}

static NOINLINE void free_other(hs_caps *caps, hs_caps_heap *heap, hs_addr block)
{
    quick_free(caps, heap, heap->heap.sl_log, block);
}

/* --- Allocation ------------------------------------------------------------------------------- */

/* A block of one heap that is aligned (0: not) or executable. */
static hs_addr take_from(hs_caps *caps, const hs_caps_heap *heap, uint32_t size, uint32_t align,
                         bool exec)
{
    alias a = {0, 0, 0, false};
    bool aliased = exec && alias_of(caps, heap, &a);
    if (aliased) {
        size = ((size + 3) & ~3u) + 4;
    }
    hs_addr block = align == 0 ? hs_heap_malloc(&caps->device, &heap->heap, size)
                               : hs_heap_aligned(&caps->device, &heap->heap, size, align);
    touched(caps, heap, 0, payload(caps, heap, block));
    return aliased && block != 0 ? give_alias(caps, &a, block, size) : block;
}

/* Every heap of the plan, first success wins. A quick heap that is not passed over has a block. */
static hs_addr search_plain(hs_caps *caps, const hs_caps_place *plan, uint32_t size)
{
    for (;; plan++) {
        hs_caps_heap *heap = hs_caps_at(caps, *plan);
        if (size > heap->top.bound) {
            continue;
        }
        if (HS_CAPS_FAST && heap->way == HS_CAPS_QUICK_32) {
            return malloc_32(caps, heap, size);
        }
        if (heap->way == HS_CAPS_END) {
            return 0;
        }
        hs_addr block = malloc_other(caps, heap, size);
        if (block != 0 || caps->device.crash != HS_CRASH_NONE) {
            return caps->device.crash == HS_CRASH_NONE ? block : 0;
        }
    }
}

/* The same for what may be aligned or executable. */
static hs_addr search(hs_caps *caps, uint32_t size, uint32_t align, uint32_t wanted)
{
    if (size == 0 || size > caps->config.chip->max_request) {
        return 0;
    }
    bool exec = (wanted & HS_CAP_EXEC) != 0;
    if (exec && (wanted & (HS_CAP_8BIT | HS_CAP_DMA)) != 0) {
        return 0; /* the instruction bus takes whole words only */
    }
    const hs_caps_plan *plan = plan_for(caps, wanted);
    const hs_caps_place *heaps = plan->heaps + plan->special;
    if (align == 0 && !exec) {
        return search_plain(caps, heaps, size);
    }
    for (; hs_caps_at(caps, *heaps)->way != HS_CAPS_END; heaps++) {
        hs_addr block = take_from(caps, hs_caps_at(caps, *heaps), size, align, exec);
        if (block != 0) {
            return caps->device.crash == HS_CRASH_NONE ? block : 0;
        }
    }
    return 0;
}

/* What DMA and its like ask of alignment and size (v5.3 on). `align` in: wanted or 0; out: 0 when
 * 4 is enough. */
static void adjust(const hs_caps *caps, uint32_t *size, uint32_t *align, uint32_t *wanted)
{
    const hs_chip *chip = caps->config.chip;
    uint32_t most = *align > 4 ? *align : 4;
    uint32_t line = *wanted & HS_CAP_SPIRAM ? chip->spiram_line : chip->internal_line;
    most = line > most ? line : most;
    if ((*wanted & HS_CAP_SIMD) && chip->simd_line > most) {
        most = chip->simd_line;
    }
    if (*wanted & (HS_CAP_DMA_DESC_AHB | HS_CAP_DMA_DESC_AXI)) {
        *wanted |= HS_CAP_DMA;
    }
    uint32_t dropped = HS_CAP_DMA_DESC_AHB | HS_CAP_DMA_DESC_AXI | HS_CAP_CACHE_ALIGNED;
    dropped |= *wanted & HS_CAP_SPIRAM ? HS_CAP_DMA : 0;
    *wanted &= ~dropped;
    *size = (*size + most - 1) & ~(most - 1);
    *align = most > 4 ? most : 0;
}

static NOINLINE hs_addr malloc_slow(hs_caps *caps, uint32_t size, uint32_t wanted)
{
    uint32_t align = 0;
    if (needs_adjusting(caps, wanted)) {
        adjust(caps, &size, &align, &wanted);
    }
    return search(caps, size, align, wanted);
}

/* The common case: a plan that is remembered leads to a quick heap of 32 classes a row. */
static inline hs_addr malloc_by_plan(hs_caps *caps, uint32_t size, uint32_t wanted)
{
    if (caps->device.crash != HS_CRASH_NONE || size == 0) {
        return 0;
    }
    const hs_caps_plan *plan = &caps->plans[plan_home(wanted)];
    if (!HS_CAPS_FAST || __builtin_expect(plan->caps != wanted, false)) {
        return malloc_slow(caps, size, wanted);
    }
    const hs_caps_place *place = plan->heaps;
    while (size > hs_caps_at(caps, *place)->top.bound) {
        place++;
    }
    hs_caps_heap *heap = hs_caps_at(caps, *place);
    return heap->way == HS_CAPS_QUICK_32 ? malloc_32(caps, heap, size)
                                         : malloc_slow(caps, size, wanted);
}

hs_addr hs_caps_malloc(hs_caps *caps, uint32_t size, uint32_t wanted)
{
    return malloc_by_plan(caps, size, wanted);
}

hs_addr hs_caps_aligned_alloc(hs_caps *caps, uint32_t align, uint32_t size, uint32_t wanted)
{
    if (caps->device.crash != HS_CRASH_NONE || align == 0 || (align & (align - 1)) != 0) {
        return 0;
    }
    if (needs_adjusting(caps, wanted)) {
        adjust(caps, &size, &align, &wanted);
    }
    return search(caps, size, align, wanted);
}

static hs_addr zeroed(hs_caps *caps, hs_addr seen, uint32_t size)
{
    alias a;
    if (seen != 0) {
        hs_addr data = seen;
        if (find(caps, seen) == NULL && alias_at(caps, seen, &a)) {
            data = a.inverted ? to_data(&a, seen + ((size - 1) & ~3u)) : to_data(&a, seen);
        }
        memset(hs_at(caps->device.space, data), 0, size);
    }
    return seen;
}

/* The product; false when it does not fit. */
static bool multiplied(uint32_t count, uint32_t size, uint32_t *bytes)
{
    *bytes = count * size;
    return size == 0 || count <= UINT32_MAX / size;
}

hs_addr hs_caps_calloc(hs_caps *caps, uint32_t count, uint32_t size, uint32_t wanted)
{
    uint32_t bytes;
    if (!multiplied(count, size, &bytes)) {
        return 0;
    }
    return zeroed(caps, hs_caps_malloc(caps, bytes, wanted), bytes);
}

/* --- Free and realloc ------------------------------------------------------------------------- */

/* The heap of a block that somebody hands back; NULL after a crash. */
static hs_caps_heap *heap_of(hs_caps *caps, hs_addr block)
{
    hs_caps_heap *heap = find(caps, block);
    if (heap == NULL || heap->heap.base == 0) {
        hs_device_crash(&caps->device, HS_CRASH_WILD_POINTER, block);
        return NULL;
    }
    return heap;
}

/* What is not a plain block of the heap that its page names. */
static NOINLINE void free_slow(hs_caps *caps, hs_addr seen)
{
    if (seen == 0) {
        return;
    }
    hs_addr block = data_address(caps, seen);
    hs_caps_heap *heap = heap_of(caps, block);
    if (heap == NULL) {
        return;
    }
    if (HS_CAPS_FAST && heap->way != HS_CAPS_SLOW) {
        free_other(caps, heap, block);
        return;
    }
    uint32_t before = payload(caps, heap, block);
    hs_heap_free(&caps->device, &heap->heap, block);
    touched(caps, heap, before, 0);
}

static NOINLINE void free_32(hs_caps *caps, hs_caps_heap *heap, hs_addr seen)
{
    if (__builtin_expect(!tlsf_holds(&heap->heap, seen), false)) {
        free_slow(caps, seen);
        return;
    }
    quick_free(caps, heap, 5, seen);
}

void hs_caps_free(hs_caps *caps, hs_addr seen)
{
    if (caps->device.crash != HS_CRASH_NONE) {
        return;
    }
    hs_caps_heap *heap = hs_caps_at(caps, *page_of(caps, seen));
    if (HS_CAPS_FAST && heap->way == HS_CAPS_QUICK_32) {
        free_32(caps, heap, seen);
    } else {
        free_slow(caps, seen);
        caps->changed = caps->device.crash != HS_CRASH_NONE ? UINT32_MAX : caps->changed;
    }
}

uint32_t hs_caps_usable(hs_caps *caps, hs_addr seen)
{
    if (caps->device.crash != HS_CRASH_NONE) {
        return 0;
    }
    hs_addr block = data_address(caps, seen);
    const hs_caps_heap *heap = heap_of(caps, block);
    return heap == NULL ? 0 : hs_heap_usable(&caps->device, &heap->heap, block);
}

/* A new block wherever the capabilities lead, a copy, and the old one freed. */
static hs_addr move(hs_caps *caps, hs_addr seen, uint32_t size, uint32_t align, uint32_t wanted)
{
    hs_addr moved = search(caps, size, align, wanted);
    if (moved == 0) {
        return 0;
    }
    uint32_t old = hs_caps_usable(caps, seen);
    hs_addr from = data_address(caps, seen);
    hs_addr to = data_address(caps, moved);
    bool aliased = from != seen || to != moved;
    if (caps->device.crash == HS_CRASH_NONE && !aliased) {
        memcpy(hs_at(caps->device.space, to), hs_at(caps->device.space, from),
               old < size ? old : size);
    }
    hs_caps_free(caps, seen);
    return caps->device.crash == HS_CRASH_NONE ? moved : 0;
}

hs_addr hs_caps_realloc(hs_caps *caps, hs_addr seen, uint32_t size, uint32_t wanted)
{
    uint32_t align = 0;
    if (seen == 0) {
        return hs_caps_malloc(caps, size, wanted);
    }
    if (size == 0) {
        hs_caps_free(caps, seen);
        return 0;
    }
    if (caps->device.crash != HS_CRASH_NONE) {
        return 0;
    }
    if (needs_adjusting(caps, wanted)) {
        adjust(caps, &size, &align, &wanted);
    }
    if (size > caps->config.chip->max_request) {
        return 0;
    }
    hs_addr block = data_address(caps, seen);
    if (block != seen && caps->config.profile->allocator == HS_ALLOCATOR_LIST) {
        hs_device_crash(&caps->device, HS_CRASH_ALIAS, seen);
        return 0;
    }
    const hs_caps_heap *heap = heap_of(caps, block);
    if (heap == NULL) {
        return 0;
    }
    if ((heap->all & wanted) == wanted && block == seen && align == 0) {
        uint32_t before = payload(caps, heap, block);
        hs_addr result = hs_heap_realloc(&caps->device, &heap->heap, block, size);
        touched(caps, heap, before, result != 0 ? payload(caps, heap, result) : before);
        if (result != 0 || caps->device.crash != HS_CRASH_NONE) {
            return result;
        }
    }
    return move(caps, seen, size, align, wanted);
}

/* --- The C library's functions ---------------------------------------------------------------- */

static inline uint32_t first_choice(const hs_caps *caps, uint32_t size)
{
    return HS_CAP_DEFAULT | (size <= caps->extmem_limit ? HS_CAP_INTERNAL : HS_CAP_SPIRAM);
}

static inline bool second_choice(const hs_caps *caps, hs_addr result, uint32_t size)
{
    return result == 0 && caps->extmem_limit != EXTMEM_OFF && size > 0;
}

hs_addr hs_caps_malloc_default(hs_caps *caps, uint32_t size)
{
    if (HS_CAPS_FAST && caps->extmem_limit == EXTMEM_OFF) {
        return malloc_by_plan(caps, size, HS_CAP_DEFAULT | HS_CAP_INTERNAL);
    }
    hs_addr block = malloc_by_plan(caps, size, first_choice(caps, size));
    return second_choice(caps, block, size) ? hs_caps_malloc(caps, size, HS_CAP_DEFAULT) : block;
}

hs_addr hs_caps_calloc_default(hs_caps *caps, uint32_t count, uint32_t size)
{
    uint32_t bytes;
    if (!multiplied(count, size, &bytes)) {
        return 0;
    }
    return zeroed(caps, hs_caps_malloc_default(caps, bytes), bytes);
}

hs_addr hs_caps_realloc_default(hs_caps *caps, hs_addr block, uint32_t size)
{
    hs_addr result = hs_caps_realloc(caps, block, size, first_choice(caps, size));
    return second_choice(caps, result, size) ? hs_caps_realloc(caps, block, size, HS_CAP_DEFAULT)
                                             : result;
}

hs_addr hs_caps_memalign(hs_caps *caps, uint32_t align, uint32_t size)
{
    if (caps->config.profile->memalign != HS_MEMALIGN_MALLOC) {
        return hs_caps_aligned_alloc(caps, align, size, HS_CAP_DEFAULT);
    }
    hs_addr block = hs_caps_aligned_alloc(caps, align, size, first_choice(caps, size));
    return second_choice(caps, block, size)
               ? hs_caps_aligned_alloc(caps, align, size, HS_CAP_DEFAULT)
               : block;
}

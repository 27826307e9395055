/* Allocation by capabilities: which heaps are tried in which order, and what happens around it. */
#include "heap_caps.h"

#include "memory.h"
#include "tlsf_hot.h"

/* The allocator's code once more, inlined, and each heap's top: where speed counts more than size.
 */
#ifndef HS_CAPS_FAST
#define HS_CAPS_FAST (UINTPTR_MAX > 0xffffffffu)
#endif
#define EXTMEM_OFF 0xffffffffu
#define NO_HEAP    0xffu

/* --- Finding heaps ---------------------------------------------------------------------------- */

static inline bool contains(const hs_caps_heap *heap, hs_addr address)
{
    return address - heap->start < heap->end - heap->start;
}

/* The first heap of the device's list that contains the address. Heaps seldom lie inside others;
 * when none does, the one that was found for a page last time needs only to be confirmed. */
static inline unsigned find(hs_caps *caps, hs_addr address)
{
    uint8_t *page = &caps->page_heap[address >> 12 & (HS_CAPS_PAGES - 1)];
    if (contains(&caps->heaps[*page], address) && !caps->nested) {
        return *page;
    }
    for (unsigned i = 0; i < caps->listed; i++) {
        if (contains(&caps->heaps[caps->order[i]], address)) {
            *page = caps->order[i];
            return *page;
        }
    }
    return NO_HEAP;
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
    plan->count = 0;
    for (int priority = 0; priority < 3; priority++) {
        for (unsigned i = 0; i < caps->listed; i++) {
            unsigned index = caps->order[i];
            const hs_caps_heap *heap = &caps->heaps[index];
            if (heap->heap.base != 0 && (heap->caps[priority] & wanted) != 0 &&
                (heap->all & wanted) == wanted && !(planned >> index & 1)) {
                planned |= 1u << index;
                plan->heaps[plan->count++] = (uint8_t)index;
            }
        }
    }
}

static inline const hs_caps_plan *plan_for(hs_caps *caps, uint32_t wanted)
{
    unsigned slot = (wanted * 0x9e3779b9u) >> 28 & (HS_CAPS_PLANS - 1);
    hs_caps_plan *plan = &caps->plans[slot];
    if (__builtin_expect(plan->caps != wanted, false)) {
        make_plan(caps, plan, wanted);
    }
    return plan;
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
    if (find(caps, word) == NO_HEAP) {
        return seen;
    }
    return hs_load(caps->device.space, word);
}

static inline hs_addr data_address(hs_caps *caps, hs_addr seen)
{
    return find(caps, seen) != NO_HEAP ? seen : aliased_block(caps, seen);
}

/* --- One heap --------------------------------------------------------------------------------- */

void hs_caps_touched(hs_caps *caps, unsigned index)
{
    hs_caps_heap *heap = &caps->heaps[index];
    heap->quick = HS_CAPS_FAST && heap->heap.plain && heap->heap.base != 0 && !caps->device.cut;
    heap->classes_32 = heap->quick && heap->heap.sl_log == 5;
    heap->top =
        heap->quick ? hs_tlsf_top(&caps->device, &heap->heap) : (hs_heap_top){.bound = UINT32_MAX};
    caps->changed |= 1u << index;
}

/* Rows of 32 classes are those of every heap up to v4.4.3 and of long regions since: with the
 * constant the code is shorter. Not inlined: a function of its own keeps all in registers. */
#define NOINLINE __attribute__((noinline))

static NOINLINE hs_addr malloc_32(hs_caps *caps, hs_caps_heap *heap, uint32_t size)
{
    return tlsf_malloc(&caps->device, &heap->heap, 5, size, &heap->top);
}

static NOINLINE void free_32(hs_caps *caps, hs_caps_heap *heap, hs_addr block)
{
    tlsf_free(&caps->device, &heap->heap, 5, block, &heap->top);
}

static NOINLINE hs_addr malloc_other(hs_caps *caps, hs_caps_heap *heap, uint32_t size)
{
    return HS_CAPS_FAST && heap->quick
               ? tlsf_malloc(&caps->device, &heap->heap, heap->heap.sl_log, size, &heap->top)
               : hs_heap_malloc(&caps->device, &heap->heap, size);
}

static NOINLINE void free_other(hs_caps *caps, hs_caps_heap *heap, hs_addr block)
{
    tlsf_free(&caps->device, &heap->heap, heap->heap.sl_log, block, &heap->top);
}

/* --- Allocation ------------------------------------------------------------------------------- */

/* A block of one heap that is aligned (0: not) or executable. */
static hs_addr take_from(hs_caps *caps, unsigned index, uint32_t size, uint32_t align, bool exec)
{
    const hs_caps_heap *heap = &caps->heaps[index];
    alias a = {0, 0, 0, false};
    bool aliased = exec && alias_of(caps, heap, &a);
    if (aliased) {
        size = ((size + 3) & ~3u) + 4;
    }
    hs_addr block = align == 0 ? hs_heap_malloc(&caps->device, &heap->heap, size)
                               : hs_heap_aligned(&caps->device, &heap->heap, size, align);
    hs_caps_touched(caps, index);
    return aliased && block != 0 ? give_alias(caps, &a, block, size) : block;
}

/* Every heap of the plan, first success wins. */
static inline hs_addr search_plain(hs_caps *caps, const hs_caps_plan *plan, uint32_t size)
{
    const uint8_t *end = plan->heaps + plan->count;
    for (const uint8_t *at = plan->heaps; at < end; at++) {
        hs_caps_heap *heap = &caps->heaps[*at];
        if (size > heap->top.bound) {
            continue;
        }
        hs_addr block = HS_CAPS_FAST && heap->classes_32 ? malloc_32(caps, heap, size)
                                                         : malloc_other(caps, heap, size);
        if (block != 0) {
            caps->changed |= 1u << *at;
            return caps->device.crash == HS_CRASH_NONE ? block : 0;
        }
    }
    return 0;
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
    if (align == 0 && !exec) {
        return search_plain(caps, plan, size);
    }
    for (unsigned i = 0; i < plan->count; i++) {
        hs_addr block = take_from(caps, plan->heaps[i], size, align, exec);
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

static NOINLINE hs_addr malloc_special(hs_caps *caps, uint32_t size, uint32_t wanted)
{
    uint32_t align = 0;
    if (needs_adjusting(caps, wanted)) {
        adjust(caps, &size, &align, &wanted);
    }
    return search(caps, size, align, wanted);
}

static inline hs_addr malloc_by_plan(hs_caps *caps, uint32_t size, uint32_t wanted)
{
    if (caps->device.crash != HS_CRASH_NONE) {
        return 0;
    }
    const hs_caps_plan *plan = plan_for(caps, wanted);
    if (plan->special) {
        return malloc_special(caps, size, wanted);
    }
    return size - 1 < caps->config.chip->max_request ? search_plain(caps, plan, size) : 0;
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
        if (find(caps, seen) == NO_HEAP && alias_at(caps, seen, &a)) {
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

/* The heap of a block that somebody hands back; NO_HEAP after a crash. */
static inline unsigned heap_of(hs_caps *caps, hs_addr block)
{
    unsigned index = find(caps, block);
    if (index == NO_HEAP || caps->heaps[index].heap.base == 0) {
        hs_device_crash(&caps->device, HS_CRASH_WILD_POINTER, block);
        return NO_HEAP;
    }
    return index;
}

/* What is not a plain block of a quick heap. */
static void free_special(hs_caps *caps, hs_addr seen)
{
    hs_addr block = data_address(caps, seen);
    unsigned index = heap_of(caps, block);
    if (index != NO_HEAP) {
        hs_heap_free(&caps->device, &caps->heaps[index].heap, block);
        hs_caps_touched(caps, index);
    }
}

void hs_caps_free(hs_caps *caps, hs_addr seen)
{
    if (seen == 0 || caps->device.crash != HS_CRASH_NONE) {
        return;
    }
    unsigned index = find(caps, seen);
    hs_caps_heap *heap = &caps->heaps[index & (HS_CAPS_HEAPS_MAX - 1)];
    if (__builtin_expect(index == NO_HEAP || !HS_CAPS_FAST || !heap->quick, false)) {
        free_special(caps, seen);
        return;
    }
    if (heap->classes_32) {
        free_32(caps, heap, seen);
    } else {
        free_other(caps, heap, seen);
    }
    caps->changed |= 1u << index;
}

uint32_t hs_caps_usable(hs_caps *caps, hs_addr seen)
{
    if (caps->device.crash != HS_CRASH_NONE) {
        return 0;
    }
    hs_addr block = data_address(caps, seen);
    unsigned index = heap_of(caps, block);
    return index == NO_HEAP ? 0 : hs_heap_usable(&caps->device, &caps->heaps[index].heap, block);
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
    uint32_t aliased = (from != seen ? 4u : 0) | (to != moved ? 4u : 0);
    if (caps->device.crash == HS_CRASH_NONE && aliased == 0) {
        memcpy(hs_at(caps->device.space, to), hs_at(caps->device.space, from),
               old < size ? old : size);
    }
    hs_caps_free(caps, seen);
    return moved;
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
    unsigned index = heap_of(caps, block);
    if (index == NO_HEAP) {
        return 0;
    }
    const hs_caps_heap *heap = &caps->heaps[index];
    if ((heap->all & wanted) == wanted && block == seen && align == 0) {
        hs_addr result = hs_heap_realloc(&caps->device, &heap->heap, block, size);
        hs_caps_touched(caps, index);
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

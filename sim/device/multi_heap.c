/* What both allocators share: accounting in the heap's record, poisoning, information. */
#include "multi_heap.h"

#include "list_heap.h"
#include "memory.h"
#include "tlsf.h"

enum {
    RECORD_MINIMUM = 8,
    POISON_HEAD = 8, /* canary, requested size */
    POISON = HS_HEAP_CANARIES
};
#define HEAD_CANARY 0xabba1234u
#define TAIL_CANARY 0xbaad5678u

/* The switches of multi_heap.h, so that every test of what is left out folds away. */
static inline bool is_list(const hs_heap *heap)
{
    return HS_HEAP_LIST && (!HS_HEAP_TLSF || heap->allocator == HS_ALLOCATOR_LIST);
}

static inline bool is_poisoned(const hs_heap *heap)
{
    return HS_HEAP_POISON && heap->poisoned;
}

static inline bool is_plain(const hs_heap *heap)
{
    /* NOLINTNEXTLINE(misc-redundant-expression): two switches, whose values may be equal */
    return HS_HEAP_TLSF && ((!HS_HEAP_LIST && !HS_HEAP_POISON) || heap->plain);
}

void hs_device_crash(hs_device *device, enum hs_crash reason, hs_addr at)
{
    if (device->crash == HS_CRASH_NONE) {
        device->crash = (uint8_t)reason;
        device->crash_at = at;
    }
}

bool hs_heap_register(hs_device *device, hs_heap *heap, const hs_idf_profile *profile, hs_addr base,
                      uint32_t size, uint32_t fixed_pool, bool poisoned)
{
    memset(heap, 0, sizeof *heap);
    heap->end = base + size;
    heap->allocator = profile->allocator;
    heap->largest = profile->largest;
    heap->header = profile->header_counted ? 4 : 0;
    heap->request_rounded = profile->request_rounded;
    heap->realloc_truncates = profile->realloc_truncates;
    heap->poisoned = poisoned;
    heap->plain = profile->allocator == HS_ALLOCATOR_TLSF && !poisoned;
    if (is_list(heap) != (profile->allocator == HS_ALLOCATOR_LIST) ||
        is_poisoned(heap) != poisoned) {
        return false;
    }
    if (is_list(heap)) {
        return hs_list_register(device, heap, base, size);
    }
    if (!hs_tlsf_register(device, heap, profile, base, size, fixed_pool)) {
        return false;
    }
    heap->base = base;
    return true;
}

/* --- Poisoning: canaries around the data ------------------------------------------------------ */

static uint32_t load_bytes(const void *space, hs_addr a)
{
    uint32_t word;
    memcpy(&word, hs_at(space, a), sizeof word);
    return word;
}

/* Gives the address that the owner sees. */
static hs_addr poison(const hs_device *device, hs_addr block, uint32_t size)
{
    uint32_t tail = TAIL_CANARY;
    hs_store(device->space, block, HEAD_CANARY);
    hs_store(device->space, block + 4, size);
    memcpy(hs_at(device->space, block + POISON_HEAD + size), &tail, sizeof tail);
    return block + POISON_HEAD;
}

/* Are the canaries of a block with `room` bytes intact? */
static bool guarded(const hs_device *device, hs_addr block, uint32_t room)
{
    uint32_t size = hs_load(device->space, block + 4);
    return hs_load(device->space, block) == HEAD_CANARY && room >= POISON &&
           size <= room - POISON &&
           load_bytes(device->space, block + POISON_HEAD + size) == TAIL_CANARY;
}

/* The block behind the address that the owner sees; 0 after a crash. */
static hs_addr unpoison(hs_device *device, const hs_heap *heap, hs_addr seen)
{
    hs_addr block = seen - POISON_HEAD;
    if (block < heap->first || seen >= heap->end || (block & 3) != 0) {
        hs_device_crash(device, HS_CRASH_NOT_USED, seen);
        return 0;
    }
    if (!guarded(device, block, heap->end - block)) {
        hs_device_crash(device, HS_CRASH_CANARY, seen);
        return 0;
    }
    return block;
}

/* A figure as it is printed with poisoning on: less one block's canaries. */
static uint32_t without_poison(const hs_heap *heap, uint32_t bytes)
{
    if (!is_poisoned(heap)) {
        return bytes;
    }
    return bytes > POISON ? bytes - POISON : 0;
}

/* --- Allocation ------------------------------------------------------------------------------- */

static hs_addr plain_malloc(hs_device *device, const hs_heap *heap, uint32_t size)
{
    return is_list(heap) ? hs_list_malloc(device, heap, size) : hs_tlsf_malloc(device, heap, size);
}

hs_addr hs_heap_malloc(hs_device *device, const hs_heap *heap, uint32_t size)
{
    if (is_plain(heap)) {
        return hs_tlsf_malloc(device, heap, size);
    }
    if (!is_poisoned(heap)) {
        return plain_malloc(device, heap, size);
    }
    if (size == 0 || size > UINT32_MAX - POISON) {
        return 0;
    }
    hs_addr block = plain_malloc(device, heap, size + POISON);
    return block == 0 ? 0 : poison(device, block, size);
}

hs_addr hs_heap_aligned_at(hs_device *device, const hs_heap *heap, uint32_t size, uint32_t align,
                           uint32_t offset)
{
    if (is_list(heap) || align == 0 || (align & (align - 1)) != 0 || (offset & 3) != 0) {
        return 0;
    }
    if (align <= 4) {
        return hs_heap_malloc(device, heap, size);
    }
    uint32_t more = is_poisoned(heap) ? POISON : 0;
    if (size == 0 || size > UINT32_MAX - more) {
        return 0;
    }
    offset += is_poisoned(heap) ? POISON_HEAD : 0;
    hs_addr block = hs_tlsf_aligned(device, heap, size + more, align, offset);
    if (block == 0) {
        return 0;
    }
    return is_poisoned(heap) ? poison(device, block, size) : block;
}

hs_addr hs_heap_aligned(hs_device *device, const hs_heap *heap, uint32_t size, uint32_t align)
{
    return hs_heap_aligned_at(device, heap, size, align, 0);
}

hs_addr hs_heap_realloc(hs_device *device, const hs_heap *heap, hs_addr block, uint32_t size)
{
    if (block == 0) {
        return hs_heap_malloc(device, heap, size);
    }
    if (size == 0) {
        hs_heap_free(device, heap, block);
        return 0;
    }
    uint32_t asked = size;
    if (is_poisoned(heap)) {
        if (size > UINT32_MAX - POISON) {
            return 0;
        }
        size += POISON;
        block = unpoison(device, heap, block);
        if (block == 0) {
            return 0;
        }
    }
    hs_addr result = is_list(heap) ? hs_list_realloc(device, heap, block, size)
                                   : hs_tlsf_realloc(device, heap, block, size);
    if (is_poisoned(heap) && result != 0) {
        return poison(device, result, asked);
    }
    return result;
}

void hs_heap_free(hs_device *device, const hs_heap *heap, hs_addr block)
{
    if (is_plain(heap) && block != 0) {
        hs_tlsf_free(device, heap, block);
        return;
    }
    if (block != 0 && is_poisoned(heap)) {
        block = unpoison(device, heap, block);
    }
    if (block == 0) {
        return;
    }
    if (is_list(heap)) {
        hs_list_free(device, heap, block);
    } else {
        hs_tlsf_free(device, heap, block);
    }
}

uint32_t hs_heap_usable(hs_device *device, const hs_heap *heap, hs_addr block)
{
    if (is_poisoned(heap)) {
        block = unpoison(device, heap, block);
        if (block == 0) {
            return 0;
        }
    }
    return without_poison(heap, is_list(heap) ? hs_list_usable(device, heap, block)
                                              : hs_tlsf_usable(device, heap, block));
}

/* --- Information ------------------------------------------------------------------------------ */

uint32_t hs_heap_free_size(const hs_device *device, const hs_heap *heap)
{
    return without_poison(heap, hs_heap_counter(device, heap));
}

uint32_t hs_heap_minimum(const hs_device *device, const hs_heap *heap)
{
    return without_poison(heap, hs_load(device->space, heap->base + RECORD_MINIMUM));
}

void hs_heap_set_minimum(hs_device *device, const hs_heap *heap, uint32_t minimum)
{
    hs_store(device->space, heap->base + RECORD_MINIMUM, minimum);
}

bool hs_heap_walk(hs_device *device, const hs_heap *heap, hs_heap_visit visit, void *context)
{
    return is_list(heap) ? hs_list_walk(device, heap, visit, context)
                         : hs_tlsf_walk(device, heap, visit, context);
}

static bool check_canaries(void *context, hs_addr address, uint32_t size, bool used)
{
    return !used || guarded(context, address, size);
}

bool hs_heap_check(hs_device *device, const hs_heap *heap)
{
    bool sound = is_list(heap) ? hs_list_check(device, heap) : hs_tlsf_check(device, heap);
    return sound && (!is_poisoned(heap) || hs_heap_walk(device, heap, check_canaries, device));
}

typedef struct sums {
    hs_heap_info *info;
    uint32_t used_bytes;
} sums;

static bool add_block(void *context, hs_addr address, uint32_t size, bool used)
{
    sums *s = context;
    (void)address;
    s->info->total_blocks++;
    if (used) {
        s->info->allocated_blocks++;
        s->used_bytes += size;
    } else {
        s->info->free_blocks++;
        if (size > s->info->largest) {
            s->info->largest = size;
        }
    }
    return true;
}

void hs_heap_get_info(hs_device *device, const hs_heap *heap, hs_heap_info *info)
{
    sums s = {info, 0};
    memset(info, 0, sizeof *info);
    hs_heap_walk(device, heap, add_block, &s);
    uint32_t counter = hs_heap_counter(device, heap);
    if (!is_list(heap)) {
        uint32_t control = heap->first - heap->control;
        info->allocated = heap->pool - control - counter - heap->header * info->allocated_blocks;
        info->largest = hs_tlsf_printed(heap, info->largest);
    } else {
        info->allocated = s.used_bytes;
    }
    info->free = without_poison(heap, counter);
    info->minimum = hs_heap_minimum(device, heap);
    info->largest = without_poison(heap, info->largest);
}

uint32_t hs_heap_largest(hs_device *device, const hs_heap *heap)
{
    if (is_plain(heap) && !device->cut) {
        return hs_tlsf_largest(device, heap);
    }
    if (is_list(heap)) {
        return without_poison(heap, hs_list_largest(device, heap));
    }
    if (device->cut) { /* the device's walk ends at the cut block and misses the rest */
        hs_heap_info info;
        hs_heap_get_info(device, heap, &info);
        return info.largest;
    }
    return without_poison(heap, hs_tlsf_largest(device, heap));
}

uint32_t hs_heap_largest_exact(hs_device *device, const hs_heap *heap)
{
    return is_list(heap) ? hs_list_largest(device, heap) : hs_tlsf_largest_exact(device, heap);
}

bool hs_heap_claim(hs_device *device, const hs_heap *heap, hs_addr block, uint32_t size)
{
    if (is_poisoned(heap) && size < POISON) {
        return false;
    }
    if (is_list(heap)) {
        if (!hs_list_claim(device, heap, block, size)) {
            return false;
        }
    } else {
        if (!hs_tlsf_claim(device, heap, block, size)) {
            return false;
        }
    }
    if (is_poisoned(heap)) {
        poison(device, block, size - POISON);
    }
    return true;
}

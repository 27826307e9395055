/* How a board's heaps come about: boot, regions added later, the DMA reserve. */
#include "heap_caps.h"
#include "memory.h"

enum { DESCRIPTOR = 36 }; /* bytes of the chip's list entry for one heap */

void hs_caps_init(hs_caps *caps, void *space, const hs_caps_config *config)
{
    memset(caps, 0, sizeof *caps);
    caps->config = *config;
    caps->extmem_limit = 0xffffffffu;
    caps->device.space = hs_at(space, 0);
    caps->heaps[HS_CAPS_HEAPS_MAX].top.bound = UINT32_MAX;
}

void hs_caps_copy(hs_caps *to, const hs_caps *from)
{
    void *space = to->device.space;
    memcpy(to, from, sizeof *to);
    to->device.space = space;
    for (unsigned i = 0; i < from->count; i++) {
        const hs_caps_heap *heap = &from->heaps[i];
        if (heap->type != HS_REGION_TYPES) { /* a part of the reserve lies inside another heap */
            memcpy(hs_at(space, heap->start), hs_at(from->device.space, heap->start),
                   heap->end - heap->start);
        }
    }
}

/* A new region may lie strictly inside one that is listed, but not cross its ends. */
static bool crosses(const hs_caps *caps, hs_addr start, hs_addr end)
{
    for (unsigned i = 0; i < caps->count; i++) {
        const hs_caps_heap *heap = &caps->heaps[i];
        if ((start <= heap->start && end > heap->start) || (start < heap->end && end > heap->end)) {
            return true;
        }
    }
    return false;
}

static bool inside_another(const hs_caps *caps, hs_addr start)
{
    for (unsigned i = 0; i < caps->count; i++) {
        if (start - caps->heaps[i].start < caps->heaps[i].end - caps->heaps[i].start) {
            return true;
        }
    }
    return false;
}

static bool acceptable(const hs_caps *caps, hs_addr start, uint32_t size)
{
    return size != 0 && start != 0 && size <= UINT32_MAX - start && (start & 3) == 0 &&
           caps->count < HS_CAPS_HEAPS_MAX && !crosses(caps, start, start + size);
}

static hs_caps_heap *append(hs_caps *caps, hs_addr start, uint32_t size, const uint32_t by[3])
{
    hs_caps_heap *heap = &caps->heaps[caps->count++];
    memset(heap, 0, sizeof *heap);
    heap->start = start;
    heap->end = start + size;
    heap->type = HS_REGION_TYPES;
    for (int i = 0; i < 3; i++) {
        heap->caps[i] = by[i];
        heap->all |= by[i];
    }
    heap->counted = (heap->all & HS_CAP_8BIT) != 0;
    return heap;
}

enum hs_caps_status hs_caps_boot_region(hs_caps *caps, hs_addr start, uint32_t size,
                                        enum hs_region_type type)
{
    uint32_t by[3];
    if (!hs_chip_caps(caps->config.chip, caps->config.profile, caps->config.memprot, type, by)) {
        return HS_CAPS_NOTFOUND;
    }
    if (caps->booted || !acceptable(caps, start, size) || inside_another(caps, start)) {
        return HS_CAPS_FAIL;
    }
    hs_caps_heap *heap = append(caps, start, size, by);
    heap->type = (uint8_t)type;
    heap->late = type == HS_REGION_SPIRAM;
    heap->stack = !heap->late && hs_chip_is_stack(caps->config.chip, start, type);
    return HS_CAPS_OK;
}

static void forget_plans(hs_caps *caps)
{
    for (unsigned i = 0; i < HS_CAPS_PLANS; i++) {
        caps->plans[i] = (hs_caps_plan){.caps = UINT32_MAX};
    }
}

static void register_heap(hs_caps *caps, hs_caps_heap *heap)
{
    const hs_chip *chip = caps->config.chip;
    hs_idf_profile profile = *caps->config.profile;
    profile.request_rounded = profile.request_rounded && !chip->rom_tlsf;
    uint32_t pool = caps->config.spiram ? chip->spiram_pool : chip->fixed_pool;
    hs_heap_register(&caps->device, &heap->heap, &profile, heap->start, heap->end - heap->start,
                     pool, caps->config.poisoned);
    hs_caps_touched(caps, (unsigned)(heap - caps->heaps));
    forget_plans(caps);
}

static void list_at_head(hs_caps *caps, unsigned index)
{
    memmove(caps->order + 1, caps->order, caps->listed);
    caps->order[0] = (uint8_t)index;
    caps->listed++;
    forget_plans(caps);
}

/* --- Boot ------------------------------------------------------------------------------------- */

static void swap(hs_caps_heap *a, hs_caps_heap *b)
{
    hs_caps_heap kept = *a;
    *a = *b;
    *b = kept;
}

/* Ascending addresses, what is added later behind the others. */
static void sort_by_address(hs_caps *caps)
{
    for (unsigned i = 1; i < caps->count; i++) {
        for (unsigned j = i; j > 0; j--) {
            hs_caps_heap *a = &caps->heaps[j - 1];
            hs_caps_heap *b = &caps->heaps[j];
            if (a->late != b->late ? b->late : a->start < b->start) {
                break;
            }
            swap(a, b);
        }
    }
}

static void merge_adjacent(hs_caps *caps)
{
    unsigned kept = 0;
    for (unsigned i = 1; i < caps->count; i++) {
        hs_caps_heap *last = &caps->heaps[kept];
        const hs_caps_heap *next = &caps->heaps[i];
        if (last->end == next->start && last->type == next->type && last->stack == next->stack &&
            !last->late) {
            last->end = next->end;
        } else {
            caps->heaps[++kept] = *next;
        }
    }
    caps->count = caps->count == 0 ? 0 : (uint8_t)(kept + 1);
}

/* Enters a boot heap into the list: at the end, or, sorted, before the first that is not shorter.
 */
static void list_boot_heap(hs_caps *caps, unsigned index, bool sorted)
{
    const hs_caps_heap *heap = &caps->heaps[index];
    unsigned at = 0;
    while (at < caps->listed) {
        const hs_caps_heap *other = &caps->heaps[caps->order[at]];
        if (sorted && other->end - other->start >= heap->end - heap->start) {
            break;
        }
        at++;
    }
    memmove(caps->order + at + 1, caps->order + at, caps->listed - at);
    caps->order[at] = (uint8_t)index;
    caps->listed++;
}

/* The firmware's table of heaps: one block in the first heap by address that takes it. */
static void allocate_descriptors(hs_caps *caps, unsigned boot_count)
{
    const uint32_t wanted = HS_CAP_8BIT | HS_CAP_INTERNAL;
    for (unsigned i = 0; i < boot_count; i++) {
        const hs_caps_heap *heap = &caps->heaps[i];
        if (heap->heap.base != 0 && (heap->all & wanted) == wanted &&
            hs_heap_malloc(&caps->device, &heap->heap, DESCRIPTOR * boot_count) != 0) {
            hs_caps_touched(caps, i);
            return;
        }
    }
}

/* Registers an added heap and puts it at the head of the list. */
static enum hs_caps_status register_late(hs_caps *caps, unsigned index)
{
    hs_caps_heap *heap = &caps->heaps[index];
    register_heap(caps, heap);
    if (heap->heap.base == 0) {
        return HS_CAPS_TOOSMALL;
    }
    if (caps->running && caps->config.profile->late_minimum_zero) {
        hs_heap_set_minimum(&caps->device, &heap->heap, 0);
    }
    heap->late = true;
    list_at_head(caps, index);
    return HS_CAPS_OK;
}

/* Registers and lists the regions that the chip has from the start; gives their number. */
static unsigned register_boot_heaps(hs_caps *caps, bool stacks, bool sorted)
{
    unsigned boot_count = 0;
    while (boot_count < caps->count && !caps->heaps[boot_count].late) {
        if (stacks || !caps->heaps[boot_count].stack) {
            register_heap(caps, &caps->heaps[boot_count]);
        }
        list_boot_heap(caps, boot_count, sorted);
        boot_count++;
    }
    return boot_count;
}

void hs_caps_boot(hs_caps *caps, enum hs_caps_boot mode)
{
    bool descriptors = mode == HS_CAPS_BOOT_FULL || mode == HS_CAPS_BOOT_EARLY;
    bool sorted = mode != HS_CAPS_BOOT_BARE && caps->config.profile->boot_list_sorted;
    if (caps->booted) {
        return;
    }
    caps->booted = true;
    sort_by_address(caps);
    merge_adjacent(caps);
    unsigned boot_count = register_boot_heaps(caps, !descriptors, sorted);
    if (descriptors) {
        allocate_descriptors(caps, boot_count);
    }
    for (unsigned i = boot_count; i < caps->count; i++) { /* PSRAM */
        if (!descriptors || hs_caps_malloc(caps, DESCRIPTOR, HS_CAP_INTERNAL | HS_CAP_8BIT) != 0) {
            register_late(caps, i);
        }
    }
    if (mode != HS_CAPS_BOOT_EARLY) {
        hs_caps_enable_stacks(caps);
    }
}

void hs_caps_enable_stacks(hs_caps *caps)
{
    for (unsigned i = 0; i < caps->count; i++) {
        if (caps->heaps[i].stack && caps->heaps[i].heap.base == 0) {
            register_heap(caps, &caps->heaps[i]);
        }
    }
    caps->running = true;
}

/* --- Run time --------------------------------------------------------------------------------- */

static enum hs_caps_status list_late(hs_caps *caps, const uint32_t by[3], hs_addr start,
                                     uint32_t size, enum hs_region_type type)
{
    bool nested = inside_another(caps, start);
    append(caps, start, size, by)->type = (uint8_t)type;
    enum hs_caps_status status = register_late(caps, caps->count - 1u);
    if (status != HS_CAPS_OK) {
        caps->count--;
        return status;
    }
    if (nested) {
        caps->nested = true;
        for (unsigned i = 0; i < HS_CAPS_PAGES; i++) {
            caps->page_heap[i] = hs_caps_place_of(caps, &caps->heaps[HS_CAPS_HEAPS_MAX]);
        }
    }
    return HS_CAPS_OK;
}

static enum hs_caps_status add(hs_caps *caps, const uint32_t by[3], hs_addr start, uint32_t size,
                               enum hs_region_type type)
{
    if (caps->device.crash != HS_CRASH_NONE || !acceptable(caps, start, size)) {
        return HS_CAPS_FAIL;
    }
    hs_addr descriptor = hs_caps_malloc(caps, DESCRIPTOR, HS_CAP_INTERNAL | HS_CAP_8BIT);
    if (descriptor == 0) {
        return HS_CAPS_NOMEM;
    }
    enum hs_caps_status status = list_late(caps, by, start, size, type);
    if (status != HS_CAPS_OK) {
        hs_caps_free(caps, descriptor);
    }
    return status;
}

enum hs_caps_status hs_caps_add_region(hs_caps *caps, hs_addr start, uint32_t size)
{
    uint32_t by[3];
    enum hs_region_type type = hs_chip_type_at(caps->config.chip, start);
    if (!hs_chip_caps(caps->config.chip, caps->config.profile, caps->config.memprot, type, by)) {
        return HS_CAPS_NOTFOUND;
    }
    return add(caps, by, start, size, type);
}

enum hs_caps_status hs_caps_add_region_fresh(hs_caps *caps, hs_addr start, uint32_t size)
{
    uint32_t by[3];
    enum hs_region_type type = hs_chip_type_at(caps->config.chip, start);
    if (!hs_chip_caps(caps->config.chip, caps->config.profile, caps->config.memprot, type, by)) {
        return HS_CAPS_NOTFOUND;
    }
    return acceptable(caps, start, size) ? list_late(caps, by, start, size, type) : HS_CAPS_FAIL;
}

enum hs_caps_status hs_caps_add_region_with_caps(hs_caps *caps, const uint32_t priorities[3],
                                                 hs_addr start, uint32_t size)
{
    return add(caps, priorities, start, size, HS_REGION_TYPES);
}

bool hs_caps_dma_pool(hs_caps *caps, uint32_t size,
                      void (*part)(void *context, hs_addr start, uint32_t size), void *context)
{
    const uint32_t wanted = HS_CAP_DMA | HS_CAP_INTERNAL;
    const uint32_t by[3] = {0, wanted,
                            HS_CAP_8BIT | HS_CAP_32BIT |
                                (caps->config.profile->pool_default ? HS_CAP_DEFAULT : 0)};
    while (size > 0) {
        uint32_t largest = hs_caps_largest_free_block(caps, wanted);
        uint32_t bytes = largest < size ? largest : size;
        hs_addr block = hs_caps_malloc(caps, bytes, wanted);
        /* One byte short, as the device does it; no block is no region. */
        if (hs_caps_add_region_with_caps(caps, by, block, bytes - 1) != HS_CAPS_OK) {
            return false;
        }
        if (part != NULL) {
            part(context, block, bytes);
        }
        size -= bytes;
    }
    return true;
}

void hs_caps_extmem_enable(hs_caps *caps, uint32_t limit)
{
    caps->extmem_limit = limit;
}

/* The monitor's block holds one saved minimum per list entry, the list's last entry first: entries
 * that are added while it runs then change nothing. */
static hs_addr saved_minimum(const hs_caps *caps, unsigned i)
{
    return caps->monitor + 4 * (caps->listed - 1 - i);
}

static bool monitor_meets_no_heap(hs_caps *caps, const hs_caps_heap *heap)
{
    if (heap->heap.base == 0 && !caps->config.profile->monitor_skips) {
        hs_device_crash(&caps->device, HS_CRASH_NULL_HEAP, heap->start);
    }
    return heap->heap.base == 0;
}

bool hs_caps_monitor_start(hs_caps *caps)
{
    bool first = caps->monitor == 0;
    if (caps->device.crash != HS_CRASH_NONE || !caps->config.profile->monitor) {
        return false;
    }
    if (first) {
        caps->monitor = hs_caps_malloc(caps, 4u * caps->listed, HS_CAP_DEFAULT);
        caps->monitored = caps->listed;
    }
    if (caps->monitor == 0) {
        return false;
    }
    for (unsigned i = caps->listed - caps->monitored; i < caps->listed; i++) {
        const hs_heap *heap = &caps->heaps[caps->order[i]].heap;
        if (monitor_meets_no_heap(caps, &caps->heaps[caps->order[i]])) {
            continue;
        }
        uint32_t saved = hs_heap_minimum(&caps->device, heap);
        uint32_t before = hs_load(caps->device.space, saved_minimum(caps, i));
        hs_store(caps->device.space, saved_minimum(caps, i),
                 !first && before < saved ? before : saved);
        hs_heap_set_minimum(&caps->device, heap, hs_heap_free_size(&caps->device, heap));
    }
    return caps->device.crash == HS_CRASH_NONE;
}

bool hs_caps_monitor_stop(hs_caps *caps)
{
    if (caps->device.crash != HS_CRASH_NONE || caps->monitor == 0) {
        return false;
    }
    for (unsigned i = caps->listed - caps->monitored; i < caps->listed; i++) {
        const hs_heap *heap = &caps->heaps[caps->order[i]].heap;
        if (monitor_meets_no_heap(caps, &caps->heaps[caps->order[i]])) {
            continue;
        }
        uint32_t saved = hs_load(caps->device.space, saved_minimum(caps, i));
        if (saved < hs_heap_minimum(&caps->device, heap)) {
            hs_heap_set_minimum(&caps->device, heap, saved);
        }
    }
    hs_caps_free(caps, caps->monitor);
    caps->monitor = 0;
    return caps->device.crash == HS_CRASH_NONE;
}

bool hs_caps_claim(hs_caps *caps, hs_addr address, uint32_t size)
{
    const hs_caps_heap *heap = hs_caps_find(caps, address);
    if (caps->device.crash != HS_CRASH_NONE || heap == NULL || heap->heap.base == 0) {
        return false;
    }
    bool claimed = hs_heap_claim(&caps->device, &heap->heap, address, size);
    hs_caps_touched(caps, (unsigned)(heap - caps->heaps));
    return claimed;
}

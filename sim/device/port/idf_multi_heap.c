#include "idf_multi_heap.h"

#include "../memory.h"
#include "../profile.h"

#if UINTPTR_MAX > 0xffffffffu
#error "the adapters are for targets with 32 bits"
#endif

/* A heap is in its own memory, its record first: lock, free bytes, minimum. What is kept here
 * follows from where it lies. */
struct multi_heap_info {
    hs_heap heap;
    hs_device device;
};

static struct multi_heap_info heaps[HS_PORT_HEAPS];

static void *pointer(hs_addr address)
{
    return address == 0 ? NULL : hs_at(NULL, address);
}

static hs_addr address_of(const void *pointer)
{
    return pointer == NULL ? 0 : hs_addr_of(pointer);
}

static void **lock_of(const struct multi_heap_info *heap)
{
    return hs_at(NULL, heap->heap.base);
}

static uint32_t *minimum_of(const struct multi_heap_info *heap)
{
    return hs_at(NULL, heap->heap.base + 8);
}

static void enter(const struct multi_heap_info *heap)
{
    void *lock = *lock_of(heap);
    if (lock != NULL) {
        hs_idf_port.lock(lock);
    }
}

static void leave(struct multi_heap_info *heap)
{
    void *lock = *lock_of(heap);
    if (heap->device.crash != HS_CRASH_NONE) {
        hs_idf_port.crash((enum hs_crash)heap->device.crash, pointer(heap->device.crash_at));
        heap->device.crash = HS_CRASH_NONE;
    }
    if (lock != NULL) {
        hs_idf_port.unlock(lock);
    }
}

/* A heap that is registered anew in the same place takes its own entry again. */
multi_heap_handle_t multi_heap_register(void *start, size_t size)
{
    const hs_idf_profile *profile = hs_idf_profile_find(HS_PORT_IDF_RELEASE);
    struct multi_heap_info *free_entry = NULL;
    for (struct multi_heap_info *entry = heaps + HS_PORT_HEAPS; entry-- != heaps;) {
        if (entry->heap.base == 0 || entry->heap.base == address_of(start)) {
            free_entry = entry;
        }
    }
    if (profile == NULL || free_entry == NULL) {
        return NULL;
    }
    memset(free_entry, 0, sizeof *free_entry);
    bool registered =
        hs_heap_register(&free_entry->device, &free_entry->heap, profile, address_of(start), size,
                         HS_PORT_FIXED_POOL, HS_PORT_POISONED);
    return registered ? free_entry : NULL;
}

void multi_heap_set_lock(multi_heap_handle_t heap, void *lock)
{
    *lock_of(heap) = lock;
}

/* --- blocks ------------------------------------------------------------------------------------*/

void *multi_heap_malloc(multi_heap_handle_t heap, size_t size)
{
    if (heap == NULL) {
        return NULL;
    }
    enter(heap);
    void *block = pointer(hs_heap_malloc(&heap->device, &heap->heap, size));
    leave(heap);
    return block;
}

void multi_heap_free(multi_heap_handle_t heap, void *p)
{
    if (heap == NULL || p == NULL) {
        return;
    }
    enter(heap);
    hs_heap_free(&heap->device, &heap->heap, address_of(p));
    leave(heap);
}

void *multi_heap_realloc(multi_heap_handle_t heap, void *p, size_t size)
{
    if (heap == NULL) {
        return NULL;
    }
    enter(heap);
    void *block = pointer(hs_heap_realloc(&heap->device, &heap->heap, address_of(p), size));
    leave(heap);
    return block;
}

void *multi_heap_aligned_alloc_offs(multi_heap_handle_t heap, size_t size, size_t alignment,
                                    size_t offset)
{
    if (heap == NULL) {
        return NULL;
    }
    enter(heap);
    void *block = pointer(hs_heap_aligned_at(&heap->device, &heap->heap, size, alignment, offset));
    leave(heap);
    return block;
}

void *multi_heap_aligned_alloc(multi_heap_handle_t heap, size_t size, size_t alignment)
{
    return multi_heap_aligned_alloc_offs(heap, size, alignment, 0);
}

void multi_heap_aligned_free(multi_heap_handle_t heap, void *p)
{
    multi_heap_free(heap, p);
}

size_t multi_heap_get_allocated_size(multi_heap_handle_t heap, void *p)
{
    enter(heap);
    size_t size = hs_heap_usable(&heap->device, &heap->heap, address_of(p));
    leave(heap);
    return size;
}

/* --- figures -----------------------------------------------------------------------------------*/

size_t multi_heap_free_size(multi_heap_handle_t heap)
{
    return heap == NULL ? 0 : hs_heap_free_size(&heap->device, &heap->heap);
}

size_t multi_heap_minimum_free_size(multi_heap_handle_t heap)
{
    return heap == NULL ? 0 : hs_heap_minimum(&heap->device, &heap->heap);
}

size_t multi_heap_reset_minimum_free_bytes(multi_heap_handle_t heap)
{
    enter(heap);
    uint32_t *minimum = minimum_of(heap);
    size_t before = *minimum;
    *minimum = hs_heap_counter(&heap->device, &heap->heap);
    leave(heap);
    return before;
}

void multi_heap_restore_minimum_free_bytes(multi_heap_handle_t heap, size_t minimum)
{
    enter(heap);
    if (minimum < *minimum_of(heap)) {
        *minimum_of(heap) = minimum;
    }
    leave(heap);
}

void multi_heap_get_info(multi_heap_handle_t heap, multi_heap_info_t *info)
{
    hs_heap_info now;
    memset(info, 0, sizeof *info);
    if (heap == NULL) {
        return;
    }
    enter(heap);
    hs_heap_get_info(&heap->device, &heap->heap, &now);
    leave(heap);
    info->total_free_bytes = now.free;
    info->total_allocated_bytes = now.allocated;
    info->largest_free_block = now.largest;
    info->minimum_free_bytes = now.minimum;
    info->allocated_blocks = now.allocated_blocks;
    info->free_blocks = now.free_blocks;
    info->total_blocks = now.total_blocks;
}

bool multi_heap_check(multi_heap_handle_t heap, bool print_errors)
{
    enter(heap);
    bool sound = hs_heap_check(&heap->device, &heap->heap);
    if (!sound) {
        heap->device.crash = HS_CRASH_NONE; /* a check tells; it does not stop the device */
    }
    if (!sound && print_errors) {
        hs_idf_port.print("CORRUPT HEAP\n");
    }
    leave(heap);
    return sound;
}

/* --- walks -------------------------------------------------------------------------------------*/

typedef struct walk {
    multi_heap_walker_cb_t visit;
    void *user_data;
} walk;

static bool visit_block(void *context, hs_addr address, uint32_t size, bool used)
{
    const walk *w = context;
    return w->visit(pointer(address), size, used, w->user_data);
}

void multi_heap_walk(multi_heap_handle_t heap, multi_heap_walker_cb_t walker_func, void *user_data)
{
    walk w = {walker_func, user_data};
    enter(heap);
    hs_heap_walk(&heap->device, &heap->heap, visit_block, &w);
    leave(heap);
}

static void print_number(uint32_t value, uint32_t base, const char *text)
{
    char digits[12];
    char *at = digits + sizeof digits;
    *--at = 0;
    do {
        *--at = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    hs_idf_port.print(at);
    hs_idf_port.print(text);
}

static bool print_block(void *context, hs_addr address, uint32_t size, bool used)
{
    (void)context;
    hs_idf_port.print("Block 0x");
    print_number(address, 16, " data, size: ");
    print_number(size, 10, used ? " bytes, Free: No \n" : " bytes, Free: Yes \n");
    return true;
}

void multi_heap_dump(multi_heap_handle_t heap)
{
    enter(heap);
    hs_idf_port.print("Showing data for heap: 0x");
    print_number(heap->heap.base, 16, " \n");
    hs_heap_walk(&heap->device, &heap->heap, print_block, NULL);
    leave(heap);
}

#include "board.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "space.h"

/* --- what the collector calls --- */

static void hook_roots(void *context, hs_gc *gc)
{
    hs_board *board = context;
    if (board->roots != NULL) {
        board->roots(board->listener, gc);
    }
}

static void hook_finaliser(void *context, hs_gc *gc, hs_addr object)
{
    (void)gc;
    hs_board *board = context;
    if (board->finaliser != NULL) {
        board->finaliser(board->listener, object);
    }
}

static uint32_t hook_max_new_split(void *context)
{
    return hs_policy_max_new_split(context);
}

static hs_addr hook_platform_alloc(void *context, uint32_t bytes)
{
    hs_board *board = context;
    hs_addr start = board->area_count < HS_BOARD_AREAS_MAX ? hs_policy_grow(board, bytes) : 0;
    if (start != 0) {
        board->areas[board->area_count++] = (hs_board_area){start, bytes};
    }
    return start;
}

static void hook_platform_free(void *context, hs_addr start)
{
    hs_board *board = context;
    size_t at = 0;
    while (at < board->area_count && board->areas[at].start != start) {
        at++;
    }
    if (at < board->area_count) {
        board->area_count--;
        memmove(&board->areas[at], &board->areas[at + 1],
                (board->area_count - at) * sizeof board->areas[0]);
    }
    if (!board->bare) {
        hs_caps_free(&board->caps, start);
    }
}

static void hook_event(void *context, hs_gc_event event, uint32_t a, uint32_t b)
{
    hs_board *board = context;
    if (board->notice != NULL) {
        board->notice(board->listener, event, a, b);
    }
}

static const hs_gc_hooks gc_hooks = {
    .roots = hook_roots,
    .finaliser = hook_finaliser,
    .max_new_split = hook_max_new_split,
    .platform_alloc = hook_platform_alloc,
    .platform_free = hook_platform_free,
    .event = hook_event,
};

/* --- memory --- */

int hs_board_commit(hs_board *board, hs_addr start, uint32_t size, hs_error *error)
{
    if (board->memory_count == HS_BOARD_MEMORY_MAX) {
        hs_error_set(error, NULL, 0, "found more than %d memory ranges on one board",
                     HS_BOARD_MEMORY_MAX);
        return -1;
    }
    if (hs_space_commit(board->space, start, size) != 0) {
        hs_error_set(error, NULL, 0, "the host has no memory for %" PRIu32 " bytes at 0x%08" PRIx32,
                     size, start);
        return -1;
    }
    board->memory[board->memory_count++] = (hs_board_memory){start, size};
    return 0;
}

static hs_board *new_board(hs_error *error)
{
    hs_board *board = calloc(1, sizeof *board);
    if (board != NULL) {
        board->space = hs_space_create();
    }
    if (board == NULL || board->space == NULL) {
        hs_error_set(error, NULL, 0, "the host cannot reserve 4 GiB of addresses for a board");
        free(board);
        return NULL;
    }
    return board;
}

void hs_board_destroy(hs_board *board)
{
    if (board != NULL) {
        hs_space_destroy(board->space);
        free(board);
    }
}

/* --- boot --- */

static int add_boot_regions(hs_board *board, hs_error *error)
{
    const hs_layout *layout = board->layout;
    for (size_t i = 0; i < layout->region_count; i++) {
        const hs_layout_region *region = &layout->regions[i];
        if (hs_board_commit(board, region->start, region->size, error) != 0) {
            return -1;
        }
        if (region->late) {
            continue;
        }
        if (hs_caps_boot_region(&board->caps, region->start, region->size,
                                hs_region_type_find(region->type)) != HS_CAPS_OK) {
            hs_error_set(error, layout->path, 0,
                         "found region 0x%08" PRIx32 " of %" PRIu32
                         " bytes, expected one that the %s can register",
                         region->start, region->size, layout->chip);
            return -1;
        }
    }
    return 0;
}

static int add_late_regions(hs_board *board, bool fresh, hs_error *error)
{
    const hs_layout *layout = board->layout;
    enum hs_caps_status (*add)(hs_caps *, hs_addr, uint32_t) =
        fresh ? hs_caps_add_region_fresh : hs_caps_add_region;
    for (size_t i = 0; i < layout->region_count; i++) {
        const hs_layout_region *region = &layout->regions[i];
        if (region->late && add(&board->caps, region->start, region->size) != HS_CAPS_OK) {
            hs_error_set(error, layout->path, 0,
                         "found late region 0x%08" PRIx32 ", which the device refuses",
                         region->start);
            return -1;
        }
    }
    return 0;
}

/* The free blocks of one heap before anything is claimed. */
typedef struct free_list {
    hs_layout_block *blocks;
    size_t count;
    bool out_of_memory;
} free_list;

static bool collect_free(void *context, hs_addr address, uint32_t size, bool used)
{
    free_list *list = context;
    if (used) {
        return true;
    }
    hs_layout_block *grown = realloc(list->blocks, (list->count + 1) * sizeof *grown);
    if (grown == NULL) {
        list->out_of_memory = true;
        return false;
    }
    list->blocks = grown;
    grown[list->count++] = (hs_layout_block){address, size, NULL};
    return true;
}

static int claim(hs_board *board, hs_addr start, uint32_t size, hs_error *error)
{
    if (hs_caps_claim(&board->caps, start, size)) {
        return 0;
    }
    hs_error_set(error, board->layout->path, 0,
                 "found a boot state with %" PRIu32 " live bytes at 0x%08" PRIx32
                 ", expected one that the allocator of %s can have",
                 size, start, board->layout->idf);
    return -1;
}

/* Makes all of the free block `whole` live but for the layout's free blocks inside it. A header of
 * 4 bytes lies before each payload, in both allocators. */
static int claim_around(hs_board *board, const hs_layout_block *whole, hs_error *error)
{
    const hs_layout *layout = board->layout;
    hs_addr end = whole->start + whole->size;
    hs_addr next = whole->start;
    for (size_t i = 0; i < layout->block_count; i++) {
        const hs_layout_block *keep = &layout->blocks[i];
        if (keep->start < whole->start || keep->start >= end) {
            continue;
        }
        if (keep->start > next && claim(board, next, keep->start - 4 - next, error) != 0) {
            return -1;
        }
        next = keep->start + keep->size + 4;
    }
    return next < end ? claim(board, next, end - next, error) : 0;
}

static int boot_free(hs_board *board, hs_error *error)
{
    int result = 0;
    for (unsigned i = 0; i < board->caps.count && result == 0; i++) {
        const hs_heap *heap = &board->caps.heaps[i].heap;
        free_list list = {NULL, 0, false};
        if (heap->base != 0) {
            hs_heap_walk(&board->caps.device, heap, collect_free, &list);
        }
        if (list.out_of_memory) {
            hs_error_set(error, NULL, 0, "the host is out of memory");
            result = -1;
        }
        for (size_t k = 0; k < list.count && result == 0; k++) {
            result = claim_around(board, &list.blocks[k], error);
        }
        free(list.blocks);
    }
    return result;
}

static int check_free_blocks(hs_board *board, hs_error *error);

static int boot_state(hs_board *board, hs_error *error)
{
    const hs_layout *layout = board->layout;
    bool fresh = layout->boot == HS_BOOT_FRESH || layout->boot == HS_BOOT_FREE ||
                 layout->boot == HS_BOOT_BLOCKS;
    hs_caps_boot(&board->caps, fresh ? HS_CAPS_BOOT_FRESH : HS_CAPS_BOOT_FULL);
    hs_caps_enable_stacks(&board->caps);
    if (layout->spiram_always_internal != 0) {
        hs_caps_extmem_enable(&board->caps, layout->spiram_always_internal);
    }
    if (layout->spiram_reserve_internal != 0) {
        hs_caps_dma_pool(&board->caps, layout->spiram_reserve_internal, NULL, NULL);
    }
    if (add_late_regions(board, fresh, error) != 0) {
        return -1;
    }
    if (layout->boot == HS_BOOT_FREE) {
        return boot_free(board, error) == 0 ? check_free_blocks(board, error) : -1;
    }
    for (size_t i = 0; layout->boot == HS_BOOT_BLOCKS && i < layout->block_count; i++) {
        if (claim(board, layout->blocks[i].start, layout->blocks[i].size, error) != 0) {
            return -1;
        }
    }
    return 0;
}

static bool is_listed(void *context, hs_addr address, uint32_t size, bool used)
{
    const hs_layout *layout = context;
    for (size_t i = 0; !used && i < layout->block_count; i++) {
        if (layout->blocks[i].start == address) {
            return layout->blocks[i].size == size;
        }
    }
    return used;
}

/* What the file lists is what the heaps now have, or the file is refused. */
static int check_free_blocks(hs_board *board, hs_error *error)
{
    hs_heap_info info;
    uint32_t free_blocks = 0;
    for (unsigned i = 0; i < board->caps.count; i++) {
        const hs_heap *heap = &board->caps.heaps[i].heap;
        if (heap->base == 0) {
            continue;
        }
        hs_heap_get_info(&board->caps.device, heap, &info);
        free_blocks += info.free_blocks;
        if (!hs_heap_walk(&board->caps.device, heap, is_listed, (void *)(uintptr_t)board->layout)) {
            hs_error_set(error, board->layout->path, 0,
                         "found boot.free blocks in the region at 0x%08" PRIx32
                         " that do not lie on block boundaries of %s",
                         board->caps.heaps[i].start, board->layout->idf);
            return -1;
        }
    }
    if (free_blocks != board->layout->block_count) {
        hs_error_set(error, board->layout->path, 0,
                     "found %zu boot.free blocks of which the heaps can have %" PRIu32,
                     board->layout->block_count, free_blocks);
        return -1;
    }
    return 0;
}

hs_board *hs_board_create(const hs_layout *layout, hs_error *error)
{
    hs_board *board = new_board(error);
    if (board == NULL) {
        return NULL;
    }
    board->layout = layout;
    const hs_caps_config config = {
        .profile = hs_idf_profile_find(layout->idf),
        .chip = hs_chip_find(layout->chip),
        .spiram = layout->spiram,
        .memprot = layout->memory_protection,
        .poisoned = layout->poisoning_light,
    };
    hs_caps_init(&board->caps, board->space, &config);
    if (add_boot_regions(board, error) != 0 || boot_state(board, error) != 0) {
        hs_board_destroy(board);
        return NULL;
    }
    return board;
}

hs_board *hs_board_create_bare(hs_error *error)
{
    hs_board *board = new_board(error);
    if (board != NULL) {
        const hs_caps_config any = {.profile = hs_idf_profile_find("v4.4"),
                                    .chip = hs_chip_find("esp32")};
        hs_caps_init(&board->caps, board->space, &any); /* without heaps: answers NULL */
        board->bare = true;
    }
    return board;
}

enum hs_caps_status hs_board_add_region(hs_board *board, hs_addr start, uint32_t size)
{
    hs_error ignored = {{0}};
    if (size == 0 || (uint64_t)start + size > UINT64_C(1) << 32 ||
        hs_board_commit(board, start, size, &ignored) != 0) {
        return HS_CAPS_FAIL;
    }
    enum hs_caps_status status = hs_caps_add_region(&board->caps, start, size);
    if (status != HS_CAPS_OK) {
        board->memory_count--;
    }
    return status;
}

/* --- start of the policy --- */

static bool give_area(hs_board *board, const hs_gc_version *version, hs_gc_mode mode, hs_addr start,
                      uint32_t size)
{
    bool taken = board->has_gc ? hs_gc_add(&board->gc, start, size)
                               : hs_gc_init(&board->gc, board->space, version, mode, start, size,
                                            &gc_hooks, board);
    if (taken) {
        board->has_gc = true;
        board->areas[board->area_count++] = (hs_board_area){start, size};
    }
    return taken;
}

bool hs_board_area_overlaps(const hs_board *board, hs_addr start, uint32_t size)
{
    for (size_t i = 0; i < board->area_count; i++) {
        const hs_board_area *area = &board->areas[i];
        if (start < (uint64_t)area->start + area->size && area->start < (uint64_t)start + size) {
            return true;
        }
    }
    return false;
}

bool hs_board_add_bare_area(hs_board *board, const hs_gc_version *version, hs_addr start,
                            uint32_t size)
{
    return board->area_count < HS_BOARD_AREAS_MAX &&
           give_area(board, version, HS_GC_AUTO, start, size);
}

static int add_area(hs_board *board, const hs_gc_version *version, hs_gc_mode mode, hs_addr start,
                    uint32_t size, hs_error *error)
{
    if (!give_area(board, version, mode, start, size)) {
        hs_error_set(error, board->policy->path, 0,
                     "found a GC area of %" PRIu32 " bytes at 0x%08" PRIx32
                     ", expected one that the collector of %s can take",
                     size, start, board->policy->gc_version);
        return -1;
    }
    return 0;
}

static uint32_t area_bytes(hs_board *board)
{
    uint32_t smallest = UINT32_MAX;
    for (size_t i = 0; i < board->policy->initial_count; i++) {
        uint32_t bytes = hs_policy_term_bytes(board, &board->policy->initial[i]);
        smallest = bytes < smallest ? bytes : smallest;
    }
    return smallest;
}

/* Areas that the policy takes from the IDF heap. 0, 1 (no memory), -1. */
static int take_areas(hs_board *board, const hs_gc_version *version, hs_gc_mode mode,
                      uint32_t *refused, hs_error *error)
{
    const hs_policy *policy = board->policy;
    bool all = policy->areas == HS_POLICY_AREAS_ALL;
    for (uint32_t i = 0; i < policy->areas; i++) {
        uint32_t bytes = area_bytes(board);
        hs_addr start = bytes >= policy->min_area ? hs_caps_malloc_default(&board->caps, bytes) : 0;
        if (start == 0) {
            *refused = bytes;
            return all && board->has_gc ? 0 : 1;
        }
        if (add_area(board, version, mode, start, bytes, error) != 0) {
            return -1;
        }
    }
    return 0;
}

static int hold(hs_board *board, uint32_t bytes, hs_addr *address, uint32_t *refused)
{
    *address = bytes != 0 ? hs_caps_malloc_default(&board->caps, bytes) : 0;
    if (bytes != 0 && *address == 0) {
        *refused = bytes;
        return 1;
    }
    return 0;
}

/* Several areas, or growth, need a collector that knows of areas; the release alone says whether
 * it had growth. */
static hs_gc_mode mode_of(const hs_policy *policy)
{
    if (policy->grow) {
        return HS_GC_AUTO;
    }
    return policy->areas + policy->fixed_count > 1 ? HS_GC_MANUAL : HS_GC_SINGLE;
}

int hs_board_start(hs_board *board, const hs_policy *policy, uint32_t *refused, hs_error *error)
{
    board->policy = policy;
    if (board->layout != NULL && hs_policy_fits(policy, board->layout, error) != 0) {
        return -1;
    }
    if (hold(board, policy->placeholder, &board->placeholder, refused) != 0) {
        return 1;
    }
    const hs_gc_version *version =
        policy->gc_version != NULL ? hs_gc_version_find(policy->gc_version) : NULL;
    if (version == NULL) {
        return 0;
    }
    hs_addr reserve;
    if (hold(board, policy->reserve, &reserve, refused) != 0) {
        return 1;
    }
    for (size_t i = 0; i < policy->fixed_count; i++) {
        const hs_policy_area *area = &policy->fixed[i];
        if (hs_board_commit(board, area->start, area->size, error) != 0 ||
            add_area(board, version, mode_of(policy), area->start, area->size, error) != 0) {
            return -1;
        }
    }
    int result = take_areas(board, version, mode_of(policy), refused, error);
    hs_caps_free(&board->caps, reserve);
    return result;
}

void hs_board_release_placeholder(hs_board *board)
{
    hs_caps_free(&board->caps, board->placeholder);
    board->placeholder = 0;
}

/* --- copies --- */

static bool in_heap_region(const hs_board *board, const hs_board_memory *memory)
{
    for (unsigned i = 0; i < board->caps.count; i++) {
        const hs_caps_heap *heap = &board->caps.heaps[i];
        if (memory->start >= heap->start && memory->start < heap->end) {
            return true;
        }
    }
    return false;
}

void hs_board_copy_into(hs_board *to, const hs_board *from)
{
    void *space = to->space;
    *to = *from;
    to->space = space;
    to->caps.device.space = space;
    hs_caps_copy(&to->caps, &from->caps);
    for (size_t i = 0; i < from->memory_count; i++) {
        const hs_board_memory *memory = &from->memory[i];
        if (!in_heap_region(from, memory)) {
            memcpy(hs_at(space, memory->start), hs_at(from->space, memory->start), memory->size);
        }
    }
    to->gc.context = to;
    hs_gc_set_space(&to->gc, space);
    to->listener = NULL;
    to->roots = NULL;
    to->notice = NULL;
    to->finaliser = NULL;
}

hs_board *hs_board_copy(const hs_board *board, hs_error *error)
{
    hs_board *copy = new_board(error);
    if (copy == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < board->memory_count; i++) {
        if (hs_board_commit(copy, board->memory[i].start, board->memory[i].size, error) != 0) {
            hs_board_destroy(copy);
            return NULL;
        }
    }
    hs_board_copy_into(copy, board);
    return copy;
}

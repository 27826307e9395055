/* A board's heaps as a state machine: release, chip, options, regions, then operations of four
 * bytes. After each: hs_caps_check(), every live block keeps its bytes, and the running figures are
 * those of a look at all heaps. */
#include <stdbool.h>
#include <string.h>

#include "device/heap_caps.h"
#include "fuzz.h"
#include "space.h"

enum { HEADER = 4, SLOTS = 24, WINDOW = 0x4000, LATE = 0x2000 };

static const uint32_t wishes[] = {
    HS_CAP_DEFAULT,
    HS_CAP_8BIT,
    HS_CAP_INTERNAL,
    HS_CAP_32BIT,
    HS_CAP_DMA,
    HS_CAP_SPIRAM,
    HS_CAP_EXEC,
    HS_CAP_RTCRAM,
    HS_CAP_RETENTION,
    HS_CAP_DEFAULT | HS_CAP_INTERNAL,
    HS_CAP_DMA | HS_CAP_SPIRAM,
    HS_CAP_DMA | HS_CAP_INTERNAL | HS_CAP_8BIT,
    HS_CAP_SIMD,
    HS_CAP_CACHE_ALIGNED | HS_CAP_SPIRAM,
    HS_CAP_DMA_DESC_AHB,
    HS_CAP_EXEC | HS_CAP_8BIT,
};
enum { WISHES = sizeof wishes / sizeof wishes[0] };

typedef struct machine {
    hs_caps caps;
    hs_caps_watch watch;
    hs_addr block[SLOTS];
    uint32_t bytes[SLOTS]; /* 0: an address of the instruction bus, which has no memory here */
    uint32_t late;         /* regions added */
} machine;

/* All memory that the regions may have, filled anew: a heap must not depend on what was there. */
static void clear(void *space, const hs_chip *chip)
{
    for (size_t i = 0; i < HS_CHIP_WINDOWS_MAX && chip->windows[i].end != 0; i++) {
        hs_addr start = chip->windows[i].start;
        uint32_t size =
            chip->windows[i].end - start < WINDOW ? chip->windows[i].end - start : WINDOW;
        fuzz_require(hs_space_commit(space, start, size) == 0, "no memory");
        memset(hs_at(space, start), 0xa5, size);
    }
}

static void start_watch(machine *m)
{
    hs_caps_watch_start(&m->caps, &m->watch);
    m->caps.changed = 0;
}

/* A region in each window whose bit is set, up to half of it: the rest is for late ones. */
static void boot(machine *m, const uint8_t *data)
{
    const hs_chip *chip = m->caps.config.chip;
    clear(m->caps.device.space, chip);
    for (size_t i = 0; i < HS_CHIP_WINDOWS_MAX && chip->windows[i].end != 0; i++) {
        if ((data[2] >> i & 1) != 0) {
            uint32_t size = (uint32_t)(data[3] + i * 37) % 255 * 64 + 4; /* to 16 KB */
            size = size < LATE ? size : LATE;
            hs_caps_boot_region(&m->caps, chip->windows[i].start + 4 * (data[3] & 3), size / 2,
                                (enum hs_region_type)chip->windows[i].type);
        }
    }
    hs_caps_boot(&m->caps, (enum hs_caps_boot)(data[1] >> 6));
    start_watch(m);
}

static void add_region(machine *m, unsigned which, uint32_t size)
{
    const hs_chip_window *w = &m->caps.config.chip->windows[which % HS_CHIP_WINDOWS_MAX];
    hs_addr start = w->start + LATE + m->late % 4 * 0x800;
    if (w->end == 0 || start + size % 0x800 > w->end) {
        return;
    }
    if (hs_caps_add_region(&m->caps, start, size % 0x800) == HS_CAPS_OK) {
        m->late++;
    }
    start_watch(m);
}

static void put(machine *m, unsigned slot, hs_addr block, uint32_t bytes)
{
    m->block[slot] = block;
    m->bytes[slot] = 0;
    if (block != 0 && hs_caps_find(&m->caps, block) != NULL) {
        fuzz_require(hs_caps_usable(&m->caps, block) >= bytes, "too small");
        m->bytes[slot] = bytes;
        memset(hs_at(m->caps.device.space, block), (int)(0x40 + slot), bytes);
    }
}

static bool holds(const machine *m, hs_addr block, unsigned slot, uint32_t bytes)
{
    const uint8_t *data = hs_at(m->caps.device.space, block);
    for (uint32_t i = 0; i < bytes; i++) {
        if (data[i] != 0x40 + slot) {
            return false;
        }
    }
    return true;
}

static void resize(machine *m, unsigned slot, uint32_t size, uint32_t wanted)
{
    hs_addr moved = hs_caps_realloc(&m->caps, m->block[slot], size, wanted);
    uint32_t kept = size < m->bytes[slot] ? size : m->bytes[slot];
    if (m->caps.device.crash != HS_CRASH_NONE || m->caps.device.cut) {
        return;
    }
    if (size == 0) {
        m->block[slot] = 0;
    } else if (moved != 0) {
        fuzz_require(hs_caps_find(&m->caps, moved) == NULL || holds(m, moved, slot, kept),
                     "realloc lost bytes");
        put(m, slot, moved, size);
    }
}

/* What is asked of an empty slot. */
static void allocate(machine *m, const uint8_t *op, unsigned slot, uint32_t size, uint32_t wanted)
{
    hs_caps *caps = &m->caps;
    uint32_t align = 1u << (op[3] >> 4);
    switch (op[0] & 7) {
    case 0:
        put(m, slot, hs_caps_malloc_default(caps, size), size);
        break;
    case 1:
        put(m, slot, hs_caps_aligned_alloc(caps, align, size, wanted), size);
        break;
    case 2:
        put(m, slot, hs_caps_memalign(caps, align, size), size);
        break;
    case 3:
        put(m, slot, hs_caps_calloc(caps, size & 15, size >> 4, wanted), (size & 15) * (size >> 4));
        break;
    default:
        put(m, slot, hs_caps_malloc(caps, size, wanted), size);
        break;
    }
}

/* What is rare on a device. */
static void configure(machine *m, const uint8_t *op, uint32_t size)
{
    switch (op[3] & 7) {
    case 0:
        add_region(m, op[1], size);
        break;
    case 1:
        hs_caps_monitor_start(&m->caps);
        break;
    case 2:
        hs_caps_monitor_stop(&m->caps);
        break;
    case 3:
        hs_caps_extmem_enable(&m->caps, size);
        break;
    case 4:
        hs_caps_dma_pool(&m->caps, size & 0x3ff, NULL, NULL);
        start_watch(m);
        break;
    default:
        hs_caps_enable_stacks(&m->caps);
        start_watch(m);
        break;
    }
}

static void operate(machine *m, const uint8_t *op)
{
    unsigned slot = op[0] >> 3;
    uint32_t size = op[3] & 8 ? op[1] : op[1] | (uint32_t)op[2] << 8;
    uint32_t wanted = wishes[op[2] % WISHES];
    if (slot >= SLOTS) {
        configure(m, op, size);
    } else if (m->block[slot] == 0) {
        allocate(m, op, slot, size, wanted);
    } else if ((op[0] & 3) == 0) {
        resize(m, slot, size, wanted);
    } else {
        hs_caps_free(&m->caps, m->block[slot]);
        m->block[slot] = 0;
    }
}

/* True while the device runs. What stops it must be a defect that the release has. */
static bool sound(machine *m)
{
    hs_caps *caps = &m->caps;
    if (caps->device.crash != HS_CRASH_NONE || caps->device.cut) {
        fuzz_require(caps->device.cut || caps->device.crash == HS_CRASH_ALIAS ||
                         caps->device.crash == HS_CRASH_NULL_HEAP,
                     "the device crashed");
        return false;
    }
    fuzz_require(hs_caps_check(caps), "an unsound heap");
    for (unsigned i = 0; i < SLOTS; i++) {
        fuzz_require(m->block[i] == 0 || holds(m, m->block[i], i, m->bytes[i]),
                     "a live block was overwritten");
    }
    hs_caps_watch_update(caps, &m->watch);
    fuzz_require(m->watch.largest == hs_caps_largest_free_block(caps, HS_CAP_8BIT),
                 "running figures differ");
    caps->changed = 0;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void *space;
    static machine m;
    size_t rows = 0;
    size_t chips = 0;
    if (size < HEADER) {
        return 0;
    }
    if (space == NULL) {
        space = hs_space_create();
        fuzz_require(space != NULL, "no memory");
    }
    while (hs_idf_profile_row(rows) != NULL) {
        rows++;
    }
    while (hs_chip_row(chips) != NULL) {
        chips++;
    }
    const hs_caps_config config = {.profile = hs_idf_profile_row(data[0] % rows),
                                   .chip = hs_chip_row((data[1] & 7) % chips),
                                   .spiram = (data[1] & 8) != 0,
                                   .memprot = (data[1] & 16) != 0,
                                   .poisoned = (data[1] & 32) != 0};
    memset(&m, 0, sizeof m);
    hs_caps_init(&m.caps, space, &config);
    boot(&m, data);
    for (size_t at = HEADER; at + 4 <= size && at < HEADER + 4 * 512 && sound(&m); at += 4) {
        operate(&m, data + at);
    }
    sound(&m);
    return 0;
}

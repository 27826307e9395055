/* replay_calls FILE: carries out the calls that export_calls wrote, on sim/device alone, and prints
 * what `heapsim --addresses` prints. Then a line of the byte 1 and an exit status; then, where the
 * machine counts its instructions, a line for each kind of call: name, calls, instructions. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "calls.h"
#include "device/gc.h"
#include "device/heap_caps.h"
#include "space.h"
#include "target_io.h"

enum slot_kind { EMPTY, IDF, OBJECT, TRACKED };

typedef struct slot {
    hs_addr address;
    uint32_t root; /* place in `roots` and 1; 0: none */
    enum slot_kind kind;
} slot;

static struct {
    hs_caps caps;
    hs_gc gc;
    const hs_gc_version *version; /* NULL: no collector */
    hs_gc_mode mode;
    uint32_t keep_free;
    bool started; /* the collector has an area */
    slot *slots;
    uint32_t *roots;
    uint32_t *root_slots;
    uint32_t root_count;
    uint32_t event; /* 0: still booting */
} m;

static const char *const names[] = {
    [HS_CALL_ALLOC] = "malloc",      [HS_CALL_CALLOC] = "calloc",     [HS_CALL_ALIGNED] = "aligned",
    [HS_CALL_GC_ALLOC] = "gc_alloc", [HS_CALL_TRACKED] = "tracked",   [HS_CALL_REALLOC] = "realloc",
    [HS_CALL_FREE] = "free",         [HS_CALL_DROP] = "drop",         [HS_CALL_COLLECT] = "collect",
    [HS_CALL_REGION] = "region",     [HS_CALL_THRESHOLD] = "setting",
};

static _Noreturn void fail(const char *what)
{
    printf("\0012 %s\n", what);
    hs_target_flush();
    exit(2);
}

/* --- instructions --- */

static inline uint32_t instructions(void)
{
    uint32_t count = 0;
#ifdef __riscv
    __asm__ volatile("csrr %0, minstret" : "=r"(count));
#endif
    return count;
}

static uint32_t spent; /* in sim/device, by the event under way */

/* --- what the collector asks for: the ESP32 port's answers --- */

static void roots(void *context, hs_gc *gc)
{
    (void)context;
    hs_gc_collect_root(gc, m.roots, m.root_count);
}

static uint32_t max_new_split(void *context)
{
    (void)context;
    return hs_caps_largest_free_block(&m.caps, HS_CAP_DEFAULT);
}

static hs_addr platform_alloc(void *context, uint32_t bytes)
{
    (void)context;
    uint32_t free_bytes = hs_caps_free_size(&m.caps, HS_CAP_8BIT);
    if (m.keep_free != 0 && (free_bytes < m.keep_free || free_bytes - m.keep_free < bytes)) {
        return 0;
    }
    return hs_caps_malloc_default(&m.caps, bytes);
}

static void platform_free(void *context, hs_addr start)
{
    (void)context;
    hs_caps_free(&m.caps, start);
}

static void finaliser(void *context, hs_gc *gc, hs_addr object)
{
    (void)context;
    (void)gc;
    (void)object;
}

static const hs_gc_hooks hooks = {roots,          finaliser,     max_new_split,
                                  platform_alloc, platform_free, NULL};

/* --- boot --- */

static void give_area(hs_addr start, uint32_t size)
{
    bool given = m.started ? hs_gc_add(&m.gc, start, size)
                           : hs_gc_init(&m.gc, m.caps.device.space, m.version, m.mode, start, size,
                                        &hooks, NULL);
    if (start == 0 || !given) {
        fail("an area is refused");
    }
    m.started = true;
}

static void commit(hs_addr start, uint32_t size)
{
    if (hs_space_commit(m.caps.device.space, start, size) != 0) {
        fail("no memory behind an address");
    }
}

static void configure(const hs_call *c)
{
    void *space = hs_space_create();
    const hs_caps_config config = {
        .profile = hs_idf_profile_row(c->slot),
        .chip = hs_chip_row(c->a),
        .spiram = (c->b & HS_CONFIG_SPIRAM) != 0,
        .memprot = (c->b & HS_CONFIG_MEMPROT) != 0,
        .poisoned = (c->b & HS_CONFIG_POISONED) != 0,
    };
    m.slots = calloc(c->c + 1, sizeof *m.slots);
    m.roots = calloc(c->c + 1, sizeof *m.roots);
    m.root_slots = calloc(c->c + 1, sizeof *m.root_slots);
    if (space == NULL || m.slots == NULL || m.roots == NULL || m.root_slots == NULL) {
        fail("no memory");
    }
    hs_caps_init(&m.caps, space, &config);
}

static void boot_call(const hs_call *c)
{
    bool done = true;
    switch (c->op) {
    case HS_CALL_CONFIG:
        configure(c);
        break;
    case HS_CALL_BOOT_PART:
        commit(c->a, c->b);
        done = hs_caps_boot_region(&m.caps, c->a, c->b, (enum hs_region_type)c->c) == HS_CAPS_OK;
        break;
    case HS_CALL_MEMORY:
        commit(c->a, c->b);
        break;
    case HS_CALL_LATE_PART:
        done = hs_caps_add_region(&m.caps, c->a, c->b) == HS_CAPS_OK;
        break;
    case HS_CALL_BOOT:
        hs_caps_boot(&m.caps, (enum hs_caps_boot)c->a);
        hs_caps_enable_stacks(&m.caps);
        break;
    case HS_CALL_EXTMEM:
        hs_caps_extmem_enable(&m.caps, c->a);
        break;
    case HS_CALL_DMA_POOL:
        hs_caps_dma_pool(&m.caps, c->a, NULL, NULL);
        break;
    case HS_CALL_CLAIM:
        done = hs_caps_claim(&m.caps, c->a, c->b);
        break;
    case HS_CALL_COLLECTOR:
        m.version = &hs_gc_versions[c->slot];
        m.mode = (hs_gc_mode)c->a;
        m.keep_free = c->b;
        break;
    case HS_CALL_AREA:
        give_area(hs_caps_malloc_default(&m.caps, c->a), c->a);
        break;
    case HS_CALL_FIXED_AREA:
        commit(c->a, c->b);
        give_area(c->a, c->b);
        break;
    default:
        done = false;
    }
    if (!done) {
        fail("a call of the boot is refused");
    }
}

/* --- events --- */

static void print_address(uint32_t number, hs_addr address)
{
    if (address != 0) {
        printf("%" PRIu32 " %" PRIu32 " 0x%08" PRIx32 "\n", m.event, number, address);
    } else {
        printf("%" PRIu32 " %" PRIu32 " NULL\n", m.event, number);
    }
}

static void add_root(slot *s, uint32_t number)
{
    m.roots[m.root_count] = s->address;
    m.root_slots[m.root_count] = number;
    s->root = ++m.root_count;
}

static void remove_root(slot *s)
{
    if (s->root != 0) {
        uint32_t hole = s->root - 1;
        --m.root_count;
        m.roots[hole] = m.roots[m.root_count];
        m.root_slots[hole] = m.root_slots[m.root_count];
        m.slots[m.root_slots[hole]].root = hole + 1;
        s->root = 0;
    }
}

static void free_block(const slot *s)
{
    uint32_t start = instructions();
    if (s->kind == IDF) {
        hs_caps_free(&m.caps, s->address);
    } else if (s->kind == TRACKED) {
        hs_gc_tracked_free(&m.gc, s->address);
    } else if (s->kind == OBJECT) {
        hs_gc_free(&m.gc, s->address);
    }
    spent += instructions() - start;
}

static hs_addr make_block(const hs_call *c, enum slot_kind *kind)
{
    bool plain = c->c == HS_CAP_DEFAULT; /* malloc(), as opposed to heap_caps_malloc() */
    *kind = IDF;
    switch (c->op) {
    case HS_CALL_GC_ALLOC:
        *kind = OBJECT;
        return hs_gc_alloc(&m.gc, c->a, c->b);
    case HS_CALL_TRACKED:
        *kind = TRACKED;
        return hs_gc_tracked_alloc(&m.gc, c->a);
    case HS_CALL_CALLOC:
        return plain ? hs_caps_calloc_default(&m.caps, c->b, c->a)
                     : hs_caps_calloc(&m.caps, c->b, c->a, c->c);
    case HS_CALL_ALIGNED:
        return plain ? hs_caps_memalign(&m.caps, c->b, c->a)
                     : hs_caps_aligned_alloc(&m.caps, c->b, c->a, c->c);
    default:
        return plain ? hs_caps_malloc_default(&m.caps, c->a) : hs_caps_malloc(&m.caps, c->a, c->c);
    }
}

static hs_addr new_block(const hs_call *c, enum slot_kind *kind)
{
    uint32_t start = instructions();
    hs_addr address = make_block(c, kind);
    spent += instructions() - start;
    return address;
}

static void alloc_event(const hs_call *c)
{
    slot *s = &m.slots[c->slot];
    if (s->kind != EMPTY) { /* the capture saw it fail, here it did not: nobody uses it */
        remove_root(s);
        if (s->kind != OBJECT) {
            free_block(s);
        }
    }
    s->address = new_block(c, &s->kind);
    if (s->address == 0) {
        s->kind = EMPTY;
    } else if (s->kind == OBJECT) {
        add_root(s, c->slot);
    }
}

static hs_addr realloc_event(const hs_call *c)
{
    slot *s = &m.slots[c->slot];
    hs_addr address = 0;
    if (s->kind == EMPTY) {
        return 0;
    }
    uint32_t start = instructions();
    if (s->kind == TRACKED) {
        address = hs_gc_tracked_realloc(&m.gc, s->address, c->a);
    } else if (s->kind == OBJECT) {
        address = hs_gc_realloc(&m.gc, s->address, c->a, c->b != 0);
    } else {
        address = c->c == HS_CAP_DEFAULT ? hs_caps_realloc_default(&m.caps, s->address, c->a)
                                         : hs_caps_realloc(&m.caps, s->address, c->a, c->c);
    }
    spent += instructions() - start;
    if (c->a == 0) {
        remove_root(s);
        s->kind = EMPTY;
    } else if (address != 0) {
        s->address = address;
        if (s->root != 0) {
            m.roots[s->root - 1] = address;
        }
    }
    return address;
}

static void end_event(const hs_call *c)
{
    slot *s = &m.slots[c->slot];
    if (c->op == HS_CALL_FREE) {
        free_block(s);
    }
    remove_root(s);
    s->kind = EMPTY;
}

static void link_event(const hs_call *c)
{
    const slot *s = &m.slots[c->slot];
    bool link = c->op == HS_CALL_LINK;
    if (s->kind == OBJECT && (!link || m.slots[c->b].kind != EMPTY)) {
        uint32_t *words = hs_at(m.caps.device.space, s->address);
        words[c->a] = link ? m.slots[c->b].address : 0;
    }
}

static void run_event(const hs_call *c)
{
    switch (c->op) {
    case HS_CALL_ALLOC:
    case HS_CALL_CALLOC:
    case HS_CALL_ALIGNED:
    case HS_CALL_GC_ALLOC:
    case HS_CALL_TRACKED:
        alloc_event(c);
        break;
    case HS_CALL_FREE:
    case HS_CALL_DROP:
        end_event(c);
        break;
    case HS_CALL_LINK:
    case HS_CALL_UNLINK:
        link_event(c);
        break;
    case HS_CALL_COLLECT:
        if (m.started) {
            uint32_t start = instructions();
            hs_gc_collect(&m.gc);
            spent += instructions() - start;
        }
        break;
    case HS_CALL_THRESHOLD:
        if (m.started) {
            hs_gc_set_threshold(&m.gc, (int32_t)c->a);
        }
        break;
    case HS_CALL_REGION:
        commit(c->a, c->b);
        hs_caps_add_region(&m.caps, c->a, c->b);
        break;
    default:
        break;
    }
}

static struct {
    uint32_t calls;
    uint64_t instructions;
} costs[sizeof names / sizeof *names][TRACKED + 1];

/* The kind of memory is that of the slot before the call or, for a new one, after it. */
static void note_cost(uint32_t op, enum slot_kind before, enum slot_kind after, uint32_t cost)
{
    if (op < sizeof names / sizeof *names && names[op] != NULL) {
        enum slot_kind kind = before != EMPTY ? before : after;
        costs[op][kind].calls++;
        costs[op][kind].instructions += cost;
    }
}

static void print_costs(void)
{
    static const char *const kinds[] = {"none", "idf", "gc", "tracked"};
    for (size_t op = 0; op < sizeof names / sizeof *names; op++) {
        for (size_t kind = 0; kind <= TRACKED; kind++) {
            if (costs[op][kind].calls != 0) {
                printf("%s %s %" PRIu32 " %" PRIu64 "\n", names[op], kinds[kind],
                       costs[op][kind].calls, costs[op][kind].instructions);
            }
        }
    }
}

static void event(const hs_call *c)
{
    enum slot_kind before = m.slots[c->slot].kind;
    hs_addr address = 0;
    m.event++;
    spent = 0;
    if (c->op == HS_CALL_REALLOC) {
        address = realloc_event(c);
    } else {
        run_event(c);
    }
    note_cost(c->op, before, m.slots[c->slot].kind, spent);
    if (c->op == HS_CALL_REALLOC) {
        print_address(c->slot, address);
    } else if (c->op >= HS_CALL_ALLOC && c->op <= HS_CALL_TRACKED) {
        print_address(c->slot, m.slots[c->slot].kind != EMPTY ? m.slots[c->slot].address : 0);
    }
}

int main(int argc, char **argv)
{
    size_t size = 0;
    char *bytes = argc == 2 ? hs_target_read(argv[1], &size) : NULL;
    if (bytes == NULL) {
        fail("usage: replay_calls FILE");
    }
    bool booted = false;
    for (size_t at = 0; at < size && m.caps.device.crash == HS_CRASH_NONE; at += sizeof(hs_call)) {
        hs_call c;
        memcpy(&c, bytes + at, sizeof c);
        if (booted) {
            event(&c);
        } else if (c.op == HS_CALL_EVENTS) {
            booted = true;
        } else {
            boot_call(&c);
        }
    }
    printf("\0010\n");
    print_costs();
    hs_target_flush();
    free(bytes);
    return 0;
}

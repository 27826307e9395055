/* The collector as a state machine: version, mode, area size, then operations of three bytes. The
 * shadow model: who is rooted keeps its bytes, is_linked ones too; hs_gc_check() after each. */
#include <stdbool.h>
#include <string.h>

#include "device/gc.h"
#include "fuzz.h"
#include "space.h"

#define START 0x3f800000u

enum { ROOTS = 16, AREA = 16384, AREAS = 8 };

typedef struct machine {
    hs_gc gc;
    void *space;
    hs_addr root[ROOTS]; /* 0: none */
    uint32_t bytes[ROOTS];
    bool taken[AREAS]; /* areas that the platform gave */
} machine;

static void give_roots(void *context, hs_gc *gc)
{
    const machine *m = context;
    hs_gc_collect_root(gc, m->root, ROOTS);
}

static uint32_t max_new_split(void *context)
{
    (void)context;
    return AREA;
}

static hs_addr platform_alloc(void *context, uint32_t bytes)
{
    machine *m = context;
    for (unsigned i = 0; i < AREAS && bytes <= AREA; i++) {
        if (!m->taken[i]) {
            m->taken[i] = true;
            return START + (i + 1) * 2 * AREA;
        }
    }
    return 0;
}

static void platform_free(void *context, hs_addr start)
{
    machine *m = context;
    unsigned i = (start - START) / (2 * AREA) - 1;
    fuzz_require(i < AREAS && m->taken[i], "an area given back that was not taken");
    m->taken[i] = false;
}

/* The release's own defect, which the collector keeps: a live object goes with its area. */
static void listen(void *context, hs_gc_event event, uint32_t a, uint32_t b)
{
    machine *m = context;
    (void)a;
    for (unsigned i = 0; i < ROOTS && event == HS_GC_EVENT_LOST; i++) {
        m->root[i] = m->root[i] == b ? 0 : m->root[i];
    }
}

static const hs_gc_hooks hooks = {give_roots,     NULL,          max_new_split,
                                  platform_alloc, platform_free, listen};

/* Patterns are odd bytes: no word of them is the address of a block. */
static void fill(const machine *m, unsigned i)
{
    memset(hs_at(m->space, m->root[i]), (int)(2 * i + 1), m->bytes[i]);
}

static bool holds(const machine *m, hs_addr at, unsigned i, uint32_t bytes)
{
    const uint8_t *data = hs_at(m->space, at);
    for (uint32_t k = 0; k < bytes; k++) {
        if (data[k] != 2 * i + 1) {
            return false;
        }
    }
    return true;
}

static void resize(machine *m, unsigned i, uint32_t bytes, bool may_move)
{
    hs_addr moved = hs_gc_realloc(&m->gc, m->root[i], bytes, may_move);
    uint32_t kept = bytes < m->bytes[i] ? bytes : m->bytes[i];
    if (bytes == 0 || m->root[i] == 0) { /* the latter: lost with its area while it moved */
        m->root[i] = 0;
    } else if (moved != 0) {
        fuzz_require(may_move || moved == m->root[i], "moved against its will");
        fuzz_require(holds(m, moved, i, kept), "realloc lost bytes");
        m->root[i] = moved;
        m->bytes[i] = bytes;
        fill(m, i);
    }
}

static void operate(machine *m, const uint8_t *op)
{
    unsigned i = op[0] >> 4;
    uint32_t bytes = op[2] < 192 ? op[1] : op[1] * 16u + op[2];
    switch (op[0] & 7) {
    case 0:
        hs_gc_collect(&m->gc);
        break;
    case 1:
        hs_gc_free(&m->gc, m->root[i]);
        m->root[i] = 0;
        break;
    case 2:
    case 3:
        if (m->root[i] != 0) {
            resize(m, i, bytes, (op[0] & 1) != 0);
        }
        break;
    case 4:
        hs_gc_set_threshold(&m->gc, op[1] < 32 ? -1 : op[1] * 16);
        break;
    default: /* what was there before is garbage now */
        m->root[i] = hs_gc_alloc(&m->gc, bytes, op[0] & 8 ? HS_GC_WITH_FINALISER : 0);
        m->bytes[i] = bytes;
        if (m->root[i] != 0) {
            fuzz_require(hs_gc_nbytes(&m->gc, m->root[i]) >= bytes, "too small");
            fill(m, i);
        }
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static machine m;
    if (size < 2) {
        return 0;
    }
    void *space = m.space;
    if (space == NULL) {
        space = hs_space_create();
        fuzz_require(space != NULL && hs_space_commit(space, START, 2 * AREA * (AREAS + 1)) == 0,
                     "no memory");
    }
    memset(&m, 0, sizeof m);
    m.space = space;
    const hs_gc_version *version = &hs_gc_versions[data[0] % HS_GC_VERSIONS];
    hs_gc_mode mode = (hs_gc_mode)(data[0] / HS_GC_VERSIONS % 3);
    if (mode == HS_GC_AUTO && version->growth == 0) {
        mode = HS_GC_MANUAL; /* no such firmware */
    }
    fuzz_require(hs_gc_init(&m.gc, space, version, mode, START, 64 + data[1] * 64u, &hooks, &m),
                 "no collector");
    for (size_t at = 2; at + 3 <= size && at < 2 + 3 * 512; at += 3) {
        hs_addr where = 0;
        operate(&m, data + at);
        const char *fault = hs_gc_check(&m.gc, &where);
        fuzz_require(fault == NULL, fault == NULL ? "" : fault);
        for (unsigned i = 0; i < ROOTS; i++) {
            fuzz_require(m.root[i] == 0 || holds(&m, m.root[i], i, m.bytes[i]),
                         "a live object was overwritten");
        }
    }
    return 0;
}

#include "micropython_gc.h"

#include "../gc_inner.h"

#if UINTPTR_MAX > 0xffffffffu
#error "the adapters are for targets with 32 bits"
#endif
#ifndef HS_GC_VERSION
#error "HS_GC_VERSION says which release's behaviour is wanted"
#endif

static hs_gc heap;

hs_gc *hs_mp_gc(void)
{
    return &heap;
}

static inline void enter(void)
{
#if HS_MP_MUTEX
    hs_mp_port.enter();
#endif
}

static inline void leave(void)
{
#if HS_MP_MUTEX
    hs_mp_port.leave();
#endif
}

static inline void *pointer(hs_addr address)
{
    return address == 0 ? NULL : hs_at(NULL, address);
}

static inline hs_addr address_of(const void *pointer)
{
    return pointer == NULL ? 0 : hs_addr_of(pointer);
}

/* --- what the interpreter keeps --------------------------------------------------------------- */

#if HS_MP_STATE
/* From v1.25 on a collection is bit 0 of the depth; before it is one level like any other. */
#define COLLECTION 1u
#define LEVEL      (HS_GC_VERSION >= 4 ? 2u : 1u)

static uint16_t *depth(void)
{
    return hs_mp_port.lock_depth();
}

/* Before an operation that depends on any of it. */
static void read_state(void)
{
    heap.lock = *depth() * (2u / LEVEL);
    heap.enabled = *hs_mp_port.auto_collect != 0;
    if (hs_mp_port.threshold != NULL) {
        heap.threshold = *hs_mp_port.threshold;
    }
}

static void reset_state(void)
{
    *depth() = 0;
    *hs_mp_port.auto_collect = 1;
    if (hs_mp_port.threshold != NULL) {
        *hs_mp_port.threshold = HS_GC_NO_LIMIT;
    }
}

static void begin_collection(void)
{
    *depth() = (uint16_t)(*depth() + COLLECTION);
}

static void end_collection(uint32_t freed)
{
    *depth() = (uint16_t)(*depth() - COLLECTION);
    if (hs_mp_port.collected != NULL) {
        *hs_mp_port.collected = freed;
    }
}
#else
static inline void read_state(void)
{
}
static inline void reset_state(void)
{
}
static inline void begin_collection(void)
{
}
static inline void end_collection(uint32_t freed)
{
    (void)freed;
}
#endif

/* Whether the running thread may not do this: asked before the mutex is taken, which a collection
 * of the same thread holds. `allowed`: the depth that does not count. */
static inline bool refused(unsigned allowed)
{
#if HS_MP_MUTEX
    return *depth() > allowed;
#else
    (void)allowed;
    return false; /* the collector asks by itself */
#endif
}

/* --- what the collector calls ------------------------------------------------------------------*/

/* The port's function may ask for mutexes of its own, whose holders may wait for this one. */
void hs_gc_collect(hs_gc *gc)
{
    (void)gc;
    leave();
    gc_collect();
    enter();
    read_state();
}

#if HS_GC_FINALISER
static void finaliser(void *context, hs_gc *gc, hs_addr object)
{
    (void)context;
    (void)gc;
    if (hs_mp_port.finaliser != NULL) {
        hs_mp_port.finaliser(pointer(object));
    }
}
#endif

#if HS_GC_AREAS == 2
static uint32_t max_new_split(void *context)
{
    (void)context;
    return hs_mp_port.max_new_split();
}

static hs_addr split_alloc(void *context, uint32_t bytes)
{
    (void)context;
    return address_of(hs_mp_port.split_alloc(bytes));
}

static void split_free(void *context, hs_addr start)
{
    (void)context;
    hs_mp_port.split_free(pointer(start));
}
#endif

static const hs_gc_hooks hooks = {
#if HS_GC_FINALISER
    .finaliser = finaliser,
#endif
#if HS_GC_AREAS == 2
    .max_new_split = max_new_split,
    .platform_alloc = split_alloc,
    .platform_free = split_free,
#endif
};

/* --- areas, locks ------------------------------------------------------------------------------*/

static uint32_t distance(const void *start, const void *end)
{
    return (uint32_t)((uintptr_t)end - (uintptr_t)start);
}

void gc_init(void *start, void *end)
{
    hs_gc_init(&heap, NULL, NULL, (hs_gc_mode)HS_GC_AREAS, address_of(start), distance(start, end),
               &hooks, NULL);
    reset_state();
}

#if HS_GC_AREAS
void gc_add(void *start, void *end)
{
    hs_gc_add(&heap, address_of(start), distance(start, end));
}
#endif

/* No mutex: interrupts lock too. */
void gc_lock(void)
{
#if HS_MP_STATE
    *depth() = (uint16_t)(*depth() + LEVEL);
#else
    hs_gc_lock(&heap);
#endif
}

void gc_unlock(void)
{
#if HS_MP_STATE
    *depth() = (uint16_t)(*depth() - LEVEL);
#else
    hs_gc_unlock(&heap);
#endif
}

bool gc_is_locked(void)
{
#if HS_MP_STATE
    return *depth() != 0;
#else
    return hs_gc_is_locked(&heap);
#endif
}

/* --- collection ------------------------------------------------------------------------------- */

/* From here to gc_collect_end the mutex is held. */
void gc_collect_start(void)
{
    enter();
    hs_gc_collect_start(&heap);
    begin_collection();
    hs_mp_port.root_section();
}

/* Threads that are asked for their stacks call this while the one that collects holds the mutex. */
void gc_collect_root(void **ptrs, size_t len)
{
    hs_gc_collect_root(&heap, (const uint32_t *)(const void *)ptrs, len);
}

void gc_collect_end(void)
{
    end_collection(hs_gc_collect_end(&heap));
    leave();
}

void gc_sweep_all(void)
{
    enter();
    begin_collection();
    end_collection(hs_gc_sweep_all(&heap));
    leave();
}

/* --- objects -----------------------------------------------------------------------------------*/

void *gc_alloc(size_t n_bytes, unsigned int alloc_flags)
{
    if (refused(0)) {
        return NULL;
    }
    enter();
    read_state();
    void *object = pointer(hs_gc_alloc(&heap, n_bytes, alloc_flags));
    leave();
    return object;
}

void gc_free(void *ptr)
{
    if (refused(HS_GC_VERSION >= 4)) { /* finalisers may free */
        return;
    }
    enter();
    read_state();
    hs_gc_free(&heap, address_of(ptr));
    leave();
}

size_t gc_nbytes(const void *ptr)
{
    enter();
    size_t bytes = hs_gc_nbytes(&heap, address_of(ptr));
    leave();
    return bytes;
}

void *gc_realloc(void *ptr, size_t n_bytes, bool allow_move)
{
    if (refused(0)) {
        return NULL;
    }
    enter();
    read_state();
    void *object = pointer(hs_gc_realloc(&heap, address_of(ptr), n_bytes, allow_move));
    leave();
    return object;
}

/* --- what is printed ---------------------------------------------------------------------------*/

void gc_info(gc_info_t *info)
{
    hs_gc_info now;
    enter();
    hs_gc_get_info(&heap, &now);
    leave();
    /* The same fields in the same order, as words; without growth the last one is left out. */
    memcpy(info, &now, sizeof *info);
}

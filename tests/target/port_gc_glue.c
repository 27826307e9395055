/* The interpreter that golden_gc.c stands for: what the adapter asks of it. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "gc_print.h"
#include "port/micropython_gc.h"

bool hs_port_init(const hs_gc_hooks *hooks, void *context, hs_addr start, uint32_t size);
bool hs_port_add(hs_addr start, uint32_t size);
uint32_t hs_port_sweep_all(void);
void hs_port_info(hs_gc_info *info);
void hs_port_enable(bool on);
void hs_port_set_threshold(int32_t bytes);

static const hs_gc_hooks *script;
static void *script_context;
static int depth; /* of the mutex */
#if HS_MP_STATE   /* what MicroPython keeps, with its names */
static struct {
    uint16_t gc_auto_collect_enabled;
    uint16_t gc_lock_depth;
    size_t gc_alloc_threshold;
    size_t gc_collected;
} interpreter;
#endif
static uint32_t not_swept; /* objects that went otherwise in this collection */
static bool collecting;

static void check(bool good, const char *what)
{
    if (!good) {
        printf("adapter: %s\n", what);
        exit(3);
    }
}

static uint32_t count_objects(void)
{
    hs_gc_object object = {0, 0, 0, false};
    uint32_t count = 0;
    while (hs_gc_next_object(hs_mp_gc(), &object)) {
        ++count;
    }
    return count;
}

/* --- what the adapter calls --- */

static void root_section(void)
{
    check(depth == HS_MP_MUTEX, "a collection runs without the mutex");
    check(gc_is_locked(), "a collection runs unlocked");
    script->roots(script_context, hs_mp_gc());
}

static void finaliser(void *object)
{
    check(gc_alloc(16, 0) == NULL, "a finaliser can allocate");
    uint32_t before = count_objects();
    script->finaliser(script_context, hs_mp_gc(), hs_addr_of(object));
    not_swept += before - count_objects();
}

static int print(const struct _mp_print_t *to, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    int printed = vfprintf((FILE *)(uintptr_t)to, format, values);
    va_end(values);
    return printed;
}

static char letter(const void *first_word)
{
    return hs_gc_type_letter((uint32_t)(uintptr_t)first_word);
}

#if HS_GC_AREAS == 2
static size_t max_new_split(void)
{
    return script->max_new_split(script_context);
}

static void *split_alloc(size_t bytes)
{
    hs_addr start = script->platform_alloc(script_context, bytes);
    script->event(script_context, HS_GC_EVENT_GROW, bytes, start);
    return start == 0 ? NULL : hs_at(NULL, start);
}

/* An area that is released may take one live object along: upstream's defect. */
static void split_free(void *start)
{
    const hs_gc_area *area = start;
    bool lost = area->blocks != 0 && hs_gc_block_kind(hs_mp_gc(), area, 0) != HS_GC_FREE;
    not_swept += lost ? 1 : 0;
    script->platform_free(script_context, hs_addr_of(start));
    script->event(script_context, HS_GC_EVENT_RELEASE, hs_addr_of(start), 0);
}
#endif

#if HS_MP_MUTEX
static void enter(void)
{
    check(depth == 0 || HS_GC_VERSION >= 4, "the mutex, not recursive yet, is taken twice");
    ++depth;
}

static void leave(void)
{
    check(--depth >= 0, "the mutex is given back once too often");
}
#endif

#if HS_MP_STATE
static uint16_t *lock_depth(void)
{
    return &interpreter.gc_lock_depth;
}
#endif

const hs_mp_hooks hs_mp_port = {
    .root_section = root_section,
    .finaliser = finaliser,
    .printf = print,
    .letter = letter,
#if HS_GC_AREAS == 2
    .max_new_split = max_new_split,
    .split_alloc = split_alloc,
    .split_free = split_free,
#endif
#if HS_MP_STATE
    .auto_collect = &interpreter.gc_auto_collect_enabled,
    .threshold = &interpreter.gc_alloc_threshold,
    .collected = &interpreter.gc_collected,
    .lock_depth = lock_depth,
#endif
#if HS_MP_MUTEX
    .enter = enter,
    .leave = leave,
#endif
};

/* The port's gc_collect(). */
void gc_collect(void)
{
    check(!collecting, "a collection within a collection");
    check(depth == 0, "the port's gc_collect() is called with the mutex held");
    collecting = true;
    not_swept = 0;
    uint32_t before = count_objects();
    gc_collect_start();
    gc_collect_end();
    check(!gc_is_locked(), "a collection leaves the collector locked");
    collecting = false;
    uint32_t freed = before - count_objects() - not_swept;
#if HS_MP_STATE
    check(interpreter.gc_collected == freed, "another count of objects than were freed");
#endif
    script->event(script_context, HS_GC_EVENT_COLLECT, freed, 0);
}

/* --- what golden_gc.c calls --- */

bool hs_port_init(const hs_gc_hooks *hooks, void *context, hs_addr start, uint32_t size)
{
    script = hooks;
    script_context = context;
    check(depth == 0, "the mutex is held at the end of a script");
    gc_init(hs_at(NULL, start), hs_at(NULL, start + size));
    return true;
}

bool hs_port_add(hs_addr start, uint32_t size)
{
#if HS_GC_AREAS
    gc_add(hs_at(NULL, start), hs_at(NULL, start + size));
    return true;
#else
    (void)start;
    (void)size;
    return false;
#endif
}

uint32_t hs_port_sweep_all(void)
{
    not_swept = 0;
    uint32_t before = count_objects();
    gc_sweep_all();
    return before - not_swept;
}

/* The interpreter's gc.enable() and gc.threshold(). */
void hs_port_enable(bool on)
{
#if HS_MP_STATE
    interpreter.gc_auto_collect_enabled = on;
#else
    hs_gc_enable(hs_mp_gc(), on);
#endif
}

void hs_port_set_threshold(int32_t bytes)
{
#if HS_MP_STATE
    interpreter.gc_alloc_threshold = bytes < 0 ? (size_t)-1 : (size_t)bytes / HS_GC_BLOCK;
#else
    hs_gc_set_threshold(hs_mp_gc(), bytes);
#endif
}

void hs_port_info(hs_gc_info *info)
{
    gc_info_t now;
    gc_info(&now);
    *info = (hs_gc_info){.total = now.total,
                         .used = now.used,
                         .free = now.free,
                         .max_free = now.max_free,
                         .one_blocks = now.num_1block,
                         .two_blocks = now.num_2block,
                         .max_block = now.max_block};
#if HS_GC_AREAS == 2
    info->max_new_split = now.max_new_split;
#endif
}

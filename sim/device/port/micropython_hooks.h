/* What belongs to the interpreter, for the file of a firmware that fills the table. It declares
 * none of the original's names, so that it can be included beside MicroPython's own headers. */
#ifndef HS_PORT_MICROPYTHON_HOOKS_H
#define HS_PORT_MICROPYTHON_HOOKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../gc.h"

/* 1: threads without a global interpreter lock. The ESP32 port has one. */
#ifndef HS_MP_MUTEX
#define HS_MP_MUTEX 0
#endif

/* 1: the interpreter's modules gc and micropython stay as they are; what they read and write by
 * themselves is shared. 0: they call hs_mp_gc()'s functions instead. */
#ifndef HS_MP_STATE
#define HS_MP_STATE HS_MP_MUTEX
#endif
#if HS_MP_MUTEX && !HS_MP_STATE
#error "threads have a lock depth each: HS_MP_MUTEX needs HS_MP_STATE"
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* The firmware defines the table, hs_mp_port; a member may be NULL where that is said. */
struct _mp_print_t;
typedef struct hs_mp_hooks {
    /* Calls gc_collect_root for the interpreter's own roots: gc_collect_start does this first. The
     * port's gc_collect() adds the stack and the registers, as ever. */
    void (*root_section)(void);
    /* Calls the finaliser of a dead object. NULL: there are none. */
    void (*finaliser)(void *object);
    /* mp_printf: the dumps need %c, %u, %x, %05x, %08x. */
    int (*printf)(const struct _mp_print_t *print, const char *format, ...);
    /* The letter of a dump for an object by its first word, "TLDSAFBMh". NULL: always h. */
    char (*letter)(const void *first_word);
    /* Growth; HS_GC_AREAS == 2 needs all three. */
    size_t (*max_new_split)(void);
    void *(*split_alloc)(size_t bytes);
    void (*split_free)(void *start);
#if HS_MP_STATE
    /* &MP_STATE_MEM(gc_auto_collect_enabled): 0 is off. */
    uint16_t *auto_collect;
    /* &MP_STATE_MEM(gc_alloc_threshold), in blocks, all ones is off. NULL: there is none. */
    size_t *threshold;
    /* &MP_STATE_MEM(gc_collected): what gc.collect() returns. NULL: nobody asks. */
    size_t *collected;
    /* &MP_STATE_THREAD(gc_lock_depth) of the thread that runs. */
    uint16_t *(*lock_depth)(void);
#endif
#if HS_MP_MUTEX
    /* A mutex that exists before gc_init, recursive from v1.25 on. While it is held, the adapter
     * calls no function of the port but the hooks above; gc_collect() is called without it. */
    void (*enter)(void);
    void (*leave)(void);
#endif
} hs_mp_hooks;
extern const hs_mp_hooks hs_mp_port;

/* The one instance. Without HS_MP_STATE this is for the interpreter's module gc: hs_gc_enable(),
 * hs_gc_set_threshold(), gc.enabled, gc.threshold. */
hs_gc *hs_mp_gc(void);

#ifdef __cplusplus
}
#endif

#endif

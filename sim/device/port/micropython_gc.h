/* MicroPython's collector functions over hs_gc: link this in place of the original's.
 *
 * Firmware goes on including its own header; the names and signatures here are the same, so nothing
 * else of it changes. Compile with HS_GC_VERSION (the release whose behaviour is wanted, see
 * gc.h), HS_GC_AREAS and HS_GC_FINALISER as the firmware is configured, and leave gc_cycle.c out:
 * the port's gc_collect() takes its place.
 *
 * There is one instance. All addresses are plain pointers, so the target has 32 bits. The functions
 * are as reentrant as the originals: a finaliser may call any of them (allocation then gives NULL);
 * several threads may with HS_MP_MUTEX.
 */
#ifndef HS_PORT_MICROPYTHON_GC_H
#define HS_PORT_MICROPYTHON_GC_H

#include <stdbool.h>
#include <stddef.h>

#include "device/gc.h"

/* 1: threads without a global interpreter lock. The ESP32 port has one. */
#ifndef HS_MP_MUTEX
#define HS_MP_MUTEX 0
#endif

/* What belongs to the interpreter. The firmware defines the table; a member may be NULL where that
 * is said. */
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
#if HS_MP_MUTEX
    /* A recursive mutex around every function. */
    void (*enter)(void);
    void (*leave)(void);
#endif
} hs_mp_hooks;
extern const hs_mp_hooks hs_mp_port;

/* The instance, for what the interpreter's module gc reads and writes by itself: hs_gc_enable(),
 * hs_gc_set_threshold(), gc.enabled, gc.threshold. */
hs_gc *hs_mp_gc(void);

/* --- the original's names ---------------------------------------------------------------------*/

typedef struct _gc_info_t {
    size_t total;
    size_t used;
    size_t free;
    size_t max_free;
    size_t num_1block;
    size_t num_2block;
    size_t max_block;
#if HS_GC_AREAS == 2
    size_t max_new_split;
#endif
} gc_info_t;

enum { GC_ALLOC_FLAG_HAS_FINALISER = 1 };

void gc_init(void *start, void *end);
#if HS_GC_AREAS
void gc_add(void *start, void *end);
#endif
void gc_lock(void);
void gc_unlock(void);
bool gc_is_locked(void);

void gc_collect(void); /* the port's, called by an allocation that finds no room */
void gc_collect_start(void);
void gc_collect_root(void **ptrs, size_t len);
void gc_collect_end(void);
void gc_sweep_all(void);

void *gc_alloc(size_t n_bytes, unsigned int alloc_flags);
void gc_free(void *ptr);
size_t gc_nbytes(const void *ptr);
void *gc_realloc(void *ptr, size_t n_bytes, bool allow_move);

void gc_info(gc_info_t *info);
void gc_dump_info(const struct _mp_print_t *print);
void gc_dump_alloc_table(const struct _mp_print_t *print);

#endif

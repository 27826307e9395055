/* golden_gc.c on the adapter: each call of the collector becomes the call that MicroPython makes.
 * The vectors are those of the original, so what is compared is what firmware would see. */
#ifndef HS_PORT_GC_NAMES_H
#define HS_PORT_GC_NAMES_H

#include "gc_print.h"
#include "port/micropython_gc.h"
#include "target_io.h"

bool hs_port_init(const hs_gc_hooks *hooks, void *context, hs_addr start, uint32_t size);
bool hs_port_add(hs_addr start, uint32_t size);
uint32_t hs_port_sweep_all(void);
void hs_port_info(hs_gc_info *info);
void hs_port_enable(bool on);
void hs_port_set_threshold(int32_t bytes);

static inline void *hs_port_at(hs_addr a)
{
    return a == 0 ? NULL : hs_at(NULL, a);
}

static inline hs_addr hs_port_of(const void *p)
{
    return p == NULL ? 0 : hs_addr_of(p);
}

#define hs_gc_init(gc, space, version, mode, start, size, hooks, context)                          \
    ((void)(version), (void)(mode), hs_port_init(hooks, context, start, size))
#define hs_gc_add(gc, start, size)    hs_port_add(start, size)
#define hs_gc_alloc(gc, bytes, flags) hs_port_of(gc_alloc(bytes, flags))
#define hs_gc_realloc(gc, address, bytes, moves)                                                   \
    hs_port_of(gc_realloc(hs_port_at(address), bytes, moves))
#define hs_gc_free(gc, address)              gc_free(hs_port_at(address))
#define hs_gc_nbytes(gc, address)            (uint32_t) gc_nbytes(hs_port_at(address))
#define hs_gc_collect(gc)                    gc_collect()
#define hs_gc_collect_root(gc, words, count) gc_collect_root((void **)(void *)(words), count)
#define hs_gc_sweep_all(gc)                  hs_port_sweep_all()
#define hs_gc_lock(gc)                       gc_lock()
#define hs_gc_unlock(gc)                     gc_unlock()
#define hs_gc_enable(gc, on)                 hs_port_enable(on)
#define hs_gc_set_threshold(gc, bytes)       hs_port_set_threshold(bytes)
#define hs_gc_get_info(gc, info)             hs_port_info(info)
#define hs_gc_print_info(gc, out)            gc_dump_info((const struct _mp_print_t *)(out))
#define hs_gc_print_table(gc, out)           gc_dump_alloc_table((const struct _mp_print_t *)(out))
#define hs_gc_next_area(gc, area)            hs_gc_next_area(hs_mp_gc(), area)

#endif

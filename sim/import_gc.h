/* GC objects of a captured device: which of them a collection left alive. */
#ifndef HS_IMPORT_GC_H
#define HS_IMPORT_GC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "import_live.h"

/* All zero: no object. Time over a log: linear in its lines, because a collection that is used
 * names each survivor, and each dead object is dead once. */
typedef struct hs_import_gc {
    hs_live index; /* address -> place in objects */
    struct hs_import_gc_object {
        uint64_t address;
        uint32_t mark; /* number of the collection that it survived */
        bool live;
    } * objects; /* by the slot that `index` gave */
    size_t room;
    uint32_t *members; /* places of live objects, dense */
    uint32_t *where;   /* place -> index into members */
    size_t count;
    bool collecting;
    bool automatic;
    uint32_t collection;
    uint64_t survivors; /* bits set in the windows of this collection */
    uint64_t *dead;
    size_t dead_room;
} hs_import_gc;

bool hs_import_gc_add(hs_import_gc *gc, uint64_t address);    /* false: no memory */
void hs_import_gc_remove(hs_import_gc *gc, uint64_t address); /* unknown: nothing */
void hs_import_gc_begin(hs_import_gc *gc, bool automatic);
/* "0xFROM BITS" of a gl line; false: it is none. */
bool hs_import_gc_window(hs_import_gc *gc, const char *fields);
/* Removes the objects that no window named since begin: their addresses, ascending, valid until
 * the next call. NULL: no memory. O(objects before the collection). */
const uint64_t *hs_import_gc_dead(hs_import_gc *gc, size_t *count);
void hs_import_gc_release(hs_import_gc *gc);

#endif

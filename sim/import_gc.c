#include "import_gc.h"

#include <stdlib.h>
#include <string.h>

#include "import_reader.h"

#define BLOCK_BYTES   16
#define WINDOW_DIGITS 16

static bool make_room(hs_import_gc *gc, uint32_t place)
{
    if (place < gc->room) {
        return true;
    }
    size_t room = gc->room == 0 ? 256 : gc->room * 2; /* places are given out one by one */
    void *objects = realloc(gc->objects, room * sizeof *gc->objects);
    gc->objects = objects != NULL ? objects : gc->objects;
    void *members = realloc(gc->members, room * sizeof *gc->members);
    gc->members = members != NULL ? members : gc->members;
    void *where = realloc(gc->where, room * sizeof *gc->where);
    gc->where = where != NULL ? where : gc->where;
    if (objects == NULL || members == NULL || where == NULL) {
        return false;
    }
    gc->room = room;
    return true;
}

bool hs_import_gc_add(hs_import_gc *gc, uint64_t address)
{
    uint32_t place;
    if (hs_live_find(&gc->index, address, &place)) {
        return true;
    }
    if (!hs_live_add(&gc->index, address, &place) || !make_room(gc, place)) {
        return false;
    }
    gc->objects[place] = (struct hs_import_gc_object){.address = address, .live = true};
    gc->where[place] = (uint32_t)gc->count;
    gc->members[gc->count++] = place;
    return true;
}

void hs_import_gc_remove(hs_import_gc *gc, uint64_t address)
{
    uint32_t place;
    if (hs_live_remove(&gc->index, address, &place)) {
        uint32_t last = gc->members[--gc->count];
        gc->members[gc->where[place]] = last;
        gc->where[last] = gc->where[place];
        gc->objects[place].live = false;
    }
}

void hs_import_gc_begin(hs_import_gc *gc, bool automatic)
{
    gc->collecting = true;
    gc->automatic = automatic;
    gc->collection++;
    gc->survivors = 0;
}

bool hs_import_gc_window(hs_import_gc *gc, const char *fields)
{
    uint64_t from;
    const char *at = fields;
    if (!hs_log_hex(&at, &from) || !hs_log_text(&at, " ") ||
        strspn(at, "0123456789abcdef") != WINDOW_DIGITS) {
        return false;
    }
    for (uint64_t digit = 0; digit < WINDOW_DIGITS; digit++) {
        uint64_t bits;
        const char *one = (const char[]){at[digit], 0};
        (void)hs_log_hex(&one, &bits);
        for (uint64_t bit = 0; bit < 4; bit++) {
            uint32_t place;
            if ((bits >> bit & 1) == 0) {
                continue;
            }
            gc->survivors++;
            if (hs_live_find(&gc->index, from + (digit * 4 + bit) * BLOCK_BYTES, &place)) {
                gc->objects[place].mark = gc->collection;
            }
        }
    }
    return true;
}

static int compare_addresses(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left;
    uint64_t b = *(const uint64_t *)right;
    return a < b ? -1 : a > b;
}

const uint64_t *hs_import_gc_dead(hs_import_gc *gc, size_t *count)
{
    if (gc->dead == NULL || gc->dead_room < gc->count) {
        uint64_t *larger = realloc(gc->dead, (gc->count + 1) * sizeof *larger);
        if (larger == NULL) {
            return NULL;
        }
        gc->dead = larger;
        gc->dead_room = gc->count;
    }
    *count = 0;
    for (size_t i = 0; i < gc->count; i++) {
        const struct hs_import_gc_object *object = &gc->objects[gc->members[i]];
        if (object->mark != gc->collection) {
            gc->dead[(*count)++] = object->address;
        }
    }
    if (*count != 0) {
        qsort(gc->dead, *count, sizeof *gc->dead, compare_addresses);
    }
    for (size_t i = 0; i < *count; i++) {
        hs_import_gc_remove(gc, gc->dead[i]);
    }
    return gc->dead;
}

void hs_import_gc_release(hs_import_gc *gc)
{
    hs_live_release(&gc->index);
    free(gc->objects);
    free(gc->members);
    free(gc->where);
    free(gc->dead);
    memset(gc, 0, sizeof *gc);
}

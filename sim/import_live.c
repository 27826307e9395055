#include "import_live.h"

#include <stdlib.h>
#include <string.h>

#include "hash_seed.h"

static size_t place(const hs_live *live, uint64_t key)
{
    uint64_t hash = (key ^ live->seed) * 0x9e3779b97f4a7c15u;
    hash = (hash ^ (hash >> 32)) * live->seed;
    return (size_t)(hash >> 20) & (live->size - 1);
}

static hs_live_entry *look_up(const hs_live *live, uint64_t key)
{
    if (live->size == 0) {
        return NULL;
    }
    size_t at = place(live, key);
    while (live->entries[at].slot != 0 && live->entries[at].key != key) {
        at = (at + 1) & (live->size - 1);
    }
    return &live->entries[at];
}

bool hs_live_find(const hs_live *live, uint64_t key, uint32_t *slot)
{
    const hs_live_entry *entry = look_up(live, key);
    if (entry == NULL || entry->slot == 0) {
        return false;
    }
    if (slot != NULL) {
        *slot = entry->slot - 1;
    }
    return true;
}

static bool grow(hs_live *live)
{
    if (live->size != 0 && live->used < live->size / 4 * 3) {
        return true;
    }
    hs_live larger = {.size = live->size == 0 ? 64 : live->size * 2, .seed = hs_hash_seed()};
    larger.entries = calloc(larger.size, sizeof *larger.entries);
    if (larger.entries == NULL) {
        return false;
    }
    for (size_t i = 0; i < live->size; i++) {
        if (live->entries[i].slot != 0) {
            *look_up(&larger, live->entries[i].key) = live->entries[i];
        }
    }
    free(live->entries);
    live->entries = larger.entries;
    live->size = larger.size;
    live->seed = larger.seed;
    return true;
}

/* Room in `spare` for every slot that there is, so that giving one back cannot fail. */
static bool grow_spare(hs_live *live)
{
    if (live->next_slot < live->spare_size) {
        return true;
    }
    size_t size = live->spare_size == 0 ? 64 : live->spare_size * 2;
    uint32_t *larger = realloc(live->spare, size * sizeof *larger);
    if (larger == NULL) {
        return false;
    }
    live->spare = larger;
    live->spare_size = size;
    return true;
}

bool hs_live_reserve(hs_live *live, uint32_t *slot)
{
    if (live->next_slot == UINT32_MAX - 1 || !grow_spare(live)) {
        return false;
    }
    *slot = live->next_slot++;
    return true;
}

bool hs_live_add(hs_live *live, uint64_t key, uint32_t *slot)
{
    if (!grow(live)) {
        return false;
    }
    if (live->spare_count != 0) {
        *slot = live->spare[--live->spare_count];
    } else if (!hs_live_reserve(live, slot)) {
        return false;
    }
    *look_up(live, key) = (hs_live_entry){key, *slot + 1};
    live->used++;
    return true;
}

/* Empties `hole`; entries that were pushed behind it by collisions move up. */
static void close_hole(hs_live *live, size_t hole)
{
    size_t mask = live->size - 1;
    for (size_t at = (hole + 1) & mask; live->entries[at].slot != 0; at = (at + 1) & mask) {
        size_t wanted = place(live, live->entries[at].key);
        if (((at - wanted) & mask) >= ((at - hole) & mask)) {
            live->entries[hole] = live->entries[at];
            hole = at;
        }
    }
    live->entries[hole].slot = 0;
}

bool hs_live_remove(hs_live *live, uint64_t key, uint32_t *slot)
{
    hs_live_entry *entry = look_up(live, key);
    if (entry == NULL || entry->slot == 0) {
        return false;
    }
    *slot = entry->slot - 1;
    close_hole(live, (size_t)(entry - live->entries));
    live->used--;
    live->spare[live->spare_count++] = *slot;
    return true;
}

bool hs_live_rename(hs_live *live, uint64_t key, uint64_t new_key)
{
    hs_live_entry *entry = look_up(live, key);
    uint32_t slot = entry->slot;
    close_hole(live, (size_t)(entry - live->entries));
    *look_up(live, new_key) = (hs_live_entry){new_key, slot};
    return true;
}

void hs_live_release(hs_live *live)
{
    free(live->entries);
    free(live->spare);
    memset(live, 0, sizeof *live);
}

/* Which blocks of a log are live: from what the log calls them to the slots of the trace. */
#ifndef HS_IMPORT_LIVE_H
#define HS_IMPORT_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct hs_live_entry {
    uint64_t key;
    uint32_t slot; /* + 1; 0: empty */
} hs_live_entry;

/* All zero is an empty table. Memory: bounded by the blocks live at once. */
typedef struct hs_live {
    hs_live_entry *entries; /* open addressing, linear probing */
    size_t size;            /* a power of two, or 0 */
    size_t used;
    uint64_t seed;   /* of the hash */
    uint32_t *spare; /* slots given back, last first */
    size_t spare_count;
    size_t spare_size;
    uint32_t next_slot;
} hs_live;

/* O(1) each. False of add, reserve and rename: no memory. `slot` may be NULL in find. */
bool hs_live_find(const hs_live *live, uint64_t key, uint32_t *slot);
bool hs_live_add(hs_live *live, uint64_t key, uint32_t *slot); /* the key must not be there */
bool hs_live_reserve(hs_live *live, uint32_t *slot);           /* a slot of its own, for ever */
bool hs_live_remove(hs_live *live, uint64_t key, uint32_t *slot);
bool hs_live_rename(hs_live *live, uint64_t key, uint64_t new_key);
void hs_live_release(hs_live *live); /* empty again */

#endif

/* A number that files cannot know, for tables whose keys come from files: whoever chooses the keys
 * must not choose the collisions. Results never depend on it. */
#ifndef HS_HASH_SEED_H
#define HS_HASH_SEED_H

#include <stdint.h>

/* Odd, the same for the life of the process. */
uint64_t hs_hash_seed(void);

#endif

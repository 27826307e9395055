/* Random numbers that are the same everywhere: Marsaglia's xorshift of 32 bits. */
#ifndef HS_TESTS_RANDOM_H
#define HS_TESTS_RANDOM_H

#include <stdint.h>

/* The next number, never 0; *state is the seed at first, and not 0. */
static inline uint32_t random_next(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

#endif

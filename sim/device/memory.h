/* Words of device memory, and the only three functions of a C library that sim/device uses. */
#ifndef HS_DEVICE_MEMORY_H
#define HS_DEVICE_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include "address.h"

void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int value, size_t size);

/* The word at `a`, a multiple of 4. */
static inline uint32_t hs_load(const void *space, hs_addr a)
{
    return *(const uint32_t *)hs_at(space, a);
}

static inline void hs_store(const void *space, hs_addr a, uint32_t value)
{
    *(uint32_t *)hs_at(space, a) = value;
}

#endif

/* A copy of an array on the host's heap. */
#ifndef HS_COPY_ARRAY_H
#define HS_COPY_ARRAY_H

#include <stdlib.h>
#include <string.h>

/* `count` elements of `size` bytes; the caller frees it. NULL only when the host is out of memory:
 * an empty array has a copy too. */
static inline void *hs_copy_array(const void *from, size_t count, size_t size)
{
    void *to = malloc(count * size + 1);
    if (to != NULL && count != 0) {
        memcpy(to, from, count * size);
    }
    return to;
}

#endif

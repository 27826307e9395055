/* A collector of the same shape as MicroPython's: 16-byte blocks, first fit, collect when full. Its
 * own file: calls inside of it are not seen by the linker's wrap, as in the real one. gc_collect is
 * the port's, and lies elsewhere. */
#include "fake_idf.h"

#include <string.h>

enum { BLOCK = 16, BLOCKS = 256, FREE = 0, HEAD = 1, TAIL = 2 };

static unsigned char *start;
static unsigned char table[BLOCKS];
void *fake_roots[8];
void fake_sweep(void);

void gc_init(void *from, void *to)
{
    (void)to;
    start = from;
    memset(table, FREE, sizeof table);
}

static size_t length(size_t at)
{
    size_t count = 1;
    while (at + count < BLOCKS && table[at + count] == TAIL) {
        count++;
    }
    return count;
}

size_t gc_nbytes(const void *pointer)
{
    const size_t offset = (size_t)((uintptr_t)pointer - (uintptr_t)start);
    return offset < sizeof table * BLOCK && offset % BLOCK == 0 && table[offset / BLOCK] == HEAD
               ? length(offset / BLOCK) * BLOCK
               : 0;
}

static void *first_fit(size_t count)
{
    for (size_t at = 0, run = 0; at < BLOCKS; at++) {
        run = table[at] == FREE ? run + 1 : 0;
        if (run == count) {
            memset(table + at + 1 - count, TAIL, count);
            table[at + 1 - count] = HEAD;
            return start + (at + 1 - count) * BLOCK;
        }
    }
    return NULL;
}

void *gc_alloc(size_t bytes, unsigned flags)
{
    const size_t count = (bytes + BLOCK - 1) / BLOCK;
    (void)flags;
    if (count == 0 || count > BLOCKS) {
        return NULL;
    }
    void *result = first_fit(count);
    if (!result) {
        gc_collect();
        result = first_fit(count);
    }
    return result;
}

void gc_free(void *old)
{
    if (old) {
        const size_t at = (size_t)((unsigned char *)old - start) / BLOCK;
        memset(table + at, FREE, length(at));
    }
}

void *gc_realloc(void *old, size_t bytes, bool move)
{
    const size_t have = gc_nbytes(old), want = (bytes + BLOCK - 1) / BLOCK * BLOCK;
    if (!old) {
        return gc_alloc(bytes, 0);
    }
    if (bytes == 0) {
        gc_free(old);
        return NULL;
    }
    if (want <= have) {
        memset(table + ((size_t)((unsigned char *)old - start) + want) / BLOCK, FREE,
               (have - want) / BLOCK);
        return old;
    }
    void *moved = move ? gc_alloc(bytes, 0) : NULL;
    if (moved) {
        memcpy(moved, old, have);
        gc_free(old);
    }
    return moved;
}

/* What no root names dies. */
void fake_sweep(void)
{
    for (size_t at = 0; at < BLOCKS; at++) {
        bool held = false;
        for (size_t i = 0; i < sizeof fake_roots / sizeof *fake_roots; i++) {
            held = held || fake_roots[i] == start + at * BLOCK;
        }
        if (table[at] == HEAD && !held) {
            memset(table + at, FREE, length(at));
        }
    }
}

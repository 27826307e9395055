/* Tracked allocation: live blocks chained by a header of two words in front of each. */
#include "gc_inner.h"

enum { PREVIOUS, NEXT, HEADER = 8 };

hs_addr hs_gc_tracked_alloc(hs_gc *gc, uint32_t bytes)
{
    hs_addr node = bytes > 0xffffffffu - HEADER ? 0 : hs_gc_alloc(gc, bytes + HEADER, 0);
    if (node == 0) {
        return 0;
    }
    gc_words(gc, node)[NEXT] = gc->tracked; /* PREVIOUS is 0: memory comes zeroed */
    if (gc->tracked != 0) {
        gc_words(gc, gc->tracked)[PREVIOUS] = node;
    }
    gc->tracked = node;
    return node + HEADER;
}

void hs_gc_tracked_free(hs_gc *gc, hs_addr address)
{
    if (address == 0) {
        return;
    }
    hs_addr node = address - HEADER;
    hs_addr previous = gc_words(gc, node)[PREVIOUS];
    hs_addr next = gc_words(gc, node)[NEXT];
    if (next != 0) {
        gc_words(gc, next)[PREVIOUS] = previous;
    }
    if (previous != 0) {
        gc_words(gc, previous)[NEXT] = next;
    } else {
        gc->tracked = next;
    }
    hs_gc_free(gc, node);
}

uint32_t hs_gc_tracked_nbytes(const hs_gc *gc, hs_addr address)
{
    uint32_t bytes = hs_gc_nbytes(gc, address - HEADER);
    return bytes == 0 ? 0 : bytes - HEADER;
}

hs_addr hs_gc_tracked_realloc(hs_gc *gc, hs_addr address, uint32_t bytes)
{
    if (address == 0) {
        return hs_gc_tracked_alloc(gc, bytes);
    }
    hs_addr fresh = bytes == 0 ? 0 : hs_gc_tracked_alloc(gc, bytes);
    if (fresh != 0) {
        uint32_t have = hs_gc_tracked_nbytes(gc, address);
        memcpy(gc_at(gc, fresh), gc_at(gc, address), have < bytes ? have : bytes);
    }
    if (fresh != 0 || bytes == 0) {
        hs_gc_tracked_free(gc, address);
    }
    return fresh;
}

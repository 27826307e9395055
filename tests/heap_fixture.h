/* One heap in a device space of its own, its blocks as a picture, and a shadow model of it. */
#ifndef HEAP_FIXTURE_H
#define HEAP_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "device/multi_heap.h"
#include "space.h"

#define BASE 0x3ffb0000u

typedef struct fixture {
    hs_device device;
    hs_heap heap;
} fixture;

static inline void open_space(fixture *f)
{
    memset(f, 0, sizeof *f);
    f->device.space = hs_space_create();
    assert_non_null(f->device.space);
    assert_int_equal(hs_space_commit(f->device.space, BASE, 128 * 1024), 0);
}

static inline void close_space(fixture *f)
{
    hs_space_destroy(f->device.space);
}

static inline bool lay_out(fixture *f, const hs_idf_profile *profile, uint32_t size, bool poisoned)
{
    f->device.crash = HS_CRASH_NONE;
    f->device.cut = false;
    return hs_heap_register(&f->device, &f->heap, profile, BASE, size, 128 * 1024, poisoned);
}

typedef struct picture {
    char text[4096];
    uint32_t largest;
} picture;

static inline bool draw(void *context, hs_addr address, uint32_t size, bool used)
{
    picture *p = context;
    size_t length = strlen(p->text);
    (void)address;
    snprintf(p->text + length, sizeof p->text - length, "%s%c%u", length == 0 ? "" : " ",
             used ? 'U' : 'F', (unsigned)size);
    if (!used && size > p->largest) {
        p->largest = size;
    }
    return true;
}

/* The blocks in address order: "U16 F40" is 16 used and 40 free bytes of data. */
static inline void expect_heap(fixture *f, const char *expected)
{
    picture p = {"", 0};
    assert_true(hs_heap_walk(&f->device, &f->heap, draw, &p));
    assert_string_equal(p.text, expected);
    assert_true(hs_heap_check(&f->device, &f->heap));
}

/* NULL when the heap is sound and each figure that is kept equals the one that a walk gives. */
static inline const char *unsound(fixture *f)
{
    hs_heap_info info;
    picture p = {"", 0};
    if (f->device.crash != HS_CRASH_NONE) {
        return "crashed";
    }
    if (!hs_heap_check(&f->device, &f->heap)) {
        return "check failed";
    }
    hs_heap_walk(&f->device, &f->heap, draw, &p);
    hs_heap_get_info(&f->device, &f->heap, &info);
    if (info.largest != hs_heap_largest(&f->device, &f->heap)) {
        return "largest differs from the walk's";
    }
    if (p.largest != hs_heap_largest_exact(&f->device, &f->heap)) {
        return "largest_exact differs from the walk's";
    }
    if (info.free != hs_heap_free_size(&f->device, &f->heap)) {
        return "free differs";
    }
    return NULL;
}

/* --- Shadow model: who owns which bytes ------------------------------------------------------- */

enum { SLOTS = 24 };

typedef struct operation {
    uint8_t kind; /* 'a', 'f', 'r', 'm' */
    uint8_t slot;
    uint32_t size;
} operation;

typedef struct shadow {
    hs_addr block[SLOTS];
    uint32_t size[SLOTS];
} shadow;

static inline void fill(fixture *f, const shadow *s, unsigned slot)
{
    memset(hs_at(f->device.space, s->block[slot]), (int)(0x40 + slot), s->size[slot]);
}

static inline bool holds(fixture *f, hs_addr block, uint32_t size, unsigned slot)
{
    const uint8_t *bytes = hs_at(f->device.space, block);
    for (uint32_t i = 0; i < size; i++) {
        if (bytes[i] != 0x40 + slot) {
            return false;
        }
    }
    return true;
}

static inline const char *place_block(fixture *f, shadow *s, const operation *op, hs_addr block)
{
    if (block == 0) {
        return NULL;
    }
    if (block % 4 != 0 || (op->kind == 'm' && block % 16 != 0)) {
        return "misaligned";
    }
    s->block[op->slot] = block;
    s->size[op->slot] = op->size;
    if (hs_heap_usable(&f->device, &f->heap, block) < op->size) {
        return "too small";
    }
    fill(f, s, op->slot);
    return NULL;
}

static inline const char *reallocate(fixture *f, shadow *s, const operation *op)
{
    uint32_t kept = s->size[op->slot] < op->size ? s->size[op->slot] : op->size;
    hs_addr block = hs_heap_realloc(&f->device, &f->heap, s->block[op->slot], op->size);
    if (block != 0 && !holds(f, block, kept, op->slot)) {
        return "realloc lost bytes";
    }
    return place_block(f, s, op, block);
}

/* Does one operation and checks everything; NULL when all is well. */
static inline const char *step(fixture *f, shadow *s, const operation *op)
{
    const char *fault = NULL;
    hs_addr *block = &s->block[op->slot];
    if (op->kind == 'r' && *block != 0 && op->size != 0) {
        fault = reallocate(f, s, op);
    } else if (*block != 0) {
        hs_heap_free(&f->device, &f->heap, *block);
        *block = 0;
    } else if (op->kind == 'm') {
        fault = place_block(f, s, op, hs_heap_aligned(&f->device, &f->heap, op->size, 16));
    } else {
        fault = place_block(f, s, op, hs_heap_malloc(&f->device, &f->heap, op->size));
    }
    for (unsigned i = 0; i < SLOTS && fault == NULL; i++) {
        if (s->block[i] != 0 && !holds(f, s->block[i], s->size[i], i)) {
            fault = "a block was overwritten";
        }
    }
    return fault != NULL ? fault : unsound(f);
}

#endif

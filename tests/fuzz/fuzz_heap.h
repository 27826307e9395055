/* An IDF heap as a state machine: profile row, region size, poisoning, then operations of three
 * bytes. A shadow model and hs_heap_check() after each (tests/heap_fixture.h). */
#ifndef TESTS_FUZZ_HEAP_H
#define TESTS_FUZZ_HEAP_H

#include "../heap_fixture.h"

#include "fuzz.h"

/* A row of the allocator, chosen by a byte. */
static const hs_idf_profile *row_of(enum hs_allocator allocator, uint8_t byte)
{
    const hs_idf_profile *rows[64];
    size_t count = 0;
    for (size_t i = 0; hs_idf_profile_row(i) != NULL && count < 64; i++) {
        if (hs_idf_profile_row(i)->allocator == allocator) {
            rows[count++] = hs_idf_profile_row(i);
        }
    }
    return rows[byte % count];
}

/* Small sizes, and at times large ones. */
static operation decode(const uint8_t *bytes)
{
    static const uint8_t kinds[] = "afrm";
    uint32_t size = bytes[1] | (uint32_t)bytes[2] << 8;
    uint32_t shift = bytes[0] >> 7 != 0 ? 0 : 8;
    return (operation){kinds[bytes[0] & 3], (uint8_t)(bytes[0] >> 2 & 31) % SLOTS, size >> shift};
}

static inline void fuzz_heap(enum hs_allocator allocator, const uint8_t *data, size_t size)
{
    static fixture f;
    shadow s = {{0}, {0}};
    if (size < 3) {
        return;
    }
    if (f.device.space == NULL) {
        open_space(&f);
    }
    const hs_idf_profile *row = row_of(allocator, data[0]);
    uint32_t region = data[1] * 128u + 7;
    if (!lay_out(&f, row, region, (data[2] & 1) != 0)) {
        return;
    }
    for (size_t at = 3; at + 3 <= size && at < 3 + 3 * 512; at += 3) {
        operation op = decode(data + at);
        const char *fault = step(&f, &s, &op);
        if (fault != NULL) {
            fprintf(stderr, "%s, region of %u, operation %zu (%c %u %u): %s\n", row->name,
                    (unsigned)region, at / 3, op.kind, op.slot, (unsigned)op.size, fault);
            abort();
        }
    }
}

#endif

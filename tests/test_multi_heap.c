/* Both allocators under every profile: random and exhaustive sequences against a shadow model. */
#include <stdlib.h>

#include "heap_fixture.h"
#include "random.h"

enum { LONGEST = 400, RUNS = 40 };

/* How many operations pass before a fault, `count` when none fails. */
static size_t run_sequence(const hs_idf_profile *profile, uint32_t size, bool poisoned,
                           const operation *ops, size_t count, const char **fault)
{
    fixture f;
    shadow s = {{0}, {0}};
    size_t done = 0;
    open_space(&f);
    assert_true(lay_out(&f, profile, size, poisoned));
    *fault = unsound(&f);
    while (*fault == NULL && done < count) {
        *fault = step(&f, &s, &ops[done]);
        done += *fault == NULL;
    }
    close_space(&f);
    return done;
}

/* Leaves out whatever the failure does not need, and prints the rest. */
static void shrink_and_fail(const hs_idf_profile *profile, uint32_t size, bool poisoned,
                            operation *ops, size_t count, uint32_t seed)
{
    const char *fault;
    count = run_sequence(profile, size, poisoned, ops, count, &fault) + 1;
    for (size_t i = count; i-- > 0;) {
        operation left = ops[i];
        memmove(ops + i, ops + i + 1, (count - i - 1) * sizeof *ops);
        run_sequence(profile, size, poisoned, ops, count - 1, &fault);
        if (fault != NULL) {
            count--;
        } else {
            memmove(ops + i + 1, ops + i, (count - i - 1) * sizeof *ops);
            ops[i] = left;
        }
    }
    run_sequence(profile, size, poisoned, ops, count, &fault);
    for (size_t i = 0; i < count; i++) {
        print_error("  %c slot %u size %u\n", ops[i].kind, ops[i].slot, (unsigned)ops[i].size);
    }
    fail_msg("%s, region of %u, seed %u: %s", profile->name, (unsigned)size, (unsigned)seed, fault);
}

static uint32_t next_random(uint32_t *state)
{
    return random_next(state) >> 4;
}

static uint32_t random_size(uint32_t *state)
{
    switch (next_random(state) % 8) {
    case 0:
        return next_random(state) % 3000;
    case 1:
        return next_random(state) % 12000;
    default:
        return next_random(state) % 120;
    }
}

static void random_runs(const hs_idf_profile *profile, uint32_t size, bool poisoned)
{
    static const char kinds[] = "aaafrrrm";
    const char *fewer =
        getenv("HEAPSIM_RUNS"); /* sanitized, and for coverage, each costs five times */
    const uint32_t runs = fewer != NULL ? (uint32_t)strtoul(fewer, NULL, 10) : RUNS;
    for (uint32_t seed = 1; seed <= runs; seed++) {
        operation ops[LONGEST];
        uint32_t state = seed * 2654435761u;
        const char *fault;
        for (size_t i = 0; i < LONGEST; i++) {
            ops[i].kind = (uint8_t)kinds[next_random(&state) % 8];
            ops[i].slot = (uint8_t)(next_random(&state) % SLOTS);
            ops[i].size = random_size(&state);
        }
        run_sequence(profile, size, poisoned, ops, LONGEST, &fault);
        if (fault != NULL) {
            shrink_and_fail(profile, size, poisoned, ops, LONGEST, seed);
        }
    }
}

static void random_operations(void **state)
{
    (void)state;
    const hs_idf_profile *profile;
    for (size_t row = 0; (profile = hs_idf_profile_row(row)) != NULL; row++) {
        random_runs(profile, 7288, false);
        random_runs(profile, 30001, false);
        random_runs(profile, 7288, true);
    }
}

/* --- All sequences ---------------------------------------------------------------------------- */

static const operation every_operation[] = {
    {'a', 0, 1}, {'a', 1, 13}, {'a', 2, 24}, {'r', 0, 30},
    {'r', 1, 3}, {'r', 2, 44}, {'m', 3, 20}, {'f', 1, 13},
};
enum { OPERATIONS = sizeof every_operation / sizeof *every_operation, DEPTH = 5 };

static void all_sequences(fixture *f, const shadow *s, int depth, size_t *visited)
{
    static uint8_t kept[DEPTH + 1][2048];
    uint32_t size = f->heap.end - f->heap.base;
    if (depth == DEPTH) {
        return;
    }
    memcpy(kept[depth], hs_at(f->device.space, BASE), size);
    for (size_t i = 0; i < OPERATIONS; i++) {
        shadow after = *s;
        const char *fault = step(f, &after, &every_operation[i]);
        if (fault != NULL) {
            fail_msg("depth %d, operation %zu: %s", depth, i, fault);
        }
        (*visited)++;
        all_sequences(f, &after, depth + 1, visited);
        memcpy(hs_at(f->device.space, BASE), kept[depth], size);
    }
}

static void every_short_sequence(void **state)
{
    (void)state;
    const hs_idf_profile *profile;
    for (size_t row = 0; (profile = hs_idf_profile_row(row)) != NULL; row++) {
        fixture f;
        shadow s = {{0}, {0}};
        size_t visited = 0;
        open_space(&f);
        uint32_t size = 128;
        while (!lay_out(&f, profile, size, false) ||
               hs_heap_largest_exact(&f.device, &f.heap) < 100) {
            size += 4;
        }
        all_sequences(&f, &s, 0, &visited);
        assert_int_equal(visited, 8 + 64 + 512 + 4096 + 32768);
        close_space(&f);
    }
}

/* --- Regions of every small length ------------------------------------------------------------ */

static void every_small_region(void **state)
{
    (void)state;
    const hs_idf_profile *profile;
    for (size_t row = 0; (profile = hs_idf_profile_row(row)) != NULL; row++) {
        fixture f;
        open_space(&f);
        for (uint32_t size = 0; size < 2400; size++) {
            if (lay_out(&f, profile, size, false)) {
                assert_null(unsound(&f));
                assert_int_equal(f.heap.end, BASE + size);
                assert_int_not_equal(hs_heap_malloc(&f.device, &f.heap, 4), 0);
                assert_null(unsound(&f));
            } else {
                assert_int_equal(f.heap.base, 0);
            }
        }
        close_space(&f);
    }
}

/* --- Poisoning -------------------------------------------------------------------------------- */

static void poisoned_sizes(void **state)
{
    (void)state;
    fixture f;
    open_space(&f);
    assert_true(lay_out(&f, hs_idf_profile_find("v5.2"), 1024, true));
    uint32_t before = hs_heap_free_size(&f.device, &f.heap);
    hs_addr a = hs_heap_malloc(&f.device, &f.heap, 4);
    hs_addr b = hs_heap_malloc(&f.device, &f.heap, 100);
    expect_heap(&f, "U16 U112 F608");
    assert_int_equal(hs_heap_usable(&f.device, &f.heap, b), 100);
    assert_int_equal(before - hs_heap_free_size(&f.device, &f.heap), 16 + 112 + 2 * 4);
    assert_int_equal(hs_heap_realloc(&f.device, &f.heap, b, 90), b);
    assert_int_equal(hs_heap_realloc(&f.device, &f.heap, b, 0xfffffff8), 0);
    assert_int_equal(hs_heap_malloc(&f.device, &f.heap, 0xfffffff8), 0);
    assert_int_equal(hs_heap_malloc(&f.device, &f.heap, 0), 0);
    assert_int_equal(hs_heap_aligned(&f.device, &f.heap, 0xfffffff8, 16), 0);
    hs_addr c = hs_heap_aligned(&f.device, &f.heap, 20, 64);
    assert_int_equal(c % 64, 0);
    assert_true(hs_heap_check(&f.device, &f.heap));
    uint8_t *behind = (uint8_t *)hs_at(f.device.space, a) + 4;
    uint8_t canary = *behind;
    *behind = 0; /* one byte too far */
    assert_false(hs_heap_check(&f.device, &f.heap));
    assert_int_equal(f.device.crash, HS_CRASH_NONE);
    *behind = canary;
    assert_true(hs_heap_check(&f.device, &f.heap));
    *behind = 0;
    hs_heap_free(&f.device, &f.heap, a);
    assert_int_equal(f.device.crash, HS_CRASH_CANARY);
    assert_int_equal(f.device.crash_at, a);
    close_space(&f);
}

/* With the canaries the size must not wrap; one less is cut as any size beyond the classes. */
static void poisoned_sizes_that_wrap(void **state)
{
    (void)state;
    fixture f;
    open_space(&f);
    assert_true(lay_out(&f, hs_idf_profile_find("v4.4.1"), 4096, true));
    hs_heap_malloc(&f.device, &f.heap, 100);
    hs_addr a = hs_heap_malloc(&f.device, &f.heap, 100);
    assert_int_equal(hs_heap_realloc(&f.device, &f.heap, a, 0xfffffff4), 0);
    assert_false(f.device.cut);
    assert_int_equal(hs_heap_realloc(&f.device, &f.heap, a, 0xfffffff3), a);
    assert_true(f.device.cut);
    close_space(&f);
}

/* What is aligned is not the block, but what lies `offset` bytes in it. */
static void aligned_offsets(void **state)
{
    (void)state;
    fixture f;
    for (int poisoned = 0; poisoned <= 1; poisoned++) {
        for (uint32_t align = 8; align <= 1024; align *= 2) {
            open_space(&f);
            assert_true(lay_out(&f, hs_idf_profile_find("v5.5"), 8192, poisoned));
            for (uint32_t offset = 0; offset <= 16; offset += 4) {
                hs_addr block = hs_heap_aligned_at(&f.device, &f.heap, 100, align, offset);
                assert_int_not_equal(block, 0);
                assert_int_equal((block + offset) % align, 0);
                assert_true(hs_heap_usable(&f.device, &f.heap, block) >= 100);
                assert_true(hs_heap_check(&f.device, &f.heap));
            }
            for (uint32_t offset = 1; offset < 4; offset++) {
                assert_int_equal(hs_heap_aligned_at(&f.device, &f.heap, 100, align, offset), 0);
            }
            close_space(&f);
        }
    }
}

static void poisoned_wild_pointers(void **state)
{
    (void)state;
    fixture f;
    open_space(&f);
    assert_true(lay_out(&f, hs_idf_profile_find("v4.4"), 4096, true));
    assert_int_equal(hs_heap_usable(&f.device, &f.heap, BASE), 0);
    assert_int_equal(f.device.crash, HS_CRASH_NOT_USED);
    assert_int_equal(hs_heap_realloc(&f.device, &f.heap, BASE + 2, 8), 0);
    close_space(&f);
}

/* --- Claims ----------------------------------------------------------------------------------- */

static void claims_for(const char *release, uint32_t overhead)
{
    fixture f;
    open_space(&f);
    assert_true(lay_out(&f, hs_idf_profile_find(release), overhead + 1000, false));
    expect_heap(&f, "F1000");
    hs_addr first = f.heap.first + 4;
    assert_false(hs_heap_claim(&f.device, &f.heap, first + 4, 100)); /* no room in front */
    assert_false(hs_heap_claim(&f.device, &f.heap, first, 996));     /* none behind */
    assert_false(hs_heap_claim(&f.device, &f.heap, first, 1004));    /* too long */
    assert_false(hs_heap_claim(&f.device, &f.heap, first + 2, 100)); /* not a word */
    assert_false(hs_heap_claim(&f.device, &f.heap, first, 102));
    assert_false(hs_heap_claim(&f.device, &f.heap, first, 0));
    assert_false(hs_heap_claim(&f.device, &f.heap, first + 5000, 16));
    assert_false(hs_heap_claim(&f.device, &f.heap, BASE, 16));
    expect_heap(&f, "F1000");
    assert_true(hs_heap_claim(&f.device, &f.heap, first + 104, 200));
    expect_heap(&f, "F100 U200 F692");
    assert_false(hs_heap_claim(&f.device, &f.heap, first + 104, 200)); /* taken */
    assert_true(hs_heap_claim(&f.device, &f.heap, first, 100));
    assert_true(hs_heap_claim(&f.device, &f.heap, first + 308 + 92, 600));
    expect_heap(&f, "U100 U200 F88 U600");
    assert_true(hs_heap_claim(&f.device, &f.heap, first + 308, 88));
    expect_heap(&f, "U100 U200 U88 U600");
    hs_heap_free(&f.device, &f.heap, first + 308);
    hs_heap_free(&f.device, &f.heap, first);
    hs_heap_free(&f.device, &f.heap, first + 104);
    hs_heap_free(&f.device, &f.heap, first + 308 + 92);
    expect_heap(&f, "F1000");
    close_space(&f);
}

static void claims(void **state)
{
    (void)state;
    claims_for("v3.3", 36);
    claims_for("v4.4", 1632);
    claims_for("v5.2", 20 + 288 + 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_operations),        cmocka_unit_test(every_short_sequence),
        cmocka_unit_test(every_small_region),       cmocka_unit_test(poisoned_sizes),
        cmocka_unit_test(poisoned_sizes_that_wrap), cmocka_unit_test(aligned_offsets),
        cmocka_unit_test(poisoned_wild_pointers),   cmocka_unit_test(claims),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

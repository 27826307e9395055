/* The device space: alignment, zeroed commits, faults outside them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "space.h"

static void aligned_and_zero(void **state)
{
    (void)state;
    uint8_t *space = hs_space_create();
    assert_non_null(space);
    assert_int_equal((uintptr_t)space & 0xffffffffu, 0);
    assert_int_equal(hs_space_commit(space, 0x3ffe4350, 113840), 0);
    uint8_t *first = hs_at(space, 0x3ffe4350);
    assert_int_equal(first[0], 0);
    assert_int_equal(first[113839], 0);
    first[5] = 42;
    assert_int_equal(hs_space_commit(space, 0x3ffe4350, 16), 0);
    assert_int_equal(first[5], 42);
    assert_int_equal(hs_addr_of(first + 5), 0x3ffe4355);
    assert_ptr_equal(hs_at(first + 5, 0x3ffe4350), first);
    hs_space_destroy(space);
}

static void two_boards_do_not_meet(void **state)
{
    (void)state;
    void *a = hs_space_create();
    void *b = hs_space_create();
    assert_ptr_not_equal(a, b);
    hs_space_commit(a, 0xfffff000u, 4096);
    hs_space_commit(b, 0xfffff000u, 4096);
    *(uint8_t *)hs_at(a, 0xffffffffu) = 1;
    assert_int_equal(*(uint8_t *)hs_at(b, 0xffffffffu), 0);
    hs_space_destroy(a);
    hs_space_destroy(b);
    hs_space_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(aligned_and_zero),
        cmocka_unit_test(two_boards_do_not_meet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

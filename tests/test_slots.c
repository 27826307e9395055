/* Slots against a plain array of what should be there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "slots.h"

static void low_and_high_numbers(void **state)
{
    (void)state;
    hs_slots slots;
    hs_slots_init(&slots);
    assert_null(hs_slots_find(&slots, 0));
    assert_null(hs_slots_find(&slots, UINT32_MAX));
    hs_slots_remove(&slots, 5);
    hs_slots_add(&slots, 0)->size = 10;
    hs_slots_add(&slots, UINT32_MAX)->size = 20;
    hs_slots_add(&slots, HS_SLOTS_LOW_MAX)->size = 30;
    hs_slots_add(&slots, HS_SLOTS_LOW_MAX - 1)->size = 40;
    assert_int_equal(slots.live, 4);
    assert_int_equal(hs_slots_find(&slots, 0)->size, 10);
    assert_int_equal(hs_slots_find(&slots, UINT32_MAX)->size, 20);
    assert_int_equal(hs_slots_find(&slots, HS_SLOTS_LOW_MAX)->size, 30);
    assert_int_equal(hs_slots_find(&slots, HS_SLOTS_LOW_MAX - 1)->state, HS_SLOT_LIVE);
    hs_slots_remove(&slots, UINT32_MAX);
    hs_slots_remove(&slots, 0);
    assert_null(hs_slots_find(&slots, UINT32_MAX));
    assert_null(hs_slots_find(&slots, 0));
    assert_int_equal(slots.live, 2);
    hs_slots_release(&slots);
    assert_int_equal(slots.live, 0);
}

enum { NUMBERS = 3000 };

/* Numbers that meet in the hash table: near each other, far apart, around the end. */
static uint32_t number_of(uint32_t i)
{
    switch (i % 3) {
    case 0:
        return HS_SLOTS_LOW_MAX + i;
    case 1:
        return UINT32_MAX - i * 128;
    default:
        return i;
    }
}

typedef struct walk {
    uint32_t last;
    unsigned count;
} walk;

static void ascending(void *context, uint32_t number, const hs_slot *slot)
{
    walk *w = context;
    assert_true(w->count == 0 || number > w->last);
    assert_int_equal(slot->size, number ^ 0x5a5a5a5au);
    w->last = number;
    w->count++;
}

static void random_against_an_array(void **state)
{
    (void)state;
    static bool live[NUMBERS];
    hs_slots slots;
    uint32_t seed = 20261122;
    unsigned count = 0;
    print_message("seed %u\n", seed);
    hs_slots_init(&slots);
    for (int step = 0; step < 200000; step++) {
        seed = seed * 1664525u + 1013904223u;
        uint32_t i = (seed >> 10) % NUMBERS;
        uint32_t number = number_of(i);
        hs_slot *slot = hs_slots_find(&slots, number);
        assert_int_equal(slot != NULL, live[i]);
        if (slot != NULL) {
            assert_int_equal(slot->size, number ^ 0x5a5a5a5au);
            hs_slots_remove(&slots, number);
            count--;
        } else {
            hs_slots_add(&slots, number)->size = number ^ 0x5a5a5a5au;
            count++;
        }
        live[i] = !live[i];
        assert_int_equal(slots.live, count);
    }
    walk w = {0, 0};
    assert_int_equal(hs_slots_visit(&slots, ascending, &w), 0);
    assert_int_equal(w.count, count);
    hs_slots_release(&slots);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(low_and_high_numbers),
        cmocka_unit_test(random_against_an_array),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

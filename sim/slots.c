#include "slots.h"

#include <stdlib.h>
#include <string.h>

#include "copy_array.h"
#include "hash_seed.h"

enum { LOW_FIRST = 256, HIGH_FIRST = 64 };

void hs_slots_init(hs_slots *slots)
{
    memset(slots, 0, sizeof *slots);
}

void hs_slots_release(hs_slots *slots)
{
    free(slots->low);
    free(slots->keys);
    free(slots->high);
    hs_slots_init(slots);
}

/* Multiply-shift hashing: any two numbers collide with a chance of 2 in the table's size. */
static uint32_t home(const hs_slots *slots, uint32_t number)
{
    return (uint32_t)(number * slots->seed >> 32) & (slots->high_size - 1);
}

/* The place of the number, or the free place where it would go. */
static uint32_t probe(const hs_slots *slots, uint32_t number)
{
    uint32_t at = home(slots, number);
    while (slots->high[at].state != HS_SLOT_NONE && slots->keys[at] != number) {
        at = (at + 1) & (slots->high_size - 1);
    }
    return at;
}

hs_slot *hs_slots_find_high(hs_slots *slots, uint32_t number)
{
    if (slots->high_used == 0) {
        return NULL;
    }
    hs_slot *slot = &slots->high[probe(slots, number)];
    return slot->state != HS_SLOT_NONE ? slot : NULL;
}

static int grow_low(hs_slots *slots, uint32_t number)
{
    uint32_t size = slots->low_size != 0 ? slots->low_size : LOW_FIRST;
    while (size <= number) {
        size *= 2;
    }
    hs_slot *low = realloc(slots->low, size * sizeof *low);
    if (low == NULL) {
        return -1;
    }
    for (uint32_t i = slots->low_size; i < size; i++) {
        low[i].state = HS_SLOT_NONE;
    }
    slots->low = low;
    slots->low_size = size;
    return 0;
}

/* Keeps the table at most half full, so that probes stay short. */
static int grow_high(hs_slots *slots)
{
    if ((uint64_t)(slots->high_used + 1) * 2 <= slots->high_size) {
        return 0;
    }
    hs_slots bigger = *slots;
    bigger.seed = hs_hash_seed();
    bigger.high_size = slots->high_size != 0 ? slots->high_size * 2 : HIGH_FIRST;
    if (bigger.high_size == 0) {
        return -1;
    }
    bigger.keys = calloc(bigger.high_size, sizeof *bigger.keys);
    bigger.high = calloc(bigger.high_size, sizeof *bigger.high);
    if (bigger.keys == NULL || bigger.high == NULL) {
        free(bigger.keys);
        free(bigger.high);
        return -1;
    }
    for (uint32_t i = 0; i < slots->high_size; i++) {
        if (slots->high[i].state != HS_SLOT_NONE) {
            uint32_t at = probe(&bigger, slots->keys[i]);
            bigger.keys[at] = slots->keys[i];
            bigger.high[at] = slots->high[i];
        }
    }
    free(slots->keys);
    free(slots->high);
    *slots = bigger;
    return 0;
}

hs_slot *hs_slots_make(hs_slots *slots, uint32_t number)
{
    if (number < HS_SLOTS_LOW_MAX) {
        return grow_low(slots, number) == 0 ? &slots->low[number] : NULL;
    }
    if (grow_high(slots) != 0) {
        return NULL;
    }
    uint32_t at = probe(slots, number);
    if (slots->high[at].state == HS_SLOT_NONE) {
        slots->keys[at] = number;
        slots->high_used++;
    }
    return &slots->high[at];
}

/* Linear probing without tombstones: what follows moves back over the hole. */
static void close_hole(hs_slots *slots, uint32_t hole)
{
    uint32_t mask = slots->high_size - 1;
    for (uint32_t at = (hole + 1) & mask; slots->high[at].state != HS_SLOT_NONE;
         at = (at + 1) & mask) {
        uint32_t from_home = (at - home(slots, slots->keys[at])) & mask;
        if (from_home >= ((at - hole) & mask)) {
            slots->keys[hole] = slots->keys[at];
            slots->high[hole] = slots->high[at];
            hole = at;
        }
    }
    slots->high[hole].state = HS_SLOT_NONE;
}

void hs_slots_remove_high(hs_slots *slots, uint32_t number)
{
    hs_slot *slot = number < HS_SLOTS_LOW_MAX ? NULL : hs_slots_find_high(slots, number);
    if (slot != NULL) {
        slots->live--;
        slots->high_used--;
        close_hole(slots, (uint32_t)(slot - slots->high));
    }
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static int visit_high(const hs_slots *slots,
                      void (*visit)(void *context, uint32_t number, const hs_slot *slot),
                      void *context)
{
    uint32_t *numbers = malloc(slots->high_used * sizeof *numbers);
    if (numbers == NULL) {
        return -1;
    }
    size_t count = 0;
    for (uint32_t i = 0; i < slots->high_size; i++) {
        if (slots->high[i].state != HS_SLOT_NONE) {
            numbers[count++] = slots->keys[i];
        }
    }
    qsort(numbers, count, sizeof *numbers, by_number);
    for (size_t i = 0; i < count; i++) {
        visit(context, numbers[i], &slots->high[probe(slots, numbers[i])]);
    }
    free(numbers);
    return 0;
}

int hs_slots_visit(const hs_slots *slots,
                   void (*visit)(void *context, uint32_t number, const hs_slot *slot),
                   void *context)
{
    uint64_t left = slots->live - slots->high_used;
    for (uint32_t i = 0; left != 0; i++) {
        if (slots->low[i].state != HS_SLOT_NONE) {
            visit(context, i, &slots->low[i]);
            left--;
        }
    }
    return slots->high_used != 0 ? visit_high(slots, visit, context) : 0;
}

int hs_slots_copy(hs_slots *to, const hs_slots *from)
{
    *to = *from;
    to->low =
        from->low_size != 0 ? hs_copy_array(from->low, from->low_size, sizeof *to->low) : NULL;
    to->keys = NULL;
    to->high = NULL;
    if (from->high_size != 0) {
        to->keys = hs_copy_array(from->keys, from->high_size, sizeof *to->keys);
        to->high = hs_copy_array(from->high, from->high_size, sizeof *to->high);
    }
    bool ok = (to->low != NULL || from->low_size == 0) &&
              ((to->keys != NULL && to->high != NULL) || from->high_size == 0);
    if (!ok) {
        hs_slots_release(to);
        return -1;
    }
    return 0;
}

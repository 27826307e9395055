/* The rules of policies. A new rule for the size of an area is a function and a row of `rules`;
 * scenarios/README.md, "Write a policy", shows one being added. */
#include "board.h"

static uint32_t rule_bytes(hs_board *board, uint32_t value)
{
    (void)board;
    return value;
}

/* Of heap_caps_get_total_size(8BIT), rounded down, as v1.19 computes total / 2. */
static uint32_t rule_percent(hs_board *board, uint32_t value)
{
    return (uint32_t)((uint64_t)hs_caps_total_size(&board->caps, HS_CAP_8BIT) * value / 100);
}

static uint32_t rule_largest(hs_board *board, uint32_t value)
{
    (void)value;
    return hs_caps_largest_free_block(&board->caps, HS_CAP_8BIT);
}

static uint32_t (*const rules[])(hs_board *board, uint32_t value) = {
    [HS_TERM_BYTES] = rule_bytes,
    [HS_TERM_PERCENT] = rule_percent,
    [HS_TERM_LARGEST] = rule_largest,
};

uint32_t hs_policy_term_bytes(hs_board *board, const hs_policy_term *term)
{
    return rules[term->kind](board, term->value);
}

/* The ESP32 port answers heap_caps_get_largest_free_block(MALLOC_CAP_DEFAULT). */
uint32_t hs_policy_max_new_split(hs_board *board)
{
    if (board->bare) {
        return board->bare_split;
    }
    if (board->policy == NULL || !board->policy->grow) {
        return 0;
    }
    return hs_caps_largest_free_block(&board->caps, HS_CAP_DEFAULT);
}

hs_addr hs_policy_grow(hs_board *board, uint32_t bytes)
{
    if (board->bare) {
        hs_addr area = board->bare_area_size == bytes ? board->bare_area : 0;
        board->bare_area = 0;
        return area;
    }
    uint32_t keep = board->policy->keep_free;
    if (keep != 0) {
        uint32_t free_bytes = hs_caps_free_size(&board->caps, HS_CAP_8BIT);
        if (free_bytes < keep || free_bytes - keep < bytes) {
            return 0;
        }
    }
    return hs_caps_malloc_default(&board->caps, bytes);
}

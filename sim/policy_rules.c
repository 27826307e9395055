/* The rules of policies: what the size of an area may be named by, beside bytes and percent, and
 * what growth may take. A rule more is a function and a row of `rules`; scenarios/README.md, "Write
 * a policy", adds one. */
#include "board.h"

/* heap_caps_get_largest_free_block(8BIT), as the device prints it. */
static uint32_t rule_largest(hs_board *board)
{
    return hs_caps_largest_free_block(&board->caps, HS_CAP_8BIT);
}

static const struct rule {
    const char *word;                   /* in gc.initial */
    uint32_t (*bytes)(hs_board *board); /* at the moment when the area is taken */
} rules[] = {
    {"largest", rule_largest},
};

const char *hs_policy_rule_word(uint32_t rule)
{
    return rule < sizeof rules / sizeof rules[0] ? rules[rule].word : NULL;
}

/* heap_caps_get_total_size(8BIT) is rounded down, as v1.19 computes total / 2. */
uint32_t hs_policy_term_bytes(hs_board *board, const hs_policy_term *term)
{
    switch (term->kind) {
    case HS_TERM_PERCENT:
        return (uint32_t)((uint64_t)hs_caps_total_size(&board->caps, HS_CAP_8BIT) * term->value /
                          100);
    case HS_TERM_RULE:
        return rules[term->value].bytes(board);
    default:
        return term->value;
    }
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
        bool fits = board->bare_area_size == bytes &&
                    !hs_board_area_overlaps(board, board->bare_area, bytes);
        hs_addr area = fits ? board->bare_area : 0;
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

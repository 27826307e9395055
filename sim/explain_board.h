/* Boards that are not: the case's board with more or less memory in its regions. */
#ifndef HS_EXPLAIN_BOARD_H
#define HS_EXPLAIN_BOARD_H

#include "explain_case.h"

typedef struct hs_other_board {
    hs_layout layout; /* what `board` points to */
    hs_board *board;
} hs_other_board;

/* Boots the layout with region i longer by more[i] bytes at its end (multiples of 16; an entry for
 * each region of the layout), free when the application starts. Regions above move up, far enough
 * not to touch, so that they keep their order, and their blocks with them; regions that the
 * firmware adds late stay where they are. NULL with *error when that cannot be a board of the chip.
 */
hs_other_board *hs_board_enlarged(const hs_case *c, const uint32_t *more, hs_error *error);

/* The booted board with less[i] bytes (multiples of 4) of region i taken by somebody else: at the
 * end of its largest free block, then of the next. NULL with *error when it has not that much. */
hs_other_board *hs_board_reduced(const hs_case *c, const uint32_t *less, hs_error *error);

void hs_other_board_destroy(hs_other_board *other); /* NULL is ignored */

/* The heap that region i of the layout became, or NULL: too small, or merged with its neighbour. */
const hs_caps_heap *hs_region_heap(const hs_case *c, size_t region);

/* Free bytes of a heap, the header of each free block included. */
uint64_t hs_region_room(const hs_case *c, const hs_caps_heap *heap);

#endif

#include "import_board.h"

#include <stdlib.h>
#include <string.h>

hs_fact *hs_import_fact(hs_import *import, enum hs_fact_kind kind, bool fresh, size_t count,
                        const uint64_t *values)
{
    hs_import_board *board = import->board;
    if (board->count == board->room) {
        size_t room = board->room == 0 ? 128 : board->room * 2;
        hs_fact *larger = realloc(board->facts, room * sizeof *larger);
        if (larger == NULL) {
            import->no_memory = true;
            return NULL;
        }
        board->facts = larger;
        board->room = room;
    }
    board->group += fresh ? 1 : 0;
    hs_fact *fact = &board->facts[board->count++];
    memset(fact, 0, sizeof *fact);
    fact->kind = (uint8_t)kind;
    fact->count = (uint8_t)count;
    fact->group = board->group;
    fact->line = import->line;
    if (count != 0) {
        memcpy(fact->value, values, count * sizeof *values);
    }
    return fact;
}

hs_fact *hs_import_last_fact(hs_import *import, enum hs_fact_kind kind)
{
    hs_import_board *board = import->board;
    return board->count != 0 && board->facts[board->count - 1].kind == kind
               ? &board->facts[board->count - 1]
               : NULL;
}

void hs_import_board_damaged(hs_import *import)
{
    import->board->damaged++;
    import->report->damaged++;
}

void hs_import_board_release(hs_import_board *board)
{
    if (board != NULL) {
        free(board->facts);
        free(board);
    }
}

/* Layouts: what is accepted must boot on a board. */
#include <stdbool.h>

#include "fuzz.h"
#include "session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    hs_error error = {.text = ""};
    hs_layout *layout = hs_layout_load(fuzz_file(data, size), &error);
    fuzz_require((layout == NULL) == (error.text[0] != 0), "an error without its message");
    if (layout != NULL && layout->boot != HS_BOOT_TRACE) {
        hs_board *board = hs_session_boot(layout, &error);
        fuzz_require(board == NULL || hs_caps_check(&board->caps), "an unsound board");
        fuzz_require((board == NULL) == (error.text[0] != 0), "an error without its message");
        hs_board_destroy(board);
    }
    hs_layout_free(layout);
    return 0;
}

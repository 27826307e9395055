/* Traces replayed: a byte for layout and policy, then a trace of any form. Whatever it asks for,
 * heap and collector stay sound while the device runs. */
#include <stdbool.h>

#include "fuzz.h"
#include "session.h"

#define LAYOUT(name) SOURCE_DIR "/scenarios/layouts/" name ".yaml"
#define POLICY(name) SOURCE_DIR "/scenarios/policies/" name ".yaml"

static const char *const boards[][2] = {
    {LAYOUT("pico-d4"), POLICY("micropython-v1.19")},  {LAYOUT("pico-d4"), POLICY("tracked-tls")},
    {LAYOUT("esp32-v5"), POLICY("micropython-v1.22")}, {LAYOUT("esp32-idf3"), POLICY("none")},
    {LAYOUT("esp32-s3"), POLICY("micropython-v1.25")}, {LAYOUT("pico-d4"), POLICY("placeholder")},
};
enum { BOARDS = sizeof boards / sizeof boards[0] };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    hs_error error = {.text = ""};
    if (size == 0) {
        return 0;
    }
    const char *const *board = boards[data[0] % BOARDS];
    hs_session *session = hs_session_open(board[0], board[1], &error);
    fuzz_require(session != NULL, error.text);
    int result = hs_session_replay(session, fuzz_file(data + 1, size - 1), &error);
    if (result == 0) {
        result = hs_session_finish(session, &error);
    }
    fuzz_require((result == 0) == (error.text[0] == 0), "an error without its message");
    hs_board *b = session->board;
    bool runs = b->caps.device.crash == HS_CRASH_NONE && !b->caps.device.cut;
    hs_addr where = 0;
    fuzz_require(!runs || hs_caps_check(&b->caps), "an unsound heap");
    fuzz_require(!runs || !b->has_gc || hs_gc_check(&b->gc, &where) == NULL,
                 "an unsound collector");
    hs_session_close(session);
    return 0;
}

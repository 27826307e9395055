/* A program outside the project that uses the installed library: replays three events of its own
 * making and a shipped trace. */
#include <heapsim.h>
#include <stdlib.h>
#include <string.h>

static int own_events(hs_session *session, hs_error *error)
{
    hs_trace_owner owner = {"mine", HS_HEAP_IDF, 1u << 12};
    const hs_trace_header header = {.owners = &owner, .owner_count = 1};
    const hs_event events[] = {{.op = HS_OP_ALLOC, .slot = 1, .size = 100},
                               {.op = HS_OP_REALLOC, .slot = 1, .size = 5000},
                               {.op = HS_OP_FREE, .slot = 1}};
    if (hs_session_begin(session, "own events", &header, error) != 0) {
        return -1;
    }
    for (size_t i = 0; i < 3; i++) {
        hs_outcome outcome;
        if (hs_session_step(session, &events[i], &outcome, error) != 0) {
            return -1;
        }
        printf("%u %08x\n", events[i].op, outcome.address);
    }
    return hs_session_end(session, error);
}

int main(void)
{
    hs_error error = {{0}};
    hs_session *session = hs_session_open("pico-d4", NULL, &error);
    if (session == NULL || own_events(session, &error) != 0 ||
        hs_session_replay(session, "https.trace", &error) != 0 ||
        hs_session_finish(session, &error) != 0) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    char *json = hs_session_json(session);
    puts(json != NULL && strstr(json, "\"outcome\": \"completed\"") != NULL ? "completed" : "?");
    free(json);
    hs_session_close(session);
    return 0;
}

#include "probe.h"

#include <string.h>

#include "device/chip.h"

#define SOCKETS_MAX 4096u

bool hs_probe_routed(const hs_board *board)
{
    return board->has_gc && board->policy != NULL &&
           hs_policy_route_of(board->policy, "mbedtls", HS_ROUTE_IDF) == HS_ROUTE_GC;
}

static hs_addr take(hs_board *board, bool routed, uint32_t size)
{
    return routed ? hs_gc_tracked_alloc(&board->gc, size)
                  : hs_caps_malloc(&board->caps, size, HS_CAP_INTERNAL | HS_CAP_8BIT);
}

static void give(hs_board *board, bool routed, hs_addr block)
{
    if (routed && block != 0) {
        hs_gc_tracked_free(&board->gc, block);
    } else {
        hs_caps_free(&board->caps, block);
    }
}

static uint32_t sockets(hs_board *board, bool routed)
{
    static _Thread_local hs_addr in[SOCKETS_MAX], out[SOCKETS_MAX];
    if (board->bare || board->caps.device.crash != HS_CRASH_NONE) {
        return 0;
    }
    uint32_t count = 0;
    for (; count < SOCKETS_MAX; count++) {
        in[count] = take(board, routed, HS_PROBE_TLS_IN);
        out[count] = in[count] != 0 ? take(board, routed, HS_PROBE_TLS_OUT) : 0;
        if (out[count] == 0) {
            give(board, routed, in[count]);
            break;
        }
    }
    for (uint32_t i = count; i > 0; i--) {
        give(board, routed, out[i - 1]);
        give(board, routed, in[i - 1]);
    }
    return count;
}

uint32_t hs_probe_sockets(hs_run *run)
{
    return sockets(run->board, hs_probe_routed(run->board));
}

uint32_t hs_probe_idf_sockets(hs_board *board)
{
    return sockets(board, false);
}

uint64_t hs_probe_python(hs_run *run)
{
    hs_board *board = run->board;
    uint64_t bytes = 0;
    if (!board->has_gc || board->caps.device.crash != HS_CRASH_NONE) {
        return 0;
    }
    /* The tracked allocator's header of 8 bytes is part of the object. */
    while (hs_gc_tracked_alloc(&board->gc, HS_PROBE_PYTHON - 8) != 0) {
        bytes += HS_PROBE_PYTHON;
    }
    return bytes;
}

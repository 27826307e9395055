/* Probes: how much more would fit, found by really allocating it on a board that is given up. */
#ifndef HS_PROBE_H
#define HS_PROBE_H

#include "run.h"

/* The two buffers of one TLS socket of mbedTLS as ESP-IDF configures it, 16384 bytes in and 4096
 * out with their headers: captured (traces/https.trace, its first two allocations). */
#define HS_PROBE_TLS_IN  16717u
#define HS_PROBE_TLS_OUT 4429u
#define HS_PROBE_PYTHON  1024u /* bytes of one Python object, header included */

/* Further TLS sockets (metric `sockets`): pairs allocated until one fails, then all freed. Taken
 * from internal 8BIT memory, or from the GC heap when the policy routes mbedtls there; then the run
 * is one whose board may collect. Changes the board: for a copy, or a run that is over. */
uint32_t hs_probe_sockets(hs_run *run);

/* The same on a copy of the board alone, for policies that leave mbedtls to the IDF heap. */
uint32_t hs_probe_idf_sockets(hs_board *board);
bool hs_probe_routed(const hs_board *board); /* whether mbedtls lives in the GC heap */

/* Bytes that Python could still allocate (metric `python_free`), with growth and collections. 0
 * without a collector. Changes the board for good. */
uint64_t hs_probe_python(hs_run *run);

#endif

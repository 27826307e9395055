/* TLSF (IDF from v4.3 on) as a state machine. */
#include "fuzz_heap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_heap(HS_ALLOCATOR_TLSF, data, size);
    return 0;
}

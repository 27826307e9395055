/* The list heap (IDF up to v4.2) as a state machine. */
#include "fuzz_heap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_heap(HS_ALLOCATOR_LIST, data, size);
    return 0;
}

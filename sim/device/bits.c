#include "bits.h"

#ifndef HS_BIT_INSTRUCTIONS
uint32_t hs_highest_bit(uint32_t x)
{
    uint32_t bit = 0;
    for (uint32_t step = 16; step != 0; step >>= 1) {
        if (x >> step != 0) {
            x >>= step;
            bit += step;
        }
    }
    return bit;
}
#else
typedef int hs_bits_are_instructions; /* a file of C holds at least one declaration */
#endif

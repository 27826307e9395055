/* The lowest and the highest bit that is set in a word. */
#ifndef HS_DEVICE_BITS_H
#define HS_DEVICE_BITS_H

#include <stdint.h>

#if (defined(__riscv) && !defined(__riscv_zbb)) || (defined(__thumb__) && !defined(__thumb2__))
/* No such instruction: the compiler would call its own library. `x` is not 0. */
uint32_t hs_highest_bit(uint32_t x);

static inline uint32_t hs_lowest_bit(uint32_t x)
{
    return hs_highest_bit(x & (~x + 1));
}
#else
static inline uint32_t hs_highest_bit(uint32_t x)
{
    return 31u ^ (uint32_t)__builtin_clz(x);
}

static inline uint32_t hs_lowest_bit(uint32_t x)
{
    return (uint32_t)__builtin_ctz(x);
}
#define HS_BIT_INSTRUCTIONS 1
#endif

/* All bits but number `n`: a rotation, where ~(1u << n) is a shift and a NOT. */
static inline uint32_t hs_all_but(uint32_t n)
{
    return ~1u << n | ~1u >> (-n & 31);
}

#endif

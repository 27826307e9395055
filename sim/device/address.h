/* Device addresses: the one place where a 32-bit address becomes memory.
 *
 * Everything in sim/device keeps addresses as 32-bit numbers, as the chip does. On a 64-bit host
 * a board owns a reservation of the whole 4 GiB device space, aligned to 4 GiB, so that the upper
 * half of any pointer into it names the board and the lower half is the device address. On a
 * 32-bit target an address is a pointer and both functions compile to nothing.
 */
#ifndef HS_DEVICE_ADDRESS_H
#define HS_DEVICE_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A device address in bytes; 0 is the device's NULL. */
typedef uint32_t hs_addr;

/* Added to a device address to find the memory behind it. Only an emulated machine whose RAM lies
 * elsewhere than the chip's sets it; 0 everywhere else. */
#ifndef HS_ADDRESS_BIAS
#define HS_ADDRESS_BIAS 0u
#endif

#if UINTPTR_MAX > 0xffffffffu
#define HS_SPACE_MASK (~(uintptr_t)0xffffffffu)
#else
#define HS_SPACE_MASK ((uintptr_t)0)
#endif

/* The memory behind address `a` in the device space that `space` (any pointer into it) belongs to.
 * O(1), none to two operations on a host, none on a target. `a` == 0 is not checked. A sum, not an
 * OR: processors add while they address. */
static inline void *hs_at(const void *space, hs_addr a)
{
    return (void *)(((uintptr_t)space & HS_SPACE_MASK) +
                    (uintptr_t)(uint32_t)(a + HS_ADDRESS_BIAS));
}

/* The same where `base` is the first byte of the space: one operation less. */
static inline void *hs_at_base(void *base, hs_addr a)
{
#if UINTPTR_MAX > 0xffffffffu
    return (uint8_t *)base + (uint32_t)(a + HS_ADDRESS_BIAS);
#else
    return hs_at(base, a);
#endif
}

/* The device address of `p`, which points into a device space. */
static inline hs_addr hs_addr_of(const void *p)
{
    return (hs_addr)((uint32_t)(uintptr_t)p - HS_ADDRESS_BIAS);
}

#endif

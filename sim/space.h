/* A board's 4 GiB device address space on a 64-bit host: reserved whole, committed by region. */
#ifndef HS_SPACE_H
#define HS_SPACE_H

#include "device/address.h"

/* Reserves 4 GiB of address space aligned to 4 GiB. No memory is used until a region is committed;
 * a stray access faults, as on the chip. NULL with errno set when the host refuses. The caller
 * releases it with hs_space_destroy(). Threads may each own any number of spaces. */
void *hs_space_create(void);

/* Makes [start, start+size) readable, writable and zero. Rounded outward to host pages. Zero, or
 * -1 with errno set. Committing a range twice is harmless and keeps its contents. */
int hs_space_commit(void *space, hs_addr start, uint32_t size);

/* Releases the reservation and all that was committed in it. NULL is ignored. */
void hs_space_destroy(void *space);

#endif

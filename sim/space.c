#include "space.h"

#include <sys/mman.h>
#include <unistd.h>

#define SPACE_SIZE ((size_t)1 << 32)

void *hs_space_create(void)
{
    /* mmap gives no alignment, so twice the size is asked for and the rest returned. */
    uint8_t *raw =
        mmap(NULL, 2 * SPACE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (raw == MAP_FAILED) {
        return NULL;
    }
    size_t head = (SPACE_SIZE - ((uintptr_t)raw & (SPACE_SIZE - 1))) & (SPACE_SIZE - 1);
    if (head != 0) {
        munmap(raw, head);
    }
    if (SPACE_SIZE - head != 0) {
        munmap(raw + head + SPACE_SIZE, SPACE_SIZE - head);
    }
    return raw + head;
}

int hs_space_commit(void *space, hs_addr start, uint32_t size)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t first = (uintptr_t)hs_at(space, start) & ~(page - 1);
    uintptr_t end = ((uintptr_t)space + start + size + page - 1) & ~(page - 1);
    return mprotect((void *)first, end - first, PROT_READ | PROT_WRITE);
}

void hs_space_destroy(void *space)
{
    if (space != NULL) {
        munmap(space, SPACE_SIZE);
    }
}

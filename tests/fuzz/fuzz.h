/* What the fuzz targets share: an input as a file, and giving up on a fault. */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void fuzz_require(bool truth, const char *what)
{
    if (!truth) {
        fprintf(stderr, "fuzz: %s\n", what);
        abort();
    }
}

/* A file in memory. */
struct fuzz_memory {
    int file; /* 0: none yet */
    char path[64];
};

/* The path of the file, which holds the input until the next call. */
static inline const char *fuzz_file_in(struct fuzz_memory *m, const uint8_t *data, size_t size)
{
    if (m->file == 0) {
        m->file = memfd_create("fuzz", 0);
        snprintf(m->path, sizeof m->path, "/proc/self/fd/%d", m->file);
    }
    fuzz_require(m->file > 0 && ftruncate(m->file, 0) == 0 &&
                     pwrite(m->file, data, size, 0) == (ssize_t)size,
                 "no file in memory");
    return m->path;
}

static inline const char *fuzz_file(const uint8_t *data, size_t size)
{
    static struct fuzz_memory memory;
    return fuzz_file_in(&memory, data, size);
}

#endif

#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

enum { BUFFER_SIZE = 1 << 16, GZIP_LEVEL = 9, ZSTD_LEVEL = 12 };

struct hs_output {
    hs_output *next; /* of those with a temporary */
    char *path;      /* as the user named it */
    char *target;    /* what the temporary will be renamed to; NULL: written to directly */
    char *temporary; /* NULL: there is none */
    int file;
    bool gzip;
    z_stream z;
    ZSTD_CCtx *zstandard;
    uint64_t size;
    size_t used;
    uint8_t buffer[BUFFER_SIZE];
    uint8_t packed[BUFFER_SIZE];
};

/* Those with a temporary. Signals are blocked where it changes, so that a handler may read it. */
static hs_output *with_temporary;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void begin_change(sigset_t *before)
{
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, before);
    pthread_mutex_lock(&lock);
}

static void end_change(const sigset_t *before)
{
    pthread_mutex_unlock(&lock);
    pthread_sigmask(SIG_SETMASK, before, NULL);
}

void hs_output_remove_temporaries(void)
{
    for (const hs_output *output = with_temporary; output != NULL; output = output->next) {
        unlink(output->temporary);
    }
}

static bool ends_with(const char *name, size_t length, const char *end)
{
    size_t n = strlen(end);
    return length > n && memcmp(name + length - n, end, n) == 0;
}

size_t hs_output_bare_length(const char *name)
{
    size_t length = strlen(name);
    return ends_with(name, length, ".gz")    ? length - 3
           : ends_with(name, length, ".zst") ? length - 4
                                             : length;
}

static int fail(hs_output *output, const char *what, hs_error *error)
{
    hs_error_set(error, output->path, 0, "cannot be written: %s", what);
    return -1;
}

/* A temporary beside the target, with the permissions that a new file would have. */
static int open_temporary(hs_output *output)
{
    size_t length = strlen(output->target) + sizeof ".XXXXXX";
    output->temporary = malloc(length);
    if (output->temporary == NULL) {
        return -1;
    }
    snprintf(output->temporary, length, "%s.XXXXXX", output->target);
    sigset_t before;
    begin_change(&before);
    output->file = mkostemp(output->temporary, O_CLOEXEC);
    if (output->file >= 0) {
        output->next = with_temporary;
        with_temporary = output;
    }
    end_change(&before);
    if (output->file < 0) {
        free(output->temporary);
        output->temporary = NULL;
        return -1;
    }
    mode_t mask = umask(0);
    umask(mask);
    return fchmod(output->file, 0666 & ~mask);
}

static int open_file(hs_output *output, hs_error *error)
{
    if (strcmp(output->path, "-") == 0) {
        output->file = STDOUT_FILENO;
        return 0;
    }
    struct stat status;
    bool exists = stat(output->path, &status) == 0;
    if (exists && S_ISDIR(status.st_mode)) {
        return fail(output, "it is a directory", error);
    }
    if (exists && !S_ISREG(status.st_mode)) { /* a device or pipe */
        output->file = open(output->path, O_WRONLY | O_CLOEXEC);
        return output->file < 0 ? fail(output, strerror(errno), error) : 0;
    }
    /* A link stays a link: what it names is replaced. */
    output->target = exists ? realpath(output->path, NULL) : strdup(output->path);
    if (output->target == NULL || open_temporary(output) != 0) {
        return fail(output, strerror(errno), error);
    }
    return 0;
}

static int start_packing(hs_output *output, hs_error *error)
{
    size_t length = strlen(output->path);
    bool ready = true;
    if (ends_with(output->path, length, ".gz")) {
        output->gzip = true;
        ready = deflateInit2(&output->z, GZIP_LEVEL, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) ==
                Z_OK;
    } else if (ends_with(output->path, length, ".zst")) {
        output->zstandard = ZSTD_createCCtx();
        ready = output->zstandard != NULL &&
                !ZSTD_isError(ZSTD_CCtx_setParameter(output->zstandard, ZSTD_c_compressionLevel,
                                                     ZSTD_LEVEL)) &&
                !ZSTD_isError(ZSTD_CCtx_setParameter(output->zstandard, ZSTD_c_checksumFlag, 1));
    }
    return ready ? 0 : fail(output, "the host is out of memory", error);
}

hs_output *hs_output_open(const char *path, hs_error *error)
{
    hs_output *output = calloc(1, sizeof *output);
    if (output == NULL || (output->path = strdup(path)) == NULL) {
        free(output);
        hs_error_set(error, path, 0, "the host is out of memory");
        return NULL;
    }
    output->file = -1;
    if (open_file(output, error) != 0 || start_packing(output, error) != 0) {
        hs_output_abandon(output);
        return NULL;
    }
    return output;
}

static int write_all(hs_output *output, const uint8_t *bytes, size_t size, hs_error *error)
{
    while (size > 0) {
        ssize_t done = write(output->file, bytes, size);
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done < 0) {
            return fail(output, strerror(errno), error);
        }
        bytes += done;
        size -= (size_t)done;
    }
    return 0;
}

static int pack_gzip(hs_output *output, bool last, hs_error *error)
{
    z_stream *z = &output->z;
    z->next_in = output->buffer;
    z->avail_in = (uInt)output->used;
    do {
        z->next_out = output->packed;
        z->avail_out = BUFFER_SIZE;
        deflate(z, last ? Z_FINISH : Z_NO_FLUSH); /* cannot fail on its own buffers */
        if (write_all(output, output->packed, BUFFER_SIZE - z->avail_out, error) != 0) {
            return -1;
        }
    } while (z->avail_out == 0);
    return 0;
}

static int pack_zstandard(hs_output *output, bool last, hs_error *error)
{
    ZSTD_inBuffer in = {output->buffer, output->used, 0};
    size_t left;
    do {
        ZSTD_outBuffer out = {output->packed, BUFFER_SIZE, 0};
        left =
            ZSTD_compressStream2(output->zstandard, &out, &in, last ? ZSTD_e_end : ZSTD_e_continue);
        if (ZSTD_isError(left)) {
            return fail(output, "the host is out of memory", error); /* its only failure */
        }
        if (write_all(output, output->packed, out.pos, error) != 0) {
            return -1;
        }
    } while (last ? left != 0 : in.pos < in.size);
    return 0;
}

static int flush_buffer(hs_output *output, bool last, hs_error *error)
{
    int result = output->gzip ? pack_gzip(output, last, error)
                 : output->zstandard != NULL
                     ? pack_zstandard(output, last, error)
                     : write_all(output, output->buffer, output->used, error);
    output->used = 0;
    return result;
}

int hs_output_write(hs_output *output, const void *bytes, size_t size, hs_error *error)
{
    const uint8_t *at = bytes;
    output->size += size;
    while (size > 0) {
        size_t room = BUFFER_SIZE - output->used;
        size_t n = size < room ? size : room;
        memcpy(output->buffer + output->used, at, n);
        output->used += n;
        at += n;
        size -= n;
        if (output->used == BUFFER_SIZE && flush_buffer(output, false, error) != 0) {
            return -1;
        }
    }
    return 0;
}

uint64_t hs_output_size(const hs_output *output)
{
    return output->size;
}

static int close_file(hs_output *output)
{
    int file = output->file;
    output->file = -1;
    return file > STDERR_FILENO ? close(file) : 0;
}

/* Gives the temporary the target's name, or removes it. */
static int end_temporary(hs_output *output, bool keep)
{
    if (output->temporary == NULL) {
        return 0;
    }
    sigset_t before;
    begin_change(&before);
    int result = keep ? rename(output->temporary, output->target) : unlink(output->temporary);
    if (result == 0 || !keep) {
        hs_output **at = &with_temporary;
        while (*at != output) {
            at = &(*at)->next;
        }
        *at = output->next;
        free(output->temporary);
        output->temporary = NULL;
    }
    end_change(&before);
    return result;
}

int hs_output_close(hs_output *output, hs_error *error)
{
    int result = flush_buffer(output, true, error);
    if (result == 0 && close_file(output) != 0) {
        result = fail(output, strerror(errno), error);
    }
    if (result == 0 && end_temporary(output, true) != 0) {
        result = fail(output, strerror(errno), error);
    }
    hs_output_abandon(output);
    return result;
}

void hs_output_abandon(hs_output *output)
{
    if (output == NULL) {
        return;
    }
    close_file(output);
    end_temporary(output, false);
    if (output->gzip) {
        deflateEnd(&output->z);
    }
    ZSTD_freeCCtx(output->zstandard);
    free(output->target);
    free(output->path);
    free(output);
}

int hs_output_whole(const char *path, const void *bytes, size_t size, hs_error *error)
{
    hs_output *output = hs_output_open(path, error);
    if (output == NULL || hs_output_write(output, bytes, size, error) != 0) {
        hs_output_abandon(output);
        return -1;
    }
    return hs_output_close(output, error);
}

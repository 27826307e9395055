#include "input.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

enum { RAW_SIZE = 1 << 17 };

/* A file that unpacks to more than both is a trap: gzip reaches 1032 times, what people record
 * about 30. */
#define UNPACKED_MAX ((uint64_t)1 << 30)
#define RATIO_MAX    1100u

enum packing { PLAIN, GZIP, ZSTANDARD };

struct hs_input {
    char *path;
    int file;
    enum packing packing;
    bool ended;        /* the file has no more bytes */
    bool in_part;      /* within a compressed part that has not ended yet */
    uint64_t done;     /* bytes read from the file */
    uint64_t unpacked; /* bytes that came of them, if they are compressed */
    uint64_t size;     /* 0: unknown */
    size_t raw_at;     /* unread bytes of the file: raw[raw_at .. raw_end) */
    size_t raw_end;
    size_t peek_at; /* peeked bytes not yet read */
    size_t peek_end;
    z_stream gzip;
    ZSTD_DCtx *zstandard;
    uint8_t peeked[HS_INPUT_PEEK];
    uint8_t raw[RAW_SIZE];
};

/* Bytes of the file as they are; 0 at its end, -1 on failure. */
static long read_file(hs_input *input, void *bytes, size_t max, hs_error *error)
{
    ssize_t got;
    do {
        got = read(input->file, bytes, max);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        hs_error_set(error, input->path, 0, "cannot be read: %s", strerror(errno));
        return -1;
    }
    input->done += (uint64_t)got;
    input->ended = got == 0;
    return (long)got;
}

static int refill(hs_input *input, hs_error *error)
{
    input->raw_at = 0;
    input->raw_end = 0;
    long got = read_file(input, input->raw, RAW_SIZE, error);
    if (got > 0) {
        input->raw_end = (size_t)got;
    }
    return got < 0 ? -1 : 0;
}

static int start_packing(hs_input *input, hs_error *error)
{
    static const uint8_t gzip[] = {0x1f, 0x8b};
    static const uint8_t zstandard[] = {0x28, 0xb5, 0x2f, 0xfd};
    while (input->raw_end < sizeof zstandard && !input->ended) { /* a pipe may give less */
        long got = read_file(input, input->raw + input->raw_end, RAW_SIZE - input->raw_end, error);
        if (got < 0) {
            return -1;
        }
        input->raw_end += (size_t)got;
    }
    bool ready = true;
    if (input->raw_end >= sizeof gzip && memcmp(input->raw, gzip, sizeof gzip) == 0) {
        input->packing = GZIP;
        ready = inflateInit2(&input->gzip, 15 + 16) == Z_OK;
    } else if (input->raw_end >= sizeof zstandard &&
               memcmp(input->raw, zstandard, sizeof zstandard) == 0) {
        input->packing = ZSTANDARD;
        input->zstandard = ZSTD_createDCtx();
        ready = input->zstandard != NULL;
    }
    if (!ready) {
        hs_error_set(error, input->path, 0, "the host is out of memory");
    }
    return ready ? 0 : -1;
}

hs_input *hs_input_open(const char *path, hs_error *error)
{
    hs_input *input = malloc(sizeof *input);
    if (input != NULL) {
        memset(input, 0, offsetof(hs_input, raw)); /* the buffer need not be zero */
    }
    if (input == NULL || (input->path = strdup(path)) == NULL) {
        free(input);
        hs_error_set(error, path, 0, "the host is out of memory");
        return NULL;
    }
    input->file = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (input->file < 0 || fstat(input->file, &status) != 0) {
        hs_error_set(error, path, 0, "cannot be opened: %s", strerror(errno));
    } else if (S_ISDIR(status.st_mode)) {
        hs_error_set(error, path, 0, "found a directory, expected a file");
    } else {
        input->size = S_ISREG(status.st_mode) ? (uint64_t)status.st_size : 0;
        if (start_packing(input, error) == 0) {
            return input;
        }
    }
    hs_input_close(input);
    return NULL;
}

static long fail(hs_input *input, const char *what, hs_error *error)
{
    hs_error_set(error, input->path, 0, "%s", what);
    return -1;
}

static long read_gzip(hs_input *input, void *bytes, size_t max, hs_error *error)
{
    z_stream *z = &input->gzip;
    if (!input->in_part && inflateReset(z) != Z_OK) {
        return fail(input, "the gzip data cannot be decoded", error);
    }
    input->in_part = true;
    z->next_in = input->raw + input->raw_at;
    z->avail_in = (uInt)(input->raw_end - input->raw_at);
    z->next_out = bytes;
    z->avail_out = max > 1u << 30 ? 1u << 30 : (uInt)max;
    uInt room = z->avail_out;
    int result = inflate(z, Z_NO_FLUSH);
    input->raw_at = input->raw_end - z->avail_in;
    if (result == Z_STREAM_END) {
        input->in_part = false;
    } else if (result == Z_MEM_ERROR) {
        return fail(input, "the host is out of memory", error);
    } else if (result != Z_OK && result != Z_BUF_ERROR) {
        return fail(input, "found damaged gzip data, expected what gzip wrote", error);
    }
    return (long)(room - z->avail_out);
}

static long read_zstandard(hs_input *input, void *bytes, size_t max, hs_error *error)
{
    ZSTD_inBuffer in = {input->raw, input->raw_end, input->raw_at};
    ZSTD_outBuffer out = {bytes, max, 0};
    size_t result = ZSTD_decompressStream(input->zstandard, &out, &in);
    input->raw_at = in.pos;
    if (ZSTD_getErrorCode(result) == ZSTD_error_memory_allocation) {
        return fail(input, "the host is out of memory", error);
    }
    if (ZSTD_isError(result)) {
        hs_error_set(error, input->path, 0,
                     "found damaged zstd data (%s), expected what zstd wrote",
                     ZSTD_getErrorName(result));
        return -1;
    }
    input->in_part = result != 0;
    return (long)out.pos;
}

/* One step of decompression gives 0 bytes when it needs more of the file: then read on. */
static long read_packed(hs_input *input, void *bytes, size_t max, hs_error *error)
{
    for (;;) {
        if (input->raw_at == input->raw_end && !input->ended && refill(input, error) != 0) {
            return -1;
        }
        if (input->raw_at == input->raw_end && !input->in_part) {
            return 0;
        }
        bool starved = input->raw_at == input->raw_end;
        long got = input->packing == GZIP ? read_gzip(input, bytes, max, error)
                                          : read_zstandard(input, bytes, max, error);
        input->unpacked += got > 0 ? (uint64_t)got : 0;
        if (input->unpacked > UNPACKED_MAX && input->unpacked / RATIO_MAX > input->done) {
            return fail(input,
                        "found more than 1 GiB and 1100 times the size of the compressed file, "
                        "expected less; unpack it first",
                        error);
        }
        if (got != 0) {
            return got;
        }
        if (starved && input->in_part) {
            return fail(input, "the compressed data end too early: the file is cut off", error);
        }
    }
}

static long read_stream(hs_input *input, void *bytes, size_t max, hs_error *error)
{
    if (input->packing != PLAIN) {
        return read_packed(input, bytes, max, error);
    }
    size_t waiting = input->raw_end - input->raw_at;
    if (waiting == 0) {
        return input->ended ? 0 : read_file(input, bytes, max, error);
    }
    size_t n = waiting < max ? waiting : max;
    memcpy(bytes, input->raw + input->raw_at, n);
    input->raw_at += n;
    return (long)n;
}

long hs_input_read(hs_input *input, void *bytes, size_t max, hs_error *error)
{
    size_t waiting = input->peek_end - input->peek_at;
    if (waiting == 0) {
        return read_stream(input, bytes, max, error);
    }
    size_t n = waiting < max ? waiting : max;
    memcpy(bytes, input->peeked + input->peek_at, n);
    input->peek_at += n;
    return (long)n;
}

long hs_input_peek(hs_input *input, const uint8_t **bytes, hs_error *error)
{
    while (input->peek_end < HS_INPUT_PEEK) {
        long got = read_stream(input, input->peeked + input->peek_end,
                               HS_INPUT_PEEK - input->peek_end, error);
        if (got < 0) {
            return -1;
        }
        if (got == 0) {
            break;
        }
        input->peek_end += (size_t)got;
    }
    *bytes = input->peeked;
    return (long)input->peek_end;
}

bool hs_input_can_seek(const hs_input *input)
{
    return input->packing == PLAIN && input->size != 0;
}

int hs_input_read_at(hs_input *input, uint64_t offset, void *bytes, size_t size, hs_error *error)
{
    uint8_t *at = bytes;
    while (size > 0) {
        ssize_t got = pread(input->file, at, size, (off_t)offset);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            hs_error_set(error, input->path, 0, "cannot be read: %s",
                         got < 0 ? strerror(errno) : "it is cut off");
            return -1;
        }
        at += got;
        size -= (size_t)got;
        offset += (uint64_t)got;
    }
    return 0;
}

int hs_input_seek(hs_input *input, uint64_t offset, hs_error *error)
{
    if (lseek(input->file, (off_t)offset, SEEK_SET) < 0) {
        hs_error_set(error, input->path, 0, "cannot be read: %s", strerror(errno));
        return -1;
    }
    input->raw_at = input->raw_end;
    input->peek_at = input->peek_end;
    input->done = offset;
    input->ended = false;
    return 0;
}

void hs_input_progress(const hs_input *input, uint64_t *done, uint64_t *size)
{
    *done = input->done - (input->raw_end - input->raw_at);
    *size = input->size;
}

const char *hs_input_path(const hs_input *input)
{
    return input->path;
}

void hs_input_close(hs_input *input)
{
    if (input == NULL) {
        return;
    }
    if (input->packing == GZIP) {
        inflateEnd(&input->gzip);
    }
    ZSTD_freeDCtx(input->zstandard);
    if (input->file > STDIN_FILENO) {
        close(input->file);
    }
    free(input->path);
    free(input);
}

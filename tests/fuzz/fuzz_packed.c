/* Compressed files. Four bytes say how the rest is compressed and damaged (a byte, a cut);
 * undamaged it must be read back as it was. */
#include <stdbool.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "fuzz.h"
#include "input.h"

enum { HEADER = 4, SIZE_MAX_IN = 1 << 14, SIZE_MAX_PACKED = 1 << 15, GZ = 16 };

static size_t pack_gz(uint8_t *to, const uint8_t *from, size_t size, int level)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)from, .avail_in = (uInt)size};
    deflateInit2(&z, level, Z_DEFLATED, GZ + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
    z.next_out = to;
    z.avail_out = SIZE_MAX_PACKED;
    fuzz_require(deflate(&z, Z_FINISH) == Z_STREAM_END, "not compressed");
    size_t packed = SIZE_MAX_PACKED - z.avail_out;
    deflateEnd(&z);
    return packed;
}

static size_t pack_zst(uint8_t *to, const uint8_t *from, size_t size, int level)
{
    size_t packed = ZSTD_compress(to, SIZE_MAX_PACKED, from, size, level);
    fuzz_require(!ZSTD_isError(packed), "not compressed");
    return packed;
}

/* In pieces of a length that the input chooses; the bytes read, or -1. */
static long read_all(const char *path, uint8_t *to, size_t piece)
{
    hs_error error = {.text = ""};
    hs_input *input = hs_input_open(path, &error);
    long total = 0;
    long got = -1;
    fuzz_require((input == NULL) == (error.text[0] != 0), "an error without its message");
    while (input != NULL && total + (long)piece <= 2 * SIZE_MAX_IN &&
           (got = hs_input_read(input, to + total, piece, &error)) > 0) {
        total += got;
    }
    fuzz_require(input == NULL || (got < 0) == (error.text[0] != 0),
                 "an error without its message");
    hs_input_close(input);
    return got < 0 ? -1 : total;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t packed[2 * SIZE_MAX_PACKED];
    static uint8_t out[2 * SIZE_MAX_IN + 256];
    if (size < HEADER || size - HEADER > SIZE_MAX_IN) {
        return 0;
    }
    const uint8_t *text = data + HEADER;
    size_t length = size - HEADER;
    int level = 1 + (data[0] >> 1 & 7);
    size_t stored =
        data[0] & 1 ? pack_gz(packed, text, length, level) : pack_zst(packed, text, length, level);
    bool damaged = (data[0] & 0x70) != 0;
    if (damaged) {
        packed[(data[1] | (size_t)data[2] << 8) % stored] ^= data[3];
        stored -= data[0] & 0x20 ? data[3] % stored : 0;
    }
    long got = read_all(fuzz_file(packed, stored), out, 1u + data[1]);
    fuzz_require(damaged || (got == (long)length && memcmp(out, text, length) == 0),
                 "not what was compressed");
    return 0;
}

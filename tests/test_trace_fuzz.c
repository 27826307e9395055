/* Valid traces with random damage: a reader may refuse them, but never crash, leak or hang. Run
 * under the sanitizers this is a fuzz target of its own; the seed is printed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <cmocka.h>

#include "random.h"
#include "trace_slice.h"
#include "trace_survey.h"

static char path[] = "/tmp/hs_trace_fuzz_XXXXXX";

static uint32_t random_state = 20261122;

static uint32_t random_below(uint32_t limit)
{
    return random_next(&random_state) % limit;
}

static const char seed_text[] =
    "heapsim-trace 1\ntitle   T # c\norigin  captured\nsource  s\ncomplete yes\n"
    "owner   tls idf caps=internal,8bit\nowner   mp gc\nphase a\narea 0x3ffb0000 57344\n"
    "alloc 1 16 tls\nalloc 2 4429 tls caps=dma\ncalloc 3 3 20 mp @0x3ffb0540 type=h\n"
    "aligned 4 64 100 tls\nrealloc 3 40 nomove @0x3ffb0540\nrealloc 3 41 failed\nlink 3 1 1\n"
    "unlink 3 1\nfree 2\ndrop 3\nthreshold -1\nthreshold 512 capture\nsplit 131072\n"
    "grown 0x3ffc0000 1024\ncollected 5\nreleased 0x3ffc0000\ncollect\n"
    "region 0x3ffb2730 15448 DRAM\nmark m\ntime 100\nalloc 5 0 mp finaliser @NULL failed\n"
    "free 5\r\nalloc 6 8 tls\nfree 6\nalloc 7 300 mp\nfree 1\nfree 4\n";

static const char *const words[] = {"alloc", "free",  "4294967296", "-1",  "0x",   "#",       "\r",
                                    "\n",    "@NULL", "caps=",      "tls", "link", "99999999"};

static size_t damage(char *bytes, size_t size, size_t room)
{
    for (uint32_t n = 1 + random_below(4); n > 0 && size > 0; n--) {
        uint32_t at = random_below((uint32_t)size);
        const char *word = words[random_below(sizeof words / sizeof words[0])];
        size_t length = strlen(word);
        switch (random_below(5)) {
        case 0:
            bytes[at] = (char)random_below(256);
            break;
        case 1:
            bytes[at] = (char)(bytes[at] ^ 1 << random_below(8));
            break;
        case 2:
            size = at;
            break;
        case 3:
            memmove(bytes + at, bytes + at + 1, size - at - 1);
            size--;
            break;
        default:
            if (size + length < room) {
                memmove(bytes + at + length, bytes + at, size - at);
                memcpy(bytes + at, word, length);
                size += length;
            }
            break;
        }
    }
    return size;
}

static void put_file(const char *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

/* Reads, checks and cuts: whatever the file holds, either all works or there is one error. */
static bool survives(void)
{
    hs_error error = {.text = ""};
    hs_trace *trace = hs_trace_open(path, &error);
    hs_survey *survey = trace != NULL ? hs_survey_trace(trace, &error) : NULL;
    assert_true((survey == NULL) == (error.text[0] != 0));
    bool fine = survey != NULL;
    hs_survey_destroy(survey);
    hs_trace_close(trace);
    hs_error cut_error = {.text = ""};
    trace = hs_trace_open(path, &cut_error);
    hs_slice slice = {.first = random_below(20)};
    if (trace != NULL && hs_trace_cut(trace, &slice, "/dev/null", &cut_error) != 0) {
        assert_true(cut_error.text[0] != 0);
    }
    hs_trace_close(trace);
    return fine;
}

static size_t as_binary(char *bytes, size_t room)
{
    hs_error error = {.text = ""};
    char binary[sizeof path + 4];
    snprintf(binary, sizeof binary, "%s.hsb", path);
    put_file(seed_text, sizeof seed_text - 1);
    hs_trace *trace = hs_trace_open(path, &error);
    hs_slice all = {0};
    assert_int_equal(hs_trace_cut(trace, &all, binary, &error), 0);
    hs_trace_close(trace);
    FILE *file = fopen(binary, "rb");
    size_t size = fread(bytes, 1, room, file);
    fclose(file);
    unlink(binary);
    return size;
}

/* Mends the checksum of the first block, so that damage to its events reaches the decoder (a block
 * this small is not compressed). Layout: traces/README.md. */
static void mend(char *bytes, size_t size)
{
    uint8_t *b = (uint8_t *)bytes;
    if (size < 20) {
        return;
    }
    size_t header = (size_t)b[12] | (size_t)b[13] << 8;
    if (20 + header + 32 > size) {
        return;
    }
    uint8_t *block = b + 20 + header;
    size_t stored = (size_t)block[8] | (size_t)block[9] << 8;
    if ((size_t)(block - b) + 32 + stored <= size) {
        uint32_t crc = (uint32_t)crc32(0, block + 32, (uInt)stored);
        for (int i = 0; i < 4; i++) {
            block[20 + i] = (uint8_t)(crc >> (8 * i));
        }
    }
}

static void fuzz(const char *seed, size_t seed_size, bool binary, int rounds)
{
    static char bytes[8192];
    int fine = 0;
    print_message("seed %u\n", random_state);
    for (int i = 0; i < rounds; i++) {
        memcpy(bytes, seed, seed_size);
        size_t size = damage(bytes, seed_size, sizeof bytes);
        if (binary) {
            mend(bytes, size);
        }
        put_file(bytes, size);
        fine += survives();
    }
    print_message("%d of %d damaged traces could still be read\n", fine, rounds);
    assert_true(fine < rounds);
}

static void text(void **state)
{
    (void)state;
    put_file(seed_text, sizeof seed_text - 1);
    assert_true(survives());
    fuzz(seed_text, sizeof seed_text - 1, false, 1000);
}

static void binary(void **state)
{
    (void)state;
    static char seed[4096];
    size_t size = as_binary(seed, sizeof seed);
    put_file(seed, size);
    assert_true(survives());
    fuzz(seed, size, true, 1500);
}

static void packed(void **state)
{
    (void)state;
    static uint8_t seed[4096];
    uLongf size = sizeof seed - 32;
    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (Bytef *)(uintptr_t)seed_text;
    z.avail_in = sizeof seed_text - 1;
    z.next_out = seed;
    z.avail_out = (uInt)size;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    size = z.total_out;
    deflateEnd(&z);
    fuzz((const char *)seed, size, false, 500);
}

static int make_path(void **state)
{
    (void)state;
    int file = mkstemp(path);
    return file < 0 ? -1 : close(file);
}

static int remove_path(void **state)
{
    (void)state;
    return unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text),
        cmocka_unit_test(binary),
        cmocka_unit_test(packed),
    };
    return cmocka_run_group_tests(tests, make_path, remove_path);
}

/* Traces of every form: text, binary, and both compressed. Read, checked, cut: it works, or there
 * is one error. A binary trace's first checksum is mended, so that the decoder is reached. */
#include <stdbool.h>
#include <string.h>
#include <zlib.h>

#include "fuzz.h"
#include "trace_slice.h"
#include "trace_survey.h"

enum { HEADER = 20, BLOCK = 32, STORED = 8, CHECKSUM = 20 }; /* traces/README.md */

static uint32_t load32(const uint8_t *b)
{
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static void mend(uint8_t *b, size_t size)
{
    if (size < HEADER + BLOCK || load32(b + 12) > size - HEADER - BLOCK) {
        return;
    }
    uint8_t *block = b + HEADER + load32(b + 12);
    uint32_t stored = load32(block + STORED);
    if (stored <= size - (size_t)(block - b) - BLOCK) {
        uint32_t crc = (uint32_t)crc32(0, block + BLOCK, stored);
        for (int i = 0; i < 4; i++) {
            block[CHECKSUM + i] = (uint8_t)(crc >> (8 * i));
        }
    }
}

static void survey(const char *path)
{
    hs_error error = {.text = ""};
    hs_trace *trace = hs_trace_open(path, &error);
    hs_survey *survey = trace != NULL ? hs_survey_trace(trace, &error) : NULL;
    fuzz_require((survey == NULL) == (error.text[0] != 0), "an error without its message");
    hs_survey_destroy(survey);
    hs_trace_close(trace);
}

static void cut(const char *path, uint64_t first)
{
    hs_error error = {.text = ""};
    hs_slice slice = {.first = first};
    hs_trace *trace = hs_trace_open(path, &error);
    if (trace != NULL && hs_trace_cut(trace, &slice, "/dev/null", &error) != 0) {
        fuzz_require(error.text[0] != 0, "an error without its message");
    }
    hs_trace_close(trace);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t bytes[1 << 16];
    if (size > sizeof bytes) {
        return 0;
    }
    memcpy(bytes, data, size);
    if (size > 0 && bytes[0] != 'h' && bytes[0] != '#' && bytes[0] != 0x1f) {
        mend(bytes, size);
    }
    const char *path = fuzz_file(bytes, size);
    survey(path);
    cut(path, size % 5);
    return 0;
}

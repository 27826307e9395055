/* Parts of a grid, separated by a zero byte. What merges alone also merges with itself, to the same
 * bytes. */
#include <stdbool.h>
#include <string.h>

#include "fuzz.h"
#include "merge.h"

static json_t *merge(const char *const *paths, size_t count)
{
    hs_error error = {.text = ""};
    json_t *merged = hs_merge_parts(paths, count, &error);
    fuzz_require((merged == NULL) == (error.text[0] != 0), "an error without its message");
    return merged;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static FILE *nowhere;
    static struct fuzz_memory memory[2];
    const uint8_t *zero = size > 0 ? memchr(data, 0, size) : NULL;
    size_t first = zero != NULL ? (size_t)(zero - data) : size;
    const char *one = fuzz_file_in(&memory[0], data, first);
    const char *other = zero != NULL ? fuzz_file_in(&memory[1], zero + 1, size - first - 1) : one;
    if (nowhere == NULL) {
        nowhere = fopen("/dev/null", "w");
    }
    json_t *alone = merge(&one, 1);
    json_t *both = merge((const char *const[]){one, other}, 2);
    if (alone != NULL) {
        hs_merge_missing(alone, nowhere);
        fuzz_require(zero != NULL || json_equal(alone, both), "twice is not once");
    }
    json_decref(alone);
    json_decref(both);
    return 0;
}

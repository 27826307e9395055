/* Policies. */
#include <stdbool.h>

#include "fuzz.h"
#include "policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    hs_error error = {.text = ""};
    hs_policy *policy = hs_policy_load(fuzz_file(data, size), &error);
    fuzz_require((policy == NULL) == (error.text[0] != 0), "an error without its message");
    hs_policy_free(policy);
    return 0;
}

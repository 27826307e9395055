/* Scenarios. */
#include <stdbool.h>

#include "fuzz.h"
#include "scenario.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    hs_error error = {.text = ""};
    hs_scenario *scenario = hs_scenario_load(fuzz_file(data, size), &error);
    fuzz_require((scenario == NULL) == (error.text[0] != 0), "an error without its message");
    hs_scenario_free(scenario);
    return 0;
}

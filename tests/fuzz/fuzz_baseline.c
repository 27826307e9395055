/* Baselines of `heapsim check`: whatever JSON it is compared with, a grid is compared. */
#include <stdbool.h>
#include <string.h>

#include "check.h"
#include "fuzz.h"

static void make(hs_check *check)
{
    static const char *const layout[] = {SOURCE_DIR "/scenarios/layouts/pico-d4.yaml"};
    static const char *const policy[] = {SOURCE_DIR "/scenarios/policies/micropython-v1.19.yaml"};
    static const char *const trace[] = {SOURCE_DIR "/traces/http.trace"};
    const hs_grid_choice choice = {.layouts = {(const char **)(uintptr_t)layout, 1},
                                   .policies = {(const char **)(uintptr_t)policy, 1}};
    const hs_grid_how how = {.threads = 1};
    hs_error error = {.text = ""};
    hs_grid_init(&check->grid);
    hs_scenario *scenario = hs_scenario_of_traces(trace, 1, &error);
    fuzz_require(hs_grid_add(&check->grid, scenario, &choice, &error) == 0, error.text);
    fuzz_require(hs_grid_run(&check->grid, &how, &error) == 0, error.text);
    check->path = "fuzz";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static hs_check check;
    static json_t *equal;
    if (equal == NULL) {
        make(&check);
        equal = hs_check_json(&check);
    }
    json_t *baseline = json_loadb((const char *)data, size, 0, NULL);
    if (json_is_array(json_object_get(baseline, "cells"))) {
        hs_check_baseline(&check, baseline);
        fuzz_require(check.problem_count != 0 ||
                         json_array_size(json_object_get(baseline, "cells")) == 1,
                     "another baseline is equal");
        while (check.problem_count != 0) {
            free(check.problems[--check.problem_count].text);
        }
        hs_check_baseline(&check, equal);
        fuzz_require(check.problem_count == 0, "the own baseline differs");
    }
    json_decref(baseline);
    return 0;
}

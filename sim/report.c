#include "report.h"

#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "output.h"

const hs_reporter *const hs_reporters[] = {
    &hs_report_text,   &hs_report_json,      &hs_report_csv,      &hs_report_addresses,
    &hs_report_map,    &hs_report_heap_info, &hs_report_mem_info, &hs_report_html,
    &hs_report_blocks, &hs_report_perfetto,  &hs_report_massif,   NULL,
};

int hs_json_write(const json_t *json, const char *path, hs_error *error)
{
    char *text = hs_json_dump(json, JSON_INDENT(2), error);
    hs_output *output = text != NULL ? hs_output_open(path, error) : NULL;
    if (output == NULL) {
        free(text);
        return -1;
    }
    int result = hs_output_write(output, text, strlen(text), error);
    result = result == 0 ? hs_output_write(output, "\n", 1, error) : result;
    free(text);
    if (result != 0) {
        hs_output_abandon(output);
        return -1;
    }
    return hs_output_close(output, error);
}

/* Capability lists of a trace: IDF's names without the prefix, comma-separated. */
#include <stdio.h>
#include <string.h>

#include "device/region.h"
#include "trace_form.h"
#include "trace_scan.h"

static uint32_t find(const char *name, size_t length)
{
    char copy[32] = "";
    if (length < sizeof copy) {
        memcpy(copy, name, length);
    }
    return hs_cap_find(copy);
}

char *hs_trace_scan_caps(char *at, uint32_t *caps, hs_place place, hs_error *error)
{
    *caps = 0;
    for (;;) {
        char *end = at;
        while (!hs_scan_stops(*end) && *end != ',') {
            end++;
        }
        uint32_t bit = find(at, (size_t)(end - at));
        if (bit == 0) {
            hs_trace_expected(place, at,
                              "capability names, comma-separated: exec, 32bit, 8bit, dma, spiram, "
                              "internal, default, iram_8bit, retention, rtcram, ...",
                              error);
            return NULL;
        }
        *caps |= bit;
        if (*end != ',') {
            return end;
        }
        at = end + 1;
    }
}

size_t hs_trace_print_caps(uint32_t caps, char *text)
{
    size_t used = 0;
    text[0] = 0;
    for (uint32_t rest = caps; rest != 0; rest &= rest - 1) {
        const char *name = hs_cap_name(rest);
        if (name != NULL) {
            used += (size_t)snprintf(text + used, HS_CAPS_TEXT - used, "%s%s", used != 0 ? "," : "",
                                     name);
        }
    }
    return used;
}

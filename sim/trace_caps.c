/* Capability names of a trace: those of IDF, lower case, without the prefix. */
#include <stdio.h>
#include <string.h>

#include "trace_form.h"
#include "trace_scan.h"

static const struct {
    const char *name;
    uint32_t bit;
} names[] = {
    {"exec", 1u << 0},          {"32bit", 1u << 1},          {"8bit", 1u << 2},
    {"dma", 1u << 3},           {"pid2", 1u << 4},           {"pid3", 1u << 5},
    {"pid4", 1u << 6},          {"pid5", 1u << 7},           {"pid6", 1u << 8},
    {"pid7", 1u << 9},          {"spiram", 1u << 10},        {"internal", 1u << 11},
    {"default", 1u << 12},      {"iram_8bit", 1u << 13},     {"retention", 1u << 14},
    {"rtcram", 1u << 15},       {"tcm", 1u << 16},           {"dma_desc_ahb", 1u << 17},
    {"dma_desc_axi", 1u << 18}, {"cache_aligned", 1u << 19}, {"simd", 1u << 20},
    {"invalid", 1u << 31},
};
enum { NAMES = sizeof names / sizeof names[0] };

static uint32_t find(const char *name, size_t length)
{
    for (size_t i = 0; i < NAMES; i++) {
        if (strlen(names[i].name) == length && memcmp(names[i].name, name, length) == 0) {
            return names[i].bit;
        }
    }
    return 0;
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
    for (size_t i = 0; i < NAMES; i++) {
        if (caps & names[i].bit) {
            used += (size_t)snprintf(text + used, HS_CAPS_TEXT - used, "%s%s", used != 0 ? "," : "",
                                     names[i].name);
        }
    }
    return used;
}

/* What the firmware prints about its IDF heaps, character by character. */
#ifndef HS_HEAP_PRINT_H
#define HS_HEAP_PRINT_H

#include <stdio.h>

#include "device/heap_caps.h"

/* heap_caps_print_heap_info(wanted): the registered heaps with all of `wanted` in list order, and
 * their totals. The same text in all releases. */
void hs_print_heap_info(FILE *out, hs_caps *caps, uint32_t wanted);

/* heap_caps_dump(wanted): each block of those heaps. */
void hs_print_heap_dump(FILE *out, hs_caps *caps, uint32_t wanted);

#endif

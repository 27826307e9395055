/* What micropython.mem_info(1) prints about the collector, in the form of its release. */
#ifndef HS_GC_PRINT_H
#define HS_GC_PRINT_H

#include <stdio.h>

#include "device/gc.h"

/* First words by which a dump tells types. Firmware has the addresses of its type objects there;
 * the simulator writes these, which no heap contains. */
#define HS_GC_TYPES     "TLDSAFBM"
#define HS_GC_TYPE_BASE 0x3f400100u

/* The word 0 that makes a dump show `letter`; 0 for h and for unknown letters. */
uint32_t hs_gc_type_word(char letter);
/* And back: the letter of a head with this first word; h unless the word is one of those. */
char hs_gc_type_letter(uint32_t word0);

/* The two lines "GC: total: ..." and " No. of 1-blocks: ...". */
void hs_gc_print_info(const hs_gc *gc, FILE *out);
/* The table of all areas: letters, offsets and folding as the release prints them. O(blocks). */
void hs_gc_print_table(const hs_gc *gc, FILE *out);

#endif

/* Text that stdio prints into memory. open_memstream() is not it: when the host has no memory for
 * a part of the text, that part is missing and nothing says so. */
#ifndef HS_MEMORY_TEXT_H
#define HS_MEMORY_TEXT_H

#include <stdio.h>

/* `text` is the caller's to free(); it ends with a 0 that `size` does not count. */
typedef struct hs_memory_text {
    char *text;
    size_t size;
    size_t room;
} hs_memory_text;

/* Begins an empty text. NULL: the host is out of memory. */
FILE *hs_memory_text_open(hs_memory_text *to);

/* Closes the stream. 0, or -1 when the host had no memory for all of it: no text then. */
int hs_memory_text_close(FILE *memory, hs_memory_text *to);

#endif

/* Text that stdio prints into memory (open_memstream). */
#ifndef HS_MEMORY_TEXT_H
#define HS_MEMORY_TEXT_H

#include <stdio.h>
#include <stdlib.h>

/* Closes the stream. 0, or -1 when the host had no memory for all of it: *text is then NULL. */
static inline int hs_memory_text_close(FILE *memory, char **text)
{
    int lost = fflush(memory) != 0 || ferror(memory) != 0;
    lost = fclose(memory) != 0 || lost;
    if (lost) {
        free(*text);
        *text = NULL;
    }
    return *text != NULL ? 0 : -1;
}

#endif

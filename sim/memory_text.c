#include "memory_text.h"

#include <stdlib.h>
#include <string.h>

static ssize_t append(void *context, const char *bytes, size_t size)
{
    hs_memory_text *to = context;
    if (to->size + size >= to->room) {
        size_t room = 2 * (to->size + size) + 64;
        char *larger = realloc(to->text, room);
        if (larger == NULL) {
            return 0; /* sets the stream's error */
        }
        to->text = larger;
        to->room = room;
    }
    memcpy(to->text + to->size, bytes, size);
    to->size += size;
    to->text[to->size] = 0;
    return (ssize_t)size;
}

FILE *hs_memory_text_open(hs_memory_text *to)
{
    *to = (hs_memory_text){.text = calloc(1, 1), .room = 1};
    FILE *memory =
        to->text != NULL ? fopencookie(to, "w", (cookie_io_functions_t){.write = append}) : NULL;
    if (memory == NULL) {
        free(to->text);
        to->text = NULL;
    }
    return memory;
}

int hs_memory_text_close(FILE *memory, hs_memory_text *to)
{
    int lost = fflush(memory) != 0 || ferror(memory) != 0;
    lost = fclose(memory) != 0 || lost;
    if (lost) {
        free(to->text);
        to->text = NULL;
    }
    return lost ? -1 : 0;
}

/* Runs a golden program over many scripts in one start of the machine.
 *
 * The file that is named holds, for each, a line "TARGET LENGTH" and LENGTH bytes of script. After
 * what the program prints comes a line of its own: the byte 1 and the program's exit status. */
#include <stdlib.h>
#include <string.h>

#include "target_io.h"

static void run(char *target, char *script, size_t length)
{
    char name[] = "golden";
    char *arguments[] = {name, target, NULL};
    hs_target_input = fmemopen(script, length, "r");
    int status = hs_target_input != NULL ? hs_golden_main(2, arguments) : -1;
    printf("\001%d\n", status);
    if (hs_target_input != NULL) {
        fclose(hs_target_input);
    }
}

int main(int argc, char **argv)
{
    size_t size;
    char *bytes = argc == 2 ? hs_target_read(argv[1], &size) : NULL;
    if (bytes == NULL) {
        printf("usage: target_idf|target_gc FILE\n");
        hs_target_flush();
        return 2;
    }
    for (char *at = bytes; at < bytes + size;) {
        char *space = strchr(at, ' ');
        char *script;
        size_t length = strtoul(space, &script, 10);
        *space = 0;
        run(at, script + 1, length);
        at = script + 1 + length;
    }
    hs_target_flush();
    free(bytes);
    return 0;
}

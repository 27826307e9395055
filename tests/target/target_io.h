/* What the programs of this folder need of a machine: input in parts, output in one piece. */
#ifndef HS_TARGET_IO_H
#define HS_TARGET_IO_H

#include <stdio.h>

/* main() of golden_idf.c or golden_gc.c, which are compiled with this header in front, and where
 * they then read their script from. */
int hs_golden_main(int argc, char **argv);
extern FILE *hs_target_input;
#undef stdin
#define stdin hs_target_input

#ifndef __linux__
/* picolibc has neither. */
FILE *open_memstream(char **text, size_t *size);
long hs_getline(char **text, size_t *size, FILE *from);
#define getline hs_getline
#endif

/* Standard output of the emulated machine: written in large parts, since each is a call out of the
 * emulator. */
void hs_target_flush(void);

/* The whole file, which the caller frees; ends the program when it cannot be read. */
char *hs_target_read(const char *path, size_t *size);

#endif

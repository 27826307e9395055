/* A file that appears whole or not at all.
 *
 * Bytes go to a temporary beside the target, which takes its name when hs_output_close() succeeds.
 * A name that ends in .gz or .zst is compressed. "-" is stdout; a device or pipe is written to as
 * it is. Every failure of the disk (full, quota, closed pipe) is reported.
 */
#ifndef HS_OUTPUT_H
#define HS_OUTPUT_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"

typedef struct hs_output hs_output;

/* NULL and *error when the file can't be made. */
hs_output *hs_output_open(const char *path, hs_error *error);

/* 0, or -1 with *error. Buffered: a full disk may show up later, at the latest on close. */
int hs_output_write(hs_output *output, const void *bytes, size_t size, hs_error *error);

/* Bytes given so far, before compression. */
uint64_t hs_output_size(const hs_output *output);

/* Finishes the file: 0, or -1 with *error and no file. Frees `output` either way. */
int hs_output_close(hs_output *output, hs_error *error);

/* Removes what was written and frees `output`. NULL is ignored. */
void hs_output_abandon(hs_output *output);

/* A whole file at once: 0, or -1 with *error and no file. */
int hs_output_whole(const char *path, const void *bytes, size_t size, hs_error *error);

/* Removes the temporaries of all files that are being written. For a signal handler that ends the
 * process. */
void hs_output_remove_temporaries(void);

/* `name` without a .gz or .zst at its end: the length that remains. */
size_t hs_output_bare_length(const char *name);

#endif

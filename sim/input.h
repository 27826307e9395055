/* A file read as a stream of bytes, decompressed on the way.
 *
 * .gz and .zst are found by content, not by name; several compressed parts behind one another are
 * one stream, as the usual tools have it. Memory does not depend on the file.
 */
#ifndef HS_INPUT_H
#define HS_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

typedef struct hs_input hs_input;

enum { HS_INPUT_PEEK = 16 };

/* `path` as it is, "-" is stdin. NULL and *error when it can't be opened or is a directory. */
hs_input *hs_input_open(const char *path, hs_error *error);

/* Up to `max` bytes into `bytes`: how many; 0 at the end; -1 with *error when reading fails or the
 * compressed data are damaged or cut off. Fewer than `max` bytes do not mean the end. */
long hs_input_read(hs_input *input, void *bytes, size_t max, hs_error *error);

/* The first bytes of the stream, HS_INPUT_PEEK or fewer, without consuming them; to be called
 * before the first read. How many, or -1 with *error. */
long hs_input_peek(hs_input *input, const uint8_t **bytes, hs_error *error);

/* Whether the file is uncompressed and its bytes can be read in any order: see the next two. */
bool hs_input_can_seek(const hs_input *input);
/* Bytes at an offset, without moving: 0, or -1 with *error when there are fewer. */
int hs_input_read_at(hs_input *input, uint64_t offset, void *bytes, size_t size, hs_error *error);
/* The next read begins at the offset: 0, or -1 with *error. */
int hs_input_seek(hs_input *input, uint64_t offset, hs_error *error);

/* Bytes of the file consumed so far and its size, 0 when that is unknown (a pipe). */
void hs_input_progress(const hs_input *input, uint64_t *done, uint64_t *size);

const char *hs_input_path(const hs_input *input);

/* NULL is ignored. */
void hs_input_close(hs_input *input);

#endif

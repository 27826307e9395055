/* Growable bytes with the encodings of the HTML page's data: variable-length numbers, zlib and
 * base64. The page's reader is sim/page/src/data.js. Inside of report_html*.c.
 */
#ifndef HS_REPORT_HTML_BUFFER_H
#define HS_REPORT_HTML_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero is empty. Once memory ran out `failed` stays set and nothing more is added. */
typedef struct hs_buffer {
    uint8_t *bytes;
    size_t size, capacity;
    bool failed;
} hs_buffer;

void hs_buffer_release(hs_buffer *buffer);
void hs_buffer_add(hs_buffer *buffer, const void *bytes, size_t size);
void hs_buffer_byte(hs_buffer *buffer, uint8_t byte);
/* 7 bits a byte, low ones first, high bit: more follow. */
void hs_buffer_number(hs_buffer *buffer, uint64_t value);
/* `to - from`: 0, -1, 1, -2, ... as 0, 1, 2, 3, ... */
void hs_buffer_step(hs_buffer *buffer, uint64_t from, uint64_t to);
/* Appends zlib's stream of `plain` in base64. */
void hs_buffer_pack(hs_buffer *buffer, const hs_buffer *plain);

#endif

#include "report_html_buffer.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

void hs_buffer_release(hs_buffer *buffer)
{
    free(buffer->bytes);
    *buffer = (hs_buffer){0};
}

static bool make_room(hs_buffer *buffer, size_t size)
{
    if (buffer->failed || buffer->capacity - buffer->size >= size) {
        return !buffer->failed;
    }
    size_t capacity = buffer->capacity < 256 ? 256 : buffer->capacity;
    while (capacity - buffer->size < size) {
        capacity *= 2;
    }
    uint8_t *bytes = realloc(buffer->bytes, capacity);
    if (bytes == NULL) {
        buffer->failed = true;
        return false;
    }
    buffer->bytes = bytes;
    buffer->capacity = capacity;
    return true;
}

void hs_buffer_add(hs_buffer *buffer, const void *bytes, size_t size)
{
    if (size > 0 && make_room(buffer, size)) {
        memcpy(buffer->bytes + buffer->size, bytes, size);
        buffer->size += size;
    }
}

void hs_buffer_byte(hs_buffer *buffer, uint8_t byte)
{
    hs_buffer_add(buffer, &byte, 1);
}

void hs_buffer_number(hs_buffer *buffer, uint64_t value)
{
    uint8_t bytes[10];
    size_t used = 0;
    for (; value > 0x7f; value >>= 7) {
        bytes[used++] = (uint8_t)(value | 0x80);
    }
    bytes[used++] = (uint8_t)value;
    hs_buffer_add(buffer, bytes, used);
}

void hs_buffer_step(hs_buffer *buffer, uint64_t from, uint64_t to)
{
    hs_buffer_number(buffer, to >= from ? 2 * (to - from) : 2 * (from - to) - 1);
}

static void add_base64(hs_buffer *buffer, const uint8_t *bytes, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if (!make_room(buffer, 4 * (size / 3 + 1))) {
        return;
    }
    uint8_t *out = buffer->bytes + buffer->size;
    for (size_t i = 0; i < size; i += 3) {
        uint32_t group = (uint32_t)bytes[i] << 16;
        group |= i + 1 < size ? (uint32_t)bytes[i + 1] << 8 : 0;
        group |= i + 2 < size ? bytes[i + 2] : 0;
        *out++ = (uint8_t)digits[group >> 18];
        *out++ = (uint8_t)digits[group >> 12 & 63];
        *out++ = (uint8_t)(i + 1 < size ? digits[group >> 6 & 63] : '=');
        *out++ = (uint8_t)(i + 2 < size ? digits[group & 63] : '=');
    }
    buffer->size = (size_t)(out - buffer->bytes);
}

void hs_buffer_pack(hs_buffer *buffer, const hs_buffer *plain)
{
    uLongf size = compressBound((uLong)plain->size);
    uint8_t *packed = plain->failed ? NULL : malloc(size);
    if (packed == NULL || compress2(packed, &size, plain->size > 0 ? plain->bytes : packed,
                                    (uLong)plain->size, 6) != Z_OK) {
        buffer->failed = true;
    } else {
        add_base64(buffer, packed, size);
    }
    free(packed);
}

/* Scanning one line of the text form. Internal to the trace readers.
 *
 * A line here is a char array that ends with NUL (readers put it in place of the line's end). A
 * word ends at a blank, at '#' (which starts a comment) or at any other control character.
 */
#ifndef HS_TRACE_SCAN_H
#define HS_TRACE_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline char *hs_scan_blanks(char *at)
{
    while (*at == ' ' || *at == '\t') {
        at++;
    }
    return at;
}

static inline bool hs_scan_stops(char c)
{
    return (unsigned char)c <= ' ' || c == '#';
}

static inline char *hs_scan_word(char *at)
{
    while (!hs_scan_stops(*at)) {
        at++;
    }
    return at;
}

/* Nothing but a comment from here on. */
static inline bool hs_scan_at_end(const char *at)
{
    return *at == 0 || *at == '#';
}

/* Nothing that a terminal may take for a command: no ASCII control but tabs, no DEL, and none of
 * U+0080 to U+009F. */
static inline bool hs_text_is_plain(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        bool second = i != 0 && (unsigned char)text[i - 1] == 0xc2 && c >= 0x80 && c <= 0x9f;
        if ((c < ' ' && c != '\t') || c == 0x7f || second) {
            return false;
        }
    }
    return true;
}

/* The last eight characters of a word as one number, so that words compare in one step. */
static inline uint64_t hs_scan_key(const char *word, size_t length)
{
    uint64_t key = 0;
    for (size_t i = 0; i < length; i++) {
        key = key << 8 | (unsigned char)word[i];
    }
    return key;
}

static inline unsigned hs_scan_hex_digit(char c)
{
    unsigned digit = (unsigned)(unsigned char)c - '0';
    if (digit <= 9) {
        return digit;
    }
    digit = ((unsigned)(unsigned char)c | 0x20u) - 'a';
    return digit <= 5 ? digit + 10 : 16;
}

/* Decimal or 0x-hex up to `limit`. The end of the number, or NULL when there is none, something
 * else follows it, or it is larger. */
static inline char *hs_scan_number(char *at, uint64_t limit, uint64_t *number)
{
    uint64_t value = 0;
    char *start = at;
    if (at[0] == '0' && (at[1] | 0x20) == 'x') {
        start = at += 2;
        for (unsigned digit; (digit = hs_scan_hex_digit(*at)) < 16; at++) {
            if (value > limit >> 4) {
                return NULL;
            }
            value = value << 4 | digit;
        }
    } else {
        for (unsigned digit; (digit = (unsigned)(unsigned char)*at - '0') <= 9; at++) {
            if (value > (limit - digit) / 10) {
                return NULL;
            }
            value = value * 10 + digit;
        }
    }
    *number = value;
    return at != start && hs_scan_stops(*at) && value <= limit ? at : NULL;
}

#endif

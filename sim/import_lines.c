/* Lines of a log as a person sees them, and how to read one. */
#include "import_reader.h"

#include <ctype.h>
#include <string.h>

/* Length of the terminal control sequence at `at` (ESC [ ... letter, ESC letter), 0 when none. */
static size_t escape_length(const char *at, const char *end)
{
    if (*at != 0x1b) {
        return 0;
    }
    const char *p = at + 1;
    if (p < end && *p == '[') {
        for (p++; p < end && !(*p >= 0x40 && *p <= 0x7e); p++) {
            if ((unsigned char)*p < 0x20) {
                return (size_t)(p - at); /* cut sequence */
            }
        }
    }
    return (size_t)(p - at) + (p < end ? 1 : 0);
}

static void clean_line(hs_import_lines *lines, const char *at, const char *end)
{
    size_t used = 0;
    while (at < end && used < sizeof lines->text - 1) {
        size_t escape = escape_length(at, end);
        if (escape != 0) {
            at += escape;
            continue;
        }
        unsigned char c = (unsigned char)*at++;
        if (c == '\r') {
            continue;
        }
        lines->text[used++] = (char)(c < 0x20 || c == 0x7f ? ' ' : c);
    }
    lines->text[used] = 0;
}

bool hs_import_next_line(hs_import_lines *lines)
{
    if (lines->at >= lines->size) {
        return false;
    }
    const char *start = lines->data + lines->at;
    size_t left = lines->size - lines->at;
    const char *newline = memchr(start, '\n', left);
    const char *end = newline != NULL ? newline : start + left;
    lines->unended = newline == NULL;
    lines->at += (size_t)(end - start) + (newline != NULL ? 1 : 0);
    lines->number++;
    clean_line(lines, start, end);
    return true;
}

bool hs_log_text(const char **at, const char *text)
{
    size_t length = strlen(text);
    if (strncmp(*at, text, length) != 0) {
        return false;
    }
    *at += length;
    return true;
}

bool hs_log_past(const char **at, const char *text)
{
    const char *found = strstr(*at, text);
    if (found == NULL) {
        return false;
    }
    *at = found + strlen(text);
    return true;
}

void hs_log_blanks(const char **at)
{
    while (**at == ' ') {
        (*at)++;
    }
}

static bool scan_base(const char **at, uint64_t base, uint64_t *value)
{
    const char *p = *at;
    uint64_t sum = 0;
    for (;; p++) {
        int c = tolower((unsigned char)*p);
        uint64_t digit = isdigit(c) ? (uint64_t)(c - '0') : (uint64_t)(c - 'a') + 10;
        if (!isalnum(c) || digit >= base) {
            break;
        }
        if (sum > (UINT64_MAX - digit) / base) {
            return false;
        }
        sum = sum * base + digit;
    }
    if (p == *at) {
        return false;
    }
    *at = p;
    *value = sum;
    return true;
}

bool hs_log_dec(const char **at, uint64_t *value)
{
    return scan_base(at, 10, value);
}

bool hs_log_hex(const char **at, uint64_t *value)
{
    const char *p = *at;
    if (p[0] == '0' && (p[1] == 'x' || p[1] == 'X')) {
        p += 2;
    }
    if (!scan_base(&p, 16, value)) {
        return false;
    }
    *at = p;
    return true;
}

bool hs_log_number(const char **at, uint64_t *value)
{
    const char *p = *at;
    return p[0] == '0' && (p[1] == 'x' || p[1] == 'X') ? hs_log_hex(at, value)
                                                       : hs_log_dec(at, value);
}

bool hs_log_word(const char **at, char *word, size_t size)
{
    hs_log_blanks(at);
    size_t length = strcspn(*at, " ");
    if (length == 0) {
        return false;
    }
    size_t kept = length < size - 1 ? length : size - 1;
    memcpy(word, *at, kept);
    word[kept] = 0;
    *at += length;
    return true;
}

bool hs_log_end(const char *at)
{
    hs_log_blanks(&at);
    return *at == 0;
}

#include "json.h"

#include <stdlib.h>
#include <string.h>

static _Thread_local bool lost;

/* Length of the UTF-8 sequence at `s`, 0 when it is none (RFC 3629). */
static size_t utf8_length(const unsigned char *s)
{
    static const struct {
        unsigned char first, last, low, high, length;
    } rows[] = {
        {0x01, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (*s < rows[i].first || *s > rows[i].last) {
            continue;
        }
        size_t length = rows[i].length;
        if (length > 1 && (s[1] < rows[i].low || s[1] > rows[i].high)) {
            return 0;
        }
        for (size_t k = 2; k < length; k++) {
            if (s[k] < 0x80 || s[k] > 0xbf) {
                return 0;
            }
        }
        return length;
    }
    return 0;
}

json_t *hs_json_text(const char *text)
{
    static const char unknown[] = "\xef\xbf\xbd";
    size_t most = sizeof unknown - 1;
    char *clean = malloc(most * strlen(text) + 1);
    char *to = clean;
    for (const unsigned char *s = (const unsigned char *)text; clean != NULL && *s != 0;) {
        size_t length = utf8_length(s);
        size_t put = length > 0 ? length : most;
        memcpy(to, length > 0 ? (const char *)s : unknown, put);
        to += put;
        s += length > 0 ? length : 1;
    }
    lost = lost || clean == NULL;
    json_t *string = clean != NULL ? json_stringn(clean, (size_t)(to - clean)) : NULL;
    free(clean);
    return string;
}

/* --- what is lost --- */

static json_malloc_t true_malloc;
static json_free_t true_free;

static void *watched_malloc(size_t size)
{
    void *block = true_malloc(size);
    lost = lost || (block == NULL && size != 0);
    return block;
}

/* jansson's allocator is the process's: whatever it was goes on behind the watch. */
__attribute__((constructor)) static void watch(void)
{
    json_get_alloc_funcs(&true_malloc, &true_free);
    json_set_alloc_funcs(watched_malloc, true_free);
}

void hs_json_lose(void)
{
    lost = true;
}

bool hs_json_lost(void)
{
    bool result = lost;
    lost = false;
    return result;
}

char *hs_json_dump(const json_t *json, size_t flags, hs_error *error)
{
    char *text = json_dumps(json, flags);
    if (hs_json_lost() || text == NULL) {
        hs_error_set(error, NULL, 0, "the host is out of memory");
        free(text);
        return NULL;
    }
    return text;
}

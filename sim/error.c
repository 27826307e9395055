#include "error.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "trace_scan.h"

static size_t put_place(hs_error *error, const char *file, uint64_t line)
{
    int used = 0;
    if (file != NULL && line != 0) {
        used = snprintf(error->text, sizeof error->text, "%s:%" PRIu64 ": ", file, line);
    } else if (file != NULL) {
        used = snprintf(error->text, sizeof error->text, "%s: ", file);
    }
    return used > 0 && (size_t)used < sizeof error->text ? (size_t)used : 0;
}

void hs_error_set(hs_error *error, const char *file, uint64_t line, const char *format, ...)
{
    if (error == NULL || error->text[0] != 0) {
        return;
    }
    size_t used = put_place(error, file, line);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->text + used, sizeof error->text - used, format, arguments);
    va_end(arguments);
    for (char *c = error->text; *c != 0; c++) {
        if (!hs_text_is_plain(c, 1) || *c == '\t') {
            *c = '?';
        } else if ((unsigned char)c[0] == 0xc2 && !hs_text_is_plain(c, 2)) {
            c[0] = c[1] = '?';
        }
    }
}

bool hs_error_of_host(const hs_error *error)
{
    return strstr(error->text, "the host ") != NULL ||
           strstr(error->text, strerror(ENOMEM)) != NULL;
}

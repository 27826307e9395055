/* JSON that is whole: values of outside text, and a dump that notices what jansson had no memory
 * for. jansson leaves out a value that it could not make, and few of its callers look. */
#ifndef HS_JSON_H
#define HS_JSON_H

#include <jansson.h>
#include <stdbool.h>

#include "error.h"

/* A string of any bytes: what is no UTF-8 becomes U+FFFD. */
json_t *hs_json_text(const char *text);

/* Whether this thread's jansson lacked memory since it was asked last; NULL values of other reasons
 * are not noticed. */
bool hs_json_lost(void);
/* Says so of a value for which the caller had no memory. */
void hs_json_lose(void);

/* json_dumps() of a value of which nothing was lost; the caller frees it. NULL with *error. */
char *hs_json_dump(const json_t *json, size_t flags, hs_error *error);

#endif

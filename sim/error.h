/* One error, as one line for a person: file, line, what was found, what was expected. */
#ifndef HS_ERROR_H
#define HS_ERROR_H

#include <stdbool.h>
#include <stdint.h>

#include "heapsim.h"

/* Writes "FILE:LINE: MESSAGE" (without LINE when it is 0, without FILE when it is NULL), cut to
 * fit. Control characters that came from a file are shown as '?'. */
__attribute__((format(printf, 4, 5))) void hs_error_set(hs_error *error, const char *file,
                                                        uint64_t line, const char *format, ...);

/* Whether the error is the host's: memory that it does not have. What is read is not at fault. */
bool hs_error_of_host(const hs_error *error);

#endif

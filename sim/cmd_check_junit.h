/* Of the command alone, so that the library does not need Mini-XML. */
#ifndef HS_CMD_CHECK_JUNIT_H
#define HS_CMD_CHECK_JUNIT_H

#include "check.h"

/* All scenarios as JUnit XML: a suite for each, a case for each cell. Whole or not at all. */
int hs_check_junit(const hs_check *checks, size_t count, const char *path, hs_error *error);

#endif

/* Where the data that ship with heapsim are found. */
#ifndef HS_DATA_PATH_H
#define HS_DATA_PATH_H

#include <stddef.h>

#include "error.h"

enum hs_data_kind { HS_DATA_TRACE, HS_DATA_LAYOUT, HS_DATA_POLICY, HS_DATA_SCENARIO };

/* The path of a trace, layout, policy or scenario: a file of exactly this name first, then what
 * stands under this name (with or without the kind's suffix) in the directories of HEAPSIM_PATH,
 * then beside the files of hs_data_look_beside(), then in the data directory of the source tree or
 * installation, found from the executable. The caller frees it. NULL and *error, which names what
 * lies near, when there is none. */
char *hs_data_find(enum hs_data_kind kind, const char *name, hs_error *error);

/* From now on names are also looked for in the folder of this file, which names others, and in its
 * `layouts`, `policies` and `traces`. 0, or -1 with *error: the host is out of memory. */
int hs_data_look_beside(const char *path, hs_error *error);

/* Names of all data of a kind, without suffix, sorted, each once; calls visit(context, name, path).
 * 0, or -1 with *error: a folder cannot be read, or the host is out of memory. */
int hs_data_list(enum hs_data_kind kind,
                 void (*visit)(void *context, const char *name, const char *path), void *context,
                 hs_error *error);

#endif

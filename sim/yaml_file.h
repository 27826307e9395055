/* YAML files of this project: libcyaml with a schema, errors as one line, bounded input.
 *
 * Each value of a file has a path: `regions[2].size`. Schemas read numbers as text; the functions
 * below turn that text into numbers, so that every value gives the same kind of error.
 */
#ifndef HS_YAML_FILE_H
#define HS_YAML_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cyaml/cyaml.h>

#include "error.h"

#define HS_YAML_BYTES_MAX (1024u * 1024u) /* a larger file is refused */
#define HS_YAML_DEPTH_MAX 16u             /* nesting of lists and mappings */
#define HS_YAML_KEYS_MAX  256u            /* keys of one mapping */
#define HS_YAML_TEXT_MAX  4096u           /* bytes of one value */

/* Names in files: letters, digits, '.', '_', '-', at most this many. */
#define HS_YAML_NAME_MAX 64u

enum hs_yaml_kind { HS_YAML_NONE, HS_YAML_SCALAR, HS_YAML_LIST, HS_YAML_MAPPING };

typedef struct hs_yaml hs_yaml;

/* Reads the file and its structure. NULL and *error when it cannot be read, is not YAML, holds
 * other than one document, an anchor, alias, tag or a key twice, or exceeds a bound above. */
hs_yaml *hs_yaml_open(const char *path, hs_error *error);

/* The same from memory; `path` is what errors name. The text is copied. */
hs_yaml *hs_yaml_open_text(const char *path, const char *text, size_t size, hs_error *error);

/* Loads by schema (top level CYAML_FLAG_POINTER) into *data, to be freed with hs_yaml_unload().
 * 0, or -1 with *error and *data NULL: unknown or missing key, wrong kind, not one of an
 * enumeration, too many or too few entries. */
int hs_yaml_load(const hs_yaml *yaml, const cyaml_schema_value_t *schema, void **data,
                 hs_error *error);
void hs_yaml_unload(const cyaml_schema_value_t *schema, void *data); /* NULL data is ignored */

/* NULL is ignored. What was loaded stays. */
void hs_yaml_close(hs_yaml *yaml);

/* What is at a path; HS_YAML_NONE when nothing is. "" is the whole document. */
enum hs_yaml_kind hs_yaml_kind_at(const hs_yaml *yaml, const char *path);

/* Line of the value at the path, else of the nearest value around it; 0 in an empty file. */
uint64_t hs_yaml_line_at(const hs_yaml *yaml, const char *path);

/* Key `index` of the mapping at the path, in file order, for a schema whose keys the file chooses.
 * NULL behind the last. Lives as long as `yaml`. */
const char *hs_yaml_key_at(const hs_yaml *yaml, const char *path, size_t index);

/* Sets "FILE:LINE: MESSAGE" with the line of the value at `path`. */
__attribute__((format(printf, 4, 5))) void hs_yaml_fail(const hs_yaml *yaml, hs_error *error,
                                                        const char *path, const char *format, ...);

/* 123, 0x7b, 48K, 4M; false when it is none of these or exceeds 32 bits. */
bool hs_yaml_parse_size(const char *text, uint32_t *value);
/* 1% to 100%. */
bool hs_yaml_parse_percent(const char *text, uint32_t *value);
/* A name as above. */
bool hs_yaml_is_name(const char *text);

/* `text`, loaded from `path`, as a size from `min` to `max`. 0, or -1 with *error. */
int hs_yaml_size(const hs_yaml *yaml, const char *path, const char *text, uint32_t min,
                 uint32_t max, uint32_t *value, hs_error *error);
/* Checks that `text`, loaded from `path`, is a name. 0, or -1 with *error. */
int hs_yaml_name(const hs_yaml *yaml, const char *path, const char *text, hs_error *error);

/* Strict values of `key: true | false`, read with CYAML_FIELD_ENUM into an int (libcyaml's own
 * booleans take any word for true). */
extern const cyaml_strval_t hs_yaml_bools[2];

#endif

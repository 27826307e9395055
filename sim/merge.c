#include "merge.h"

#include <stdlib.h>
#include <string.h>

#include "compare.h"
#include "input.h"
#include "json.h"

enum { NAMED_MAX = 20 };
#define PART_BYTES_MAX ((uint64_t)1 << 30)

typedef struct merging {
    json_t *json;
    json_t *cells;   /* of json */
    json_t *summary; /* of json */
    size_t *from;    /* of each cell, the part that held it */
    const char *const *paths;
    hs_error *error;
} merging;

/* --- read --- */

typedef struct source {
    hs_input *input;
    hs_error *error;
    bool failed;
    uint64_t size;
} source;

static size_t read_some(void *bytes, size_t max, void *data)
{
    source *s = data;
    long got = hs_input_read(s->input, bytes, max, s->error);
    s->size += got > 0 ? (uint64_t)got : 0;
    if (s->size > PART_BYTES_MAX) {
        hs_error_set(s->error, hs_input_path(s->input), 0,
                     "found a part of more than 1 GiB, expected less");
        got = -1;
    }
    s->failed = got < 0;
    return got < 0 ? (size_t)-1 : (size_t)got;
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

static bool is_pending(const json_t *cell)
{
    return strcmp(text_of(cell, "state"), "pending") == 0;
}

/* What a cell is called. */
static const char *const names[] = {"id", "layout", "policy", "scenario"};
enum { NAMES = sizeof names / sizeof names[0] };

static bool is_part(const json_t *json)
{
    const json_t *cells = json_object_get(json, "cells");
    bool ok = json_integer_value(json_object_get(json, "heapsim")) == 1 && json_is_array(cells) &&
              json_array_size(cells) != 0 && json_is_array(json_object_get(json, "summary"));
    for (size_t i = 0; ok && i < json_array_size(cells); i++) {
        const json_t *cell = json_array_get(cells, i);
        ok = text_of(cell, "state")[0] != 0 && json_is_integer(json_object_get(cell, "seed"));
        for (size_t k = 0; k < NAMES; k++) {
            ok = ok && text_of(cell, names[k])[0] != 0;
        }
    }
    return ok;
}

static json_t *read_part(const char *path, hs_error *error)
{
    source s = {.input = hs_input_open(path, error), .error = error};
    if (s.input == NULL) {
        return NULL;
    }
    json_error_t wrong;
    json_t *json = json_load_callback(read_some, &s, JSON_REJECT_DUPLICATES, &wrong);
    if (hs_json_lost()) {
        hs_error_set(error, path, 0, "the host is out of memory");
        json_decref(json);
        json = NULL;
    } else if (s.failed) { /* maybe behind whole JSON: a checksum that does not fit, a cut */
        json_decref(json);
        json = NULL;
    } else if (json == NULL) {
        hs_error_set(error, path, wrong.line > 0 ? (uint64_t)wrong.line : 0,
                     "found %s, expected a part written by heapsim compare --json", wrong.text);
    } else if (json != NULL && !is_part(json)) {
        hs_error_set(error, path, 0,
                     "found other JSON, expected a part written by heapsim compare --json");
        json_decref(json);
        json = NULL;
    }
    hs_input_close(s.input);
    return json;
}

/* --- summary --- */

/* The length of an id without its seed, or 0: it has none. */
static size_t base_length(const char *id)
{
    const char *last = strrchr(id, '/');
    return last != NULL && strncmp(last, "/seed=", 6) == 0 ? (size_t)(last - id) : 0;
}

/* Cells from `first` on that differ only in their seed, which grows: how many. */
static size_t seeds_from(const json_t *cells, size_t first)
{
    const json_t *cell = json_array_get(cells, first);
    const char *id = text_of(cell, "id");
    size_t length = base_length(id);
    size_t count = 1;
    while (length != 0 && first + count < json_array_size(cells)) {
        const json_t *next = json_array_get(cells, first + count);
        const char *other = text_of(next, "id");
        if (base_length(other) != length || strncmp(id, other, length) != 0 ||
            json_integer_value(json_object_get(next, "seed")) <=
                json_integer_value(json_object_get(cell, "seed"))) {
            break;
        }
        cell = next;
        count++;
    }
    return count;
}

/* As hs_cell_outcome(). A crash has no class. */
static size_t outcome_of(const json_t *cell)
{
    if (strcmp(text_of(cell, "outcome"), "failed") != 0) {
        return 0;
    }
    const char *name = text_of(json_object_get(cell, "failure"), "class");
    size_t outcome = 1;
    while (outcome < HS_CELL_CRASHED && strcmp(name, hs_cell_outcome_name(outcome)) != 0) {
        outcome++;
    }
    return outcome;
}

static json_t *summary_of(const json_t *cells, size_t first, size_t count, json_int_t orders)
{
    uint64_t hits[HS_CELL_OUTCOMES] = {0};
    for (size_t i = first; i < first + count; i++) {
        const json_t *cell = json_array_get(cells, i);
        if (strcmp(text_of(cell, "state"), "done") == 0) {
            hits[outcome_of(cell)]++;
        }
    }
    const char *id = text_of(json_array_get(cells, first), "id");
    return hs_summary_json(id, base_length(id), hits, (size_t)orders);
}

/* The summary anew, from the cells. What is told apart from cells only by `old`, a summary of the
 * same grid with other cells done, is which cells it has and how many orders there are. NULL: `old`
 * is not of these cells, or the host is out of memory. */
static json_t *summarise(const json_t *cells, const json_t *old)
{
    json_t *summary = json_array();
    size_t used = 0;
    for (size_t i = 0; i < json_array_size(cells);) {
        const json_t *entry = json_array_get(old, used);
        const char *id = text_of(json_array_get(cells, i), "id");
        const char *base = text_of(entry, "cell");
        size_t seeds = seeds_from(cells, i);
        if (seeds > 1 && strlen(base) == base_length(id) && strncmp(base, id, strlen(base)) == 0) {
            json_int_t orders = json_integer_value(json_object_get(entry, "orders"));
            json_array_append_new(summary, summary_of(cells, i, seeds, orders));
            used++;
        }
        i += seeds;
    }
    if (used != json_array_size(old) || json_array_size(summary) != used) {
        json_decref(summary);
        return NULL;
    }
    return summary;
}

/* Refuses a part whose summary is not what its cells say: the joined one would be wrong too. */
static int check_summary(const json_t *part, const char *path, hs_error *error)
{
    const json_t *old = json_object_get(part, "summary");
    json_t *summary = summarise(json_object_get(part, "cells"), old);
    bool equal = summary != NULL && json_equal(summary, old);
    json_decref(summary);
    if (hs_json_lost()) {
        hs_error_set(error, path, 0, "the host is out of memory");
        return -1;
    }
    if (!equal) {
        hs_error_set(error, path, 0, "found a summary that is not that of its cells");
        return -1;
    }
    return 0;
}

/* --- join --- */

static bool same_cell(const json_t *a, const json_t *b)
{
    for (size_t i = 0; i < NAMES; i++) {
        if (strcmp(text_of(a, names[i]), text_of(b, names[i])) != 0) {
            return false;
        }
    }
    return json_equal(json_object_get(a, "seed"), json_object_get(b, "seed"));
}

static int check_grid(const merging *m, const json_t *part, size_t number)
{
    const json_t *cells = json_object_get(part, "cells");
    const json_t *summary = json_object_get(part, "summary");
    const char *path = m->paths[number];
    size_t count = json_array_size(m->cells);
    if (json_array_size(cells) != count) {
        hs_error_set(m->error, path, 0, "found a part of %zu cells, expected %zu as in %s",
                     json_array_size(cells), count, m->paths[0]);
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        const json_t *found = json_array_get(cells, i);
        const json_t *expected = json_array_get(m->cells, i);
        if (!same_cell(found, expected)) {
            hs_error_set(m->error, path, 0,
                         "found %s as cell %zu, expected %s as in %s: parts of different grids",
                         text_of(found, "id"), i + 1, text_of(expected, "id"), m->paths[0]);
            return -1;
        }
    }
    bool same = json_array_size(summary) == json_array_size(m->summary);
    for (size_t i = 0; same && i < json_array_size(summary); i++) {
        same = json_equal(json_object_get(json_array_get(summary, i), "orders"),
                          json_object_get(json_array_get(m->summary, i), "orders"));
    }
    if (!same) {
        hs_error_set(m->error, path, 0,
                     "found other orders of steps than in %s: parts of different "
                     "grids",
                     m->paths[0]);
        return -1;
    }
    return 0;
}

static int add_cells(merging *m, json_t *part, size_t number)
{
    json_t *cells = json_object_get(part, "cells");
    for (size_t i = 0; i < json_array_size(cells); i++) {
        json_t *new = json_array_get(cells, i);
        const json_t *old = json_array_get(m->cells, i);
        if (is_pending(new)) {
            continue;
        }
        if (is_pending(old)) {
            m->from[i] = number;
            if (json_array_set(m->cells, i, new) != 0) {
                hs_error_set(m->error, NULL, 0, "the host is out of memory");
                return -1;
            }
        } else if (!json_equal(old, new)) {
            hs_error_set(m->error, m->paths[number], 0,
                         "found another result of cell %zu, %s, than in %s", i + 1,
                         text_of(new, "id"), m->paths[m->from[i]]);
            return -1;
        }
    }
    return 0;
}

static int add_part(merging *m, size_t number)
{
    json_t *part = read_part(m->paths[number], m->error);
    if (part == NULL || check_summary(part, m->paths[number], m->error) != 0) {
        json_decref(part);
        return -1;
    }
    if (number > 0) {
        int result = check_grid(m, part, number) == 0 ? add_cells(m, part, number) : -1;
        json_decref(part);
        return result;
    }
    m->json = part;
    m->cells = json_object_get(part, "cells");
    m->summary = json_object_get(part, "summary");
    m->from = calloc(json_array_size(m->cells), sizeof *m->from);
    if (m->from == NULL) {
        hs_error_set(m->error, NULL, 0, "the host is out of memory");
        return -1;
    }
    return 0;
}

json_t *hs_merge_parts(const char *const *paths, size_t count, hs_error *error)
{
    merging m = {.paths = paths, .error = error};
    int result = 0;
    for (size_t i = 0; i < count && result == 0; i++) {
        result = add_part(&m, i);
    }
    json_t *summary = result == 0 ? summarise(m.cells, m.summary) : NULL;
    if (result == 0 && (summary == NULL || json_object_set(m.json, "summary", summary) != 0)) {
        hs_error_set(error, NULL, 0, "the host is out of memory");
        result = -1;
    }
    json_decref(summary);
    free(m.from);
    if (result != 0) {
        json_decref(m.json);
        return NULL;
    }
    return m.json;
}

size_t hs_merge_missing(const json_t *merged, FILE *out)
{
    const json_t *cells = json_object_get(merged, "cells");
    size_t missing = 0;
    for (size_t i = 0; i < json_array_size(cells); i++) {
        const json_t *cell = json_array_get(cells, i);
        if (is_pending(cell) && ++missing <= NAMED_MAX) {
            fprintf(out, "missing: cell %zu %s\n", i + 1, text_of(cell, "id"));
        }
    }
    if (missing > NAMED_MAX) {
        fprintf(out, "missing: %zu more\n", missing - NAMED_MAX);
    }
    return missing;
}

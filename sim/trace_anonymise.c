#include "trace_anonymise.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAMES_MAX = 1 << 14, TABLE = 2 * NAMES_MAX, NAME_ROOM = 32 };

/* Names seen of one kind, in the order of their first use. */
typedef struct name_table {
    char **names;
    uint16_t numbers[TABLE]; /* index + 1 */
    size_t count;
} name_table;

static size_t find_place(const name_table *t, const char *name)
{
    uint32_t hash = 2166136261u;
    for (const char *c = name; *c != 0; c++) {
        hash = (hash ^ (unsigned char)*c) * 16777619u;
    }
    size_t at = hash % TABLE;
    while (t->numbers[at] != 0 && strcmp(t->names[t->numbers[at] - 1], name) != 0) {
        at = (at + 1) % TABLE;
    }
    return at;
}

/* Number of the name, from 1; 0 with *error. */
static unsigned number_of(name_table *t, const char *name, hs_error *error)
{
    size_t at = find_place(t, name);
    if (t->numbers[at] == 0) {
        if (t->count == NAMES_MAX) {
            hs_error_set(error, NULL, 0, "found more than %d different names", NAMES_MAX);
            return 0;
        }
        if ((t->names[t->count] = strdup(name)) == NULL) {
            hs_error_set(error, NULL, 0, "the host is out of memory");
            return 0;
        }
        t->numbers[at] = (uint16_t)++t->count;
    }
    return t->numbers[at];
}

static name_table *create_table(void)
{
    name_table *t = calloc(1, sizeof *t);
    if (t != NULL && (t->names = calloc(NAMES_MAX, sizeof *t->names)) == NULL) {
        free(t);
        return NULL;
    }
    return t;
}

static void destroy_table(name_table *t)
{
    for (size_t i = 0; t != NULL && i < t->count; i++) {
        free(t->names[i]);
    }
    if (t != NULL) {
        free(t->names);
    }
    free(t);
}

typedef struct anonymiser {
    hs_trace *trace;
    hs_trace_writer *writer;
    uint32_t shift;
    name_table *phases;
    name_table *marks;
    char (*owner_names)[NAME_ROOM];
    hs_trace_header header;
} anonymiser;

static int make_header(anonymiser *a)
{
    const hs_trace_header *from = hs_trace_get_header(a->trace);
    a->header = *from;
    a->header.title = from->title != NULL ? "anonymised trace" : NULL;
    a->header.device = from->device != NULL ? "anonymised" : NULL;
    a->header.source_count = from->source_count != 0;
    a->header.sources[0] = "anonymised: names, title, device and sources were replaced";
    a->header.owners = calloc(from->owner_count + 1, sizeof *a->header.owners);
    a->owner_names = calloc(from->owner_count + 1, sizeof *a->owner_names);
    if (a->header.owners == NULL || a->owner_names == NULL) {
        return -1;
    }
    for (size_t i = 0; i < from->owner_count; i++) {
        snprintf(a->owner_names[i], NAME_ROOM, "owner%zu", i + 1);
        a->header.owners[i] = from->owners[i];
        a->header.owners[i].name = a->owner_names[i];
    }
    return 0;
}

static int copy_event(anonymiser *a, const hs_event *event, hs_error *error)
{
    hs_event copy = *event;
    char name[NAME_ROOM];
    if (event->op == HS_OP_PHASE || event->op == HS_OP_MARK) {
        hs_error wrong = {{0}};
        unsigned number =
            number_of(event->op == HS_OP_PHASE ? a->phases : a->marks, event->name, &wrong);
        if (number == 0) {
            hs_error_set(error, hs_trace_path(a->trace), event->line, "%s", wrong.text);
            return -1;
        }
        snprintf(name, sizeof name, "%s%u", hs_op_name((enum hs_op)event->op), number);
        copy.name = name;
    }
    if (event->addr != 0 && event->op != HS_OP_REGION) {
        copy.addr += a->shift;
    }
    return hs_trace_write(a->writer, &copy, error);
}

static int copy_events(anonymiser *a, hs_error *error)
{
    hs_event events[256];
    long count;
    while ((count = hs_trace_read(a->trace, events, 256, error)) > 0) {
        for (long i = 0; i < count; i++) {
            if (copy_event(a, &events[i], error) != 0) {
                return -1;
            }
        }
    }
    return (int)count;
}

int hs_trace_anonymise(hs_trace *trace, const char *path, uint32_t shift, hs_error *error)
{
    anonymiser a = {.trace = trace, .shift = shift};
    int result = -1;
    a.phases = create_table();
    a.marks = create_table();
    if (a.phases == NULL || a.marks == NULL || make_header(&a) != 0) {
        hs_error_set(error, hs_trace_path(trace), 0, "the host is out of memory");
    } else {
        a.writer = hs_trace_writer_open(path, &a.header, error);
        result = a.writer != NULL ? copy_events(&a, error) : -1;
    }
    if (result == 0) {
        result = hs_trace_writer_close(a.writer, error);
    } else {
        hs_trace_writer_abandon(a.writer);
    }
    free(a.header.owners);
    free(a.owner_names);
    destroy_table(a.phases);
    destroy_table(a.marks);
    return result;
}

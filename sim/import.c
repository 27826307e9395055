#include "import.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "import_board.h"
#include "import_trace.h"

/* A format more is a row more. Order: that in which --help shows them, and for layouts that in
 * which a line is offered. */
static const hs_import_reader *const readers[] = {
    &hs_import_capture,  &hs_import_heap_trace, &hs_import_heaptrack, &hs_import_mtrace,
    &hs_import_boot_log, &hs_import_heap_info,  &hs_import_heap_dump, &hs_import_idf_heap_info,
    &hs_import_mem_info, &hs_import_failure,
};
enum { READERS = sizeof readers / sizeof readers[0] };

static const char *const all_boards = "layout";

const hs_import_format *hs_import_format_row(size_t index)
{
    return index < READERS ? &readers[index]->format : NULL;
}

void hs_import_note(hs_import *import, const char *format, ...)
{
    hs_import_report *report = import->report;
    char text[sizeof report->notes[0]];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    for (size_t i = 0; i < report->note_count; i++) {
        if (strcmp(report->notes[i], text) == 0) {
            return;
        }
    }
    if (report->note_count < HS_IMPORT_NOTES_MAX) {
        memcpy(report->notes[report->note_count++], text, sizeof text);
    }
}

/* --- Which format ----------------------------------------------------------------------------- */

/* Counts for each reader the lines that are surely its own. -1 with *error: no memory. */
static int count_lines(const hs_import_request *request, uint64_t counts[READERS], hs_error *error)
{
    hs_import_lines *lines = calloc(1, sizeof *lines);
    if (lines == NULL) {
        hs_error_set(error, request->name, 0, "the host is out of memory");
        return -1;
    }
    lines->data = request->data;
    lines->size = request->size;
    while (hs_import_next_line(lines)) {
        for (size_t i = 0; i < READERS; i++) {
            counts[i] += readers[i]->sniff(lines->text) ? 1 : 0;
        }
    }
    free(lines);
    return 0;
}

static const hs_import_reader *find_reader(const char *name)
{
    for (size_t i = 0; i < READERS; i++) {
        if (strcmp(readers[i]->format.name, name) == 0) {
            return readers[i];
        }
    }
    return NULL;
}

static int unknown_format(const hs_import_request *request, hs_error *error)
{
    char list[256] = "";
    size_t used = 0;
    for (size_t i = 0; i < READERS; i++) {
        used += (size_t)snprintf(list + used, sizeof list - used, "%s, ", readers[i]->format.name);
    }
    hs_error_set(error, NULL, 0, "found format '%s', expected one of: %s%s", request->format, list,
                 all_boards);
    return -1;
}

/* The reader; NULL: all readers of boards together. */
static int choose(const hs_import_request *request, const hs_import_reader **chosen,
                  hs_import_report *report, hs_error *error)
{
    *chosen = NULL;
    if (request->format != NULL && strcmp(request->format, all_boards) != 0) {
        *chosen = find_reader(request->format);
        return *chosen != NULL ? 0 : unknown_format(request, error);
    }
    if (request->format != NULL) {
        return 0;
    }
    uint64_t counts[READERS] = {0};
    if (count_lines(request, counts, error) != 0) {
        return -1;
    }
    uint64_t best = 0;
    uint64_t board = 0;
    for (size_t i = 0; i < READERS; i++) {
        bool trace = readers[i]->format.yields == HS_IMPORT_TRACE;
        board += trace ? 0 : counts[i];
        if (trace && counts[i] > best) {
            best = counts[i];
            *chosen = readers[i];
        }
    }
    if (best == 0 && board == 0) {
        hs_error_set(error, request->name, 0,
                     "found no line of a known format, expected one of those that "
                     "`heapsim trace import --help` shows");
        return -1;
    }
    hs_import import = {.request = request, .report = report};
    if (best != 0 && board != 0) {
        hs_import_note(&import,
                       "the log also holds %" PRIu64 " lines about the board's heap: "
                       "--format layout imports those",
                       board);
    }
    return 0;
}

bool hs_import_find(const hs_import_request *request, hs_import_report *report, hs_error *error)
{
    const hs_import_reader *reader;
    memset(report, 0, sizeof *report);
    if (choose(request, &reader, report, error) != 0) {
        return false;
    }
    report->format = reader != NULL ? reader->format.name : all_boards;
    report->yields = reader != NULL ? reader->format.yields : HS_IMPORT_LAYOUT;
    return true;
}

/* --- Running readers -------------------------------------------------------------------------- */

/* Offers a line to one reader, or to all readers of boards. */
static bool read_line(hs_import *import, const hs_import_reader *reader, const char *line)
{
    if (reader != NULL) {
        return reader->line(import, line);
    }
    for (size_t i = 0; i < READERS; i++) {
        if (readers[i]->format.yields == HS_IMPORT_LAYOUT && readers[i]->line(import, line)) {
            return true;
        }
    }
    return false;
}

/* All lines from `start_line` on. -1 with *error. */
static int read_lines(hs_import *import, const hs_import_reader *reader, uint64_t start_line,
                      hs_error *error)
{
    hs_import_lines *lines = calloc(1, sizeof *lines);
    import->no_memory |= lines == NULL;
    if (lines != NULL) {
        lines->data = import->request->data;
        lines->size = import->request->size;
    }
    import->report->lines = import->report->used = import->report->damaged = 0;
    while (!import->no_memory && import->error.text[0] == 0 && hs_import_next_line(lines)) {
        import->line = lines->number;
        import->report->lines++;
        if (lines->number >= start_line && read_line(import, reader, lines->text)) {
            import->report->used++;
        }
    }
    free(lines);
    if (!import->no_memory && import->error.text[0] == 0 && reader != NULL && reader->end != NULL) {
        reader->end(import);
    }
    if (import->no_memory) {
        hs_error_set(error, import->request->name, 0, "the host is out of memory");
        return -1;
    }
    if (import->error.text[0] != 0) {
        *error = import->error;
        return -1;
    }
    return 0;
}

static int one_pass(hs_import *import, const hs_import_reader *reader, uint64_t start_line,
                    hs_error *error)
{
    import->state = calloc(1, reader->state_size + 1);
    if (import->state == NULL) {
        hs_error_set(error, import->request->name, 0, "the host is out of memory");
        return -1;
    }
    int result = read_lines(import, reader, start_line, error);
    if (reader->release != NULL) {
        reader->release(import->state);
    }
    free(import->state);
    import->state = NULL;
    return result;
}

static int import_trace(hs_import *import, const hs_import_reader *reader, hs_import_sink sink,
                        hs_error *error)
{
    import->trace = hs_import_trace_create();
    if (import->trace == NULL) {
        hs_error_set(error, import->request->name, 0, "the host is out of memory");
        return -1;
    }
    int result = one_pass(import, reader, 0, error);
    if (result == 0) {
        hs_import_trace_learned(import);
        if (import->report->events == 0) {
            hs_error_set(error, import->request->name, 0, "found no event of format %s to import",
                         reader->format.name);
            result = -1;
        }
    }
    hs_import_report report = *import->report;
    if (result == 0) {
        result = hs_import_trace_emit(import, sink, error);
    }
    if (result == 0) {
        result = one_pass(import, reader, hs_import_trace_start_line(import->trace), error);
    }
    if (result == 0) {
        result = hs_import_trace_end(import, error);
    }
    *import->report = report; /* the second pass counted from its own start */
    hs_import_trace_destroy(import->trace);
    return result;
}

static int import_layout(hs_import *import, const hs_import_reader *reader, FILE *out,
                         hs_error *error)
{
    import->board = calloc(1, sizeof *import->board);
    int result = -1;
    if (import->board == NULL) {
        hs_error_set(error, import->request->name, 0, "the host is out of memory");
    } else {
        result = read_lines(import, reader, 0, error);
    }
    if (result == 0) {
        result = hs_import_layout_write(import, out, error);
    }
    hs_import_board_release(import->board);
    return result;
}

static int prepare(const hs_import_request *request, const hs_import_reader **reader,
                   hs_import_report *report, hs_error *error)
{
    if (request->size > HS_IMPORT_SIZE_MAX) {
        hs_error_set(error, request->name, 0, "found more than %zu MiB, expected a smaller log",
                     HS_IMPORT_SIZE_MAX >> 20);
        return -1;
    }
    if (!hs_import_find(request, report, error)) {
        return -1;
    }
    *reader = strcmp(report->format, all_boards) == 0 ? NULL : find_reader(report->format);
    return 0;
}

int hs_import_write(const hs_import_request *request, FILE *out, hs_import_report *report,
                    hs_error *error)
{
    hs_import_report unwanted;
    hs_import import = {.request = request, .report = report != NULL ? report : &unwanted};
    const hs_import_reader *reader;
    if (prepare(request, &reader, import.report, error) != 0) {
        return -1;
    }
    if (import.report->yields == HS_IMPORT_LAYOUT) {
        return import_layout(&import, reader, out, error);
    }
    hs_import_text text = {.out = out};
    hs_import_sink sink = {&text, hs_import_text_header, hs_import_text_event};
    return import_trace(&import, reader, sink, error);
}

int hs_import_memory(const char *format, const void *data, size_t size, FILE *out, hs_error *error)
{
    hs_import_request request = {.format = format, .name = "log", .data = data, .size = size};
    return hs_import_write(&request, out, NULL, error);
}

/* --- Into a trace file ------------------------------------------------------------------------ */

typedef struct file_sink {
    const char *path;
    hs_trace_writer *writer;
} file_sink;

static int file_header(void *context, const hs_trace_header *header, hs_error *error)
{
    file_sink *file = context;
    file->writer = hs_trace_writer_open(file->path, header, error);
    return file->writer != NULL ? 0 : -1;
}

static int file_event(void *context, const hs_event *event, hs_error *error)
{
    return hs_trace_write(((file_sink *)context)->writer, event, error);
}

int hs_import_write_trace(const hs_import_request *request, const char *path,
                          hs_import_report *report, hs_error *error)
{
    hs_import import = {.request = request, .report = report};
    const hs_import_reader *reader;
    if (prepare(request, &reader, report, error) != 0) {
        return -1;
    }
    if (report->yields != HS_IMPORT_TRACE) {
        hs_error_set(error, request->name, 0, "found a board's log, expected events of a trace");
        return -1;
    }
    file_sink file = {.path = path};
    hs_import_sink sink = {&file, file_header, file_event};
    if (import_trace(&import, reader, sink, error) != 0) {
        hs_trace_writer_abandon(file.writer);
        return -1;
    }
    return hs_trace_writer_close(file.writer, error);
}

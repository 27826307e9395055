#include "report_file.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"

int hs_report_file_open(hs_report_file *file, const char *path, hs_error *error)
{
    *file = (hs_report_file){.output = hs_output_open(path, error)};
    return file->output != NULL ? 0 : -1;
}

void hs_report_file_put(hs_report_file *file, const char *text, size_t size)
{
    if (!file->failed) {
        file->failed = hs_output_write(file->output, text, size, &file->error) != 0;
    }
}

void hs_report_file_print(hs_report_file *file, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    hs_report_file_put(file, text, length < (int)sizeof text ? (size_t)length : sizeof text - 1);
}

void hs_report_file_csv_name(hs_report_file *file, const char *name)
{
    if (strpbrk(name, ",\"\r\n") == NULL) {
        hs_report_file_put(file, name, strlen(name));
        return;
    }
    hs_report_file_put(file, "\"", 1);
    for (const char *c = name; *c != 0; c++) {
        hs_report_file_put(file, c, 1);
        if (*c == '"') {
            hs_report_file_put(file, "\"", 1);
        }
    }
    hs_report_file_put(file, "\"", 1);
}

void hs_report_file_json_text(hs_report_file *file, const char *text)
{
    json_t *string = hs_json_text(text);
    char *quoted = hs_json_dump(string, JSON_ENCODE_ANY | JSON_ENSURE_ASCII, &file->error);
    if (quoted == NULL) {
        file->failed = true;
    } else {
        hs_report_file_put(file, quoted, strlen(quoted));
    }
    free(quoted);
    json_decref(string);
}

int hs_report_file_close(hs_report_file *file, hs_error *error)
{
    if (file->failed) {
        hs_error_set(error, NULL, 0, "%s", file->error.text);
        hs_report_file_abandon(file);
        return -1;
    }
    return hs_output_close(file->output, error);
}

void hs_report_file_abandon(hs_report_file *file)
{
    hs_output_abandon(file->output);
}

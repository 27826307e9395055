/* A text file that a reporter fills while the run goes on: the first error is kept and told at the
 * end, and the file appears whole or not at all. */
#ifndef HS_REPORT_FILE_H
#define HS_REPORT_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"
#include "output.h"

typedef struct hs_report_file {
    hs_output *output;
    hs_error error;
    bool failed;
} hs_report_file;

/* 0, or -1 with *error. Names as in output.h. */
int hs_report_file_open(hs_report_file *file, const char *path, hs_error *error);
void hs_report_file_put(hs_report_file *file, const char *text, size_t size);
/* At most 511 bytes at a time. */
__attribute__((format(printf, 2, 3))) void hs_report_file_print(hs_report_file *file,
                                                                const char *format, ...);
/* A name as a CSV field: quoted when it must be. */
void hs_report_file_csv_name(hs_report_file *file, const char *name);
/* Any text as a JSON string, in ASCII and with its quotes; bytes that are no UTF-8 as U+FFFD. */
void hs_report_file_json_text(hs_report_file *file, const char *text);
/* 0, or -1 with *error and no file. */
int hs_report_file_close(hs_report_file *file, hs_error *error);
void hs_report_file_abandon(hs_report_file *file);

#endif

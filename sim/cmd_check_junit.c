/* JUnit XML, with libxml2's writer. */
#include "cmd_check_junit.h"

#include <libxml/xmlwriter.h>
#include <stdio.h>
#include <string.h>

#include "output.h"

#define X(text) ((const xmlChar *)(text))

static size_t problems_of(const hs_check *check, const hs_cell *cell)
{
    size_t count = 0;
    for (size_t i = 0; i < check->problem_count; i++) {
        count += check->problems[i].cell == cell;
    }
    return count;
}

static size_t failed_cells(const hs_check *check)
{
    size_t count = problems_of(check, NULL) != 0;
    for (size_t i = 0; i < check->grid.cell_count; i++) {
        count += problems_of(check, &check->grid.cells[i]) != 0;
    }
    return count;
}

static void write_number(xmlTextWriter *writer, const char *name, size_t value)
{
    xmlTextWriterWriteFormatAttribute(writer, X(name), "%zu", value);
}

/* `cell` NULL: what is wrong with the scenario itself. */
static void write_case(xmlTextWriter *writer, const hs_check *check, const hs_cell *cell)
{
    size_t count = problems_of(check, cell);
    xmlTextWriterStartElement(writer, X("testcase"));
    xmlTextWriterWriteAttribute(writer, X("classname"), X(check->grid.scenarios[0]->name));
    xmlTextWriterWriteAttribute(writer, X("name"), X(cell != NULL ? cell->id : "scenario"));
    xmlTextWriterWriteAttribute(writer, X("file"), X(check->path));
    if (cell != NULL && cell->state != HS_CELL_DONE && count == 0) {
        xmlTextWriterStartElement(writer, X("skipped"));
        xmlTextWriterWriteAttribute(writer, X("message"),
                                    X(cell->reason != NULL ? cell->reason : "not replayed"));
        xmlTextWriterEndElement(writer);
    }
    if (count != 0) {
        xmlTextWriterStartElement(writer, X("failure"));
        bool first = true;
        for (size_t i = 0; i < check->problem_count; i++) {
            if (check->problems[i].cell != cell) {
                continue;
            }
            if (first) {
                xmlTextWriterWriteAttribute(writer, X("message"), X(check->problems[i].text));
            }
            first = false;
            xmlTextWriterWriteFormatString(writer, "%s\n", check->problems[i].text);
        }
        xmlTextWriterEndElement(writer);
    }
    xmlTextWriterEndElement(writer);
}

static void write_suite(xmlTextWriter *writer, const hs_check *check)
{
    bool whole = problems_of(check, NULL) != 0;
    size_t skipped = 0;
    for (size_t i = 0; i < check->grid.cell_count; i++) {
        const hs_cell *cell = &check->grid.cells[i];
        skipped += cell->state != HS_CELL_DONE && problems_of(check, cell) == 0;
    }
    xmlTextWriterStartElement(writer, X("testsuite"));
    xmlTextWriterWriteAttribute(writer, X("name"), X(check->grid.scenarios[0]->name));
    write_number(writer, "tests", check->grid.cell_count + whole);
    write_number(writer, "failures", failed_cells(check));
    write_number(writer, "skipped", skipped);
    if (whole) {
        write_case(writer, check, NULL);
    }
    for (size_t i = 0; i < check->grid.cell_count; i++) {
        write_case(writer, check, &check->grid.cells[i]);
    }
    xmlTextWriterEndElement(writer);
}

int hs_check_junit(const hs_check *checks, size_t count, const char *path, hs_error *error)
{
    xmlBuffer *buffer = xmlBufferCreate();
    xmlTextWriter *writer = buffer != NULL ? xmlNewTextWriterMemory(buffer, 0) : NULL;
    bool ok = writer != NULL && xmlTextWriterSetIndent(writer, 1) >= 0 &&
              xmlTextWriterStartDocument(writer, NULL, "UTF-8", NULL) >= 0 &&
              xmlTextWriterStartElement(writer, X("testsuites")) >= 0;
    for (size_t i = 0; ok && i < count; i++) {
        write_suite(writer, &checks[i]);
    }
    ok = ok && xmlTextWriterEndDocument(writer) >= 0; /* fails when any call before it did */
    xmlFreeTextWriter(writer);
    hs_output *output = NULL;
    if (!ok) {
        hs_error_set(error, path, 0, "the XML cannot be made");
    } else {
        output = hs_output_open(path, error);
    }
    ok = output != NULL && hs_output_write(output, xmlBufferContent(buffer),
                                           (size_t)xmlBufferLength(buffer), error) == 0;
    if (ok) {
        ok = hs_output_close(output, error) == 0;
    } else {
        hs_output_abandon(output);
    }
    xmlBufferFree(buffer);
    return ok ? 0 : -1;
}

/* JUnit XML, with Mini-XML. */
#include "cmd_check_junit.h"

#include <mxml.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"

/* Mini-XML goes on without what it has no memory for, be it a node, its name or its text. */
static bool lost;

static void note_lost(const char *message)
{
    (void)message;
    lost = true;
}

/* NULL when there is no memory, also for `parent`. */
static mxml_node_t *add(mxml_node_t *parent, const char *name)
{
    mxml_node_t *node = parent != NULL ? mxmlNewElement(parent, name) : NULL;
    lost = lost || node == NULL || mxmlGetElement(node) == NULL;
    return node;
}

static void set(mxml_node_t *node, const char *name, const char *value)
{
    mxmlElementSetAttr(node, name, value);
    lost = lost || mxmlElementGetAttr(node, name) == NULL;
}

static void set_number(mxml_node_t *node, const char *name, size_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%zu", value);
    set(node, name, text);
}

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

static void add_failure(mxml_node_t *place, const hs_check *check, const hs_cell *cell)
{
    mxml_node_t *failure = add(place, "failure");
    for (size_t i = 0; i < check->problem_count; i++) {
        if (check->problems[i].cell != cell) {
            continue;
        }
        if (mxmlElementGetAttr(failure, "message") == NULL) {
            set(failure, "message", check->problems[i].text);
        }
        mxml_node_t *text = mxmlNewOpaquef(failure, "%s\n", check->problems[i].text);
        lost = lost || failure == NULL || mxmlGetOpaque(text) == NULL;
    }
}

/* `cell` NULL: what is wrong with the scenario itself. */
static void add_case(mxml_node_t *suite, const hs_check *check, const hs_cell *cell)
{
    bool failed = problems_of(check, cell) != 0;
    mxml_node_t *place = add(suite, "testcase");
    set(place, "classname", check->grid.scenarios[0]->name);
    set(place, "name", cell != NULL ? cell->id : "scenario");
    set(place, "file", check->path);
    if (cell != NULL && cell->state != HS_CELL_DONE && !failed) {
        set(add(place, "skipped"), "message", cell->reason != NULL ? cell->reason : "not replayed");
    }
    if (failed) {
        add_failure(place, check, cell);
    }
}

static void add_suite(mxml_node_t *suites, const hs_check *check)
{
    bool whole = problems_of(check, NULL) != 0;
    size_t skipped = 0;
    for (size_t i = 0; i < check->grid.cell_count; i++) {
        const hs_cell *cell = &check->grid.cells[i];
        skipped += cell->state != HS_CELL_DONE && problems_of(check, cell) == 0;
    }
    mxml_node_t *suite = add(suites, "testsuite");
    set(suite, "name", check->grid.scenarios[0]->name);
    set_number(suite, "tests", check->grid.cell_count + whole);
    set_number(suite, "failures", failed_cells(check));
    set_number(suite, "skipped", skipped);
    if (whole) {
        add_case(suite, check, NULL);
    }
    for (size_t i = 0; i < check->grid.cell_count; i++) {
        add_case(suite, check, &check->grid.cells[i]);
    }
}

/* Each element begins a line, and so does the end of one that holds elements. */
static const char *line_begins(mxml_node_t *node, int where)
{
    mxml_node_t *child = mxmlGetFirstChild(node);
    bool holds = child != NULL && mxmlGetType(child) == MXML_ELEMENT;
    bool begins = (where == MXML_WS_BEFORE_OPEN && mxmlGetParent(node) != NULL) ||
                  (where == MXML_WS_BEFORE_CLOSE && holds);
    return begins ? "\n" : NULL;
}

int hs_check_junit(const hs_check *checks, size_t count, const char *path, hs_error *error)
{
    lost = false;
    mxmlSetErrorCallback(note_lost);
    mxml_node_t *xml = mxmlNewXML("1.0");
    lost = lost || mxmlGetElement(xml) == NULL;
    mxml_node_t *suites = add(xml, "testsuites");
    for (size_t i = 0; i < count; i++) {
        add_suite(suites, &checks[i]);
    }
    mxmlSetWrapMargin(0);
    char *text = lost ? NULL : mxmlSaveAllocString(xml, line_begins);
    mxmlDelete(xml);
    if (text == NULL) {
        hs_error_set(error, NULL, 0, "the host is out of memory");
        return -1;
    }
    int result = hs_output_whole(path, text, strlen(text), error);
    free(text);
    return result;
}

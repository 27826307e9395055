/* The HTML page: one file, without network, to look into the heap at every event of one or two
 * runs. The page itself is sim/page; format of its data: sim/page/README.md.
 *
 * Use: hs_html_create() on a run that has replayed nothing yet, replay, hs_run_finish(),
 * hs_html_finish(), then the run may go; hs_html_write() with one or two of them.
 */
#ifndef HS_REPORT_HTML_H
#define HS_REPORT_HTML_H

#include <jansson.h>

#include "error.h"
#include "run.h"

typedef struct hs_html hs_html;

/* Starts to follow `run`, which must outlive hs_html_finish(). `label` (NULL: made of layout and
 * policy) is what the page calls the run. With `compared` the result of each event is kept as well
 * (4 bytes an event), so that hs_html_write() can say where two runs part. NULL with *error: host
 * out of memory, or heapsim was built without the page. Destroy with hs_html_destroy(). */
hs_html *hs_html_create(hs_run *run, const char *label, bool compared, hs_error *error);

/* Takes over what the run ended with. `result` is the run's --json object; it is copied by
 * reference (the caller keeps its own). 0, or -1 with *error when memory ran out at some time. */
int hs_html_finish(hs_html *html, json_t *result, hs_error *error);

/* Writes the page of `count` (1 or 2) finished runs to `path` ("-" is stdout), whole or not at all.
 * 0, or -1 with *error. */
int hs_html_write(const char *path, hs_html *const runs[], size_t count, hs_error *error);

/* NULL is ignored. */
void hs_html_destroy(hs_html *html);

#endif

/* --blocks: when and where every block lived, a row for each. Columns: sim/README.md. */
#include <inttypes.h>
#include <stdlib.h>

#include "block_log.h"
#include "report.h"
#include "report_file.h"
#include "session.h"

typedef struct state {
    hs_report_file file;
    const hs_run *run;
    hs_block_log log;
} state;

static void put_row(state *s, const hs_block_entry *entry, const char *end, bool live)
{
    static const char *const kinds[] = {
        [HS_BLOCK_IDF] = "idf", [HS_BLOCK_GC] = "gc", [HS_BLOCK_AREA] = "area"};
    hs_report_file_print(&s->file, "%s,0x%08" PRIx32 ",%" PRIu32 ",%" PRIu32 ",",
                         kinds[entry->kind], entry->address, entry->size, entry->asked);
    hs_report_file_csv_name(&s->file, hs_block_log_owner_name(&s->log, s->run, entry->owner));
    hs_report_file_print(&s->file, ",%" PRIu64 ",", entry->born);
    if (!live) {
        hs_report_file_print(&s->file, "%" PRIu64, s->run->event);
    }
    hs_report_file_print(&s->file, ",%s\n", end);
}

static void on_born(void *context, const hs_block_entry *entry)
{
    (void)context, (void)entry;
}

static void on_died(void *context, const hs_block_entry *entry, enum hs_block_end end)
{
    static const char *const ends[] = {
        [HS_BLOCK_FREED] = "freed", [HS_BLOCK_COLLECTED] = "collected", [HS_BLOCK_MOVED] = "moved"};
    put_row(context, entry, ends[end], false);
}

static void on_event(void *context, const hs_run *run, const hs_event *event,
                     const hs_outcome *outcome)
{
    hs_block_log_event(&((state *)context)->log, run, event, outcome);
}

static void on_gc(void *context, const hs_run *run, enum hs_gc_notice notice, hs_addr address,
                  uint64_t value)
{
    (void)run, (void)address, (void)value;
    hs_block_log_notice(&((state *)context)->log, notice);
}

static void abandon(void *context)
{
    state *s = context;
    hs_report_file_abandon(&s->file);
    hs_block_log_release(&s->log);
    free(s);
}

static void *begin(const hs_report_target *target, hs_error *error)
{
    static const char head[] = "heap,address,size,asked,owner,born_event,died_event,end\n";
    state *s = calloc(1, sizeof *s);
    if (s == NULL || hs_report_file_open(&s->file, target->argument, error) != 0) {
        hs_error_set(error, NULL, 0, "the host is out of memory");
        free(s);
        return NULL;
    }
    s->run = target->session->run;
    const hs_block_hooks hooks = {s, on_born, on_died, on_born};
    if (hs_block_log_start(&s->log, s->run, &hooks) != 0) {
        hs_error_set(error, NULL, 0, "the host is out of memory");
        abandon(s);
        return NULL;
    }
    hs_report_file_put(&s->file, head, sizeof head - 1);
    hs_run_observe(target->session->run,
                   (hs_observer){.context = s, .event = on_event, .gc = on_gc});
    return s;
}

static int finish(void *context, hs_error *error)
{
    state *s = context;
    hs_block_entry *live = s->log.failed ? NULL : hs_block_log_sorted(&s->log);
    if (live == NULL) {
        hs_error_set(error, NULL, 0, "the host is out of memory");
        abandon(s);
        return -1;
    }
    for (size_t i = 0; i < s->log.count; i++) {
        put_row(s, &live[i], live[i].garbage ? "garbage" : "live", true);
    }
    free(live);
    int result = hs_report_file_close(&s->file, error);
    hs_block_log_release(&s->log);
    free(s);
    return result;
}

const hs_reporter hs_report_blocks = {
    "blocks", "FILE", "when and where every block lived (CSV)", begin, finish, abandon,
};

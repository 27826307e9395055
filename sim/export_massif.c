/* --massif: the run in massif's format, for ms_print and massif-visualizer. Time is the event
 * number; the heap is what blocks were asked for, garbage not yet collected included; extra is what
 * the heaps added to that by rounding. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "block_log.h"
#include "report.h"
#include "report_file.h"
#include "session.h"

#define SNAPSHOTS 100 /* as massif: when there are this many every second one goes */
#define OWNERS    0x10000u

typedef struct snapshot {
    uint64_t event;
    uint64_t asked, extra;
    uint64_t *owners; /* bytes asked for, `count` of them */
    size_t count;
} snapshot;

typedef struct state {
    hs_report_file file;
    const hs_session *session;
    const hs_run *run;
    hs_block_log log;
    uint64_t *owners; /* OWNERS of them */
    uint64_t asked, held;
    uint64_t step; /* events between two snapshots */
    snapshot taken[SNAPSHOTS];
    size_t count;
    snapshot peak;
    bool failed;
} state;

static void on_born(void *context, const hs_block_entry *entry)
{
    state *s = context;
    if (entry->kind != HS_BLOCK_AREA) {
        s->owners[entry->owner] += entry->asked;
        s->asked += entry->asked;
        s->held += entry->size;
    }
}

static void on_died(void *context, const hs_block_entry *entry, enum hs_block_end end)
{
    (void)end;
    state *s = context;
    if (entry->kind != HS_BLOCK_AREA) {
        s->owners[entry->owner] -= entry->asked;
        s->asked -= entry->asked;
        s->held -= entry->size;
    }
}

static void on_dropped(void *context, const hs_block_entry *entry)
{
    (void)context, (void)entry;
}

/* Owners in the order of snapshots: the run's, the layout's, boot and firmware. */
static uint16_t owner_at(const state *s, size_t i)
{
    size_t named = s->run->owner_count + s->log.boot_name_count;
    if (i < s->run->owner_count) {
        return (uint16_t)i;
    }
    return (uint16_t)(i < named ? HS_BLOCK_OWNER_NAMED + (i - s->run->owner_count)
                                : HS_BLOCK_OWNER_BOOT + (i - named));
}

static void take(state *s, snapshot *to)
{
    free(to->owners);
    size_t count = s->run->owner_count + s->log.boot_name_count + 3;
    *to = (snapshot){.event = s->run->event,
                     .asked = s->asked,
                     .extra = s->held > s->asked ? s->held - s->asked : 0,
                     .owners = malloc(count * sizeof *to->owners),
                     .count = count};
    s->failed = s->failed || to->owners == NULL;
    for (size_t i = 0; to->owners != NULL && i < count; i++) {
        to->owners[i] = s->owners[owner_at(s, i)];
    }
}

static void thin(state *s)
{
    for (size_t i = 0; i < SNAPSHOTS; i++) {
        if (i % 2 == 0) {
            s->taken[i / 2] = s->taken[i];
        } else {
            free(s->taken[i].owners);
        }
    }
    memset(&s->taken[SNAPSHOTS / 2], 0, SNAPSHOTS / 2 * sizeof s->taken[0]);
    s->count = SNAPSHOTS / 2;
    s->step *= 2;
}

static void on_event(void *context, const hs_run *run, const hs_event *event,
                     const hs_outcome *outcome)
{
    state *s = context;
    hs_block_log_event(&s->log, run, event, outcome);
    if (s->asked > s->peak.asked) {
        take(s, &s->peak);
    }
    if (outcome->event % s->step == 0) {
        take(s, &s->taken[s->count++]);
        if (s->count == SNAPSHOTS) {
            thin(s);
        }
    }
}

static void on_gc(void *context, const hs_run *run, enum hs_gc_notice notice, hs_addr address,
                  uint64_t value)
{
    (void)run, (void)address, (void)value;
    hs_block_log_notice(&((state *)context)->log, notice);
}

/* A snapshot's owners do not sit at fixed places: those of later traces came in between. */
static const char *name_at(const state *s, const snapshot *shot, size_t i)
{
    size_t run_owners = shot->count - 3 - s->log.boot_name_count;
    size_t later = s->run->owner_count - run_owners;
    return hs_block_log_owner_name(&s->log, s->run, owner_at(s, i < run_owners ? i : i + later));
}

static void put_tree(state *s, const snapshot *shot)
{
    size_t children = 0;
    for (size_t i = 0; i < shot->count; i++) {
        children += shot->owners[i] > 0;
    }
    hs_report_file_print(&s->file,
                         "n%zu: %" PRIu64
                         " (heap allocation functions) malloc/new/new[], --alloc-fns, etc.\n",
                         children, shot->asked);
    uint64_t before = UINT64_MAX;
    for (size_t put = 0; put < children;) { /* largest first, as ms_print expects */
        uint64_t next = 0;
        for (size_t i = 0; i < shot->count; i++) {
            next = shot->owners[i] < before && shot->owners[i] > next ? shot->owners[i] : next;
        }
        for (size_t i = 0; i < shot->count; i++) {
            if (shot->owners[i] == next) {
                hs_report_file_print(&s->file, " n0: %" PRIu64 " 0x%zX: ", next, i + 1);
                const char *name = name_at(s, shot, i);
                hs_report_file_put(&s->file, name, strlen(name));
                hs_report_file_print(&s->file, " (owner)\n");
                put++;
            }
        }
        before = next;
    }
}

static void put_snapshot(state *s, size_t number, const snapshot *shot, bool peak)
{
    hs_report_file_print(&s->file,
                         "#-----------\nsnapshot=%zu\n#-----------\ntime=%" PRIu64
                         "\nmem_heap_B=%" PRIu64 "\nmem_heap_extra_B=%" PRIu64
                         "\nmem_stacks_B=0\nheap_tree=%s\n",
                         number, shot->event, shot->asked, shot->extra, peak ? "peak" : "detailed");
    put_tree(s, shot);
}

static void free_state(state *s)
{
    for (size_t i = 0; i < s->count; i++) {
        free(s->taken[i].owners);
    }
    free(s->peak.owners);
    free(s->owners);
    hs_block_log_release(&s->log);
    free(s);
}

static void abandon(void *context)
{
    state *s = context;
    hs_report_file_abandon(&s->file);
    free_state(s);
}

static bool start(state *s)
{
    const hs_block_hooks hooks = {s, on_born, on_died, on_dropped};
    s->step = 1;
    s->owners = calloc(OWNERS, sizeof *s->owners);
    if (s->owners == NULL || hs_block_log_start(&s->log, s->run, &hooks) != 0) {
        return false;
    }
    take(s, &s->peak);
    take(s, &s->taken[s->count++]);
    return !s->failed;
}

static void *begin(const hs_report_target *target, hs_error *error)
{
    state *s = calloc(1, sizeof *s);
    if (s == NULL || hs_report_file_open(&s->file, target->argument, error) != 0) {
        hs_error_set(error, NULL, 0, "the host is out of memory");
        free(s);
        return NULL;
    }
    s->session = target->session;
    s->run = target->session->run;
    if (!start(s)) {
        hs_error_set(error, NULL, 0, "the host is out of memory");
        abandon(s);
        return NULL;
    }
    hs_run_observe(target->session->run,
                   (hs_observer){.context = s, .event = on_event, .gc = on_gc});
    return s;
}

static void put_all(state *s)
{
    hs_report_file_print(&s->file,
                         "desc: heapsim; time in events\ncmd: heapsim --layout %.100s --policy "
                         "%.100s\ntime_unit: i\n",
                         s->session->layout->name, s->session->policy->name);
    size_t number = 0;
    bool peak_put = false;
    for (size_t i = 0; i < s->count; i++) {
        if (!peak_put && s->peak.event <= s->taken[i].event) {
            put_snapshot(s, number++, &s->peak, true);
            peak_put = true;
        }
        if (s->taken[i].event != s->peak.event) {
            put_snapshot(s, number++, &s->taken[i], false);
        }
    }
    if (!peak_put) {
        put_snapshot(s, number++, &s->peak, true);
    }
}

static int finish(void *context, hs_error *error)
{
    state *s = context;
    if (s->taken[s->count - 1].event != s->run->event) {
        take(s, &s->taken[s->count++]);
    }
    if (s->failed || s->log.failed) {
        hs_error_set(error, NULL, 0, "the host is out of memory");
        abandon(s);
        return -1;
    }
    put_all(s);
    int result = hs_report_file_close(&s->file, error);
    free_state(s);
    return result;
}

const hs_reporter hs_report_massif = {
    "massif", "FILE", "what owners hold over time, for ms_print", begin, finish, abandon,
};

/* The report for a person: what happened, why, who holds the memory, what it looks like. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "explain.h"
#include "report.h"
#include "memory_text.h"
#include "session.h"

#define MAP_COLUMNS 64

typedef struct state {
    hs_report_target target;
    hs_memory_text scene; /* the heap at the first failure: table, owners, map */
    hs_error error;
} state;

static const char *paint(const state *s, const char *code)
{
    return s->target.colour ? code : "";
}

/* --- what stands in the heap now --- */

static void print_regions(FILE *out, const hs_mark *mark)
{
    fprintf(out, "  %-10s  %8s %-9s %8s %8s %8s %6s %6s\n", "region", "size", "type", "free",
            "largest", "lowest", "live", "holes");
    for (size_t i = 0; i < mark->region_count; i++) {
        const hs_region_metrics *r = &mark->regions[i];
        fprintf(out,
                "  0x%08" PRIx32 "  %8" PRIu32 " %-9s %8" PRIu32 " %8" PRIu32 " %8" PRIu32
                " %6" PRIu32 " %6" PRIu32 "%s\n",
                r->start, r->size, r->type, r->free, r->largest, r->minimum_free,
                r->allocated_blocks, r->free_blocks, r->counted ? "" : "  not 8BIT");
    }
    fprintf(out,
            "  %-10s  %8" PRIu32 " %-9s %8" PRIu32 " %8" PRIu32 " %8" PRIu32 " %6" PRIu32
            " %6" PRIu32 "\n",
            "8BIT", mark->total, "", mark->free, mark->largest, mark->minimum_free,
            mark->allocated_blocks, mark->free_blocks);
}

static void print_gc(FILE *out, const hs_mark *mark)
{
    if (!mark->has_gc) {
        return;
    }
    fprintf(out,
            "  Python's heap: %zu area%s, %" PRIu32 " bytes, %" PRIu32 " used, %" PRIu32
            " free; longest free run %" PRIu32 " bytes; %" PRIu64 " collections\n",
            mark->gc.area_count, mark->gc.area_count == 1 ? "" : "s", mark->gc.total, mark->gc.used,
            mark->gc.free, mark->gc.max_free * HS_GC_BLOCK, mark->gc.collections);
}

static void print_owners(FILE *out, const hs_run *run)
{
    fprintf(out, "  %-16s %-6s %10s %8s %10s %12s %9s\n", "owner", "heap", "holds", "blocks",
            "peak", "allocations", "failed");
    for (size_t i = 0; i < run->owner_count; i++) {
        const hs_run_owner *o = &run->owners[i];
        fprintf(out,
                "  %-16s %-6s %10" PRIu64 " %8" PRIu64 " %10" PRIu64 " %12" PRIu64 " %9" PRIu64
                "\n",
                o->name, o->heap == HS_HEAP_GC ? "gc" : "idf", o->live_bytes, o->live_blocks,
                o->peak_bytes, o->allocations, o->failures);
    }
}

static int print_scene(FILE *out, const hs_run *run, hs_error *error)
{
    hs_mark now;
    if (hs_mark_take(&now, "", run->event, run->board) != 0) {
        hs_error_set(error, NULL, 0, "the host is out of memory");
        return -1;
    }
    print_regions(out, &now);
    print_gc(out, &now);
    hs_mark_release(&now);
    fputc('\n', out);
    if (run->owner_count != 0) {
        print_owners(out, run);
        fputc('\n', out);
    }
    return hs_map_print(out, run, MAP_COLUMNS, false, error);
}

/* --- the failure --- */

static const char *const explanations[] = {
    [HS_CLASS_EXHAUSTED] = "less is free than was asked for",
    [HS_CLASS_FRAGMENTED] = "enough is free, but in no single block",
    [HS_CLASS_CAPS] = "enough is free in one block, but of memory without the capability",
    [HS_CLASS_STARVED] = "Python's heap holds that much unused, out of the IDF heap's reach",
    [HS_CLASS_ROUNDED] = "a block is large enough, but the search, by classes, does not see it",
    [HS_CLASS_INNER] = "Python's heap is full, though the IDF heap has room for another area",
};

static void print_place(FILE *out, const hs_run *run, const hs_failure *f)
{
    if (f->event == 0) {
        fputs("at the start", out);
        return;
    }
    fprintf(out, "at event %" PRIu64 ", %s", f->event, run->traces[f->trace].name);
    if (f->line != 0) {
        fprintf(out, ":%" PRIu64, f->line);
    }
    if (f->phase != 0) {
        fprintf(out, ", phase %s", run->phases[f->phase]);
    }
}

static void print_failure(const state *s, const hs_run *run)
{
    FILE *out = s->target.words;
    const hs_failure *f = &run->failure;
    fprintf(out, "%sFAILED%s  %s wanted %" PRIu32 " bytes of the %s heap ", paint(s, "\033[1;31m"),
            paint(s, "\033[0m"), hs_run_owner_name(run, f->owner), f->size,
            f->heap == HS_HEAP_GC ? "GC" : "IDF");
    print_place(out, run, f);
    fprintf(out, "\n        %s: %s\n", hs_failure_class_name(f->failure_class),
            explanations[f->failure_class]);
    fprintf(out, "        needed %" PRIu32 ", free %" PRIu32 ", largest free block %" PRIu32,
            f->need, f->free, f->largest_exact);
    if (f->largest != f->largest_exact) {
        fprintf(out, " (the device prints %" PRIu32 ")", f->largest);
    }
    if (run->board->has_gc && f->heap == HS_HEAP_IDF) {
        fprintf(out, ", free inside Python's heap %" PRIu32, f->gc_free);
    }
    fputc('\n', out);
    if (run->failures > 1) {
        fprintf(out, "        %" PRIu64 " more allocations failed after it\n", run->failures - 1);
    }
}

static void on_failure(void *context, const hs_run *run, const hs_failure *failure)
{
    state *s = context;
    if (s->scene.text != NULL || failure->event != run->failure.event) {
        return;
    }
    FILE *memory = hs_memory_text_open(&s->scene);
    if (memory == NULL || print_scene(memory, run, &s->error) != 0 ||
        hs_explain_print_brief(memory, run, failure, &s->error) != 0) {
        hs_error_set(&s->error, NULL, 0, "the host is out of memory");
    }
    if (memory != NULL && hs_memory_text_close(memory, &s->scene) != 0) {
        hs_error_set(&s->error, NULL, 0, "the host is out of memory");
    }
}

/* --- the whole --- */

static void print_head(const state *s)
{
    FILE *out = s->target.words;
    const hs_session *session = s->target.session;
    fprintf(out, "%s (ESP-IDF %s), policy %s\n", session->layout->title, session->layout->idf,
            session->policy->name);
    for (size_t i = 0; i < session->run->trace_count; i++) {
        const hs_run_trace_info *t = &session->run->traces[i];
        fprintf(out, "  %s: %" PRIu64 " events, %s\n", t->name, t->events,
                hs_origin_name(t->origin));
    }
    fputc('\n', out);
}

static void print_result(const state *s)
{
    FILE *out = s->target.words;
    const hs_run *run = s->target.session->run;
    if (run->failed) {
        print_failure(s, run);
    } else if (!run->crashed) {
        fprintf(out, "%scompleted%s  every allocation was served\n", paint(s, "\033[1;32m"),
                paint(s, "\033[0m"));
    }
    if (run->crashed) {
        fprintf(out, "%sDEVICE CRASH%s at event %" PRIu64 ": %s, address 0x%08" PRIx32 "\n",
                paint(s, "\033[1;31m"), paint(s, "\033[0m"), run->crash_event,
                hs_run_crash_reason(run), run->board->caps.device.crash_at);
    }
    if (run->live_releases != 0) {
        fprintf(out,
                "WARNING: %" PRIu64 " GC area%s given back with a live object in block 0, as the "
                "real collector does: on the device this is use after free\n",
                run->live_releases, run->live_releases == 1 ? " was" : "s were");
    }
    fprintf(out,
            "smallest largest-free-block over the run: %" PRIu32 " bytes, at event %" PRIu64 "\n",
            run->extreme.minimum_largest, run->extreme.minimum_largest_event);
}

static void abandon(void *context)
{
    state *s = context;
    free(s->scene.text);
    free(s);
}

static int finish(void *context, hs_error *error)
{
    state *s = context;
    FILE *out = s->target.words;
    const hs_run *run = s->target.session->run;
    if (s->error.text[0] != 0) {
        hs_error_set(error, NULL, 0, "%s", s->error.text);
        abandon(s);
        return -1;
    }
    print_head(s);
    print_result(s);
    int result = 0;
    if (s->scene.text != NULL) {
        fprintf(out, "\nThe heap when it failed:\n%s", s->scene.text);
    } else {
        fputs("\nThe heap at the end:\n", out);
        result = print_scene(out, run, error);
    }
    if (fflush(out) != 0 || ferror(out)) {
        hs_error_set(error, NULL, 0, "the report cannot be written");
        result = -1;
    }
    abandon(s);
    return result;
}

static void *begin(const hs_report_target *target, hs_error *error)
{
    state *s = calloc(1, sizeof *s);
    if (s == NULL) {
        hs_error_set(error, NULL, 0, "the host is out of memory");
        return NULL;
    }
    s->target = *target;
    hs_run *run = target->session->run;
    hs_run_observe(run, (hs_observer){.context = s, .failure = on_failure});
    if (run->failed) { /* the policy's own start */
        on_failure(s, run, &run->failure);
    }
    return s;
}

const hs_reporter hs_report_text = {
    "text", NULL, "the report for a person", begin, finish, abandon,
};

/* --- --map, --heap-info, --mem-info: the end of the run in detail --- */

static void *begin_detail(const hs_report_target *target, hs_error *error)
{
    hs_report_target *copy = malloc(sizeof *copy);
    if (copy == NULL) {
        hs_error_set(error, NULL, 0, "the host is out of memory");
        return NULL;
    }
    *copy = *target;
    return copy;
}

static int finish_map(void *context, hs_error *error)
{
    hs_report_target *target = context;
    fputs("\nMap at the end:\n", target->words);
    int result = hs_map_print(target->words, target->session->run, MAP_COLUMNS, true, error);
    free(target);
    return result;
}

const hs_reporter hs_report_map = {
    "map", NULL, "a detailed map of all regions at the end", begin_detail, finish_map, free,
};

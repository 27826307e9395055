/* heapsim trace info: for a person, or as JSON. */
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd_trace.h"
#include "commands.h"
#include "report.h"
#include "trace_survey.h"

static const char usage[] =
    "Usage: heapsim trace info TRACE [--json FILE]\n\n"
    "Says where a trace comes from, what is in it, and what it stresses: events by kind, owners\n"
    "with their bytes and peaks, phases, sizes.\n\n"
    "  --json FILE       the same as JSON; - is stdout\n\n"
    "  heapsim trace info https\n"
    "  heapsim trace info my.trace.gz --json - | jq .owners\n";

static const char *complete_word(enum hs_complete complete)
{
    return complete == HS_COMPLETE_YES ? "yes" : complete == HS_COMPLETE_NO ? "no" : "unsaid";
}

static const char *heap_word(enum hs_heap_kind heap)
{
    return heap == HS_HEAP_GC ? "gc" : "idf";
}

static void print_header(const hs_survey *s)
{
    const hs_trace_header *h = s->header;
    if (h->title != NULL) {
        printf("%s\n", h->title);
    }
    printf("origin    %s\n", hs_origin_name(h->origin));
    for (size_t i = 0; i < h->source_count; i++) {
        printf("source    %s\n", h->sources[i]);
    }
    if (h->device != NULL) {
        printf("device    %s\n", h->device);
    }
    printf("complete  %s%s\n\n", complete_word(h->complete),
           h->complete == HS_COMPLETE_NO ? ": the capture lost events" : "");
}

static void print_events(const hs_survey *s)
{
    printf("%" PRIu64 " events:", s->events);
    const char *comma = " ";
    for (int op = 0; op < HS_OP_COUNT; op++) {
        if (s->kinds[op] != 0) {
            printf("%s%" PRIu64 " %s", comma, s->kinds[op], hs_op_name((enum hs_op)op));
            comma = ", ";
        }
    }
    printf("\n");
    if (s->failed != 0) {
        printf("%" PRIu64 " of them failed on the device\n", s->failed);
    }
    if (s->recorded != 0) {
        printf("%" PRIu64 " of them have a recorded address: `heapsim verify` can check them\n",
               s->recorded);
    }
}

static void print_owners(const hs_survey *s)
{
    printf("\n%-16s heap  allocations       bytes  peak live   at the end\n", "owner");
    for (size_t i = 0; i < s->header->owner_count; i++) {
        const hs_survey_owner *o = &s->owners[i];
        printf("%-16s %-4s %12" PRIu64 " %11" PRIu64 " %10" PRIu64 " %12" PRIu64 "\n",
               s->header->owners[i].name, heap_word(s->header->owners[i].heap), o->allocations,
               o->bytes, o->peak, o->live);
    }
    printf("%-16s      %12" PRIu64 " %11" PRIu64 " %10" PRIu64 " %12" PRIu64 "\n", "all",
           s->allocations, s->bytes, s->peak, s->live);
}

static void print_phases(const hs_survey *s)
{
    if (s->phase_count == 0) {
        return;
    }
    printf("\n%-24s from event   live bytes   peak in it\n", "phase");
    for (size_t i = 0; i < s->phase_count; i++) {
        const hs_survey_phase *p = &s->phases[i];
        printf("%-24s %10" PRIu64 " %12" PRIu64 " %12" PRIu64 "\n", p->name, p->first_event,
               p->live, p->peak);
    }
    if (s->phases_left_out != 0) {
        printf("... and %" PRIu64 " more\n", s->phases_left_out);
    }
}

static uint64_t allocations_up_to(const hs_survey *s, unsigned class)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i <= class && i < HS_SURVEY_SIZES; i++) {
        sum += s->sizes[i];
    }
    return sum;
}

/* Sentences that follow from the counts alone. */
static void print_stress(const hs_survey *s)
{
    if (s->allocations == 0) {
        printf("\nIt allocates nothing.\n");
        return;
    }
    uint64_t small = allocations_up_to(s, 6);
    uint64_t large = s->allocations - allocations_up_to(s, 11);
    printf("\nIt stresses:\n");
    printf("- contiguity: its largest request is %" PRIu32
           " bytes; requests above 2048 bytes: %" PRIu64 "\n",
           s->largest, large);
    printf("- amount: %" PRIu64 " bytes live at most (event %" PRIu64 "), at most %" PRIu64
           " blocks at once\n",
           s->peak, s->peak_event, s->peak_blocks);
    printf("- churn: %.1f bytes allocated for each byte live at the peak; %.1f %% of requests are"
           " of 64 bytes or less\n",
           s->peak != 0 ? (double)s->bytes / (double)s->peak : 0.0,
           100.0 * (double)small / (double)s->allocations);
    if (s->kinds[HS_OP_REALLOC] != 0) {
        printf("- growth in place: %" PRIu64 " reallocs\n", s->kinds[HS_OP_REALLOC]);
    }
    if (s->with_caps != 0 || s->kinds[HS_OP_ALIGNED] != 0) {
        printf("- special memory: %" PRIu64 " requests with capabilities of their own, %" PRIu64
               " aligned\n",
               s->with_caps, s->kinds[HS_OP_ALIGNED]);
    }
    if (s->live != 0) {
        printf("- what stays: %" PRIu64 " bytes in %" PRIu64 " blocks at the end\n", s->live,
               s->live_blocks);
    }
}

static json_t *number(uint64_t value)
{
    return json_integer((json_int_t)value);
}

static json_t *text_or_null(const char *text)
{
    /* A trace may hold plain bytes: what is no UTF-8 is left out rather than made up. */
    json_t *string = text != NULL ? json_string(text) : NULL;
    return string != NULL ? string : json_null();
}

static json_t *owners_json(const hs_survey *s)
{
    json_t *list = json_array();
    for (size_t i = 0; i < s->header->owner_count; i++) {
        const hs_survey_owner *o = &s->owners[i];
        json_array_append_new(
            list, json_pack("{so ss so so so so}", "name", text_or_null(s->header->owners[i].name),
                            "heap", heap_word(s->header->owners[i].heap), "allocations",
                            number(o->allocations), "bytes", number(o->bytes), "peak",
                            number(o->peak), "live_at_end", number(o->live)));
    }
    return list;
}

static json_t *phases_json(const hs_survey *s)
{
    json_t *list = json_array();
    for (size_t i = 0; i < s->phase_count; i++) {
        const hs_survey_phase *p = &s->phases[i];
        json_array_append_new(list, json_pack("{so so so so}", "name", text_or_null(p->name),
                                              "first_event", number(p->first_event), "live",
                                              number(p->live), "peak", number(p->peak)));
    }
    return list;
}

static json_t *sources_json(const hs_survey *s)
{
    json_t *list = json_array();
    for (size_t i = 0; i < s->header->source_count; i++) {
        json_array_append_new(list, text_or_null(s->header->sources[i]));
    }
    return list;
}

static json_t *kinds_json(const hs_survey *s)
{
    json_t *kinds = json_object();
    for (int op = 0; op < HS_OP_COUNT; op++) {
        if (s->kinds[op] != 0) {
            json_object_set_new(kinds, hs_op_name((enum hs_op)op), number(s->kinds[op]));
        }
    }
    return kinds;
}

static json_t *survey_json(const hs_survey *s)
{
    const hs_trace_header *h = s->header;
    json_t *root =
        json_pack("{si so ss so so ss}", "heapsim", 1, "title", text_or_null(h->title), "origin",
                  hs_origin_name(h->origin), "sources", sources_json(s), "device",
                  text_or_null(h->device), "complete", complete_word(h->complete));
    json_object_set_new(root, "events", number(s->events));
    json_object_set_new(root, "kinds", kinds_json(s));
    json_object_set_new(root, "failed", number(s->failed));
    json_object_set_new(root, "recorded_addresses", number(s->recorded));
    json_object_set_new(root, "ignored", number(s->ignored));
    json_object_set_new(root, "allocations", number(s->allocations));
    json_object_set_new(root, "bytes", number(s->bytes));
    json_object_set_new(root, "largest_request", number(s->largest));
    json_object_set_new(root, "peak", number(s->peak));
    json_object_set_new(root, "peak_event", number(s->peak_event));
    json_object_set_new(root, "peak_blocks", number(s->peak_blocks));
    json_object_set_new(root, "live_at_end", number(s->live));
    json_object_set_new(root, "blocks_at_end", number(s->live_blocks));
    json_object_set_new(root, "owners", owners_json(s));
    json_object_set_new(root, "phases", phases_json(s));
    return root;
}

static int write_json(const hs_survey *s, const char *path)
{
    hs_error error = {.text = ""};
    json_t *root = survey_json(s);
    int result = hs_json_write(root, path, &error);
    json_decref(root);
    return result == 0 ? HS_EXIT_OK : hs_cmd_refuse("%s", error.text);
}

static int tell(hs_trace *trace, const char *json)
{
    hs_error error = {.text = ""};
    hs_survey *survey = hs_survey_trace(trace, &error);
    if (survey == NULL) {
        return hs_cmd_refuse("%s", error.text);
    }
    int status = HS_EXIT_OK;
    if (json != NULL) {
        status = write_json(survey, json);
    } else {
        print_header(survey);
        print_events(survey);
        print_owners(survey);
        print_phases(survey);
        print_stress(survey);
    }
    hs_survey_destroy(survey);
    return status;
}

int hs_cmd_trace_info(int argc, char **argv)
{
    static const struct option options[] = {{"json", required_argument, NULL, 'j'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    const char *json = NULL;
    optind = 0;
    for (int option; (option = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        if (option == 'h') {
            printf("%s", usage);
            return HS_EXIT_OK;
        }
        if (option != 'j') {
            return hs_cmd_refuse("see `heapsim trace info --help`");
        }
        json = optarg;
    }
    if (argc - optind != 1) {
        return hs_cmd_refuse("expected one TRACE; see `heapsim trace info --help`");
    }
    hs_trace *trace = hs_cmd_trace_open(argv[optind]);
    if (trace == NULL) {
        return HS_EXIT_BAD;
    }
    int status = tell(trace, json);
    hs_trace_close(trace);
    return status;
}

/* heapsim explain: why a run failed, who holds the memory, what would help. */
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "explain.h"
#include "report.h"
#include "session.h"

#define TRACES_MAX 1024

static const char usage[] =
    "usage: heapsim explain --layout LAYOUT --trace TRACE [--trace TRACE2 ...] [--policy POLICY]\n"
    "                       [--json FILE]\n"
    "\n"
    "Replays the traces to the first failed allocation and says why it failed, who holds the\n"
    "memory that could have served it, and which blocks pin it. Then it replays the case with one\n"
    "thing changed at a time (a smaller first GC area, a reserve, another order of phases, a\n"
    "longer region, another policy) and says what lets it pass. For every run, also one that\n"
    "passes: how far it is from what no policy could do without.\n"
    "\n"
    "  --layout NAME       the board: a file, or one of `heapsim list layouts`\n"
    "  --trace NAME        a trace; again for more, one after the other\n"
    "  --policy NAME       default: the one that the layout names\n"
    "  --json FILE         the same as JSON (keys: sim/README.md); - is stdout\n"
    "  --help              this text\n"
    "\n"
    "Exit status: 0 the run passes; 1 it fails; 2 bad usage or bad input.\n"
    "\n"
    "example\n"
    "  heapsim explain --layout pico-d4 --trace wifi-https\n";

typedef struct request {
    const char *layout;
    const char *policy;
    const char *json;
    const char *traces[TRACES_MAX];
    size_t trace_count;
} request;

/* -1 to go on, or the exit status. */
static int take_option(request *r, int option)
{
    switch (option) {
    case 'l':
        r->layout = optarg;
        return -1;
    case 'p':
        r->policy = optarg;
        return -1;
    case 'j':
        r->json = optarg;
        return -1;
    case 't':
        if (r->trace_count == TRACES_MAX) {
            return hs_cmd_refuse("found more than %d traces", TRACES_MAX);
        }
        r->traces[r->trace_count++] = optarg;
        return -1;
    case 'h':
        fputs(usage, stdout);
        return fflush(stdout) == 0 ? HS_EXIT_OK : hs_cmd_refuse("the help cannot be written");
    default:
        return hs_cmd_refuse("see `heapsim explain --help`");
    }
}

static int parse(request *r, int argc, char **argv)
{
    static const struct option options[] = {
        {"layout", required_argument, NULL, 'l'}, {"trace", required_argument, NULL, 't'},
        {"policy", required_argument, NULL, 'p'}, {"json", required_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0}};
    optind = 0;
    for (int option; (option = getopt_long(argc, argv, "+h", options, NULL)) != -1;) {
        int status = take_option(r, option);
        if (status >= 0) {
            return status;
        }
    }
    if (optind < argc) {
        return hs_cmd_refuse("found argument %s, expected options; see `heapsim explain --help`",
                             argv[optind]);
    }
    if (r->layout == NULL) {
        return hs_cmd_refuse("found no --layout, expected one (`heapsim list layouts`)");
    }
    if (r->trace_count == 0) {
        return hs_cmd_refuse("found no --trace, expected one or more (`heapsim list traces`)");
    }
    return -1;
}

static int write_json(const request *r, const hs_explanation *e, hs_error *error)
{
    json_t *json = hs_explain_json(e);
    if (json == NULL) {
        hs_error_set(error, NULL, 0, "the host is out of memory");
        return -1;
    }
    int result = hs_json_write(json, r->json, error);
    json_decref(json);
    return result;
}

/* The first parameter that helps, as a command to type. */
static void print_try(FILE *out, const request *r, const hs_explanation *e)
{
    size_t i = 0;
    while (i < e->advices.count &&
           (e->advices.items[i].kind != HS_ADVICE_PARAMETER || !e->advices.items[i].helps)) {
        i++;
    }
    if (i == e->advices.count) {
        return;
    }
    fprintf(out, "\nTo see it:\n  heapsim compare --layout %s --policy %s --trace ", r->layout,
            r->policy != NULL ? r->policy : e->c->policy->name);
    for (size_t k = 0; k < r->trace_count; k++) {
        fprintf(out, "%s%s", k > 0 ? "+" : "", r->traces[k]);
    }
    fprintf(out, " --set %s=%" PRIu64 "\n", e->advices.items[i].name, e->advices.items[i].value);
}

/* A board imported with its Python heap in it: no policy can change that heap. */
static void print_held_heap(FILE *out, const hs_layout *layout)
{
    for (size_t i = 0; layout->boot == HS_BOOT_BLOCKS && i < layout->block_count; i++) {
        const hs_layout_block *block = &layout->blocks[i];
        if (block->owner != NULL && strcmp(block->owner, HS_LAYOUT_GC_HEAP) == 0) {
            fprintf(out,
                    "\nPython's heap (%" PRIu32 " bytes at 0x%08" PRIx32
                    ") is part of this board as it was imported. To try another first area:\n"
                    "  heapsim trace import --policy POLICY LOG -o BOARD.yaml   "
                    "(POLICY: of `heapsim list policies`)\n",
                    block->size, block->start);
        }
    }
}

/* 0, or -1: it cannot be written. */
static int tell(const request *r, const hs_case *c, const hs_explanation *e)
{
    bool to_stdout = r->json != NULL && strcmp(r->json, "-") == 0;
    FILE *words = to_stdout ? stderr : stdout;
    hs_explain_print(words, e);
    if (e->run->failed) {
        print_try(words, r, e);
        print_held_heap(words, c->layout);
    }
    return fflush(words) != 0 || ferror(words) != 0 ? -1 : 0;
}

static int explain(const request *r, hs_case *c, hs_error *error)
{
    for (size_t i = 0; i < r->trace_count; i++) {
        if (hs_case_add(c, r->traces[i], error) != 0) {
            return hs_cmd_refuse("%s", error->text);
        }
    }
    hs_explanation e;
    c->progress = hs_cmd_progress;
    int result = hs_explain(&e, c, error);
    hs_cmd_progress_end();
    if (result != 0) {
        return hs_cmd_refuse("%s", error->text);
    }
    int status = e.run->failed || e.run->crashed ? HS_EXIT_FAILED : HS_EXIT_OK;
    if (r->json != NULL && write_json(r, &e, error) != 0) {
        status = hs_cmd_refuse("%s", error->text);
    } else if (tell(r, c, &e) != 0) {
        status = hs_cmd_refuse("the explanation cannot be written");
    }
    hs_explanation_release(&e);
    return status;
}

int hs_cmd_explain(int argc, char **argv)
{
    request r = {0};
    int status = parse(&r, argc, argv);
    if (status >= 0) {
        return status;
    }
    hs_error error = {{0}};
    hs_layout *layout;
    hs_policy *policy;
    bool loaded = hs_session_load(r.layout, r.policy, &layout, &policy, &error) == 0;
    hs_case *c = loaded ? hs_case_create(layout, policy, &error) : NULL;
    status = c != NULL ? explain(&r, c, &error) : hs_cmd_refuse("%s", error.text);
    hs_case_destroy(c);
    hs_policy_free(policy);
    hs_layout_free(layout);
    return status;
}

/* heapsim merge: the parts of a grid that was spread over machines, joined. */
#include <getopt.h>
#include <stdio.h>

#include "commands.h"
#include "merge.h"
#include "report.h"

enum { OPTION_JSON = 256, OPTION_PARTIAL, OPTION_HELP };

typedef struct request {
    const char *json;
    bool partial;
} request;

static void print_help(void)
{
    printf(
        "usage: heapsim merge PART... [options]\n"
        "\n"
        "Joins the parts that `heapsim compare ... --shard K/N --json PART` wrote into the same\n"
        "bytes that one run of `heapsim compare ... --json` writes, whatever N. Parts may be\n"
        "compressed, in any order, and given twice, as long as they say the same.\n"
        "\n"
        "  --json FILE         where to write; default: - for stdout; names that end in .gz or\n"
        "                      .zst are compressed\n"
        "  --partial           write although cells are missing; they stay `pending`\n"
        "  --help              this text\n"
        "\n"
        "Only JSON: compare makes its table, CSV and Markdown from the replays themselves, which\n"
        "parts do not hold.\n"
        "\n"
        "Exit status: 0 joined; 2 cells are missing (they are named), parts differ or are of\n"
        "different grids, bad usage or bad input.\n"
        "\n"
        "example\n"
        "  heapsim compare --scenario https --shard 1/2 --json 1.json\n"
        "  heapsim compare --scenario https --shard 2/2 --json 2.json\n"
        "  heapsim merge 1.json 2.json --json all.json\n");
}

static int parse(request *r, int argc, char **argv)
{
    static const struct option options[] = {{"json", required_argument, NULL, OPTION_JSON},
                                            {"partial", no_argument, NULL, OPTION_PARTIAL},
                                            {"help", no_argument, NULL, OPTION_HELP},
                                            {0}};
    optind = 0;
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case OPTION_JSON:
            r->json = optarg;
            break;
        case OPTION_PARTIAL:
            r->partial = true;
            break;
        case OPTION_HELP:
            print_help();
            return fflush(stdout) == 0 ? HS_EXIT_OK : hs_cmd_refuse("the help cannot be written");
        default:
            return hs_cmd_refuse("see `heapsim merge --help`");
        }
    }
    return optind < argc ? -1
                         : hs_cmd_refuse("found no parts, expected files written by heapsim "
                                         "compare --json; see `heapsim merge --help`");
}

int hs_cmd_merge(int argc, char **argv)
{
    request r = {.json = "-"};
    int status = parse(&r, argc, argv);
    if (status >= 0) {
        return status;
    }
    hs_error error = {{0}};
    const char *const *paths = (const char *const *)(argv + optind);
    json_t *merged = hs_merge_parts(paths, (size_t)(argc - optind), &error);
    if (merged == NULL) {
        return hs_cmd_refuse("%s", error.text);
    }
    size_t missing = hs_merge_missing(merged, stderr);
    if (missing != 0 && !r.partial) {
        status = hs_cmd_refuse("found %zu of %zu cells missing, expected all; nothing is written "
                               "(--partial writes)",
                               missing, json_array_size(json_object_get(merged, "cells")));
    } else if (hs_json_write(merged, r.json, &error) != 0) {
        status = hs_cmd_refuse("%s", error.text);
    } else {
        status = HS_EXIT_OK;
    }
    json_decref(merged);
    return status;
}

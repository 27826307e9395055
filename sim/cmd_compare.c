/* heapsim compare: a grid of layouts, policies, traces or scenarios, and seeds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd_grid.h"
#include "commands.h"
#include "compare.h"
#include "memory_text.h"
#include "output.h"
#include "report.h"

enum { OPTION_JSON = 256, OPTION_CSV, OPTION_MARKDOWN, OPTION_HTML, OPTION_ROUNDS, OPTION_HELP };

typedef struct request {
    hs_cmd_grid grid;
    const char *json;
    const char *csv;
    const char *markdown;
    const char *html;
    const char *rounds;
} request;

static void print_help(void)
{
    printf(
        "usage: heapsim compare --layout A,B --policy P,Q --trace T,U [options]\n"
        "       heapsim compare --scenario S,T [options]\n"
        "       heapsim compare --cell ID\n"
        "\n"
        "Replays every combination, each a cell, on all cores, and prints one table. Of several\n"
        "seeds the worst figures stand in one line. Of two policies, or two values of one --set,\n"
        "the cases that changed stand in front.\n"
        "\n"
        "%s%s"
        "  --json FILE         all cells and metrics as JSON\n"
        "  --csv FILE          one line for each cell\n"
        "  --markdown FILE     the table and the published statements as Markdown\n"
        "  --html FILE         a page with one or two cells side by side, event by event\n"
        "  --rounds FILE       what each round of a scenario's `cycle` left, as CSV\n"
        "  --help              this text\n"
        "\n"
        "FILE may be - for stdout; names that end in .gz or .zst are compressed.\n"
        "Exit status: 0 all cells were replayed, whatever their outcomes; 2 bad usage or bad\n"
        "input. SIGINT prints what is finished.\n"
        "\n"
        "examples\n"
        "  heapsim compare --layout pico-d4,esp32-v5 --policy micropython-v1.19,tracked-tls \\\n"
        "                  --trace https,wifi-https\n"
        "  heapsim compare --scenario discussions\n"
        "  heapsim compare --layout pico-d4 --trace https --policy micropython-v1.22 \\\n"
        "                  --set gc.initial=40K,48K,56K,64K --markdown table.md\n",
        hs_cmd_grid_help, hs_cmd_cells_help);
}

static int take_option(void *context, int option, char *value)
{
    request *r = context;
    switch (option) {
    case OPTION_JSON:
        r->json = value;
        return -1;
    case OPTION_CSV:
        r->csv = value;
        return -1;
    case OPTION_MARKDOWN:
        r->markdown = value;
        return -1;
    case OPTION_HTML:
        r->html = value;
        return -1;
    case OPTION_ROUNDS:
        r->rounds = value;
        return -1;
    case OPTION_HELP:
        print_help();
        return fflush(stdout) == 0 ? HS_EXIT_OK : hs_cmd_refuse("the help cannot be written");
    case '?':
        return hs_cmd_refuse("see `heapsim compare --help`");
    default:
        return hs_cmd_grid_take(&r->grid, option, value);
    }
}

static int parse(request *r, int argc, char **argv)
{
    const struct option own[] = {{"json", required_argument, NULL, OPTION_JSON},
                                 {"csv", required_argument, NULL, OPTION_CSV},
                                 {"markdown", required_argument, NULL, OPTION_MARKDOWN},
                                 {"html", required_argument, NULL, OPTION_HTML},
                                 {"rounds", required_argument, NULL, OPTION_ROUNDS},
                                 {"help", no_argument, NULL, OPTION_HELP},
                                 {0}};
    int status = hs_cmd_grid_options_read(argc, argv, own, take_option, r);
    if (status >= 0) {
        return status;
    }
    return optind < argc
               ? hs_cmd_refuse("found argument %s, expected options; see `heapsim compare --help`",
                               argv[optind])
               : -1;
}

static bool is_stdout(const char *path)
{
    return path != NULL && strcmp(path, "-") == 0;
}

static int files_on_stdout(const request *r)
{
    return is_stdout(r->json) + is_stdout(r->csv) + is_stdout(r->markdown) + is_stdout(r->html) +
           is_stdout(r->rounds);
}

static int write_tables(const hs_grid *grid, enum hs_table_form form, FILE *out, hs_error *error)
{
    return hs_compare_table(grid, form, out, error) != 0
               ? -1
               : hs_compare_statements(grid, form, out, error);
}

static int write_markdown(const hs_grid *grid, const char *path, hs_error *error)
{
    hs_memory_text text;
    FILE *memory = hs_memory_text_open(&text);
    if (memory == NULL) {
        hs_error_set(error, NULL, 0, "the host is out of memory");
        return -1;
    }
    int result = write_tables(grid, HS_TABLE_MARKDOWN, memory, error);
    if (hs_memory_text_close(memory, &text) != 0 && result == 0) {
        hs_error_set(error, NULL, 0, "the host is out of memory");
        result = -1;
    }
    result = result == 0 ? hs_output_whole(path, text.text, text.size, error) : result;
    free(text.text);
    return result;
}

static int write_json(const hs_grid *grid, const char *path, hs_error *error)
{
    json_t *json = hs_compare_json(grid, false);
    int result = hs_json_write(json, path, error);
    json_decref(json);
    return result;
}

static int write_all(const request *r, const hs_grid *grid, hs_error *error)
{
    bool data = files_on_stdout(r) > 0;
    FILE *words = data ? stderr : stdout;
    /* Files first: one that cannot be made refuses the command before it says anything. */
    if ((r->json != NULL && write_json(grid, r->json, error) != 0) ||
        (r->csv != NULL && hs_compare_csv(grid, r->csv, error) != 0) ||
        (r->markdown != NULL && write_markdown(grid, r->markdown, error) != 0) ||
        (r->html != NULL && hs_compare_html(grid, r->html, error) != 0) ||
        (r->rounds != NULL && hs_compare_rounds(grid, r->rounds, error) != 0) ||
        write_tables(grid, HS_TABLE_TEXT, words, error) != 0) {
        return -1;
    }
    if (fflush(words) != 0) {
        hs_error_set(error, NULL, 0, "the table cannot be written");
        return -1;
    }
    return 0;
}

int hs_cmd_compare(int argc, char **argv)
{
    static request r;
    int status = parse(&r, argc, argv);
    if (status >= 0) {
        return status;
    }
    if (files_on_stdout(&r) > 1) {
        return hs_cmd_refuse("found two results on stdout, expected one; give the others files");
    }
    hs_error error = {{0}};
    hs_grid grid;
    int interrupted = 0;
    hs_grid_init(&grid);
    if (hs_cmd_grid_make(&r.grid, &grid, &error) != 0 ||
        hs_cmd_grid_run(&r.grid, &grid, &interrupted, &error) != 0 ||
        write_all(&r, &grid, &error) != 0) {
        hs_grid_release(&grid);
        return hs_cmd_refuse("%s", error.text);
    }
    hs_grid_release(&grid);
    return HS_EXIT_OK;
}

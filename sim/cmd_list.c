/* heapsim list: what is there to choose from. */
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "data_path.h"
#include "device/profile.h"
#include "error.h"
#include "layout.h"
#include "metric_names.h"
#include "policy.h"
#include "scenario.h"
#include "trace.h"

/* A file that cannot be read is listed with what is wrong with it. What the host lacks ends the
 * list: `context` is its error. */
static void show_row(void *context, const char *name, const char *title, const hs_error *wrong)
{
    hs_error *host = context;
    if (title == NULL && hs_error_of_host(wrong)) {
        hs_error_set(host, NULL, 0, "%s", wrong->text);
    }
    if (host->text[0] == 0) {
        printf("%-22s %s\n", name, title != NULL ? title : wrong->text);
    }
}

static void show_layout(void *context, const char *name, const char *path)
{
    hs_error error = {{0}};
    hs_layout *layout = hs_layout_load(path, &error);
    show_row(context, name, layout != NULL ? layout->title : NULL, &error);
    hs_layout_free(layout);
}

static void show_policy(void *context, const char *name, const char *path)
{
    hs_error error = {{0}};
    hs_policy *policy = hs_policy_load(path, &error);
    show_row(context, name, policy != NULL ? policy->title : NULL, &error);
    hs_policy_free(policy);
}

static void show_trace(void *context, const char *name, const char *path)
{
    hs_error error = {{0}};
    hs_trace *trace = hs_trace_open(path, &error);
    if (trace == NULL) {
        show_row(context, name, NULL, &error);
        return;
    }
    const hs_trace_header *header = hs_trace_get_header(trace);
    char title[1024];
    snprintf(title, sizeof title, "%-9s %s", hs_origin_name(header->origin),
             header->title != NULL ? header->title : "");
    show_row(context, name, title, NULL);
    hs_trace_close(trace);
}

static void show_scenario(void *context, const char *name, const char *path)
{
    hs_error error = {{0}};
    hs_scenario *scenario = hs_scenario_load(path, &error);
    show_row(context, name, scenario != NULL ? scenario->title : NULL, &error);
    hs_scenario_free(scenario);
}

static int list_data(enum hs_data_kind kind,
                     void (*show)(void *context, const char *name, const char *path))
{
    hs_error error = {{0}};
    hs_data_list(kind, show, &error, &error);
    return error.text[0] == 0 ? HS_EXIT_OK : hs_cmd_refuse("%s", error.text);
}

static int list_layouts(void)
{
    return list_data(HS_DATA_LAYOUT, show_layout);
}

static int list_policies(void)
{
    return list_data(HS_DATA_POLICY, show_policy);
}

static int list_traces(void)
{
    return list_data(HS_DATA_TRACE, show_trace);
}

static int list_scenarios(void)
{
    return list_data(HS_DATA_SCENARIO, show_scenario);
}

static int list_profiles(void)
{
    for (size_t i = 0; hs_idf_profile_row(i) != NULL; i++) {
        const hs_idf_profile *row = hs_idf_profile_row(i);
        printf("%-22s %s\n", row->name,
               row->allocator == HS_ALLOCATOR_TLSF ? "TLSF" : "address-ordered best fit");
    }
    return HS_EXIT_OK;
}

static int list_metrics(void)
{
    for (size_t i = 0; i < hs_metric_count; i++) {
        printf("%-36s %-12s %s\n", hs_metrics[i].name, hs_metrics[i].unit, hs_metrics[i].meaning);
    }
    return HS_EXIT_OK;
}

static const struct {
    const char *name;
    int (*list)(void);
} kinds[] = {
    {"layouts", list_layouts},     {"policies", list_policies}, {"traces", list_traces},
    {"scenarios", list_scenarios}, {"profiles", list_profiles}, {"metrics", list_metrics},
};

int hs_cmd_list(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        puts("usage: heapsim list layouts|policies|traces|scenarios|profiles|metrics\n"
             "\n"
             "Names can be given to --layout, --policy, --trace and --scenario as they are "
             "printed. Files of\n"
             "your own are found in the directories of HEAPSIM_PATH, or by their path.");
        return HS_EXIT_OK;
    }
    for (size_t i = 0; argc == 2 && i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(argv[1], kinds[i].name) == 0) {
            return kinds[i].list();
        }
    }
    return hs_cmd_refuse(
        "found list %s, expected layouts, policies, traces, scenarios, profiles or metrics",
        argc > 1 ? argv[1] : "of nothing");
}

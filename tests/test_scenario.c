/* Scenarios: what the file says, what it may not say, and the operations that its steps become. */
#include "yaml_cases.h"

#include "scenario_program.h"

static char folder[] = "/tmp/heapsim-scenario-XXXXXX";

static const char *file(const char *name, const char *text)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    fputs(text, out);
    assert_int_equal(fclose(out), 0);
    return path;
}

static int try_load(const char *path, hs_error *error)
{
    hs_scenario *s = hs_scenario_load(path, error);
    hs_scenario_free(s);
    return s != NULL ? 0 : -1;
}

#define HEAD "name: t\ntitle: t\nlayout: tiny\n"

static void bad_files(void **state)
{
    (void)state;
    static const yaml_case cases[] = {
        {"name: t\ntitle: t\nsteps: []\n", "1: found no key 'layout', expected it"},
        {HEAD "steps:\n  - {trce: a}\n", "5: found unknown key 'trce', expected one of: trace, "
                                         "from, until, rest, at, repeat, cycle, "
                                         "mark, together, copies, seed, steps"},
        {HEAD "steps:\n  - {trace: a, mark: b}\n", "5: found a step with other keys, expected*"},
        {HEAD "steps:\n  - {repeat: 3}\n", "5: found a step with other keys, expected*"},
        {HEAD "steps:\n  - {trace: a, cycle: c}\n", "5: found a step with other keys, expected*"},
        {HEAD "steps:\n  - {trace: a, at: b}\n", "5: found a step with other keys, expected*"},
        {HEAD "steps:\n  - {trace: $x}\n", "5: found '$x', expected $NAME of a key of values"},
        {HEAD "steps:\n  - {repeat: many, steps: [{trace: a}]}\n",
         "5: found 'many' for repeat, expected a number up to 1000000 or $NAME"},
        {HEAD "seeds: 0\nsteps: []\n", "4: found*"},
        {HEAD "steps: []\nexpect:\n  - {outcome: fine}\n",
         "6: found outcome 'fine', expected one of: completed, failed"},
        {HEAD "steps: []\nexpect:\n  - {class: full}\n",
         "6: found class 'full', expected one of: exhausted, fragmented, caps, starved, rounded, "
         "inner"},
        {HEAD "steps: []\nexpect:\n  - metrics:\n    - {metric: idf.fre, at: end, equal: 1}\n",
         "7: found metric 'idf.fre', expected one of `heapsim list metrics`"},
        {HEAD "steps: []\nexpect:\n  - metrics:\n    - {metric: idf.free, equal: 1}\n",
         "7: found metric 'idf.free' without `at`, expected the mark that is meant"},
        {HEAD "steps: []\nexpect:\n  - metrics:\n    - {metric: failures, at: end, equal: 1}\n",
         "7: found metric 'failures' at a mark, expected it without `at`: it is one of the whole "
         "run"},
        {HEAD "steps: []\nexpect:\n  - metrics:\n    - {metric: failures}\n",
         "7: found no bound, expected one of: equal, at_least, at_most"},
        {HEAD "steps: []\nexpect:\n  - metrics:\n    - {metric: failures, equal: few}\n",
         "7: found 'few', expected an integer"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        hs_error error = {{0}};
        const char *path = file("bad.yaml", cases[i].text);
        assert_int_equal(try_load(path, &error), -1);
        const char *message = error.text + strlen(path) + 1;
        if (!equals_pattern(message, cases[i].error)) {
            fail_msg("case %zu: '%s', expected '%s'", i, message, cases[i].error);
        }
    }
}

/* Operations as a line: B0:t begin of trace t on stream 0, P0:3-5 play, E0 end, T0+2#7 together,
 * M:name, C:name. */
static void picture(const hs_program *p, const hs_grid_traces *traces, char *text)
{
    text[0] = 0;
    for (size_t i = 0; i < p->count; i++) {
        const hs_do *d = &p->list[i];
        char *to = text + strlen(text);
        const char *gap = i > 0 ? " " : "";
        switch (d->kind) {
        case HS_DO_BEGIN:
            sprintf(to, "%sB%u:%c", gap, d->stream, strrchr(traces->list[d->trace]->name, '/')[1]);
            break;
        case HS_DO_PLAY:
            sprintf(to, "%sP%u:%u-%u", gap, d->stream, d->from, d->to);
            break;
        case HS_DO_END:
            sprintf(to, "%sE%u", gap, d->stream);
            break;
        case HS_DO_TOGETHER:
            sprintf(to, "%sT%u+%u#%u", gap, d->stream, d->to, (unsigned)d->seed);
            break;
        case HS_DO_MARK:
            sprintf(to, "%sM:%s", gap, d->name);
            break;
        case HS_DO_CYCLE:
            sprintf(to, "%sC:%s", gap, d->name);
            break;
        case HS_DO_WHOLE:
            sprintf(to, "%sW", gap);
            break;
        }
    }
}

static void expect_program(const char *steps, const size_t *values, uint64_t seed,
                           const char *expected)
{
    char text[2048];
    char line[2048];
    snprintf(text, sizeof text, HEAD "values: {n: [1, 2], t: [%s/a.trace, none]}\nsteps: %s\n",
             folder, steps);
    hs_error error = {{0}};
    hs_scenario *s = hs_scenario_load(file("s.yaml", text), &error);
    assert_string_equal(error.text, "");
    const hs_program_values v = {s, values, seed};
    hs_grid_traces traces = {NULL, 0};
    hs_program program;
    assert_int_equal(hs_program_make(&program, &v, &traces, &error), 0);
    picture(&program, &traces, line);
    assert_string_equal(line, expected);
    free(program.list);
    hs_grid_traces_release(&traces);
    hs_scenario_free(s);
}

static void steps_become_operations(void **state)
{
    (void)state;
    const size_t first[] = {0, 0};
    const size_t second[] = {1, 1};
    file("a.trace", "heapsim-trace 1\nowner o idf\nphase one\nalloc 1 8 o\nphase two\n"
                    "alloc 2 9 o\nfree 1\nphase three\nfree 2\n");
    expect_program("[{trace: $t}, {mark: m}]", first, 1, "B0:a P0:0-7 E0 M:m");
    expect_program("[{trace: $t}, {mark: m}]", second, 1, "M:m");
    expect_program("[{repeat: $n, cycle: c, steps: [{mark: m}]}]", second, 1, "M:m C:c M:m C:c");
    expect_program("[{trace: $t, at: two, steps: [{mark: m}]}]", first, 1,
                   "B0:a P0:0-2 M:m P0:2-7 E0");
    expect_program("[{trace: $t, at: t*, cycle: c}]", first, 1,
                   "B0:a P0:0-2 C:c P0:2-5 C:c P0:5-7 E0");
    expect_program("[{trace: $t, at: two, cycle: c, steps: [{mark: m}]}]", first, 1,
                   "B0:a P0:0-2 M:m C:c P0:2-7 E0");
    expect_program("[{together: [$t, $t], seed: $seed}]", first, 7, "B0:a B1:a T0+2#7 E1 E0");
    expect_program("[{together: [$t], copies: $n, seed: 5}]", first, 7, "B0:a T0+1#0 E0");
    /* Five events, and slot 2 is freed. */
    expect_program("[{trace: $t, until: three, rest: free}]", first, 1, "B0:a P0:0-6 E0");
    expect_program("[{trace: $t, rest: free}]", first, 1, "B0:a P0:0-7 E0");
    /* A part: `free 1` is about a slot from before it. */
    expect_program("[{trace: $t, from: two, until: three}]", first, 1, "B0:a P0:0-2 E0");
}

static void shipped_scenarios_load(void **state)
{
    (void)state;
    DIR *dir = opendir(SOURCE_DIR "/scenarios");
    assert_non_null(dir);
    size_t count = 0;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        size_t length = strlen(entry->d_name);
        if (length < 6 || strcmp(entry->d_name + length - 5, ".yaml") != 0) {
            continue;
        }
        char path[512];
        hs_error error = {{0}};
        snprintf(path, sizeof path, "%s/scenarios/%.200s", SOURCE_DIR, entry->d_name);
        hs_scenario *s = hs_scenario_load(path, &error);
        assert_string_equal(error.text, "");
        assert_int_equal(strlen(s->name), length - 5);
        assert_memory_equal(s->name, entry->d_name, length - 5);
        hs_scenario_free(s);
        count++;
    }
    closedir(dir);
    assert_true(count > 0);
}

int main(void)
{
    assert_non_null(mkdtemp(folder));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_files),
        cmocka_unit_test(steps_become_operations),
        cmocka_unit_test(shipped_scenarios_load),
    };
    int result = cmocka_run_group_tests(tests, NULL, NULL);
    const char *const names[] = {"bad.yaml", "s.yaml", "a.trace"};
    for (size_t i = 0; i < 3; i++) {
        char path[256];
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    rmdir(folder);
    return result;
}

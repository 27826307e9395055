#include "yaml_cases.h"

#include "device/gc.h"
#include "layout.h"
#include "policy.h"
#include "space.h"

static hs_policy *load(const char *name)
{
    char path[512];
    hs_error error = {.text = ""};
    snprintf(path, sizeof path, "%s/scenarios/policies/%s.yaml", SOURCE_DIR, name);
    hs_policy *policy = hs_policy_load(path, &error);
    assert_string_equal(error.text, "");
    assert_non_null(policy);
    assert_string_equal(policy->name, name);
    return policy;
}

static void say_term(char *out, size_t size, hs_policy_term term)
{
    if (term.kind == HS_TERM_RULE) {
        snprintf(out, size, " %s", hs_policy_rule_word(term.value));
    } else {
        snprintf(out, size, " %u%s", term.value, term.kind == HS_TERM_PERCENT ? "%" : "");
    }
}

static void append(char *line, size_t size, const char *text)
{
    strncat(line, text, size - strlen(line) - 1);
}

/* A policy as one line: collector, size of an area, number of areas, then what is not usual. */
static void picture(const hs_policy *p, char *line, size_t size)
{
    char part[128];
    snprintf(line, size, "%s:", p->gc_version != NULL ? p->gc_version : "none");
    for (size_t i = 0; i < p->fixed_count; i++) {
        snprintf(part, sizeof part, " [%x+%u]", p->fixed[i].start, p->fixed[i].size);
        append(line, size, part);
    }
    for (size_t i = 0; i < p->initial_count; i++) {
        say_term(part, sizeof part, p->initial[i]);
        append(line, size, part);
    }
    if (p->areas == HS_POLICY_AREAS_ALL) {
        append(line, size, " xall");
    } else if (p->gc_version != NULL) {
        snprintf(part, sizeof part, " x%u", p->areas);
        append(line, size, part);
    }
    if (p->min_area != 128) {
        snprintf(part, sizeof part, " min %u", p->min_area);
        append(line, size, part);
    }
    if (p->reserve > 0) {
        snprintf(part, sizeof part, " reserve %u", p->reserve);
        append(line, size, part);
    }
    append(line, size, p->grow ? " grow" : "");
    if (p->keep_free > 0) {
        snprintf(part, sizeof part, " keep %u", p->keep_free);
        append(line, size, part);
    }
    for (size_t i = 0; i < p->route_count; i++) {
        snprintf(part, sizeof part, " %s>%s", p->routes[i].owner,
                 p->routes[i].heap == HS_ROUTE_GC ? "gc" : "idf");
        append(line, size, part);
    }
    if (p->placeholder_until != NULL) {
        snprintf(part, sizeof part, " hold %u until %s", p->placeholder, p->placeholder_until);
        append(line, size, part);
    }
}

static const struct {
    const char *name;
    const char *picture;
} shipped[] = {
    {"none", "none:"},
    {"two-areas-2018", "v1.9.3: [3ffb27a0+98304] 113652 x1"},
    {"micropython-v1.18", "v1.18: largest x1"},
    {"micropython-v1.18-spiram", "v1.18: [3f800000+4194304] x0"},
    {"micropython-v1.19", "v1.19: largest 50% x1"},
    {"micropython-v1.20", "v1.20: largest 50% x1"},
    {"experiment-8940", "v1.20: largest xall min 1024 reserve 65536 mbedtls>gc"},
    {"micropython-v1.21", "v1.21: 65536 x1 grow"},
    {"micropython-v1.22", "v1.22: 57344 x1 grow"},
    {"micropython-v1.22-s2", "v1.22: 36864 x1 grow"},
    {"micropython-v1.22-64k", "v1.22: 65536 x1 grow"},
    {"micropython-v1.25", "v1.25: 57344 x1 grow"},
    {"fixed-48k", "v1.22: 49152 x1"},
    {"keep-free-48k", "v1.22: 57344 x1 grow keep 49152"},
    {"tracked-tls", "v1.22: 57344 x1 grow mbedtls>gc"},
    {"placeholder", "v1.19: largest 50% x1 hold 40960 until wifi_init"},
};

static void shipped_policies(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof shipped / sizeof shipped[0]; i++) {
        hs_policy *policy = load(shipped[i].name);
        char line[512];
        picture(policy, line, sizeof line);
        assert_string_equal(line, shipped[i].picture);
        assert_true(policy->title[0] != 0 && policy->release[0] != 0 && policy->reason[0] != 0);
        assert_true(policy->source_count > 0);
        hs_policy_free(policy);
    }
}

/* The 2018 map: pools 96000 bytes from 3ffb30a0 and 110976 from 3ffe4de0, total 206976. The second
 * area is what malloc gives first in the region 0x3ffe4350 of a v3 list heap: 28 bytes in. */
static void two_areas_2018_gives_the_published_pools(void **state)
{
    (void)state;
    hs_policy *policy = load("two-areas-2018");
    const hs_policy_area *fixed = &policy->fixed[0];
    hs_addr second = 0x3ffe4350 + 28;
    void *space = hs_space_create();
    assert_non_null(space);
    assert_int_equal(hs_space_commit(space, fixed->start, fixed->size), 0);
    assert_int_equal(hs_space_commit(space, second, policy->initial[0].value), 0);
    hs_gc *gc = calloc(1, sizeof *gc);
    const hs_gc_hooks hooks = {0};
    assert_true(hs_gc_init(gc, space, hs_gc_version_find(policy->gc_version), HS_GC_MANUAL,
                           fixed->start, fixed->size, &hooks, NULL));
    assert_true(hs_gc_add(gc, second, policy->initial[0].value));
    hs_gc_enable(gc, false); /* nothing to collect */
    hs_gc_info info;
    hs_gc_get_info(gc, &info);
    assert_int_equal(info.total, 206976);
    assert_int_equal(hs_gc_alloc(gc, 96000, 0), 0x3ffb30a0);
    assert_int_equal(hs_gc_alloc(gc, 110976, 0), 0x3ffe4de0);
    assert_int_equal(hs_gc_alloc(gc, 1, 0), 0);
    free(gc);
    hs_space_destroy(space);
    hs_policy_free(policy);
}

/* Fixed areas belong to the boards whose memory they were. */
static void fixed_areas_fit_some_layouts(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        {"two-areas-2018", "esp32-idf3", ""},
        {"two-areas-2018", "pico-d4",
         "found fixed area 0x3ffb27a0+98304 over heap region 0x3ffb6388+7288 of layout pico-d4, "
         "expected it outside the heap"},
        {"two-areas-2018", "esp32-s3",
         "found fixed area 0x3ffb27a0+98304, expected memory of layout esp32-s3's chip esp32s3"},
        {"micropython-v1.18-spiram", "pico-d4", ""},
        {"micropython-v1.18-spiram", "esp32-spiram",
         "found fixed area 0x3f800000+4194304 over heap region 0x3f800000+4194304 of layout "
         "esp32-spiram, expected it outside the heap"},
        {"micropython-v1.22", "esp32-s3", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char path[512];
        hs_error error = {.text = ""};
        snprintf(path, sizeof path, "%s/scenarios/layouts/%s.yaml", SOURCE_DIR, cases[i][1]);
        hs_layout *layout = hs_layout_load(path, &error);
        assert_non_null(layout);
        hs_policy *policy = load(cases[i][0]);
        int result = hs_policy_fits(policy, layout, &error);
        assert_int_equal(result, cases[i][2][0] == 0 ? 0 : -1);
        const char *words = strstr(error.text, "found");
        assert_string_equal(words != NULL ? words : "", cases[i][2]);
        hs_policy_free(policy);
        hs_layout_free(layout);
    }
}

static void every_shipped_file_is_in_the_table(void **state)
{
    (void)state;
    DIR *folder = opendir(SOURCE_DIR "/scenarios/policies");
    assert_non_null(folder);
    size_t count = 0;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        count += strstr(entry->d_name, ".yaml") != NULL;
    }
    closedir(folder);
    assert_int_equal(count, sizeof shipped / sizeof shipped[0]);
}

#define HEAD "name: a\ntitle: t\nrelease: r\nreason: w\nsource: [s]\n"

/* Accepted: what the shipped files do not show. */
static void further_good_files(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {HEAD "gc: {version: v1.22, initial: [64K]}\n", "v1.22: 65536 x1"},
        {HEAD "gc: {version: v1.22, initial: 0x4000, areas: 3}\nroute: {}\n", "v1.22: 16384 x3"},
        {HEAD "gc: {version: v1.20, fixed: [{start: 0x3ffb0000, size: 4K}, {start: 0x3ffb1000, "
              "size: 128}], areas: all, initial: 50%}\n",
         "v1.20: [3ffb0000+4096] [3ffb1000+128] 50% xall"},
        {HEAD "gc: {version: none}\nplaceholder: {size: 1, until: a b}\n",
         "none: hold 1 until a b"},
        {HEAD "gc: {version: v1.22, initial: 1K}\nroute: {lwip: idf, 'wi fi.x': gc}\n",
         "v1.22: 1024 x1 lwip>idf wi fi.x>gc"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char path[64];
        char line[512] = "";
        hs_error error = {.text = ""};
        write_case(path, cases[i][0], strlen(cases[i][0]));
        hs_policy *policy = hs_policy_load(path, &error);
        unlink(path);
        assert_string_equal(error.text, "");
        picture(policy, line, sizeof line);
        assert_string_equal(line, cases[i][1]);
        hs_policy_free(policy);
    }
}

static const yaml_case bad[] = {
    {"name: a b\ntitle: t\nrelease: r\nreason: w\nsource: [s]\ngc: {version: none}\n",
     "1: found 'a b' for name, expected a name of at most 64 letters, digits, '.', '_', '-'"},
    {HEAD, "1: found no key 'gc', expected it"},
    {"name: a\ntitle: t\n", "1: found no key 'release', expected it"},
    {HEAD "gc: {}\n", "6: found no key 'version' in gc, expected it"},
    {HEAD "gc: none\n", "6: found a single value for gc, expected a mapping"},
    {HEAD "gc:\n  version: v1.22\n  initail: 4K\n",
     "8: found unknown key 'initail', expected one of: version, initial, fixed, areas, min_area, "
     "reserve, grow, keep_free"},
    {HEAD "gc: {version: v1.8, initial: 4K}\n",
     "6: found 'v1.8' for gc.version, expected none or a MicroPython release; the rules changed "
     "with v1.9.3, v1.20, v1.21, v1.22, v1.25"},
    {HEAD "gc:\n  version: none\n  initial: 4K\n",
     "8: found gc.initial with gc.version none, expected no other key of gc"},
    {HEAD "gc:\n  grow: auto\n  version: none\n",
     "7: found gc.grow with gc.version none, expected no other key of gc"},
    {HEAD "gc:\n  version: v1.22\n",
     "6: found no gc.initial, expected the size of an area, or areas: 0"},
    {HEAD "gc:\n  version: v1.22\n  areas: 0\n",
     "8: found areas: 0 and no gc.fixed, expected an area or version: none"},
    {HEAD "gc:\n  version: v1.22\n  initial: big\n",
     "8: found 'big' for gc.initial, expected bytes (56K), a percentage (50%) or largest"},
    {HEAD "gc:\n  version: v1.22\n  initial: 64\n",
     "8: found '64' for gc.initial, expected bytes (56K), a percentage (50%) or largest"},
    {HEAD "gc:\n  version: v1.22\n  initial:\n  - largest\n  - 0%\n",
     "10: found '0%' for gc.initial[1], expected bytes (56K), a percentage (50%) or largest"},
    {HEAD "gc:\n  version: v1.22\n  initial: []\n",
     "8: found 0 entries in gc.initial, expected 1 to 8"},
    {HEAD "gc:\n  version: v1.22\n  initial: {a: b}\n",
     "8: found a mapping for gc.initial, expected a single value"},
    {HEAD "gc:\n  version: v1.22\n  initial: 4K\n  areas: 65\n",
     "9: found '65' for gc.areas, expected a number up to 64, or all"},
    {HEAD "gc:\n  version: v1.22\n  initial: 4K\n  areas: every\n",
     "9: found 'every' for gc.areas, expected a number up to 64, or all"},
    {HEAD "gc:\n  version: v1.22\n  initial: 4K\n  min_area: 100\n",
     "9: found 100 for gc.min_area, expected 128 to 4294967295"},
    {HEAD "gc:\n  version: v1.22\n  initial: 4K\n  reserve: 5G\n",
     "9: found '5G' for gc.reserve, expected a number of up to 32 bits such as 4096, 0x1000, 4K "
     "or 1M"},
    {HEAD "gc:\n  version: v1.22\n  initial: 4K\n  grow: yes\n",
     "9: found 'yes' for gc.grow, expected one of: never, auto"},
    {HEAD "gc:\n  version: v1.20\n  initial: 4K\n  grow: auto\n",
     "9: found grow: auto with gc.version v1.20, expected v1.21 or later"},
    {HEAD "gc:\n  version: v1.22\n  initial: 4K\n  keep_free: 4K\n",
     "9: found gc.keep_free without growth, expected grow: auto"},
    {HEAD "gc:\n  version: v1.20\n  areas: 0\n  fixed:\n  - {start: 0x3ffb0002, size: 4K}\n",
     "10: found 0x3ffb0002 for gc.fixed[0].start, expected a multiple of 4"},
    {HEAD "gc:\n  version: v1.20\n  areas: 0\n  fixed:\n  - start: 0xfffff000\n    size: 8K\n",
     "11: found 8K for gc.fixed[0].size, expected 128 to 4095"},
    {HEAD "gc:\n  version: v1.20\n  areas: 0\n  fixed:\n  - start: 4\n    size: 16\n",
     "11: found 16 for gc.fixed[0].size, expected 128 to 4294967291"},
    {HEAD "gc:\n  version: v1.20\n  areas: 0\n  fixed:\n  - {start: 4096, size: 4K}\n"
          "  - {start: 8188, size: 4K}\n",
     "11: found area 0x1ffc+4096 over area 0x1000+4096, expected areas that do not overlap"},
    {HEAD "gc: {version: v1.22, initial: 4K}\nroute:\n  mbedtls: gc\n  lwip: heap\n",
     "9: found 'heap' for route.lwip, expected one of: idf, gc"},
    {HEAD "gc: {version: v1.22, initial: 4K}\nroute: gc\n",
     "7: found a single value for route, expected a mapping"},
    {HEAD "gc: {version: v1.22, initial: 4K}\nroute: {'': gc}\n",
     "7: found a name of another length in route, expected at most 64 owners of 1 to 64 "
     "characters"},
    {HEAD "gc: {version: none}\nroute: {mbedtls: gc}\n",
     "7: found owner 'mbedtls' routed to gc with gc.version none, expected idf"},
    {HEAD "gc: {version: none}\nplaceholder: {size: 4K}\n",
     "7: found no key 'until' in placeholder, expected it"},
    {HEAD "gc: {version: none}\nplaceholder:\n  until: wifi\n  size: 0\n",
     "9: found 0 for placeholder.size, expected 1 to 4294967295"},
};

static int try_load(const char *path, hs_error *error)
{
    hs_policy *policy = hs_policy_load(path, error);
    hs_policy_free(policy);
    return policy != NULL ? 0 : -1;
}

static void bad_files_give_one_line(void **state)
{
    (void)state;
    expect_errors(bad, sizeof bad / sizeof bad[0], try_load);
}

static void too_many_owners(void **state)
{
    (void)state;
    char text[4096] = HEAD "gc: {version: v1.22, initial: 4K}\nroute:\n";
    for (int i = 0; i < HS_POLICY_ROUTES_MAX + 1; i++) {
        sprintf(text + strlen(text), "  o%d: gc\n", i);
    }
    const yaml_case one = {text, "7: found more owners in route, expected at most 64 owners of 1 "
                                 "to 64 characters"};
    expect_errors(&one, 1, try_load);
    *strstr(text, "  o64") = 0;
    char path[64];
    hs_error error = {.text = ""};
    write_case(path, text, strlen(text));
    hs_policy *policy = hs_policy_load(path, &error);
    unlink(path);
    assert_string_equal(error.text, "");
    assert_int_equal(policy->route_count, HS_POLICY_ROUTES_MAX);
    assert_string_equal(policy->routes[63].owner, "o63");
    hs_policy_free(policy);
}

static void routes_answer(void **state)
{
    (void)state;
    hs_policy *policy = load("tracked-tls");
    assert_int_equal(hs_policy_route_of(policy, "mbedtls", HS_ROUTE_IDF), HS_ROUTE_GC);
    assert_int_equal(hs_policy_route_of(policy, "lwip", HS_ROUTE_IDF), HS_ROUTE_IDF);
    assert_int_equal(hs_policy_route_of(policy, "python", HS_ROUTE_GC), HS_ROUTE_GC);
    hs_policy_free(policy);
}

static void parameters_can_be_set(void **state)
{
    (void)state;
    static const struct {
        const char *policy, *key, *value, *result; /* a picture, or an error */
    } cases[] = {
        {"micropython-v1.22", "gc.initial", "48K", "v1.22: 49152 x1 grow"},
        {"micropython-v1.22", "gc.initial", "[largest, 25%,1M]",
         "v1.22: largest 25% 1048576 x1 grow"},
        {"micropython-v1.22", "gc.areas", "all", "v1.22: 57344 xall grow"},
        {"micropython-v1.22", "gc.min_area", "1K", "v1.22: 57344 x1 min 1024 grow"},
        {"micropython-v1.22", "gc.reserve", "64K", "v1.22: 57344 x1 reserve 65536 grow"},
        {"micropython-v1.22", "gc.keep_free", "0x1000", "v1.22: 57344 x1 grow keep 4096"},
        {"placeholder", "placeholder.size", "1000",
         "v1.19: largest 50% x1 hold 1000 until wifi_init"},
        {"two-areas-2018", "gc.areas", "0", "v1.9.3: [3ffb27a0+98304] 113652 x0"},
        {"micropython-v1.22", "gc.initial", "big",
         "found 'big' for gc.initial, expected bytes (56K), a percentage (50%) or largest, or a "
         "list of them"},
        {"micropython-v1.22", "gc.initial", "[]",
         "found '[]' for gc.initial, expected bytes (56K), a percentage (50%) or largest, or a "
         "list of them"},
        {"micropython-v1.22", "gc.initial", "",
         "found '' for gc.initial, expected bytes (56K), a percentage (50%) or largest, or a list "
         "of them"},
        {"micropython-v1.22", "gc.initial", "[4K",
         "found '[4K' for gc.initial, expected bytes (56K), a percentage (50%) or largest, or a "
         "list of them"},
        {"micropython-v1.22", "gc.initial", "4K 5K",
         "found '4K 5K' for gc.initial, expected bytes (56K), a percentage (50%) or largest, or "
         "a list of them"},
        {"micropython-v1.22", "gc.areas", "0",
         "found '0' for gc.areas, expected an area, as there is no gc.fixed"},
        {"micropython-v1.18-spiram", "gc.areas", "1",
         "found '1' for gc.areas, expected 0, as there is no gc.initial"},
        {"micropython-v1.22", "gc.areas", "-1",
         "found '-1' for gc.areas, expected a number up to 64, or all"},
        {"micropython-v1.22", "gc.min_area", "127",
         "found '127' for gc.min_area, expected at least 128, such as 1K"},
        {"micropython-v1.22", "gc.reserve", "x",
         "found 'x' for gc.reserve, expected a number of up to 32 bits such as 4096 or 4K"},
        {"micropython-v1.19", "gc.keep_free", "4K",
         "found '4K' for gc.keep_free, expected one of: gc.initial, gc.areas, gc.min_area, "
         "gc.reserve, gc.keep_free (with grow: auto), placeholder.size (with a placeholder)"},
        {"none", "gc.initial", "4K",
         "found '4K' for gc.initial, expected a policy with a collector"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        hs_policy *policy = load(cases[i].policy);
        hs_error error = {.text = ""};
        char before[512];
        char line[512];
        picture(policy, before, sizeof before);
        int result = hs_policy_set(policy, cases[i].key, cases[i].value, &error);
        picture(policy, line, sizeof line);
        assert_string_equal(result == 0 ? line : error.text, cases[i].result);
        if (result != 0) {
            assert_string_equal(line, before);
        }
        hs_policy_free(policy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shipped_policies),
        cmocka_unit_test(two_areas_2018_gives_the_published_pools),
        cmocka_unit_test(fixed_areas_fit_some_layouts),
        cmocka_unit_test(every_shipped_file_is_in_the_table),
        cmocka_unit_test(further_good_files),
        cmocka_unit_test(bad_files_give_one_line),
        cmocka_unit_test(too_many_owners),
        cmocka_unit_test(routes_answer),
        cmocka_unit_test(parameters_can_be_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

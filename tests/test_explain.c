/* The explanation as a whole: who holds what, the words, the JSON. */
#include "case.h"

#include "explain.h"

#define HOLES                                                                                      \
    "phase one\nalloc 1 600 net\nalloc 2 600 tls\nphase two\nalloc 3 600 net\nfree 2\n"            \
    "phase three\nalloc 4 700 tls\n"

static hs_explanation explanation;

static void explain(case_files *f, const char *layout, const char *policy, const char *trace)
{
    case_make(f, layout, policy, trace);
    if (hs_explain(&explanation, f->c, &f->w.error) != 0) {
        fail_msg("%s", f->w.error.text);
    }
}

static void done(case_files *f)
{
    hs_explanation_release(&explanation);
    case_end(f);
}

/* "net 1200/2 one+two; free 780/2". */
static void expect_store(size_t index, const char *expected)
{
    assert_true(index < explanation.stores.count);
    const hs_store *s = &explanation.stores.items[index];
    char text[400] = "";
    size_t used = 0;
    for (size_t i = 0; i < s->count; i++) {
        const hs_holding *h = &s->holdings[i];
        used += (size_t)snprintf(text + used, sizeof text - used, "%s %llu/%llu", h->name,
                                 (unsigned long long)h->bytes, (unsigned long long)h->blocks);
        const char *gap = " ";
        for (size_t p = 0; p < explanation.run->phase_count; p++) {
            if (h->phases[p]) {
                used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", gap,
                                         explanation.run->phases[p]);
                gap = "+";
            }
        }
        used += (size_t)snprintf(text + used, sizeof text - used, "; ");
    }
    snprintf(text + used, sizeof text - used, "free %llu/%llu", (unsigned long long)s->free,
             (unsigned long long)s->free_blocks);
    assert_string_equal(text, expected);
}

static void who_holds_what(void **state)
{
    (void)state;
    case_files f;
    explain(&f, TINY_LAYOUT, NO_PYTHON, IDF_TRACE(HOLES));
    assert_int_equal(explanation.stores.count, 1);
    assert_true(explanation.stores.items[0].serves);
    expect_store(0, "net 1200/2 one+two; free 788/2");
    done(&f);
}

static void what_does_not_serve(void **state)
{
    (void)state;
    case_files f;
    explain(&f,
            "name: t\ntitle: t\nchip: esp32\nidf: v4.4\nsource: [made up]\nregions:\n"
            "  - {start: 0x3ffe4350, size: 3632, type: DIRAM}\n"
            "  - {start: 0x40098000, size: 8192, type: IRAM}\nboot: {fresh: true}\n",
            PYTHON("1024"), IDF_TRACE("alloc 1 3000 net\n"));
    assert_int_equal(explanation.run->failure.failure_class, HS_CLASS_CAPS);
    assert_true(explanation.stores.items[0].serves);
    assert_false(explanation.stores.items[1].serves);
    expect_store(0, "Python's heap 1024/1; free 972/1");
    done(&f);
}

static void who_holds_pythons_heap(void **state)
{
    (void)state;
    case_files f;
    explain(&f, TINY_LAYOUT, PYTHON("1024"),
            GC_TRACE("phase a\nalloc 1 320 mp\nalloc 2 48 mp\nlink 1 0 2\ndrop 2\nphase b\n"
                     "alloc 3 64 mp\nalloc 4 900 mp\n"));
    assert_int_equal(explanation.stores.count, 2); /* the region, then the area */
    expect_store(1, "mp 384/2 a+b; reached through links 48/1; free 528/1");
    done(&f);
}

static void contains(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) {
        fail_msg("expected '%s' in\n%s", part, text);
    }
}

static char *words(void)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    assert_non_null(file);
    hs_explain_print(file, &explanation);
    fclose(file);
    return text;
}

static void the_words(void **state)
{
    (void)state;
    case_files f;
    explain(&f, TINY_LAYOUT, NO_PYTHON, IDF_TRACE(HOLES));
    char *text = words();
    contains(text, "FAILED  tls wanted 700 bytes of the IDF heap at event 8, ");
    contains(text, "test.trace:12, phase three\n");
    contains(text, "fragmented: 700 bytes are needed in one piece; 788 are free, but the largest "
                   "piece has 600.\n");
    contains(text, "      1200 bytes in 2 blocks  net  from one, two\n");
    contains(text, "  0x3ffe4350 DIRAM: 1204 bytes in one piece, were it not for 600 in 1 block\n"
                   "         600 bytes at 0x3ffe49ac  net, phase one, from event 2, 6 events "
                   "ago\n");
    contains(text, "another order: none of 2 moves of a phase\n");
    contains(text, "  528 bytes more in the region at 0x3ffe4350 (DIRAM); 512 more are too few\n");
    contains(text, "so a policy that lets it pass is not ruled out\n");
    free(text);
    done(&f);
}

static void a_run_that_passes(void **state)
{
    (void)state;
    case_files f;
    explain(&f, TINY_LAYOUT, NO_PYTHON, IDF_TRACE("alloc 1 600 net\n"));
    assert_int_equal(explanation.advices.count, 0);
    assert_int_equal(explanation.pins.count, 0);
    char *text = words();
    contains(text, "completed  every allocation was served: nothing to explain\n");
    contains(text, "Bounds");
    free(text);
    done(&f);
}

/* A policy that finds no memory fails before the first event. */
static void a_policy_without_memory(void **state)
{
    (void)state;
    case_files f;
    explain(&f, TINY_LAYOUT, PYTHON("4K"), IDF_TRACE("alloc 1 600 net\n"));
    assert_true(explanation.run->failed);
    assert_int_equal(explanation.run->failure.event, 0);
    const hs_advice *a = &explanation.advices.items[0];
    assert_string_equal(a->name, "gc.initial");
    assert_true(a->helps);
    assert_int_equal(a->value, 1024);
    char *text = words();
    contains(text, "FAILED  policy wanted 4096 bytes of the IDF heap at the start of the policy\n");
    free(text);
    done(&f);
}

static json_int_t number(const json_t *json, const char *key)
{
    const json_t *value = json_object_get(json, key);
    assert_true(json_is_integer(value));
    return json_integer_value(value);
}

static void the_json(void **state)
{
    (void)state;
    case_files f;
    explain(&f, TINY_LAYOUT, PYTHON("1024"), IDF_TRACE("alloc 1 1200 net\n"));
    json_t *json = hs_explain_json(&explanation);
    assert_non_null(json);
    assert_int_equal(number(json, "heapsim"), 1);
    const json_t *failure = json_object_get(json, "failure");
    assert_string_equal(json_string_value(json_object_get(failure, "class")), "exhausted");
    const json_t *store = json_array_get(json_object_get(json, "places"), 0);
    assert_int_equal(number(store, "free"), 972);
    const json_t *pins = json_array_get(json_object_get(json, "pins"), 0);
    assert_int_equal(number(pins, "bytes"), 1024);
    const json_t *block = json_array_get(json_object_get(pins, "blocks"), 0);
    assert_string_equal(json_string_value(json_object_get(block, "owner")), "Python's heap");
    bool seen = false;
    for (size_t i = 0; i < json_array_size(json_object_get(json, "advice")); i++) {
        const json_t *a = json_array_get(json_object_get(json, "advice"), i);
        assert_true(json_is_string(json_object_get(a, "text")));
        const json_t *name = json_object_get(a, "name");
        seen = seen || (name != NULL && strcmp(json_string_value(name), "gc.initial") == 0);
    }
    assert_true(seen);
    assert_int_equal(number(json_object_get(json, "bounds"), "room"), 2004);
    json_decref(json);
    done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_holds_what),
        cmocka_unit_test(what_does_not_serve),
        cmocka_unit_test(who_holds_pythons_heap),
        cmocka_unit_test(the_words),
        cmocka_unit_test(a_run_that_passes),
        cmocka_unit_test(a_policy_without_memory),
        cmocka_unit_test(the_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Pins: the cheapest blocks whose absence makes room, in pictures. */
#include "case.h"

#include "pins.h"

static hs_pin_sets sets;
static hs_error error;

/* Plays a trace in which something fails and finds the pins at its first failure. */
static void pins_of(world *w, const char *layout, const char *policy, const char *trace)
{
    world_make(w, layout, policy);
    hs_session_stop_at_failure(w->session, true);
    world_play(w, trace);
    assert_true(w->run->failed);
    assert_int_equal(hs_pins_find(&sets, w->run, &w->run->failure, &error), 0);
}

static void done(world *w)
{
    hs_pins_release(&sets);
    world_end(w);
}

/* One set as "net:600 tls:8 -> 1204": the pins and the room that they leave. */
static void expect_pins(const world *w, size_t index, const char *picture)
{
    assert_true(index < sets.count);
    const hs_pin_set *set = &sets.items[index];
    char text[512] = "";
    size_t used = 0;
    for (size_t i = 0; i < set->count; i++) {
        used += (size_t)snprintf(text + used, sizeof text - used, "%s:%u ",
                                 hs_pin_name(w->run, &set->pins[i]), set->pins[i].size);
    }
    snprintf(text + used, sizeof text - used, "-> %u", set->room);
    assert_string_equal(set->possible ? text : "none", picture);
    assert_int_equal(set->verified, set->possible);
}

static void the_cheapest_of_several(void **state)
{
    (void)state;
    world w;
    pins_of(
        &w, TINY_LAYOUT, NO_PYTHON,
        IDF_TRACE("alloc 1 400 net\nalloc 2 40 net\nalloc 3 400 net\nalloc 4 80 tls\n"
                  "alloc 5 400 net\nalloc 6 600 net\nfree 1\nfree 3\nfree 5\nalloc 7 500 tls\n"));
    expect_heap(&w, "free:400 net:40 free:400 tls:80 free:400 net:600 free:56");
    expect_pins(&w, 0, "net:40 -> 848");
    assert_int_equal(sets.items[0].bytes, 40);
    assert_int_equal(sets.items[0].pins[0].born, 2);
    assert_int_equal(sets.items[0].pins[0].age, 8);
    done(&w);
}

static void several_small_instead_of_one_large(void **state)
{
    (void)state;
    world w;
    pins_of(&w, TINY_LAYOUT, NO_PYTHON,
            IDF_TRACE("alloc 1 300 net\nalloc 2 16 net\nalloc 3 300 net\nalloc 4 16 tls\n"
                      "alloc 5 300 net\nalloc 6 200 net\nalloc 7 700 net\nfree 1\nfree 3\nfree 5\n"
                      "alloc 8 800 tls\n"));
    expect_heap(&w, "free:300 net:16 free:300 tls:16 free:300 net:200 net:700 free:140");
    expect_pins(&w, 0, "net:16 tls:16 -> 948");
    done(&w);
}

/* TLSF looks for 700 bytes from the next class on, 704: 700 free bytes would not be seen. */
static void room_that_the_allocator_sees(void **state)
{
    (void)state;
    world w;
    pins_of(&w, TINY_LAYOUT, NO_PYTHON,
            IDF_TRACE("alloc 1 344 net\nalloc 2 12 net\nalloc 3 336 net\nalloc 4 12 net\n"
                      "alloc 5 20 net\nalloc 6 40 tls\nalloc 7 600 net\nalloc 8 592 net\n"
                      "free 1\nfree 3\nfree 5\nalloc 9 700 tls\n"));
    expect_heap(&w, "free:344 net:12 free:336 net:12 free:20 tls:40 net:600 net:592 free:12");
    assert_int_equal(sets.items[0].wanted, 704);
    expect_pins(&w, 0, "net:12 net:12 -> 740");
    done(&w);
}

static void each_region_that_serves(void **state)
{
    (void)state;
    static const char two[] =
        "name: t\ntitle: t\nchip: esp32\nidf: v4.4\nsource: [made up]\nregions:\n"
        "  - {start: 0x3ffb0000, size: 3032, type: DRAM}\n"
        "  - {start: 0x3ffe4350, size: 3632, type: DIRAM}\n"
        "  - {start: 0x40098000, size: 8192, type: IRAM}\nboot: {fresh: true}\n";
    world w;
    pins_of(&w, two, NO_PYTHON,
            IDF_TRACE("alloc 1 600 net\nalloc 2 600 tls\nalloc 3 900 net\nalloc 4 900 tls\n"
                      "free 1\nalloc 5 1000 net\n"));
    assert_int_equal(sets.count, 2); /* not the one of IRAM */
    expect_heap(&w, "free:600 tls:600 free:192 | net:900 tls:900 free:192 | free:6560");
    expect_pins(&w, 0, "tls:600 -> 1400");
    expect_pins(&w, 1, "tls:900 -> 1096");
    done(&w);
}

static void too_small_even_when_empty(void **state)
{
    (void)state;
    world w;
    pins_of(&w, TINY_LAYOUT, NO_PYTHON, IDF_TRACE("alloc 1 16 net\nalloc 2 2001 tls\n"));
    expect_pins(&w, 0, "none");
    assert_int_equal(sets.items[0].count, 0);
    done(&w);
}

static void areas_and_boot_blocks_by_name(void **state)
{
    (void)state;
    static const char booted[] =
        "name: t\ntitle: t\nchip: esp32\nidf: v4.4\nsource: [made up]\nregions:\n"
        "  - {start: 0x3ffe4350, size: 3632, type: DIRAM}\n"
        "boot: {blocks: [{start: 0x3ffe49ac, size: 300}]}\n";
    static const char named[] =
        "name: t\ntitle: t\nchip: esp32\nidf: v4.4\nsource: [made up]\nregions:\n"
        "  - {start: 0x3ffe4350, size: 3632, type: DIRAM}\n"
        "boot: {blocks: [{start: 0x3ffe49ac, size: 300, owner: gc-heap}]}\n";
    world w;
    pins_of(&w, booted, PYTHON("1024"), IDF_TRACE("alloc 1 1200 net\n"));
    expect_heap(&w, "boot:300 python:1024 free:668");
    expect_pins(&w, 0, "Python's heap:1024 -> 1696");
    done(&w);
    pins_of(&w, booted, PYTHON("1024"), IDF_TRACE("alloc 1 1800 net\n"));
    expect_pins(&w, 0, "boot:300 Python's heap:1024 -> 2000");
    done(&w);
    pins_of(&w, named, NO_PYTHON, IDF_TRACE("alloc 1 1800 net\n"));
    expect_pins(&w, 0, "gc-heap:300 -> 2000");
    done(&w);
}

/* The block that a realloc wants to grow is not asked to go. */
static void a_realloc_keeps_its_block(void **state)
{
    (void)state;
    world w;
    pins_of(&w, TINY_LAYOUT, NO_PYTHON,
            IDF_TRACE("alloc 1 600 net\nalloc 2 500 tls\nalloc 3 800 net\nrealloc 2 620\n"));
    expect_heap(&w, "net:600 tls:500 net:800 free:88");
    expect_pins(&w, 0, "net:800 -> 892");
    done(&w);
}

static void an_aligned_request(void **state)
{
    (void)state;
    world w;
    pins_of(&w, TINY_LAYOUT, NO_PYTHON,
            IDF_TRACE("alloc 1 800 net\nalloc 2 16 net\nalloc 3 800 tls\nfree 1\n"
                      "aligned 4 256 800 net\n"));
    assert_int_equal(w.run->failure.align, 256);
    expect_heap(&w, "free:800 net:16 tls:800 free:372");
    expect_pins(&w, 0, "net:16 tls:800 -> 2000");
    done(&w);
}

static void objects_of_python(void **state)
{
    (void)state;
    world w;
    pins_of(&w, TINY_LAYOUT, PYTHON("1024"),
            GC_TRACE("alloc 1 320 mp\nalloc 2 16 mp\nalloc 3 320 mp\nalloc 4 48 mp\n"
                     "link 2 0 4\ndrop 4\ndrop 1\ndrop 3\nalloc 5 640 mp\n"));
    assert_int_equal(sets.count, 1);
    expect_pins(&w, 0, "mp:16 -> 656");
    done(&w);
    pins_of(&w, TINY_LAYOUT, PYTHON("1024"),
            GC_TRACE("alloc 1 320 mp\nalloc 2 16 mp\nalloc 3 320 mp\nalloc 4 48 mp\n"
                     "link 2 0 4\ndrop 4\ndrop 1\ndrop 3\nalloc 5 800 mp\n"));
    expect_pins(&w, 0, "mp:16 reached through links:48 -> 960");
    done(&w);
}

/* Against every window tried one by one, on random heaps. */
static void equal_to_all_windows(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 60; seed++) {
        unsigned s = seed;
        char text[8000] = "heapsim-trace 1\norigin modelled\nowner net idf\n";
        size_t used = strlen(text);
        unsigned count = 0;
        for (unsigned bytes = 0; bytes < 1800; count++) {
            s = s * 1103515245u + 12345u;
            unsigned size = (s >> 16 & 31) * 4 + 12;
            bytes += size + 4;
            used +=
                (size_t)snprintf(text + used, sizeof text - used, "alloc %u %u net\n", count, size);
        }
        for (unsigned i = 0; i < count; i++) {
            s = s * 1103515245u + 12345u;
            if ((s >> 16 & 3) == 0) {
                used += (size_t)snprintf(text + used, sizeof text - used, "free %u\n", i);
            }
        }
        snprintf(text + used, sizeof text - used, "alloc 9999 %u net\n", 900 + seed * 8);
        world w;
        pins_of(&w, TINY_LAYOUT, NO_PYTHON, text);
        const hs_pin_set *set = &sets.items[0];
        hs_holders h;
        assert_int_equal(hs_holders_take(&h, w.run), 0);
        uint64_t best = UINT64_MAX;
        for (size_t i = 0; i < h.count; i++) {
            uint64_t cost = 0;
            for (size_t k = i; k < h.count; k++) {
                cost += h.items[k].kind == HS_HOLDER_FREE ? 0 : h.items[k].size;
                if (h.items[k].start + h.items[k].size - h.items[i].start >= set->wanted &&
                    cost < best) {
                    best = cost;
                }
            }
        }
        if (!set->possible || set->bytes != best || !set->verified) {
            fail_msg("seed %u: %llu bytes, expected %llu", seed, (unsigned long long)set->bytes,
                     (unsigned long long)best);
        }
        hs_holders_release(&h);
        done(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_cheapest_of_several),
        cmocka_unit_test(several_small_instead_of_one_large),
        cmocka_unit_test(room_that_the_allocator_sees),
        cmocka_unit_test(each_region_that_serves),
        cmocka_unit_test(too_small_even_when_empty),
        cmocka_unit_test(areas_and_boot_blocks_by_name),
        cmocka_unit_test(a_realloc_keeps_its_block),
        cmocka_unit_test(an_aligned_request),
        cmocka_unit_test(objects_of_python),
        cmocka_unit_test(equal_to_all_windows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

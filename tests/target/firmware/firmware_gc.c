/* A tiny interpreter on the adapter: own headers, own hook table, a port's gc_collect(). What the
 * golden scripts do not see is tested here: threads, interrupts, shared state, the mutex. */
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include "py/gc.h"

#include "micropython_hooks.h"

#include "check.h"

#define BLOCK 16u

#if HS_MP_STATE
static struct {
    uint16_t gc_auto_collect_enabled;
    uint16_t gc_lock_depth[2]; /* of two threads */
    size_t gc_alloc_threshold;
    size_t gc_collected;
    unsigned thread; /* that runs */
} state;
#endif

static void *roots[8];
static _Alignas(64) char memory[1024 + 512];
#if HS_GC_AREAS
static _Alignas(64) char more[8192];
#endif
static size_t new_split;   /* what the port could give */
static int mutex;          /* depth */
static int collections;    /* so far */
static void *finalised[4]; /* in order */
static unsigned finalised_count;
static void *freed_by_finaliser; /* what the next one frees */

static char text[1024];
static size_t text_length;

static void root_section(void)
{
    CHECK(mutex == HS_MP_MUTEX);
    gc_collect_root(roots, sizeof roots / sizeof *roots);
}

static void finaliser(void *object)
{
    CHECK(gc_is_locked());
    CHECK(gc_alloc(BLOCK, 0) == NULL);
    CHECK(gc_realloc(object, 100, true) == NULL);
    gc_lock(); /* Python code that locks the heap */
    gc_unlock();
    CHECK(gc_is_locked());
    gc_free(freed_by_finaliser);
    finalised[finalised_count++] = object;
}

int mp_printf(const mp_print_t *print, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    int length = vsnprintf(print->text + text_length, sizeof text - text_length, format, values);
    va_end(values);
    text_length += (size_t)length;
    return length;
}

static char letter(const void *first_word)
{
    return first_word == (const void *)text ? 'T' : 'h';
}

#if HS_GC_AREAS == 2
static size_t max_new_split(void)
{
    return new_split;
}

static void *split_alloc(size_t bytes)
{
    CHECK(bytes <= new_split && bytes <= sizeof more);
    new_split = 0;
    return more;
}

static void split_free(void *start)
{
    CHECK(start == more);
    new_split = sizeof more;
}
#endif

#if HS_MP_STATE
static uint16_t *lock_depth(void)
{
    return &state.gc_lock_depth[state.thread];
}
#endif

#if HS_MP_MUTEX
static void enter(void)
{
    CHECK(mutex == 0 || HS_GC_VERSION >= 4); /* not recursive before v1.25 */
    ++mutex;
}

static void leave(void)
{
    CHECK(--mutex >= 0);
}
#endif

const hs_mp_hooks hs_mp_port = {
    .root_section = root_section,
    .finaliser = finaliser,
    .printf = mp_printf,
    .letter = letter,
#if HS_GC_AREAS == 2
    .max_new_split = max_new_split,
    .split_alloc = split_alloc,
    .split_free = split_free,
#endif
#if HS_MP_STATE
    .auto_collect = &state.gc_auto_collect_enabled,
    .threshold = &state.gc_alloc_threshold,
    .collected = &state.gc_collected,
    .lock_depth = lock_depth,
#endif
#if HS_MP_MUTEX
    .enter = enter,
    .leave = leave,
#endif
};

static void *stack_word; /* of the port's stack */

void gc_collect(void)
{
    CHECK(mutex == 0);
    ++collections;
    gc_collect_start();
    gc_collect_root(&stack_word, 1);
    gc_collect_end();
}

/* Puts the table's letters together: "h=T..." without the offsets in front. */
static void expect_table(const char *expected)
{
    const mp_print_t print = {text};
    text_length = 0;
    gc_dump_alloc_table(&print);
    CHECK(strncmp(text, "GC memory layout; from ", 23) == 0);
    const char *line = strstr(text, ": ");
    CHECK(line != NULL);
    if (strncmp(line + 2, expected, strlen(expected)) != 0) {
        printf("%s\nexpected %s\n", text, expected);
        end_of_test(1);
    }
}

static void start(size_t bytes)
{
    memset(roots, 0, sizeof roots);
    stack_word = NULL;
    freed_by_finaliser = NULL;
    finalised_count = 0;
    new_split = 0;
    collections = 0;
    gc_init(memory, memory + bytes);
    CHECK(mutex == 0 && !gc_is_locked());
}

static void objects(void)
{
    start(sizeof memory);
    roots[0] = gc_alloc(1, 0);
    roots[1] = gc_alloc(17, GC_ALLOC_FLAG_HAS_FINALISER);
    roots[2] = gc_alloc(5 * BLOCK, 0);
    *(const void **)roots[2] = text;
    expect_table("hh=T====...");
    CHECK(gc_nbytes(roots[2]) == 5 * BLOCK && gc_nbytes((char *)roots[2] + BLOCK) == 0);
    *(uint32_t *)roots[1] = 1; /* a type: or there is no finaliser */
    void *dead = roots[1];
    roots[1] = NULL;
    stack_word = gc_alloc(BLOCK, 0);
    gc_collect();
    expect_table("h..T====h...");
    CHECK(finalised_count == 1 && finalised[0] == dead);
    CHECK(gc_realloc(roots[2], 2 * BLOCK, false) == roots[2]);
    expect_table("h..T=...h...");
    CHECK(gc_realloc(roots[2], 6 * BLOCK, false) == NULL);
    roots[2] = gc_realloc(roots[2], 6 * BLOCK, true);
    expect_table("h.......hT=====...");
    gc_free(roots[0]);
    expect_table("........hT=====...");
}

static void figures(void)
{
    const mp_print_t print = {text};
    gc_info_t info;
    gc_info(&info);
    CHECK(info.used == 7 * BLOCK && info.num_1block == 1 && info.num_2block == 0);
    CHECK(info.max_block == 6 && info.total == info.used + info.free);
    text_length = 0;
    gc_dump_info(&print);
    char expected[160];
    int length = snprintf(expected, sizeof expected, "GC: total: %u, used: %u, free: %u",
                          (unsigned)info.total, 7 * BLOCK, (unsigned)info.free);
    CHECK(strncmp(text, expected, (size_t)length) == 0);
    CHECK(strstr(text, "\n No. of 1-blocks: 1, 2-blocks: 0, max blk sz: 6, max free sz: ") != NULL);
}

static void reset(void)
{
    *(uint32_t *)(roots[1] = gc_alloc(BLOCK, GC_ALLOC_FLAG_HAS_FINALISER)) = 1;
    finalised_count = 0;
    gc_sweep_all();
    CHECK(finalised_count == 1 && finalised[0] == roots[1]);
    expect_table("..............");
}

/* From v1.25 on a finaliser may free; before, that is ignored. */
static void finaliser_frees(void)
{
    start(sizeof memory);
    *(uint32_t *)gc_alloc(BLOCK, GC_ALLOC_FLAG_HAS_FINALISER) = 1;
    freed_by_finaliser = stack_word = gc_alloc(BLOCK, 0);
    gc_collect();
    expect_table(HS_GC_VERSION >= 4 ? "..." : ".h.");
}

/* While the heap is locked nothing happens, but a collection that is asked for. */
static void locks(void)
{
    start(sizeof memory);
    roots[0] = gc_alloc(BLOCK, 0);
    gc_lock();
    gc_lock(); /* an interrupt */
    gc_unlock();
    CHECK(gc_is_locked());
    CHECK(gc_alloc(BLOCK, 0) == NULL && gc_realloc(roots[0], 2 * BLOCK, true) == NULL);
    gc_free(roots[0]);
    expect_table("h..");
    roots[0] = NULL;
    gc_collect();
    CHECK(gc_is_locked());
    expect_table("...");
    gc_unlock();
    CHECK(!gc_is_locked());
}

/* A full heap is collected once; what only gc_realloc knows of stays. */
static void full(void)
{
    start(sizeof memory);
    gc_info_t info;
    gc_info(&info);
    void *first = gc_alloc(BLOCK, 0);
    memset(first, 7, BLOCK);
    CHECK(gc_alloc(info.free - 2 * BLOCK, 0) != NULL);
    CHECK(collections == 0);
    char *moved = gc_realloc(first, 3 * BLOCK, true);
    CHECK(collections == 1 && moved != NULL && moved != first && moved[0] == 7 && moved[15] == 7);
    roots[0] = moved;
    CHECK(gc_alloc(info.total, 0) == NULL && collections == 2);
}

#if HS_MP_STATE
/* gc.disable(), gc.threshold(), gc.collect(): the interpreter reads and writes its own state. */
static void shared_state(void)
{
    start(sizeof memory);
    CHECK(state.gc_auto_collect_enabled == 1 && state.gc_alloc_threshold == (size_t)-1);
    gc_info_t info;
    gc_info(&info);
    gc_alloc(info.total, 0);
    state.gc_auto_collect_enabled = 0;
    CHECK(gc_alloc(BLOCK, 0) == NULL && collections == 0);
    state.gc_auto_collect_enabled = 1;
    CHECK(gc_alloc(BLOCK, 0) != NULL && collections == 1 && state.gc_collected == 1);
    state.gc_alloc_threshold = 2;
    gc_alloc(BLOCK, 0);
    CHECK(collections == 1);
    gc_alloc(BLOCK, 0);
    CHECK(collections == 2 && state.gc_collected == 2);
}

static void threads(void)
{
    start(sizeof memory);
    gc_lock();
    CHECK(state.gc_lock_depth[0] == (HS_GC_VERSION >= 4 ? 2 : 1));
    state.thread = 1;
    CHECK(!gc_is_locked());
    CHECK(gc_alloc(BLOCK, 0) != NULL);
    state.thread = 0;
    CHECK(gc_is_locked() && gc_alloc(BLOCK, 0) == NULL);
    gc_unlock();
    CHECK(state.gc_lock_depth[0] == 0 && state.gc_lock_depth[1] == 0);
}
#endif

#if HS_GC_AREAS == 2
static void growth(void)
{
    start(sizeof memory);
    new_split = sizeof more;
    void *large = gc_alloc(4096, 0);
    CHECK(large != NULL && (char *)large > more && (char *)large < more + sizeof more);
    CHECK(collections == 1 && new_split == 0);
    gc_collect();
    CHECK(new_split == sizeof more); /* nothing is left in it */
}
#elif HS_GC_AREAS == 1
static void growth(void)
{
    start(sizeof memory);
    gc_add(more, more + sizeof more);
    void *large = gc_alloc(4096, 0);
    CHECK(large != NULL && (char *)large > more && (char *)large < more + sizeof more);
}
#endif

int main(void)
{
    objects();
    figures();
    reset();
    finaliser_frees();
    locks();
    full();
#if HS_MP_STATE
    shared_state();
    threads();
#endif
#if HS_GC_AREAS
    growth();
#endif
    printf("all checks hold\n");
    end_of_test(0);
}

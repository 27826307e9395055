/* golden_gc TARGET < CASE.in: runs a collector script and prints what the device code printed.
 * TARGET is single-, noauto- or auto- and a release. The language: tests/golden/gc/README.md. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device/gc.h"
#include "gc_print.h"
#include "space.h"

#define ROOTS       65536u
#define QUEUE       1024u
#define SPLIT_QUEUE 0xffffffffu /* max-new-split is the size of the queue's front */
#define TYPE_OTHER  0x3f400020u /* word 0 of an object with a finaliser */
#define NO_ID       0xffffffffu

typedef struct object {
    hs_addr address;      /* 0: no object */
    uint32_t on_finalise; /* id that its finaliser frees, or NO_ID */
} object;

typedef struct player {
    hs_gc gc;
    const hs_gc_version *version;
    hs_gc_mode mode;
    void *space;
    bool ready; /* an area was given */
    object *objects;
    uint32_t object_count;
    uint32_t roots[ROOTS];
    uint32_t root_count; /* slots above were never used */
    struct {
        hs_addr start;
        uint32_t size;
    } queue[QUEUE];
    uint32_t queue_first, queue_end;
    uint32_t split;
    char *events; /* what the command caused so far */
    size_t events_used, events_size;
    unsigned long line;
} player;

static _Noreturn void bad(const player *p, const char *what)
{
    fprintf(stderr, "golden_gc: line %lu: %s\n", p->line, what);
    exit(2);
}

static void note(player *p, const char *text)
{
    size_t length = strlen(text);
    if (p->events_used + length + 1 > p->events_size) {
        p->events_size = 2 * (p->events_used + length + 1);
        p->events = realloc(p->events, p->events_size);
        if (p->events == NULL) {
            bad(p, "no memory");
        }
    }
    memcpy(p->events + p->events_used, text, length + 1);
    p->events_used += length;
}

/* Hooks ---------------------------------------------------------------------------------------*/

static void give_roots(void *context, hs_gc *gc)
{
    player *p = context;
    hs_gc_collect_root(gc, p->roots, p->root_count);
}

static void finalise(void *context, hs_gc *gc, hs_addr address)
{
    player *p = context;
    uint32_t id = 0;
    while (id < p->object_count && p->objects[id].address != address) {
        ++id;
    }
    char text[48];
    snprintf(text, sizeof text, " fin %" PRIu32, id);
    note(p, text);
    if (id < p->object_count && p->objects[id].on_finalise != NO_ID) {
        uint32_t other = p->objects[id].on_finalise;
        p->objects[id].on_finalise = NO_ID;
        if (other < p->object_count && p->objects[other].address != 0) {
            snprintf(text, sizeof text, "(free %" PRIu32 ")", other);
            note(p, text);
            hs_gc_free(gc, p->objects[other].address);
            p->objects[other].address = 0;
        }
    }
}

static uint32_t max_new_split(void *context)
{
    const player *p = context;
    if (p->split != SPLIT_QUEUE) {
        return p->split;
    }
    return p->queue_first == p->queue_end ? 0 : p->queue[p->queue_first].size;
}

static hs_addr platform_alloc(void *context, uint32_t bytes)
{
    player *p = context;
    if (p->queue_first == p->queue_end) {
        return 0;
    }
    uint32_t at = p->queue_first++;
    return bytes <= p->queue[at].size ? p->queue[at].start : 0;
}

static void platform_free(void *context, hs_addr start)
{
    (void)context;
    (void)start;
}

static void event(void *context, hs_gc_event kind, uint32_t a, uint32_t b)
{
    char text[64] = "";
    if (kind == HS_GC_EVENT_COLLECT) {
        snprintf(text, sizeof text, " collect %" PRIu32, a);
    } else if (kind == HS_GC_EVENT_RELEASE) {
        snprintf(text, sizeof text, " release %" PRIx32, a);
    } else if (kind == HS_GC_EVENT_GROW && b != 0) {
        snprintf(text, sizeof text, " grow %" PRIu32 "=%" PRIx32, a, b);
    } else if (kind == HS_GC_EVENT_GROW) {
        snprintf(text, sizeof text, " grow %" PRIu32 "=NULL", a);
    }
    note(context, text);
}

static const hs_gc_hooks hooks = {give_roots,     finalise,      max_new_split,
                                  platform_alloc, platform_free, event};

/* Script --------------------------------------------------------------------------------------*/

typedef struct command {
    const char *word[6];
    int words;
} command;

static uint32_t number(const player *p, const command *c, int at, int base)
{
    char *end = NULL;
    if (at >= c->words) {
        bad(p, "a number is missing");
    }
    uint32_t value = (uint32_t)strtoll(c->word[at], &end, base);
    if (end == c->word[at] || *end != 0) {
        bad(p, "not a number");
    }
    return value;
}

static object *object_at(player *p, const command *c, int at)
{
    uint32_t id = number(p, c, at, 10);
    if (id >= p->object_count) {
        uint32_t count = id + 1 + p->object_count;
        p->objects = realloc(p->objects, count * sizeof *p->objects);
        if (p->objects == NULL) {
            bad(p, "no memory");
        }
        for (uint32_t i = p->object_count; i < count; ++i) {
            p->objects[i] = (object){0, NO_ID};
        }
        p->object_count = count;
    }
    return &p->objects[id];
}

static void print_address(hs_addr address)
{
    if (address == 0) {
        printf("NULL");
    } else {
        printf("%" PRIx32, address);
    }
}

static void do_area(player *p, const command *c)
{
    hs_addr start = number(p, c, 1, 16);
    uint32_t size = number(p, c, 2, 10);
    bool fits;
    hs_space_commit(p->space, start, size);
    if (p->ready) {
        fits = hs_gc_add(&p->gc, start, size);
    } else {
        fits = hs_gc_init(&p->gc, p->space, p->version, p->mode, start, size, &hooks, p);
        p->ready = fits;
    }
    printf(fits ? "ok" : "refused");
}

static void do_reset(player *p)
{
    p->ready = false;
    p->object_count = 0;
    memset(p->roots, 0, sizeof p->roots);
    p->root_count = 0;
    p->queue_first = p->queue_end = 0;
    p->split = 0;
    printf("ok");
}

static void do_alloc(player *p, const command *c)
{
    const char *option = c->words > 3 ? c->word[3] : "";
    bool finaliser = strncmp(option, "fin", 3) == 0;
    hs_addr address =
        hs_gc_alloc(&p->gc, number(p, c, 2, 10), finaliser ? HS_GC_WITH_FINALISER : 0);
    if (address != 0 && strcmp(option, "fin") == 0) {
        *(uint32_t *)hs_at(p->space, address) = TYPE_OTHER;
    }
    *object_at(p, c, 1) = (object){address, NO_ID};
    print_address(address);
}

static void do_realloc(player *p, const command *c)
{
    hs_addr old = object_at(p, c, 1)->address;
    uint32_t bytes = number(p, c, 2, 10);
    bool may_move = c->words < 4 || strcmp(c->word[3], "move=0") != 0;
    hs_addr address = hs_gc_realloc(&p->gc, old, bytes, may_move);
    if (address != 0 || bytes == 0) {
        object_at(p, c, 1)->address = address;
    }
    print_address(address);
}

static void do_root(player *p, const command *c)
{
    uint32_t slot = number(p, c, 1, 10);
    uint32_t value = 0;
    if (strcmp(c->word[0], "root") == 0) {
        value = object_at(p, c, 2)->address;
    } else if (strcmp(c->word[0], "rootint") == 0) {
        value = number(p, c, 2, 16);
    }
    if (slot >= ROOTS) {
        bad(p, "root slots end at 65535");
    }
    p->roots[slot] = value;
    p->root_count = slot < p->root_count ? p->root_count : slot + 1;
    printf("ok");
}

/* link, set, unlink, get */
static void do_word(player *p, const command *c)
{
    char what = c->word[0][0];
    hs_addr address = object_at(p, c, 1)->address;
    uint32_t word = number(p, c, 2, 10);
    hs_addr target = what == 'l' ? object_at(p, c, 3)->address : 0;
    if (address == 0 || (what == 'l' && target == 0)) {
        printf("nul");
        return;
    }
    if (word >= hs_gc_nbytes(&p->gc, address) / 4) {
        printf("range");
        return;
    }
    uint32_t *at = (uint32_t *)hs_at(p->space, address) + word;
    if (what == 'g') {
        printf("%" PRIx32, *at);
        return;
    }
    *at = what == 's' ? number(p, c, 3, 16) : target;
    printf("ok");
}

static void do_type(player *p, const command *c)
{
    static const struct {
        const char *name;
        char letter;
    } types[] = {{"tuple", 'T'},     {"list", 'L'},  {"dict", 'D'},  {"str", 'S'}, {"bytes", 'S'},
                 {"bytearray", 'A'}, {"array", 'A'}, {"float", 'F'}, {"fun", 'B'}, {"module", 'M'}};
    hs_addr address = object_at(p, c, 1)->address;
    for (size_t i = 0; i < sizeof types / sizeof types[0] && c->words > 2; ++i) {
        if (strcmp(types[i].name, c->word[2]) == 0 && address != 0) {
            *(uint32_t *)hs_at(p->space, address) = hs_gc_type_word(types[i].letter);
        }
    }
    printf(address == 0 ? "nul" : "ok");
}

static void do_info(player *p)
{
    hs_gc_info info;
    hs_gc_get_info(&p->gc, &info);
    printf("total=%" PRIu32 " used=%" PRIu32 " free=%" PRIu32 " max_free=%" PRIu32 " n1=%" PRIu32
           " n2=%" PRIu32 " max_block=%" PRIu32 " max_new_split=%" PRIu32,
           info.total, info.used, info.free, info.max_free, info.one_blocks, info.two_blocks,
           info.max_block, info.max_new_split);
}

static void do_hash(player *p)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL) {
        bad(p, "no memory");
    }
    hs_gc_print_table(&p->gc, out);
    fclose(out);
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < size; ++i) {
        hash = (hash ^ (uint8_t)text[i]) * 16777619u;
    }
    free(text);
    hs_gc_info info;
    hs_gc_get_info(&p->gc, &info);
    printf("%08" PRIx32 " used=%" PRIu32 " free=%" PRIu32, hash, info.used, info.free);
}

/* The layout of the areas; our hints are others than the device's, hence 0. */
static void do_hints(const player *p)
{
    uint32_t areas = 0;
    const hs_gc_area *area = NULL;
    while ((area = hs_gc_next_area(&p->gc, area)) != NULL) {
        ++areas;
    }
    printf("areas=%" PRIu32 " cur=0 amount=%" PRIu32 " ", areas, p->gc.allocated);
    while ((area = hs_gc_next_area(&p->gc, area)) != NULL) {
        printf("[pool=%" PRIx32 "-%" PRIx32 " atb=%" PRIu32 " hint=0 last=0]", area->pool,
               area->pool + area->blocks * HS_GC_BLOCK, area->blocks / 4);
    }
}

static void do_queue(player *p, const command *c)
{
    if (p->queue_end == QUEUE) {
        bad(p, "too many platalloc");
    }
    p->queue[p->queue_end].start = number(p, c, 1, 16);
    p->queue[p->queue_end].size = number(p, c, 2, 10);
    hs_space_commit(p->space, p->queue[p->queue_end].start, p->queue[p->queue_end].size);
    ++p->queue_end;
}

/* Commands about the collector as a whole. False: not one of them. */
static bool global_command(player *p, const command *c)
{
    const char *name = c->word[0];
    if (strcmp(name, "c") == 0) {
        hs_gc_collect(&p->gc);
    } else if (strcmp(name, "t") == 0) {
        hs_gc_set_threshold(&p->gc, (int32_t)number(p, c, 1, 10));
    } else if (strcmp(name, "enable") == 0) {
        hs_gc_enable(&p->gc, number(p, c, 1, 10) != 0);
    } else if (strcmp(name, "lock") == 0) {
        hs_gc_lock(&p->gc);
    } else if (strcmp(name, "unlock") == 0) {
        hs_gc_unlock(&p->gc);
    } else if (strcmp(name, "newsplit") == 0) {
        bool queue = c->words > 1 && strcmp(c->word[1], "q") == 0;
        p->split = queue ? SPLIT_QUEUE : number(p, c, 1, 10);
    } else if (strcmp(name, "platalloc") == 0) {
        do_queue(p, c);
    } else {
        return false;
    }
    printf("ok");
    return true;
}

/* Commands that print more than a word. False: not one of them. */
static bool report_command(player *p, const char *name)
{
    if (strcmp(name, "i") == 0) {
        do_info(p);
    } else if (strcmp(name, "h") == 0) {
        do_hash(p);
    } else if (strcmp(name, "s") == 0) {
        do_hints(p);
    } else if (strcmp(name, "mi") == 0) {
        hs_gc_print_info(&p->gc, stdout);
        printf("---");
    } else if (strcmp(name, "d") == 0) {
        hs_gc_print_table(&p->gc, stdout);
        printf("---");
    } else {
        return false;
    }
    return true;
}

/* Commands about objects and roots. False: not one of them. */
static bool object_command(player *p, const command *c)
{
    const char *name = c->word[0];
    if (strcmp(name, "a") == 0) {
        do_alloc(p, c);
    } else if (strcmp(name, "r") == 0) {
        do_realloc(p, c);
    } else if (strcmp(name, "f") == 0) {
        hs_gc_free(&p->gc, object_at(p, c, 1)->address);
        object_at(p, c, 1)->address = 0;
        printf("ok");
    } else if (strcmp(name, "root") == 0 || strcmp(name, "rootint") == 0 ||
               strcmp(name, "unroot") == 0) {
        do_root(p, c);
    } else if (strcmp(name, "link") == 0 || strcmp(name, "set") == 0 ||
               strcmp(name, "unlink") == 0 || strcmp(name, "get") == 0) {
        do_word(p, c);
    } else if (strcmp(name, "ty") == 0) {
        do_type(p, c);
    } else if (strcmp(name, "nb") == 0) {
        printf("%" PRIu32, hs_gc_nbytes(&p->gc, object_at(p, c, 1)->address));
    } else if (strcmp(name, "onfin") == 0) {
        uint32_t other = number(p, c, 2, 10);
        object_at(p, c, 1)->on_finalise = other;
        printf("ok");
    } else {
        return false;
    }
    return true;
}

static void run(player *p, const command *c)
{
    p->events_used = 0;
    if (strcmp(c->word[0], "reset") == 0) {
        do_reset(p);
    } else if (strcmp(c->word[0], "area") == 0) {
        do_area(p, c);
    } else if (strcmp(c->word[0], "sweepall") == 0 && p->ready) {
        printf("ok %" PRIu32, hs_gc_sweep_all(&p->gc));
    } else if (!p->ready && strcmp(c->word[0], "newsplit") != 0 &&
               strcmp(c->word[0], "platalloc") != 0) {
        bad(p, "no area yet");
    } else if (!global_command(p, c) && !report_command(p, c->word[0]) && !object_command(p, c)) {
        bad(p, "unknown command");
    }
    if (p->events_used != 0) {
        printf(" |%s", p->events);
    }
    putchar('\n');
}

int main(int argc, char **argv)
{
    player *p = calloc(1, sizeof *p);
    if (argc != 2 || p == NULL || (p->version = hs_gc_version_find(argv[1])) == NULL ||
        (p->space = hs_space_create()) == NULL) {
        fprintf(stderr, "usage: golden_gc single|noauto|auto-vRELEASE < SCRIPT\n");
        free(p);
        return 2;
    }
    p->mode = hs_gc_mode_find(argv[1]);
    char *text = NULL;
    size_t size = 0;
    while (getline(&text, &size, stdin) >= 0) {
        command c = {{NULL}, 0};
        ++p->line;
        char *rest = text;
        for (char *word; c.words < 6 && (word = strtok_r(rest, " \t\r\n", &rest)) != NULL;) {
            if (*word == '#') {
                break;
            }
            c.word[c.words++] = word;
        }
        if (c.words != 0) {
            run(p, &c);
        }
    }
    free(text);
    free(p->objects);
    free(p->events);
    hs_space_destroy(p->space);
    free(p);
    return 0;
}

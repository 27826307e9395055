/* golden_idf TARGET < CASE.in: runs a golden script on the simulated heaps and prints what the real
 * ones printed. TARGET: RELEASE-CHIP[-spiram][-memprot][-lightpoison]. The language is described in
 * tests/golden/README.md. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device/heap_caps.h"
#include "heap_print.h"
#include "space.h"

enum { WORDS_MAX = 8, EXIT_ASSERT = 3 };

typedef struct run {
    void *space;
    hs_caps caps;
    hs_addr *blocks; /* by ID */
    size_t block_count;
} run;

static void fail(const char *what, const char *found)
{
    fprintf(stderr, "golden_idf: %s: '%s'\n", what, found);
    exit(2);
}

/* The releases that the vectors of a line were made with. */
static const char *full_release(const char *release)
{
    static const char *const full[][2] = {
        {"v5.3", "v5.3.5"}, {"v5.4", "v5.4.4"}, {"v5.5", "v5.5.1"}, {"v6.0", "v6.0.2"}};
    for (size_t i = 0; i < sizeof full / sizeof *full; i++) {
        if (strcmp(release, full[i][0]) == 0) {
            return full[i][1];
        }
    }
    return release;
}

static bool parse_target(char *target, hs_caps_config *config)
{
    char *release = strtok(target, "-");
    char *chip = strtok(NULL, "-");
    if (release == NULL || chip == NULL) {
        return false;
    }
    config->profile = hs_idf_profile_find(full_release(release));
    config->chip = hs_chip_find(chip);
    for (char *option = strtok(NULL, "-"); option != NULL; option = strtok(NULL, "-")) {
        if (strcmp(option, "spiram") == 0) {
            config->spiram = true;
        } else if (strcmp(option, "memprot") == 0) {
            config->memprot = true;
        } else if (strcmp(option, "lightpoison") == 0) {
            config->poisoned = true;
        } else {
            return false;
        }
    }
    return config->profile != NULL && config->chip != NULL;
}

static uint32_t number(const char *word)
{
    char *end;
    unsigned long long value = strtoull(word, &end, 0);
    if (*word == 0 || *end != 0 || value > UINT32_MAX) {
        fail("expected a number below 2^32", word);
    }
    return (uint32_t)value;
}

static uint32_t parse_caps(char *word)
{
    uint32_t caps = 0;
    for (char *name = strtok(word, "|"); name != NULL; name = strtok(NULL, "|")) {
        uint32_t bit = hs_cap_find(name);
        caps |= bit != 0 ? bit : number(name);
    }
    return caps;
}

/* The address that stands for an ID, 0 at first. */
static hs_addr *block_of(run *r, const char *word)
{
    size_t id = number(word);
    if (id >= r->block_count) {
        size_t count = id + 1 > 2 * r->block_count ? id + 1 : 2 * r->block_count;
        r->blocks = realloc(r->blocks, count * sizeof *r->blocks);
        if (r->blocks == NULL) {
            fail("out of memory for ID", word);
        }
        memset(r->blocks + r->block_count, 0, (count - r->block_count) * sizeof *r->blocks);
        r->block_count = count;
    }
    return &r->blocks[id];
}

static void commit(const run *r, hs_addr start, uint32_t size)
{
    if (hs_space_commit(r->space, start, size) != 0) {
        perror("golden_idf");
        exit(2);
    }
}

/* --- Commands: each prints its line ----------------------------------------------------------- */

static void print_address(const char *command, const char *id, hs_addr address)
{
    if (address == 0) {
        printf("%s %s NULL\n", command, id);
    } else {
        printf("%s %s 0x%08" PRIx32 "\n", command, id, address);
    }
}

static void finish_allocation(run *r, char **words, hs_addr address)
{
    if (r->caps.device.crash == HS_CRASH_NONE) {
        *block_of(r, words[1]) = address;
        print_address(words[0], words[1], address);
    }
}

static void do_region(run *r, char **words, int count)
{
    (void)count;
    hs_addr start = number(words[1]);
    uint32_t size = number(words[2]);
    enum hs_region_type type = hs_region_type_find(words[3]);
    if (type == HS_REGION_TYPES) {
        fail("unknown region type", words[3]);
    }
    commit(r, start, size);
    if (hs_caps_boot_region(&r->caps, start, size, type) != HS_CAPS_OK) {
        fail("region refused", words[1]);
    }
    printf("region %s %s %s\n", words[1], words[2], words[3]);
}

static void do_init(run *r, char **words, int count)
{
    enum hs_caps_boot mode = HS_CAPS_BOOT_FULL;
    if (count > 1) {
        mode = strcmp(words[1], "bare") == 0 ? HS_CAPS_BOOT_BARE : HS_CAPS_BOOT_EARLY;
    }
    hs_caps_boot(&r->caps, mode);
    printf("init%s%s\n", count > 1 ? " " : "", count > 1 ? words[1] : "");
}

static void do_stacks(run *r, char **words, int count)
{
    (void)count;
    hs_caps_enable_stacks(&r->caps);
    printf("%s\n", words[0]);
}

static void do_add(run *r, char **words, int count)
{
    static const char *const answers[] = {"ok", "fail", "nomem", "toosmall", "notfound"};
    (void)count;
    hs_addr start = number(words[1]);
    uint32_t size = number(words[2]);
    commit(r, start, size);
    printf("add %s %s %s\n", words[1], words[2],
           answers[hs_caps_add_region(&r->caps, start, size)]);
}

static void print_part(void *context, hs_addr start, uint32_t size)
{
    (void)context;
    printf(" 0x%08" PRIx32 "+%" PRIu32, start, size);
}

static void do_dmapool(run *r, char **words, int count)
{
    (void)count;
    printf("dmapool %s", words[1]);
    printf("%s\n", hs_caps_dma_pool(&r->caps, number(words[1]), print_part, NULL) ? "" : " nomem");
}

static void do_mon(run *r, char **words, int count)
{
    (void)count;
    bool done = strcmp(words[1], "start") == 0 ? hs_caps_monitor_start(&r->caps)
                                               : hs_caps_monitor_stop(&r->caps);
    if (r->caps.device.crash == HS_CRASH_NONE) {
        printf("mon %d\n", done ? 0 : -1);
    }
}

static void do_extmem(run *r, char **words, int count)
{
    (void)count;
    hs_caps_extmem_enable(&r->caps, number(words[1]));
    printf("extmem %s\n", words[1]);
}

static void do_malloc(run *r, char **words, int count)
{
    uint32_t size = number(words[2]);
    finish_allocation(r, words,
                      count > 3 ? hs_caps_malloc(&r->caps, size, parse_caps(words[3]))
                                : hs_caps_malloc_default(&r->caps, size));
}

static void do_calloc(run *r, char **words, int count)
{
    uint32_t n = number(words[2]);
    uint32_t size = number(words[3]);
    finish_allocation(r, words,
                      count > 4 ? hs_caps_calloc(&r->caps, n, size, parse_caps(words[4]))
                                : hs_caps_calloc_default(&r->caps, n, size));
}

static void do_realloc(run *r, char **words, int count)
{
    hs_addr old = *block_of(r, words[1]);
    uint32_t size = number(words[2]);
    hs_addr result = count > 3 ? hs_caps_realloc(&r->caps, old, size, parse_caps(words[3]))
                               : hs_caps_realloc_default(&r->caps, old, size);
    if (r->caps.device.crash != HS_CRASH_NONE) {
        return;
    }
    if (result != 0 || size == 0) {
        *block_of(r, words[1]) = result;
    }
    print_address("r", words[1], result);
}

static void do_aligned(run *r, char **words, int count)
{
    if (r->caps.config.profile->memalign == HS_MEMALIGN_NONE) {
        printf("m %s NOSUP\n", words[1]);
        return;
    }
    uint32_t align = number(words[2]);
    uint32_t size = number(words[3]);
    finish_allocation(r, words,
                      count > 4 ? hs_caps_aligned_alloc(&r->caps, align, size, parse_caps(words[4]))
                                : hs_caps_memalign(&r->caps, align, size));
}

static void do_free(run *r, char **words, int count)
{
    (void)count;
    hs_caps_free(&r->caps, *block_of(r, words[1]));
    *block_of(r, words[1]) = 0;
    if (r->caps.device.crash == HS_CRASH_NONE) {
        printf("f %s\n", words[1]);
    }
}

static void do_usable(run *r, char **words, int count)
{
    (void)count;
    hs_addr block = *block_of(r, words[1]);
    printf("g %s %" PRIu32 "\n", words[1], block == 0 ? 0 : hs_caps_usable(&r->caps, block));
}

static void print_info(const hs_heap_info *info)
{
    printf(" free=%" PRIu32 " alloc=%" PRIu32 " largest=%" PRIu32 " min=%" PRIu32 " ablk=%" PRIu32
           " fblk=%" PRIu32 " tblk=%" PRIu32 "\n",
           info->free, info->allocated, info->largest, info->minimum, info->allocated_blocks,
           info->free_blocks, info->total_blocks);
}

static void do_info(run *r, char **words, int count)
{
    (void)words;
    (void)count;
    hs_heap_info info;
    for (unsigned i = 0; i < r->caps.listed; i++) {
        const hs_caps_heap *heap = &r->caps.heaps[r->caps.order[i]];
        printf("i 0x%08" PRIx32 " %" PRIu32, heap->start, heap->end - heap->start);
        if (heap->heap.base == 0) {
            printf(" unregistered\n");
            continue;
        }
        hs_heap_get_info(&r->caps.device, &heap->heap, &info);
        print_info(&info);
    }
    hs_caps_get_info(&r->caps, &info, 0);
    printf("i total");
    print_info(&info);
}

static bool print_block(void *context, hs_addr address, uint32_t size, bool used)
{
    (void)context;
    printf("d 0x%08" PRIx32 " %" PRIu32 " %s\n", address, size, used ? "used" : "free");
    return true;
}

static void do_blocks(run *r, char **words, int count)
{
    (void)words;
    (void)count;
    for (unsigned i = 0; i < r->caps.listed; i++) {
        const hs_caps_heap *heap = &r->caps.heaps[r->caps.order[i]];
        if (heap->heap.base != 0) {
            printf("d heap 0x%08" PRIx32 "\n", heap->start);
            hs_heap_walk(&r->caps.device, &heap->heap, print_block, NULL);
        }
    }
}

static void do_caps(run *r, char **words, int count)
{
    (void)count;
    uint32_t caps = parse_caps(words[1]);
    printf("c 0x%08" PRIx32 " total=%" PRIu32 " free=%" PRIu32 " largest=%" PRIu32 " min=%" PRIu32
           "\n",
           caps, hs_caps_total_size(&r->caps, caps), hs_caps_free_size(&r->caps, caps),
           hs_caps_largest_free_block(&r->caps, caps), hs_caps_minimum_free_size(&r->caps, caps));
}

static void do_check(run *r, char **words, int count)
{
    (void)words;
    (void)count;
    printf("k %d\n", hs_caps_check(&r->caps));
}

static void do_print(run *r, char **words, int count)
{
    (void)count;
    hs_print_heap_info(stdout, &r->caps, parse_caps(words[1]));
}

static void do_dump(run *r, char **words, int count)
{
    (void)count;
    hs_print_heap_dump(stdout, &r->caps, parse_caps(words[1]));
}

static const struct command {
    const char *name;
    int words; /* at least */
    void (*run)(run *r, char **words, int count);
} commands[] = {
    {"a", 3, do_malloc},        {"f", 2, do_free},    {"r", 3, do_realloc},     {"z", 4, do_calloc},
    {"m", 4, do_aligned},       {"g", 2, do_usable},  {"i", 1, do_info},        {"d", 1, do_blocks},
    {"c", 2, do_caps},          {"k", 1, do_check},   {"p", 2, do_print},       {"q", 2, do_dump},
    {"region", 4, do_region},   {"init", 1, do_init}, {"stacks", 1, do_stacks}, {"add", 3, do_add},
    {"dmapool", 2, do_dmapool}, {"mon", 2, do_mon},   {"extmem", 2, do_extmem},
};

static void do_line(run *r, char *line)
{
    char *words[WORDS_MAX];
    int count = 0;
    char *word = strtok(line, " \t\r\n");
    while (word != NULL && count < WORDS_MAX) {
        words[count++] = word;
        word = strtok(NULL, " \t\r\n");
    }
    if (count == 0 || words[0][0] == '#') {
        return;
    }
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(words[0], commands[i].name) == 0 && count >= commands[i].words) {
            commands[i].run(r, words, count);
            return;
        }
    }
    fail("unknown or incomplete command", words[0]);
}

int main(int argc, char **argv)
{
    static run r;
    hs_caps_config config = {0};
    char line[256];
    if (argc != 2 || !parse_target(argv[1], &config)) {
        fprintf(stderr, "usage: golden_idf RELEASE-CHIP[-spiram][-memprot][-lightpoison] < CASE\n");
        return 2;
    }
    r.space = hs_space_create();
    if (r.space == NULL) {
        perror("golden_idf");
        return 2;
    }
    hs_caps_init(&r.caps, r.space, &config);
    while (r.caps.device.crash == HS_CRASH_NONE && fgets(line, sizeof line, stdin) != NULL) {
        do_line(&r, line);
    }
    if (r.caps.device.crash != HS_CRASH_NONE) {
        printf("ASSERT\nEXIT %d\n", EXIT_ASSERT);
    }
    free(r.blocks);
    hs_space_destroy(r.space);
    r = (run){0}; /* tests/target runs many scripts in one program */
    return 0;
}

/* A tiny RTOS on the adapter: own header, own hook table, several heaps at once with a lock each.
 */
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include "multi_heap.h"

#include "idf_hooks.h"

#include "check.h"

#ifndef HS_PORT_POISONED
#define HS_PORT_POISONED 0
#endif

enum { HEAPS = 3 };

static _Alignas(64) char memory[HEAPS][16384];
static multi_heap_handle_t heaps[HEAPS];
static int locks[HEAPS]; /* depth of each */

static char text[2048];
static size_t text_length;
static enum hs_crash crashed;
static jmp_buf after_crash;

static void lock(void *which)
{
    ++*(int *)which;
}

static void unlock(void *which)
{
    CHECK(--*(int *)which >= 0);
}

static void print(const char *part)
{
    size_t length = strlen(part);
    if (text_length + length < sizeof text) {
        memcpy(text + text_length, part, length + 1);
        text_length += length;
    }
}

static void crash(enum hs_crash reason, void *at)
{
    (void)at;
    crashed = reason;
    longjmp(after_crash, 1);
}

const hs_idf_hooks hs_idf_port = {.lock = lock, .unlock = unlock, .print = print, .crash = crash};

static void start(void)
{
    memset(memory, 0, sizeof memory);
    for (int i = 0; i < HEAPS; ++i) {
        heaps[i] = multi_heap_register(memory[i], sizeof memory[i]);
        CHECK(heaps[i] != NULL);
        CHECK(multi_heap_malloc(heaps[i], 8) != NULL); /* before there is a lock */
        locks[i] = 0;
        multi_heap_set_lock(heaps[i], &locks[i]);
    }
    char tiny[16];
    CHECK(multi_heap_register(tiny, sizeof tiny) == NULL);
}

static bool inside(const void *block, int heap)
{
    return (const char *)block > memory[heap] && (const char *)block < memory[heap + 1];
}

static void several_heaps(void)
{
    void *blocks[HEAPS];
    for (int i = 0; i < HEAPS; ++i) {
        blocks[i] = multi_heap_malloc(heaps[i], 1000);
        CHECK(inside(blocks[i], i));
        CHECK(multi_heap_get_allocated_size(heaps[i], blocks[i]) >= 1000);
        memset(blocks[i], 'a' + i, 1000);
    }
    size_t before = multi_heap_free_size(heaps[1]);
    multi_heap_free(heaps[0], blocks[0]);
    CHECK(multi_heap_free_size(heaps[1]) == before);
    char *grown = multi_heap_realloc(heaps[1], blocks[1], 3000);
    CHECK(grown != NULL && grown[0] == 'b' && grown[999] == 'b');
    CHECK(multi_heap_minimum_free_size(heaps[1]) <= multi_heap_free_size(heaps[1]));
    CHECK(multi_heap_realloc(heaps[1], grown, 0) == NULL);
    CHECK(multi_heap_realloc(heaps[2], blocks[2], 100000) == NULL);
    CHECK(((char *)blocks[2])[999] == 'c');
    CHECK(multi_heap_malloc(heaps[2], 0) == NULL);
    CHECK(multi_heap_malloc(heaps[2], (size_t)-1) == NULL);
    multi_heap_free(heaps[2], NULL);
    for (int i = 0; i < HEAPS; ++i) {
        CHECK(locks[i] == 0 && multi_heap_check(heaps[i], true));
    }
}

/* The functions that ask for a handle and do not insist on one. */
static void no_heap(void)
{
    multi_heap_info_t info = {.total_blocks = 1};
    CHECK(multi_heap_malloc(NULL, 8) == NULL);
    CHECK(multi_heap_aligned_alloc(NULL, 8, 8) == NULL);
    multi_heap_free(NULL, &info);
    CHECK(multi_heap_free_size(NULL) == 0 && multi_heap_minimum_free_size(NULL) == 0);
    multi_heap_get_info(NULL, &info);
    CHECK(info.total_blocks == 0);
}

static void aligned(void)
{
#if HS_HEAP_TLSF
    for (size_t alignment = 8; alignment <= 1024; alignment *= 2) {
        char *block = multi_heap_aligned_alloc(heaps[0], 100, alignment);
        CHECK(block != NULL && (uintptr_t)block % alignment == 0);
        char *later = multi_heap_aligned_alloc_offs(heaps[0], 100, alignment, 4);
        CHECK(later != NULL && (uintptr_t)(later + 4) % alignment == 0);
        memset(block, 1, 100);
        memset(later, 2, 100);
        CHECK(multi_heap_check(heaps[0], true));
        multi_heap_aligned_free(heaps[0], block);
        multi_heap_free(heaps[0], later);
    }
    CHECK(multi_heap_aligned_alloc(heaps[0], 100, 24) == NULL);
    CHECK(multi_heap_aligned_alloc(heaps[0], 0, 32) == NULL);
#else
    CHECK(multi_heap_aligned_alloc(heaps[0], 100, 32) == NULL);
#endif
}

static void minimum(void)
{
    size_t now = multi_heap_free_size(heaps[1]);
    size_t low = multi_heap_minimum_free_size(heaps[1]);
    CHECK(low < now);
    size_t before = multi_heap_reset_minimum_free_bytes(heaps[1]);
    CHECK(multi_heap_minimum_free_size(heaps[1]) == now);
    multi_heap_restore_minimum_free_bytes(heaps[1], before);
    CHECK(multi_heap_minimum_free_size(heaps[1]) == low);
    multi_heap_restore_minimum_free_bytes(heaps[1], before + 100);
    CHECK(multi_heap_minimum_free_size(heaps[1]) == low);
}

typedef struct tally {
    size_t used, free, largest, seen;
} tally;

static bool count(void *block, size_t size, int used, void *data)
{
    tally *t = data;
    CHECK(inside(block, 1) && locks[1] == 1);
    *(used ? &t->used : &t->free) += 1;
    if (!used && size > t->largest) {
        t->largest = size;
    }
    return ++t->seen != 2;
}

static void walks(void)
{
    tally t = {0};
    void *a = multi_heap_malloc(heaps[1], 40);
    void *b = multi_heap_malloc(heaps[1], 40);
    multi_heap_free(heaps[1], a);
    multi_heap_walk(heaps[1], count, &t);
    CHECK(t.seen == 2 && locks[1] == 0);
    t = (tally){.seen = 2};
    multi_heap_walk(heaps[1], count, &t);
    multi_heap_info_t info;
    multi_heap_get_info(heaps[1], &info);
    CHECK(t.used == info.allocated_blocks && t.free == info.free_blocks);
    CHECK(info.total_blocks == t.used + t.free && info.largest_free_block <= t.largest);
    CHECK(info.total_free_bytes == multi_heap_free_size(heaps[1]));
    text_length = 0;
    multi_heap_dump(heaps[1]);
    CHECK(strstr(text, "Showing data for heap: 0x") == text);
    size_t lines = 0;
    for (const char *at = text; (at = strstr(at, "\nBlock 0x")) != NULL; ++at) {
        ++lines;
    }
    CHECK(lines == info.total_blocks);
    multi_heap_free(heaps[1], b);
}

/* What is an assertion of the original ends in the hook, inside the lock. */
static void assertions(void)
{
    void *block = multi_heap_malloc(heaps[2], 100);
    multi_heap_free(heaps[2], block);
    if (setjmp(after_crash) == 0) {
        multi_heap_free(heaps[2], block);
        CHECK(!"freed twice");
    }
    CHECK(crashed == (HS_PORT_POISONED ? HS_CRASH_CANARY : HS_CRASH_NOT_USED));
    CHECK(locks[2] == 1);
    locks[2] = 0;
}

static void broken(void)
{
    text_length = 0;
    char *block = multi_heap_malloc(heaps[0], 100);
    memset(block, 0xff, multi_heap_get_allocated_size(heaps[0], block) + 4); /* too far */
    CHECK(!multi_heap_check(heaps[0], false) && text_length == 0);
    CHECK(!multi_heap_check(heaps[0], true) && text_length != 0 && locks[0] == 0);
}

int main(void)
{
    start();
    several_heaps();
    no_heap();
    aligned();
    minimum();
    walks();
    assertions();
    broken();
    start(); /* in the same places: the same entries of the table */
    several_heaps();
    printf("all checks hold\n");
    end_of_test(0);
}

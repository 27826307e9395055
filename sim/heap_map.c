/* The heap as text: each letter a stretch of memory, named by whoever holds most of it. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "holders.h"
#include "report.h"

#define FREE_LETTER   '.'
#define BOOT_LETTER   '#'
#define PYTHON_LETTER '='

/* Letters of owners: the first letter of the name that is not taken yet, then any free one. */
static char *choose_letters(const hs_run *run)
{
    static const char spare[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    char *letters = malloc(run->owner_count + 1);
    bool taken[128] = {false};
    for (size_t i = 0; letters != NULL && i < run->owner_count; i++) {
        char chosen = 0;
        for (const char *c = run->owners[i].name; *c != 0 && chosen == 0; c++) {
            unsigned char u = (unsigned char)*c;
            chosen = u < 128 && strchr(spare, u) != NULL && !taken[u] ? *c : 0;
        }
        for (const char *c = spare; *c != 0 && chosen == 0; c++) {
            chosen = !taken[(unsigned char)*c] ? *c : 0;
        }
        letters[i] = chosen != 0 ? chosen : '?';
        taken[(unsigned char)letters[i] & 127] = true;
    }
    return letters;
}

static char letter_of(const char *letters, const hs_holder *holder)
{
    switch (holder->kind) {
    case HS_HOLDER_FREE:
        return FREE_LETTER;
    case HS_HOLDER_AREA:
        return PYTHON_LETTER;
    case HS_HOLDER_OWNER:
        return letters[holder->owner];
    default:
        return BOOT_LETTER;
    }
}

/* The letter with the most bytes in [from, to). `next` moves on to the first block that may still
 * matter, so a region costs one pass. */
static char cell(const hs_holders *holders, size_t *next, size_t end, uint64_t from, uint64_t to,
                 const char *letters)
{
    uint64_t bytes[128] = {0};
    bytes[(unsigned char)BOOT_LETTER] = 1; /* what no block covers: the heap's own tables */
    while (*next < end &&
           (uint64_t)holders->items[*next].start + holders->items[*next].size <= from) {
        (*next)++;
    }
    for (size_t i = *next; i < end && holders->items[i].start < to; i++) {
        const hs_holder *h = &holders->items[i];
        uint64_t low = h->start > from ? h->start : from;
        uint64_t high = (uint64_t)h->start + h->size;
        high = high < to ? high : to;
        bytes[(unsigned char)letter_of(letters, h) & 127] += high - low;
    }
    unsigned best = (unsigned char)BOOT_LETTER;
    for (unsigned c = 0; c < 128; c++) {
        best = bytes[c] > bytes[best] ? c : best;
    }
    return (char)best;
}

static void print_region(FILE *out, const hs_holders *holders, size_t first, size_t end,
                         const hs_caps_heap *heap, uint32_t per_letter, unsigned columns,
                         const char *letters)
{
    uint64_t at = heap->start;
    while (at < heap->end) {
        fprintf(out, "  0x%08" PRIx64 " ", at);
        for (unsigned c = 0; c < columns && at < heap->end; c++) {
            uint64_t to = at + per_letter < heap->end ? at + per_letter : heap->end;
            fputc(cell(holders, &first, end, at, to, letters), out);
            at = to;
        }
        fputc('\n', out);
    }
}

static void print_legend(FILE *out, const hs_run *run, const char *letters, uint32_t per_letter)
{
    fprintf(out, "  %c free  %c boot", FREE_LETTER, BOOT_LETTER);
    if (run->board->has_gc) {
        fprintf(out, "  %c python", PYTHON_LETTER);
    }
    for (size_t i = 0; i < run->owner_count; i++) {
        if (run->owners[i].heap == HS_HEAP_IDF) {
            fprintf(out, "  %c %s", letters[i], run->owners[i].name);
        }
    }
    fprintf(out, "   (a letter: %" PRIu32 " bytes)\n", per_letter);
}

/* Bytes for each letter so that the largest region fills `columns`, or 4 rows of them. */
static uint32_t scale(const hs_run *run, unsigned columns, bool detailed)
{
    uint32_t largest = 0;
    for (unsigned i = 0; i < run->board->caps.count; i++) {
        const hs_caps_heap *heap = &run->board->caps.heaps[i];
        uint32_t size = heap->end - heap->start;
        largest = heap->heap.base != 0 && size > largest ? size : largest;
    }
    uint32_t letters = columns * (detailed ? 16 : 2);
    uint32_t per_letter = 64;
    while (per_letter < (1u << 30) && largest / per_letter > letters) {
        per_letter *= 2;
    }
    return per_letter;
}

int hs_map_print(FILE *out, const hs_run *run, unsigned columns, bool detailed, hs_error *error)
{
    hs_holders holders;
    char *letters = choose_letters(run);
    if (letters == NULL || hs_holders_take(&holders, run) != 0) {
        hs_error_set(error, NULL, 0, "the host is out of memory");
        free(letters);
        return -1;
    }
    uint32_t per_letter = scale(run, columns, detailed);
    size_t first = 0;
    while (first < holders.count) {
        size_t end = first;
        while (end < holders.count && holders.items[end].heap == holders.items[first].heap) {
            end++;
        }
        const hs_caps_heap *heap = &run->board->caps.heaps[holders.items[first].heap];
        print_region(out, &holders, first, end, heap, per_letter, columns, letters);
        first = end;
    }
    print_legend(out, run, letters, per_letter);
    hs_holders_release(&holders);
    free(letters);
    return 0;
}

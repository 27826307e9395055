/* Which heaps the firmware added once it ran, as memory that Bluetooth gives back: they stand at
 * the head of the list, out of the boot's order, or touch a heap of their type, with which the boot
 * would have made one. */
#include "import_layout.h"

#include <string.h>

typedef struct printed_list {
    hs_import_region *regions[HS_IMPORT_REGIONS_MAX];
    size_t count;
} printed_list;

/* The heaps in the order of the print-out, which is that of the list. PSRAM is always late. */
static void take_printed(printed_list *list, hs_import_moment *m)
{
    enum hs_fact_kind kind = m->info_group != 0 ? HS_FACT_HEAP : HS_FACT_DUMP_HEAP;
    uint32_t group = m->info_group != 0 ? m->info_group : m->dump_group;
    list->count = 0;
    for (size_t i = 0; i < m->board->count; i++) {
        const hs_fact *fact = &m->board->facts[i];
        hs_import_region *r = fact->kind == kind && fact->group == group
                                  ? hs_import_moment_region(m, fact->value[0])
                                  : NULL;
        if (r != NULL && strcmp(hs_import_moment_type(m, r), "SPIRAM") != 0 &&
            list->count < HS_IMPORT_REGIONS_MAX) {
            list->regions[list->count++] = r;
        }
    }
}

/* How many at the head do not fit the boot's order of what follows them. */
static size_t out_of_order(const printed_list *list, bool by_size)
{
    for (size_t i = list->count; i-- > 1;) {
        const hs_import_region *a = list->regions[i - 1];
        const hs_import_region *b = list->regions[i];
        if (by_size ? a->size > b->size : a->start > b->start) {
            return i;
        }
    }
    return 0;
}

bool hs_import_moment_sorted(hs_import_moment *m)
{
    printed_list list;
    take_printed(&list, m);
    return out_of_order(&list, true) < out_of_order(&list, false);
}

static bool touch(const hs_import_moment *m, const hs_import_region *a, const hs_import_region *b)
{
    return (a->start + a->size == b->start || b->start + b->size == a->start) &&
           strcmp(hs_import_moment_type(m, a), hs_import_moment_type(m, b)) == 0;
}

void hs_import_moment_late(hs_import_moment *m)
{
    printed_list list;
    take_printed(&list, m);
    size_t heads = out_of_order(&list, m->model.profile->boot_list_sorted);
    for (size_t i = 0; i < list.count; i++) {
        bool touches = false;
        for (size_t j = i + 1; j < list.count; j++) {
            touches = touches || touch(m, list.regions[i], list.regions[j]);
        }
        /* The head is the one that was added last. */
        list.regions[i]->late = i < heads || touches ? (uint32_t)(list.count - i) : 0;
    }
}

#include "block_log.h"

#include <stdlib.h>
#include <string.h>

/* --- the table: address to entry, open addressing with linear probing --- */

static size_t home_of(const hs_block_log *log, hs_addr address)
{
    return (size_t)(((uint64_t)address * 0x9e3779b97f4a7c15u) >> 32) & (log->table_size - 1);
}

static hs_block_entry *find(hs_block_log *log, hs_addr address)
{
    for (size_t i = home_of(log, address);; i = (i + 1) & (log->table_size - 1)) {
        hs_block_entry *entry = &log->table[i];
        if (entry->kind == HS_BLOCK_LOG_NONE) {
            return NULL;
        }
        if (entry->address == address) {
            return entry;
        }
    }
}

static bool make_table(hs_block_log *log, size_t size)
{
    hs_block_entry *table = malloc(size * sizeof *table);
    if (table == NULL) {
        log->failed = true;
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        table[i] = (hs_block_entry){.kind = HS_BLOCK_LOG_NONE};
    }
    log->table = table;
    log->table_size = size;
    return true;
}

static void insert(hs_block_log *log, const hs_block_entry *entry)
{
    size_t i = home_of(log, entry->address);
    while (log->table[i].kind != HS_BLOCK_LOG_NONE) {
        i = (i + 1) & (log->table_size - 1);
    }
    log->table[i] = *entry;
}

static bool make_room(hs_block_log *log)
{
    if (2 * (log->count + 1) <= log->table_size) {
        return true;
    }
    hs_block_entry *old = log->table;
    size_t old_size = log->table_size;
    if (!make_table(log, 2 * old_size)) {
        return false;
    }
    for (size_t i = 0; i < old_size; i++) {
        if (old[i].kind != HS_BLOCK_LOG_NONE) {
            insert(log, &old[i]);
        }
    }
    free(old);
    return true;
}

/* Entries that probing carried past the hole move back, so that no search ends early. */
static void take_out(hs_block_log *log, hs_block_entry *entry)
{
    size_t mask = log->table_size - 1;
    size_t hole = (size_t)(entry - log->table);
    for (size_t i = (hole + 1) & mask; log->table[i].kind != HS_BLOCK_LOG_NONE;
         i = (i + 1) & mask) {
        size_t home = home_of(log, log->table[i].address);
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            log->table[hole] = log->table[i];
            hole = i;
        }
    }
    log->table[hole].kind = HS_BLOCK_LOG_NONE;
    log->count--;
}

static void bury(hs_block_log *log, hs_addr address, enum hs_block_end end)
{
    hs_block_entry *entry = find(log, address);
    if (entry != NULL) {
        hs_block_entry copy = *entry;
        take_out(log, entry);
        log->hooks.died(log->hooks.context, &copy, end);
    }
}

static void add(hs_block_log *log, const hs_block_entry *entry)
{
    bury(log, entry->address, HS_BLOCK_FREED);
    if (make_room(log)) {
        insert(log, entry);
        log->count++;
        log->hooks.born(log->hooks.context, entry);
    }
}

/* --- what the heaps hold --- */

/* An entry of the table and whether a look at the heaps has met it. */
typedef struct survey {
    hs_block_log *log;
    const hs_run *run;
    hs_block_entry *found;
    size_t count, capacity;
} survey;

static void note_found(survey *s, const hs_block_entry *entry)
{
    if (s->count == s->capacity) {
        size_t capacity = s->capacity == 0 ? 256 : 2 * s->capacity;
        hs_block_entry *found = realloc(s->found, capacity * sizeof *found);
        if (found == NULL) {
            s->log->failed = true;
            return;
        }
        s->found = found;
        s->capacity = capacity;
    }
    s->found[s->count++] = *entry;
}

static int block_order(const void *a, const void *b)
{
    const hs_layout_block *x = a;
    const hs_layout_block *y = b;
    return x->start < y->start ? -1 : x->start > y->start;
}

static uint16_t boot_owner(const survey *s, hs_addr address)
{
    const hs_layout *layout = s->run->board->layout;
    if (s->log->boot_name_count == 0) {
        return HS_BLOCK_OWNER_BOOT;
    }
    hs_layout_block key = {.start = address};
    const hs_layout_block *block =
        bsearch(&key, layout->blocks, layout->block_count, sizeof key, block_order);
    for (size_t k = 0; block != NULL && block->owner != NULL && k < s->log->boot_name_count; k++) {
        if (strcmp(s->log->boot_names[k], block->owner) == 0) {
            return (uint16_t)(HS_BLOCK_OWNER_NAMED + k);
        }
    }
    return HS_BLOCK_OWNER_BOOT;
}

static bool visit_block(void *context, hs_addr address, uint32_t size, bool used)
{
    survey *s = context;
    if (!used) {
        return true;
    }
    hs_block_entry entry = {.address = address,
                            .size = size,
                            .asked = size,
                            .born = s->run->event,
                            .kind = HS_BLOCK_IDF};
    entry.owner = s->run->event == 0 ? boot_owner(s, address) : HS_BLOCK_OWNER_FIRMWARE;
    if (address == hs_board_block(s->run->board, s->run->board->placeholder)) {
        entry.owner = HS_BLOCK_OWNER_FIRMWARE;
    }
    note_found(s, &entry);
    return !s->log->failed;
}

static int by_address(const void *a, const void *b)
{
    const hs_block_entry *x = a;
    const hs_block_entry *y = b;
    return x->address < y->address ? -1 : x->address > y->address;
}

/* The block that holds an area becomes the area. */
static void note_areas(survey *s, size_t walked)
{
    const hs_gc *gc = &s->run->board->gc;
    for (const hs_gc_area *area = hs_gc_next_area(gc, NULL); area != NULL;
         area = hs_gc_next_area(gc, area)) {
        hs_block_entry entry = {.address =
                                    hs_board_block(s->run->board, hs_gc_area_start(gc, area)),
                                .size = hs_gc_area_size(gc, area),
                                .born = s->run->event,
                                .owner = HS_BLOCK_OWNER_AREA,
                                .kind = HS_BLOCK_AREA};
        hs_block_entry *held =
            s->found == NULL ? NULL
                             : bsearch(&entry, s->found, walked, sizeof *s->found, by_address);
        if (held == NULL) { /* a fixed area, which is no block of a heap */
            entry.address = hs_gc_area_start(gc, area);
        }
        entry.asked = area->pool - entry.address;
        if (held != NULL) {
            entry.size = held->size;
            *held = entry;
        } else {
            note_found(s, &entry);
        }
    }
}

/* Brings the table in line with the heaps themselves: IDF blocks and areas. GC objects are seen to
 * by sweep(). */
static void reconcile(hs_block_log *log, const hs_run *run)
{
    survey s = {.log = log, .run = run};
    hs_caps *caps = &run->board->caps;
    for (size_t i = 0; i < caps->count && !run->board->bare; i++) {
        if (caps->heaps[i].heap.base != 0) {
            hs_heap_walk(&caps->device, &caps->heaps[i].heap, visit_block, &s);
        }
    }
    if (s.count > 0) {
        qsort(s.found, s.count, sizeof *s.found, by_address);
    }
    if (run->board->has_gc) {
        note_areas(&s, s.count);
        if (s.count > 0) {
            qsort(s.found, s.count, sizeof *s.found, by_address);
        }
    }
    for (size_t i = 0; i < log->table_size && !log->failed; i++) {
        const hs_block_entry *entry = &log->table[i];
        while (entry->kind != HS_BLOCK_LOG_NONE && entry->kind != HS_BLOCK_GC &&
               (s.count == 0 ||
                bsearch(entry, s.found, s.count, sizeof *s.found, by_address) == NULL)) {
            bury(log, entry->address, HS_BLOCK_FREED); /* another may move into its place */
        }
    }
    for (size_t i = 0; i < s.count && !log->failed; i++) {
        const hs_block_entry *known = find(log, s.found[i].address);
        if (known == NULL || (known->kind == HS_BLOCK_AREA) != (s.found[i].kind == HS_BLOCK_AREA)) {
            add(log, &s.found[i]);
        }
    }
    free(s.found);
}

/* After collections: objects whose block is no longer a head are gone. */
static void sweep(hs_block_log *log, const hs_gc *gc)
{
    for (size_t i = 0; i < log->table_size; i++) {
        const hs_block_entry *entry = &log->table[i];
        while (entry->kind == HS_BLOCK_GC) {
            const hs_gc_area *area = hs_gc_area_of(gc, entry->address);
            if (area != NULL &&
                hs_gc_block_kind(gc, area, (entry->address - area->pool) / HS_GC_BLOCK) ==
                    HS_GC_HEAD) {
                break;
            }
            bury(log, entry->address, HS_BLOCK_COLLECTED);
        }
    }
}

/* --- following events --- */

/* In front of the data lie the list links of tracked allocations, the canary of poisoned blocks. */
static hs_addr block_start(const hs_run *run, const hs_outcome *outcome, hs_addr address)
{
    bool tracked = outcome->owner != HS_NO_OWNER && run->owners[outcome->owner].tracked;
    bool poisoned = outcome->heap == HS_HEAP_IDF && run->board->caps.config.poisoned;
    return address == 0 ? 0 : address - (tracked || poisoned ? 8 : 0);
}

static void add_outcome(hs_block_log *log, const hs_run *run, const hs_outcome *outcome)
{
    hs_block_entry entry = {.born = outcome->event,
                            .address = block_start(run, outcome, outcome->address),
                            .asked = outcome->size,
                            .owner = outcome->owner,
                            .kind = HS_BLOCK_IDF};
    if (outcome->heap == HS_HEAP_GC) {
        entry.kind = HS_BLOCK_GC;
        entry.size = hs_gc_nbytes(&run->board->gc, entry.address);
    } else {
        hs_caps *caps = &run->board->caps;
        entry.size = hs_caps_usable(caps, outcome->address) + (caps->config.poisoned ? 12 : 0);
    }
    add(log, &entry);
}

static void drop(hs_block_log *log, const hs_outcome *outcome, hs_addr old)
{
    hs_block_entry *entry = find(log, old);
    if (outcome->heap == HS_HEAP_IDF) {
        bury(log, old, HS_BLOCK_FREED);
    } else if (entry != NULL) {
        entry->garbage = 1;
        log->hooks.dropped(log->hooks.context, entry);
    }
}

/* What the event took away, before what it added: addresses may be the same. */
static void apply_end(hs_block_log *log, const hs_run *run, const hs_event *event,
                      const hs_outcome *outcome)
{
    hs_addr old = block_start(run, outcome, outcome->old_address);
    switch (event->op) {
    case HS_OP_FREE:
        bury(log, old, HS_BLOCK_FREED);
        break;
    case HS_OP_REALLOC:
        if (outcome->address != 0 || event->size == 0) {
            bury(log, old, outcome->address != 0 ? HS_BLOCK_MOVED : HS_BLOCK_FREED);
        }
        break;
    case HS_OP_DROP:
        drop(log, outcome, old);
        break;
    default:
        break;
    }
}

void hs_block_log_event(hs_block_log *log, const hs_run *run, const hs_event *event,
                        const hs_outcome *outcome)
{
    if (log->failed) {
        return;
    }
    if (outcome->owner != HS_NO_OWNER && !outcome->ignored) {
        apply_end(log, run, event, outcome);
        if (outcome->address != 0) { /* a collection within the event may have emptied its place */
            bury(log, block_start(run, outcome, outcome->address), HS_BLOCK_COLLECTED);
        }
    }
    if (log->collected) {
        sweep(log, &run->board->gc);
        log->collected = false;
    }
    if (outcome->address != 0 && outcome->owner != HS_NO_OWNER) {
        add_outcome(log, run, outcome);
    }
    if (log->areas_changed || event->op == HS_OP_REGION || event->op == HS_OP_PHASE ||
        (event->flags & HS_EVENT_FAILED) != 0) {
        reconcile(log, run);
        log->areas_changed = false;
    }
}

void hs_block_log_notice(hs_block_log *log, enum hs_gc_notice notice)
{
    switch (notice) {
    case HS_GC_COLLECTED:
    case HS_GC_FINALISED:
        log->collected = true;
        break;
    case HS_GC_GREW:
    case HS_GC_RELEASED:
    case HS_GC_RELEASED_LIVE:
        log->collected = true;
        log->areas_changed = true;
        break;
    default:
        break;
    }
}

/* --- start and end --- */

static bool keep_boot_names(hs_block_log *log, const hs_layout *layout)
{
    if (layout == NULL || layout->block_count == 0) {
        return true;
    }
    size_t room = HS_BLOCK_OWNER_BOOT - HS_BLOCK_OWNER_NAMED;
    log->boot_names = calloc(room, sizeof *log->boot_names);
    for (size_t i = 0; log->boot_names != NULL && i < layout->block_count; i++) {
        const char *name = layout->blocks[i].owner;
        size_t k = 0;
        while (name != NULL && k < log->boot_name_count && strcmp(log->boot_names[k], name) != 0) {
            k++;
        }
        if (name == NULL || k < log->boot_name_count || k == room) {
            continue;
        }
        log->boot_names[k] = strdup(name);
        if (log->boot_names[k] == NULL) {
            return false;
        }
        log->boot_name_count++;
    }
    return log->boot_names != NULL;
}

/* Objects that are there before the first event: their owner is the runtime. */
static void add_objects(hs_block_log *log, const hs_run *run)
{
    hs_gc_object object = {0};
    while (hs_gc_next_object(&run->board->gc, &object) && !log->failed) {
        uint32_t bytes = object.blocks * HS_GC_BLOCK;
        add(log, &(hs_block_entry){.address = object.address,
                                   .size = bytes,
                                   .asked = bytes,
                                   .born = run->event,
                                   .owner = HS_BLOCK_OWNER_BOOT,
                                   .kind = HS_BLOCK_GC});
    }
}

int hs_block_log_start(hs_block_log *log, const hs_run *run, const hs_block_hooks *hooks)
{
    *log = (hs_block_log){.hooks = *hooks};
    if (!make_table(log, 1024) || !keep_boot_names(log, run->board->layout)) {
        log->failed = true;
        return -1;
    }
    reconcile(log, run);
    if (run->board->has_gc) {
        add_objects(log, run);
    }
    return log->failed ? -1 : 0;
}

void hs_block_log_release(hs_block_log *log)
{
    for (size_t i = 0; i < log->boot_name_count; i++) {
        free(log->boot_names[i]);
    }
    free(log->boot_names);
    free(log->table);
    *log = (hs_block_log){.failed = true};
}

hs_block_entry *hs_block_log_sorted(const hs_block_log *log)
{
    hs_block_entry *sorted = malloc((log->count + 1) * sizeof *sorted);
    size_t used = 0;
    for (size_t i = 0; sorted != NULL && i < log->table_size; i++) {
        if (log->table[i].kind != HS_BLOCK_LOG_NONE) {
            sorted[used++] = log->table[i];
        }
    }
    if (sorted != NULL && used > 0) {
        qsort(sorted, used, sizeof *sorted, by_address);
    }
    return sorted;
}

const char *hs_block_log_owner_name(const hs_block_log *log, const hs_run *run, uint16_t owner)
{
    switch (owner) {
    case HS_BLOCK_OWNER_BOOT:
        return "boot";
    case HS_BLOCK_OWNER_AREA:
        return "GC area";
    case HS_BLOCK_OWNER_FIRMWARE:
        return "firmware";
    default:
        break;
    }
    if (owner >= HS_BLOCK_OWNER_NAMED) {
        size_t k = (size_t)owner - HS_BLOCK_OWNER_NAMED;
        return k < log->boot_name_count ? log->boot_names[k] : "boot";
    }
    return owner < run->owner_count ? run->owners[owner].name : "?";
}

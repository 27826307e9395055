/* A moment as a layout file. */
#include "import_layout.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "device/chip.h"
#include "idf_nearest.h"
#include "layout.h"

/* A double-quoted YAML scalar. */
static void put_quoted(FILE *out, const char *text)
{
    fputc('"', out);
    for (; *text != 0; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\') {
            fputc('\\', out);
        }
        fputc(c < 0x20 || c >= 0x7f ? '?' : c, out);
    }
    fputc('"', out);
}

__attribute__((format(printf, 2, 3))) static void put_source(FILE *out, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fputs("  - ", out);
    put_quoted(out, text);
    fputc('\n', out);
}

/* The log's name without suffix, as a layout's name. */
static void layout_name(const char *log, char *name, size_t size)
{
    const char *slash = strrchr(log, '/');
    log = slash != NULL ? slash + 1 : log;
    size_t used = 0;
    for (; *log != 0 && (*log != '.' || used == 0) && used < size - 1; log++) {
        unsigned char c = (unsigned char)*log;
        name[used++] = (char)(isalnum(c) ? tolower(c) : '-');
    }
    name[used] = 0;
    if (!isalpha((unsigned char)name[0])) {
        snprintf(name, size, "board");
    }
}

static uint64_t group_line(const hs_import_moment *m, enum hs_fact_kind kind, uint32_t group)
{
    for (size_t i = 0; i < m->board->count; i++) {
        const hs_fact *fact = &m->board->facts[i];
        if (fact->group == group && fact->kind == kind) {
            return fact->line;
        }
    }
    return 0;
}

static void put_moment(FILE *out, const hs_import_moment *m)
{
    if (m->failure != NULL) {
        put_source(out, "the moment: an allocation of %" PRIu64 " bytes failed (line %" PRIu64 ")",
                   m->failure->value[0], m->failure->line);
    }
    if (m->info_group != 0) {
        put_source(out, "heap_caps_print_heap_info from line %" PRIu64,
                   group_line(m, HS_FACT_HEAP, m->info_group));
    }
    if (m->dump_group != 0) {
        put_source(out, "heap_caps_dump from line %" PRIu64,
                   group_line(m, HS_FACT_DUMP_BLOCK, m->dump_group));
    }
    if (m->tuple_group != 0) {
        put_source(out, "esp32.idf_heap_info() at line %" PRIu64,
                   group_line(m, HS_FACT_TUPLE, m->tuple_group));
    }
    if (!m->has_state) {
        put_source(out, "the log holds no state of the heap: the layout is that of the boot, with "
                        "the descriptors that the firmware itself allocates");
    }
}

static void put_release(FILE *out, const hs_import_moment *m)
{
    char nearest[128];
    hs_idf_nearest_words(m->idf, nearest, sizeof nearest);
    if (m->idf_corrected) {
        put_source(out,
                   "IDF release: the log says %s, which contradicts its figures; %s stands for the "
                   "releases whose arithmetic fits best (%s)",
                   m->idf, m->model.release, m->model.profile->name);
    } else if (m->idf_unknown) {
        put_source(out,
                   "IDF release: the log says %s, which heapsim does not know%s; %s is taken, %s",
                   m->idf, nearest, m->model.release,
                   m->idf_evidence ? "its arithmetic fits the figures best"
                                   : "there are no figures to tell it from");
    } else if (m->idf_guessed && m->idf_evidence) {
        put_source(out,
                   "IDF release: not in the log; %s stands for the releases whose arithmetic fits "
                   "the figures best (%s)",
                   m->model.release, m->model.profile->name);
    } else if (m->idf_guessed) {
        put_source(out,
                   "IDF release: not in the log, and no figures to tell it from: %s is a guess, "
                   "correct it by hand",
                   m->model.release);
    } else {
        put_source(out, "IDF release: from the log");
    }
    if (m->chip_guessed) {
        put_source(out, "chip: not in the log, told from the addresses");
    }
    if (m->spiram_inferred) {
        put_source(out, "CONFIG_SPIRAM: not in the log, but the figures are those of a firmware "
                        "with it");
    }
}

static void put_late(FILE *out, const hs_import_region *r)
{
    put_source(out,
               "0x%08" PRIx32 ": added after the boot (memory that Bluetooth gives back, for one), "
               "by its place in the list",
               r->start);
}

static void put_known(FILE *out, const hs_import_moment *m, const hs_import_region *r)
{
    const uint64_t *v = r->info != NULL ? r->info->value : NULL;
    switch (r->known) {
    case HS_KNOWN_DUMP:
        put_source(out, "0x%08" PRIx32 ": measured: each free block, by address and size",
                   r->start);
        break;
    case HS_KNOWN_INFO:
        put_source(out,
                   "0x%08" PRIx32 ": measured: free %" PRIu64 ", largest free block %" PRIu64
                   ", %" PRIu64 " live and %" PRIu64
                   " free blocks; modelled: where they lie and how the rest is shared out",
                   r->start, v[2], v[5], v[6], v[7]);
        break;
    case HS_KNOWN_TUPLE:
        put_source(out,
                   "0x%08" PRIx32 ": measured: free %" PRIu64 ", largest free block %" PRIu64
                   "; modelled: how many blocks there are and where they lie",
                   r->start, r->tuple->value[1], r->tuple->value[2]);
        break;
    default:
        put_source(out, "0x%08" PRIx32 ": modelled: taken as %s, the log %s", r->start,
                   r->gc_area != NULL && hs_import_moment_gc_blocks(m, r->gc_area) != 0
                       ? "free but for the Python heap"
                   : r->untouched ? "free"
                                  : "full",
                   r->misfit ? "has figures for it that no heap of this release can have"
                             : "has no figures for it");
        break;
    }
}

static void put_gc(FILE *out, const hs_import_moment *m, const char *policy, size_t gc_blocks)
{
    if (m->gc != NULL) {
        put_source(out,
                   "Python heap (micropython.mem_info): total %" PRIu64 ", used %" PRIu64
                   ", free %" PRIu64 "; a layout does not carry what lies inside it",
                   m->gc->value[0], m->gc->value[1], m->gc->value[2]);
    }
    for (size_t i = 0; m->gc_group != 0 && i < m->board->count; i++) {
        const hs_fact *area = &m->board->facts[i];
        if (area->kind == HS_FACT_GC_AREA && area->group == m->gc_group) {
            put_source(out,
                       "its map: pool at 0x%08" PRIx64 ", %" PRIu64 " blocks of 16 bytes, %" PRIu64
                       " in use",
                       area->value[0], area->value[1], area->value[2]);
        }
    }
    if (m->gc_map_cut) {
        put_source(out, "incomplete: the map does not add up to the totals, parts of it are lost");
    }
    if (gc_blocks != 0 && policy != NULL) {
        put_source(out, "the block of the Python heap is left free: policy %s takes it again",
                   policy);
    } else if (gc_blocks != 0) {
        put_source(out, "the block that holds the Python heap stays live (owner gc-heap); import "
                        "with --policy NAME to let a policy take it again");
    } else if (policy != NULL) {
        put_source(out,
                   "the log does not show which block is the Python heap: policy %s takes its "
                   "heap from what is free",
                   policy);
    }
}

static void put_region(FILE *out, const hs_import_region *r)
{
    fprintf(out, "  - {start: 0x%08" PRIx32 ", size: %" PRIu32 ", type: %s%s}%s\n", r->start,
            r->size, r->type, r->late != 0 ? ", late: true" : "",
            r->pool.heap ? "" : " # too small for a heap");
}

/* In the order in which the firmware registers them. */
static void put_regions(FILE *out, const hs_import_moment *m)
{
    fputs("regions:\n", out);
    for (uint32_t late = 0; late <= HS_IMPORT_REGIONS_MAX; late++) {
        for (size_t i = 0; i < m->region_count; i++) {
            if (m->regions[i].late == late) {
                put_region(out, &m->regions[i]);
            }
        }
    }
}

static void put_boot(FILE *out, const hs_import_moment *m, bool without_gc)
{
    size_t shown = 0;
    for (size_t i = 0; i < m->block_count; i++) {
        shown += m->blocks[i].gc && without_gc ? 0 : 1;
    }
    if (!m->has_state) {
        return;
    }
    if (shown == 0) {
        fputs("boot: {fresh: true}\n", out);
        return;
    }
    fputs("boot:\n  blocks: # the live blocks; everything else is free\n", out);
    for (size_t i = 0; i < m->block_count; i++) {
        const hs_import_block *block = &m->blocks[i];
        if (!block->gc || !without_gc) {
            fprintf(out, "    - {start: 0x%08" PRIx32 ", size: %" PRIu32 "%s}\n", block->start,
                    block->size, block->gc ? ", owner: " HS_LAYOUT_GC_HEAP : "");
        }
    }
}

static void write_layout(const hs_import *import, const hs_import_moment *m, FILE *out)
{
    const char *log = import->request->name != NULL ? import->request->name : "log";
    const char *policy = import->request->policy;
    char name[64];
    char title[256];
    layout_name(log, name, sizeof name);
    snprintf(title, sizeof title, "imported from %s%s%s", log,
             m->python[0] != 0 ? ", MicroPython v" : "", m->python);
    fprintf(out, "name: %s\ntitle: ", name);
    put_quoted(out, title);
    fprintf(out, "\nchip: %s\npolicy: %s\nidf: %s\nsource:\n", m->chip,
            policy != NULL ? policy : "none", m->model.release);
    put_moment(out, m);
    put_release(out, m);
    size_t gc_blocks = 0;
    for (size_t i = 0; i < m->block_count; i++) {
        gc_blocks += m->blocks[i].gc ? 1 : 0;
    }
    for (size_t i = 0; m->has_state && i < m->region_count; i++) {
        if (m->regions[i].pool.heap) {
            put_known(out, m, &m->regions[i]);
        }
        if (m->regions[i].late != 0) {
            put_late(out, &m->regions[i]);
        }
    }
    if (m->pools != 0) {
        put_source(out,
                   "%zu heaps inside blocks of others (CONFIG_SPIRAM_MALLOC_RESERVE_INTERNAL): "
                   "modelled: taken as full, though %" PRIu64 " bytes of them were free",
                   m->pools, m->pools_free);
    }
    if (m->unplaced != 0) {
        put_source(out,
                   "missing: %zu heaps of esp32.idf_heap_info() whose address no line tells, with "
                   "%" PRIu64 " bytes free",
                   m->unplaced, m->unplaced_free);
    }
    put_gc(out, m, policy, gc_blocks);
    if (import->board->damaged != 0) {
        put_source(out, "incomplete: %" PRIu64 " damaged lines of the log were not used",
                   import->board->damaged);
    }
    put_regions(out, m);
    if (m->spiram_inferred) {
        fputs("spiram: {always_internal: 0} # CONFIG_SPIRAM, by the figures\n", out);
    }
    put_boot(out, m, policy != NULL);
}

static void note_release(hs_import *import, const hs_import_moment *m)
{
    if (!m->idf_guessed) {
        return;
    }
    char unknown[256];
    char nearest[128];
    hs_idf_nearest_words(m->idf, nearest, sizeof nearest);
    snprintf(unknown, sizeof unknown, "heapsim does not know the log's %s%s", m->idf, nearest);
    hs_import_note(import, "IDF release %s: %s", m->model.release,
                   m->idf_corrected  ? "the log names another one, which its figures contradict"
                   : m->idf_unknown  ? unknown
                   : m->idf_evidence ? "inferred from the figures"
                                     : "a guess, the log names none");
}

static void note_python(hs_import *import, const hs_import_moment *m)
{
    size_t gc_blocks = 0;
    for (size_t i = 0; i < m->block_count; i++) {
        gc_blocks += m->blocks[i].gc ? 1 : 0;
    }
    if (import->request->policy == NULL && m->python[0] != 0) {
        hs_import_note(import,
                       gc_blocks != 0
                           ? "Python's heap stays as the log shows it: to try another first area, "
                             "import with --policy NAME (`heapsim list policies`)"
                           : "the log does not show where Python's heap is: import with --policy "
                             "NAME (`heapsim list policies`) to have one");
    }
}

static void report(hs_import *import, const hs_import_moment *m)
{
    size_t counts[HS_KNOWN_TUPLE + 1] = {0};
    for (size_t i = 0; i < m->region_count; i++) {
        counts[m->regions[i].known] += m->regions[i].pool.heap ? 1 : 0;
    }
    if (m->has_state) {
        hs_import_note(import,
                       "heaps by how well their state is known: %zu block by block, %zu by sums "
                       "and counts, %zu by sums, %zu not at all",
                       counts[HS_KNOWN_DUMP], counts[HS_KNOWN_INFO], counts[HS_KNOWN_TUPLE],
                       counts[HS_KNOWN_NOTHING]);
    } else {
        hs_import_note(import,
                       "the log holds no state of the heap: the layout is that of the boot");
    }
    note_release(import, m);
    note_python(import, m);
    if (m->unplaced != 0) {
        hs_import_note(import,
                       "%zu heaps of esp32.idf_heap_info() are left out: no line tells "
                       "their address",
                       m->unplaced);
    }
    import->report->complete = import->board->damaged == 0 && m->unplaced == 0 && !m->gc_map_cut;
}

static int check(const hs_import *import, const hs_import_moment *m, hs_error *error)
{
    const char *name = import->request->name;
    if (m->region_count == 0) {
        hs_error_set(error, name, 0,
                     "found no heap region, expected heap_init lines, heap_caps_print_heap_info or "
                     "heap_caps_dump (idf_heap_info and mem_info alone name no regions)");
    } else if (hs_chip_find(m->chip) == NULL) {
        hs_error_set(error, name, 0,
                     "found chip %s, expected one that heapsim knows: esp32, esp32s2, esp32s3, "
                     "esp32c3, ... (a layout written by hand may name the nearest)",
                     m->chip);
    } else if (m->region_overflow != 0) {
        hs_error_set(error, name, 0, "found more than %d heap regions", HS_IMPORT_REGIONS_MAX);
    } else if (m->too_many_blocks) {
        hs_error_set(error, name, 0, "found more than %d live blocks", HS_IMPORT_BLOCKS_MAX);
    } else if (m->no_memory) {
        hs_error_set(error, name, 0, "the host is out of memory");
    } else {
        return 0;
    }
    return -1;
}

int hs_import_layout_write(hs_import *import, FILE *out, hs_error *error)
{
    hs_import_moment *m = calloc(1, sizeof *m);
    if (m == NULL) {
        hs_error_set(error, import->request->name, 0, "the host is out of memory");
        return -1;
    }
    hs_import_moment_choose(m, import->board);
    hs_import_moment_release(m);
    hs_import_moment_types(m);
    hs_import_moment_late(m);
    hs_import_moment_blocks(m);
    int result = check(import, m, error);
    if (result == 0) {
        write_layout(import, m, out);
        report(import, m);
        if (ferror(out)) {
            hs_error_set(error, NULL, 0, "the layout could not be written");
            result = -1;
        }
    }
    free(m->blocks);
    free(m);
    return result;
}

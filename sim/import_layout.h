/* From the facts of a log to the blocks of one moment. */
#ifndef HS_IMPORT_LAYOUT_H
#define HS_IMPORT_LAYOUT_H

#include "import_board.h"
#include "import_model.h"

#define HS_IMPORT_REGIONS_MAX 64
#define HS_IMPORT_BLOCKS_MAX  65536 /* of a layout (layout.h) */

/* From where a region's state is known. */
enum hs_import_known {
    HS_KNOWN_NOTHING,
    HS_KNOWN_DUMP,  /* every block */
    HS_KNOWN_INFO,  /* sums and counts; positions are modelled */
    HS_KNOWN_TUPLE, /* sums; counts and positions are modelled */
};

typedef struct hs_import_block {
    uint32_t start;
    uint32_t size;
    bool gc; /* the Python heap */
} hs_import_block;

typedef struct hs_import_region {
    uint32_t start;
    uint32_t size;
    const char *type; /* as layouts name it; NULL until hs_import_moment_types() */
    const hs_fact *info;
    const hs_fact *tuple;
    size_t dump; /* index of its dump's heap fact + 1; 0: none */
    enum hs_import_known known;
    bool misfit;    /* its figures are impossible in this model; they are not used */
    bool untouched; /* nothing known: taken as free; else as full */
    uint32_t late;  /* not 0: added after the boot, in the order of these numbers */
    hs_import_pool pool;
    const hs_fact *gc_area; /* the area of the Python heap in it, or NULL */
} hs_import_region;

/* The moment that is imported. */
typedef struct hs_import_moment {
    const hs_import_board *board;
    const hs_fact *failure;
    const hs_fact *gc;        /* mem_info totals */
    uint32_t gc_group;        /* of the areas that mem_info drew; 0: none */
    bool gc_map_cut;          /* the map does not add up to the totals */
    uint64_t gc_total_blocks; /* by the totals, when there is one area; else 0 */
    uint64_t first_line;      /* of the boot that it belongs to */
    uint64_t last_line;
    uint32_t info_group, dump_group, tuple_group; /* 0: none */
    char idf[HS_FACT_TEXT];
    char python[HS_FACT_TEXT];
    char chip[HS_FACT_TEXT];
    bool chip_guessed;
    bool idf_guessed;
    bool idf_corrected; /* the figures contradict the release that the log names */
    bool idf_unknown;   /* heapsim does not know the release that the log names */
    char idf_nearest[16];
    bool idf_evidence; /* there are figures to tell a release from */
    bool spiram;
    bool spiram_inferred; /* from the figures alone */
    bool has_state;
    hs_import_model model;
    hs_import_region regions[HS_IMPORT_REGIONS_MAX];
    size_t region_count;
    size_t region_overflow;
    size_t pools; /* heaps inside blocks of others */
    uint64_t pools_free;
    size_t unplaced; /* tuples of heaps that no line gives an address */
    uint64_t unplaced_free;
    hs_import_block *blocks;
    size_t block_count;
    size_t block_room;
    bool no_memory;
    bool too_many_blocks;
} hs_import_moment;

/* The area of the Python heap whose pool starts in [start, start + size), or NULL. */
const hs_fact *hs_import_moment_gc(const hs_import_moment *moment, uint64_t start, uint64_t size);

/* The region that starts there, or NULL. */
hs_import_region *hs_import_moment_region(hs_import_moment *moment, uint64_t start);
/* Its type, by the chip's memory map as long as nothing else is known. */
const char *hs_import_moment_type(const hs_import_moment *moment, const hs_import_region *region);
/* The heaps are printed by length rather than by address (import_late.c). */
bool hs_import_moment_sorted(hs_import_moment *moment);

/* Its size in blocks of 16 bytes. */
uint64_t hs_import_moment_gc_blocks(const hs_import_moment *moment, const hs_fact *area);

/* Which boot, which print-outs, which regions (import_moment.c). */
void hs_import_moment_choose(hs_import_moment *moment, const hs_import_board *board);
/* Which IDF release the figures are of (import_release.c). */
void hs_import_moment_release(hs_import_moment *moment);
/* Each region's type, as far as the log or the chip's memory map tells (import_moment.c). */
void hs_import_moment_types(hs_import_moment *moment);
/* Which of them were added after the boot (import_late.c). */
void hs_import_moment_late(hs_import_moment *moment);
/* The live blocks of each region (import_blocks.c). */
void hs_import_moment_blocks(hs_import_moment *moment);

#endif

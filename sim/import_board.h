/* What a log says of a board, fact by fact; import_layout.c makes a layout of it. */
#ifndef HS_IMPORT_BOARD_H
#define HS_IMPORT_BOARD_H

#include "import_reader.h"

enum hs_fact_kind {
    HS_FACT_REGION,     /* start, size; text: type as printed by heap_init */
    HS_FACT_HEAP,       /* start, size, free, allocated, minimum, largest, live blocks, free blocks;
                           count 5: the second line of the heap is missing */
    HS_FACT_DUMP_HEAP,  /* start of the heap */
    HS_FACT_DUMP_BLOCK, /* data address, data size, 1 when free */
    HS_FACT_TUPLE,      /* idf_heap_info: total, free, largest, minimum */
    HS_FACT_GC,         /* mem_info: total, used, free */
    HS_FACT_GC_AREA,    /* mem_info(1): start of the pool, blocks drawn, blocks in use */
    HS_FACT_FAILURE,    /* bytes that could not be allocated */
    HS_FACT_IDF,        /* text: release */
    HS_FACT_PYTHON,     /* text: release of MicroPython */
    HS_FACT_CHIP,       /* text: name */
};

#define HS_FACT_VALUES 8
#define HS_FACT_TEXT   48

typedef struct hs_fact {
    uint8_t kind;
    uint8_t count;  /* of values */
    uint32_t group; /* facts of one print-out have the same number */
    uint64_t line;
    uint64_t value[HS_FACT_VALUES];
    char text[HS_FACT_TEXT];
} hs_fact;

struct hs_import_board {
    hs_fact *facts;
    size_t count;
    size_t room;
    uint32_t group;
    uint64_t damaged;
    /* Of the reader that is in the middle of something. */
    int open_tuples; /* a list of tuples goes on in the next line */
    int open_area;   /* a mem_info map is being read */
    int list_dump;   /* the dump is of the list allocator: addresses of headers */
};

/* Adds a fact of the current line; NULL: no memory. `fresh`: it starts a new print-out. */
hs_fact *hs_import_fact(hs_import *import, enum hs_fact_kind kind, bool fresh, size_t count,
                        const uint64_t *values);
/* The last fact when it is of this kind, else NULL. */
hs_fact *hs_import_last_fact(hs_import *import, enum hs_fact_kind kind);
/* A line of a board's format that can't be used. */
void hs_import_board_damaged(hs_import *import);
void hs_import_board_release(hs_import_board *board);

/* Writes the layout. -1 with *error when the facts hold no regions. */
int hs_import_layout_write(hs_import *import, FILE *out, hs_error *error);

extern const hs_import_reader hs_import_boot_log;
extern const hs_import_reader hs_import_heap_info;
extern const hs_import_reader hs_import_heap_dump;
extern const hs_import_reader hs_import_idf_heap_info;
extern const hs_import_reader hs_import_mem_info;
extern const hs_import_reader hs_import_failure;

#endif

#include "metric_names.h"

const hs_metric_name hs_metrics[] = {
    {"idf.total", "bytes", "sum of the lengths of registered 8BIT regions"},
    {"idf.free", "bytes", "sum of the heaps' own counters over 8BIT regions"},
    {"idf.largest_free_block", "bytes",
     "largest free block of 8BIT memory as the device prints it"},
    {"idf.largest_free_block_exact", "bytes", "the same, its true payload"},
    {"idf.minimum_free", "bytes", "sum of each heap's lowest counter ever (of different moments)"},
    {"idf.free_blocks", "blocks", "free blocks in 8BIT regions"},
    {"idf.allocated_blocks", "blocks", "live blocks in 8BIT regions"},
    {"gc.total", "bytes", "pools of all areas, 16 bytes a block, tables not included"},
    {"gc.used", "bytes", "blocks of objects, garbage not yet collected included, times 16"},
    {"gc.free", "bytes", "gc.total - gc.used"},
    {"gc.max_free", "blocks", "longest run of free blocks inside one area"},
    {"gc.max_block", "blocks", "largest object"},
    {"gc.one_blocks", "objects", "objects of one block"},
    {"gc.two_blocks", "objects", "objects of two blocks"},
    {"gc.max_new_split", "bytes", "largest area that the port could still give; 0: no growth"},
    {"gc.collections", "count", "collections so far, explicit and automatic"},
    {"minimum_free", "bytes", "idf.minimum_free at the end of the run"},
    {"minimum_largest_free_block", "bytes", "lowest idf.largest_free_block since the start"},
    {"peak.idf_allocated", "bytes", "most payload bytes in live blocks of 8BIT memory"},
    {"peak.gc_used", "bytes", "highest gc.used"},
    {"failures", "count", "allocations that the device could not serve"},
};

const size_t hs_metric_count = sizeof hs_metrics / sizeof hs_metrics[0];

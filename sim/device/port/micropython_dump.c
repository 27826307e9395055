/* gc_dump_info and gc_dump_alloc_table. On their own: firmware that never calls them links neither.
 */
#include "../gc_inner.h"
#include "micropython_gc.h"

#define LINE 64u       /* blocks in a line of the table: 1 KiB */
#if HS_GC_VERSION == 0 /* up to v1.19 it wraps at 1 MiB */
#define OFFSET      "\n%05x: "
#define OFFSET_MASK 0xfffffu
#else
#define OFFSET      "\n%08x: "
#define OFFSET_MASK 0xffffffffu
#endif

#define PRINT hs_mp_port.printf

#if HS_GC_AREAS == 2
#define SPLIT_FORMAT     ", max new split: %u"
#define SPLIT_VALUE(now) (unsigned)(now).max_new_split,
#else
#define SPLIT_FORMAT
#define SPLIT_VALUE(now)
#endif

void gc_dump_info(const struct _mp_print_t *to)
{
    gc_info_t now;
    gc_info(&now);
    PRINT(to,
          "GC: total: %u, used: %u, free: %u" SPLIT_FORMAT
          "\n No. of 1-blocks: %u, 2-blocks: %u, max blk sz: %u, max free sz: %u\n",
          (unsigned)now.total, (unsigned)now.used, (unsigned)now.free,
          SPLIT_VALUE(now)(unsigned) now.num_1block, (unsigned)now.num_2block,
          (unsigned)now.max_block, (unsigned)now.max_free);
}

static char letter(const hs_gc_area *area, uint32_t block)
{
    unsigned kind = gc_kind(gc_at(NULL, area->atb), block);
    if (kind != HS_GC_HEAD || hs_mp_port.letter == NULL) {
        return ".h=m"[kind];
    }
    uint32_t first_word = *gc_words(NULL, area->pool + block * HS_GC_BLOCK);
    return hs_mp_port.letter((const void *)(uintptr_t)first_word);
}

static void print_area(const struct _mp_print_t *to, const hs_gc *gc, const hs_gc_area *area)
{
    PRINT(to, "GC memory layout; from %x:", (unsigned)area->pool);
    for (uint32_t block = 0; block < area->blocks; ++block) {
        if (block % LINE == 0) {
            uint32_t run = hs_gc_run(gc, area, block, GC_NONE, 0);
            if (run >= 2 * LINE) {
                PRINT(to, "\n       (%u lines all free)", (unsigned)(run / LINE));
                block = (block + run) / LINE * LINE;
                if (block >= area->blocks) {
                    break;
                }
            }
            PRINT(to, OFFSET, (unsigned)(block * HS_GC_BLOCK & OFFSET_MASK));
        }
        PRINT(to, "%c", letter(area, block));
    }
    PRINT(to, "\n");
}

void gc_dump_alloc_table(const struct _mp_print_t *to)
{
    const hs_gc *gc = hs_mp_gc();
#if HS_MP_MUTEX
    hs_mp_port.enter();
#endif
    for (const hs_gc_area *area = &gc->first; area != NULL; area = gc_next(gc, area)) {
        print_area(to, gc, area);
    }
#if HS_MP_MUTEX
    hs_mp_port.leave();
#endif
}

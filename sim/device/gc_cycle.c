/* The collection that an allocation starts. On its own so that a firmware whose port has its own
 * gc_collect() can put that in its place. */
#include "gc.h"

void hs_gc_collect(hs_gc *gc)
{
    hs_gc_collect_start(gc);
    gc->hooks->roots(gc->context, gc);
    hs_gc_collect_end(gc);
}

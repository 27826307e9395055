/* The port's part of the collector: in another file than the collector, as in MicroPython. */
#include "fake_idf.h"

void fake_sweep(void);

void gc_collect(void)
{
    fake_sweep();
}

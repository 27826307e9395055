/* Checks of a program that runs where no test library does. The last line that is printed is the
 * byte 1 and the exit status, which compare_targets.py reads. */
#ifndef FIRMWARE_CHECK_H
#define FIRMWARE_CHECK_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "target_io.h"

#define CHECK(good)                                                                                \
    do {                                                                                           \
        if (!(good)) {                                                                             \
            printf("%s:%d: not so: %s\n", __FILE__, __LINE__, #good);                              \
            end_of_test(1);                                                                        \
        }                                                                                          \
    } while (0)

static inline void end_of_test(int status)
{
    printf("\001%d\n", status);
    hs_target_flush();
    exit(status);
}

#endif

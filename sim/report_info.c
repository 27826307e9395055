/* --heap-info and --mem-info: what the device itself would print at the end. */
#include <stdlib.h>

#include "gc_print.h"
#include "heap_print.h"
#include "report.h"
#include "session.h"

static void *begin(const hs_report_target *target, hs_error *error)
{
    hs_report_target *copy = malloc(sizeof *copy);
    if (copy == NULL) {
        hs_error_set(error, NULL, 0, "the host is out of memory");
        return NULL;
    }
    *copy = *target;
    return copy;
}

static int finish_heap_info(void *context, hs_error *error)
{
    (void)error;
    hs_report_target *target = context;
    fputc('\n', target->words);
    hs_print_heap_info(target->words, &target->session->board->caps, HS_CAP_8BIT);
    free(target);
    return 0;
}

static int finish_mem_info(void *context, hs_error *error)
{
    (void)error;
    hs_report_target *target = context;
    const hs_board *board = target->session->board;
    fputc('\n', target->words);
    if (board->has_gc) {
        hs_gc_print_info(&board->gc, target->words);
        hs_gc_print_table(&board->gc, target->words);
    } else {
        fputs("no GC heap under this policy\n", target->words);
    }
    free(target);
    return 0;
}

const hs_reporter hs_report_heap_info = {
    "heap-info",
    NULL,
    "each region as heap_caps_print_heap_info(MALLOC_CAP_8BIT) prints it",
    begin,
    finish_heap_info,
    free,
};

const hs_reporter hs_report_mem_info = {
    "mem-info",      NULL, "the GC heap as micropython.mem_info(1) prints it", begin,
    finish_mem_info, free,
};

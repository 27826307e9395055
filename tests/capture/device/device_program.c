/* Drives the capture component through the stub headers, as firmware would; the lines go to stdout.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "esp_heap_caps.h"
#include "fake_idf.h"
#include "hs_capture.h"

static _Alignas(16) unsigned char gc_memory[4096];

static void show(const char *line, size_t length, void *argument)
{
    (void)argument;
    if (fake_locks_held() > 0) {
        abort(); /* a console must not be written to under a lock */
    }
    fwrite(line, 1, length, stdout);
}

static void heap(void)
{
    fake_task(NULL);
    void *early = heap_caps_malloc(40, MALLOC_CAP_DEFAULT);
    fake_task("main task*!");
    void *a = heap_caps_malloc(100, MALLOC_CAP_INTERNAL | MALLOC_CAP_8BIT);
    void *b = heap_caps_calloc(3, 50, MALLOC_CAP_DEFAULT);
    hs_capture_phase("net");
    a = heap_caps_realloc(a, 60, MALLOC_CAP_INTERNAL | MALLOC_CAP_8BIT);  /* in place */
    a = heap_caps_realloc(a, 900, MALLOC_CAP_INTERNAL | MALLOC_CAP_8BIT); /* moves */
    fake_task("wifi");
    void *c = heap_caps_aligned_alloc(64, 128, MALLOC_CAP_DMA);
    void *d = heap_caps_malloc(100000, MALLOC_CAP_DMA);         /* fails */
    void *e = heap_caps_realloc(b, 200000, MALLOC_CAP_DEFAULT); /* fails, b lives on */
    void *f = heap_caps_aligned_alloc(64, 300000, MALLOC_CAP_DMA);
    fake_task("isr");
    heap_caps_free(c);
    fake_task("wifi");
    fake_clock(UINT64_C(0x100000000) + 5); /* the low half starts again */
    hs_capture_mark("end");
    heap_caps_free(a);
    heap_caps_free(b);
    heap_caps_free(early);
    heap_caps_free(NULL);
    a = heap_caps_realloc(NULL, 20, MALLOC_CAP_DEFAULT);
    a = heap_caps_realloc(a, 0, MALLOC_CAP_DEFAULT);
    if (a || d || e || f) {
        exit(3);
    }
}

static void collector(void)
{
    fake_task("mp_task");
    gc_init(gc_memory, gc_memory + sizeof gc_memory);
    fake_roots[0] = gc_alloc(100, 1);
    void *lost = gc_alloc(500, 0);
    fake_roots[1] = gc_realloc(NULL, 30, true);
    void *freed = gc_alloc(16, 0);
    fake_roots[0] = gc_realloc(fake_roots[0], 600, true);
    if (gc_realloc(fake_roots[1], 3000, false) || gc_alloc(0, 0)) {
        exit(3);
    }
    gc_free(freed);
    gc_free(NULL);
    gc_collect(); /* the program's: finds `lost` */
    fake_roots[2] = gc_alloc(2000, 0);
    fake_roots[2] = NULL;
    fake_roots[3] = gc_alloc(2500, 0); /* full: an automatic one */
    if (!fake_roots[3] || gc_alloc(4000, 0)) {
        exit(3);
    }
    (void)lost;
}

static void many(void)
{
    char name[16];
    for (int i = 0; i < 30; i++) {
        snprintf(name, sizeof name, "task%d", i);
        fake_task(name);
        heap_caps_free(heap_caps_malloc((size_t)i + 1, MALLOC_CAP_DEFAULT));
    }
}

int main(int count, char **arguments)
{
    const char *mode = count > 1 ? arguments[1] : "";
    heap_caps_malloc(7, MALLOC_CAP_DEFAULT); /* before the start: not recorded */
    hs_capture_start();
    if (strcmp(mode, "heap") == 0) {
        heap();
        hs_capture_drain(show, NULL);
    } else if (strcmp(mode, "gc") == 0) {
        collector();
    } else if (strcmp(mode, "many") == 0) {
        many();
    } else if (strcmp(mode, "bench") == 0) {
        for (int i = 0; i < 1000; i++) {
            hs_capture_drain(show, NULL);
            heap_caps_free(heap_caps_malloc(8, MALLOC_CAP_DEFAULT));
        }
    } else {
        return 2;
    }
    hs_capture_stop(show, NULL);
    heap_caps_malloc(9, MALLOC_CAP_DEFAULT); /* after the end */
    return 0;
}

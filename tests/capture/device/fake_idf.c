/* The board: tasks, clock, locks and the heap. Compiled apart from the program, so that the linker
 * can come between. */
#include "fake_idf.h"

#include <stdlib.h>
#include <string.h>

#include "esp_heap_caps.h"
#include "esp_idf_version.h"
#include "esp_timer.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"

enum { POOL = 65536, TASKS = 40 };

struct stub_task {
    char name[16];
};
static struct stub_task tasks[TASKS];
static struct stub_task *current;
static bool in_interrupt;
static uint64_t now;
static int locks;

void fake_task(const char *name)
{
    current = NULL;
    in_interrupt = name && strcmp(name, "isr") == 0;
    for (int i = 0; name && !in_interrupt && i < TASKS && !current; i++) {
        if (!tasks[i].name[0]) {
            strncpy(tasks[i].name, name, sizeof tasks[i].name - 1);
        }
        current = strncmp(tasks[i].name, name, sizeof tasks[i].name - 1) == 0 ? &tasks[i] : NULL;
    }
}

void fake_clock(uint64_t microseconds)
{
    now = microseconds;
}

int fake_locks_held(void)
{
    return locks;
}

void stub_enter(portMUX_TYPE *mux)
{
    if (mux->held++ > 0) {
        abort(); /* would hang on a board */
    }
    locks++;
}

void stub_exit(portMUX_TYPE *mux)
{
    mux->held--;
    locks--;
}

bool xPortInIsrContext(void)
{
    return in_interrupt;
}

TaskHandle_t xTaskGetCurrentTaskHandle(void)
{
    return current;
}

char *pcTaskGetName(TaskHandle_t task)
{
    return task->name;
}

int64_t esp_timer_get_time(void)
{
    return (int64_t)++now;
}

const char *esp_get_idf_version(void)
{
    return "v5.1.2 test";
}

/* A heap that only ever grows: places matter little here, the calls of hooks matter. */
static _Alignas(64) unsigned char pool[POOL];
static size_t used;
static esp_alloc_failed_hook_t failed;

esp_err_t heap_caps_register_failed_alloc_callback(esp_alloc_failed_hook_t callback)
{
    failed = callback;
    return 0;
}

static void *take(size_t align, size_t size, uint32_t caps, const char *function)
{
    const size_t at = (used + sizeof(size_t) + align - 1) / align * align;
    if (size > POOL || at + size > POOL) {
        if (failed) {
            failed(size, caps, function);
        }
        return NULL;
    }
    used = at + size;
    memcpy(pool + at - sizeof size, &size, sizeof size);
    esp_heap_trace_alloc_hook(pool + at, size, caps);
    return pool + at;
}

void *heap_caps_malloc(size_t size, uint32_t caps)
{
    return take(16, size, caps, "heap_caps_malloc");
}

void *heap_caps_calloc(size_t count, size_t size, uint32_t caps)
{
    void *result = take(16, count * size, caps, "heap_caps_calloc");
    return result ? memset(result, 0, count * size) : NULL;
}

void heap_caps_free(void *ptr)
{
    esp_heap_trace_free_hook(ptr);
}

void *heap_caps_aligned_alloc(size_t alignment, size_t size, uint32_t caps)
{
    return take(alignment, size, caps, "heap_caps_aligned_alloc");
}

/* In place when it shrinks, else a new block: the hooks see an allocation, or an allocation and a
 * free. */
void *heap_caps_realloc(void *ptr, size_t size, uint32_t caps)
{
    size_t old = 0;
    if (!ptr) {
        return heap_caps_malloc(size, caps);
    }
    if (size == 0) {
        heap_caps_free(ptr);
        return NULL;
    }
    memcpy(&old, (unsigned char *)ptr - sizeof old, sizeof old);
    if (size <= old) {
        esp_heap_trace_alloc_hook(ptr, size, caps);
        return ptr;
    }
    void *moved = take(16, size, caps, "heap_caps_realloc");
    if (moved) {
        memcpy(moved, ptr, old);
        heap_caps_free(ptr);
    }
    return moved;
}

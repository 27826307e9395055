/* The ring, the heap hooks of ESP-IDF and the lines. Needs CONFIG_HEAP_USE_HOOKS. */
#include "hs_capture.h"

#include <string.h>

#include "esp_attr.h"
#include "esp_heap_caps.h"
#include "esp_idf_version.h"
#include "esp_timer.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "sdkconfig.h"

enum { TASKS = 24, TASK_NONE = TASKS, TASK_ISR, TASK_UNKNOWN, NAME = 16 };

/* 28 bytes on a 32-bit chip; the bytes per event that the README states are sizeof this. */
struct record {
    uint32_t seq;
    uint32_t time; /* low half; the lines extend it */
    uint8_t op;
    uint8_t task;
    uint16_t more; /* unused */
    uintptr_t a, b, c, d;
};

static struct {
    volatile bool running;
    uint32_t next_seq, lost;
    uint32_t head, tail; /* written up to head, read up to tail; both only grow */
    struct record ring[CONFIG_HS_CAPTURE_EVENTS];
    TaskHandle_t handle[TASKS];
    char name[TASKS][NAME];
    uint32_t inside; /* tasks that are inside a realloc or an aligned allocation, by their number */
    uint32_t caps[TASKS];
    uint64_t time; /* of the last line */
} state;
static portMUX_TYPE lock = portMUX_INITIALIZER_UNLOCKED;

_Static_assert(TASKS <= 32, "one bit of `inside` for each task");
_Static_assert(sizeof(uintptr_t) > 4 || sizeof(struct record) == 28,
               "the README states 28 bytes an event");

/* --- recording: these may run in interrupts and with the flash cache off --- */

/* The number of the calling task; the same handle with another name is another task. */
static IRAM_ATTR uint8_t current_task(void)
{
    if (xPortInIsrContext()) {
        return TASK_ISR;
    }
    const TaskHandle_t handle = xTaskGetCurrentTaskHandle();
    if (!handle) {
        return TASK_NONE;
    }
    const char *name = pcTaskGetName(handle);
    for (uint8_t i = 0; i < TASKS; i++) {
        if (state.handle[i] == handle && memcmp(state.name[i], name, 8) == 0) {
            return i;
        }
        if (!state.handle[i]) {
            state.handle[i] = handle;
            memcpy(state.name[i], name, NAME - 1);
            return i;
        }
    }
    return TASK_UNKNOWN;
}

static IRAM_ATTR void put(enum hs_capture_op op, uint8_t task, const uintptr_t *field)
{
    const uint32_t seq = state.next_seq++;
    if (state.head - state.tail == CONFIG_HS_CAPTURE_EVENTS) {
        state.lost++;
        return;
    }
    state.ring[state.head % CONFIG_HS_CAPTURE_EVENTS] =
        (struct record){.seq = seq,
                        .time = (uint32_t)esp_timer_get_time(),
                        .op = (uint8_t)op,
                        .task = task,
                        .a = field[0],
                        .b = field[1],
                        .c = field[2],
                        .d = field[3]};
    state.head++;
}

IRAM_ATTR void hs_capture_event(enum hs_capture_op op, uintptr_t a, uintptr_t b, uintptr_t c,
                                uintptr_t d)
{
    const uintptr_t field[4] = {a, b, c, d};
    if (!state.running) {
        return;
    }
    portENTER_CRITICAL_SAFE(&lock);
    const uint8_t task = current_task();
    const bool inside = task < TASKS && (state.inside & (UINT32_C(1) << task));
    if (!inside || op > HS_OP_FAILED) {
        put(op, task, field);
    } else if (op == HS_OP_ALLOC) {
        state.caps[task] = (uint32_t)c;
    }
    portEXIT_CRITICAL_SAFE(&lock);
}

IRAM_ATTR bool hs_capture_running(void)
{
    return state.running;
}

IRAM_ATTR void esp_heap_trace_alloc_hook(void *ptr, size_t size, uint32_t caps)
{
    if (ptr) {
        hs_capture_event(HS_OP_ALLOC, (uintptr_t)ptr, size, caps, 0);
    }
}

IRAM_ATTR void esp_heap_trace_free_hook(void *ptr)
{
    if (ptr) {
        hs_capture_event(HS_OP_FREE, (uintptr_t)ptr, 0, 0, 0);
    }
}

static void failed_allocation(size_t size, uint32_t caps, const char *function)
{
    hs_capture_event(HS_OP_FAILED, size, caps, (uintptr_t)function, 0);
}

/* One event for a request that IDF serves by several: the hooks of the same task are silent in
 * between. False: somebody further out has begun already, or nothing is recorded. */
static IRAM_ATTR bool begin_whole(uint8_t *task, uint32_t caps)
{
    bool begun = false;
    if (!state.running) {
        return false;
    }
    portENTER_CRITICAL_SAFE(&lock);
    *task = current_task();
    if (*task < TASKS && !(state.inside & (UINT32_C(1) << *task))) {
        state.inside |= UINT32_C(1) << *task;
        state.caps[*task] = caps;
        begun = true;
    }
    portEXIT_CRITICAL_SAFE(&lock);
    return begun;
}

static IRAM_ATTR void end_whole(enum hs_capture_op op, uint8_t task, const uintptr_t *field,
                                int caps_field)
{
    portENTER_CRITICAL_SAFE(&lock);
    uintptr_t all[4] = {field[0], field[1], field[2], field[3]};
    all[caps_field] = state.caps[task];
    state.inside &= ~(UINT32_C(1) << task);
    if (state.running) {
        put(op, task, all);
    }
    portEXIT_CRITICAL_SAFE(&lock);
}

/* --- linked in by --wrap --- */

void *__real_heap_caps_realloc(void *old, size_t size, uint32_t caps);
void *__real_realloc(void *old, size_t size);
void *__real_heap_caps_aligned_alloc(size_t align, size_t size, uint32_t caps);
void *__wrap_heap_caps_realloc(void *old, size_t size, uint32_t caps);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_heap_caps_aligned_alloc(size_t align, size_t size, uint32_t caps);

IRAM_ATTR void *__wrap_heap_caps_realloc(void *old, size_t size, uint32_t caps)
{
    uint8_t task;
    const bool whole = begin_whole(&task, caps);
    const uintptr_t before = (uintptr_t)old; /* `old` means nothing after the call */
    void *result = __real_heap_caps_realloc(old, size, caps);
    if (whole) {
        end_whole(HS_OP_REALLOC, task, (uintptr_t[]){before, size, (uintptr_t)result, 0}, 3);
    }
    return result;
}

IRAM_ATTR void *__wrap_realloc(void *old, size_t size)
{
    uint8_t task;
    const bool whole = begin_whole(&task, MALLOC_CAP_DEFAULT);
    const uintptr_t before = (uintptr_t)old;
    void *result = __real_realloc(old, size);
    if (whole) {
        end_whole(HS_OP_REALLOC, task, (uintptr_t[]){before, size, (uintptr_t)result, 0}, 3);
    }
    return result;
}

IRAM_ATTR void *__wrap_heap_caps_aligned_alloc(size_t align, size_t size, uint32_t caps)
{
    uint8_t task;
    const bool whole = begin_whole(&task, caps);
    void *result = __real_heap_caps_aligned_alloc(align, size, caps);
    if (whole) {
        end_whole(HS_OP_ALIGNED, task, (uintptr_t[]){(uintptr_t)result, size, 0, align}, 2);
    }
    return result;
}

/* --- lines: no printf, which may allocate, and lacks 64-bit numbers in small C libraries --- */

struct line {
    char text[HS_CAPTURE_LINE];
    size_t length;
};

static void add_char(struct line *line, char letter)
{
    if (line->length < HS_CAPTURE_LINE - 5) { /* room for the sum and the line end */
        line->text[line->length++] = letter;
    }
}

static void add_text(struct line *line, const char *text)
{
    for (; *text; text++) {
        const bool plain = *text > ' ' && *text < 127 && *text != '*' && *text != '!';
        add_char(line, plain ? *text : '_');
    }
}

static void add_number(struct line *line, uint64_t value, unsigned base)
{
    char reversed[24];
    int count = 0;
    do {
        reversed[count++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value > 0);
    while (count > 0) {
        add_char(line, reversed[--count]);
    }
}

static void add_decimal(struct line *line, uint64_t value)
{
    add_char(line, ' ');
    add_number(line, value, 10);
}

static void add_hex(struct line *line, uintptr_t value)
{
    add_char(line, ' ');
    add_char(line, '0');
    add_char(line, 'x');
    add_number(line, value, 16);
}

static void finish(struct line *line)
{
    unsigned sum = 0;
    for (size_t i = 1; i < line->length; i++) {
        sum ^= (unsigned char)line->text[i];
    }
    line->text[line->length++] = '*';
    line->text[line->length++] = "0123456789abcdef"[sum >> 4 & 15];
    line->text[line->length++] = "0123456789abcdef"[sum & 15];
    line->text[line->length++] = '\n';
}

/* For each kind: its name and, field by field, d(ecimal), x (hex), s (text), b (32 blocks of the
 * collector as 8 digits). */
static const struct {
    const char *name, *fields;
} forms[] = {
    [HS_OP_BEGIN] = {"begin", ""},    [HS_OP_ALLOC] = {"a", "xdx"},
    [HS_OP_ALIGNED] = {"m", "xdxd"},  [HS_OP_FREE] = {"f", "x"},
    [HS_OP_REALLOC] = {"r", "xdxx"},  [HS_OP_FAILED] = {"x", "dxs"},
    [HS_OP_GC_ALLOC] = {"ga", "xdx"}, [HS_OP_GC_REALLOC] = {"gr", "xdxd"},
    [HS_OP_GC_FREE] = {"gf", "x"},    [HS_OP_GC_INIT] = {"gi", "xx"},
    [HS_OP_GC_ADD] = {"gg", "xx"},    [HS_OP_GC_COLLECT] = {"gc", "d"},
    [HS_OP_GC_LIVE] = {"gl", "xbb"},  [HS_OP_GC_END] = {"ge", "d"},
    [HS_OP_PHASE] = {"p", "s"},       [HS_OP_MARK] = {"k", "s"},
    [HS_OP_END] = {"end", "dd"},
};

static void add_field(struct line *line, char form, uintptr_t value, bool first_bits)
{
    if (form == 'd') {
        add_decimal(line, value);
    } else if (form == 'x') {
        add_hex(line, value);
    } else if (form == 's') {
        add_char(line, ' ');
        add_text(line, value ? (const char *)value : "-");
    } else {
        if (first_bits) {
            add_char(line, ' ');
        }
        for (int i = 0; i < 8; i++) { /* lowest block first */
            add_char(line, "0123456789abcdef"[value >> (4 * i) & 15]);
        }
    }
}

static void add_task(struct line *line, const struct record *record)
{
    add_char(line, ' ');
    if (record->task < TASKS) {
        add_text(line, state.name[record->task]);
    } else {
        add_text(line, record->task == TASK_ISR    ? "isr"
                       : record->task == TASK_NONE ? "-"
                                                   : "other");
    }
}

static void add_raw(struct line *line, const char *text)
{
    while (*text) {
        add_char(line, *text++);
    }
}

static void add_begin(struct line *line)
{
    add_raw(line, " 1 ptr=");
    add_number(line, sizeof(void *), 10);
    add_raw(line, " ring=");
    add_number(line, CONFIG_HS_CAPTURE_EVENTS, 10);
    add_raw(line, " idf=");
    add_text(line, esp_get_idf_version());
    add_raw(line, " chip=");
    add_text(line, CONFIG_IDF_TARGET);
}

static void write_line(const struct record *record, hs_capture_write write, void *argument)
{
    struct line line = {.length = 0};
    const uintptr_t field[4] = {record->a, record->b, record->c, record->d};
    state.time += (uint32_t)(record->time - (uint32_t)state.time);
    memcpy(line.text, "!hs", 3);
    line.length = 3;
    add_decimal(&line, record->seq);
    add_decimal(&line, state.time);
    add_task(&line, record);
    add_char(&line, ' ');
    add_text(&line, forms[record->op].name);
    if (record->op == HS_OP_BEGIN) {
        add_begin(&line);
    }
    for (int i = 0; forms[record->op].fields[i]; i++) {
        add_field(&line, forms[record->op].fields[i], field[i], i == 1);
    }
    finish(&line);
    write(line.text, line.length, argument);
}

/* --- for the program --- */

void hs_capture_start(void)
{
    static bool registered;
    portENTER_CRITICAL_SAFE(&lock);
    state.next_seq = state.lost = state.head = state.tail = state.inside = 0;
    state.time = 0;
    memset(state.handle, 0, sizeof state.handle);
    state.running = true;
    portEXIT_CRITICAL_SAFE(&lock);
    hs_capture_event(HS_OP_BEGIN, 0, 0, 0, 0);
    if (!registered) {
        registered = heap_caps_register_failed_alloc_callback(failed_allocation) == 0;
    }
}

size_t hs_capture_drain(hs_capture_write write, void *argument)
{
    size_t count = 0;
    struct record record;
    /* What is recorded while this writes waits for the next call: writing may itself allocate. */
    portENTER_CRITICAL_SAFE(&lock);
    const uint32_t until = state.head;
    portEXIT_CRITICAL_SAFE(&lock);
    while (state.tail != until) {
        portENTER_CRITICAL_SAFE(&lock);
        record = state.ring[state.tail % CONFIG_HS_CAPTURE_EVENTS];
        state.tail++;
        portEXIT_CRITICAL_SAFE(&lock);
        write_line(&record, write, argument);
        count++;
    }
    return count;
}

void hs_capture_stop(hs_capture_write write, void *argument)
{
    portENTER_CRITICAL_SAFE(&lock);
    state.running = false;
    const struct record end = {.seq = state.next_seq,
                               .time = (uint32_t)esp_timer_get_time(),
                               .op = HS_OP_END,
                               .task = current_task(),
                               .a = state.next_seq,
                               .b = state.lost};
    portEXIT_CRITICAL_SAFE(&lock);
    hs_capture_drain(write, argument);
    write_line(&end, write, argument);
}

void hs_capture_phase(const char *name)
{
    hs_capture_event(HS_OP_PHASE, (uintptr_t)name, 0, 0, 0);
}

void hs_capture_mark(const char *name)
{
    hs_capture_event(HS_OP_MARK, (uintptr_t)name, 0, 0, 0);
}

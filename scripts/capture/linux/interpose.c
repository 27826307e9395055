/* The functions that take the allocator's place. With HS_WRAP: link with the flags that build.sh
 * prints, for static programs and firmware built for the host. Without: a library for LD_PRELOAD.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "owner.h"
#include "recorder.h"

#ifdef HS_WRAP
#define INTERPOSED(name) __wrap_##name
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_reallocarray(void *old, size_t count, size_t size);
void __real_free(void *old);
void *__real_memalign(size_t align, size_t size);
void *__real_aligned_alloc(size_t align, size_t size);
int __real_posix_memalign(void **result, size_t align, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_reallocarray(void *old, size_t count, size_t size);
void __wrap_free(void *old);
void *__wrap_memalign(size_t align, size_t size);
void *__wrap_aligned_alloc(size_t align, size_t size);
int __wrap_posix_memalign(void **result, size_t align, size_t size);
#define REAL(name) __real_##name
#else
#define INTERPOSED(name) name
void *malloc(size_t size);
void *calloc(size_t count, size_t size);
void *realloc(void *old, size_t size);
void *reallocarray(void *old, size_t count, size_t size);
void free(void *old);
void *memalign(size_t align, size_t size);
void *aligned_alloc(size_t align, size_t size);
int posix_memalign(void **result, size_t align, size_t size);
#define REAL(name)       real.name

static struct {
    void *(*malloc)(size_t);
    void *(*calloc)(size_t, size_t);
    void *(*realloc)(void *, size_t);
    void (*free)(void *);
    void *(*memalign)(size_t, size_t);
    void *(*aligned_alloc)(size_t, size_t);
    int (*posix_memalign)(void **, size_t, size_t);
} real;

/* What dlsym itself asks for before the real functions are known comes from here, is zero and is
 * never given back. */
static _Alignas(16) unsigned char early[16384];
static size_t early_used;

static void *take_early(size_t size)
{
    const size_t rounded = (size + 15) & ~(size_t)15;
    if (rounded > sizeof early - early_used) {
        static const char words[] = "capture: the start of the program needs too much memory\n";
        (void)!write(2, words, sizeof words - 1);
        _exit(127);
    }
    void *result = early + early_used;
    early_used += rounded;
    return result;
}

static int is_early(const void *at)
{
    return (uintptr_t)at - (uintptr_t)early < sizeof early;
}

static void find_real(void *function, const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);
    memcpy(function, &found, sizeof found);
}

/* False while they are being looked for, that is, when dlsym asks for memory. */
static int find_all(void)
{
    static int looking;
    if (real.posix_memalign) {
        return 1;
    }
    if (looking) {
        return 0;
    }
    looking = 1;
    find_real(&real.malloc, "malloc");
    find_real(&real.calloc, "calloc");
    find_real(&real.realloc, "realloc");
    find_real(&real.free, "free");
    find_real(&real.memalign, "memalign");
    find_real(&real.aligned_alloc, "aligned_alloc");
    find_real(&real.posix_memalign, "posix_memalign");
    looking = 0;
    return 1;
}
#endif

#ifdef HS_WRAP
#define READY()      1
#define EARLY(size)  NULL
#define IS_EARLY(at) 0
#else
#define READY()      find_all()
#define EARLY(size)  take_early(size)
#define IS_EARLY(at) is_early(at)
#endif

void *INTERPOSED(malloc)(size_t size)
{
    if (!READY()) {
        return EARLY(size);
    }
    if (!hs_enter()) {
        return REAL(malloc)(size);
    }
    const struct hs_request request = {HS_ALLOC, 1, size, 0, hs_owner_of_caller()};
    hs_lock();
    void *result = REAL(malloc)(size);
    hs_record_alloc(&request, result);
    hs_leave();
    return result;
}

void *INTERPOSED(calloc)(size_t count, size_t size)
{
    if (!READY()) {
        return EARLY(count * size);
    }
    if (!hs_enter()) {
        return REAL(calloc)(count, size);
    }
    const struct hs_request request = {HS_CALLOC, count, size, 0, hs_owner_of_caller()};
    hs_lock();
    void *result = REAL(calloc)(count, size);
    hs_record_alloc(&request, result);
    hs_leave();
    return result;
}

void *INTERPOSED(realloc)(void *old, size_t size)
{
#ifndef HS_WRAP
    if (!find_all() || is_early(old)) {
        void *result = INTERPOSED(malloc)(size);
        if (result && old) {
            memcpy(result, old,
                   size); /* may read behind the old block, but inside of `early` or what follows */
        }
        return result;
    }
#endif
    if (!hs_enter()) {
        return REAL(realloc)(old, size);
    }
    const struct hs_request request = {HS_ALLOC, 1, size, 0, old ? 0 : hs_owner_of_caller()};
    hs_lock();
    void *result = REAL(realloc)(old, size);
    hs_record_realloc(old, &request, result);
    hs_leave();
    return result;
}

void *INTERPOSED(reallocarray)(void *old, size_t count, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(count, size, &total)) {
        total = SIZE_MAX; /* no allocator has that: refused, and recorded as refused */
    }
    return INTERPOSED(realloc)(old, total);
}

void INTERPOSED(free)(void *old)
{
    if (!old || IS_EARLY(old) || !READY()) {
        return;
    }
    if (!hs_enter()) {
        REAL(free)(old);
        return;
    }
    hs_lock();
    hs_record_free(old);
    REAL(free)(old);
    hs_leave();
}

void *INTERPOSED(memalign)(size_t align, size_t size)
{
    if (!READY() || !hs_enter()) {
        return READY() ? REAL(memalign)(align, size) : NULL;
    }
    const struct hs_request request = {HS_ALIGNED, 1, size, align, hs_owner_of_caller()};
    hs_lock();
    void *result = REAL(memalign)(align, size);
    hs_record_alloc(&request, result);
    hs_leave();
    return result;
}

void *INTERPOSED(aligned_alloc)(size_t align, size_t size)
{
    if (!READY() || !hs_enter()) {
        return READY() ? REAL(aligned_alloc)(align, size) : NULL;
    }
    const struct hs_request request = {HS_ALIGNED, 1, size, align, hs_owner_of_caller()};
    hs_lock();
    void *result = REAL(aligned_alloc)(align, size);
    hs_record_alloc(&request, result);
    hs_leave();
    return result;
}

int INTERPOSED(posix_memalign)(void **result, size_t align, size_t size)
{
    if (!READY() || !hs_enter()) {
        return READY() ? REAL(posix_memalign)(result, align, size) : ENOMEM;
    }
    const struct hs_request request = {HS_ALIGNED, 1, size, align, hs_owner_of_caller()};
    hs_lock();
    const int error = REAL(posix_memalign)(result, align, size);
    if (error != EINVAL) {
        hs_record_alloc(&request, error ? NULL : *result);
    }
    hs_leave();
    return error;
}

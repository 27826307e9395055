/* A program that uses its heap in one of several ways, for the tests of scripts/capture/linux. It
 * prints nothing, so that its own requests are the only ones. */
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

void hs_capture_phase(const char *name) __attribute__((weak));
void hs_capture_mark(const char *name) __attribute__((weak));

static void *volatile keep;

static void phase(const char *name)
{
    if (hs_capture_phase) {
        hs_capture_phase(name);
    }
}

/* A wrapper as libraries have them: the tag that helps is the caller's. */
__attribute__((noinline)) static void *lib_calloc(size_t count, size_t size)
{
    void *result = calloc(count, size);
    keep = result;
    return result;
}

__attribute__((noinline)) static void *tls_setup(void)
{
    void *result = lib_calloc(3, 100);
    keep = result;
    return result;
}

__attribute__((noinline)) static void *net_receive(void)
{
    void *result = malloc(1514);
    keep = result;
    return result;
}

static int kinds(void)
{
    phase("kinds");
    char *a = tls_setup();
    char *b = net_receive();
    a = realloc(a, 700);
    b = realloc(b, 10);
    void *c = aligned_alloc(64, 256);
    void *d = NULL;
    const int error = posix_memalign(&d, 32, 96);
    void *e = memalign(128, 50);
    keep = realloc(NULL, 33);
    keep = realloc(keep, 0);
    char *f = reallocarray(NULL, 7, 11);
    free(NULL);
    if (hs_capture_mark) {
        hs_capture_mark("all");
    }
    free(a);
    free(b);
    free(c);
    free(d);
    free(e);
    free(f);
    return error;
}

static int fail(void)
{
    volatile size_t much = SIZE_MAX - 65536, count = SIZE_MAX / 4;
    void *volatile small = malloc(24);
    errno = 0;
    keep = malloc(much);
    const int first = errno;
    keep = calloc(count, 16);
    void *same = realloc(small, much);
    const int good = !keep && !same && first == ENOMEM;
    errno = 0;
    keep = reallocarray(small, count, 16);
    const int last = errno;
    free(small);
    return good && !keep && last == ENOMEM ? 0 : 1;
}

static void *worker(void *argument)
{
    uintptr_t seed = (uintptr_t)argument;
    void *held[16] = {0};
    for (int i = 0; i < 1000; i++) {
        seed = seed * 1103515245U + 12345U;
        void **place = &held[(seed >> 8) % 16];
        if (*place && seed % 3 == 0) {
            *place = realloc(*place, 1 + (seed >> 12) % 400);
        } else {
            free(*place);
            *place = malloc(1 + (seed >> 12) % 200);
        }
        memset(*place, 0xa5, 1);
    }
    for (int i = 0; i < 16; i++) {
        free(held[i]);
    }
    return NULL;
}

static int threads(void)
{
    pthread_t thread[4];
    for (uintptr_t i = 0; i < 4; i++) {
        pthread_create(&thread[i], NULL, worker, (void *)(i + 1));
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(thread[i], NULL);
    }
    return 0;
}

/* Forks while another thread allocates: the child must not find the recorder locked. */
static int forks(void)
{
    pthread_t thread;
    void *inherited = malloc(4321);
    int status = 0;
    pthread_create(&thread, NULL, worker, (void *)5);
    const pid_t child = fork();
    if (child == 0) {
        free(inherited);
        keep = malloc(77);
        _exit(0);
    }
    waitpid(child, &status, 0);
    pthread_join(thread, NULL);
    free(inherited);
    return status;
}

int main(int count, char **arguments)
{
    const char *mode = count > 1 ? arguments[1] : "";
    if (strcmp(mode, "kinds") == 0) {
        return kinds();
    }
    if (strcmp(mode, "fail") == 0) {
        return fail();
    }
    if (strcmp(mode, "threads") == 0) {
        return threads();
    }
    if (strcmp(mode, "fork") == 0) {
        return forks();
    }
    if (strcmp(mode, "exec") == 0) {
        keep = malloc(555);
        execl(arguments[0], arguments[0], "kinds", (char *)NULL);
        return 1;
    }
    if (strcmp(mode, "abort") == 0) {
        keep = malloc(666);
        abort();
    }
    if (strcmp(mode, "close") == 0) { /* as daemons do; the next file gets a number of ours */
        for (int i = 3; i < 64; i++) {
            close(i);
        }
        keep = malloc(888);
        return 0;
    }
    return 2;
}

/* Preloaded into heapsim by tests/fault_runner.py: the K-th call of a class goes wrong.
 *
 * The program is started once. Before its main() it waits for numbers on a pipe; for each it forks,
 * and the child runs main() with its K-th call spoilt (0: none). What came of it is told on a
 * second pipe: wait status, calls made, blocks of memory still allocated when main() returned, and
 * after order 0 for each call where it came from: a hash of its stack.
 *
 *   FAULT_CALLS   alloc (malloc and kin, mmap) or io (what opens, reads, writes, renames)
 *   FAULT_ACTION  fail: this call; fail-after: this call and all later ones; signal N; or, before
 *                 this call goes on as it should: rename OLD NEW, truncate FILE SIZE.
 *                 short (K does not matter): reads and writes of few bytes, every second one EINTR
 *   FAULT_PIPES   two numbers: read from, written to
 *   FAULT_FRAMES  how many frames of a stack tell it from others; default 24
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STACKS = 1 << 20, FRAMES = 24 };

typedef struct shared {
    atomic_ulong calls;
    atomic_long live;
    uint32_t stacks[STACKS];
} shared;

enum calls { NO_CALLS, CALLS_ALLOC, CALLS_IO };

static shared *told; /* NULL: main() is not running under a fault */
static enum calls counted;
static unsigned long wanted;
static bool cut_short;
static int depth = FRAMES;
static char action[4096];

/* --- the real ones --- */

static char early[65536]; /* dlsym() may allocate before malloc() is known */
static size_t early_used;

static void *early_block(size_t size)
{
    void *block = early + early_used;
    early_used += (size + 15) & ~(size_t)15;
    if (early_used > sizeof early) {
        abort();
    }
    return block;
}

static bool is_early(const void *block)
{
    return (const char *)block >= early && (const char *)block < early + sizeof early;
}

static void *find(const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);
    if (found == NULL) {
        abort();
    }
    return found;
}

/* Declares `real` of this name as a function pointer of the type that the C library gives it. */
#define REAL(name)                                                                                 \
    static __typeof__(name) *real;                                                                 \
    if (real == NULL) {                                                                            \
        void *found = find(#name);                                                                 \
        memcpy(&real, &found, sizeof real);                                                        \
    }

/* --- faults --- */

static void act(void)
{
    char first[2048];
    char second[2048];
    long number;
    if (sscanf(action, "signal %ld", &number) == 1) {
        raise((int)number);
    } else if (sscanf(action, "rename %2047s %2047s", first, second) == 2) {
        renameat(AT_FDCWD, first, AT_FDCWD, second);
    } else if (sscanf(action, "truncate %2047s %ld", first, &number) == 2) {
        if (truncate(first, number) != 0) {
            abort();
        }
    }
}

/* The same in every process: addresses count from the start of their library. */
static uint32_t hash_stack(void)
{
    void *frames[FRAMES];
    uint32_t hash = 2166136261u;
    int count = backtrace(frames, depth);
    for (int i = 0; i < count; i++) {
        Dl_info info = {.dli_fbase = NULL};
        uintptr_t offset = (uintptr_t)frames[i];
        offset -= dladdr(frames[i], &info) != 0 ? (uintptr_t)info.dli_fbase : 0;
        hash = (hash ^ (uint32_t)offset) * 16777619u;
    }
    return hash;
}

/* Counts a call; whether it must fail. */
static bool spoilt(enum calls kind)
{
    static _Thread_local bool inside; /* backtrace() allocates at first */
    if (told == NULL || kind != counted || inside) {
        return false;
    }
    unsigned long call = atomic_fetch_add(&told->calls, 1) + 1;
    if (wanted == 0 && call <= STACKS) {
        inside = true;
        told->stacks[call - 1] = hash_stack();
        inside = false;
    }
    if (strcmp(action, "fail-after") == 0) {
        return wanted != 0 && call >= wanted;
    }
    if (call != wanted) {
        return false;
    }
    if (strcmp(action, "fail") == 0) {
        return true;
    }
    act();
    return false;
}

static bool io_fails(int code)
{
    if (!spoilt(CALLS_IO)) {
        return false;
    }
    errno = code;
    return true;
}

static void *block_made(void *block)
{
    if (told != NULL && block != NULL) {
        atomic_fetch_add(&told->live, 1);
    }
    return block;
}

static bool alloc_fails(void)
{
    if (!spoilt(CALLS_ALLOC)) {
        return false;
    }
    errno = ENOMEM;
    return true;
}

/* --- memory --- */

void *malloc(size_t size)
{
    static bool finding;
    if (finding) {
        return early_block(size);
    }
    finding = true;
    REAL(malloc)
    finding = false;
    return alloc_fails() ? NULL : block_made(real(size));
}

void *calloc(size_t count, size_t size)
{
    static bool finding;
    if (finding) {
        return early_block(count * size);
    }
    finding = true;
    REAL(calloc)
    finding = false;
    return alloc_fails() ? NULL : block_made(real(count, size));
}

void *realloc(void *block, size_t size)
{
    REAL(realloc)
    if (alloc_fails()) {
        return NULL;
    }
    return block == NULL ? block_made(real(block, size)) : real(block, size);
}

int posix_memalign(void **block, size_t alignment, size_t size)
{
    REAL(posix_memalign)
    if (alloc_fails()) {
        return ENOMEM;
    }
    int result = real(block, alignment, size);
    if (result == 0) {
        block_made(*block);
    }
    return result;
}

void *aligned_alloc(size_t alignment, size_t size)
{
    REAL(aligned_alloc)
    return alloc_fails() ? NULL : block_made(real(alignment, size));
}

void free(void *block)
{
    static bool finding; /* dlsym() frees, too: such a block waits */
    static void *waiting;
    if (block == NULL || is_early(block)) {
        return;
    }
    if (finding) {
        waiting = block;
        return;
    }
    finding = true;
    REAL(free)
    finding = false;
    if (told != NULL) {
        atomic_fetch_sub(&told->live, 1);
    }
    real(block);
    if (waiting != NULL) {
        real(waiting);
        waiting = NULL;
    }
}

void *mmap(void *where, size_t size, int protection, int flags, int file, off_t offset)
{
    REAL(mmap)
    return alloc_fails() ? MAP_FAILED : real(where, size, protection, flags, file, offset);
}

/* --- files --- */

static mode_t mode_of(int flags, va_list arguments)
{
    return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
}

int open(const char *path, int flags, ...)
{
    REAL(open)
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = mode_of(flags, arguments);
    va_end(arguments);
    return io_fails(EMFILE) ? -1 : real(path, flags, mode);
}

int mkostemp(char *name, int flags)
{
    REAL(mkostemp)
    return io_fails(EROFS) ? -1 : real(name, flags);
}

FILE *fopen(const char *path, const char *mode)
{
    REAL(fopen)
    return io_fails(EMFILE) ? NULL : real(path, mode);
}

DIR *opendir(const char *path)
{
    REAL(opendir)
    return io_fails(EMFILE) ? NULL : real(path);
}

int stat(const char *restrict path, struct stat *restrict status)
{
    REAL(stat)
    return io_fails(EIO) ? -1 : real(path, status);
}

int fstat(int file, struct stat *status)
{
    REAL(fstat)
    return io_fails(EIO) ? -1 : real(file, status);
}

char *realpath(const char *restrict path, char *restrict resolved)
{
    REAL(realpath)
    return io_fails(EIO) ? NULL : real(path, resolved);
}

ssize_t readlink(const char *restrict path, char *restrict to, size_t size)
{
    REAL(readlink)
    return io_fails(EIO) ? -1 : real(path, to, size);
}

int fchmod(int file, mode_t mode)
{
    REAL(fchmod)
    return io_fails(EPERM) ? -1 : real(file, mode);
}

off_t lseek(int file, off_t offset, int whence)
{
    REAL(lseek)
    return io_fails(EIO) ? -1 : real(file, offset, whence);
}

int rename(const char *old, const char *new)
{
    REAL(rename)
    return io_fails(EACCES) ? -1 : real(old, new);
}

/* Every second call is interrupted, the others are given few bytes. True: interrupted. */
static bool shorten(size_t *size)
{
    static atomic_uint turn;
    static const size_t sizes[] = {1, 2, 3, 7, 61, 4095};
    if (told == NULL || !cut_short) {
        return false;
    }
    unsigned now = atomic_fetch_add(&turn, 1);
    size_t most = sizes[now / 2 % 6];
    *size = *size < most ? *size : most;
    errno = EINTR;
    if (now % 2 == 0) {
        atomic_fetch_add(&told->calls, 1);
    }
    return now % 2 == 0;
}

ssize_t read(int file, void *bytes, size_t size)
{
    REAL(read)
    return io_fails(EIO) || shorten(&size) ? -1 : real(file, bytes, size);
}

ssize_t pread(int file, void *bytes, size_t size, off_t offset)
{
    REAL(pread)
    return io_fails(EIO) || shorten(&size) ? -1 : real(file, bytes, size, offset);
}

ssize_t write(int file, const void *bytes, size_t size)
{
    REAL(write)
    return io_fails(ENOSPC) || shorten(&size) ? -1 : real(file, bytes, size);
}

/* These do their work also when they tell a failure, as the real ones do. */
int close(int file)
{
    REAL(close)
    int result = real(file);
    return io_fails(EIO) ? -1 : result;
}

int fclose(FILE *file)
{
    REAL(fclose)
    int result = real(file);
    return io_fails(ENOSPC) ? EOF : result;
}

int fflush(FILE *file)
{
    REAL(fflush)
    int result = real(file);
    return io_fails(ENOSPC) ? EOF : result;
}

/* --- the loop before main() --- */

typedef int main_call(int argc, char **argv, char **environment);

static main_call *true_main;

static void redirect(int file, const char *name)
{
    int opened = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (opened < 0 || dup2(opened, file) < 0) {
        abort();
    }
    close(opened);
}

/* True in a child that shall run main(); the parent ends here. */
static bool serve(shared *page, FILE *from, FILE *to)
{
    while (fscanf(from, "%lu", &wanted) == 1) {
        atomic_store(&page->calls, 0);
        atomic_store(&page->live, 0);
        pid_t child = fork();
        if (child == 0) {
            close(fileno(from));
            close(fileno(to));
            redirect(STDOUT_FILENO, "stdout");
            redirect(STDERR_FILENO, "stderr");
            return true;
        }
        int status = 0;
        if (child < 0 || waitpid(child, &status, 0) != child) {
            abort();
        }
        unsigned long calls = atomic_load(&page->calls);
        fprintf(to, "%d %lu %ld", status, calls, atomic_load(&page->live));
        for (unsigned long i = 0; wanted == 0 && i < calls && i < STACKS; i++) {
            fprintf(to, " %u", page->stacks[i]);
        }
        fputc('\n', to);
        fflush(to);
    }
    _exit(0);
}

/* A leak checker's, if there is one. */
void __lsan_disable(void) __attribute__((weak));
void __lsan_enable(void) __attribute__((weak));

/* backtrace() loads a library the first time; what that keeps is no leak of the program's. */
static void load_backtrace(void)
{
    void *frames[2];
    if (__lsan_disable != NULL) {
        __lsan_disable();
    }
    backtrace(frames, 2);
    if (__lsan_enable != NULL) {
        __lsan_enable();
    }
}

static int main_under_faults(int argc, char **argv, char **environment)
{
    int pipes[2];
    const char *calls = getenv("FAULT_CALLS");
    const char *how = getenv("FAULT_ACTION");
    const char *text = getenv("FAULT_PIPES");
    if (calls == NULL || how == NULL || text == NULL ||
        sscanf(text, "%d,%d", &pipes[0], &pipes[1]) != 2) {
        return true_main(argc, argv, environment);
    }
    snprintf(action, sizeof action, "%s", how);
    unsetenv("LD_PRELOAD");
    const char *fewer = getenv("FAULT_FRAMES");
    depth = fewer != NULL && atoi(fewer) > 0 && atoi(fewer) < FRAMES ? atoi(fewer) : FRAMES;
    load_backtrace();
    cut_short = strcmp(how, "short") == 0;
    counted = cut_short ? NO_CALLS : strcmp(calls, "alloc") == 0 ? CALLS_ALLOC : CALLS_IO;
    shared *page =
        mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    FILE *from = fdopen(pipes[0], "r");
    FILE *to = fdopen(pipes[1], "w");
    if (page == MAP_FAILED || from == NULL || to == NULL || !serve(page, from, to)) {
        abort();
    }
    static char
        buffer[BUFSIZ]; /* so that no block is live or not by whether something was printed */
    setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
    told = page;
    int result = true_main(argc, argv, environment);
    told = NULL;
    return result;
}

int __libc_start_main(main_call *main, int argc, char **argv, void (*init)(void),
                      void (*fini)(void), void (*rtld_fini)(void), void *stack_end);

int __libc_start_main(main_call *main, int argc, char **argv, void (*init)(void),
                      void (*fini)(void), void (*rtld_fini)(void), void *stack_end)
{
    REAL(__libc_start_main)
    true_main = main;
    return real(main_under_faults, argc, argv, init, fini, rtld_fini, stack_end);
}

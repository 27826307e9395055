#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#include "recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "owner.h"

/* Each line goes to the file at once, by one write: nothing is lost when the program aborts, is
 * killed or replaces itself by another. Owners are found while the program runs, but belong in the
 * header: places are left for them. */
enum { OWNERS = 64, PLACE = 64, NAME = 40, FIRST_TABLE = 1 << 12 };

struct block {
    uintptr_t address; /* 0: no block */
    uint32_t slot;
    int owner;
    size_t size;
};

static struct {
    bool on;
    bool child; /* forked, no file of its own yet */
    int file;
    dev_t device;
    ino_t inode;
    char path[4096];
    off_t end;
    off_t complete;
    off_t places;
    char owner[OWNERS][NAME];
    int owners;
    struct block *blocks; /* open addressing, room is a power of two */
    size_t room, live;
    uint32_t *empty; /* slots to be used again */
    size_t empties, empty_room;
    uint32_t slots;
    size_t bytes, peak, events, lost;
} state;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static _Thread_local int inside __attribute__((tls_model("initial-exec")));

static void *pages(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

/* --- the file --- */

/* The program may have closed our file, or opened another under its number: that must not be
 * written to. */
static bool file_is_ours(void)
{
    struct stat now;
    if (fstat(state.file, &now) == 0 && now.st_dev == state.device && now.st_ino == state.inode) {
        return true;
    }
    state.file = open(state.path, O_WRONLY | O_CLOEXEC);
    return state.file >= 0 && fstat(state.file, &now) == 0 && now.st_dev == state.device &&
           now.st_ino == state.inode;
}

static bool put_at(off_t place, const char *text, size_t length)
{
    return file_is_ours() && pwrite(state.file, text, length, place) == (ssize_t)length;
}

static void lose(void)
{
    if (state.lost++ == 0 && !put_at(state.complete, "complete no ", 12)) {
        state.on = false;
    }
}

static void put(const char *text, size_t length)
{
    if (put_at(state.end, text, length)) {
        state.end += (off_t)length;
    } else {
        lose();
    }
}

__attribute__((format(printf, 1, 2))) static void say(const char *form, ...)
{
    char line[512];
    __builtin_va_list arguments;
    __builtin_va_start(arguments, form);
    int length = vsnprintf(line, sizeof line - 1, form, arguments);
    __builtin_va_end(arguments);
    if (length > (int)sizeof line - 2) {
        length = (int)sizeof line - 2;
    }
    line[length] = '\n';
    put(line, (size_t)length + 1);
}

static void write_place(int owner)
{
    char line[PLACE + NAME];
    const int length = snprintf(line, PLACE - 1, "owner   %s idf", state.owner[owner]);
    memset(line + length, ' ', (size_t)(PLACE - length));
    line[PLACE - 1] = '\n';
    if (!put_at(state.places + (off_t)owner * PLACE, line, PLACE)) {
        lose();
    }
}

static void write_header(void)
{
    char command[256] = "?";
    const int file = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    const ssize_t length = file >= 0 ? read(file, command, sizeof command - 1) : -1;
    for (ssize_t i = 0; i < length; i++) {
        command[i] = command[i] < ' ' || command[i] == '#' ? ' ' : command[i];
    }
    close(file);
    say("heapsim-trace 1");
    say("title   %s", command);
    say("origin  captured");
    say("source  program on a Linux host, malloc and its relatives recorded; command: %s", command);
    if (sizeof(void *) > 4) {
        say("source  WARNING: sizes are those of a %zu-bit build; a 32-bit chip asks for less "
            "wherever a structure "
            "holds pointers, size_t or long: use it for counts and order, not for bytes",
            8 * sizeof(void *));
    }
    say("device  %zu-bit Linux host", 8 * sizeof(void *));
    state.complete = state.end;
    say("complete yes");
    state.places = state.end;
    for (int i = 0; i < OWNERS; i++) {
        say("#%*s", PLACE - 2, "");
    }
    for (int i = 0; i < state.owners; i++) {
        write_place(i);
    }
}

/* NAME.trace, or NAME.PID.trace for a further process of the same capture. */
static bool open_file(const char *wanted, bool further)
{
    const size_t length = strlen(wanted);
    const bool suffix = length > 6 && strcmp(wanted + length - 6, ".trace") == 0;
    const int stem = (int)(suffix ? length - 6 : length);
    for (int try = further ? 1 : 0; try < 100; try++) {
        char number[32] = "";
        if (try > 0) {
            snprintf(number, sizeof number, try == 1 ? ".%ld" : ".%ld-%d", (long)getpid(), try);
        }
        snprintf(state.path, sizeof state.path, "%.*s%s%s", stem, wanted, number,
                 suffix ? ".trace" : "");
        state.file = open(state.path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        struct stat status;
        if (state.file >= 0 && fstat(state.file, &status) == 0) {
            state.device = status.st_dev;
            state.inode = status.st_ino;
            state.end = 0;
            return true;
        }
        if (errno != EEXIST) {
            break;
        }
    }
    fprintf(stderr, "capture: %s: %s; nothing is recorded\n", state.path, strerror(errno));
    return false;
}

/* --- live blocks --- */

/* A trace speaks of 32-bit devices; a larger request fails there as 4294967295 does. */
static unsigned long shown(size_t size)
{
    return size > UINT32_MAX ? UINT32_MAX : (unsigned long)size;
}

static size_t home(uintptr_t address)
{
    return (size_t)((address >> 3) * (uintptr_t)2654435761U) & (state.room - 1);
}

static struct block *find(uintptr_t address)
{
    size_t at = home(address);
    while (state.blocks[at].address && state.blocks[at].address != address) {
        at = (at + 1) & (state.room - 1);
    }
    return &state.blocks[at];
}

static bool grow_table(void)
{
    struct block *old = state.blocks;
    const size_t room = state.room;
    struct block *larger = pages(2 * room * sizeof *old);
    if (!larger) {
        return false;
    }
    state.blocks = larger;
    state.room = 2 * room;
    for (size_t i = 0; i < room; i++) {
        if (old[i].address) {
            *find(old[i].address) = old[i];
        }
    }
    munmap(old, room * sizeof *old);
    return true;
}

static bool insert(struct block block)
{
    if (state.live * 2 >= state.room && !grow_table() && state.live + 1 >= state.room) {
        return false;
    }
    *find(block.address) = block;
    state.live++;
    state.bytes += block.size;
    state.peak = state.bytes > state.peak ? state.bytes : state.peak;
    return true;
}

/* Takes a block out and moves those that stand behind it only because of it. */
static void erase(struct block *block)
{
    size_t gap = (size_t)(block - state.blocks);
    state.live--;
    state.bytes -= block->size;
    for (size_t at = (gap + 1) & (state.room - 1); state.blocks[at].address;
         at = (at + 1) & (state.room - 1)) {
        const size_t wanted = home(state.blocks[at].address);
        if (((at - wanted) & (state.room - 1)) >= ((at - gap) & (state.room - 1))) {
            state.blocks[gap] = state.blocks[at];
            gap = at;
        }
    }
    state.blocks[gap].address = 0;
}

static uint32_t take_slot(void)
{
    return state.empties ? state.empty[--state.empties] : state.slots++;
}

static void give_slot(uint32_t slot)
{
    if (state.empties == state.empty_room) {
        const size_t room = state.empty_room ? 2 * state.empty_room : FIRST_TABLE;
        uint32_t *larger = pages(room * sizeof *larger);
        if (!larger) {
            return; /* the number is not used again */
        }
        if (state.empty) {
            memcpy(larger, state.empty, state.empties * sizeof *larger);
            munmap(state.empty, state.empty_room * sizeof *larger);
        }
        state.empty = larger;
        state.empty_room = room;
    }
    state.empty[state.empties++] = slot;
}

/* --- start, fork, end --- */

static void before_fork(void)
{
    hs_owner_pause();
    pthread_mutex_lock(&lock);
}

static void after_fork(void)
{
    pthread_mutex_unlock(&lock);
    hs_owner_resume();
}

/* A child that replaces itself at once by another program leaves no file. */
static void in_child(void)
{
    if (state.on) {
        close(state.file);
        state.child = true;
    }
    pthread_mutex_unlock(&lock);
    hs_owner_renew();
}

/* The child's trace starts with what it inherits, so that it can be replayed alone. */
static void start_child(void)
{
    const char *wanted = getenv("HS_TRACE");
    pthread_mutex_lock(&lock);
    if (state.child) {
        state.child = false;
        state.on = wanted && open_file(wanted, true);
    }
    if (state.on && state.end == 0) {
        write_header();
        say("phase   inherited");
        for (size_t i = 0; i < state.room; i++) {
            const struct block *block = &state.blocks[i];
            if (block->address) {
                say("alloc   %u %lu %s", block->slot, shown(block->size),
                    state.owner[block->owner]);
            }
        }
        say("phase   child");
    }
    pthread_mutex_unlock(&lock);
}

static void start(void)
{
    const char *wanted = getenv("HS_TRACE");
    if (!wanted || !*wanted) {
        return;
    }
    state.blocks = pages(FIRST_TABLE * sizeof *state.blocks);
    state.room = FIRST_TABLE;
    if (!state.blocks || !open_file(wanted, false)) {
        return;
    }
    write_header();
    pthread_atfork(before_fork, after_fork, in_child);
    state.on = true;
}

__attribute__((destructor)) static void summary(void)
{
    inside++;
    if (state.on) {
        fprintf(
            stderr,
            "capture: %s: %zu events, %zu bytes at most, %zu bytes in %zu blocks at the end%s\n",
            state.path, state.events, state.peak, state.bytes, state.live,
            sizeof(void *) > 4 ? "; sizes of a 64-bit build" : "");
    }
    inside--;
}

bool hs_enter(void)
{
    if (inside > 0) {
        return false;
    }
    inside++;
    pthread_once(&once, start);
    if (state.child) {
        start_child();
    }
    if (!state.on) {
        inside--;
    }
    return state.on;
}

void hs_lock(void)
{
    pthread_mutex_lock(&lock);
}

void hs_leave(void)
{
    pthread_mutex_unlock(&lock);
    inside--;
}

int hs_declare_owner(const char *name)
{
    int owner = 0;
    pthread_mutex_lock(&lock);
    while (owner < state.owners && strncmp(state.owner[owner], name, NAME - 1) != 0) {
        owner++;
    }
    if (owner == OWNERS) {
        owner = OWNERS - 1; /* no place left: the last one stands for the rest */
    } else if (owner == state.owners) {
        const bool last = owner == OWNERS - 1;
        strncpy(state.owner[owner], last ? "further" : name, NAME - 1);
        state.owners++;
        write_place(owner);
    }
    pthread_mutex_unlock(&lock);
    return owner;
}

/* --- events --- */

void hs_record_alloc(const struct hs_request *request, const void *result)
{
    if (request->owner == HS_OWNER_NONE || !state.on) {
        return;
    }
    const int error = errno;
    const uint32_t slot = take_slot();
    const char *owner = state.owner[request->owner];
    const char *end = result ? "" : " failed";
    if (request->kind == HS_CALLOC) {
        say("calloc  %u %lu %lu %s%s", slot, shown(request->count), shown(request->size), owner,
            end);
    } else if (request->kind == HS_ALIGNED) {
        say("aligned %u %lu %lu %s%s", slot, shown(request->align), shown(request->size), owner,
            end);
    } else {
        say("alloc   %u %lu %s%s", slot, shown(request->size), owner, end);
    }
    state.events++;
    const struct block block = {(uintptr_t)result, slot, request->owner,
                                request->count * request->size};
    if (!result) {
        give_slot(slot);
    } else if (!insert(block)) {
        lose();
    }
    errno = error;
}

void hs_record_free(const void *old)
{
    const int error = errno;
    struct block *block = old && state.on ? find((uintptr_t)old) : NULL;
    if (block && block->address) {
        say("free    %u", block->slot);
        state.events++;
        give_slot(block->slot);
        erase(block);
    }
    errno = error;
}

void hs_record_realloc(const void *old, const struct hs_request *request, const void *result)
{
    if (!old) {
        hs_record_alloc(request, result);
        return;
    }
    if (request->size == 0 && !result) {
        hs_record_free(old);
        return;
    }
    const int error = errno;
    struct block *found = state.on ? find((uintptr_t)old) : NULL;
    if (found && found->address) {
        struct block block = *found;
        say("realloc %u %lu%s", block.slot, shown(request->size), result ? "" : " failed");
        state.events++;
        if (result) {
            erase(found);
            block.address = (uintptr_t)result;
            block.size = request->size;
            if (!insert(block)) {
                lose();
            }
        }
    }
    errno = error;
}

static void name_moment(const char *kind, const char *name)
{
    if (hs_enter()) {
        hs_lock();
        say("%-7s %s", kind, name);
        hs_leave();
    }
}

void hs_capture_phase(const char *name)
{
    name_moment("phase", name);
}

void hs_capture_mark(const char *name)
{
    name_moment("mark", name);
}

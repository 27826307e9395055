#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#include "owner.h"

#include <elf.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <link.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <unwind.h>

#include "recorder.h"

enum { FRAMES = 24, RULES = 64, SITES = 8192, SKIP = -2, UNKNOWN = -3 };

/* Functions that only pass a request on, and modules that work for somebody else. */
static const char *const wrappers[] = {
    "*:*malloc*",      "*:*calloc*",   "*:*realloc*", "*:*strdup*",  "*:_Zn*",
    "*:hs_*",          "*:__wrap_*",   "libc.so*:*",  "ld-linux*:*", "libstdc++*:*",
    "libhscapture*:*", "*:*_new_mem*", "*:xmemdup*",  "*:asprintf",  "*:getline",
};

/* A call site that was looked up: the owner by a rule, or by its module, or SKIP. */
struct site {
    uintptr_t address;
    int rule;   /* owner by a rule, HS_OWNER_NONE, or UNKNOWN when no rule fits */
    int module; /* owner by module, or SKIP */
};

static struct {
    const char *pattern[RULES];
    int owner[RULES];
    int rules;
    struct site sites[SITES];
    int used;
} table;
static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t rules_once = PTHREAD_ONCE_INIT;
/* Shared by the threads that name a caller; taken alone around fork(). */
static pthread_rwlock_t naming = PTHREAD_RWLOCK_INITIALIZER;

struct module {
    uintptr_t address;
    uintptr_t base;
    char file[512];
    bool found;
};

static int visit_module(struct dl_phdr_info *info, size_t size, void *data)
{
    struct module *module = data;
    (void)size;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        const uintptr_t start = info->dlpi_addr + segment->p_vaddr;
        if (segment->p_type == PT_LOAD && module->address >= start &&
            module->address - start < segment->p_memsz) {
            const char *name = info->dlpi_name;
            module->base = info->dlpi_addr;
            module->found = true;
            snprintf(module->file, sizeof module->file, "%s",
                     name && *name ? name : "/proc/self/exe");
            return 1;
        }
    }
    return 0;
}

/* The name of the function that holds `offset`, from one symbol section of a mapped ELF file. */
static bool find_symbol(const char *image, size_t length, const ElfW(Shdr) * sections,
                        const ElfW(Shdr) * symbols, uintptr_t offset, char *name, size_t room)
{
    const ElfW(Shdr) *strings = &sections[symbols->sh_link];
    if (symbols->sh_offset + symbols->sh_size > length ||
        strings->sh_offset + strings->sh_size > length) {
        return false;
    }
    const ElfW(Sym) *all = (const void *)(image + symbols->sh_offset);
    for (size_t i = 0; i < symbols->sh_size / sizeof *all; i++) {
        const bool function = (all[i].st_info & 15) == STT_FUNC && all[i].st_shndx != SHN_UNDEF;
        if (function && offset >= all[i].st_value && offset - all[i].st_value < all[i].st_size) {
            snprintf(name, room, "%s", image + strings->sh_offset + all[i].st_name);
            return true;
        }
    }
    return false;
}

static void search_image(const char *image, size_t length, uintptr_t offset, char *name,
                         size_t room)
{
    const ElfW(Ehdr) *head = (const void *)image;
    if (length < sizeof *head || memcmp(head->e_ident, ELFMAG, SELFMAG) != 0 ||
        head->e_shoff + head->e_shnum * sizeof(ElfW(Shdr)) > length) {
        return;
    }
    const ElfW(Shdr) *sections = (const void *)(image + head->e_shoff);
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < head->e_shnum; i++) {
            if (sections[i].sh_type == (pass == 0 ? SHT_SYMTAB : SHT_DYNSYM) &&
                find_symbol(image, length, sections, &sections[i], offset, name, room)) {
                return;
            }
        }
    }
}

static void symbol_of(const struct module *module, char *name, size_t room)
{
    snprintf(name, room, "?");
    const int file = open(module->file, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (file < 0) {
        return;
    }
    if (fstat(file, &status) == 0 && status.st_size > 0) {
        const size_t length = (size_t)status.st_size;
        char *image = mmap(NULL, length, PROT_READ, MAP_PRIVATE, file, 0);
        if (image != MAP_FAILED) {
            search_image(image, length, module->address - module->base, name, room);
            munmap(image, length);
        }
    }
    close(file);
}

/* `libmbedtls.so.14` is the owner libmbedtls, the program itself is the owner of its own name. */
static void owner_name(const char *file, char *name, size_t room)
{
    const char *base = strrchr(file, '/');
    const char *from = base ? base + 1 : file;
    size_t length = 0;
    for (; from[length] && from[length] != '.' && length < room - 1; length++) {
        name[length] = from[length] == ' ' || from[length] == '#' ? '_' : from[length];
    }
    name[length] = '\0';
}

static void program_file(struct module *module)
{
    if (strcmp(module->file, "/proc/self/exe") == 0) {
        char target[sizeof module->file];
        const ssize_t length = readlink("/proc/self/exe", target, sizeof target - 1);
        if (length > 0) {
            target[length] = '\0';
            memcpy(module->file, target, (size_t)length + 1);
        }
    }
}

/* HS_OWNERS: "PATTERN=OWNER" separated by commas or newlines; PATTERN is MODULE:FUNCTION with * and
 * ?. */
static void read_rules(void)
{
    static char text[8192];
    const char *given = getenv("HS_OWNERS");
    if (!given) {
        return;
    }
    snprintf(text, sizeof text, "%s", given);
    char *rest = text;
    for (char *rule = strtok_r(rest, ",\n", &rest); rule && table.rules < RULES;
         rule = strtok_r(NULL, ",\n", &rest)) {
        char *owner = strrchr(rule, '=');
        if (!owner || owner == rule || !owner[1]) {
            fprintf(stderr, "capture: HS_OWNERS: \"%s\": expected MODULE:FUNCTION=OWNER\n", rule);
            continue;
        }
        *owner++ = '\0';
        table.pattern[table.rules] = rule;
        table.owner[table.rules++] =
            strcmp(owner, "-") == 0 ? HS_OWNER_NONE : hs_declare_owner(owner);
    }
}

static struct site look_up(uintptr_t address)
{
    struct module module = {.address = address};
    struct site site = {.address = address, .rule = UNKNOWN, .module = SKIP};
    char symbol[192], full[800];
    dl_iterate_phdr(visit_module, &module);
    if (!module.found) {
        return site;
    }
    symbol_of(&module, symbol, sizeof symbol);
    program_file(&module);
    const char *base = strrchr(module.file, '/');
    snprintf(full, sizeof full, "%s:%s", base ? base + 1 : module.file, symbol);
    for (int i = 0; i < table.rules; i++) {
        if (fnmatch(table.pattern[i], full, 0) == 0) {
            site.rule = table.owner[i];
            return site;
        }
    }
    for (size_t i = 0; i < sizeof wrappers / sizeof *wrappers; i++) {
        if (fnmatch(wrappers[i], full, 0) == 0) {
            return site;
        }
    }
    char name[64];
    owner_name(module.file, name, sizeof name);
    site.module = hs_declare_owner(name);
    return site;
}

static struct site *slot_of(uintptr_t address)
{
    size_t at = (address >> 2) * 2654435761U % SITES;
    while (table.sites[at].address && table.sites[at].address != address) {
        at = (at + 1) % SITES;
    }
    return &table.sites[at];
}

static struct site site_of(uintptr_t address)
{
    pthread_mutex_lock(&table_lock);
    struct site site = *slot_of(address);
    pthread_mutex_unlock(&table_lock);
    if (site.address) {
        return site;
    }
    site = look_up(address);
    pthread_mutex_lock(&table_lock);
    if (table.used < SITES - 64) {
        struct site *slot = slot_of(address);
        table.used += slot->address ? 0 : 1;
        *slot = site;
    }
    pthread_mutex_unlock(&table_lock);
    return site;
}

/* A static program's unwind tables are registered by its first constructor; before that nobody may
 * unwind. */
static bool tables_known;

__attribute__((constructor)) static void know_tables(void)
{
    tables_known = true;
}

struct walk {
    uintptr_t frames[FRAMES];
    int count;
};

static _Unwind_Reason_Code visit_frame(struct _Unwind_Context *context, void *data)
{
    struct walk *walk = data;
    const uintptr_t address = (uintptr_t)_Unwind_GetIP(context);
    if (address) {
        walk->frames[walk->count++] = address - 1; /* inside the call, not behind it */
    }
    return walk->count < FRAMES ? _URC_NO_REASON : _URC_END_OF_STACK;
}

void hs_owner_pause(void)
{
    pthread_rwlock_wrlock(&naming);
}

void hs_owner_resume(void)
{
    pthread_rwlock_unlock(&naming);
}

/* The child's thread is not the one that took the lock, so it cannot give it back. */
void hs_owner_renew(void)
{
    naming = (pthread_rwlock_t)PTHREAD_RWLOCK_INITIALIZER;
}

static int name_caller(void)
{
    struct walk walk = {.count = 0};
    int owner = UNKNOWN;
    if (!tables_known) {
        return hs_declare_owner("start");
    }
    pthread_once(&rules_once, read_rules);
    _Unwind_Backtrace(visit_frame, &walk);
    for (int i = 1; i < walk.count; i++) {
        const struct site site = site_of(walk.frames[i]);
        if (site.rule != UNKNOWN) {
            return site.rule;
        }
        if (owner == UNKNOWN && site.module != SKIP) {
            owner = site.module;
        }
    }
    return owner == UNKNOWN ? hs_declare_owner("other") : owner;
}

int hs_owner_of_caller(void)
{
    pthread_rwlock_rdlock(&naming);
    const int owner = name_caller();
    pthread_rwlock_unlock(&naming);
    return owner;
}

#include "data_path.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trace_scan.h"

typedef struct kind_row {
    const char *word;
    const char *folder;      /* under a data root */
    const char *suffixes[6]; /* of files of this kind */
    const char *packed[3];   /* that a name with its suffix may still lack */
} kind_row;

static const kind_row kinds[] = {
    [HS_DATA_TRACE] = {"trace",
                       "traces",
                       {".trace", ".trace.gz", ".trace.zst", ".hsb", ".hsb.zst", NULL},
                       {".gz", ".zst", NULL}},
    [HS_DATA_LAYOUT] = {"layout", "scenarios/layouts", {".yaml", NULL}, {NULL}},
    [HS_DATA_POLICY] = {"policy", "scenarios/policies", {".yaml", NULL}, {NULL}},
    [HS_DATA_SCENARIO] = {"scenario", "scenarios", {".yaml", NULL}, {NULL}},
};

/* Stops at the first folder for which a call returns something other than 0, and returns that. */
typedef int (*folder_call)(void *context, const char *folder);

static bool is_folder(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static bool is_file(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && !S_ISDIR(status.st_mode);
}

static bool join(char *out, const char *folder, const char *name)
{
    return snprintf(out, PATH_MAX, "%s/%s", folder, name) < PATH_MAX;
}

static bool is_root(const char *path)
{
    char traces[PATH_MAX];
    char scenarios[PATH_MAX];
    return join(traces, path, "traces") && join(scenarios, path, "scenarios") &&
           is_folder(traces) && is_folder(scenarios);
}

static int in_root(const kind_row *kind, const char *root, folder_call call, void *context)
{
    char folder[PATH_MAX];
    return join(folder, root, kind->folder) && is_folder(folder) ? call(context, folder) : 0;
}

/* An entry of HEAPSIM_PATH is a data root or the folder itself. */
static int in_variable(const kind_row *kind, folder_call call, void *context)
{
    const char *at = getenv("HEAPSIM_PATH");
    while (at != NULL && *at != 0) {
        size_t length = strcspn(at, ":");
        char entry[PATH_MAX];
        if (length != 0 && length < sizeof entry) {
            memcpy(entry, at, length);
            entry[length] = 0;
            int result = in_root(kind, entry, call, context);
            result = result != 0 || !is_folder(entry) ? result : call(context, entry);
            if (result != 0) {
                return result;
            }
        }
        at += length + (at[length] == ':');
    }
    return 0;
}

/* Folders of files that name others, as a scenario does. */
#define BESIDE_MAX 64
static char *beside[BESIDE_MAX];
static size_t beside_count;

int hs_data_look_beside(const char *path, hs_error *error)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash != NULL ? strndup(path, (size_t)(slash - path)) : strdup(".");
    if (folder == NULL) {
        hs_error_set(error, path, 0, "the host is out of memory");
        return -1;
    }
    char above[PATH_MAX];
    /* In a data root each kind has its own folder. */
    bool known = beside_count == BESIDE_MAX || (join(above, folder, "..") && is_root(above));
    for (size_t i = 0; i < beside_count && !known; i++) {
        known = strcmp(beside[i], folder) == 0;
    }
    if (known) {
        free(folder);
    } else {
        beside[beside_count++] = folder;
    }
    return 0;
}

/* There, and in its `policies`, `layouts`, `traces`: scenarios named by a pattern stand alone. */
static int in_beside(const kind_row *kind, folder_call call, void *context)
{
    const char *slash = strrchr(kind->folder, '/');
    const char *own = slash != NULL ? slash + 1 : kind->folder;
    int result = 0;
    for (size_t i = 0; i < beside_count && result == 0; i++) {
        char folder[PATH_MAX];
        if (is_folder(beside[i])) {
            result = call(context, beside[i]);
        }
        if (result == 0 && join(folder, beside[i], own) && is_folder(folder)) {
            result = call(context, folder);
        }
    }
    return result;
}

/* CMake writes the source folder into a file of the build folder. */
static bool read_note(const char *folder, char *root)
{
    char note[PATH_MAX];
    if (!join(note, folder, "heapsim-data-path.txt")) {
        return false;
    }
    int file = open(note, O_RDONLY | O_CLOEXEC); /* stdio would need memory */
    if (file < 0) {
        return false;
    }
    ssize_t length = read(file, root, PATH_MAX - 1);
    close(file);
    root[length > 0 ? length : 0] = 0;
    root[strcspn(root, "\r\n")] = 0;
    return root[0] != 0;
}

/* The data root that belongs to the executable. */
static bool find_own_root(char *root)
{
    char folder[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", folder, sizeof folder - 1);
    if (length <= 0) {
        return false;
    }
    folder[length] = 0;
    *strrchr(folder, '/') = 0;
    if (join(root, folder, "../share/heapsim") && is_root(root)) {
        return true;
    }
    for (char *slash; (slash = strrchr(folder, '/')) != NULL; *slash = 0) {
        if (read_note(folder, root) && is_root(root)) {
            return true;
        }
        if (is_root(folder)) {
            memcpy(root, folder, strlen(folder) + 1);
            return true;
        }
    }
    return false;
}

static int each_folder(const kind_row *kind, folder_call call, void *context)
{
    char root[PATH_MAX];
    int result = in_variable(kind, call, context);
    result = result != 0 ? result : in_beside(kind, call, context);
    if (result == 0 && find_own_root(root)) {
        result = in_root(kind, root, call, context);
    }
    return result;
}

typedef struct search {
    const kind_row *kind;
    const char *name;
    char path[PATH_MAX];
} search;

static bool with_suffix(search *s, const char *const *suffix)
{
    size_t length = strlen(s->path);
    for (; *suffix != NULL; suffix++) {
        if (length + strlen(*suffix) < PATH_MAX) {
            memcpy(s->path + length, *suffix, strlen(*suffix) + 1);
            if (is_file(s->path)) {
                return true;
            }
        }
    }
    s->path[length] = 0;
    return false;
}

static int search_folder(void *context, const char *folder)
{
    search *s = context;
    return join(s->path, folder, s->name) &&
           (is_file(s->path) || with_suffix(s, s->kind->suffixes) ||
            with_suffix(s, s->kind->packed));
}

/* A growing list of names with their paths. */
typedef struct entry {
    char *name;
    char *path;
} entry;

typedef struct entries {
    const kind_row *kind;
    entry *list;
    size_t count;
    hs_error *error; /* set when something may be missing */
} entries;

static void add_entry(entries *all, const char *folder, const char *file, size_t name_length)
{
    char path[PATH_MAX];
    entry *list = realloc(all->list, (all->count + 1) * sizeof *list);
    if (list == NULL || !join(path, folder, file)) {
        all->list = list != NULL ? list : all->list;
        if (list == NULL) {
            hs_error_set(all->error, NULL, 0, "the host is out of memory");
        }
        return;
    }
    all->list = list;
    entry *added = &list[all->count];
    added->name = strndup(file, name_length);
    added->path = strdup(path);
    if (added->name == NULL || added->path == NULL) {
        free(added->name);
        free(added->path);
        hs_error_set(all->error, NULL, 0, "the host is out of memory");
        return;
    }
    all->count++;
}

static int list_folder(void *context, const char *folder)
{
    entries *all = context;
    DIR *directory = opendir(folder);
    if (directory == NULL) {
        hs_error_set(all->error, folder, 0, "cannot be read: %s", strerror(errno));
        return 0;
    }
    for (struct dirent *item; (item = readdir(directory)) != NULL;) {
        size_t length = strlen(item->d_name);
        for (const char *const *suffix = all->kind->suffixes; *suffix != NULL; suffix++) {
            size_t end = strlen(*suffix);
            if (length > end && strcmp(item->d_name + length - end, *suffix) == 0) {
                add_entry(all, folder, item->d_name, length - end);
                break;
            }
        }
    }
    closedir(directory);
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const entry *)a)->name, ((const entry *)b)->name);
}

/* All letters of `wanted` but one stand in `name` in their order: a slip of the finger. */
static bool looks_like(const char *wanted, const char *name)
{
    size_t same = 0;
    size_t length = strlen(wanted);
    for (const char *at = name; *at != 0 && same < length; at++) {
        same += *at == wanted[same];
    }
    return strstr(name, wanted) != NULL || strstr(wanted, name) != NULL ||
           (length > 2 && same + 1 >= length);
}

static void tell_near(const entries *all, const char *name, hs_error *error)
{
    char near[700] = "";
    size_t used = 0;
    for (int pass = 0; pass < 2 && used == 0; pass++) { /* the second pass takes all */
        for (size_t i = 0; i < all->count && used < 600; i++) {
            const char *found = all->list[i].name;
            if (pass == 1 || looks_like(name, found)) {
                int n = snprintf(near + used, sizeof near - used, "%s%s", used ? ", " : "", found);
                used += (size_t)n;
                used = used < sizeof near ? used : sizeof near - 1;
            }
        }
    }
    hs_error_set(error, NULL, 0,
                 "%s: no such %s, neither as a file nor in HEAPSIM_PATH or the data folder; %s%s",
                 name, all->kind->word, used ? "there are: " : "none are there at all", near);
}

static void release(entries *all)
{
    for (size_t i = 0; i < all->count; i++) {
        free(all->list[i].name);
        free(all->list[i].path);
    }
    free(all->list);
}

/* Folders were read in order of precedence: of two equal names the first one counts. */
static void drop_later_twins(entries *all)
{
    size_t kept = 0;
    for (size_t i = 0; i < all->count; i++) {
        bool twin = false;
        for (size_t k = 0; k < kept && !twin; k++) {
            twin = strcmp(all->list[k].name, all->list[i].name) == 0;
        }
        if (twin) {
            free(all->list[i].name);
            free(all->list[i].path);
        } else {
            all->list[kept++] = all->list[i];
        }
    }
    all->count = kept;
}

static void collect(entries *all)
{
    each_folder(all->kind, list_folder, all);
    drop_later_twins(all);
    if (all->count != 0) {
        qsort(all->list, all->count, sizeof *all->list, by_name);
    }
}

static char *copy_path(const char *path, hs_error *error)
{
    char *copy = strdup(path);
    if (copy == NULL) {
        hs_error_set(error, NULL, 0, "the host is out of memory");
    }
    return copy;
}

char *hs_data_find(enum hs_data_kind kind, const char *name, hs_error *error)
{
    if (!hs_text_is_plain(name, strlen(name))) { /* names are printed, and name cells */
        hs_error_set(error, name, 0, "found a control character in the name of a %s",
                     kinds[kind].word);
        return NULL;
    }
    if (is_file(name) || strcmp(name, "-") == 0) {
        return copy_path(name, error);
    }
    search s = {.kind = &kinds[kind], .name = name};
    if (name[0] != 0 && name[0] != '/' && each_folder(s.kind, search_folder, &s) != 0) {
        return copy_path(s.path, error);
    }
    entries all = {.kind = &kinds[kind], .error = error};
    collect(&all);
    if (is_folder(name)) {
        hs_error_set(error, name, 0, "found a directory, expected a %s", kinds[kind].word);
    } else {
        tell_near(&all, name, error);
    }
    release(&all);
    return NULL;
}

int hs_data_list(enum hs_data_kind kind,
                 void (*visit)(void *context, const char *name, const char *path), void *context,
                 hs_error *error)
{
    hs_error missing = {{0}};
    entries all = {.kind = &kinds[kind], .error = &missing};
    collect(&all);
    for (size_t i = 0; i < all.count && !hs_error_of_host(&missing); i++) {
        visit(context, all.list[i].name, all.list[i].path);
    }
    release(&all);
    if (missing.text[0] != 0) {
        hs_error_set(error, NULL, 0, "%s", missing.text);
        return -1;
    }
    return 0;
}

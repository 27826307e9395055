#include "target_io.h"

#include <stdlib.h>

FILE *hs_target_input;

char *hs_target_read(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    char *bytes = NULL;
    size_t capacity = 1 << 16;
    *size = 0;
    while (file != NULL) {
        char *grown = realloc(bytes, capacity);
        if (grown == NULL) {
            break;
        }
        bytes = grown;
        *size += fread(bytes + *size, 1, capacity - *size, file);
        if (*size < capacity) {
            fclose(file);
            return bytes;
        }
        capacity *= 2;
    }
    printf("cannot read %s\n", path);
    hs_target_flush();
    exit(2);
}

#ifdef __linux__

void hs_target_flush(void)
{
    fflush(stdout);
}

#else
#include <semihost.h>

static char waiting[1 << 16];
static size_t used;

void hs_target_flush(void)
{
    static int console = -1;
    if (console < 0) {
        console = sys_semihost_open(":tt", 4);
    }
    if (used != 0) {
        sys_semihost_write(console, waiting, used);
    }
    used = 0;
}

static int put(char c, FILE *file)
{
    (void)file;
    if (used == sizeof waiting) {
        hs_target_flush();
    }
    waiting[used++] = c;
    return (unsigned char)c;
}

static FILE console_stream = FDEV_SETUP_STREAM(put, NULL, NULL, _FDEV_SETUP_WRITE);
#undef stdin
FILE *const stdin = &console_stream;
FILE *const stdout = &console_stream;
FILE *const stderr = &console_stream;

/* --- what picolibc lacks --- */

typedef struct memory_stream {
    struct __file_close stream;
    char **text;
    size_t *size;
    size_t capacity;
} memory_stream;

static int put_memory(char c, FILE *file)
{
    memory_stream *memory = (memory_stream *)file;
    if (*memory->size + 1 >= memory->capacity) {
        size_t capacity = 2 * memory->capacity + 256;
        char *grown = realloc(*memory->text, capacity);
        if (grown == NULL) {
            return EOF;
        }
        *memory->text = grown;
        memory->capacity = capacity;
    }
    (*memory->text)[(*memory->size)++] = c;
    (*memory->text)[*memory->size] = 0;
    return (unsigned char)c;
}

static int close_memory(FILE *file)
{
    free(file);
    return 0;
}

FILE *open_memstream(char **text, size_t *size)
{
    memory_stream *memory = malloc(sizeof *memory);
    if (memory == NULL) {
        return NULL;
    }
    const struct __file_close stream =
        FDEV_SETUP_CLOSE(put_memory, NULL, NULL, close_memory, _FDEV_SETUP_WRITE);
    *memory = (memory_stream){stream, text, size, 0};
    *text = NULL;
    *size = 0;
    return &memory->stream.file;
}

long hs_getline(char **text, size_t *size, FILE *from)
{
    size_t length = 0;
    int c;
    while ((c = getc(from)) != EOF) {
        if (length + 2 > *size) {
            size_t capacity = 2 * *size + 256;
            char *grown = realloc(*text, capacity);
            if (grown == NULL) {
                return -1;
            }
            *text = grown;
            *size = capacity;
        }
        (*text)[length++] = (char)c;
        (*text)[length] = 0;
        if (c == '\n') {
            break;
        }
    }
    return length != 0 ? (long)length : -1;
}
#endif

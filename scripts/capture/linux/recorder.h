/* Capture of a Linux program's heap: what the interposed functions call, and what a program may
 * call itself. */
#ifndef HS_CAPTURE_RECORDER_H
#define HS_CAPTURE_RECORDER_H

#include <stdbool.h>
#include <stddef.h>

/* The kinds of request; `align` is 0 unless HS_ALIGNED, `count` is 1 unless HS_CALLOC. */
enum hs_kind { HS_ALLOC, HS_CALLOC, HS_ALIGNED };

struct hs_request {
    enum hs_kind kind;
    size_t count, size, align;
    int owner; /* from hs_owner_of_caller(); HS_OWNER_NONE: not recorded */
};

/* False while this thread is inside the recorder already, or nothing is recorded: then just call
 * the allocator. True: call hs_owner_of_caller() if an owner is wanted, hs_lock(), the allocator,
 * one hs_record_*, hs_leave(). The lock is held around the allocator so that the order of the lines
 * is the order in which it worked. */
bool hs_enter(void);
void hs_lock(void);
void hs_leave(void);

/* Between hs_lock and hs_leave. `result` NULL: the request failed. Pointers that were never
 * recorded are ignored. */
void hs_record_alloc(const struct hs_request *request, const void *result);
void hs_record_realloc(const void *old, const struct hs_request *request, const void *result);
void hs_record_free(const void *old);

/* A place in the header for the owner's line; the number by which events name it. Between hs_enter
 * and hs_lock. */
int hs_declare_owner(const char *name);

/* For the program, found by weak reference: what follows belongs to this phase; record all metrics
 * here. */
void hs_capture_phase(const char *name);
void hs_capture_mark(const char *name);

#endif

/* What belongs to the RTOS, for the file of a firmware that fills the table. It declares none of
 * the original's names, so that it can be included beside ESP-IDF's own headers. */
#ifndef HS_PORT_IDF_HOOKS_H
#define HS_PORT_IDF_HOOKS_H

#include "../multi_heap.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The firmware defines the table, hs_idf_port; all members are required. */
typedef struct hs_idf_hooks {
    /* Take and give what multi_heap_set_lock() was told; never called with NULL. Recursive. */
    void (*lock)(void *lock);
    void (*unlock)(void *lock);
    /* A piece of text of a dump or of a failed check. */
    void (*print)(const char *text);
    /* The original's assertions: a block that is none, corrupt memory. Called with the heap's lock
     * held. Does not return. */
    void (*crash)(enum hs_crash reason, void *at);
} hs_idf_hooks;
extern const hs_idf_hooks hs_idf_port;

#ifdef __cplusplus
}
#endif

#endif

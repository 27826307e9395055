/* Whose allocation is it? The nearest caller that a rule names, else the module of the nearest that
 * is no wrapper. */
#ifndef HS_CAPTURE_OWNER_H
#define HS_CAPTURE_OWNER_H

/* HS_OWNER_NONE: a rule says not to record it. */
enum { HS_OWNER_NONE = -1 };

/* Walks the stack of the caller's caller. Takes no lock of the recorder while it asks the dynamic
 * linker. Cost: about a microsecond; a first visit of a call site reads the symbol table of its
 * module. */
int hs_owner_of_caller(void);

/* Around fork(): waits until no thread names a caller, so that the child finds none of the locks
 * taken that naming takes, those of the dynamic linker included. The parent ends it, the child
 * starts anew. */
void hs_owner_pause(void);
void hs_owner_resume(void);
void hs_owner_renew(void);

#endif

/* The statements of a trace: one row each. Internal to the forms. */
#ifndef HS_TRACE_OPS_H
#define HS_TRACE_OPS_H

#include "trace.h"

typedef struct hs_op_form {
    const char *name;
    uint8_t length;
    /* In the order of the text form: s slot, z size, c count, l slot2, o owner, a addr, v value,
     * n name. */
    char fields[5];
    uint8_t attributes; /* HS_EVENT_* flags that may follow */
} hs_op_form;

extern const hs_op_form hs_ops[HS_OP_COUNT]; /* by enum hs_op */

/* The flag of an attribute that is one plain word, or 0. */
unsigned hs_attribute_flag(const char *word, size_t length);
/* Sentences for errors. */
const char *hs_attributes_expected(unsigned allowed);
const char *hs_field_expected(unsigned op, char kind);
bool hs_is_header_word(const char *word);

#endif

/* What MicroPython's header of this name declares, as far as the adapter meets it. */
#ifndef MICROPY_INCLUDED_PY_MPPRINT_H
#define MICROPY_INCLUDED_PY_MPPRINT_H

typedef struct _mp_print_t {
    char *text;
} mp_print_t;

int mp_printf(const mp_print_t *print, const char *fmt, ...);

#endif

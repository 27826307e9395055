/* The only three functions of a C library that sim/device uses; every compiler may call them. */
#ifndef HS_DEVICE_MEMORY_H
#define HS_DEVICE_MEMORY_H

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int value, size_t size);

#endif

#pragma once
#include <stdbool.h>
#include <stdint.h>
typedef struct {
    int held;
} portMUX_TYPE;
#define portMUX_INITIALIZER_UNLOCKED                                                               \
    {                                                                                              \
        0                                                                                          \
    }
void stub_enter(portMUX_TYPE *mux);
void stub_exit(portMUX_TYPE *mux);
#define portENTER_CRITICAL_SAFE(mux) stub_enter(mux)
#define portEXIT_CRITICAL_SAFE(mux)  stub_exit(mux)
bool xPortInIsrContext(void);

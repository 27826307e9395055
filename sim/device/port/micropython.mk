# MicroPython user C module (make ports): USER_C_MODULES=.../sim/device, which looks into its
# folders for files of this name.
HEAPSIM_PORT := $(USERMOD_DIR)
HEAPSIM_DEVICE := $(HEAPSIM_PORT)/..
SRC_USERMOD_C += $(HEAPSIM_DEVICE)/gc.c $(HEAPSIM_DEVICE)/gc_collect.c $(HEAPSIM_DEVICE)/gc_info.c
SRC_USERMOD_C += $(HEAPSIM_PORT)/micropython_gc.c $(HEAPSIM_PORT)/micropython_dump.c
# As the firmware is configured: see README.md.
CFLAGS_USERMOD += -I$(HEAPSIM_DEVICE)/.. -I$(HEAPSIM_PORT) -DHS_GC_VERSION=4 -DHS_GC_AREAS=2
# The original makes room.
PY_CORE_O_BASENAME := $(filter-out py/gc.o,$(PY_CORE_O_BASENAME))

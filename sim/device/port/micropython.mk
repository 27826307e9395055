# MicroPython user C module (ports built with make): USER_C_MODULES=.../sim/device, which looks into
# its folders for files of this name. Up to v1.19 the list of sources is called SRC_USERMOD.
# HEAPSIM_DEFINITIONS: how the firmware is configured, if otherwise than here; see README.md.
HEAPSIM_DEFINITIONS ?= HS_GC_VERSION=4 HS_GC_AREAS=2 HS_GC_FINALISER=1 HS_MP_STATE=1
HEAPSIM_PORT := $(USERMOD_DIR)
HEAPSIM_DEVICE := $(patsubst %/,%,$(dir $(HEAPSIM_PORT)))
SRC_USERMOD_C += $(addprefix $(HEAPSIM_DEVICE)/,gc.c gc_collect.c gc_info.c)
SRC_USERMOD_C += $(HEAPSIM_PORT)/micropython_dump.c
CFLAGS_USERMOD += -I$(HEAPSIM_PORT) $(addprefix -D,$(HEAPSIM_DEFINITIONS))
# In the original's place, whose source is still searched for names and roots.
$(BUILD)/py/gc.o: $(HEAPSIM_PORT)/micropython_gc.c
	@mkdir -p $(dir $@)
	$(CC) $(CFLAGS) $(CFLAGS_USERMOD) -c -o $@ $<

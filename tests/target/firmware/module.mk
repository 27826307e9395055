# What MicroPython's make gives to a user C module, in the order in which it does: the module's file is
# read before the list of the core's objects is set, and an object is made by a pattern.
all: $(PROGRAM)
USER_C_MODULES = $(TOP)/sim/device
USERMOD_DIR := $(USER_C_MODULES)/port
include $(USERMOD_DIR)/micropython.mk

PY_CORE_O = $(addprefix $(BUILD)/py/,gc.o)
OBJECTS = $(PY_CORE_O) $(patsubst $(USER_C_MODULES)/%.c,$(BUILD)/%.o,$(SRC_USERMOD_C))
CFLAGS += $(TARGET_FLAGS) -std=gnu99 -Os -Wall -Wextra -Werror -Wpointer-arith -D_GNU_SOURCE

$(BUILD)/py/%.o: /top/py/%.c
	@echo "the original is compiled: $@" && false

$(BUILD)/%.o: $(USER_C_MODULES)/%.c
	@mkdir -p $(dir $@)
	$(CC) $(CFLAGS) $(CFLAGS_USERMOD) -c -o $@ $<

FIRMWARE = $(TOP)/tests/target/firmware
$(PROGRAM): $(OBJECTS)
	$(CC) $(CFLAGS) $(CFLAGS_USERMOD) -I$(FIRMWARE) -I$(FIRMWARE)/.. $(FIRMWARE)/firmware_gc.c \
	    $(FIRMWARE)/../target_io.c $(OBJECTS) $(LDFLAGS) -o $@

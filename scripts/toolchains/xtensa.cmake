# The ESP8266's core, the windowless cousin of the ESP32's: for compile and size alone.
# Debian: gcc-xtensa-lx106. It has no division, hence the one helper of libgcc.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR xtensa)
set(CMAKE_C_COMPILER xtensa-lx106-elf-gcc)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(HEAPSIM_TARGET_NM xtensa-lx106-elf-nm)
set(HEAPSIM_TARGET_HELPERS __udivsi3)

# Cortex-M4. Debian: gcc-arm-none-eabi.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR thumb2)
set(CMAKE_C_COMPILER arm-none-eabi-gcc)
set(CMAKE_C_FLAGS_INIT "-mthumb -mcpu=cortex-m4")
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(HEAPSIM_TARGET_NM arm-none-eabi-nm)

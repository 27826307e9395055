# MicroPython user C module (CMake ports): USER_C_MODULES=.../sim/device/port/micropython.cmake
get_filename_component(HEAPSIM_DEVICE ${CMAKE_CURRENT_LIST_DIR}/.. ABSOLUTE)
add_library(usermod_heapsim INTERFACE)
target_sources(usermod_heapsim INTERFACE
               ${HEAPSIM_DEVICE}/gc.c ${HEAPSIM_DEVICE}/gc_collect.c ${HEAPSIM_DEVICE}/gc_info.c
               ${CMAKE_CURRENT_LIST_DIR}/micropython_gc.c
               ${CMAKE_CURRENT_LIST_DIR}/micropython_dump.c)
target_include_directories(usermod_heapsim INTERFACE ${HEAPSIM_DEVICE}/.. ${CMAKE_CURRENT_LIST_DIR})
# As the firmware is configured: see README.md.
target_compile_definitions(usermod_heapsim INTERFACE HS_GC_VERSION=4 HS_GC_AREAS=2)
target_link_libraries(usermod INTERFACE usermod_heapsim)
# The original makes room.
list(FILTER MICROPY_SOURCE_PY EXCLUDE REGEX "/py/gc\\.c$")

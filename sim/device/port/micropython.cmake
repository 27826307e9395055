# MicroPython user C module (ports built with CMake):
#   USER_C_MODULES=.../sim/device/port/micropython.cmake
# HEAPSIM_DEFINITIONS: how the firmware is configured, if otherwise than here; see README.md.
if(NOT HEAPSIM_DEFINITIONS)
  set(HEAPSIM_DEFINITIONS HS_GC_VERSION=4 HS_GC_AREAS=2 HS_GC_FINALISER=1 HS_MP_STATE=1)
endif()
get_filename_component(HEAPSIM_DEVICE ${CMAKE_CURRENT_LIST_DIR}/.. ABSOLUTE)
add_library(usermod_heapsim INTERFACE)
target_sources(usermod_heapsim INTERFACE
               ${HEAPSIM_DEVICE}/gc.c ${HEAPSIM_DEVICE}/gc_collect.c ${HEAPSIM_DEVICE}/gc_info.c
               ${HEAPSIM_DEVICE}/port/micropython_gc.c
               ${HEAPSIM_DEVICE}/port/micropython_dump.c)
target_include_directories(usermod_heapsim INTERFACE ${HEAPSIM_DEVICE}/port)
target_compile_definitions(usermod_heapsim INTERFACE ${HEAPSIM_DEFINITIONS})
target_link_libraries(usermod INTERFACE usermod_heapsim)
# The original makes room.
list(FILTER MICROPY_SOURCE_PY EXCLUDE REGEX "/py/gc\\.c$")

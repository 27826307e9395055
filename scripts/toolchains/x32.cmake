# x86-64 with 32-bit pointers: for compile and size alone. Any gcc for x86-64.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR x32)
set(CMAKE_C_COMPILER gcc)
set(CMAKE_C_FLAGS_INIT "-mx32 -fno-pic")
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(HEAPSIM_TARGET_NM nm)

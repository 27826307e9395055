# 32-bit Linux, under qemu-i386. Debian: gcc-i686-linux-gnu, libc6-dev-i386-cross.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR i386)
set(CMAKE_C_COMPILER i686-linux-gnu-gcc)
set(CMAKE_C_FLAGS_INIT "-fno-pic")
set(HEAPSIM_TARGET_NM i686-linux-gnu-nm)
set(HEAPSIM_TARGET_PROGRAMS ON)
set(HEAPSIM_TARGET_LINK_OPTIONS -static -no-pie)

# ESP32-C3 class. Debian: gcc-riscv64-unknown-elf, picolibc-riscv64-unknown-elf.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR rv32imc)
set(CMAKE_C_COMPILER riscv64-unknown-elf-gcc)
set(CMAKE_C_FLAGS_INIT "-march=rv32imc -mabi=ilp32")
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(HEAPSIM_TARGET_NM riscv64-unknown-elf-nm)
# Programs run on `qemu-system-riscv32 -M virt`; the C library does their input and output.
set(HEAPSIM_TARGET_PROGRAMS ON)
# zicsr: the programs read the counter of instructions.
set(HEAPSIM_TARGET_COMPILE_OPTIONS --specs=picolibc.specs -march=rv32imc_zicsr)
set(HEAPSIM_TARGET_LINK_OPTIONS
    --specs=picolibc.specs --crt0=semihost --oslib=semihost
    -Wl,--defsym=__flash=0x80000000 -Wl,--defsym=__flash_size=0x00400000
    -Wl,--defsym=__ram=0x80400000 -Wl,--defsym=__ram_size=0x03c00000
    -Wl,--defsym=__stack_size=0x00100000)

#!/usr/bin/env bash
# Installs, on Debian 12, the packages that heapsim is built and tested with.
set -eu
packages=(build-essential clang clang-format clang-tidy cmake cppcheck gcovr gnuplot-nox heaptrack libclang-rt-14-dev
    libcmocka-dev libcyaml-dev libjansson-dev libmxml-dev libyaml-dev libzstd-dev ninja-build parallel pkg-config python3
    shellcheck valgrind zlib1g-dev)
# The capture kit's tests: a 32-bit program, TLS on the host, MicroPython in node.
packages+=(gcc-i686-linux-gnu libc6-dev-i386-cross libmbedtls-dev openssl qemu-user)
# The HTML page is bundled with npm's packages and tested in a browser.
packages+=(chromium fonts-dejavu-core)
# sim/device for the chips (i386 and qemu-user: see above).
packages+=(gcc-arm-none-eabi gcc-riscv64-unknown-elf gcc-xtensa-lx106 picolibc-riscv64-unknown-elf
    qemu-system-misc)
# What scripts/check.sh and scripts/fuzz.sh --afl run.
packages+=(afl++ mypy pyflakes3)
command -v npm >/dev/null || packages+=(nodejs npm)
missing=()
for package in "${packages[@]}"; do
    if ! dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed'; then
        missing+=("$package")
    fi
done
if [ "${#missing[@]}" -gt 0 ]; then
    as_root=()
    [ "$(id -u)" = 0 ] || as_root=(sudo)
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${missing[@]}" >/dev/null
fi
here=$(cd "$(dirname "$0")" && pwd)
kit=$here/capture/micropython
if ! cmp -s "$kit/package-lock.json" "$kit/node_modules/.installed"; then
    npm ci --prefix "$kit" --no-audit --no-fund --loglevel=error >/dev/null
    cp "$kit/package-lock.json" "$kit/node_modules/.installed"
fi

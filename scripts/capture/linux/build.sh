#!/bin/sh
# Builds the recorder for the compiler given in CC (default cc), into the folder given:
#   libhscapture.so  for LD_PRELOAD         
#   hscapture.o      to be linked into a program, with the flags in hscapture.flags
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=${1:?usage: [CC=compiler] build.sh FOLDER}
cc=${CC:-cc}
warnings="-Wall -Wextra -Wconversion -Wsign-conversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Werror"
mkdir -p "$out"
for part in recorder owner interpose; do
    # shellcheck disable=SC2086
    $cc -std=c11 -O2 $warnings -fPIC -DHS_WRAP -c -o "$out/$part.o" "$here/$part.c"
done
$cc -r -nostdlib -o "$out/hscapture.o" "$out/recorder.o" "$out/owner.o" "$out/interpose.o"
# shellcheck disable=SC2086
$cc -std=c11 -O2 $warnings -fPIC -shared -o "$out/libhscapture.so" \
    "$here/recorder.c" "$here/owner.c" "$here/interpose.c" -pthread -ldl
flags=
for name in malloc calloc realloc reallocarray free memalign aligned_alloc posix_memalign; do
    flags="$flags -Wl,--wrap=$name"
done
echo "$out/hscapture.o$flags -pthread" >"$out/hscapture.flags"

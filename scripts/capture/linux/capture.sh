#!/bin/sh
# Runs a program and records its heap. See README.md.
set -eu
usage() {
    echo "usage: capture.sh [-o FILE.trace] [-w RULES] PROGRAM [ARGUMENT...]
  -o FILE.trace   the trace (default capture.trace); further processes write FILE.PID.trace
  -w RULES        whose is it: MODULE:FUNCTION=OWNER,...  (* and ? match; OWNER - is not recorded)" >&2
    exit 2
}
out=capture.trace
while getopts o:w: option; do
    case $option in
    o) out=$OPTARG ;;
    w) HS_OWNERS=$OPTARG && export HS_OWNERS ;;
    *) usage ;;
    esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || usage
case $out in *.trace) ;; *) usage ;; esac
here=$(cd "$(dirname "$0")" && pwd)
library=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/heapsim-capture
if [ ! -e "$library/libhscapture.so" ] || [ -n "$(find "$here" -newer "$library/libhscapture.so" -name '*.[ch]')" ]; then
    "$here/build.sh" "$library"
fi
folder=$(cd "$(dirname "$out")" && pwd)
stem=$folder/$(basename "$out" .trace)
rm -f "$stem.trace" "$stem".[0-9]*.trace
HS_TRACE=$stem.trace LD_PRELOAD=$library/libhscapture.so exec "$@"

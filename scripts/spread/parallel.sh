#!/usr/bin/env bash
# Spreads `heapsim compare` over hosts with GNU parallel and joins the parts. See README.md.
set -eu
if [ $# -lt 4 ]; then
    echo "usage: parallel.sh HOST[,HOST...] SHARDS FOLDER COMPARE-OPTION...  (host ':' is this one)" >&2
    exit 2
fi
hosts=$1 shards=$2 folder=$3
shift 3
heapsim=${HEAPSIM:-heapsim}
# A host that goes silent is given up after 45 s.
export PARALLEL_SSH=${PARALLEL_SSH:-ssh -o BatchMode=yes -o ConnectTimeout=10 -o ServerAliveInterval=15}
mkdir -p "$folder"

# A part takes its name only when its job ended well; also those of a run that was itself killed.
keep_finished() {
    [ -e "$folder/jobs" ] || return 0
    sed -n 's/^\([^\t]*\t\)\{6\}0\t0\t.*--shard \([0-9]*\)\/\([0-9]*\) .*/\2-of-\3/p' "$folder/jobs" |
        while read -r part; do
            [ ! -e "$folder/$part.new" ] || mv "$folder/$part.new" "$folder/$part.json"
        done
}

missing=() parts=()
keep_finished
for ((k = 1; k <= shards; k++)); do
    parts+=("$folder/$k-of-$shards.json")
    [ -e "$folder/$k-of-$shards.json" ] || missing+=("$k")
done
if [ ${#missing[@]} -gt 0 ]; then
    printf '%s\n' "${missing[@]}" |
        parallel --quote --jobs 1 --sshlogin "$hosts" --retries 3 --joblog "$folder/jobs" \
            --results "$folder/{}-of-$shards.new" \
            "$heapsim" compare "$@" --shard "{}/$shards" --json - >/dev/null 2>"$folder/log" || true
    keep_finished
fi
status=0
for part in "${parts[@]}"; do
    if [ ! -e "$part" ]; then
        echo "parallel.sh: missing part $part, see $folder/log and $folder/*.err; the same command again repairs" >&2
        status=1
    fi
done
[ "$status" = 0 ] || exit "$status"
exec "$heapsim" merge "${parts[@]}" --json "$folder/all.json"

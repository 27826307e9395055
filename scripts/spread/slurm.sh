#!/usr/bin/env bash
# Spreads `heapsim compare` over a Slurm cluster: a job array, then a job that joins. See README.md.
set -eu
heapsim=${HEAPSIM:-heapsim}
case ${1:-} in
--task) # in the array: one shard; the part appears when it is whole
    shards=$2 folder=$3 k=$SLURM_ARRAY_TASK_ID
    shift 3
    "$heapsim" compare "$@" --threads "${SLURM_CPUS_PER_TASK:-1}" --shard "$k/$shards" \
        --json "$folder/$k-of-$shards.new" >/dev/null
    mv "$folder/$k-of-$shards.new" "$folder/$k-of-$shards.json"
    exit
    ;;
--join)
    shards=$2 folder=$3
    parts=()
    for ((k = 1; k <= shards; k++)); do parts+=("$folder/$k-of-$shards.json"); done
    exec "$heapsim" merge "${parts[@]}" --json "$folder/all.json"
    ;;
esac
if [ $# -lt 3 ]; then
    echo "usage: slurm.sh SHARDS FOLDER COMPARE-OPTION...  (FOLDER on a disk that all nodes share)" >&2
    exit 2
fi
shards=$1 folder=$2
shift 2
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
missing=""
for ((k = 1; k <= shards; k++)); do
    [ -e "$folder/$k-of-$shards.json" ] || missing+=",$k"
done
after=()
if [ -n "$missing" ]; then
    echo "slurm.sh: to do: parts ${missing#,} of $shards"
    job=$(sbatch --parsable --array="${missing#,}" --cpus-per-task="${CPUS:-4}" --requeue \
        --output="$folder/%a.log" "$0" --task "$shards" "$folder" "$@")
    after=(--dependency="afterany:${job%%;*}")
fi
# Also after a failed task: then the join names the missing part in join.log.
sbatch --parsable "${after[@]}" --output="$folder/join.log" "$0" --join "$shards" "$folder"

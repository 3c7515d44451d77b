#!/bin/sh
# Runs the benchmarks one after the other on an otherwise quiet machine, and writes their tables into
# the READMEs and docs/performance.md, with date and machine.
#
#   sh scripts/bench.sh                    all of them
#   sh scripts/bench.sh --quick            fewer rounds and smaller sizes, to see that all of them run
#   sh scripts/bench.sh launch api         only these
#
# One that fails does not keep the others from running; its old numbers stay, and the exit code is 1.
set -u
cd "$(dirname "$0")/.."
quick=
if [ "${1-}" = --quick ]; then
    quick=1
    shift
fi
if [ $# -eq 0 ]; then
    set -- $(cd benchmarks && ls ./*.py | sed 's|^\./||; s|\.py$||' | grep -v -e '^__init__$' -e '^table$')
fi

quick_arguments() {
    case $1 in
        api) echo --jobs 5000 --submits 500 --requests 200 --idle 2 ;;
        launch) echo --rounds 3 --peers torchx ;;
        distributed | throughput | warm_throughput) echo --rounds 1 ;;
        console) echo --rounds 2 --jobs 3 ;;
        logs) echo --lines 50 --megabytes 64 ;;
        slurm) echo --rounds 2 --jobs 5 ;;
        scale) echo --nodes 1000 --jobs 10000 --seconds 2 ;;
        moxing | storage) echo --rounds 1 ;;
    esac
}

full_arguments() {
    case $1 in
        storage) echo --full ;;
    esac
}

if [ -n "$quick" ]; then
    TRAINSHED_BENCH_RESULTS=$(mktemp -d)
    export TRAINSHED_BENCH_RESULTS
fi
failed=
for name in "$@"; do
    echo "== $name"
    if [ -n "$quick" ]; then arguments=$(quick_arguments "$name"); else arguments=$(full_arguments "$name"); fi
    # shellcheck disable=SC2086 - each word is an argument
    .venv/bin/python -m "benchmarks.$name" $arguments || failed="$failed $name"
done
if [ -n "$quick" ]; then
    rm -r "$TRAINSHED_BENCH_RESULTS"
    echo "bench: a quick run; its numbers are not kept"
else
    .venv/bin/python scripts/readme_tables.py
fi
if [ -n "$failed" ]; then
    echo "bench: failed:$failed" >&2
    exit 1
fi

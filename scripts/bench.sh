#!/bin/sh
# Runs the benchmarks (all, or those named) one after the other on an otherwise quiet machine,
# and writes their tables into the README.
set -eu
cd "$(dirname "$0")/.."
if [ $# -eq 0 ]; then
    set -- $(cd benchmarks && ls ./*.py | sed 's|^\./||; s|\.py$||' | grep -v -e '^__init__$' -e '^table$')
fi
for name in "$@"; do
    echo "== $name"
    .venv/bin/python -m "benchmarks.$name"
done
.venv/bin/python scripts/readme_tables.py

#!/bin/sh
# Runs the whole test suite; arguments go to pytest.
set -eu
cd "$(dirname "$0")/.."
sh scripts/test_deps.sh
sh scripts/setup-postgresql.sh
# Tests share one folder of engines' environments, kept between runs.
export TRAINSHED_ENVIRONMENTS="${TRAINSHED_ENVIRONMENTS:-$PWD/.cache/environments}"
mkdir -p "$TRAINSHED_ENVIRONMENTS"
workers="${TEST_WORKERS:-$(.venv/bin/python -c 'import os; print(max(2, min(8, len(os.sched_getaffinity(0)))))')}"
# On a shared machine a test may starve; there a failed one is run again, and shown as R.
[ "${CI:-}" = true ] && set -- --reruns 2 "$@"
exec .venv/bin/pytest -n "$workers" --dist loadgroup "$@"

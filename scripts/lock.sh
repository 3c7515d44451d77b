#!/bin/sh
# Writes requirements.lock anew from pyproject.toml (run it after changing a dependency).
set -eu
cd "$(dirname "$0")/.."
eval "$(.venv/bin/python src/trainshed/engines/pip_config.py)"
.venv/bin/uv pip compile pyproject.toml --group dev --extra postgresql --universal --python-version 3.11 \
    --no-emit-index-url --no-emit-find-links --no-annotate --quiet --upgrade --output-file requirements.lock \
    --custom-compile-command "scripts/lock.sh"

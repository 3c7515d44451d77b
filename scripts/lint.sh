#!/bin/sh
# Style, types and layers; stops at the first that complains.
set -eu
cd "$(dirname "$0")/.."
.venv/bin/ruff check .
.venv/bin/ruff format --check .
.venv/bin/lint-imports --no-cache
.venv/bin/pyright
.venv/bin/pyright -p packages/moxing

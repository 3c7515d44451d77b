#!/bin/sh
# Makes .venv with everything that the committed lock names, and this project in it.
set -eu
cd "$(dirname "$0")/.."
stamp=.venv/.trainshed-setup
want="$(cat requirements.lock pyproject.toml | cksum)"
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$want" ]; then exit 0; fi

python="${PYTHON:-python3}"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "trainshed needs Python 3.11 or newer; $python is older. Set PYTHON=/path/to/python3.11" >&2
    exit 1
}
echo "setup: a virtual environment in .venv ($("$python" --version))"
[ -x .venv/bin/python ] || "$python" -m venv .venv
uv_pin="$(grep -E '^uv==' requirements.lock | cut -d' ' -f1)"
.venv/bin/python -m pip install --quiet --disable-pip-version-check "$uv_pin"
eval "$(.venv/bin/python src/trainshed/engines/pip_config.py)"
.venv/bin/uv pip install --python .venv/bin/python --requirement requirements.lock
.venv/bin/uv pip install --quiet --python .venv/bin/python --no-deps --editable .
echo "$want" >"$stamp"

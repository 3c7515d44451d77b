#!/bin/sh
# Looks for known faults in what the lock files name. Says so where the data base of faults cannot be reached.
set -u
cd "$(dirname "$0")/.."
status=0
skipped() { echo "audit: $1 was NOT checked: $2"; }

eval "$(.venv/bin/python src/trainshed/engines/pip_config.py)"
if out="$(.venv/bin/uv tool run --quiet pip-audit --requirement requirements.lock --no-deps --disable-pip \
    --progress-spinner off 2>&1)"; then
    missed="$(echo "$out" | grep -c "could not be audited")"
    total="$(grep -c "==" requirements.lock)"
    if [ "$missed" -gt 0 ]; then
        skipped "requirements.lock" "$missed of $total packages are not known to the data base of faults here"
    else
        echo "audit: requirements.lock: no known faults in $total packages"
    fi
elif echo "$out" | grep -q "known vulnerabilit"; then
    echo "$out"
    status=1
else
    skipped "requirements.lock" "$(echo "$out" | tail -1 | cut -c1-200)"
fi

if ! command -v npm >/dev/null; then
    skipped "web/package-lock.json" "npm is not installed"
elif out="$(cd web && npm audit --package-lock-only --omit=dev 2>&1)"; then
    echo "audit: web/package-lock.json: $(echo "$out" | tail -1)"
elif echo "$out" | grep -q "vulnerabilit"; then
    echo "$out"
    status=1
else
    skipped "web/package-lock.json" "$(echo "$out" | grep -m1 . | cut -c1-200)"
fi
exit "$status"

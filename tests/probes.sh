#!/usr/bin/env bash
# A library that was built where sys/sdt.h was found has its probes for tracers: both of them, with their arguments.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
build=${FMAP_BUILD_DIR-build/release}

grep -q '^FMAP_HAVE_SDT:INTERNAL=1' "$build/CMakeCache.txt" ||
    { echo "probes: skipped, built without sys/sdt.h (Debian: systemtap-sdt-dev)"; exit 77; }

command=$build/fmap
[ ! -e "$build/libfmap.so" ] || command=$build/libfmap.so
notes=$(readelf -n "$command")

# expect PROBE ARGUMENTS: each place of the probe has so many arguments, written as size@operand.
expect() {
    local count
    count=$(grep -A 2 "Name: $1\$" <<<"$notes" | grep -cE "Arguments:( -?[0-9]+@[^ ]+){$2}\$" || true)
    if [ "$count" -eq 0 ] || [ "$count" -ne "$(grep -c "Name: $1\$" <<<"$notes")" ]; then
        echo "probes: $command: $count places of fmap:$1 with $2 arguments" >&2
        exit 1
    fi
    echo "probes: fmap:$1 with $2 arguments in $count places"
}

grep -q 'Provider: fmap$' <<<"$notes" || { echo "probes: $command has none of fmap's" >&2; exit 1; }
expect layer__start 3
expect layer__end 1

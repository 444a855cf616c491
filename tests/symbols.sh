#!/usr/bin/env bash
# Names that a program shares with us: every global symbol of the library begins with fmap_, and what a
# shared library shows is exactly what the headers declare with FMAP_API.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
build=${FMAP_BUILD_DIR-build/release}

[ -z "${FMAP_SANITIZE-}" ] || { echo "symbols: skipped, sanitizers add symbols of their own"; exit 77; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
archive=$(find "$build" -maxdepth 1 \( -name libfmap.a -o -name libfmap_internals.a \) | head -1)
[ -n "$archive" ] || { echo "symbols: there is no static library in $build" >&2; exit 1; }

# Symbols of a library, sorted: names NM-OPTION FILE
names() { nm "$1" --defined-only --format=posix "$2" 2>/dev/null | awk 'NF > 1 { print $1 }' | sort -u; }

# sdt.h gives every program with probes the weak, hidden symbol that tracers know.
if names -g "$archive" | grep -vE '^(fmap_.*|_\.stapsdt\.base)$'; then
    echo "symbols: these do not begin with fmap_" >&2
    exit 1
fi

# Visibility is settled in the objects, so any build can show what a shared library would.
shared=$(find "$build" -maxdepth 1 -name 'libfmap.so' | head -1)
if [ -z "$shared" ]; then
    shared=$work/libfmap.so
    "${CC-cc}" -shared -o "$shared" -Wl,--whole-archive "$archive" -Wl,--no-whole-archive
fi
grep -ohE 'FMAP_API [^(]*fmap_[a-z0-9_]+\(' include/fmap/*.h | sed -E 's/.*(fmap_[a-z0-9_]+)\(/\1/' | sort -u >"$work/declared"
names -D "$shared" | grep -vE '^(_init|_fini|_edata|_end|__bss_start)$' >"$work/shown"
if ! diff "$work/declared" "$work/shown" >"$work/difference"; then
    echo "symbols: < is declared but not shown, > is shown but not declared" >&2
    cat "$work/difference" >&2
    exit 1
fi
echo "symbols: $(names -g "$archive" | wc -l) begin with fmap_, $(wc -l <"$work/shown") are shown"

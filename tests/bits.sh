#!/usr/bin/env bash
# The same bits from every instruction set: hashes of the outputs of many generated layers (tests/bits) are those of plain C;
# and with FMAP_BITS, a list of them from another processor, those of that list. ./dev arm64 brings x86-64's.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
program=${FMAP_BUILD_DIR-build/release}/tests/fmap-bits
emulator=${FMAP_EMULATOR-}
unset FMAP_MAX_ISA

[ -x "$program" ] || { echo "bits: skipped, $program is not built"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# compare NAME FILE: with plain C's list.
compare() {
    diff "$work/scalar" "$2" >"$work/difference" && return 0
    echo "bits: < is plain C's, > is $1's:" >&2
    head -20 "$work/difference" >&2
    exit 1
}

$emulator "$program" scalar >"$work/scalar"
n=$(wc -l <"$work/scalar")
[ "$n" -gt 300 ] || { echo "bits: $n hashes only" >&2; exit 1; }
[ "$(cut -d ' ' -f 1 "$work/scalar" | sort -u | wc -l)" -gt $((n * 9 / 10)) ] ||
    { echo "bits: too many hashes are equal" >&2; exit 1; }

compared=
for isa in neon avx2 avx512; do
    code=0
    $emulator "$program" "$isa" >"$work/$isa" || code=$?
    [ "$code" -ne 77 ] || continue # not here
    [ "$code" -eq 0 ] || { echo "bits: $program $isa ended with $code" >&2; exit 1; }
    compare "$isa" "$work/$isa"
    compared="$compared $isa"
done
if [ -n "${FMAP_BITS-}" ]; then
    compare "$FMAP_BITS" "$FMAP_BITS"
    compared="$compared $FMAP_BITS"
fi
echo "bits: $n hashes of scalar are those of${compared:- nothing else, which is not here}"

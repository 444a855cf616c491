#!/usr/bin/env bash
# No instruction leaks: the command runs on an emulated processor without AVX (Nehalem) and on one with
# AVX2 but without AVX-512 (Haswell), picks the right kernels there, and gives this machine's answer to
# the last bit.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
fmap=${FMAP_COMMAND-build/release/fmap}

skip() {
    echo "baseline: skipped, $*"
    exit 77
}
[ "$(uname -m)" = x86_64 ] || skip "emulates x86-64 only"
[ -z "${FMAP_SANITIZE-}" ] || skip "a sanitizer's runtime cannot be emulated"
command -v qemu-x86_64 >/dev/null || skip "qemu-x86_64 is not installed"

# answer COMMAND...: what the network says about a picture.
answer() { "$@" run models/digits/digits.onnx models/digits/samples/7.png --json 2>/dev/null | grep -A 999 '"pictures"'; }

unset FMAP_MAX_ISA
here=$(answer "$fmap")
for pair in Nehalem:scalar Haswell:avx2; do
    cpu=${pair%:*} isa=${pair#*:}
    emulated=(qemu-x86_64 -cpu "$cpu" "$fmap") # Warns about features of the system that it leaves out.
    "${emulated[@]}" isa 2>/dev/null | grep -qE "^$isa +used" || {
        echo "baseline: on $cpu the $isa kernels should be used:" >&2
        "${emulated[@]}" isa 2>/dev/null >&2
        exit 1
    }
    diff <(echo "$here") <(answer "${emulated[@]}") >&2 || {
        echo "baseline: $cpu answers differently" >&2
        exit 1
    }
    echo "baseline: $cpu runs the $isa kernels and answers the same"
done

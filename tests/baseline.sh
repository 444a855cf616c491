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
answer() { "$@" run models/digits/digits.onnx models/digits/samples/7.png --json | grep -A 999 '"pictures"'; }

# The emulator warns about features for operating systems that it leaves out.
emulated() { qemu-x86_64 -cpu "$cpu" "$fmap" "$@" 2> >(grep -v 'TCG does.* support requested feature' >&2); }

unset FMAP_MAX_ISA
here=$(answer "$fmap")
for pair in Nehalem:scalar Haswell:avx2; do
    cpu=${pair%:*} isa=${pair#*:}
    list=$(emulated isa)
    grep -qE "^$isa +used" <<<"$list" || {
        echo "baseline: on $cpu the $isa kernels should be used: $list" >&2
        exit 1
    }
    there=$(answer emulated)
    diff <(echo "$here") <(echo "$there") >&2 || {
        echo "baseline: $cpu answers differently" >&2
        exit 1
    }
    echo "baseline: $cpu runs the $isa kernels and answers the same"
done

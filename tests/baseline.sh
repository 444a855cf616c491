#!/usr/bin/env bash
# No instruction leaks: the command runs on the plainest emulated processors, picks the right kernels there, and gives this
# machine's answer to the last bit. Of x86-64: one without AVX (Nehalem), and one with AVX2 but without AVX-512 (Haswell). Of
# 64-bit Arm: the first (Cortex-A53), and one with everything that the emulator knows.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
fmap=${FMAP_COMMAND-build/release/fmap}
program=${FMAP_BUILD_DIR-build/release}/fmap

skip() {
    echo "baseline: skipped, $*"
    exit 77
}
[ -z "${FMAP_SANITIZE-}" ] || skip "a sanitizer's runtime cannot be emulated"
case $(readelf -h "$program" | sed -n 's/^ *Machine: *//p') in
    *X86-64) emulator=qemu-x86_64 pairs="Nehalem:scalar Haswell:avx2" ;;
    AArch64) emulator=qemu-aarch64 pairs="cortex-a53:neon max:neon" ;;
    *) skip "emulates x86-64 and 64-bit Arm only" ;;
esac
command -v $emulator >/dev/null || skip "$emulator is not installed"

# answer COMMAND...: what the network says about a picture.
answer() { "$@" run models/digits/digits.onnx models/digits/samples/7.png --json | grep -A 999 '"pictures"'; }

# The emulator warns about features for operating systems that it leaves out.
emulated() { $emulator -cpu "$cpu" "$program" "$@" 2> >(grep -v 'TCG does.* support requested feature' >&2); }

unset FMAP_MAX_ISA
here=$(answer "$fmap")
for pair in $pairs; do
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

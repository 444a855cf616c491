#!/usr/bin/env bash
# Counts instructions where the time goes: the main loop (of the innermost ones that with the most multiply-adds) of every
# kernel whose symbol matches; of windows, whose loops have several ways, the dearest. Counts, not times; for a processor that is
# not at hand, an estimate by llvm-mca.
#
# usage: tools/inner-loops.sh [PATTERN [BUILD FOLDER]]         the table of tests/codegen.sh
#        tools/inner-loops.sh --text SYMBOL [BUILD FOLDER]     the loop's instructions
#        tools/inner-loops.sh --mca CPU PATTERN [BUILD FOLDER] cycles of a turn, multiply-adds a cycle, as llvm-mca sees them:
#                                                              every load from the first cache, every branch predicted
#
# The build folder is build/release; of Arm's build, build/aarch64.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

die() {
    echo "inner-loops: $*" >&2
    exit 1
}

# isa_of SYMBOL, arm_of SYMBOL
isa_of() { echo "${1##*_}"; }
arm_of() { if [ "$(isa_of "$1")" = neon ]; then echo 1; else echo 0; fi; }

# objdump_of SYMBOL: that of its processor.
objdump_of() {
    if [ "$(isa_of "$1")" = neon ] && [ "$(uname -m)" != aarch64 ]; then echo aarch64-linux-gnu-objdump; else echo objdump; fi
}

# object_of SYMBOL: where it is defined.
object_of() {
    local object
    for object in "$build/CMakeFiles/fmap_kernels_$(isa_of "$1").dir"/kernels/*.o; do
        if nm --defined-only "$object" | grep -q " $1\$"; then echo "$object" && return; fi
    done
    die "$1 is not in $build"
}

# text_of SYMBOL: the main loop, as an assembler reads it.
text_of() {
    local object objdump arm place
    object=$(object_of "$1") objdump=$(objdump_of "$1") arm=$(arm_of "$1")
    place=$("$objdump" -d --no-show-raw-insn "$object" | awk -v arm="$arm" -f tests/codegen_loops.awk |
        awk -v symbol="$1" '$1 == symbol && $2 == "loop" && ($5 > fmas || ($5 == fmas && $4 < n)) {
                                first = $3; n = $4; fmas = $5 }
                            END { print first, n, fmas + 0 }')
    [ "${place##* }" -gt 0 ] || die "$1 has no loop that multiplies and adds"
    # Only the last branch goes back; where the others go is no part of the loop.
    "$objdump" -d --no-show-raw-insn "$object" | awk -v place="$place" -F '\t' '
        BEGIN { split(place, word, " ") }
        { address = $1; gsub(/[ :]/, "", address) }
        address == word[1] && !taken { taken = 1; print ".Lhead:" }
        taken && taken <= word[2] {
            taken++
            text = NF > 2 ? $2 "\t" $3 : $2
            if (text ~ /<.*>/) sub(/[0-9a-f]+ <.*>.*/, ".Lhead", text)
            print "\t" text
        }'
}

# estimate CPU SYMBOL
estimate() {
    local mca triple=x86_64 text cycles
    mca=$(compgen -c llvm-mca- | sort -t - -k 3 -n | tail -1) || true
    [ -n "$mca" ] || die "llvm-mca is missing (Debian: llvm-16)"
    [ "$(arm_of "$2")" = 0 ] || triple=aarch64
    text=$(text_of "$2")
    cycles=$("$mca" -mtriple=$triple -mcpu="$1" -iterations=200 -noalias <<<"$text" 2>/dev/null | awk '/^Total Cycles:/ { print $3 / 200 }')
    [ -n "$cycles" ] || die "$mca does not understand $2"
    awk -v symbol="$2" -v cpu="$1" -v cycles="$cycles" '
        /fml[as]|vfn?m(add|sub)/ { fmas++ }
        /^\t/ { n++ }
        END { printf "%-36s %-14s %12d %6d %10.1f %10.2f\n", symbol, cpu, n, fmas, cycles, fmas / cycles }' <<<"$text"
}

# symbols PATTERN: of kernels in any object of the build.
symbols() {
    nm --defined-only "$build"/CMakeFiles/fmap_kernels_*.dir/kernels/*.o 2>/dev/null | awk '{ print $3 }' |
        grep '^fmap_' | grep -v '_scalar$' | grep -E -- "$1" | sort -uV
}

case ${1-} in
    -h | --help) sed -n '2,/^set/{/^set/d; s/^# \{0,1\}//; p}' "${BASH_SOURCE[0]}" ;;
    --text)
        [ $# -ge 2 ] || die "--text wants a symbol"
        build=${3-build/release}
        text_of "$2"
        ;;
    --mca)
        [ $# -ge 3 ] || die "--mca wants a processor and a pattern"
        build=${4-build/release}
        found=$(symbols "$3") || die "nothing in $build matches $3"
        printf '%-36s %-14s %12s %6s %10s %10s\n' kernel processor instructions FMAs cycles FMAs/cycle
        for symbol in $found; do estimate "$2" "$symbol"; done
        ;;
    *) exec tests/codegen.sh --table "${1-.}" "${2-build/release}" ;;
esac

#!/usr/bin/env bash
# What the compiler made of the kernels, read from the objects:
#   - no object uses registers of an instruction set that it was not compiled for;
#   - every kernel that the table names is there, with packed FMAs in its loops where it multiplies;
#   - the loops load no more for an FMA than the shape of the register tile implies;
#   - no innermost loop spills a vector register to the stack, but for what tests/codegen.allow lists;
#   - the library has no writable data: no globals.
# codegen_loops.awk finds and counts, codegen_judge.awk knows what to expect of each kernel.
#
# usage: tests/codegen.sh [BUILD FOLDER]
#        tests/codegen.sh --table [PATTERN] [BUILD FOLDER]   print the main loop of kernels whose symbol matches
#
# The table counts instructions: all, those on vector registers, of these FMAs, loads (of one vector or of a pair), stores,
# spills; the share is that of FMAs among those on vector registers. They are no times. Windows have two rows: the dearest way
# through their innermost loop, and the whole function.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
table=0 pattern=.
if [ "${1-}" = --table ]; then
    table=1
    shift
    if [ $# -gt 0 ] && [ ! -d "$1" ]; then pattern=$1 && shift; fi
fi
build=${1-${FMAP_BUILD_DIR-build/release}}

[ -z "${FMAP_SANITIZE-}" ] || { echo "codegen: skipped, sanitizers change the code"; exit 77; }

complaints=0
complain() {
    echo "codegen: $*" >&2
    complaints=$((complaints + 1))
}

# Those of sources that there are: what is removed leaves its object behind in a build directory.
objects_of() {
    local object source
    while IFS= read -r object; do
        source=${object#*".dir/"} source=${source%.o}
        case $source in kernels/* | runtime/*) [ -e "$source" ] || continue ;; esac
        echo "$object"
    done < <(find "$build/CMakeFiles/$1.dir" -name '*.o' 2>/dev/null | sort)
}

# The processor is the objects', which need not be this machine's.
object=$(objects_of fmap_runtime | sed -n 1p)
[ -n "$object" ] || { echo "codegen: no objects in $build" >&2; exit 1; }
objdump=objdump arm=0
case $(readelf -h "$object" | sed -n 's/^ *Machine: *//p') in
    *X86-64) isas="avx2 avx512" ;;
    AArch64)
        isas=neon arm=1
        [ "$(uname -m)" = aarch64 ] || objdump=aarch64-linux-gnu-objdump
        ;;
    *) echo "codegen: skipped, reads x86-64 and 64-bit Arm only"; exit 77 ;;
esac

# disassembly OBJECT...
disassembly() { local object; for object; do "$objdump" -d --no-show-raw-insn "$object"; done; }

# foreign PATTERN TARGET WHY: no instruction of the target's objects may match.
foreign() {
    local object found
    while read -r object; do
        found=$(disassembly "$object" | awk -v pattern="$1" '$0 ~ pattern && n++ < 3')
        [ -z "$found" ] || complain "${object#"$build"/}: $3"$'\n'"$found"
    done < <(objects_of "$2")
}

compiler_of() { case $(readelf -p .comment "$1") in *clang*) echo clang ;; *) echo gcc ;; esac; }

tiles() { grep -o 'TILE([0-9]*, [0-9]*)' | sed 's/TILE(\(.*\), \(.*\))/\1x\2/'; }

# expected ISA: the kernels that its table names.
expected() {
    local family tile
    sed -n 's/^KERNEL(\([a-z0-9_]*\),.*/\1/p' kernels/kernels.inc | sed "s/.*/fmap_&_$1/"
    for family in tile tile_stride1 tile_stride2 pointwise pointwise_far planar dense dense_bf16; do
        while read -r tile; do
            echo "fmap_${family}_${tile}_$1"
        done < <(sed '/ PLANAR_TILES(/d' "kernels/$1/simd.h" | tiles)
    done
    if grep -q ' PLANAR_THREES' "kernels/$1/simd.h"; then
        for family in planar planar_stride2; do
            while read -r tile; do
                echo "fmap_${family}_${tile}_$1"
                echo "fmap_${family}_threes_${tile}_$1"
            done < <(tiles <"kernels/$1/simd.h")
            echo "fmap_${family}_halves_9_$1"
            echo "fmap_${family}_halves_27_$1"
        done
    fi
}

# kernels ISA: judges them, or prints their table.
kernels() {
    local objects
    mapfile -t objects < <(objects_of "fmap_kernels_$1")
    [ ${#objects[@]} -gt 0 ] || { complain "$1: no objects in $build"; return; }
    disassembly "${objects[@]}" | awk -v arm="$arm" -f tests/codegen_loops.awk |
        awk -v isa="$1" -v arm="$arm" -v compiler="$(compiler_of "${objects[0]}")" -v table="$table" -v pattern="$pattern" \
            -f tests/codegen_judge.awk tests/codegen.allow <(expected "$1") - || complaints=$((complaints + 1))
}

if [ "$table" = 1 ]; then
    printf '%-44s %4s %12s %7s %5s %6s %6s %6s %7s\n' kernel loops instructions vectors FMAs loads stores spills share
    for isa in $isas; do kernels "$isa"; done
    exit "$((complaints > 0))"
fi

if [ "$arm" = 1 ]; then # SVE, and what came after 8.0: products of bytes and halves, half floats, atomics in one instruction
    newer='[ ,{/][zp][0-9]+[./]|	([us]*dot|bf(dot|mmla|mlal[bt]|cvt[a-z0-9]*)|[us]+mmla|fmlal|ldadd[a-z]*|swp[a-z]*|cas[a-z]*)	|	f[a-z]+	v[0-9]+\.[48]h'
    for target in fmap_runtime fmap_protobuf fmap_kernels_scalar fmap_kernels_neon; do
        foreign "$newer" "$target" "instructions that not every 64-bit Arm has"
    done
else
    vex='	v[a-z0-9]+ .*%xmm|%ymm|%zmm|%k[0-7]'
    foreign "$vex" fmap_runtime "instructions that not every x86-64 has"
    foreign "$vex" fmap_protobuf "instructions that not every x86-64 has"
    foreign "$vex" fmap_kernels_scalar "vector instructions in the scalar kernels"
    foreign '%zmm|%k[0-7]|%[xy]mm(1[6-9]|2[0-9]|3[01])' fmap_kernels_avx2 "AVX-512 in the AVX2 kernels"
fi
for isa in $isas; do kernels "$isa"; done

while read -r object; do
    size -A "$object" | awk '$1 ~ /^\.(t?data|t?bss)(\.|$)/ && $1 !~ /^\.data\.rel\.ro/ && $2 > 0 { exit 1 }' ||
        complain "${object#"$build"/}: writable data (a global variable)"
done < <(for target in "$build"/CMakeFiles/fmap_{kernels_*,runtime,protobuf}.dir; do objects_of "$(basename "${target%.dir}")"; done)

[ "$complaints" -eq 0 ] || { echo "codegen: complaints" >&2; exit 1; }
echo "codegen: clean"

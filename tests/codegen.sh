#!/usr/bin/env bash
# What the compiler made of the kernels, read from the objects:
#   - no object uses registers of an instruction set that it was not compiled for;
#   - every register tile multiplies with packed FMAs, in a loop;
#   - no innermost loop of a tile spills a vector register to the stack;
#   - the library has no writable data: no globals.
# Known exceptions are in tests/codegen.allow, with their reason.
#
# usage: tests/codegen.sh [BUILD FOLDER]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
build=${1-${FMAP_BUILD_DIR-build/release}}

[ -z "${FMAP_SANITIZE-}" ] || { echo "codegen: skipped, sanitizers change the code"; exit 77; }
case $(uname -m) in x86_64) ;; *) echo "codegen: skipped, reads x86-64 only"; exit 77 ;; esac

complaints=0
complain() {
    echo "codegen: $*" >&2
    complaints=$((complaints + 1))
}

objects_of() { find "$build/CMakeFiles/$1.dir" -name '*.o' 2>/dev/null | sort; }

# foreign PATTERN TARGET WHY: no instruction of the target's objects may match.
foreign() {
    local object found
    while read -r object; do
        found=$(objdump -d --no-show-raw-insn "$object" | awk -v pattern="$1" '$0 ~ pattern && n++ < 3')
        [ -z "$found" ] || complain "${object#"$build"/}: $3"$'\n'"$found"
    done < <(objects_of "$2")
}

# loops OBJECT: for each tile of the object the line "symbol packed-FMAs spills what", where FMAs and
# spills are those in innermost loops. A loop is what lies between a backward jump and its target; it is
# innermost when it holds no other. "straight" loops hold no branch: they are the ones that matter most.
loops() {
    objdump -d --no-show-raw-insn "$1" | awk '
        function is_innermost(i,    j) {
            for (j = 1; j <= n_loops; j++)
                if (j != i && from[j] >= from[i] && to[j] <= to[i] && !(from[j] == from[i] && j > i)) return 0
            return 1
        }
        function finish(    i, t, in_loop, branches, fmas, spills, all_fmas, all_spills, what, seen) {
            if (code[1] ~ /^jmp .*<fmap_tile_/) return # The same code as another tile.
            n_loops = 0
            for (i = 1; i <= n; i++) {
                if (!(i in target) || !(target[i] in at) || at[target[i]] >= i) continue
                n_loops++; from[n_loops] = at[target[i]]; to[n_loops] = i
            }
            for (i = 1; i <= n_loops; i++) {
                if (!is_innermost(i)) continue
                branches = fmas = spills = 0
                for (t = from[i]; t <= to[i]; t++) {
                    if (t in seen) continue
                    seen[t] = 1
                    if (t in target && t < to[i]) branches++
                    if (code[t] ~ /^vfn?m(add|sub)[0-9]+ps/) fmas++
                    if (code[t] ~ /%[yz]mm/ && code[t] ~ /\(%r[sb]p/) { spills++; example = code[t] }
                }
                all_fmas += fmas; all_spills += spills
                if (spills)
                    what = what sprintf(" [%s loop of %d instructions: %d, such as %s]",
                                        branches ? "branching" : "straight", to[i] - from[i] + 1, spills, example)
            }
            print symbol, all_fmas + 0, all_spills + 0, what
        }
        /^[0-9a-f]+ <.*>:$/ {
            if (symbol != "") finish()
            symbol = $2; gsub(/[<>:]/, "", symbol)
            if (symbol !~ /^fmap_tile_/) symbol = ""
            n = 0; split("", at); split("", target); split("", code)
            next
        }
        symbol != "" && /^ +[0-9a-f]+:\t/ {
            n++
            split($0, part, "\t")
            gsub(/[ :]/, "", part[1]); at[part[1]] = n
            code[n] = part[2]; gsub(/ +/, " ", code[n])
            if (code[n] ~ /^j[a-z]+ [0-9a-f]+ /) { split(code[n], word, " "); target[n] = word[2] }
        }
        END { if (symbol != "") finish() }'
}

compiler() { case $("${CC-cc}" --version) in *clang*) echo clang ;; *) echo gcc ;; esac; }

# allowance SYMBOL: how many spills tests/codegen.allow grants to this symbol under this compiler.
allowance() {
    local who pattern spills
    while read -r who pattern spills _; do
        # shellcheck disable=SC2053 # The right side is meant as a pattern.
        [[ $who == "$compiler" && $1 == $pattern ]] && { echo "$spills"; return; }
    done < <(grep -v '^#' tests/codegen.allow)
    echo 0
}

check_tiles() {
    local object symbol fmas spills what tiles=0
    while read -r object; do
        while read -r symbol fmas spills what; do
            tiles=$((tiles + 1))
            [ "$fmas" -gt 0 ] || complain "$symbol: no packed FMA in an innermost loop"
            [ "$spills" -le "$(allowance "$symbol")" ] || complain "$symbol: $spills spills in innermost loops: $what"
        done < <(loops "$object")
    done < <(objects_of "fmap_kernels_$1")
    [ "$tiles" -gt 0 ] || complain "$1: no tile found"
    echo "codegen: $1: $tiles tiles"
}

compiler=$(compiler)
vex='	v[a-z0-9]+ .*%xmm|%ymm|%zmm|%k[0-7]'
foreign "$vex" fmap_runtime "instructions that not every x86-64 has"
foreign "$vex" fmap_protobuf "instructions that not every x86-64 has"
foreign "$vex" fmap_kernels_scalar "vector instructions in the scalar kernels"
foreign '%zmm|%k[0-7]|%[xy]mm(1[6-9]|2[0-9]|3[01])' fmap_kernels_avx2 "AVX-512 in the AVX2 kernels"
check_tiles avx2
check_tiles avx512

while read -r object; do
    size -A "$object" | awk '$1 ~ /^\.(t?data|t?bss)(\.|$)/ && $1 !~ /^\.data\.rel\.ro/ && $2 > 0 { exit 1 }' ||
        complain "${object#"$build"/}: writable data (a global variable)"
done < <(for target in "$build"/CMakeFiles/fmap_{kernels_*,runtime,protobuf}.dir; do objects_of "$(basename "${target%.dir}")"; done)

[ "$complaints" -eq 0 ] || { echo "codegen: $complaints complaints" >&2; exit 1; }
echo "codegen: clean"

#!/usr/bin/env bash
# Who may include whom, and what a room must not do. The picture is in docs/house.md; this script is
# its proof: it reads every #include of ours and fails on any other arrow.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Room, then the patterns of what its files may include of ours. Rooms that are not here (tests, bench)
# may look everywhere.
arrows() {
    cat <<'TABLE'
include/fmap        include/fmap/*
kernels             kernels/*.h kernels/*.inc simd.h
kernels/scalar      kernels/*.h kernels/*.inc kernels/scalar/*
kernels/avx2        kernels/*.h kernels/*.inc kernels/avx2/*
kernels/avx512      kernels/*.h kernels/*.inc kernels/avx512/*
kernels/neon        kernels/*.h kernels/*.inc kernels/neon/*
runtime             include/fmap/* kernels/kernels.h runtime/* runtime/layers/*.h runtime/passes/*.h
runtime/layers      include/fmap/* kernels/kernels.h runtime/* runtime/layers/*
runtime/passes      include/fmap/* kernels/kernels.h runtime/* runtime/layers/*.h runtime/passes/*
runtime/formats     include/fmap/* runtime/status.h runtime/digest.h runtime/formats/* *.pb.h
tools               include/fmap/fmap.h tools/*
examples            include/fmap/fmap.h
TABLE
}

# What a room must not contain (a regular expression on code without comments and strings, not preceded
# by a letter), in which rooms, which files may nevertheless, and why. Fields are separated by tabs.
bans() {
    cat <<'TABLE'
#[ \t]*pragma[ \t]+omp	runtime kernels	runtime/run.c	the only parallel regions are in runtime/run.c
<omp\.h>|omp_[a-z_]+\(	runtime kernels	runtime/run.c runtime/host.c	threads are the business of runtime/run.c
(v?f?printf|f?puts|f?putc|putchar|perror)[ \t]*\(	runtime kernels	-	the library does not print
(abort|exit|_Exit|_exit|quick_exit)[ \t]*\(	runtime kernels	-	the library does not end the process
([mc]alloc|realloc|aligned_alloc|free|alloca)[ \t]*\(	kernels	-	kernels do not allocate
fmap_status|fmap_error|<fmap/	kernels	-	kernels know numbers in memory only
<pb(_[a-z]+)?\.h>	include kernels runtime tools examples	runtime/formats	file formats stay in runtime/formats
<(png|jpeglib|zlib)\.h>	include kernels runtime examples	-	pictures are the command's
<jansson\.h>	include kernels runtime examples	runtime/formats	JSON is the command's, and of file formats
TABLE
}

# Every line of ours as "file<TAB>line<TAB>code": without comments, and without what strings say except
# in #include.
code() {
    # shellcheck disable=SC2016 # The dollars are awk's.
    find . -path ./build -prune -o -path ./.git -prune -o \( -name '*.[ch]' -o -name '*.inc' \) -printf '%P\0' |
        grep -zE '^(include|kernels|runtime|tools|examples)/' | sort -z | xargs -0 --no-run-if-empty awk '
        FNR == 1 { inside = 0 }
        {
            line = $0; out = ""
            if (line !~ /^[ \t]*#[ \t]*include/) gsub(/"([^"\\]|\\.)*"/, "\"\"", line)
            while (line != "") {
                if (inside) {
                    end = index(line, "*/")
                    if (!end) break
                    line = substr(line, end + 2); inside = 0
                }
                start = index(line, "/*"); slashes = index(line, "//")
                if (slashes && (!start || slashes < start)) { out = out substr(line, 1, slashes - 1); break }
                if (!start) { out = out line; break }
                out = out substr(line, 1, start - 1) " "; line = substr(line, start + 2); inside = 1
            }
            if (out ~ /[^ \t]/) print FILENAME "\t" FNR "\t" out
        }'
}

# normal PATH: sets $path, without "x/.." and ".".
normal() {
    local part parts=() IFS=/
    for part in $1; do
        case $part in
            . | '') ;;
            ..) [ ${#parts[@]} -eq 0 ] || unset 'parts[-1]' ;;
            *) parts+=("$part") ;;
        esac
    done
    path="${parts[*]}"
}

# target FILE INCLUDE: sets $path to what an #include means; to nothing for a header of the system.
target() {
    local name=${2:1:-1} beside=${1%/*}/${2:1:-1}
    path=
    if [[ $2 == '"'* && -e $beside ]]; then normal "$beside"
    elif [ -e "include/$name" ]; then normal "include/$name"
    elif [ -e "$name" ]; then normal "$name"
    elif [[ $2 == '"../'* ]]; then normal "$beside"
    elif [[ $2 == '"'* ]]; then path=$name # Generated, or found by an include path.
    fi
}

# allowed PATH PATTERN...: patterns are shell globs in which * does not cross a folder.
allowed() {
    local path=$1 pattern
    shift
    for pattern; do
        # shellcheck disable=SC2053 # The right side is meant as a pattern.
        [[ $path == $pattern && ${path//[^\/]/} == "${pattern//[^\/]/}" ]] && return 0
    done
    return 1
}

# within FILE PATH...: is the file one of the paths, or inside of one?
within() {
    local file=$1 path
    shift
    for path; do
        [[ $file == "$path" || $file == "$path"/* ]] && return 0
    done
    return 1
}

complaints=0
complain() {
    echo "$*" >&2
    complaints=$((complaints + 1))
}

check_arrows() {
    local room patterns file line include path
    declare -A allowed_in
    while read -r room patterns; do allowed_in[$room]=$patterns; done < <(arrows)
    set -f
    while IFS=$'\t' read -r file line include; do
        room=${file%/*}
        target "$file" "$include"
        # shellcheck disable=SC2086 # One word per pattern.
        [ -z "$path" ] || allowed "$path" ${allowed_in[$room]-} ||
            complain "$file:$line: $room may not include $include ($path)"
    done < <(sed -nE 's/\t[ \t]*#[ \t]*include[ \t]*(<[^>]+>|"[^"]+").*/\t\1/p' "$code")
    set +f
}

check_bans() {
    local pattern rooms exceptions why file line
    while IFS=$'\t' read -r pattern rooms exceptions why; do
        while IFS=$'\t' read -r file line _; do
            # shellcheck disable=SC2086 # Lists of paths.
            if within "$file" $rooms && ! within "$file" $exceptions; then complain "$file:$line: $why"; fi
        done < <(grep -E "^[^	]+	[0-9]+	(.*[^[:alnum:]_])?($pattern)" "$code")
    done < <(bans)
}

code=$(mktemp)
trap 'rm -f "$code"' EXIT
code >"$code"
check_arrows
check_bans
[ "$complaints" -eq 0 ] || { echo "layering: $complaints arrows that the house does not have" >&2; exit 1; }
echo "layering: every arrow is one of the house"

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
runtime             include/fmap/* kernels/kernels.h runtime/*.h runtime/*.inc
runtime/layers      include/fmap/* kernels/kernels.h runtime/*.h runtime/*.inc runtime/layers/*
runtime/passes      include/fmap/* kernels/kernels.h runtime/*.h runtime/*.inc runtime/passes/*
runtime/formats     include/fmap/* runtime/formats/* *.pb.h
tools               include/fmap/fmap.h tools/*
examples            include/fmap/fmap.h
TABLE
}

# What a room must not contain (a regular expression on code without comments and strings, not preceded
# by a letter), in which rooms, which files may nevertheless, and why. Fields are separated by tabs.
bans() {
    cat <<'TABLE'
#[ \t]*pragma[ \t]+omp	runtime kernels	runtime/run.c	the only parallel region is in runtime/run.c
<omp\.h>|omp_[a-z_]+\(	runtime kernels	runtime/run.c runtime/host.c	threads are the business of runtime/run.c
(v?f?printf|f?puts|f?putc|putchar|perror)[ \t]*\(	runtime kernels	-	the library does not print
(abort|exit|_Exit|_exit|quick_exit)[ \t]*\(	runtime kernels	-	the library does not end the process
([mc]alloc|realloc|aligned_alloc|free|alloca)[ \t]*\(	kernels	-	kernels do not allocate
fmap_status|fmap_error|<fmap/	kernels	-	kernels know numbers in memory only
<pb(_[a-z]+)?\.h>	include kernels runtime tools examples	runtime/formats	file formats stay in runtime/formats
<(png|jpeglib|jansson|zlib)\.h>	include kernels runtime examples	-	pictures and JSON are the command's
TABLE
}

# code FILE: the file, each line "number<TAB>text", without comments; string contents too, except in #include.
code() {
    awk '{
        line = $0; out = ""
        if (line !~ /^[ \t]*#[ \t]*include/) gsub(/"([^"\\]|\\.)*"/, "\"\"", line)
        while (line != "") {
            if (inside) {
                end = index(line, "*/")
                if (!end) { line = ""; break }
                line = substr(line, end + 2); inside = 0
            }
            start = index(line, "/*"); slashes = index(line, "//")
            if (slashes && (!start || slashes < start)) { out = out substr(line, 1, slashes - 1); break }
            if (!start) { out = out line; break }
            out = out substr(line, 1, start - 1) " "; line = substr(line, start + 2); inside = 1
        }
        print NR "\t" out
    }' "$1"
}

# target FILE INCLUDE: the path of ours that an #include means; empty for a header of the system.
target() {
    local room=${1%/*} name=${2:1:-1} path
    if [ "${2:0:1}" = '"' ]; then
        path=$(realpath -m --relative-to=. "$room/$name")
        [ ! -e "$path" ] || { echo "$path"; return; }
        [ ! -e "$name" ] || { realpath -m --relative-to=. "$name"; return; }
        [ ! -e "include/$name" ] || { echo "include/$name"; return; }
        [[ $name != ../* ]] || name=$path
        echo "$name" # Generated, or found through an include path: judged by its name.
    elif [ -e "include/$name" ]; then
        echo "include/$name"
    elif [ -e "$name" ]; then
        echo "$name"
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

complaints=0
complain() {
    echo "$*" >&2
    complaints=$((complaints + 1))
}

check_arrows() {
    local room patterns file number include path
    while read -r room patterns; do
        set -f
        # shellcheck disable=SC2086 # One word per pattern.
        set -- $patterns
        set +f
        for file in "$room"/*.[ch] "$room"/*.inc; do
            [ -e "$file" ] || continue
            while IFS=$'\t' read -r number include; do
                path=$(target "$file" "$include")
                [ -z "$path" ] || allowed "$path" "$@" ||
                    complain "$file:$number: $room may not include $include ($path)"
            done < <(code "$file" | sed -nE 's/^([0-9]+\t)[ \t]*#[ \t]*include[ \t]*(<[^>]+>|"[^"]+").*/\1\2/p')
        done
    done < <(arrows)
}

# excepted FILE PATH...: is the file, or its folder, one of the paths?
excepted() {
    local file=$1 path
    shift
    for path; do
        [[ $file == "$path" || $file == "$path"/* ]] && return 0
    done
    return 1
}

# sources_of "ROOM...": all files of these rooms and the rooms inside them.
sources_of() {
    # shellcheck disable=SC2086 # A list of rooms.
    find $1 \( -name '*.[ch]' -o -name '*.inc' \) 2>/dev/null | sort
}

check_bans() {
    local pattern rooms exceptions why file line
    while IFS=$'\t' read -r pattern rooms exceptions why; do
        while read -r file; do
            # shellcheck disable=SC2086 # A list of paths.
            excepted "$file" $exceptions && continue
            while IFS=$'\t' read -r line _; do
                complain "$file:$line: $why"
            done < <(code "$file" | grep -E "^[0-9]+	(.*[^[:alnum:]_])?($pattern)" || true)
        done < <(sources_of "$rooms")
    done < <(bans)
}

check_arrows
check_bans
[ "$complaints" -eq 0 ] || { echo "layering: $complaints arrows that the house does not have" >&2; exit 1; }
echo "layering: every arrow is one of the house"

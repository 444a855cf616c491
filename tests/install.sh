#!/usr/bin/env bash
# What is installed can be used: a C program finds it by pkg-config and by CMake's find_package.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
build=$(realpath "${FMAP_BUILD_DIR-build/release}")
cmake=${CMAKE-cmake}

[ -z "${FMAP_SANITIZE-}" ] || { echo "install: skipped, a user has no sanitizer"; exit 77; }

emulator=${FMAP_EMULATOR-} # of a foreign processor's programs
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$cmake" --install "$build" --prefix "$work/prefix" >/dev/null
mv "$work/prefix" "$work/moved"
library=$(dirname "$(find "$work/moved" -name 'libfmap.*' | head -1)")
export LD_LIBRARY_PATH=$library${LD_LIBRARY_PATH+:$LD_LIBRARY_PATH}

cat >"$work/user.c" <<'C'
#include <fmap/fmap.h>
#include <stdio.h>
int main(void) {
    fmap_model *model = NULL;
    fmap_error error;
    puts(fmap_version());
    return fmap_model_load("no such file", NULL, &model, &error) == FMAP_OK;
}
C
cat >"$work/CMakeLists.txt" <<'CMAKE'
cmake_minimum_required(VERSION 3.25)
project(user LANGUAGES C)
find_package(fmap 0.1 REQUIRED)
add_executable(user user.c)
target_link_libraries(user PRIVATE fmap::fmap)
CMAKE

export PKG_CONFIG_PATH=$library/pkgconfig
# shellcheck disable=SC2046 # Words, as pkg-config means them.
"${CC-cc}" "$work/user.c" -o "$work/user" $(pkg-config --cflags --libs fmap)
version=$($emulator "$work/user")
[ "$version" = "$(pkg-config --modversion fmap)" ]

"$cmake" -S "$work" -B "$work/build" -DCMAKE_C_COMPILER="${CC-cc}" -DCMAKE_PREFIX_PATH="$work/moved" >/dev/null
"$cmake" --build "$work/build" >/dev/null
[ "$($emulator "$work/build/user")" = "$version" ]

if [ -x "$build/fmap" ]; then
    $emulator "$work/moved/bin/fmap" --version | grep -qF "$version"
fi
echo "install: fmap $version is found by pkg-config and by find_package"

# Cross-compilation for 64-bit Arm with Debian's compiler, the arm64 packages beside the machine's own, and those unpacked in
# build/arm64-packages that cannot be installed beside them (./dev arm64 does all of it). Tests run under qemu-user.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER) # The nanopb generator is the machine's own.

cmake_path(SET unpacked NORMALIZE ${CMAKE_CURRENT_LIST_DIR}/../build/arm64-packages/usr/lib/aarch64-linux-gnu)
set(ENV{PKG_CONFIG_LIBDIR} ${unpacked}/pkgconfig:/usr/lib/aarch64-linux-gnu/pkgconfig:/usr/share/pkgconfig)
# A library's library is looked for in DT_RPATH only, not in DT_RUNPATH.
set(CMAKE_BUILD_RPATH ${unpacked})
set(CMAKE_EXE_LINKER_FLAGS_INIT "-Wl,-rpath-link,${unpacked} -Wl,--disable-new-dtags")

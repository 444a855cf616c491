# Debian's nanopb: the library and header are in libnanopb-dev, the generator in nanopb. The CMake
# package that comes with the library fixes the path of the machine's own architecture and knows no
# generator, so both are looked up here.

find_path(NANOPB_INCLUDE_DIR pb_decode.h PATH_SUFFIXES nanopb)
find_library(NANOPB_LIBRARY protobuf-nanopb)
find_program(NANOPB_GENERATOR NAMES nanopb_generator nanopb_generator.py)
mark_as_advanced(NANOPB_INCLUDE_DIR NANOPB_LIBRARY NANOPB_GENERATOR)

# add_nanopb_library(TARGET FILE.proto...): an OBJECT library of generated code. Each FILE.proto (with
# FILE.options beside it, if any) gives <generated>/FILE.pb.h, to be included as "FILE.pb.h".
function(add_nanopb_library target)
    foreach(name NANOPB_INCLUDE_DIR NANOPB_LIBRARY NANOPB_GENERATOR)
        if(NOT ${name})
            message(FATAL_ERROR "nanopb is missing (${name}); on Debian: apt-get install nanopb libnanopb-dev")
        endif()
    endforeach()
    set(directory ${PROJECT_BINARY_DIR}/generated)
    file(MAKE_DIRECTORY ${directory})
    set(sources "")
    foreach(proto IN LISTS ARGN)
        cmake_path(GET proto STEM stem)
        cmake_path(GET proto PARENT_PATH room)
        file(GLOB options CONFIGURE_DEPENDS ${room}/${stem}.options)
        add_custom_command(
            OUTPUT ${directory}/${stem}.pb.c ${directory}/${stem}.pb.h
            COMMAND ${NANOPB_GENERATOR} --quiet --error-on-unmatched -D ${directory} -I ${room} ${stem}.proto
            DEPENDS ${proto} ${options}
            WORKING_DIRECTORY ${room}
            COMMENT "Generating ${stem}.pb.c"
            VERBATIM)
        list(APPEND sources ${directory}/${stem}.pb.c ${directory}/${stem}.pb.h)
    endforeach()
    add_library(${target} OBJECT ${sources})
    # Generated code and nanopb's own header are not ours to keep free of warnings.
    target_include_directories(${target} SYSTEM PUBLIC ${directory} ${NANOPB_INCLUDE_DIR} PRIVATE
        ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/include)
    target_compile_options(${target} PRIVATE -w -fno-omit-frame-pointer)
endfunction()

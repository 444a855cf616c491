# Puts the page's files into the command, so that `fmap maps` needs nothing beside its executable.
#
#   include(tools/embed.cmake)     appends page_files.c, made in the build folder, to tool_sources
#
# The build then runs this same file as a script whenever one of the page's files has changed.

if(CMAKE_SCRIPT_MODE_FILE)
    set(source "/* Made by tools/embed.cmake. */\n#include \"tools/page_files.h\"\n")
    foreach(file IN LISTS FILES)
        cmake_path(GET file FILENAME name)
        string(MAKE_C_IDENTIFIER ${name} name)
        file(READ ${file} bytes HEX)
        string(REGEX REPLACE "(................................)" "\\1\n" bytes "${bytes}")
        string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
        string(APPEND source "\nconst unsigned char ${name}[] = {\n${bytes}0};\n")
    endforeach()
    file(WRITE ${OUTPUT} "${source}")
    return()
endif()

set(page_files ${PROJECT_SOURCE_DIR}/tools/page.html
               ${PROJECT_SOURCE_DIR}/tools/page.css
               ${PROJECT_SOURCE_DIR}/tools/page_draw.js
               ${PROJECT_SOURCE_DIR}/tools/page_text.js
               ${PROJECT_SOURCE_DIR}/tools/page_viewer.js
               ${PROJECT_SOURCE_DIR}/tools/page.js)
add_custom_command(OUTPUT ${PROJECT_BINARY_DIR}/tools/page_files.c
    COMMAND ${CMAKE_COMMAND} "-DFILES=${page_files}" -DOUTPUT=${PROJECT_BINARY_DIR}/tools/page_files.c
            -P ${CMAKE_CURRENT_LIST_FILE}
    DEPENDS ${page_files} ${CMAKE_CURRENT_LIST_FILE} VERBATIM)
list(APPEND tool_sources ${PROJECT_BINARY_DIR}/tools/page_files.c)

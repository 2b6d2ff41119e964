# SPDX-License-Identifier: Apache-2.0
# vireo_precompile(TARGET HEADER...): what each source of the target includes first anyway is read once; half
# of a source's compilation is the standard library's headers. A source still says what it includes: the
# linter compiles each by itself.
function(vireo_precompile target)
    if(NOT CONFIG_PRECOMPILED_HEADERS)
        return()
    endif()
    set(headers)
    foreach(header IN LISTS ARGN)
        list(APPEND headers "$<$<COMPILE_LANGUAGE:CXX>:${header}>")
    endforeach()
    target_precompile_headers(${target} PRIVATE ${headers})
    # The same bytes whenever it is made, for ccache.
    target_compile_options(${target} PRIVATE "$<$<COMPILE_LANGUAGE:CXX>:SHELL:-Xclang -fno-pch-timestamp>")
endfunction()

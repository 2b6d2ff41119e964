# SPDX-License-Identifier: Apache-2.0
# The same sources as a Linux program on fake devices (vireo-hosted) and under GoogleTest (vireo-tests).
add_compile_options(-O1 -g1 -fno-omit-frame-pointer "$<$<COMPILE_LANGUAGE:CXX>:${VIREO_CXX};-stdlib=libc++>")
# An optional without a value, or an index beyond a span, ends a test also where no sanitizer would see it.
add_compile_definitions(_LIBCPP_HARDENING_MODE=_LIBCPP_HARDENING_MODE_FAST)
add_link_options(-stdlib=libc++ -fuse-ld=lld)
if(CONFIG_HOSTED_SANITIZE)
    add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all)
    add_link_options(-fsanitize=address,undefined)
endif()

include(cmake/third-party.cmake)
# How full its pools become, for pools_test.cpp. What lwIP shares with other sources is the
# same with and without.
target_compile_definitions(lwip PRIVATE VIREO_COUNTS_POOLS)
target_sources(lwip PRIVATE ${lwip}/src/core/stats.c)

# Everything but what talks to a real machine; the hosted folder takes its place.
vireo_add_folders(${CMAKE_SOURCE_DIR}/src arch machine)
file(GLOB hosted CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/hosted/CMakeLists.txt)
if(hosted)
    add_subdirectory(hosted)
endif()
get_property(sources GLOBAL PROPERTY VIREO_SOURCES)
set(main ${sources})
list(FILTER main INCLUDE REGEX "/hosted/main\\.cpp$")
list(FILTER sources EXCLUDE REGEX "/hosted/main\\.cpp$")

if(NOT sources)
    return() # a tree without sources yet: the libraries alone
endif()

# Object libraries, not archives: a registry entry that nothing names must still be linked.
add_library(hosted_objects OBJECT ${sources})
target_compile_options(hosted_objects PRIVATE ${VIREO_WARNINGS})
target_include_directories(hosted_objects PRIVATE ${CMAKE_SOURCE_DIR})
vireo_precompile(hosted_objects ${CMAKE_SOURCE_DIR}/src/base/std.h)
target_link_libraries(hosted_objects PUBLIC fdt lwip ${VIREO_UNPACK_LIBRARIES})
if(CONFIG_HOSTED_FUZZ)
    # What is fuzzed is instrumented for coverage, the tests are not; the same objects make all programs.
    foreach(library IN ITEMS hosted_objects fdt lwip ${VIREO_UNPACK_LIBRARIES})
        target_compile_options(${library} PRIVATE -fsanitize=fuzzer-no-link)
    endforeach()
    add_subdirectory(tests/fuzz)
endif()
if(main)
    add_executable(vireo-hosted ${main})
    target_compile_options(vireo-hosted PRIVATE ${VIREO_WARNINGS})
    target_include_directories(vireo-hosted PRIVATE ${CMAKE_SOURCE_DIR})
    target_link_libraries(vireo-hosted PRIVATE hosted_objects)
endif()

# Debian's binary GoogleTest is made for libstdc++, so it is built from Debian's source package. Without that
# there are no tests, and the program alone is built; tools/build/build says so.
set(gtest /usr/src/googletest/googletest)
file(GLOB have_gtest CONFIGURE_DEPENDS ${gtest}/src/gtest-all.cc)
file(GLOB_RECURSE tests CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/unit/*_test.cpp)
list(SORT tests)
if(tests AND have_gtest)
    add_library(gtest STATIC ${gtest}/src/gtest-all.cc ${gtest}/src/gtest_main.cc)
    target_include_directories(gtest PRIVATE ${gtest})
    target_include_directories(gtest SYSTEM PUBLIC ${gtest}/include)
    add_executable(vireo-tests ${tests})
    set_source_files_properties(tests/unit/net/stack/pools_test.cpp PROPERTIES COMPILE_DEFINITIONS VIREO_COUNTS_POOLS SKIP_PRECOMPILE_HEADERS TRUE)
    target_compile_options(vireo-tests PRIVATE ${VIREO_WARNINGS})
    target_include_directories(vireo-tests PRIVATE ${CMAKE_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/tests)
    target_link_libraries(vireo-tests PRIVATE hosted_objects gtest)
    vireo_precompile(vireo-tests ${CMAKE_SOURCE_DIR}/src/base/std.h <functional> <map> <string> <vector> <gtest/gtest.h>)
endif()

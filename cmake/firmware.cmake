# SPDX-License-Identifier: Apache-2.0
# One image for a board: no C library, no C++ library, no compiler runtime but what lib/ holds.
set(position -fpie)
set(relocations "SHELL:-z text" --pack-dyn-relocs=relr)
if(CONFIG_ARCH_ARM)
    set(VIREO_ISA arm)
    # armv7ve: hardware divide, as the cortex-a7 and a15 have. Thumb: a quarter less code; entry.S is ARM
    # code, and the linker goes between the two. Soft float: no floating point anywhere.
    set(target --target=armv7a-none-eabi -march=armv7ve -mthumb -mfloat-abi=soft -mfpu=none)
elseif(CONFIG_ARCH_ARM64)
    set(VIREO_ISA arm64)
    set(target --target=aarch64-none-elf -march=armv8-a -mno-outline-atomics)
elseif(CONFIG_ARCH_RISCV32)
    set(VIREO_ISA riscv)
    set(target --target=riscv32-unknown-elf -march=rv32imac_zicsr_zifencei -mabi=ilp32 -mcmodel=medany)
elseif(CONFIG_ARCH_RISCV64)
    set(VIREO_ISA riscv)
    set(target --target=riscv64-unknown-elf -march=rv64imac_zicsr_zifencei -mabi=lp64 -mcmodel=medany)
elseif(CONFIG_ARCH_X86)
    set(VIREO_ISA x86)
    # Arguments in eax, edx, ecx: 5 % less code. reset.S and vectors.S call accordingly.
    set(target --target=i386-unknown-elf -march=i686 -mregparm=3 -mno-sse -mno-mmx -msoft-float)
    # Nothing can be addressed relative to the program counter there: the code has absolute addresses, which
    # are relocated too (decision 0034). They are not aligned, which is more than RELR can say.
    set(position -fno-pie)
    set(relocations "SHELL:-z notext" --pack-dyn-relocs=android)
else()
    set(VIREO_ISA x86)
    set(target --target=x86_64-unknown-elf -mno-red-zone -mno-sse -mno-mmx -msoft-float)
endif()

execute_process(COMMAND ${CMAKE_CXX_COMPILER} -print-resource-dir OUTPUT_VARIABLE resources
                OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
get_filename_component(libcxx ${resources}/../../../include/c++/v1 ABSOLUTE)
if(NOT EXISTS ${libcxx}/__config)
    message(FATAL_ERROR "libc++'s headers are missing (${libcxx}): install libc++-${VIREO_LLVM}-dev, or run tools/setup")
endif()

# No frame pointers: a trace looks for return addresses instead (arch/common). Clang keeps them by default on
# targets without an operating system; they were 3 to 4 % of the code.
# No frame steps over the guard below the stack (VIREO_GUARD_BYTES).
# -nostdlibinc and our folders, not -ffreestanding: the compiler may go on folding strlen and memcpy (10 to
# 15 % of the image). The folder order matters: our __config_site shadows libc++'s own.
add_compile_options(
    ${target} ${position} -Os -fomit-frame-pointer -fvisibility=hidden -ffunction-sections -fdata-sections -fno-stack-protector
    -Wframe-larger-than=8192 -Werror=frame-larger-than
    -fno-unwind-tables -fno-asynchronous-unwind-tables -nostdlibinc -ffile-prefix-map=${libcxx}=c++
    "$<$<COMPILE_LANGUAGE:CXX>:SHELL:-nostdinc++ -isystem \"${CMAKE_SOURCE_DIR}/lib/cxx\" -isystem \"${libcxx}\">"
    "SHELL:-isystem \"${CMAKE_SOURCE_DIR}/lib/libc/include\""
    "$<$<COMPILE_LANGUAGE:CXX>:${VIREO_CXX};-fno-threadsafe-statics;-Werror=atomic-alignment>")
if(CONFIG_DEBUG_INFO)
    add_compile_options(-g)
endif()
set(lto)
if(CONFIG_LTO)
    set(lto $<$<COMPILE_LANGUAGE:C,CXX>:-flto=thin>)
endif()

add_subdirectory(lib)
include(cmake/third-party.cmake)
target_compile_options(fdt PRIVATE ${lto})
target_compile_options(lwip PRIVATE ${lto})
foreach(library IN LISTS VIREO_UNPACK_LIBRARIES)
    target_compile_options(${library} PRIVATE ${lto})
endforeach()

vireo_add_folders(${CMAKE_SOURCE_DIR}/src)
get_property(sources GLOBAL PROPERTY VIREO_SOURCES)
if(NOT sources)
    return() # a tree without sources yet: the libraries alone
endif()
# LLD itself, not the clang driver, which would look for a gcc on targets named *-unknown-elf.
set(CMAKE_CXX_LINK_EXECUTABLE "<CMAKE_LINKER> <LINK_FLAGS> <OBJECTS> -o <TARGET> <LINK_LIBRARIES>")
set(cold)
if(CONFIG_ARCH_RISCV)
    # Registers are saved and restored by calls (lib/builtins/riscv_save.S), but for where time goes: 10 %
    # more of it there, for 5 % of the code.
    string(CONCAT hot "^(base/crc32|device/|dma/|event/|io/|machine/serial/|virtio/ring/"
        "|block/(cache|volume)|fs/ext4/(block_map|content|extent_tree|pointer_blocks)|drivers/(blk/(blk|requests)|net/(net|receive|transmit))"
        "|net/(protocol/(file_target|http|tftp)|stack/(checksum|convert|frame_pool|interface|network|tcp_socket|udp_socket)|transfer/))")
    foreach(file IN LISTS sources)
        # By the name below src/: the tree itself may lie in somebody's .../src/net/.
        string(REPLACE "${CMAKE_SOURCE_DIR}/src/" "" name "${file}")
        if(NOT name MATCHES "${hot}")
            list(APPEND cold ${file})
        endif()
    endforeach()
    set(cold_lwip ${VIREO_LWIP_SOURCES})
    list(FILTER cold_lwip INCLUDE REGEX "/(dhcp|dns|icmp6?|ip[46]_frag|mld6|nd6)\\.c$")
    set_property(SOURCE ${cold_lwip} APPEND PROPERTY COMPILE_OPTIONS -msave-restore)
    list(REMOVE_ITEM sources ${cold})
endif()
if(CONFIG_RISCV_SBI)
    include(cmake/riscv-sbi.cmake)
endif()
if(CONFIG_ARM_PSCI)
    include(cmake/arm-psci.cmake)
endif()
add_library(objects OBJECT ${sources})
set(libraries objects)
if(cold)
    add_library(cold_objects OBJECT ${cold})
    target_compile_options(cold_objects PRIVATE -msave-restore)
    list(APPEND libraries cold_objects)
endif()
set(objects)
foreach(library IN LISTS libraries)
    list(APPEND objects $<TARGET_OBJECTS:${library}>)
    target_compile_options(${library} PRIVATE ${VIREO_WARNINGS} $<$<COMPILE_LANGUAGE:CXX>:-Wglobal-constructors> ${lto})
    target_link_libraries(${library} PRIVATE fdt lwip ${VIREO_UNPACK_LIBRARIES})
    if(TARGET vireo_sbi)
        add_dependencies(${library} vireo_sbi)
    endif()
    if(TARGET vireo_psci)
        add_dependencies(${library} vireo_psci)
    endif()
    vireo_precompile(${library} ${CMAKE_SOURCE_DIR}/src/base/std.h)
endforeach()

set(script ${CMAKE_SOURCE_DIR}/src/arch/${VIREO_ISA}/image.ld)
file(GLOB have_script CONFIGURE_DEPENDS ${script})
file(GLOB script_parts CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/arch/*/layout.h ${CMAKE_SOURCE_DIR}/src/arch/common/*.ld)
if(have_script)
    # Relative to the build folder, as the map below: a comma or dollar in its path means something to CMake.
    add_custom_command(
        OUTPUT gen/image.ld
        COMMAND ${CMAKE_C_COMPILER} ${target} -nostdlibinc -E -P -x c -Igen -I${CMAKE_SOURCE_DIR}/src ${script} -o gen/image.ld
        DEPENDS ${script} ${script_parts} ${CMAKE_BINARY_DIR}/gen/autoconf.h VERBATIM)
    # The object that a generated linker script hangs on, so that a change of it links again.
    add_custom_target(script DEPENDS gen/image.ld)
    add_executable(vireo ${objects})
    add_dependencies(vireo script)
    set_target_properties(vireo PROPERTIES OUTPUT_NAME vireo.elf LINKER_LANGUAGE CXX LINK_DEPENDS ${CMAKE_BINARY_DIR}/gen/image.ld)
    target_link_libraries(vireo PRIVATE fdt lwip ${VIREO_UNPACK_LIBRARIES} vireo_libc vireo_builtins)
    # Position independent with relative relocations only: the start-up code relocates the
    # image in a few lines.
    # -z nostart-stop-gc: the registries are reached through __start_/__stop_ symbols alone.
    # -O2 merges strings that end alike; safe ICF functions that are the same, unless their
    # addresses are taken.
    target_link_options(vireo PRIVATE
        -pie --no-dynamic-linker "SHELL:-z norelro" ${relocations} "SHELL:-z nostart-stop-gc" --gc-sections -O2 --icf=safe
        --build-id=none --no-undefined --fatal-warnings --thinlto-jobs=2
        -T gen/image.ld -Map=vireo.map)
    add_custom_command(
        TARGET vireo POST_BUILD
        COMMAND ${CMAKE_SOURCE_DIR}/tools/build/check-image ${CMAKE_READELF} vireo.elf
        COMMAND ${CMAKE_OBJCOPY} -O binary vireo.elf vireo.bin
        BYPRODUCTS vireo.bin vireo.map VERBATIM)
endif()

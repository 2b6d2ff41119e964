# SPDX-License-Identifier: Apache-2.0
# The resident SBI: a program of its own (src/arch/riscv/sbi), so that the linker proves that nothing of the
# firmware is in it, no library, and no address that depends on where it lies. Vireo's image holds its bytes.
set(sbi ${CMAKE_SOURCE_DIR}/src/arch/riscv/sbi)
add_custom_command(
    OUTPUT gen/vireo-sbi.ld
    COMMAND ${CMAKE_C_COMPILER} ${target} -nostdlibinc -E -P -x c -I${CMAKE_SOURCE_DIR}/src ${sbi}/resident.ld -o gen/vireo-sbi.ld
    DEPENDS ${sbi}/resident.ld ${sbi}/layout.h VERBATIM)
add_custom_target(vireo_sbi_script DEPENDS gen/vireo-sbi.ld)
add_executable(vireo_sbi ${sbi}/entry.S ${sbi}/hardware.cpp ${sbi}/resident.cpp)
add_dependencies(vireo_sbi vireo_sbi_script)
set_target_properties(vireo_sbi PROPERTIES OUTPUT_NAME vireo-sbi.elf LINKER_LANGUAGE CXX LINK_DEPENDS ${CMAKE_BINARY_DIR}/gen/vireo-sbi.ld)
# Of a hart's stack, 1.5 KiB, a handful of functions share.
target_compile_options(vireo_sbi PRIVATE ${VIREO_WARNINGS} -fno-jump-tables -Wframe-larger-than=256)
target_link_options(vireo_sbi PRIVATE
    -pie --no-dynamic-linker "SHELL:-z norelro" "SHELL:-z text" --gc-sections -O2 --icf=safe --build-id=none --no-undefined --fatal-warnings
    -T gen/vireo-sbi.ld -Map=vireo-sbi.map)
add_custom_command(
    TARGET vireo_sbi POST_BUILD
    COMMAND ${CMAKE_OBJCOPY} -O binary --only-section=.text vireo-sbi.elf gen/vireo-sbi.bin
    BYPRODUCTS gen/vireo-sbi.bin VERBATIM)
set_property(SOURCE ${sbi}/image.S APPEND PROPERTY OBJECT_DEPENDS ${CMAKE_BINARY_DIR}/gen/vireo-sbi.bin)

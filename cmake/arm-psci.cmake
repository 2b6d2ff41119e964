# SPDX-License-Identifier: Apache-2.0
# The resident PSCI: a program of its own (src/arch/psci), so that the linker proves that nothing of the
# firmware is in it, no library, and no address that depends on where it lies. Vireo's image holds its bytes.
set(psci ${CMAKE_SOURCE_DIR}/src/arch/psci)
add_custom_command(
    OUTPUT gen/vireo-psci.ld
    COMMAND ${CMAKE_C_COMPILER} ${target} -nostdlibinc -E -P -x c -I${CMAKE_SOURCE_DIR}/src ${psci}/resident.ld -o gen/vireo-psci.ld
    DEPENDS ${psci}/resident.ld ${psci}/layout.h VERBATIM)
add_custom_target(vireo_psci_script DEPENDS gen/vireo-psci.ld)
add_executable(vireo_psci
    ${psci}/entry_${VIREO_ISA}.S ${psci}/hardware.cpp ${psci}/hardware_${VIREO_ISA}.cpp ${psci}/resident.cpp ${psci}/resident_${VIREO_ISA}.cpp)
add_dependencies(vireo_psci vireo_psci_script)
set_target_properties(vireo_psci PROPERTIES OUTPUT_NAME vireo-psci.elf LINKER_LANGUAGE CXX LINK_DEPENDS ${CMAKE_BINARY_DIR}/gen/vireo-psci.ld)
# Of a processor's stack, 1 KiB, a handful of functions share. Without translation every access is to be
# aligned, and floating point is the callers'.
set(plain $<IF:$<BOOL:${CONFIG_ARCH_ARM}>,-mno-unaligned-access,-mstrict-align;-mgeneral-regs-only>)
target_compile_options(vireo_psci PRIVATE
    ${VIREO_WARNINGS} "$<$<COMPILE_LANGUAGE:CXX>:-fno-jump-tables;-Wframe-larger-than=256;${plain}>")
target_link_options(vireo_psci PRIVATE
    -pie --no-dynamic-linker "SHELL:-z norelro" "SHELL:-z text" --gc-sections -O2 --icf=safe --build-id=none --no-undefined --fatal-warnings
    -T gen/vireo-psci.ld -Map=vireo-psci.map)
add_custom_command(
    TARGET vireo_psci POST_BUILD
    COMMAND ${CMAKE_OBJCOPY} -O binary --only-section=.text vireo-psci.elf gen/vireo-psci.bin
    BYPRODUCTS gen/vireo-psci.bin VERBATIM)
set_property(SOURCE ${psci}/image.S APPEND PROPERTY OBJECT_DEPENDS ${CMAKE_BINARY_DIR}/gen/vireo-psci.bin)

# SPDX-License-Identifier: Apache-2.0
# One Clang and LLD for all boards and the hosted build. The version is pinned in
# cmake/llvm-version and nowhere else.
file(STRINGS ${CMAKE_CURRENT_LIST_DIR}/llvm-version VIREO_LLVM)
set(CMAKE_C_COMPILER clang-${VIREO_LLVM})
set(CMAKE_CXX_COMPILER clang++-${VIREO_LLVM})
set(CMAKE_ASM_COMPILER clang-${VIREO_LLVM})
find_program(CMAKE_AR llvm-ar-${VIREO_LLVM} REQUIRED)
find_program(CMAKE_RANLIB llvm-ranlib-${VIREO_LLVM} REQUIRED)
find_program(CMAKE_OBJCOPY llvm-objcopy-${VIREO_LLVM} REQUIRED)
find_program(CMAKE_READELF llvm-readelf-${VIREO_LLVM} REQUIRED)
find_program(CMAKE_LINKER ld.lld-${VIREO_LLVM} REQUIRED)
# The compiler is known; CMake's trial programs cost a second and cannot link without a system.
foreach(language IN ITEMS C CXX ASM)
    set(CMAKE_${language}_COMPILER_WORKS TRUE)
endforeach()
if(NOT CONFIG_ARCH_HOSTED)
    set(CMAKE_SYSTEM_NAME Generic)
    set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
endif()

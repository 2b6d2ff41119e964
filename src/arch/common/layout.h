/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers that linker scripts, assembly and C++ of arm, arm64 and riscv share. Plain macros: three languages
   read them. */
#pragma once

/* Several times the deepest chain of calls: nothing recurses over what comes from outside. What is deeper all
   the same, the guard below the stack catches: it is larger than two frames of a function (cmake/firmware.cmake
   has the limit), so that nothing steps over it. */
#define VIREO_STACK_BYTES 0x20000
#define VIREO_GUARD_BYTES 0x4000
#define VIREO_EXCEPTION_STACK_BYTES 0x2000

/* What page tables reach, as a power of two: arm64's and riscv64's end at the next size of table. The machines
   without these tables (x86, hosted) have limits of their own. */
#if defined(__aarch64__)
#define VIREO_ADDRESS_BITS 40
#elif defined(__riscv) && __riscv_xlen == 64
#define VIREO_ADDRESS_BITS 38
#elif defined(__arm__) || defined(__riscv)
#define VIREO_ADDRESS_BITS 32
#else
#define VIREO_ADDRESS_BITS 48
#endif

#if defined(__aarch64__)
/* One of level 0, two of level 1, one of level 2 for each GiB and one of level 3 for each 2 MiB that is not of
   one kind (arch/arm64/mmu.cpp). Two for the image's, two for null pointers. */
#define VIREO_TABLE_COUNT 16
#define VIREO_TABLE_BYTES (VIREO_TABLE_COUNT * 4096)
#define VIREO_TABLE_ALIGNMENT 4096
#elif defined(__arm__)
/* 4096 sections of 1 MiB, 256 pages of 4 KiB (arch/arm/mmu.cpp). */
#define VIREO_TABLE_BYTES 0x4400
#define VIREO_TABLE_ALIGNMENT 0x4000
#else
/* The root; for null pointers, and twice for the image, which may lie across a border: one for each step down
   to pages (arch/riscv/mmu.cpp). */
#if __riscv_xlen == 64
#define VIREO_TABLE_COUNT 7
#else
#define VIREO_TABLE_COUNT 4
#endif
#define VIREO_TABLE_BYTES (VIREO_TABLE_COUNT * 4096)
#define VIREO_TABLE_ALIGNMENT 4096
#endif

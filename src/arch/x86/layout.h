// SPDX-License-Identifier: Apache-2.0
#pragma once

// Numbers that the linker script, the reset code and C++ share; so macros only.

// The reset code: the last bytes below 4 GiB, 16 of them the reset vector.
#define VIREO_RESET_BYTES 0x400
#define VIREO_RESET_ADDRESS 0xfffffc00

// What the reset code copies, and clears, in one turn of a loop: as much as there is room for.
#ifdef __x86_64__
#define VIREO_COPY_BLOCK 128
#else
#define VIREO_COPY_BLOCK 256
#endif
#define VIREO_CLEAR_BLOCK 128

// As in common/layout.h.
#define VIREO_STACK_BYTES 0x20000
#define VIREO_GUARD_BYTES 0x4000

// The page tables lie in the first MiB, which belongs to the firmware until an operating system runs: one
// level-4 table (x86_64), one level-3 table and four level-2 tables, which map 4 GiB; level-1 tables for 2
// MiB that are not all of a kind: null pointers', and the image's, which may lie across a border. On x86_64
// the reset code makes the first ones; C++ adds what lies above 4 GiB (paging.cpp).
#define VIREO_PAGE_TABLES 0x1000
#define VIREO_LEVEL4_TABLE VIREO_PAGE_TABLES
#define VIREO_LEVEL3_TABLE (VIREO_PAGE_TABLES + 0x1000)
#define VIREO_LEVEL2_TABLES (VIREO_PAGE_TABLES + 0x2000)
#define VIREO_LEVEL1_TABLES (VIREO_PAGE_TABLES + 0x6000)
#define VIREO_LEVEL1_TABLE_COUNT 3

// Segment selectors; the descriptor table is in ROM (reset.S).
#define VIREO_CODE_SELECTOR 0x08
#define VIREO_DATA_SELECTOR 0x10

// Entries of the interrupt descriptor table: 32 exceptions and the 16 lines of the interrupt
// controller (vectors.S).
#define VIREO_FIRST_INTERRUPT 32
#define VIREO_VECTORS 48
#define VIREO_VECTOR_BYTES 16

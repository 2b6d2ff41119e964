/* SPDX-License-Identifier: Apache-2.0 */
/* Where the resident SBI lies. Plain macros: assembly and a linker script read them too. */
#pragma once

/* One naturally aligned block at the start of RAM: one entry of memory protection keeps everybody else off. Its
   first page is that of the image as it was loaded, where harts sleep until the SBI has them. */
#define VIREO_SBI_BLOCK 0x80000000
#define VIREO_SBI_BLOCK_BYTES 0x20000
/* From there: the SBI's image, what it writes (sbi::Description first), a stack for each hart. */
#define VIREO_SBI_IMAGE 0x1000
#define VIREO_SBI_DATA 0x6000
#define VIREO_SBI_STACKS 0x8000
#define VIREO_SBI_STACK_BYTES 0x600
#define VIREO_SBI_MOST_HARTS 64

/* Of sbi::Description, for entry.S. */
#define VIREO_SBI_HARTS_OFFSET 8
#if defined(__riscv) && __riscv_xlen == 32
#define VIREO_SBI_HART_BYTES 16
#else
#define VIREO_SBI_HART_BYTES 24
#endif

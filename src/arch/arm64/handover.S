// SPDX-License-Identifier: Apache-2.0
// The last steps before an operating system (Linux, Documentation/arch/arm64/booting.rst, "Jump into the
// kernel"). See common/arm_handover.cpp.
#define SCTLR_EL1_OFF 0x30d00800
#define SCTLR_EL2_OFF 0x30c50830
#define LINES_AT_ONCE 16

    .text
// void vireo_clean_lines(address, count, line): cleans and invalidates `count` lines of the data cache to the
// point of coherency. Two instructions a line: a kernel of 32 MiB has half a million.
    .balign 4
    .global vireo_clean_lines
    .hidden vireo_clean_lines
vireo_clean_lines:
1:  subs x3, x1, #LINES_AT_ONCE
    b.lo 2f
    mov x1, x3
    .rept LINES_AT_ONCE
    dc civac, x0
    add x0, x0, x2
    .endr
    b 1b
2:  cbz x1, 3f
    dc civac, x0
    add x0, x0, x2
    sub x1, x1, #1
    b 2b
3:  dsb sy
    ret

// void vireo_enter(entry, device_tree): translation and caches off, and away. Without them it is fetched from
// memory, so its own lines have been cleaned too; no data is touched.
    .balign 4
    .global vireo_enter
    .hidden vireo_enter
vireo_enter:
    mov x4, x0
    mov x0, x1
    mrs x5, currentel
    cmp x5, #8
    b.eq 1f
    ldr w5, 3f
    dsb sy
    msr sctlr_el1, x5
    isb
    tlbi vmalle1
    b 2f
1:  ldr w5, 4f
    dsb sy
    msr sctlr_el2, x5
    isb
    tlbi alle2
2:  ic iallu
    dsb sy
    isb
    mov x1, xzr
    mov x2, xzr
    mov x3, xzr
    br x4
    .balign 4
3:  .word SCTLR_EL1_OFF
4:  .word SCTLR_EL2_OFF
    .global vireo_enter_end
    .hidden vireo_enter_end
vireo_enter_end:

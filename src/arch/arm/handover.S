// SPDX-License-Identifier: Apache-2.0
// The last steps before an operating system (Linux, Documentation/arch/arm/booting.rst, "Calling the kernel
// image"). See common/arm_handover.cpp.
#define SCTLR_OFF_MASK 0x7000b807 /* see entry.S; and no branch prediction */
#define LINES_AT_ONCE 16

    .arch armv7-a
    .arm
    .text
// void vireo_clean_lines(address, count, line): cleans and invalidates `count` lines of the data cache to the
// point of coherency (DCCIMVAC). Two instructions a line: kernels have many.
    .balign 4
    .global vireo_clean_lines
    .hidden vireo_clean_lines
    .type vireo_clean_lines, %function
vireo_clean_lines:
1:  subs r3, r1, #LINES_AT_ONCE
    blo 2f
    mov r1, r3
    .rept LINES_AT_ONCE
    mcr p15, 0, r0, c7, c14, 1
    add r0, r0, r2
    .endr
    b 1b
2:  subs r1, r1, #1
    blo 3f
    mcr p15, 0, r0, c7, c14, 1
    add r0, r0, r2
    b 2b
3:  dsb
    bx lr

// void vireo_enter(entry, device_tree): translation and caches off, and away. Without them it is fetched from
// memory, so its own lines have been cleaned too; no data is touched then.
    .balign 4
    .global vireo_enter
    .hidden vireo_enter
    .type vireo_enter, %function
vireo_enter:
    mov r4, r0
    mov r2, r1
    mrc p15, 0, r3, c1, c0, 0
    ldr r5, 1f
    bic r3, r3, r5
    mov r0, #0
    dsb
    mcr p15, 0, r3, c1, c0, 0
    isb
    mcr p15, 0, r0, c8, c7, 0       // TLB
    mcr p15, 0, r0, c7, c5, 0       // all instruction caches
    mcr p15, 0, r0, c7, c5, 6       // branch prediction
    dsb
    isb
    mvn r1, #0                      // no machine number: the tree says what it is
    bx r4
1:  .word SCTLR_OFF_MASK
    .global vireo_enter_end
    .hidden vireo_enter_end
vireo_enter_end:

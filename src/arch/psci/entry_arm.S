// SPDX-License-Identifier: Apache-2.0
// The resident PSCI's ways in and out on arm, in monitor mode.
#include "arch/arm/address.inc"
#include "arch/psci/layout.h"

#define TOP 8                       /* above a processor's stack: its index */
#define SCTLR_OFF_MASK 0x7000b807   /* see arch/arm/handover.S */

    .arch armv7-a
    .arch_extension sec
    .arch_extension virt
    .arm

    .section .entry, "ax"
    // For processors that wait since reset, then for Vireo; both in a privileged mode of the secure world.
    b parked
    mov r4, #1
    b find
parked:
    mov r4, #0

    // Which of the machine's processors is this one?
find:
    cpsid aif, #0x16
    mov r0, #0
    mcr p15, 0, r0, c1, c1, 0       // SCR: the secure world's registers
    isb
    mrc p15, 0, r0, c1, c0, 0
    ldr r1, sctlr_off_mask
    bic r0, r0, r1
    mcr p15, 0, r0, c1, c0, 0
    address r0, vectors
    mcr p15, 0, r0, c12, c0, 1      // MVBAR
    mov r0, #0
    mcr p15, 0, r0, c7, c5, 0       // all instruction caches
    mcr p15, 0, r0, c7, c5, 6       // branch prediction
    dsb
    isb
    mrc p15, 0, r0, c0, c0, 5       // MPIDR
    bic r0, r0, #0xff000000
    address r1, vireo_psci_description
    ldr r2, [r1], #VIREO_PSCI_AFFINITIES_OFFSET
    mov r5, #0
1:  cmp r5, r2
    bhs nobody
    ldr r3, [r1], #4
    cmp r3, r0
    addne r5, r5, #1
    bne 1b
    mov r0, r5
    bl empty_stack
    mov r0, r5
    cmp r4, #0
    bne 2f
    bl vireo_psci_park
2:  bl vireo_psci_first
nobody:
    wfi
    b nobody
sctlr_off_mask: .word SCTLR_OFF_MASK

    // The stack of processor r0; uses r3, r12.
empty_stack:
    address r12, vireo_psci_stacks
    mov r3, #VIREO_PSCI_STACK_BYTES
    mla r12, r0, r3, r12
    add sp, r12, #VIREO_PSCI_STACK_BYTES - TOP
    str r0, [sp]
    bx lr

// void vireo_psci_enter(own, entry, arguments): see resident.cpp. Nothing of ours is left in a register.
    .text
    .balign 4
    .global vireo_psci_enter
    .hidden vireo_psci_enter
    .type vireo_psci_enter, %function
vireo_psci_enter:
    mov r4, r1
    mov r5, r2
    bl empty_stack
    mrc p15, 0, r3, c0, c1, 1       // ID_PFR1: is there HYP?
    tst r3, #0xf000
    movne r3, #0xda
    moveq r3, #0xd3                 // else SVC
    orr r3, r3, #0x100              // everything masked
    tst r4, #1
    orrne r3, r3, #0x20             // Thumb
    bicne r4, r4, #1
    msr spsr_cxsf, r3
    mov lr, r4
    mov r0, #0
    mcr p15, 0, r0, c7, c5, 0
    mcr p15, 0, r0, c7, c5, 6
    mcr p15, 0, r0, c8, c7, 0       // TLB
    ldm r5, {r0 - r2}
    .irp number, 3,4,5,6,7,8,9,10,11,12
    mov r\number, #0
    .endr
    dsb
    isb
    movs pc, lr

    .balign 32
vectors:
    b nobody
    b nobody
    b call
    b nobody
    b nobody
    b nobody
    b nobody
    b nobody
call:
    stmfd sp!, {r0 - r3, r12, lr}
    mov r0, sp
    ldr r1, [sp, #24]
    bl vireo_psci_trap
    ldmfd sp!, {r0 - r3, r12, pc}^

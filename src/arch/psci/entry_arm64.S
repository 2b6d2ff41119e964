// SPDX-License-Identifier: Apache-2.0
// The resident PSCI's ways in and out on arm64, at EL3.
#include "arch/psci/layout.h"

#define SCTLR_EL3_OFF 0x30c50830
// What is saved of a caller (resident_arm64.cpp, Frame), above it the processor's index.
#define FRAME 176
#define TOP 16

    .macro address register, symbol
    adr \register, \symbol
    .endm

    .section .entry, "ax"
    // For processors that wait since reset, at EL3; then for Vireo, at secure EL1, whose call entry.S of
    // arm64 takes to where x0 says.
    b parked
    adr x0, first
    smc #0
first:
    mov x19, #1
    b find
parked:
    mov x19, #0

    // Which of the machine's processors is this one?
find:
    msr daifset, #15
    ldr w0, sctlr_off
    msr sctlr_el3, x0
    adr x0, vectors
    msr vbar_el3, x0
    ic iallu
    dsb sy
    isb
    mrs x0, mpidr_el1
    and x0, x0, #0xffffffffff
    and x0, x0, #~0xff000000
    address x1, vireo_psci_description
    ldr w2, [x1]
    add x1, x1, #VIREO_PSCI_AFFINITIES_OFFSET
    mov w20, #0
1:  cmp w20, w2
    b.hs nobody
    ldr x3, [x1], #8
    cmp x3, x0
    b.eq 2f
    add w20, w20, #1
    b 1b
2:  mov w0, w20
    bl empty_stack
    mov w0, w20
    cbnz x19, vireo_psci_first
    b vireo_psci_park
nobody:
    wfi
    b nobody
    .balign 4
sctlr_off: .word SCTLR_EL3_OFF

    // The stack of processor w0; uses x1, x2.
empty_stack:
    address x1, vireo_psci_stacks
    mov w2, #VIREO_PSCI_STACK_BYTES
    umaddl x1, w0, w2, x1
    add x1, x1, #VIREO_PSCI_STACK_BYTES - TOP
    mov sp, x1
    str w0, [sp]
    ret

// void vireo_psci_enter(own, entry, arguments): see resident.cpp. Nothing of ours is left in a register.
    .text
    .balign 4
    .global vireo_psci_enter
    .hidden vireo_psci_enter
vireo_psci_enter:
    msr elr_el3, x1
    mov x4, x2
    bl empty_stack
    ldp x0, x1, [x4]
    ldr x2, [x4, #16]
    mrs x4, id_aa64pfr0_el1
    mov x3, #0x3c9                  // EL2 on its own stack pointer, everything masked
    tst x4, #0xf00
    mov x5, #0x3c5                  // EL1, where there is none
    csel x3, x3, x5, ne
    msr spsr_el3, x3
    .irp number, 3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30
    mov x\number, xzr
    .endr
    ic iallu
    tlbi alle3
    dsb sy
    isb
    eret

trap:
    stp x2, x3, [sp, #16]
    stp x4, x5, [sp, #32]
    stp x6, x7, [sp, #48]
    stp x8, x9, [sp, #64]
    stp x10, x11, [sp, #80]
    stp x12, x13, [sp, #96]
    stp x14, x15, [sp, #112]
    stp x16, x17, [sp, #128]
    stp x18, x29, [sp, #144]
    str x30, [sp, #160]
    mov x0, sp
    ldr w1, [sp, #FRAME]
    bl vireo_psci_trap
    ldp x0, x1, [sp]
    ldp x2, x3, [sp, #16]
    ldp x4, x5, [sp, #32]
    ldp x6, x7, [sp, #48]
    ldp x8, x9, [sp, #64]
    ldp x10, x11, [sp, #80]
    ldp x12, x13, [sp, #96]
    ldp x14, x15, [sp, #112]
    ldp x16, x17, [sp, #128]
    ldp x18, x29, [sp, #144]
    ldr x30, [sp, #160]
    add sp, sp, #FRAME
    eret

    // Nothing but calls leads here, and what there is no way to do: from below in 64 bits, in 32.
    .section .vectors, "ax"
    .macro hopeless
    .balign 128
    wfi
    b . - 4
    .endm
    .macro below
    .balign 128
    sub sp, sp, #FRAME
    stp x0, x1, [sp]
    b trap
    .endm
    .balign 2048
vectors:
    .rept 8
    hopeless
    .endr
    below
    .rept 3
    hopeless
    .endr
    below

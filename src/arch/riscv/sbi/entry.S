// SPDX-License-Identifier: Apache-2.0
// The resident SBI's ways in and out. It runs where it was put, from wherever it was linked to.
#include "arch/riscv/sbi/layout.h"

#if __riscv_xlen == 64
#define WORD 8
#define LOAD ld
#define STORE sd
#else
#define WORD 4
#define LOAD lw
#define STORE sw
#endif

// Above a hart's stack: its index. Below that, in a trap, what is saved (resident.cpp, Frame).
#define TOP 16
#define FRAME (16 * WORD)

    .option norelax
    .section .entry, "ax"
    .option push
    .option norvc
    // For harts that were parked, then for the first one: a1 is an argument for supervisor
    // mode, a2 where it starts.
    j parked
first:
    li s2, 1
    j find
parked:
    li s2, 0
    .option pop

    // Which of the machine's harts is this one?
find:
    mv s0, a2
    mv s1, a1
    csrr t0, mhartid
    lla t1, vireo_sbi_description
    lw t2, (t1)
    addi t1, t1, VIREO_SBI_HARTS_OFFSET
    li a0, 0
1:  bgeu a0, t2, nobody
    lw t3, (t1)
    beq t3, t0, 2f
    addi t1, t1, VIREO_SBI_HART_BYTES
    addi a0, a0, 1
    j 1b
2:  lla ra, vireo_sbi_park
    beqz s2, on_own_stack
    lla ra, vireo_sbi_first

    // Hart a0's stack, empty; on at ra, with s0 and s1.
on_own_stack:
    lla sp, vireo_sbi_stacks
    li t0, VIREO_SBI_STACK_BYTES
    addi t1, a0, 1
    mul t0, t0, t1
    add sp, sp, t0
    addi sp, sp, -TOP
    STORE a0, (sp)
    csrw mscratch, sp
    mv a1, s0
    mv a2, s1
    jr ra

nobody:
    csrw mie, zero
1:  wfi
    j 1b

// void vireo_sbi_stop(index): out of a trap, never back.
    .text
    .global vireo_sbi_stop
    .hidden vireo_sbi_stop
vireo_sbi_stop:
    lla ra, vireo_sbi_park
    j on_own_stack

// void vireo_sbi_enter(hart, argument, start): supervisor mode, with its interrupts off and nothing on. The
// hart's stack is empty.
    .global vireo_sbi_enter
    .hidden vireo_sbi_enter
vireo_sbi_enter:
    // Of mstatus: SIE, MIE, SPIE, MPIE, SPP, VS, MPP, FS, XS, MPRV, SUM, MXR, TVM, TW, TSR.
    li t0, 0x7fffaa
    csrc mstatus, t0
    li t0, 1 << 11
    csrs mstatus, t0
    csrw mepc, a2
    fence rw, rw
    fence.i
    sfence.vma
    mret

    .balign 4
    .global vireo_sbi_trap_entry
    .hidden vireo_sbi_trap_entry
vireo_sbi_trap_entry:
    csrrw sp, mscratch, sp
    addi sp, sp, -FRAME
    STORE ra, 0 * WORD(sp)
    STORE t0, 1 * WORD(sp)
    STORE t1, 2 * WORD(sp)
    STORE t2, 3 * WORD(sp)
    STORE t3, 4 * WORD(sp)
    STORE t4, 5 * WORD(sp)
    STORE t5, 6 * WORD(sp)
    STORE t6, 7 * WORD(sp)
    STORE a0, 8 * WORD(sp)
    STORE a1, 9 * WORD(sp)
    STORE a2, 10 * WORD(sp)
    STORE a3, 11 * WORD(sp)
    STORE a4, 12 * WORD(sp)
    STORE a5, 13 * WORD(sp)
    STORE a6, 14 * WORD(sp)
    STORE a7, 15 * WORD(sp)
    mv a0, sp
    lw a1, FRAME(sp)
    call vireo_sbi_trap
    LOAD ra, 0 * WORD(sp)
    LOAD t0, 1 * WORD(sp)
    LOAD t1, 2 * WORD(sp)
    LOAD t2, 3 * WORD(sp)
    LOAD t3, 4 * WORD(sp)
    LOAD t4, 5 * WORD(sp)
    LOAD t5, 6 * WORD(sp)
    LOAD t6, 7 * WORD(sp)
    LOAD a0, 8 * WORD(sp)
    LOAD a1, 9 * WORD(sp)
    LOAD a2, 10 * WORD(sp)
    LOAD a3, 11 * WORD(sp)
    LOAD a4, 12 * WORD(sp)
    LOAD a5, 13 * WORD(sp)
    LOAD a6, 14 * WORD(sp)
    LOAD a7, 15 * WORD(sp)
    addi sp, sp, FRAME
    csrrw sp, mscratch, sp
    mret

// bool vireo_sbi_load(address, byte), vireo_sbi_store(address, byte): false if there is a trap instead, which
// changes mepc, mcause, mtval and mstatus.
    .balign 4
    .global vireo_sbi_load
    .hidden vireo_sbi_load
vireo_sbi_load:
    lla t0, failed
    csrrw t0, mtvec, t0
    lbu t1, (a0)
    sb t1, (a1)
    j succeeded
    .balign 4
    .global vireo_sbi_store
    .hidden vireo_sbi_store
vireo_sbi_store:
    lla t0, failed
    csrrw t0, mtvec, t0
    sb a1, (a0)
succeeded:
    csrw mtvec, t0
    li a0, 1
    ret
    .balign 4
failed:
    csrw mtvec, t0
    li a0, 0
    ret

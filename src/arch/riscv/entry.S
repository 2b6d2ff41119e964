// SPDX-License-Identifier: Apache-2.0
// Reset to C++ on riscv, machine mode, either width (common/start.h). All harts arrive here together: a0 is the hart's id,
// a1 the device tree. The image lies in RAM already.
#include "arch/common/layout.h"

#if __riscv_xlen == 64
#define WORD 8
#define STORE sd
#else
#define WORD 4
#define STORE sw
#endif

    .option norelax
    .section .entry, "ax"
    .global vireo_entry
    .hidden vireo_entry
vireo_entry:
    csrci mstatus, 8                // interrupts off; those that end wfi are chosen by mie
    csrw mie, zero
    // The first one here goes on. This word, and the sleeping place, stay where they are when the image moves: it does not
    // matter how late another hart comes.
    lla t0, taken
    li t1, 1
    amoswap.w.aqrl t1, t1, (t0)
    bnez t1, park

    mv s0, a0
    mv s1, a1
    lla s2, vireo_entry
    lla sp, vireo_stack_end

    // Linked at 0: the distance to relocate by is where the image lies.
    mv a0, s2
    lla a1, vireo_relr_start
    lla a2, vireo_relr_end
    mv a3, s2
    call vireo_apply_relr
    lla a0, vireo_bss_start
    lla a2, vireo_bss_end
    sub a2, a2, a0
    li a1, 0
    call memset
    call vireo_install_vectors

    mv a0, s1
    mv a1, s0
    tail vireo_early

park:
    wfi
    j park
    .balign 4
taken:
    .word 0

    .text
// void vireo_switch_stack(function, argument, distance): `function` runs on the stack of the copy of the image that
// `distance` lies above this one.
    .global vireo_switch_stack
    .hidden vireo_switch_stack
vireo_switch_stack:
    lla sp, vireo_stack_end
    add sp, sp, a2
    mv t0, a0
    mv a0, a1
    li s0, 0
    li ra, 0
    jr t0

// Saves x1 to x31 and the failed code's stack pointer in its place. mscratch holds the exception stack, so that a stack
// overflow can still be reported.
    .balign 4
    .global vireo_vector
    .hidden vireo_vector
vireo_vector:
    csrrw sp, mscratch, sp
    addi sp, sp, -32 * WORD
    STORE ra, 1 * WORD(sp)
    STORE gp, 3 * WORD(sp)
    STORE tp, 4 * WORD(sp)
    STORE t0, 5 * WORD(sp)
    STORE t1, 6 * WORD(sp)
    STORE t2, 7 * WORD(sp)
    STORE s0, 8 * WORD(sp)
    STORE s1, 9 * WORD(sp)
    STORE a0, 10 * WORD(sp)
    STORE a1, 11 * WORD(sp)
    STORE a2, 12 * WORD(sp)
    STORE a3, 13 * WORD(sp)
    STORE a4, 14 * WORD(sp)
    STORE a5, 15 * WORD(sp)
    STORE a6, 16 * WORD(sp)
    STORE a7, 17 * WORD(sp)
    STORE s2, 18 * WORD(sp)
    STORE s3, 19 * WORD(sp)
    STORE s4, 20 * WORD(sp)
    STORE s5, 21 * WORD(sp)
    STORE s6, 22 * WORD(sp)
    STORE s7, 23 * WORD(sp)
    STORE s8, 24 * WORD(sp)
    STORE s9, 25 * WORD(sp)
    STORE s10, 26 * WORD(sp)
    STORE s11, 27 * WORD(sp)
    STORE t3, 28 * WORD(sp)
    STORE t4, 29 * WORD(sp)
    STORE t5, 30 * WORD(sp)
    STORE t6, 31 * WORD(sp)
    csrr t0, mscratch
    STORE t0, 2 * WORD(sp)
    mv a0, sp
    lla t0, vireo_exception_stack_end
    csrw mscratch, t0               // an exception in the report shall find a stack as well
    tail vireo_exception

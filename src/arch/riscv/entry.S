// SPDX-License-Identifier: Apache-2.0
// Reset to C++ on riscv (common/start.h), either width, in the mode that we are started in: machine mode
// after reset, from RAM (all harts arrive together) or from flash, or supervisor mode under somebody else's
// firmware. a0 is the hart's id, a1 the device tree.
#include "arch/common/layout.h"
#include "arch/common/least_ram.h"
#include "arch/riscv/sbi/layout.h"
#include "arch/riscv/start_mode.h"

#if __riscv_xlen == 64
#define WORD 8
#define LOAD ld
#define STORE sd
#else
#define WORD 4
#define LOAD lw
#define STORE sw
#endif

// QEMU's virt machine: flash lies below RAM. What we are loaded to from flash is where -kernel would load us.
#define RAM_BASE 0x80000000
#define SCRATCH_IMAGE 0x80200000

// The 16550 of that machine.
#define UART 0x10000000
#define LEAST_RAM 0x300000

    .option norelax
    .section .entry, "ax"
    .global vireo_entry
    .hidden vireo_entry
vireo_entry:
    // No compressed instructions before it is known that there are any.
    .option push
    .option norvc
    // Which mode? Of machine mode's registers supervisor mode may not read any: its trap, which the firmware
    // below passes on to stvec, is the answer. Both modes may write stvec, but a hart without supervisor mode
    // may not. So it is not asked who comes straight from QEMU's reset ROM: that jumps by t0 to the address
    // in its seventh word, and a2 points behind its tenth, to what QEMU says about -kernel. From anybody else
    // a2 is not believed.
    lla t1, vireo_entry
    bne t0, t1, 1f
    srli t0, a2, 16
    bnez t0, 1f
    LOAD t0, -16(a2)
    mv s4, a2
    beq t0, t1, in_machine_mode
1:  li s4, 0
    lla t0, in_supervisor_mode
    csrw stvec, t0
    csrr t0, mstatus
in_machine_mode:
    csrci mstatus, 8                // interrupts off; those that end wfi are chosen by mie
    csrw mie, zero
    // Is there a `time` register? It is the same counter as the one in memory, for less.
    lla t0, no_time
    csrw mtvec, t0
    li s3, START_HAS_TIME
    csrr t0, time
    j mode_known
    .balign 4
no_time:
    li s3, 0
    j mode_known
    .balign 4
in_supervisor_mode:
    csrci sstatus, 2
    csrw sie, zero
    li s3, START_SUPERVISOR | START_HAS_TIME

mode_known:
    // Is there RAM enough for the image to run, 3 MiB from where it starts? (With less, QEMU's device tree
    // does not lie in RAM either.) Does the hart have what compilers take for granted, extensions A and C?
    lla s2, vireo_entry
    li t0, RAM_BASE
    mv t1, s2
    bgeu s2, t0, 1f
    li t1, SCRATCH_IMAGE
1:  li t2, LEAST_RAM - 8
    add t1, t1, t2
    lla t2, cannot_run
    andi t3, s3, START_SUPERVISOR
    bnez t3, 1f
    csrw mtvec, t2
    j 2f
1:  csrw stvec, t2
2:  amoadd.w zero, zero, (t1)
    .word 0x00010001                // c.nop, twice
    bgeu s2, t0, in_ram

    // Flash cannot be written: all but the first hart sleep right there, and the image goes on in RAM.
    ori s3, s3, START_FROM_FLASH
    andi t0, s3, START_SUPERVISOR
    bnez t0, 1f
    bnez a0, park
1:  li t0, SCRATCH_IMAGE
    lla t1, vireo_file_end
    mv t2, s2
1:  LOAD t3, (t2)
    LOAD t4, WORD(t2)
    STORE t3, (t0)
    STORE t4, WORD(t0)
    addi t2, t2, 2 * WORD
    addi t0, t0, 2 * WORD
    bltu t2, t1, 1b
    fence.i
    li t0, SCRATCH_IMAGE
    lla t1, in_scratch
    sub t1, t1, s2
    add t0, t0, t1
    jr t0
in_scratch:
    lla s2, vireo_entry
    j first

in_ram:
    // The first one here goes on. This word, and the sleeping place, stay where they are when the image
    // moves: it does not matter how late another hart comes.
    lla t0, taken
    li t1, 1
    amoswap.w.aqrl t1, t1, (t0)
    bnez t1, park

first:
    sw s3, vireo_start_mode, t0
    STORE s4, vireo_reset_record, t0
    mv s0, a0
    mv s1, a1
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

    // Until an operating system is about to run, and somebody has put the SBI there: it interrupts us.
park:
    andi t0, s3, START_SUPERVISOR
    bnez t0, asleep
    li t0, 8                        // software interrupts end wfi, and are not taken
    csrw mie, t0
1:  wfi
    csrr t0, mip
    andi t0, t0, 8
    beqz t0, 1b
    li t0, VIREO_SBI_BLOCK + VIREO_SBI_IMAGE
    fence rw, rw
    fence.i
    jr t0
asleep:
    wfi
    j asleep

    .balign 4
cannot_run:
    lla t0, too_little_ram
    andi t3, s3, START_SUPERVISOR
    bnez t3, 1f                     // the firmware below tells apart what happened, and runs on the same hart
    bnez a0, park
    csrr t1, mcause
    li t2, 2
    bne t1, t2, 1f
    lla t0, wrong_processor
1:  li t1, UART
2:  lbu t2, 5(t1)
    andi t2, t2, 0x20               // the transmitter is empty
    beqz t2, 2b
    lbu t2, (t0)
    beqz t2, park
    sb t2, (t1)
    addi t0, t0, 1
    j 2b
too_little_ram:
    .asciz VIREO_TOO_LITTLE_RAM
wrong_processor:
    .asciz "\r\nVireo for riscv needs a processor with atomic and compressed instructions.\r\n"
    .option pop

    .balign 4
taken:
    .word 0
// START_...: written once, here, and copied with the image.
    .global vireo_start_mode
    .hidden vireo_start_mode
vireo_start_mode:
    .word 0
// As is where QEMU's reset ROM says what it has loaded; 0: we do not come from there.
    .balign WORD
    .global vireo_reset_record
    .hidden vireo_reset_record
vireo_reset_record:
    .space WORD

    .text
// void vireo_switch_stack(function, argument, distance): `function` runs on the stack of the copy of the
// image that `distance` lies above this one.
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

// Saves x1 to x31 and the failed code's stack pointer in its place. mscratch or sscratch holds the
// exception stack, so that a stack overflow can still be reported; an exception in the report shall
// find a stack as well.
    .macro vector name, scratch
    .balign 4
    .global \name
    .hidden \name
\name:
    csrrw sp, \scratch, sp
    addi sp, sp, -32 * WORD
    STORE t0, 5 * WORD(sp)
    csrr t0, \scratch
    STORE t0, 2 * WORD(sp)
    lla t0, vireo_exception_stack_end
    csrw \scratch, t0
    j save_rest
    .endm
    vector vireo_machine_vector, mscratch
    vector vireo_supervisor_vector, sscratch
save_rest:
    STORE ra, 1 * WORD(sp)
    STORE gp, 3 * WORD(sp)
    STORE tp, 4 * WORD(sp)
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
    mv a0, sp
    call vireo_exception
    // It comes back if the failed access was one that may fail (common/attempt.h).
    LOAD ra, 1 * WORD(sp)
    LOAD sp, 2 * WORD(sp)
    j vireo_attempt_failed

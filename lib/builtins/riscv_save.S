// SPDX-License-Identifier: Apache-2.0

// What -msave-restore calls where a function would store registers and load them again (RISC-V psABI,
// "Save-restore routines"). __riscv_save_N, called with the return address in t0, makes room on the stack, in
// units of 16 bytes, and stores there from the top down: ra, s0 and so on, N of the s registers.
// __riscv_restore_N, jumped to, undoes that and returns for the function. What fits the same room shares the
// code: a register more does no harm.

#if __riscv_xlen == 64
#define STORE sd
#define LOAD ld
#define WORD 8
#else
#define STORE sw
#define LOAD lw
#define WORD 4
#endif

    .macro name what, number
    .globl __riscv_\what\()_\number
    .hidden __riscv_\what\()_\number
    .type __riscv_\what\()_\number, @function
__riscv_\what\()_\number:
    .endm

    .macro each operation, registers, bytes
    \operation ra, \bytes - WORD(sp)
    .irp number, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
    .if \number < \registers
    \operation s\number, \bytes - (\number + 2) * WORD(sp)
    .endif
    .endr
    .endm

    .macro save registers, bytes
    addi sp, sp, -\bytes
    each STORE, \registers, \bytes
    jr t0
    .endm

    .macro restore registers, bytes
    each LOAD, \registers, \bytes
    addi sp, sp, \bytes
    ret
    .endm

    .macro all what
#if __riscv_xlen == 64
    name \what, 0
    name \what, 1
    \what 1, 16
    name \what, 2
    name \what, 3
    \what 3, 32
    name \what, 4
    name \what, 5
    \what 5, 48
    name \what, 6
    name \what, 7
    \what 7, 64
    name \what, 8
    name \what, 9
    \what 9, 80
    name \what, 10
    name \what, 11
    \what 11, 96
    name \what, 12
    \what 12, 112
#else
    name \what, 0
    name \what, 1
    name \what, 2
    name \what, 3
    \what 3, 16
    name \what, 4
    name \what, 5
    name \what, 6
    name \what, 7
    \what 7, 32
    name \what, 8
    name \what, 9
    name \what, 10
    name \what, 11
    \what 11, 48
    name \what, 12
    \what 12, 64
#endif
    .endm

    .section .text.riscv_save, "ax"
    all save
    all restore

// SPDX-License-Identifier: Apache-2.0
// The least firmware that offers supervisor mode on QEMU's virt machine (RISC-V, either width), for
// what no packaged OpenSBI has: 32 bits, and the debug console. One hart, no checks: it serves its own
// tests and nobody else.
//
// SBI calls: base (probe), TIME, HSM (probe only), SRST, DBCN. The counter registers are open,
// exceptions are delegated.

#if __riscv_xlen == 64
#define WORD 8
#define LOAD ld
#define STORE sd
#define KERNEL 0x80200000
#else
#define WORD 4
#define LOAD lw
#define STORE sw
#define KERNEL 0x80400000
#endif
#define UART 0x10000000
#define COMPARE 0x2004000
#define POWER 0x100000

    .option norelax
    .section .text
    .global _start
_start:
    bnez a0, sleep
    li t0, -1
    csrw pmpaddr0, t0
    li t0, 0x1f
    csrw pmpcfg0, t0
    li t0, 0xb1ff                   // all exceptions but calls from supervisor mode
    csrw medeleg, t0
    li t0, 0x222
    csrw mideleg, t0
    li t0, 7
    csrw mcounteren, t0
    lla t0, trap
    csrw mtvec, t0
    lla t0, stack_end
    csrw mscratch, t0
    csrw mie, zero
    csrw mip, zero
    csrw satp, zero                 // QEMU's reset leaves it as it was
    li t0, 3 << 11
    csrc mstatus, t0
    li t0, 1 << 11
    csrs mstatus, t0                // mret leads to supervisor mode
    li t0, KERNEL
    csrw mepc, t0
    mret
sleep:
    wfi
    j sleep

    .balign 4
trap:
    csrrw sp, mscratch, sp
    STORE t0, -1 * WORD(sp)
    STORE t1, -2 * WORD(sp)
    STORE t2, -3 * WORD(sp)
    STORE t3, -4 * WORD(sp)
    csrr t0, mcause
    bltz t0, timer
    li t1, 9
    bne t0, t1, sleep               // nothing else is expected: the test that waits reports it
    csrr t0, mepc
    addi t0, t0, 4
    csrw mepc, t0
    li t1, 0x10
    beq a7, t1, base
    li t1, 0x54494d45
    beq a7, t1, set_timer
    li t1, 0x53525354
    beq a7, t1, system_reset
    li t1, 0x4442434e
    beq a7, t1, console
unsupported:
    li a0, -2
    li a1, 0
    j back

base:
    li t1, 3
    bne a6, t1, unsupported
    li a1, 1
    lla t1, extensions
1:  lw t2, (t1)
    beqz t2, 2f
    beq t2, a0, succeeded
    addi t1, t1, 4
    j 1b
2:  li a1, 0
succeeded:
    li a0, 0
back:
    LOAD t0, -1 * WORD(sp)
    LOAD t1, -2 * WORD(sp)
    LOAD t2, -3 * WORD(sp)
    LOAD t3, -4 * WORD(sp)
    csrrw sp, mscratch, sp
    mret

timer:
    li t0, 0x80
    csrc mie, t0
    li t0, 0x20
    csrs mip, t0
    j back

set_timer:
    li t0, COMPARE
#if __riscv_xlen == 64
    sd a0, (t0)
#else
    li t1, -1
    sw t1, (t0)
    sw a1, 4(t0)
    sw a0, (t0)
#endif
    li t0, 0x20
    csrc mip, t0
    li t0, 0x80
    csrs mie, t0
    li a1, 0
    j succeeded

system_reset:
    li t0, POWER
    li t1, 0x5555
    beqz a0, 1f
    li t1, 0x7777
1:  sw t1, (t0)
    j sleep

// Bytes go out one a call, and none while the port has no room: the caller has to go on with the rest.
console:
    li t0, UART
    li t1, 1
    beq a6, t1, console_read
    bnez a6, unsupported
    lbu t1, 5(t0)
    andi t1, t1, 0x20
    mv t2, a1
    li a1, 0
    beqz t1, succeeded
    lbu t1, (t2)
    sb t1, (t0)
    li a1, 1
    j succeeded
console_read:
    lbu t1, 5(t0)
    andi t1, t1, 1
    mv t2, a1
    mv a1, t1
    beqz t1, succeeded
    lbu t1, (t0)
    sb t1, (t2)
    j succeeded

    .balign 4
extensions:
    .word 0x10, 0x54494d45, 0x48534d, 0x53525354, 0x4442434e, 0
    .balign 16
    .space 512
stack_end:

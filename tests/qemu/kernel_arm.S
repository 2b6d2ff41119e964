// SPDX-License-Identifier: Apache-2.0
// A kernel for test_handover.py: what kernel_arm64.S is, for 32 bits, with the same lines and keys.
// kernels.py writes a zImage's header into it. It unpacks nothing, and runs where it is entered.
#include "kernel_virt.h"

    .arch armv7-a
    .arch_extension sec
    .arch_extension virt
    .arm
head:
    b start
    .space 0x5c                     // the header, and its table of sizes
    .word end                       // for kernels.py: what it takes (it is linked to address 0)
    .space 0x1c

    .balign 32
vectors:
    .rept 8
    b fault
    .endr

.macro constant register, value
    movw \register, #:lower16:(\value)
    movt \register, #:upper16:(\value)
.endm
// say TEXT: the line's beginning; tell NAME: the whole line, with r0 as its number. They use r1, r2, r3, lr.
.macro say text
    bl print
    .asciz "\text"
    .balign 4
.endm
.macro tell name
    say "\name="
    bl hexadecimal
.endm
// A register of the system coprocessor, by its numbers.
.macro register name, op1, crn, crm, op2
    mrc p15, \op1, r0, \crn, \crm, \op2
    tell "\name"
.endm

// From here on r4 is where the kernel lies, r5 to r7 are what r0 to r2 were, r8 is the mode and its masks.
start:
    mrs r8, cpsr
    mov r5, r0
    mov r6, r1
    mov r7, r2
    adr r4, head
    constant sp, stack_end
    add sp, sp, r4
    adr r0, vectors
    and r1, r8, #0x1f
    cmp r1, #0x1a
    mcreq p15, 4, r0, c12, c0, 0    // HVBAR
    mcrne p15, 0, r0, c12, c0, 0    // VBAR
    isb

    say "\r\nhead="
    mov r0, r4
    bl hexadecimal
    mov r0, r5
    tell "r0"
    mov r0, r6
    tell "r1"
    mov r0, r7
    tell "r2"
    mov r0, r8
    tell "cpsr"
    register "mpidr", 0, c0, c0, 5
    register "cntfrq", 0, c14, c0, 0
    register "cntp_ctl", 0, c14, c2, 1
    register "cntv_ctl", 0, c14, c3, 1
    register "isr", 0, c12, c1, 0
    and r1, r8, #0x1f
    cmp r1, #0x1a
    beq 1f
    register "sctlr", 0, c1, c0, 0
    b 2f
1:  register "sctlr", 4, c1, c0, 0  // HSCTLR
    register "cnthp_ctl", 4, c14, c2, 1
2:
    ldr r0, [r7]
    rev r0, r0
    tell "tree"
    ldr r0, [r7, #4]
    rev r0, r0
    tell "tree_bytes"

    bl interrupts
    bl processors
    say "ready\r\n"

next:
    constant r9, UART
1:  ldr r0, [r9, #0x18]
    tst r0, #1 << 4                 // nothing to receive
    bne 1b
    ldr r0, [r9]
    and r0, r0, #0xff
    cmp r0, #'f'
    beq fill
    cmp r0, #'c'
    beq check
    cmp r0, #'r'
    beq 2f
    cmp r0, #'q'
    bne 1b
    say "off\r\n"
    constant r0, 0x84000008         // SYSTEM_OFF
    bl firmware
2:  say "reset\r\n"
    constant r0, 0x84000009         // SYSTEM_RESET
    bl firmware

// Each word of RAM gets its own address, but those of the kernel and of the tree.
fill:
    adr r11, fill_range
    bl each_range
    say "filled\r\n"
    b next
fill_range:
    mov r2, r0
    str r2, [r0], #4
    cmp r0, r1
    blo fill_range
    bx lr
// How many of them have changed, and which was the last.
check:
    mov r9, #0
    mov r10, #0
    adr r11, check_range
    bl each_range
    mov r0, r9
    tell "last"
    mov r0, r10
    tell "changed"
    b next
check_range:
    ldr r2, [r0]
    cmp r2, r0
    movne r9, r0
    addne r10, r10, #1
    add r0, r0, #4
    cmp r0, r1
    blo check_range
    bx lr
// r11 with r0 and r1: where each range begins and ends.
each_range:
    push {lr}
    constant r0, RAM
    mov r1, r4
    blx r11
    constant r0, end
    add r0, r0, r4
    mov r1, r7
    blx r11
    ldr r0, [r7, #4]
    rev r0, r0
    add r0, r0, r7
    add r0, r0, #15
    bic r0, r0, #15
    constant r1, RAM_END
    blx r11
    pop {pc}

// What of the interrupt controller is enabled, waits, or is active: all words of its registers, one ORed to
// the other. A software interrupt cannot be disabled on GICv2.
interrupts:
    push {lr}
    constant r9, GICD
    ldr r0, [r9]
    tell "gicd_ctlr"
    mrc p15, 0, r10, c0, c1, 1      // ID_PFR1
    lsr r10, r10, #28               // 0: GICv2, which has no system registers
    mov r0, r10
    tell "gic_registers"
    cmp r10, #0
    beq 1f
    constant r9, GICR_SGI
1:  ldr r0, [r9, #0x100]
    lsr r0, r0, #16
    tell "own_enabled"
    ldr r0, [r9, #0x200]
    tell "own_pending"
    ldr r0, [r9, #0x300]
    tell "own_active"
    constant r9, GICD + 0x104
    bl any
    tell "shared_enabled"
    constant r9, GICD + 0x204
    bl any
    tell "shared_pending"
    constant r9, GICD + 0x304
    bl any
    tell "shared_active"
    constant r9, GICC
    cmp r10, #0
    ldreq r0, [r9]
    mrcne p15, 0, r0, c12, c12, 7   // ICC_IGRPEN1
    tell "gic_interface"
    pop {pc}

// r0: 8 words from r9 on, one ORed to the other.
any:
    mov r0, #0
    mov r1, #8
1:  ldr r2, [r9], #4
    orr r0, r0, r2
    subs r1, r1, #1
    bne 1b
    bx lr

// Starts the others by PSCI, one after the other, as a kernel does.
processors:
    push {lr}
    mov r10, #1
1:  constant r0, 0x84000003         // CPU_ON
    mov r1, r10
    adr r2, other
    constant r3, started
    add r3, r3, r4
    mov r11, r3
    bl firmware
    cmp r0, #0
    bne 3f
    // It says so itself, within a second.
    mrrc p15, 0, r1, r2, c14        // CNTPCT
    mrc p15, 0, r3, c14, c0, 0      // CNTFRQ
2:  ldr r0, [r11]
    cmp r0, r10
    beq 4f
    mrrc p15, 0, r0, r2, c14
    sub r0, r0, r1
    cmp r0, r3
    blo 2b
    mvn r0, #99
3:  tell "cpu_on"                   // what ended it
    mov r0, r10
    tell "processors"
    pop {pc}
4:  add r10, r10, #1
    cmp r10, #MOST_PROCESSORS
    blo 1b
    mov r0, #0
    b 3b
// r0: where it says its number.
other:
    mrc p15, 0, r1, c0, c0, 5
    and r1, r1, #0xff
    str r1, [r0]
    dsb
1:  wfi
    b 1b

// PSCI, with the conduit that there is: the level above.
firmware:
    mrc p15, 0, r12, c0, c1, 1      // ID_PFR1: is there HYP, or a secure world?
    tst r12, #0xf000
    tsteq r12, #0xf0
    bne 1f
    hvc #0
    bx lr
1:  smc #0
    bx lr

// r0 as a number and the line's end.
hexadecimal:
    push {lr}
    constant r1, UART
    mov r2, #28
1:  lsr r3, r0, r2
    and r3, r3, #15
    cmp r3, #10
    addlo r3, r3, #'0'
    addhs r3, r3, #'a' - 10
2:  ldr lr, [r1, #0x18]
    tst lr, #1 << 5                 // no room
    bne 2b
    str r3, [r1]
    subs r2, r2, #4
    bhs 1b
    say "\r\n"
    pop {pc}
// The text behind the call; goes on behind it.
print:
    constant r1, UART
1:  ldrb r3, [lr], #1
    cmp r3, #0
    beq 3f
2:  ldr r2, [r1, #0x18]
    tst r2, #1 << 5
    bne 2b
    str r3, [r1]
    b 1b
3:  add lr, lr, #3
    bic lr, lr, #3
    bx lr

fault:
    and r1, r8, #0x1f
    cmp r1, #0x1a
    beq 1f
    register "dfsr", 0, c5, c0, 0
    register "dfar", 0, c6, c0, 0
    register "ifar", 0, c6, c0, 2
    b 2f
1:  register "hsr", 4, c5, c2, 0
    register "hdfar", 4, c6, c0, 0
    register "hifar", 4, c6, c0, 2
2:  say "fault\r\n"
3:  wfi
    b 3b

    .bss
    .balign 16
started: .word 0
    .balign 16
    .space 4096
stack_end:
    .balign 4096
end:

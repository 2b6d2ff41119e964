// SPDX-License-Identifier: Apache-2.0
// A kernel for test_handover.py: an arm64 "Image" that says what it finds at its first instruction, as lines
// "name=number" on QEMU's PL011, and "ready". Then a key decides: q powers the machine off, r resets it. It
// never switches the MMU or a cache on, so it sees what a kernel sees whose caches are off: memory. Nothing
// here is more than `virt` has: the numbers are QEMU's. f fills RAM, all but the kernel and the tree, and c
// tells what of it has changed since. With SMC defined, PSCI is called by that, and asked for what it must
// refuse.
#include "kernel_virt.h"

head:
    b start
    .long 0
    .quad 0                         // text_offset
    .quad end                       // image_size: more than the file has (it is linked to address 0)
    .quad 0xa                       // little endian, 4 KiB pages, anywhere in RAM
    .quad 0, 0, 0
    .ascii "ARM\x64"
    .long 0
    .space 128                      // for an EFI program's headers: kernels.py writes them

// say NAME: the line's beginning; tell NAME: the whole line, with x0 as its number.
.macro say text
    .text 1
8:  .asciz "\text"
    .text 0
    adr x1, 8b
    bl print
.endm
.macro tell name
    mov x23, x0
    say "\name="
    mov x0, x23
    bl hexadecimal
.endm
.macro register name
    mrs x0, \name
    tell "\name"
.endm

start:
    // Nothing is touched before these are safe; x24 is the way in.
    mov x19, x0
    mov x20, x1
    mov x21, x2
    mov x22, x3
    mrs x24, daif
    mrs x26, currentel
    adr x0, stack_end
    mov sp, x0
    lsr x26, x26, #2
    adr x0, vectors
    cmp x26, #2
    b.eq 1f
    msr vbar_el1, x0
    b 2f
1:  msr vbar_el2, x0
2:  isb

    say "\r\nhead="
    adr x0, head
    bl hexadecimal
    mov x0, x19
    tell "x0"
    mov x0, x20
    tell "x1"
    mov x0, x21
    tell "x2"
    mov x0, x22
    tell "x3"
    mov x0, x26
    tell "el"
    mov x0, x24
    tell "daif"
    register mpidr_el1
    mrs x0, cntfrq_el0
    tell "cntfrq"
    mrs x0, cntp_ctl_el0
    tell "cntp_ctl"
    mrs x0, cntv_ctl_el0
    tell "cntv_ctl"
    mrs x0, isr_el1
    tell "isr"
    cmp x26, #2
    b.eq 1f
    mrs x0, sctlr_el1
    tell "sctlr"
    b 2f
1:  mrs x0, sctlr_el2
    tell "sctlr"
    mrs x0, cnthp_ctl_el2
    tell "cnthp_ctl"
    register hcr_el2
2:
    ldr w0, [x19]
    rev w0, w0
    tell "tree"
    ldr w0, [x19, #4]
    rev w0, w0
    tell "tree_bytes"

    bl interrupts
    bl processors
#ifdef SMC
    bl wrong_calls
#endif
    say "ready\r\n"

next:
    ldr x9, =UART
1:  ldr w0, [x9, #0x18]
    tbnz w0, #4, 1b                 // nothing to receive
    ldr w0, [x9]
    and w0, w0, #0xff
    cmp w0, #'f'
    b.eq fill
    cmp w0, #'c'
    b.eq check
    movz x23, #0x8400, lsl #16
    cmp w0, #'r'
    b.eq 2f
    cmp w0, #'q'
    b.ne 1b
    say "off\r\n"
    add x0, x23, #8                 // SYSTEM_OFF
    bl firmware
2:  say "reset\r\n"
    add x0, x23, #9                 // SYSTEM_RESET
    bl firmware

// Each double word of RAM gets its own address, but those of the kernel and of the tree.
fill:
    adr x23, fill_range
    bl each_range
    say "filled\r\n"
    b next
fill_range:
    mov x9, x0
    str x9, [x0], #8
    cmp x0, x1
    b.lo fill_range
    ret
// How many of them have changed, and which was the last.
check:
    mov x20, #0
    mov x21, #0
    adr x23, check_range
    bl each_range
    mov x0, x20
    tell "last"
    mov x0, x21
    tell "changed"
    b next
check_range:
    ldr x9, [x0]
    cmp x9, x0
    b.eq 1f
    mov x20, x0
    add x21, x21, #1
1:  add x0, x0, #8
    cmp x0, x1
    b.lo check_range
    ret
// x23 with x0 and x1: where each range begins and ends.
each_range:
    stp x29, x30, [sp, #-16]!
    ldr x0, =RAM
    adr x1, head
    blr x23
    adr x0, head
    ldr x9, =end
    add x0, x0, x9
    mov x1, x19
    blr x23
    ldr w0, [x19, #4]
    rev w0, w0
    add x0, x0, x19
    add x0, x0, #15
    and x0, x0, #-16
    ldr x1, =RAM_END
    blr x23
    ldp x29, x30, [sp], #16
    ret

// What of the interrupt controller is enabled, waits, or is active: all words of its registers, one ORed to
// the other. A software interrupt cannot be disabled on GICv2.
interrupts:
    stp x29, x30, [sp, #-16]!
    ldr x9, =GICD
    ldr w0, [x9]
    tell "gicd_ctlr"
    mrs x0, id_aa64pfr0_el1
    ubfx w27, w0, #24, #4           // 0: GICv2, which has no system registers
    mov w0, w27
    tell "gic_registers"
    ldr x9, =GICD
    cbz w27, 1f
    ldr x9, =GICR_SGI
1:  ldr w0, [x9, #0x100]
    lsr w0, w0, #16
    tell "own_enabled"
    ldr x9, =GICD
    cbz w27, 1f
    ldr x9, =GICR_SGI
1:  ldr w0, [x9, #0x200]
    tell "own_pending"
    ldr x9, =GICD
    cbz w27, 1f
    ldr x9, =GICR_SGI
1:  ldr w0, [x9, #0x300]
    tell "own_active"
    ldr x9, =GICD + 0x104
    bl any
    tell "shared_enabled"
    ldr x9, =GICD + 0x204
    bl any
    tell "shared_pending"
    ldr x9, =GICD + 0x304
    bl any
    tell "shared_active"
    cbnz w27, 1f
    ldr x9, =GICC
    ldr w0, [x9]
    b 2f
1:  mrs x0, s3_0_c12_c12_7          // ICC_IGRPEN1_EL1
2:  tell "gic_interface"
    ldp x29, x30, [sp], #16
    ret

// w0: 8 words from x9 on, one ORed to the other.
any:
    mov w0, #0
    mov w10, #8
1:  ldr w11, [x9], #4
    orr w0, w0, w11
    subs w10, w10, #1
    b.ne 1b
    ret

// Starts the others by PSCI, one after the other, as a kernel does. With SMC each stops and is started once
// more; x25 says which time it is.
processors:
    stp x29, x30, [sp, #-16]!
    mov x28, #1
    mov x25, #0
1:  movz x0, #0xc400, lsl #16
    add x0, x0, #3                  // CPU_ON, 64 bits
    mov x1, x28
    adr x2, other
    add x3, x28, x25, lsl #8
    bl firmware
    cbnz x0, 3f
    // It says so itself, within a second.
    mrs x10, cntfrq_el0
    mrs x11, cntpct_el0
    add x10, x10, x11
2:  adr x9, started
    ldr w12, [x9]
    add w13, w28, w25, lsl #8
    cmp w12, w13
    b.eq 4f
    mrs x11, cntpct_el0
    cmp x11, x10
    b.lo 2b
    mov x0, #-100
    b 3f
4:
#ifdef SMC
    movz x0, #0xc400, lsl #16
    add x0, x0, #4                  // AFFINITY_INFO
    mov x1, x28
    mov x2, #0
    bl firmware
    cmp x0, #1                      // off
    b.ne 4b
    eor x25, x25, #1
    cbnz x25, 1b
#endif
    add x28, x28, #1
    cmp x28, #MOST_PROCESSORS
    b.lo 1b
    mov x0, #0
3:  tell "cpu_on"                   // what ended it
    mov x0, x28
    tell "processors"
    ldp x29, x30, [sp], #16
    ret
other:
    adr x9, started
    str w0, [x9]
    dsb sy
#ifdef SMC
    movz x0, #0x8400, lsl #16
    add x0, x0, #2                  // CPU_OFF
    smc #0
#endif
1:  wfi
    b 1b

#ifdef SMC
.macro ask name, function, first=0, second=0, third=0
    ldr x0, =\function
    ldr x1, =\first
    ldr x2, =\second
    ldr x3, =\third
    bl firmware
    tell "psci_\name"
.endm
// What a caller may get wrong; test_handover.py knows the answers.
wrong_calls:
    stp x29, x30, [sp, #-16]!
    ask version, 0x84000000
    ask version_64, 0xc4000000
    ask migrate_info_type, 0x84000006
    ask features_on, 0x8400000a, 0xc4000003
    ask features_unknown, 0x8400000a, 0x84000005
    ask features_smccc, 0x8400000a, 0x80000000
    ask unknown, 0x8400001f
    ask unknown_owner, 0xffffffff
    ask on_absent, 0xc4000003, 0x10000, 0x40000000
    ask on_running, 0xc4000003, 0, 0x40000000
    ask on_in_secure_ram, 0xc4000003, 0, 0x0e000000
    ask on_in_flash, 0xc4000003, 0, 0
    ask on_nowhere, 0xc4000003, 0, 0xfffffffffffffffc
    ask on_misaligned, 0xc4000003, 0, 0x40000002
    ask info_running, 0xc4000004, 0
    ask info_absent, 0xc4000004, 0x200
    ask info_cluster, 0xc4000004, 0, 1
    ask suspend_reserved, 0x84000001, 0x80000000
    ldp x29, x30, [sp], #16
    ret
#endif

// PSCI, with the conduit that QEMU has, the level above; or with the only one that a secure world has.
firmware:
#ifndef SMC
    cmp x26, #2
    b.eq 1f
    hvc #0
    ret
#endif
1:  smc #0
    ret

// x0 as a number and the line's end; uses x9 to x12.
hexadecimal:
    ldr x9, =UART
    mov x10, #60
1:  lsr x11, x0, x10
    and x11, x11, #15
    cmp x11, #10
    add x12, x11, #'0'
    b.lo 2f
    add x12, x11, #('a' - 10)
2:  ldr w11, [x9, #0x18]
    tbnz w11, #5, 2b                // no room
    str w12, [x9]
    subs x10, x10, #4
    b.ge 1b
    adr x1, newline
// The text at x1; uses x9, x11, x12.
print:
    ldr x9, =UART
1:  ldrb w12, [x1], #1
    cbz w12, 3f
2:  ldr w11, [x9, #0x18]
    tbnz w11, #5, 2b
    str w12, [x9]
    b 1b
3:  ret

    .balign 2048
vectors:
    .rept 16
    b fault
    .balign 128
    .endr
fault:
    cmp x26, #2
    b.eq 1f
    register esr_el1
    register elr_el1
    register far_el1
    b 2f
1:  register esr_el2
    register elr_el2
    register far_el2
2:  say "fault\r\n"
3:  wfi
    b 3b

    .ltorg
    .text 1
newline: .asciz "\r\n"
    .bss
    .balign 16
started: .word 0
    .balign 16
    .space 4096
stack_end:
    .balign 4096
end:

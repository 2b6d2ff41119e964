// SPDX-License-Identifier: Apache-2.0
// Reset to C++ on arm (common/start.h). Nothing is known but the program counter: all addresses are relative
// to it. Who was loaded to RAM the way a kernel is finds the device tree's address in r2.
#include "arch/arm/address.inc"
#include "arch/common/layout.h"
#include "arch/common/least_ram.h"
#include "arch/psci/layout.h"

// QEMU's virt machine: flash lies below RAM, whose first 2 MiB begin with the device tree.
#define RAM_BASE 0x40000000
#define SCRATCH_IMAGE 0x40200000
#define GIC_V2_INTERFACE 0x08010000

// SCTLR: MMU, data cache, branch prediction, instruction cache on; no alignment checks, vectors by VBAR, no
// remapping of attributes, little-endian ARM code in exceptions.
#define SCTLR_OFF_MASK 0x7000b007                            /* TE AFE TRE EE clear as well */
#define SCTLR_CACHES_AND_MMU (1 << 0 | 1 << 2 | 1 << 11 | 1 << 12)
#define SECTION_DEVICE 0x00000416                            /* read and write at PL1, never executed */
#define SECTION_NORMAL 0x0001140e                            /* the same, executable, write-back, shareable */
#define TABLE_WALKS 0x4a                                     /* write-back, shareable */

    .arch armv7-a
    .arch_extension sec
    .arch_extension virt
    .arm

    .section .entry, "ax"
    .global vireo_entry
    .hidden vireo_entry
    .type vireo_entry, %function
vireo_entry:
    // A 64-bit processor would be silent with this image. Its first word is a branch by 0x84 here, and `tst
    // x0, x0` there, which goes on to what says so.
    .word 0xea00001f
    .word 0xd53800a0               // mrs x0, mpidr_el1: only the first of several
    .word 0xf2405c1f               // tst x0, #0xffffff
    .word 0x54000121               // b.ne 2f
    .word 0x10000140               // adr x0, 3f: the text
    .word 0xd2a12001               // mov x1, #0x09000000: the PL011 of the virt machine
    .word 0x52806022               // mov w2, #0x301
    .word 0xb9003022               // str w2, [x1, #0x30]: on
    .word 0x38401402               // 1: ldrb w2, [x0], #1
    .word 0x34000062               // cbz w2, 2f
    .word 0xb9000022               // str w2, [x1]
    .word 0x17fffffd               // b 1b
    .word 0xd503207f               // 2: wfi
    .word 0x17ffffff               // b 2b
3:  .asciz "\r\nThis image of Vireo needs a 32-bit processor: -cpu cortex-a15\r\n"
    .org vireo_entry + 0x84

    mov r10, r2
    // With virtualization=on reset leads to HYP. Go on in SVC, with everything allowed below.
    mrs r0, cpsr
    and r1, r0, #0x1f
    cmp r1, #0x1a
    bne not_hyp
    mov r2, #0
    mcr p15, 4, r2, c1, c1, 0       // HCR: no traps, no second translation
    mcr p15, 4, r2, c1, c1, 3       // HSTR
    mrc p15, 4, r1, c14, c1, 0
    orr r1, r1, #3
    mcr p15, 4, r1, c14, c1, 0      // CNTHCTL: counter and timer for PL1
    mcrr p15, 4, r2, r2, c14        // CNTVOFF
    mrc p15, 0, r1, c0, c1, 1       // ID_PFR1: are there system registers for the GIC?
    lsrs r1, r1, #28
    movne r1, #0xf
    mcrne p15, 4, r1, c12, c9, 5    // ICC_HSRE
    mov r1, #0xd3
    orr r1, r1, #0x100
    msr spsr_cxsf, r1               // SVC, all masked
    adr r1, not_hyp
    msr elr_hyp, r1
    eret
not_hyp:
    cpsid aif, #0x13

    // With secure=on every processor comes out of reset here; without it PSCI keeps the others off.
    mrc p15, 0, r0, c0, c0, 5
    bics r0, r0, #0xff000000
    bne park

first:
    mrc p15, 0, r0, c1, c0, 0
    ldr r1, sctlr_off_mask
    bic r0, r0, r1
    mcr p15, 0, r0, c1, c0, 0
    mov r1, #0
    mcr p15, 0, r1, c7, c5, 0       // all instruction caches
    mcr p15, 0, r1, c7, c5, 6       // branch prediction
    mcr p15, 0, r1, c8, c7, 0       // TLB
    dsb
    isb

    // Where the image goes on: flash cannot be written, and it writes to itself. RAM must reach that far.
    adr r0, no_ram_vectors
    mcr p15, 0, r0, c12, c0, 0      // VBAR
    isb
    adr r0, vireo_entry
    cmp r0, #RAM_BASE
    mov r12, r0
    ldrlo r12, scratch_image
    ldr r1, image_bytes
    ldr r1, [r12, r1]
    bhs in_ram
    mov r1, r12
    ldr r2, file_bytes
    add r2, r2, r1
1:  ldmia r0!, {r4 - r11}
    stmia r1!, {r4 - r11}
    cmp r1, r2
    blo 1b
    dsb
    mov r1, #0
    mcr p15, 0, r1, c7, c5, 0
    isb
    mov r10, #0
    ldr r1, in_ram_offset
    add pc, r1, r12

in_ram:
    address r0, vireo_stack_end
    mov sp, r0

    // Linked at 0: the distance to relocate by is where the image lies.
    mov r0, r12
    address r1, vireo_relr_start
    address r2, vireo_relr_end
    mov r3, r12
    bl vireo_apply_relr
    address r0, vireo_bss_start
    address r2, vireo_bss_end
    sub r2, r2, r0
    mov r1, #0
    bl memset

    // A first map: below 1 GiB devices, all above RAM. vireo_early needs no more; protect_memory is exact.
    address r0, vireo_tables
    ldr r1, section_device
    mov r2, #0x100000
    mov r3, #1024
1:  str r1, [r0], #4
    add r1, r1, r2
    subs r3, r3, #1
    bne 1b
    ldr r1, section_normal
    mov r3, #3072
    add r1, r1, #RAM_BASE
1:  str r1, [r0], #4
    add r1, r1, r2
    subs r3, r3, #1
    bne 1b
    dsb
    bl vireo_use_tables
    bl vireo_install_vectors

    movs r0, r10
    moveq r0, #RAM_BASE
    mov r1, #0
    b vireo_early

    // Until the resident PSCI wakes this processor (arch/psci), which then goes on there. Its own side of the
    // GIC is the only one that it can open: group 0, all priorities.
park:
    mrc p15, 0, r1, c0, c1, 1       // ID_PFR1: are there system registers for the GIC?
    lsrs r1, r1, #28
    mov r0, #0xff
    mov r2, #1
    ldr r3, gic_v2_interface
    beq 1f
    mov r4, #7
    mcr p15, 0, r4, c12, c12, 5     // ICC_SRE
    isb
    mcr p15, 0, r0, c4, c6, 0       // ICC_PMR
    mcr p15, 0, r2, c12, c12, 6     // ICC_IGRPEN0
    isb
    b 2f
1:  str r0, [r3, #4]                // GICC_PMR
    str r2, [r3]                    // GICC_CTLR
2:  dsb
    wfi
    cmp r1, #0
    ldreq r0, [r3, #12]             // GICC_IAR
    mrcne p15, 0, r0, c12, c8, 0    // ICC_IAR0
    ubfx r2, r0, #0, #10
    cmp r2, #VIREO_PSCI_WAKE_INTERRUPT
    bne 2b
    cmp r1, #0
    streq r0, [r3, #16]             // GICC_EOIR
    mcrne p15, 0, r0, c12, c8, 1    // ICC_EOIR0
    mov r0, #0
    mcr p15, 0, r0, c7, c5, 0       // all instruction caches
    dsb
    isb
    ldr pc, resident
gic_v2_interface: .word GIC_V2_INTERFACE
resident: .word VIREO_PSCI_BLOCK

section_device: .word SECTION_DEVICE
section_normal: .word SECTION_NORMAL
image_bytes: .word vireo_image_end - vireo_entry - 4
    // Until there are others. Only the fifth is used, for data aborts.
    .balign 32
no_ram_vectors:
scratch_image: .word SCRATCH_IMAGE
file_bytes: .word vireo_file_end - vireo_entry
in_ram_offset: .word in_ram - vireo_entry
sctlr_off_mask: .word SCTLR_OFF_MASK
    adr r0, 3f
    mov r1, #0x09000000             // the PL011 of the virt machine
    movw r2, #0x301
    str r2, [r1, #0x30]             // on
1:  ldrb r2, [r0], #1
    cmp r2, #0
    strne r2, [r1]
    bne 1b
2:  wfi
    b 2b
3:  .asciz VIREO_TOO_LITTLE_RAM
    .balign 4

    .text
    .balign 4
// void vireo_use_tables(): translation by vireo_tables. Goes through "MMU off", so that the TLB never sees
// two tables. No memory access in between: the caches may hold what memory does not.
    .global vireo_use_tables
    .hidden vireo_use_tables
    .type vireo_use_tables, %function
vireo_use_tables:
    address r0, vireo_tables
    orr r0, r0, #TABLE_WALKS
    ldr r3, 9f
    mrc p15, 0, r2, c1, c0, 0
    bic r1, r2, r3
    orr r2, r1, r3
    dsb
    mcr p15, 0, r1, c1, c0, 0
    isb
    mcr p15, 0, r0, c2, c0, 0       // TTBR0
    mov r0, #0
    mcr p15, 0, r0, c2, c0, 2       // TTBCR: short descriptors, all by TTBR0
    mov r0, #1
    mcr p15, 0, r0, c3, c0, 0       // domain 0 obeys the permissions
    mov r0, #0
    mcr p15, 0, r0, c8, c7, 0       // TLB
    mcr p15, 0, r0, c7, c5, 6
    dsb
    isb
    mcr p15, 0, r2, c1, c0, 0
    isb
    bx lr
9:  .word SCTLR_CACHES_AND_MMU

// void vireo_switch_stack(function, argument, distance): `function` runs on the stack of the copy of the
// image that `distance` lies above this one.
    .global vireo_switch_stack
    .hidden vireo_switch_stack
    .type vireo_switch_stack, %function
vireo_switch_stack:
    address r3, vireo_stack_end
    add sp, r3, r2
    mov r3, r0
    mov r0, r1
    mov r11, #0
    mov lr, #0
    bx r3

// void vireo_set_exception_stacks(end): every exception mode gets the same one, as no two are ever active.
    .global vireo_set_exception_stacks
    .hidden vireo_set_exception_stacks
    .type vireo_set_exception_stacks, %function
vireo_set_exception_stacks:
    mrs r1, cpsr
    cps #0x11                       // FIQ
    mov sp, r0
    cps #0x12                       // IRQ
    mov sp, r0
    cps #0x17                       // abort
    mov sp, r0
    cps #0x1b                       // undefined
    mov sp, r0
    msr cpsr_c, r1
    bx lr

    .balign 32
    .global vireo_vectors
    .hidden vireo_vectors
    .type vireo_vectors, %function
vireo_vectors:
    b .                             // reset: does not come this way
    b undefined
    b supervisor
    b prefetch
    b data
    b .
    b irq
    b fiq

// Leaves {spsr, sp, lr, r0 to r12, pc} of the code that failed on the stack.
    .macro exception name, number, ahead
\name:
    sub lr, lr, #\ahead
    stmfd sp!, {r0 - r12, lr}
    mov r0, #\number
    b save_rest
    .endm
    exception undefined, 1, 4
    exception supervisor, 2, 4
    exception prefetch, 3, 4
    exception data, 4, 8
    exception irq, 6, 4
    exception fiq, 7, 4
save_rest:
    mrs r1, spsr
    mrs r4, cpsr
    cps #0x13                       // Vireo runs in SVC
    mov r2, sp
    mov r3, lr
    msr cpsr_c, r4
    stmfd sp!, {r1 - r3}
    mov r1, sp
    mov r4, sp
    bic sp, sp, #7
    bl vireo_exception
    // It comes back if the failed access was one that may fail (common/attempt.h), and has
    // said where that goes on.
    add sp, r4, #12
    ldmfd sp!, {r0 - r12, pc}^

// SPDX-License-Identifier: Apache-2.0
// Reset to C++ on arm64 (common/start.h). Nothing is known but the program counter: all addresses are
// relative to it. Who was loaded to RAM the way a kernel is finds the device tree's address in x0.
#include "arch/common/layout.h"
#include "arch/common/least_ram.h"
#include "arch/psci/layout.h"

// QEMU's virt machine: flash lies below RAM, whose first 2 MiB begin with the device tree.
#define RAM_BASE 0x40000000
#define SCRATCH_IMAGE 0x40200000
#define GIC_V2_INTERFACE 0x08010000

// Inner and outer write-back, inner shareable; 40-bit addresses; MAIR index 0 is Device-nGnRnE, 1 is Normal.
#define MAIR 0xff00
#define TCR_COMMON (24 | 1 << 8 | 1 << 10 | 3 << 12)
#define TCR_EL1 (TCR_COMMON | 1 << 23)                       /* no TTBR1 */
#define TCR_EL2 (TCR_COMMON | 2 << 16 | 1 << 23 | 1 << 31)
#define SCTLR_EL1_OFF 0x30d00800
#define SCTLR_EL2_OFF 0x30c50830
#define SCTLR_ON (1 << 0 | 1 << 2 | 1 << 3 | 1 << 12)        /* MMU, data cache, stack alignment, instruction cache */
#define BLOCK_DEVICE (1 | 1 << 10 | 3 << 53)                 /* accessed, never executed */
#define BLOCK_NORMAL (1 | 1 << 2 | 3 << 8 | 1 << 10)         /* inner shareable, accessed */
#define AP1 (1 << 6)                                         /* must be one at EL2, must not be at EL1 */
#define HAS_GIC_REGISTERS 24, 4                              /* field GIC of ID_AA64PFR0_EL1 */

    .macro address register, symbol
    adrp \register, \symbol
    add \register, \register, :lo12:\symbol
    .endm

    .section .entry, "ax"
    .global vireo_entry
    .hidden vireo_entry
vireo_entry:
    // QEMU's default processor is one of 32 bits, on which this image would be silent. Its first word is `tst
    // x0, x0` here, and there a branch to what says so, by 0x84.
    .word 0xea00001f
    b start
    .asciz "\r\nThis image of Vireo needs a 64-bit processor: add -cpu cortex-a57 (or use qemu_arm)\r\n"
    .org vireo_entry + 0x84
    .word 0xee100fb0               // mrc p15, 0, r0, c0, c0, 5: only the first of several
    .word 0xe3d004ff               // bics r0, r0, #0xff000000
    .word 0x1a000007               // bne 2f
    .word 0xe24f0090               // sub r0, pc, #0x90: the text
    .word 0xe3a01409               // mov r1, #0x09000000: the PL011 of the virt machine
    .word 0xe3002301               // movw r2, #0x301
    .word 0xe5812030               // str r2, [r1, #0x30]: on
    .word 0xe4d02001               // 1: ldrb r2, [r0], #1
    .word 0xe3520000               // cmp r2, #0
    .word 0x15812000               // strne r2, [r1]
    .word 0x1afffffb               // bne 1b
    .word 0xe320f003               // 2: wfi
    .word 0xeafffffd               // b 2b

start:
    msr daifset, #15
    mov x22, x0
    // With secure=on every processor comes out of reset here; without it PSCI keeps the others off.
    mrs x0, mpidr_el1
    ubfx x1, x0, #32, #8            // affinity levels 3, and 2 to 0
    ubfx x0, x0, #0, #24
    orr x0, x0, x1
    cbnz x0, park

first:
    // RAM must reach as far as the image will. Until there are other vectors, the one of the present level's
    // own exceptions is no_ram, 0x200 behind the entry.
    adr x20, vireo_entry
    mrs x0, currentel
    cmp x0, #8
    b.lo 1f
    b.eq 2f
    msr vbar_el3, x20
    b 3f
2:  msr vbar_el2, x20
    b 3f
1:  msr vbar_el1, x20
3:  isb
    mov x21, #RAM_BASE
    cmp x20, x21
    mov x21, #SCRATCH_IMAGE
    csel x21, x20, x21, hs
    address x0, vireo_image_end - 8
    sub x0, x0, x20
    ldr x0, [x21, x0]
    // RAM is written with the MMU off, before any exception level below could lose the flash (it is
    // secure-only when there is a secure side), and because the image writes to itself.
    b.hs in_ram
    mov x22, xzr
    address x2, vireo_file_end
    sub x2, x2, x20
    mov x0, x21
    add x2, x0, x2
    // Unrolled: an emulator pays for instructions. The last turn reaches into what is cleared next.
1:  .rept 8
    ldp x4, x5, [x20], #16
    stp x4, x5, [x0], #16
    .endr
    cmp x0, x2
    b.lo 1b
    adr x1, in_ram
    adr x20, vireo_entry
    sub x1, x1, x20
    add x1, x1, x21
    dsb sy
    ic iallu
    isb
    br x1

3:  .asciz VIREO_TOO_LITTLE_RAM
    .org vireo_entry + 0x200
no_ram:
    adr x0, 3b
    mov x1, #0x09000000             // the PL011 of the virt machine
    mov w2, #0x301
    str w2, [x1, #0x30]             // on
1:  ldrb w2, [x0], #1
    cbz w2, 2f
    str w2, [x1]
    b 1b
2:  wfi
    b 2b

    // Until the resident PSCI wakes this processor (arch/psci), which then goes on there. Its own side of the
    // GIC is the only one that it can open: group 0, all priorities.
park:
    mrs x0, currentel
    cmp x0, #12
    b.ne 2b
    mrs x1, id_aa64pfr0_el1
    ubfx x1, x1, #HAS_GIC_REGISTERS
    mov w0, #0xff
    mov w2, #1
    mov x3, #GIC_V2_INTERFACE
    cbz x1, 3f
    mov x4, #0xf
    msr s3_6_c12_c12_5, x4          // ICC_SRE_EL3
    isb
    msr s3_0_c4_c6_0, x0            // ICC_PMR_EL1
    msr s3_0_c12_c12_6, x2          // ICC_IGRPEN0_EL1
    isb
    b 4f
3:  str w0, [x3, #4]                // GICC_PMR
    str w2, [x3]                    // GICC_CTLR
4:  dsb sy
    wfi
    cbz x1, 5f
    mrs x0, s3_0_c12_c8_0           // ICC_IAR0_EL1
    b 6f
5:  ldr w0, [x3, #12]               // GICC_IAR
6:  and w2, w0, #0x3ff
    cmp w2, #VIREO_PSCI_WAKE_INTERRUPT
    b.ne 4b
    cbz x1, 7f
    msr s3_0_c12_c8_1, x0           // ICC_EOIR0_EL1
    b 8f
7:  str w0, [x3, #16]               // GICC_EOIR
8:  mov x0, #VIREO_PSCI_BLOCK
    ic iallu
    dsb sy
    isb
    br x0

in_ram:
    mrs x0, currentel
    cmp x0, #8
    b.lo at_el1
    b.eq at_el2

    // EL3: go on at secure EL1. The secure side is the one that can switch the machine off.
    msr cptr_el3, xzr
    mov x1, #0x430                  // 64-bit below, secure
    msr scr_el3, x1
    mrs x1, id_aa64pfr0_el1
    ubfx x1, x1, #HAS_GIC_REGISTERS
    cbz x1, 1f
    mov x1, #0xf
    msr s3_6_c12_c12_5, x1          // ICC_SRE_EL3
    isb
1:  ldr w1, sctlr_el1_off
    msr sctlr_el1, x1
    mov x1, #0x3c5                  // EL1 on its own stack pointer, everything masked
    msr spsr_el3, x1
    adr x1, at_el1
    msr elr_el3, x1
    eret

at_el2:
    // Stay: an operating system may want EL2 for itself.
    mov x1, #1 << 31                // EL1 is 64-bit, no traps, no second translation
    msr hcr_el2, x1
    mov x1, #0x33ff                 // floating point without traps
    msr cptr_el2, x1
    mrs x1, cnthctl_el2
    orr x1, x1, #3
    msr cnthctl_el2, x1
    msr cntvoff_el2, xzr
    mrs x1, id_aa64pfr0_el1
    ubfx x1, x1, #HAS_GIC_REGISTERS
    cbz x1, 1f
    mov x1, #0xf
    msr s3_4_c12_c9_5, x1           // ICC_SRE_EL2
1:  ldr w1, sctlr_el2_off
    msr sctlr_el2, x1
    isb
    b level_done

    // Vectors of EL3, which stay in flash: a call from below goes on at x0. Only secure EL1 can make one,
    // which is Vireo's (arch/psci/entry_arm64.S).
    .org vireo_entry + 0x400
    br x0

at_el1:
    mov x1, #3 << 20                // floating point without traps
    msr cpacr_el1, x1
    ldr w1, sctlr_el1_off
    msr sctlr_el1, x1
    isb

level_done:
    msr spsel, #1
    address x0, vireo_stack_end
    mov sp, x0
    adr x20, vireo_entry

    // Linked at 0: the distance to relocate by is where the image lies.
    mov x0, x20
    address x1, vireo_relr_start
    address x2, vireo_relr_end
    mov x3, x20
    bl vireo_apply_relr
    address x0, vireo_bss_start
    address x2, vireo_bss_end
    sub x2, x2, x0
    mov w1, #0
    bl memset

    // A first map: below 1 GiB devices, from there to 4 GiB RAM. vireo_early needs no more;
    // protect_memory is exact.
    address x0, vireo_tables
    add x1, x0, #4096
    orr x2, x1, #3
    str x2, [x0]                    // level 0: the first 512 GiB,
    str xzr, [x0, #8]               // and nothing in the second; 40-bit addresses use no more entries
    mrs x3, currentel
    cmp x3, #8
    mov x3, #AP1
    csel x3, x3, xzr, eq
    ldr x2, block_device
    orr x2, x2, x3
    str x2, [x1]
    ldr x2, block_normal
    orr x2, x2, x3
    mov x3, #1 << 30
    mov x4, #3
1:  add x2, x2, x3
    str x2, [x1, #8]!
    subs x4, x4, #1
    b.ne 1b
    add x1, x1, #8
    mov x4, #508 / 2
1:  stp xzr, xzr, [x1], #16
    subs x4, x4, #1
    b.ne 1b
    dsb sy
    bl vireo_use_tables
    bl vireo_install_vectors

    mov x0, #RAM_BASE
    cmp x22, xzr
    csel x0, x22, x0, ne
    mov x1, #0
    b vireo_early

    .balign 8
block_device: .quad BLOCK_DEVICE
block_normal: .quad BLOCK_NORMAL
sctlr_el1_off: .word SCTLR_EL1_OFF
sctlr_el2_off: .word SCTLR_EL2_OFF

    .text
// void vireo_use_tables(): translation by vireo_tables. Goes through "MMU off", so that old and new
// entries of different size never meet in the TLB. No memory access in between: the caches may hold
// what memory does not.
    .global vireo_use_tables
    .hidden vireo_use_tables
    .balign 4
vireo_use_tables:
    address x0, vireo_tables
    mov x1, #MAIR
    mrs x4, currentel
    cmp x4, #8
    b.eq 2f
    ldr w5, 9f
    mrs x2, id_aa64mmfr0_el1        // as many address bits as there are, but no more than 40
    and x2, x2, #7
    mov x3, #2
    cmp x2, x3
    csel x2, x2, x3, lo
    orr x5, x5, x2, lsl #32
    ldr w6, 8f
    mov w7, #SCTLR_ON
    orr w7, w7, w6
    dsb sy
    msr sctlr_el1, x6
    isb
    msr ttbr0_el1, x0
    msr mair_el1, x1
    msr tcr_el1, x5
    tlbi vmalle1
    dsb sy
    isb
    msr sctlr_el1, x7
    isb
    ret
2:  ldr w5, 10f
    ldr w6, 11f
    mov w7, #SCTLR_ON
    orr w7, w7, w6
    dsb sy
    msr sctlr_el2, x6
    isb
    msr ttbr0_el2, x0
    msr mair_el2, x1
    msr tcr_el2, x5
    tlbi alle2
    dsb sy
    isb
    msr sctlr_el2, x7
    isb
    ret
8:  .word SCTLR_EL1_OFF
9:  .word TCR_EL1
10: .word TCR_EL2
11: .word SCTLR_EL2_OFF

// void vireo_switch_stack(function, argument): `function` runs on the stack of this image, with SP_EL0;
// exceptions get SP_ELx and a stack of their own, so that a stack overflow can still be reported. x0, x1 are
// addresses in the copy that x2 above this one.
    .global vireo_switch_stack
    .hidden vireo_switch_stack
vireo_switch_stack:
    address x3, vireo_exception_stack_end
    add x3, x3, x2
    msr spsel, #1
    mov sp, x3
    address x3, vireo_stack_end
    add x3, x3, x2
    msr spsel, #0
    mov sp, x3
    mov x4, x0
    mov x0, x1
    mov x29, #0
    mov x30, #0
    br x4

// All sixteen vectors save the registers and go to one place. 33 registers in 272 bytes keep
// the stack aligned.
    .macro vector number
    .balign 128
    sub sp, sp, #272
    stp x0, x1, [sp]
    mov x0, #\number
    b exception
    .endm

    .balign 2048
    .global vireo_vectors
    .hidden vireo_vectors
vireo_vectors:
    .irp number, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    vector \number
    .endr
exception:
    stp x2, x3, [sp, #16]
    stp x4, x5, [sp, #32]
    stp x6, x7, [sp, #48]
    stp x8, x9, [sp, #64]
    stp x10, x11, [sp, #80]
    stp x12, x13, [sp, #96]
    stp x14, x15, [sp, #112]
    stp x16, x17, [sp, #128]
    stp x18, x19, [sp, #144]
    stp x20, x21, [sp, #160]
    stp x22, x23, [sp, #176]
    stp x24, x25, [sp, #192]
    stp x26, x27, [sp, #208]
    stp x28, x29, [sp, #224]
    cmp x0, #4                      // which stack the failed code was on
    add x1, sp, #272
    b.hs 1f
    mrs x1, sp_el0
1:  stp x30, x1, [sp, #240]
    mov x1, sp
    bl vireo_exception
    // It comes back if the failed access was one that may fail (common/attempt.h), and has
    // said where that goes on.
    ldr x30, [sp, #240]
    add sp, sp, #272
    eret

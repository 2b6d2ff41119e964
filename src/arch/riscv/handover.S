// SPDX-License-Identifier: Apache-2.0
// The last steps before an operating system (Linux, Documentation/arch/riscv/boot.rst, "Register state"). See
// handover.cpp.
    .text
// void vireo_enter(entry, device_tree, hart): in supervisor mode, translation off, and away.
// Addresses stay what they are.
    .global vireo_enter
    .hidden vireo_enter
vireo_enter:
    csrci sstatus, 2
    csrw sie, zero
    csrw satp, zero
    fence rw, rw
    fence.i
    sfence.vma
    mv t0, a0
    mv a0, a2
    jr t0

// void vireo_enter_below(entry, device_tree, sbi): in machine mode, by the SBI, which knows the hart.
    .global vireo_enter_below
    .hidden vireo_enter_below
vireo_enter_below:
    li t0, 1 << 17                  // MPRV: loads and stores by page tables
    csrc mstatus, t0
    csrw satp, zero
    fence rw, rw
    fence.i
    sfence.vma
    mv t0, a2
    mv a2, a0
    jr t0

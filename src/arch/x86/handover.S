// SPDX-License-Identifier: Apache-2.0
// The last steps before an operating system (Linux, Documentation/arch/x86/boot.rst, "32-bit Boot Protocol"
// and "64-bit Boot Protocol"). See handover.cpp. Segments 0x10 and 0x18 are the protocol's.
#define CODE 0x10
#define DATA 0x18

    .text
    .globl vireo_enter
    .hidden vireo_enter
#ifdef __x86_64__
// void vireo_enter(entry, description, table, in_32_bit_mode): `table` is what lgdt loads, whose code segment
// has that mode. Interrupts are off, all memory can be executed.
vireo_enter:
    lgdt (%rdx)
    movl $DATA, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    movl %eax, %fs
    movl %eax, %gs
    testl %ecx, %ecx
    jnz 1f
    pushq $CODE
    pushq %rdi
    lretq

    // Compatibility mode first: paging goes off only outside of 64-bit code.
1:  movl %edi, %edx
    leaq 2f(%rip), %rax
    pushq $CODE
    pushq %rax
    lretq
    .code32
2:  movl %cr0, %eax
    andl $0x7fffffff, %eax              // paging
    movl %eax, %cr0
    xorl %eax, %eax
    movl %eax, %cr3
    movl %eax, %cr4
    movl %edx, %edi
    movl $0xc0000080, %ecx              // EFER
    xorl %edx, %edx
    wrmsr
    movl %edi, %eax
    xorl %ebx, %ebx
    xorl %ebp, %ebp
    xorl %edi, %edi
    jmp *%eax
    .code64
#else
// void vireo_enter(entry, description, table): as above, in eax, edx, ecx. Paging is on where the processor
// has the address extension.
vireo_enter:
    movl %edx, %esi
    movl %eax, %edi
    lgdt (%ecx)
    movl $DATA, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    movl %eax, %fs
    movl %eax, %gs
    movl %cr0, %eax
    andl $0x7fffffff, %eax              // paging
    movl %eax, %cr0
    xorl %eax, %eax
    movl %eax, %cr3
    movl %eax, %cr4
    movl %edi, %eax
    // The code segment is the protocol's from the first instruction on.
    xorl %ebx, %ebx
    xorl %ebp, %ebp
    xorl %edi, %edi
    pushl $CODE
    pushl %eax
    lretl
#endif

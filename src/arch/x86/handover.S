// SPDX-License-Identifier: Apache-2.0
// The last steps before an operating system (Linux, Documentation/arch/x86/boot.rst, "32-bit Boot Protocol"
// and "64-bit Boot Protocol"; Multiboot 0.6.96, 3.2; Xen, docs/misc/pvh.pandoc). See handover.cpp. Segments
// 0x10 and 0x18 are Linux' protocol's, the task is PVH's.
#define CODE 0x10
#define DATA 0x18
#define TASK 0x20

// In 32-bit mode: esi has the description, ebp the magic, ecx the entry. What is to be 0 in Linux' protocol
// is, and in the others it may be.
    .macro ENTER_IN_32_BIT_MODE
    movl $TASK, %eax
    ltr %ax
    xorl %ebx, %ebx
    movl %ebp, %eax
    testl %eax, %eax
    jz 9f
    movl %esi, %ebx
9:  xorl %ebp, %ebp
    xorl %edi, %edi
    jmp *%ecx
    .endm
// Only protection is on, and the bit that is always 1.
#define CR0 0x11

    .text
    .globl vireo_enter
    .hidden vireo_enter
#ifdef __x86_64__
// void vireo_enter(entry, description, table, magic, in_32_bit_mode): `table` is what lgdt loads, whose code
// segment has that mode. Interrupts are off, all memory can be executed.
vireo_enter:
    lgdt (%rdx)
    movl $DATA, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    movl %eax, %fs
    movl %eax, %gs
    testl %r8d, %r8d
    jnz 1f
    pushq $CODE
    pushq %rdi
    lretq

    // Compatibility mode first: paging goes off only outside of 64-bit code.
1:  movl %ecx, %ebp
    leaq 2f(%rip), %rax
    pushq $CODE
    pushq %rax
    lretq
    .code32
2:  movl $CR0, %eax                     // translation goes off
    movl %eax, %cr0
    xorl %eax, %eax
    movl %eax, %cr3
    movl %eax, %cr4
    movl $0xc0000080, %ecx              // EFER
    xorl %edx, %edx
    wrmsr
    movl %edi, %ecx
    ENTER_IN_32_BIT_MODE
    .code64
#else
// void vireo_enter(entry, description, table, magic, ...): as above, in eax, edx, ecx and on the stack.
// Paging is on where the processor has the address extension.
vireo_enter:
    movl 4(%esp), %ebp
    movl %edx, %esi
    movl %eax, %edi
    lgdt (%ecx)
    movl $DATA, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    movl %eax, %fs
    movl %eax, %gs
    movl $CR0, %eax
    movl %eax, %cr0
    xorl %eax, %eax
    movl %eax, %cr3
    movl %eax, %cr4
    // The code segment is the protocol's from the first instruction on.
    call 1f
1:  popl %eax
    addl $2f - 1b, %eax
    pushl $CODE
    pushl %eax
    lretl
2:  movl %edi, %ecx
    ENTER_IN_32_BIT_MODE
#endif

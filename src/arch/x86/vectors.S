// SPDX-License-Identifier: Apache-2.0

// One small entry for each vector: the processor does not say which one it took, and pushes an error code
// only for some. All lead to vireo_trap(frame), with every register of the interrupted code in the frame
// (TrapFrame in trap.cpp).

#include "arch/x86/layout.h"

    .section .text.vireo_vectors, "ax"
    .balign VIREO_VECTOR_BYTES
    .globl vireo_vectors
    .hidden vireo_vectors
vireo_vectors:
    .set vector, 0
    .rept VIREO_VECTORS
    .balign VIREO_VECTOR_BYTES
    // Double fault, invalid TSS, segment, stack, protection, page fault, alignment, control protection, and
    // two for virtualisation come with an error code.
    .if !((0x60227d00 >> vector) & 1) || vector >= 32
    push $0
    .endif
    push $vector
    jmp vireo_trap_entry
    .set vector, vector + 1
    .endr

vireo_trap_entry:
    cld
#ifdef __x86_64__
    .irp register, rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15
    push %\register
    .endr
    movq %rsp, %rdi
    movq %rsp, %rbx
    andq $-16, %rsp
    call vireo_trap
    movq %rbx, %rsp
    .irp register, r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rdx, rcx, rbx, rax
    pop %\register
    .endr
    addq $16, %rsp                      // vector and error code
    iretq
#else
    .irp register, eax, ebx, ecx, edx, esi, edi, ebp
    push %\register
    .endr
    movl %esp, %eax
    movl %esp, %ebx
    andl $-16, %esp
    call vireo_trap
    movl %ebx, %esp
    .irp register, ebp, edi, esi, edx, ecx, ebx, eax
    pop %\register
    .endr
    addl $8, %esp
    iretl
#endif

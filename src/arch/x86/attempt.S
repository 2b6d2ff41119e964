// SPDX-License-Identifier: Apache-2.0
// bool vireo_attempt(address, value, kind): see common/attempt.cpp. On x86 the arguments come
// in eax, edx, ecx.
    .text
    .globl vireo_attempt
    .hidden vireo_attempt
    .globl vireo_attempt_failed
    .hidden vireo_attempt_failed
#ifdef __x86_64__
#define ADDRESS (%rdi)
#define VALUE (%rsi)
vireo_attempt:
    movq VALUE, %rcx
    leaq 1f(%rip), %rax
    leaq (%rax, %rdx, 8), %rax
    jmp *%rax
    .balign 8
1:  movzbl ADDRESS, %ecx
    jmp 2f
    .balign 8
    movzwl ADDRESS, %ecx
    jmp 2f
    .balign 8
    movl ADDRESS, %ecx
    jmp 2f
    .balign 8
    movq ADDRESS, %rcx
    jmp 2f
    .balign 8
    movb %cl, ADDRESS
    jmp 2f
    .balign 8
    movw %cx, ADDRESS
    jmp 2f
    .balign 8
    movl %ecx, ADDRESS
    jmp 2f
    .balign 8
    movq %rcx, ADDRESS
2:  movq %rcx, VALUE
    movl $1, %eax
    ret
vireo_attempt_failed:
    xorl %eax, %eax
    ret
#else
// Without a register to spare for a computed jump, and without instructions that know where they
// are: compared one by one.
#define ADDRESS (%eax)
#define VALUE (%edx)
vireo_attempt:
    pushl %ebx
    movl VALUE, %ebx
    decl %ecx
    js 1f
    jz 2f
    subl $3, %ecx                   // now: -2 (and -1, which nobody asks for), 0, 1, 2
    js 3f
    jz 4f
    decl %ecx
    jz 5f
    movl %ebx, ADDRESS
    jmp 6f
1:  movzbl ADDRESS, %ebx
    jmp 6f
2:  movzwl ADDRESS, %ebx
    jmp 6f
3:  movl ADDRESS, %ebx
    jmp 6f
4:  movb %bl, ADDRESS
    jmp 6f
5:  movw %bx, ADDRESS
6:  movl %ebx, VALUE
    popl %ebx
    movl $1, %eax
    ret
vireo_attempt_failed:
    popl %ebx
    xorl %eax, %eax
    ret
#endif

// SPDX-License-Identifier: Apache-2.0
// The entries of a kernel for test_zboot.py, which kernels_x86.py puts behind the header of a bzImage:
// they keep what the processor holds at the first instruction, and call the rest, kernel_x86.c, in 32-bit
// mode without paging, whichever of them it was.

    .section .head, "ax"
    .code32
    // Without a stack: the header's protocol leaves room for a return address here.
start:
    jmp 1f
    .org 8
    .long data - start                  // from here on the kernel writes to itself
    .long end - start
1:  leal 0x1e8(%esi), %esp
    call 2f
2:  popl %esp
    movl %ebx, found_bx - 2b(%esp)
    movl %ebp, found_bp - 2b(%esp)
    movl %edi, found_di - 2b(%esp)
    movl %esi, found_si - 2b(%esp)
    movl $32, found_mode - 2b(%esp)
    leal stack_end - 2b(%esp), %esp
    pushfl
    popl found_flags - stack_end(%esp)
    .irp segment, cs, ds, es, ss
    movw %\segment, found_\segment - stack_end(%esp)
    .endr
    movl %cr0, %eax
    movl %eax, found_cr0 - stack_end(%esp)
    movl %cr4, %eax
    movl %eax, found_cr4 - stack_end(%esp)
    sidt found_idt - stack_end(%esp)
    jmp main32

    .org 0x200
    .code64
    movq %rsi, found_si(%rip)
    movl $64, found_mode(%rip)
    leaq stack_end(%rip), %rsp
    pushfq
    popq %rax
    movl %eax, found_flags(%rip)
    .irp segment, cs, ds, es, ss
    movw %\segment, found_\segment(%rip)
    .endr
    movq %cr0, %rax
    movl %eax, found_cr0(%rip)
    movq %cr4, %rax
    movl %eax, found_cr4(%rip)
    sidt found_idt(%rip)
    // What is to be mapped is: the first and the last bytes of an initrd, wherever it lies.
    movl 0x218(%rsi), %eax
    movl 0xc0(%rsi), %edx
    shlq $32, %rdx
    orq %rdx, %rax
    jz 3f
    movl 0x21c(%rsi), %ecx
    movq (%rax), %rdx
    movq %rdx, found_first(%rip)
    movq -8(%rax, %rcx), %rdx
    movq %rdx, found_last(%rip)
3:  leaq 4f(%rip), %rax
    leaq descriptors(%rip), %rdx
    movq %rdx, descriptors + 2(%rip)
    lgdt descriptors(%rip)
    pushq $0x10
    pushq %rax
    lretq
    .code32
4:  movl $0x18, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    movl %cr0, %eax
    andl $0x7fffffff, %eax
    movl %eax, %cr0
    xorl %eax, %eax
    movl %eax, %cr4
    movl $0xc0000080, %ecx
    xorl %edx, %edx
    wrmsr
main32:
    leal found - stack_end(%esp), %eax
    leal trampoline - stack_end(%esp), %edx
    call body
5:  hlt
    jmp 5b

    .section .data
    // Where another processor begins, copied to 0x8000: it counts itself and stops.
    .code16
trampoline:
    xorw %ax, %ax
    movw %ax, %ds
    lock incl 0x8100
6:  hlt
    jmp 6b
    .code32
    .balign 16
descriptors:                            // its own pointer stands where no selector leads
    .word 31
    .quad 0
    .balign 16
    .quad 0x00cf9b000000ffff
    .quad 0x00cf93000000ffff
    .balign 16
found:
found_mode: .long 0
found_si: .quad 0
found_bx: .long 0
found_bp: .long 0
found_di: .long 0
found_flags: .long 0
found_cs: .long 0
found_ds: .long 0
found_es: .long 0
found_ss: .long 0
found_cr0: .long 0
found_cr4: .long 0
found_idt: .quad 0, 0
found_first: .quad 0
found_last: .quad 0
    .space 4096
stack_end:
    .space 16

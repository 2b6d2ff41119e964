// SPDX-License-Identifier: Apache-2.0
// A kernel for test_bootelf.py with PVH's note and headers of both versions of Multiboot; kernels_info.py
// breaks those that are not tested. It keeps what the processor holds at its entry and calls kernel_x86.c.

    .section .head, "ax"
    .balign 8
    // Multiboot 2, section 3.1
header2:
    .long 0xe85250d6, 0, header2_end - header2, -(0xe85250d6 + header2_end - header2)
    .word 1, 0                          // information: memory, address map
    .long 16, 4, 6
    .word 6, 0                          // aligned modules
    .long 8
    .word 0x777, 1                      // what nobody knows, but it is optional
    .long 12, 0
    .balign 8
    .word 0, 0
    .long 8
header2_end:
    .balign 4
    // Multiboot 0.6.96, section 3.1.2
header1:
    .long 0x1badb002, 0x10003, -(0x1badb002 + 0x10003)
    .long header1, begin, data_end, bss_end, start

    .code32
    .globl start
start:
    movl $stack_end, %esp
    movl %eax, found_ax
    movl %ebx, found_bx
    movl %ebx, found_si
    movl %ebp, found_bp
    movl %edi, found_di
    movl $32, found_mode
    pushfl
    popl found_flags
    .irp segment, cs, ds, es, ss
    movw %\segment, found_\segment
    .endr
    str found_tr
    movl %cr0, %eax
    movl %eax, found_cr0
    movl %cr4, %eax
    movl %eax, found_cr4
    sidt found_idt
    movl $found, %eax
    movl $trampoline, %edx
    call body
5:  hlt
    jmp 5b

    .section .note.Xen, "a", @note
    .long 4, 4, 18
    .asciz "Xen"
    .long start

    .section .data
    .code16
trampoline:
    xorw %ax, %ax
    movw %ax, %ds
    lock incl 0x8100
6:  hlt
    jmp 6b
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
found_ax: .long 0
found_tr: .long 0
    .section .bss
    .space 8192
stack_end:
    .space 65536

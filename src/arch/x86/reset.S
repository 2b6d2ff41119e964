// SPDX-License-Identifier: Apache-2.0

// From the reset vector to C++: out of real mode, the image from ROM to the top of the RAM below 4
// GiB, its .bss cleared, a stack. The 64-bit image goes from real mode straight to long mode; there is
// no 32-bit code in it.
//
// The code runs in ROM, where its data is read-only, and cannot use symbols of the image, which is linked
// at 0 and may lie anywhere: it works with the plain numbers that image.ld computes. RAM holds anything at
// all after a warm reset.

#include "arch/common/least_ram.h"
#include "arch/x86/layout.h"

#ifdef __x86_64__
#define A %rax
#define B %rdx
#define WORD 8
#else
#define A %eax
#define B %edx
#define WORD 4
#endif

// An address in this section, as a number: its segment base is that of real mode after reset, 0xffff0000.
#define HERE(label) (VIREO_RESET_ADDRESS + (label - reset_start))
#define HERE16(label) (VIREO_RESET_ADDRESS - 0xffff0000 + (label - reset_start))

    // A 16-bit value of the CMOS memory, from two consecutive bytes.
    .macro cmos_word index, into
    movb $\index + 1, %al
    outb %al, $0x70
    inb $0x71, %al
    movzbl %al, \into
    shll $8, \into
    movb $\index, %al
    outb %al, $0x70
    inb $0x71, %al
    movzbl %al, %eax
    orl %eax, \into
    .endm

    .section .reset, "ax"
    .code16
reset_start:
    cli
    cld
    // A processor that lacks what the image needs would fault in a loop without a word.
#ifdef __x86_64__
    movl $0x80000000, %eax
    cpuid
    cmpl $0x80000001, %eax
    jb wrong_processor
    movl $0x80000001, %eax
    cpuid
    btl $29, %edx                       // long mode
    jnc wrong_processor
#else
    movl $1, %eax
    cpuid
    btl $15, %edx                       // conditional moves
    jnc wrong_processor
#endif

    // Where RAM below 4 GiB ends: 64 KiB units above 16 MiB, or on a tiny machine KiB above 1 MiB.
    cmos_word 0x34, %ebx
    testl %ebx, %ebx
    jz 5f
    cmpl $0xffff, %ebx
    je ask_the_host
    shll $16, %ebx
    addl $0x1000000, %ebx
    jmp 6f
5:  cmos_word 0x30, %ebx
    shll $10, %ebx
    addl $0x100000, %ebx
    jmp 6f

    // No CMOS memory (microvm with rtc=off): item 3 of fw_cfg is the size of all RAM, in 8 bytes. However it
    // is split, what there is of the first 2 GiB lies low.
ask_the_host:
    movw $0x510, %dx
    movl $3, %eax
    outw %ax, %dx
    incl %edx
    xorl %ebx, %ebx
    movl $4, %ecx
    xorl %eax, %eax
3:  inb %dx, %al
    orl %eax, %ebx
    rorl $8, %ebx
    decl %ecx
    jnz 3b
    movb $4, %cl
4:  inb %dx, %al
    orb %al, %ah
    decl %ecx
    jnz 4b
    testb %ah, %ah
    jnz 4f
    testl %ebx, %ebx
    jns 6f
4:  movl $0x80000000, %ebx
    // The image stays off the first 2 MiB, which are mapped in small pages while it runs.
6:  cmpl $(vireo_memory_bytes + 0x200000), %ebx
    jb too_little_ram

#ifdef __x86_64__
    // Identity page tables for 4 GiB in 2 MiB pages. Every entry within those 4 GiB is written; what RAM
    // holds in the other entries of the level-4 and level-3 tables is cleared by paging.cpp before
    // anything could use it.
    xorw %ax, %ax
    movw %ax, %ds
    xorl %edx, %edx
    movl $(VIREO_LEVEL3_TABLE | 3), VIREO_LEVEL4_TABLE
    movl %edx, VIREO_LEVEL4_TABLE + 4
    movw $VIREO_LEVEL3_TABLE, %di
    movl $(VIREO_LEVEL2_TABLES | 3), %eax
1:  movl %eax, (%di)
    movl %edx, 4(%di)
    addw $8, %di
    addl $0x1000, %eax
    cmpw $(VIREO_LEVEL3_TABLE + 4 * 8), %di
    jne 1b
    movw $VIREO_LEVEL2_TABLES, %di
    movl $0x83, %eax                    // present, writable, a 2 MiB page
2:  movl %eax, (%di)
    movl %edx, 4(%di)
    addw $8, %di
    addl $0x200000, %eax
    jnc 2b                              // until the address passes 4 GiB

    lgdtl %cs:HERE16(descriptor_table_pointer)
    movl $0x20, %eax                    // physical address extension
    movl %eax, %cr4
    movl $VIREO_LEVEL4_TABLE, %eax
    movl %eax, %cr3
    movl $0xc0000080, %ecx              // EFER: long mode
    movl $0x100, %eax
    wrmsr
    movl $0x80000011, %eax              // paging, protection; caches on
#else
    lgdtl %cs:HERE16(descriptor_table_pointer)
    movl $0x11, %eax                    // protection; caches on
#endif
    movl %eax, %cr0
    ljmpl $VIREO_CODE_SELECTOR, $HERE(flat)

too_little_ram:
    movw $HERE16(too_little_ram_text), %si
    jmp 2f
wrong_processor:
    movw $HERE16(wrong_processor_text), %si
2:  movw $0x3f8, %dx                    // COM1 as reset left it: enough for an emulated one
3:  lodsb %cs:(%si), %al
    testb %al, %al
    jz 4f
    outb %al, %dx
    jmp 3b
4:  hlt
    jmp 4b
too_little_ram_text:
    .asciz VIREO_TOO_LITTLE_RAM
wrong_processor_text:
#ifdef __x86_64__
    .asciz "\r\nVireo for x86_64 needs a 64-bit processor; this one is 32-bit.\r\n"
    .code64
#else
    .asciz "\r\nVireo for x86 needs a Pentium Pro or later (conditional moves).\r\n"
    .code32
#endif

flat:
    movl $VIREO_DATA_SELECTOR, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    movl %eax, %fs
    movl %eax, %gs

    // Words, unrolled: an emulator pays for instructions, and `rep movs` is the slowest copy it has. Both
    // pointers are in the middle of a block, so that all offsets have one byte.
    subl $vireo_memory_bytes, %ebx      // where the image will run
    leal VIREO_COPY_BLOCK / 2(%ebx), %edi
    movl $vireo_rom_image + VIREO_COPY_BLOCK / 2, %esi
    movl $vireo_file_bytes, %ecx
7:
    .set offset, -VIREO_COPY_BLOCK / 2
    .rept VIREO_COPY_BLOCK / WORD / 2
    mov offset(%esi), A
    mov offset + WORD(%esi), B
    mov A, offset(%edi)
    mov B, offset + WORD(%edi)
    .set offset, offset + 2 * WORD
    .endr
    addl $VIREO_COPY_BLOCK, %esi
    addl $VIREO_COPY_BLOCK, %edi
    subl $VIREO_COPY_BLOCK, %ecx
    jnz 7b

    // From there to the end of .bss.
    xor A, A
    movl $vireo_clear_bytes, %ecx
8:
    .set offset, -VIREO_COPY_BLOCK / 2
    .rept VIREO_CLEAR_BLOCK / WORD
    mov A, offset(%edi)
    .set offset, offset + WORD
    .endr
    addl $VIREO_CLEAR_BLOCK, %edi
    subl $VIREO_CLEAR_BLOCK, %ecx
    jnz 8b

    // A stack, at the end of the image. vireo_apply_relr(image, table, table end, distance), or
    // vireo_apply_packed(image, table), makes the image's pointers right; then vireo_start(). They are two
    // calls from here because a compiler that sees both may load a constant pointer before the first has
    // changed it. A null return address and frame end a trace.
    leal vireo_memory_bytes(%ebx), %esp
    xorl %ebp, %ebp
#ifdef __x86_64__
    movl %ebx, %edi
    leal vireo_relr_offset(%ebx), %esi
    leal vireo_relr_end_offset(%ebx), %edx
    movl %ebx, %ecx
    leal vireo_relocate_offset(%ebx), %eax
    call *%rax
    leal vireo_entry_offset(%ebx), %eax
    pushq $0
    jmp *%rax
#else
    movl %ebx, %eax
    leal vireo_packed_offset(%ebx), %edx
    leal vireo_relocate_offset(%ebx), %esi
    call *%esi
    leal vireo_entry_offset(%ebx), %eax
    pushl $0
    jmp *%eax
#endif

    .balign 8
descriptor_table:
    .quad 0
#ifdef __x86_64__
    .quad 0x00af9b000000ffff            // 64-bit code; "accessed" is set already, the table is in ROM
#else
    .quad 0x00cf9b000000ffff            // 32-bit code, 4 GiB
#endif
    .quad 0x00cf93000000ffff            // data, 4 GiB
descriptor_table_pointer:
    .word descriptor_table_pointer - descriptor_table - 1
    .long HERE(descriptor_table)

    .code16
    .org VIREO_RESET_BYTES - 16, 0xff
    .globl reset_vector
reset_vector:
    jmp reset_start
    .org VIREO_RESET_BYTES, 0xff

# SPDX-License-Identifier: Apache-2.0
"""Kernels that do nothing but say, at their first instructions, that they run: a byte on the serial port, then sleep. Their headers are those of
Linux, their sizes what one likes; so a boot loader's way to a kernel is measured, and nothing of the kernel's own."""

import os
import random
import struct
import subprocess

import counting

MIB = 1 << 20
SAYS = b"\x06"  # what no firmware prints

# Headers: Documentation/arch/{arm64,riscv}/boot*.rst, arch/arm's zImage. SIZE: that of the file.
ARM64 = """
    b 1f; .long 0; .quad 0, SIZE, 10, 0, 0, 0; .ascii "ARM\\x64"; .long 0
1:  mov x0, #0x09000000; mov w1, #6; str w1, [x0]
2:  wfi; b 2b"""
ARM = """
    .rept 8; mov r0, r0; .endr
    b 1f; .long 0x016f2818, 0, SIZE, 0x04030201, 0x45454545, 0x40, 0
    .long 6, 0x5a534c4b, 0x58, 0, 0x8000, 0x10000, 0x1000000
1:  mov r0, #0x09000000; mov r1, #6; str r1, [r0]
2:  wfi; b 2b"""
RISCV = """
    .option norvc; .option norelax
    j 1f; .long 0; .quad OFFSET, SIZE, 0; .long 2, 0; .quad 0; .ascii "RISCV\\0\\0\\0RSC\\x05"; .long 0
1:  lui a2, 0x10000; li a3, 6; sb a3, 0(a2)
2:  wfi; j 2b"""
# 16-bit code in the setup sectors, for who enters as a BIOS does; the kernel's 64-bit entry is 512 on.
X86_SETUP = ".code16; movw $0x3f8, %dx; movb $6, %al; outb %al, %dx; 1: cli; hlt; jmp 1b"
X86 = """
    .code32; movw $0x3f8, %dx; movb $6, %al; outb %al, %dx; 1: cli; hlt; jmp 1b
    .org 0x200; .code64; movw $0x3f8, %dx; movb $6, %al; outb %al, %dx; 1: cli; hlt; jmp 1b"""
TARGETS = {"qemu_arm": ("armv7a-none-eabi", ARM), "qemu_arm64": ("aarch64-none-elf", ARM64),
           "qemu-riscv32": ("riscv32-unknown-elf", RISCV.replace("OFFSET", "0x400000")),
           "qemu-riscv64": ("riscv64-unknown-elf", RISCV.replace("OFFSET", "0x200000"))}
SETUP_BYTES = 4096


def assemble(folder, name, target, text):
    source = os.path.join(str(folder), f"first-{name}.S")
    with open(source, "w", encoding="ascii") as file:
        file.write(text.strip() + "\n")
    subprocess.run([f"clang-{counting.llvm()}", f"--target={target}", "-c", source, "-o", f"{source}.o"], check=True)
    # Linked: jumps on RISC-V are the linker's.
    subprocess.run([f"ld.lld-{counting.llvm()}", "-Ttext=0", "-e", "0", f"{source}.o", "-o", f"{source}.elf"], check=True)
    subprocess.run([f"llvm-objcopy-{counting.llvm()}", "-O", "binary", f"{source}.elf", f"{source}.bin"], check=True)
    with open(f"{source}.bin", "rb") as file:
        return file.read()


def filled(code, size):
    """With noise, so that no file system leaves holes in it."""
    return code + random.Random(size).randbytes(size - len(code))


def bzimage(folder, size):
    """Protocol 2.15, relocatable, with both entries."""
    kernel = filled(assemble(folder, "x86", "x86_64-unknown-elf", X86), size - SETUP_BYTES)
    setup = assemble(folder, "x86-setup", "i386-unknown-elf", X86_SETUP)
    head = bytearray(SETUP_BYTES)
    struct.pack_into("<B2xI", head, 0x1f1, SETUP_BYTES // 512 - 1, len(kernel) // 16)
    struct.pack_into("<HBB4sH", head, 0x1fe, 0xaa55, 0xeb, 0x6a, b"HdrS", 0x20f)
    struct.pack_into("<BBHI", head, 0x210, 0, 1, 0, 0x100000)
    struct.pack_into("<IIBBHI", head, 0x22c, 0x7fffffff, 2 * MIB, 1, 21, 3, 2047)
    struct.pack_into("<QI", head, 0x258, 16 * MIB, 2 * size)
    head[0x26c:0x26c + len(setup)] = setup  # where the jump at 0x200 leads
    return bytes(head) + kernel


def build(folder, board, size):
    """The bytes of such a kernel for a board; `size` is a multiple of 4096."""
    if board.name.startswith("qemu-x86"):
        return bzimage(folder, size)
    target, text = TARGETS[board.name]
    return filled(assemble(folder, board.name, target, text.replace("SIZE", str(size))), size)

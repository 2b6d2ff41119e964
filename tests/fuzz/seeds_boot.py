# SPDX-License-Identifier: Apache-2.0
"""Seeds of boot_images: RAM, reservations, where things lie, as boot_images.cpp reads them, and the first bytes of a file."""
import struct


def arm64_image(text_offset=0, image_bytes=0x2010000, file_bytes=0x1F6DFC0):
    """The header, and the EFI program's with two sections."""
    head = struct.pack("<IIQQQ24xII", 0xFA405A4D, 0, text_offset, image_bytes, 0xA, 0x644D5241, 0x40)
    pe = struct.pack("<IHH12xHH", 0x4550, 0xAA64, 2, 160, 0x206) + bytes(160)
    sections = [struct.pack("<8sIIII16x", name, 0, 0, size, place)
                for name, size, place in ((b".text", 0x1000000, 0x10000), (b".data", 0x1000, file_bytes - 0x1000))]
    return (head + pe + b"".join(sections)).ljust(1024, b"\0")


def zimage(file_bytes=0x8000, inflated=0x1000000):
    """A header, the table of sizes, and the size that the table points to."""
    head = bytes(0x24) + struct.pack("<6I", 0x016F2818, 0, file_bytes, 0x04030201, 0x45454545, 0x3C)
    table = struct.pack("<6I", 6, 0x5A534C4B, 0x54, 0x60000, 0x208000, 0x10000)
    return head + table + struct.pack("<I", inflated)


def x86_image(alignment=0x200000, relocatable=1, flags=0x7F, preferred=0x41000000, memory=0x3378000, protocol=0x20F, end=0x6A):
    """A bzImage of 39 setup sectors and 8 MiB."""
    head = bytearray(1024)
    struct.pack_into("<BHI", head, 0x1F1, 39, 0, 0x80000)
    struct.pack_into("<HBB4sH", head, 0x1FE, 0xAA55, 0xEB, end, b"HdrS", protocol)
    struct.pack_into("<BBHI", head, 0x210, 0, 1, 0, 0x100000)
    struct.pack_into("<IIBBHI", head, 0x22C, 0x7FFFFFFF, alignment, relocatable, 21, flags, 2047)
    struct.pack_into("<QI", head, 0x258, preferred, memory)
    return bytes(head)


def riscv_image(text_offset=0x200000, image_bytes=0x1E6C000, flags=0, version=2, file_bytes=0x1D90A00):
    """The header, and the EFI program's with one section."""
    head = struct.pack("<8xQQQI4x8x8sII", text_offset, image_bytes, flags, version, b"RISCV", 0x05435352, 0x40)
    pe = struct.pack("<IHH12xHH", 0x4550, 0x5064, 1, 0, 0x206)
    section = struct.pack("<8sIIII16x", b".text", 0, 0, file_bytes - 0x1000, 0x1000)
    return (head + pe + section).ljust(1024, b"\0")


def elf(header=b"", note=None, wide=False, base=0x40100000, second=0x40400000):
    """Two segments, the second with zeroed data, and a note behind the header, which lies in the first one."""
    parts = [(1, 0x800, base, 0x800, 0x800), (1, 0x1000, second, 0x800, 0x2000)] + ([(4, 0x400, 0, 0x14, 0x14)] if note else [])
    if wide:
        head = b"\x7fELF\2\1\1".ljust(16, b"\0") + struct.pack("<2HI3QI6H", 2, 62, 1, base, 64, 0, 0, 64, 56, len(parts), 0, 0, 0)
        table = b"".join(struct.pack("<2I6Q", kind, 7, at, place, place, there, size, 4096) for kind, at, place, there, size in parts)
    else:
        head = b"\x7fELF\1\1\1".ljust(16, b"\0") + struct.pack("<2HI3II6H", 2, 3, 1, base, 52, 0, 0, 52, 32, len(parts), 0, 0, 0)
        table = b"".join(struct.pack("<8I", kind, at, place, place, there, size, 7, 4096) for kind, at, place, there, size in parts)
    return ((head + table).ljust(0x400, b"\0") + (note or b"")).ljust(0x800, b"\0") + header.ljust(0x1000, b"\0")


def multiboot(flags, *addresses):
    return struct.pack(f"<{3 + len(addresses)}I", 0x1BADB002, flags, -(0x1BADB002 + flags) & 0xFFFFFFFF, *addresses)


def multiboot2(*tags):
    size = 24 + 4 * len(tags)
    return struct.pack(f"<{6 + len(tags)}I", 0xE85250D6, 0, size, -(0xE85250D6 + size) & 0xFFFFFFFF, *tags, 0, 8)


def make(seed):
    mib = 1024  # KiB

    def image(name, kernel=2 * mib, kernel_bytes=0x1F6DFC0, initrd=None, ram=512, more=(0, 0), taken=((448 * mib, 64 * mib),), file=None, **header):
        flags = struct.pack("<B", 0) if initrd is None else struct.pack("<BII", 1, *initrd)
        seed(name, struct.pack("<HHBB", ram, *more, len(taken)) + b"".join(struct.pack("<II", *one) for one in taken)
             + struct.pack("<IQ", kernel, kernel_bytes) + flags + struct.pack("<I", 0x3000) + (file or arm64_image(**header)))

    image("debian", initrd=(68 * mib, 1600))
    image("moved", kernel=3 * mib, initrd=(68 * mib, 1600))
    image("initrd_in_the_way", initrd=(2 * mib + 0x1F6DFC0 // 1024 + 1, 1600))
    image("full", ram=40, taken=((36 * mib, 4 * mib),), initrd=(35 * mib, 512))
    image("far", kernel=40 * 1024 * mib, ram=65535, more=(65535, 32))
    image("old", text_offset=0, image_bytes=0)
    image("unknown_size", kernel_bytes=0, text_offset=0x80000, kernel=2 * mib + 512)
    image("zimage", kernel=32 * mib, kernel_bytes=0x8000, initrd=(68 * mib, 1600), file=zimage())
    image("zimage_too_low", kernel=2 * mib, kernel_bytes=0x8000, initrd=(1 * mib, 1600), file=zimage())
    image("zimage_without_sizes", kernel=40 * mib, kernel_bytes=0, file=zimage(inflated=0))
    image("zimage_too_large", ram=32, taken=(), kernel=16 * mib, kernel_bytes=0x8000, file=zimage(inflated=0xFFFFFFFF))

    riscv = riscv_image()
    image("riscv", kernel_bytes=0x1D90A00, initrd=(68 * mib, 1600), file=riscv)
    image("riscv_in_ram", kernel_bytes=0x1E6C000, initrd=(66 * mib, 11147), ram=128, taken=((0, 128), (110 * mib, 18 * mib)), file=riscv)
    image("riscv_on_no_boundary", kernel=3 * mib, kernel_bytes=0x1D90A00, initrd=(68 * mib, 1600), file=riscv)
    image("riscv_at_the_start_of_ram", kernel=0, kernel_bytes=0, file=riscv)
    image("riscv32", kernel=4 * mib, kernel_bytes=0x440000, initrd=(1030 * mib, 1600), ram=2048,
          file=riscv_image(text_offset=0x400000, image_bytes=0x500000, file_bytes=0x440000))
    image("riscv_that_takes_all", kernel_bytes=0, file=riscv_image(image_bytes=(1 << 64) - 1))
    image("riscv_without_a_size", kernel_bytes=0, file=riscv_image(image_bytes=0))
    image("riscv_big_endian", kernel_bytes=0, file=riscv_image(flags=1))

    def x86(name, kernel=18 * mib, initrd=None, **header):
        image(name, kernel=kernel, kernel_bytes=0x805000, initrd=initrd, file=x86_image(**header))

    x86("x86", initrd=(100 * mib, 1600))
    x86("x86_moved", kernel=2 * mib, initrd=(100 * mib, 1600))
    x86("x86_32_bits", flags=4, alignment=0x1000000, memory=0x1135000)
    x86("x86_at_one_place", relocatable=0, preferred=0x40100000, memory=0x900000)
    x86("x86_of_old", protocol=0x207, end=0x36)

    def pieces(name, file, kernel=32 * mib, initrd=(68 * mib, 1600)):
        image(name, kernel=kernel, kernel_bytes=0x1800, initrd=initrd, file=file)

    pieces("multiboot", elf(multiboot(3)))
    pieces("multiboot_over_itself", elf(multiboot(3)), kernel=mib)
    pieces("multiboot_flat", bytes(64) + multiboot(0x10003, 0x40100040, 0x40100000, 0, 0x40200000, 0x40100000) + bytes(4000))
    pieces("multiboot2", elf(multiboot2(1, 16, 4, 6, 6, 8, 3, 12, 0x40100010, 0)), initrd=(mib + 1, 1600))
    pieces("pvh", elf(note=struct.pack("<3I4sI", 4, 4, 18, b"Xen\0", 0x40100000)))
    pieces("pvh_64_bits", elf(note=struct.pack("<3I4sI", 4, 4, 18, b"Xen\0", 0x40100000), wide=True), kernel=4 * mib - 4)

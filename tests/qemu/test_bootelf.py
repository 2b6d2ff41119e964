# SPDX-License-Identifier: Apache-2.0
"""ELF files: kernels with PVH's entry and of both versions of Multiboot, told of their machine and started as those say; and programs, which
`bootelf` calls. What is hostile is one line, with memory as it was; the bounds are proven in tests/unit/boot."""

import struct

import pytest

import images
import kernels
import kernels_info
import vm
from kernels import INITRD, MIB, monitor  # noqa: F401 (a fixture)
from kernels_info import AX, BASE, FORMS, READ
from kernels_x86 import Disk, Variant

BOOTARGS = "console=ttyS0 one=1"
LOAD = f'load virtio 0 2000000 /kernel; load virtio 0 3000000 /initrd; setenv bootargs "{BOOTARGS}"; '
MACHINES = [
    Variant("pc"),
    Variant("q35-smp-4", machine="q35", processors=4),
    Variant("microvm", machine="microvm", transport="mmio"),
    Variant("x86-pc-smp-2", "qemu-x86", processors=2),
    Variant("x86-microvm-without-acpi", "qemu-x86", machine="microvm,acpi=off", transport="mmio"),
]
PC = MACHINES[0]


@pytest.fixture
def disk(machines, monitor, tmp_path):  # noqa: F811
    return Disk(machines, monitor, tmp_path)


def check(machine, variant, disk, image, initrd=INITRD):  # noqa: F811
    """Registers, every byte of the kernel and its initrd, and what it is told."""
    found = kernels.facts(machine)
    kind = image.kind
    assert [found[name] for name in ("mode", "cs", "ds", "es", "ss", "cr4", "idt_limit")] == [32, 0x10, 0x18, 0x18, 0x18, 0, 0]
    assert found["cr0"] == 0x11 and found["flags"] & 0x20300 == 0 and found["tr"] == 0x20
    assert found["ax"] == AX.get(kind, found["ax"]) and found["not_zero"] == 0 and found["low_ram"] == 639
    assert found["head"] == BASE and found["processors"] == variant.processors
    told = READ[kind](disk.memory, found["bx"])
    words = BOOTARGS
    if kind == "PVH" and "microvm" in variant.machine:
        assert told.command_line.startswith(words + " tsc_early_khz=")
        words = told.command_line
    assert told.command_line == words
    assert len(told.modules) == (1 if initrd else 0)
    for start, end in told.modules:
        assert disk.memory(start, end - start) == initrd and end <= 1 << 32
        assert kind == "PVH" or start % 4096 == 0
    assert all(one[1] <= other[0] for one, other in zip(told.address_map, told.address_map[1:]))
    assert any(start == MIB and end > 64 * MIB and kind == 1 for start, end, kind in told.address_map), told.address_map
    if told.acpi_root is not None:
        assert told.acpi_root == (b"" if "acpi=off" in variant.machine else b"RSD PTR ")
    if kind != "PVH":
        assert told.loader == "Vireo" and told.memory[0] == 639 and told.memory[1] > 63 * 1024
    return found


@pytest.mark.parametrize("kind", [*FORMS, "flat"])
@pytest.mark.parametrize("variant", MACHINES, ids=str)
def test_hand_over(variant, kind, disk):
    """With an initrd, from a disk."""
    elf, flat = kernels_info.build(disk.folder)
    image = flat if kind == "flat" else elf.only(kind)
    machine = disk.boot(variant, {"/kernel": image.data, "/initrd": INITRD})
    machine.send(LOAD + "zboot 2000000 - 3000000\r")
    check(machine, variant, disk, image)
    machine.send("q")
    if "acpi=off" not in variant.machine:
        assert machine.wait_exit() == 0


@pytest.mark.parametrize("place", [BASE, BASE + 0x800, BASE - 0x1000, 0x2000010])
def test_a_file_that_lies_where_its_pieces_go(place, disk):
    """It is copied out of the way first, or piece by piece in an order that is safe; and bootelf boots it, too. An initrd that is in the way, or
    off a page, is moved."""
    elf, _ = kernels_info.build(disk.folder)
    image = elf.only("Multiboot2")
    machine = disk.boot(PC, {"/kernel": image.data, "/initrd": INITRD})
    machine.send(LOAD.replace("2000000", f"{place:x}") + f"bootelf {place:x}\r")
    check(machine, PC, disk, image, None)
    machine.send("r")
    machine.boot()
    machine.send(LOAD.replace("2000000", f"{place:x}").replace("3000000", "3000004") + f"zboot {place:x} - 3000004\r")
    check(machine, PC, disk, image)


def elf_of(machine, bits, segments, entry):
    """An ELF file. `segments`: (address, bytes of it, size in memory)."""
    wide = bits == 64
    ends = struct.pack("<2HI" + ("3Q" if wide else "3I") + "I6H", 2, machine, 1, entry, 64 if wide else 52, 0, 0, 64 if wide else 52,
                       56 if wide else 32, len(segments), 0, 0, 0)
    head = b"\x7fELF" + bytes([2 if wide else 1, 1, 1]) + bytes(9) + ends
    at, table, data = 0x1000, b"", b""
    for address, content, size in segments:
        if wide:
            table += struct.pack("<2I6Q", 1, 7, at + len(data), address, address, len(content), size, 4096)
        else:
            table += struct.pack("<8I", 1, at + len(data), address, address, len(content), size, 7, 4096)
        data += content
    return (head + table).ljust(at, b"\0") + data


# Programs that return how many words they were given, plus a number of their second segment.
PROGRAMS = {
    "qemu_arm64": (183, 64, 0x44000000, ["movz x1, #0x4401, lsl #16", "ldr w2, [x1]", "add w0, w0, w2", "ret"], "aarch64-none-elf"),
    "qemu-x86_64": (62, 64, 0x4000000, ["movl 0x4010000, %eax", "addl %edi, %eax", "ret"], "x86_64-none-elf"),
    "qemu-x86": (3, 32, 0x4000000, ["movl 0x4010000, %eax", "addl 4(%esp), %eax", "ret"], "i386-none-elf"),
    "qemu_arm": (40, 32, 0x44000000, ["movw r1, #0", "movt r1, #0x4401", "ldr r2, [r1]", "add r0, r0, r2", "bx lr"], "armv7a-none-eabi"),
    "qemu-riscv64": (243, 64, 0x84000000, ["li a2, 0x8401", "slli a2, a2, 16", "lw a3, 0(a2)", "add a0, a0, a3", "ret"], "riscv64-none-elf"),
    "qemu-riscv32": (243, 32, 0x84000000, ["li a2, 0x84010000", "lw a3, 0(a2)", "add a0, a0, a3", "ret"], "riscv32-none-elf"),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program(name, machines, tmp_path):
    """Its segments are where they belong, zeroes behind them, and it gets the words behind the address; the prompt comes back."""
    number, bits, place, lines, target = PROGRAMS[name]
    source = tmp_path / "program.S"
    source.write_text("\n".join(lines) + "\n")
    images.run("clang-19", f"--target={target}", "-c", source, "-o", tmp_path / "program.o")
    images.run("llvm-objcopy-19", "-O", "binary", "-j", ".text", tmp_path / "program.o", tmp_path / "program.bin")
    code = (tmp_path / "program.bin").read_bytes()
    program = elf_of(number, bits, [(place, code, len(code)), (place + 0x10000, struct.pack("<I", 0x40), 0x100)], place)
    foreign = elf_of(8, bits, [(place, code, len(code))], place)
    board = vm.BOARDS[name]
    image = kernels.make_disk(tmp_path / "disk.img", tmp_path / "root", {"/program": program, "/foreign": foreign})
    machine = machines.boot(board, vm.disk(0, image, "pci"), nic="none")
    machine.command(f"mw.b {place + 0x10000:x} ee 200")
    machine.command("load virtio 0 $loadaddr /program")
    for line, words in (("bootelf", 0), ("bootelf $loadaddr", 0), ("bootelf -p $loadaddr one two", 2)):
        assert machine.command(line) == (f"## Starting application at 0x{place:08X} ...\n"
                                         f"## Application terminated, rc = 0x{0x40 + words:X}\n")
        assert machine.status() == 1
    assert "40 00 00 00 00 00" in machine.command(f"md.b {place + 0x10000:x} 10")
    assert machine.command(f"md.b {place + 0x100ff:x} 2").split()[1:3] == ["00", "ee"]
    machine.command("load virtio 0 $loadaddr /foreign")
    assert machine.command("bootelf").endswith(" is an ELF file, for another machine\n")
    machine.command("load virtio 0 $loadaddr /program; mw.l $loadaddr 0")
    assert machine.command("bootelf").endswith(" is no kernel of a known kind\n")
    assert machine.status() == 1


def hostile(elf, flat):
    """{name: (file, what is said of it at 0x2000000)}"""
    one, two, pvh = (elf.only(kind) for kind in ("Multiboot", "Multiboot2", "PVH"))
    header, header2, program = one.at(0x1BADB002), two.at(0xE85250D6), 52

    def segment(image, index, **fields):
        for field, value in fields.items():
            image = image.put(program + 32 * index + 4 * ["type", "offset", "virtual", "address", "file", "memory"].index(field), "<I", value)
        return image.data

    says = "the kernel at 0x02000000: "
    return {
        "/flags": (one.flags(7).data, says + "not supported (its header's flags 0x4 ask for what there is not)"),
        "/no-addresses": (flat.flags(3).data, says + "corrupt (it neither is an ELF file nor says where it belongs)"),
        "/early": (flat.put(flat.at(0x1BADB002) + 16, "<I", BASE - 0x100000).data, says + "corrupt (its header would lie before its beginning)"),
        "/backwards": (flat.put(flat.at(0x1BADB002) + 20, "<I", BASE).data, says + "corrupt (it would end before its beginning)"),
        "/bss": (flat.put(flat.at(0x1BADB002) + 24, "<I", BASE + 1).data, says + "corrupt (its zeroed data would end before they begin)"),
        "/tag": (two.put(header2 + 16, "<H", 77).data, says + "not supported (its header's tag 77 asks for what there is not)"),
        "/tag-size": (two.put(header2 + 20, "<I", 4).data, says + "corrupt (its header's tag 1 is cut off)"),
        "/information": (two.put(header2 + 24, "<I", 8).data, says + "not supported (it asks for information 8, which there is not)"),
        "/mips": (two.put(header2 + 4, "<I", 4).put(header2 + 12, "<I", -(0xE85250D6 + 4 + struct.unpack_from("<I", two.data, header2 + 8)[0])
                                                    & 0xFFFFFFFF).data, says + "not supported (its header is for architecture 4)"),
        "/entry": (pvh.put(pvh.data.index(kernels_info.NOTE) + 16, "<I", 0x1000).data,
                   says + "corrupt (its entry point is in none of its segments)"),
        "/note": (pvh.put(pvh.data.index(kernels_info.NOTE) + 4, "<I", 0xFFFFFFF0).data, says + "corrupt (a note is cut off)"),
        "/larger": (segment(one, 0, memory=1), says + "corrupt (segment 1 is larger in the file than in memory)"),
        "/beyond": (segment(one, 1, offset=0x7F000000), f"the kernel at 0x02000000 is cut off: {len(one.data)} of its"),
        "/over": (segment(one, 1, address=BASE), says + "corrupt (segment 2 lies over another one)"),
        "/low": (segment(one, 1, address=0x1000), "the kernel at 0x00001000..0x"),
        "/no-ram": (segment(one, 1, address=0xFEE00000), "the kernel at 0xfee00000..0x"),
        "/table": (one.put(44, "<H", 60000).data, says + "corrupt (the file is cut off)"),
        "/entries": (one.put(42, "<H", 8).data, says + "corrupt (its table's entries have 8 bytes)"),
        "/plain": (one.flags(3).put(header, "<I", 0).data, "what lies at 0x02000000 is an ELF file, not an x86 Linux bzImage"),
        "/cut": (one.data[:0x2000], "the kernel at 0x02000000 is cut off: 8192 of its"),
    }


@pytest.mark.parametrize("board", ["qemu-x86_64", "qemu-x86"])
def test_hostile_headers_are_named(board, disk):
    """One line, the prompt comes back, memory is as it was."""
    files = hostile(*kernels_info.build(disk.folder))
    machine = disk.boot(Variant(board, board), {name: data for name, (data, _) in files.items()})
    for name, (_, says) in files.items():
        machine.command(f"load virtio 0 2000000 {name}")
        before = disk.memory(MIB, 4 * MIB), disk.memory(0x2000000, MIB)
        answer = machine.command("zboot 2000000")
        assert answer.startswith(f"Cannot boot: {says}") and answer.count("\n") == 1, (name, answer)
        assert machine.status() == 1
        assert (disk.memory(MIB, 4 * MIB), disk.memory(0x2000000, MIB)) == before, name

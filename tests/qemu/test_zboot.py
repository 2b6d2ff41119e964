# SPDX-License-Identifier: Apache-2.0
"""`zboot`: what an x86 kernel finds at its first instruction (kernel_x86.S says it), on each variant of the machine: registers, memory,
boot_params, chips and devices at rest; and, with what is no kernel or has no room, one line that names it, with memory as it was. The bounds
are proven in tests/unit/boot."""

import pathlib
import re

import pytest

import images
import kernels
import kernels_x86
import vm
from kernels import INITRD, MIB, monitor  # noqa: F401 (a fixture)
from kernels_x86 import Disk, Params, Variant
from networks import network, nic  # noqa: F401 (a fixture)
from rows import only_long
from test_handover import start_a_read_and_leave_it
from test_net_handover import flood, listen, ram

BOOTARGS = "console=ttyS0 one=1 two='a b'"
LOAD = "load virtio 0 $kernel_addr_r /boot/kernel; load virtio 0 $ramdisk_addr_r /boot/initrd; " \
       f'setenv bootargs "{BOOTARGS}"; '
PC = Variant("pc")

VARIANTS = [
    PC,
    Variant("q35-smp-4", machine="q35", processors=4),
    Variant("microvm", machine="microvm", transport="mmio", processors=2),
    Variant("microvm-without-acpi", machine="microvm,acpi=off", transport="mmio"),
    Variant("pc-without-acpi", machine="pc,acpi=off"),
    Variant("64M", arguments="-m 64M"),
    Variant("q35-6G", machine="q35", arguments="-m 6G -cpu max", processors=2),
    Variant("x86-pc", "qemu-x86", mode=32),
    Variant("x86-q35-smp-4", "qemu-x86", machine="q35", processors=4, mode=32),
    Variant("x86-microvm", "qemu-x86", machine="microvm", transport="mmio", mode=32),
    Variant("x86-without-address-extension", "qemu-x86", arguments="-cpu pentium2,-pae", mode=32),
]


@pytest.fixture
def disk(machines, monitor, tmp_path):  # noqa: F811
    return Disk(machines, monitor, tmp_path)


def at_rest(found, variant):
    if "microvm" not in variant.machine:
        assert found["pic"] == 0xFFFB, "a line of the 8259 is open"
    assert found["uart_interrupts"] == 0
    assert [found[f"apic_{name}"] for name in ("spurious", "timer", "pin0", "pin1", "count", "in_service", "requested")] == \
        [0xFF, 0x10000, 0x700, 0x10000, 0, 0, 0]
    assert found["inputs"] == 0, "an input of the I/O APIC is open"
    assert found["mmio_status"] == 0, "a device on MMIO is not reset"
    assert found["pci_command"] & 4 == 0, "a function on PCI may still write to memory"
    assert found["bios_data"] == 0


class Check:
    """What Linux' Documentation/arch/x86/boot.rst asks for, and what a machine that was handed over cleanly is like."""

    def __init__(self, found, variant, disk):  # noqa: F811
        self.found, self.variant, self.memory = found, variant, disk.memory
        self.params = Params(self.memory(found["params"], 4096))

    def registers(self):
        found = self.found
        assert found["mode"] == self.variant.mode
        assert [found[name] for name in ("cs", "ds", "es", "ss")] == [0x10, 0x18, 0x18, 0x18]
        assert found["flags"] & 1 << 9 == 0, "interrupts are off"
        assert found["cr0"] >> 31 == (self.variant.mode == 64), "translation"
        assert found["idt_limit"] == 0
        if self.variant.mode == 32:
            assert [found[name] for name in ("bx", "bp", "di", "cr4")] == [0] * 4

    def at_rest(self):
        at_rest(self.found, self.variant)

    def kernel(self, image):
        """Where it may be, and every byte of it."""
        at = self.found["head"]
        assert at >= image.preferred and at % 4096 == 0 and at <= self.found["here"] < at + len(image.kernel)
        assert image.unwritten(self.memory(at, len(image.kernel))) == image.unwritten(image.kernel)
        return at

    def told(self, image, initrd, bootargs):
        params = self.params
        line = self.memory(params.command_line_address, len(bootargs) + 1)
        assert line == bootargs.encode() + b"\0"
        assert params.number(0x206, "<H") == image.protocol and params.page[0x210] == 0xFF and params.page[0x1EF] == 0
        start, size = params.initrd
        assert size == len(initrd or b"")
        if initrd:
            assert self.memory(start, size) == initrd
            if self.variant.mode == 64:
                assert self.found["first"].to_bytes(8, "little") == initrd[:8]
                assert self.found["last"].to_bytes(8, "little") == initrd[-8:]

    def address_map(self, has_acpi):
        """Upwards, disjoint; RAM where a kernel starts other processors; ACPI's root is where RAM is reserved."""
        ranges = self.params.address_map
        assert all(one[1] <= other[0] for one, other in zip(ranges, ranges[1:])), ranges
        memory = re.search(r"-m (\d+)([MG])", self.variant.arguments)
        size = int(memory[1]) * (1024 if memory[2] == "G" else 1) if memory else 128
        usable = sum(end - start for start, end, kind in ranges if kind == 1)
        assert (size - 2) * MIB <= usable <= size * MIB
        assert any(start <= 0x1000 and end >= 0x9F000 for start, end, kind in ranges if kind == 1), ranges
        root = self.params.number(0x70, "<Q")
        assert (root != 0) == has_acpi
        if root:
            assert self.memory(root, 8) == b"RSD PTR "
            assert not any(start <= root < end for start, end, kind in ranges if kind == 1), "it lies in RAM that is the kernel's"

    def all(self, image, initrd, bootargs):
        self.registers()
        self.at_rest()
        at = self.kernel(image)
        self.told(image, initrd, bootargs)
        self.address_map("acpi=off" not in self.variant.machine)
        assert self.found["processors"] == self.variant.processors
        return at


def off(machine, variant):
    machine.send("q")
    if "acpi=off" not in variant.machine:
        assert machine.wait_exit() == 0


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_hand_over(variant, disk):
    """With an initrd, from a disk; the kernel and the initrd are where they were loaded."""
    image = kernels_x86.build(disk.folder)
    machine = disk.boot(variant, {"/boot/kernel": image.data, "/boot/initrd": INITRD})
    place, ramdisk = (int(machine.command(f"echo ${name}"), 16) for name in ("kernel_addr_r", "ramdisk_addr_r"))
    machine.send(LOAD + "zboot $kernel_addr_r - $ramdisk_addr_r\r")
    check = Check(kernels.facts(machine), variant, disk)
    bootargs = BOOTARGS
    if "microvm" in variant.machine:
        line = check.memory(check.params.command_line_address, 2048).split(b"\0")[0].decode()
        assert re.match(re.escape(BOOTARGS) + r" tsc_early_khz=\d+", line), line
        assert (" virtio_mmio.device=512@0xfeb0" in line) == ("acpi=off" in variant.machine), line
        bootargs = line
    assert check.all(image, INITRD, bootargs) == place + image.setup_bytes, "nothing was moved"
    assert check.params.initrd[0] == ramdisk
    off(machine, variant)


def test_a_kernel_without_a_64_bit_entry(disk):
    """A 32-bit kernel on the 64-bit board: entered without translation, with its initrd in low memory."""
    image = kernels_x86.build(disk.folder).but(flags=0)
    variant = Variant("32-bit", arguments="-m 2G", mode=32)
    machine = disk.boot(variant, {"/boot/kernel": image.data, "/boot/initrd": INITRD})
    high = 0x60000000
    machine.send(LOAD.replace("$ramdisk_addr_r", f"{high:x}") + f"zboot $kernel_addr_r - {high:x}\r")
    check = Check(kernels.facts(machine), variant, disk)
    check.all(image, INITRD, BOOTARGS)
    start, size = check.params.initrd
    assert start + size <= 0x38000000, "the initrd was moved down"
    off(machine, variant)


def test_an_initrd_above_4_gib(disk):
    image = kernels_x86.build(disk.folder)
    variant = Variant("6G", machine="q35", arguments="-m 6G")
    machine = disk.boot(variant, {"/boot/kernel": image.data, "/boot/initrd": INITRD})
    high = 0x140000000
    machine.send(LOAD.replace("$ramdisk_addr_r", f"{high:x}") + f"zboot $kernel_addr_r - {high:x}\r")
    check = Check(kernels.facts(machine), variant, disk)
    check.all(image, INITRD, BOOTARGS)
    assert check.params.initrd[0] == high
    off(machine, variant)


@pytest.mark.parametrize("place", [0x200000, 0x2000100])
def test_a_kernel_that_was_loaded_elsewhere(place, disk):
    """Too low, or off a page: it is moved, whole, without its first sectors."""
    image = kernels_x86.build(disk.folder).padded(5 * MIB + 4).but(memory_bytes=8 * MIB)
    machine = disk.boot(PC, {"/boot/kernel": image.data, "/boot/initrd": INITRD})
    machine.send(LOAD.replace("$kernel_addr_r", f"{place:x}") + f"zboot {place:x} - $ramdisk_addr_r\r")
    assert Check(kernels.facts(machine), PC, disk).all(image, INITRD, BOOTARGS) == image.preferred
    off(machine, PC)


def test_a_kernel_for_one_place_alone(disk):
    """As memtest86+ is: it says 1 MiB, and goes there."""
    image = kernels_x86.build(disk.folder).but(relocatable=0, preferred=MIB, protocol=0x20C)
    machine = disk.boot(PC, {"/boot/kernel": image.data, "/boot/initrd": INITRD})
    machine.send(LOAD + "zboot $kernel_addr_r\r")
    assert Check(kernels.facts(machine), PC, disk).all(image, None, BOOTARGS) == MIB
    off(machine, PC)


def test_step_by_step_and_again_after_a_reset(disk):
    image = kernels_x86.build(disk.folder)
    machine = disk.boot(PC, {"/boot/kernel": image.data, "/boot/initrd": INITRD}, ["-device", "virtio-rng-pci"])
    seeds = []
    for _ in range(2):
        machine.command(LOAD + "zboot start $kernel_addr_r 0 $ramdisk_addr_r")
        for step in ("load", "setup", "info"):
            assert "x86 Linux bzImage" in machine.command(f"zboot {step}")
        assert "Type of loader      : ff" in machine.command("zboot dump")
        machine.send("zboot go\r")
        check = Check(kernels.facts(machine), PC, disk)
        check.all(image, INITRD, BOOTARGS)
        node = disk.memory(check.params.number(0x250, "<Q"), 48)
        assert node[8:16] == b"\x09\0\0\0\x20\0\0\0", "a random seed"
        seeds.append(node[16:])
        machine.send("r")
        machine.boot()
    assert len(set(seeds)) == 2


def at(offset, magic, size=2048):
    return bytes(offset) + magic + bytes(size - offset - len(magic))


def test_what_cannot_be_booted_is_named(disk):
    """One line, the prompt comes back, memory is as it was."""
    image = kernels_x86.build(disk.folder)
    files = {
        "/gzip": (at(0, b"\x1f\x8b"), "what lies at 0x01000000 is a gzip file that cannot be used: corrupt (packed data, 0 KiB into the file)"),
        "/elf": (at(0, b"\x7fELF"), "what lies at 0x01000000 is an ELF file, not an x86 Linux bzImage"),
        "/arm64": (at(0x38, b"ARM\x64"), "what lies at 0x01000000 is an arm64 Linux Image, for another machine"),
        "/noise": (b"not a kernel" * 1000, "what lies at 0x01000000 is no kernel of a known kind"),
        "/empty": (b"", "what lies at 0x01000000 is no kernel of a known kind"),
        "/head": (image.data[:0x26B], "the kernel at 0x01000000: corrupt (the header is cut off)"),
        "/cut": (image.data[:-16], f"the kernel at 0x01000000 is cut off: {len(image.data) - 16} of its {len(image.data) - 15} bytes are there"),
        "/bios": (image.but(protocol=0x205).data, "the kernel at 0x01000000: not supported (it is of boot protocol 205, which takes a PC's BIOS)"),
        "/ipxe": (image.but(protocol=0x207, header_end=0x36).data,
                  "the kernel at 0x01000000: not supported (it is of boot protocol 207, which takes a PC's BIOS)"),
        "/odd": (image.but(alignment=0x300000).data,
                 "the kernel at 0x01000000: corrupt (the header says an alignment that is no power of two)"),
        "/large": (image.but(memory_bytes=0x7F000000).data, "the kernel at 0x01001000..0x801fffff is not in RAM"),
        "/high": (image.but(relocatable=0, preferred=0xFE000000).data, "no free RAM that fits the kernel: it takes 0x400000 bytes"),
        "/line": (image.but(command_line_most=3).data, "too large (the command line: this kernel takes 3 characters)"),
    }
    machine = disk.boot(PC, {"/kernel": image.data, **{name: data for name, (data, _) in files.items()}})
    machine.command("setenv bootargs quiet")
    for name, (_, says) in files.items():
        machine.command("load virtio 0 1000000 /kernel")  # what lay there before does not count
        machine.command(f"load virtio 0 1000000 {name}")
        before = disk.memory(0x1000000, 4 * MIB)
        assert machine.command("zboot 1000000") == f"Cannot boot: {says}\n", name
        assert machine.status() == 1
        assert disk.memory(0x1000000, 4 * MIB) == before
    machine.command("load virtio 0 1000000 /kernel")
    for line, says in {
        "zboot 1000000 - 2000000": "Nothing was loaded to 0x02000000: say how long the initrd is",
        "zboot 1000000 - 1000000 1000": f"Cannot boot: the initrd at 0x01000000..0x01000fff is not free: "
                                        f"0x01000000..0x{0x1000000 + len(image.data) - 1:08x} belongs to the kernel",
        "zboot 1000000 - 7000000 8000000": "Cannot boot: the initrd at 0x07000000..0x0effffff is not in RAM",
        "zboot 1000000 x": "'x': not a number (hexadecimal)",
        "zboot 1000000 - - - - nothing": "zboot: there is no variable 'nothing' with a command line",
        "zboot fee00000": "Cannot boot: the kernel at 0xfee00000..0xfee00000 is not in RAM",
    }.items():
        assert machine.command(line) == f"{says}\n", line
        assert machine.status() == 1
    assert "2048 blocks read: OK" in machine.command("virtio read 2000000 0 800"), "no device was stopped"


@pytest.mark.parametrize("board,machine,kind,properties", [
    ("qemu-x86_64", "q35", "pci-modern-only", ",packed=on"), ("qemu-x86", "pc", "pci-legacy-only", ""),
    ("qemu-x86_64", "microvm", "mmio-modern", ""),
    *only_long(("qemu-x86_64", "pc", "pci-transitional", ""), ("qemu-x86", "q35", "pci-modern-only", ""),
               ("qemu-x86", "microvm", "mmio-modern", ",packed=on"))])
def test_memory_is_the_kernels_alone(board, machine, kind, properties, network):  # noqa: F811
    """Frames arrive as fast as they can, and requests of a slow disk are under way, before, while and after the kernel is entered: not one byte
    of memory changes from then on. Neither of what lay there, nor of what the kernel fills it with. Chips and devices are at rest."""
    folder = pathlib.Path(network.folder)
    transport = "mmio" if "mmio" in kind else "pci"
    variant = Variant(machine, board, machine=machine, transport=transport, mode=64 if board.endswith("64") else 32)
    files = {"/boot/kernel": kernels_x86.build(folder).data, "/boot/initrd": INITRD}
    image = kernels.make_disk(folder / "disk.img", folder / "root", files)
    slow = images.patterned(folder / "slow.img", 8 * MIB)
    machine = network.boot_bound(vm.BOARDS[board], [*variant.options(), *nic(kind, properties), *vm.disk(0, image, transport),
                                                    *vm.disk(1, slow, transport, drive=",throttling.bps-read=262144")])
    machine.is_alive()
    with flood(network) as sender:
        listen(machine, sender)
        boot_disk = start_a_read_and_leave_it(machine, 0x5000000)
        machine.vm.send(LOAD.replace("virtio 0", f"virtio {boot_disk}") + "zboot $kernel_addr_r - $ramdisk_addr_r\r")
        found = kernels.facts(machine.vm)
        before, sent = ram(machine), sender.sent
        for _ in range(2):
            assert ram(machine) == before
        machine.vm.send("f")
        machine.vm.expect("filled")
        machine.vm.send("c")
        assert kernels.numbers("".join(machine.vm.expect(r"changed=\w+\r*\n"))) == {"last": 0, "changed": 0}
        assert sender.sent > sent
    at_rest(found, variant)
    off(machine.vm, variant)

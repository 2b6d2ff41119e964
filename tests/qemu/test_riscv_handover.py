# SPDX-License-Identifier: Apache-2.0
"""What a RISC-V kernel finds at its first instruction (kernel_riscv.c says it), in both modes and widths; and Vireo's own SBI in machine
mode, call by call, by a kernel that is told what to ask for: also what no honest kernel asks for."""

import dataclasses
import os
import struct

import pytest

import images
import kernels
import vm
from conftest import build_folder
from kernels import INITRD, MIB, memory_of, monitor  # noqa: F401 (a fixture)
from networks import network  # noqa: F401 (a fixture)
from rows import only_long
from test_handover import check_memory_is_the_kernels_alone
from test_linux import package

HERE = os.path.dirname(os.path.abspath(__file__))
BOOTARGS = "console=ttyS0 one=1 two='a b'"
RAM = 0x80000000
BLOCK = (RAM, RAM + 0x20000)  # the resident SBI's
BASE, TIME, IPI, RFENCE, HSM, SRST, DBCN, PMU = 0x10, 0x54494D45, 0x735049, 0x52464E43, 0x48534D, 0x53525354, 0x4442434E, 0x504D55
NOT_SUPPORTED, INVALID_PARAM, INVALID_ADDRESS, ALREADY = -2, -3, -5, -6


def opensbi(bits):
    """Debian 13's."""
    return f"{package('opensbi:all')}/usr/lib/riscv{bits}-linux-gnu/opensbi/generic/fw_dynamic.bin"


@dataclasses.dataclass(frozen=True)
class Variant:
    bits: int
    name: str
    arguments: str = ""
    machine: str = ""  # properties of `-machine virt`, each with its comma
    processors: int = 1
    transport: str = "pci"
    # or "qemu" (its OpenSBI), "opensbi" (Debian 13's), "flash" (own, from there), "second-flash"
    # (under QEMU's, from there)
    firmware: str = "own"

    def __str__(self):
        return f"riscv{self.bits}-{self.name}"

    @property
    def board(self):
        return vm.BOARDS[f"qemu-riscv{self.bits}"]

    @property
    def is_own(self):
        return self.firmware in ("own", "flash")

    def command(self, folder):
        image = os.path.join(build_folder(self.board), self.board.firmware)
        if "flash" in self.firmware:
            flash = folder / "flash.img"
            with open(image, "rb") as source:
                flash.write_bytes(source.read())
            os.truncate(flash, 32 * MIB)
            below = ["-bios", opensbi(self.bits)] if self.bits == 32 else []  # QEMU 7.2 has none
            unit, bios = (0, ["-bios", "none"]) if self.firmware == "flash" else (1, below)
            loading = [*bios, "-drive", f"if=pflash,unit={unit},format=raw,file={vm.escape(flash)},readonly=on"]
        elif self.firmware == "opensbi":
            loading = ["-bios", opensbi(self.bits), "-kernel", image]
        else:
            loading = ["-bios" if self.firmware == "own" else "-kernel", image]
        return [self.board.qemu, "-nographic", "-machine", f"virt{self.machine}", *self.arguments.split(), "-smp", str(self.processors), *loading,
                "-nic", "none"]


TWO_SOCKETS = "-m 256M -object memory-backend-ram,id=m0,size=128M -object memory-backend-ram,id=m1,size=128M " \
              "-numa node,cpus=0-1,memdev=m0 -numa node,cpus=2-3,memdev=m1"
VARIANTS = [
    Variant(64, "plain"),
    Variant(64, "mmio", processors=4, transport="mmio"),
    Variant(64, "8-harts", processors=8),
    Variant(64, "aclint", machine=",aclint=on", processors=2),
    Variant(64, "without-sstc", "-cpu rv64,sstc=off", processors=2),
    Variant(64, "sifive-u54", "-cpu sifive-u54"),
    Variant(64, "64M", "-m 64M"),
    Variant(64, "4G", "-m 4G", processors=2),
    Variant(64, "sockets", TWO_SOCKETS, processors=4),
    Variant(64, "aplic", machine=",aia=aplic", processors=4),
    Variant(64, "aplic-imsic", machine=",aia=aplic-imsic", processors=4),
    Variant(64, "aplic-imsic-guests", machine=",aia=aplic-imsic,aia-guests=3", processors=3, transport="mmio"),
    Variant(64, "aplic-imsic-sockets", TWO_SOCKETS, machine=",aia=aplic-imsic", processors=4),
    Variant(64, "flash", firmware="flash", processors=2),
    Variant(64, "qemu-s-opensbi", firmware="qemu", processors=2),
    Variant(64, "opensbi-1.6", firmware="opensbi", processors=2),
    Variant(32, "plain"),
    Variant(32, "8-harts", processors=8, transport="mmio"),
    Variant(32, "without-sstc", "-cpu rv32,sstc=off", processors=2),
    Variant(32, "flash", firmware="flash", processors=2),
    Variant(32, "2G", "-m 2G"),
    Variant(32, "aplic", machine=",aia=aplic", processors=2),
    Variant(32, "aplic-imsic", machine=",aia=aplic-imsic", processors=4),
    Variant(32, "opensbi-1.6", firmware="opensbi", processors=2),
]


def build(folder, bits):
    """kernel_riscv.c as an Image."""
    abi = {32: "ilp32", 64: "lp64"}[bits]
    program = os.path.join(str(folder), f"riscv{bits}")
    images.run("clang-19", f"--target=riscv{bits}-unknown-elf", f"-march=rv{bits}imac_zicsr_zifencei", f"-mabi={abi}", "-mcmodel=medany", "-fpie",
               "-fvisibility=hidden", "-fno-jump-tables", "-Os", "-ffreestanding", "-fno-builtin", "-mno-relax",
               "-c", os.path.join(HERE, "kernel_riscv.c"), "-o", f"{program}.o")
    images.run("ld.lld-19", "-pie", "--no-dynamic-linker", "-z", "text", "-z", "norelro", "-e", "0", "-T", os.path.join(HERE, "kernel_riscv.ld"),
               f"{program}.o", "-o", f"{program}.elf")
    images.run("llvm-objcopy-19", "-O", "binary", "--only-section=.text", f"{program}.elf", f"{program}.img")
    with open(f"{program}.img", "rb") as file:
        data = file.read()
    # It writes to its last bytes, and to what follows them.
    return kernels.Image(data, (len(data) - 1024, len(data)))


class Kernel:
    """The kernel of these tests, started by booti from a disk or, if it is `given`, by the start from QEMU's `-kernel`; and what can be asked
    of it."""

    def __init__(self, variant, machines, monitor, folder, given=False):  # noqa: F811
        self.variant, self.memory = variant, memory_of(monitor)
        self.image = build(folder, variant.bits)
        files = {"/kernel": self.image.data, "/initrd": INITRD}
        disk = kernels.make_disk(folder / "disk.img", folder / "root", files)
        root = folder / "root"
        words = ["-kernel", root / "kernel", "-initrd", root / "initrd", "-append", BOOTARGS] if given else []
        self.machine = machines.start([*variant.command(folder), *words, *vm.disk(0, disk, variant.transport), *monitor.arguments,
                                       "-serial", "mon:stdio"])
        if given:
            self.said, _ = self.machine.expect("Starting kernel")
        else:
            self.boot_by_hand()
        self.found = kernels.facts(self.machine)
        self.hart = self.found["a0"]
        self.tree = kernels.tree(self.memory(self.found["a1"], self.found["tree_bytes"]))
        self.others = [hart for hart in range(variant.processors) if hart != self.hart]

    def boot_by_hand(self):
        self.machine.boot()
        for place, name in (("kernel_addr_r", "kernel"), ("ramdisk_addr_r", "initrd")):
            self.machine.command(f"load virtio 0 ${place} {name}")
            assert self.machine.status() == 0
        self.machine.command(f'setenv bootargs "{BOOTARGS}"')
        self.machine.send("booti $kernel_addr_r $ramdisk_addr_r\r")

    def ask(self, line):
        """Both numbers of its answer."""
        self.machine.send(line + "\n")
        _, answer = self.machine.expect(r"= [0-9a-f]+ [0-9a-f]+\r*\n")
        return [int(word, 16) for word in answer.split()[1:]]

    def call(self, extension, function, *arguments):
        """(error, value) of an SBI call."""
        mask = (1 << self.variant.bits) - 1
        words = [*arguments, 0, 0, 0, 0][:4]
        error, value = self.ask("c " + " ".join(f"{word & mask:x}" for word in (extension, function, *words)))
        return error - (mask + 1) if error > mask >> 1 else error, value

    def state(self, hart):
        error, value = self.call(HSM, 2, hart)
        return value if error == 0 else error

    def wait_for(self, what):
        for _ in range(200):
            if what():
                return
        raise AssertionError("it does not come")

    def starts(self, hart):
        return self.ask(f"i {hart:x}")[1]

    def signals(self, hart):
        return self.ask(f"i {hart:x}")[0]

    def start(self, hart, argument=0):
        before = self.starts(hart)
        assert self.call(HSM, 0, hart, self.found["other"], argument) == (0, 0)
        self.wait_for(lambda: self.starts(hart) == before + 1)

    def ends(self):
        self.machine.send("q")
        assert self.machine.wait_exit() == 0


@pytest.fixture
def kernel(machines, monitor, tmp_path):  # noqa: F811
    return lambda variant: Kernel(variant, machines, monitor, tmp_path)


def check_interrupts(one):
    """Supervisor mode's domain is at rest, and works; the tree names no other."""
    controllers = [node for node in one.tree.root.child("soc").children if node.name.startswith(("aplic@", "imsics@"))]
    for node in controllers:
        causes = node.properties.get("interrupts-extended", b"")[4:8]
        is_machine_modes = "riscv,children" in node.properties or causes == (11).to_bytes(4, "big")
        assert (node.properties.get("status") == b"disabled\0") == is_machine_modes, node.name
    by_messages = "imsic" in one.variant.machine
    sockets = 2 if one.variant.name.endswith("sockets") else 1
    assert len(controllers) == 2 * sockets + (2 if by_messages else 0)
    assert one.ask(f"u {one.hart:x} {by_messages:x}") == [0x200, 0]


def check_hand_over(one):
    """Linux' Documentation/arch/riscv/boot.rst, and what a machine that was handed over cleanly is like; all processors can be started."""
    variant, found = one.variant, one.found
    assert found["sstatus"] & 2 == 0 and found["sie"] == 0, "interrupts are off"
    assert found["satp"] == 0, "so is translation"
    assert found["sip"] & 0x22 == 0, "nothing waits"
    assert found["time"] == 1, "time can be read"
    # where the PLIC's priorities would be, an APLIC of machine mode has passed on all of its interrupts
    assert found["plic_priorities"] == (0x400 if "aia=" in variant.machine else 0)
    assert [found[name] for name in ("plic_enabled", "uart_interrupts", "mmio_status")] == [0] * 3
    assert found["pci_command"] & 4 == 0, "a function on PCI may still write to memory"
    at, size = found["a1"], found["tree_bytes"]
    assert found["tree"] == 0xD00DFEED and at % 8 == 0 and at + size <= 1 << 32
    start, end = one.tree.initrd
    kernel_at = found["head"]
    parts = [(kernel_at, kernel_at + struct.unpack_from("<Q", one.image.data, 16)[0]), (at, at + size), (start, end), *([BLOCK] if variant.is_own else [])]
    assert not any(a[0] < b[1] and b[0] < a[1] for a in parts for b in parts if a is not b), parts
    boundary = {32: 4 * MIB, 64: 2 * MIB}[variant.bits]
    assert kernel_at % boundary == 0 and kernel_at >= RAM + boundary
    if variant.bits == 32:
        assert max(end for _, end in parts) <= RAM + (1 << 30)
    assert one.memory(start, end - start) == INITRD
    assert one.image.unwritten(one.memory(kernel_at, len(one.image.data))) == one.image.unwritten(one.image.data)
    assert one.tree.bootargs == BOOTARGS
    reserved = {node.name: node.properties for node in one.tree.root.child("reserved-memory").children} if variant.is_own else {}
    if variant.is_own:
        node = reserved["vireo@80000000"]
        assert "no-map" in node and node["reg"] == RAM.to_bytes(8, "big") + (0x20000).to_bytes(8, "big")
    if "aia=" in variant.machine:
        check_interrupts(one)
    for hart in one.others:
        one.start(hart, 0x1230 + hart)
        answer = one.ask(f"f {hart:x}")
        assert answer[0] == 0x1230 + hart and answer[1] & 2 == 0
    one.ends()


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_hand_over(variant, kernel):
    check_hand_over(kernel(variant))


OWN = [Variant(64, "8-harts", processors=8), Variant(64, "without-sstc", "-cpu rv64,sstc=off", processors=8),
       Variant(32, "8-harts", processors=8), Variant(32, "without-sstc", "-cpu rv32,sstc=off", processors=8)]


@pytest.mark.parametrize("variant", OWN, ids=str)
def test_own_sbi(variant, kernel):
    """Every call, with what is right and with what is not: each ends, with the error that the specification has."""
    one = kernel(variant)
    all_harts, memory = -1, one.found["head"]
    assert one.call(BASE, 0) == (0, 0x2000000)
    assert one.call(BASE, 3, PMU) == (0, 0)
    assert all(one.call(BASE, 3, extension) == (0, 1) for extension in (BASE, TIME, IPI, RFENCE, HSM, SRST, DBCN))
    for extension, function in ((BASE, 7), (TIME, 1), (IPI, 1), (RFENCE, 3), (HSM, 4), (SRST, 1), (DBCN, 3), (PMU, 0), (0x11, 0), (-1, -1)):
        assert one.call(extension, function, 1, 2, 3)[0] == NOT_SUPPORTED
    for extension in range(9):  # of SBI 0.1
        assert one.call(extension, 0)[0] == NOT_SUPPORTED

    # HSM.
    assert [one.state(hart) for hart in one.others] == [1] * 7 and one.state(one.hart) == 0
    assert [one.state(hart) for hart in (8, 9, 63, 64, -1)] == [INVALID_PARAM] * 5
    one_of_them, another = one.others[0], one.others[1]
    assert one.call(HSM, 0, 8, one.found["other"])[0] == INVALID_PARAM
    assert one.call(HSM, 0, one.hart, one.found["other"])[0] == ALREADY
    for address in (BLOCK[0], BLOCK[0] + 0x1000, BLOCK[1] - 2, one.found["other"] + 1):
        assert one.call(HSM, 0, one_of_them, address)[0] == INVALID_ADDRESS
    one.start(one_of_them, 0x55)
    assert one.state(one_of_them) == 0 and one.ask(f"f {one_of_them:x}")[0] == 0x55
    assert one.call(HSM, 0, one_of_them, one.found["other"])[0] == ALREADY
    one.ask(f"h {one_of_them:x} 1")
    one.wait_for(lambda: one.state(one_of_them) == 1)
    one.start(one_of_them)
    assert one.call(HSM, 3, 0x80000000, memory)[0] == NOT_SUPPORTED
    assert one.call(HSM, 3, 1)[0] == INVALID_PARAM
    one.ask(f"h {one_of_them:x} 2")
    one.wait_for(lambda: one.state(one_of_them) == 4)

    # Software interrupts: to harts that run or sleep, never to those that are stopped, refused for
    # those that are not there.
    before = one.signals(one_of_them)
    assert one.call(IPI, 0, 1, one_of_them) == (0, 0)
    one.wait_for(lambda: one.signals(one_of_them) > before and one.state(one_of_them) == 0)
    assert one.call(IPI, 0, 0xFE ^ (1 << one.hart), 0)[0] == 0
    for mask, base in ((1 << 8, 0), (1, 8), (1, 64), (3, 7), (1, -2), (-1, 0)):
        for extension in (IPI, RFENCE):
            assert one.call(extension, 0, mask, base)[0] == INVALID_PARAM
    assert one.call(IPI, 0, 0, 99) == (0, 0)
    for function in (0, 1, 2):
        for mask, base in ((0xFF, 0), (0, all_harts), (1 << another, 0), (1, one.hart)):
            assert one.call(RFENCE, function, mask, base, 0) == (0, 0)

    # The timer: within a tenth of a second of 50 ms.
    assert 500000 <= one.ask("t 7a120")[0] < 1500000

    # The console, and memory that is the SBI's.
    for function in (0, 1):
        for address, high in ((BLOCK[0], 0), (BLOCK[1] - 1, 0), (-1, 0), (memory, 1)):
            assert one.call(DBCN, function, 1, address, high)[0] == INVALID_PARAM
        assert one.call(DBCN, function, 16, BLOCK[0] - 8, 0)[0] == INVALID_PARAM
        assert one.call(DBCN, function, -1, 4, 0)[0] == INVALID_PARAM
    assert one.call(DBCN, 0, 4, 0x300000)[0] == INVALID_PARAM, "nothing answers there"
    assert one.call(DBCN, 1, 4, memory) == (0, 0), "nothing was typed"
    one.machine.send(f"c {DBCN:x} 0 5 {memory + 0x30:x} 0 0\n")
    one.machine.expect(r"RISCV= 0+ 0*5\r*\n")
    one.machine.send(f"c {DBCN:x} 2 21 0 0 0\n")
    one.machine.expect("!= ")

    # What is the SBI's can neither be read, nor written, nor run.
    for address in (BLOCK[0], BLOCK[0] + 0x1000, BLOCK[0] + 0x6000, BLOCK[1] - 1):
        assert one.ask(f"l {address:x}")[0] == 5 + 1
        assert one.ask(f"w {address:x} 1")[0] == 7 + 1
    assert one.ask(f"x {BLOCK[0] + 0x1000:x}")[0] == 1 + 1
    assert one.ask(f"l {BLOCK[1]:x}")[0] == 0

    # All others call at random; it goes on answering.
    for hart in one.others:
        if one.state(hart) == 1:
            one.start(hart)
        one.ask(f"h {hart:x} 3")
    for _ in range(10):
        assert one.call(RFENCE, 1, 0xFF, 0) == (0, 0)
        assert one.call(IPI, 0, 0, all_harts) == (0, 0)
        assert [one.state(hart) for hart in range(8)] == [0] * 8
    for kind, error in (((3, 0), INVALID_PARAM), ((0, 2), INVALID_PARAM), ((0xF0000000, 0), INVALID_PARAM)):
        assert one.call(SRST, 0, *kind)[0] == error
    one.ends()


@pytest.mark.parametrize("bits", (64, 32))
def test_own_sbi_starts_anew(bits, kernel):
    """SRST's other type: Vireo's prompt comes back, and boots again."""
    one = kernel(Variant(bits, "twice", processors=4))
    one.start(one.others[0])
    one.machine.send("r")
    one.machine.boot()
    one.machine.command("load virtio 0 $kernel_addr_r kernel")
    one.machine.send("booti $kernel_addr_r\r")
    one.found = kernels.facts(one.machine)
    assert one.found["sie"] == 0
    one.ends()


class SupervisorBoard(vm.Board):
    """The same, under QEMU's OpenSBI; on 32 bits under Debian 13's, since QEMU 7.2 has none."""

    def command(self, build, arguments=()):
        below = [] if self.bits == 64 else ["-bios", opensbi(self.bits)]
        return [self.qemu, "-nographic", *self.machine, *below, "-kernel", os.path.join(build, self.firmware), *arguments]


class FloodedKernel(kernels.Kernel):
    """kernel_riscv.c, for test_handover.py's check."""

    def build(self, folder, smc=False):
        return build(folder, self.board.bits)


def flooded(bits, supervisor):
    """Below the SBI's memory it writes nothing; OpenSBI's is twice 512 KiB at most."""
    board = vm.BOARDS[f"qemu-riscv{bits}"]
    if supervisor:
        board = SupervisorBoard(**dataclasses.asdict(board) | {"machine": board.machine})
    return FloodedKernel(board, "booti", kernels.Image, "a RISC-V Linux Image", "", scratch=RAM + 64 * MIB,
                         fill=f"F {RAM + 2 * MIB if supervisor else BLOCK[1]:x}\n", check="C")


@pytest.mark.parametrize("bits,supervisor,kind,properties", [
    (64, False, "pci-modern-only", ",packed=on"), (32, False, "mmio-legacy", ""), (64, True, "mmio-modern", ""),
    *only_long((32, True, "pci-modern-only", ""), (64, False, "mmio-legacy", ""), (32, False, "pci-modern-only", ",packed=on"))])
def test_memory_is_the_kernels_alone(bits, supervisor, kind, properties, network):  # noqa: F811
    check_memory_is_the_kernels_alone(flooded(bits, supervisor), kind, properties, network)

# SPDX-License-Identifier: Apache-2.0
"""QEMU's `-kernel`, `-initrd` and `-append` on RISC-V, where with `-bios` QEMU puts them into RAM itself: the start boots them where they lie.
What QEMU's reset ROM says about them is changed by a debugger; each thing that is wrong is one line."""

import fnmatch
import gzip
import os
import struct
import time

import pytest

import counting
import gdb
import kernels
import vm
from conftest import build_folder
from kernels import INITRD, MIB, memory_of, monitor  # noqa: F401 (a fixture)
from test_riscv_handover import BOOTARGS, RAM, Kernel, Variant, build, check_hand_over

VARIANTS = [
    Variant(64, "plain"),
    Variant(64, "8-harts", processors=8, transport="mmio"),
    Variant(64, "without-sstc", "-cpu rv64,sstc=off", processors=2),
    Variant(64, "64M", "-m 64M"),
    Variant(64, "4G", "-m 4G", processors=2),
    Variant(64, "second-flash", firmware="second-flash", processors=2),
    Variant(32, "plain", processors=2),
    Variant(32, "64M", "-m 64M", transport="mmio"),
    Variant(32, "2G", "-m 2G"),
    Variant(32, "second-flash", firmware="second-flash", processors=2),
]
PLACE = {64: RAM + 2 * MIB, 32: RAM + 4 * MIB}  # where QEMU puts a kernel
BOTH = pytest.mark.parametrize("bits", (64, 32))
RECORD = 0x1028  # of the reset ROM: magic, version, next address, each a word of the processor
START = 0x1000
# From reset to the first instruction of a kernel of 32 MiB with an initrd of 1.6 MiB, -icount. A disk would
# add some 70,000 and, since it is asked for its serial number, whatever the host takes to answer.
MOST_INSTRUCTIONS = {64: 1_400_000, 32: 1_650_000}


class Host:
    """Files to give to QEMU, and machines that get them."""

    def __init__(self, machines, monitor, folder):  # noqa: F811
        self.machines, self.monitor, self.folder = machines, monitor, folder

    def file(self, name, data):
        path = self.folder / name
        path.write_bytes(data)
        return path

    def command(self, bits, kernel, initrd=None, append=None, variant=None):
        words = ["-kernel", self.file("given-kernel", kernel)]
        if initrd is not None:
            words += ["-initrd", self.file("given-initrd", initrd)]
        if append is not None:
            words += ["-append", append]
        return [*(variant or Variant(bits, "plain")).command(self.folder), *words]

    def start(self, bits, *what, more=(), **named):
        """Not waited for: there is no prompt if all is well."""
        return self.machines.start([*self.command(bits, *what, **named), *more])

    def boot(self, bits, *what, more=()):
        """At the prompt: a key lies in the serial port before the machine starts. QEMU 7.2 has no -fw_cfg here."""
        machine = self.start(bits, *what, more=["-S", *self.monitor.arguments, "-serial", "mon:stdio", *more])
        machine.send("x")
        time.sleep(0.5)  # no event tells that QEMU has it; too short would fail the next line
        self.monitor.command("cont")
        assert machine.boot().endswith("Stopped by a key: 'qfw boot' boots the host's kernel\n")
        return machine


@pytest.fixture
def host(machines, monitor, tmp_path):  # noqa: F811
    return Host(machines, monitor, tmp_path)


def with_header(image, memory_bytes):
    """The same Image, saying that it takes so much memory."""
    return image.changed(16, "<Q", memory_bytes)


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_it_is_booted_without_a_key(variant, machines, monitor, tmp_path):  # noqa: F811
    one = Kernel(variant, machines, monitor, tmp_path, given=True)
    assert "moved" not in one.said and "Hit any key" not in one.said
    assert f"   command line {BOOTARGS}\n" in one.said
    if variant.is_own:
        assert one.found["head"] == PLACE[variant.bits]
        assert f"loading kernel to address {PLACE[variant.bits]:08x} size " in one.said
    check_hand_over(one)


@BOTH
def test_a_kernel_alone_and_again_after_a_reset(bits, host):
    machine = host.start(bits, build(host.folder, bits).data)
    for _ in range(2):
        said, _ = machine.expect("Starting kernel")
        assert "   initrd" not in said and "command line (the device tree's)" in said
        kernels.facts(machine)
        machine.send("r")


@BOTH
def test_much_memory_is_the_kernels(bits, host):
    """All but what Vireo needs beside it; one byte more, and the prompt comes."""
    image = build(host.folder, bits)
    most = 128 * MIB - (PLACE[bits] - RAM) - 12 * MIB
    machine = host.start(bits, with_header(image, most).data)
    machine.expect("Starting kernel")
    kernels.facts(machine)
    machine.close()
    machine = host.start(bits, with_header(image, 128 * MIB - (PLACE[bits] - RAM)).data)
    said = machine.boot()
    assert f"\nCannot boot: the kernel at 0x{PLACE[bits]:08x}..0x87ffffff is not free: " in said
    assert machine.command("echo here") == "here\n"


@BOTH
def test_what_cannot_be_booted_is_one_line(bits, host):
    image, place = build(host.folder, bits), PLACE[bits]
    end = place + 128 * MIB
    for kernel, initrd, says in (
            (b"not a kernel" * 1000, None, f"what lies at 0x{place:08x} is no kernel of a known kind"),
            (b"x", INITRD, f"what lies at 0x{place:08x} is no kernel of a known kind"),
            (gzip.compress(image.data), None, f"what lies at 0x{place:08x} is a gzip file, not a RISC-V Linux Image"),
            (with_header(image, 0).data, INITRD, "the kernel at 0x%08x: corrupt (the header does not say how much memory the kernel takes)" % place),
            (with_header(image, 128 * MIB).data, INITRD, f"the kernel at 0x{place:08x}..0x{end - 1:08x} is not in RAM"),
            (with_header(image, 1 << 40).data, INITRD, f"the kernel at 0x{place:08x}..0x{place + (1 << 40) - 1:08x} is not in RAM"),
            # over the initrd, which QEMU puts behind half of RAM
            (with_header(image, 80 * MIB).data, INITRD, None)):
        machine = host.start(bits, kernel, initrd, "quiet")
        said = machine.boot()
        if says:
            assert said.endswith(f"\n\nCannot boot: {says}\n"), said
        else:
            assert f"\n\nCannot boot: the initrd at 0x{place + 64 * MIB:08x}.." in said and " belongs to the kernel\n" in said
        assert machine.command("echo here") == "here\n"
        machine.close()


@BOTH
@pytest.mark.parametrize("field,value,says", [
    (0, 0x4942534E, "corrupt (what QEMU's reset ROM says about a kernel)"),
    (0, 0, "corrupt (what QEMU's reset ROM says about a kernel)"),
    (2, 0x90000000, "the kernel at 0x90000000..0x90000000 is not in RAM"),
    (2, RAM, "the kernel at 0x80000000..0x80000000 is not free: 0x80000000..0x* belongs to *"),
    (2, RAM + 0x20000, "the kernel at 0x80020000..0x80020000 is not free: 0x80000000..0x* belongs to image as loaded"),
    (2, RAM + 128 * MIB - 4, None),
    (2, 0xFFFFFFFC, "the kernel at 0xfffffffc..0xfffffffc is not in RAM"),
    (2, 0, ""), (2, 0x22000000, "")])
def test_a_record_that_makes_no_sense_is_one_line(bits, field, value, says, host):
    """`None`: one line, whatever it is; empty: as if there were no kernel. A star: anything."""
    image = build(host.folder, bits).data
    word = bits // 8
    with gdb.Stub() as stub:
        machine = host.start(bits, image, INITRD, BOOTARGS, more=["-nic", "none", "-S", *stub.arguments])
        stub.go_on_at(vm.BOARDS[f"qemu-riscv{bits}"].qemu, START, words=[(RECORD + field * word, value)])
        said = machine.boot()
    assert machine.command("echo here") == "here\n"
    if says == "":
        assert "Cannot boot" not in said and "loading" not in said
        assert machine.command("qfw boot") == "No kernel from the host (QEMU: -kernel)\n"
    elif says is None:
        assert said.count("Cannot boot: ") == 1
    else:
        assert fnmatch.fnmatch(said, f"*\n\nCannot boot: {says}\n") and said.count("Cannot boot: ") == 1, said


@BOTH
def test_from_flash_qemu_puts_it_where_the_sbi_lies(bits, host):
    """At the start of RAM: with `-bios none` QEMU knows of no firmware there."""
    variant = Variant(bits, "flash", firmware="flash")
    machine = host.start(bits, build(host.folder, bits).data, INITRD, variant=variant)
    said = machine.boot()
    assert said.count("\nCannot boot: the kernel at 0x80000000..") == 1 and said.endswith(" belongs to resident SBI\n"), said
    assert machine.command("echo here") == "here\n"


@BOTH
def test_commands(bits, host):
    image = build(host.folder, bits).padded(MIB)
    image = with_header(image, 2 * MIB)
    place, memory = PLACE[bits], memory_of(host.monitor)
    machine = host.boot(bits, image.data, INITRD, BOOTARGS)
    initrd = place + 64 * MIB
    size = f"{len(INITRD):x}"
    assert machine.command("qfw load") == f"loading kernel to address {place:08x} size 200000 initrd {initrd:x} size {size}\n"
    assert machine.command("echo $filesize $kernel_addr $initrd_addr $bootargs") == f"{size} {place:x} {initrd:x} {BOOTARGS}\n"
    where = machine.command("qfw load 82000100 83000000")
    assert where == f"loading kernel to address 82000100 size 200000 initrd 83000000 size {size}\n"
    assert memory(0x83000000, len(INITRD)) == INITRD and memory(0x82000100, MIB) == image.data
    assert machine.command("qfw load 87f00000 83000000").startswith("Cannot boot: the kernel at 0x87f00000..0x880fffff is not")
    assert machine.status() == 1
    machine.command("qfw load")
    machine.send("booti $kernel_addr $initrd_addr\r")
    said, _ = machine.expect("Starting kernel")
    assert "moved" not in said
    kernels.facts(machine)


@BOTH
def test_what_was_loaded_over_it_is_not_booted(bits, host):
    """RAM is the user's. A reset brings it back, and it is booted."""
    disk = kernels.make_disk(host.folder / "disk.img", host.folder / "root", {"/file": b"x" * 5000})
    machine = host.boot(bits, build(host.folder, bits).data, INITRD, more=vm.disk(0, disk))
    machine.command(f"load virtio 0 {PLACE[bits]:x} file")
    assert machine.status() == 0
    assert machine.command("qfw boot") == "Cannot boot: something was loaded over the host's kernel or initrd ('reset' brings them back)\n"
    machine.send("reset\r")
    kernels.facts(machine)


@BOTH
def test_the_way_to_the_kernel_keeps_its_budget_of_instructions(bits, host, tmp_path):
    """The kernel sleeps at its first instruction."""
    plugin, counter = counting.make_plugin(str(tmp_path)), tmp_path / "count"
    head = struct.pack("<2I3Q2I2Q2I", 0x10500073, 0xFFDFF06F, 0, 33 * MIB, 0, 2, 0, 0, 0x5643534952, 0x05435352, 0)
    machine = host.start(bits, head + bytes(32 * MIB - len(head)), bytes(1_600_000), BOOTARGS,
                         more=["-icount", "shift=4", *counting.arguments(plugin, counter)])
    machine.expect("Starting kernel")
    count, before = counting.read(counter), -1
    while count != before:
        time.sleep(0.5)
        count, before = counting.read(counter), count
    if "VIREO_SHOW" in os.environ:
        print(f"{count:,} instructions run, {counting.read_translated(counter):,} translated")
    most = MOST_INSTRUCTIONS[bits]
    assert count <= most, f"{count:,} instructions to the kernel"
    assert count >= most * 0.7, f"{count:,} instructions: lower the budget"

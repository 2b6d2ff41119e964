# SPDX-License-Identifier: Apache-2.0
"""QEMU's own `-kernel`, `-initrd` and `-append`: booted by the start without a key, with what a kernel must find (test_handover.py's checks), and
what is wrong with them in one line. `qfw list`, `qfw cpus`, `qfw load`."""

import gzip
import lzma
import os
import re
import struct
import time

import pytest

import counting
import kernels
import vm
from conftest import build_folder
from handover_checks import check
from kernels import ARM64, INITRD, MIB, Variant, memory_of, monitor  # noqa: F401 (fixtures)

PLAIN = Variant("plain")
VARIANTS = [PLAIN,
            Variant("el2", ",virtualization=on", level=2),
            Variant("gicv3", ",gic-version=3", processors=4),
            Variant("without-dma", arguments="-global fw_cfg.dma_enabled=off"),
            Variant("64M", arguments="-m 64M")]
BOOTARGS = "console=ttyAMA0 one=1 two='a b'"
# From reset to the first instruction of a kernel of 32 MiB with an initrd of 1.6 MiB, -icount, one VirtIO
# disk: 40 % clean caches, 30 % are the start, 25 % check the device tree.
MOST_INSTRUCTIONS = 3_200_000


class Host:
    """Files to give to QEMU, and machines that get them."""

    def __init__(self, machines, monitor, folder):  # noqa: F811
        self.machines, self.monitor, self.folder = machines, monitor, folder

    def file(self, name, data):
        path = self.folder / name
        path.write_bytes(data)
        return path

    def start(self, kernel, initrd=None, append=None, more=()):
        """Not waited for: there is no prompt if all is well."""
        words = ["-nic", "none", "-kernel", self.file("given-kernel", kernel)]
        if initrd is not None:
            words += ["-initrd", self.file("given-initrd", initrd)]
        if append is not None:
            words += ["-append", append]
        return self.machines.start(ARM64.board.command(build_folder(ARM64.board), [*words, *more, *self.monitor.arguments, "-serial", "mon:stdio"]))

    def memory(self, address, size):
        return memory_of(self.monitor)(address, size)


@pytest.fixture
def host(machines, monitor, tmp_path):  # noqa: F811
    return Host(machines, monitor, tmp_path)


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_it_is_booted_without_a_key(variant, host):
    image = ARM64.build(host.folder).padded(5 * MIB)
    machine = host.start(image.data, INITRD, BOOTARGS, variant.options())
    said, _ = machine.expect("Starting kernel")
    assert "loading kernel to address 40000000 size 500000 initrd " in said
    assert "moved" not in said and "Hit any key" not in said
    assert f"   command line {BOOTARGS}\n" in said
    found = check(kernels.facts(machine), variant, host.memory)
    assert found.all(image, INITRD, BOOTARGS)[0] == 0x40000000
    found.at_rest()
    machine.send("q")
    assert machine.wait_exit() == 0


def test_a_kernel_alone_and_again_after_a_reset(host):
    """QEMU inflates a gzip file."""
    image = ARM64.build(host.folder)
    machine = host.start(gzip.compress(image.data))
    for _ in range(2):
        found = check(kernels.facts(machine), PLAIN, host.memory)
        assert found.tree.initrd is None and "bootargs" not in found.tree.chosen
        machine.send("r")


def test_a_compressed_kernel(host):
    """One that QEMU does not inflate: from the end of RAM to where it runs, and the initrd stays where it was loaded to."""
    image = ARM64.build(host.folder).padded(5 * MIB)
    machine = host.start(lzma.compress(image.data), INITRD, BOOTARGS)
    said, _ = machine.expect("Starting kernel", 60)
    assert "an arm64 Linux Image out of an xz file\n" in said and "moved" not in said
    found = check(kernels.facts(machine), PLAIN, host.memory)
    assert found.all(image, INITRD, BOOTARGS)[0] == 0x40000000


@pytest.mark.parametrize("append", [
    "\t a\\b ; $c \"d' \x01\x1b[31m \u00e4 \u2603 %s {} &&", "x" * 4096, "".join(f"w{number}=\u00df " for number in range(2000))],
    ids=["odd", "4-kib", "20-kb"])
def test_any_command_line_arrives(append, host):
    machine = host.start(ARM64.build(host.folder).data, append=append)
    said, _ = machine.expect("Starting kernel")
    assert "\x1b[31m" not in said
    assert check(kernels.facts(machine), PLAIN, host.memory).tree.bootargs == append


def test_what_cannot_be_booted_is_one_line(host):
    image = ARM64.build(host.folder)
    efi = image.padded(MIB).with_efi_header().data
    for kernel, initrd, says in (
            (b"not a kernel" * 1000, None, "what was given as a kernel is no kernel of a known kind"),
            (b"x", INITRD, "what was given as a kernel is no kernel of a known kind"),
            (b"070701" + bytes(500), None, "what was given as a kernel is a cpio archive (an initrd), not an arm64 Linux Image"),
            (efi[:-1], None, f"the kernel is cut off: {MIB - 1} of its {MIB} bytes are there"),
            (image.with_header(memory_bytes=1 << 40).data, None, "no free RAM that fits the kernel: it takes 0x10000000000 bytes"),
            (image.data, bytes(128 * MIB), "no free RAM that fits the initrd: it takes 0x8000000 bytes")):
        machine = host.start(kernel, initrd, "quiet")
        assert machine.boot().endswith(f"\n\nCannot boot: {says}\n")
        assert machine.command("echo here") == "here\n"
        machine.close()


def test_an_initrd_of_nearly_all_ram(host):
    machine = host.start(ARM64.build(host.folder).data, bytes(100 * MIB))
    start, end = check(kernels.facts(machine), PLAIN, host.memory).tree.initrd
    assert end - start == 100 * MIB


def test_a_key_that_was_typed_before_leads_to_the_prompt(host):
    """QEMU is held until the key lies in the serial port."""
    machine = host.start(ARM64.build(host.folder).data, INITRD, BOOTARGS, ["-S"])
    machine.send("x")
    time.sleep(0.5)  # no event tells that QEMU has it; too short would fail the next line
    host.monitor.command("cont")
    assert machine.boot().endswith("Stopped by a key: 'qfw boot' boots the host's kernel\n")
    assert machine.command("echo here") == "here\n"
    machine.send("qfw boot\r")
    assert check(kernels.facts(machine), PLAIN, host.memory).tree.bootargs == BOOTARGS


def test_settings_from_the_host_come_first(host):
    machine = host.start(ARM64.build(host.folder).data, more=["-fw_cfg", "name=opt/vireo/env,string=bootcmd=echo mine"])
    assert machine.boot().endswith("Hit any key to stop autoboot:  2 \b\b\b 1 \b\b\b 0 \nmine\n")


def test_commands(host):
    never = ["-fw_cfg", "name=opt/vireo/env,string=bootdelay=-1", "-smp", "3"]
    machine = host.start(ARM64.build(host.folder).padded(MIB).data, INITRD, BOOTARGS, never)
    machine.boot()
    assert machine.command("qfw cpus") == "3 cpu(s) online\n"
    listed = machine.command("qfw list")
    assert listed.startswith("            Addr     Size Sel Name\n")
    assert re.search(r"(?m)^ {15}0 {8}c +[0-9a-f]{2} opt/vireo/env$", listed), listed
    where = machine.command("qfw load 41000100 43000000")
    assert where == f"loading kernel to address 41000100 size 100000 initrd 43000000 size {len(INITRD):x}\n"
    assert machine.command("echo $filesize $kernel_addr $initrd_addr $bootargs") == f"{len(INITRD):x} 41000100 43000000 {BOOTARGS}\n"
    assert host.memory(0x43000000, len(INITRD)) == INITRD
    assert machine.command("qfw load 47f00000 43000000").startswith("Cannot boot: the kernel at 0x47f00000..0x47ffffff is not free: ")
    assert machine.status() == 1
    machine.command("qfw load")
    machine.send("booti $kernel_addr $initrd_addr\r")
    said, _ = machine.expect("Starting kernel")
    assert "moved" not in said
    kernels.facts(machine)


def test_nothing_given(machines):
    machine = machines.boot(ARM64.board)
    for line in ("qfw load", "qfw load 42000000 43000000", "qfw boot"):
        assert machine.command(line) == "No kernel from the host (QEMU: -kernel)\n"
        assert machine.status() == 1


def test_the_way_to_the_kernel_keeps_its_budget_of_instructions(host, tmp_path):
    """The kernel sleeps at its first instruction."""
    plugin, counter = counting.make_plugin(str(tmp_path)), tmp_path / "count"
    head = struct.pack("<2I3Q24x4sI", 0xD503207F, 0x17FFFFFF, 0, 33 * MIB, 0xA, b"ARM\x64", 0)
    disk = vm.disk(0, host.file("disk", bytes(MIB)))
    machine = host.start(head + bytes(32 * MIB - len(head)), bytes(1_600_000), BOOTARGS,
                         ["-icount", "shift=4", *counting.arguments(plugin, counter), *disk])
    machine.expect("Starting kernel")
    count, before = counting.read(counter), -1
    while count != before:
        time.sleep(0.5)
        count, before = counting.read(counter), count
    assert count <= MOST_INSTRUCTIONS, f"{count:,} instructions to the kernel"
    assert count >= MOST_INSTRUCTIONS * 0.7, f"{count:,} instructions: lower the budget"
    if "VIREO_SHOW" in os.environ:
        print(f"{count:,} instructions run, {counting.read_translated(counter):,} translated")

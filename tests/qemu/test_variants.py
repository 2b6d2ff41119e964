# SPDX-License-Identifier: Apache-2.0
"""Every way in which QEMU offers the machines: a row reaches the prompt, lists a disk, resets once and powers off.

A new variant is one row. What else a variant must do or say is a named test below the table.
"""

import dataclasses
import os

import pytest

import images
import vm
from conftest import PATIENCE, build_folder

MIB = images.MIB


@dataclasses.dataclass(frozen=True)
class Variant:
    board: str
    name: str
    arguments: str  # QEMU's, in the place of those of the documented line
    qemu: str = ""  # another emulator than the documented one
    image: str = "bios"  # how the firmware gets in: -bios, -kernel, or the first flash ("pflash")
    flash_mib: int = 0  # the size that the machine wants for its flash; 0: any
    transport: str = "pci"
    device: str = ""  # further properties of the disk, each with its comma
    says: tuple = ()  # lines of the banner or parts of them
    keeps_quiet: tuple = ()  # what must not be in it

    def __str__(self):
        return f"{self.board}-{self.name}"

    def command(self, folder, disks=()):
        """The whole command line. `folder` takes a flash image if one is needed."""
        board = vm.BOARDS[self.board]
        firmware = os.path.join(build_folder(board), board.firmware)
        if self.image == "pflash":
            # A private copy, written by nobody: QEMU wants the whole flash, a sparse file will do.
            flash = folder / "flash.img"
            with open(firmware, "rb") as source:
                flash.write_bytes(source.read())
            if self.flash_mib:
                os.truncate(flash, self.flash_mib * MIB)
            loading = ["-drive", f"if=pflash,unit=0,format=raw,file={vm.escape(flash)},readonly=on"]
        else:
            loading = [f"-{self.image}", firmware]
        return [self.qemu or board.qemu, "-nographic", *self.arguments.split(), *loading, "-nic", "none", *disks]


A64 = "-cpu cortex-a57 -machine virt"
VARIANTS = [
    # arm: exception levels, interrupt controllers, memory layouts, flash.
    Variant("qemu_arm", "secure", "-machine virt,secure=on"),
    Variant("qemu_arm64", "secure", f"{A64},secure=on"),

    # riscv: privilege, interrupt controllers, harts, flash.
    Variant("qemu-riscv64", "aclint", "-machine virt,aclint=on"),

    # x86: chip sets, processors, machines without PCI, flash.
    Variant("qemu-x86", "q35", "-machine q35"),
]


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_variant(variant, tmp_path, machines):
    image = images.documented(tmp_path / "test.img", tmp_path / "root")
    machine = machines.start(variant.command(tmp_path, vm.disk(0, image, variant.transport, device=variant.device)), PATIENCE)
    check(machine, variant)
    machine.send("reset\r")
    machine.expect("resetting \\.\\.\\.")
    check(machine, variant)
    machine.send("poweroff\r")
    machine.expect("poweroff \\.\\.\\.")
    assert machine.wait_exit() == 0


def check(machine, variant):
    """From power-on or reset to a listing."""
    banner = machine.boot()
    assert "Vireo" in banner
    for words in variant.says:
        assert words in banner
    for words in variant.keeps_quiet:
        assert words not in banner
    assert "<SYM>          7 bin\n" in machine.command("ls virtio 0 /")

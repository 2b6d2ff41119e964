# SPDX-License-Identifier: Apache-2.0
"""What a kernel must find at its first instruction, by what our own ones say (kernels.py): the rules of Linux' Documentation/arch/arm64/booting.rst
and arm/booting.rst, and what a machine is like that was handed over cleanly. Imported by test_handover.py."""

import struct

import kernels
from kernels import MIB

RAM = 0x40000000
# What the PSCI that Vireo leaves in the secure world answers to kernel_arm64.S.
ANSWERS = {
    "version": 0x10001, "version_64": -1, "migrate_info_type": 2, "features_on": 0, "features_unknown": -1, "features_smccc": -1,
    "unknown": -1, "unknown_owner": -1, "on_absent": -2, "on_running": -4, "on_in_secure_ram": -9, "on_in_flash": -9, "on_nowhere": -9,
    "on_misaligned": -9, "info_running": 0, "info_absent": -2, "info_cluster": -2, "suspend_reserved": -2,
}
SLOTS = [0xA000000 + number * 0x200 for number in range(32)]  # of VirtIO on MMIO


def overlap(one, other):
    return one[0] < other[1] and other[0] < one[1]


def is_in_one_block(address, size):
    """Of those that Linux maps its tree by."""
    return address // (2 * MIB) == (address + size - 1) // (2 * MIB)


class Check:
    """What holds on every board; the others say what is their architecture's."""
    TREE = ""  # the register that has its address

    def __init__(self, found, variant, memory, is_qemus=False):
        self.found, self.variant, self.memory, self.is_qemus = found, variant, memory, is_qemus
        self.tree_at = found[self.TREE]
        self.tree = kernels.tree(memory(self.tree_at, found["tree_bytes"]))

    def registers(self):
        found = self.found
        assert found["sctlr"] & 0b101 == 0, "MMU and data cache are off"
        assert found["cntfrq"] == 62500000
        assert not any(found.get(name, 0) & 1 for name in ("cntp_ctl", "cntv_ctl", "cnthp_ctl")), "a timer runs"

    def at_rest(self):
        """The processor's side is told by the kernel, the devices' is read from outside."""
        found = self.found
        assert found["isr"] == 0, "an interrupt waits"
        lines = {name: value for name, value in found.items() if name.startswith(("own_", "shared_"))}
        assert set(lines.values()) == {0} and len(lines) == 6, lines
        assert {self.memory(slot + 0x70, 4) for slot in SLOTS} == {bytes(4)}, "a device on MMIO is not reset"
        functions = [self.memory(self.variant.ecam + number * 0x8000, 8) for number in range(32)]
        commands = [struct.unpack("<IH2x", function)[1] for function in functions if function[:4] != b"\xff" * 4]
        assert commands and not any(command & 4 for command in commands), "a function on PCI may still write to memory"

    def is_legal(self, image, at):
        """Whether the kernel may lie there."""
        raise NotImplementedError

    def image(self, image):
        """Where it may be, and every byte of it."""
        at = self.found["head"]
        assert self.is_legal(image, at), hex(at)
        assert image.unwritten(self.memory(at, len(image.data))) == image.unwritten(image.data)
        return at, at + max(image.memory_bytes, len(image.data))

    def initrd(self, expected):
        start, end = self.tree.initrd
        assert self.memory(start, end - start) == expected
        return start, end

    def placement(self, image, kernel, initrd):
        """Nothing lies on anything else."""
        at, size = self.tree_at, self.found["tree_bytes"]
        assert self.found["tree"] == 0xD00DFEED
        assert at % 8 == 0
        ranges = [kernel, (at, at + size), *([initrd] if initrd else [])]
        assert not any(overlap(one, other) for one in ranges for other in ranges if one is not other), ranges
        return ranges

    def psci(self):
        """The tree tells of ours."""
        node = self.tree.root.child("psci").properties
        assert node["method"] == b"smc\0" and b"arm,psci-1.0\0" in node["compatible"]
        processors = [node for node in self.tree.root.child("cpus").children if node.name.startswith("cpu@")]
        assert [node.properties["enable-method"] for node in processors] == [b"psci\0"] * self.variant.processors

    def all(self, image, expected_initrd, bootargs):
        self.registers()
        kernel = self.image(image)
        initrd = self.initrd(expected_initrd) if expected_initrd is not None else None
        if expected_initrd is None:
            assert self.tree.initrd is None
        self.placement(image, kernel, initrd)
        assert self.tree.bootargs == bootargs
        assert self.found["processors"] == self.variant.processors, "PSCI starts all of them"
        if self.variant.is_secure:
            self.psci()
        return kernel


class Arm64Check(Check):
    TREE = "x0"

    def registers(self):
        super().registers()
        assert self.found["el"] == self.variant.level
        assert [self.found[name] for name in ("x1", "x2", "x3")] == [0, 0, 0]
        assert self.found["daif"] == 0x3C0, "interrupts are masked, all four kinds"

    def psci(self):
        """And it takes no nonsense."""
        super().psci()
        said = {name: self.found[f"psci_{name}"] for name in ANSWERS}
        assert said == {name: value % (1 << 64) for name, value in ANSWERS.items()}

    def is_legal(self, image, at):
        return (at - image.text_offset) % (2 * MIB) == 0

    def placement(self, image, kernel, initrd):
        """The tree is in one block; the initrd within the window that covers the kernel."""
        super().placement(image, kernel, initrd)
        assert is_in_one_block(self.tree_at, self.found["tree_bytes"])
        if initrd:
            lowest = min(kernel[0], initrd[0]) & -(1 << 30)
            assert max(kernel[1], initrd[1]) <= lowest + (32 << 30)


class ArmCheck(Check):
    TREE = "r2"
    SVC, MASKED = 0x13, 0x1C0

    def registers(self):
        super().registers()
        assert self.found["cpsr"] & 0x1FF == self.MASKED | self.SVC, "interrupts are masked, all three kinds"
        assert [self.found[name] for name in ("r0", "r1")] == [0, 0xFFFFFFFF]

    def is_legal(self, image, at):
        return at % 4096 == 0 and at < RAM + 128 * MIB

    def placement(self, image, kernel, initrd):
        """Nothing lies where the kernel unpacks itself, or beyond what it maps. QEMU itself lays it there: it moves then."""
        for start, end in super().placement(image, kernel, initrd):
            assert self.is_qemus or start >= RAM + image.unpacked_bytes, hex(start)
            assert end <= RAM + 760 * MIB, hex(end)
        assert self.is_qemus or is_in_one_block(self.tree_at, self.found["tree_bytes"])


def check(found, variant, memory, is_qemus=False):
    """The checks for this variant's kernel."""
    return {kernels.ARM: ArmCheck, kernels.ARM64: Arm64Check}[variant.kernel](found, variant, memory, is_qemus)

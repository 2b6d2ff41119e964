# SPDX-License-Identifier: Apache-2.0
"""What an arm64 kernel finds at its first instruction (kernel_arm64.S says it): registers, memory, device tree, devices at rest. On each
variant of the machine; and from QEMU's own `-kernel`, which shows that the kernel of the test tells the truth."""

import pathlib

import pytest

import device_tree
import kernels
import vm
from kernels import BOARD, INITRD, MIB, Variant, disk, memory_of, monitor  # noqa: F401 (fixtures)
from networks import network, nic  # noqa: F401 (a fixture)
from test_net_handover import flood, listen, ram

BOOTARGS = "console=ttyAMA0 one=1 two='a b'"
LOAD = "load virtio 0 $kernel_addr_r /boot/kernel; load virtio 0 $ramdisk_addr_r /boot/initrd; " \
       f'setenv bootargs "{BOOTARGS}"; '


VARIANTS = [
    Variant("plain", qemus_own=True),
    Variant("mmio", transport="mmio", processors=4),
    Variant("el2", ",virtualization=on", transport="mmio", level=2, qemus_own=True),
    Variant("gicv3", ",gic-version=3", processors=4, qemus_own=True),
    Variant("el2-gicv3", ",virtualization=on,gic-version=3", level=2, processors=8),
    Variant("gicv3-without-its", ",gic-version=3,its=off", transport="mmio"),
    Variant("gicv4-max", ",virtualization=on,gic-version=4", "-cpu max", level=2),
    Variant("max", arguments="-cpu max"),
    Variant("neoverse-n1", arguments="-cpu neoverse-n1", processors=2),
    Variant("cortex-a53", arguments="-cpu cortex-a53"),
    Variant("highmem-off-3G", ",highmem=off", "-m 3G", ecam=0x3F000000),
    Variant("64M", arguments="-m 64M"),
    Variant("8G", arguments="-m 8G"),
    Variant("smmu", ",iommu=smmuv3"),
    Variant("two-memory-nodes", arguments="-m 256M -object memory-backend-ram,id=m0,size=128M -object memory-backend-ram,id=m1,size=128M "
            "-numa node,cpus=0,memdev=m0 -numa node,cpus=1,memdev=m1", processors=2),
    Variant("random-numbers", arguments="-device virtio-rng-pci"),
    Variant("secure", ",secure=on", processors=4),
    Variant("secure-el2", ",secure=on,virtualization=on", transport="mmio", level=2, processors=8),
    Variant("secure-gicv3", ",secure=on,gic-version=3", processors=8),
    Variant("secure-gicv4-max", ",secure=on,virtualization=on,gic-version=4", "-cpu max", level=2, processors=3),
]
# What the PSCI that Vireo leaves in the secure world answers to kernel_arm64.S.
ANSWERS = {
    "version": 0x10001, "version_64": -1, "migrate_info_type": 2, "features_on": 0, "features_unknown": -1, "features_smccc": -1,
    "unknown": -1, "unknown_owner": -1, "on_absent": -2, "on_running": -4, "on_in_secure_ram": -9, "on_in_flash": -9, "on_nowhere": -9,
    "on_misaligned": -9, "info_running": 0, "info_absent": -2, "info_cluster": -2, "suspend_reserved": -2,
}


def overlap(one, other):
    return one[0] < other[1] and other[0] < one[1]


class Check:
    """What Linux' Documentation/arch/arm64/booting.rst asks for, and what a machine that was handed over cleanly is like."""

    def __init__(self, found, variant, memory):
        self.found, self.variant, self.memory = found, variant, memory
        self.tree = kernels.tree(memory(found["x0"], found["tree_bytes"]))

    def registers(self):
        found, level = self.found, self.variant.level
        assert found["el"] == level
        assert [found[name] for name in ("x1", "x2", "x3")] == [0, 0, 0]
        assert found["daif"] == 0x3C0, "interrupts are masked, all four kinds"
        assert found[f"sctlr_el{level}"] & 0b101 == 0, "MMU and data cache are off"
        assert found["cntfrq_el0"] == 62500000
        timers = ["cntp_ctl_el0", "cntv_ctl_el0", *(["cnthp_ctl_el2"] if level == 2 else [])]
        assert [found[name] & 1 for name in timers] == [0] * len(timers)

    def at_rest(self):
        found = self.found
        assert found["isr_el1"] == 0, "an interrupt waits"
        assert [found[name] for name in ("own_enabled", "own_active", "shared_enabled", "shared_active")] == [0] * 4
        assert found["mmio_status"] == 0, "a device on MMIO is not reset"
        assert found["pci_command"] & 4 == 0, "a function on PCI may still write to memory"

    def image(self, image):
        """Where it may be, and every byte of it."""
        at = self.found["head"]
        assert (at - image.text_offset) % (2 * MIB) == 0
        assert image.unwritten(self.memory(at, len(image.data))) == image.unwritten(image.data)
        return at, at + max(image.memory_bytes, len(image.data))

    def initrd(self, expected):
        start, end = self.tree.initrd
        assert self.memory(start, end - start) == expected
        return start, end

    def placement(self, kernel, initrd):
        """Nothing lies on anything else; the initrd is within the window that covers the kernel."""
        at, size = self.found["x0"], self.found["tree_bytes"]
        assert self.found["tree"] == 0xD00DFEED
        assert at % 8 == 0 and size <= 2 * MIB and at // (2 * MIB) == (at + size - 1) // (2 * MIB)
        ranges = [kernel, (at, at + size), *([initrd] if initrd else [])]
        assert not any(overlap(one, other) for one in ranges for other in ranges if one is not other), ranges
        if initrd:
            lowest = min(kernel[0], initrd[0]) & -(1 << 30)
            assert max(kernel[1], initrd[1]) <= lowest + (32 << 30)

    def psci(self):
        """The tree tells of it, and it takes no nonsense."""
        node = self.tree.root.child("psci").properties
        assert node["method"] == b"smc\0" and b"arm,psci-1.0\0" in node["compatible"]
        processors = [node for node in self.tree.root.child("cpus").children if node.name.startswith("cpu@")]
        assert [node.properties["enable-method"] for node in processors] == [b"psci\0"] * self.variant.processors
        said = {name: self.found[f"psci_{name}"] for name in ANSWERS}
        assert said == {name: value % (1 << 64) for name, value in ANSWERS.items()}

    def all(self, image, expected_initrd, bootargs):
        self.registers()
        kernel = self.image(image)
        initrd = self.initrd(expected_initrd) if expected_initrd is not None else None
        if expected_initrd is None:
            assert self.tree.initrd is None
        self.placement(kernel, initrd)
        assert self.tree.bootargs == bootargs
        assert self.found["processors"] == self.variant.processors, "PSCI starts all of them"
        if self.variant.is_secure:
            self.psci()
        return kernel


@pytest.mark.parametrize("variant", [variant for variant in VARIANTS if variant.qemus_own], ids=str)
def test_qemus_own_hand_over(variant, machines, monitor, tmp_path):
    """The kernel of these tests, by `-kernel`: what it says is so where no firmware of ours is in the way."""
    image = kernels.build(tmp_path, variant.ecam)
    (tmp_path / "initrd").write_bytes(INITRD)
    machine = machines.start([BOARD.qemu, "-nographic", *BOARD.machine, *variant.options(), "-nic", "none", "-kernel", tmp_path / "kernel.img",
                              "-initrd", tmp_path / "initrd", "-append", BOOTARGS, *monitor.arguments, "-serial", "mon:stdio"])
    check = Check(kernels.facts(machine), variant, memory_of(monitor))
    check.all(image, INITRD, BOOTARGS)
    check.at_rest()
    machine.send("q")
    assert machine.wait_exit() == 0


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_hand_over(variant, disk, tmp_path):
    """booti, with an initrd, from a disk; the kernel is where it was loaded, and powers off."""
    machine = disk.boot(variant)
    place = int(machine.command("echo $kernel_addr_r"), 16)
    machine.send(LOAD + "booti $kernel_addr_r $ramdisk_addr_r\r")
    check = Check(kernels.facts(machine), variant, disk.memory)
    kernel = check.all(disk.image, INITRD, BOOTARGS)
    check.at_rest()
    assert kernel[0] == place, "nothing was moved"
    machine.send("q")
    assert machine.wait_exit() == 0


def test_the_tree_is_the_machines_own_otherwise(disk, tmp_path):
    machine = disk.boot(VARIANTS[0], arguments=["-device", "virtio-rng-pci"])
    machine.send(LOAD + "booti $kernel_addr_r $ramdisk_addr_r\r")
    check = Check(kernels.facts(machine), VARIANTS[0], disk.memory)
    without_disk = machine.command_line[:machine.command_line.index("-drive")]
    qemus = kernels.Tree(b"", device_tree.of_machine(without_disk, tmp_path))
    assert check.tree.described() == qemus.described()
    new = {"bootargs", "linux,initrd-start", "linux,initrd-end"}
    assert set(check.tree.chosen) == set(qemus.chosen) | new
    assert check.tree.chosen["stdout-path"] == qemus.chosen["stdout-path"]
    assert len(check.tree.chosen["rng-seed"]) >= 32 and len(check.tree.chosen["kaslr-seed"]) == 8


def test_without_an_initrd(disk):
    """Neither with `-` nor with nothing does the kernel find one; what is said as a command line is what it gets."""
    machine = disk.boot(VARIANTS[0])
    for line in ("booti $kernel_addr_r", "booti $kernel_addr_r -"):
        machine.send(LOAD + line + "\r")
        Check(kernels.facts(machine), VARIANTS[0], disk.memory).all(disk.image, None, BOOTARGS)
        machine.send("r")
        machine.boot()


def test_seeds_are_never_used_again(disk):
    """Each boot of one run of QEMU, whose own tree stays the same, gives the kernel other random numbers, without a device for them as well.
    Linux takes its place from the upper bits of kaslr-seed, so those differ."""
    machine = disk.boot(VARIANTS[0])
    seeds, places = [], []
    for _ in range(3):
        machine.send(LOAD + "booti $kernel_addr_r\r")
        chosen = Check(kernels.facts(machine), VARIANTS[0], disk.memory).tree.chosen
        seeds.append(chosen["rng-seed"])
        places.append(chosen["kaslr-seed"][:4])
        machine.send("r")
        machine.boot()
    assert len(set(seeds)) == len(set(places)) == 3, (seeds, places)


@pytest.mark.parametrize("place,legal", [(0x42000000, True), (0x42001000, False), (0x43FFF000, False)])
def test_a_kernel_that_was_loaded_anywhere(place, legal, disk):
    """One that lies right stays; another is moved, whole, even onto a part of itself."""
    variant = VARIANTS[0]
    image = kernels.build(disk.folder).padded(5 * MIB + 4)
    machine = disk.boot(variant, {"/boot/kernel": image.data, "/boot/initrd": INITRD})
    machine.send(LOAD.replace("$kernel_addr_r", f"{place:x}") + f"booti {place:x} $ramdisk_addr_r\r")
    kernel = Check(kernels.facts(machine), variant, disk.memory).all(image, INITRD, BOOTARGS)
    assert (kernel[0] == place) == legal
    machine.send("q")
    assert machine.wait_exit() == 0


def test_a_kernel_with_an_offset_and_much_zeroed_data(disk):
    """As older kernels have it: text_offset 0x80000; image_size far beyond the file, over where the initrd was loaded."""
    variant = VARIANTS[0]
    image = kernels.build(disk.folder).with_header(text_offset=0x80000, memory_bytes=48 * MIB)
    machine = disk.boot(variant, {"/boot/kernel": image.data, "/boot/initrd": INITRD}, arguments=["-m", "256M"])
    initrd = 0x40200000 + 24 * MIB
    machine.send(LOAD.replace("$ramdisk_addr_r", f"{initrd:x}") + f"booti $kernel_addr_r {initrd:x}:$filesize\r")
    Check(kernels.facts(machine), variant, disk.memory).all(image, INITRD, BOOTARGS)
    machine.send("q")
    assert machine.wait_exit() == 0


@pytest.mark.parametrize("kind,properties", [("pci-modern-only", ",packed=on"), ("mmio-legacy", "")])
def test_memory_is_the_kernels_alone(kind, properties, network):  # noqa: F811
    """Frames arrive as fast as they can, before, while and after the kernel is entered: not one byte of memory changes from then on."""
    folder = pathlib.Path(network.folder)
    image = kernels.make_disk(folder / "disk.img", folder / "root", {"/boot/kernel": kernels.build(folder).data, "/boot/initrd": INITRD})
    machine = network.boot_bound(BOARD, [*nic(kind, properties), *vm.disk(0, image, "mmio" if "mmio" in kind else "pci")])
    machine.is_alive()
    with flood(network) as sender:
        listen(machine, sender)
        machine.vm.send(LOAD + "booti $kernel_addr_r $ramdisk_addr_r\r")
        kernels.facts(machine.vm)
        before, sent = ram(machine), sender.sent
        for _ in range(3):
            assert ram(machine) == before
        assert sender.sent > sent
    machine.vm.send("q")
    assert machine.vm.wait_exit() == 0

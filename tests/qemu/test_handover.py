# SPDX-License-Identifier: Apache-2.0
"""What a kernel finds at its first instruction (kernel_arm64.S and kernel_arm.S say it): registers, memory, device tree, devices at rest. On each
variant of the machine; and from QEMU's own `-kernel`, which shows that the kernel of the test tells the truth."""

import pathlib
import re

import pytest

import device_tree
import images
import kernels
import vm
from handover_checks import check
from kernels import ARM, ARM64, INITRD, MIB, Variant, disk, memory_of, monitor  # noqa: F401 (fixtures)
from networks import network, nic  # noqa: F401 (a fixture)
from rows import only_long
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
    Variant("plain", kernel=ARM, qemus_own=True),
    Variant("virtualization-gicv3", ",virtualization=on,gic-version=3", kernel=ARM, transport="mmio", processors=4),
    *only_long(
        Variant("secure", ",secure=on", kernel=ARM, transport="mmio", processors=4),
        Variant("secure-gicv3", ",secure=on,gic-version=3", kernel=ARM, processors=8),
        Variant("mmio", kernel=ARM, transport="mmio", processors=4),
        Variant("virtualization", ",virtualization=on", kernel=ARM, processors=8),
        Variant("gicv3", ",gic-version=3", kernel=ARM, processors=4, qemus_own=True),
        Variant("gicv3-without-its", ",gic-version=3,its=off", kernel=ARM, transport="mmio"),
        Variant("max", arguments="-cpu max", kernel=ARM),
        Variant("cortex-a7", arguments="-cpu cortex-a7", kernel=ARM, processors=2),
        Variant("highmem-off-3G", ",highmem=off", "-m 3G", kernel=ARM, ecam=0x3F000000),
        Variant("64M", arguments="-m 64M", kernel=ARM),
        Variant("2G", arguments="-m 2G", kernel=ARM, transport="mmio"),
        Variant("random-numbers", arguments="-device virtio-rng-pci", kernel=ARM)),
]
PLAIN = {kernel: Variant("plain", kernel=kernel) for kernel in (ARM64, ARM)}
on_each_board = pytest.mark.parametrize("variant", PLAIN.values(), ids=str)


def boots(machine, variant, disk, line, image=None, initrd=INITRD):
    """Loads kernel and initrd where they belong, boots them with `line`, and checks what the kernel finds: the checks, and where it lies."""
    machine.send(LOAD + line + "\r")
    found = check(kernels.facts(machine), variant, disk.memory)
    return found, found.all(image or disk.image, initrd, BOOTARGS)


def powers_off(machine):
    machine.send("q")
    assert machine.wait_exit() == 0


@pytest.mark.parametrize("variant", [variant for variant in VARIANTS if variant.qemus_own], ids=str)
def test_qemus_own_hand_over(variant, machines, monitor, tmp_path):
    """The kernel of these tests, by `-kernel`: what it says is so where no firmware of ours is in the way."""
    board, image = variant.kernel.board, variant.kernel.build(tmp_path)
    (tmp_path / "image").write_bytes(image.data)
    (tmp_path / "initrd").write_bytes(INITRD)
    machine = machines.start([board.qemu, "-nographic", *board.machine, *variant.options(), "-nic", "none", "-kernel", tmp_path / "image",
                              "-initrd", tmp_path / "initrd", "-append", BOOTARGS, *monitor.arguments, "-serial", "mon:stdio"])
    found = check(kernels.facts(machine), variant, memory_of(monitor), is_qemus=True)
    found.all(image, INITRD, BOOTARGS)
    found.at_rest()
    powers_off(machine)


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_hand_over(variant, disk):
    """booti or bootz, with an initrd, from a disk; the kernel is where it was loaded, and powers off."""
    machine = disk.boot(variant)
    place = int(machine.command("echo $kernel_addr_r"), 16)
    found, kernel = boots(machine, variant, disk, f"{variant.kernel.command} $kernel_addr_r $ramdisk_addr_r")
    found.at_rest()
    assert kernel[0] == place, "nothing was moved"
    powers_off(machine)


@on_each_board
def test_the_tree_is_the_machines_own_otherwise(variant, disk, tmp_path):
    machine = disk.boot(variant, arguments=["-device", "virtio-rng-pci"])
    found, _ = boots(machine, variant, disk, f"{variant.kernel.command} $kernel_addr_r $ramdisk_addr_r")
    without_disk = machine.command_line[:machine.command_line.index("-drive")]
    qemus = kernels.Tree(b"", device_tree.of_machine(without_disk, tmp_path))
    assert found.tree.described() == qemus.described()
    new = {"bootargs", "linux,initrd-start", "linux,initrd-end"}
    assert set(found.tree.chosen) == set(qemus.chosen) | new
    assert found.tree.chosen["stdout-path"] == qemus.chosen["stdout-path"]
    assert len(found.tree.chosen["rng-seed"]) >= 32 and len(found.tree.chosen["kaslr-seed"]) == 8


@on_each_board
def test_without_an_initrd(variant, disk):
    """Neither with `-` nor with nothing does the kernel find one; what is said as a command line is what it gets."""
    machine = disk.boot(variant)
    for words in ("", " -"):
        boots(machine, variant, disk, f"{variant.kernel.command} $kernel_addr_r{words}", initrd=None)
        machine.send("r")
        machine.boot()


def test_seeds_are_never_used_again(disk):
    """Each boot of one run of QEMU, whose own tree stays the same, gives the kernel other random numbers, without a device for them as well.
    Linux takes its place from the upper bits of kaslr-seed, so those differ."""
    machine = disk.boot(PLAIN[ARM64])
    seeds, places = [], []
    for _ in range(3):
        chosen = boots(machine, PLAIN[ARM64], disk, "booti $kernel_addr_r", initrd=None)[0].tree.chosen
        seeds.append(chosen["rng-seed"])
        places.append(chosen["kaslr-seed"][:4])
        machine.send("r")
        machine.boot()
    assert len(set(seeds)) == len(set(places)) == 3, (seeds, places)


@pytest.mark.parametrize("kernel,place,legal", [
    (ARM64, 0x42000000, True), (ARM64, 0x42001000, False), (ARM64, 0x43FFF000, False),
    (ARM, 0x42001000, True), (ARM, 0x40208000, False), (ARM, 0x42000010, False)])
def test_a_kernel_that_was_loaded_anywhere(kernel, place, legal, disk):
    """One that lies right stays; another is moved, whole, even onto a part of itself. A zImage lies wrong where it unpacks itself."""
    variant = PLAIN[kernel]
    image = kernel.build(disk.folder).padded(5 * MIB + 4)
    machine = disk.boot(variant, {"/boot/kernel": image.data, "/boot/initrd": INITRD})
    machine.send(LOAD.replace("$kernel_addr_r", f"{place:x}") + f"{kernel.command} {place:x} $ramdisk_addr_r\r")
    at = check(kernels.facts(machine), variant, disk.memory).all(image, INITRD, BOOTARGS)[0]
    assert (at == place) == legal
    powers_off(machine)


def test_a_kernel_with_an_offset_and_much_zeroed_data(disk):
    """As older kernels have it: text_offset 0x80000; image_size far beyond the file, over where the initrd was loaded."""
    variant = PLAIN[ARM64]
    image = ARM64.build(disk.folder).with_header(text_offset=0x80000, memory_bytes=48 * MIB)
    machine = disk.boot(variant, {"/boot/kernel": image.data, "/boot/initrd": INITRD}, arguments=["-m", "256M"])
    initrd = 0x40200000 + 24 * MIB
    machine.send(LOAD.replace("$ramdisk_addr_r", f"{initrd:x}") + f"booti $kernel_addr_r {initrd:x}:$filesize\r")
    check(kernels.facts(machine), variant, disk.memory).all(image, INITRD, BOOTARGS)
    powers_off(machine)


@pytest.mark.parametrize("inflated", [14 * MIB, None], ids=["table-of-sizes", "sizes-unknown"])
def test_an_initrd_where_the_kernel_unpacks_itself(inflated, disk):
    """It is moved away, whether the kernel says how large it gets or not: then 32 MiB are left free, and the kernel goes behind them, too."""
    variant = PLAIN[ARM]
    image = ARM.build(disk.folder).with_header(inflated=inflated)
    machine = disk.boot(variant, {"/boot/kernel": image.data, "/boot/initrd": INITRD})
    for kernel, initrd in ((0x42000000, 0x40800000), (0x43000000, 0x41000000)):
        machine.send(LOAD.replace("$ramdisk_addr_r", f"{initrd:x}").replace("$kernel_addr_r", f"{kernel:x}") +
                     f"bootz {kernel:x} {initrd:x}\r")
        at = check(kernels.facts(machine), variant, disk.memory).all(image, INITRD, BOOTARGS)[0]
        assert (at == kernel) == (kernel >= 0x40000000 + image.unpacked_bytes)
        machine.send("r")
        machine.boot()


def start_a_read_and_leave_it(machine, address):
    """Of the slow disk: the memory that it goes to is still the disk's when the command has ended. The number of the other disk."""
    number = re.search(r"Device (\d+): [^\n]*\n[^\n]*\n *Capacity: 8\.0 MB", machine.command("virtio info"))[1]
    machine.command(f"virtio dev {number}")
    machine.command(f"virtio read {address:x} 0 800")  # QEMU lets the first one pass, and is slow then
    machine.vm.send(f"virtio read {address:x} 0 800\r")
    machine.vm.expect("count 2048")
    machine.vm.wait_processor_idle(0.3)
    machine.vm.send("\x03")
    machine.vm.expect(vm.PROMPT_AT_LINE_START)
    assert "unfinished disk requests" in machine.command("bdinfo")
    return 1 - int(number)  # QEMU's Arm machine fills its slots from the top


def check_memory_is_the_kernels_alone(kernel, kind, properties, network):  # noqa: F811
    """Frames arrive as fast as they can, and requests of a slow disk are under way, before, while and after the kernel is entered: not one byte
    of memory changes from then on. Neither of what lay there, nor of what the kernel fills it with."""
    folder = pathlib.Path(network.folder)
    transport = "mmio" if "mmio" in kind else "pci"
    image = kernels.make_disk(folder / "disk.img", folder / "root", {"/boot/kernel": kernel.build(folder).data, "/boot/initrd": INITRD})
    slow = images.patterned(folder / "slow.img", 8 * MIB)
    machine = network.boot_bound(kernel.board, [*nic(kind, properties), *vm.disk(0, image, transport),
                                                *vm.disk(1, slow, transport, drive=",throttling.bps-read=262144")])
    machine.is_alive()
    with flood(network) as sender:
        listen(machine, sender)
        boot_disk = start_a_read_and_leave_it(machine, kernel.scratch)
        machine.vm.send(LOAD.replace("virtio 0", f"virtio {boot_disk}") + f"{kernel.command} $kernel_addr_r $ramdisk_addr_r\r")
        kernels.facts(machine.vm)
        before, sent = ram(machine), sender.sent
        for _ in range(2):
            assert ram(machine) == before
        machine.vm.send(kernel.fill)
        machine.vm.expect("filled")
        machine.vm.send(kernel.check)
        assert kernels.numbers("".join(machine.vm.expect(r"changed=\w+\r*\n"))) == {"last": 0, "changed": 0}
        assert sender.sent > sent
    powers_off(machine.vm)


@pytest.mark.parametrize("kernel,kind,properties", [
    (ARM64, "pci-modern-only", ",packed=on"), (ARM64, "mmio-legacy", ""), (ARM, "pci-modern-only", ",packed=on"),
    *only_long((ARM, "mmio-legacy", ""), (ARM, "mmio-modern", ",packed=on"))])
def test_memory_is_the_kernels_alone(kernel, kind, properties, network):  # noqa: F811
    check_memory_is_the_kernels_alone(kernel, kind, properties, network)

# SPDX-License-Identifier: Apache-2.0
"""Every transport and register layout that QEMU offers, on every board: listing, reading, writing."""

import hashlib
import zlib

import pytest

import images
import vm

# name -> (transport, properties of each disk, further arguments)
KINDS = {
    "mmio-legacy": ("mmio", "", ["-global", "virtio-mmio.force-legacy=true"]),
    "mmio-modern": ("mmio", "", ["-global", "virtio-mmio.force-legacy=false"]),
    "pci-transitional": ("pci", "", []),
    "pci-legacy-only": ("pci", ",disable-modern=on,disable-legacy=off", []),
    "pci-modern-only": ("pci", ",disable-legacy=on,disable-modern=off", []),
}
WORDS = {
    "mmio-legacy": "MMIO v1",
    "mmio-modern": "MMIO v2",
    "pci-transitional": "PCI",
    "pci-legacy-only": "PCI legacy",
    "pci-modern-only": "PCI modern",
}
LOAD = {"qemu_arm": 0x42000000, "qemu_arm64": 0x42000000, "qemu-riscv32": 0x81000000, "qemu-riscv64": 0x81000000,
        "qemu-x86": 0x2000000, "qemu-x86_64": 0x2000000}
CASES = [pytest.param(vm.BOARDS[name], kind, id=f"{name}-{kind}") for name in vm.BOARDS for kind in KINDS
         if vm.BOARDS[name].has_mmio or not kind.startswith("mmio")]


def start(machines, board, kind, disks):
    transport, properties, more = KINDS[kind]
    arguments = list(more)
    for index, image in enumerate(disks):
        arguments += vm.disk(index, image, transport, device=properties)
    return machines.boot(board, arguments)


def crc(machine, address, size):
    text = machine.command(f"crc32 {address:x} {size:x}")
    return int(text.split("==>")[1].split()[0], 16)


@pytest.mark.parametrize("board,kind", CASES)
def test_list_read_write(board, kind, tmp_path, machines):
    image = images.patterned(tmp_path / "disk.img", 8 * images.MIB)
    content = image.read_bytes()
    machine = start(machines, board, kind, [image])
    listing = machine.command("virtio list")
    assert WORDS[kind] in listing, listing

    address = LOAD[board.name]
    assert "16384 blocks read: OK" in machine.command(f"virtio read {address:x} 0 4000")
    assert crc(machine, address, len(content)) == zlib.crc32(content)
    assert "3 blocks read: OK" in machine.command(f"virtio read {address:x} 7f 3")
    assert crc(machine, address, 1536) == zlib.crc32(content[0x7F * 512:0x82 * 512])

    # Blocks 0x10 to 0x17 go to 0x3ff8, the last ones: neighbours must not change.
    machine.command(f"virtio read {address:x} 10 8")
    assert "8 blocks written: OK" in machine.command(f"virtio write {address:x} 3ff8 8")
    assert machine.status() == 0
    machine.send("poweroff\r")
    machine.wait_exit()
    expected = bytearray(content)
    expected[0x3FF8 * 512:] = content[0x10 * 512:0x18 * 512]
    assert hashlib.sha256(image.read_bytes()).digest() == hashlib.sha256(expected).digest()


@pytest.mark.parametrize("board,kind", CASES)
def test_documented_listing(board, kind, tmp_path, machines):
    image = images.documented(tmp_path / "test.img", tmp_path / "root")
    machine = start(machines, board, kind, [image])
    assert "<SYM>          7 bin\n" in machine.command("ls virtio 0 /")


@pytest.mark.parametrize("name", [name for name in vm.BOARDS if vm.BOARDS[name].has_mmio])
def test_mixed(name, tmp_path, machines):
    """MMIO and PCI, legacy and modern, in one machine; each disk is the one it says."""
    board = vm.BOARDS[name]
    arguments = []
    for index, (transport, properties) in enumerate([("mmio", ""), ("pci", ""), ("pci", ",disable-legacy=on"),
                                                     ("pci", ",disable-modern=on")]):
        image = images.patterned(tmp_path / f"{index}.img", images.MIB, seed=index)
        arguments += vm.disk(index, image, transport, device=properties)
    machine = machines.boot(board, arguments)
    address = LOAD[board.name]
    for index in range(4):
        assert f"Device {index}:" in machine.command(f"virtio device {index}")
        machine.command(f"virtio read {address:x} 0 800")
        assert crc(machine, address, images.MIB) == zlib.crc32((tmp_path / f"{index}.img").read_bytes())


def test_behind_a_bridge(board, tmp_path, machines):
    """A device behind a PCI bridge (pc, virt) needs bus numbers and windows."""
    image = images.patterned(tmp_path / "disk.img", images.MIB)
    root = "pcie.0" if board.has_mmio else "pci.0"
    machine = machines.boot(board, ["-device", f"pci-bridge,id=bridge,bus={root},chassis_nr=1",
                                    "-drive", f"if=none,file={image},format=raw,id=hd0",
                                    "-device", "virtio-blk-pci,drive=hd0,bus=bridge,addr=1"])
    address = LOAD[board.name]
    assert "2048 blocks read: OK" in machine.command(f"virtio read {address:x} 0 800")
    assert crc(machine, address, images.MIB) == zlib.crc32(image.read_bytes())


@pytest.mark.parametrize("name", list(vm.BOARDS))
def test_behind_a_root_port(name, tmp_path, machines):
    """Behind a PCIe root port devices are modern only; x86 needs q35 for one."""
    board = vm.BOARDS[name]
    image = images.patterned(tmp_path / "disk.img", images.MIB)
    arguments = [] if board.has_mmio else ["-machine", "q35"]
    machine = machines.boot(board, [*arguments, "-device", "pcie-root-port,id=rp0,bus=pcie.0,chassis=1",
                                    "-drive", f"if=none,file={image},format=raw,id=hd0",
                                    "-device", "virtio-blk-pci,drive=hd0,bus=rp0"])
    assert "PCI modern" in machine.command("virtio list")
    address = LOAD[board.name]
    assert "2048 blocks read: OK" in machine.command(f"virtio read {address:x} 0 800")
    assert crc(machine, address, images.MIB) == zlib.crc32(image.read_bytes())


@pytest.mark.parametrize("size", [512, 4096])
def test_logical_block_sizes(board, size, tmp_path, machines):
    image = images.patterned(tmp_path / "disk.img", images.MIB)
    machine = machines.boot(board, vm.disk(0, image, device=f",logical_block_size={size},physical_block_size=4096"))
    assert f"({images.MIB // size} x {size})" in machine.command("virtio info")
    address = LOAD[board.name]
    assert "OK" in machine.command(f"virtio read {address:x} 1 2")
    assert crc(machine, address, 2 * size) == zlib.crc32(image.read_bytes()[size:3 * size])


def test_serial_number_and_read_only(board, tmp_path, machines):
    image = images.blank(tmp_path / "disk.img", images.MIB)
    machine = machines.boot(board, vm.disk(0, image, drive=",readonly=on", device=",serial=vireo-7"))
    assert "vireo-7" in machine.command("virtio list")
    text = machine.command(f"virtio write {LOAD[board.name]:x} 0 1")
    assert "read-only" in text
    assert machine.status() == 1


def test_rng(board, machines):
    machine = machines.boot(board, ["-device", "virtio-rng-pci"])
    first, second = machine.command("rng"), machine.command("rng")
    assert machine.status() == 0
    assert len(first.splitlines()) == 4 and first != second

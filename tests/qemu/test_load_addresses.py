# SPDX-License-Identifier: Apache-2.0
"""$kernel_addr_r and its like: what is loaded to all of them is there, whole, at the same time."""

import images
import pytest
import vm

MIB = images.MIB
# With QEMU's own 128 MiB, a kernel of 64 MiB, and what there is for a ramdisk; docs/boards.md has the table.
DEFAULT = {
    "qemu_arm": (0x42000000, 0x46000000, 0x46200000, 0x46300000, 0x46400000, 10),
    "qemu_arm64": (0x40200000, 0x44200000, 0x44400000, 0x44500000, 0x44600000, 40),
    "qemu-riscv32": (0x80400000, 0x84400000, 0x84600000, 0x84700000, 0x84800000, 38),
    "qemu-riscv64": (0x80200000, 0x84200000, 0x84400000, 0x84500000, 0x84600000, 40),
    "qemu-x86": (0x1000000, 0x5000000, 0x5200000, 0x5300000, 0x5400000, 26),
    "qemu-x86_64": (0x1000000, 0x5000000, 0x5200000, 0x5300000, 0x5400000, 26),
}
NAMES = ("kernel_addr_r", "fdt_addr_r", "scriptaddr", "pxefile_addr_r", "ramdisk_addr_r")


def addresses(machine):
    return [int(machine.command(f"echo ${name}"), 16) for name in NAMES]


def load_all(machine, image, sizes):
    """Reads a part of the disk to each address; then looks at the first and last bytes of each."""
    places = addresses(machine)
    first = 0
    with open(image, "r+b") as disk:
        for number, size in enumerate(sizes):
            for offset in (first, first + size - 512):
                disk.seek(offset)
                disk.write(bytes([0xa0 + number]) * 512)
            first += size
    first = 0
    for name, size in zip(NAMES, sizes, strict=True):
        answer = machine.command(f"virtio read ${name} {first // 512:x} {size // 512:x}", timeout=300)
        assert answer.endswith("blocks read: OK\n"), f"{name}: {answer}"
        first += size
    for number, (place, size) in enumerate(zip(places, sizes, strict=True)):
        for address in (place, place + size - 16):
            assert machine.command(f"md.b {address:x} 10").startswith(f"{address:08x}: " + f"{0xa0 + number:02x} " * 16), NAMES[number]


@pytest.mark.parametrize("memory,ramdisk", [(None, None), ("64M", None), ("1G", 512)], ids=["default", "64M", "1G"])
def test_everything_fits_at_the_same_time(board, memory, ramdisk, machines, tmp_path):
    image = images.blank(tmp_path / "disk.img", 640 * MIB)
    machine = machines.boot(board, [*(["-m", memory] if memory else []), *vm.disk(0, image)])
    *places, default_ramdisk = DEFAULT[board.name]
    if memory == "64M":
        kernel, device_tree, *_ = addresses(machine)
        kernel_size = (device_tree - kernel) // MIB
        assert kernel_size >= 16
        ramdisk = kernel_size // 8
    else:
        assert addresses(machine) == places
        kernel_size = 64
    load_all(machine, image, [size * MIB for size in (kernel_size, 2, 1, 1, ramdisk or default_ramdisk)])


def test_the_variables_of_a_boot_script(board, machines):
    """The words are U-Boot's on the same board."""
    machine = machines.boot(board)
    arch = board.name.split("_")[-1].split("-")[-1]
    words = {"arm": "arm qemu-arm qemu-arm armv7 emulation", "arm64": "arm qemu-arm qemu-arm armv8 emulation",
             "riscv32": "riscv qemu-riscv qemu-riscv generic emulation", "riscv64": "riscv qemu-riscv qemu-riscv generic emulation",
             "x86": "x86 qemu-x86 qemu-x86 i386 emulation qemu", "64": "x86 qemu-x86 qemu-x86 x86_64 emulation qemu"}[arch]
    assert machine.command("echo $arch $board $board_name $cpu $vendor $soc").strip() == words
    assert machine.command("echo $stdin $stdout $stderr $baudrate $boot_targets") == "serial serial serial 115200 virtio0 dhcp\n"
    assert machine.command("setenv baudrate 12").startswith("## Baudrate 12 bps not supported\n")
    if "x86" in board.name:
        assert "not defined" in machine.command("printenv fdt_addr")
    else:
        assert ": d0 0d fe ed" in machine.command("md.b $fdt_addr 4")
        assert ": d0 0d fe ed" in machine.command("md.b $fdtcontroladdr 4")
        assert "device tree" in machine.command("mw $fdt_addr 0")  # whose it is
    before = machine.command("printenv")
    machine.command("setenv kernel_addr_r 1; setenv scriptaddr; setenv mine x")
    assert machine.command("env default -a") == "## Resetting to default environment\n"
    assert machine.command("printenv") == before

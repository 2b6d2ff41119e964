# SPDX-License-Identifier: Apache-2.0
"""What lies on the PCI bus: bridges below bridges, several functions, windows that are full, disks that are plugged in; and `pci`,
which shows it."""

import re
import zlib

import pytest

import images
import qmp
import vm
from test_matrix import LOAD, crc

SIZE = images.MIB


def root(board):
    """The machine with a PCI Express root bus."""
    return [] if board.has_mmio else ["-machine", "q35"]


def drive(index, tmp_path):
    image = images.patterned(tmp_path / f"{index}.img", SIZE, seed=index)
    return ["-drive", f"if=none,file={vm.escape(image)},format=raw,id=hd{index}"]


def check(machine, board, index, tmp_path):
    """Reads all of disk `index` and writes a block of it."""
    content = (tmp_path / f"{index}.img").read_bytes()
    address = LOAD[board.name]
    machine.command(f"virtio device {index}")
    assert f"{SIZE // 512} blocks read: OK" in machine.command(f"virtio read {address:x} 0 {SIZE // 512:x}")
    assert crc(machine, address, SIZE) == zlib.crc32(content)
    assert "1 blocks written: OK" in machine.command(f"virtio write {address + 512:x} 0 1")
    assert (tmp_path / f"{index}.img").read_bytes()[:512] == content[512:1024]


def functions(machine):
    """place -> (vendor, device, class) as `pci` lists them."""
    found = re.findall(r"^([0-9a-f.]{8})   0x(\w{4})     0x(\w{4})     (.{23}) 0x\w\w$", machine.command("pci"), re.M)
    return {place: (vendor, device, kind.strip()) for place, vendor, device, kind in found}


def bars(machine, place):
    """(number, base or None, bytes, width, kind) of each BAR, as `pci bar` prints them."""
    rows = re.findall(r"^ (\d)   (0x\w{16}|no room) +0x(\w{16})  (32|64)     (MEM|I/O)", machine.command(f"pci bar {place}"), re.M)
    return [(int(number), None if base == "no room" else int(base, 16), int(size, 16), int(width), kind)
            for number, base, size, width, kind in rows]


def test_deep_down_and_side_by_side(board, tmp_path, machines):
    """A disk below a root port, a switch and two conventional bridges; two disks that are functions of one device."""
    arguments = [*root(board),
                 "-device", "pcie-root-port,id=rp0,bus=pcie.0,addr=5,chassis=1",
                 "-device", "x3130-upstream,id=up0,bus=rp0",
                 "-device", "xio3130-downstream,id=down0,bus=up0,chassis=2",
                 "-device", "pcie-pci-bridge,id=outer0,bus=down0",
                 "-device", "pci-bridge,id=inner0,bus=outer0,addr=4,chassis_nr=3",
                 *drive(0, tmp_path), "-device", "virtio-blk-pci,drive=hd0,bus=inner0,addr=1f",
                 *drive(1, tmp_path), "-device", "virtio-blk-pci,drive=hd1,bus=pcie.0,addr=10.0,multifunction=on",
                 *drive(2, tmp_path), "-device", "virtio-blk-pci,drive=hd2,bus=pcie.0,addr=10.3,multifunction=on"]
    machine = machines.boot(board, arguments)
    assert "warning" not in machine.banner, machine.banner
    # In the order of the bus: device 5 with all behind it has higher bus numbers than device 10 on bus 0.
    order = re.findall(r"pci (\w\w:\w\w\.\w)  PCI", machine.command("virtio list"))
    assert order == ["00:10.0", "00:10.3", "05:1f.0"]
    for index, image in enumerate((1, 2, 0)):
        (tmp_path / f"{image}.img").rename(tmp_path / f"now{index}")
    for index in range(3):
        (tmp_path / f"now{index}").rename(tmp_path / f"{index}.img")
        check(machine, board, index, tmp_path)

    found = functions(machine)
    disks = [place for place, (vendor, _, _) in found.items() if vendor == "1af4"]
    assert disks == ["00.10.00", "00.10.03", "05.1f.00"]
    bridges = [place for place, (_, _, kind) in found.items() if kind == "Bridge device"]
    assert {"00.05.00", "01.00.00", "02.00.00", "03.00.00", "04.04.00"} <= set(bridges)
    # No BAR overlaps another one, and each lies in the windows of the bridges above.
    ranges = []
    for place in found:
        for _, base, size, _, kind in bars(machine, place):
            assert base is not None and base % size == 0 and base > 0
            ranges.append((kind, base, base + size))
    for number, (kind, start, end) in enumerate(ranges):
        assert not [1 for other, begin, stop in ranges[:number] if kind == other and begin < end and start < stop]
    header = machine.command("pci header 4.4.0")
    numbers = {name: int(value, 16) for name, value in re.findall(r"^  ([\w ]+?) = +0x(\w+)", header, re.M)}
    assert (numbers["primary bus number"], numbers["secondary bus number"], numbers["subordinate bus number"]) == (4, 5, 5)
    memory = (numbers["memory base"] << 16, (numbers["memory limit"] << 16) + 0xFFFFF)
    low = [(base, size) for _, base, size, _, kind in bars(machine, "5.1f.0") if kind == "MEM" and base < 1 << 32]
    assert low and all(memory[0] <= base and base + size - 1 <= memory[1] for base, size in low)

    # The rest of the command.
    assert machine.command("pci 5").startswith("Scanning PCI devices on bus 5\nBusDevFun  VendorId")
    assert "No such bus" in machine.command("pci 6")
    assert "Found PCI device 05.1f.00:\n  vendor ID =                   0x1af4\n" in machine.command("pci 5 long")
    assert machine.command("pci display.w 5.1f.0 0 1").startswith("00000000: 1af4")
    regions = machine.command("pci regions")
    assert regions.startswith("Buses 00-05\n") and re.search(r"^\d   0x\w{16} 0x\w{16} 0x\w{16}  io$", regions, re.M)
    assert "No such device" in machine.command("pci bar 5.0.0")
    assert machine.command("pci enum") == "" and list(functions(machine)) == list(found)
    machine.send("pci reg\t\r")
    machine.expect("Buses 00-05")


EXPANDERS = [pytest.param(vm.BOARDS[name], *row, id=f"{name}-{row[1]}") for name, row in
             (("qemu_arm", ([], "pxb-pcie")), ("qemu_arm64", ([], "pxb-pcie")), ("qemu-x86", ([], "pxb")),
              ("qemu-x86_64", (["-machine", "q35"], "pxb-pcie")))]


@pytest.mark.parametrize("board,machine_arguments,expander", EXPANDERS)
def test_root_buses_behind_expanders(board, machine_arguments, expander, tmp_path, machines):
    """Buses that nothing on the first one leads to, with numbers of their own: 2, in the way of a bridge there, and the last."""
    first = "pci.0" if expander == "pxb" else "pcie.0"
    port = "pci-bridge,chassis_nr" if expander == "pxb" else "pcie-root-port,chassis"
    last = 15 if board.name == "qemu_arm" else 200  # 32-bit arm has 16 buses
    arguments = [*machine_arguments, *(["-machine", "highmem=off"] if board.name == "qemu_arm" else []),
                 "-device", f"{port}=1,id=b1,bus={first},addr=8", "-device", f"{port}=2,id=b2,bus={first},addr=9",
                 "-device", f"{expander},id=x1,bus_nr=2,bus={first},addr=a",
                 "-device", f"{expander},id=x2,bus_nr={last - 1},bus={first},addr=b"]
    behind = ["x1", "x2"]
    if expander == "pxb-pcie":
        arguments += ["-device", f"{port}=3,id=p1,bus=x1", "-device", f"{port}=4,id=p2,bus=x2"]
        behind = ["p1", "p2"]
    for index, bus in enumerate(("b1", *behind)):
        slot = int(bus == "b1" and expander == "pxb")  # a conventional bridge keeps slot 0 to itself
        arguments += [*drive(index, tmp_path), "-device", f"virtio-blk-pci,drive=hd{index},bus={bus},addr={slot}"]
    machine = machines.boot(board, arguments)
    assert "no bus number left" in machine.banner, machine.banner  # for the second bridge on the first bus
    order = re.findall(r"pci (\w\w):\w\w\.\w  PCI", machine.command("virtio list"))
    assert order == ["01", "03", f"{last:02x}"], order
    for index in range(3):
        check(machine, board, index, tmp_path)
    place = f"{last:x}.0.0"
    assert [base for _, base, *_ in bars(machine, place) if base is None] == []
    machine.send("reset\r")
    machine.boot()
    assert re.findall(r"pci (\w\w):\w\w\.\w  PCI", machine.command("virtio list")) == order


# pci-testdev has a BAR of whatever size that is backed by nothing. One size after the other fills what lies
# below 4 GiB to the last 16 KiB; these boards have no more, or do not use it.
CROWDED = [pytest.param(vm.BOARDS[name], machine, id=name) for name, machine in
           (("qemu_arm", []), ("qemu_arm64", ["-machine", "virt,highmem=off"]), ("qemu-riscv32", []), ("qemu-x86", []))]


@pytest.mark.parametrize("board,machine_arguments", CROWDED)
def test_no_room_left_for_bars(board, machine_arguments, tmp_path, machines):
    """The disk is driven through configuration space; what else found no room is named and left alone."""
    fillers = []
    for power in (29, 28, 28, *range(27, 13, -1), 14):
        fillers += ["-device", f"pci-testdev,membar={1 << power}"]
    arguments = [*machine_arguments, *fillers, *drive(0, tmp_path), "-device", "virtio-blk-pci,drive=hd0,disable-legacy=on"]
    machine = machines.boot(board, arguments)
    place = re.search(r"pci (\w\w:\w\w\.\w)  PCI modern \(configuration access\)", machine.command("virtio list")).group(1)
    assert f"warning: pci {place}: no room for BAR 4 of 0x4000 bytes; it stays unused\n" in machine.banner
    assert any(base is None for _, base, _, _, _ in bars(machine, place))
    check(machine, board, 0, tmp_path)
    assert "[read-only]" not in machine.command("virtio info")
    # The devices that did fit are where they were, and the machine starts anew.
    machine.send("reset\r")
    assert "Vireo" in machine.boot()
    check(machine, board, 0, tmp_path)
    machine.send("poweroff\r")
    assert machine.wait_exit() == 0


@pytest.mark.parametrize("name", [name for name in vm.BOARDS if vm.BOARDS[name].bits == 64])
def test_large_bars_lie_above_4_gib(name, tmp_path, machines):
    """On the root bus and behind a bridge, whose prefetchable window has 64 bits."""
    board = vm.BOARDS[name]
    machine = machines.boot(board, [*root(board), "-device", f"pci-testdev,bus=pcie.0,addr=3,membar={1 << 32}",
                                    "-device", "pcie-root-port,id=rp0,bus=pcie.0,addr=5,chassis=1",
                                    "-device", "pcie-pci-bridge,id=outer0,bus=rp0",
                                    "-device", f"pci-testdev,bus=outer0,addr=4,membar={1 << 31}",
                                    *drive(0, tmp_path), "-device", "virtio-blk-pci,drive=hd0,bus=outer0,addr=5"])
    assert "warning" not in machine.banner, machine.banner
    check(machine, board, 0, tmp_path)
    for place, size in (("0.3.0", 1 << 32), ("2.4.0", 1 << 31)):
        number, base, measured, width, kind = bars(machine, place)[-1]
        assert (number, measured, width, kind) == (2, size, 64, "MEM") and base >= 1 << 32 and base % size == 0


@pytest.mark.parametrize("name", ["qemu_arm", "qemu-x86"])
def test_sriov_functions_are_left_alone(name, tmp_path, machines):
    """A controller that could show four more functions: nobody enables them, and the disk beside it works."""
    board = vm.BOARDS[name]
    arguments = [*root(board), "-device", "nvme-subsys,id=sub0",
                 "-device", "pcie-root-port,id=rp0,bus=pcie.0,addr=5,chassis=1",
                 "-device", "nvme,serial=vireo,subsys=sub0,bus=rp0,max_ioqpairs=10,msix_qsize=11,sriov_max_vfs=4,"
                            "sriov_vq_flexible=8,sriov_vi_flexible=4",
                 *drive(0, tmp_path), "-device", "virtio-blk-pci,drive=hd0,bus=pcie.0,addr=6"]
    machine = machines.boot(board, arguments)
    check(machine, board, 0, tmp_path)
    assert [place for place in functions(machine) if place.startswith("01.")] == ["01.00.00"]
    assert machine.command("pci 1").count("Mass storage controller") == 1


HOT = [pytest.param(board, ["-machine", machine], bus, id=f"{board.name}-{machine}") for board in vm.BOARDS.values()
       for machine, bus in ((("virt", "rp0"),) if board.has_mmio else (("q35", "rp0"), ("pc", "pci.0")))]


@pytest.mark.parametrize("board,machine_arguments,bus", HOT)
def test_disks_plugged_in_at_the_prompt(board, machine_arguments, bus, tmp_path, machines):
    """`virtio scan` finds them, starts them, and leaves the one alone that is in use; on some machines a slot was without power."""
    ports = [] if bus == "pci.0" else ["-device", "pcie-root-port,id=rp0,bus=pcie.0,addr=5,chassis=1",
                                       "-device", "pcie-root-port,id=rp1,bus=pcie.0,addr=6,chassis=2"]
    with qmp.Monitor() as monitor:
        machine = machines.boot(board, [*machine_arguments, *monitor.arguments, *ports, *drive(0, tmp_path),
                                        "-device", f"virtio-blk-pci,drive=hd0,bus={bus}", *drive(1, tmp_path)])
        check(machine, board, 0, tmp_path)
        before = functions(machine)
        monitor.command("device_add", driver="virtio-blk-pci", drive="hd1", bus="pci.0" if bus == "pci.0" else "rp1")
        assert machine.command("virtio scan") == ""
        assert len(functions(machine)) == len(before) + 1
        for index in (0, 1):
            check(machine, board, index, tmp_path)
        machine.send("reset\r")
        assert "warning" not in machine.boot()
        for index in (0, 1):
            check(machine, board, index, tmp_path)


def test_a_legacy_device_without_room_is_left_off_and_named(tmp_path, machines):
    """Each bridge takes 4 KiB of I/O space, of which `pc` has nine, one for its own devices: the last bridges get none."""
    board = vm.BOARDS["qemu-x86"]
    arguments = []
    for index in range(11):
        arguments += ["-device", f"pci-bridge,id=b{index},chassis_nr={index + 1}", *drive(index, tmp_path),
                      "-device", f"virtio-blk-pci,drive=hd{index},bus=b{index},addr=1,disable-modern=on,disable-legacy=off"]
    machine = machines.boot(board, arguments)
    refused = re.findall(r"warning: pci (\w\w):01\.0: VirtIO device that cannot be driven: .*does not fit", machine.banner)
    assert refused == ["09", "0a", "0b"], machine.banner
    assert machine.command("virtio list").count("PCI legacy") == 11 - len(refused)
    check(machine, board, 0, tmp_path)
    assert " 0   no room " in machine.command("pci bar b.1.0")

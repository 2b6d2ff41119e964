# SPDX-License-Identifier: Apache-2.0
"""`fdt` on the trees that QEMU describes its machines with: printed as QEMU wrote them, edited in a copy, moved, given overlays."""

import re
import struct

import device_tree
import pytest
import vm
from conftest import build_folder
from device_tree import Node, cells


@pytest.fixture(params=["qemu_arm", "qemu_arm64", "qemu-riscv64"])
def board(request):
    return vm.BOARDS[request.param]


def value(data):
    """A property's value as `fdt print` shows it."""
    texts = data[:-1].split(b"\0")
    if data == b"\0" or data and data[-1] == 0 and all(text and all(32 <= c < 127 for c in text) for text in texts):
        return ", ".join(f'"{text.decode()}"' for text in texts)
    if len(data) % 4 == 0:
        return "<" + " ".join(f"0x{cell:08x}" for cell, in struct.iter_unpack(">I", data)) + ">"
    return "[" + data.hex(" ") + "]"


def show(node, depth=0):
    tabs = "\t" * depth
    lines = [f"{tabs}{node.name or '/'} {{"]
    lines += [f"{tabs}\t{name}{' = ' + value(data) if data else ''};" for name, data in node.properties.items()]
    for child in node.children:
        lines += show(child, depth + 1)
    return [*lines, f"{tabs}}};"]


def without_seeds(lines):
    """They are other ones each time."""
    return [line for line in lines if "-seed = " not in line]


def test_the_machine_s_own_tree_is_printed_as_qemu_wrote_it(board, machines, tmp_path):
    tree = device_tree.of_machine(board.command(build_folder(board), ["-nic", "none"]), tmp_path)
    machine = machines.boot(board)
    printed = machine.command("fdt print", most_lines=3000).splitlines()
    assert without_seeds(printed) == without_seeds(show(tree))
    listed = machine.command("fdt list /").splitlines()
    assert listed[0] == "/ {" and [line for line in listed if line.endswith(" {")][1:] == [f"\t{node.name} {{" for node in tree.children]
    name = next(node.name for node in tree.children if node.name.startswith("memory@"))
    assert machine.command("fdt get name first / 0; echo $first") == tree.children[0].name + "\n"
    assert machine.command(f"fdt get size many /; echo $many; fdt print /{name} device_type") == \
        f'{len(tree.children)}\ndevice_type = "memory"\n'


def test_edits_are_made_in_a_copy(board, machines):
    machine = machines.boot(board)
    own = machine.command("echo $fdtcontroladdr").strip()
    assert machine.command("fdt addr; fdt addr -c") == f"Working fdt: {own:0>8}\nControl fdt: {own:0>8}\n"
    machine.command("fdt header get size totalsize")
    before = machine.command("crc32 $fdtcontroladdr $size")
    chosen = machine.command("setenv bootargs console=ttyS0 quiet; fdt chosen; echo $fdtaddr")
    copy = re.fullmatch(r"Working FDT set to ([0-9a-f]+)\n\1\n", chosen)
    assert copy and copy[1] != own, chosen
    assert machine.command("fdt print /chosen bootargs") == 'bootargs = "console=ttyS0 quiet"\n'
    assert machine.command(f"fdt chosen {own} 1000; fdt get value end /chosen linux,initrd-end; echo $end") == \
        f"{int(own, 16) + 0x1000:016x}\n"
    assert machine.command("fdt get addr where / model; md.b $where 4").startswith(machine.command("echo $where").strip().zfill(8))
    assert machine.command("crc32 $fdtcontroladdr $size") == before
    assert machine.command("fdt resize 10000; fdt mknode / new; fdt set /new reg '<1 2>' ; fdt print /new").split("\n", 1)[1] == \
        "new {\n\treg = <0x00000001 0x00000002>;\n};\n"
    assert machine.command("crc32 $fdtcontroladdr $size") == before
    # The machine itself goes on with its own.
    assert machine.command("virtio list; fdt addr $fdtcontroladdr; fdt print /new").endswith(
        "libfdt fdt_path_offset() returned FDT_ERR_NOTFOUND\n")


def test_a_tree_in_memory(board, machines):
    machine = machines.boot(board)
    place = machine.command("echo $fdt_addr_r").strip()
    assert machine.command("fdt move $fdt_addr $fdt_addr_r 20000; echo $fdtaddr") == f"Working FDT set to {place}\n{place}\n"
    assert machine.command("fdt header get size totalsize; fdt header get magic magic; echo $size $magic") == "20000 d00dfeed\n"
    assert machine.command("fdt mknode / new; fdt mknode /new inner; fdt set /new/inner words 'one two' three; fdt print /new") == \
        'new {\n\tinner {\n\t\twords = "one two", "three";\n\t};\n};\n'
    assert machine.command("fdt rm /new/inner words; fdt rm /new/inner; fdt list /new; fdt rm /new") == "new {\n};\n"
    assert machine.command("fdt mknode /nothing x") == "libfdt fdt_path_offset() returned FDT_ERR_NOTFOUND\n"
    assert machine.status() == 1
    assert machine.command("fdt memory 80000000 10000000; fdt print /memory reg") == \
        "reg = <0x00000000 0x80000000 0x00000000 0x10000000>\n"
    assert machine.command("fdt rsvmem add 1234 5678; fdt rsvmem print").splitlines()[-1] == "    0\t0000000000001234\t0000000000005678"
    assert machine.command("fdt rsvmem delete 0; fdt bootcpu 2; fdt header").splitlines()[-5:-1] == [
        "boot_cpuid_phys:\t0x2", *machine.command("fdt header").splitlines()[-4:-2], "number mem_rsv:\t\t0x0"]
    assert machine.command("fdt resize 2000; fdt set / big " + "x" * 3000 + "; fdt get size size / big; echo $size") == "bb9\n"
    assert machine.command("mw $fdt_addr_r 0; fdt print") == "libfdt fdt_check_header(): FDT_ERR_BADMAGIC\n"
    assert machine.command("fdt addr 0").count("\n") == 1


def overlay(*fragments):
    return device_tree.write(Node("", {}, [*fragments]))


def loader(path, address):
    return ["-device", f"loader,file={vm.escape(path)},addr=0x{address:x},force-raw=on"]


def test_overlays(board, machines, tmp_path):
    """By path; QEMU's trees have no labels. A hostile one changes nothing."""
    base = 0x80000000 if "riscv" in board.name else 0x40000000
    good, labels, hostile = base + 0x5000000, base + 0x5100000, base + 0x5200000
    (tmp_path / "good").write_bytes(overlay(
        Node("fragment@0", {"target-path": b"/chosen\0"}, [Node("__overlay__", {"bootargs": b"from an overlay\0"}, [])]),
        Node("fragment@1", {"target-path": b"/\0"}, [Node("__overlay__", {}, [
            Node("clock", {"phandle": cells(1)}, []), Node("user", {"clocks": cells(1)}, [])])]),
        Node("__local_fixups__", {}, [Node("fragment@1", {}, [Node("__overlay__", {}, [Node("user", {"clocks": cells(0)}, [])])])])))
    (tmp_path / "labels").write_bytes(overlay(
        Node("fragment@0", {"target": cells(0xffffffff)}, [Node("__overlay__", {"status": b"okay\0"}, [])]),
        Node("__fixups__", {"uart0": b"/fragment@0:target:0\0"}, [])))
    (tmp_path / "hostile").write_bytes(overlay(
        Node("fragment@0", {"target-path": b"/chosen\0"}, [Node("__overlay__", {"bootargs": b"hostile\0"}, [])]),
        Node("__local_fixups__", {}, [Node("fragment@0", {"target-path": cells(0x7ffffffc)}, [])])))
    machine = machines.boot(board, [*loader(tmp_path / "good", good), *loader(tmp_path / "labels", labels),
                                    *loader(tmp_path / "hostile", hostile)])
    assert re.fullmatch(r"Working FDT set to [0-9a-f]+\n", machine.command(f"fdt apply {good:x}"))
    assert machine.status() == 0
    assert machine.command("fdt print /chosen bootargs") == 'bootargs = "from an overlay"\n'
    machine.command("fdt get value clock /clock phandle; fdt get value user /user clocks")
    assert machine.command("test $clock = $user && echo same") == "same\n"
    assert machine.command(f"fdt apply {labels:x}") == \
        "fdt: not found (the overlay needs labels and the tree has no __symbols__, only paths)\n"
    assert machine.command(f"fdt apply {hostile:x}").startswith("fdt: corrupt (overlay ")
    assert machine.command(f"fdt apply {base + 0x5300000:x}") == "libfdt fdt_check_header(): FDT_ERR_BADMAGIC\n"
    assert machine.command("fdt print /chosen bootargs") == 'bootargs = "from an overlay"\n'


def test_a_machine_without_a_tree(machines, tmp_path):
    """x86, until somebody loads one."""
    board = vm.BOARDS["qemu-x86_64"]
    (tmp_path / "tree").write_bytes(overlay(Node("loaded", {"x": b"y\0"}, [])))
    machine = machines.boot(board, loader(tmp_path / "tree", 0x4000000))
    assert machine.command("fdt addr -c") == "No device tree: this machine has none\n"
    for line in ("fdt addr", "fdt print", "fdt chosen"):
        assert machine.command(line) == "No device tree: this machine has none; load one, then 'fdt addr ADDRESS'\n"
        assert machine.status() == 1
    assert machine.command("fdt addr 4000000; fdt print /loaded") == 'Working FDT set to 4000000\nloaded {\n\tx = "y";\n};\n'

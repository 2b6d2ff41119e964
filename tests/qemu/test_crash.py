# SPDX-License-Identifier: Apache-2.0
"""Addresses that are wrong, a user's, a program's, and Vireo's own: what it says and does. Crash reports, the rights of every page, read
from the page tables, and `tools/symbolize`."""

import dataclasses
import re
import subprocess

import pytest

import counting
import gdb
import page_tables
import qmp
import vm
from conftest import TOP, build_folder
from test_matrix import LOAD


def words(*values):
    return b"".join(value.to_bytes(4, "little") for value in values)


@dataclasses.dataclass(frozen=True)
class Programs:
    """Machine code that `go` runs."""
    count: bytes  # returns how many words it was given
    overflow: bytes  # calls itself for ever
    store: bytes  # writes to the code that called it; empty: see code_store()
    fetch: str  # what jumping to 0 is called


PROGRAMS = {
    "qemu_arm": Programs(words(0xe12fff1e), words(0xe92d4001, 0xebfffffd), words(0xe58e0000, 0xe12fff1e),
                         "prefetch abort: nothing is mapped there"),
    "qemu_arm64": Programs(words(0xd65f03c0), words(0xa9bf7bfd, 0x97ffffff), words(0xf90003c0, 0xd65f03c0),
                           "instruction abort: nothing is mapped there"),
    "qemu-riscv32": Programs(words(0x00008067), words(0xff010113, 0x00112023, 0xff9ff06f), b"", "instruction access fault"),
    "qemu-riscv64": Programs(words(0x00008067), words(0xff010113, 0x00113023, 0xff9ff06f), b"", "instruction access fault"),
    "qemu-x86": Programs(bytes.fromhex("8b442404c3"), bytes.fromhex("e8fbffffff"), bytes.fromhex("8b04248900c3"),
                         "page fault on an instruction fetch: nothing is mapped there"),
    "qemu-x86_64": Programs(bytes.fromhex("89f8c3"), bytes.fromhex("e8fbffffff"), bytes.fromhex("488b04248900c3"),
                            "page fault on an instruction fetch: nothing is mapped there"),
}


def put(machine, address, code):
    """Machine code into memory, by `mw` alone."""
    code += bytes(-len(code) % 4)
    units = [int.from_bytes(code[i:i + 4], "little") for i in range(0, len(code), 4)]
    assert machine.command("; ".join(f"mw {address + 4 * i:x} {unit:x}" for i, unit in enumerate(units))) == ""


def fact(machine, name):
    return int(re.search(rf"^{name}\s+= 0x([0-9a-f]+)", machine.command("bdinfo"), re.M).group(1), 16)


def owned(machine, owner):
    """The first address of a range that bdinfo names."""
    return int(re.search(rf"= 0x([0-9a-f]+)\.\.0x[0-9a-f]+ {owner}$", machine.command("bdinfo"), re.M).group(1), 16)


def pages(size):
    return -(-size // 4096) * 4096


def symbol(board, name):
    """How far from the image's start lies what the linker script or an object file calls so."""
    listing = subprocess.run([f"llvm-nm-{counting.llvm()}", f"{build_folder(board)}/vireo.elf"], check=True, capture_output=True, text=True)
    return next(int(line.split()[0], 16) for line in listing.stdout.splitlines() if line.split()[-1] == name)


def code_store(board, machine, address):
    """riscv: a program at `address`, a page's start, that writes to Vireo's constants. (In machine mode only data is sure to be
    guarded: QEMU 7.2 forgets what it knows about stores to a page that code was fetched from.)"""
    constants = pages(symbol(board, "vireo_text_end"))
    distance = fact(machine, "relocaddr") + constants - address
    assert distance % 4096 == 0
    return words(distance & 0xfffff000 | 0x297, 0x00a2a023, 0x00008067)  # auipc t0; sw a0, 0(t0); ret


def crash(machine, line):
    """Types a line that ends in a report, and waits until the machine has started anew; the report."""
    machine.send(line + "\r")
    text, _ = machine.expect(r"resetting \.\.\.")
    assert "Vireo" in machine.boot()
    return text


def check_report(board, text, cause, fault):
    assert f"*** {cause}" in text, text
    assert re.search(r"^Image at [0-9a-f]+\nTrace \(addresses in vireo\.map\):\n  #0  0x", text, re.M), text
    assert re.search(r"^Vireo \S+ \(.+\) for \S+, code [0-9a-f]{8}$", text, re.M), text
    assert fault in text, text


PROGRAM_FAILED = "The program that `go` started failed, not Vireo.\n"


def test_wild_addresses_come_back_to_the_prompt(board, machines):
    """Reading and writing where nothing is, or where null pointers lead, is one line each."""
    machine = machines.boot(board)
    load = LOAD[board.name]
    refused = "0x00000000 cannot be {}: the processor refused the access\n"
    for command in ("md 0", "md.b 0 1", "md.w 0 1", "cmp 0 {0:x} 4", "cmp.b {0:x} 0 4", "crc32 0 10", "cp 0 {0:x} 4"):
        assert machine.command(command.format(load)) == refused.format("read"), command
        assert machine.status() == 1, command
    if "x86" in board.name:  # there it is RAM, and somebody's
        assert machine.command("mw 0 1") == "0x00000000..0x00000003 is not in RAM\n"
    else:
        for command in ("mw 0 1", "mw.b 0 1 100", "cp {0:x} 0 4"):
            assert machine.command(command.format(load)) == refused.format("written"), command
            assert machine.status() == 1, command
    # Addresses that the board has not got.
    assert "cannot be read: the processor refused the access" in machine.command("md.l 7fffffffffff0000 1")
    assert "cannot be written: the processor refused the access" in machine.command("mw.q 7fffffffffff0000 1")
    assert "is not in RAM" in machine.command("md fffffffffffffff8 4")
    assert machine.command("echo alive").strip() == "alive"


REGISTERS = {  # an address that is a device's, and what it says
    "qemu_arm": ("md.b 9000ff0 1", "09000ff0: 0d "), "qemu_arm64": ("md.l 9000ff0 1", "09000ff0: 0000000d "),
    "qemu-riscv32": ("md.b 10000005 1", "10000005: 60 "), "qemu-riscv64": ("md.b 10000005 1", "10000005: 60 "),
    "qemu-x86": ("md.l fee00030 1", "fee00030: 00050014 "), "qemu-x86_64": ("md.q fee00030 1", "fee00030: "),
}


def test_registers_are_read_and_written(board, machines):
    machine = machines.boot(board)
    command, answer = REGISTERS[board.name]
    assert machine.command(command).startswith(answer)
    port = {"qemu_arm": 0x9000000, "qemu_arm64": 0x9000000, "qemu-riscv32": 0x10000000, "qemu-riscv64": 0x10000000}
    if board.name in port:
        machine.send(f"for i in 1 2 3; do mw.b {port[board.name]:x} 23; done\r")
        machine.expect("###")


def test_programs_crash_and_the_machine_comes_back(board, machines):
    machine = machines.boot(board)
    load, programs = LOAD[board.name], PROGRAMS[board.name]

    put(machine, load, programs.count)
    assert machine.command(f"go {load:x} one two") == (f"## Starting application at 0x{load:08X} ...\n"
                                                       "## Application terminated, rc = 0x3\n")
    assert machine.status() == 1
    machine.command("virtio scan")  # the devices work again

    check_report(board, crash(machine, "go 0"), programs.fetch, PROGRAM_FAILED)

    put(machine, load, programs.overflow)
    text = crash(machine, f"go {load:x}")
    check_report(board, text, "", PROGRAM_FAILED)
    assert re.search(r"^\*\*\* .* \(stack overflow\) at [0-9a-f]+$", text, re.M), text

    put(machine, load, programs.store or code_store(board, machine, load))
    check_report(board, crash(machine, f"go {load:x}"), "store page fault" if "riscv" in board.name else "", PROGRAM_FAILED)


EXECUTION = [pytest.param(vm.BOARDS[name], arguments, id="-".join([name, *arguments[1:]])) for name, arguments in (
    ("qemu_arm", ()), ("qemu_arm64", ()), ("qemu_arm64", ("-machine", "virt,virtualization=on")),
    ("qemu-x86", ("-cpu", "max")), ("qemu-x86_64", ()))]


@pytest.mark.parametrize("board,arguments", EXECUTION)
def test_data_is_not_executed(board, arguments, machines):
    """Vireo's heap, stack and constants, and RAM that nobody told to be a program."""
    machine = machines.boot(board, arguments)
    for address in (owned(machine, "Vireo heap"), owned(machine, "firmware stack") + 0x8000):
        text = crash(machine, f"go {address:x}")
        check_report(board, text, "", PROGRAM_FAILED)
        assert "not permitted there at" in text, text


NX = ("-cpu", "max")  # QEMU's 32-bit x86 has it only when told so
PROTECTED = [pytest.param(vm.BOARDS[name], arguments, id="-".join([name, *arguments[1::2]])) for name, arguments in (
    ("qemu_arm", ()), ("qemu_arm", ("-machine", "virt,secure=on", "-m", "3G")), ("qemu_arm64", ()),
    ("qemu_arm64", ("-machine", "virt,virtualization=on", "-m", "8G")), ("qemu_arm64", ("-machine", "virt,secure=on")),
    ("qemu-riscv32", ()), ("qemu-riscv64", ()), ("qemu-riscv64", ("-m", "8G")), ("qemu-x86", NX), ("qemu-x86", ("-m", "100M", *NX)),
    ("qemu-x86", ("-machine", "q35", "-m", "4G", *NX)), ("qemu-x86_64", ()), ("qemu-x86_64", ("-m", "8G")),
    ("qemu-x86_64", ("-machine", "microvm")))]


@pytest.mark.parametrize("board,arguments", PROTECTED)
def test_no_page_is_both_written_and_executed(board, arguments, machines):
    """The whole address space, by the tables themselves: Vireo's text is all that is executed, and again so after a program has run."""
    with qmp.Monitor() as monitor:
        machine = machines.boot(board, [*arguments, *monitor.arguments])
        image = fact(machine, "relocaddr")
        check_protection(board, monitor, image, True)
        put(machine, LOAD[board.name], PROGRAMS[board.name].count)
        assert "rc = 0x1\n" in machine.command(f"go {LOAD[board.name]:x}")
        check_protection(board, monitor, image, True)


def test_what_is_written_without_never_execute(machines):
    """QEMU's 32-bit x86 as it comes."""
    board = vm.BOARDS["qemu-x86"]
    with qmp.Monitor() as monitor:
        machine = machines.boot(board, monitor.arguments)
        check_protection(board, monitor, fact(machine, "relocaddr"), False)


def check_protection(board, monitor, image, never_execute):
    ranges = page_tables.of_machine(board, monitor, image + symbol(board, "vireo_tables") if "x86" not in board.name else 0)
    text_end = image + pages(symbol(board, "vireo_text_end"))
    constants_end = image + symbol(board, "vireo_rodata_end")
    guard, stack = (image + symbol(board, name) for name in ("vireo_guard", "vireo_stack_start"))
    assert image % 4096 == 0 and text_end < constants_end < guard and stack - guard >= 4096
    # All that is constant: the registries, too, which are full of the addresses of functions.
    for registry in ("vireo_commands", "vireo_drivers", "vireo_filesystems"):
        assert image + symbol(board, f"__stop_{registry}") <= constants_end, registry
    if never_execute:
        assert [(part.start, part.end) for part in ranges if part.executes] == [(image, text_end)], ranges
    assert not [part for part in ranges if part.writes and part.start < constants_end and part.end > image], ranges
    for start, end in ((0, 4096), (guard, stack)):
        assert not [part for part in ranges if part.start < end and part.end > start], ranges
    # What is not a hole is mapped: the rest of the image, and what comes before and behind it.
    for place in (image - 1, image, text_end, constants_end, guard - 1, stack):
        assert [part for part in ranges if part.start <= place < part.end], (hex(place), ranges)


def test_a_defect_of_vireo_says_what_to_report(board, machines):
    """Nothing that can be typed leads there, it is hoped: a debugger does."""
    with gdb.Stub() as stub:
        machine = machines.boot(board, stub.arguments)
        machine.send("while true; do true; done\r")  # a processor that sleeps would go on sleeping
        machine.expect(r"done\r+\n")
        stub.go_on_at(board.qemu, 0)
        text, _ = machine.expect(r"resetting \.\.\.")
        assert "Vireo" in machine.boot()
        check_report(board, text, PROGRAMS[board.name].fetch,
                     "\nThis is a defect of Vireo. Please report all from *** on, and what you did before, as docs/crashes.md says.\n")
        assert PROGRAM_FAILED not in text
        assert machine.command("echo alive").strip() == "alive"


def fail(machine, stub, board, *, stack=None, words=()):
    """Makes Vireo jump to 0, in a state that it never has by itself; what it prints until it has started anew."""
    machine.send("while true; do true; done\r")  # a processor that sleeps would go on sleeping
    machine.expect(r"done\r+\n")
    stub.go_on_at(board.qemu, 0, stack, words)
    text, _ = machine.expect(r"resetting \.\.\.")
    assert "Vireo" in machine.boot()
    assert machine.command("echo alive").strip() == "alive"
    return text


def test_a_broken_stack_pointer_does_not_keep_the_report_away(board, machines):
    with gdb.Stub() as stub:
        text = fail(machines.boot(board, stub.arguments), stub, board, stack=0x10)
    assert text.startswith("\n*** ") and "\nThis is a defect of Vireo." in text, text
    assert "  (stack pointer outside the stack)\n" in text and text.count("  #") > 5, text


def test_an_exception_in_a_report_still_starts_the_machine_anew(board, machines):
    """That the stack reaches down to 8 is what the report believes here. It used to end there, and the machine to hang."""
    with gdb.Stub() as stub:
        machine = machines.boot(board, stub.arguments)
        place = fact(machine, "relocaddr") + symbol(board, "_ZN5vireo4arch12_GLOBAL__N_19stack_lowE")
        text = fail(machine, stub, board, stack=0x10, words=[(place, 8)])
    assert re.search(r"\n\n\*\*\* .*, in this report\nresetting", text + "resetting"), text
    assert "This is a defect" not in text


def test_a_report_that_cannot_be_printed_still_starts_the_machine_anew(board, machines):
    with gdb.Stub() as stub:
        machine = machines.boot(board, stub.arguments)
        place = fact(machine, "relocaddr") + symbol(board, "_ZN5vireoL11log_writer_E")
        machine.send("while true; do true; done\r")
        machine.expect(r"done\r+\n")
        stub.go_on_at(board.qemu, 0, words=[(place, 8)])
        assert "***" not in machine.boot()


HOST_SAYS = [("qemu-x86", (), "inject-nmi", {}, "non-maskable interrupt"),
             ("qemu-x86_64", ("-machine", "microvm"), "inject-nmi", {}, "non-maskable interrupt"),
             ("qemu-x86_64", ("-machine", "q35", "-cpu", "qemu64,-apic"), "inject-nmi", {}, "non-maskable interrupt"),
             ("qemu-x86", ("-cpu", "max"), "human-monitor-command", {"command-line": "mce 0 1 0xb200000000000000 5 0 0"}, "machine check"),
             ("qemu-x86_64", (), "human-monitor-command", {"command-line": "mce 0 1 0xb200000000000000 5 0 0"}, "machine check")]


@pytest.mark.parametrize("name,arguments,command,parameters,cause", HOST_SAYS)
def test_what_the_host_sends_is_no_defect(name, arguments, command, parameters, cause, machines):
    """Not even while an address is tried that may be wrong: that would hide it."""
    with qmp.Monitor() as monitor:
        machine = machines.boot(vm.BOARDS[name], [*arguments, *monitor.arguments])
        machine.send("while true; do crc32 fee00000 1000; done\r")
        machine.expect(r"crc32 for [^\r\n]*\r")
        monitor.command(command, **parameters)
        text, _ = machine.expect(r"resetting \.\.\.")
        assert f"\n*** {cause}\n" in text, text
        assert "This came from outside, at whatever ran just then: it need not be a defect of Vireo.\n" in text
        assert "Vireo" in machine.boot()


def test_symbolize_names_the_functions(board, machines, tmp_path):
    machine = machines.boot(board)
    report = tmp_path / "report.txt"
    report.write_text(crash(machine, "go 0"))
    tool = [f"{TOP}/tools/symbolize", f"{build_folder(board)}/vireo.elf", str(report)]
    named = subprocess.run(tool, check=True, capture_output=True, text=True).stdout
    assert "another build" not in named
    assert re.search(r"^  #0  0x[0-9a-f]{8} vireo::arch::call_program\+0x", named, re.M), named
    assert "vireo::shell::run_command+0x" in named
    # A report of another build is not believed.
    report.write_text(re.sub(r"code [0-9a-f]{8}", "code 00000000", report.read_text()))
    assert "is another build" in subprocess.run(tool, check=True, capture_output=True, text=True).stdout

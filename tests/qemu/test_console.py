# SPDX-License-Identifier: Apache-2.0
"""The console on files, pseudo-terminals and sockets: nothing that is sent to it or typed at it is lost, however slow the other side
is. Large pastes, readers who hang up and come back, what a burst costs; search, completion, UTF-8."""

import os
import re
import select
import socket
import time
import tty

import images
import pytest
import vm
from conftest import PATIENCE, build_folder
from test_matrix import LOAD
from test_variants import build_sbi

# One for each way to a port: PL011, 16550 in memory, 16550 at ports.
PORTS = [vm.BOARDS[name] for name in ("qemu_arm64", "qemu-riscv64", "qemu-x86_64")]


@pytest.fixture(params=PORTS, ids=lambda board: board.name)
def port_board(request):
    return request.param


def start(machines, board, serial, *more):
    return machines.start(board.command(build_folder(board), ["-nic", "none", "-serial", serial, "-monitor", "none", *more]))


class Line:
    """The other end of a serial line, given its file descriptor."""

    def __init__(self, descriptor):
        self._descriptor = descriptor
        self.seen = b""

    def send(self, data):
        """Writes what fits and reads meanwhile, as a terminal does."""
        deadline = time.monotonic() + 4 * PATIENCE
        while data:
            readable, writable, _ = select.select([self._descriptor], [self._descriptor], [], 1)
            if readable:
                self.seen += os.read(self._descriptor, 65536)
            if writable:
                data = data[os.write(self._descriptor, data[:4096]):]
            assert time.monotonic() < deadline, self.seen[-500:]

    def wait_for(self, text):
        """Reads until this has come, and goes on from there."""
        deadline = time.monotonic() + PATIENCE
        while text not in self.seen:
            readable, _, _ = select.select([self._descriptor], [], [], 0.2)
            if readable:
                self.seen += os.read(self._descriptor, 4096)
            assert time.monotonic() < deadline, self.seen[-1000:]

    def expect(self, pattern):
        """Reads until the pattern stands at the end; all that has been read since the last time."""
        deadline = time.monotonic() + PATIENCE
        while not re.search(pattern + rb"\Z", self.seen[-4096:]):
            readable, _, _ = select.select([self._descriptor], [], [], 0.2)
            if readable:
                self.seen += os.read(self._descriptor, 65536)
                deadline = time.monotonic() + PATIENCE
            assert time.monotonic() < deadline, self.seen[-1000:]
        text, self.seen = self.seen, b""
        return text.decode(errors="replace").replace("\r\n", "\n")


PROMPT = rb"[\r\n]=> "


def connect(machines, board, tmp_path, below=False):
    """A machine whose console is a socket, at its prompt; `below`: in supervisor mode, on the firmware of sbi.S."""
    path = str(tmp_path / "serial")
    serial = ["-nic", "none", "-serial", f"unix:{path},server=on,wait=on", "-monitor", "none"]
    command = board.command(build_folder(board), serial)
    if below:
        firmware = command.index("-bios")
        command[firmware:firmware + 2] = ["-bios", build_sbi(tmp_path, board.bits), "-kernel", command[firmware + 1]]
    machine = machines.start(command)
    line = dial(machine, path)
    line.expect(PROMPT)
    line.redial = lambda: dial(machine, path)
    return line


def dial(machine, path):
    connection = socket.socket(socket.AF_UNIX)
    deadline = time.monotonic() + PATIENCE
    while connection.connect_ex(path) != 0:
        assert time.monotonic() < deadline, machine.report()
        time.sleep(0.02)
    connection.setblocking(False)
    line = Line(connection.fileno())
    line.socket = connection
    return line


def dump(board, count):
    return b"md.b %x %x\r" % (LOAD[board.name], count)


def check_dump(board, text, count):
    addresses = [int(found, 16) for found in re.findall(r"^([0-9a-f]{8}): (?:[0-9a-f]{2} ){16} .{16}$", text, re.M)]
    assert addresses == list(range(LOAD[board.name], LOAD[board.name] + count, 16))


def test_a_file_gets_all_output(board, machines, tmp_path):
    output = tmp_path / "serial.txt"
    start(machines, board, f"file:{output}")
    deadline = time.monotonic() + PATIENCE
    while not (output.exists() and output.read_bytes().endswith(b"\n=> ")):
        assert time.monotonic() < deadline, output.read_bytes() if output.exists() else "no file"
        time.sleep(0.05)
    text = output.read_bytes()
    assert text.startswith(b"\r\n\r\nVireo ") and text.count(b"Vireo ") == 1
    assert re.search(rb"\r\nDRAM:  [^\r\n]+\r\n\r\n=> \Z", text), text


def test_a_pseudo_terminal_with_a_slow_reader(port_board, machines):
    machine = start(machines, port_board, "pty")
    path = machine.expect(r"char device redirected to (/dev/\S+)")[1].split()[-1]
    descriptor = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        tty.setraw(descriptor)
        line = Line(descriptor)
        deadline = time.monotonic() + PATIENCE  # QEMU notices a second later that somebody is there
        while not line.seen.endswith(b"\n=> "):
            os.write(descriptor, b"\r")
            readable, _, _ = select.select([descriptor], [], [], 0.5)
            if readable:
                line.seen += os.read(descriptor, 4096)
            assert time.monotonic() < deadline, line.seen
        line.send(b"echo ready\r")
        line.expect(rb"\nready\r\n=> ")
        line.send(dump(port_board, 0x4000))
        time.sleep(2)  # what a pseudo-terminal holds is full by then, and nobody reads
        check_dump(port_board, line.expect(PROMPT), 0x4000)
    finally:
        os.close(descriptor)


def test_a_socket_with_a_slow_reader(port_board, machines, tmp_path):
    line = connect(machines, port_board, tmp_path)
    line.send(dump(port_board, 0x20000))
    time.sleep(3)
    check_dump(port_board, line.expect(PROMPT), 0x20000)


def test_a_reader_who_hangs_up_and_comes_back(port_board, machines, tmp_path):
    """Twice in the middle of output that would take long; Ctrl-C and the prompt are there each time."""
    first = line = connect(machines, port_board, tmp_path)
    for turn in range(2):
        line.send(dump(port_board, 0x800000))
        line.wait_for(b"%08x: " % (LOAD[port_board.name] + 0x1000))
        line.socket.close()
        line = first.redial()
        line.send(b"\x03echo again-\"%d\"\r" % turn)
        text = line.expect(rb"\nagain-%d\r\n=> " % turn)
        assert "<INTERRUPT>\n=> echo again" in text, text[-300:]


@pytest.mark.parametrize("name", ["qemu-x86_64", "qemu-riscv32"])
def test_output_that_nobody_takes_is_counted(name, machines, tmp_path):
    """Where the port shows that nobody reads: a 16550, and a firmware below that says so. With the PL011 QEMU holds the
    machine up until somebody does, OpenSBI holds up its caller."""
    board = vm.BOARDS[name]
    line = connect(machines, board, tmp_path, below=name == "qemu-riscv32")
    line.send(dump(board, 0x14000))
    whole = line.expect(PROMPT)
    line.send(dump(board, 0x14000))
    time.sleep(14)  # ten of them without room, after what the socket holds
    line.send(b"echo again\r")
    text = line.expect(rb"\nagain\r\n=> ")
    notice = re.search(r"\n\[(\d+) bytes of output were lost, nobody took them\]\n", text)
    assert notice, text[-300:]
    # What came, without the notice and the last command, and what is said to be lost, is all there was.
    came = text.replace(notice[0], "").removesuffix("echo again\nagain\n=> ")
    assert len(came.replace("\n", "\r\n")) + int(notice[1]) == len(whole.replace("\n", "\r\n"))


def test_the_port_is_asked_once_for_each_fifo_full(port_board, machines, tmp_path):
    """What leaves the machine, by QEMU's own trace of its ports: a look at the status for 16 bytes, and the bytes."""
    port = "pl011" if port_board.name == "qemu_arm64" else "serial"
    trace = tmp_path / "trace"
    machine = machines.boot(port_board, ["-trace", f"{port}_read", "-trace", f"{port}_write", "-D", trace])
    machine.command("sleep 1.5")  # a 16550's FIFOs go on when nothing was typed for a second
    before = trace.stat().st_size
    size = len(machine.command("md.b %x 4000" % LOAD[port_board.name], most_lines=1024).replace("\n", "\r\n"))
    with open(trace, encoding="ascii") as file:
        file.seek(before)
        lines = file.read().splitlines()
    written = sum(f"{port}_write" in line for line in lines)
    asked = sum(f"{port}_read" in line for line in lines)
    assert size <= written < size * 1.01, (size, written)
    # And whoever waits for a key looks now and then.
    assert size / 16 <= asked < size / 16 * 1.5, (size, asked)


def test_64_kib_pasted_while_a_command_runs(port_board, machines, tmp_path):
    line = connect(machines, port_board, tmp_path)
    lines = [b"echo line-%04d %s\r" % (number, b"x" * 48) for number in range(1050)]
    paste = b"sleep 1\r" + b"".join(lines)
    assert len(paste) >= 65536
    line.send(paste + b"echo the-\"end\"\r")
    text = line.expect(rb"\nthe-end\r\n=> ")
    answers = re.findall(r"^line-(\d{4}) x{48}$", text, re.M)
    assert answers == [f"{number:04d}" for number in range(1050)]


def test_what_does_not_fit_is_dropped_in_whole_lines_and_told(port_board, machines, tmp_path):
    line = connect(machines, port_board, tmp_path)
    lines = [b"echo line-%04d %s\r" % (number, b"x" * 48) for number in range(2000)]
    line.send(b"while true; do sleep 0.1; done\r" + b"".join(lines) + b"\x03")
    text = line.expect(rb"\n\[[^\n]*dropped[^\n]*\]\r\n=> ")  # a sleep that is interrupted says nothing of it
    notice = re.search(r"\n\[(\d+) bytes of input were dropped: 64 KiB are kept while a command runs\]\n", text)
    assert notice and 0 < int(notice[1]) <= len(b"".join(lines)) - 65536, text[-300:]
    assert "line-" not in text
    line.send(b"echo after-\"paste\"\r")
    line.expect(rb"\nafter-paste\r\n=> ")


@pytest.mark.parametrize("command", ["while true; do true; done", "sleep 100000", "until false; do echo -n; done"])
def test_control_c_behind_a_large_paste(port_board, machines, tmp_path, command):
    """72,000 bytes are more than is kept; Ctrl-C was dead behind them."""
    line = connect(machines, port_board, tmp_path)
    line.send(command.encode() + b"\r")
    line.wait_for(command.encode()[-8:])
    line.send(b"".join(b"echo line-%04d\r" % number for number in range(4800)) + b"\x03")
    text = line.expect(PROMPT)
    assert ("<INTERRUPT>\n" in text) == (not command.startswith("sleep")) and "line-" not in text, text[-300:]
    line.send(b"echo after-\"paste\"\r")
    line.expect(rb"\nafter-paste\r\n=> ")


def test_control_c_behind_lines_that_do_not_wait(port_board, machines, tmp_path):
    line = connect(machines, port_board, tmp_path)
    line.send(b"".join(b"echo line-%04d\r" % number for number in range(4000)) + b"\x03echo after-\"paste\"\r")
    text = line.expect(rb"\nafter-paste\r\n=> ")
    assert "<INTERRUPT>\n=> echo after" in text and "dropped" not in text


def test_long_ranges_of_memory_hear_control_c(machines):
    """Each page of the whole range was looked at first: 15 seconds for 16 GiB."""
    machine = machines.boot(vm.BOARDS["qemu_arm64"], ["-m", "16G"])
    for command in ("md.b 40000000 400000000", "cmp.b 40000000 240000000 200000000", "crc32 40000000 400000000",
                    "mw.b 48000000 0 1fffffff", "cp.b 240000000 340000000 100000000"):
        begun = time.monotonic()
        machine.send(command + "\r")
        machine.expect("40000000: " if command.startswith("md") else re.escape(command[-8:]))
        machine.send("\x03")
        machine.expect("<INTERRUPT>")
        machine.expect(vm.PROMPT_AT_LINE_START)
        assert time.monotonic() - begun < 5, command


def test_answers_of_terminals_are_no_input(port_board, machines):
    machine = machines.boot(port_board)
    for answer in ("\x1b[[A", "\x1b]11;rgb:1e1e/1e1e/1e1e\x07", "\x1b]11;rgb:1e1e/1e1e/1e1e\x1b\\", "\x1bP>|XTerm(390)\x1b\\",
                   "\x1b_Gi=31;OK\x1b\\", "\x1b[?1;2c", "\x1b[24;80R", "\x1bOP", "\x1b[200~\x1b[201~"):
        assert machine.command(f"echo x{answer}y") == "xy\n", answer


def test_the_editors_comforts(board, machines, tmp_path):
    root = tmp_path / "root"
    (root / "boot").mkdir(parents=True)
    (root / "boot" / "vmlinuz-6.1").write_bytes(b"kernel")
    (root / "boot" / "vmlinuz-6.12").write_bytes(b"newer")
    machine = machines.boot(board, vm.disk(0, images.ext(tmp_path / "disk.img", root, 8 * images.MIB)))
    # Files by Tab: as far as it is clear, then what there is.
    machine.send("size virtio 0 /bo\tvm\t2\t\r")
    machine.expect(r"/boot/vmlinuz-6.12 \r+\n")
    machine.expect(vm.PROMPT_AT_LINE_START)
    assert machine.command("echo $filesize").strip() == "5"
    machine.send("ls virtio 0 /boot/vm\t\t")
    machine.expect(r"\n  vmlinuz-6.1\r+\n  vmlinuz-6.12\r+\n=> ls virtio 0 /boot/vmlinuz-6.1")
    machine.send("\x03")
    machine.expect(vm.PROMPT_AT_LINE_START)
    # A line of before by Ctrl-R, changed.
    machine.command("echo found 'grüße 世界'")
    machine.command("echo other")
    machine.send("\x12grü\x05!\r")
    machine.expect(r"\r+\nfound grüße 世界!\r+\n")
    machine.expect(vm.PROMPT_AT_LINE_START)
    # Backspace over a wide character takes both of its columns.
    machine.send("echo 世\x7f\r")
    machine.expect("echo 世\b\b  \b\b\r+\n")
    machine.expect(vm.PROMPT_AT_LINE_START)
    # A script with tabs.
    machine.send("for i in 1 2; do\r\techo turn-$i\r\ttrue\rdone\r")
    machine.expect(r"\nturn-1\r+\nturn-2\r+\n")
    machine.expect(vm.PROMPT_AT_LINE_START)
    # Nobody answers here when the editor asks how wide the terminal is, and the line is edited all the same.
    machine.send("echo " + "long " * 20 + "\x7f\x7f!\r")
    machine.expect("(long ){19}lon!\r+\n")

# SPDX-License-Identifier: Apache-2.0
"""The shell as a user at the serial console meets it."""

import re

import images
import vm
from test_matrix import LOAD


def test_operators_quotes_and_variables(board, machines):
    machine = machines.boot(board)
    for line, answer in (
            ("echo a; echo b", "a\nb\n"),
            ("true && echo yes || echo no", "yes\n"),
            ("false && echo yes || echo no", "no\n"),
            ("setenv x 'one  two'; echo $x ${x}3", "one two one two3\n"),
            ("echo 'single  $x' \"double  $x\" back\\ slash", "single  $x double  one  two back slash\n"),
            ("echo visible # not this", "visible\n"),
            ("false; echo $?", "1\n"),
            ("setenv r 'echo ran; echo twice'; run r", "ran\ntwice\n"),
            ("setenv x; printenv x", "## Error: \"x\" not defined\n"),
            ("nosuchcommand", "Unknown command 'nosuchcommand' - try 'help'\n"),
            ("run nosuch", "## Error: \"nosuch\" not defined\n"),
    ):
        assert machine.command(line) == answer, line
    assert machine.status() == 1


def test_a_paste_of_4_kib_loses_nothing(board, machines):
    """Many lines in one burst, each answered."""
    machine = machines.boot(board)
    lines = [f"echo line-{number:03d} {'x' * 24}" for number in range(100)]
    burst = "\r".join(lines) + "\r"
    assert len(burst) >= 3900
    machine.send(burst + "echo the-\"end\"\r")
    text, _ = machine.expect("\\r+\\nthe-end\\r+\\n")
    answers = re.findall(r"^line-(\d{3}) x{24}$", text, re.M)
    assert answers == [f"{number:03d}" for number in range(100)]


def test_one_long_line_of_4_kib(board, machines):
    machine = machines.boot(board)
    word = "0123456789" * 400
    assert machine.command(f"echo {word}").strip() == word


def test_too_long_a_line_is_one_error(board, machines):
    machine = machines.boot(board)
    machine.send("echo " + "y" * 5000 + "\r")
    text, _ = machine.expect(vm.PROMPT_AT_LINE_START)
    errors = [line for line in text.splitlines() if "4095" in line or "too long" in line]
    assert len(errors) == 1, text[-300:]
    assert machine.command("echo fine").strip() == "fine"


def test_typing_during_a_command_is_kept(board, machines):
    machine = machines.boot(board)
    machine.send("sleep 1\recho type-\"ahead\"\r")
    machine.expect("\\r+\\ntype-ahead\\r+\\n", timeout=30)


def test_ctrl_c_stops_what_waits(board, machines):
    machine = machines.boot(board)
    machine.send("sleep 1000\r")
    machine.expect("sleep 1000\\r+\\n")
    machine.send("\x03")
    machine.expect(vm.PROMPT_AT_LINE_START, timeout=10)
    assert machine.status() == 1
    machine.send("half a line\x03")
    machine.expect("<INTERRUPT>")
    machine.expect(vm.PROMPT_AT_LINE_START)
    assert machine.command("echo fine").strip() == "fine"


def test_line_editing_history_and_completion(board, machines):
    machine = machines.boot(board)
    machine.command("echo first")
    machine.send("\x10\r")  # ^P
    machine.expect("\\r+\\nfirst\\r+\\n")
    machine.expect(vm.PROMPT_AT_LINE_START)
    machine.command("echo second")
    machine.send("\x1b[A\x1b[A\x1b[B\x1b[A\r")  # up, up, down, up: the same line twice in a row is kept once
    machine.expect("\\r+\\nfirst\\r+\\n")
    machine.expect(vm.PROMPT_AT_LINE_START)
    machine.send("ho two\x1b[D\x1b[D\x1b[D\x1b[D\x1b[D\x1b[D")
    machine.send("ec\x05!\r")  # insert in front, go to the end
    machine.expect("\\r+\\ntwo!\\r+\\n")
    machine.expect(vm.PROMPT_AT_LINE_START)
    machine.send("versi\t\r")
    machine.expect("Vireo \\d")
    machine.expect(vm.PROMPT_AT_LINE_START)
    machine.send("garbage\x15echo clean\r")  # ^U
    machine.expect("\\r+\\nclean\\r+\\n")


def test_help_lists_and_explains_every_command(board, machines):
    machine = machines.boot(board)
    listing = machine.command("help").splitlines()
    assert listing[0] == "?         - alias for 'help'"
    names = [line.split()[0] for line in listing if line.strip()]
    for expected in ("bdinfo", "cmp", "crc32", "echo", "fstype", "help", "load", "ls", "md", "mw", "part", "poweroff",
                     "printenv", "reset", "rng", "run", "setenv", "size", "sleep", "time", "version", "virtio"):
        assert expected in names
    assert names == sorted(names)
    for name in names:
        assert machine.command(f"help {name}").startswith(f"{name} - ") or name == "?", name


def test_memory_commands(board, machines):
    machine = machines.boot(board)
    a, b = LOAD[board.name], LOAD[board.name] + 0x1000
    machine.command(f"mw.l {a:x} 12345678 4")
    assert machine.command(f"md.l {a:x} 4") == f"{a:08x}: 12345678 12345678 12345678 12345678  xV4.xV4.xV4.xV4.\n"
    assert machine.command(f"md.b {a:x} 2").startswith(f"{a:08x}: 78 56 ")
    machine.command(f"mw.l {b:x} 12345678 4")
    assert "16 byte(s) were the same" in machine.command(f"cmp.b {a:x} {b:x} 10")
    machine.command(f"mw.b {b + 5:x} 99")
    text = machine.command(f"cmp.b {a:x} {b:x} 10")
    assert f"byte at 0x{a + 5:08x} (0x56) != byte at 0x{b + 5:08x} (0x99)" in text
    assert "Total of 5 byte(s) were the same" in text
    assert machine.command(f"crc32 {a:x} 10").startswith(f"crc32 for {a:08x} ... {a + 15:08x} ==> ")


def test_autoboot_counts_down_only_with_bootcmd(machines):
    """`bootcmd` is not set by default; once set, `boot` runs it. The countdown itself is a unit test with a virtual clock."""
    machine = machines.boot(vm.BOARDS["qemu_arm64"])
    assert "autoboot" not in machine.banner
    assert "not defined" in machine.command("printenv bootcmd")


def test_disks_that_are_not_there_are_one_line_and_a_status(board, machines):
    """What boot scripts try before they come to VirtIO."""
    machine = machines.boot(board)
    for line in ("usb start", "mmc dev 0", "mmc rescan", "scsi scan", "nvme scan", "sata init", "ide reset", "load usb 0 $loadaddr f",
                 "part list mmc 0", "ls nvme 0:1 /", "fstype scsi 0"):
        kind = next(word for word in line.split() if word in ("usb", "mmc", "scsi", "nvme", "sata", "ide"))
        text = machine.command(f"if {line}; then echo yes; else echo no; fi")
        assert text == f"no {kind} disks on this machine: Vireo drives VirtIO disks (see 'virtio info')\nno\n", line


def test_time_version_bdinfo(board, machines):
    machine = machines.boot(board)
    assert re.search(r"^time: \d+\.\d{3} seconds$", machine.command("time sleep 0.2"), re.M)
    version = machine.command("version")
    assert re.search(r"^Vireo \d", version) and "clang" in version and "LLD" in version
    facts = machine.command("bdinfo")
    assert "-> start    = 0x" in facts
    # Addresses and sizes have one width.
    assert {len(number) for number in re.findall(r"0x([0-9a-f]+)", facts)} == {16}


def test_poweroff_leaves_the_image_as_written(board, tmp_path, machines):
    """What `virtio write` reported as written is on the host's disk after the power is gone."""
    image = images.patterned(tmp_path / "disk.img", images.MIB)
    machine = machines.boot(board, vm.disk(0, image))
    machine.command(f"mw.b {LOAD[board.name]:x} 5a 200")
    assert "1 blocks written: OK" in machine.command(f"virtio write {LOAD[board.name]:x} 7ff 1")
    machine.close()  # no poweroff: the write is durable when the prompt is back
    assert image.read_bytes()[-512:] == b"\x5a" * 512

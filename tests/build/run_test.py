# SPDX-License-Identifier: Apache-2.0
"""./run as a user and as a CI job meet it: what it says, its exit status, and that nothing outlives it. The machine is a script in
QEMU's place, which types what Vireo would; tests/qemu/test_run.py has the real one."""
import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import pytest

import image_format
import slowness

# What is started in the background of a script ignores Ctrl-C, and so would all that is started here.
signal.signal(signal.SIGINT, signal.default_int_handler)

TOP = pathlib.Path(__file__).resolve().parents[2]

MACHINE = r'''#!/usr/bin/python3
import os, sys, time
def say(text):
    os.write(1, text.replace("\n", "\r\n").encode())
open(os.environ["PROBE"] + ".pid", "a").write("%d\n" % os.getpid())
open(os.environ["PROBE"] + ".arguments", "w").write("\n".join(sys.argv[1:]))
say("\nVireo\n\n")
if "-kernel" in sys.argv:
    text = sys.argv[sys.argv.index("-append") + 1] if "-append" in sys.argv else ""
    say("Linux version\n")
    if text == "hang":
        time.sleep(1000)
    if text != "fail":
        sys.exit(4 if text == "status" else 0)
status, prompt = 0, "=> "
while True:
    say(prompt)
    line = b""
    while not line.endswith(b"\r"):
        byte = os.read(0, 1)
        if not byte:
            sys.exit(1)
        line += byte
    line = line[:-1].decode()
    say(line + "\n")
    if prompt == "> ":
        prompt = "=> " if line == "fi" else "> "
        continue
    for command in line.split("; "):
        if command == "echo $?":
            say("%d\n" % status); status = 0
        elif command in ("true", "false"):
            status = int(command == "false")
        elif command.startswith("echo "):
            say(command[5:] + "\n"); status = 0
        elif command == "poweroff":
            sys.exit(0)
        elif command == "die":
            sys.exit(3)
        elif command == "reset":
            say("resetting ...\n\nVireo\n\n"); status = 0
        elif command == "crash":
            say("*** data abort\nVireo 0.1.0 (x) for arm64, code 01234567\nresetting ...\n\nVireo\n\n"); status = 0
        elif command == "hang":
            say("hanging"); time.sleep(1000)
        elif command.startswith("quote"):
            say("> quoted\n> "); time.sleep(0.1); say("more\n=> no prompt\n"); status = 0
        elif command.startswith("if"):
            prompt = "> "
'''
BUILD = r'''#!/bin/sh
echo "$$" >>"$PROBE.pid"
for word; do case $word in O=*) out=${word#O=} ;; -C) shift ;; esac; done
cd "$TREE"
mkdir -p "$out"
echo 'CONFIG_PROMPT="=> "' >"$out/.config"
touch "$out/u-boot.rom" "$out/u-boot.bin"
case $BUILD in
    slow) sleep 1001 & echo $! >>"$PROBE.pid"; sh -c 'trap "" INT; echo $$ >>"$PROBE.pid"; sleep 1002; :' ;;
    broken) echo '[1/2] Building'; echo 'FAILED: x.o'; exit 1 ;;
esac
'''


class World:
    """A copy of the tree whose make and QEMU are scripts."""

    def __init__(self, folder):
        self.tree = folder / "My tree (old), two"
        shutil.copytree(TOP / "tools", self.tree / "tools")
        (self.tree / "cmake").mkdir()
        shutil.copy(TOP / "cmake/llvm-version", self.tree / "cmake")
        shutil.copy(TOP / "run", self.tree)
        self.bin = folder / "bin"
        self.bin.mkdir()
        for name, text in {"make": BUILD, **{f"qemu-system-{kind}": MACHINE for kind in ("x86_64", "i386", "arm", "aarch64", "riscv32", "riscv64")}}.items():
            (self.bin / name).write_text(text)
            (self.bin / name).chmod(0o755)
        self.probe = folder / "probe"
        self.environment = {**os.environ, "PATH": f"{self.bin}:{os.environ['PATH']}", "PROBE": str(self.probe), "TREE": str(self.tree), "BUILD": ""}

    def start(self, *words, **options):
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "start_new_session": True, **options}
        build = options.pop("build", "")
        return subprocess.Popen([self.tree / "run", *map(str, words)], env={**self.environment, "BUILD": build}, **options)

    def run(self, *words, given=None, build=""):
        with self.start(*words, build=build, **({"stdin": subprocess.PIPE} if given is not None else {})) as process:
            output, errors = process.communicate(given, timeout=slowness.seconds(60))
        return process.returncode, output, [line for line in errors.splitlines() if " then booting in QEMU" not in line]

    def arguments(self):
        return pathlib.Path(f"{self.probe}.arguments").read_text().split("\n")

    def wait_started(self, count):
        """Waits until so many of the scripts have told their process ids; these."""
        file, deadline = pathlib.Path(f"{self.probe}.pid"), time.monotonic() + slowness.seconds(30)
        while True:
            found = file.read_text().split() if file.exists() else []
            if len(found) >= count:
                return list(map(int, found))
            assert time.monotonic() < deadline, found
            time.sleep(0.02)

    @staticmethod
    def wait_ended(processes):
        deadline = time.monotonic() + slowness.seconds(15)
        while alive := [process for process in processes if is_running(process)]:
            assert time.monotonic() < deadline, f"still running: {alive}"
            time.sleep(0.02)


def is_running(process):
    with contextlib.suppress(OSError):
        return pathlib.Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    return False


@pytest.fixture(name="world")
def a_world(tmp_path):
    return World(tmp_path)


@pytest.mark.parametrize("command,status", [("true", 0), ("false", 1), ("echo a; poweroff", 0), ("poweroff", 0), ("echo a; reset", 0), ("reset; false", 1)])
def test_the_status_is_that_of_the_last_command(world, command, status):
    result, output, errors = world.run("--no-disk", "--cmd", command)
    assert (result, errors) == (status, []), output
    assert output.count(f"=> {command}\n") == 1 and output.count("echo $?") == 0


def test_lines_of_standard_input_are_typed_in_turn(world):
    status, output, errors = world.run("--no-disk", given="false\necho $?\r\n\nif true\nthen\n  echo a\nfi\nquote\nfalse\n")
    assert (status, errors) == (1, [])
    assert output == "\nVireo\n\n=> false\n=> echo $?\n1\n=> if true\n> then\n>   echo a\n> fi\n=> quote\n> quoted\n> more\n=> no prompt\n=> false\n"


@pytest.mark.parametrize("command,status,message", [
    ("if true", 1, "the command is unfinished: more is expected after 'if true'"),
    ("hang", 124, "no prompt within 2 s after 'hang'"),
    ("die", 1, "QEMU ended after 'die', with status 3"),
    ("crash", 1, "the machine failed and started anew after 'crash'"),
    ("poweroff\ntrue\ntrue", 1, "QEMU ended after 'poweroff'; lines that were not run: 2"),
])
def test_what_goes_wrong_is_one_line(world, command, status, message):
    result, output, errors = world.run("--no-disk", "--timeout", "2", "--cmd", command)
    assert (result, errors) == (status, [f"./run: qemu-x86_64: {message}"])
    assert output.count("Vireo\n\n") == (2 if command == "crash" else 1)


def test_output_is_shown_as_it_comes(world):
    process = world.start("--no-disk", "--cmd", "hang")
    with process:
        seen = ""
        while not seen.endswith("hanging"):
            seen += process.stdout.read(1)
        process.terminate()
        process.wait(60)  # before the pipe is closed, into which it has to write
    assert process.returncode == 143


@pytest.fixture(name="kernel")
def a_kernel(tmp_path):
    for name in ("Image, mine", "initrd", "board.dtb"):
        (tmp_path / name).write_bytes(b"x")
    return tmp_path / "Image, mine"


def test_a_kernel_is_shown_until_qemu_ends(world, kernel, tmp_path):
    status, output, errors = world.run("qemu_arm64", "--no-disk", "--kernel", kernel, "--initrd", tmp_path / "initrd", "--append", "a, b='c d'",
                                       "--dtb", tmp_path / "board.dtb")
    assert (status, output, errors) == (0, "\nVireo\n\nLinux version\n", [])
    given = world.arguments()
    # These options take a path as it is: a comma in it is no separator.
    for name, value in {"-kernel": kernel, "-initrd": tmp_path / "initrd", "-append": "a, b='c d'", "-dtb": tmp_path / "board.dtb"}.items():
        assert given[given.index(name) + 1] == str(value)


@pytest.mark.parametrize("text,status,message", [
    ("status", 1, "QEMU ended with status 4"), ("hang", 124, "no prompt within 2 s and no end of QEMU"), ("fail", 1, "the kernel was not booted")])
def test_a_kernel_that_does_not_come_to_its_end(world, kernel, text, status, message):
    result, output, errors = world.run("--no-disk", "--timeout", "2", "--kernel", kernel, "--append", text)
    assert (result, errors) == (status, [f"./run: qemu-x86_64: {message}"])
    assert output.startswith("\nVireo\n\nLinux version\n")


def test_wrong_options_are_told_before_anything_is_built(world):
    for words, message in ((["--all"], "--all needs --cmd"), (["--all", "--cmd", " \n"], "--all needs --cmd"), (["--timeout", "nan"], "--timeout"),
                           (["--timeout", "0"], "--timeout"), (["--disk", "/no/such"], "no such disk image: /no/such"), (["--tftp", "/no/such"], "/no/such"),
                           (["--kernel", "/no/such"], "no such file: /no/such"), (["--kernel", "/dev/null"], "no such file: /dev/null"),
                           (["--initrd", __file__], "--initrd needs --kernel"), (["--append", ""], "--append needs --kernel"),
                           (["--kernel", __file__, "--dtb", "/no/such"], "no such file: /no/such"),
                           (["--kernel", __file__, "--cmd", "true"], "--kernel boots at once")):
        status, output, errors = world.run(*words)
        assert status == 2 and not output and message in errors[-1]
    assert not pathlib.Path(f"{world.probe}.pid").exists()


def test_what_happens_is_said_first_and_a_failed_build_is_shown(world):
    with world.start("--all", "--no-disk", "--cmd", "true", build="slow") as process:
        assert "building 6 boards for the first time (about " in process.stderr.readline()
        process.terminate()
    status, output, errors = world.run("--no-disk", "--cmd", "true", build="broken")
    assert status == 1 and not output
    assert errors == ["./run: qemu-x86_64: building qemu-x86_64 failed:", "FAILED: x.o"]


@pytest.mark.parametrize("number,status,line", [(signal.SIGINT, 130, "./run: interrupted"), (signal.SIGTERM, 143, "./run: ended by SIGTERM")])
@pytest.mark.parametrize("during", ["build", "command"])
def test_a_signal_ends_all_that_was_started(world, number, status, line, during):
    process = world.start("--no-disk", "--cmd", "hang", build="slow" if during == "build" else "")
    started = world.wait_started(3)
    process.send_signal(number)
    _, errors = process.communicate(timeout=slowness.seconds(30))
    assert (process.returncode, errors.splitlines()[1:]) == (status, [line])
    world.wait_ended(started)


def test_nothing_outlives_a_run_that_is_killed(world):
    process = world.start("--no-disk", "--cmd", "hang")
    started = world.wait_started(3)  # make, make, QEMU
    process.kill()
    process.communicate()
    world.wait_ended(started)


def test_a_script_below_the_supervisor_ends_with_all_of_its_children(tmp_path):
    script = tmp_path / "script"
    script.write_text('#!/bin/bash\n(sleep 1003 & echo $! >>"$1"; setsid sleep 1004 & echo $! >>"$1"; sleep 1005) | cat\n')
    script.chmod(0o755)
    def with_default_signals():  # this run may be below nohup, whose wish the supervisor obeys
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)

    for number, status in ((signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)):
        told = tmp_path / "told"
        told.unlink(missing_ok=True)
        process = subprocess.Popen(["/usr/bin/python3", "-B", TOP / "tools/vm/supervise.py", "./script", script, told], stderr=subprocess.PIPE, text=True,
                                   start_new_session=True, preexec_fn=with_default_signals)
        deadline = time.monotonic() + slowness.seconds(20)
        while not told.exists() or len(told.read_text().split()) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(number)
        assert len(process.communicate(timeout=slowness.seconds(30))[1].splitlines()) == 1
        assert process.returncode == status
        World.wait_ended(map(int, told.read_text().split()))


def test_a_comma_in_a_path_stays_in_it(world, tmp_path):
    folder = tmp_path / "tftp, mine"
    folder.mkdir()
    disk = tmp_path / "disk, format=raw.img"
    disk.write_bytes(b"QFI\xfb\0\0\0\3" + bytes(504))
    status, _, errors = world.run("--tftp", folder, "--disk", disk, "--cmd", "true")
    assert (status, errors) == (0, [])
    doubled = str(tmp_path).replace(",", ",,")
    assert f"user,id=net0,tftp={doubled}/tftp,, mine" in world.arguments()
    assert f"if=none,file={doubled}/disk,, format=raw.img,format=qcow2,id=hd0" in world.arguments()


@pytest.mark.parametrize("head,tail,kind", [
    (b"QFI\xfb\0\0\0\2", b"", "qcow2"), (b"QFI\xfb\0\0\0\1", b"", "qcow"), (b"KDMV", b"", "vmdk"), (b"# Disk DescriptorFile\n", b"", "vmdk"),
    (b"vhdxfile", b"", "vhdx"), (b"conectix", b"", "vpc"), (b"", b"conectix" + bytes(504), "vpc"), (bytes(0x40) + b"\x7f\x10\xda\xbe", b"", "vdi"),
    (b"QED\0", b"", "qed"), (b"", b"koly" + bytes(508), "dmg"), (b"\xeb\x63\x90", b"", "raw"), (b"QFI", b"", "raw"),
])
def test_the_format_of_an_image_is_what_stands_in_it(tmp_path, head, tail, kind):
    image = tmp_path / "disk.img"
    image.write_bytes(head + bytes(4096) + tail)
    assert image_format.of(image) == kind
    image.write_bytes(head if kind == "raw" else b"")
    assert image_format.of(image) == "raw"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_make_that_is_ended_takes_ninja_with_it(number, tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/cmake").write_text('#!/bin/sh\ntouch "$4/build.ninja"\n')
    (tmp_path / "bin/ninja").write_text('#!/bin/sh\necho $$ >"$TOLD"\nexec sleep 1006\n')
    for program in (tmp_path / "bin").iterdir():
        program.chmod(0o755)
    out, told = tmp_path / "my out", tmp_path / "told"
    environment = {**os.environ, "MAKEFLAGS": "", "PATH": f"{tmp_path}/bin:{os.environ['PATH']}", "TOLD": str(told)}
    subprocess.run(["make", f"O={out}", "qemu_arm_defconfig"], cwd=TOP, env=environment, check=True)
    process = subprocess.Popen(["make", "-s", f"O={out}"], cwd=TOP, env=environment, stderr=subprocess.DEVNULL, start_new_session=True)
    deadline = time.monotonic() + slowness.seconds(60)
    while not told.exists() or not told.read_text():
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.02)
    if number == signal.SIGINT:  # make leaves Ctrl-C to the others, who get it as well
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    process.wait(30)
    World.wait_ended([int(told.read_text())])

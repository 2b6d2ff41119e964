# SPDX-License-Identifier: Apache-2.0
"""./run: builds Vireo for a board and boots it in QEMU. See `./run --help`."""

import argparse
import math
import os
import re
import shutil
import subprocess
import sys

import demo_disk
import image_format
import supervise
import unattended
import vm

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
WORK = os.path.join(TOP, "build", "run")
BUILD_SECONDS = 90  # of processor time for a board that was never built: 450 sources

DESCRIPTION = "Builds Vireo for a board and boots it in QEMU. Ctrl-A X leaves QEMU."
EPILOG = """Everything after -- goes to QEMU as it is. Boards: """ + ", ".join(vm.BOARDS) + """.
Exit status, unattended: 0 the last command succeeded, or powered the machine off; 1 it failed, or the machine did, or the build;
2 a wrong option; 124 a command took longer than --timeout; 130 Ctrl-C; 143 SIGTERM. QEMU and the build end with ./run."""


def say(text):
    print(f"./run: {text}", file=sys.stderr, flush=True)


def announce(boards):
    """What is going to happen, and how long it takes."""
    new = sum(not os.path.exists(os.path.join(WORK, board.name, board.firmware)) for board in boards)
    names = boards[0].name if len(boards) == 1 else f"{len(boards)} boards"
    if new:
        minutes = math.ceil(new * BUILD_SECONDS / 60 / (os.cpu_count() or 1))
        say(f"building {names} for the first time (about {minutes} minute{'s' if minutes > 1 else ''} here), then booting in QEMU")
    else:
        say(f"bringing {names} up to date, then booting in QEMU")


def build(board):
    """Builds one board in a folder of its own; its progress on a terminal, and what goes wrong."""
    out = os.path.join(WORK, board.name)
    if not os.path.exists(os.path.join(out, ".config")):
        make(out, f"{board.name}_defconfig")
    make(out, f"-j{os.cpu_count()}", "all")
    return out


def make(out, *goals):
    """In a session of its own: Ctrl-C reaches this program alone, which ends the others, and says one line."""
    environment = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "O")}
    kept = []
    with subprocess.Popen(["make", "-s", "--no-print-directory", "-C", TOP, f"O={os.path.relpath(out, TOP)}", *goals], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True,
                          env={**environment, "VIREO_PROGRESS": "1"}, preexec_fn=supervise.with_its_parent) as process:
        for line in process.stdout:
            if not re.match(r"\[\d+/\d+\] |ninja: (Entering directory|no work to do)", line):
                kept.append(line)
            elif sys.stderr.isatty() and line.startswith("["):
                print("\r\033[K" + line.rstrip()[:shutil.get_terminal_size().columns - 1], end="", file=sys.stderr, flush=True)
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)
    if process.returncode != 0:
        raise unattended.Failure(f"building {os.path.basename(out)} failed:\n{''.join(kept).rstrip()}")
    sys.stderr.write("".join(kept))


def arguments_for(disks, network, transport, board, more):
    """`network`: QEMU's options for its user network, or None for no network card."""
    transport = transport if board.has_mmio else "pci"
    arguments = []
    for index, image in enumerate(disks):
        kind = image_format.of(image)
        writable = os.access(image, os.W_OK) and kind not in image_format.READ_ONLY
        arguments += vm.disk(index, os.path.abspath(image), transport, kind, drive="" if writable else ",readonly=on")
    if not any(option in ("-nic", "-net", "-netdev") for option in more):
        if network is None:
            arguments += ["-nic", "none"]  # QEMU would add a NIC that nobody asked for
        else:
            model = "virtio-net-pci,romfile=" if transport == "pci" else "virtio-net-device"
            arguments += ["-netdev", f"user,id=net0{network}", "-device", f"{model},netdev=net0"]
    return arguments + more


def files_for(options):
    """What the firmware reads before it shows its prompt."""
    given = {"env": options.env, "script": options.script}
    words = [word for name, path in given.items() if path for word in ("-fw_cfg", f"name=opt/vireo/{name},file={vm.escape(os.path.abspath(path))}")]
    for name in ("kernel", "initrd", "dtb"):
        if path := getattr(options, name):
            words += [f"-{name}", os.path.abspath(path)]
    return words + (["-append", options.append] if options.append is not None else [])


def prompt_of(out):
    """The prompt that this board is configured to have."""
    with open(os.path.join(out, ".config"), encoding="utf-8", errors="surrogateescape") as config:
        found = re.search(r'^CONFIG_PROMPT="(.*)"$', config.read(), re.MULTILINE)
    return re.sub(r"\\(.)", r"\1", found.group(1)).encode(errors="surrogateescape") if found else vm.PROMPT.encode()


def show(data):
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def seconds(text):
    value = float(text)
    if not 0 < value < 1e9:
        raise ValueError
    return value


def parse(words):
    parser = argparse.ArgumentParser(prog="./run", description=DESCRIPTION, epilog=EPILOG)
    parser.add_argument("board", nargs="?", choices=list(vm.BOARDS), metavar="BOARD",
                        help="which board (default: qemu-x86_64)")
    parser.add_argument("--all", action="store_true", help="every board in turn; needs --cmd or commands on standard input")
    parser.add_argument("--disk", action="append", default=[], metavar="IMAGE",
                        help="a disk image (raw, qcow2, vmdk, vdi, vhdx ...); may be repeated; default: a demo disk that is made here")
    parser.add_argument("--no-disk", action="store_true", help="no disk at all")
    parser.add_argument("--transport", choices=("pci", "mmio"), default="pci",
                        help="how devices are attached (default: pci, where disks keep the order of the command line)")
    parser.add_argument("--tftp", metavar="FOLDER",
                        help="what `tftpboot` finds on QEMU's user network, which is there by default")
    parser.add_argument("--no-net", action="store_true", help="no network card at all")
    parser.add_argument("--env", metavar="FILE", help="variables that the start sets: name=value lines (fw_cfg file opt/vireo/env)")
    parser.add_argument("--script", metavar="FILE", help="commands that the start runs before autoboot (fw_cfg file opt/vireo/script)")
    parser.add_argument("--cmd", metavar="COMMANDS", help="run these lines unattended, show what comes, exit with the last one's status; "
                        "the same with lines on standard input")
    parser.add_argument("--timeout", type=seconds, default=120, help="seconds that one unattended line may take (default: 120)")
    parser.add_argument("--kernel", metavar="FILE", help="a kernel that the start boots at once (QEMU's -kernel); QEMU's console is shown until it ends")
    parser.add_argument("--initrd", metavar="FILE", help="its initrd")
    parser.add_argument("--append", metavar="TEXT", help="its command line")
    parser.add_argument("--dtb", metavar="FILE", help="the machine's device tree, in place of QEMU's own")
    more = []
    if "--" in words:
        more = words[words.index("--") + 1:]
        words = words[:words.index("--")]
    options = parser.parse_args(words)
    if options.all and options.board:
        parser.error("--all and a board exclude each other")
    for image in options.disk:
        if not os.path.isfile(image):
            parser.error(f"no such disk image: {image}")
        if not os.access(image, os.R_OK):
            parser.error(f"the disk image cannot be read: {image}")
    if options.kernel is None:
        for name in ("initrd", "append"):
            if getattr(options, name) is not None:
                parser.error(f"--{name} needs --kernel")
    for file in (options.env, options.script, options.kernel, options.initrd, options.dtb):
        if file is not None and not os.path.isfile(file):
            parser.error(f"no such file: {file}")
    if options.tftp is not None and not os.path.isdir(options.tftp):
        parser.error(f"no such folder: {options.tftp}")

    lines = None  # typed by a person
    if options.cmd is not None:
        lines = os.fsencode(options.cmd)
    elif sys.stdin is None or not sys.stdin.isatty():
        lines = sys.stdin.buffer.read() if sys.stdin else b""
    if lines is not None:
        # Enter alone would show the next part of memory after `md`.
        lines = [line.rstrip(b"\r") for line in lines.split(b"\n") if line.strip()]
    if options.kernel is not None and lines:
        parser.error("--kernel boots at once: no commands can be typed")
    if options.all and not lines:
        parser.error("--all needs --cmd, or commands on standard input")
    return options, lines, more


def boot(board, options, lines, more):
    """Builds and boots one board; the status. Does not come back when a person types."""
    out = build(board)
    disks = [] if options.no_disk else options.disk or [demo_disk.make(os.path.join(WORK, "demo.img"))]
    network = None if options.no_net else f",tftp={vm.escape(os.path.abspath(options.tftp))}" if options.tftp else ""
    command = board.command(out, [*files_for(options), *arguments_for(disks, network, options.transport, board, more)])
    if lines is None:
        sys.stdout.flush()
        os.execvp(command[0], command)
    if options.kernel is not None:
        return unattended.watch(command, prompt_of(out), options.timeout, show)
    if options.all:
        show(f"--- {board.name} ---\n".encode())
    return unattended.run(command, prompt_of(out), lines, options.timeout, show)


def program():
    options, lines, more = parse(sys.argv[1:])
    boards = list(vm.BOARDS.values()) if options.all else [vm.BOARDS[options.board or "qemu-x86_64"]]
    announce(boards)
    status = 0
    for board in boards:
        try:
            subprocess.run([os.path.join(TOP, "tools/build/own"), WORK], check=True)
            last = boot(board, options, lines, more)
        except unattended.Failure as failure:
            say(f"{board.name}: {failure}")
            last = failure.status
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # whoever read this has seen enough
            return 1
        except subprocess.CalledProcessError as failure:
            say(f"{os.path.basename(str(failure.cmd[0]))} failed")
            last = 1
        except OSError as failure:
            say(f"{failure.filename or board.name}: {failure.strerror}")
            last = 1
        status = status or last
    return status


if __name__ == "__main__":
    supervise.main_with("./run", program)

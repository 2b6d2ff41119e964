# SPDX-License-Identifier: Apache-2.0
"""./run: builds Vireo for a board and boots it in QEMU. See `./run --help`."""

import argparse
import os
import subprocess
import sys

import demo_disk
import vm

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
WORK = os.path.join(TOP, "build", "run")

DESCRIPTION = "Builds Vireo for a board and boots it in QEMU. Ctrl-A X leaves QEMU."
EPILOG = "Everything after -- goes to QEMU as it is. Boards: " + ", ".join(vm.BOARDS)


def build(board):
    """Builds one board in a folder of its own; quiet unless it fails."""
    out = os.path.join(WORK, board.name)
    if not os.path.exists(os.path.join(out, ".config")):
        make(out, f"{board.name}_defconfig")
    make(out, f"-j{os.cpu_count()}")
    return out


def make(out, *goals):
    result = subprocess.run(["make", "-s", "-C", TOP, f"O={out}", *goals], stdin=subprocess.DEVNULL, check=False,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if result.returncode != 0:
        sys.exit(f"{result.stdout}./run: building {os.path.basename(out)} failed")


def arguments_for(disks, network, transport, board, more):
    """`network`: QEMU's options for its user network, or None for no network card."""
    transport = transport if board.has_mmio else "pci"
    arguments = []
    for index, image in enumerate(disks):
        kind = "qcow2" if image.endswith(".qcow2") else "raw"
        writable = os.access(image, os.W_OK)
        arguments += vm.disk(index, image, transport, kind, drive="" if writable else ",readonly=on")
    if not any(option in ("-nic", "-net", "-netdev") for option in more):
        if network is None:
            arguments += ["-nic", "none"]  # QEMU would add a NIC that nobody asked for
        else:
            model = "virtio-net-pci,romfile=" if transport == "pci" else "virtio-net-device"
            arguments += ["-netdev", f"user,id=net0{network}", "-device", f"{model},netdev=net0"]
    return arguments + more


def run_commands(board, command, lines, timeout):
    """Boots, runs each line, prints what the user would see; the status of the last command."""
    with vm.Vm(command, timeout=timeout) as machine:
        print(machine.boot().lstrip("\n"), end="")
        status = 0
        for line in lines:
            print(f"{vm.PROMPT}{line}\n{machine.command(line)}", end="", flush=True)
            status = machine.status()
    return status


def main():
    parser = argparse.ArgumentParser(prog="./run", description=DESCRIPTION, epilog=EPILOG)
    parser.add_argument("board", nargs="?", choices=list(vm.BOARDS), metavar="BOARD",
                        help="which board (default: qemu-x86_64)")
    parser.add_argument("--all", action="store_true", help="every board in turn; needs --cmd or commands on standard input")
    parser.add_argument("--disk", action="append", default=[], metavar="IMAGE",
                        help="a disk image (raw, or .qcow2); may be repeated; default: a demo disk that is made here")
    parser.add_argument("--no-disk", action="store_true", help="no disk at all")
    parser.add_argument("--transport", choices=("pci", "mmio"), default="pci",
                        help="how devices are attached (default: pci, where disks keep the order of the command line)")
    parser.add_argument("--tftp", metavar="FOLDER",
                        help="what `tftpboot` finds on QEMU's user network, which is there by default")
    parser.add_argument("--no-net", action="store_true", help="no network card at all")
    parser.add_argument("--cmd", metavar="COMMANDS", help="run this line unattended, print, exit with its status")
    parser.add_argument("--timeout", type=float, default=120, help="seconds that one unattended command may take (default: 120)")
    words = sys.argv[1:]
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
    if options.tftp is not None and not os.path.isdir(options.tftp):
        parser.error(f"no such folder: {options.tftp}")

    unattended = options.cmd is not None or not sys.stdin.isatty()
    if options.all and not unattended:
        parser.error("--all needs --cmd")
    lines = [options.cmd] if options.cmd is not None else sys.stdin.read().splitlines() if unattended else []

    os.makedirs(WORK, exist_ok=True)
    disks = [] if options.no_disk else options.disk or [demo_disk.make(os.path.join(WORK, "demo.img"))]
    network = None if options.no_net else f",tftp={options.tftp}" if options.tftp else ""
    boards = list(vm.BOARDS.values()) if options.all else [vm.BOARDS[options.board or "qemu-x86_64"]]
    status = 0
    for board in boards:
        command = board.command(build(board), arguments_for(disks, network, options.transport, board, more))
        if not unattended:
            os.execvp(command[0], command)
        if options.all:
            print(f"--- {board.name} ---", flush=True)
        try:
            last = run_commands(board, command, lines, options.timeout)
        except vm.ConsoleError as failure:
            print(f"./run: {board.name}: {failure}", file=sys.stderr)
            last = 1
        status = status or last
    sys.exit(status)


if __name__ == "__main__":
    main()

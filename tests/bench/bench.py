# SPDX-License-Identifier: Apache-2.0
"""Measures Vireo beside Debian's packaged U-Boot in one run and writes docs/performance.md. See `./bench --help`."""

import argparse
import json
import os
import platform
import pty
import re
import select
import statistics
import subprocess
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tools", "vm"))

import demo_disk  # noqa: E402
import vm  # noqa: E402

WORK = os.path.join(TOP, "build", "bench")
RIVAL = "/usr/lib/u-boot"
KEY = b" "
PROMPT = re.compile(rb"(?:\A|[\r\n])=> ")

# The floor: firmware that prints one character as its first act. Assembled here, with the compiler that the build uses.
UART_STORE = {
    "qemu_arm": ("armv7a-none-eabi", "mov r0, #0x09000000; mov r1, #'!'; str r1, [r0]; 1: b 1b"),
    "qemu_arm64": ("aarch64-none-elf", "mov x0, #0x09000000; mov w1, #'!'; str w1, [x0]; 1: b 1b"),
    "qemu-riscv32": ("riscv32-unknown-elf", "lui a0, 0x10000; li a1, '!'; sb a1, 0(a0); 1: j 1b"),
    "qemu-riscv64": ("riscv64-unknown-elf", "lui a0, 0x10000; li a1, '!'; sb a1, 0(a0); 1: j 1b"),
    "qemu-x86": ("i386-unknown-elf", ".code16; .org 0xff00; 2: movw $0x3f8, %dx; movb $'!', %al; outb %al, %dx; 1: jmp 1b; "
                 ".org 0xfff0; jmp 2b; .org 0x10000"),
}
UART_STORE["qemu-x86_64"] = UART_STORE["qemu-x86"]


def make_floor(board):
    """The image of the empty firmware for a board."""
    target, text = UART_STORE[board.name]
    llvm = open(os.path.join(TOP, "cmake", "llvm-version"), encoding="ascii").read().strip()
    source = os.path.join(WORK, f"floor-{board.name}.S")
    with open(source, "w", encoding="ascii") as file:
        file.write(text + "\n")
    subprocess.run([f"clang-{llvm}", f"--target={target}", "-c", source, "-o", source + ".o"], check=True)
    subprocess.run([f"llvm-objcopy-{llvm}", "-O", "binary", source + ".o", source + ".bin"], check=True)
    return source + ".bin"


def time_to(command, pattern, key=None, timeout=60):
    """Seconds from starting QEMU until its console shows `pattern`. The key is sent at once, and again at a countdown."""
    master, slave = pty.openpty()
    start = time.monotonic()
    qemu = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
    os.close(slave)
    seen = b""
    try:
        if key:
            os.write(master, key)
        pending = bool(key)
        while True:
            left = start + timeout - time.monotonic()
            if left <= 0 or not select.select([master], [], [], left)[0]:
                raise SystemExit(f"bench: no prompt from {command}:\n{seen.decode(errors='replace')}")
            seen += os.read(master, 65536)
            if pattern.search(seen):
                return time.monotonic() - start
            if pending and b"Hit any key" in seen:
                os.write(master, key)
                pending = False
    finally:
        qemu.kill()
        qemu.wait()
        os.close(master)


def measure_start(boards, runs, build_folder):
    """Start to prompt, alternating floor, Vireo and U-Boot; name -> list of seconds, for each board."""
    disk = ["-nic", "none", *vm.disk(0, demo_disk.make(os.path.join(WORK, "demo.img")))]
    results = {}
    for board in boards:
        contenders = {"floor": ([board.qemu, "-nographic", *board.machine, "-bios", make_floor(board), *disk], re.compile(b"!"), None),
                      "vireo": (board.command(build_folder(board), disk), PROMPT, KEY)}
        if board.rival:
            contenders["u-boot"] = ([board.qemu, "-nographic", *board.machine, "-bios", os.path.join(RIVAL, board.rival), *disk],
                                    PROMPT, KEY)
        times = {name: [] for name in contenders}
        for _ in range(runs):
            for name, (command, pattern, key) in contenders.items():
                times[name].append(time_to(command, pattern, key))
        results[board.name] = times
        print(f"{board.name:14}" + "  ".join(f"{name} {statistics.median(values) * 1000:.1f} ms" for name, values in times.items()),
              flush=True)
    return results


def sizes(boards, build_folder):
    """Bytes of the images, for each board."""
    return {board.name: {"vireo": os.path.getsize(os.path.join(build_folder(board), board.firmware)),
                         # Not its ROM file, which is padded to 1 MiB.
            "u-boot": os.path.getsize(os.path.join(RIVAL, os.path.dirname(board.rival), "u-boot.bin")) if board.rival else None}
            for board in boards}


def above_floor(times, name):
    return statistics.median(times[name]) - statistics.median(times["floor"])


def milliseconds(values):
    return f"{statistics.median(values) * 1000:.1f} ({min(values) * 1000:.1f} to {max(values) * 1000:.1f})"


def report(start, image_sizes, runs):
    """docs/performance.md as text."""
    qemu = subprocess.run(["qemu-system-x86_64", "--version"], capture_output=True, text=True, check=True).stdout.split("\n")[0]
    rival = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", "u-boot-qemu"], capture_output=True, text=True, check=True).stdout
    lines = ["# Performance", "",
             "Written by `./bench`; do not edit. It runs Vireo, Debian's packaged U-Boot (`u-boot-qemu` " + rival + ") and an empty",
             "firmware by turns in one run, under software emulation (TCG). Absolute times differ from machine to machine: compare only",
             "within this page.", "",
             f"Machine: {os.cpu_count()} cores ({platform.machine()}), {qemu}.", "",
             "## QEMU start to prompt", "",
             f"Milliseconds from starting QEMU to the prompt, median of {runs} (least to most); one virtio-blk-pci disk, no NIC; the same key",
             "is sent to both at the start and again at a countdown, which interrupts U-Boot's. The floor is a firmware that prints one",
             "character and stops: QEMU's own start-up. The ratio is U-Boot's time above the floor over Vireo's.", "",
             "| board | floor | Vireo | U-Boot | above the floor: Vireo | U-Boot | ratio |", "|---|---|---|---|---|---|---|"]
    for name, times in start.items():
        mine = above_floor(times, "vireo") * 1000
        if "u-boot" in times:
            theirs = above_floor(times, "u-boot") * 1000
            rest = f"{milliseconds(times['u-boot'])} | {mine:.1f} | {theirs:.1f} | {theirs / mine:.1f}"
        else:
            rest = f"- | {mine:.1f} | - | -"
        lines.append(f"| {name} | {milliseconds(times['floor'])} | {milliseconds(times['vireo'])} | {rest} |")
    lines += ["", "Debian packages no U-Boot for riscv32.", "", "## Image size", "",
              "Bytes of the file that `-bios` takes; of U-Boot on x86 its `u-boot.bin`, without the padding of the ROM file.", "", "| board | Vireo | U-Boot | Vireo / U-Boot |", "|---|---|---|---|"]
    for name, size in image_sizes.items():
        rest = f"{size['u-boot']} | {size['vireo'] / size['u-boot']:.2f}" if size["u-boot"] else "- | -"
        lines.append(f"| {name} | {size['vireo']} | {rest} |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(prog="./bench", description=__doc__)
    parser.add_argument("--runs", type=int, default=15, help="runs of each contender (default: 15)")
    parser.add_argument("--board", action="append", choices=list(vm.BOARDS), help="only this board; may be repeated")
    parser.add_argument("--json", metavar="FILE", help="also write the figures to FILE")
    parser.add_argument("--no-page", action="store_true", help="do not rewrite docs/performance.md")
    options = parser.parse_args()
    os.makedirs(WORK, exist_ok=True)
    boards = [vm.BOARDS[name] for name in options.board or vm.BOARDS]

    def build_folder(board):
        return os.path.join(WORK, board.name)

    for board in boards:
        for goal in ([f"{board.name}_defconfig"], [f"-j{os.cpu_count()}"]):
            subprocess.run(["make", "-s", "-C", TOP, f"O={build_folder(board)}", *goal], check=True, stdin=subprocess.DEVNULL)
    start = measure_start(boards, options.runs, build_folder)
    image_sizes = sizes(boards, build_folder)
    if options.json:
        ratios = {name: above_floor(times, "u-boot") / above_floor(times, "vireo") for name, times in start.items() if "u-boot" in times}
        with open(options.json, "w", encoding="ascii") as file:
            json.dump({"start": start, "size": image_sizes, "ratio": {"start": ratios}}, file, indent=1)
    if not options.no_page and not options.board:
        with open(os.path.join(TOP, "docs", "performance.md"), "w", encoding="ascii") as page:
            page.write(report(start, image_sizes, options.runs))


if __name__ == "__main__":
    main()

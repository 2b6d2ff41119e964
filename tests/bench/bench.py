# SPDX-License-Identifier: Apache-2.0
"""Measures Vireo beside Debian's packaged U-Boot and iPXE, by turns in one run, and writes docs/performance.md. See `./bench --help`."""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tools", "vm"))

import boots  # noqa: E402
import counting  # noqa: E402
import demo_disk  # noqa: E402
import disks  # noqa: E402
import hosted  # noqa: E402
import net  # noqa: E402
import network  # noqa: E402
import page  # noqa: E402
import peers  # noqa: E402
import vm  # noqa: E402
import workload as workloads  # noqa: E402
from console import Console, NoPrompt  # noqa: E402

WORK = os.path.join(TOP, "build", "bench")
RIVAL = "/usr/lib/u-boot"
# U-Boot's $loadaddr is the same within a few MiB; both get this one.
LOAD = {"qemu_arm": 0x42000000, "qemu_arm64": 0x42000000, "qemu-riscv32": 0x81000000, "qemu-riscv64": 0x81000000,
        "qemu-x86": 0x2000000, "qemu-x86_64": 0x2000000}
# The board whose ratios stand for all at the top of the JSON file.
MAIN_BOARD = "qemu_arm64"
PARTS = ("start", "boot", "disk", "network", "hosted")

# The floor: firmware that prints one character as its first act. Assembled here, with the
# compiler that the build uses.
UART_STORE = {
    "qemu_arm": ("armv7a-none-eabi", "mov r0, #0x09000000; mov r1, #'!'; str r1, [r0]; 1: b 1b"),
    "qemu_arm64": ("aarch64-none-elf", "mov x0, #0x09000000; mov w1, #'!'; str w1, [x0]; 1: b 1b"),
    "qemu-riscv32": ("riscv32-unknown-elf", "lui a0, 0x10000; li a1, '!'; sb a1, 0(a0); 1: j 1b"),
    "qemu-riscv64": ("riscv64-unknown-elf", "lui a0, 0x10000; li a1, '!'; sb a1, 0(a0); 1: j 1b"),
    "qemu-x86": ("i386-unknown-elf", ".code16; .org 0xff00; 2: movw $0x3f8, %dx; movb $'!', %al; outb %al, %dx; 1: jmp 1b; "
                 ".org 0xfff0; jmp 2b; .org 0x10000"),
}
UART_STORE["qemu-x86_64"] = UART_STORE["qemu-x86"]


def llvm():
    with open(os.path.join(TOP, "cmake", "llvm-version"), encoding="ascii") as file:
        return file.read().strip()


def make_floor(board):
    """The image of the empty firmware for a board."""
    target, text = UART_STORE[board.name]
    source = os.path.join(WORK, f"floor-{board.name}.S")
    with open(source, "w", encoding="ascii") as file:
        file.write(text + "\n")
    subprocess.run([f"clang-{llvm()}", f"--target={target}", "-c", source, "-o", source + ".o"], check=True)
    subprocess.run([f"llvm-objcopy-{llvm()}", "-O", "binary", source + ".o", source + ".bin"], check=True)
    return source + ".bin"


def make_plugin():
    """The plugin that counts guest instructions; None where it cannot be built."""
    try:
        return counting.make_plugin(WORK)
    except subprocess.CalledProcessError as failure:
        print(f"bench: no instruction counts, the plugin does not build: {failure.stderr.decode().splitlines()[:1]}", file=sys.stderr)
        return None


def own_folder():
    """Makes the folder that the benchmarks work in, so that `make clean` knows whose it is."""
    subprocess.run([os.path.join(TOP, "tools/build/own"), WORK], check=True)


def build_folder(board):
    return os.path.join(WORK, board.name)


def build(boards):
    """The images as a user would build them."""
    for board in boards:
        for goal in ([f"{board.name}_defconfig"], [f"-j{os.cpu_count()}"]):
            subprocess.run(["make", "-s", "-C", TOP, f"O={build_folder(board)}", *goal], check=True, stdin=subprocess.DEVNULL)


def build_hosted():
    """The hosted program without sanitizers; its path."""
    out = os.path.join(WORK, "hosted")
    make = ["make", "-s", "-C", TOP, f"O={out}"]
    subprocess.run([*make, "hosted_defconfig"], check=True, stdin=subprocess.DEVNULL)
    config = os.path.join(out, ".config")
    with open(config, encoding="ascii") as file:
        text = file.read()
    with open(config, "w", encoding="ascii") as file:
        file.write(text.replace("CONFIG_HOSTED_SANITIZE=y\n", "# CONFIG_HOSTED_SANITIZE is not set\n"))
    for goal in ("olddefconfig", "compile_commands"):
        subprocess.run([*make, goal], check=True, stdin=subprocess.DEVNULL)
    # Not the unit tests, which take long to compile.
    subprocess.run(["ninja", "-C", os.path.join(out, "build", "hosted"), "--quiet", "vireo-hosted"], check=True)
    return os.path.join(out, "build", "hosted", "vireo-hosted")


def command_of(name, board, arguments):
    """The QEMU command line of a contender; None where Debian has no such U-Boot."""
    if name == "vireo":
        return board.command(build_folder(board), arguments)
    if name == "u-boot" and not board.rival:
        return None
    firmware = make_floor(board) if name == "floor" else os.path.join(RIVAL, board.rival)
    return [board.qemu, "-nographic", *board.machine, "-bios", firmware, *arguments]


def contenders(board, names, arguments):
    commands = {name: command_of(name, board, arguments) for name in names}
    return {name: command for name, command in commands.items() if command}


def patiently(run, *arguments, **more):
    """Once more if a console fell silent: a busy host is no reason to lose all figures."""
    try:
        return run(*arguments, **more)
    except NoPrompt as failure:
        print(f"bench: tried again: {failure}", file=sys.stderr)
        return run(*arguments, **more)


def time_start(name, command):
    """Seconds from starting QEMU to the prompt; of the floor, to its one character."""
    with Console(command) as console:
        if name == "floor":
            return console.wait(lambda seen: b"!" in seen, 60)[0] - console.started
        return console.boot()


def measure_start(boards, runs):
    """Start to prompt: board -> contender -> seconds."""
    arguments = ["-nic", "none", *vm.disk(0, demo_disk.make(os.path.join(WORK, "demo.img")))]
    results = {}
    for board in boards:
        commands = contenders(board, ("floor", "vireo", "u-boot"), arguments)
        times = {name: [] for name in commands}
        for _ in range(runs):
            for name, command in commands.items():
                times[name].append(patiently(time_start, name, command))
        results[board.name] = times
        print(f"{board.name:14}start  " + "  ".join(f"{name} {statistics.median(values) * 1000:.1f} ms"
                                                   for name, values in times.items()), flush=True)
    return results


def measure_boots(boards, runs, plugin, builds):
    """Reset to a kernel's first instruction, and who measured what: boots.measure(). `builds`: a folder of images, or None."""
    def folder(board):
        return os.path.join(builds, board.name) if builds else build_folder(board)
    load = os.getloadavg()[0]
    of_boards = boots.measure(boards, runs, WORK, folder, lambda board: boots.build_with_command(TOP, WORK, board),
                              lambda board: patiently(time_start, "floor", command_of("floor", board, ["-nic", "none"])), plugin)
    return {"boards": of_boards, "date": time.strftime("%Y-%m-%d", time.gmtime()), "commit": commit(), "runs": runs,
            "load": load}


def measure_disks(boards, runs, workload):
    """board -> figure -> contender -> seconds (of `idle`: share of a core)."""
    arguments = disks.arguments(workload)
    results = {}
    for board in boards:
        figures = results[board.name] = {}
        commands = contenders(board, ("vireo", "u-boot"), arguments)
        for number in range(runs):
            for name, command in commands.items():
                values = patiently(disks.measure, name, command, LOAD[board.name], workload, is_checked=number == 0)
                for figure, value in values.items():
                    figures.setdefault(figure, {}).setdefault(name, []).append(value)
        for figure, times in figures.items():
            print(f"{board.name:14}{figure:17}" + "  ".join(f"{name} {page.figure_text(figure, values)}"
                                                            for name, values in times.items()), flush=True)
    return results


def count(boards, workload, plugin):
    """board -> contender -> figure -> (guest instructions, requests)."""
    arguments = disks.arguments(workload)
    return {board.name: {name: patiently(disks.measure, name, command, LOAD[board.name], workload, plugin=plugin)
                         for name, command in contenders(board, ("vireo", "u-boot"), arguments).items()} for board in boards}


def network_commands(board, servers, kind):
    commands = contenders(board, ("vireo", "u-boot"), servers.arguments(kind))
    if board.name == network.IPXE_BOARD and os.path.exists(network.IPXE):
        commands["ipxe"] = network.ipxe_command(board, servers, kind)
    return commands


def measure_network(boards, runs, servers):
    """"tap" and "user" -> board -> figure -> contender -> seconds; and what the host alone needs: figure -> seconds."""
    results = {kind: {board.name: {} for board in boards} for kind in network.NETWORKS}
    of_host = {}
    for kind, board in ((kind, board) for board in boards for kind in network.NETWORKS):
        figures = results[kind][board.name]
        commands = network_commands(board, servers, kind)
        for number in range(runs):
            for figure, value in network.measure_host(servers).items() if kind == "tap" else ():
                of_host.setdefault(figure, []).append(value)
            for name, command in commands.items():
                values = patiently(network.measure_ipxe, command, servers) if name == "ipxe" else \
                    patiently(network.measure, name, command, LOAD[board.name], servers, kind, is_checked=number == 0)
                for figure, value in values.items():
                    figures.setdefault(figure, {}).setdefault(name, []).append(value)
        for figure, times in figures.items():
            print(f"{board.name:14}{kind + ' ' + figure:17}" + "  ".join(f"{name} {page.figure_text(figure, values)}"
                                                                        for name, values in times.items()), flush=True)
    return results, of_host


def count_network(boards, servers, plugin):
    """"tap" and "user" -> board -> contender -> figure -> (guest instructions, notifications, frames)."""
    return {kind: {board.name: {name: patiently(network.measure, name, command, LOAD[board.name], servers, kind, plugin=plugin)
                                for name, command in network_commands(board, servers, kind).items() if name != "ipxe"}
                   for board in boards} for kind in network.NETWORKS}


def sizes(boards):
    """Bytes of the images, for each board."""
    return {board.name: {"vireo": os.path.getsize(os.path.join(build_folder(board), board.firmware)),
                         # Not its ROM file, which is padded to 1 MiB.
                         "u-boot": os.path.getsize(os.path.join(RIVAL, os.path.dirname(board.rival), "u-boot.bin"))
                         if board.rival else None} for board in boards}


def ratios(start, disk, of_network):
    """board -> figure -> the rival's median over Vireo's; of the start, above QEMU's floor."""
    result = network.ratios(of_network)
    for board, times in start.items():
        if "u-boot" not in times:
            continue
        of_board = result.setdefault(board, {})
        of_board["start"] = page.above_floor(times, "u-boot") / page.above_floor(times, "vireo")
        for figure, contender in disk.get(board, {}).items():
            if figure != "idle" and {"vireo", "u-boot"} <= contender.keys():
                of_board[figure] = statistics.median(contender["u-boot"]) / statistics.median(contender["vireo"])
        # Stricter: U-Boot's loop less that loop without its reads. A noisy host can make it
        # negative, then it says nothing.
        if {"read_4k", "loop"} <= of_board.keys():
            figures = disk[board]
            net = statistics.median(figures["read_4k"]["u-boot"]) - statistics.median(figures["loop"]["u-boot"])
            if net > 0:
                of_board["read_4k_less_shell"] = net / statistics.median(figures["read_4k"]["vireo"])
    return result


def commit():
    """What was measured; in an archive nobody knows."""
    done = subprocess.run(["git", "-C", TOP, "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def facts(workload):
    """What ran, for whoever reads the figures later."""
    def first_line(*command):
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\n")[0]

    with open("/proc/cpuinfo", encoding="utf-8") as info:
        model = next((line.split(":", 1)[1].strip() for line in info if line.startswith("model name")), os.uname().machine)
    return {"date": time.strftime("%Y-%m-%d", time.gmtime()), "commit": commit(),
            "cores": os.cpu_count(), "processor": model, "load": os.getloadavg()[0],
            "qemu": first_line("qemu-system-x86_64", "--version"),
            "u-boot": first_line("dpkg-query", "-W", "-f", "${Version}", "u-boot-qemu"), "fio": first_line("fio", "--version"),
            "ipxe": first_line("dpkg-query", "-W", "-f", "${Version}", "ipxe"),
            "peers": ", ".join(first_line("dpkg-query", "-W", "-f", "${Package} ${Version}", name)
                               for name in ("dnsmasq-base", "nginx-light", "atftpd")),
            **({"fragments": workload.fragments, "extents": workload.extents} if workload else {})}


def parse():
    parser = argparse.ArgumentParser(prog="./bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer runs, and counts for one board only: under ten minutes on two cores, the first build included")
    parser.add_argument("--runs", type=int, help="runs of each contender (default: 15 of the start, 7 of the disk figures); 0 with --only boot: counts alone, which a busy host does not spoil")
    parser.add_argument("--board", action="append", choices=list(vm.BOARDS), help="only this board; may be repeated")
    parser.add_argument("--only", action="append", choices=PARTS, help="only this part, and no page; may be repeated")
    parser.add_argument("--json", metavar="FILE", help="also write all figures to FILE")
    parser.add_argument("--builds", metavar="FOLDER", help="with --only boot: take the images from the boards' folders there, and build nothing that is there")
    parser.add_argument("--no-page", action="store_true", help="do not rewrite docs/performance*")
    options = parser.parse_args()
    options.no_page = options.no_page or options.board or options.only
    options.only = options.only or PARTS
    if options.builds and options.only != ["boot"]:
        parser.error("--builds goes with --only boot")
    return options


def main():
    options = parse()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that every QEMU is ended
    os.environ["PATH"] += ":/usr/sbin:/sbin"  # mke2fs and friends
    own_folder()
    boards = [vm.BOARDS[name] for name in options.board or vm.BOARDS]
    start_runs = options.runs or (5 if options.quick else 15)
    disk_runs = options.runs or (3 if options.quick else 7)
    network_runs = options.runs or (3 if options.quick else 5)
    began = time.monotonic()
    if not options.builds:
        build(boards)
    program = build_hosted() if "hosted" in options.only else None
    workload = workloads.make(os.path.join(WORK, "images")) if {"disk", "hosted"} & set(options.only) else None
    plugin = make_plugin()
    print(f"ready after {time.monotonic() - began:.0f} s", flush=True)

    results = {"machine": facts(workload), "size": {} if options.builds else sizes(boards), "start": {}, "boot": {}, "disk": {}, "count": {}, "network": {}, "network_host": {},
               "network_count": {},
               "hosted": {}, "runs": {"start": start_runs, "disk": disk_runs, "network": network_runs}}
    counted = [board for board in boards if board.name == MAIN_BOARD] or boards[:1] if options.quick else boards
    if "start" in options.only:
        results["start"] = measure_start(boards, start_runs)
    if "boot" in options.only:
        results["boot"] = measure_boots(boards, options.runs if options.runs is not None else 3 if options.quick else 7, plugin,
                                        options.builds)
    if "disk" in options.only:
        workload.warm()
        results["disk"] = measure_disks(boards, disk_runs, workload)
        results["count"] = count(counted, workload, plugin) if plugin else {}
    if "network" in options.only:
        why_none = net.why_none() or peers.why_none()
        if why_none:
            print(f"bench: no network figures: {why_none}", file=sys.stderr)
        else:
            with network.Servers(WORK) as servers:
                results["network"], results["network_host"] = measure_network(boards, network_runs, servers)
                results["network_count"] = count_network(counted, servers, plugin) if plugin else {}
    if "hosted" in options.only:
        results["hosted"] = hosted.measure_all(program, workload, disk_runs)
    of_boards = ratios(results["start"], results["disk"], results["network"])
    main_board = MAIN_BOARD if MAIN_BOARD in of_boards else next(iter(of_boards), None)
    results["ratio"] = {**of_boards.get(main_board, {}), "board": main_board, "boards": of_boards}
    results["seconds"] = round(time.monotonic() - began)
    if options.json:
        with open(options.json, "w", encoding="ascii") as file:
            json.dump(results, file, indent=1)
    if not options.no_page:
        page.write(os.path.join(TOP, "docs"), results)
    print(f"done in {results['seconds']} s", flush=True)


if __name__ == "__main__":
    try:
        main()
    except (disks.Mismatch, network.Mismatch, NoPrompt, subprocess.CalledProcessError) as failure:
        sys.exit(f"bench: {failure}")

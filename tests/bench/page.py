# SPDX-License-Identifier: Apache-2.0
"""The pages about performance: docs/performance.md (the picture, and what goals are reached), docs/performance-tables.md (medians
with least and most), docs/performance.svg, and docs/performance.json, from which `tests/bench/pages` makes them anew."""

import dataclasses
import json
import os
import statistics

import boots_page
import network_page
import plot
from hosted import FIGURES as HOSTED_FIGURES
from network import FIGURES as NETWORK_FIGURES
from workload import ENTRIES, FIGURES, LOOP_READS, SCATTERED


def above_floor(times, name):
    return statistics.median(times[name]) - statistics.median(times["floor"])


def seconds_text(value):
    """Three digits are more than the noise leaves."""
    for unit, name in ((1, "s"), (1e-3, "ms")):
        if value >= unit:
            return f"{value / unit:.3g} {name}" if value < 100 * unit else f"{value / unit:.0f} {name}"
    return f"{value * 1e6:.3g} µs"


def figure_text(name, values):
    show = (lambda value: f"{value:.1%}") if name == "idle" else seconds_text
    if len(values) == 1:
        return show(values[0])
    return f"{show(statistics.median(values))} ({show(min(values))} to {show(max(values))})"


def table(head, rows):
    return ["| " + " | ".join(head) + " |", "|" + "---|" * len(head), *("| " + " | ".join(row) + " |" for row in rows), ""]


def panels(results):
    """What the picture shows: like beside like, and where Vireo loses as well."""
    def of(boards, figure):
        return {board: figures[figure] for board, figures in boards.items() if figures.get(figure)}

    disk, network = results["disk"], results["network"]
    titles = {figure.name: figure.title.replace("`", "") for figure in FIGURES}
    titles |= {"read_4k_loop": "one scattered read of 4 KiB, shell loop", "read_4k": "one scattered read of 4 KiB, full queue"}
    notes = {"read_4k_loop": "the same loop of virtio read in both, one read at a time", "read_4k": "virtio bench; U-Boot has no such command"}
    chosen = [plot.Panel("QEMU's start to the prompt", results["start"], seconds_text)]
    for name in ("read_contiguous", "write", "crc32", "ext4_contiguous", "ext4_fragmented", "ls_2000", "read_4k_loop", "read_4k"):
        boards = of(disk, name)
        if name == "read_4k":
            boards = {board: {"vireo": times["vireo"]} for board, times in boards.items()}
        chosen.append(plot.Panel(titles[name], boards, seconds_text, notes.get(name, "")))
    for figure in NETWORK_FIGURES:
        chosen += [plot.Panel(figure.title.replace("`", ""), of(network[kind], figure.name), seconds_text, network_page.PLACES[kind])
                   for kind in network]
    return [one for one in chosen if one.boards]


@dataclasses.dataclass(frozen=True)
class Goal:
    text: str
    value: object  # (results, board) -> number or None
    is_reached: object  # number -> bool
    show: str
    why_not: str  # said if some board misses it


def ratio(figure):
    return lambda results, board: results["ratio"]["boards"].get(board, {}).get(figure)


def at_least(bound):
    return lambda value: value >= bound


def size_ratio(results, board):
    size = results["size"][board]
    return size["vireo"] / size["u-boot"] if size["u-boot"] else None


def counted(figure, index, is_ratio):
    def value(results, board):
        of_board = results["count"].get(board, {})
        mine = of_board.get("vireo", {}).get(figure)
        theirs = of_board.get("u-boot", {}).get(figure)
        if not is_ratio:
            return mine[index] if mine else None
        return theirs[index] / mine[index] if mine and theirs and mine[index] else None
    return value


def idle(results, board):
    values = results["disk"].get(board, {}).get("idle", {}).get("vireo")
    return statistics.median(values) if values else None


def full_queue_gain(results, board):
    figures = results["disk"].get(board, {})
    full, one = (figures.get(name, {}).get("vireo") for name in ("read_4k", "read_4k_one"))
    return statistics.median(one) / statistics.median(full) if full and one else None


COPY_SPEED = "Both send a contiguous range as a few large requests, so both take the time in which the host copies it; what is left is noise."
ONE_BLOCK = "dnsmasq sends one block and waits for the answer, so the time is mostly that of 22,858 turns of the host's processes: the " \
    "tables have the time of a program on the host, without any machine."
SERVER = "What is left is mostly the host's time, for the server and for QEMU, which hands over each frame by itself."
ARMS = ("qemu_arm", "qemu_arm64")
WAITS = "A disk that reads is looked at again and again, for as long as the host takes: of the figure that is most."
CACHES = "Of Vireo's instructions a part cleans the caches for what was loaded, 64 bytes at a time, and grows with the kernel."
START = "Vireo's are mostly its start to the prompt: memory rights, bus, BARs, ACPI tables, drivers, shell."
GOALS = (
    Goal("reset to a kernel on disk: 50 times fewer instructions than U-Boot", boots_page.ratio("u-boot-disk", "vireo-disk", ARMS, "run"), at_least(50), "{:.0f}",
         WAITS),
    Goal("the same, U-Boot's countdown interrupted, without the wait for disks: 20 times", boots_page.ratio("u-boot-key", "vireo-disk", ARMS),
         at_least(20), "{:.0f}", CACHES),
    Goal("riscv64 in machine mode, from disk: at most 1.5 M instructions", lambda results, board: boots_page.value("vireo-disk")(results, board)
         if board == "qemu-riscv64" else None, lambda value: value <= 1_500_000, "{:,}", START),
    Goal("x86 from disk: at most a fifth of SeaBIOS' `-kernel`", boots_page.ratio("seabios", "vireo-disk"), at_least(5), "{:.1f}",
         START),
    Goal("`-kernel`: at most 3 times qboot's instructions", boots_page.ratio("vireo-qfw", "qboot"), lambda value: value <= 3, "{:.1f}", START),
    Goal("reset to a kernel on disk: at most 8 ms above QEMU's floor and the host's copy", boots_page.above_the_limit("vireo-disk"),
         lambda value: value <= 0.008, "{:.4f}", "Each instruction that is run for the first time is translated, which is most of the time of the start."),
    Goal("start to prompt above QEMU's floor: 4 times less", ratio("start"), at_least(4), "{:.1f}",
         "Near QEMU's floor a few milliseconds decide, and a busy host adds them to both."),
    Goal("image: under half", size_ratio, lambda value: value < 0.5, "{:.2f}", "The image is larger than that."),
    Goal("`virtio read` of 512 MiB: at least 0.9 of U-Boot's rate", ratio("read_contiguous"), at_least(0.9), "{:.2f}", COPY_SPEED),
    Goal("`load`, contiguous: at least 0.9 of U-Boot's rate", ratio("ext4_contiguous"), at_least(0.9), "{:.2f}", COPY_SPEED),
    Goal("`load`, fragmented: 5 times less", ratio("ext4_fragmented"), at_least(5), "{:.1f}",
         "QEMU serves each of the extents as a request of its own; its time for them is the same for both."),
    Goal("`load`, fragmented: 20 times fewer guest instructions", counted("ext4_fragmented", 0, True), at_least(20), "{:.1f}",
         "Vireo's instructions include those of polling while the host works, which depend on the host's speed."),
    Goal(f"`ls` of {ENTRIES:,} entries: 5 times less", ratio("ls_2000"), at_least(5), "{:.1f}",
         "Most of the time is the console's: the same text of 50 KB goes through the serial port, byte by byte, with both."),
    Goal(f"`ls` of {ENTRIES:,} entries: under 100 requests", counted("ls_2000", 1, False), lambda value: value < 100, "{:.0f}",
         "The inodes lie in more places than the read-ahead covers."),
    Goal("scattered reads of 4 KiB, full queue: 5 times the rate of U-Boot's shell loop", ratio("read_4k"), at_least(5), "{:.1f}",
         "QEMU's own time for a request bounds the rate."),
    Goal("the same, the time of U-Boot's shell subtracted", ratio("read_4k_less_shell"), at_least(5), "{:.1f}",
         "QEMU's own time for a request bounds the rate."),
    Goal("the same, 5 times the rate of Vireo's with one at a time", full_queue_gain, at_least(5), "{:.1f}",
         "QEMU has a thread for each request in flight, but not a processor; what is saved is the notification and the wait for each."),
    Goal("`virtio write` of 256 MiB, durable: 3 times less", ratio("write"), at_least(3), "{:.2f}",
         "Both write large requests and have the host make them durable once; the time is that of the host's disk, and of its copy."),
    Goal("TFTP over a tap, default settings: 3 times less than U-Boot", ratio("tftp_tap"), at_least(3), "{:.1f}", ONE_BLOCK),
    Goal("TFTP over a tap, best settings: 3 times less than U-Boot", ratio("tftp_best_tap"), at_least(3), "{:.1f}", SERVER),
    Goal("TFTP over a tap: 2 times less than iPXE", ratio("tftp_tap_ipxe"), at_least(2), "{:.1f}", ONE_BLOCK),
    Goal("HTTP over a tap: 3 times less than iPXE", ratio("http_tap_ipxe"), at_least(3), "{:.1f}",
         "What is left is mostly the host's time, for the server and for QEMU."),
    Goal("idle prompt: under 2 % of a core", idle, lambda value: value < 0.02, "{:.1%}", "The processor is woken too often."),
)


def goals(results):
    """The table of goals, and why those that are missed are."""
    boards = list(results["start"])
    rows, reasons = [], []
    for goal in GOALS:
        values = [goal.value(results, board) for board in boards]
        known = [value for value in values if value is not None]
        missed = [value for value in known if not goal.is_reached(value)]
        verdict = "not measured" if not known else "yes" if not missed else f"on {len(known) - len(missed)} of {len(known)}" \
            if len(missed) < len(known) else "no"
        rows.append([goal.text, *("-" if value is None else goal.show.format(value) for value in values), verdict])
        if missed:
            reasons.append(f"- {goal.text}: {verdict}. {goal.why_not}")
    not_measured = "" if results["network"] else " The network was not measured."
    lines = ["`-` is what cannot be measured on a board: riscv32 has no rival, and iPXE is for x86." + not_measured, "",
             *table(["goal", *boards, "reached"], rows)]
    if reasons:
        lines += ["Not reached everywhere, and why:", "", *reasons, ""]
    return lines


def start_lines(results):
    rows = []
    for board, times in results["start"].items():
        mine = above_floor(times, "vireo")
        theirs = above_floor(times, "u-boot") if "u-boot" in times else None
        rows.append([board, figure_text("start", times["floor"]), figure_text("start", times["vireo"]),
                     figure_text("start", times["u-boot"]) if theirs else "-", seconds_text(mine),
                     seconds_text(theirs) if theirs else "-", f"{theirs / mine:.1f}" if theirs else "-"])
    return ["## QEMU start to prompt", "",
            f"Median of {results['runs']['start']} (least to most); one virtio-blk-pci disk, no NIC; the same key is sent to both at the start and",
            "again at a countdown, which interrupts U-Boot's. The floor is a firmware that prints one character and stops: QEMU's own",
            "start-up. The ratio is U-Boot's time above the floor over Vireo's.", "",
            *table(["board", "floor", "Vireo", "U-Boot", "above the floor: Vireo", "U-Boot", "ratio"], rows)]


def disk_lines(results):
    machine = results["machine"]
    lines = ["## Disk", "",
             f"Median of {results['runs']['disk']} (least to most), by the host's clock from sending the command line until the prompt is back; nothing is",
             "subtracted. Each run boots the contender anew with `-m 1G` and five virtio-blk-pci disks (raw images in the host's page",
             "cache, `cache=writeback`), lets it touch its memory once, and types the commands below. What was read is compared by",
             "CRC, what was written with the image, in the first run of each.",
             f"The file of 200 MiB lies in {machine['extents']} extents, or in {machine['fragments']:,}.", ""]
    for figure in FIGURES:
        rows = []
        for board, figures in results["disk"].items():
            times = figures.get(figure.name, {})
            if not times:
                continue
            value = results["ratio"]["boards"].get(board, {}).get(figure.name)
            rows.append([board, *(figure_text(figure.name, times[name]) if name in times else "-" for name in ("vireo", "u-boot")),
                         f"{value:.2f}" if value else "-", *count_text(results, board, figure.name)])
        if not rows:
            continue
        lines += [f"### {figure.title[0].upper()}{figure.title[1:]}", "", *command_lines(figure), "",
                  *table(["board", "Vireo", "U-Boot", "ratio", "instructions: Vireo", "U-Boot", "requests: Vireo", "U-Boot"], rows)]
    return lines


def command_lines(figure):
    mine = figure.command.format(a="$loadaddr")
    if figure.rival:
        return [f"Vireo: `{mine}` ({SCATTERED:,} reads, the queue kept full). U-Boot has no such command: `{figure.rival.format(a='$loadaddr')}`",
                f"({LOOP_READS} reads; the time of its shell and of what `virtio read` prints is in the figure; the next tables have Vireo with one",
                "read at a time, both in the same loop, and the loop alone). Times are for one read."]
    each = f" Times are for one of {figure.reads} turns." if figure.reads > 1 else ""
    return [f"`{mine}`{each}"]


def count_text(results, board, figure):
    """Guest instructions in millions and requests to the devices, of one run under a counting plugin."""
    counts = [results["count"].get(board, {}).get(name, {}).get(figure) for name in ("vireo", "u-boot")]
    return [*(f"{value[0] / 1e6:.1f} M" if value else "-" for value in counts), *(str(value[1]) if value else "-" for value in counts)]


def hosted_lines(results):
    if not results["hosted"]:
        return []
    rows = [[title, *(figure_text(name, figures[name]) if name in figures else "-" for figures in results["hosted"].values())]
            for name, title in HOSTED_FIGURES.items()]
    return ["## The hosted build and fio", "",
            "The same drivers as a Linux program, on the same files, beside fio (psync, blocks of 1 MiB and of 4 KiB, through the page",
            "cache): how much of what the host can do is left. Of the scattered reads: the time of one; fio does one after the other.", "",
            *table(["figure", *results["hosted"]], rows)]


def about(results):
    """Who made the page of what, and when."""
    machine = results["machine"]
    return [f"Written by `./bench` from figures of {machine['date']} (commit {machine['commit']}), which are in [performance.json](performance.json);",
            "do not edit. It runs Vireo, Debian's packaged U-Boot (`u-boot-qemu` " + machine["u-boot"] + "), iPXE and an",
            "empty firmware by turns in one run, under software emulation (TCG). Absolute times differ from machine to machine: compare only",
            "within this page. A ratio is U-Boot's median over Vireo's: more is better. Debian packages no U-Boot for riscv32.", "",
            f"Machine: {machine['cores']} cores ({machine['processor']}), load average {machine['load']:.1f} before the run; {machine['qemu']}; {machine['fio']}.", ""]


def losses(results):
    """Where U-Boot is quicker, worst first; said before anybody has to look for it."""
    titles = {figure.name: figure.title for figure in FIGURES}
    titles |= {"read_4k_loop": "scattered reads in the shell's loop", "loop": "the shell's loop without reads"}
    titles |= {f"{figure.name}_{kind}": f"{figure.title}, {network_page.PLACES[kind]}" for figure in NETWORK_FIGURES for kind in results["network"]}
    found = {}
    for figures in results["ratio"]["boards"].values():
        for name, value in figures.items():
            if value < 0.95 and name in titles:
                found.setdefault(name, []).append(value)
    if not found:
        return []
    rows = [[titles[name], f"{min(values):.2f}" + (f" to {max(values):.2f}" if len(values) > 1 else ""), str(len(values))]
            for name, values in sorted(found.items(), key=lambda item: min(item[1]))]
    return ["## Where U-Boot is quicker", "", "By more than a twentieth, on one board at least; the ratios of those boards.", "",
            *table(["figure", "ratio", "boards"], rows)]


def text(results):
    """performance.md: what most readers want."""
    lines = ["# Performance", "", *about(results), "All tables: [performance-tables.md](performance-tables.md).", "",
             "![Times of Vireo and U-Boot on all boards: start, disks, network](performance.svg)", "",
             "## Goals", "", *goals(results), *losses(results), *size_lines(results)]
    return "\n".join(lines).rstrip("\n") + "\n"


def tables(results):
    """performance-tables.md: every figure."""
    lines = ["# Performance: all tables", "", *about(results), *start_lines(results), *boots_page.lines(results, figure_text, seconds_text, table),
             *disk_lines(results)]
    lines += network_page.lines(results, figure_text, table)
    share = {name: [f"{figures['idle'][name][0]:.1%}" if name in figures.get("idle", {}) else "-" for figures in results["disk"].values()]
             for name in ("vireo", "u-boot")}
    if results["disk"]:
        lines += ["## Idle prompt", "", "The share of one host core that QEMU uses while nobody types.", "",
                  *table(["", *results["disk"]], [["Vireo", *share["vireo"]], ["U-Boot", *share["u-boot"]]])]
    return "\n".join(lines + hosted_lines(results)).rstrip("\n") + "\n"


def size_lines(results):
    rows = [[board, str(size["vireo"]), *([str(size["u-boot"]), f"{size['vireo'] / size['u-boot']:.2f}"] if size["u-boot"] else ["-", "-"])]
            for board, size in results["size"].items()]
    return ["## Image size", "", "Bytes of the file that `-bios` takes; of U-Boot on x86 its `u-boot.bin`, without the padding of the ROM file.", "",
            *table(["board", "Vireo", "U-Boot", "Vireo / U-Boot"], rows)]


def condensed(value):
    """Results as performance.json keeps them: of each list of seconds the least, the median and the most."""
    if isinstance(value, dict):
        return {name: condensed(part) for name, part in value.items()}
    if isinstance(value, list) and len(value) > 1 and all(isinstance(part, float) for part in value):
        return [float(f"{part:.6g}") for part in (min(value), statistics.median(value), max(value))]
    return float(f"{value:.6g}") if isinstance(value, float) else value


def pages(results):
    """Name -> content of everything that is made. From condensed figures, as whoever makes them anew has no others."""
    kept = condensed(results)
    return {"performance.json": json.dumps(kept, indent=1, ensure_ascii=False) + "\n", "performance.md": text(kept),
            "performance-tables.md": tables(kept), "performance.svg": plot.draw(panels(kept))}


def write(folder, results):
    for name, content in pages(results).items():
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(content)

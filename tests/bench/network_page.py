# SPDX-License-Identifier: Apache-2.0
"""The network's part of docs/performance.md."""

from network import BEST, FIGURES, MIB, NETWORKS

NAMES = {"vireo": "Vireo", "u-boot": "U-Boot", "ipxe": "iPXE"}
PLACES = {"tap": "over a tap", "user": "over QEMU's user network"}


def lines(results, figure_text, table):
    """The section. `figure_text` and `table` are the page's."""
    if not results["network"]:
        return []
    machine, best = results["machine"], BEST
    text = ["## Network", "",
            f"Median of {results['runs']['network']} (least to most), from sending the command line until the prompt is back. One virtio-net-pci NIC (modern),",
            f"`-m 1G`; the servers are {machine['peers']} in a network namespace of their own. iPXE",
            f"({machine['ipxe']}, x86_64 only) runs a script with fixed addresses and no console, and is timed by what the",
            "server logs; it fetches each file twice and the second counts, so that all have touched their memory before. What was loaded is",
            "compared by CRC in the first run.", "",
            "- Default settings: whatever the contender asks for by itself, from dnsmasq (over a tap) or QEMU's own server (user network).",
            "  Neither knows windows (RFC 7440): one block, one answer.",
            f"- Best settings: blocks of {best['vireo'][0]} bytes and a window of {best['vireo'][1]} (Vireo) or {best['u-boot'][1]} (U-Boot, which loses blocks and starts",
            "  over with more), from atftpd.",
            "- Debian's U-Boot has no `wget`.",
            "- `dhcp` is the first network command of its boot: most of its time is QEMU's, which translates code when it first runs. Of a second",
            "  one in the same boot hardly anything is left.", ""]
    for kind in NETWORKS:
        for figure in FIGURES:
            rows = row_of_each_board(results, kind, figure.name, figure_text)
            if rows:
                title = figure.title if figure.title.startswith("`") else figure.title[0].upper() + figure.title[1:]
                text += [f"### {title}, {PLACES[kind]}", "",
                         *table(["board", "Vireo", "U-Boot", "ratio", *(["iPXE", "ratio"] if any(len(row) > 4 for row in rows) else [])],
                                [row + ["-"] * (6 - len(row)) if any(len(one) > 4 for one in rows) else row for row in rows])]
                if kind == "tap" and figure.name in results["network_host"]:
                    text += ["A program on the host (atftp, over loopback, no machine at all) needs "
                             f"{figure_text(figure.name, results['network_host'][figure.name])} for the same file from the same server.", ""]
    return text + count_lines(results, table)


def row_of_each_board(results, kind, figure, figure_text):
    rows = []
    for board, figures in results["network"][kind].items():
        times = figures.get(figure, {})
        if not times:
            continue
        of_board = results["ratio"]["boards"].get(board, {})
        row = [board, *(figure_text(figure, times[name]) if name in times else "-" for name in ("vireo", "u-boot")),
               ratio_text(of_board.get(f"{figure}_{kind}"))]
        if "ipxe" in times:
            row += [figure_text(figure, times["ipxe"]), ratio_text(of_board.get(f"{figure}_{kind}_ipxe"))]
        rows.append(row)
    return rows


def ratio_text(value):
    return f"{value:.2f}" if value else "-"


def count_lines(results, table):
    """Frames, notifications and guest instructions for each MiB, of one run under a counting plugin."""
    rows = []
    sizes = {figure.name: figure.bytes / MIB for figure in FIGURES if figure.bytes}
    for kind, boards in results["network_count"].items():
        for board, contenders in boards.items():
            for name, figures in contenders.items():
                for figure, (instructions, notifications, frames) in figures.items():
                    if figure in sizes:
                        rows.append([board, f"{figure}, {kind}", NAMES[name], f"{instructions / sizes[figure] / 1e6:.2f} M",
                                     f"{notifications / sizes[figure]:.1f}", f"{frames / sizes[figure]:.0f}" if frames else "-"])
    if not rows:
        return []
    return ["### What a MiB costs", "",
            "Guest instructions, notifications of the device (QEMU's trace) and frames on the tap, both ways. A firmware that waits for the host",
            "spends instructions on it, so those depend on the host's speed; `test_net_options.py` has budgets for what a frame costs without them.",
            "",
            *table(["board", "figure", "firmware", "instructions", "notifications", "frames"], rows)]

# SPDX-License-Identifier: Apache-2.0
"""What the pages say of the way from reset to a kernel (boots.py)."""

import statistics

from boots import WAYS


def boards_of(results):
    return results.get("boot", {}).get("boards", {})


def seconds(of_board, way):
    return statistics.median(of_board["ways"][way]["seconds"])


def limit(of_board):
    """QEMU's own start, and the host's copy of the same bytes."""
    return statistics.median(of_board["floor"]) + statistics.median(of_board["copy"])


def value(way, figure="run"):
    """(results, board) -> that count; None where there is none."""
    return lambda results, board: boards_of(results).get(board, {}).get("ways", {}).get(way, {}).get(figure)


def ratio(of, to, boards=None):
    """How many times the instructions of the one the other takes."""
    def quotient(results, board):
        above, below = (value(way)(results, board) for way in (of, to))
        return above / below if above and below and (not boards or board in boards) else None
    return quotient


def above_the_limit(way):
    """Seconds beyond the floor and the copy."""
    def difference(results, board):
        of_board = boards_of(results).get(board)
        return seconds(of_board, way) - limit(of_board) if of_board and way in of_board["ways"] else None
    return difference


def lines(results, figure_text, seconds_text, table):
    """The section of the page with all tables."""
    boot = results.get("boot")
    if not boot:
        return []
    made = ["## From reset to a kernel", "",
            f"Figures of {boot['date']} (commit {boot['commit']}); median of {boot['runs']} (least to most). From QEMU's start to the first instruction of a",
            "kernel that does nothing but say so: guest instructions that were run, those of them that QEMU translated, and the host's time.",
            "The kernel has the size of Debian's cloud kernels (arm64 32 MiB, arm 5.5, riscv64 29.7, x86 14), the initrd 1.6 MB; `-m 1G`,",
            "one virtio-blk-pci disk with one ext4 partition, both files on it, and U-Boot's `extlinux.conf`. Vireo's countdown is 0 seconds, U-Boot's",
            "its own 2, also interrupted by a key behind which `boot` is typed. The limit is QEMU's floor (a firmware that prints one character) and the",
            "host's copy of the same bytes from its page cache to fresh memory.", ""]
    for board, of_board in boot["boards"].items():
        rows = [[WAYS[way], *(f"{figures[name]:,}" if name in figures else "-" for name in ("run", "translated")),
                 figure_text("boot", figures["seconds"]), time_text(seconds(of_board, way) - limit(of_board), seconds_text)]
                for way, figures in sorted(of_board["ways"].items(), key=lambda item: list(WAYS).index(item[0]))]
        made += [f"### {board}", "", f"Floor {figure_text('boot', of_board['floor'])}; copy {figure_text('boot', of_board['copy'])}.", "",
                 *table(["way", "instructions", "translated", "time", "above the limit"], rows)]
    return made


def time_text(value_of, seconds_text):
    return seconds_text(value_of) if value_of > 0 else "0"

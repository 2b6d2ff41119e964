# SPDX-License-Identifier: Apache-2.0
"""What the pages say of the way from reset to a kernel (boots.py)."""

import statistics

from boots import WAYS


def boards_of(results):
    return results.get("boot", {}).get("boards", {})


def above_limit(of_board, way):
    """Seconds beyond QEMU's own start and the host's copy of the same bytes; None if times were not taken."""
    if way not in of_board["ways"] or not of_board["ways"][way]["seconds"]:
        return None
    return statistics.median(of_board["ways"][way]["seconds"]) - statistics.median(of_board["floor"]) - statistics.median(of_board["copy"])


def value(way, figure="slowed"):
    """(results, board) -> that count; None where there is none."""
    return lambda results, board: boards_of(results).get(board, {}).get("ways", {}).get(way, {}).get(figure)


def ratio(of, to, boards=None, figure="slowed"):
    """How many times the instructions of the one the other takes."""
    def quotient(results, board):
        above, below = (value(way, figure)(results, board) for way in (of, to))
        return above / below if above and below and (not boards or board in boards) else None
    return quotient


def above_the_limit(way):
    """Seconds beyond the floor and the copy."""
    def difference(results, board):
        of_board = boards_of(results).get(board)
        return above_limit(of_board, way) if of_board else None
    return difference


def lines(results, figure_text, seconds_text, table):
    """The section of the page with all tables."""
    boot = results.get("boot")
    if not boot:
        return []
    taken = f"; medians of {boot['runs']} (least to most)" if boot["runs"] else ""
    made = ["## From reset to a kernel", "",
            f"Figures of {boot['date']} (commit {boot['commit']}, load average {boot['load']:.1f}){taken}. From QEMU's start to the first instruction of a",
            "kernel that does nothing but say so: guest instructions that were run, and those that QEMU translated for that, and the host's time. Who waits for",
            "a disk looks at it again and again, so of `from disk` the host's speed is in the first figure; in the second column the guest is slowed",
            "down (`-singlestep -d nochain`), so it hardly waits. Of U-Boot's countdown, 2 seconds of the host's, that leaves less, too.",
            "The kernel has the size of Debian's cloud kernels (arm64 32 MiB, arm 5.5, riscv64 29.7, x86 14), the initrd 1.6 MB; `-m 1G`,",
            "one virtio-blk-pci disk with one ext4 partition, both files on it, and U-Boot's `extlinux.conf`. Vireo's countdown is 0 seconds, U-Boot's",
            "its own 2, also interrupted by a key behind which `boot` is typed. The limit is QEMU's floor (a firmware that prints one character) and the",
            "host's copy of the same bytes from its page cache to fresh memory.", "",
            *(["Times were not taken: the host was busy.", ""] if boot["runs"] == 0 else [])]
    for board, of_board in boot["boards"].items():
        rows = [[WAYS[way], *(f"{figures[name]:,}" if name in figures else "-" for name in ("run", "slowed", "translated")),
                 *times(of_board, way, figure_text, seconds_text)]
                for way, figures in sorted(of_board["ways"].items(), key=lambda item: list(WAYS).index(item[0]))]
        made += [f"### {board}", ""]
        if of_board["floor"]:
            made += [f"Floor {figure_text('boot', of_board['floor'])}; copy {figure_text('boot', of_board['copy'])}.", ""]
        made += [*table(["way", "instructions", "guest slowed down", "translated", "time", "above the limit"], rows)]
    return made


def times(of_board, way, figure_text, seconds_text):
    above = above_limit(of_board, way)
    if above is None:
        return ["-", "-"]
    return [figure_text("boot", of_board["ways"][way]["seconds"]), seconds_text(above) if above > 0 else "0"]

# SPDX-License-Identifier: Apache-2.0
"""Pictures of bars: docs/performance.svg, and what docs/boot.svg is drawn with. No library: a bar is a rectangle."""

import dataclasses
import math
import statistics
from xml.sax.saxutils import escape

COLOURS = {"vireo": "#1f5fa8", "u-boot": "#d08a3c", "ipxe": "#4a9a5c"}
NAMES = {"vireo": "Vireo", "u-boot": "U-Boot", "ipxe": "iPXE"}
FLOOR = "#b4b4b4"
PANEL, GAP, COLUMNS = 460, 24, 2
LABEL, VALUE = 104, 60  # room left and right of the bars
BAR, BOARD_GAP, TITLE, AXIS, TOP = 14, 8, 30, 30, 56


@dataclasses.dataclass(frozen=True)
class Panel:
    """One figure: `boards` is board -> contender -> values; what a contender named "floor" takes is the grey part of all bars."""
    title: str
    boards: dict
    show: object  # number -> text
    note: str = ""


def text(x, y, content, size=12, anchor="start", weight="normal", colour="#222", halo=False):
    behind = ' stroke="#fff" stroke-width="3" paint-order="stroke"' if halo else ""
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" font-weight="{weight}" '
            f'fill="{colour}"{behind}>{escape(content)}</text>')


def rectangle(x, y, width, height, colour):
    return f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{height}" fill="{colour}"/>'


def step(longest, count=5):
    """A round distance, 1, 2 or 5 of some power of ten, so that at most `count` of them fit."""
    power = 10 ** math.floor(math.log10(longest / count))
    return next(factor * power for factor in (1, 2, 5, 10) if longest / (factor * power) <= count)


def axis(x, y, end, room, longest, show):
    """Lines from `y` to `end` at round values from 0 to `longest`, with the values below."""
    parts, distance = [], step(longest)
    for number in range(int(longest / distance + 1e-9) + 1):
        place = x + room * number * distance / longest
        parts.append(f'<path d="M{place:.1f} {y}V{end}" stroke="#{"888" if number == 0 else "ddd"}"/>')
        parts.append(text(place, end + 14, show(number * distance) if number else "0", size=10, anchor="middle", colour="#555"))
    return parts


def panel(x, y, one):
    """The bar is the median, and its value stands at its end; the line along its foot goes from least to most."""
    parts = [text(x, y + 16, one.title, size=14, weight="bold")]
    if one.note:
        parts.append(text(x, y + 32, one.note, size=11, colour="#555"))
        y += 16
    room = PANEL - LABEL - VALUE
    longest = max(max(values) for times in one.boards.values() for values in times.values())
    y += TITLE
    height = sum(BAR * len([name for name in COLOURS if name in times]) + BOARD_GAP for times in one.boards.values())
    parts += axis(x + LABEL, y - 2, y + height, room, longest, one.show)
    bars = []
    for board, times in one.boards.items():
        contenders = [name for name in COLOURS if name in times]
        parts.append(text(x + LABEL - 8, y + len(contenders) * BAR / 2 + 4, board, anchor="end"))
        for name in contenders:
            median, least, most = (max(room * value / longest, 1) for value in
                                   (statistics.median(times[name]), min(times[name]), max(times[name])))
            parts.append(rectangle(x + LABEL, y + 1, median, BAR - 3, COLOURS[name]))
            if "floor" in times:
                parts.append(rectangle(x + LABEL, y + 1, min(room * statistics.median(times["floor"]) / longest, median), BAR - 3, FLOOR))
            bars.append(text(x + LABEL + median + 4, y + 10, one.show(statistics.median(times[name])), size=11, halo=True))
            bars.append(f'<path d="M{x + LABEL + least:.1f} {y + BAR - 1.5}H{x + LABEL + most:.1f}" stroke="#222" stroke-width="1.5"/>')
            y += BAR
        y += BOARD_GAP
    return parts + bars, y + AXIS


def legend(panels):
    x, parts = GAP, []
    shown = [name for name in COLOURS if any(name in times for one in panels for times in one.boards.values())]
    for colour, name in [*((COLOURS[name], NAMES[name]) for name in shown), (FLOOR, "QEMU alone")]:
        parts += [f'<rect x="{x}" y="18" width="14" height="14" fill="{colour}"/>', text(x + 20, 30, name, size=14)]
        x += 40 + 8 * len(name)
    return [*parts, text(x, 30, "bar: median; black line: least to most; shorter is better", size=13, colour="#555")]


def svg(width, height, parts):
    return "\n".join(['<?xml version="1.0" encoding="UTF-8"?>', "<!-- SPDX-License-Identifier: Apache-2.0 -->",
                      f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
                      'font-family="sans-serif">', f'<rect width="{width}" height="{height}" fill="#fff"/>', *parts, "</svg>"]) + "\n"


def draw(panels):
    """The whole picture, two panels in a row."""
    width = COLUMNS * PANEL + (COLUMNS + 1) * GAP
    parts, y, row_end = legend(panels), TOP, TOP
    for number, one in enumerate(panels):
        column = number % COLUMNS
        if column == 0:
            y = row_end
        more, end = panel(GAP + column * (PANEL + GAP), y, one)
        parts += more
        row_end = max(row_end, end + GAP)
    return svg(width, row_end, parts)

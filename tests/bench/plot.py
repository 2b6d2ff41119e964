# SPDX-License-Identifier: Apache-2.0
"""docs/performance.svg: a panel for each figure, two bars for each board. No library: a bar is a rectangle."""

import statistics
from xml.sax.saxutils import escape

COLOURS = {"vireo": "#1f5fa8", "u-boot": "#d08a3c"}
NAMES = {"vireo": "Vireo", "u-boot": "U-Boot"}
PANEL, GAP, COLUMNS = 460, 24, 2
LABEL, VALUE = 104, 112  # room left and right of the bars
BAR, BOARD_GAP, TITLE, TOP = 13, 8, 34, 56


def text(x, y, content, size=12, anchor="start", weight="normal", colour="#222"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" font-weight="{weight}" '
            f'fill="{colour}">{escape(content)}</text>')


def panel(x, y, title, boards, show):
    """One figure: `boards` is board -> contender -> values. The bar is the median, the line across its end least to most."""
    parts = [text(x, y + 16, title, size=14, weight="bold")]
    room = PANEL - LABEL - VALUE
    longest = max(max(values) for times in boards.values() for values in times.values())
    y += TITLE
    for board, times in boards.items():
        parts.append(text(x + LABEL - 8, y + len(times) * BAR / 2 + 4, board, anchor="end"))
        for name in [name for name in COLOURS if name in times]:
            values = times[name]
            width, least, most = (max(room * value / longest, 1) for value in
                                  (statistics.median(values), min(values), max(values)))
            middle = y + BAR / 2
            parts.append(f'<rect x="{x + LABEL}" y="{y + 1}" width="{width:.1f}" height="{BAR - 2}" fill="{COLOURS[name]}"/>')
            parts.append(f'<path d="M{x + LABEL + least:.1f} {middle}H{x + LABEL + most:.1f}" stroke="#222" stroke-width="1.5"/>')
            parts.append(text(x + LABEL + max(width, most) + 6, middle + 4, show(statistics.median(values)), size=11))
            y += BAR
        y += BOARD_GAP
    return parts, y


def draw(panels):
    """The whole picture; `panels` is a list of (title, board -> contender -> values, how a value is shown)."""
    width = COLUMNS * PANEL + (COLUMNS + 1) * GAP
    parts, y, row_end = [], TOP, TOP
    for number, (title, boards, show) in enumerate(panels):
        column = number % COLUMNS
        if column == 0:
            y = row_end
        more, end = panel(GAP + column * (PANEL + GAP), y, title, boards, show)
        parts += more
        row_end = max(row_end, end + GAP)
    x = GAP
    legend = []
    for name, colour in COLOURS.items():
        legend += [f'<rect x="{x}" y="18" width="14" height="14" fill="{colour}"/>', text(x + 20, 30, NAMES[name], size=14)]
        x += 90
    legend.append(text(x, 30, "medians; the thin line goes from least to most; shorter is better", size=13, colour="#555"))
    return "\n".join(['<?xml version="1.0" encoding="UTF-8"?>', "<!-- SPDX-License-Identifier: Apache-2.0 -->",
                      f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {row_end}" width="{width}" height="{row_end}" '
                      'font-family="sans-serif">', f'<rect width="{width}" height="{row_end}" fill="#fff"/>', *legend, *parts,
                      "</svg>"]) + "\n"

#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Which of U-Boot's commands Vireo does not have: makes that table of docs/coming-from-u-boot.md from uboot_commands.txt. `--check`
only says whether the page has it."""

import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
PAGE = HERE.parents[1] / "docs" / "coming-from-u-boot.md"
BEGIN, END = "<!-- made by tests/hosted/commands.py -->\n", "<!-- end -->\n"


def known():
    """Name -> (boards, what to do instead); nothing instead of a command that Vireo has."""
    lines = (HERE / "uboot_commands.txt").read_text(encoding="utf-8").splitlines()
    rows = [[part.strip() for part in line.split("|", 2)] for line in lines if line and not line.startswith("#")]
    return {name: (boards, *more) if more else (boards, "") for name, boards, *more in rows}


def table():
    """A row for each thing to do instead, with the commands that share it."""
    rows = {}
    for name, (boards, instead) in known().items():
        if instead:
            rows.setdefault(instead, []).append(f"`{name}`" + (f" ({boards})" if boards != "all" else ""))
    count = sum(map(len, rows.values()))
    return "\n".join([f"Of {len(known())} commands, {count} are absent. In brackets: U-Boot's boards that have one, if not all five do.", "",
                      "| U-Boot's command | instead |", "|---|---|",
                      *(f"| {', '.join(names)} | {instead} |" for instead, names in rows.items())]) + "\n"


def main():
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    made = before + BEGIN + table() + END + rest.split(END, 1)[1]
    if sys.argv[1:] != ["--check"]:
        PAGE.write_text(made, encoding="utf-8")
    elif made != text:
        sys.exit(f"docs/{PAGE.name}: not the table that tests/hosted/commands.py makes; run it")


if __name__ == "__main__":
    main()

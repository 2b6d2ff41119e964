#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that every test that tests/cases.md names is there: 'file.py::test', 'Suite.test', and short for more of the same
file or suite '::test' and '.test'; 'Suite.*' for all of them. Prints 'row: what is missing'; the exit status is 1 if there was one.
"""
import pathlib
import re
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]
PAGE = TOP / "tests" / "cases.md"
REFERENCE = re.compile(r"(?P<file>\w+\.(?:py|cpp|h))?::(?P<python>\w+)|(?<![\w/])(?P<path>(?:\w+/)*\w+\.(?:py|cpp|h|sh|txt))(?!::|\w)"
                       r"|(?<![\w.])(?P<suite>[A-Z]\w*)?(?:/\*)?\.(?P<gtest>\w+|\*)")


def declared():
    """The tests of the tree: {(file name, function)} of pytest, {(suite, name)} of GoogleTest."""
    functions, tests = set(), set()
    for path in (TOP / "tests").rglob("*.py"):
        functions |= {(path.name, name) for name in re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.M)}
    for path in (TOP / "tests" / "unit").rglob("*.cpp"):
        tests |= set(re.findall(r"^(?:TYPED_)?TEST(?:_[FP])?\(\s*(\w+),\s*(\w+)\)", path.read_text(encoding="utf-8"), re.M))
    return functions, tests


def missing(cell, functions, tests):
    """What a row's cell names and nobody declares; a cell that names nothing is a fault too."""
    file = suite = None
    found = 0
    for match in REFERENCE.finditer(cell):
        found += 1
        if match["python"]:
            file = match["file"] or file
            if (file, match["python"]) not in functions:
                yield f"{file}::{match['python']}"
        elif match["path"]:
            file = match["path"].rsplit("/", 1)[-1]
            if not any(TOP.rglob(file)):
                yield match["path"]
        else:
            suite = match["suite"] or suite
            if match["gtest"] == "*" and not any(name == suite for name, _ in tests) \
                    or match["gtest"] != "*" and (suite, match["gtest"]) not in tests:
                yield f"{suite}.{match['gtest']}"
    if not found:
        yield "names no test"


def main():
    functions, tests = declared()
    findings = 0
    for number, line in enumerate(PAGE.read_text(encoding="utf-8").splitlines(), 1):
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip("|"))] if line.startswith("|") else []
        if len(cells) < 3 or cells[0] in ("case", "---") or set(cells[0]) <= {"-"}:
            continue
        for what in missing(cells[1], functions, tests):
            print(f"tests/cases.md:{number}: {cells[0]}: {what}")
            findings += 1
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())

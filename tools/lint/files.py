#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Checks every file of the tree: a licence line, a size one can read, no stray white space, no message that says a thing twice.

Prints 'file:line: what is wrong' for each finding; the exit status is 1 if there was one.
"""
import pathlib
import re
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]
SPDX = "SPDX-License-Identifier: Apache-2.0"
CODE = {".h", ".cpp", ".S", ".ld", ".c"}
SCRIPTS = {".py", ".sh", ".cmake"}
# Text without a place for a comment, or not of ours.
NO_LICENCE_LINE = {"LICENSE", "VERSION", "llvm-version", ".gitignore"}
# Input for programs, not text.
DATA = TOP / "tests" / "fuzz" / "corpus"
MAX_LINES = 600
# A failure is printed as "kind (what)": what does not say the kind again.
ERROR = re.compile(r'ErrorCode::(\w+),\s*"([^"]+)"')
KINDS = dict(re.findall(r'ErrorCode::(\w+):\s*return "([^"]+)"', (TOP / "src" / "base" / "error.cpp").read_text()))


def tracked():
    # What is in git, and what is new and not ignored. Outside git (a source archive):
    # everything but what is built.
    listing = subprocess.run(["git", "-C", TOP, "-c", f"safe.directory={TOP}", "ls-files", "-z", "--cached", "--others",
                              "--exclude-standard"], capture_output=True, check=False)
    if listing.returncode == 0:
        return sorted({TOP / name for name in listing.stdout.decode().split("\0") if name})
    skip = {TOP / "build", TOP / "third_party" / "cache", TOP / ".git"}
    return sorted(p for p in TOP.rglob("*") if p.is_file() and not skip & set(p.parents))


def check(path):
    if DATA in path.parents:
        return
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return
    lines = text.splitlines()
    code = path.suffix in CODE
    wants_licence = path.suffix not in {".md", ".tsv", ".json", ".txt", ".bin"} or path.name == "CMakeLists.txt"
    if wants_licence and path.name not in NO_LICENCE_LINE and not any(SPDX in line for line in lines[:2]):
        yield 1, f"the first line (after #!) must be {SPDX}"
    if (code or path.suffix in SCRIPTS) and len(lines) > MAX_LINES:
        yield MAX_LINES, f"{len(lines)} lines: past {MAX_LINES} it is two things"
    if TOP / "src" in path.parents:
        for found in ERROR.finditer(text):
            if KINDS.get(found[1], "\n") in found[2]:
                yield text.count("\n", 0, found.start()) + 1, f'printed as "{KINDS[found[1]]} ({found[2]})": the kind twice'
    for number, line in enumerate(lines, 1):
        if line != line.rstrip() and path.suffix != ".md" and path.name not in NO_LICENCE_LINE:
            yield number, "white space at the end of the line"
        if code and "\t" in line:
            yield number, "a tab; indent with four spaces"
        if "TODO" in line and code or "FIXME" in line and code:
            yield number, "a note for later; do it or file an issue"
    # A linker script's header (image.ld.h) is included once, by construction.
    header = path.suffix == ".h" and not path.name.endswith(".ld.h") and path.parts[len(TOP.parts)] != "lib"
    if header and "#pragma once" not in lines:
        yield 1, "no #pragma once"
    if text and not text.endswith("\n"):
        yield len(lines), "no newline at the end"


def main():
    findings = 0
    for path in tracked():
        if not path.is_file() or path.is_symlink():
            continue
        for number, what in check(path):
            print(f"{path.relative_to(TOP)}:{number}: {what}")
            findings += 1
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())

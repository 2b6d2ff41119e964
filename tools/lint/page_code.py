#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""docs/adding-a-*.md, followed to the letter: their files are written beside the tree's, their changes are
made to files of the tree, and everything is compiled (syntax only) and looked at by the formatter and the linters of layers
and comments, as it would be in the tree. Needs a configured hosted build: GEN is its folder with autoconf.h.

    page_code.py GEN      prints what the tools say; the exit status is 1 if they say anything
"""
import pathlib
import re
import subprocess
import sys
import tempfile

import comments
import layers

TOP = pathlib.Path(__file__).resolve().parents[2]
PAGES = [(TOP / "docs" / f"adding-a-{thing}.md").read_text(encoding="utf-8") for thing in ("driver", "file-system", "command")]
FILES_OF_PAGES = [re.findall(r"^\*\*`([\w/.]+)`\*\*\n\n```cpp\n(.*?)^```$", page, re.M | re.S) for page in PAGES]
assert all(FILES_OF_PAGES), "a page without code: it is written otherwise than it was"
FILES = {name: text for files in FILES_OF_PAGES for name, text in files}
SOURCES = [name for name in FILES if name.endswith(".cpp")]
CHANGES = re.findall(r"^```diff\n(.*?)^```$", "".join(PAGES), re.M | re.S)
CHANGED = "src/device/registry.h"
LLVM = (TOP / "cmake" / "llvm-version").read_text(encoding="utf-8").strip()


def changed(text):
    """The text with each change of the pages, whose other lines must stand in it as they are."""
    for change in CHANGES:
        before = "".join(line[1:] for line in change.splitlines(True) if not line.startswith("+"))
        assert text.count(before) == 1, f"{CHANGED} has not, once:\n{before}"
        text = text.replace(before, "".join(line[1:] for line in change.splitlines(True)))
    return text


def write(folder):
    """The pages' files and the changed one, laid out as in the tree."""
    for name, text in {**FILES, CHANGED: changed((TOP / CHANGED).read_text(encoding="utf-8"))}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def compiler(folder, generated, name):
    """The command that checks one source of the pages; the folder's files are found before the tree's own."""
    includes = [folder / "src", folder, folder / "tests", TOP / "src", TOP, TOP / "tests", generated]
    return [f"clang++-{LLVM}", "-fsyntax-only", "-std=c++23", "-stdlib=libc++", "-fno-exceptions", "-fno-rtti", "-Wall", "-Wextra", "-Wshadow",
            "-Werror", *(f"-I{include}" for include in includes), "-isystem", "/usr/src/googletest/googletest/include", folder / name]


def formatter(folder, name):
    return [f"clang-format-{LLVM}", f"--style=file:{TOP}/.clang-format", "--dry-run", "-Werror", folder / name]


def findings(folder):
    """What the linters of the tree say about the pages' files in `folder`, as lines."""
    for name, text in FILES.items():
        path = folder / name
        said = [*comments.check(path, text), *(layers.check(path, folder) if name.startswith("src/") else ())]
        yield from (f"{name}:{number}: {what}" for number, what in said)


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        write(folder)
        commands = [compiler(folder, pathlib.Path(sys.argv[1]).resolve(), source) for source in SOURCES]
        commands += [formatter(folder, file) for file in FILES]
        said = list(findings(folder))
        print(*said, sep="\n", end="\n" if said else "", flush=True)
        running = [subprocess.Popen(command, stdin=subprocess.DEVNULL) for command in commands]
        failed = [process for process in running if process.wait()]
        return 1 if failed or said else 0


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: Apache-2.0
"""docs/adding-a-driver.md, followed to the letter, compiles: its files beside the tree's, and its changes to files of the tree."""
import pathlib
import re
import subprocess

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
PAGE = (TOP / "docs" / "adding-a-driver.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"^\*\*`([\w/.]+)`\*\*\n\n```cpp\n(.*?)^```$", PAGE, re.M | re.S))
CHANGES = re.findall(r"^```diff\n(.*?)^```$", PAGE, re.M | re.S)
CHANGED = "src/device/registry.h"


def changed(text):
    """The text with each change of the page, whose other lines must stand in it as they are."""
    for change in CHANGES:
        before = "".join(line[1:] for line in change.splitlines(True) if not line.startswith("+"))
        assert text.count(before) == 1, f"{CHANGED} has not, once:\n{before}"
        text = text.replace(before, "".join(line[1:] for line in change.splitlines(True)))
    return text


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """The page's files and the changed one, found before the tree's own; and a configuration."""
    folder = tmp_path_factory.mktemp("page")
    for name, text in {**FILES, CHANGED: changed((TOP / CHANGED).read_text(encoding="utf-8"))}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    out = folder / "out"
    subprocess.run(["make", "-s", "-C", TOP, f"O={out}", "hosted_defconfig"], check=True, stdin=subprocess.DEVNULL)
    subprocess.run(["make", "-s", "-C", TOP, f"O={out}", "compile_commands"], check=True, stdin=subprocess.DEVNULL)
    return folder


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".cpp")])
def test_the_code_compiles(tree, name):
    llvm = (TOP / "cmake" / "llvm-version").read_text().strip()
    generated = next((tree / "out" / "build").glob("*/gen"))
    includes = [tree / "src", tree, tree / "tests", TOP / "src", TOP, TOP / "tests", generated]
    command = [f"clang++-{llvm}", "-fsyntax-only", "-std=c++23", "-stdlib=libc++", "-fno-exceptions", "-fno-rtti", "-Wall", "-Wextra", "-Wshadow",
               "-Werror", *(f"-I{folder}" for folder in includes), "-isystem", "/usr/src/googletest/googletest/include", tree / name]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr[-3000:]


def test_every_file_of_the_page_is_formatted_as_ours(tree):
    llvm = (TOP / "cmake" / "llvm-version").read_text().strip()
    for name in FILES:
        result = subprocess.run([f"clang-format-{llvm}", f"--style=file:{TOP}/.clang-format", "--dry-run", "-Werror", tree / name],
                                capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr

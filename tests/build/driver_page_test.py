# SPDX-License-Identifier: Apache-2.0
"""docs/adding-a-driver.md and its siblings, followed to the letter, compile: their files beside the tree's, and their changes to files
of the tree. The linter does the same over its own build (tools/lint/page_code.py)."""
import pathlib
import subprocess
import sys

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tools" / "lint"))

import page_code  # noqa: E402


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """The pages' files and the changed one, found before the tree's own; and a configuration."""
    folder = tmp_path_factory.mktemp("page")
    page_code.write(folder)
    out = folder / "out"
    subprocess.run(["make", "-s", "-C", TOP, f"O={out}", "hosted_defconfig"], check=True, stdin=subprocess.DEVNULL)
    subprocess.run(["make", "-s", "-C", TOP, f"O={out}", "compile_commands"], check=True, stdin=subprocess.DEVNULL)
    return folder


@pytest.mark.parametrize("name", page_code.SOURCES)
def test_the_code_compiles(tree, name):
    generated = next((tree / "out" / "build").glob("*/gen"))
    result = subprocess.run(page_code.compiler(tree, generated, name), capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr[-3000:]


def test_every_file_of_the_page_is_formatted_as_ours(tree):
    assert not list(page_code.findings(tree))
    for name in page_code.FILES:
        result = subprocess.run(page_code.formatter(tree, name), capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr

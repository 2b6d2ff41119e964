# SPDX-License-Identifier: Apache-2.0
"""docs/adding-a-driver.md, followed to the letter, compiles: its files beside the tree's, and its changes to files of the tree. The
linter does the same over its own build (tools/lint/driver_page.py)."""
import pathlib
import subprocess
import sys

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tools" / "lint"))

import driver_page  # noqa: E402


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """The page's files and the changed one, found before the tree's own; and a configuration."""
    folder = tmp_path_factory.mktemp("page")
    driver_page.write(folder)
    out = folder / "out"
    subprocess.run(["make", "-s", "-C", TOP, f"O={out}", "hosted_defconfig"], check=True, stdin=subprocess.DEVNULL)
    subprocess.run(["make", "-s", "-C", TOP, f"O={out}", "compile_commands"], check=True, stdin=subprocess.DEVNULL)
    return folder


@pytest.mark.parametrize("name", driver_page.SOURCES)
def test_the_code_compiles(tree, name):
    generated = next((tree / "out" / "build").glob("*/gen"))
    result = subprocess.run(driver_page.compiler(tree, generated, name), capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr[-3000:]


def test_every_file_of_the_page_is_formatted_as_ours(tree):
    for name in driver_page.FILES:
        result = subprocess.run(driver_page.formatter(tree, name), capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr

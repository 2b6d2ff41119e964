# SPDX-License-Identifier: Apache-2.0
"""tools/lint/tidy.py: what it finds, what it remembers, and what makes it look again."""
import json
import os
import pathlib
import subprocess

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
LLVM = (TOP / "cmake/llvm-version").read_text(encoding="utf-8").strip()
CLEAN = '#include "part.h"\nint twice(int value) { return 2 * value; }\n'


@pytest.fixture
def project(tmp_path):
    """A project of one source and one header, beside the linter and its checks, in a folder with an odd name."""
    top = tmp_path / "it's (a) tree"
    (top / "src").mkdir(parents=True)
    (top / "tools").mkdir()
    (top / "tools/lint").symlink_to(TOP / "tools/lint")
    database = top / "database"
    database.mkdir()
    source = top / "src/part.cpp"
    command = [f"/usr/bin/clang++-{LLVM}", "-std=c++23", "-MD", "-MF", "part.d", "-o", "part.o", "-c", str(source)]
    (database / "compile_commands.json").write_text(json.dumps([{"directory": str(database), "arguments": command, "file": str(source)}]), encoding="utf-8")
    source.write_text(CLEAN, encoding="utf-8")
    (top / "src/part.h").write_text("int twice(int value);\n", encoding="utf-8")
    counting = top / "clang-tidy"
    counting.write_text(f'#!/bin/sh\n[ "$1" = --version ] || echo run >>"$0.log"\nexec clang-tidy-{LLVM} "$@"\n', encoding="utf-8")
    counting.chmod(0o755)
    return top


def tidy(project, cache):
    """Runs it on the project as if that were its tree, with a clang-tidy that counts."""
    code = (f"import sys, pathlib; sys.path.insert(0, {str(TOP / 'tools/lint')!r}); import tidy; tidy.TOP = pathlib.Path({str(project)!r}); "
            "tidy.TIDY = str(tidy.TOP / 'clang-tidy'); "
            f"(tidy.TOP / '.clang-tidy').write_bytes(pathlib.Path({str(TOP / '.clang-tidy')!r}).read_bytes()); "
            "sys.argv[1:] = [str(tidy.TOP / 'database'), 'src']; tidy.main()")
    return subprocess.run(["/usr/bin/python3", "-B", "-c", code], env={**os.environ, "VIREO_TIDY_CACHE": str(cache)},
                          capture_output=True, text=True, check=False)


def runs(project):
    """How often it was run since this was asked last, besides for its version."""
    log = project / "clang-tidy.log"
    count = log.read_text(encoding="utf-8").count("run") if log.exists() else 0
    log.write_text("", encoding="utf-8")
    return count


def test_a_finding_is_printed_each_time_and_what_is_clean_is_remembered(project, tmp_path):
    cache = tmp_path / "cache"
    source = project / "src/part.cpp"
    source.write_text(CLEAN.replace("twice(int value)", "Twice(int value)"), encoding="utf-8")
    for _ in range(2):
        done = tidy(project, cache)
        assert done.returncode == 1 and "invalid case style for function 'Twice'" in done.stdout, done.stdout + done.stderr
        assert runs(project) == 1
    assert not list(cache.iterdir())
    source.write_text(CLEAN, encoding="utf-8")
    assert tidy(project, cache).returncode == 0
    assert runs(project) == 1 and len(list(cache.iterdir())) == 1
    assert tidy(project, cache).returncode == 0
    assert runs(project) == 0


def test_a_header_a_comment_and_the_command_count(project, tmp_path):
    cache = tmp_path / "cache"
    assert tidy(project, cache).returncode == 0
    header = project / "src/part.h"
    header.write_text("int twice(int value); // NOLINT\n", encoding="utf-8")
    assert tidy(project, cache).returncode == 0
    assert runs(project) == 2
    database = project / "database/compile_commands.json"
    database.write_text(database.read_text(encoding="utf-8").replace("-std=c++23", "-std=c++20"), encoding="utf-8")
    assert tidy(project, cache).returncode == 0
    assert runs(project) == 1
    header.write_text("int Thrice(int value);\n", encoding="utf-8")
    assert "Thrice" in tidy(project, cache).stdout


def test_a_source_that_does_not_compile_is_a_finding(project, tmp_path):
    (project / "src/part.cpp").write_text("int twice(int value) { return x; }\n", encoding="utf-8")
    done = tidy(project, tmp_path / "cache")
    assert done.returncode == 1 and "undeclared identifier" in done.stdout


def test_without_a_cache(project):
    for _ in range(2):
        assert tidy(project, "").returncode == 0
        assert runs(project) == 1


def test_a_database_without_such_sources_is_said(project, tmp_path):
    (project / "database/compile_commands.json").write_text("[]", encoding="utf-8")
    assert "compiles nothing of src" in tidy(project, tmp_path / "cache").stderr

#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""clang-tidy over every source of a compilation database whose path begins with one of FOLDERS: tidy.py DATABASE FOLDER...

A source that was found clean is not checked again while nothing changes that clang-tidy sees: the preprocessed text with its comments, the
command, the checks, the version. What is known to be clean lies in ~/.cache/vireo/tidy (VIREO_TIDY_CACHE=DIR; empty: nowhere)."""
import concurrent.futures
import hashlib
import json
import os
import pathlib
import shlex
import subprocess
import sys
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
LLVM = (TOP / "cmake/llvm-version").read_text(encoding="utf-8").strip()
TIDY = f"clang-tidy-{LLVM}"
KEPT_SECONDS = 60 * 24 * 3600
NOISE = (" warnings generated.", " warning generated.", "Suppressed ", "Use -header-filter=")


def cache_folder():
    named = os.environ.get("VIREO_TIDY_CACHE")
    if named == "":
        return None
    folder = pathlib.Path(named or pathlib.Path.home() / ".cache/vireo/tidy")
    folder.mkdir(parents=True, exist_ok=True)
    for entry in folder.iterdir():
        if entry.stat().st_mtime < time.time() - KEPT_SECONDS:
            entry.unlink(missing_ok=True)
    return folder


def preprocessing(words):
    """A compiler's command without what it writes: it prints what the compiler proper would read."""
    kept, skip = [], False
    for word in words:
        if skip:
            skip = False
        elif word in ("-o", "-MF", "-MT", "-MQ"):
            skip = True
        elif word not in ("-c", "-MD", "-MMD") and not word.endswith("/ccache"):
            kept.append(word)
    return [*kept, "-E", "-C", "-P"]


class Checker:
    def __init__(self, database):
        self.folder = cache_folder()
        self.database = database
        version = subprocess.run([TIDY, "--version"], capture_output=True, check=True).stdout
        self.constant = version + (TOP / ".clang-tidy").read_bytes()

    def key(self, entry):
        words = entry.get("arguments") or shlex.split(entry["command"])
        text = subprocess.run(preprocessing(words), cwd=entry["directory"], capture_output=True, check=False)
        if text.returncode != 0:
            return None  # clang-tidy says why
        names = os.path.relpath(entry["file"], TOP).encode()
        command = " ".join(words).replace(str(TOP), "").encode()
        return hashlib.sha256(b"\0".join([self.constant, names, command, text.stdout])).hexdigest()

    def check(self, entry):
        """What clang-tidy says about a source; nothing if it is clean."""
        key = self.key(entry) if self.folder else None
        known = self.folder / key if key else None
        if known and known.exists():
            known.touch()
            return ""
        done = subprocess.run([TIDY, "-quiet", "-p", self.database, entry["file"]], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            if known:
                known.touch()
            return done.stdout.strip()
        lines = (done.stdout + done.stderr).splitlines()
        return "\n".join(line for line in lines if not any(noise in line for noise in NOISE)) or f"{entry['file']}: {TIDY} failed"


def main():
    if len(sys.argv) < 3:
        sys.exit("usage: tidy.py DATABASE FOLDER...")
    database, *folders = sys.argv[1:]
    prefixes = tuple(str(TOP / folder) + "/" for folder in folders)
    entries = [entry for entry in json.loads(pathlib.Path(database, "compile_commands.json").read_text(encoding="utf-8"))
               if entry["file"].startswith(prefixes)]
    if not entries:
        sys.exit(f"tidy.py: {database} compiles nothing of {' '.join(folders)}")
    checker = Checker(database)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        findings = [text for text in pool.map(checker.check, entries) if text]
    print("\n".join(findings), end="\n" if findings else "")
    sys.exit(1 if findings else 0)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Which requirements of the VirtIO standard have a test.

Scans the tests for comments of the form `covers: gen.init.01, gen.init.02` (ids separated by commas or blanks) and
checks that each id is in tests/conformance/virtio-driver-requirements.tsv and that each row of defects-seen.txt names a
test. Prints the counts for each group; with --missing the ids without a test, with --list where each is covered.
Exit status 1 if an id does not exist or a defect has no test.
"""
import argparse
import collections
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
TABLE = ROOT / "tests/conformance/virtio-driver-requirements.tsv"
DEFECTS = ROOT / "tests/conformance/defects-seen.txt"
SUFFIXES = {".cpp", ".h", ".py", ".sh", ""}
ID = re.compile(r"[a-z0-9]+(?:\.[a-z0-9]+)+$")


def rows():
    table = {}
    for line in TABLE.read_text().splitlines()[1:]:
        fields = line.split("\t")
        table[fields[0]] = {"level": fields[3], "statement": fields[4], "check": fields[5]}
    return table


def test_files():
    for path in sorted((ROOT / "tests").rglob("*")):
        if path.is_file() and path.suffix in SUFFIXES and "conformance" not in path.parts:
            yield path


def scan():
    """id -> places, and every word that looks like the name of a test."""
    covered, names = collections.defaultdict(list), set()
    for path in test_files():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), 1):
            match = re.search(r"(?://|#)\s*.*covers:\s*(.*)$", line)
            if match:
                for word in re.split(r"[,\s]+", match.group(1).strip()):
                    if word:
                        covered[word.rstrip(".")].append(f"{path.relative_to(ROOT)}:{number}")
        names.update(re.findall(r"\bTEST(?:_F|_P)?\(\s*\w+\s*,\s*(\w+)", text))
    return covered, names


def is_applicable(row):
    return not row["check"].startswith("n/a")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--missing", action="store_true", help="list the applicable ids without a test")
    parser.add_argument("--list", action="store_true", help="list each covered id and where")
    parser.add_argument("groups", nargs="*", default=["gen", "ring.split", "ring.legacy", "mmio", "pci", "blk", "rng"],
                        help="prefixes of ids (default: what Vireo implements)")
    arguments = parser.parse_args()
    table = rows()
    covered, names = scan()
    status = 0
    for word, places in sorted(covered.items()):
        if word not in table:
            print(f"{places[0]}: {word!r} is not an id of {TABLE.name}", file=sys.stderr)
            status = 1
    for defect in DEFECTS.read_text().split("\n"):
        name = defect.split("#")[0].strip()
        if name and name not in names:
            print(f"{DEFECTS.relative_to(ROOT)}: no test is named {name}", file=sys.stderr)
            status = 1
    total = [0, 0]
    for group in arguments.groups:
        ids = [i for i in table if i.startswith(group + ".") and is_applicable(table[i])]
        hit = [i for i in ids if i in covered]
        must = [i for i in ids if table[i]["level"].startswith("MUST")]
        must_hit = [i for i in must if i in covered]
        total[0] += len(must_hit)
        total[1] += len(must)
        print(f"{group:12} {len(hit):3} of {len(ids):3} applicable rows, {len(must_hit):3} of {len(must):3} MUST and MUST NOT")
        for i in ids:
            if arguments.list and i in covered:
                print(f"  {i:16} {' '.join(covered[i])}")
            if arguments.missing and i not in covered:
                print(f"  {i:16} {table[i]['level']:8} {table[i]['statement']} [{table[i]['check']}]")
    print(f"covered {total[0]} of {total[1]} applicable MUST and MUST NOT rows")
    return status


if __name__ == "__main__":
    sys.exit(main())

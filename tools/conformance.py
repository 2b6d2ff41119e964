#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Which requirements of the VirtIO standard have a test, and the page that says so.

A test names the rows of tests/conformance/virtio-driver-requirements.tsv that it covers in a comment above it or inside it:

    // covers: gen.init.01, gen.init.02
    // covers by not using: gen.suspend.02        the test fails if the driver begins to use what the row is about

Without an option: checks that every id exists, that every row of defects-seen.txt names a test, that no row lies outside
the rules (both covered and listed as not applicable), and that docs/spec-coverage.md is what the tests say. --write makes
that page; it refuses to drop a row that the page says is covered, unless --drop says that this is meant. --missing and
--list print to the terminal. Exit status 1 when something is wrong.
"""
import argparse
import collections
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
TABLE = ROOT / "tests/conformance/virtio-driver-requirements.tsv"
DEFECTS = ROOT / "tests/conformance/defects-seen.txt"
EXCEPTIONS = ROOT / "tests/conformance/not-applicable.txt"
PAGE = ROOT / "docs/spec-coverage.md"
# what Vireo drives; the goal is all of their MUST and MUST NOT
GROUPS = ["gen", "ring", "pci", "mmio", "blk", "rng", "net"]
PLACES = ["tests", "tools/lint"]
SUFFIXES = {".cpp", ".h", ".py"}
COVERS = re.compile(r"(?://|#).*?\bcovers( by not using)?:\s*(.*)$")
TEST = re.compile(r"^(?:TEST(?:_F|_P)?|TYPED_TEST)\(\s*(\w+)\s*,\s*(\w+)|^\s*def (test_\w+)")


def rows():
    table = {}
    for line in TABLE.read_text().splitlines()[1:]:
        identity, section, _, level, statement, check = line.split("\t")[:6]
        table[identity] = {"section": section.split(" ")[0], "level": level, "statement": statement, "check": check}
    return table


def read_exceptions():
    """id -> why the row cannot apply to Vireo: `id: reason` on each line."""
    reasons = {}
    for line in EXCEPTIONS.read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            identity, reason = line.split(":", 1)
            reasons[identity.strip()] = reason.strip()
    return reasons


def test_files():
    for place in PLACES:
        for path in sorted((ROOT / place).rglob("*")):
            if path.is_file() and path.suffix in SUFFIXES and "conformance" not in path.parts:
                yield path


def named_by(lines, number):
    """The test that the comment in this line belongs to: the one that follows, or, for an indented one, the one around it."""
    inside = lines[number][:1].isspace()
    search = range(number, -1, -1) if inside else range(number, min(number + 12, len(lines)))
    for i in search:
        match = TEST.match(lines[i])
        # A suite's list may be long; a comment right above `TEST_P(` with its name on the next
        # line is one of ours.
        if not match and i + 1 < len(lines) and lines[i].rstrip().endswith("("):
            match = TEST.match(lines[i].rstrip() + lines[i + 1].strip())
        if match:
            return match.group(3) or f"{match.group(1)}.{match.group(2)}"
    return None


def scan():
    """id -> [(test, by not using)], the names of all tests, and what is wrong."""
    covered, names, problems = collections.defaultdict(list), set(), []
    for path in test_files():
        lines = path.read_text().splitlines()
        where = path.relative_to(ROOT)
        for number, line in enumerate(lines):
            match = COVERS.search(line)
            if match:
                test = where.name if where.parts[0] == "tools" else named_by(lines, number)
                if test is None or "DISABLED_" in test:
                    problems.append(f"{where}:{number + 1}: no test that runs belongs to this comment")
                    continue
                for word in re.split(r"[,\s]+", match.group(2).strip()):
                    if word.rstrip("."):
                        covered[word.rstrip(".")].append((test, bool(match.group(1))))
        text = "\n".join(lines)
        names.update(re.findall(r"^(?:TEST(?:_F|_P)?|TYPED_TEST)\(\s*\w+\s*,\s*(\w+)", text, re.MULTILINE))
    return covered, names, problems


def is_ours(identity):
    return identity.split(".")[0] in GROUPS


class Report:
    def __init__(self):
        self.table, self.exceptions = rows(), read_exceptions()
        self.covered, self.names, self.problems = scan()
        for word, places in sorted(self.covered.items()):
            if word not in self.table:
                self.problems.append(f"{places[0][0]}: {word!r} is not an id of {TABLE.name}")
            if word in self.exceptions:
                self.problems.append(f"{word} is covered by {places[0][0]} and listed as not applicable")
        for word in self.exceptions:
            if word not in self.table:
                self.problems.append(f"{EXCEPTIONS.name}: {word!r} is not an id")
        for defect in DEFECTS.read_text().splitlines():
            name = defect.split("#")[0].strip()
            if name and name not in self.names:
                self.problems.append(f"{DEFECTS.relative_to(ROOT)}: no test is named {name}")

    def excuse(self, identity):
        """Why the row is not applicable, or None."""
        if identity in self.exceptions:
            return self.exceptions[identity]
        check = self.table[identity]["check"]
        return check.split(":", 1)[-1].strip() if check.startswith("n/a") else None

    def applicable(self, prefix, must=True):
        return [i for i, row in self.table.items() if (i == prefix or i.startswith(prefix + ".")) and not self.excuse(i)
                and (not must or row["level"] in ("MUST", "MUST NOT"))]

    def hits(self, identities):
        return [i for i in identities if i in self.covered]

    def tests_of(self, identity):
        by_name = {}
        for test, unused in self.covered[identity]:
            by_name[test] = by_name.get(test, True) and unused
        return by_name

    def status(self, identity):
        excuse = self.excuse(identity)
        if excuse:
            return f"not applicable: {excuse}" + ("; tested all the same" if identity in self.covered else "")
        if identity not in self.covered:
            reviewed = self.table[identity]["check"].startswith("code review")
            return "reviewed, not covered" if reviewed else "not covered"
        words = [f"`{test}`" + (" (fails if it is ever used)" if unused else "")
                 for test, unused in sorted(self.tests_of(identity).items())]
        shown = words[:4]
        if len(words) > 4:
            shown.append(f"and {len(words) - 4} more")
        return ", ".join(shown)

    def total(self):
        musts = [i for group in GROUPS for i in self.applicable(group)]
        return f"covered {len(self.hits(musts))} of {len(musts)} applicable MUST and MUST NOT rows"

    def page(self):
        out = ["# Requirements of the standard and their tests", "",
               "Made by `tools/conformance.py --write` from `tests/conformance/virtio-driver-requirements.tsv` (every requirement that VirtIO 1.4",
               "has for drivers) and the comments `covers:` in the tests. The linter fails when this page and the tests disagree, and when a row",
               "that is covered here loses its test. `tests/mutate` shows that the tests bite.", "",
               "A row is covered if a test fails when the driver breaks it. *Fails if it is ever used*: the row is about something that Vireo",
               "never does, and the test offers it and checks that Vireo leaves it alone.", "",
               "| group | MUST and MUST NOT | covered | all applicable rows | covered |", "|---|---|---|---|---|"]
        prefixes = []
        for identity in self.table:
            prefix = identity.rsplit(".", 1)[0]
            if is_ours(identity) and prefix not in prefixes:
                prefixes.append(prefix)
        for prefix in prefixes:
            exact = [i for i in self.table if i.rsplit(".", 1)[0] == prefix and not self.excuse(i)]
            musts = [i for i in exact if self.table[i]["level"] in ("MUST", "MUST NOT")]
            out.append(f"| `{prefix}` | {len(musts)} | {len(self.hits(musts))} | {len(exact)} | {len(self.hits(exact))} |")
        for prefix in prefixes:
            out += ["", f"## {prefix}", "", "| id | section | level | requirement | tests |", "|---|---|---|---|---|"]
            for identity, row in self.table.items():
                if identity.rsplit(".", 1)[0] == prefix:
                    statement = row["statement"].replace("|", "\\|")
                    out.append(f"| `{identity}` | {row['section']} | {row['level']} | {statement} | {self.status(identity)} |")
        others = collections.Counter(i.split(".")[0] for i in self.table if not is_ours(i))
        out += ["", "## Devices without a driver in Vireo", "",
                "Not applicable: there is no driver for them yet. Their rows are in the table and join this page with their driver.", "",
                "| group | rows | covered already |", "|---|---|---|"]
        for group, count in others.items():
            hits = self.hits([i for i in self.table if i.split(".")[0] == group])
            out.append(f"| `{group}` | {count} | {len(hits)} |")
        out += ["", self.total(), ""]
        return "\n".join(out)

    def lost(self):
        """Rows that the page in the tree shows as covered and that no test covers any more."""
        if not PAGE.exists():
            return []
        shown = re.findall(r"^\| `([a-z0-9.]+)` \|.*\| (?!not |reviewed)(`[^|]*) \|$", PAGE.read_text(), re.MULTILINE)
        return [i for i, _ in shown if i in self.table and i not in self.covered]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(ROOT)}")
    parser.add_argument("--drop", action="store_true", help="with --write: rows may lose their tests")
    parser.add_argument("--missing", action="store_true", help="list the applicable ids without a test")
    parser.add_argument("--list", action="store_true", help="list each covered id and by which test")
    parser.add_argument("groups", nargs="*", default=GROUPS, help="prefixes of ids (default: what Vireo drives)")
    arguments = parser.parse_args()
    report = Report()
    problems = report.problems
    for identity in report.lost():
        if not arguments.drop:
            problems.append(f"{identity} has lost its test ({PAGE.relative_to(ROOT)} says that it is covered)")
    for group in arguments.groups:
        ids, musts = report.applicable(group, must=False), report.applicable(group)
        print(f"{group:12} {len(report.hits(ids)):3} of {len(ids):3} applicable rows, "
              f"{len(report.hits(musts)):3} of {len(musts):3} MUST and MUST NOT")
        for i in ids:
            if arguments.list and i in report.covered:
                print(f"  {i:16} {report.status(i)}")
            if arguments.missing and i not in report.covered:
                row = report.table[i]
                print(f"  {i:16} {row['level']:8} {row['statement']} [{row['check']}]")
    print(report.total())
    page = report.page()
    if arguments.write and not problems:
        PAGE.write_text(page)
    elif not (arguments.missing or arguments.list) and (not PAGE.exists() or PAGE.read_text() != page):
        problems.append(f"{PAGE.relative_to(ROOT)} is not what the tests say: run tools/conformance.py --write")
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

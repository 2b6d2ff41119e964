#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Checks pages against the code: the table of an interface lists its virtual functions and no others, with as many arguments; a link
leads to a file and a heading that are there, a path of this tree between backquotes to a file, the number of a decision to its page.

Prints 'file:line: what is wrong' for each finding; the exit status is 1 if there was one.
"""
import re
import sys

import files

TOP = files.TOP
# The interfaces that people implement: header, class, the page with the table "| of `Class` |".
INTERFACES = [
    ("src/virtio/session/driver.h", "Driver", "docs/adding-a-driver.md"),
    ("src/virtio/transport/transport.h", "Transport", "src/virtio/transport/README.md"),
    ("src/fs/tree.h", "Tree", "docs/adding-a-file-system.md"),
]
VIRTUAL = re.compile(r"\bvirtual\b[^;{}()~]*?(\w+)\(")
# NAME in capitals and NNNN stand for something; so do *, <, { and ... : no path.
PATH = re.compile(r"`((?:src|hosted|lib|tests|tools|docs|configs|cmake|third_party)/[\w./+-]+)`")
PLACEHOLDER = re.compile(r"NAME|NNNN|\bCLASS\b")
LINK = re.compile(r"\]\(([^()\s#:]*)(?:#([^()\s]*))?\)")
# The examples of adding-a-*.md (tools/lint/page_code.py tries them); a page of QEMU's own.
INVENTED = re.compile(r"lamp|hello|crate|docs/interop")


DECISION = re.compile(r"\bdecisions?[ /](0\d{3})\b")
DECISIONS = TOP / "docs" / "decisions"


def arguments(text):
    """How many arguments stand in '(...' up to the bracket that closes it."""
    depth = count = 0
    for at, letter in enumerate(text):
        if letter in "(<[{":
            depth += 1
        elif letter in ")>]}":
            depth -= 1
            if depth == 0:
                return 0 if not text[1:at].strip() else count + 1
        elif letter == "," and depth == 1:
            count += 1
    raise ValueError(text)


def functions(header, name):
    """{virtual function of the class: how many arguments}; its destructor is none."""
    text = re.sub(r"//[^\n]*", "", (TOP / header).read_text(encoding="utf-8"))
    body = re.search(rf"^class {name}\b[^;]*?\{{(.*?)^\}};", text, re.M | re.S)[1]
    return {match[1]: arguments(body[match.end() - 1:]) for match in VIRTUAL.finditer(body)}


def rows(text, name):
    """(line, function, arguments or None) of each row of the page's table of the class."""
    lines = text.split("\n")
    for start, line in enumerate(lines):
        if line.startswith(f"| of `{name}`"):
            for number, row in enumerate(lines[start + 2:], start + 3):
                if not row.startswith("|"):
                    return
                for match in re.finditer(r"`(\w+)(\(.*?\))?`", row.split("|")[1]):
                    yield number, match[1], arguments(match[2]) if match[2] else None


def check_interface(header, name, page):
    declared = functions(header, name)
    listed = list(rows((TOP / page).read_text(encoding="utf-8"), name))
    for number, function, count in listed:
        if function not in declared:
            yield page, number, f"{header} declares no virtual {function} in {name}"
        elif count != declared[function]:
            yield page, number, f"{name}::{function} takes {declared[function]} arguments"
    for function in declared.keys() - {function for _, function, _ in listed}:
        yield page, 1, f"the table of `{name}` lacks {function}, which {header} declares"


def anchors(path):
    """The headings of a page as links name them."""
    headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def check_links(path):
    page = path.relative_to(TOP).as_posix()
    text = path.read_text(encoding="utf-8")
    for number, line in enumerate(text.split("\n"), 1):
        for target, anchor in LINK.findall(line):
            led_to = path.parent / target if target else path
            if not led_to.exists():
                yield page, number, f"the link leads to nothing: {target}"
            elif anchor and led_to.suffix == ".md" and anchor not in anchors(led_to):
                yield page, number, f"{led_to.name} has no heading for #{anchor}"
        for target in PATH.findall(line):
            if not (TOP / target).exists() and not PLACEHOLDER.search(target) and not INVENTED.search(target):
                yield page, number, f"no such file: {target}"


def check_decisions():
    pages = {path.name[:4]: path.name for path in DECISIONS.glob("0*.md")}
    index = (DECISIONS / "README.md").read_text(encoding="utf-8")
    for name in pages.values():
        if f"]({name})" not in index:
            yield "docs/decisions/README.md", 1, f"no row for {name}"
    for path in files.tracked():
        if not path.is_file() or files.DATA in path.parents:
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        for match in DECISION.finditer(text):
            if match[1] not in pages:
                yield path.relative_to(TOP).as_posix(), text.count("\n", 0, match.start()) + 1, f"no decision {match[1]}"


def main():
    findings = [finding for interface in INTERFACES for finding in check_interface(*interface)]
    findings += [finding for path in files.tracked() if path.suffix == ".md" and path.is_file() for finding in check_links(path)]
    findings += check_decisions()
    for page, number, what in findings:
        print(f"{page}:{number}: {what}")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that comments keep to 110 columns. `--fix [FILE ...]` sets those anew that do not: a paragraph as a whole, and a comment
behind code above that code. What cannot break stays: a table, a drawing, an indented example, `covers:`, a long word.

Prints 'file:line: what is wrong' for each finding; the exit status is 1 if there was one.
"""
import io
import pathlib
import re
import sys
import tokenize

import files

WIDTH = 110
FOLDERS = ("src/", "hosted/", "lib/", "tests/", "tools/", "cmake/")
TOP_FILES = ("CMakeLists.txt", "Makefile", "Kconfig", "run", "test", "bench")
PROSE = {".md", ".tsv", ".json"}  # no comments in them, or not ours to set
SLASHES = {".h", ".cpp", ".S", ".c"}
# In C++ what hides a comment's start, or is one.
TOKEN = re.compile(r'R"(?P<d>[^()\\\s]*)\(.*?\)(?P=d)"|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])+\'|/\*.*?\*/|(?P<comment>//[^\n]*)', re.S)
# What stands as it is, wherever it ends: marks for tools, tables, and lines with columns of their own.
VERBATIM = re.compile(r"\s|\||!|.*\bcovers(?: by not using)?:|.*\bNOLINT|.*\bnoqa\b|.*SPDX-|clang-format |pylint:|type:|.*\S {3,}\S|.*-{6}|.*\\$")
ITEM = re.compile(r"(?:[-*]|\d+\.|\(?[a-z0-9]\)) ")
STARTS = re.compile(r"--- |(?:Errors|Input|Arguments): |-\w")
# A line that begins with one of these would be taken for something else the next time.
NO_START = re.compile(r"(?:[-*|!=%]|---|-\w.*|\d+\.|\(?[a-z0-9]\)|(?:Errors|Input|Arguments):|\S*covers:?|type:)$")


def trailing_of(path, text):
    """{line number: (column, marker)} of the comments of a file, those that stand alone and those behind code."""
    found = {}
    if path.suffix in SLASHES:
        for match in TOKEN.finditer(text):
            if match["comment"] is not None:
                line = text.count("\n", 0, match.start())
                found[line] = (match.start() - text.rfind("\n", 0, match.start()) - 1, "//")
    elif path.suffix == ".py" or text.startswith(("#!/usr/bin/python3", "#!/usr/bin/env python3")):
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                found[token.start[0] - 1] = (token.start[1], "#")
    else:
        for number, line in enumerate(text.split("\n")):
            match = re.search(r"^\s*(#)|\s(#) ", line)
            if match and not (match[2] and line.count('"', 0, match.start()) % 2 | line.count("'", 0, match.start()) % 2):
                found[number] = (match.start(1) if match[1] else match.start(2), "#")
    return found


def wrapped(words, first, hang):
    """As few lines as it takes; a little narrower if that spares the last line from holding a word or two."""
    lines = wrapped_at(WIDTH, words, first, hang)
    for width in range(WIDTH - 1, WIDTH - 16, -1):
        narrower = wrapped_at(width, words, first, hang)
        if len(narrower) > len(lines) or len(lines[-1].strip()) >= 24:
            break
        lines = narrower
    return lines


def wrapped_at(width, words, first, hang):
    """Lines of at most `width` columns: the first begins with `first`, the others with `hang`."""
    lines, line = [], []

    def length():
        return len(first if not lines else hang) + len(" ".join(line))

    for word in words:
        line.append(word)
        if length() > width and len(line) > 1:
            line.pop()
            rest = [word]
            while len(line) > 1 and NO_START.match(rest[0]):
                rest.insert(0, line.pop())
            lines.append((first if not lines else hang) + " ".join(line))
            line = rest
    lines.append((first if not lines else hang) + " ".join(line))
    return lines


def paragraphs(texts):
    """Runs of a comment's lines that belong together: [(lines, how far the later ones are indented, may be set anew)]."""
    made = []
    for text in texts:
        item = ITEM.match(text)
        last = made[-1] if made else None
        of_item = last and last[2] and last[1] and text[:last[1]].isspace() and text[last[1]:last[1] + 1].strip()
        if not text or VERBATIM.match(text) and not of_item:
            made.append(([text], 0, False))
        elif item:
            made.append(([text], item.end(), True))
        elif of_item or last and last[2] and not last[1] and not STARTS.match(text) and not ended(last[0][-1], text):
            last[0].append(text.strip())
        else:
            made.append(([text], 0, True))
    return made


def ended(line, following):
    """Somebody broke the line there on purpose: a sentence ends, and there was room for the next word."""
    return line.endswith((".", ":", ";", "!", "?", ")")) and len(line) + 1 + len(following.split()[0]) <= 100


def blocks(lines, comments):
    """(first line, end, indentation, marker) of each run of lines that are comments and nothing else."""
    number = 0
    while number < len(lines):
        start = number
        column, marker = comments.get(number, (None, None))
        while number < len(lines) and comments.get(number) == (column, marker) and not lines[number][:column].strip():
            number += 1
        if number > start:
            yield start, number, column, marker
        else:
            number += 1


def texts_of(lines, column, marker):
    for line in lines:
        text = line[column + len(marker):]
        yield text[1:] if text.startswith(" ") else "!" + text if text else ""  # //x is no prose: kept


def set_blocks(lines, comments):
    made, done = [], 0
    for start, end, column, marker in blocks(lines, comments):
        made += lines[done:start]
        done = start
        head = " " * column + marker
        for texts, hang, prose in paragraphs(texts_of(lines[start:end], column, marker)):
            count = len(texts)
            if prose and any(len(line) > WIDTH for line in lines[done:done + count]):
                made += wrapped(" ".join(texts).split(), head + " ", head + " " * (hang + 1))
            else:
                made += lines[done:done + count]
            done += count
    return made + lines[done:]


def set_trailing(lines, comments):
    """Comments behind code that are too wide, or push a value off its declaration, go above the line that the code begins on."""
    made, skip = [], set()
    for number, line in enumerate(lines):
        if number in skip:
            continue
        column, marker = comments.get(number, (0, ""))
        code = line[:column].rstrip()
        text = line[column + len(marker):].strip()
        split = marker == "//" and made and made[-1].endswith(" =") and code.endswith((";", ",")) \
            and len(made[-1]) + 1 + len(code.strip()) <= WIDTH
        if not code or VERBATIM.match(text) or len(line) <= WIDTH and not split or code.lstrip().startswith(("}", "#")):
            made.append(line)
            continue
        while comments.get(number + 1) == (column, marker) and not lines[number + 1][:column].strip():
            number += 1
            skip.add(number)
            text += " " + lines[number][column + len(marker):].strip()
        if split:
            code = made.pop() + " " + code.strip()
        place = len(made)
        while marker == "//" and place and re.search(r"(?:[=(?+]|&&|\|\||<<)$", made[place - 1]):
            place -= 1
        opening = made[place] if place < len(made) else code
        head = opening[:len(opening) - len(opening.lstrip())] + marker + " "
        made[place:place] = wrapped(text.split(), head, head)
        made.append(code)
    return made


def fixed(path, text):
    for step in (set_blocks, set_trailing):
        text = "\n".join(step(text.split("\n"), trailing_of(path, text)))
    return text


def check(path, text):
    lines = text.split("\n")
    for number, (column, marker) in sorted(trailing_of(path, text).items()):
        comment = lines[number][column + len(marker):].strip()
        before = lines[number][:column].strip()
        breaks = len(comment.split()) > 1 and not VERBATIM.match(lines[number][column + len(marker) + 1:])
        if len(lines[number]) > WIDTH and (breaks or before) and not VERBATIM.match(comment) and not before.startswith("#"):
            yield number + 1, f"a comment of {len(lines[number])} columns, and {WIDTH} are enough; tools/lint/run --fix"


def ours():
    for path in files.tracked():
        name = path.relative_to(files.TOP).as_posix()
        if (name.startswith(FOLDERS) or name in TOP_FILES) and path.suffix not in PROSE and path.is_file() and not path.is_symlink() \
                and files.DATA not in path.parents:
            try:
                yield path, path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue


def main():
    fix = sys.argv[1:2] == ["--fix"]
    only = {pathlib.Path(name).resolve() for name in sys.argv[2:]}
    findings = 0
    for path, text in ours():
        if only and path not in only:
            continue
        if fix and fixed(path, text) != text:
            path.write_text(fixed(path, text), encoding="utf-8")
        for number, what in () if fix else check(path, text):
            print(f"{path.relative_to(files.TOP)}:{number}: {what}")
            findings += 1
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())

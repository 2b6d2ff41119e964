#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The non-interactive half of Kconfig: defconfig, olddefconfig, savedefconfig, lint and the generated files.

kconfiglib's own commands accept a defconfig line that names no symbol, or a value that the symbol refuses, without
failing. Here each such line is an error that names file and line.
"""
import argparse
import os
import re
import sys

import kconfiglib

ASSIGNMENT = re.compile(r"(?:CONFIG_(\w+)=(.*)|# CONFIG_(\w+) is not set)$")


def unquote(text):
    if len(text) >= 2 and text[0] == text[-1] == '"':
        return kconfiglib.unescape(text[1:-1])
    return text


def same_value(symbol, text):
    if symbol.orig_type in (kconfiglib.INT, kconfiglib.HEX):
        base = 16 if symbol.orig_type == kconfiglib.HEX else 10
        try:
            return int(symbol.str_value, base) == int(text, base)
        except ValueError:
            return False
    return symbol.str_value == text


def why_not(symbol):
    """One clause on what keeps a symbol from taking a value."""
    if symbol.orig_type in (kconfiglib.INT, kconfiglib.HEX):
        for low, high, condition in symbol.ranges:
            if kconfiglib.expr_value(condition):
                return f"the range is {low.str_value} to {high.str_value}"
    if symbol.visibility == 0:
        depends = kconfiglib.expr_str(symbol.direct_dep)
        return f"it depends on {depends}" if depends != "y" else "it is not set by hand"
    return "another line or a `select` decides otherwise"


def load_strictly(kconf, path):
    """Loads a defconfig; returns a list of 'file:line: what is wrong'."""
    kconf.warn = False
    kconf.load_config(path)
    errors = []
    shown = path
    with open(path, encoding="utf-8") as lines:
        for number, raw in enumerate(lines, 1):
            line = raw.strip()
            match = ASSIGNMENT.match(line)
            if not match:
                if line and (not line.startswith("#") or "CONFIG_" in line):
                    errors.append(f"{shown}:{number}: not an assignment: {line}")
                continue
            name = match.group(1) or match.group(3)
            text = unquote(match.group(2)) if match.group(1) else "n"
            symbol = kconf.syms.get(name)
            if symbol is None or not symbol.nodes:
                errors.append(f"{shown}:{number}: CONFIG_{name} names no symbol")
            elif not same_value(symbol, text):
                errors.append(f"{shown}:{number}: CONFIG_{name}={text} is not accepted ({why_not(symbol)})")
    return errors


def write_cmake(kconf, path):
    out = ["# Generated from .config; do not edit.\n"]
    for symbol in kconf.unique_defined_syms:
        if symbol.orig_type == kconfiglib.BOOL:
            if symbol.str_value == "y":
                out.append(f"set(CONFIG_{symbol.name} y)\n")
        elif symbol.config_string:
            out.append(f"set(CONFIG_{symbol.name} [==[{symbol.str_value}]==])\n")
    text = "".join(out)
    try:
        with open(path, encoding="utf-8") as old:
            if old.read() == text:
                return
    except FileNotFoundError:
        pass
    with open(path, "w", encoding="utf-8") as new:
        new.write(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("action", choices=("defconfig", "olddefconfig", "savedefconfig", "generate", "lint"))
    parser.add_argument("files", nargs="*", help="defconfig files; for generate: the folder to write to")
    parser.add_argument("--kconfig", default="Kconfig")
    parser.add_argument("--config", default=".config")
    args = parser.parse_args()
    os.environ.setdefault("srctree", os.path.dirname(os.path.abspath(args.kconfig)))

    def fresh():
        return kconfiglib.Kconfig(args.kconfig, warn_to_stderr=True, suppress_traceback=True)

    if args.action == "lint":
        errors = [error for path in args.files for error in load_strictly(fresh(), path)]
        print("\n".join(errors), file=sys.stderr, end="\n" if errors else "")
        return bool(errors)

    kconf = fresh()
    if args.action == "defconfig":
        errors = load_strictly(kconf, args.files[0])
        if errors:
            print("\n".join(errors), file=sys.stderr)
            return 1
        kconf.write_config(args.config)
        return 0

    if not os.path.exists(args.config):
        print(f"{args.config}: no such file; run `make qemu_arm_defconfig` (or another board) first", file=sys.stderr)
        return 1
    kconf.load_config(args.config)
    if args.action == "olddefconfig":
        kconf.write_config(args.config)
    elif args.action == "savedefconfig":
        header = "# SPDX-License-Identifier: Apache-2.0\n"
        kconf.write_min_config(args.files[0], header=header)
    elif args.action == "generate":
        folder = args.files[0]
        os.makedirs(folder, exist_ok=True)
        kconf.write_autoconf(os.path.join(folder, "autoconf.h"), header="// Generated from .config; do not edit.\n#pragma once\n")
        write_cmake(kconf, os.path.join(folder, "config.cmake"))
    return 0


if __name__ == "__main__":
    sys.exit(main())

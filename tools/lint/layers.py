#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Checks what a source file may include and say, by the layer that it lies in (ARCHITECTURE.md, "Layers").

Prints 'file:line: what is wrong' for each finding; the exit status is 1 if there was one.
"""
import pathlib
import re
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]

NET = ["net", "net/protocol", "net/stack", "net/transfer"]
BOOT = ["boot/acpi", "boot/image", "boot/plan", "boot/tree", "boot/x86"]
FAMILIES = ("boot", "devices", "files", "memory", "net", "script", "system")  # of commands
SHELL = ["load", *NET, "fs", "block", "device", "system", "event", "dma", "base"]

# Layer -> the layers whose headers it may include; its own are always allowed. A path belongs to
# its longest prefix here.
LAYERS = {
    "base": [],
    "arch": ["base", "io/access.h", "io/burst_access.h"],
    "system": ["base"],
    "io": ["arch", "base"],
    "dma": ["arch", "base"],
    "event": ["arch", "base"],
    "bus": ["io", "system", "base"],
    "virtio/wire": ["base"],
    "virtio/ring": ["virtio/wire", "dma", "base"],
    "virtio/transport": ["virtio/wire", "io", "bus", "dma", "event/clock.h", "base"],
    "virtio/session": ["virtio/ring", "virtio/transport/transport.h", "virtio/wire", "io/doorbell.h", "system", "event", "dma", "base"],
    "device": ["event", "dma", "base"],
    "drivers": ["device", "virtio/session", "virtio/ring", "virtio/wire", "event", "dma", "base"],
    "block": ["device", "system", "event", "dma", "base"],
    "net": ["base"],  # names and addresses
    "net/protocol": ["net", "device/net_device.h", "event/clock.h", "base"],
    "net/stack": ["net", "net/protocol/dhcp_message.h", "device", "system", "event", "dma", "base"],
    "net/transfer": ["net", "net/protocol", "net/stack", "event", "base"],
    "fs": ["block", "device", "event", "dma", "base"],
    "load": [*NET, "fs", "block", "device", "system", "event", "dma", "base"],
    "boot/acpi": ["system", "base"],
    "unpack": ["base"],
    "boot/image": ["base"],
    "boot/plan": ["boot/image", "system", "base"],
    "boot/tree": ["base"],
    "boot/x86": ["boot/acpi/address_map.h", "boot/image", "system", "base"],
    "boot": [*BOOT, "unpack", "load", *NET, "fs", "block", "device", "system", "event", "dma", "base"],
    "shell/variables": ["shell/arguments.h", "shell/context.h", "shell/network.h", "shell/shell.h", *SHELL],
    "shell/language": ["shell/context.h", *SHELL],
    "shell/line": ["shell/context.h", "shell/disks.h", "shell/language", *SHELL],
    "shell": ["shell/variables", "shell/language", "shell/line", "boot", *BOOT, *SHELL],
    **{f"shell/commands/{family}": ["shell", "shell/variables", "shell/language", "shell/line", "boot", *BOOT, *SHELL]
       for family in FAMILIES},
    "machine": None,  # the composition root: everything
}

# Single files that reach further, each for a reason.
EXCEPTIONS = {("base/panic.cpp", "arch/arch.h")}  # a panic ends in stopping the processor

# Siblings below the composition root that do not see each other: whose sources, and what they
# may not include.
STRANGERS = (("machine/pc/", "machine/virt/"), ("machine/virt/", "machine/pc/"))

# Angle-bracket headers outside base/std.h, and the paths that may include them. A key that
# ends in '/' is a folder.
FOREIGN_HEADERS = {"libfdt.h": ("bus/fdt/", "machine/", "boot/tree/"), "lwip/": ("net/stack/lwip/lwip.h",), "netif/": ("net/stack/lwip/lwip.h",),
                   **{library: ("unpack/",) for library in ("bzlib.h", "lz4.h", "lz4frame.h", "lzma.h", "zlib.h", "zstd.h", "zstd_errors.h")}}
GENERATED_HEADERS = {"autoconf.h", "version.h"}

# A word that is confined to some paths: (what, pattern, paths that may, why).
CONFINED = [
    ("volatile", re.compile(r"(?<!asm )\bvolatile\b"), ("io/", "arch/"), "device access goes through io::Register"),
    ("inline assembly", re.compile(r"\basm\s*(?:volatile)?\s*\("), ("arch/",), "call arch/arch.h"),
    ("reinterpret_cast", re.compile(r"\breinterpret_cast\s*<"), ("io/", "dma/", "virtio/wire/", "arch/", "machine/", "base/"),
     "lay bytes out with read_struct or a wire type, see them as text with as_text (base/parse.h)"),
    ("a memory fence", re.compile(r"\batomic_(?:thread|signal)_fence\b|\b__sync_synchronize\b|\barch::barrier_\w+"),
     ("dma/", "arch/", "io/"), "use a named barrier of dma/barriers.h"),
    ("throw", re.compile(r"\bthrow\b"), (), "return a Result"),
    ("dynamic_cast", re.compile(r"\bdynamic_cast\b"), (), "there is no RTTI"),
    ("a board's symbol", re.compile(r"\bCONFIG_(?:ARCH|MACHINE)_"), ("arch/", "machine/"), "ask system::Machine"),
    ("floating point", re.compile(r"\b(?:float|double)\b"), (), "integers only"),
]

INCLUDE = re.compile(r'\s*#\s*include\s*([<"])([^>"]+)[>"]')
COMMENT_OR_STRING = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def layer_of(path):
    """The layer of a path relative to src/, or None for a path in no layer."""
    found = [layer for layer in LAYERS if path.startswith(layer + "/")]
    return max(found, key=len) if found else None


def may_include(header):
    """The paths that may include this angle-bracket header."""
    for name, paths in FOREIGN_HEADERS.items():
        if header == name or name.endswith("/") and header.startswith(name):
            return paths
    return ("-",)


def blank(match):
    """A comment or literal as spaces, so that line numbers stay true."""
    return re.sub(r"[^\n]", " ", match.group())


def check(path, top=TOP):
    """(line, what is wrong) of a source below top/src, which may include headers of the tree."""
    relative = path.relative_to(top / "src").as_posix()
    text = path.read_text(encoding="utf-8")
    layer = layer_of(relative)
    if layer is None:
        yield 1, "lies in no known layer; add it to tools/lint/layers.py and to ARCHITECTURE.md"
        return
    if layer == "shell" and relative.startswith("shell/commands/"):
        yield 1, f"a command lies in the folder of its family: {', '.join(FAMILIES)}"
    for number, line in enumerate(text.splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        kind, name = match.groups()
        if kind == "<":
            if relative != "base/std.h" and not relative.startswith(may_include(name)):
                yield number, f"includes <{name}>; standard headers come through base/std.h"
            continue
        if name in GENERATED_HEADERS:
            continue
        if not any((folder / "src" / name).is_file() for folder in (top, TOP)):
            yield number, f'includes "{name}", which is not a path below src/'
            continue
        if any(relative.startswith(who) and name.startswith(whom) for who, whom in STRANGERS):
            yield number, f"{relative.rpartition('/')[0]} may not include {name}"
        allowed = LAYERS[layer]
        target = layer_of(name)
        if allowed is not None and target != layer and target not in allowed and name not in allowed \
                and (relative, name) not in EXCEPTIONS:
            yield number, f"{layer} may not include {name}"
    code = COMMENT_OR_STRING.sub(blank, text)
    for number, line in enumerate(code.splitlines(), 1):
        for what, pattern, paths, instead in CONFINED:
            if not relative.startswith(paths or ("-",)) and pattern.search(line):
                yield number, f"{what} outside {', '.join(paths) or 'the tests'}: {instead}"


def main():
    findings = 0
    for path in sorted((TOP / "src").rglob("*")):
        if path.suffix in (".h", ".cpp", ".S"):
            for number, what in check(path):
                print(f"{path.relative_to(TOP)}:{number}: {what}")
                findings += 1
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())

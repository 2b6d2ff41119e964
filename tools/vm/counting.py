# SPDX-License-Identifier: Apache-2.0
"""Counts guest instructions with a plugin for QEMU's TCG (tests/bench/instructions.c)."""

import mmap
import os
import re
import struct
import subprocess

import vm

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def llvm():
    with open(os.path.join(TOP, "cmake", "llvm-version"), encoding="ascii") as file:
        return file.read().strip()


def make_plugin(folder):
    """Builds the plugin in `folder`, with the compiler that the build uses; its path. CalledProcessError if that fails."""
    plugin = os.path.join(folder, "instructions.so")
    subprocess.run([f"clang-{llvm()}", "-O2", "-shared", "-fPIC", "-o", plugin,
                    os.path.join(TOP, "tests", "bench", "instructions.c")], capture_output=True, check=True)
    return plugin


def arguments(plugin, counter, between=()):
    """What makes QEMU count into the file `counter`; `between`: two addresses of the linker's, for read_between()."""
    return ["-plugin", ",".join([f"file={vm.escape(plugin)}", f"out={vm.escape(counter)}", *(f"{key}={address:x}" for key, address in zip(("begin", "end"), between))])]


def read(counter):
    """Guest instructions so far."""
    with open(counter, "rb") as file, mmap.mmap(file.fileno(), 8, access=mmap.ACCESS_READ) as count:
        return struct.unpack("=Q", count[:8])[0]


def read_between(counter):
    """Those from each entry of the first function to the next entry of the second, since loaded_at() was called."""
    with open(counter, "rb") as file, mmap.mmap(file.fileno(), 16, access=mmap.ACCESS_READ) as count:
        return struct.unpack("=Q", count[8:16])[0]


def read_translated(counter):
    """Guest instructions that QEMU has translated so far: each once, when it is first run."""
    with open(counter, "rb") as file, mmap.mmap(file.fileno(), 32, access=mmap.ACCESS_READ) as count:
        return struct.unpack("=Q", count[24:32])[0]


def loaded_at(counter, address):
    """Tells the plugin where the image lies; what `bdinfo` calls relocaddr."""
    with open(counter, "r+b") as file, mmap.mmap(file.fileno(), 24) as shared:
        shared[16:24] = struct.pack("=Q", address)


def address_of(elf, name):
    """The linker's address of the one function whose name, in words and without parameters, is this."""
    listing = subprocess.run([f"llvm-nm-{llvm()}", "--demangle", "--defined-only", elf], check=True, capture_output=True, text=True)
    found = re.findall(rf"(?m)^([0-9a-f]+) [tTwW] {re.escape(name)}\(", listing.stdout)
    if len(found) != 1:
        raise LookupError(f"{len(found)} functions {name} in {elf}")
    return int(found[0], 16) & ~1  # what is odd is Thumb code

# SPDX-License-Identifier: Apache-2.0
"""Counts guest instructions with a plugin for QEMU's TCG (tests/bench/instructions.c)."""

import mmap
import os
import struct
import subprocess

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def make_plugin(folder):
    """Builds the plugin in `folder`, with the compiler that the build uses; its path. CalledProcessError if that fails."""
    with open(os.path.join(TOP, "cmake", "llvm-version"), encoding="ascii") as file:
        version = file.read().strip()
    plugin = os.path.join(folder, "instructions.so")
    subprocess.run([f"clang-{version}", "-O2", "-shared", "-fPIC", "-o", plugin,
                    os.path.join(TOP, "tests", "bench", "instructions.c")], capture_output=True, check=True)
    return plugin


def arguments(plugin, counter):
    """What makes QEMU count into the file `counter`."""
    return ["-plugin", f"{plugin},out={counter}"]


def read(counter):
    """Guest instructions so far."""
    with open(counter, "rb") as file, mmap.mmap(file.fileno(), 8, access=mmap.ACCESS_READ) as count:
        return struct.unpack("=Q", count[:8])[0]

# SPDX-License-Identifier: Apache-2.0
"""Disk images, made at test time with the ordinary tools; nothing binary lies in the tree."""

import os
import random
import subprocess

MIB = 1 << 20


def run(*command, text=None):
    """Runs a tool that makes images; its output is in the exception if it fails."""
    return subprocess.run([str(part) for part in command], check=True, input=(text or "").encode(), capture_output=True)


def blank(path, size):
    """A sparse image of `size` bytes."""
    with open(path, "wb") as image:
        image.truncate(size)
    return path


def patterned(path, size, seed=1):
    """An image without holes whose every 512-byte block differs; reproducible."""
    source = random.Random(seed)
    with open(path, "wb") as image:
        for start in range(0, size, MIB):
            image.write(source.randbytes(min(MIB, size - start)))
    return path


def ext(path, root, size=64 * MIB, kind="ext4", options=(), offset=0):
    """A file system with the content of the folder `root`. With an offset: into an existing image (a partition)."""
    if offset == 0:
        blank(path, size)
    extended = ["-E", f"root_owner=0:0,offset={offset}"] if offset else ["-E", "root_owner=0:0"]
    run("mke2fs", "-q", "-F", "-t", kind, *options, *extended, "-d", root, path, f"{size // 1024}k")
    return path


def documented_root(folder):
    """The folder whose listing the documentation shows."""
    os.makedirs(folder / "dev")
    os.makedirs(folder / "root")
    os.makedirs(folder / "usr" / "bin")
    (folder / "bin").symlink_to("usr/bin")
    (folder / "lib64").symlink_to("usr/lib64")
    (folder / ".autorelabel").touch()
    return folder


def documented(path, folder, size=64 * MIB):
    """The image of the documentation's examples."""
    os.makedirs(folder)
    return ext(path, documented_root(folder), size, options=["-b", "4096"])


def partition(path, script):
    """Writes a partition table as sfdisk's script says."""
    run("sfdisk", "-q", path, text=script)
    return path

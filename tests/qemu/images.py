# SPDX-License-Identifier: Apache-2.0
"""Disk images, made at test time with the ordinary tools; nothing binary lies in the tree."""

import os
import random
import re
import struct
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


def noise(size, seed=1):
    """Bytes that do not repeat; reproducible."""
    return random.Random(seed).randbytes(size)


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


def _directory_blocks(names, block_bytes=4096):
    """The content of a directory (ext2's linear form, which ext4 reads too): pairs of name and inode number."""
    room = block_bytes
    block, blocks = [], []
    for name, inode in names:
        entry = struct.pack("<IHBB", inode, 0, len(name), 2 if name in (".", "..") else 1) + name.encode()
        entry += bytes(-len(entry) % 4)
        if len(entry) > room:
            blocks.append(block)
            block, room = [], block_bytes
        block.append(entry)
        room -= len(entry)
    blocks.append(block)
    content = bytearray()
    for block in blocks:
        end = len(content) + block_bytes
        for entry in block:
            # Each entry's length leads to the next; the last one reaches to the end of the block.
            length = len(entry) if entry is not block[-1] else end - len(content)
            content += entry[:4] + struct.pack("<H", length) + entry[6:]
            content += bytes(length - len(entry))
    return bytes(content)


def large_directory(path, folder, names, size=128 * MIB):
    """A file system whose directory /many has an entry for each (name, file), all hard links to the files given. mke2fs would
    search the directory from its start for each entry, for minutes; e2fsck adds the hash tree and the checksums just as well."""
    files = sorted({file for _, file in names})
    os.makedirs(folder)
    for number, file in enumerate(files):
        (folder / f"file{number}").write_bytes(file)
    ext(path, folder, size, options=["-b", "4096"])
    inodes = {}
    for number, file in enumerate(files):
        stat = run("debugfs", "-R", f"stat /file{number}", path).stdout.decode()
        inodes[file] = int(re.search(r"Inode: (\d+)", stat)[1])
    blocks = path.with_suffix(".blocks")
    blocks.write_bytes(_directory_blocks([(".", 2), ("..", 2)] + [(name, inodes[file]) for name, file in names]))
    run("debugfs", "-w", "-f", "/dev/stdin", path,
        text=f"write {blocks} many\nset_inode_field many mode 040755\nset_inode_field many links_count 2\n")
    blocks.unlink()
    check = subprocess.run(["e2fsck", "-fyD", str(path)], capture_output=True, check=False)
    assert check.returncode == 1, check.stdout.decode()
    return path

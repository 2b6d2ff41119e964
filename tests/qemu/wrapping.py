# SPDX-License-Identifier: Apache-2.0
"""What is wrapped around kernels: compressed files, EFI zboot programs and uImages, as bytes."""

import bz2
import gzip
import lzma
import struct
import subprocess
import zlib

AARCH64, KERNEL, MULTI = 22, 2, 4


def tool(*command):
    """A format that Python has no module for, by its own tool."""
    return lambda data: subprocess.run(command, input=data, capture_output=True, check=True).stdout


PACKED = {
    "gzip": lambda data: gzip.compress(data, 6),
    "bzip2": bz2.compress,
    "xz": lambda data: lzma.compress(data, preset=1),
    "lzma": lambda data: lzma.compress(data, lzma.FORMAT_ALONE, preset=1),
    "zstd": tool("zstd", "-q", "-c"),
    "lz4": tool("lz4", "-q", "-c"),
    "lz4-of-old": tool("lz4", "-q", "-l", "-c"),
}


def zboot(packed, offset=4096):
    return struct.pack("<4s4sII8x32s", b"MZ", b"zimg", offset, len(packed), b"gzip").ljust(offset, b"\0") + packed


def uimage(data, kind=KERNEL, architecture=AARCH64, compression=0, name=b"a test"):
    header = struct.pack(">7I4B32s", 0x27051956, 0, 0, len(data), 0, 0, zlib.crc32(data), 5, architecture, kind, compression, name)
    return header[:4] + struct.pack(">I", zlib.crc32(header)) + header[8:] + data


def multi(*files):
    """A uImage of several files."""
    table = struct.pack(f">{len(files) + 1}I", *map(len, files), 0)
    return uimage(table + b"".join(file.ljust((len(file) + 3) & ~3, b"\0") for file in files), MULTI)

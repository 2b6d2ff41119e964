# SPDX-License-Identifier: Apache-2.0
"""Seeds of unpack: format, pieces, room as unpack.cpp reads them, and a file that the format's own tool made."""
import pathlib
import re
import struct
import zlib

SAMPLES = pathlib.Path(__file__).resolve().parents[1] / "unit/unpack/samples.h"
FORMATS = {"gzip": 0, "bzip2": 1, "xz": 2, "xz_sha256": 2, "lzma": 3, "lzma_of_known_size": 3, "lz4": 4, "lz4_block_checksums": 4,
           "lz4_legacy": 5, "zstd": 6, "zstd_stream": 6}
UIMAGE = 7


def make(seed):
    found = re.findall(r"(?s)std::string_view (\w+) =\s*((?:\"[0-9a-f]*\"\s*)+);", SAMPLES.read_text(encoding="utf-8"))
    files = {name: bytes.fromhex("".join(re.findall('"([0-9a-f]*)"', text))) for name, text in found}
    for name, number in FORMATS.items():
        seed(name, struct.pack("<BHH", number, 99, 100) + files[name])
    seed("twice", struct.pack("<BHH", 0, 7, 200) + files["gzip"] * 2)
    data = struct.pack(">4I", 5, 3, 0, 0) + bytes(12)
    header = struct.pack(">7I4B32s", 0x27051956, 0, 0, len(data), 0, 0, zlib.crc32(data), 5, 22, 4, 0, b"several")
    seed("uimage", struct.pack("<BHH", UIMAGE, 0, 0) + header[:4] + struct.pack(">I", zlib.crc32(header)) + header[8:] + data)

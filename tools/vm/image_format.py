# SPDX-License-Identifier: Apache-2.0
"""Which of QEMU's formats a disk image has, by what stands in it: a name says what somebody thought."""

import struct

SECTOR = 512
# At the start of the file.
MAGICS = (
    (b"KDMV", "vmdk"), (b"COWD", "vmdk"), (b"# Disk DescriptorFile", "vmdk"), (b"vhdxfile", "vhdx"), (b"conectix", "vpc"), (b"QED\0", "qed"),
    (b"WithoutFreeSpace", "parallels"), (b"WithouFreSpacExt", "parallels"), (b"Bochs Virtual HD Image", "bochs"),
)
VDI_MAGIC = 0xBEDA107F
READ_ONLY = ("bochs", "dmg")  # QEMU does not write these


def of(path):
    """QEMU's name of the format."""
    with open(path, "rb") as file:
        head = file.read(SECTOR)
        file.seek(max(file.seek(0, 2) - SECTOR, 0))
        tail = file.read(SECTOR)
    if head[:4] == b"QFI\xfb":
        return "qcow" if head[4:8] == b"\0\0\0\1" else "qcow2"
    for magic, name in MAGICS:
        if head.startswith(magic):
            return name
    if len(head) >= 0x44 and struct.unpack_from("<I", head, 0x40)[0] == VDI_MAGIC:
        return "vdi"
    if tail.startswith(b"conectix"):  # a fixed VHD has its description behind the data
        return "vpc"
    return "dmg" if tail.startswith(b"koly") else "raw"

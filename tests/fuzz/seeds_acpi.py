# SPDX-License-Identifier: Apache-2.0
"""Seeds of acpi_tables: files of fw_cfg and the table loader's script (QEMU, hw/acpi/bios-linker-loader.c), as
acpi_tables.cpp reads them."""
import struct

RSDP, TABLES, ADDRESS = b"etc/acpi/rsdp", b"etc/acpi/tables", b"etc/vmgenid_addr"


def allocate(name, alignment, zone):
    return struct.pack("<I56sIB", 1, name, alignment, zone).ljust(128, b"\0")


def pointer(name, target, offset, size):
    return struct.pack("<I56s56sIB", 2, name, target, offset, size).ljust(128, b"\0")


def checksum(name, offset, start, length):
    return struct.pack("<I56sIII", 3, name, offset, start, length).ljust(128, b"\0")


def write(name, target, offset, target_offset, size):
    return struct.pack("<I56s56sIIB", 4, name, target, offset, target_offset, size).ljust(128, b"\0")


def table(signature, body):
    return struct.pack("<4sIBB6s8sI4sI", signature, 36 + len(body), 1, 0, b"BOCHS ", b"BXPC    ", 1, b"BXPC", 1) + body


def make(seed):
    facs = struct.pack("<4sI", b"FACS", 64).ljust(64, b"\0")
    dsdt = table(b"DSDT", b"\x10\x05_SB_")
    fadt_at = len(facs) + len(dsdt)
    fadt = table(b"FACP", struct.pack("<II", 0, len(facs)).ljust(80, b"\0"))
    rsdt_at = fadt_at + len(fadt)
    rsdt = table(b"RSDT", struct.pack("<I", fadt_at))
    tables = facs + dsdt + fadt + rsdt
    rsdp = struct.pack("<8sB6sBI", b"RSD PTR ", 0, b"BOCHS ", 0, rsdt_at)
    structures = struct.pack("<BBHBBBB", 1, 8, 0x100, 1, 2, 0, 0) + b"QEMU\0pc\0\0" + struct.pack("<BBH", 127, 4, 0x7F00) + b"\0\0"
    anchor_64 = struct.pack("<5sBBBBBBBIQ", b"_SM3_", 0, 24, 3, 0, 0, 1, 0, len(structures), 0)
    anchor_32 = struct.pack("<4sBBBBHB5s5sBHIHB", b"_SM_", 0, 31, 2, 8, 20, 0, b"", b"_DMI_", 0, len(structures), 0, 2, 0x28)
    script = [allocate(RSDP, 16, 2), allocate(TABLES, 64, 1),
              checksum(TABLES, len(facs) + 9, len(facs), len(dsdt)),
              pointer(TABLES, TABLES, fadt_at + 36, 4), pointer(TABLES, TABLES, fadt_at + 40, 4), checksum(TABLES, fadt_at + 9, fadt_at, len(fadt)),
              pointer(TABLES, TABLES, rsdt_at + 36, 4), checksum(TABLES, rsdt_at + 9, rsdt_at, len(rsdt)),
              pointer(RSDP, TABLES, 16, 4), checksum(RSDP, 8, 0, 20)]

    def files(name, flags, anchor, lines):
        parts = (rsdp, tables, anchor, structures, bytes(8))
        seed("acpi_tables", name, bytes([flags]) + b"".join(struct.pack("<H", len(part)) + part for part in parts) + b"".join(lines))

    files("pc", 6, anchor_32, script + [bytes(128)] * 2)
    files("microvm", 2, b"", script)
    files("smbios_3", 4, anchor_64, [])
    files("vmgenid", 6, anchor_64, script + [write(ADDRESS, TABLES, 0, 40, 8)])
    files("by_bytes", 7, anchor_32, script + [write(ADDRESS, TABLES, 0, 40, 8)])
    files("unknown", 6, anchor_32, [struct.pack("<I", 9).ljust(128, b"\0")] + script)
    files("twice", 6, anchor_32, script[:2] + script[1:2])
    files("beyond", 6, anchor_32, script + [checksum(TABLES, 0xFFFFFFFF, 0xFFFFFFFF, 2)])

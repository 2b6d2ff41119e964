#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the seeds in tests/fuzz/corpus that are not text: the same bytes each time. Run it after changing what a target's
input means. File systems come from e2fsprogs; everything else is written out here, by the formats' own numbers."""
import functools
import os
import pathlib
import struct
import subprocess
import tempfile
import zlib

import seeds_acpi
import seeds_boot
import seeds_net_card
import seeds_transfers
import seeds_unpack

CORPUS = pathlib.Path(__file__).resolve().parent / "corpus"


def seed(target, name, data):
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)


def records(pieces):
    """MemoryDisk::lay_out's input from a list of (place, bytes)."""
    return b"".join(struct.pack("<IH", place, len(data)) + data for place, data in pieces)


# --- split_ring, packed_ring: bytes as RingTarget::step takes them

SUBMIT, PUBLISH, USE, HARVEST, SUPPRESS, BATCH, WRONG = 0, 2, 3, 5, 6, 7, 8
EVENT_INDEX, IN_ORDER, INDIRECT, LEGACY = 1, 2, 4, 8


def submit(buffers, readable, *sizes):
    return bytes([SUBMIT, buffers - 1, readable, *(size - 1 for size in sizes)])


def ring_options(size, flags, max_chain, tables=0):
    return bytes([size, flags, max_chain - 1] + ([tables - 1] if flags & INDIRECT else []))


ONE = submit(1, 0, 16) + bytes([PUBLISH, USE])
THREE = submit(3, 1, 16, 200, 1) + bytes([PUBLISH, USE])
GIVEN = submit(1, 0, 8) + bytes([PUBLISH])


def rings(target, size_8, size_4, size_1):
    """What both formats have; sizes as the target's first byte says them."""
    seed(target, "honest", ring_options(size_8, 0, 3) + THREE * 12)
    seed(target, "indirect", ring_options(size_8, INDIRECT | EVENT_INDEX, 4, 8) + THREE * 9)
    seed(target, "in_order", ring_options(size_8, IN_ORDER, 4) + THREE * 9)
    seed(target, "in_order_batch", ring_options(size_8, IN_ORDER, 4) + (submit(2, 1, 3, 4) * 3 + bytes([PUBLISH, BATCH])) * 5)
    seed(target, "in_order_indirect", ring_options(size_8, IN_ORDER | INDIRECT, 4, 2) + (submit(2, 1, 3, 4) * 3 + bytes([PUBLISH, BATCH])) * 5)
    seed(target, "batch", ring_options(size_8, EVENT_INDEX, 3) + submit(1, 0, 9) * 6 + bytes([PUBLISH] + [USE] * 6))
    seed(target, "wrong_id", ring_options(size_4, 0, 3) + GIVEN + bytes([WRONG, 1, 0, 3, 8, 1, HARVEST]))
    seed(target, "scribbled", ring_options(size_4, 0, 3) + THREE[:-1] + bytes([WRONG, 3, 0, 14, 200, USE, HARVEST]))
    seed(target, "one_entry", ring_options(size_1, EVENT_INDEX, 1) + ONE * 6)
    seed(target, "too_long", ring_options(size_4, 0, 3) + GIVEN + bytes([WRONG, 0, 255, 0, 0, 0, HARVEST]))


def split_ring():
    rings("split_ring", 3, 2, 0)
    seed("split_ring", "event_index", ring_options(2, EVENT_INDEX, 2) + (submit(2, 1, 16, 4) + bytes([SUPPRESS, 1, 1, 0, PUBLISH, USE])) * 8)
    seed("split_ring", "legacy", ring_options(4, LEGACY, 3) + THREE * 3 + bytes([WRONG, 0, 255, 0, 0, 0, HARVEST]))
    seed("split_ring", "no_notifications", ring_options(1, 0, 2) + bytes([SUPPRESS, 0, 1, 0]) + ONE * 5)
    seed("split_ring", "index_runs_ahead", ring_options(2, 0, 3) + GIVEN + bytes([WRONG, 2])
         + struct.pack("<HIIH", 0, 0, 8, 60000) + bytes([HARVEST]))


def packed_ring():
    rings("packed_ring", 7, 3, 0)
    seed("packed_ring", "size_5", ring_options(4, 0, 3) + THREE * 12)
    for flags, name in ((0, "enable"), (1, "disable"), (2, "event"), (3, "reserved")):
        seed("packed_ring", f"suppress_{name}", ring_options(2, EVENT_INDEX, 2) + (
            submit(2, 1, 16, 4) + bytes([SUPPRESS, 1, 0x80, flags, PUBLISH, USE])) * 4)
    seed("packed_ring", "other_place", ring_options(3, 0, 3) + GIVEN + bytes([WRONG, 2, 1, 1, 0, 0, 4, 0, 0, 0, HARVEST]))


# --- what stack.h takes

def lies(*entries):
    """(place, first read, reads, replaces, value) each."""
    return bytes([len(entries)]) + b"".join(
        struct.pack("<HBBI", place | (0x8000 if replaces else 0), first, count, value)
        for place, first, count, replaces, value in entries)


WRITE, FLUSH, SCAN, READ, ZERO, DISCARD, WISH = range(7)
REQUESTS = bytes([READ, 0, 7, WRITE, 5, 1, FLUSH, 0, 0, READ, 5, 3, ZERO, 5, 6, DISCARD, 9, 3, SCAN, 0, 0, READ, 250, 7])
WISHES = bytes([WISH, 1, 0, READ, 0, 7, WRITE, 2, 7, WISH, 0, 0, READ, 2, 7])
PLAIN, PACKED, IN_ORDER_RING, RING_RESET, RANGES = 0, 4, 8, 16, 128


def mmio_registers():
    status, ready, size_max, features, version, generation, capacity = 0x70, 0x44, 0x34, 0x10, 0x04, 0xfc, 0x100
    modern, legacy = 1, 0
    for name, kind in (("modern", modern), ("legacy", legacy)):
        seed("mmio_registers", name, bytes([kind, PLAIN, 4]) + lies() + REQUESTS)
    for name, features_byte, sizes in (("packed", PACKED, 3), ("everything", 0xfc, 0x44), ("four_queues", PLAIN, 0xc3)):
        seed("mmio_registers", name, bytes([modern, features_byte, sizes]) + lies() + REQUESTS + WISHES)
    for name, lie in (
            ("no_magic", (0x00, 0, 1, True, 0)), ("empty", (0x08, 0, 1, True, 0)), ("version_3", (version, 0, 1, True, 3)),
            ("another_type", (0x08, 0, 9, True, 26)), ("reset_never_ends", (status, 1, 255, True, 0x0f)),
            ("features_not_ok", (status, 0, 255, False, 8)), ("needs_reset", (status, 9, 3, False, 0x40)),
            ("gone", (status, 12, 255, True, 0xffffffff)), ("queue_in_use", (ready, 0, 255, True, 1)),
            ("queue_of_3", (size_max, 0, 1, True, 3)), ("queue_of_0", (size_max, 0, 1, True, 0)),
            ("large_queue", (size_max, 0, 1, True, 0xffffffff)), ("all_features", (features, 0, 255, True, 0xffffffff)),
            ("no_features", (features, 0, 255, True, 0)), ("generation_runs", (generation, 0, 1, False, 1)),
            ("capacity_tears", (capacity, 1, 1, True, 0xffffffff)), ("events", (0x60, 3, 200, True, 0xffffffff))):
        seed("mmio_registers", name, bytes([modern, RING_RESET, 4]) + lies(lie) + REQUESTS)


def pci_config():
    disk, transitional, bridge, port = range(4)

    def function(place, bus, kind, *changes):
        return bytes([place, bus, kind, len(changes), *sum(changes, ())])
    common = struct.pack("<IIII", 0, 1, 0, 0) + struct.pack("<HHBBHHHHH", 0, 1, 0, 0, 0, 64, 0xffff, 0, 0)
    memory = common.ljust(0x140, b"\0") + struct.pack("<Q", 256).ljust(0x40, b"\0")

    def machine(name, functions, flags=0, wrong=lies()):
        seed("pci_config", name, bytes([flags, len(functions)]) + b"".join(functions) + wrong + memory)
    machine("disk", [function(8, 0, disk)])
    machine("transitional", [function(8, 0, transitional)])
    machine("behind_bridges", [function(8, 0, bridge), function(16, 0, port), function(0, 1, disk), function(0, 2, transitional)])
    machine("bridge_in_bridge", [function(8, 0, bridge), function(8, 1, bridge), function(24, 2, port), function(0, 3, disk)])
    machine("mirrors", [function(8, 0, bridge), function(16, 0, disk)], 1)
    machine("mirrors_256", [function(8, 0, bridge)], 3)
    machine("no_room", [function(8, 0, disk), function(16, 0, disk), function(24, 0, disk), function(32, 0, transitional)], 4)
    machine("many_functions", [function(8, 0, disk | 0x80), function(9, 0, transitional), function(15, 0, disk)])
    machine("capability_loop", [function(8, 0, disk, (0x51, 0x40))])
    machine("structure_outside", [function(8, 0, disk, (0x49, 0x20), (0x4d, 0xff))])
    machine("structure_in_bar_7", [function(8, 0, disk, (0x44, 7))])
    machine("huge_bar", [function(8, 0, disk | 0x40, (0x21, 0), (0x22, 0), (0x23, 0), (0x24, 0))])
    machine("tiny_bar", [function(8, 0, disk, (0x20, 0))])
    machine("vanishes", [function(8, 0, disk)], 0, lies((0x800, 1, 255, True, 0xffffffff)))
    machine("changes_its_capabilities", [function(8, 0, disk)], 0, lies((0x840, 1, 1, False, 0x01000000), (0x848, 1, 1, True, 0xfff)))


def device_config():
    def disk(name, bus, turned, *steps, features=PLAIN, sizes=4):
        seed("device_config", name, bytes([bus, features, sizes]) + struct.pack("<I", turned) + b"".join(steps))

    def change(place, value, notice=0):
        return bytes([notice | len(value) - 1, place]) + value
    nothing = change(63, b"\0")
    ask = b"".join(bytes([1]) + REQUESTS[i:i + 3] for i in range(0, len(REQUESTS), 3))
    told, torn = 0x40, 0x80
    for bus in range(5):
        disk(f"bus_{bus}", bus, 0, nothing, ask)
    disk("capacity_0", 1, 0, change(0, bytes(8)), ask)
    disk("capacity_huge", 4, 0, change(0, b"\xff" * 8), ask)
    disk("block_size_0", 1, 0, change(20, bytes(4)), ask)
    disk("block_size_4096", 1, 0, change(20, struct.pack("<I", 4096)), ask)
    disk("size_max", 1, 2, change(8, struct.pack("<I", 511)), ask)
    disk("seg_max_0", 4, 4, change(12, bytes(4)), ask)
    disk("queues_0", 1, 1 << 12, change(34, bytes(2)), ask, sizes=0x44)
    disk("queues_65535", 4, 1 << 12, change(34, b"\xff\xff"), ask, sizes=0x44)
    disk("discard_0", 1, 3 << 13, change(36, bytes(8)), ask)
    disk("read_only", 1, 1 << 5, nothing, ask)
    disk("all_features", 4, 0xffffffff, nothing, ask, features=0x7c)
    disk("resized", 1, 0, nothing, ask[:8], bytes([0]) + change(0, b"\x08" + bytes(7), told), ask)
    disk("torn", 4, 0, change(0, b"\x08" + bytes(7), torn | 0x10), ask)
    disk("write_cache_off", 1, 0, change(32, b"\0", told), ask)


def blk_requests():
    def disk(name, *steps, bus=4, features=PLAIN, sizes=4):
        seed("blk_requests", name, bytes([bus, features, sizes]) + b"".join(steps))

    def temper(faults, *fates):
        return bytes([0]) + struct.pack("<HB", faults, len(fates) - 1) + b"".join(
            struct.pack("<BBI", what, delay, number) for what, delay, number in fates)

    def strike(delay, what, number, queue=0):
        return bytes([1, delay, what, queue]) + struct.pack("<H", number)
    ask = b"".join(bytes([2]) + REQUESTS[i:i + 3] for i in range(0, len(REQUESTS), 3))
    fine = (0, 0, 0)
    for bus in range(5):
        disk(f"bus_{bus}", ask, bus=bus)
    disk("packed", ask, features=PACKED | RANGES)
    disk("two_queues_in_order", ask, features=PACKED | IN_ORDER_RING, sizes=0x43)
    disk("wrong_id", temper(0, fine, (1, 0, 77)), ask)
    disk("wrong_length", temper(0, fine, (2, 0, 0xffffffff)), ask, features=PACKED)
    disk("twice", temper(0, (4, 0, 2), fine), ask)
    disk("never", temper(0, fine, (4, 0, 0)), ask)
    disk("out_of_order", temper(0, (0, 9, 0), (0, 1, 0), (0, 5, 0)), ask)
    disk("errors", temper(0, fine, (0x81, 0, 0), (0x82, 0, 0), (0xff, 0, 0)), ask)
    disk("no_status", temper(0x400, fine), ask)
    disk("scribbles", temper(1, fine), ask)
    disk("deaf", temper(0x60, fine), ask[:4])
    disk("keeps_them", temper(0x18, fine), ask[:4], features=RING_RESET)
    disk("needs_reset", temper(0x2000, fine), ask)
    disk("queue_reset_never_ends", temper(0x1018, fine), ask[:4], features=RING_RESET)
    for what in range(6):
        disk(f"strike_{what}", temper(0, (0, 20, 0)), strike(3, what, 3), strike(9, what, 0xffff), ask)


# --- vhost_user

def vhost_user():
    def reply(kind, payload, flags=5):
        return struct.pack("<III", kind, flags, len(payload)) + payload

    def talk(name, flags, questions, *replies):
        seed("vhost_user", name, bytes([flags, len(questions), *sum(questions, ())]) + b"".join(replies))
    features, protocol, config, memory = 1, 15, 24, 5
    talk("right", 0, [(features, 8), (protocol, 8), (memory, 0)], reply(features, bytes(8)), reply(protocol, b"\x0b" + bytes(7)))
    talk("acknowledged", 2, [(memory, 0), (config, 72)], reply(memory, bytes(8)), reply(config, bytes(72)))
    talk("refused", 2, [(memory, 0), (config, 72)], reply(memory, b"\1" + bytes(7)), reply(config, b""))
    talk("with_a_file", 1, [(features, 8)], reply(features, bytes(8)))
    talk("other_question", 0, [(features, 8)], reply(protocol, bytes(8)))
    talk("other_version", 0, [(features, 8)], reply(features, bytes(8), 6))
    talk("no_reply", 0, [(features, 8)], reply(features, bytes(8), 1))
    talk("too_long", 0, [(features, 8)], reply(features, bytes(16)))
    talk("cut_off", 0, [(features, 8)], reply(features, bytes(8))[:15])


# --- partition_tables

def mbr_entry(kind, first, count, boot=0):
    return struct.pack("<B3sB3sII", boot, b"\0\2\0", kind, b"\xff\xff\xff", first, count)


def mbr(entries, signature=0x12345678):
    return struct.pack("<440sIH", b"", signature, 0) + b"".join(entries).ljust(64, b"\0") + b"\x55\xaa"


def disk(flags, blocks, pieces):
    return struct.pack("<BH", flags, blocks - 1) + records(pieces)


def gpt(blocks, block_bytes, entry_count=4, entry_bytes=128, at=1):
    def guid(n):
        return bytes([n] * 16)

    def entry(n, first, last, name):
        return (guid(n) + guid(n + 1) + struct.pack("<QQQ", first, last, 4) + name.encode("utf-16-le")).ljust(entry_bytes, b"\0")
    table_blocks = -(-entry_count * entry_bytes // block_bytes)
    first = 2 + table_blocks
    middle = blocks // 2
    entries = (entry(1, first, middle, "boot") + entry(3, middle + 1, blocks - 3 - table_blocks, "größe ✓")).ljust(
        entry_count * entry_bytes, b"\0")

    def header(mine, other, table):
        def pack(crc):
            return struct.pack("<8sIIIIQQQQ16sQIII", b"EFI PART", 0x10000, 92, crc, 0, mine, other, first,
                               blocks - 2 - table_blocks, guid(9), table, entry_count, entry_bytes, zlib.crc32(entries))
        return pack(zlib.crc32(pack(0)))
    last = blocks - 1
    return [(at * block_bytes, header(1, last, 2)), (2 * block_bytes, entries[:300]),
            (last * block_bytes, header(last, 1, last - table_blocks)), ((last - table_blocks) * block_bytes, entries[:300])]


def partition_tables():
    protective = (0, mbr([mbr_entry(0xee, 1, 0xffffffff)]))
    seed("partition_tables", "mbr", disk(0, 200, [(0, mbr([
        mbr_entry(0x83, 8, 40, 0x80), mbr_entry(0x0c, 50, 20), mbr_entry(0x82, 190, 100)]))]))
    chain = [(0, mbr([mbr_entry(0x83, 4, 10), mbr_entry(0x05, 20, 100)])),
             (20 * 512, mbr([mbr_entry(0x83, 1, 9), mbr_entry(0x05, 10, 10)])),
             (30 * 512, mbr([mbr_entry(0x83, 1, 9), mbr_entry(0x05, 20, 10)]))]
    seed("partition_tables", "logical", disk(0, 200, chain + [(40 * 512, mbr([mbr_entry(0x83, 1, 9)]))]))
    seed("partition_tables", "logical_loop", disk(0, 200, chain + [(40 * 512, mbr([mbr_entry(0x83, 1, 9), mbr_entry(0x05, 0, 10)]))]))
    seed("partition_tables", "gpt", disk(2, 120, [protective] + gpt(120, 512)))
    seed("partition_tables", "gpt_checked", disk(0, 120, [protective] + gpt(120, 512)))
    seed("partition_tables", "gpt_4k", disk(3, 40, [protective] + gpt(40, 4096)))
    seed("partition_tables", "gpt_long_entries", disk(2, 120, [protective] + gpt(120, 512, 4, 256)))
    seed("partition_tables", "gpt_backup", disk(2, 120, [protective] + gpt(120, 512)[2:]))
    seed("partition_tables", "boot_sector", disk(0, 64, [(0, b"\xeb\x3c\x90mkfs.fat\0\2\4\1\0\2"), (510, b"\x55\xaa")]))


# --- ext4

OPTIONS = {
    "plain": "-t ext4 -b 1024 -O ^metadata_csum,^resize_inode,^has_journal",
    "checksums": "-t ext4 -b 1024 -O metadata_csum,64bit,^resize_inode,^has_journal",
    "ext2": "-t ext2 -b 1024 -O ^resize_inode -I 128",
    "inline": "-t ext4 -b 1024 -I 256 -O inline_data,^metadata_csum,^resize_inode,^has_journal",
    "bigalloc": "-t ext4 -b 1024 -O bigalloc,^metadata_csum,^resize_inode,^has_journal -C 4096",
    "meta_bg": "-t ext4 -b 1024 -g 256 -O meta_bg,64bit,^flex_bg,^metadata_csum,^resize_inode,^has_journal",
    "block_4k": "-t ext4 -b 4096 -O ^metadata_csum,^resize_inode,^has_journal",
}


def ext4():
    environment = dict(os.environ, E2FSPROGS_FAKE_TIME="1700000000", PATH=os.environ["PATH"] + ":/usr/sbin:/sbin")
    uuid = "00112233-4455-6677-8899-aabbccddeeff"

    def run(*command):
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "small").write_bytes(b"a small file\n")
        (folder / "file").write_bytes(b"Vireo" * 300)
        # more extents than an inode has room for, and an indirect block
        with open(folder / "holes", "wb") as file:
            for place in (0, 4096, 9000, 16000, 24000, 32000):
                file.seek(place)
                file.write(b"x")
        commands = ["write small small", "write file file", "write holes holes", "mkdir dir", "symlink link dir",
                    "symlink long " + "/" * 70 + "file", "cd dir"]
        commands += [f"write small entry-{i}" for i in range(4)]
        (folder / "commands").write_text("\n".join(commands) + "\n")
        for kind, options in OPTIONS.items():
            image = folder / "image"
            image.unlink(missing_ok=True)
            run("mke2fs", "-q", "-F", *options.split(), "-N", "24", "-m", "0", "-U", uuid, "-E",
                f"lazy_itable_init=0,root_owner=0:0,hash_seed={uuid}", str(image), "1024k" if "4096" in options else "512k")
            subprocess.run(["debugfs", "-w", "-f", "commands", "image"], check=True, env=environment, cwd=folder,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            data = image.read_bytes()
            seed("ext4", kind, bytes([len(data) // 65536 - 1]) + records(sparse(data)))


def sparse(data, step=16):
    """What is not zero, and not the padding of a bitmap, which nobody reads."""
    pieces = []
    for at in range(0, len(data), step):
        piece = data[at:at + step]
        if not any(piece) or piece == b"\xff" * step:
            continue
        if pieces and pieces[-1][0] + len(pieces[-1][1]) == at:
            pieces[-1] = (pieces[-1][0], pieces[-1][1] + piece)
        else:
            pieces.append((at, piece))
    return pieces


# --- device_tree: nodes are (name, {property: value}, [nodes]); a value is text, bytes, or a list of cells

def tree(root, reservations=()):
    strings, structure = b"", b""

    def pad(data):
        return data + b"\0" * (-len(data) % 4)

    def node(name, properties, children):
        nonlocal strings, structure
        structure += struct.pack(">I", 1) + pad(name.encode() + b"\0")
        for key, value in properties.items():
            if isinstance(value, list):
                value = struct.pack(f">{len(value)}I", *value)
            elif isinstance(value, str):
                value = value.encode() + b"\0"
            at = (b"\0" + strings).find(b"\0" + key.encode() + b"\0") if strings else -1
            if at < 0:
                at = len(strings)
                strings += key.encode() + b"\0"
            structure += struct.pack(">III", 3, len(value), at) + pad(value)
        for child in children:
            node(*child)
        structure += struct.pack(">I", 2)
    node(*root)
    structure += struct.pack(">I", 9)
    reserved = b"".join(struct.pack(">QQ", *entry) for entry in reservations) + bytes(16)
    at_structure = 40 + len(reserved)
    at_strings = at_structure + len(structure)
    header = struct.pack(">10I", 0xd00dfeed, at_strings + len(strings), at_structure, at_strings, 40, 17, 16, 0, len(strings),
                         len(structure))
    return header + reserved + structure + strings


def pci_node():
    return ("pcie@10000000", {
        "compatible": "pci-host-ecam-generic", "device_type": "pci", "#address-cells": [3], "#size-cells": [2],
        "bus-range": [0, 255], "reg": [0x40, 0x10000000, 0, 0x10000000],
        "ranges": [0x1000000, 0, 0, 0, 0x3eff0000, 0, 0x10000, 0x2000000, 0, 0x10000000, 0, 0x10000000, 0, 0x2eff0000,
                   0x3000000, 0x80, 0, 0x80, 0, 0x80, 0]}, [])


def device_tree():
    cells = {"#address-cells": [2], "#size-cells": [2]}
    slots = [(f"virtio_mmio@{0xa000000 + 0x200 * i:x}",
              {"compatible": "virtio,mmio", "reg": [0, 0xa000000 + 0x200 * i, 0, 0x200]}, []) for i in range(3)]
    arm = ("", {**cells, "model": "linux,dummy-virt", "interrupt-parent": [1]}, [
        ("psci", {"compatible": b"arm,psci-1.0\0arm,psci-0.2\0arm,psci\0", "method": "hvc"}, []),
        ("memory@40000000", {"device_type": "memory", "reg": [0, 0x40000000, 0, 0x8000000]}, []),
        ("reserved-memory", {**cells, "ranges": b""}, [("keep@41000000", {"reg": [0, 0x41000000, 0, 0x1000]}, [])]),
        *slots, pci_node(),
        ("pl011@9000000", {"compatible": b"arm,pl011\0arm,primecell\0", "reg": [0, 0x9000000, 0, 0x1000],
                           "interrupts": [0, 1, 4]}, []),
        ("pl061@9030000", {"compatible": "arm,pl061", "reg": [0, 0x9030000, 0, 0x1000], "phandle": [7]}, []),
        ("poweroff", {"compatible": "gpio-poweroff", "gpios": [7, 3, 0]}, []),
        ("intc@8000000", {"compatible": "arm,gic-v3", "reg": [0, 0x8000000, 0, 0x10000, 0, 0x80a0000, 0, 0xf60000],
                          "phandle": [1]}, []),
        ("timer", {"compatible": "arm,armv8-timer", "interrupts": [1, 13, 4, 1, 14, 4, 1, 11, 4, 1, 10, 4]}, []),
        ("chosen", {"stdout-path": "/pl011@9000000"}, [])])
    hart = ("cpu@0", {"device_type": "cpu", "reg": [0], "riscv,isa": "rv64imafdc"}, [
        ("interrupt-controller", {"compatible": "riscv,cpu-intc", "phandle": [2]}, [])])
    riscv = ("", {**cells, "model": "riscv-virtio,qemu"}, [
        ("memory@80000000", {"device_type": "memory", "reg": [0, 0x80000000, 0, 0x8000000, 1, 0, 0, 0x1000000]}, []),
        ("cpus", {"#address-cells": [1], "#size-cells": [0], "timebase-frequency": [10000000]}, [hart]),
        ("aliases", {"serial0": "/soc/serial@10000000"}, []),
        ("chosen", {"stdout-path": "serial0:115200n8"}, []),
        ("poweroff", {"compatible": "syscon-poweroff", "regmap": [4], "offset": [0], "value": [0x5555]}, []),
        ("reboot", {"compatible": "syscon-reboot", "regmap": [4], "offset": [0], "value": [0x7777]}, []),
        ("soc", {**cells, "ranges": [0, 0, 0, 0, 0, 0x80000000]}, [
            ("serial@10000000", {"compatible": "ns16550a", "reg": [0, 0x10000000, 0, 0x100], "interrupts": [10],
                                 "interrupt-parent": [3]}, []),
            ("serial@10001000", {"compatible": "ns16550", "reg": [0, 0x10001000, 0, 0x100]}, []),
            ("test@100000", {"compatible": b"sifive,test1\0syscon\0", "reg": [0, 0x100000, 0, 0x1000], "phandle": [4]}, []),
            ("plic@c000000", {"compatible": b"sifive,plic-1.0.0\0riscv,plic0\0", "reg": [0, 0xc000000, 0, 0x600000],
                              "phandle": [3], "interrupts-extended": [2, 11, 2, 9]}, []),
            ("aplic@d000000", {"compatible": "riscv,aplic", "reg": [0, 0xd000000, 0, 0x8000], "phandle": [5],
                               "riscv,children": [3], "msi-parent": [6]}, []),
            ("imsics@24000000", {"compatible": "riscv,imsics", "reg": [0, 0x24000000, 0, 0x1000, 0, 0x25000000, 0, 0x1000],
                                 "phandle": [6], "interrupts-extended": [2, 11, 2, 9], "riscv,hart-index-bits": [1]}, []),
            ("clint@2000000", {"compatible": "sifive,clint0", "reg": [0, 0x2000000, 0, 0x10000],
                               "interrupts-extended": [2, 3, 2, 7]}, []),
            pci_node()])])
    seed("device_tree", "arm", tree(arm, [(0x48000000, 0x2000)]))
    seed("device_tree", "riscv", tree(riscv))
    deep = ("deep", {"compatible": "virtio,mmio", "reg": [1, 2]}, [])
    for i in range(10):
        deep = (f"bus@{i}", {"#address-cells": [1], "#size-cells": [1], "ranges": [0, 0, 0x1000]}, [deep])
    seed("device_tree", "deep", tree(("", {"#address-cells": [1], "#size-cells": [1]}, [deep])))
    seed("device_tree", "empty", tree(("", {}, [])))


# --- tree_edits: the tree with its length, then edits as Editor::edit takes them

def tree_edits():
    chosen = ("chosen", {"bootargs": "quiet", "kaslr-seed": [1, 2]}, [])
    memory = ("memory@40000000", {"device_type": "memory", "reg": [0, 0x40000000, 0, 0x8000000]}, [])
    uart = ("uart@9000000", {"compatible": "arm,pl011", "phandle": [7]}, [])
    cells = {"#address-cells": [2], "#size-cells": [2]}
    base = tree(("", cells, [memory, ("aliases", {"serial0": "/uart@9000000"}, []), uart, chosen]), [(0x1000, 0x2000)])
    labelled = tree(("", cells, [uart, ("__symbols__", {"serial": "/uart@9000000"}, [])]))

    def overlay(root):
        data = tree(("", {}, root))
        return bytes([9]) + struct.pack("<H", len(data)) + data

    def start(data):
        return struct.pack("<H", len(data)) + data
    edits = (bytes([0]) + struct.pack("<Q", 3) + bytes([0, 1]) + struct.pack("<II", 0x48000000, 0x1000) + bytes([1, 0, 8, 3, 2, 5, 4])
             + b"1234" + bytes([4, 0, 8, 1, 5, 1, 1, 6]) + struct.pack("<QQ", 1, 2) + bytes([7, 0, 8]) + struct.pack("<QQ", 1 << 32, 4096)
             + bytes([2, 1]))
    seed("tree_edits", "edits", start(base) + edits)
    by_path = [("fragment@0", {"target-path": "/chosen"}, [("__overlay__", {"bootargs": "debug"}, [("new", {"x": [1]}, [])])])]
    seed("tree_edits", "overlay_by_path", start(base) + overlay(by_path) + edits)
    by_label = [
        ("fragment@0", {"target": [0xffffffff]}, [("__overlay__", {"status": "okay"}, [])]),
        ("fragment@1", {"target-path": "/"}, [("__overlay__", {}, [
            ("clock", {"phandle": [1]}, []), ("user", {"clocks": [1, 5], "parent": [0xffffffff]}, [])])]),
        ("__fixups__", {"serial": b"/fragment@0:target:0\0/fragment@1/__overlay__/user:parent:0\0"}, []),
        ("__symbols__", {"clock": "/fragment@1/__overlay__/clock"}, []),
        ("__local_fixups__", {}, [("fragment@1", {}, [("__overlay__", {}, [("user", {"clocks": [0]}, [])])])])]
    seed("tree_edits", "overlay_by_label", start(labelled) + overlay(by_label) + overlay(by_label))


# --- microvm: flags (1: without DMA, 2: sizes as the next two numbers claim), the tree with
# its length, ACPI tables

def microvm():
    def table(signature, size, *fields):
        data = bytearray(struct.pack("<4sI", signature, size).ljust(size, b"\0"))
        for offset, field in fields:
            data[offset:offset + len(field)] = field
        return bytes(data)

    def host(name, blob, tables, flags=0, claimed=(0, 0)):
        seed("microvm", name, struct.pack("<BIII", flags, *claimed, len(blob)) + blob + tables)

    def register(address, space=0):
        return struct.pack("<BBBBQ", space, 8, 0, 0, address)
    cells = {"#address-cells": [2], "#size-cells": [2]}
    slots = [(f"virtio_mmio@{0xfeb00000 + 0x200 * i:x}",
              {"compatible": "virtio,mmio", "reg": [0, 0xfeb00000 + 0x200 * i, 0, 0x200], "status": "okay"}, []) for i in range(3)]
    blob = tree(("", {**cells, "compatible": "linux,microvm"}, [*slots, pci_node()]))
    fixed = table(b"FACP", 276, (112, struct.pack("<I", 1 << 10)), (116, register(0xfea00202)), (128, b"\x42"), (244, register(0xfea00200)))
    tables = table(b"DSDT", 91) + fixed + table(b"APIC", 60)
    host("qemu", blob, tables)
    host("slow", blob, tables, 1)
    host("ports", blob, fixed.replace(register(0xfea00202), register(0xcf9, 1)))
    host("no_acpi", blob, b"")
    host("cut", blob, tables, 2, (len(blob) - 40, 200))
    host("padded", blob, tables, 2, (1 << 20, 0x20000))
    host("claims_2_gib", blob, tables, 2, (0x80000000, 0x80000000))
    host("another_machine", tree(("", {**cells, "compatible": "linux,dummy-virt"}, slots)), tables)


# --- line_editor: what a terminal sends

def line_editor():
    up, down, right, left, home, end, delete = (b"\x1b[" + key for key in (b"A", b"B", b"C", b"D", b"H", b"F", b"3~"))
    seed("line_editor", "editing", b"echo helo" + left + b"l" + home + b"\x0b" + b"\x19" + b"echo x" + end + b"\x7f\x7fz\r")
    seed("line_editor", "history", b"echo one\recho two\r" + up + up + down + up + b" more\r" + up + b"\x15\r\r")
    seed("line_editor", "completion", b"vir\t l\t\r" + b"pr\t\t\x03" + b"e\t\t\t\x15help ver\t\r")
    seed("line_editor", "utf8", "echo größe ✓".encode() + left + left + delete + b"\x7f\r\xc3\r")
    seed("line_editor", "several_lines", b"if true\rthen echo a\rfi\rfor i in 1 2\rdo echo $i\rdone\r")
    seed("line_editor", "keys", b"a b c\x17\x01\x06\x02\x05\x0c\x14\x10\x0e" + b"\x1b[1;5C\x1bOH\x1b[200~x\x1b\x1b" + right + b"\x04\x08\r")
    seed("line_editor", "repeat", b"md 40000000 8\r\r\r" + b"x\x03" + b"sleep 9\r\x03\r")


# --- tftp, http: servers

def tftp():
    seeds_transfers.tftp(functools.partial(seed, "tftp"))


def http():
    seeds_transfers.http(functools.partial(seed, "http"))


# --- net_frames, dhcp, dns: the other side of a cable
RAW, IP, SEGMENT, ICMP6, PASS = range(5)


def net_frames():
    def raw(frame, part=4096):
        return struct.pack("<BHH", RAW, len(frame), part) + frame

    def packet(protocol, payload, fragment=0, number=1):
        return struct.pack("<BBBHH", IP, protocol, number, fragment, len(payload)) + payload

    def segment(flags, options=b"", away=0, acknowledged=0, window=0xFFFF, size=0):
        return struct.pack("<BBBHBH", SEGMENT, flags, len(options) // 4, away, acknowledged & 0xFF, window) + options + struct.pack("<HB", size, 0x41)

    def icmp6(kind, rest, sender=2):
        return struct.pack("<BBBBBH", ICMP6, kind, 0, sender, 0, len(rest)) + rest

    syn_ack, ack, fin, reset = 0x12, 0x10, 0x11, 0x14
    options = bytes((2, 4, 5, 0xB4, 1, 3, 3, 7, 4, 2, 1, 1))
    hello = segment(syn_ack, options, away=0x10000 - 1)
    data = [segment(ack, away=1000 * i, size=1000) for i in range(4)]
    seed("net_frames", "stream", b"\0" + hello + bytes([PASS, 1]) + (data[0] + bytes([PASS, 1])) * 3 + segment(fin) + bytes([PASS, 9]))
    seed("net_frames", "holes", b"\2" + hello + bytes([PASS, 1]) + data[2] + data[1] + data[3] + data[0] + bytes([PASS, 9]) + segment(reset))
    seed("net_frames", "options", b"\0" + hello + bytes([PASS, 1]) + segment(ack, b"\1\1\5\12" + bytes(8), size=10) + segment(ack, b"\1\1\1\5"))
    seed("net_frames", "fragments", b"\0" + packet(17, struct.pack(">HHHH", 9, 4000, 24, 0), 0x2000) + packet(17, b"x" * 16, 1) + bytes([PASS, 1]))
    seed("net_frames", "echo", b"\1" + packet(1, b"\x08\0\xf7\xff" + bytes(4)) + packet(1, b"\3\1" + bytes(40)) + bytes([PASS, 1]))
    advertisement = struct.pack(">BBHII", 64, 0, 1800, 0, 0) + b"\1\1RU\n\0\2\2" + bytes((3, 4, 64, 0xC0)) + struct.pack(">III", 99, 99, 0) + b"\x20\1\x0d\xb8" + bytes(12)
    mtu_and_dns = b"\5\1\0\0" + struct.pack(">I", 1400) + b"\x19\3\0\0" + struct.pack(">I", 99) + b"\xfd" + bytes(15)
    seed("net_frames", "advertisement", b"\0" + icmp6(134, advertisement + mtu_and_dns) + bytes([PASS, 250]) * 2)
    seed("net_frames", "neighbours", b"\0" + icmp6(135, bytes(4) + b"\xfe\x80" + bytes(14) + b"\1\1RU\n\0\2\2") + icmp6(136, b"\xe0" + bytes(19)) + icmp6(137, bytes(36)))
    too_big = struct.pack(">I", 1280) + b"\x60\0\0\0\0\x08\x3a\xff" + b"\xfe\x80" + bytes(6) + b"PT\0\xff\xfe\x124V" + b"\xfd" + bytes(15) + bytes(8)
    servers = b"".join(b"\x19\3\0\0" + struct.pack(">I", seconds) + b"\xfe\x80" + bytes(13) + b"\2" for seconds in (9, 0, 0xFFFFFFFF))
    seed("net_frames", "router_says", b"\0" + icmp6(2, too_big) + icmp6(134, bytes(12) + servers) + bytes([PASS, 9]))
    header = struct.pack(">6sH", b"RU\n\0\2\2", 0x86DD) + b"\x60\0\0\0" + struct.pack(">HBB", 24, 44, 64) + b"\xfe\x80" + bytes(14) + b"\xff\2" + bytes(13) + b"\1"
    seed("net_frames", "fragments6", b"\0" + raw(header + b"\x3a\0\0\1" + bytes(4) + b"\x80" + bytes(15)) + raw(header + b"\x3a\0\0\x10" + bytes(20)))
    arp = struct.pack(">6sHHHBBH", b"RU\n\0\2\2", 0x0806, 1, 0x0800, 6, 4, 1) + b"RU\n\0\2\2\x0a\0\2\2" + bytes(6) + b"\x0a\0\2\x0f"
    seed("net_frames", "arp", b"\0" + raw(arp, 1) + raw(arp, 64) + raw(arp[:30]))


def dhcp():
    def session(name, *answers):
        seed("dhcp", name, b"".join(struct.pack("<BH", flag, len(text)) + text for flag, text in answers))

    usual = b"\x36\4\x0a\0\2\2" + b"\x33\4\0\0\x0e\x10" + b"\1\4\xff\xff\xff\0" + b"\3\4\x0a\0\2\2" + b"\6\x08\x0a\0\2\3\x0a\0\2\4"
    offer, ack, nak = (b"\x35\1" + bytes([kind]) + usual for kind in (2, 5, 6))
    texts = b"\x0c\2vm" + b"\x0f\3a.b" + b"\x11\2/r" + b"\x42\x0810.0.2.9" + b"\x43\1f"
    session("usual", (0, offer + b"\xff"), (0, ack + texts + b"\xff"))
    session("refused", (0, offer + b"\xff"), (0, nak + b"\xff"), (0, offer + b"\xff"), (0, ack + b"\xff"))
    session("overload", (0, offer + b"\x34\1\3\xff"), (0, ack + b"\x34\1\3\xff"))
    session("no_end", (0, offer), (0, ack + b"\x43"), (0, ack + b"\x43\xff"))
    session("pieces", (0, offer + b"\x43\2a\0" + b"\x43\2bc"), (0, ack + b"\x43\xff" + b"b" * 255 + b"\x43\x2d" + b"b" * 45 + b"\xd1\1c\xd2\1/"))
    fields = b"\2" + (b"\x43\5three\xff").ljust(64, b"\0") + (b"\x43\4two-\xff").ljust(128, b"\0")
    seed("dhcp", "fields", b"".join(fields + struct.pack("<H", len(text)) + text for text in (offer + b"\x34\1\3", ack + b"\x34\1\3\x43\4one-")))
    session("header", (1, bytes(300)), (1, b"\2\1\6\0" + bytes(100)))


def dns():
    def answers(name, first, *records, flags=0):
        seed("dns", name, bytes([first, flags, len(records)]) + struct.pack("<H", len(b"".join(records))) + b"".join(records))

    def record(name, kind, data):
        return name + struct.pack(">HHIH", kind, 1, 60, len(data)) + data

    answers("address", 0, record(b"\xc0\x0c", 1, b"\xc0\0\2\7"))
    answers("address6", 1, record(b"\xc0\x0c", 28, b"\x20\1" + bytes(14)))
    answers("alias", 0, record(b"\xc0\x0c", 5, b"\1x\xc0\x0c"), record(b"\1x\xc0\x0c", 1, b"\xc0\0\2\7"))
    answers("loop", 0, record(b"\xc0\x1e", 1, b"\xc0\0\2\7"), record(b"\xc0\x0c", 5, b"\xc0\x0c"))
    answers("long_label", 0, b"\x3f" + b"a" * 20, flags=1)


def main():
    for target in (split_ring, packed_ring, mmio_registers, pci_config, device_config, blk_requests, vhost_user, partition_tables, ext4, device_tree, tree_edits, microvm, line_editor, tftp, http, net_frames, dhcp, dns):
        target()
    seeds_acpi.make(functools.partial(seed, "acpi_tables"))
    seeds_boot.make(functools.partial(seed, "boot_images"))
    seeds_net_card.make(functools.partial(seed, "net_card"))


if __name__ == "__main__":
    main()

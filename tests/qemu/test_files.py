# SPDX-License-Identifier: Apache-2.0
"""Files of many shapes, loaded on every board and compared with the host by checksum."""

import os
import random
import re
import zlib

import pytest

import images
import vm
from test_matrix import LOAD

KINDS = {
    "ext2-1k": ("ext2", ["-b", "1024"]),
    "ext3-2k": ("ext3", ["-b", "2048"]),
    "ext4-4k": ("ext4", []),
    "ext4-1k-32bit-blockmap": ("ext4", ["-b", "1024", "-O", "^extents,^64bit,^metadata_csum"]),
    "ext4-inline-big-inode": ("ext4", ["-O", "inline_data", "-I", "512"]),
}


def tree(folder, seed):
    """Files that touch each way of storing one; name -> content."""
    source = random.Random(seed)
    contents = {
        "empty": b"",
        "one": b"x",
        "tiny": b"some bytes that fit an inode",
        "block-1": source.randbytes(1023),
        "block": source.randbytes(4096),
        "block+1": source.randbytes(4097),
        "direct": source.randbytes(12 * 1024 + 5),
        "indirect": source.randbytes(300_000),
        "large": source.randbytes(5_000_000),
        "with space": source.randbytes(777),
    }
    sparse = bytearray(3_000_000)
    sparse[1_000_000:1_000_100] = source.randbytes(100)
    sparse[2_999_990:] = source.randbytes(10)
    contents["sparse"] = bytes(sparse)
    os.makedirs(folder / "deep" / "er")
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    with open(folder / "sparse", "wb") as file:  # again, with real holes
        file.truncate(3_000_000)
        file.seek(1_000_000)
        file.write(contents["sparse"][1_000_000:1_000_100])
        file.seek(2_999_990)
        file.write(contents["sparse"][2_999_990:])
    (folder / "deep" / "er" / "file").write_bytes(contents["block-1"])
    (folder / "fast").symlink_to("large")
    (folder / "slow").symlink_to("./" + "deep/../" * 12 + "indirect")  # over 60 characters: not in the inode
    (folder / "absolute").symlink_to("/deep/er/file")
    (folder / "through").symlink_to("deep/er")
    (folder / "loop-a").symlink_to("loop-b")
    (folder / "loop-b").symlink_to("loop-a")
    (folder / "dangling").symlink_to("nowhere")
    return contents


def load(machine, address, path):
    """Loads a file; its size and checksum as the machine sees them."""
    text = machine.command(f'load virtio 0 {address:x} "{path}"')
    loaded = re.search(r"^(\d+) bytes read in \d+ ms(?: \([\d.]+ (?:Bytes|[KMG]iB)/s\))?$", text, re.M)
    assert loaded, text
    size = int(loaded[1])
    assert machine.command("echo $filesize $fileaddr").split() == [f"{size:x}", f"{address:x}"]
    if size == 0:
        return 0, 0
    return size, int(machine.command(f"crc32 {address:x} {size:x}").split("==>")[1].split()[0], 16)


@pytest.mark.parametrize("kind", KINDS)
def test_files_equal_the_hosts(board, kind, tmp_path, machines):
    os.makedirs(tmp_path / "root")
    contents = tree(tmp_path / "root", seed=len(kind))
    file_system, options = KINDS[kind]
    image = images.ext(tmp_path / "disk.img", tmp_path / "root", kind=file_system, options=options)
    machine = machines.boot(board, vm.disk(0, image))
    address = LOAD[board.name]
    for name, content in contents.items():
        assert load(machine, address, f"/{name}") == (len(content), zlib.crc32(content)), name
    for name, target in (("fast", "large"), ("slow", "indirect"), ("absolute", "block-1"), ("through/file", "block-1"),
                         ("deep/./er/../er/file", "block-1"), ("../../one", "one")):
        assert load(machine, address, name) == (len(contents[target]), zlib.crc32(contents[target])), name
    machine.command("size virtio 0 /large")
    assert machine.command("echo $filesize").strip() == f"{5_000_000:x}"
    for missing in ("/nope", "/dangling", "/loop-a", "/one/two", "/deep"):
        text = machine.command(f"load virtio 0 {address:x} {missing}")
        assert text.count("\n") <= 2 and f"Failed to load '{missing}'" in text, text
        assert machine.status() == 1
    # Part of a file: bytes and position, in hexadecimal.
    text = machine.command(f"load virtio 0 {address:x} /large 1000 12345")
    assert "4096 bytes read" in text
    part = contents["large"][0x12345:0x13345]
    assert f"{zlib.crc32(part):08x}" in machine.command(f"crc32 {address:x} 1000")


def test_listing_equals_the_hosts(board, tmp_path, machines):
    os.makedirs(tmp_path / "root")
    tree(tmp_path / "root", seed=7)
    image = images.ext(tmp_path / "disk.img", tmp_path / "root", options=["-b", "4096"])
    machine = machines.boot(board, vm.disk(0, image))
    seen = {}
    for line in machine.command("ls virtio 0 /").splitlines():
        found = re.fullmatch(r"(<DIR> |<SYM> |      )([ \d]{10}) (.*)", line)
        assert found, line
        seen[found[3]] = (found[1].strip(), int(found[2]))
    for entry in os.scandir(tmp_path / "root"):
        kind = "<SYM>" if entry.is_symlink() else "<DIR>" if entry.is_dir() else ""
        size = 4096 if kind == "<DIR>" else entry.stat(follow_symlinks=False).st_size
        assert seen.pop(entry.name) == (kind, size), entry.name
    assert set(seen) == {".", "..", "lost+found"}
    # A link to a directory is followed, a directory may end in a slash, a missing one is an error.
    assert " file\n" in machine.command("ls virtio 0 /through")
    assert " file\n" in machine.command("ls virtio 0 deep/er/")
    assert machine.command("ls virtio 0 /none").strip()
    assert machine.status() == 1
    assert machine.command("fstype virtio 0").strip() == "ext4"


def test_directory_of_50000_entries(board, tmp_path, machines):
    """A lookup and a listing in a directory far larger than any cache."""
    names = [(f"entry-{number:05d}", b"found" if number == 31415 else b"") for number in range(50_000)]
    image = images.large_directory(tmp_path / "disk.img", tmp_path / "root", names)
    machine = machines.boot(board, vm.disk(0, image))
    text = machine.command("load virtio 0 $loadaddr /many/entry-31415")
    assert "5 bytes read" in text
    lines = machine.command("ls virtio 0 /many", timeout=120, most_lines=50_002).splitlines()
    assert len(lines) == 50_002
    assert sum(line.startswith("               0 entry-") for line in lines) == 49_999


PARTITIONED = {
    "gpt": ("gpt", "label: gpt\nstart=2048, size=65536, name=first\nstart=67584, size=65536, name=\"second one\"\n", 2),
    "mbr": ("dos", "label: dos\nlabel-id: 0xcafe1234\nstart=2048, size=2048, type=c\nstart=67584, size=65536, type=83, bootable\n", 2),
    "mbr-logical": ("dos", "label: dos\nlabel-id: 0xcafe1234\nstart=2048, size=2048, type=83\nstart=4096, size=200000, type=5\n"
                           "start=6144, size=2048, type=83\nstart=67584, size=65536, type=83\n", 6),
}


@pytest.mark.parametrize("table", PARTITIONED)
def test_partitions(board, table, tmp_path, machines):
    _, script, number = PARTITIONED[table]
    os.makedirs(tmp_path / "root")
    contents = tree(tmp_path / "root", seed=3)
    image = images.blank(tmp_path / "disk.img", 128 * images.MIB)
    images.partition(image, script)
    images.ext(image, tmp_path / "root", 32 * images.MIB, offset=67584 * 512)
    machine = machines.boot(board, vm.disk(0, image))
    address = LOAD[board.name]
    text = machine.command(f"load virtio 0:{number:x} {address:x} /large")
    assert f"{len(contents['large'])} bytes read" in text
    assert f"{zlib.crc32(contents['large']):08x}" in machine.command(f"crc32 {address:x} $filesize")
    listing = machine.command("part list virtio 0")
    if table == "gpt":
        assert "Partition Map for virtio device 0  --   Partition Type: EFI" in listing
        assert '  1\t0x00000800\t0x000107ff\t"first"' in listing
        assert '"second one"' in listing
        assert "<SYM>" in machine.command('ls virtio "0#second one" /')
    else:
        assert "Partition Map for virtio device 0  --   Partition Type: DOS" in listing
        assert "  1\t2048      \t2048      \tcafe1234-01\t" in listing
        assert f"  {number}\t67584     \t65536     \tcafe1234-{number:02x}\t83" in listing
    if table == "mbr":
        assert "83 Boot" in listing
        assert "<SYM>" in machine.command("ls virtio 0 /")  # no part: the first bootable one
    assert machine.command("virtio part 0").strip() == listing.strip()
    assert machine.command(f"part start virtio 0 {number}").strip() == "10800"
    assert machine.command(f"part size virtio 0 {number}").strip() == "10000"

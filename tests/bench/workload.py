# SPDX-License-Identifier: Apache-2.0
"""What is measured: the disk images, and the command line of each figure for each contender."""

import dataclasses
import os
import random
import re
import subprocess
import zlib

MIB = 1 << 20
BLOCK = 4096
READ_BYTES = 512 * MIB
FILE_BYTES = 200 * MIB
WRITE_BYTES = 256 * MIB
CRC_BYTES = 256 * MIB
ENTRIES = 2000
SCATTERED = 10_000
LOADED = "/file"

# The number of each disk.
RAW, CONTIGUOUS, FRAGMENTED, MANY, WRITTEN = range(5)
IMAGES = ("raw.img", "contiguous.img", "fragmented.img", "many.img", "written.img")

# Nested loops over digits of a block number jump over the whole disk; U-Boot on x86 cannot calculate. The
# last loop has the highest digit. 8 * 8 * 8 reads of 8 blocks.
LOOP_READS = 512
LOOP = ("for z in 2 7 b 4 d 0 9 e; do for y in 1d 73 c5 2e 98 5b e4 47; do for x in 0 9 3 c 6 f 1 a; "
        "do {}; done; done; done")


@dataclasses.dataclass(frozen=True)
class Figure:
    name: str
    title: str
    command: str  # {a} is the load address
    answer: str  # what the output must have
    times: int = 1  # as often as this
    before: str = ""  # a command that is not timed
    reads: int = 1  # the time is divided by this
    rival: str = ""  # U-Boot's command where it is another one
    rival_answer: str = ""  # as often as it reads
    rival_reads: int = 1


FIGURES = (
    Figure("read_contiguous", "`virtio read` of 512 MiB", f"virtio read {{a}} 0 {READ_BYTES // 512:x}", "1048576 blocks read: OK",
           before=f"virtio device {RAW}"),
    Figure("crc32", "`crc32` of 256 MiB", f"crc32 {{a}} {CRC_BYTES:x}", "==> {raw_crc}"),
    Figure("write", "`virtio write` of 256 MiB, durable", f"virtio write {{a}} 0 {WRITE_BYTES // 512:x}",
           "524288 blocks written: OK", before=f"virtio device {WRITTEN}"),
    Figure("read_4k", "scattered read of 4 KiB", f"virtio bench 0 {SCATTERED:x}", "reads/s",
           before=f"virtio device {RAW}", reads=SCATTERED, rival=LOOP.format("virtio read {a} $x$y${{z}}8 8"),
           rival_answer="8 blocks read: OK", rival_reads=LOOP_READS),
    Figure("read_4k_one", "the same, one at a time", f"virtio bench -1 0 {SCATTERED:x}", "reads/s", reads=SCATTERED),
    Figure("read_4k_loop", "the same in the shell's loop", LOOP.format("virtio read {a} $x$y${{z}}8 8"),
           "8 blocks read: OK", times=LOOP_READS, reads=LOOP_READS, rival_reads=LOOP_READS),
    Figure("loop", "that loop without its reads",
           LOOP.format('echo; echo "virtio read: device 0 block # $x$y${{z}}8, count 8 ... 8 blocks read: OK"'),
           "8 blocks read: OK", times=LOOP_READS, reads=LOOP_READS, rival_reads=LOOP_READS),
    Figure("ls_2000", "`ls` of 2,000 entries, ext4", f"ls virtio {MANY} /many", "entry-", times=ENTRIES),
    Figure("ext4_contiguous", "`load` of 200 MiB, ext4, contiguous", f"load virtio {CONTIGUOUS} {{a}} {LOADED}",
           f"{FILE_BYTES} bytes read"),
    Figure("ext4_fragmented", "`load` of 200 MiB, ext4, fragmented", f"load virtio {FRAGMENTED} {{a}} {LOADED}",
           f"{FILE_BYTES} bytes read"),
)
BY_NAME = {figure.name: figure for figure in FIGURES}


def tool(*command, text=""):
    """Runs a tool that makes images."""
    return subprocess.run([str(part) for part in command], check=True, input=text.encode(), capture_output=True).stdout.decode()


def write_random(path, size, seed):
    source = random.Random(seed)
    crc = 0
    with open(path, "wb") as file:
        for _ in range(size // MIB):
            part = source.randbytes(MIB)
            crc = zlib.crc32(part, crc)
            file.write(part)
    return crc


def blank_ext4(path, size, *options):
    with open(path, "wb") as image:
        image.truncate(size)
    tool("mke2fs", "-q", "-F", "-t", "ext4", "-b", str(BLOCK), "-E", "root_owner=0:0", *options, path)


def make_fragmented(path, content, size, seed=3):
    """Takes blocks away here and there, writes the file into what is left, and gives them back."""
    blank_ext4(path, size, "-m", "0")
    source = random.Random(seed)
    taken, block = [], 1
    while block < size // BLOCK:
        length = source.randint(1, 12)
        taken.append((block, min(length, size // BLOCK - block)))
        block += length + source.randint(8, 38)
    # A block that is in use already (the file system's own) stays out of the list: it must not be given back.
    in_use = used_blocks(path)
    taken = [(start, count) for start, count in taken if not any(number in in_use for number in range(start, start + count))]
    script = [f"setb {start} {count}" for start, count in taken] + [f"write {content} {LOADED[1:]}"]
    script += [f"freeb {start} {count}" for start, count in taken]
    tool("debugfs", "-w", "-f", "/dev/stdin", path, text="\n".join(script))
    # debugfs does not count blocks as it should; e2fsck does, and says 1 for "repaired".
    check = subprocess.run(["e2fsck", "-fy", str(path)], capture_output=True, check=False)
    if check.returncode not in (0, 1):
        raise RuntimeError(f"e2fsck finds {path} broken:\n{check.stdout.decode()}")


def used_blocks(path):
    """The blocks that a file system uses."""
    used = set(range(os.path.getsize(path) // BLOCK))
    for line in tool("dumpe2fs", path).splitlines():
        found = re.match(r"  Free blocks: (\S.*)$", line)
        for part in found[1].split(", ") if found else ():
            first, _, last = part.partition("-")
            used -= set(range(int(first), int(last or first) + 1))
    return used


def fragments(path):
    """The number of extents of the file."""
    text = tool("debugfs", "-R", f"dump_extents -l {LOADED}", path)
    return sum(re.match(r"\s*\d+/\s*\d+\s+\d+/", line) is not None for line in text.splitlines())


@dataclasses.dataclass(frozen=True)
class Workload:
    folder: str
    raw_crc: str  # of the first CRC_BYTES of the raw disk
    file_crc: str
    fragments: int
    extents: int  # of the contiguous file

    def path(self, number):
        return os.path.join(self.folder, IMAGES[number])

    def check_written(self):
        """What the machine wrote is what it had read before."""
        with open(self.path(RAW), "rb") as raw, open(self.path(WRITTEN), "rb") as written:
            for _ in range(WRITE_BYTES // MIB):
                if raw.read(MIB) != written.read(MIB):
                    raise RuntimeError("virtio write: the image does not have what was written")

    def clear_written(self):
        """The image is allocated, has other data, and is on the disk, so each run starts from the same."""
        with open(self.path(WRITTEN), "r+b") as file:
            for _ in range(WRITE_BYTES // MIB):
                file.write(b"\xa5" * MIB)
            file.flush()
            os.fsync(file.fileno())

    def warm(self):
        """Everything that is read lies in the host's page cache."""
        for number in range(len(IMAGES)):
            with open(self.path(number), "rb") as file:
                while file.read(16 * MIB):
                    pass


def crc_of(path, size):
    crc = 0
    with open(path, "rb") as file:
        for _ in range(size // MIB):
            crc = zlib.crc32(file.read(MIB), crc)
    return f"{crc:08x}"


def make(folder):
    """The images; made once and kept."""
    os.makedirs(folder, exist_ok=True)
    paths = [os.path.join(folder, name) for name in IMAGES]
    content = os.path.join(folder, "file")
    complete = os.path.join(folder, "complete-1")  # another number when the images change
    if not os.path.exists(complete):
        print("making disk images, once", flush=True)
        write_random(paths[RAW], READ_BYTES, seed=1)
        write_random(content, FILE_BYTES, seed=2)
        blank_ext4(paths[CONTIGUOUS], 320 * MIB, "-m", "0")
        tool("debugfs", "-w", "-f", "/dev/stdin", paths[CONTIGUOUS], text=f"write {content} {LOADED[1:]}\n")
        make_fragmented(paths[FRAGMENTED], content, 512 * MIB)
        root = os.path.join(folder, "root")
        os.makedirs(os.path.join(root, "many"), exist_ok=True)
        for number in range(ENTRIES):
            with open(os.path.join(root, "many", f"entry-{number:04d}"), "w", encoding="ascii") as file:
                file.write("x" * (number % 100))
        with open(paths[MANY], "wb") as image:
            image.truncate(64 * MIB)
        tool("mke2fs", "-q", "-F", "-t", "ext4", "-b", str(BLOCK), "-E", "root_owner=0:0", "-d", root, paths[MANY])
        with open(paths[WRITTEN], "wb") as file:
            file.truncate(WRITE_BYTES)
        with open(complete, "w", encoding="ascii"):
            pass
    workload = Workload(folder, crc_of(paths[RAW], CRC_BYTES), crc_of(content, FILE_BYTES), fragments(paths[FRAGMENTED]),
                        fragments(paths[CONTIGUOUS]))
    if workload.fragments < 2000 or workload.extents > 16:
        raise RuntimeError(f"the files have {workload.fragments} and {workload.extents} fragments, not 2,000 and few")
    return workload

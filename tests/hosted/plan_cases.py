# SPDX-License-Identifier: Apache-2.0
"""Machines and kernels at random for `vireo-hosted --plan`, each made by a seed: kernels of every format with sizes at the edges of what is
free, memory maps with holes, what is taken in them, initrds, device trees. A kernel is a header and zeroes."""
import bz2
import dataclasses
import gzip
import lzma
import random
import struct
import zlib

from plan_model import EVERYWHERE, GIB, KIB, MIB, PAGE, Bounds, Case, Machine, Rules, lowest

ARM, ARM64, RISCV32, RISCV64, X86, X86_64 = ISAS = ("arm", "arm64", "riscv32", "riscv64", "x86", "x86_64")


# --- kernels: the header, and what the protocol makes of it ---


def put(image, at, layout, *values):
    struct.pack_into("<" + layout, image, at, *values)


def efi_header(image, file_bytes):
    """A program of one section, which ends with the file."""
    put(image, 60, "I", 64)
    put(image, 64, "4sHH12xHH", b"PE\0\0", 0xaa64, 1, 0, 0)
    put(image, 64 + 24 + 16, "II", file_bytes - 1024, 1024)


def arm64(image, size, offset, is_efi):
    """Documentation/arch/arm64/booting.rst; a size of 0 is what kernels before 3.17 said."""
    put(image, 0, "8sQQQ24x4s", b"MZ@\xfa", offset, size, 10, b"ARM\x64")
    if is_efi:
        efi_header(image, len(image))
    if size == 0:
        offset, size = 0x80000, 16 * MIB
    return Rules("an arm64 Linux Image", Bounds(2 * MIB, offset % (2 * MIB)), size, window=32 * GIB, whole=len(image) if is_efi else 0)


def riscv(image, size, offset, is_efi, ram, is_32_bit):
    """Documentation/arch/riscv/boot.rst. The firmware below has the start of RAM; 32-bit kernels map a GiB of it, less a page."""
    put(image, 8, "QQQI12x8s4s", offset, size, 0, 2, b"RISCV\0\0\0", b"RSC\5")
    if is_efi:
        efi_header(image, len(image))
    boundary = (4 if is_32_bit else 2) * MIB
    end = ram + GIB - PAGE if is_32_bit else EVERYWHERE
    return Rules("a RISC-V Linux Image", Bounds(boundary, offset % boundary, ram + boundary, end), size, initrd=Bounds(PAGE, 0, ram, end),
                 told=Bounds(1, 0, ram, end if is_32_bit else 4 * GIB), whole=len(image) if is_efi else 0)


def arm(image, inflated, says_size, ram):
    """Documentation/arch/arm/booting.rst, and the table in arch/arm/boot/compressed: it unpacks itself to the start of RAM. How far, the end of
    the file says; QEMU gives a file from its start on, so that is not known before it has been loaded."""
    put(image, 0x24, "IIII", 0x016f2818, 0x100, 0x100 + len(image), 0x04030201)
    unpacks = 0x208000 + 32 * MIB
    if says_size:
        put(image, 0x34, "II", 0x45454545, 0x40)
        put(image, 0x40, "6I", 6, 0x5a534c4b, len(image) - 4, 0x54321, 0x208000, 0x10000)
        put(image, len(image) - 4, "I", inflated)
        unpacks = 0x208000 + inflated + 0x54321
    low = Bounds(PAGE, 0, ram, ram + 760 * MIB)

    def rules(unpacks, from_head=None):
        return Rules("a 32-bit Arm Linux zImage", Bounds(PAGE, 0, ram + unpacks, ram + 128 * MIB), len(image) + 256 * KIB, initrd=low,
                     told=Bounds(1, 0, ram, low.high), unpacks=(ram, ram + unpacks), whole=len(image), from_head=from_head)
    return rules(unpacks, rules(0x208000 + 32 * MIB))


def x86(image, size, sectors, flags, preferred, relocatable, is_board_64_bit):
    """Documentation/arch/x86/boot.rst: protocol 2.15."""
    skipped = (sectors + 1) * 512
    alignment = 2 * MIB
    put(image, 0x1f1, "B2xI", sectors, -(-(len(image) - skipped) // 16))
    put(image, 0x200, "BB4sH", 0xeb, 0x6a, b"HdrS", 0x20f)
    put(image, 0x211, "B", 1)
    put(image, 0x22c, "IIBBHI", 0x7fffffff, alignment, relocatable, 21, flags, 2047)
    put(image, 0x258, "QI", preferred, size)
    if relocatable:  # at any page, from where it goes on to its own alignment
        kernel, size = Bounds(PAGE, 0, preferred, 4 * GIB), size + alignment - PAGE
    else:
        kernel = Bounds(1 << 63, preferred, 0, 4 * GIB)
    has_64_bit_entry = flags & 1
    initrd_end = 1 << 31
    if not has_64_bit_entry:
        initrd_end = 0x38000000  # what a 32-bit kernel maps from the start
    elif is_board_64_bit and flags & 2:
        initrd_end = EVERYWHERE
    return Rules("an x86 Linux bzImage", kernel, size, initrd=Bounds(PAGE, 0, 0, initrd_end), block=64 * KIB, told=Bounds(1, 0, 0, 4 * GIB),
                 skipped=skipped, whole=len(image))


def kernel_of(isa, rng, ram, size):
    """(bytes, Rules) of a kernel that takes about `size` bytes."""
    file_bytes = rng.choice((2 * KIB, 64 * KIB, 64 * KIB + 1, 300 * KIB + 17))
    image = bytearray(file_bytes)
    offset = rng.choice((0, 0, 0x80000, 0x200000, PAGE * rng.randrange(512)))
    is_efi = rng.random() < 0.5
    if isa == ARM64:
        rules = arm64(image, rng.choice((size, size, size + 1, 0)), offset, is_efi)
    elif isa in (RISCV32, RISCV64):
        rules = riscv(image, size + rng.choice((0, 4095)), rng.choice((0x200000, 0x400000, offset)), is_efi, ram, isa == RISCV32)
    elif isa == ARM:
        rules = arm(image, size, rng.random() < 0.8, ram)
    else:
        sectors = rng.choice((1, 3, 39)) if file_bytes > 64 * KIB - 1 else 1
        preferred = rng.choice((16 * MIB, 16 * MIB, 1 * MIB, 32 * MIB))
        rules = x86(image, size, sectors, rng.choice((0x7f, 0x3f, 1, 4, 0)), preferred, rng.random() < 0.8, isa == X86_64)
    return bytes(image), rules


# --- what lies around a kernel ---


def uimage(isa, data):
    architecture = {ARM: 2, ARM64: 22, RISCV32: 26, RISCV64: 26, X86: 3, X86_64: 24}[isa]
    header = struct.pack(">7I4B32s", 0x27051956, 0, 0, len(data), 0, 0, zlib.crc32(data), 5, architecture, 2, 0, b"a test")
    return header[:4] + struct.pack(">I", zlib.crc32(header)) + header[8:] + data


def wrapped(isa, rng, data):
    pack = rng.choice((gzip.compress, bz2.compress, lzma.compress, lambda plain: lzma.compress(plain, lzma.FORMAT_ALONE)))
    kind = rng.randrange(4)
    if kind == 0:
        packed = gzip.compress(data)
        return struct.pack("<4s4sII8x32s", b"MZ", b"zimg", 512, len(packed), b"gzip").ljust(512, b"\0") + packed
    return uimage(isa, data) if kind == 1 else uimage(isa, pack(data)) if kind == 2 else pack(data)


# --- device trees ---


def device_tree(rng, ram, reserved, spare):
    """(bytes of the file, bytes that it takes at least). It says the RAM, and half of what is reserved in each of the two ways there are."""
    strings = b""
    offsets = {}
    for name in ("#address-cells", "#size-cells", "device_type", "reg", "ranges", "filler"):
        offsets[name], strings = len(strings), strings + name.encode() + b"\0"

    def prop(name, value):
        return struct.pack(">III", 3, len(value), offsets[name]) + value + bytes(-len(value) % 4)

    def node(name, *inside):
        text = name.encode() + b"\0"
        return struct.pack(">I", 1) + text + bytes(-len(text) % 4) + b"".join(inside) + struct.pack(">I", 2)

    def cells(ranges):
        return b"".join(struct.pack(">QQ", base, size) for base, size in ranges)
    two = prop("#address-cells", struct.pack(">I", 2)) + prop("#size-cells", struct.pack(">I", 2))
    half = len(reserved) // 2
    nodes = [node(f"taken@{base:x}", prop("reg", cells([(base, size)]))) for base, size in reserved[half:]]
    structure = node("", two, prop("filler", rng.randbytes(rng.choice((0, 100, 5000)))),
                     *(node(f"memory@{base:x}", prop("device_type", b"memory\0"), prop("reg", cells([(base, size)]))) for base, size in ram),
                     node("reserved-memory", two, prop("ranges", b""), *nodes)) + struct.pack(">I", 9)
    block = cells(reserved[:half]) + bytes(16)
    at = 40 + len(block)
    used = at + len(structure) + len(strings)
    header = struct.pack(">10I", 0xd00dfeed, used + spare, at, at + len(structure), 40, 17, 16, 0, len(strings), len(structure))
    return header + block + structure + strings + bytes(spare), used


# --- whole runs ---


@dataclasses.dataclass
class Run:
    """What is given to the program, and to the model."""
    options: list
    files: dict  # name -> bytes; sizes of zeroes are ints
    machine: Machine
    case: Case


def memory_map(isa, rng):
    """Banks of RAM, upwards."""
    base = 0 if isa in (X86, X86_64) else 0x80000000 if isa in (RISCV32, RISCV64) else 0x40000000
    sizes = (64, 96, 128, 256, 512, 1024) if isa in (ARM, RISCV32, X86) else (64, 128, 512, 2048, 6144)
    size = rng.choice(sizes) * MIB
    if base == 0:
        banks = [(0, 640 * KIB), (MIB, min(size, 3 * GIB) - MIB)]
        return banks + ([(4 * GIB, size - 3 * GIB)] if size > 3 * GIB else [])
    banks = [(base, size)]
    while rng.random() < 0.4 and len(banks) < 4:  # a hole, which need not end where anything is aligned
        start, whole = banks.pop()
        hole = PAGE * rng.randrange(1, 64 * 256)
        first = PAGE * rng.randrange(8 * 256, max(whole // PAGE // 2, 8 * 256 + 1))
        banks += [(start, first), (start + first + hole, max(whole - first, 8 * MIB))]
    return banks


def inside(rng, banks, size, unit=PAGE):
    """An address in some bank where `size` bytes may begin."""
    base, length = rng.choice([bank for bank in banks if bank[1] > size + unit] or banks)
    return base + unit * rng.randrange(max(1, (length - size) // unit))


def run_of(seed):  # pylint: disable=too-many-locals,too-many-branches
    """The run with that number."""
    rng = random.Random(f"plan {seed}")
    isa = ISAS[seed % len(ISAS)]
    banks = memory_map(isa, rng)
    taken = []
    for _ in range(rng.choice((0, 0, 1, 3, 8))):
        size = PAGE * rng.choice((1, 16, 256, rng.randrange(1, 8 * 256)))
        taken.append((inside(rng, banks, size), size))
    is_x86 = isa in (X86, X86_64)
    image, rules = kernel_of(isa, rng, banks[0][0], MIB * rng.choice((1, 3, 8, 20, 33, 60)))
    line = rng.choice(("", "quiet", "console=ttyAMA0 root=/dev/vda1 " + "x" * rng.randrange(1500)))

    options = ["--machine", isa]
    files = {"kernel": image}
    names = [f"owner {index}" for index, _ in enumerate(taken)]
    tree_bytes = 0 if is_x86 else 1  # the program makes one of at most a page
    if not is_x86 and rng.random() < 0.4:
        files["tree"], tree_bytes = device_tree(rng, banks, taken, rng.choice((0, 0, 100000)))
        options += ["--dtb", "tree"]
        half = len(taken) // 2
        names = ["device tree reservation"] * half + ["reserved memory"] * (len(taken) - half)
    else:
        for base, size in banks:
            options += ["--ram", f"{base:#x}:{size:#x}" if size % MIB else f"{base}:{size // MIB}M"]
        for (base, size), name in zip(taken, names):
            options += ["--reserve", f"{base:#x}:{size // KIB}K:{name}"]
    owners = [(base, base + size, name) for (base, size), name in zip(taken, names)]
    if is_x86:
        owners.append((0, MIB, "PC legacy area"))

    # At the edge: somebody has what follows the place that the kernel would get, or its last page.
    if rng.random() < 0.4:
        size = max(rules.size, len(image) - rules.skipped)
        base = lowest(Machine(banks, owners, tree_bytes).free(rules.unpacks), size, rules.kernel)
        if base is not None:
            start = base + -(-size // PAGE) * PAGE - rng.choice((0, 0, PAGE))
            options += ["--reserve", f"{start:#x}:64K:the edge"]
            owners.append((start, start + 64 * KIB, "the edge"))
    machine = Machine(banks, owners, tree_bytes)

    initrd = rng.choice((0, 1, PAGE, 3 * MIB + 17, 40 * MIB, max(high - low for low, high in machine.free())))
    is_wrapped = rng.random() < 0.2
    at = ()
    if is_wrapped:
        files["kernel"] = image = wrapped(isa, rng, image)
        initrd = min(initrd, 4 * MIB)
    elif rng.random() < 0.5:
        at = addresses(rng, banks, rules, len(image), initrd)
        options += ["--at", ",".join(f"{address:#x}" for address in at)]
    if initrd:
        files["initrd"] = initrd
        options += ["--initrd", "initrd"]
    if line:
        options += ["--append", line]
    case = Case(rules, len(image), initrd, at, line, is_wrapped)
    return Run([*options, "--kernel", "kernel", "--plan"], files, machine, case)


def addresses(rng, banks, rules, kernel, initrd):
    """Where the files are loaded to: legal or not, free or not, into each other or apart."""
    unit = rng.choice((2 * MIB, MIB, PAGE, 8))
    first = inside(rng, banks, rules.size, unit)
    if rng.random() < 0.6:  # where it may run, before the first sectors
        first = first - (first - rules.kernel.skew) % min(rules.kernel.alignment, 2 * MIB) + 2 * MIB - rules.skipped
    if rng.random() < 0.1:
        first = rng.choice((0, banks[-1][0] + banks[-1][1] - kernel + 1, (1 << 64) - 4096))
    if not initrd:
        return (first,)
    second = inside(rng, banks, initrd, PAGE)
    if rng.random() < 0.3:  # right behind the file, in what the kernel zeroes, or a byte into the file
        second = first + kernel + rng.choice((0, -1, PAGE))
    return first, max(0, second) % (1 << 64)

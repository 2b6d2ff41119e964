# SPDX-License-Identifier: Apache-2.0
"""A small initrd for a Debian kernel: busybox, the modules that reach a VirtIO disk and card, and a script that uses both."""

import dataclasses
import lzma
import os
import stat
import struct

MODULES = ("virtio_pci", "virtio_mmio", "virtio_blk", "virtio_net", "ext4")
# Who provides an algorithm that a module asks for by name; a kernel package has no list of that either.
PROVIDERS = {"crc32c": "crc32c_generic"}
APPLETS = ("awk", "cat", "cut", "echo", "free", "grep", "insmod", "ip", "mount", "ping", "poweroff", "sh", "sha256sum", "sleep", "uname", "usleep")

# What it says begins with "init: ", so that a reader tells it from the kernel's words. `root=` of the
# command line is the disk, `file=` one on it whose bytes the reader knows.
INIT = """#!/bin/sh
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
for module in $(cat /modules/order); do
    insmod /modules/$module || echo "init: no module $module"
done
root= file=
for word in $(cat /proc/cmdline); do
    case $word in root=*) root=${word#root=} ;; file=*) file=${word#file=} ;; esac
done
echo "init: kernel $(uname -r) $(uname -m)"
echo "init: command line $(cat /proc/cmdline)"
echo "init: processors $(grep -c ^processor /proc/cpuinfo)"
echo "init: memory $(awk '/^MemTotal/ { print $2 }' /proc/meminfo) KiB"
tries=100
while [ ! -b "$root" ] && [ $tries -gt 0 ]; do usleep 100000; tries=$((tries - 1)); done
if mount -t ext4 -o ro "$root" /mnt; then
    echo "init: file $(sha256sum < "/mnt/$file" | cut -c 1-64)"
fi
if ip link set eth0 up && ip addr add 10.0.2.15/24 dev eth0; then
    ping -c 1 -W 10 10.0.2.2 && echo "init: ping answered"
fi
echo "init: done"
poweroff -f
"""


@dataclasses.dataclass(frozen=True)
class Entry:
    name: str
    mode: int  # with its type, as stat has it
    data: bytes = b""
    device: tuple = (0, 0)  # major and minor number


def folder(name):
    return Entry(name, stat.S_IFDIR | 0o755)


def program(name, data):
    return Entry(name, stat.S_IFREG | 0o755, data)


def link(name, target):
    return Entry(name, stat.S_IFLNK | 0o777, target.encode())


def character_device(name, major, minor):
    return Entry(name, stat.S_IFCHR | 0o600, device=(major, minor))


def newc(entries):
    """The archive that a kernel unpacks: cpio's "newc" form. Parents stand before what is in them."""
    archive = bytearray()
    for number, entry in enumerate([*entries, Entry("TRAILER!!!", 0)], 1):
        name = entry.name.encode() + b"\0"
        fields = (number, entry.mode, 0, 0, 1, 0, len(entry.data), 0, 0, *entry.device, len(name), 0)
        archive += b"070701" + b"".join(b"%08X" % field for field in fields) + name
        archive += bytes(-len(archive) % 4)
        archive += entry.data
        archive += bytes(-len(archive) % 4)
    return bytes(archive)


def section(elf, wanted):
    """The bytes of one section of a little-endian ELF file, of 32 or 64 bits."""
    wide = elf[4] == 2
    table, = struct.unpack_from("<Q" if wide else "<I", elf, 0x28 if wide else 0x20)
    size, count, names = struct.unpack_from("<HHH", elf, 0x3A if wide else 0x2E)

    def header(index):
        at = table + index * size
        name, = struct.unpack_from("<I", elf, at)
        return name, *struct.unpack_from("<QQ" if wide else "<II", elf, at + (0x18 if wide else 0x10))
    strings = header(names)[1]
    for index in range(count):
        name, start, length = header(index)
        if elf[strings + name:elf.index(b"\0", strings + name)].decode() == wanted:
            return elf[start:start + length]
    raise ValueError(f"no section {wanted}")


class Modules:
    """The modules of an unpacked kernel package, which has no list of what needs what."""

    def __init__(self, root):
        folders = [os.path.join(root, name) for name in ("lib/modules", "usr/lib/modules")]
        release = next(os.path.join(path, name) for path in folders if os.path.isdir(path) for name in sorted(os.listdir(path)))
        self._files = {}
        for path, _, names in os.walk(release):
            self._files.update({self._plain(name): os.path.join(path, name) for name in names if ".ko" in name})
        with open(os.path.join(release, "modules.builtin"), encoding="utf-8") as builtin:
            self._built_in = {self._plain(os.path.basename(line.strip())) for line in builtin}

    @staticmethod
    def _plain(name):
        return name.split(".ko")[0].replace("-", "_")

    def _provider(self, word):
        """The module behind a soft dependency."""
        return PROVIDERS.get(word.removeprefix("crypto-"), self._plain(word))

    def read(self, name):
        with open(self._files[name], "rb") as file:
            data = file.read()
        return lzma.decompress(data) if self._files[name].endswith(".xz") else data

    def needs(self, name):
        """What must be there before: `depends=`, and `softdep=pre:`, which insmod does not see to."""
        facts = [fact.partition("=") for fact in section(self.read(name), ".modinfo").decode().split("\0")]
        depends = [word for key, _, value in facts if key == "depends" for word in value.split(",") if word]
        soft = [word for key, _, value in facts if key == "softdep" for word in value.partition("pre:")[2].split("post:")[0].split()]
        return [self._plain(word) for word in depends] + [self._provider(word) for word in soft]

    def in_order(self, wanted):
        """The names to load for these, each after what it needs. What is built in needs no loading."""
        order = []

        def add(name):
            if name in order or name in self._built_in:
                return
            if name not in self._files:
                raise ValueError(f"the kernel has no module {name}")
            for needed in self.needs(name):
                add(needed)
            order.append(name)
        for name in wanted:
            add(name)
        return order


def kernel(root):
    """The path of the image in an unpacked kernel package."""
    boot = os.path.join(root, "boot")
    return next(os.path.join(boot, name) for name in sorted(os.listdir(boot)) if name.startswith("vmlinu"))


def build(kernel_root, busybox_root, wanted=MODULES, init=INIT):
    """The archive for the kernel in one unpacked package with the busybox of another."""
    modules = Modules(kernel_root)
    order = modules.in_order(wanted)
    busybox = next(path for path in (os.path.join(busybox_root, name) for name in ("bin/busybox", "usr/bin/busybox")) if os.path.exists(path))
    with open(busybox, "rb") as file:
        busybox = file.read()
    return newc([
        *map(folder, ("bin", "dev", "mnt", "modules", "proc", "sys")),
        character_device("dev/console", 5, 1),
        program("bin/busybox", busybox), *(link(f"bin/{name}", "busybox") for name in APPLETS),
        *(program(f"modules/{name}", modules.read(name)) for name in order),
        program("modules/order", " ".join(order).encode() + b"\n"),
        program("init", init.encode()),
    ])

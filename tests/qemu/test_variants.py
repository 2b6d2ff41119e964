# SPDX-License-Identifier: Apache-2.0
"""Every way in which QEMU offers the machines: a row of the table lists a disk, resets once and powers off.

A new variant is one row. What else a variant must do or say is a named test below the table.
"""

import dataclasses
import functools
import glob
import os
import re
import subprocess

import pytest

import images
import vm
from conftest import PATIENCE, build_folder

MIB = images.MIB


@dataclasses.dataclass(frozen=True)
class Variant:
    board: str
    name: str
    arguments: str  # QEMU's, in the place of those of the documented line
    qemu: str = ""  # another emulator than the documented one
    # how the firmware gets in: -bios, -kernel, "pflash", a generic "loader", -kernel on sbi.S ("sbi"), "elf"
    image: str = "bios"
    flash_mib: int = 0  # the size that the machine wants for its flash; 0: any
    transport: str = "pci"
    device: str = ""  # further properties of the disk, each with its comma
    says: tuple = ()  # lines of the banner or parts of them
    keeps_quiet: tuple = ()  # what must not be in it
    stays_on: bool = False  # nothing in this machine can switch it off, and `poweroff` says so
    needs: str = ""  # an option, device, machine or processor that some releases of QEMU do not have

    def __str__(self):
        return f"{self.board}-{self.name}"

    def command(self, folder, disks=()):
        """The whole command line. `folder` takes a flash image if one is needed."""
        board = vm.BOARDS[self.board]
        firmware = os.path.join(build_folder(board), board.firmware)
        if self.image == "pflash":
            # A private copy, written by nobody: QEMU wants the whole flash, a sparse file will do.
            flash = folder / "flash.img"
            with open(firmware, "rb") as source:
                flash.write_bytes(source.read())
            if self.flash_mib:
                os.truncate(flash, self.flash_mib * MIB)
            loading = ["-drive", f"if=pflash,unit=0,format=raw,file={vm.escape(flash)},readonly=on"]
        elif self.image == "loader":
            loading = ["-device", f"loader,file={vm.escape(firmware)},addr=0x40200000,cpu-num=0,force-raw=on"]
        elif self.image == "elf":
            loading = ["-bios", os.path.join(build_folder(board), "vireo.elf")]
        elif self.image == "sbi":
            loading = ["-bios", build_sbi(folder, board.bits), "-kernel", firmware]
        else:
            loading = [f"-{self.image}", firmware]
        return [self.qemu or board.qemu, "-nographic", *self.arguments.split(), *loading, "-nic", "none", *disks]


def build_sbi(folder, bits):
    """The firmware of sbi.S, as a path."""
    abi = {32: "ilp32", 64: "lp64"}[bits]
    images.run("clang-19", f"--target=riscv{bits}-unknown-elf", f"-march=rv{bits}ima_zicsr", f"-mabi={abi}", "-mcmodel=medany",
               "-c", os.path.join(os.path.dirname(os.path.abspath(__file__)), "sbi.S"), "-o", folder / "sbi.o")
    images.run("ld.lld-19", "-Ttext=0x80000000", folder / "sbi.o", "-o", folder / "sbi.elf")
    return str(folder / "sbi.elf")


VIRT = "-machine virt"
A57 = "-cpu cortex-a57 -machine virt"
TWO_NODES = "-smp 2 -m 256M -object memory-backend-ram,id=m0,size=128M -object memory-backend-ram,id=m1,size=128M " \
            "-numa node,cpus=0,memdev=m0 -numa node,cpus=1,memdev=m1"
OPENSBI = ("OpenSBI",)
MICROVM = "-machine microvm"
BEHIND = ",disable-legacy=on,iommu_platform=on"  # a disk whose addresses an IOMMU translates
VARIANTS = [
    # arm: exception levels, interrupt controllers, memory layouts, processors, flash.
    Variant("qemu_arm", "secure", f"{VIRT},secure=on"),
    Variant("qemu_arm", "secure-hyp", f"{VIRT},secure=on,virtualization=on -smp 2"),
    Variant("qemu_arm", "hyp", f"{VIRT},virtualization=on", transport="mmio"),
    Variant("qemu_arm", "gicv3", f"{VIRT},gic-version=3 -smp 4"),
    Variant("qemu_arm", "secure-gicv3", f"{VIRT},secure=on,gic-version=3 -smp 4"),
    Variant("qemu_arm", "highmem-off", f"{VIRT},highmem=off -m 3G"),
    Variant("qemu_arm", "8G", f"{VIRT} -m 8G", says=("DRAM:  3 GiB\n", "5120 MiB of RAM lie above 4 GiB")),
    Variant("qemu_arm", "two-memory-nodes", f"{VIRT} {TWO_NODES}", says=("DRAM:  256 MiB\n",)),
    Variant("qemu_arm", "cortex-a7", f"{VIRT} -cpu cortex-a7 -smp 8"),
    Variant("qemu_arm", "max", f"{VIRT} -cpu max"),
    Variant("qemu_arm", "odd-ram", f"{VIRT} -m 2049M -accel tcg,thread=single -smp 8", says=("DRAM:  2049 MiB\n",)),
    Variant("qemu_arm", "virt-2.6", "-machine virt-2.6", transport="mmio"),
    Variant("qemu_arm", "qemu-aarch64", f"{VIRT} -cpu cortex-a15", qemu="qemu-system-aarch64"),
    Variant("qemu_arm", "pflash", VIRT, image="pflash", flash_mib=64),
    Variant("qemu_arm", "pflash-secure", f"{VIRT},secure=on -smp 2", image="pflash", flash_mib=64),
    Variant("qemu_arm", "kernel", f"{VIRT} -smp 2", image="kernel", transport="mmio", says=("PCI lies above 4 GiB",)),
    Variant("qemu_arm", "kernel-secure", f"{VIRT},secure=on,highmem=off -m 64M", image="kernel", keeps_quiet=("PCI lies",)),
    Variant("qemu_arm64", "secure", f"{A57},secure=on"),
    Variant("qemu_arm64", "secure-el2", f"{A57},secure=on,virtualization=on -smp 2"),
    Variant("qemu_arm64", "el2", f"{A57},virtualization=on,gic-version=2", transport="mmio"),
    Variant("qemu_arm64", "el2-gicv3", f"{A57},virtualization=on,gic-version=3 -smp 4"),
    Variant("qemu_arm64", "gicv3", f"{A57},gic-version=3,its=off -smp 8"),
    Variant("qemu_arm64", "gicv4", "-cpu max -machine virt,virtualization=on,gic-version=4"),
    Variant("qemu_arm64", "secure-gicv3", f"{A57},secure=on,gic-version=3 -smp 4"),
    Variant("qemu_arm64", "highmem-off", f"{A57},highmem=off -m 3G", says=("DRAM:  3 GiB\n",)),
    Variant("qemu_arm64", "8G", f"{A57} -m 8G -device pci-testdev,membar=4G", says=("DRAM:  8 GiB\n",), device=",disable-legacy=on"),
    Variant("qemu_arm64", "secure-8G", f"{A57},secure=on -m 8G", says=("DRAM:  8 GiB\n",)),
    Variant("qemu_arm64", "two-memory-nodes", f"{A57} {TWO_NODES}", says=("DRAM:  256 MiB\n",)),
    Variant("qemu_arm64", "icount", f"{A57} -m 100M -icount shift=5,sleep=off", says=("DRAM:  100 MiB\n",)),
    Variant("qemu_arm64", "smmu", f"{A57},iommu=smmuv3", device=BEHIND),
    Variant("qemu_arm64", "smmu-around", f"{A57},iommu=smmuv3"),
    Variant("qemu_arm64", "smmu-el2", f"{A57},iommu=smmuv3,virtualization=on,gic-version=3", device=BEHIND),
    Variant("qemu_arm64", "virtio-iommu", f"{A57} -device virtio-iommu-pci", device=BEHIND, keeps_quiet=("warning",)),
    Variant("qemu_arm64", "virtio-iommu-closed-around", f"{A57} -device virtio-iommu-pci,boot-bypass=off",
            says=("this IOMMU stops devices that have iommu_platform=on: start QEMU without its boot-bypass=off\n",)),
    Variant("qemu_arm", "smmu", f"{VIRT},iommu=smmuv3", device=BEHIND),
    Variant("qemu_arm64", "max", "-cpu max -machine virt,mte=on,ras=on,virtualization=on"),
    Variant("qemu_arm64", "cortex-a53", "-cpu cortex-a53 -machine virt,dtb-randomness=off -smp 4"),
    Variant("qemu_arm64", "neoverse-n1", "-cpu neoverse-n1 -machine virt"),
    Variant("qemu_arm64", "virt-2.6", "-cpu cortex-a57 -machine virt-2.6", transport="mmio"),
    Variant("qemu_arm64", "pflash", A57, image="pflash", flash_mib=64),
    Variant("qemu_arm64", "pflash-secure", f"{A57},secure=on,virtualization=on -smp 2", image="pflash", flash_mib=64),
    Variant("qemu_arm64", "kernel", f"{A57} -m 64M", image="kernel"),
    Variant("qemu_arm64", "kernel-secure-gicv3", f"{A57},secure=on,gic-version=3 -smp 2", image="kernel"),
    Variant("qemu_arm64", "kernel-el2-8G", f"{A57},virtualization=on -m 8G", image="kernel", says=("DRAM:  8 GiB\n",)),
    Variant("qemu_arm64", "loader", A57, image="loader"),

    # riscv: privilege, interrupt controllers, harts, flash. The same image in machine mode and under OpenSBI.
    Variant("qemu-riscv32", "aclint", f"{VIRT},aclint=on -smp 4"),
    Variant("qemu-riscv32", "aplic", f"{VIRT},aia=aplic"),
    Variant("qemu-riscv32", "aplic-imsic", f"{VIRT},aia=aplic-imsic -smp 2"),
    Variant("qemu-riscv32", "kernel", f"{VIRT} -bios none", image="kernel", transport="mmio"),
    Variant("qemu-riscv32", "4G", f"{VIRT} -m 4G", says=("DRAM:  2 GiB\n", "2048 MiB of RAM lie above 4 GiB")),
    Variant("qemu-riscv32", "sifive-u34", f"{VIRT} -cpu sifive-u34"),
    Variant("qemu-riscv32", "any", f"{VIRT} -cpu any", needs="any"),  # no supervisor mode
    Variant("qemu-riscv32", "sifive-e31", f"{VIRT} -cpu sifive-e31 -bios none", image="kernel"),
    Variant("qemu-riscv32", "pflash", f"{VIRT} -bios none -smp 4", image="pflash", flash_mib=32),
    Variant("qemu-riscv32", "supervisor", VIRT, image="sbi"),
    Variant("qemu-riscv32", "elf", f"{VIRT} -smp 2", image="elf"),
    Variant("qemu-riscv64", "aclint", f"{VIRT},aclint=on -smp 4"),
    Variant("qemu-riscv64", "aplic", f"{VIRT},aia=aplic"),
    Variant("qemu-riscv64", "aplic-imsic", f"{VIRT},aia=aplic-imsic,aia-guests=2 -smp 2"),
    Variant("qemu-riscv64", "kernel", f"{VIRT} -bios none", image="kernel", transport="mmio"),
    Variant("qemu-riscv64", "8G", f"{VIRT} -m 8G -device pci-testdev,membar=4G", says=("DRAM:  8 GiB\n",), device=",disable-legacy=on"),
    Variant("qemu-riscv64", "odd-ram", f"{VIRT} -m 129M -smp 8", says=("DRAM:  129 MiB\n",)),
    Variant("qemu-riscv64", "no-mmu-no-pmp", f"{VIRT} -cpu rv64,mmu=off,pmp=off"),
    Variant("qemu-riscv64", "sockets", f"{VIRT} {TWO_NODES}", says=("DRAM:  256 MiB\n",)),
    Variant("qemu-riscv64", "sifive-u54", f"{VIRT} -cpu sifive-u54"),
    Variant("qemu-riscv64", "any", f"{VIRT} -cpu any", needs="any"),  # no supervisor mode
    Variant("qemu-riscv64", "sifive-e51-pflash", f"{VIRT} -cpu sifive-e51 -bios none", image="pflash", flash_mib=32),
    Variant("qemu-riscv64", "shakti-c", f"{VIRT} -cpu shakti-c"),
    Variant("qemu-riscv64", "pflash", f"{VIRT} -smp 4", image="pflash", flash_mib=32),
    Variant("qemu-riscv64", "opensbi", VIRT, image="kernel", says=OPENSBI),
    Variant("qemu-riscv64", "opensbi-smp", f"{VIRT} -smp 8", image="kernel", transport="mmio", says=OPENSBI),
    Variant("qemu-riscv64", "opensbi-aclint", f"{VIRT},aclint=on -smp 2", image="kernel", says=OPENSBI),
    Variant("qemu-riscv64", "opensbi-aplic", f"{VIRT},aia=aplic", image="kernel", says=OPENSBI),
    Variant("qemu-riscv64", "opensbi-aplic-imsic", f"{VIRT},aia=aplic-imsic -smp 2", image="kernel", says=OPENSBI),
    Variant("qemu-riscv64", "opensbi-imsic-sockets", f"{VIRT},aia=aplic-imsic {TWO_NODES}", image="kernel", says=OPENSBI),
    Variant("qemu-riscv64", "opensbi-8G", f"{VIRT} -m 8G", image="kernel", says=(*OPENSBI, "DRAM:  8 GiB\n")),
    Variant("qemu-riscv64", "opensbi-sockets", f"{VIRT} {TWO_NODES}", image="kernel", says=OPENSBI),
    Variant("qemu-riscv64", "opensbi-sifive-u54", f"{VIRT} -cpu sifive-u54", image="kernel", says=OPENSBI),
    Variant("qemu-riscv64", "supervisor", VIRT, image="sbi"),
    Variant("qemu-riscv64", "elf", VIRT, image="elf"),
    # IOMMUs, with disks that go through them and disks that do not.
    *[Variant(board, f"{iommu}{mode}{way}", arguments, image=image, device=device, needs=needs, says=says, keeps_quiet=("warning",))
      for way, device in (("", BEHIND), ("-around", ""))
      for board, iommu, arguments, needs in (
          ("qemu-riscv64", "iommu-sys", f"{VIRT},iommu-sys=on", "iommu-sys"),
          ("qemu-riscv64", "iommu-sys-aia", f"{VIRT},iommu-sys=on,aia=aplic-imsic -smp 2", "iommu-sys"),
          ("qemu-riscv64", "iommu-pci", f"{VIRT} -device riscv-iommu-pci", "riscv-iommu-pci"),
          ("qemu-riscv32", "iommu-pci", f"{VIRT} -device riscv-iommu-pci", "riscv-iommu-pci"))
      for mode, image, says in (("", "bios", ()), ("-opensbi", "kernel", OPENSBI))
      if not (board == "qemu-riscv32" and image == "kernel")],
    # QEMU 7.2's machine refuses the device, which its list has; the other option tells the releases apart.
    Variant("qemu-riscv64", "virtio-iommu", f"{VIRT} -device virtio-iommu-pci", device=BEHIND, needs="iommu-sys"),

    # x86: chip sets, processors, machines without PCI, flash.
    Variant("qemu-x86", "q35", "-machine q35"),
    Variant("qemu-x86", "pentium2-q35", "-machine q35 -cpu pentium2", device=",disable-legacy=on"),
    Variant("qemu-x86", "max-q35", "-machine q35 -cpu max -smp 4"),
    Variant("qemu-x86", "no-apic", "-cpu qemu32,-apic"),
    Variant("qemu-x86", "no-pae", "-cpu qemu32,pae=off"),
    Variant("qemu-x86", "vga-none-q35", "-machine q35 -vga none"),
    Variant("qemu-x86", "8G", "-m 8G", says=("DRAM:  3 GiB\n", "5120 MiB of RAM lie above 4 GiB")),
    Variant("qemu-x86", "8G-q35", "-machine q35 -m 8G", says=("DRAM:  2 GiB\n", "6144 MiB of RAM lie above 4 GiB")),
    Variant("qemu-x86", "qemu-x86_64", "-machine q35", qemu="qemu-system-x86_64"),
    Variant("qemu-x86", "pc-2.0", "-machine pc-i440fx-2.0", needs="pc-i440fx-2.0"),
    Variant("qemu-x86", "no-acpi", "-no-acpi -no-hpet", stays_on=True, needs="no-acpi"),
    Variant("qemu-x86", "acpi-off", "-machine pc,acpi=off,hpet=off", stays_on=True),
    Variant("qemu-x86", "fw_cfg-without-dma", "-machine q35 -global fw_cfg.dma_enabled=off"),
    Variant("qemu-x86", "pflash", "-m 256M", image="pflash"),
    Variant("qemu-x86", "pflash-q35", "-machine q35", image="pflash"),
    Variant("qemu-x86", "microvm-modern", f"{MICROVM} -global virtio-mmio.force-legacy=false -smp 2", transport="mmio"),
    Variant("qemu-x86", "microvm-8G", f"{MICROVM},rtc=off -m 8G", transport="mmio", says=("DRAM:  3 GiB\n",)),
    Variant("qemu-x86", "microvm-bare", f"{MICROVM},acpi=off,pit=off,pic=off,rtc=off", transport="mmio", stays_on=True),
    Variant("qemu-x86", "microvm-pcie", f"{MICROVM},pcie=on -cpu pentium3", keeps_quiet=("warning",)),
    Variant("qemu-x86_64", "core2duo-q35", "-machine q35 -cpu core2duo -smp 2", device=",disable-legacy=on"),
    Variant("qemu-x86_64", "max-8G", "-cpu max -m 8G -smp 4", says=("DRAM:  8 GiB\n",)),
    Variant("qemu-x86_64", "8G-q35", "-machine q35 -m 8G", says=("DRAM:  8 GiB\n",), device=",disable-legacy=on"),
    Variant("qemu-x86_64", "low-ram-1G", "-machine pc,max-ram-below-4g=1G -m 3G", says=("DRAM:  3 GiB\n",)),
    Variant("qemu-x86_64", "low-ram-16M", "-machine pc,max-ram-below-4g=16M -m 4G", says=("DRAM:  4 GiB\n",)),
    Variant("qemu-x86_64", "odd-ram-q35", "-machine q35 -m 3583M -smp 8", says=("DRAM:  3583 MiB\n",)),
    Variant("qemu-x86_64", "no-nx", "-cpu qemu64,-nx -accel tcg,thread=single -smp 2"),
    Variant("qemu-x86_64", "icount-microvm", f"{MICROVM} -icount shift=5,sleep=off", transport="mmio"),
    Variant("qemu-x86_64", "vga-none", "-vga none"),
    *[Variant(board, f"{iommu}-q35{way}", f"-machine q35 -device {iommu}", device=device)
      for board, iommu, way, device in (
          ("qemu-x86_64", "intel-iommu", "", BEHIND), ("qemu-x86_64", "intel-iommu", "-around", ""),
          ("qemu-x86_64", "amd-iommu", "", BEHIND), ("qemu-x86_64", "amd-iommu", "-around", ""),
          ("qemu-x86_64", "virtio-iommu-pci", "", BEHIND), ("qemu-x86", "amd-iommu", "", BEHIND))],
    Variant("qemu-x86_64", "q35-2.4", "-machine pc-q35-2.4"),
    Variant("qemu-x86_64", "no-acpi", "-no-acpi", stays_on=True, needs="no-acpi"),
    Variant("qemu-x86_64", "acpi-off", "-machine pc,acpi=off", stays_on=True),
    Variant("qemu-x86_64", "no-acpi-q35", "-machine q35,acpi=off"),
    Variant("qemu-x86_64", "pflash", "", image="pflash"),
    Variant("qemu-x86_64", "pflash-q35", "-machine q35 -m 8G", image="pflash", says=("DRAM:  8 GiB\n",)),
    Variant("qemu-x86_64", "microvm-no-acpi", f"{MICROVM},acpi=off -smp 4", transport="mmio", stays_on=True),
    Variant("qemu-x86_64", "microvm-no-timer", f"{MICROVM},pit=off,pic=off,rtc=off,ioapic2=off", transport="mmio"),
    Variant("qemu-x86_64", "microvm-8G", f"{MICROVM},rtc=off -m 8G", transport="mmio", says=("DRAM:  8 GiB\n",)),
    Variant("qemu-x86_64", "microvm-pcie", f"{MICROVM},pcie=on -m 6G -device pcie-root-port,id=rp0", device=",bus=rp0",
            says=("DRAM:  6 GiB\n",)),
    Variant("qemu-x86_64", "microvm-fw_cfg-without-dma", f"{MICROVM} -global fw_cfg.dma_enabled=off", transport="mmio"),
]


@functools.cache
def help_of(qemu):
    """All that this QEMU says it has: devices, machines, processors, options, and those of the machine `virt`."""
    questions = ("-device help", "-machine help", "-cpu help", "-machine virt,help", "--help")
    return "".join(subprocess.run([qemu, *words.split()], check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL,
                                  timeout=PATIENCE).stdout for words in questions)


def qemu_has(qemu, word):
    return re.search(rf"(?<![\w])-?(?<!\w-){re.escape(word)}(?![\w.-])", help_of(qemu)) is not None


def skip_unless_qemu_has(variant):
    qemu = variant.qemu or vm.BOARDS[variant.board].qemu
    if variant.needs and not qemu_has(qemu, variant.needs):
        version = subprocess.run([qemu, "--version"], check=True, capture_output=True, text=True, timeout=PATIENCE).stdout
        pytest.skip(f"{version.splitlines()[0]} has no {variant.needs}")


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_variant(variant, tmp_path, machines):
    skip_unless_qemu_has(variant)
    image = images.documented(tmp_path / "test.img", tmp_path / "root")
    machine = machines.start(variant.command(tmp_path, vm.disk(0, image, variant.transport, device=variant.device)), PATIENCE)
    check(machine, variant)
    machine.send("reset\r")
    machine.expect("resetting \\.\\.\\.")
    check(machine, variant)
    if variant.stays_on:
        assert "not supported (this machine has no ACPI power management)" in machine.command("poweroff")
        return
    machine.send("poweroff\r")
    machine.expect("poweroff \\.\\.\\.")
    assert machine.wait_exit() == 0


def check(machine, variant):
    """From power-on or reset to a listing."""
    banner = machine.boot()
    assert "Vireo" in banner
    for words in variant.says:
        assert words in banner
    for words in variant.keeps_quiet:
        assert words not in banner
    assert "<SYM>          7 bin\n" in machine.command("ls virtio 0 /")
    assert machine.command("sleep 0.1") == ""


BEYOND = [("qemu_arm64", "-cpu max", "1T", "mmio", "1023 GiB", ("1024 MiB of RAM lie above 1024 GiB", "PCI lies above 1024 GiB")),
          ("qemu_arm64", "-cpu max", "600G", "pci", "600 GiB", ()),
          ("qemu-riscv64", "", "1T", "pci", "254 GiB", ("788480 MiB of RAM lie above 256 GiB",))]


@pytest.mark.parametrize("board,cpu,size,transport,dram,says", BEYOND)
def test_ram_beyond_what_page_tables_reach(board, cpu, size, transport, dram, says, tmp_path, machines):
    """The host need not have it: nobody touches all of it. What is out of reach is told, and refused as what is not RAM."""
    image = images.patterned(tmp_path / "disk.img", MIB)
    arguments = f"{cpu} -machine virt,memory-backend=ram -m {size} -object memory-backend-ram,id=ram,size={size},reserve=off"
    machine = machines.start(Variant(board, "", arguments).command(tmp_path, vm.disk(0, image, transport)), PATIENCE)
    banner = machine.boot()
    assert f"DRAM:  {dram}\n" in banner, banner
    assert banner.count("warning") == len(says) and all(words in banner for words in says), banner
    start, reach = re.search(r"-> start    = (0x\w+)\n-> size     = (0x\w+)", machine.command("bdinfo")).groups()
    end = int(start, 16) + int(reach, 16)
    assert "2048 blocks read: OK" in machine.command(f"virtio read {end - MIB:x} 0 800")
    assert "is not in RAM" in machine.command(f"virtio read {end:x} 0 1")


def test_arm_says_what_it_can_use_of_4_gib(tmp_path, machines):
    """U-Boot does not come up there."""
    image = images.patterned(tmp_path / "disk.img", MIB)
    machine = machines.boot(vm.BOARDS["qemu_arm"], ["-m", "4G", *vm.disk(0, image)])
    assert "DRAM:  3 GiB\n" in machine.banner
    assert "1024 MiB of RAM lie above 4 GiB, where this board cannot use them" in machine.banner
    # The top of what it can use, which is where the last address a pointer holds lies.
    assert "2048 blocks read: OK" in machine.command("virtio read f0000000 0 800")


OTHER_WIDTH = [
    Variant("qemu_arm64", "default-cpu", VIRT),
    Variant("qemu_arm64", "default-cpu-secure", f"{VIRT},secure=on -smp 2"),
    Variant("qemu_arm64", "default-cpu-kernel", VIRT, image="kernel"),
    Variant("qemu_arm", "cortex-a57", A57, qemu="qemu-system-aarch64"),
    Variant("qemu_arm", "max-secure", "-cpu max -machine virt,secure=on,virtualization=on -smp 2", qemu="qemu-system-aarch64"),
]


@pytest.mark.parametrize("variant", OTHER_WIDTH, ids=str)
def test_image_of_the_other_width(variant, tmp_path, machines):
    """qemu-system-aarch64 has a 32-bit processor unless told otherwise, which leaves U-Boot silent."""
    machine = machines.start(variant.command(tmp_path), PATIENCE)
    needs = {"qemu_arm64": "64-bit processor: add -cpu cortex-a57 ", "qemu_arm": "32-bit processor: -cpu cortex-a15\r"}
    machine.expect(f"\r\nThis image of Vireo needs a {needs[variant.board]}")


SUPERVISOR = [Variant("qemu-riscv64", "opensbi", VIRT, image="kernel"), Variant("qemu-riscv64", "own", VIRT, image="sbi"),
              Variant("qemu-riscv32", "own", VIRT, image="sbi")]


@pytest.mark.parametrize("variant", SUPERVISOR, ids=str)
def test_supervisor_mode(variant, tmp_path, machines):
    """Time, sleep and wake by SBI; the memory of the firmware below is nobody else's."""
    machine = machines.start(variant.command(tmp_path), PATIENCE)
    machine.boot()
    facts = machine.command("bdinfo")
    assert "privilege   = supervisor mode\n" in facts
    assert "parked harts" not in facts
    if variant.image == "kernel":
        assert re.search(r"= 0x0*80000000\.\.0x0*800[0-9a-f]{5} reserved memory", facts), facts
        assert "reserved memory" in machine.command("mw 80001000 0")
    assert machine.command("sleep 0.1") == ""
    machine.wait_processor_idle(0.5)
    share = min(machine.wait_processor_idle(2) for _ in range(2))
    assert share < 0.02, f"{share:.1%} of a core"
    for number in range(20):
        machine.wait_processor_idle(0.001 * (number % 7))
        assert machine.command(f"echo {number}", timeout=10).strip() == str(number)


@pytest.mark.parametrize("variant", SUPERVISOR, ids=str)
def test_console_of_the_firmware_below(variant, tmp_path, machines):
    """A serial port that Vireo does not know, but the firmware below does: the tree says that it has 4 bytes of registers."""
    tree = tmp_path / "tree.dtb"
    subprocess.run([vm.BOARDS[variant.board].qemu, "-machine", f"virt,dumpdtb={tree}", "-display", "none", "-bios", "none"], check=True,
                   capture_output=True, timeout=PATIENCE)
    port = (0x10000000).to_bytes(8, "big") + (0x100).to_bytes(8, "big")
    content = tree.read_bytes()
    assert content.count(port) == 1
    tree.write_bytes(content.replace(port, port[:8] + (4).to_bytes(8, "big")))
    image = images.documented(tmp_path / "test.img", tmp_path / "root")
    machine = machines.start([*variant.command(tmp_path, vm.disk(0, image)), "-dtb", tree], PATIENCE)
    assert "Vireo" in machine.boot()
    assert "<SYM>          7 bin\n" in machine.command("ls virtio 0 /")
    text = "0123456789abcdef" * 12
    assert machine.command(f"echo {text}") == f"{text}\n"
    machine.send("poweroff\r")
    assert machine.wait_exit() == 0


# --- x86 where U-Boot's head fails ---

def test_x86_64_on_q35(tmp_path, machines):
    test_variant(Variant("qemu-x86_64", "", "-machine q35"), tmp_path, machines)


def test_x86_64_with_vga_none_on_q35(tmp_path, machines):
    test_variant(Variant("qemu-x86_64", "", "-machine q35 -vga none"), tmp_path, machines)


def test_pentium3(tmp_path, machines):
    test_variant(Variant("qemu-x86", "", "-cpu pentium3 -m 64M"), tmp_path, machines)


@pytest.mark.parametrize("board", ["qemu-x86", "qemu-x86_64"])
def test_microvm(board, tmp_path, machines):
    """The disks have the command line's order, all of its devices are found, and the prompt leaves the host alone."""
    image = images.documented(tmp_path / "test.img", tmp_path / "root")
    arguments = f"{MICROVM} -device virtio-rng-device " + " ".join(
        vm.disk(7, images.blank(tmp_path / "first.img", MIB), "mmio", device=",serial=first"))
    machine = machines.start(Variant(board, "", arguments).command(None, vm.disk(8, image, "mmio")), PATIENCE)
    machine.boot()
    listing = machine.command("virtio list")
    order = re.findall(r"^(\d): mmio@feb0[0-9a-f]{4} .*?(entropy|virtio 0 \(serial first\)|virtio 1)", listing, re.M)
    assert order == [("0", "entropy"), ("1", "virtio 0 (serial first)"), ("2", "virtio 1")], listing
    assert "<SYM>          7 bin\n" in machine.command("ls virtio 1 /")
    machine.wait_processor_idle(0.5)
    share = min(machine.wait_processor_idle(2) for _ in range(2))
    assert share < 0.02, f"{share:.1%} of a core"


SLEEPS = [
    Variant("qemu_arm", "gicv2", VIRT),
    Variant("qemu_arm64", "gicv3", f"{A57},gic-version=3"),
    # Where all processors come out of reset together: the others have to sleep, too.
    Variant("qemu_arm", "secure-smp", f"{VIRT},secure=on -smp 4"),
    Variant("qemu_arm64", "secure-smp", f"{A57},secure=on,virtualization=on,gic-version=3 -smp 4"),
    Variant("qemu-riscv32", "pflash-smp", f"{VIRT} -bios none -smp 4", image="pflash", flash_mib=32),
    Variant("qemu-riscv64", "smp", f"{VIRT} -smp 4"),
    Variant("qemu-x86_64", "smp", "-smp 4"),
    Variant("qemu-x86", "no-apic", "-cpu qemu32,-apic"),
    Variant("qemu-x86_64", "no-apic-q35", "-machine q35 -cpu qemu64,-apic"),
    Variant("qemu-x86_64", "microvm", MICROVM),
    *[Variant(board, f"{aia}-{image}", f"{VIRT},aia={aia}", image=image)
      for aia in ("none", "aplic", "aplic-imsic")
      for board, image in (("qemu-riscv32", "bios"), ("qemu-riscv32", "sbi"), ("qemu-riscv64", "bios"), ("qemu-riscv64", "kernel"))
      if image != "sbi" or aia == "none"],  # that small SBI hands no such interrupt on
    # Not under OpenSBI: there the harts that wait wake up often. Not without messages: the console's
    # controller reaches the harts of its own socket only, and any hart may come first.
    Variant("qemu-riscv64", "aplic-imsic-sockets", f"{VIRT},aia=aplic-imsic {TWO_NODES}"),
]


def wakes_seldom(machine):
    """In one of four stretches: QEMU's threads also wait for each other, and often on a busy host."""
    rates = []
    while len(rates) < 4 and (not rates or rates[-1] >= 30):
        before = processor_switches(machine)
        machine.wait_processor_idle(1.5)
        rates.append((processor_switches(machine) - before) / 1.5)
    assert rates[-1] < 30, rates


@pytest.mark.parametrize("variant", SLEEPS, ids=str)
def test_the_console_wakes_the_processor(variant, tmp_path, machines):
    """Through every interrupt controller, and on no other processor. Without an interrupt the prompt looks 200 times a second whether somebody has typed."""
    machine = machines.start([*variant.command(tmp_path), "-name", "machine,debug-threads=on"], PATIENCE)
    machine.boot()
    machine.wait_processor_idle(1.3)  # the 16550's FIFOs are on, and the attention after the prompt is over
    wakes_seldom(machine)
    for number in range(30):
        machine.wait_processor_idle(0.001 * (number % 7))
        assert machine.command(f"echo {number}", timeout=10).strip() == str(number)
    # An interrupt that nobody claims would end each sleep from now on.
    machine.wait_processor_idle(1)
    wakes_seldom(machine)


@pytest.mark.parametrize("board,arguments", [("qemu-x86", "-machine microvm,isa-serial=off"), ("qemu-x86_64", ""), ("qemu_arm64", A57)])
def test_without_a_serial_port_the_host_is_left_alone(board, arguments, machines):
    """There is nobody to talk to; x86 took the missing port for one with endless input."""
    machine = machines.start([*Variant(board, "", f"{arguments} -serial none -monitor none").command(None),
                              "-name", "machine,debug-threads=on"], PATIENCE)
    machine.wait_processor_idle(3)
    share = min(machine.wait_processor_idle(1) for _ in range(3))
    assert share < 0.1, f"{share:.1%} of a core"


def processor_switches(machine):
    """How often the processors have gone to sleep."""
    switches = 0
    for status in glob.glob(f"/proc/{machine.pid}/task/*/status"):
        with open(status, encoding="ascii") as file:
            facts = dict(line.split(":", 1) for line in file)
        if re.fullmatch(r"CPU \d+/TCG", facts["Name"].strip()):
            switches += int(facts["voluntary_ctxt_switches"])
    assert switches > 0
    return switches


CLOCKS = {
    "qemu-x86": ("-machine pc", "-machine q35", "-machine pc,acpi=off", "-machine microvm"),
    "qemu-x86_64": ("-machine pc", "-machine q35,acpi=off", "-machine microvm", "-machine microvm,pit=off,pic=off,rtc=off"),
}


@pytest.mark.parametrize("board", list(CLOCKS))
def test_clock_is_right_whatever_it_is_measured_against(board, machines):
    """Under emulation the time-stamp counter is the host's, so that all machines must find the same rate, the ACPI timer's and
    the local APIC's way. U-Boot's head is 2.3 times too fast. That one rate is right, test_machine's sleep shows."""
    rates = {}
    for arguments in CLOCKS[board]:
        machine = machines.start(Variant(board, "", arguments).command(None), PATIENCE)
        machine.boot()
        rates[arguments] = int(re.search(r"clock_rate\s+= (\d+) Hz", machine.command("bdinfo"))[1])
        machine.close()
    assert max(rates.values()) < 1.004 * min(rates.values()), rates


@pytest.mark.parametrize("board,cpu,words", [("qemu-x86", "486", "Vireo for x86 needs a Pentium Pro"),
                                             ("qemu-x86_64", "pentium3", "Vireo for x86_64 needs a 64-bit processor")])
def test_a_processor_that_is_too_old_is_told_so(board, cpu, words, machines):
    machines.start(Variant(board, "", f"-cpu {cpu}").command(None), PATIENCE).expect(words)


@pytest.mark.parametrize("board,cpu", [("qemu-riscv32", "rv32,c=false"), ("qemu-riscv32", "lowrisc-ibex"),
                                       ("qemu-riscv64", "rv64,c=false"), ("qemu-riscv64", "rv64,a=false")])
def test_a_hart_without_the_extensions_is_told_so(board, cpu, machines):
    """Once, not by each hart."""
    if "a=false" in cpu and qemu_has(vm.BOARDS[board].qemu, "rv64i"):
        cpu += ",zawrs=false"  # newer QEMUs have that by default, and refuse it without the other
    machine = machines.start(Variant(board, "", f"{VIRT} -smp 3 -cpu {cpu}").command(None), PATIENCE)
    machine.expect("\r\nVireo for riscv needs a processor with atomic and compressed instructions.\r")
    machine.wait_processor_idle(0.2)
    assert machine.transcript.count("needs a processor") == 1


def test_no_clock_at_all_is_told(machines):
    machine = machines.start(Variant("qemu-x86", "", "-machine pc,acpi=off -cpu qemu32,-apic").command(None), PATIENCE)
    assert "warning: nothing here counts at a known rate" in machine.boot()


@pytest.mark.parametrize("board", ["qemu-x86", "qemu-x86_64"])
def test_a_warm_reset_trusts_nothing_in_ram(board, machines):
    """All RAM that is free is not zero when the machine starts for the second time."""
    machine = machines.start(Variant(board, "", "-m 64M").command(None), PATIENCE)
    machine.boot()
    regions = re.findall(r"0x([0-9a-f]{16})\.\.0x([0-9a-f]{16}) ", machine.command("bdinfo"))
    free = int(regions[0][1], 16) + 1
    end = int(regions[1][0], 16)
    assert end - free > 16 * MIB, regions
    machine.command(f"mw.l {free:x} ffffffff {(end - free) // 4:x}")
    machine.send("reset\r")
    assert "DRAM:  64 MiB\n" in machine.boot()
    assert machine.command("echo here").strip() == "here"


@pytest.mark.parametrize("name", ["qemu-riscv32", "qemu-riscv64"])
def test_no_device_tree(name, machines):
    """The generic loader starts a hart at the image, with nothing in its registers."""
    board = vm.BOARDS[name]
    firmware = os.path.join(build_folder(board), board.firmware)
    machine = machines.start([board.qemu, "-nographic", *VIRT.split(), "-bios", "none", "-device",
                              f"loader,file={vm.escape(firmware)},addr=0x80000000,cpu-num=0,force-raw=on"], PATIENCE)
    machine.expect("Vireo cannot start: device tree: none was passed on\r+\n")

# SPDX-License-Identifier: Apache-2.0
"""`vireo-hosted --plan`: 200 machines and kernels at random against a model of the boot protocols (plan_model.py), 20 of them in CI; and,
word for word, what it prints and refuses."""
import gzip
import re
import shlex
import subprocess

import pytest

import plan_cases
import plan_model
from conftest import HOSTED, PATIENCE
from plan_model import KIB, MIB
from rows import LONG

SEEDS = range(200) if LONG else range(0, 140, 7)


def write(folder, files):
    for name, data in files.items():
        with open(folder / name, "wb") as file:
            file.truncate(data) if isinstance(data, int) else file.write(data)  # pylint: disable=expression-not-assigned


def plan(folder, *options):
    """(status, what was printed) of a run in that folder."""
    done = subprocess.run([HOSTED, *map(str, options)], cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace", timeout=2 * PATIENCE, check=False)
    assert done.returncode in (0, 1, 2) and "Sanitizer" not in done.stdout, done.stdout
    return done.returncode, done.stdout


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: f"seed-{seed}")
def test_at_random(seed, tmp_path):
    run = plan_cases.run_of(seed)
    write(tmp_path, run.files)
    status, said = plan(tmp_path, *run.options)
    try:
        plan_model.Model(run.machine).check(run.case, status, said)
    except AssertionError as wrong:
        owners = "\n".join(f"{base:x}..{end - 1:x} {name}" for base, end, name in sorted(run.machine.owners))
        pytest.fail(f"seed {seed}: {wrong}\n{run.case}\n{owners}\n{shlex.join(run.options)}\nstatus {status}:\n{said}", pytrace=False)


def test_the_model_bites(tmp_path):
    """A plan with any of its numbers moved by a page is found to be wrong, and so is a refusal of what fits."""
    write(tmp_path, {"k": kernel(size=8 * MIB), "i": 3 * MIB})
    machine = plan_model.Machine([(0x40000000, 64 * MIB)], [(0x40800000, 0x40801000, "somebody")], 1)
    rules = plan_cases.arm64(bytearray(64 * KIB), 8 * MIB, 0, True)
    options = ["--machine", "arm64", "--ram", "0x40000000:64M", "--reserve", "0x40800000:4K:somebody", "--kernel", "k", "--initrd", "i", "--append", "quiet", "--plan"]
    status, said = plan(tmp_path, *options)
    model, case = plan_model.Model(machine), plan_model.Case(rules, 64 * KIB, 3 * MIB, line="quiet")
    model.check(case, status, said)
    wrong = [said.replace(number, f"0x{int(number, 16) + change:08x}") for number in re.findall("0x[0-9a-f]{8}", said)[:4] for change in (4096, -4096)]
    wrong += [said.replace("device tree  0x43a", "device tree  0x409"), said.replace("quiet", "quite"), said.replace("\n   initrd", ", moved from 0x42000000\n   initrd")]
    for part in ("kernel", "initrd", "device tree"):
        wrong.append(f"Cannot boot: no free RAM that fits the {part}: it takes 0x300000 bytes\n")
    wrong.append("Cannot boot: the kernel at 0x40000000..0x407fffff is not in RAM\n")
    wrong.append("Cannot boot: the kernel at 0x40000000..0x407fffff is not free: 0x40800000..0x40800fff belongs to somebody\n")
    wrong.append("Cannot boot: the kernel at 0x40000000..0x40800fff is not free: 0x40700000..0x40800fff belongs to somebody\n")
    for text in wrong:
        assert text != said
        with pytest.raises(AssertionError):
            model.check(case, 1 if text.startswith("Cannot") else 0, text)


def kernel(isa="arm64", size=8 * MIB, ram=0x40000000, file_bytes=64 * KIB):
    image = bytearray(file_bytes)
    if isa == "arm64":
        plan_cases.arm64(image, size, 0, True)
    elif isa.startswith("riscv"):
        plan_cases.riscv(image, size, 0x200000, True, ram, isa == "riscv32")
    elif isa == "arm":
        plan_cases.arm(image, size, True, ram)
    else:
        plan_cases.x86(image, size, 3, 0x7f, 16 * MIB, True, isa == "x86_64")
    return bytes(image)


@pytest.mark.parametrize("isa, ram, lines", [
    ("qemu_arm64", "0x40000000:512M", """
   kernel       0x40000000..0x407fffff, an arm64 Linux Image
   initrd       0x5fbfe000..0x5fefe3ff
   device tree  0x5fa00000..0x5fa0017d
"""),
    ("arm", "0x40000000:512M", """
   kernel       0x42208000..0x42257fff, a 32-bit Arm Linux zImage
   initrd       0x5fbfe000..0x5fefe3ff
   device tree  0x5fa00000..0x5fa0017d
"""),
    ("riscv64", "0x80000000:512M", """
   kernel       0x80200000..0x809fffff, a RISC-V Linux Image
   initrd       0x9fbfe000..0x9fefe3ff
   device tree  0x9fa00000..0x9fa0017d
"""),
    ("qemu-riscv32", "0x80000000:512M", """
   kernel       0x80600000..0x80dfffff, a RISC-V Linux Image
   initrd       0x9fbfe000..0x9fefe3ff
   device tree  0x9fa00000..0x9fa0017d
"""),
    ("x86_64", "0:512M", """
   kernel       0x01000000..0x019fefff, an x86 Linux bzImage
   initrd       0x1fbff000..0x1feff3ff
   boot_params  0x1fbf0000..0x1fbf1017
"""),
    ("x86", "0:512M", """
   kernel       0x01000000..0x019fefff, an x86 Linux bzImage
   initrd       0x1fbff000..0x1feff3ff
   boot_params  0x1fbf0000..0x1fbf1017
""")], ids=lambda value: value if ":" not in value and "\n" not in value else "")
def test_each_machine(isa, ram, lines, tmp_path):
    short = isa.removeprefix("qemu_").removeprefix("qemu-")
    write(tmp_path, {"Image": kernel(short, ram=int(ram.split(":")[0], 0)), "initrd": 3 * MIB + KIB})
    said = plan(tmp_path, "--machine", isa, "--ram", ram, "--kernel", "Image", "--initrd", "initrd", "--append", "root=/dev/vda1 quiet", "--plan")
    assert said == (0, lines[1:] + "   command line root=/dev/vda1 quiet\n")


def test_what_does_not_fit_is_one_line(tmp_path):
    write(tmp_path, {"k": kernel(), "i": 5 * MIB, "large": 64 * MIB, "cut": kernel()[:-1], "empty": b"", "text": b"no kernel" * 100, "riscv": kernel("riscv64"),
                     "cpio": b"070701" + bytes(1024), "gz": gzip.compress(kernel()), "bad.gz": gzip.compress(kernel())[:-5]})
    arm64 = ("--machine", "arm64", "--ram", "0x40000000:64M")
    full = (*arm64, "--reserve", "0x40000000:62M:a hypervisor")
    for options, why in (
            ((*arm64, "--kernel", "k", "--initrd", "large"), "no free RAM that fits the initrd: it takes 0x4000000 bytes"),
            ((*full, "--kernel", "k"), "no free RAM that fits the kernel: it takes 0x800000 bytes"),
            ((*full, "--kernel", "k", "--at", "0x43e00000"), "the kernel at 0x43e00000..0x445fffff is not in RAM"),
            ((*full, "--kernel", "k", "--at", "0x43000000"),
             "the kernel at 0x43000000..0x4300ffff is not free: 0x40000000..0x43dfffff belongs to a hypervisor"),
            ((*arm64, "--kernel", "k", "--at", "0x48000000"), "the kernel at 0x48000000..0x4800ffff is not in RAM"),
            ((*arm64, "--kernel", "k", "--initrd", "i", "--at", "0x40000000,0x4000ffff"),
             "the initrd at 0x4000ffff..0x4050fffe is not free: 0x40000000..0x4000ffff belongs to the kernel"),
            ((*arm64, "--kernel", "cut"), "the kernel is cut off: 65535 of its 65536 bytes are there"),
            ((*arm64, "--kernel", "empty"), "not found (the host gives no kernel)"),
            ((*arm64, "--kernel", "text"), "what was given as a kernel is no kernel of a known kind"),
            ((*arm64, "--kernel", "riscv"), "what was given as a kernel is a RISC-V Linux Image, for another machine"),
            ((*arm64, "--kernel", "cpio"), "what was given as a kernel is a cpio archive (an initrd), not an arm64 Linux Image"),
            (("--machine", "x86", "--kernel", "k"), "what was given as a kernel is an arm64 Linux Image, for another machine"),
            ((*arm64, "--kernel", "bad.gz"), "what lies at 0x43efe000 is a gzip file that cannot be used: corrupt (it ends after 0 KiB, in the middle of packed data)")):
        assert plan(tmp_path, *options, "--plan") == (1, f"Cannot boot: {why}\n"), options
    assert plan(tmp_path, *arm64, "--kernel", "gz", "--plan")[1].startswith(
        "   kernel       0x40000000..0x407fffff, an arm64 Linux Image out of a gzip file\n")


def test_a_tree_says_what_there_is(tmp_path):
    import random  # pylint: disable=import-outside-toplevel
    tree, _ = plan_cases.device_tree(random.Random(1), [(0x40000000, 64 * MIB)], [(0x40000000, 4 * MIB), (0x40600000, MIB)], 0)
    write(tmp_path, {"k": kernel(size=4 * MIB), "t": tree, "no-tree": bytes(100), "cut-tree": tree[:-1]})
    status, said = plan(tmp_path, "--machine", "arm64", "--dtb", "t", "--kernel", "k", "--plan")
    assert status == 0 and said.startswith("   kernel       0x40800000..0x40bfffff, an arm64 Linux Image\n") and said.endswith("(the device tree's)\n")
    for name, why in (("no-tree", "no device tree: FDT_ERR_BADMAGIC"), ("cut-tree", "no device tree: device tree of 381 bytes, larger than its place"),
                      ("not-there", "No such file or directory")):
        assert plan(tmp_path, "--machine", "arm64", "--dtb", name, "--kernel", "k", "--plan") == (2, f"vireo-hosted: {name}: {why}\n")


@pytest.mark.parametrize("options, why", [
    (["--plan"], "--plan takes a --machine and a --kernel"),
    (["--machine", "mips", "--plan"], "--machine mips: no machine of this name"),
    (["--machine", "arm64", "--plan"], "--plan takes a --machine and a --kernel"),
    (["--machine", "arm64", "--kernel", "k", "--plan", "--cmd", "help"], "--plan runs no --cmd"),
    (["--machine", "arm64", "--kernel", "k", "--at", "1M"], "--at is for --plan"),
    (["--machine", "arm64", "--kernel", "k", "--initrd", "i", "--at", "1M", "--plan"], "--at says nothing of the --initrd"),
    (["--machine", "arm64", "--at", "1M,x"], "--at 1M,x: no address, or two with a comma between"),
    (["--machine", "arm64", "--ram", "1M"], "--ram 1M: no range BASE:BYTES of addresses"),
    (["--machine", "arm64", "--ram", "0:0"], "--ram 0:0: no range BASE:BYTES of addresses"),
    (["--machine", "arm64", "--ram", "0xffffffffffffffff:2"], "--ram 0xffffffffffffffff:2: no range BASE:BYTES of addresses"),
    (["--machine", "arm64", "--ram", "0:1M:x"], "--ram 0:1M:x: RAM has no owner"),
    (["--ram", "0:1M"], "--ram, --reserve and --dtb take a --machine"),
    (["--machine", "arm64", "--initrd", "i"], "--initrd and --append take a --kernel"),
    (["--machine"], "--machine: unknown option, or its value is missing"),
])
def test_options_that_make_no_sense(options, why, tmp_path):
    assert plan(tmp_path, *options) == (2, f"vireo-hosted: {why} (see --help)\n")


def test_ram_that_cannot_be_had(tmp_path):
    write(tmp_path, {"k": kernel()})
    for options, why in (
            (("--ram", "0x1000:0x1000"), "no memory (no free RAM of that size)"),
            (("--ram", "0:0xffffffffffff0000"), "no memory (RAM of 16777215 or more bytes)"),
            (tuple(word for number in range(17) for word in ("--ram", f"{number * 2}G:1G")), "limit exceeded (too many RAM banks)")):
        status, said = plan(tmp_path, "--machine", "arm64", *options, "--kernel", "k", "--plan")
        assert status == 2 and said.startswith("vireo-hosted: ") and said.count("\n") == 1, (said, why)


def test_the_shell_on_such_a_machine(tmp_path):
    """The same commands as on the board, as far as the kernel's first instruction."""
    write(tmp_path, {"k": kernel(), "i": MIB})
    given = ("--machine", "arm64", "--ram", "0x40000000:64M", "--kernel", "k", "--initrd", "i", "--append", "quiet")
    status, said = plan(tmp_path, *given, "--cmd", "qfw load; booti $kernel_addr $initrd_addr")
    assert status == 1
    assert said.startswith("loading kernel to address 40000000 size 10000 initrd 43dff000 size 100000\n   kernel       0x40000000..0x407fffff")
    assert said.endswith("\nStarting kernel ...\n\nCannot boot: a program enters no kernel\n")
    assert plan(tmp_path, *given, "--plan")[1] in said

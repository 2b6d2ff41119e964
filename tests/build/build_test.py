# SPDX-License-Identifier: Apache-2.0
"""The build as a user meets it: boards, configurations, folders, errors. Run by ./test; alone: pytest tests/build."""
import hashlib
import os
import pathlib
import re
import shutil
import subprocess

import pexpect
import pytest

from rows import only_long

TOP = pathlib.Path(__file__).resolve().parents[2]
BOARDS = {
    "qemu_arm": "arm", "qemu_arm64": "arm64", "qemu-riscv32": "riscv32",
    "qemu-riscv64": "riscv64", "qemu-x86": "x86", "qemu-x86_64": "x86_64",
}


def make(*args, check=True, cwd=TOP, timeout=900, **env):
    """Runs make as a user would; returns its output."""
    result = subprocess.run(["make", *map(str, args)], cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, timeout=timeout, check=False,
                            env={**os.environ, "MAKEFLAGS": "", **env})
    if check:
        assert result.returncode == 0, result.stdout
    else:
        assert result.returncode != 0, result.stdout
    return result.stdout


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def config(folder):
    return (folder / ".config").read_text(encoding="utf-8")


def built(name, board, **symbols):
    """A board with other settings, in a folder of its own that stays: what was built there is not built again."""
    folder = TOP / "build/test/settings" / name
    subprocess.run([TOP / "tools/build/own", TOP / "build/test"], check=True)
    make(f"O={folder}", f"{board}_defconfig")
    text = config(folder)
    for symbol, value in symbols.items():
        line = f"CONFIG_{symbol}=y" if value is True else f"# CONFIG_{symbol} is not set" if value is False else f'CONFIG_{symbol}="{value}"'
        text, count = re.subn(rf"(?m)^(# CONFIG_{symbol} is not set|CONFIG_{symbol}=.*)$", lambda _, new=line: new, text)
        assert count == 1, symbol
    (folder / ".config").write_text(text, encoding="utf-8")
    make(f"O={folder}", "olddefconfig")
    make(f"O={folder}")
    return folder


def board_folder(board):
    """Where the QEMU tests have built a board; built now if they have not."""
    folder = pathlib.Path(os.environ.get("VIREO_BOARDS", TOP / "build/test/boards")) / board
    make(f"O={folder}", f"{board}_defconfig")
    make(f"O={folder}")
    return folder


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A copy of the source tree, for what builds inside it. The tarballs are shared."""
    target = tmp_path_factory.mktemp("tree") / "vireo"
    built = shutil.ignore_patterns(".git", "build", ".config*", "compile_commands.json", "u-boot.*", "vireo.*", "vireo-*")
    shutil.copytree(TOP, target, symlinks=True, ignore=lambda folder, names: (
        built(folder, names) if pathlib.Path(folder) == TOP else [name for name in names if name in ("cache", "__pycache__")]))
    return target


@pytest.fixture(scope="module", autouse=True)
def tarballs():
    os.environ.setdefault("VIREO_THIRD_PARTY", str(TOP / "third_party" / "cache"))


# With the one and with the other on a 32-bit and a 64-bit board; the four in `./test --long`.
@pytest.mark.parametrize("board,without,names", [
    ("qemu-riscv64", "VIRTIO_PCI", "virtio.*pci"), ("qemu_arm64", "VIRTIO_MMIO", "virtio.*mmio"),
    *only_long(("qemu_arm", "VIRTIO_PCI", "virtio.*pci"), ("qemu-riscv32", "VIRTIO_MMIO", "virtio.*mmio")),
])
def test_one_transport_only(board, without, names):
    folder = built(f"{board}-without-{without}", board, **{without: False})
    assert (folder / "u-boot.bin").stat().st_size > 0
    linked = [line for line in (folder / "vireo.map").read_text().splitlines() if re.search(names, line)]
    assert not linked, f"{without} is off and this is linked: {linked[:3]}"


def registries(map_file):
    """Name and size of each registry's section: commands, drivers, file systems."""
    sections = re.findall(r"^ *\w+ +\w+ +(\w+) +\d+ (vireo_\w+)$", map_file.read_text(), re.MULTILINE)
    return {name: size for size, name in sections}


def test_registries_survive_link_time_optimisation():
    without, optimised = (registries(folder / "vireo.map") for folder in (board_folder("qemu_arm"), built("qemu_arm-lto", "qemu_arm", LTO=True)))
    assert set(optimised) >= {"vireo_commands", "vireo_drivers", "vireo_filesystems"}
    assert optimised == without


def test_switching_boards_in_a_source_folder_elsewhere_gives_the_same_bytes(copy):
    """In the source folder itself, one board after another, without ccache: what the QEMU tests boot, bit by bit."""
    boards = pathlib.Path(os.environ.get("VIREO_BOARDS", TOP / "build/test/boards"))
    for board, results, absent in (
            ("qemu_arm", ["u-boot.bin", "vireo.bin", "vireo.elf"], ["u-boot.rom", "vireo.rom"]),
            ("qemu-x86_64", ["u-boot.bin", "u-boot.rom", "vireo.rom", "vireo.elf"], []),
            ("qemu_arm", ["u-boot.bin", "vireo.bin", "vireo.elf"], ["u-boot.rom", "vireo.rom"])):
        date = {"SOURCE_DATE_EPOCH": "1790000000", "VIREO_COMMIT": "1234567"}  # which the copy cannot know
        make(f"O={boards / board}", f"{board}_defconfig")
        make(f"O={boards / board}", **date)
        make(f"{board}_defconfig", cwd=copy)
        make("-j2", cwd=copy, CCACHE_DISABLE="1", **date)
        for name in results:
            assert digest(copy / name) == digest(boards / board / name), name
        for name in absent:
            assert not (copy / name).exists(), name
    rom = (boards / "qemu-x86_64/u-boot.rom").read_bytes()
    assert len(rom) % 65536 == 0 and any(rom[-16:]), "the ROM must end at the reset vector"
    make("compile_commands", cwd=copy)
    assert "clang++" in (copy / "compile_commands.json").read_text()
    make("mrproper", cwd=copy)
    left = {path.name for path in copy.iterdir()} - {path.name for path in TOP.iterdir()}
    assert not left, f"mrproper leaves {left}"


def git(folder, *words):
    subprocess.run(["git", "-C", folder, "-c", "user.name=A", "-c", "user.email=a@example.org", *words], check=True, stdout=subprocess.DEVNULL,
                   stdin=subprocess.DEVNULL)


def version(tree, file, **env):
    """The commit that tools/build/version finds for a tree; the whole header must not depend on the clock."""
    clean = {name: value for name, value in os.environ.items() if name not in ("VIREO_COMMIT", "SOURCE_DATE_EPOCH")}
    subprocess.run([TOP / "tools/build/version", tree, file], check=True, env={**clean, **env})
    return re.search(r'#define VIREO_COMMIT "(.*)"', file.read_text()).group(1)


def test_the_commit_is_known_and_a_modified_tree_is_told_from_a_clean_one(tmp_path):
    tree, file = tmp_path / "tree", tmp_path / "version.h"
    (tree / "cmake").mkdir(parents=True)
    shutil.copy(TOP / "cmake/llvm-version", tree / "cmake")
    shutil.copy(TOP / "VERSION", tree)
    assert version(tree, file) == ""  # a source archive
    git(tmp_path, "init", "-q")
    (tmp_path / "theirs").write_text("x")
    git(tmp_path, "add", "theirs")
    git(tmp_path, "commit", "-q", "-m", "somebody else's repository")
    assert version(tree, file) == ""
    git(tree, "init", "-q")
    git(tree, "add", ".")
    git(tree, "commit", "-q", "-m", "first")
    assert re.fullmatch("[0-9a-f]{7}", version(tree, file))
    header = file.read_text()
    (tree / "disk.img").write_text("what git does not know does not count")
    assert version(tree, file) and file.read_text() == header
    (tree / "VERSION").touch()  # neither does another time
    assert version(tree, file) and file.read_text() == header
    (tree / "VERSION").write_text("0.1.0 \n")
    assert re.fullmatch("[0-9a-f]{7}-dirty", version(tree, file))
    assert version(tree, file, VIREO_COMMIT="v0.1-3") == "v0.1-3"


def test_a_site_can_put_its_own_text_before_the_banner(tmp_path):
    """For tools that insist on U-Boot's; a quote in it does not end the text."""
    make(f"O={tmp_path}", "qemu_arm_defconfig")
    assert 'CONFIG_BANNER_PREFIX=""' in config(tmp_path)
    folder = built("qemu_arm-banner", "qemu_arm", BANNER_PREFIX=r'U-Boot 2026.10 (\"Vireo\")')
    console = pexpect.spawn("qemu-system-arm", ["-nographic", "-machine", "virt", "-nic", "none", "-bios", str(folder / "u-boot.bin")],
                            timeout=60, encoding="utf-8")
    for command in ("version\r", "poweroff\r"):  # at the start, and of the command
        console.expect(r'\nU-Boot 20\d\d\.\d\d \("Vireo"\) Vireo \d\S* \([^)]+\)\r')
        console.expect("=> $")
        console.send(command)
    console.expect(pexpect.EOF)


def test_relative_output_folder(copy):
    make("O=out/arm", "qemu_arm_defconfig", cwd=copy)
    make("O=out/arm", "compile_commands", cwd=copy)
    assert "src/base/" in (copy / "out/arm/compile_commands.json").read_text()
    assert not (copy / ".config").exists() and not (copy / "build").exists()
    make("O=out/arm", "mrproper", cwd=copy)
    assert not any((copy / "out/arm").iterdir())
    shutil.rmtree(copy / "out")


def test_cross_compile_is_ignored_with_one_note(tmp_path):
    output = make(f"O={tmp_path}", "qemu_arm_defconfig", CROSS_COMPILE="arm-linux-gnueabi-")
    assert output.count("CROSS_COMPILE") == 1
    assert make(f"O={tmp_path}", "qemu_arm_defconfig", "CROSS_COMPILE=arm-").count("CROSS_COMPILE") == 1


@pytest.mark.parametrize("line,message", [
    ("CONFIG_NO_SUCH_SYMBOL=y", "CONFIG_NO_SUCH_SYMBOL names no symbol"),
    ("CONFIG_BOOTDELAY=99999", "the range is"),
    ("CONFIG_BOOTDELAY=soon", "is not accepted"),
    ("CONFIG_HOSTED_SANITIZE=y", "it depends on ARCH_HOSTED"),
    ("BOOTDELAY=3", "not an assignment"),
])
def test_a_bad_defconfig_line_is_an_error_with_file_and_line(copy, line, message):
    bad = copy / "configs" / "bad_defconfig"
    bad.write_text(f"CONFIG_ARCH_ARM=y\n{line}\n", encoding="utf-8")
    output = make("bad_defconfig", check=False, cwd=copy)
    bad.unlink()
    assert "bad_defconfig:2: " in output and message in output
    assert not (copy / ".config").exists()


def test_menuconfig_without_a_terminal_says_so(tmp_path):
    assert make("-s", f"O={tmp_path}", "menuconfig", check=False).splitlines()[0] == "menuconfig needs a terminal"


def test_an_unknown_board_names_the_known_ones():
    assert "qemu-riscv64_defconfig" in make("qemu_mips_defconfig", check=False)


def test_make_without_a_configuration_says_what_to_do(tmp_path):
    assert "make qemu_arm_defconfig" in make(f"O={tmp_path}", check=False)


def test_savedefconfig_gives_the_configuration_back(tmp_path):
    for board in BOARDS:
        make(f"O={tmp_path}", f"{board}_defconfig")
        make(f"O={tmp_path}", "savedefconfig")
        subprocess.run(["/usr/bin/python3", "-B", TOP / "tools/kconfig/kconfig.py", "defconfig", tmp_path / "defconfig",
                        "--config", tmp_path / "again"], cwd=TOP, check=True,
                       env={**os.environ, "KCONFIG_CONFIG_HEADER": config(tmp_path).splitlines(keepends=True)[0]})
        assert (tmp_path / "again").read_text() == config(tmp_path)


def test_a_missing_tarball_is_one_clear_message(copy, tmp_path):
    manifest = copy / "third_party" / "manifest"
    good = manifest.read_text(encoding="utf-8")
    manifest.write_text(good.replace("device-tree-compiler_", "no-such-tarball_"), encoding="utf-8")
    result = subprocess.run([copy / "third_party" / "fetch", "--check"], capture_output=True, text=True, check=False,
                            env={**os.environ, "VIREO_THIRD_PARTY": str(tmp_path)})
    manifest.write_text(good, encoding="utf-8")
    assert result.returncode != 0
    assert len(result.stderr.splitlines()) == 1
    for part in ("no-such-tarball_1.7.2.orig.tar.xz", "92d8ca769805", "make fetch", "VIREO_THIRD_PARTY"):
        assert part in result.stderr


def test_another_distribution_is_told_what_it_lacks(tmp_path):
    """Ubuntu's apt knows mirrors, but none of Debian: another machine with network would not help."""
    (tmp_path / "etc/apt/sources.list.d").mkdir(parents=True)
    (tmp_path / "etc/os-release").write_text('PRETTY_NAME="Ubuntu 24.04 LTS"\n')
    sources = tmp_path / "etc/apt/sources.list.d/ubuntu.sources"
    sources.write_text("Types: deb\nURIs: http://archive.example.org/ubuntu/\n")
    environment = {**os.environ, "VIREO_APT": str(tmp_path / "etc/apt"), "VIREO_THIRD_PARTY": str(tmp_path / "empty")}

    def fetch(**more):
        result = subprocess.run([TOP / "third_party/fetch", "--check"], capture_output=True, text=True, check=False, env={**environment, **more})
        assert result.returncode == 1 and len(result.stderr.splitlines()) == 1
        return result.stderr
    assert "apt's sources on Ubuntu 24.04 LTS have no Debian mirror" in fetch() and "VIREO_MIRROR" in fetch()
    assert "on a machine with network" in fetch(VIREO_MIRROR="http://mirror.example.org/debian")
    sources.write_text("Types: deb\nURIs: http://mirror.example.org/debian\n")
    assert "on a machine with network" in fetch()


def test_the_hosted_program_needs_no_googletest(tmp_path):
    """Beside a board's configuration, which stays. Only what would be built is asked: the build itself takes minutes."""
    make(f"O={tmp_path}", "qemu_arm_defconfig")
    before = config(tmp_path)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/ninja").write_text('#!/bin/sh\nexec /usr/bin/ninja -n "$@"\n')
    (tmp_path / "bin/ninja").chmod(0o755)
    make("-s", f"O={tmp_path}", "vireo-hosted", PATH=f"{tmp_path}/bin:{os.environ['PATH']}")
    assert config(tmp_path) == before
    asked = subprocess.run(["ninja", "-C", tmp_path / "build/hosted", "-t", "inputs", "vireo-hosted"], capture_output=True, text=True, check=True).stdout
    assert "hosted/main.cpp" in asked and "gtest" not in asked and "tests/unit" not in asked


def without(tmp_path, *programs):
    """A PATH with everything but these."""
    for folder in ("/usr/bin", "/bin", "/usr/sbin"):
        for program in pathlib.Path(folder).iterdir():
            if program.name not in programs and not (tmp_path / program.name).exists():
                (tmp_path / program.name).symlink_to(program)
    return str(tmp_path)


@pytest.mark.parametrize("program", ["cmake", "ninja", "clang-19", "ld.lld-19"])
def test_a_missing_tool_is_one_line_that_says_what_installs_it(program, tmp_path):
    make(f"O={tmp_path / 'out'}", "qemu_arm_defconfig")
    (tmp_path / "bin").mkdir()
    output = make("-s", f"O={tmp_path / 'out'}", check=False, PATH=without(tmp_path / "bin", program))
    assert output.splitlines()[0] == f"{program} is missing: run tools/setup (as root), which installs what a build needs"
    assert len(output.splitlines()) == 2  # the other one is make's


def test_a_full_disk_is_called_so(tmp_path):
    """In a file system of 3 MiB, in a namespace of its own."""
    inner = f"mount -t tmpfs -o size=3m none '{tmp_path}' && make -s O='{tmp_path}' qemu_arm_defconfig && make -s O='{tmp_path}'"
    result = subprocess.run(["unshare", "-m", "sh", "-c", inner], cwd=TOP, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                            env={**os.environ, "MAKEFLAGS": "", "CCACHE_READONLY": "1"}, timeout=600)
    # In a chroot that is no mount of its own, for instance.
    if "unshare:" in result.stderr or "mount:" in result.stderr:
        pytest.skip("no file system of its own can be made here")
    assert result.returncode != 0
    assert f"no space is left in {tmp_path}" in result.stderr.splitlines(), result.stderr


def test_setup_without_root_names_all_packages_in_one_line(copy):
    setup = copy / "tools" / "setup"
    text = setup.read_text(encoding="utf-8").replace("make cmake", "make no-such-one no-such-two cmake")
    probe = copy / "tools" / "setup-probe"
    probe.write_text(text.replace('"$(id -u)" -ne 0', '1 -ne 0'), encoding="utf-8")
    result = subprocess.run(["sh", probe, "build"], capture_output=True, text=True, check=False)
    probe.unlink()
    assert result.returncode == 1
    assert result.stderr.splitlines() == ["missing Debian packages, install them as root: no-such-one no-such-two"]


def test_menuconfig_in_a_terminal(tmp_path):
    """Device Drivers, VirtIO Drivers, PCI driver: off, saved, and what .config says."""
    make(f"O={tmp_path}", "qemu_arm_defconfig")
    assert "CONFIG_VIRTIO_PCI=y" in config(tmp_path)
    screen = pexpect.spawn("make", ["-s", f"O={tmp_path}", "menuconfig"], cwd=str(TOP), dimensions=(40, 120), timeout=20,
                           env={**os.environ, "TERM": "xterm", "MAKEFLAGS": ""}, encoding="utf-8")
    for expected, key in [
            (r"Device Drivers\s+--->", "jj\r"),  # the third line of the first menu
            (r"VirtIO Drivers\s+--->", "\r"),
            (r"\[\*\] PCI driver for virtio devices", " "),
            (r"\x1b\[3;", "s"),  # curses redraws the one mark that changed
            ("Filename to save", "\r"),
            ("saved to|No change", "\r"),  # closes the message
    ]:
        screen.expect(expected)
        screen.send(key)
    # what is drawn once the message is gone depends on curses; a key too many does no harm
    for _ in range(10):
        screen.send("q")
        if screen.expect([pexpect.EOF, pexpect.TIMEOUT], timeout=2) == 0:
            break
    else:
        raise AssertionError(f"menuconfig does not end: {screen.before[-300:]!r}")
    assert "# CONFIG_VIRTIO_PCI is not set" in config(tmp_path)

# SPDX-License-Identifier: Apache-2.0
"""tools/payload: packages for tests come whole or not at all, and the archive that a kernel unpacks is in order."""

import hashlib
import os
import pathlib
import subprocess
import sys

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tools/payload"))

import initrd  # noqa: E402


def fetch(*arguments, tool=TOP / "tools/payload/fetch", **environment):
    return subprocess.run([tool, *arguments], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
                          env={**os.environ, **environment})


def fails(*arguments, **more):
    result = fetch(*arguments, **more)
    assert result.returncode == 1 and result.stdout == ""
    lines = result.stderr.splitlines()
    assert all(line.startswith("payload: ") for line in lines)
    return lines[-1]


@pytest.fixture
def pool(tmp_path):
    """A mirror with one package, and a copy of the tool whose manifest has it."""
    (tmp_path / "package/DEBIAN").mkdir(parents=True)
    (tmp_path / "package/DEBIAN/control").write_text("Package: hello\nVersion: 1:2-3\nArchitecture: arm64\nMaintainer: x <x@x>\nDescription: x\n")
    (tmp_path / "package/boot").mkdir()
    (tmp_path / "package/boot/vmlinuz-2").write_text("a kernel")
    folder = tmp_path / "debian/pool/main/h/hello"
    folder.mkdir(parents=True)
    deb = folder / "hello_2-3_arm64.deb"
    subprocess.run(["dpkg-deb", "-b", "--root-owner-group", tmp_path / "package", deb], check=True, capture_output=True)
    tools = tmp_path / "tree/tools"
    (tools / "payload").mkdir(parents=True)
    (tools / "build").mkdir()
    for name in ("payload/fetch", "build/mirrors"):
        (tools / name).write_bytes((TOP / "tools" / name).read_bytes())
        (tools / name).chmod(0o755)
    sha256 = hashlib.sha256(deb.read_bytes()).hexdigest()
    (tools / "payload/manifest").write_text(f"# one\nhello arm64 1:2-3 {deb.stat().st_size} {sha256} pool/main/h/hello\n")
    return tmp_path


def at(pool):
    return {"tool": pool / "tree/tools/payload/fetch", "VIREO_PAYLOADS": str(pool / "cache"), "VIREO_MIRROR": f"file:{pool}/debian"}


def test_a_package_is_brought_once_and_unpacked(pool):
    first = fetch("hello:arm64", **at(pool))
    assert first.returncode == 0, first.stderr
    root = pathlib.Path(first.stdout.strip())
    assert initrd.kernel(root) == str(root / "boot/vmlinuz-2")
    # From now on without a mirror.
    again = fetch("--check", "hello:arm64", "hello:arm64", **{**at(pool), "VIREO_MIRROR": "file:/nowhere/debian"})
    assert (again.returncode, again.stdout, again.stderr) == (0, f"{root}\n" * 2, "")


def test_other_bytes_are_not_unpacked(pool):
    deb = pool / "debian/pool/main/h/hello/hello_2-3_arm64.deb"
    deb.write_bytes(deb.read_bytes() + b"x")
    assert "hello_2-3_arm64.deb (sha256 " in fails("hello:arm64", **at(pool))
    (pool / "cache/hello_2-3_arm64.deb").write_bytes(deb.read_bytes())
    assert "is not to be had" in fails("hello:arm64", **at(pool))
    assert not [path for path in (pool / "cache").iterdir() if path.is_dir() or path.name.startswith(".hello")]


def test_what_cannot_be_had_is_one_clear_line(pool):
    assert fails("hello:riscv64", **at(pool)) == "payload: hello:riscv64 is not in tools/payload/manifest"
    assert "'tools/payload/fetch' brings it" in fails("--check", "hello:arm64", **at(pool))
    nothing = pool / "etc/apt"
    nothing.mkdir(parents=True)
    assert "apt's sources name no Debian mirror" in fails("hello:arm64", **{**at(pool), "VIREO_MIRROR": "", "VIREO_APT": str(nothing)})


def test_the_archive_is_what_cpio_has(tmp_path):
    """Every header on a boundary of four bytes, lengths in hexadecimal, parents first, one end."""
    archive = initrd.newc([initrd.folder("bin"), initrd.program("bin/abc", b"12345"), initrd.link("init", "bin/abc"),
                           initrd.character_device("console", 5, 1)])
    at, found = 0, []
    while True:
        assert archive[at:at + 6] == b"070701" and at % 4 == 0
        fields = [int(archive[at + 6 + 8 * n:at + 14 + 8 * n], 16) for n in range(13)]
        name = archive[at + 110:at + 110 + fields[11] - 1].decode()
        start = at + 110 + fields[11] + -(110 + fields[11]) % 4
        if name == "TRAILER!!!":
            break
        found.append((name, fields[1], tuple(fields[9:11]), archive[start:start + fields[6]]))
        at = start + fields[6] + -fields[6] % 4
    assert found == [("bin", 0o40755, (0, 0), b""), ("bin/abc", 0o100755, (0, 0), b"12345"), ("init", 0o120777, (0, 0), b"bin/abc"),
                     ("console", 0o20600, (5, 1), b"")]
    assert start == len(archive)


class Shelf(initrd.Modules):
    """Modules that need each other, without files."""

    def __init__(self, needs, built_in=()):  # pylint: disable=super-init-not-called
        self._needs, self._files, self._built_in = needs, dict.fromkeys(needs), set(built_in)

    def needs(self, name):
        return self._needs[name]


def test_a_module_comes_after_what_it_needs():
    shelf = Shelf({"a": ["b", "c"], "b": ["d"], "c": ["d", "e"], "d": []}, built_in=["e", "f"])
    assert shelf.in_order(["f", "a", "d"]) == ["d", "b", "c", "a"]
    with pytest.raises(ValueError, match="no module g"):
        shelf.in_order(["g"])

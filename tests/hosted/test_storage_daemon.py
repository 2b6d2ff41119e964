# SPDX-License-Identifier: Apache-2.0
"""Vireo's drivers against a device that nobody here wrote: qemu-storage-daemon's vhost-user disk."""
import hashlib
import os
import random
import re
import signal
import subprocess
import zlib

import pytest

from conftest import HOSTED, LOAD, PATIENCE

MIB = 1 << 20


def random_image(path, mib, seed=1):
    path.write_bytes(random.Random(seed).randbytes(mib * MIB))
    return path


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def crc(data):
    return f"{zlib.crc32(data):08x}"


def test_the_disk_is_driven_through_what_the_daemon_offers(vireo, daemon, tmp_path):
    disk = daemon(random_image(tmp_path / "a.img", 4))
    out = vireo("virtio list; virtio info", "--vhost-user-blk", disk.socket).output
    assert "vhost-user 0  vhost-user  block (2)  driver virtio-blk -> virtio 0" in out and "state running" in out
    offered = out[out.index("offered"):out.index("accepted")].split()
    accepted = out[out.index("accepted"):out.index("queue 0")].split()
    for feature in ("FLUSH", "INDIRECT_DESC", "EVENT_IDX", "VERSION_1"):
        assert feature in offered and feature in accepted
    # The day that this fails is the day to test the packed ring against QEMU, too.
    assert "RING_PACKED" not in offered
    assert "Capacity: 4.0 MB" in out


@pytest.mark.parametrize("queues", [1, 4])
def test_every_byte_is_read(vireo, daemon, tmp_path, queues):
    image = random_image(tmp_path / "a.img", 48)  # more than the memory that is shared with the daemon
    disk = daemon(image, queues=queues)
    out = vireo(f"virtio read {LOAD} 0 {48 * MIB // 512:x}; crc32 {LOAD} {48 * MIB:x}; "
                f"virtio read {LOAD} 3 5; crc32 {LOAD} {5 * 512:x}", "--vhost-user-blk", disk.socket).output
    data = image.read_bytes()
    assert f"==> {crc(data)}" in out
    assert f"==> {crc(data[3 * 512:8 * 512])}" in out


@pytest.mark.parametrize("queues", [1, 4])
def test_what_is_written_is_in_the_image(vireo, daemon, tmp_path, queues):
    source = random_image(tmp_path / "source.img", 48)
    target = tmp_path / "target.img"
    target.write_bytes(bytes(48 * MIB))
    blocks = f"{48 * MIB // 512:x}"
    disk = daemon(target, queues=queues)
    # A fake disk and one of another program in one machine. Killing the daemon loses nothing: what
    # is written is durable.
    vireo(f"virtio device 0; virtio read {LOAD} 0 {blocks}; virtio device 1; virtio write {LOAD} 0 {blocks}",
          "--blk", source, "--rng", "--vhost-user-blk", disk.socket)
    disk.close()
    assert digest(target) == digest(source)


def test_files_of_an_ext4_image(vireo, daemon, tmp_path):
    folder = tmp_path / "tree"
    folder.mkdir()
    content = random.Random(7).randbytes(5 * MIB)
    (folder / "kernel").write_bytes(content)
    (folder / "small").write_text("hello\n")
    image = tmp_path / "ext4.img"
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", folder, image, "64M"], check=True, stdin=subprocess.DEVNULL)
    disk = daemon(image, queues=2)
    out = vireo(f"ls virtio 0 /; load virtio 0 {LOAD} kernel; crc32 {LOAD} $filesize", "--vhost-user-blk", disk.socket).output
    assert f"{len(content)} kernel" in out and "6 small" in out and "lost+found" in out
    assert f"==> {crc(content)}" in out


@pytest.mark.parametrize("way", ["", "-d"], ids=["zeroes", "discard"])
def test_erased_blocks(vireo, daemon, tmp_path, way):
    image = random_image(tmp_path / "a.img", 16)
    before, room = image.read_bytes(), image.stat().st_blocks
    disk = daemon(image, queues=2)
    vireo(f"virtio erase {way} 800 4000", "--vhost-user-blk", disk.socket)  # 1 MiB to 9 MiB
    disk.close()
    after = image.read_bytes()
    assert after[:MIB] == before[:MIB] and after[9 * MIB:] == before[9 * MIB:]
    if way == "-d":
        assert image.stat().st_blocks <= room - 8 * MIB // 512
    else:
        assert after[MIB:9 * MIB] == bytes(8 * MIB)


def test_requests_are_spread_over_the_queues(vireo, daemon, tmp_path):
    disk = daemon(random_image(tmp_path / "a.img", 32), queues=4)
    out = vireo(f"virtio read {LOAD} 0 {32 * MIB // 512:x}; virtio list", "--vhost-user-blk", disk.socket).output
    kicks = [int(words) for words in re.findall(r"queue \d .* in flight, (\d+) notifications", out)]
    assert len(kicks) == 4 and all(kicks), out


def test_several_daemons(vireo, daemon, tmp_path):
    images = [random_image(tmp_path / f"{n}.img", 2, seed=n) for n in range(3)]
    options = []
    for number, image in enumerate(images):
        options += ["--vhost-user-blk", daemon(image, name=f"disk{number}").socket]
    commands = "".join(f"virtio device {n}; virtio read {LOAD} 0 1000; crc32 {LOAD} 200000;" for n in range(3))
    out = vireo(commands, *options).output
    for image in images:
        assert f"==> {crc(image.read_bytes())}" in out


def test_a_read_only_export_refuses_writes(vireo, daemon, tmp_path):
    image = random_image(tmp_path / "a.img", 1)
    before = digest(image)
    disk = daemon(image, writable=False)
    out = vireo(f"virtio write {LOAD} 0 1", "--vhost-user-blk", disk.socket, status=1).output
    assert "read-only" in out
    assert digest(image) == before


def test_a_slow_disk_is_not_a_dead_one(vireo, daemon, tmp_path):
    image = random_image(tmp_path / "a.img", 8)
    disk = daemon(image, throttle="limits.bps-total=4194304")
    out = vireo(f"virtio read {LOAD} 0 4000; crc32 {LOAD} 800000", "--vhost-user-blk", disk.socket).output
    assert f"==> {crc(image.read_bytes())}" in out


# --- daemons that go away --------------------------------------------------------------------------------------

def test_a_socket_that_nobody_serves(vireo, tmp_path):
    out = vireo("true", "--vhost-user-blk", tmp_path / "none", status=2).output
    assert out == f"vireo-hosted: {tmp_path}/none: there is no such socket\n"
    vireo("true", "--vhost-user-blk", "x" * 200, status=2)


def test_a_daemon_that_is_killed_during_a_request(console, daemon):
    disk = daemon(None)  # it answers a read after a minute
    prompt = console("--vhost-user-blk", disk.socket)
    prompt.sendline(f"virtio read {LOAD} 0 8")
    assert prompt.expect(["=> ", "count 8 ..."]) == 1
    disk.close()
    prompt.expect_exact("has closed the connection")
    prompt.expect_exact("0 blocks read: ERROR")
    prompt.expect_exact("=> ")
    prompt.sendline("echo status $?")
    prompt.expect_exact("status 1")


def test_a_daemon_that_is_killed_ends_the_program_with_an_error(daemon):
    disk = daemon(None)
    with subprocess.Popen([HOSTED, "--vhost-user-blk", disk.socket, "--cmd", f"virtio read {LOAD} 0 8"],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as program:
        with pytest.raises(subprocess.TimeoutExpired):
            program.wait(timeout=2)  # it waits for the disk
        disk.close()
        out, _ = program.communicate(timeout=PATIENCE)
    assert program.returncode == 1
    assert "has closed the connection" in out and "0 blocks read: ERROR" in out


def test_a_daemon_that_comes_back_works_after_a_scan(console, daemon, tmp_path):
    image = random_image(tmp_path / "a.img", 1)
    disk = daemon(image)
    prompt = console("--vhost-user-blk", disk.socket)
    prompt.sendline(f"virtio read {LOAD} 0 8")
    prompt.expect_exact("8 blocks read: OK")
    disk.close()
    prompt.sendline("virtio scan; virtio list")
    prompt.expect_exact("nobody listens on the socket")
    prompt.expect_exact("state broken")
    prompt.sendline(f"virtio read {LOAD} 0 8; echo status $?")
    prompt.expect_exact("status 1")
    daemon(image)  # the same socket
    prompt.sendline(f"virtio scan; virtio read {LOAD} 0 800; crc32 {LOAD} 100000")
    prompt.expect_exact(f"==> {crc(image.read_bytes())}")


@pytest.mark.parametrize("end", ["deadline", "ctrl-c"])
def test_a_frozen_daemon_is_set_aside(end, console, daemon, tmp_path):
    """One deadline, or none at Ctrl-C; the next command is told what the disk still has, and works once it answers."""
    image = random_image(tmp_path / "a.img", 1)
    disk = daemon(image)
    prompt = console("--vhost-user-blk", disk.socket)
    os.kill(disk.process.pid, signal.SIGSTOP)
    prompt.sendline(f"virtio read {LOAD} 0 8; echo status $?")
    prompt.expect_exact("count 8 ...")
    if end == "ctrl-c":
        prompt.send("\x03")
        prompt.expect_exact("0 blocks read: ERROR: interrupted", timeout=PATIENCE)
    else:
        prompt.expect_exact("0 blocks read: ERROR: timed out", timeout=2 * PATIENCE)
        prompt.expect_exact("status 1")
    prompt.sendline(f"virtio list; virtio read {LOAD} 0 8; echo status $?")
    prompt.expect_exact("state set aside: does not answer")
    prompt.expect_exact("ERROR: timed out (device does not answer, it holds 1 request)")
    prompt.expect_exact("status 1")
    os.kill(disk.process.pid, signal.SIGCONT)
    prompt.sendline(f"virtio read {LOAD} 0 800; crc32 {LOAD} 100000")
    prompt.expect_exact(f"==> {crc(image.read_bytes())}")

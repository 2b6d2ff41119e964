# SPDX-License-Identifier: Apache-2.0
"""Fixtures: vireo-hosted as a program, QEMU's storage daemon, and a back end that lies."""
import json
import os
import pathlib
import subprocess
import sys
import time

import pexpect
import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, str(TOP / "tools" / "vm"))

import slowness  # noqa: E402
from back_end import BackEnd  # noqa: E402

os.environ["PATH"] += ":/usr/sbin:/sbin"  # mke2fs

HOSTED = os.environ.get("VIREO_HOSTED", str(TOP / "build" / "test" / "hosted" / "vireo-hosted"))
LOAD = "40200000"

# Seconds that anything may take on a busy host. Nothing here waits for it to pass.
PATIENCE = slowness.seconds(float(os.environ.get("VIREO_PATIENCE", "60")))


class Run:
    """What vireo-hosted --cmd printed, and how it ended."""

    def __init__(self, commands, *options):
        started = time.monotonic()
        result = subprocess.run([HOSTED, *map(str, options), "--cmd", commands], stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                                timeout=2 * PATIENCE, check=False)
        self.seconds = time.monotonic() - started
        self.status, self.output = result.returncode, result.stdout
        assert "Sanitizer" not in self.output and "panic" not in self.output, self.output
        assert result.returncode >= 0, f"ended by signal {-result.returncode}\n{self.output}"


@pytest.fixture
def vireo():
    def run(commands, *options, status=0):
        result = Run(commands, *options)
        assert status is None or result.status == status, result.output
        return result
    return run


@pytest.fixture
def console():
    """Starts vireo-hosted at its prompt, for tests that do something to a daemon between two commands."""
    started = []

    def start(*options):
        child = pexpect.spawn(HOSTED, [str(option) for option in options], timeout=PATIENCE, encoding="utf-8",
                              codec_errors="replace", echo=False)
        started.append(child)
        child.expect_exact("=> ")
        return child
    yield start
    for child in started:
        child.close(force=True)


class Daemon:
    """qemu-storage-daemon with one image as a vhost-user disk."""

    def __init__(self, folder, image, queues=1, writable=True, throttle=None, name="disk"):
        self.socket = folder / f"{name}.sock"
        self.socket.unlink(missing_ok=True)
        node = "file"
        command = ["qemu-storage-daemon"]
        if image is None:  # a disk of zeroes that answers after a minute
            command += ["--blockdev", "driver=null-co,node-name=file,size=67108864,read-zeroes=on,latency-ns=60000000000"]
        else:
            command += ["--blockdev", f"driver=file,node-name=file,filename={image},discard=unmap"]
        if throttle:
            command += ["--object", f"throttle-group,id=slow,{throttle}",
                        "--blockdev", "driver=throttle,node-name=throttled,throttle-group=slow,file=file"]
            node = "throttled"
        command += ["--export", f"type=vhost-user-blk,id=e,addr.type=unix,addr.path={self.socket},node-name={node},"
                                f"writable={'on' if writable else 'off'},num-queues={queues}",
                    # The last option: its greeting says that all before it is done.
                    "--chardev", "stdio,id=control", "--monitor", "chardev=control"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        greeting = self.process.stdout.readline()
        assert "QMP" in json.loads(greeting), greeting

    def close(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def daemon(tmp_path):
    started = []

    def start(image, **options):
        started.append(Daemon(tmp_path, image, **options))
        return started[-1]
    yield start
    for one in started:
        one.close()


@pytest.fixture
def back_end(tmp_path):
    """A back end of our own; what happened in it that should not have fails the test."""
    one = BackEnd(tmp_path / "fake.sock")
    one.path = tmp_path / "fake.sock"
    yield one
    one.close()
    assert not one.problems

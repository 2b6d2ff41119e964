# SPDX-License-Identifier: Apache-2.0
"""vhost-user back ends that answer wrongly, late, or not at all: an error, no hang, no crash."""
import os
import struct
import time
import zlib

import pytest

import back_end as vu
from conftest import LOAD, PATIENCE

READ = f"virtio read {LOAD} 0 8"

# Longer than the deadline of one message (3 s) and what a busy host adds; shorter than any wait for a disk.
PROMPTLY = 18


def silence(connection, request, payload):
    """Nothing: the front end's deadline has to end it."""


def end(connection, request, payload):
    raise EOFError


def answers(payload, **how):
    def lie(connection, request, _):
        connection.reply(request, payload, **how)
    return lie


def answer_to(other):
    def lie(connection, request, payload):
        connection.reply(other, struct.pack("<Q", 0))
    return lie


def raw(data, then=None):
    def lie(connection, request, payload):
        connection.sock.sendall(data)
        if then:
            then(connection, request, payload)
    return lie


def with_files(count, size=8):
    def lie(connection, request, payload):
        read, write = os.pipe()
        connection.reply(request, bytes(size), files=[read] * count)
        os.close(read)
        os.close(write)
    return lie


def config(offset, size, length):
    def lie(connection, request, payload):
        connection.reply(request, struct.pack("<III", offset, size, 0) + bytes(length))
    return lie


ZERO = struct.pack("<Q", 0)

# What the back end does with a request, and words of the error that has to come.
LIES = {
    "features_header_is_short": (vu.GET_FEATURES, raw(b"\1\0\0\0\5\0", end), "closed the connection"),
    "features_header_is_short_and_nothing_follows": (vu.GET_FEATURES, raw(b"\1\0\0\0\5\0"), "does not answer"),
    "features_payload_is_cut": (vu.GET_FEATURES, answers(b"\0" * 4, size=8), "does not answer"),
    "features_of_size_zero": (vu.GET_FEATURES, answers(b""), "empty reply"),
    "features_too_small": (vu.GET_FEATURES, answers(b"\0" * 4), "wrong size"),
    "features_too_large": (vu.GET_FEATURES, answers(b"\0" * 16), "wrong size"),
    "features_of_4_gib": (vu.GET_FEATURES, answers(ZERO, size=0xffffffff), "wrong size"),
    "features_answered_as_a_request": (vu.GET_FEATURES, answers(ZERO, flags=vu.VERSION), "another question"),
    "features_in_another_version": (vu.GET_FEATURES, answers(ZERO, flags=2 | vu.REPLY), "another version"),
    "features_for_another_request": (vu.GET_FEATURES, answer_to(vu.GET_QUEUE_NUM), "another question"),
    "features_with_a_file": (vu.GET_FEATURES, with_files(1), "file that nobody asked for"),
    "features_with_many_files": (vu.GET_FEATURES, with_files(200), "file that nobody asked for"),
    "features_without_protocol": (vu.GET_FEATURES, answers(struct.pack("<Q", vu.VERSION_1)), "no protocol features"),
    "features_silent": (vu.GET_FEATURES, silence, "does not answer"),
    "features_eof": (vu.GET_FEATURES, end, "closed the connection"),
    "protocol_without_config": (vu.GET_PROTOCOL_FEATURES, answers(struct.pack("<Q", vu.MQ)), "no configuration"),
    "protocol_eof": (vu.GET_PROTOCOL_FEATURES, end, "closed the connection"),
    "owner_acknowledged_with_a_short_word": (vu.SET_OWNER, answers(b"\0" * 4), "wrong size"),
    "owner_acknowledged_with_a_file": (vu.SET_OWNER, with_files(3), "file that nobody asked for"),
    "owner_refused": (vu.SET_OWNER, answers(b"\1" * 8), "refuses"),
    "owner_eof": (vu.SET_OWNER, end, "closed the connection"),
    "no_queues": (vu.GET_QUEUE_NUM, answers(ZERO), "no queues"),
    "queues_eof": (vu.GET_QUEUE_NUM, end, "closed the connection"),
    "memory_refused": (vu.SET_MEM_TABLE, answers(b"\377" * 8), "refuses"),
    "memory_answered_with_noise": (vu.SET_MEM_TABLE, raw(os.urandom(64)), "another"),
    "memory_silent": (vu.SET_MEM_TABLE, silence, "does not answer"),
    "memory_eof": (vu.SET_MEM_TABLE, end, "closed the connection"),
    "accepted_features_refused": (vu.SET_FEATURES, answers(struct.pack("<Q", 22)), "refuses the features"),
    "accepted_features_eof": (vu.SET_FEATURES, end, "closed the connection"),
    "config_of_another_place": (vu.GET_CONFIG, config(8, 4, 4), "another part"),
    "config_of_another_size": (vu.GET_CONFIG, config(0, 200, 4), "another part"),
    "config_shorter_than_it_says": (vu.GET_CONFIG, config(0, 4, 2), "wrong size"),
    "config_longer_than_it_says": (vu.GET_CONFIG, config(0, 4, 244), "wrong size"),
    "config_header_only": (vu.GET_CONFIG, config(0, 4, 0), "wrong size"),
    "config_refused": (vu.GET_CONFIG, answers(b""), "beyond the device configuration"),
    "config_silent": (vu.GET_CONFIG, silence, "does not answer"),
    "config_eof": (vu.GET_CONFIG, end, "closed the connection"),
    "ring_size_refused": (vu.SET_VRING_NUM, answers(b"\1" * 8), "refuses"),
    "ring_base_eof": (vu.SET_VRING_BASE, end, "closed the connection"),
    "ring_address_refused": (vu.SET_VRING_ADDR, answers(b"\1" * 8), "refuses"),
    "ring_address_eof": (vu.SET_VRING_ADDR, end, "closed the connection"),
    "ring_kick_refused": (vu.SET_VRING_KICK, answers(b"\1" * 8), "refuses"),
    "ring_kick_silent": (vu.SET_VRING_KICK, silence, "does not answer"),
    "ring_enable_refused": (vu.SET_VRING_ENABLE, answers(b"\1" * 8), ""),
    "ring_enable_eof": (vu.SET_VRING_ENABLE, end, "closed the connection"),
}


@pytest.mark.parametrize("name", LIES)
def test_a_lie_during_the_set_up_is_an_error(vireo, back_end, name):
    request, lie, words = LIES[name]
    back_end.lies[request] = lie
    result = vireo(READ, "--vhost-user-blk", back_end.path, status=None)
    assert result.status in (1, 2), result.output
    assert words in result.output, result.output
    assert result.seconds < PROMPTLY, result.output
    assert vu.NAMES[request] in back_end.connections[0].seen


@pytest.mark.parametrize("packed", [False, True], ids=["split", "packed"])
def test_an_honest_back_end_works(vireo, back_end, packed, tmp_path):
    """The table above proves nothing if everything fails."""
    if packed:
        back_end.features |= vu.RING_PACKED
    expected = bytes(back_end.disk)
    image = tmp_path / "new.img"
    image.write_bytes(os.urandom(len(expected)))
    commands = (f"virtio list; virtio device 1; virtio read {LOAD} 0 800; crc32 {LOAD} 100000; virtio device 0; "
                f"virtio read {LOAD} 0 800; virtio device 1; virtio write {LOAD} 0 800;"
                # Many requests, one after the other: a ring of 256 entries comes round.
                f"for i in {' '.join(['1'] * 60)}; do for j in 1 2 3 4 5 6; do virtio read {LOAD} $j 1; done; done")
    out = vireo(commands, "--blk", image, "--vhost-user-blk", back_end.path).output
    assert f"==> {zlib.crc32(expected):08x}" in out
    assert ("RING_PACKED" in out[out.rindex("accepted"):]) == packed
    assert bytes(back_end.disk) == image.read_bytes()
    assert "GET_VRING_BASE" in back_end.connections[0].seen


def test_without_acknowledgements_and_several_queues(vireo, back_end):
    back_end.protocol = vu.CONFIG
    vireo(READ, "--vhost-user-blk", back_end.path)
    assert "GET_QUEUE_NUM" not in back_end.connections[0].seen


def test_too_many_queues_are_cut(vireo, back_end):
    back_end.lies[vu.GET_QUEUE_NUM] = answers(struct.pack("<Q", 2**64 - 1))
    vireo(READ, "--vhost-user-blk", back_end.path)


# --- lies while the disk runs ------------------------------------------------------------------------------

def wait_for(condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def refused(result, words):
    assert result.status == 1, result.output
    assert words in result.output and "0 blocks read: ERROR" in result.output, result.output


def after(requests, lie):
    """Works the first rings of requests (the serial number is the first), then lies."""
    def on_kick(connection, ring):
        if connection.back_end.kicks <= requests:
            while connection.work_split(ring):
                pass
        else:
            lie(connection, ring)
    return on_kick


def close(connection, ring):
    raise EOFError


def speak(connection, ring):
    connection.reply(vu.GET_FEATURES, ZERO)


def signal_error(connection, ring):
    os.write(ring.error, struct.pack("<Q", 1))


def scribble(connection, ring):
    connection.memory[:] = b"\xff" * len(connection.memory)


def shrink(connection, ring):
    """A front end that touched memory beyond the end of its file would get a signal."""
    with pytest.raises(OSError):
        os.ftruncate(connection.memory_file, 4096)
    raise EOFError


@pytest.mark.parametrize("lie,words", [
    (close, "closed the connection"), (speak, "without being asked"), (signal_error, ""), (scribble, ""),
    (shrink, "closed the connection")], ids=lambda value: getattr(value, "__name__", ""))
def test_a_lie_during_a_request_is_an_error(vireo, back_end, lie, words):
    back_end.on_kick = after(1, lie)
    result = vireo(READ, "--vhost-user-blk", back_end.path, status=None)
    refused(result, words)
    assert result.seconds < PROMPTLY


def take_and_keep(connection, ring):
    """Takes one buffer and does not use it."""
    ring.base += 1


@pytest.mark.parametrize("comes_back", [True, False], ids=["comes_back", "stays"])
def test_a_ring_is_stopped_when_its_buffers_have_come_back(console, back_end, comes_back):
    """A confirmed stop while requests are under way, as QEMU's daemon has it: their memory is not free before they end."""
    back_end.on_kick = after(1, take_and_keep)

    def stop(connection, request, payload):
        ring = connection.rings[0]
        ring.started = False
        connection.reply(request, struct.pack("<II", 0, ring.base))
        if comes_back:
            ring.base -= 1
            time.sleep(0.5)  # the time that a disk takes
            connection.work_split(ring)
        back_end.on_kick = None

    back_end.lies[vu.GET_VRING_BASE] = stop
    prompt = console("--vhost-user-blk", back_end.path)
    prompt.sendline(READ)
    prompt.expect_exact("count 8 ...")
    wait_for(lambda: back_end.kicks == 2)
    started = time.monotonic()
    prompt.send("\x03")
    prompt.expect_exact("0 blocks read: ERROR: interrupted")
    prompt.expect_exact("=> ")
    assert time.monotonic() - started < PROMPTLY  # it is set aside; only a reset stops its rings
    started = time.monotonic()
    prompt.sendline("virtio reset 0; echo status $?")
    prompt.expect_exact("device is reset while it holds 1 request")
    prompt.expect(f"status {0 if comes_back else 1}")
    assert time.monotonic() - started >= (0.5 if comes_back else 3)
    back_end.lies.clear()
    prompt.sendline(f"{READ}; echo status $?")
    if comes_back:
        prompt.expect_exact("8 blocks read: OK")
    else:
        prompt.expect_exact("does not confirm its reset")
        prompt.expect_exact("status 1")


@pytest.mark.parametrize("lie", [silence, end, answers(b""), answers(struct.pack("<II", 77, 0)), with_files(1)],
                         ids=["silent", "eof", "empty", "another_ring", "file"])
def test_a_stop_that_is_not_confirmed_ends_all_the_same(vireo, back_end, lie):
    back_end.lies[vu.GET_VRING_BASE] = lie
    result = vireo(READ, "--vhost-user-blk", back_end.path)
    assert "8 blocks read: OK" in result.output and result.seconds < PROMPTLY

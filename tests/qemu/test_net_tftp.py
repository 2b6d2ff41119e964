# SPDX-License-Identifier: Apache-2.0
"""TFTP: servers that lie, stall and die, block numbers that start over: one clear line, the prompt is back, the next command works."""

import socket
import struct
import time

import pytest

import net
import scripted
import vm
from networks import by_turns, content, network  # noqa: F401 (a fixture)

SMALL = content(5000)


def tftp_silent_after(blocks):
    def play(transfer):
        for number in range(1, blocks + 1):
            transfer.data(number, bytes(512))
            transfer.wait(scripted.ACK, number)
    return play


def tftp_error(transfer):
    transfer.error(2, "keep out\x1b[31m\r\n\x07")


def tftp_error_without_end(transfer):
    transfer.send(scripted.ERROR, b"no zero at the end" * 20, 1)


def tftp_announces(size):
    def play(transfer):
        transfer.accept(tsize=size)
        if transfer.wait(scripted.ACK, 0):
            transfer.send_all(SMALL)
    return play


def tftp_answers(**options):
    def play(transfer):
        transfer.accept(**options)
        transfer.wait(scripted.ERROR, None, 20)
    return play


def tftp_oversized(transfer):
    transfer.accept(blksize=512)
    if transfer.wait(scripted.ACK, 0):
        transfer.data(1, bytes(1400))
        transfer.wait(scripted.ERROR, None, 20)


def tftp_without_end(transfer):
    """Without a size, 64 blocks for each answer if the machine takes that many."""
    wanted = int(transfer.options.get("windowsize", b"1"))
    size = int(transfer.options["blksize"])
    transfer.accept(blksize=size, windowsize=wanted)
    if not transfer.wait(scripted.ACK, 0):
        return
    number = 0
    while not transfer.server.is_over():
        for _ in range(wanted):
            number += 1
            transfer.data(number, bytes(size))
        if not transfer.wait(scripted.ACK, number, 20):
            return


def tftp_repeats(transfer):
    """The first block, for ever."""
    while not transfer.server.is_over():
        transfer.data(1, bytes(512))
        if transfer.wait(scripted.ERROR, None, 0.4):
            return


TFTP = {
    "error-packet": (tftp_error, r"TFTP error: 'keep out"),
    "error-without-end": (tftp_error_without_end, "TFTP error: "),
    "too-large": (tftp_announces(8 << 30), "TFTP error: the file has 8589934592 bytes, only [0-9]+ are free at 0x"),
    "size-of-all-bits": (tftp_announces((1 << 64) - 1), "TFTP error: "),
    "size-beyond-64-bits": (tftp_announces(1 << 80), "TFTP error: "),
    "shrinks": (tftp_announces(6000), "TFTP error: the server announced 6000 bytes and sent 5000"),
    "grows": (tftp_announces(4000), "TFTP error: "),
    "block-larger-than-agreed": (tftp_oversized, "TFTP error: "),
    "options-larger-than-asked": (tftp_answers(blksize=60000, windowsize=60000), "TFTP error: .* option 'blksize=60000': more than was asked for"),
    "block-of-nothing": (tftp_answers(blksize=0), "TFTP error: .* option 'blksize=0': less than 8"),
    "window-of-nothing": (tftp_answers(windowsize=0), "TFTP error: .* option 'windowsize=0': less than 1"),
    "option-nobody-asked-for": (tftp_answers(rollover=1), "TFTP error: .* option 'rollover=1': not asked for"),
    "option-of-no-number": (tftp_answers(blksize="1e3"), "TFTP error: .* option 'blksize=1e3': not a number"),
    "repeats-itself": (tftp_repeats, "TFTP error: the server answers, but there is nothing new: block 2 is missing"),
    "larger-than-memory": (tftp_without_end, "TFTP error: the file is larger than the memory: only [0-9]+ bytes are free at 0x"),
}


@pytest.mark.parametrize("board,name", by_turns(TFTP))
def test_tftp(board, name, network):  # noqa: F811
    play, words = TFTP[name]
    data = content(20000)

    def either(transfer):
        if transfer.name == "good":
            transfer.send_all(data)
        else:
            play(transfer)

    server = network.start(scripted.Tftp, either)
    machine = network.boot_bound(board)
    machine.fails_with(f"tftpboot {machine.address:x} {net.HOST}:bad", words, timeout=300)
    assert server.transfers
    machine.fetch("tftpboot {a} good", data)


def tftp_strangers(transfer):
    """Each block comes from a wrong port first: that is answered with an error and else passed over (RFC 1350, section 4)."""
    data = transfer.data_to_send
    with transfer.server.open(socket.SOCK_DGRAM, (net.HOST, 0)) as other:
        for number, start in enumerate(range(0, len(data) + 1, 512), 1):
            if number > 1:
                transfer.send(scripted.DATA, b"\xee" * 512, number, to=other)
            transfer.data(number, data[start:start + 512])
            assert transfer.wait(scripted.ACK, number, 20)
        other.settimeout(5)
        answer = other.recv(600)
        assert struct.unpack(">HH", answer[:4]) == (scripted.ERROR, 5), answer


def tftp_all_twice(transfer):
    """Every block twice and late ones again: nothing is stored twice, and no storm of answers begins (RFC 1123, section 4.2.3.1)."""
    data = transfer.data_to_send
    for number, start in enumerate(range(0, len(data) + 1, 512), 1):
        for _ in range(2):
            transfer.data(number, data[start:start + 512])
        if number > 2:
            transfer.data(number - 2, data[start - 1024:start - 512])
        assert transfer.wait(scripted.ACK, number, 20)


def tftp_garbage_between(transfer):
    data = transfer.data_to_send
    for number, start in enumerate(range(0, len(data) + 1, 512), 1):
        for garbage in (b"", b"\0", b"\0\3", b"\0\3\0", struct.pack(">HH", 9, 9), struct.pack(">HH", scripted.DATA, 0), b"\xff" * 1400):
            transfer.socket.sendto(garbage, transfer.peer)
        transfer.data(number, data[start:start + 512])
        if not transfer.wait(scripted.ACK, number, 20):
            return


def tftp_answers_twice(transfer):
    """Takes a file, and answers each block twice, late ones again: no block may be sent more often than it is asked for."""
    got, content_of = [], {}
    transfer.send(scripted.ACK, number=0)
    transfer.send(scripted.ACK, number=0)
    number = 1
    while True:
        datagram = transfer.wait(scripted.DATA, None, 20)
        assert datagram, f"block {number} does not come"
        got.append(struct.unpack(">H", datagram[2:4])[0])
        content_of[got[-1]] = datagram[4:]
        for late in (got[-1], got[-1], max(got[-1] - 1, 0)):
            transfer.send(scripted.ACK, number=late)
        if got[-1] == number:
            number += 1
            if len(datagram) < 4 + 512:
                break
    transfer.server.stored = b"".join(content_of[key] for key in sorted(content_of))
    assert len(got) < 2 * number, f"{len(got)} blocks sent for {number - 1}"


def test_tftpput_to_a_server_that_answers_twice(network):  # noqa: F811
    server = network.start(scripted.Tftp, tftp_answers_twice)
    machine = network.boot_bound(vm.BOARDS["qemu_arm64"])
    machine.command(f"mw.l {machine.address:x} 12345678 5000")
    machine.succeeds(f"tftpput {machine.address:x} 4e20 {net.HOST}:file")
    assert server.stored == b"\x78\x56\x34\x12" * 5000


def tftp_agrees(refuses=False, **wanted):
    """A server that agrees to these options, whatever was asked for, or to none; windows as agreed. With `refuses` it answers
    options with an error first, as those do that do not know RFC 2347."""
    def play(transfer):
        data, block, window = transfer.data_to_send, wanted.get("blksize", 512), wanted.get("windowsize", 1)
        if refuses and transfer.options:
            transfer.server.forget(transfer.peer)
            return transfer.error(8, "no options here")
        if wanted:
            transfer.accept(**{name: {"size": len(data)}.get(value, value) for name, value in wanted.items()})
            assert transfer.wait(scripted.ACK, 0, 20)
        last = len(data) // block + 1
        for first in range(1, last + 1, window):
            end = min(first + window, last + 1)
            for number in range(first, end):
                transfer.data(number, data[(number - 1) * block:number * block])
            assert transfer.wait(scripted.ACK, end - 1, 20)
        return None
    return play


# What servers make of options, RFC 2347 and its sequels: all of it is allowed.
AGREED = {
    "none-of-them": tftp_agrees(),
    "refuses-them": tftp_agrees(refuses=True),
    "smaller-blocks": tftp_agrees(blksize=100, tsize="size"),
    "smallest-blocks": tftp_agrees(blksize=8, windowsize=5),
    "smaller-windows": tftp_agrees(blksize=1000, windowsize=3, timeout=1),
    "windows-of-plain-blocks": tftp_agrees(windowsize=7),
    "only-the-size": tftp_agrees(tsize="size"),
    "a-size-that-is-not-known": tftp_agrees(tsize=0),
    "a-size-that-is-none": tftp_agrees(tsize=-1),
    "another-timeout": tftp_agrees(timeout=5),
    "capitals": tftp_agrees(BLKSIZE=512, TSize="size"),
}


def sends(data, act):
    """A server that has `data` to send, and then does what `act` says."""
    def play(transfer):
        transfer.data_to_send = data
        act(transfer)
    return play


@pytest.mark.parametrize("board,name", by_turns(AGREED))
def test_tftp_options(board, name, network):  # noqa: F811
    data = content(20_000)
    network.start(scripted.Tftp, sends(data, AGREED[name]))
    machine = network.boot_bound(board)
    machine.fetch("tftpboot {a} file", data)


def test_tftp_sizes_that_are_asked_for(network):  # noqa: F811
    """What the variables say, between what the protocol and the card can; for what is no number as without them."""
    data = content(2000)
    server = network.start(scripted.Tftp, sends(data, tftp_agrees()))
    machine = network.boot_bound(vm.BOARDS["qemu-x86"])
    for size, window, asked in ((None, None, (b"1468", b"64")), ("8", "1", (b"8", None)), ("0", "0", (b"8", None)),
                                ("512", "2", (None, b"2")), ("70000", "70000", (b"1468", b"256")), ("x", "-1", (b"1468", b"64"))):
        if size:
            machine.succeeds(f"setenv tftpblocksize {size}; setenv tftpwindowsize {window}")
        machine.fetch("tftpboot {a} file", data)
        options = server.transfers[-1].options
        assert (options.get("blksize"), options.get("windowsize")) == asked, (size, window, options)


SURVIVED = {"strangers": tftp_strangers, "all-twice": tftp_all_twice, "garbage-between": tftp_garbage_between}


@pytest.mark.parametrize("board,name", by_turns(SURVIVED))
def test_tftp_goes_on(board, name, network):  # noqa: F811
    data = content(20000)
    network.start(scripted.Tftp, sends(data, SURVIVED[name]))
    machine = network.boot_bound(board)
    if name == "garbage-between":  # a clear error is as good
        text = machine.command(f"tftpboot {machine.address:x} file", 120)
        assert "TFTP error: " in text or f"Bytes transferred = {len(data)}" in text, text
    else:
        machine.fetch("tftpboot {a} file", data)
    machine.is_alive()


def test_more_blocks_than_a_block_number_counts(network):  # noqa: F811
    """75,000 blocks of 16 bytes: the number starts over at 0."""
    data = network.file("file", content(1_200_000))
    network.atftpd()
    machine = network.boot_bound(vm.BOARDS["qemu_arm64"])
    machine.succeeds("setenv tftpblocksize 16; setenv tftpwindowsize 64")
    machine.fetch("tftpboot {a} file", data, timeout=120)


def tftp_from_one(window, size):
    """A server whose numbers go on with 1 after 65535, block by block or in windows; repeats what is not acknowledged."""
    def play(transfer):
        data = transfer.data_to_send
        transfer.accept(blksize=8, **({"windowsize": window} if window > 1 else {}), **({"tsize": len(data)} if size else {}))
        assert transfer.wait(scripted.ACK, 0, 20)
        last, done = len(data) // 8 + 1, 0
        while done < last and not transfer.server.is_over():
            for number in range(done + 1, min(done + window, last) + 1):
                transfer.data((number - 1) % 65535 + 1, data[(number - 1) * 8:number * 8])
            answer = transfer.wait(scripted.ACK, None, 5)
            if not answer:
                return
            got = struct.unpack(">H", answer[2:4])[0]
            done += next((more for more in range(window + 1) if (done + more - 1) % 65535 + 1 == got or done + more == got == 0), 0)
    return play


@pytest.mark.parametrize("window,size", [(1, False), (64, True), (64, False)], ids=["block-by-block", "windows-and-a-size", "windows-without-a-size"])
def test_block_numbers_that_start_over_at_1(window, size, network):  # noqa: F811
    """No RFC says what follows 65535: the file where it can be told, else one line, soon."""
    data = content(8 * 65_600 + 3)
    network.start(scripted.Tftp, sends(data, tftp_from_one(window, size)))
    machine = network.boot_bound(vm.BOARDS["qemu_arm64"])
    machine.succeeds("setenv tftpblocksize 8")
    if window > 1 and not size:
        text = machine.fails_with("tftpboot file", "TFTP error: the server sent block 1 after block 65535; 0 would follow", timeout=180)
        assert "starting again" not in text, text
        machine.is_alive()
    else:
        machine.fetch("tftpboot {a} file", data, timeout=180)


def test_a_forged_refusal_is_not_believed(network):  # noqa: F811
    """Somebody is quicker than the server, and has its address: the real answer comes, and counts."""
    data = content(2000)

    def play(transfer):
        with transfer.server.open(socket.SOCK_DGRAM, (net.HOST, 0)) as other:
            for code in (1, 8):
                transfer.send(scripted.ERROR, b"forged\0", code, to=other)
        transfer.send_all(data)

    network.start(scripted.Tftp, play)
    machine = network.boot_bound(vm.BOARDS["qemu_arm64"])
    machine.fetch("tftpboot {a} file", data)


def test_an_answer_from_another_address_is_told(network):  # noqa: F811
    network.namespace.ip("address", "add", "192.168.77.2/24", "dev", net.TAP)

    def play(transfer):
        with transfer.server.open(socket.SOCK_DGRAM, ("192.168.77.2", 0)) as other:
            transfer.send(scripted.DATA, SMALL[:512], 1, to=other)

    network.start(scripted.Tftp, play)
    machine = network.boot_bound(vm.BOARDS["qemu_arm64"])
    machine.fails_with("tftpboot file", "TFTP error: the server does not answer; an answer came from 192.168.77.2", timeout=90)


def test_other_ports(network):  # noqa: F811
    """$tftpdstp and $tftpsrcp, as U-Boot has them; a URL's port goes before."""
    data = content(2000)
    server = network.start(scripted.Tftp, lambda transfer: transfer.send_all(data), port=6969)
    machine = network.boot_bound(vm.BOARDS["qemu_arm64"])
    machine.succeeds("setenv tftpdstp 6969; setenv tftpsrcp 4000")
    machine.fetch("tftpboot {a} file", data)
    assert server.transfers[-1].peer[1] == 4000
    server.forget(server.transfers[-1].peer)
    machine.succeeds("setenv tftpdstp 7000; setenv tftpsrcp")
    machine.fetch(f"tftpboot {{a}} tftp://{net.HOST}:6969/file", data)
    assert server.transfers[-1].peer[1] != 4000


def test_a_server_that_trickles_is_given_up(network):  # noqa: F811
    """Each block in time, and yet for ever; then the next command works."""
    def play(transfer):
        transfer.accept(blksize=8)
        for number in range(1, 1000):
            if not transfer.wait(scripted.ACK, number - 1, 20) or transfer.wait(scripted.ERROR, None, 8.5):
                return
            transfer.data(number, bytes(8))

    network.start(scripted.Tftp, play)
    machine = network.boot_bound(vm.BOARDS["qemu_arm64"])
    started = time.monotonic()
    machine.fails_with(f"tftpboot {machine.address:x} {net.HOST}:file",
                       "TFTP error: the server is too slow: [0-9]+ bytes a second came, 1024 are the least", timeout=120)
    assert 25 < time.monotonic() - started < 100
    machine.is_alive()


def test_a_server_that_stalls_in_the_middle(network):  # noqa: F811
    """A deadline, one more try, then an error."""
    network.start(scripted.Tftp, tftp_silent_after(3))
    machine = network.boot_bound(vm.BOARDS["qemu_arm64"])
    started = time.monotonic()
    text = machine.fails_with(f"tftpboot {machine.address:x} {net.HOST}:file", "TFTP error: the server does not answer", timeout=90)
    assert 8 < time.monotonic() - started < 60
    assert text.count("Retry count exceeded; starting again\n") == 1, text
    machine.is_alive()

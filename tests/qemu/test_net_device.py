# SPDX-License-Identifier: Apache-2.0
"""A network card that lies to the driver (vhost-user; see vhost_card.py): no lie is believed, and the next command works. A cable
that is pulled out of a transfer."""

import re

import pytest

import frames
import net
import vhost_card
import vm
from networks import MIB, content, network, nic  # noqa: F401 (a fixture)
from vhost_card import header

OURS = b"\xc0\xa8\x4d\x28"  # 192.168.77.40
# An echo reply to nobody's request: harmless if it is believed.
FRAME = frames.ethernet(frames.echo(OURS))


def gives(frame=FRAME, written=None, **fields):
    return lambda card: card.give(frame, header(**fields), written)


def one_of_two(card):
    """The second buffer of a frame never comes: what follows is another frame."""
    card.give(FRAME, header(buffers=2))


def uses(number, written=60):
    return lambda card: card.use(number, written)


def twice(card):
    number, rooms = card.next_buffer()
    card.memory[rooms[0][0]:rooms[0][0] + 12] = header()
    card.use(number, 60)
    card.use(number, 60)


def jumps(card):
    """The ring's index says that more was used than was ever offered."""
    ring = card.rings[0]
    used, = card.load("H", ring.used + 2)
    card.store("H", ring.used + 2, used + ring.size + 1 & 0xffff)


LIES = {
    "num_buffers of 0": gives(buffers=0),
    "num_buffers of 65535": gives(buffers=65535),
    "one buffer of two": one_of_two,
    "nothing written": gives(written=0),
    "half a header": gives(written=5),
    "a header only": gives(written=12),
    "half an Ethernet header": gives(written=19),
    "one byte more than the buffer": gives(written=1 << 17),
    "all bits": gives(written=0xffffffff),
    "a checksum beyond the frame": gives(flags=1, checksum_start=0xffff, checksum_offset=0xffff),
    "a segment of no kind": gives(gso=0x7f, gso_size=1),
    "a tunnel's checksum without a tunnel": gives(flags=9, checksum_start=34, checksum_offset=2),
    "a buffer that is none": uses(0xffffffff),
    "a buffer of another ring's": uses(0x7fff),
    "a buffer twice": twice,
    "an index that jumps": jumps,
}


@pytest.mark.parametrize("name,kind", [("qemu_arm64", "pci-modern-only"), ("qemu-x86", "pci-modern-only"), ("qemu_arm64", "mmio-modern"),
                                       ("qemu-x86", "pci-legacy-only")])
def test_a_card_that_lies(name, kind, tmp_path, machines):
    """Each while a ping waits: that one ends, and the next is answered."""
    card = vhost_card.Card(tmp_path / "card")
    try:
        machine = machines.boot(vm.BOARDS[name], [*card.arguments(), *nic(kind)], nic=None)
        machine.command("setenv ipaddr 192.168.77.40; setenv netmask 255.255.255.0")
        for what, lie in LIES.items():
            card.lie = lie
            text = machine.command(f"ping {net.HOST}", timeout=60)
            assert re.search(rf"\n(host {net.HOST} is alive|ping failed(; host {net.HOST} is not alive|: device broken \(.*\)))\n$", text), \
                f"{what}: {text}"
            assert not card.lie, f"{what}: no ping came"
            # A busy host may let a ping wait in vain; a card that does not come back lets all of them.
            texts = (machine.command(f"ping {net.HOST}", timeout=60) for _ in range(3))
            assert any(f"host {net.HOST} is alive\n" in text for text in texts), what
        assert re.search(r"(?m)^  bad frames dropped +[1-9]", machine.command("net stats"))
    finally:
        card.close()
    assert not card.problems, card.problems


@pytest.mark.parametrize("name,kind,properties", [("qemu_arm64", "pci-modern-only", ",packed=on"), ("qemu_arm", "mmio-legacy", ""),
                                                  ("qemu-x86", "pci-legacy-only", "")])
def test_a_cable_that_is_pulled_out_of_a_download(name, kind, properties, network):  # noqa: F811
    """The download ends in one line that says why. Where the cable is back before anybody looks, it goes on."""
    data = network.file("file", content(8 * MIB))
    network.nginx("location / { limit_rate 2m; }")
    machine = network.boot_bound(vm.BOARDS[name], nic(kind, properties + ",id=card"))

    def pull_out_of_a_download(back_at_once):
        machine.vm.send(f"wget {machine.address:x} http://{net.HOST}/file\r")
        machine.vm.expect(r"Loading: .*[\d.]+ MiB")
        machine.monitor("set_link", name="card", up=False)
        if back_at_once:
            machine.monitor("set_link", name="card", up=True)
        text, _ = machine.vm.expect(vm.PROMPT_AT_LINE_START, timeout=60 + machine.vm.timeout)
        machine.monitor("set_link", name="card", up=True)
        machine.is_alive()
        return text

    assert re.search(r"\n.*link is down\)?\n$", pull_out_of_a_download(back_at_once=False))
    text = pull_out_of_a_download(back_at_once=True)
    if "link is down" not in text:
        assert f"Bytes transferred = {len(data)}" in text, text
        assert machine.memory(machine.address, len(data)) == data

# SPDX-License-Identifier: Apache-2.0
"""Each option of QEMU's network card that changes what is negotiated: a row is one test. MTUs, and budgets for what a MiB costs in
notifications and frames, and a frame in guest instructions."""

import dataclasses
import os
import re

import pytest

import counting
import net
import vm
from conftest import build_folder
from networks import MIB, by_turns, content, modern, network, nic  # noqa: F401 (a fixture)
from test_options import words_after


@dataclasses.dataclass(frozen=True)
class Option:
    properties: str
    accepted: tuple = ()  # must be among the features in use
    refused: tuple = ()  # must not
    kind: str = "pci-modern-only"


NOTHING = (",mrg_rxbuf=off,csum=off,guest_csum=off,guest_tso4=off,guest_tso6=off,guest_ecn=off,guest_ufo=off,host_tso4=off,host_tso6=off,"
           "host_ecn=off,host_ufo=off,ctrl_vq=off,status=off,event_idx=off,indirect_desc=off")
OPTIONS = {
    "default": Option("", accepted=("CSUM", "GUEST_CSUM", "MAC", "GUEST_TSO4", "GUEST_TSO6", "MRG_RXBUF", "STATUS", "CTRL_VQ")),
    "no-mergeable": Option(",mrg_rxbuf=off", refused=("MRG_RXBUF",)),
    "no-mergeable-no-large": Option(",mrg_rxbuf=off,guest_tso4=off,guest_tso6=off,guest_ecn=off,guest_ufo=off", refused=("MRG_RXBUF", "GUEST_TSO4")),
    "no-checksums": Option(",csum=off,guest_csum=off,guest_tso4=off,guest_tso6=off,guest_ecn=off,guest_ufo=off,host_tso4=off,host_tso6=off,"
                           "host_ecn=off,host_ufo=off", refused=("CSUM", "GUEST_CSUM", "GUEST_TSO4")),
    "host-computes-only": Option(",guest_csum=off,guest_tso4=off,guest_tso6=off,guest_ecn=off,guest_ufo=off", accepted=("CSUM",), refused=("GUEST_CSUM",)),
    "no-control": Option(",ctrl_vq=off", refused=("CTRL_VQ",)),
    "no-status": Option(",status=off", refused=("STATUS",)),
    "plain-rings": Option(",event_idx=off,indirect_desc=off", refused=("EVENT_IDX", "INDIRECT_DESC")),
    "packed-plain": Option(",packed=on,event_idx=off,indirect_desc=off", accepted=("RING_PACKED",), refused=("EVENT_IDX",)),
    "packed-no-mergeable": Option(",packed=on,mrg_rxbuf=off", accepted=("RING_PACKED",), refused=("MRG_RXBUF",)),
    "nothing": Option(NOTHING, refused=("MRG_RXBUF", "CSUM", "GUEST_CSUM", "CTRL_VQ", "STATUS")),
    "long-queue": Option(",rx_queue_size=1024"),
    "platform": Option(",iommu_platform=on", accepted=("ACCESS_PLATFORM",)),
    "packed-platform": Option(",iommu_platform=on,packed=on", accepted=("ACCESS_PLATFORM", "RING_PACKED")),
    "speed": Option(",speed=1000,duplex=full"),
    # Offered, and not used.
    "several-queues": Option(",mq=on,rss=on,hash=on", refused=("MQ", "RSS", "HASH_REPORT")),
    "standby": Option(",failover=on", refused=("STANDBY",)),
    "address-for-good": Option(",ctrl_mac_addr=off", accepted=("CTRL_RX",), refused=("CTRL_MAC_ADDR",)),
    "no-filter": Option(",ctrl_rx=off", accepted=("CTRL_VQ",), refused=("CTRL_RX", "CTRL_MAC_ADDR")),
    # The legacy interface: a header of 10 bytes without merged buffers, and of its own without ANY_LAYOUT.
    "legacy-no-mergeable": Option(",mrg_rxbuf=off", refused=("MRG_RXBUF", "VERSION_1"), kind="pci-legacy-only"),
    "legacy-header-apart": Option(",any_layout=off", accepted=("MRG_RXBUF",), refused=("ANY_LAYOUT",), kind="pci-legacy-only"),
    "legacy-no-control": Option(",ctrl_vq=off,status=off", refused=("CTRL_VQ", "STATUS"), kind="pci-legacy-only"),
    "legacy-nothing": Option(NOTHING + ",any_layout=off", refused=("MRG_RXBUF", "CSUM", "GUEST_CSUM", "ANY_LAYOUT"), kind="pci-legacy-only"),
    "mmio-legacy-nothing": Option(NOTHING + ",any_layout=off", refused=("MRG_RXBUF", "CSUM", "ANY_LAYOUT"), kind="mmio-legacy"),
    "mmio-legacy-header-apart": Option(",any_layout=off", refused=("ANY_LAYOUT",), kind="mmio-legacy"),
    "mmio-nothing": Option(NOTHING, refused=("MRG_RXBUF", "CSUM"), kind="mmio-modern"),
    "mmio-packed-no-mergeable": Option(",packed=on,mrg_rxbuf=off", accepted=("RING_PACKED",), refused=("MRG_RXBUF",), kind="mmio-modern"),
}
MMIO = {name: option for name, option in OPTIONS.items() if option.kind.startswith("mmio")}
CASES = [*by_turns({name: option for name, option in OPTIONS.items() if name not in MMIO}),
         *(pytest.param(vm.BOARDS[board], name, id=f"{name}-{board}") for name, board in zip(MMIO, ("qemu_arm64", "qemu_arm") * len(MMIO)))]


@pytest.mark.parametrize("board,name", CASES)
def test_option(board, name, network):  # noqa: F811
    option = OPTIONS[name]
    data = network.file("file", content(3 * MIB + 5))
    network.dnsmasq(root=None)
    network.atftpd()
    network.nginx()
    machine = network.boot(board, nic(option.kind, option.properties))
    machine.dhcp()
    machine.fetch(f"wget {{a}} http://{net.HOST}/file", data)
    machine.fetch(f"tftpboot {{a}} {net.HOST}:file", data)
    machine.succeeds(f"tftpput {machine.address:x} {len(data):x} {net.HOST}:back")
    with open(f"{network.root}/back", "rb") as file:
        assert file.read() == data
    accepted = words_after(machine.command("virtio list"), "accepted")
    assert set(option.accepted) <= set(accepted) and not set(option.refused) & set(accepted), accepted


@pytest.mark.parametrize("name,mtu", [("qemu_arm64", 1200), ("qemu-x86", 9000), ("qemu_arm64", 576)])
def test_mtu(name, mtu, network):  # noqa: F811
    """What the card says of the network's MTU: blocks and segments fit it."""
    # less, and the host drops its IPv6 addresses
    network.namespace.ip("link", "set", net.TAP, "mtu", str(max(mtu, 1280)))
    data = network.file("file", content(200_000))
    network.dnsmasq(root=None)
    network.atftpd()
    network.nginx()
    capture = network.capture()
    machine = network.boot(vm.BOARDS[name], modern(f",host_mtu={mtu}"))
    machine.dhcp()
    machine.fetch(f"tftpboot {{a}} {net.HOST}:file", data)
    machine.fetch(f"wget {{a}} http://{net.HOST}/file", data)
    assert re.search(rf'RRQ "file" octet .*blksize {mtu - 32}\b', capture.text("udp", "tftp"))
    assert re.search(rf"Flags \[S\],.*mss {mtu - 40},", capture.text("tcp"))


def test_an_mtu_that_is_of_no_use(network):  # noqa: F811
    machine = network.boot(vm.BOARDS["qemu_arm64"], modern(",host_mtu=68"))
    assert machine.fails("dhcp") == "DHCP failed: not supported (the card's MTU is too small for DHCP)\n"


# For each MiB: notifications of the device, and frames both ways. Without large receive a MiB is over 1,000
# frames. Where each block waits for its answer, one notification and two frames a block (of 1,468 bytes).
BUDGETS = {"http": (8, 64), "tftp": (24, 900), "lockstep": (740, 1480)}
# Thousands of guest instructions for each MiB, from the moment a frame reaches the stack until the card has
# been served: the answer, the copy, the buffer that goes back. What the machine does while it waits depends
# on the host, and does not count.
WORK = {"qemu_arm64": {"tftp": 1500, "lockstep": 3200}, "qemu-x86": {"tftp": 3000, "lockstep": 4700}}
PATH = ("vireo::net::Interface::received", "vireo::virtio::Session::check_faults")


@pytest.fixture(scope="module")
def plugin(tmp_path_factory):
    return counting.make_plugin(str(tmp_path_factory.mktemp("plugin")))


@pytest.mark.parametrize("properties", ["", ",packed=on"], ids=["split", "packed"])
@pytest.mark.parametrize("name", ["qemu_arm64", "qemu-x86"])
def test_what_a_transfer_costs(name, properties, network, plugin):  # noqa: F811
    """The card gets its buffers back in batches, the host hands over large frames, and a frame's way through the stack is short."""
    sizes = {"http": 16, "tftp": 8, "lockstep": 4}  # MiB
    data = {kind: network.file(kind, content(size * MIB)) for kind, size in sizes.items()}
    network.atftpd()
    network.nginx()
    trace, counter = f"{network.folder}/trace", f"{network.folder}/counter"
    elf = os.path.join(build_folder(vm.BOARDS[name]), "vireo.elf")
    machine = network.boot_bound(vm.BOARDS[name], [*modern(properties), "-trace", "enable=virtio_queue_notify", "-D", trace,
                                                   *counting.arguments(plugin, counter, [counting.address_of(elf, at) for at in PATH])])
    counting.loaded_at(counter, int(re.search(r"relocaddr += (\w+)", machine.command("bdinfo"))[1], 16))
    machine.is_alive()

    def counters():
        with open(trace, encoding="utf-8") as file:
            return file.read().count("virtio_queue_notify"), network.frames(), counting.read_between(counter) / 1000

    for kind, window, line in (("http", 64, f"wget {{a}} http://{net.HOST}/http"), ("tftp", 64, f"tftpboot {{a}} {net.HOST}:tftp"),
                               ("lockstep", 1, f"tftpboot {{a}} {net.HOST}:lockstep")):
        machine.succeeds(f"setenv tftpwindowsize {window}")
        before = counters()
        machine.fetch(line, data[kind])
        cost = [(after - first) / sizes[kind] for first, after in zip(before, counters())]
        assert cost[0] <= BUDGETS[kind][0] and cost[1] <= BUDGETS[kind][1], (kind, cost)
        if work := WORK[name].get(kind):
            # A budget that is far away would notice nothing.
            assert work * 0.8 <= cost[2] <= work, (kind, cost)

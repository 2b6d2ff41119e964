# SPDX-License-Identifier: Apache-2.0
"""A cable that loses, doubles, delays, reorders and damages frames: every transfer ends right. A row of the table names its seed
(`pytest -k` replays it); `VIREO_NET_SEEDS=20` tries that many of each."""

import os

import pytest

import net
import relay
import vm
from networks import MIB, content, modern, network  # noqa: F401 (a fixture)

FAULTS = {
    "loss": relay.Faults(loss=0.02),
    "duplicates": relay.Faults(duplicate=0.1),
    "reordering": relay.Faults(reorder=0.05),
    "damage": relay.Faults(corrupt=0.01),
    "delay": relay.Faults(delay=0.02),
    "all": relay.Faults(loss=0.01, duplicate=0.02, reorder=0.02, corrupt=0.005, delay=0.001),
}
BOARDS = ("qemu_arm64", "qemu-x86", "qemu-riscv32")
SEEDS = int(os.environ.get("VIREO_NET_SEEDS", "1"))
CASES = [pytest.param(vm.BOARDS[BOARDS[(number + seed) % len(BOARDS)]], faults, seed, id=f"{BOARDS[(number + seed) % len(BOARDS)]}-{faults}-{seed}")
         for number, faults in enumerate(FAULTS) for seed in range(SEEDS)]


@pytest.mark.parametrize("board,faults,seed", CASES)
def test_every_transfer_ends_right(board, faults, seed, network):  # noqa: F811
    data = network.file("file", content(MIB // 2 + 77, seed))
    network.dnsmasq(root=None)
    network.atftpd()
    network.nginx()
    cable = network.relay(seed=seed, faults=FAULTS[faults])
    machine = network.boot(board, modern(), back_end=cable.arguments)
    machine.dhcp()
    machine.fetch(f"tftpboot {{a}} {net.HOST}:file", data, timeout=180)
    machine.fetch(f"wget {{a}} http://{net.HOST}/file", data, timeout=180)
    machine.succeeds(f"tftpput {machine.address:x} {len(data):x} {net.HOST}:back", timeout=180)
    with open(f"{network.root}/back", "rb") as file:
        assert file.read() == data
    assert "is alive" in machine.succeeds(f"ping {net.HOST}", timeout=60)
    # The cable did what it should: the test has tested something.
    for kind in ("loss", "duplicate", "reorder", "corrupt"):
        if getattr(FAULTS[faults], kind):
            assert cable.counts[{"loss": "lost", "duplicate": "doubled", "reorder": "held", "corrupt": "corrupted"}[kind]] > 0, cable.counts

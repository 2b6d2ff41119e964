# SPDX-License-Identifier: Apache-2.0
"""Nothing there: no card, no cable, no server, no host, no gateway, no name. One clear line, the prompt is back, the next command works."""

import re
import time

import pytest

import net
import vm
from networks import BOARDS, network, nic  # noqa: F401 (a fixture)


WRONG = {
    "ping 1.2.3": "'1.2.3': not an IP address\n",
    "ping 1.2.3.4.5": "'1.2.3.4.5': not an IP address\n",
    "ping 300.2.3.4": "'300.2.3.4': not an IP address\n",
    "ping ::1": "'::1': an IPv4 address is wanted\n",
    "ping6 1.2.3.4": "'1.2.3.4': an IPv6 address is wanted\n",
    "ping6 fe80:::1": "'fe80:::1': not an IP address\n",
    "dns 1.2.3": "'1.2.3': not an IP address\n",
    "dns a..b": "DNS: invalid argument (not a host name)\n",
    f"dns {'a' * 64}.test": "DNS: invalid argument (not a host name)\n",
    "tftpboot {a} 1.2.3.4.5:x": "'1.2.3.4.5': not an IP address\n",
    "tftpput {a} 1 300.2.3.4:x": "'300.2.3.4': not an IP address\n",
    "wget {a} http://1.2.3/x": "'1.2.3': not an IP address\n",
    "wget {a} http:///x": "wget: invalid argument (no host in the URL)\n",
    "wget {a} http://[::1/x": "wget: invalid argument ('[' without ']')\n",
    "wget {a} ftp://h/x": "wget: not supported (only http:// URLs can be fetched)\n",
    "wget {a} http://h:99999/": "wget: invalid argument (bad port)\n",
}


@pytest.mark.parametrize("name", BOARDS)
def test_nobody_there(name, network):  # noqa: F811
    """No server, no host, no gateway, no name, no port, no settings."""
    machine = network.boot(vm.BOARDS[name])
    address = f"{machine.address:x}"
    assert "*** ERROR: `ipaddr' not set" in machine.fails(f"ping {net.HOST}")
    assert "*** ERROR: `ipaddr' not set" in machine.fails(f"tftpboot {address} {net.HOST}:x")
    started = time.monotonic()
    text = machine.fails("dhcp", timeout=120)
    assert time.monotonic() - started < 100
    assert "BOOTP broadcast 2\n" in text and re.search(r"(?m)^DHCP failed: timed out", text), text
    machine.succeeds("setenv ipaddr 192.168.77.40; setenv netmask 255.255.255.0")
    assert "*** ERROR: `serverip' not set" in machine.fails(f"tftpboot {address} x")
    assert machine.fails("dns a.test") == "*** ERROR: DNS server address not given\n"
    assert "ping failed; host 192.168.77.99 is not alive\n" in machine.fails("ping 192.168.77.99", timeout=60)
    # no gateway
    for line in ("ping 10.9.8.7", f"tftpboot {address} 10.9.8.7:x", f"wget {address} http://10.9.8.7/x"):
        assert machine.fails(line) == "10.9.8.7: not ready (no route to host: not in our network, and no gateway)\n", line
    assert re.search(rf"(?m)^wget: cannot connect to {net.HOST}:81: ", machine.fails(f"wget {address} http://{net.HOST}:81/x"))
    for line, words in WRONG.items():
        assert machine.fails(line.format(a=address)) == words, line
    text = machine.command("setenv ipaddr bogus")
    assert text.startswith('## Error: flags type check failure for "ipaddr" <= "bogus" (type: i)\n'), text
    assert machine.command("printenv ipaddr") == "ipaddr=192.168.77.40\n"
    machine.is_alive()


def test_no_such_gateway(network):  # noqa: F811
    """A gateway that is not there: each command ends by itself, says why, and leaves a network that works."""
    data = network.file("file", b"content")
    network.dnsmasq()
    machine = network.boot_bound(vm.BOARDS["qemu_arm64"])
    address = f"{machine.address:x}"
    machine.succeeds("setenv gatewayip 192.168.77.98")
    for line, words in {
            "ping 10.9.8.7": "ping failed; host 10.9.8.7 is not alive$",
            f"tftpboot {address} 10.9.8.7:x": "TFTP error: the server does not answer$",
            f"wget {address} http://10.9.8.7/x": r"wget: cannot connect to 10\.9\.8\.7: timed out \(",
            "setenv dnsip 10.9.8.7; dns a.test": r"DNS: timed out \(DNS server does not answer\)$",
            f"wget {address} http://b.test/x": r"DNS: timed out \(DNS server does not answer\)$"}.items():
        started = time.monotonic()
        machine.fails_with(line, words, timeout=60)
        assert time.monotonic() - started < 40, line
    machine.fetch(f"tftpboot {{a}} {net.HOST}:file", data)
    machine.is_alive()


@pytest.mark.parametrize("kind", ["pci-modern-only", "pci-legacy-only"])
@pytest.mark.parametrize("name", BOARDS)
def test_no_cable(name, kind, network):  # noqa: F811
    network.dnsmasq()
    machine = network.boot(vm.BOARDS[name], [*nic(kind)[:-1], nic(kind)[-1] + ",id=card"])
    machine.dhcp()
    machine.monitor("set_link", name="card", up=False)
    for line in (f"ping {net.HOST}", "dhcp", f"tftpboot {machine.address:x} {net.HOST}:x"):
        assert re.search(r"(?m)^virtio-net#\d+: not ready \(link is down\)$", machine.fails(line)), line
    assert machine.command("net list").endswith(" link down\n")
    machine.monitor("set_link", name="card", up=True)
    machine.is_alive()
    # The cable goes while a command waits.
    machine.vm.send("ping 192.168.77.99\r")
    machine.vm.expect("Using ")
    machine.monitor("set_link", name="card", up=False)
    text, _ = machine.vm.expect(vm.PROMPT_AT_LINE_START)
    assert "link is down" in text or "is not alive" in text, text
    machine.monitor("set_link", name="card", up=True)
    machine.is_alive()


def test_no_card(board, machines):
    machine = machines.boot(board)
    for line in ("dhcp", "ping 1.2.3.4", "net list"):
        assert "No ethernet found.\n" in machine.command(line)
        assert machine.status() == 1, line

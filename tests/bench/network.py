# SPDX-License-Identifier: Apache-2.0
"""Network figures: DHCP, TFTP and HTTP, over a tap and over QEMU's own network, of Vireo, U-Boot and (on x86_64) iPXE.

The servers are dnsmasq, atftpd and nginx, in a network namespace of the bench's own.
"""

import contextlib
import dataclasses
import os
import statistics
import subprocess
import time
import zlib

import counting
import net
import peers
import vm
import workload as workloads
from console import Console, NoPrompt

MIB = 1 << 20
TFTP_BYTES, HTTP_BYTES = 32 * MIB, 256 * MIB
NETWORKS = ("tap", "user")
# dnsmasq answers on the host's end of the tap; atftpd, which knows RFC 7440, on another
# address of the same host.
WINDOW_HOST = "192.168.77.2"
# Modern, as nothing is lost by it; no option ROM, which would only take time before iPXE starts.
NIC = ",disable-legacy=on,romfile="
IPXE = "/usr/lib/ipxe/ipxe.lkrn"
IPXE_BOARD = "qemu-x86_64"
# Found by trying: from a window of 32 on, U-Boot loses blocks and starts over.
BEST = {"vireo": (1468, 64), "u-boot": (1468, 16)}


class Mismatch(RuntimeError):
    """A contender said or got something else than it should."""


@dataclasses.dataclass(frozen=True)
class Figure:
    name: str
    title: str
    command: str  # {a}: load address, {s}: server, {w}: the server that knows windows
    answer: str
    bytes: int = 0
    file: str = ""
    is_best: bool = False  # with the settings that suit the contender best


FIGURES = (
    Figure("dhcp", "`dhcp`, address bound", "dhcp", "DHCP client bound to address"),
    Figure("tftp", "TFTP of 32 MiB, default settings", "tftpboot {a} {s}:tftp", f"Bytes transferred = {TFTP_BYTES}", TFTP_BYTES, "tftp"),
    Figure("tftp_best", "TFTP of 32 MiB, best settings", "tftpboot {a} {w}:tftp", f"Bytes transferred = {TFTP_BYTES}", TFTP_BYTES, "tftp",
           is_best=True),
    Figure("http", "HTTP of 256 MiB", "wget {a} http://{s}/http", f"Bytes transferred = {HTTP_BYTES}", HTTP_BYTES, "http"),
)

# In iPXE's own language: each file twice, as the host gives the machine its memory at the first touch; a
# mark, which nginx logs with its time, before and after the second.
SCRIPT = """#!ipxe
ifopen net0
set net0/ip {ip}
set net0/netmask 255.255.255.0
imgfetch http://{s}/at/ready || shell
""" + "".join(f"""imgfetch {kind}://{{s}}/{kind} || shell
imgfree
imgfetch http://{{s}}/at/{kind}-begin || shell
imgfetch {kind}://{{s}}/{kind} || shell
imgfetch http://{{s}}/at/{kind}-end || shell
imgfree
""" for kind in ("tftp", "http")) + "shell\n"
MARKS = 'location /at/ { access_log {folder}/marks marks; return 200 x; }'


class Servers:
    """The namespace and its servers."""

    def __init__(self, folder):
        self._stack = contextlib.ExitStack()
        self.folder = os.path.join(folder, "network")
        self.root = os.path.join(self.folder, "root")
        os.makedirs(self.root, exist_ok=True)
        self.crc = {}
        for seed, (name, size) in enumerate((("tftp", TFTP_BYTES), ("http", HTTP_BYTES))):
            path = os.path.join(self.root, name)
            if not os.path.exists(path) or os.path.getsize(path) != size:
                workloads.write_random(path, size, seed=10 + seed)
            self.crc[name] = crc_of(path)
        self.namespace = self._stack.enter_context(net.Namespace())
        self.namespace.add_tap()
        self.namespace.ip("address", "add", f"{WINDOW_HOST}/32", "dev", "lo")
        for name in os.listdir(self.folder):
            if name.endswith(".log") or name == "marks":
                os.remove(os.path.join(self.folder, name))
        self.marks_file = os.path.join(self.folder, "marks")
        start = self._stack.enter_context
        start(peers.Dnsmasq(self.namespace, self.folder, root=self.root, dns=False))
        start(peers.Atftpd(self.namespace, self.folder, self.root, address=WINDOW_HOST, verbose=0))
        start(peers.Nginx(self.namespace, self.folder, self.root, MARKS.replace("{folder}", self.folder),
                          more="log_format marks '$msec $uri';"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._stack.close()

    def arguments(self, network):
        """QEMU's, for one NIC."""
        back_end = net.tap() if network == "tap" else net.user(more=f",tftp={vm.escape(self.root)}")
        return ["-m", "1G", *back_end, *net.nic(properties=NIC)]

    def host(self, network):
        return net.HOST if network == "tap" else "10.0.2.2"

    def marks(self):
        """Marks so far: name -> seconds."""
        if not os.path.exists(self.marks_file):
            return {}
        with open(self.marks_file, encoding="ascii") as file:
            return {line.split()[1].rsplit("/", 1)[1]: float(line.split()[0]) for line in file if line.endswith("\n")}

    def clear_marks(self):
        if os.path.exists(self.marks_file):
            os.truncate(self.marks_file, 0)


def crc_of(path):
    crc = 0
    with open(path, "rb") as file:
        while part := file.read(MIB):
            crc = zlib.crc32(part, crc)
    return f"{crc:08x}"


def measure(name, command, address, servers, network, is_checked=False, plugin=None):
    """One boot of Vireo or U-Boot: figure -> seconds. With a plugin: figure -> (guest instructions, notifications, frames or None)."""
    results = {}
    trace = os.path.join(servers.folder, "trace")
    with contextlib.ExitStack() as stack:
        if plugin:
            if os.path.exists(trace):
                os.remove(trace)
            command = [*command, *counting.arguments(plugin, f"{plugin}.counter"), "-trace", "enable=virtio_queue_notify", "-D", trace]
        console = stack.enter_context(Console(servers.namespace.command(command), counter=f"{plugin}.counter" if plugin else None))
        console.boot()
        console.command("virtio scan")
        console.command("setenv autoload no")
        # the host gives the machine its memory at the first touch
        console.command(f"mw.l {address:x} 0 {HTTP_BYTES // 4:x}")
        for figure in FIGURES:
            if figure.is_best:
                for variable, value in zip(("tftpblocksize", "tftpwindowsize"), BEST[name]):
                    console.command(f"setenv {variable} {value}")
            line = figure.command.format(a=f"{address:x}", s=servers.host(network), w=WINDOW_HOST)
            before = counters(console, trace, servers, network) if plugin else None
            seconds, text = console.command(line, timeout=300)
            if "\nUsage:" in text or "Unknown command" in text:
                continue  # a build without the command
            if figure.answer not in text:
                raise Mismatch(f"{name}, {network}: {line}\n{text[-1500:]}")
            if is_checked and figure.file:
                sum_text = console.command(f"crc32 {address:x} {figure.bytes:x}")[1]
                if servers.crc[figure.file] not in sum_text:
                    raise Mismatch(f"{name}, {network}: {line}: the file has CRC {servers.crc[figure.file]}, not\n{sum_text}")
            after = counters(console, trace, servers, network) if plugin else None
            results[figure.name] = [b and b - a for a, b in zip(before, after)] if plugin else seconds
    return results


def counters(console, trace, servers, network):
    with open(trace, "rb") as file:
        notifications = file.read().count(b"virtio_queue_notify")
    return console.instructions(), notifications, servers.namespace.frames() if network == "tap" else None


def ipxe_command(board, servers, network):
    """iPXE with a script, without a console: what it prints would go through the BIOS."""
    script = os.path.join(servers.folder, f"{network}.ipxe")
    with open(script, "w", encoding="ascii") as file:
        file.write(SCRIPT.format(ip="192.168.77.40" if network == "tap" else "10.0.2.15", s=servers.host(network)))
    return [board.qemu, *board.machine, "-display", "none", "-serial", "null", "-monitor", "none", "-kernel", IPXE, "-initrd", script,
            *servers.arguments(network)]


def measure_ipxe(command, servers, timeout=300):
    """One boot of iPXE: figure -> seconds."""
    servers.clear_marks()
    deadline = time.monotonic() + timeout
    process = subprocess.Popen(servers.namespace.command(command), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        while "http-end" not in servers.marks():
            if process.poll() is not None or time.monotonic() > deadline:
                raise NoPrompt(f"iPXE came no further than {sorted(servers.marks())}")
            time.sleep(0.05)  # nothing tells when a log grows; the times in it are nginx's
    finally:
        process.kill()
        process.wait()
    marks = servers.marks()
    return {kind: marks[f"{kind}-end"] - marks[f"{kind}-begin"] for kind in ("tftp", "http")}


def measure_host(servers):
    """The same file, from the same servers, by a program on the host itself (atftp, over loopback): figure -> seconds. What is left when
    there is no machine."""
    results = {}
    for figure, host, window in (("tftp", net.HOST, []), ("tftp_best", WINDOW_HOST, ["--option", f"windowsize {BEST['vireo'][1]}"])):
        path = os.path.join(servers.folder, "fetched")
        command = ["timeout", "60", "atftp", "--option", f"blksize {BEST['vireo'][0]}", *window, "-g", "-r", "tftp", "-l", path, host]
        began = time.monotonic()
        subprocess.run(servers.namespace.command(command), check=True, stdin=subprocess.DEVNULL, capture_output=True)
        results[figure] = time.monotonic() - began
        if crc_of(path) != servers.crc["tftp"]:
            raise Mismatch(f"atftp from {host} got something else than the file")
        os.remove(path)
    return results


def ratios(results):
    """board -> "figure_network" -> the rival's median over Vireo's; of iPXE "figure_network_ipxe"."""
    median = statistics.median
    found = {}
    for network, boards in results.items():
        for board, figures in boards.items():
            for figure, times in figures.items():
                for rival, suffix in (("u-boot", ""), ("ipxe", "_ipxe")):
                    if {"vireo", rival} <= times.keys():
                        found.setdefault(board, {})[f"{figure}_{network}{suffix}"] = median(times[rival]) / median(times["vireo"])
    return found

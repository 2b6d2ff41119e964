# SPDX-License-Identifier: Apache-2.0
"""The servers of a network of one's own (net.py): dnsmasq, nginx, atftpd, and tcpdump that looks at what passes.

Each runs in the foreground under a time limit, is ready when its constructor returns, and is ended by its process id.
"""

import os
import shutil
import signal
import subprocess
import time

import net

LIFETIME = 1800  # seconds; an end for what outlives a test that was killed
PATIENCE = 30
NEEDED = ("dnsmasq", "nginx", "atftpd", "tcpdump", "ip", "nsenter", "timeout")


def why_none():
    """Which programs are missing, in one line; None if all are there."""
    missing = [name for name in NEEDED if not shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/sbin")]
    return f"not installed: {', '.join(missing)} (tools/setup test)" if missing else None


class Peer:
    """A program in the namespace. `log` is the file with all it said."""

    def __init__(self, namespace, folder, words, name=None):
        name = name or words[0]
        self.namespace = namespace
        self.log = os.path.join(folder, f"{name}.log")
        environment = dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin:/sbin")
        with open(self.log, "ab") as log:
            # timeout makes a process group of its own and passes on the signal that ends it.
            self._process = subprocess.Popen(namespace.command(["timeout", "-k", "2", LIFETIME, *words]), stdout=log, stderr=log,
                                             stdin=subprocess.DEVNULL, env=environment)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self._process.poll() is None:
            self._process.terminate()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def said(self):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return file.read()

    def wait_until(self, is_ready, what):
        """Waits for a condition that has no event; fails at once if the program ended."""
        deadline = time.monotonic() + PATIENCE
        while not is_ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{what}: {self.said()[-2000:]}")
            time.sleep(0.01)

    def wait_port(self, kind, port):
        """Waits until somebody listens at the port; `kind` as in /proc/net: tcp, udp, tcp6, udp6."""
        def is_listening():
            with self.namespace.inside(), open(f"/proc/thread-self/net/{kind}", encoding="ascii") as sockets:
                return any(line.split()[1].endswith(f":{port:04X}") for line in sockets.read().splitlines()[1:])
        self.wait_until(is_listening, f"nobody listens at {kind} port {port}")

    def _group(self, number):
        """Sends a signal to the program behind `timeout`."""
        with open(f"/proc/{self._process.pid}/task/{self._process.pid}/children", encoding="ascii") as children:
            for child in children.read().split():
                os.kill(int(child), number)

    def freeze(self):
        self._group(signal.SIGSTOP)

    def thaw(self):
        self._group(signal.SIGCONT)


class Dnsmasq(Peer):
    """DHCP, DNS, router advertisements and TFTP (blksize and tsize, one block at a time). Its options are its own; `more` adds to them."""

    RANGE = ("192.168.77.50", "192.168.77.99")

    def __init__(self, namespace, folder, root=None, boot=None, more=(), interface=net.TAP, dhcp=True, ra=False, dns=True):
        words = ["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--user=root", "--group=root", "--pid-file", "--no-hosts",
                 "--no-resolv", "--no-poll", "--log-facility=-", "--log-dhcp", "--log-queries", "--bind-interfaces",
                 f"--interface={interface}", "--except-interface=lo", f"--dhcp-leasefile={folder}/leases"]
        if dhcp:
            # --no-ping: it would look for three seconds whether an address is free.
            words += [f"--dhcp-range={','.join(self.RANGE)},1h", "--dhcp-authoritative", "--no-ping",
                      *([f"--dhcp-boot={boot}"] if boot else [])]
        if ra:
            words += ["--enable-ra", f"--dhcp-range={net.HOST6.rsplit('1', 1)[0]},ra-only", f"--dhcp-option=option6:dns-server,[{net.HOST6}]"]
        words += [f"--host-record=server.test,{net.HOST},{net.HOST6}", "--cname=alias.test,server.test",
                  f"--host-record=four.test,{net.HOST}", f"--host-record=six.test,{net.HOST6}", "--local=/test/"] if dns else ["--port=0"]
        words += ["--enable-tftp", f"--tftp-root={root}"] if root else []
        super().__init__(namespace, folder, [*words, *more])
        for is_wanted, port in ((dhcp, 67), (dns, 53), (root, 69)):
            if is_wanted:
                self.wait_port("udp", port)


class Nginx(Peer):
    """HTTP on port 80 and 8080, IPv4 and IPv6, of the files in `root`; `locations` and `more` are
    text in the configuration's own language, for the server and for all."""

    def __init__(self, namespace, folder, root, locations="", more=""):
        config = os.path.join(folder, "nginx.conf")
        with open(config, "w", encoding="ascii") as file:
            file.write(f"""daemon off; master_process off; user root; pid {folder}/nginx.pid; error_log stderr notice;
events {{ worker_connections 64; }}
http {{
    access_log {folder}/access.log; sendfile on; default_type application/octet-stream;
    client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder}; uwsgi_temp_path {folder};
    scgi_temp_path {folder}; {more}
    server {{ listen 80; listen 8080; listen [::]:80; root {root}; {locations} }}
}}
""")
        super().__init__(namespace, folder, ["nginx", "-c", config, "-p", folder])
        self.wait_port("tcp", 80)
        self.wait_port("tcp6", 80)
        self.access = os.path.join(folder, "access.log")


class Atftpd(Peer):
    """TFTP with every option: blksize up to 65464, windowsize, tsize, and writing."""

    def __init__(self, namespace, folder, root, address=net.HOST, verbose=7):
        super().__init__(namespace, folder, ["atftpd", "--daemon", "--no-fork", "--logfile", "-", f"--verbose={verbose}", "--user",
                                             "root.root", "--bind-address", address, root])
        self.wait_port("udp", 69)


class Capture(Peer):
    """What passes the host's end of a tap."""

    def __init__(self, namespace, folder, interface=net.TAP):
        self._file = os.path.join(folder, "capture.pcap")
        super().__init__(namespace, folder, ["tcpdump", "-i", interface, "-n", "-U", "--immediate-mode", "-s", "1600", "-Z", "root",
                                             "-w", self._file], name="tcpdump")
        self.wait_until(lambda: "listening on" in self.said() and os.path.exists(self._file), "tcpdump does not listen")

    def text(self, expression="", kind=None):
        """Ends the capture; what passed, in tcpdump's words. May be called again."""
        self.close()
        return decode(self._file, expression, kind)


def decode(path, expression="", kind=None):
    """A file of frames in tcpdump's words. `kind`: what UDP carries at every port ("tftp")."""
    words = ["tcpdump", "-n", "-e", "-vvv", "-r", path, *(["-T", kind] if kind else []), *([expression] if expression else [])]
    environment = dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin:/sbin")
    return subprocess.run(words, check=True, capture_output=True, text=True, timeout=60, env=environment).stdout

# SPDX-License-Identifier: Apache-2.0
"""The disk that ./run makes when none is given: a small ext4 file system to look around in."""

import os
import subprocess
import tempfile

FILES = {
    "README": "This is the demo disk of Vireo. Try: ls virtio 0 /etc; load virtio 0 $loadaddr README; md.b $loadaddr 40\n",
    "etc/hostname": "vireo\n",
    "etc/motd": "Hello from an ext4 file system.\n",
    ".autorelabel": "",
}
FOLDERS = ("dev", "root", "usr/bin", "usr/lib64", "boot")
LINKS = {"bin": "usr/bin", "lib64": "usr/lib64"}
BYTES = 64 << 20


def make(path):
    """Makes the image unless it is there; its path."""
    if os.path.exists(path):
        return path
    with tempfile.TemporaryDirectory() as root:
        for folder in FOLDERS:
            os.makedirs(os.path.join(root, folder))
        for name, text in FILES.items():
            os.makedirs(os.path.dirname(os.path.join(root, name)), exist_ok=True)
            with open(os.path.join(root, name), "w", encoding="ascii") as file:
                file.write(text)
        for name, target in LINKS.items():
            os.symlink(target, os.path.join(root, name))
        unfinished = path + ".new"
        with open(unfinished, "wb") as image:
            image.truncate(BYTES)
        environment = dict(os.environ, PATH=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
        subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", "-b", "4096", "-L", "demo", "-E", "root_owner=0:0", "-d", root, unfinished],
                       check=True, env=environment, stdin=subprocess.DEVNULL)
        os.replace(unfinished, path)
    return path
